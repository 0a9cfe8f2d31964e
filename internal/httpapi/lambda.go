package httpapi

import (
	"bytes"
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"github.com/parley-chat/parley/internal/chat"
)

// requestKey is the context's key of the gateway's request id.
type requestKey struct{}

// requestID returns the gateway's id of the request, "" outside of Lambda.
func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}

// Function serves events of an HTTP API. It is a lambda.Handler.
type Function func(context.Context, events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error)

// Lambda lets h serve events of an HTTP API, payload format 2.0 (API Gateway Developer Guide, "Create AWS Lambda
// proxy integrations for HTTP APIs"). It never returns an error: the gateway would make it a bare 500.
func Lambda(h http.Handler) Function {
	return func(ctx context.Context, event events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
		var w recorder
		r, err := requestOf(ctx, event)
		if err != nil {
			secure(w.Header())
			writeProblem(&w, problemOf(err))
		} else {
			h.ServeHTTP(&w, r)
		}
		return w.response(), nil
	}
}

// requestOf builds the request that the client had sent.
func requestOf(ctx context.Context, event events.APIGatewayV2HTTPRequest) (*http.Request, error) {
	body := []byte(event.Body)
	if event.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(event.Body); err != nil {
			return nil, chat.Errorf(chat.CodeInvalid, "body: not base64")
		}
	}
	target := &url.URL{Path: event.RawPath, RawQuery: event.RawQueryString}
	// The path of a named stage begins with the stage; that of $default does not.
	if stage := event.RequestContext.Stage; stage != "" && stage != "$default" {
		target.Path = strings.TrimPrefix(target.Path, "/"+stage)
	}
	if !strings.HasPrefix(target.Path, "/") {
		target.Path = "/" + target.Path
	}
	ctx = context.WithValue(ctx, requestKey{}, event.RequestContext.RequestID)
	r, err := http.NewRequestWithContext(ctx, event.RequestContext.HTTP.Method, target.String(), bytes.NewReader(body))
	if err != nil {
		return nil, chat.Errorf(chat.CodeInvalid, "the request line is malformed")
	}
	for name, value := range event.Headers { // the gateway joins repeated headers with commas
		r.Header.Set(name, value)
	}
	r.Host = event.RequestContext.DomainName
	r.RemoteAddr = event.RequestContext.HTTP.SourceIP
	return r, nil
}

// recorder is an http.ResponseWriter that keeps what it is told.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (w *recorder) Header() http.Header {
	if w.header == nil {
		w.header = http.Header{}
	}
	return w.header
}

// WriteHeader implements http.ResponseWriter: the first call counts.
func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

// Write implements http.ResponseWriter.
func (w *recorder) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(p)
}

func (w *recorder) response() events.APIGatewayV2HTTPResponse {
	headers := make(map[string]string, len(w.header))
	for name, values := range w.header {
		headers[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	w.WriteHeader(http.StatusOK)
	return events.APIGatewayV2HTTPResponse{StatusCode: w.status, Headers: headers, Body: w.body.String()}
}
