package httpapi

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
)

func requestFor(t testing.TB, target string) *http.Request {
	t.Helper()
	return httptest.NewRequestWithContext(t.Context(), "GET", target, nil)
}

func TestPolledListsHaveETags(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.directory.open = []chat.ConversationID{talk}
	_, token := w.customer()
	ask := func(known string) answer {
		headers := []string{"Authorization", token}
		if known != "" {
			headers = append(headers, "If-None-Match", known)
		}
		return w.do("GET", "/v1/conversations", "", headers...)
	}
	first := ask("")
	tag := first.Header.Get("ETag")
	if first.StatusCode != http.StatusOK || len(tag) < 10 || tag[:3] != `W/"` {
		t.Fatalf("%d, ETag %q", first.StatusCode, tag)
	}
	for _, known := range []string{tag, tag[2:], `"x", ` + tag, "*"} {
		a := ask(known)
		if a.StatusCode != http.StatusNotModified || len(a.body) > 0 || a.Header.Get("ETag") != tag || a.Header.Get("Content-Type") != "" {
			t.Errorf("%s: %d %q %s", known, a.StatusCode, a.Header.Get("ETag"), a.body)
		}
	}
	if a := ask(`"x"`); a.StatusCode != http.StatusOK || string(a.body) != string(first.body) {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	w.directory.closed = []chat.ConversationID{talk}
	if a := ask(tag); a.StatusCode != http.StatusOK || a.Header.Get("ETag") == tag {
		t.Errorf("after a change: %d %q", a.StatusCode, a.Header.Get("ETag"))
	}
	if a := w.do("GET", "/v1/sessions/current", "", "Authorization", token, "If-None-Match", "*"); a.StatusCode != http.StatusOK || a.Header.Get("ETag") != "" {
		t.Errorf("not polled: %d", a.StatusCode)
	}
}

func TestIfMatch(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]struct {
		expected      uint64
		found, refuse bool
		needs         int
	}{
		"":       {needs: http.StatusPreconditionRequired},
		"*":      {},
		`"v7"`:   {expected: 7, found: true},
		` "v0" `: {found: true},
		`W/"v7"`: {refuse: true, needs: http.StatusPreconditionFailed}, `"7"`: {refuse: true, needs: http.StatusPreconditionFailed},
		`"v7`: {refuse: true, needs: http.StatusPreconditionFailed}, `"v-1"`: {refuse: true, needs: http.StatusPreconditionFailed},
		`"v1", "v2"`: {refuse: true, needs: http.StatusPreconditionFailed},
	} {
		c := &call{Request: requestFor(t, "/"), answer: http.Header{}}
		c.Header.Set("If-Match", header)
		v, err := c.expected()
		if (err != nil) != want.refuse || (v != nil) != want.found || v != nil && *v != want.expected {
			t.Errorf("%q: %v, %v", header, v, err)
		}
		version, found, err := c.needVersion()
		status := 0
		if err != nil {
			status = problemOf(err).Status
		}
		if status != want.needs || found != want.found || version != want.expected {
			t.Errorf("%q: needs %d %v, %v", header, version, found, err)
		}
	}
	c := &call{Request: requestFor(t, "/"), answer: http.Header{}}
	c.setVersion(7)
	c.Header.Set("If-Match", c.answer.Get("ETag"))
	if v, err := c.expected(); err != nil || v == nil || *v != 7 {
		t.Errorf("its own tag: %v, %v", v, err)
	}
}

// A thing with a version answers 304 to its own tag, polled or not.
func TestVersionedReads(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, token := w.operator()
	handler := w.api.handler([]route{{pattern: "GET /thing", serve: func(_ *API, c *call) (int, any, error) {
		c.setVersion(3)
		return http.StatusOK, Health{Status: "ok"}, nil
	}}})
	for known, want := range map[string]int{`"v2"`: 200, `"v3"`: 304} {
		r := requestFor(t, "/thing")
		r.Header.Set("Authorization", token)
		r.Header.Set("If-None-Match", known)
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, r)
		if recorder.Code != want || recorder.Header().Get("ETag") != `"v3"` {
			t.Errorf("%s: %d %q", known, recorder.Code, recorder.Header().Get("ETag"))
		}
	}
}
