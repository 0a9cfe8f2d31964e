package gateway

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parley-chat/parley/localstack/seam"
)

const limitExceeded = "LimitExceededException"

// gone is the answer for a connection that is not open, or not yet: its body is empty.
func gone() *seam.PostError {
	return &seam.PostError{Status: http.StatusGone, Type: "GoneException"}
}

// find checks the id and the account's limit and returns the open connection.
func (g *Gateway) find(id string) (*conn, *seam.PostError) {
	if !wellFormedID(id) {
		return nil, &seam.PostError{Status: http.StatusBadRequest, Type: "BadRequestException", Message: "Invalid connectionId: " + id}
	}
	if !g.account.take(g.Now()) {
		return nil, &seam.PostError{Status: http.StatusTooManyRequests, Type: limitExceeded, Message: "Rate exceeded"}
	}
	c := g.lookup(id)
	if c == nil {
		return nil, gone()
	}
	return c, nil
}

// Post sends one text frame to a connection (frames of 32 KB each, if data is longer). It returns nil when
// the gateway has accepted the frame, which says nothing about the client; else a *seam.PostError: 400 for a
// malformed id or for data that is not UTF-8, 413 over 128 KB, 410 when the connection is not open, 429 when
// the account's rate is used up or the client reads too slowly. Frames of sequential posts arrive in order.
func (g *Gateway) Post(_ context.Context, connectionID string, data []byte) error {
	if err := g.post(connectionID, data); err != nil {
		return err
	}
	return nil
}

func (g *Gateway) post(id string, data []byte) *seam.PostError {
	if len(data) > maxMessage {
		return &seam.PostError{Status: http.StatusRequestEntityTooLarge, Type: "PayloadTooLargeException", Message: "Message too long"}
	}
	c, err := g.find(id)
	if err != nil {
		return err
	}
	if g.sw.RefuseInvalidPosts && !utf8.Valid(data) {
		return &seam.PostError{Status: http.StatusBadRequest, Type: "BadRequestException", Message: "The message is not valid UTF-8"}
	}
	return c.deliver(push{kind: "push", operation: "Push"}, data)
}

// Delete closes a connection with 1000 "Connection Closed Normally"; $disconnect follows. Errors are those of
// Post.
func (g *Gateway) Delete(_ context.Context, connectionID string) error {
	if err := g.remove(connectionID); err != nil {
		return err
	}
	return nil
}

func (g *Gateway) remove(id string) *seam.PostError {
	c, err := g.find(id)
	if err != nil {
		return err
	}
	if !c.terminate(ending{code: 1000, reason: "Connection Closed Normally", frame: true}) {
		return gone()
	}
	return nil
}

// ConnectionsHandler serves POST, GET and DELETE on /{stage}/@connections/{id} (or /@connections/{id} behind
// a custom domain). It does not authenticate: that is the front door's.
func (g *Gateway) ConnectionsHandler() http.Handler {
	return http.HandlerFunc(g.serveConnections)
}

func (g *Gateway) serveConnections(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	id, ok := g.connectionPath(r.URL.Path)
	if !ok {
		writeJSON(w, http.StatusForbidden, "ForbiddenException", `{"message":"Forbidden"}`)
		return
	}
	status := http.StatusOK
	var state []byte
	var err *seam.PostError
	switch r.Method {
	case http.MethodPost:
		err = g.postBody(r, id)
	case http.MethodGet:
		state, err = g.describeConnection(id)
	case http.MethodDelete:
		status, err = http.StatusNoContent, g.remove(id)
	default:
		writeJSON(w, http.StatusForbidden, "MissingAuthenticationTokenException", `{"message":"Missing Authentication Token"}`)
		return
	}
	if err != nil {
		status = err.Status
	}
	g.trace(TraceEvent{Kind: "post", ConnectionID: id, Route: r.Method, Status: status, Took: time.Since(start)})
	if err != nil {
		writePostError(w, err)
		return
	}
	writeConnections(w, status, state)
}

// connectionPath takes the id out of a decoded path.
func (g *Gateway) connectionPath(path string) (id string, ok bool) {
	if g.socket == nil {
		return "", false
	}
	if !g.CustomDomain {
		if path, ok = strings.CutPrefix(path, "/"+g.socket.stage); !ok {
			return "", false
		}
	}
	id, ok = strings.CutPrefix(path, "/@connections/")
	return id, ok && id != ""
}

// postBody posts a request's body, whatever its content type: clients receive text frames.
func (g *Gateway) postBody(r *http.Request, id string) *seam.PostError {
	b := g.buffers.take()
	defer g.buffers.give(b)
	if err := readBody(r, b, maxMessage+1); err != nil {
		return &seam.PostError{Status: http.StatusBadRequest, Type: "BadRequestException", Message: "Bad Request"}
	}
	return g.post(id, *b)
}

// readBody reads at most limit bytes of a body into b.
func readBody(r *http.Request, b *[]byte, limit int) error {
	if n := r.ContentLength; n > 0 && n <= int64(limit) && cap(*b) < int(n)+1 {
		*b = make([]byte, 0, n+1)
	}
	for len(*b) < limit {
		if len(*b) == cap(*b) {
			*b = append(*b, 0)[:len(*b)]
		}
		n, err := r.Body.Read((*b)[len(*b):min(cap(*b), limit)])
		*b = (*b)[:len(*b)+n]
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// describeConnection builds the body of GET: camelCase members, milliseconds, pretty-printed as recorded.
func (g *Gateway) describeConnection(id string) ([]byte, *seam.PostError) {
	c, err := g.find(id)
	if err != nil {
		return nil, err
	}
	b := []byte("{\n  \"identity\" : {\n    \"sourceIp\" : ")
	b = appendString(b, c.sourceIP)
	if c.userAgent != "" {
		b = append(b, ",\n    \"userAgent\" : "...)
		b = appendString(b, c.userAgent)
	}
	const layout = "2006-01-02T15:04:05.000Z"
	b = append(b, "\n  },\n  \"connectedAt\" : \""...)
	b = c.connectedAt.UTC().AppendFormat(b, layout)
	b = append(b, "\",\n  \"lastActiveAt\" : \""...)
	b = time.UnixMilli(c.lastActive.Load()).UTC().AppendFormat(b, layout)
	return append(b, "\"\n}"...), nil
}

// writeConnections writes a success: DELETE's 204 has no content type, the 200s do, even without a body.
func writeConnections(w http.ResponseWriter, status int, body []byte) {
	setRequestHeaders(w)
	if status != http.StatusNoContent {
		w.Header()["Content-Type"] = []string{"application/json"}
		w.Header()["Content-Length"] = []string{strconv.Itoa(len(body))}
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// writePostError writes an error: its type is in a header, and GoneException has an empty body.
func writePostError(w http.ResponseWriter, e *seam.PostError) {
	if e.Status == 0 {
		panic(http.ErrAbortHandler) // the answer is to be lost: net/http closes the connection
	}
	setRequestHeaders(w)
	w.Header()["x-amzn-errortype"] = []string{e.Type}
	var body []byte
	if e.Status != http.StatusGone {
		body = append(appendText([]byte(`{"message":`), e.Message), '}')
		w.Header()["Content-Type"] = []string{"application/json"}
	}
	w.Header()["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(e.Status)
	_, _ = w.Write(body)
}

func setRequestHeaders(w http.ResponseWriter) {
	h := w.Header()
	h["x-amzn-requestid"] = []string{newUUID()}
	h["x-amz-apigw-id"] = []string{randomID()}
	h["x-amzn-trace-id"] = []string{newTrace(time.Now())}
}
