package e2e

import (
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/client"
	"github.com/parley-chat/parley/localstack/e2e/world"
)

// TestTypingIsSeen: the other side sees it, once it has shown that it is there.
func TestTypingIsSeen(t *testing.T) {
	t.Parallel()
	c, o, id := pair(t, fast())
	must(t, o.Say(id, "hi"))
	converge(t, id, chat.Public, c, o)
	c.Do(func(m *client.Machine) { m.Typing(id) })
	must(t, o.Until(within(t), func(m *client.Machine) bool {
		who := m.View(id).Typing(time.Now())
		return len(who) == 1 && who[0] == c.Session.User
	}))
	must(t, c.Say(id, "done typing"))
	converge(t, id, chat.Public, c, o)
	o.Do(func(m *client.Machine) {
		if who := m.View(id).Typing(time.Now()); len(who) != 0 {
			t.Errorf("%v type after their message came", who)
		}
	})
}

// TestReadCursor: it goes alone when nothing follows, and rides on the next message otherwise. Either way it is
// there after a reconnect.
func TestReadCursor(t *testing.T) {
	t.Parallel()
	opts := fast()
	opts.Read = 100 * time.Millisecond
	c, o, id := pair(t, opts)
	sees := func(p *world.Party, who chat.UserID, seq uint64) {
		t.Helper()
		must(t, p.Until(within(t), func(m *client.Machine) bool { return m.View(id).Participants[who].Read >= seq }))
	}
	must(t, o.Say(id, "read this"))
	converge(t, id, chat.Public, c, o)
	var alone uint64
	c.Do(func(m *client.Machine) {
		alone = m.View(id).Applied(chat.Public)
		m.MarkRead(id, alone)
	})
	sees(o, c.Session.User, alone)
	must(t, o.Say(id, "and that"))
	converge(t, id, chat.Public, c, o)
	c.Do(func(m *client.Machine) {
		m.MarkRead(id, m.View(id).Applied(chat.Public))
		_, err := m.Send(id, chat.Public, "it rides on this")
		must(t, err)
	})
	converge(t, id, chat.Public, c, o)
	o.Drop()
	must(t, o.Until(within(t), func(m *client.Machine) bool { return !m.Ready() }))
	must(t, o.Until(within(t), (*client.Machine).Ready))
	sees(o, c.Session.User, alone+1)
}

// TestWaitingList: operators hear of a new conversation, and that it is taken; the HTTP list agrees.
func TestWaitingList(t *testing.T) {
	t.Parallel()
	ws := seed(t, 2)
	a, b, c := operator(t, ws, 0, fast()), operator(t, ws, 1, fast()), customer(t, ws, fast())
	watch(t, a, chat.ViewQueue)
	watch(t, b, chat.ViewQueue)
	waits := func(p *world.Party, id chat.ConversationID, want bool) {
		t.Helper()
		must(t, p.Until(within(t), func(m *client.Machine) bool {
			for _, w := range m.Waiting() {
				if w.Conversation == id {
					return want
				}
			}
			return !want
		}))
	}
	id, err := c.Start(within(t), "hello")
	must(t, err)
	waits(a, id, true)
	waits(b, id, true)
	late := operator(t, ws, 1, fast())
	waits(late, id, true)
	list, err := a.API.Waiting(within(t), a.Session.Token)
	must(t, err)
	if len(list) != 1 || list[0].Conversation != id || list[0].Customer != c.Session.User {
		t.Errorf("waiting: %+v", list)
	}
	must(t, a.Take(within(t), id))
	waits(b, id, false)
	// Who is too late is told so.
	b.Do(func(m *client.Machine) { _, err = m.Join(id) })
	must(t, err)
	must(t, b.Until(within(t), func(m *client.Machine) bool {
		out := m.Outbox()
		return len(out) == 1 && out[0].Failed == chat.CodeAlreadyAssigned
	}))
}
