package gateway

import (
	"encoding/base64"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// httpRequest is one request on its way to a function.
type httpRequest struct {
	r         *http.Request
	route     *httpRoute
	params    []field
	path      string // decoded, with the stage: what rawPath is on HTTP APIs
	requestID string
	trace     string
	at        time.Time
	body      []byte
}

// event builds payload format 2.0 (developer guide, http-api-develop-integrations-lambda). Members without
// content are absent: cookies, queryStringParameters, pathParameters, stageVariables, body.
func (q *httpRequest) event(a *httpAPI, account string, stageVariables []field) []byte {
	b := make([]byte, 0, 2048+len(q.body)*4/3)
	b = append(b, `{"version":"2.0","routeKey":`...)
	b = appendString(b, q.route.key)
	b = append(b, `,"rawPath":`...)
	b = appendText(b, q.path)
	b = append(b, `,"rawQueryString":`...)
	b = appendText(b, q.r.URL.RawQuery)
	b = q.appendCookies(b)
	b = append(b, `,"headers":`...)
	b = appendFields(b, q.headers())
	b = appendOptional(b, "queryStringParameters", queryFields(q.r.URL.RawQuery))
	b = q.appendContext(b, a, account)
	b = appendOptional(b, "pathParameters", q.params)
	b = appendOptional(b, "stageVariables", stageVariables)
	return append(q.appendBody(b), '}')
}

func appendOptional(b []byte, name string, fields []field) []byte {
	if len(fields) == 0 {
		return b
	}
	b = append(b, ',')
	b = appendString(b, name)
	b = append(b, ':')
	return appendFields(b, fields)
}

// appendCookies appends the cookies as a list; they are not among the headers.
func (q *httpRequest) appendCookies(b []byte) []byte {
	open := false
	for _, line := range q.r.Header["Cookie"] {
		for cookie := range strings.SplitSeq(line, ";") {
			if cookie = strings.TrimSpace(cookie); cookie == "" {
				continue
			}
			if open {
				b = append(b, ',')
			} else {
				b = append(b, `,"cookies":[`...)
				open = true
			}
			b = appendText(b, cookie)
		}
	}
	if open {
		b = append(b, ']')
	}
	return b
}

// headers lists the request's headers in lower case, repeated ones joined with commas, with those that the
// gateway adds.
func (q *httpRequest) headers() []field {
	fields := make([]field, 0, len(q.r.Header)+6)
	for name, values := range q.r.Header {
		switch name {
		case "Cookie", "Connection", "Upgrade", "Transfer-Encoding", "X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto", "X-Amzn-Trace-Id", "Content-Length":
			continue
		}
		fields = append(fields, field{strings.ToLower(name), []string{strings.Join(values, ",")}})
	}
	fields = append(fields,
		field{"content-length", []string{strconv.Itoa(len(q.body))}},
		field{"host", []string{q.r.Host}},
		field{"x-amzn-trace-id", []string{q.trace}},
		field{"x-forwarded-for", []string{forwardedFor(q.r, sourceIP(q.r))}},
		field{"x-forwarded-port", []string{"443"}},
		field{"x-forwarded-proto", []string{"https"}},
	)
	sortFields(fields)
	return fields
}

// queryFields decodes a query string; repeated parameters are joined with commas in the order given.
func queryFields(raw string) []field {
	if raw == "" {
		return nil
	}
	values, _ := url.ParseQuery(raw) // what cannot be decoded is left out
	fields := make([]field, 0, len(values))
	for name, v := range values {
		fields = append(fields, field{name, []string{strings.Join(v, ",")}})
	}
	sortFields(fields)
	return fields
}

func (q *httpRequest) appendContext(b []byte, a *httpAPI, account string) []byte {
	b = append(b, `,"requestContext":{"accountId":`...)
	b = appendString(b, account)
	b = append(b, `,"apiId":`...)
	b = appendString(b, a.id)
	b = append(b, `,"domainName":`...)
	b = appendText(b, q.r.Host)
	prefix, _, _ := strings.Cut(q.r.Host, ".")
	b = append(b, `,"domainPrefix":`...)
	b = appendText(b, prefix)
	b = append(b, `,"http":{"method":`...)
	b = appendText(b, q.r.Method)
	b = append(b, `,"path":`...)
	b = appendText(b, q.path)
	b = append(b, `,"protocol":`...)
	b = appendString(b, q.r.Proto)
	b = append(b, `,"sourceIp":`...)
	b = appendString(b, sourceIP(q.r))
	b = append(b, `,"userAgent":`...)
	b = appendText(b, q.r.UserAgent())
	b = append(b, `},"requestId":`...)
	b = appendString(b, q.requestID)
	b = append(b, `,"routeKey":`...)
	b = appendString(b, q.route.key)
	b = append(b, `,"stage":`...)
	b = appendString(b, a.stage)
	b = append(b, `,"time":`...)
	b = appendTime(b, q.at)
	b = append(b, `,"timeEpoch":`...)
	b = strconv.AppendInt(b, q.at.UnixMilli(), 10)
	return append(b, '}')
}

// appendBody appends the body, in base64 unless its content type says text.
func (q *httpRequest) appendBody(b []byte) []byte {
	if len(q.body) == 0 {
		return append(b, `,"isBase64Encoded":false`...)
	}
	b = append(b, `,"body":`...)
	if isText(q.r.Header.Get("Content-Type")) && utf8.Valid(q.body) {
		b = appendString(b, q.body)
		return append(b, `,"isBase64Encoded":false`...)
	}
	b = append(b, '"')
	b = base64.StdEncoding.AppendEncode(b, q.body)
	return append(b, `","isBase64Encoded":true`...)
}

// isText reports whether the service hands a body of this type on as it is. Everything else is base64, HTML
// forms and bodies without a type among them (AWS Compute Blog, "Handling binary data using Amazon API
// Gateway HTTP APIs": encoding is inferred from the content type).
func isText(contentType string) bool {
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	switch kind {
	case "application/json", "application/javascript", "application/xml":
		return true
	}
	return strings.HasPrefix(kind, "text/") || strings.HasSuffix(kind, "+json") || strings.HasSuffix(kind, "+xml")
}
