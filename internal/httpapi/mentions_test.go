package httpapi

import (
	"net/http"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

func TestMentions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, token := w.operator()
	get := func(query string, headers ...string) answer {
		return w.do("GET", "/v1/me/mentions"+query, "", append([]string{"Authorization", token}, headers...)...)
	}
	if list := decodeAs[MentionList](t, get("")); list.Mentions == nil || len(list.Mentions) > 0 || list.Next != "" {
		t.Errorf("%+v", list)
	}
	for i := range 5 {
		w.must(w.mentions.PutMention(t.Context(), workspaceOne, chat.Mention{User: p.User, Conversation: talk, Seq: uint64(i + 1), By: "u_alan", At: w.now.Add(time.Duration(i/2) * time.Second)}))
	}
	w.must(w.mentions.PutMention(t.Context(), workspaceOne, chat.Mention{User: "u_alan", Conversation: talk, Seq: 9, By: p.User, At: w.now}))
	w.must(w.mentions.PutMention(t.Context(), "w_two", chat.Mention{User: p.User, Conversation: talk, Seq: 9, By: "u_alan", At: w.now}))
	seq, pages, query := uint64(5), 0, "?limit=2"
	for query != "" {
		list := decodeAs[MentionList](t, get(query))
		for _, m := range list.Mentions {
			if want := (Mention{Conversation: talk, Seq: seq, By: "u_alan", At: w.now.Add(time.Duration((seq-1)/2) * time.Second).UnixMilli()}); m != want {
				t.Errorf("%+v, want %+v", m, want)
			}
			seq--
		}
		pages++
		if query = ""; list.Next != "" {
			query = "?limit=2&after=" + list.Next
		}
	}
	if seq != 0 || pages != 3 {
		t.Errorf("%d pages, %d mentions left", pages, seq)
	}
	first := get("")
	if same := get("", "If-None-Match", first.Header.Get("ETag")); same.StatusCode != http.StatusNotModified {
		t.Errorf("nothing has changed, and the answer is %d", same.StatusCode)
	}
	other := decodeAs[MentionList](t, get("?limit=2")).Next
	for _, bad := range []string{"?limit=0", "?limit=101", "?after=x", "?user=u_alan", "?limit=2&after=" + other[1:]} {
		w.problem(bad, get(bad), 400, chat.CodeInvalid, "")
	}
	_, customer := w.customer()
	w.problem("a customer's", w.do("GET", "/v1/me/mentions", "", "Authorization", customer), 403, chat.CodeForbidden, "")
}
