package chat_test

import (
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// A visitor who turns out to be a known customer takes the conversations along: the visitor is out of them, the
// customer reads and writes, and the desk is told.
func TestAdopt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.join()
	closed := w.conv
	w.close(w.operator)
	w.conv = w.newConversation()
	w.start("again")
	known := w.principal(w.customer.Workspace, chat.RoleCustomer, "known-1")
	read := w.head().Participants[w.customer.User].Cursor
	adopt := func() { w.must(w.svc.Adopt(t.Context(), w.customer, known)) }
	adopt()
	adopt() // nothing is left to do

	h := w.head()
	w.same(h.Customer(), known.User)
	w.same(len(h.Participants), 1)
	last := h.Desk.Tail[len(h.Desk.Tail)-1]
	w.same([]any{last.Type, last.Sender, last.Subject, h.Desk.Last}, []any{chat.EventIdentified, known.User, w.customer.User, uint64(1)})
	_, err := w.send(w.customer, w.last(), w.messages("still me?")...)
	w.refused(err, chat.CodeNotFound)
	w.say(known, "it is me")
	w.same(w.texts(chat.Public), []string{"again", "it is me"})
	waiting, err := w.store.Waiting(t.Context(), known.Workspace, "", 9)
	w.must(err)
	if len(waiting) != 1 || waiting[0].Customer != known.User {
		t.Errorf("the queue: %+v", waiting)
	}
	w.same(h.Participants[known.User].Cursor, read)
	state, err := w.store.State(t.Context(), w.ref())
	w.must(err)
	w.same(state.Customer, known.User)
	for _, over := range []bool{false, true} {
		list, err := w.store.Shelf(t.Context(), chat.Shelf{Workspace: known.Workspace, Kind: chat.ShelfCustomer, Name: string(known.User), Over: over}, chat.Listed{}, time.Time{}, 9)
		w.must(err)
		want := w.conv
		if over {
			want = closed
		}
		if len(list) != 1 || list[0].Conversation != want {
			t.Errorf("over %v: %+v, want %s", over, list, want)
		}
	}
	left, err := w.store.Open(t.Context(), w.customer.Workspace, w.customer.User, "", 9)
	w.must(err)
	w.same(len(left), 0)
}

// Identifying is no way out of a mute, and nobody adopts across workspaces.
func TestAdoptKeepsAMute(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.must(w.svc.Silence(t.Context(), w.customer.Workspace, w.customer.User, w.clock.Now().Add(time.Hour)))
	known := w.principal(w.customer.Workspace, chat.RoleCustomer, "known-1")
	w.must(w.svc.Adopt(t.Context(), w.customer, known))
	_, err := w.send(known, w.last(), w.messages("x")...)
	w.tooFast(err, time.Hour)
	other := known
	other.Workspace = chat.WorkspaceID(w.id(chat.WorkspacePrefix))
	w.refused(w.svc.Adopt(t.Context(), known, other), chat.CodeInvalid)
	w.refused(w.svc.Adopt(t.Context(), known, w.operator), chat.CodeInvalid)
}
