package identity_test

import (
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

// TestTheOldestSessionEnds: a member of staff has a bounded number of sessions, however many sign in at once; the newest
// live on, and the log says which ended. Those of others, and of customers, count apart.
func TestTheOldestSessionEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, boss := w.staffed()
	first := w.operator()
	other, err := w.staff.SignIn(t.Context(), "two@example.com", "right", identity.Device{Source: "192.0.2.1", Origin: desk}, false)
	w.must(err)
	for range identity.MaxSessions - 1 {
		w.now = w.now.Add(time.Second)
		w.operator()
	}
	_, err = w.sessions.Authenticate(t.Context(), first.Token.Text())
	w.must(err)
	w.now = w.now.Add(time.Second)
	newest := w.operator()
	_, err = w.sessions.Authenticate(t.Context(), first.Token.Text())
	w.refused("the oldest", err, chat.CodeUnauthenticated, identity.ReasonSessionRevoked)
	if len(w.sockets.ended) != 1 || w.sockets.ended[0].Session != first.Session.ID {
		t.Errorf("sockets ended: %v", w.sockets.ended)
	}
	log, _, err := w.sessions.Audit.List(t.Context(), boss, identity.AuditQuery{Act: identity.ActSessionDisplaced, Limit: 9})
	w.must(err)
	if len(log) != 1 || log[0].Subject != string(first.Session.ID) || log[0].After["by"] != string(newest.Session.ID) {
		t.Errorf("%+v", log)
	}

	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := w.signIn("one@example.com", "right", "192.0.2.1"); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for want, o := range map[int]identity.Opened{identity.MaxSessions: newest, 1: other} {
		list, err := w.sessions.List(t.Context(), o.Session.Workspace, o.Session.User)
		if err != nil || len(list) != want {
			t.Errorf("%d sessions; want %d: %v", len(list), want, err)
		}
	}
}
