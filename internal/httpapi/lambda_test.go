package httpapi

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/chat"
)

var update = flag.Bool("update", false, "rewrite the golden answers")

// fresh matches what is new in every answer: ids and secrets.
var fresh = regexp.MustCompile(`(pst_|ptk_)[A-Za-z0-9_-]{80,}|\b[us]_[0-9a-hjkmnp-tv-z]{26}`)

// TestReplay sends the sample events through the adapter and compares whole answers.
func TestReplay(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("..", "..", "events", "lambda", "http-*.json"))
	if err != nil || len(files) < 15 {
		t.Fatalf("%d sample events, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			t.Parallel()
			replay(t, file)
		})
	}
}

func replay(t *testing.T, file string) {
	w := newWorld(t)
	s, authorization := w.customer()
	w.takesPart(s.User, chat.RoleCustomer)
	w.directory.open = []chat.ConversationID{talk}
	raw, err := os.ReadFile(file)
	w.must(err)
	var event events.APIGatewayV2HTTPRequest
	w.must(json.Unmarshal(bytes.ReplaceAll(raw, []byte("Bearer SESSION_TOKEN"), []byte(authorization)), &event))
	response, err := Lambda(w.handler)(t.Context(), event)
	w.must(err)
	golden(t, strings.TrimSuffix(filepath.Base(file), ".json"), response)
	if response.StatusCode < 400 && response.StatusCode != http.StatusNoContent && !json.Valid([]byte(response.Body)) {
		t.Errorf("body %q", response.Body)
	}
}

func golden(t *testing.T, name string, response events.APIGatewayV2HTTPResponse) {
	t.Helper()
	response.Body = fresh.ReplaceAllString(response.Body, "FRESH")
	var got bytes.Buffer
	encoder := json.NewEncoder(&got)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(response); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", name+".golden.json")
	if *update {
		if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLambdaRefusesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	handle := Lambda(w.handler)
	for name, event := range map[string]events.APIGatewayV2HTTPRequest{
		"base64": {RawPath: "/v1/health", Body: "%", IsBase64Encoded: true},
		"method": {RawPath: "/v1/health", RequestContext: request("GET\r\nX: y")},
	} {
		response, err := handle(t.Context(), event)
		if err != nil || response.StatusCode != http.StatusBadRequest || response.Headers["content-type"] != "application/problem+json" || response.Headers["cache-control"] != "no-store" {
			t.Errorf("%s: %+v, %v", name, response, err)
		}
	}
	empty, err := handle(t.Context(), events.APIGatewayV2HTTPRequest{})
	if err != nil || empty.StatusCode != http.StatusNotFound {
		t.Errorf("empty event: %+v, %v", empty, err)
	}
}

func request(method string) (c events.APIGatewayV2HTTPRequestContext) {
	c.HTTP.Method = method
	return c
}

// The address that is throttled is the gateway's word, not a header that the caller can write.
func TestSourceIsNotForwardedFor(t *testing.T) {
	t.Parallel()
	event := events.APIGatewayV2HTTPRequest{RawPath: "/", Headers: map[string]string{"x-forwarded-for": "203.0.113.9"}, RequestContext: request("GET")}
	for _, ip := range []string{"192.0.2.1", "2001:db8::1"} {
		event.RequestContext.HTTP.SourceIP = ip
		r, err := requestOf(t.Context(), event)
		if err != nil || source(r) != ip {
			t.Errorf("source %q, %v", source(r), err)
		}
	}
}

func FuzzLambda(f *testing.F) {
	f.Add("GET", "/v1/health", "deep=1", "", "")
	f.Add("POST", "/v1/customer-sessions", "", `{"widgetKey":"wk_one"}`, "Bearer x")
	f.Add("GET", "/v1/conversations/c_01kaw3v4x0aaaaaaaaaaaaaaaa/events", "after=1&limit=%00", "", "Bearer pst_")
	f.Fuzz(func(t *testing.T, method, path, query, body, authorization string) {
		w := newWorld(t)
		event := events.APIGatewayV2HTTPRequest{
			RawPath: path, RawQueryString: query, Body: body, RequestContext: request(method),
			Headers: map[string]string{"authorization": authorization, "content-type": "application/json"},
		}
		response, err := Lambda(w.handler)(t.Context(), event)
		if err != nil || response.StatusCode < 200 || response.StatusCode == http.StatusInternalServerError {
			t.Errorf("%d %s, %v", response.StatusCode, response.Body, err)
		}
	})
}
