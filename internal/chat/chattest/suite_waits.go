package chattest

import (
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// waits: the customer's first message begins the wait, a person's message and the end of the conversation end it, and
// nothing else does either; with the write that appends.
func waits(t *testing.T, w *world) {
	w.create(t, "1")
	begun := w.now.Truncate(time.Millisecond)
	says := func(role chat.Role, typ chat.EventType, at time.Duration) chat.Event {
		e := w.event(0, w.customer, "x")
		e.Role, e.Type, e.At = role, typ, begun.Add(at)
		return e
	}
	is := func(h *chat.Head, want time.Duration) {
		t.Helper()
		since := begun.Add(want)
		if want < 0 {
			since = time.Time{}
		}
		if !h.Wait.Known || !h.Wait.Since.Equal(since) {
			t.Fatalf("%+v, want %v", h.Wait, since)
		}
	}
	h, err := w.Head(t.Context(), w.ref)
	must(t, err)
	is(h, 0)
	for i, step := range []struct {
		events []chat.Event
		want   time.Duration
	}{
		{[]chat.Event{says(chat.RoleCustomer, chat.EventMessage, time.Second)}, 0},
		{[]chat.Event{says(chat.RoleBot, chat.EventMessage, 2*time.Second)}, 0},
		{[]chat.Event{says(chat.RoleAPIKey, chat.EventMessage, 3*time.Second)}, 0},
		{[]chat.Event{says(chat.RoleOperator, chat.EventEdited, 4*time.Second)}, 0},
		{[]chat.Event{says(chat.RoleOperator, chat.EventMessage, 5*time.Second)}, -1},
		{[]chat.Event{says(chat.RoleOperator, chat.EventMessage, 6*time.Second)}, -1},
		{[]chat.Event{says(chat.RoleCustomer, chat.EventRated, 7*time.Second)}, -1},
		{[]chat.Event{says(chat.RoleCustomer, chat.EventMessage, 8*time.Second), says(chat.RoleCustomer, chat.EventMessage, 9*time.Second)}, 8 * time.Second},
		{[]chat.Event{says(chat.RoleSupervisor, chat.EventMessage, 10*time.Second), says(chat.RoleCustomer, chat.EventMessage, 11*time.Second)}, 11 * time.Second},
		{[]chat.Event{says(chat.RoleCustomer, chat.EventAbandoned, 12*time.Second)}, -1},
		{[]chat.Event{says(chat.RoleCustomer, chat.EventReopened, 13*time.Second), says(chat.RoleCustomer, chat.EventMessage, 14*time.Second)}, 14 * time.Second},
	} {
		a := w.append(h.Public.Last)
		a.Events = step.events
		if h, err = w.Append(t.Context(), a); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		is(h, step.want)
	}
	note := w.append(0, "a note")
	note.Track = chat.Desk
	h, err = w.Append(t.Context(), note)
	must(t, err)
	is(h, 14*time.Second)
	must(t, w.MoveTail(t.Context(), h, chat.Public, h.Public.Last, 0))
	must(t, w.Transition(t.Context(), chat.Append{
		Ref: w.ref, Track: chat.Desk, After: h.Desk.Last, Events: []chat.Event{says(chat.RoleOperator, chat.EventLinked, 0)}, Rule: chat.Rule{Actor: w.operator},
	}, chat.Change{Old: h, Status: chat.StatusClosed, Other: []chat.Event{says(chat.RoleOperator, chat.EventClosed, 15*time.Second)}}))
	h, err = w.Head(t.Context(), w.ref)
	must(t, err)
	is(h, -1)
}

// headsSideBySide: many at once are as each by itself; who is not there is left out.
func headsSideBySide(t *testing.T, w *world) {
	var ids []chat.ConversationID
	for range 3 {
		w.ref.Conversation = newConversation()
		w.create(t, "1", "2")
		ids = append(ids, w.ref.Conversation)
	}
	heads, err := w.HeadsOf(t.Context(), w.ref.Workspace, append(ids, newConversation(), ids[0]))
	must(t, err)
	if len(heads) != len(ids) {
		t.Fatalf("%d heads", len(heads))
	}
	for _, got := range heads {
		want, err := w.Head(t.Context(), got.Ref)
		must(t, err)
		same(t, got, want)
	}
	none, err := w.HeadsOf(t.Context(), chat.WorkspaceID(chat.NewID(chat.WorkspacePrefix, w.now)), ids)
	must(t, err)
	same(t, len(none), 0)
}
