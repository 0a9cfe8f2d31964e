package e2e

import (
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/client"
	"github.com/parley-chat/parley/internal/httpapi"
)

// TestMentions: whoever is mentioned hears of it at once if their desk is open, though the conversation is not theirs;
// and finds it in their list, open desk or not. A customer learns nothing.
func TestMentions(t *testing.T) {
	t.Parallel()
	ws := seed(t, 3)
	var told atomic.Value
	watching := fast()
	watching.OnNotice = func(n client.Notice) {
		if n.Kind == client.Mentioned {
			told.Store(n.Conversation)
		}
	}
	ada, alan, c := operator(t, ws, 0, fast()), operator(t, ws, 1, watching), customer(t, ws, fast())
	id, err := c.Start(within(t), "I want my money back")
	must(t, err)
	must(t, ada.Take(within(t), id))
	grace := ws.Operators[2] // at home
	ada.Do(func(m *client.Machine) { _, err = m.Mention(id, "what do we do?", ws.Operators[1].User, grace.User) })
	must(t, err)
	must(t, ada.Acked(within(t)))
	eventually(t, "the colleague's desk is told", func() bool { return told.Load() == id })
	s, err := suite.API(ws).SignIn(within(t), grace.Email, grace.Password)
	must(t, err)
	for _, token := range []string{alan.Session.Token, s.Token} {
		var list httpapi.MentionList
		eventually(t, "the list holds it", func() bool {
			res := inquire(t, suite, ws, token, http.MethodGet, "/v1/me/mentions", "", &list)
			return res.StatusCode == http.StatusOK && len(list.Mentions) > 0
		})
		if m := list.Mentions[0]; len(list.Mentions) != 1 || m.Conversation != id || m.By != ws.Operators[0].User || ada.Shown(id, chat.Desk)[m.Seq-1].Text != "what do we do?" {
			t.Errorf("%+v", list)
		}
	}
	if n := len(c.Shown(id, chat.Desk)); n > 0 {
		t.Errorf("the customer sees %d events of the desk", n)
	}
}
