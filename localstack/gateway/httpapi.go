package gateway

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"time"

	"github.com/parley-chat/parley/localstack/seam"
)

// Limits of HTTP APIs and of synchronous invocation (API Gateway quotas for HTTP APIs, Lambda quotas).
const (
	maxHTTPBody    = 10 << 20 // request and response
	maxInvokeBytes = 6 << 20  // event, and the function's answer
)

// Bodies of the gateway's own answers.
const (
	notFoundBody      = `{"message":"Not Found"}`
	serverErrorBody   = `{"message":"Internal Server Error"}`
	unavailableBody   = `{"message":"Service Unavailable"}`
	entityTooLarge    = `{"message":"Request Entity Too Large"}`
	tooManyBody       = `{"message":"Too Many Requests"}`
	contentTypeHeader = "Content-Type"
)

// HTTPHandler serves the HTTP API.
func (g *Gateway) HTTPHandler() http.Handler {
	return http.HandlerFunc(g.serveHTTP)
}

// httpAnswer is what goes back to the client, from the function or from the gateway itself.
type httpAnswer struct {
	status int
	header http.Header
	body   []byte
	route  string
	in     int // bytes of the request's body
}

func own(status int, body string) httpAnswer {
	return httpAnswer{status: status, header: http.Header{contentTypeHeader: {"application/json"}}, body: []byte(body)}
}

// ownBody is the gateway's own document for a status of failure.
func ownBody(status int) string {
	switch status {
	case http.StatusServiceUnavailable:
		return unavailableBody
	case http.StatusTooManyRequests:
		return tooManyBody
	}
	return serverErrorBody
}

func (g *Gateway) serveHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	if g.http != nil && g.http.cors != nil && preflight(r) {
		answerPreflight(w, r, g.http.cors)
		g.Meter.HTTPRequest("OPTIONS", 0, 0)
		return
	}
	requestID := g.NewID()
	a := g.answerHTTP(r, requestID)
	h := w.Header()
	for name, values := range a.header {
		h[name] = values
	}
	if g.http != nil && g.http.cors != nil {
		setCORS(h, r, g.http.cors)
	}
	h["apigw-requestid"] = []string{requestID}
	h["Content-Length"] = []string{strconv.Itoa(len(a.body))}
	if a.status == http.StatusNoContent || a.status == http.StatusNotModified {
		delete(h, "Content-Length")
		a.body = nil
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body)
	g.Meter.HTTPRequest(a.route, a.in, len(a.body))
	g.trace(TraceEvent{Kind: "http", RequestID: requestID, Route: a.route, Status: a.status, Payload: a.body, Took: time.Since(start)})
}

// answerHTTP finds the route of a request and runs its function.
func (g *Gateway) answerHTTP(r *http.Request, requestID string) httpAnswer {
	if !g.begin() {
		return own(http.StatusServiceUnavailable, unavailableBody)
	}
	defer g.work.Done()
	q := &httpRequest{r: r, path: r.URL.Path, requestID: requestID, trace: r.Header.Get("X-Amzn-Trace-Id"), at: g.Now()}
	if q.trace == "" {
		q.trace = newTrace(q.at)
	}
	if !g.routeHTTP(q) {
		return own(http.StatusNotFound, notFoundBody)
	}
	if !g.account.take(q.at) {
		return own(http.StatusTooManyRequests, tooManyBody)
	}
	if r.ContentLength > maxHTTPBody || readBody(r, &q.body, maxHTTPBody+1) != nil || len(q.body) > maxHTTPBody {
		a := own(http.StatusRequestEntityTooLarge, entityTooLarge)
		a.route = q.route.key
		return a
	}
	a := g.runHTTP(q)
	a.route, a.in = q.route.key, len(q.body)
	return a
}

func (g *Gateway) routeHTTP(q *httpRequest) bool {
	if g.http == nil {
		return false
	}
	path, ok := g.http.stagePath(q.path)
	if !ok {
		return false
	}
	q.route, q.params = g.http.find(q.r.Method, path)
	return q.route != nil
}

func (g *Gateway) runHTTP(q *httpRequest) httpAnswer {
	event := q.event(g.http, g.Account, sortedFields(g.StageVariables))
	if len(event) > maxInvokeBytes {
		return own(http.StatusInternalServerError, serverErrorBody)
	}
	res, how := g.invoke(q.route.function, event, q.trace, q.route.timeout)
	switch how {
	case timedOut:
		return own(http.StatusServiceUnavailable, unavailableBody)
	case throttled:
		return own(g.sw.ThrottledHTTPStatus, ownBody(g.sw.ThrottledHTTPStatus))
	case notStarted:
		return own(g.sw.StartFailureStatus, serverErrorBody)
	case failed:
		return own(http.StatusInternalServerError, serverErrorBody)
	case answered:
	}
	return httpResponse(res)
}

// httpResponse reads a function's answer in format 2.0: an object with a statusCode is structured; any other
// JSON becomes the body of a 200, a string without its quotes.
func httpResponse(res seam.InvokeResult) httpAnswer {
	if len(res.Payload) > maxInvokeBytes {
		return own(http.StatusInternalServerError, serverErrorBody)
	}
	_, structured, valid := jsonFind(res.Payload, []step{{name: "statusCode"}})
	switch {
	case !valid:
		return own(http.StatusInternalServerError, serverErrorBody)
	case structured:
		return structuredResponse(res.Payload)
	}
	var text string
	if json.Unmarshal(res.Payload, &text) == nil && string(res.Payload) != "null" {
		return own(http.StatusOK, text)
	}
	return own(http.StatusOK, string(res.Payload))
}

// structuredResponse turns statusCode, headers, cookies, body and isBase64Encoded into an answer.
// Format 2.0 has no multiValueHeaders.
func structuredResponse(payload []byte) httpAnswer {
	p, ok := parseProxyAnswer(payload)
	if !ok {
		return own(http.StatusInternalServerError, serverErrorBody)
	}
	a := httpAnswer{status: p.status, header: http.Header{}, body: []byte(p.body)}
	if p.base64 {
		raw, err := base64.StdEncoding.DecodeString(p.body)
		if err != nil {
			return own(http.StatusInternalServerError, serverErrorBody)
		}
		a.body = raw
	}
	for name, value := range p.headers {
		a.header.Set(name, headerToken(value))
	}
	for _, cookie := range p.cookies {
		a.header.Add("Set-Cookie", headerToken(cookie))
	}
	dropConnectionHeaders(a.header)
	// Without a content type of the function's, HTTP APIs say text/plain.
	if a.header.Get(contentTypeHeader) == "" && len(a.body) > 0 {
		a.header.Set(contentTypeHeader, "text/plain; charset=utf-8")
	}
	return a
}

// dropConnectionHeaders removes what concerns one hop, which the gateway sets itself, and names that are none.
func dropConnectionHeaders(h http.Header) {
	for name := range h {
		switch textproto.CanonicalMIMEHeaderKey(name) {
		case "Connection", "Content-Length", "Transfer-Encoding", "Keep-Alive", "Upgrade", "Trailer":
			delete(h, name)
		}
		if strings.ContainsAny(name, " \r\n:") {
			delete(h, name)
		}
	}
}
