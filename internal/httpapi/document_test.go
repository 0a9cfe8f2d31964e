package httpapi

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
)

// TestServedDocuments: what is served is about this very API, and takes nothing from elsewhere.
func TestServedDocuments(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var doc struct {
		OpenAPI string
		Paths   map[string]map[string]any
	}
	a := w.do("GET", "/v1/openapi.json", "")
	if err := json.Unmarshal(a.body, &doc); err != nil || !strings.HasPrefix(doc.OpenAPI, "3.1.") {
		t.Fatalf("%v, OpenAPI %q", err, doc.OpenAPI)
	}
	page, errorPage := string(w.do("GET", "/v1/docs", "").body), string(w.do("GET", "/v1/docs/errors", "").body)
	for _, op := range Operations() {
		if doc.Paths[op.Path][strings.ToLower(op.Method)] == nil {
			t.Errorf("openapi.json lacks %s %s; make contract", op.Method, op.Path)
		}
		if !strings.Contains(page, `id="op-`+op.Name+`"`) {
			t.Errorf("the page lacks %s", op.Name)
		}
	}
	for _, code := range chat.Codes() {
		if !strings.Contains(errorPage, `id="`+string(code)+`"`) {
			t.Errorf("the page of errors lacks %s, which problems point to", code)
		}
	}
	foreign := regexp.MustCompile(`(?i)<(script|link|img|iframe|object|base)\b|@import|url\(|\bon\w+=|\bstyle=`)
	for _, p := range []string{page, errorPage} {
		if found := foreign.FindString(p); found != "" {
			t.Errorf("a page has %q", found)
		}
	}
}

func TestServedPagesAreCacheableAndLocked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{"/v1/docs", "/v1/docs/errors", "/v1/openapi.json"} {
		a := w.do("GET", path, "")
		if a.Header.Get("Cache-Control") != "public, max-age=300" || a.Header.Get("ETag") == "" {
			t.Errorf("%s: %v", path, a.Header)
		}
		policy := a.Header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") ||
			strings.Contains(policy, "unsafe") || path != "/v1/openapi.json" && !strings.Contains(policy, "style-src 'sha256-") {
			t.Errorf("%s: %s", path, policy)
		}
		if b := w.do("GET", path, "", "If-None-Match", a.Header.Get("ETag")); b.StatusCode != http.StatusNotModified {
			t.Errorf("%s: %d", path, b.StatusCode)
		}
	}
}
