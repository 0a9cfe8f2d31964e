package httpapi

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
)

// TestCursors: a cursor is good for the very list that it came from, and forged ones are invalid.
func TestCursors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, c := range []string{"9", "7", "5"} {
		w.directory.open = append(w.directory.open, chat.ConversationID("c_01kaw3v4x0"+strings.Repeat(c, 16)))
	}
	_, token := w.customer()
	_, other := w.customer()
	list := func(token, query string) answer {
		return w.do("GET", "/v1/conversations?"+query, "", "Authorization", token)
	}
	next := decodeAs[ConversationList](t, list(token, "limit=1")).Next
	if next == "" || strings.Contains(next, "c_") {
		t.Fatalf("next %q", next)
	}
	if page := decodeAs[ConversationList](t, list(token, "limit=2&after="+next)); len(page.Conversations) != 2 || page.Next != "" {
		t.Errorf("with another limit: %+v", page)
	}
	forged := func(body string) string { return base64.RawURLEncoding.EncodeToString([]byte(body)) }
	mark := func(keys string) string {
		raw, err := base64.RawURLEncoding.DecodeString(next)
		w.must(err)
		before, _, _ := strings.Cut(string(raw), `"k":`)
		return forged(before + `"k":` + keys + "}")
	}
	w.problem("another user's", list(other, "after="+next), 400, chat.CodeInvalid, "")
	for what, after := range map[string]string{
		"another list's": next + "&status=open", "no base64": "!", "no JSON": forged("x"), "another version": forged(`{"v":2,"l":"x","k":["open","c"]}`),
		"another mark": forged(`{"v":1,"l":"x","k":["open","c"]}`), "too few keys": mark(`["open"]`), "no id": mark(`["open","c_x"]`),
		"another workspace's partition": mark(fmt.Sprintf("[%q,%q]", "open", "w_01kaw3v4x00123456789abcdef#"+string(talk))),
		"too long":                      strings.Repeat("A", maxCursor+1), "a shelf that is none": mark(fmt.Sprintf("[%q,%q]", "waiting", talk)),
	} {
		w.problem(what, list(token, "after="+after), 400, chat.CodeInvalid, "")
	}
}

// FuzzCursor: whatever is sent as a cursor is a page or a problem.
func FuzzCursor(f *testing.F) {
	f.Add("open:c_01kaw3v4x0aaaaaaaaaaaaaaaa")
	f.Add("eyJ2IjoxLCJsIjoieCIsImsiOlsib3BlbiIsImMiXX0")
	f.Fuzz(func(t *testing.T, after string) {
		c := &call{Request: requestFor(t, "/v1/conversations")}
		q := &query{values: map[string][]string{"after": {after}}}
		if keys := c.after(q, 2); keys != nil && (q.err != nil || len(keys) != 2) {
			t.Errorf("%q: %q, %v", after, keys, q.err)
		}
	})
}
