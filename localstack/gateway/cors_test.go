package gateway

import (
	"net/http"
	"testing"
	"time"

	"github.com/parley-chat/parley/localstack/template"
)

func TestCORS(t *testing.T) {
	t.Parallel()
	s := startHTTP(t, func(o *Options, f *fakeInvoker) {
		o.HTTP.CORS = &template.CORS{
			Origins: []string{"https://app.example.com", "http://*"}, Methods: []string{"GET", "POST"}, Headers: []string{"content-type", "authorization"},
			Expose: []string{"x-total"}, Credentials: true, MaxAge: 10 * time.Minute,
		}
		f.fns["Api"] = answer(`{"statusCode":200,"headers":{"Access-Control-Allow-Origin":"https://evil.example"},"body":"x"}`)
	})
	preflightOf := func(origin, method string) http.Header {
		resp, body := s.do("OPTIONS", "/v1/pets/1", "", "Origin: "+origin, "Access-Control-Request-Method: "+method)
		if resp.StatusCode != http.StatusNoContent || body != "" {
			t.Errorf("preflight: %d %q", resp.StatusCode, body)
		}
		return resp.Header
	}
	h := preflightOf("https://app.example.com", "POST")
	for name, want := range map[string]string{
		"Access-Control-Allow-Origin": "https://app.example.com", "Access-Control-Allow-Methods": "GET,POST",
		"Access-Control-Allow-Headers": "content-type,authorization", "Access-Control-Max-Age": "600",
		"Access-Control-Allow-Credentials": "true",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for _, refused := range [][2]string{{"https://evil.example", "GET"}, {"https://app.example.com", "DELETE"}} {
		if got := preflightOf(refused[0], refused[1]).Get("Access-Control-Allow-Origin"); got != "" {
			t.Errorf("%v allowed: %q", refused, got)
		}
	}
	if n := len(s.fns.eventsOf("Api")); n != 0 {
		t.Errorf("preflights reached the function %d times", n)
	}
	for origin, want := range map[string]string{"https://app.example.com": "https://app.example.com", "http://localhost:5173": "http://localhost:5173", "https://evil.example": ""} {
		resp, _ := s.do("GET", "/v1/pets/1", "", "Origin: "+origin)
		if got := resp.Header.Get("Access-Control-Allow-Origin"); got != want {
			t.Errorf("%s: allowed %q, want %q", origin, got, want)
		}
		if got := resp.Header.Get("Access-Control-Expose-Headers"); (got == "x-total") != (want != "") {
			t.Errorf("%s: exposed %q", origin, got)
		}
	}
	if resp, _ := s.do("GET", "/v1/pets/1", ""); resp.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("CORS headers without an origin; the function's own must be ignored")
	}
	any := &template.CORS{Origins: []string{"*"}}
	if got := allowedOrigin(any, "https://x.example"); got != "*" {
		t.Errorf("any origin: %q", got)
	}
}

// Without CORS configuration the function answers OPTIONS and its headers pass.
func TestHTTPWithoutCORS(t *testing.T) {
	t.Parallel()
	s := startHTTP(t, func(_ *Options, f *fakeInvoker) {
		f.fns["Api"] = answer(`{"statusCode":200,"headers":{"access-control-allow-origin":"*"}}`)
	})
	resp, _ := s.do("OPTIONS", "/v1/x", "", "Origin: https://a.example", "Access-Control-Request-Method: GET")
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Access-Control-Allow-Origin") != "*" || len(s.fns.eventsOf("Api")) != 1 {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
}
