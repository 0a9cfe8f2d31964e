package httpapi

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"
)

// sampleEvents are the texts of the sample events of the HTTP API, and some that no gateway sends.
func sampleEvents(t testing.TB) [][]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "events", "lambda", "http-*.json"))
	if err != nil || len(files) < 15 {
		t.Fatalf("%d sample events, %v", len(files), err)
	}
	texts := [][]byte{[]byte(`{}`), []byte(`{"rawPath":"/\u002f\"x","headers":{"a":"\\"},"body":null,"isBase64Encoded":true,"requestContext":{"http":{}}}`)}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, raw)
	}
	return texts
}

// An event is read as encoding/json reads it, as far as requestOf uses it: the requests are the same.
func TestInvokeReadsEvents(t *testing.T) {
	t.Parallel()
	for _, raw := range sampleEvents(t) {
		var whole events.APIGatewayV2HTTPRequest
		if err := json.Unmarshal(raw, &whole); err != nil {
			t.Fatal(err)
		}
		want := events.APIGatewayV2HTTPRequest{RawPath: whole.RawPath, RawQueryString: whole.RawQueryString, Headers: whole.Headers,
			Body: whole.Body, IsBase64Encoded: whole.IsBase64Encoded}
		want.RequestContext.Stage, want.RequestContext.RequestID = whole.RequestContext.Stage, whole.RequestContext.RequestID
		want.RequestContext.DomainName = whole.RequestContext.DomainName
		want.RequestContext.HTTP.Method, want.RequestContext.HTTP.SourceIP = whole.RequestContext.HTTP.Method, whole.RequestContext.HTTP.SourceIP
		if diff := cmp.Diff(want, decodeEvent(raw)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", raw, diff)
		}
	}
}

// What Lambda is given back is the answer of the function.
func TestInvokeAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := Lambda(w.handler)
	for _, raw := range sampleEvents(t) {
		var event events.APIGatewayV2HTTPRequest
		w.must(json.Unmarshal(raw, &event))
		want, err := f(t.Context(), event)
		w.must(err)
		out, err := f.Invoke(t.Context(), raw)
		w.must(err)
		var got events.APIGatewayV2HTTPResponse
		w.must(json.Unmarshal(out, &got))
		delete(got.Headers, "ratelimit") // one less the second time
		delete(want.Headers, "ratelimit")
		got.Body, want.Body = fresh.ReplaceAllString(got.Body, "FRESH"), fresh.ReplaceAllString(want.Body, "FRESH")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", raw, diff)
		}
	}
	out, err := f.Invoke(t.Context(), []byte(`{"rawPath":`))
	var got events.APIGatewayV2HTTPResponse
	if err != nil || json.Unmarshal(out, &got) != nil || got.StatusCode != http.StatusNotFound {
		t.Errorf("a torn event: %s, %v", out, err)
	}
}
