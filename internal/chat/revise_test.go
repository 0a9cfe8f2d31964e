package chat_test

import (
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

func (w *world) revision(track chat.Track, target uint64, text string) chat.Revision {
	return chat.Revision{Conversation: w.conv, Track: track, ID: w.eventID(), Target: target, Text: text, After: 0}
}

func TestAuthorship(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("from the customer") // seq 2
	w.join()
	w.say(w.operator, "from the operator") // seq 4
	_, err := w.svc.Send(t.Context(), w.operator, w.conv, chat.Desk, 0, w.messages("note"))
	w.must(err)
	w.moveTail(chat.Public, 1) // both targets lie in chunks
	admin := w.principal(w.customer.Workspace, chat.RoleAdmin, "")
	stranger := w.principal(w.customer.Workspace, chat.RoleOperator, "")
	for _, c := range []struct {
		name   string
		who    chat.Principal
		track  chat.Track
		target uint64
		edit   chat.Code
		delete chat.Code
	}{
		{"own", w.customer, chat.Public, 2, "", ""},
		{"the operator's", w.customer, chat.Public, 4, chat.CodeForbidden, chat.CodeForbidden},
		{"the customer's", w.operator, chat.Public, 2, chat.CodeForbidden, chat.CodeForbidden},
		{"operator's own", w.operator, chat.Public, 4, "", ""},
		{"supervisor", w.supervisor, chat.Public, 2, chat.CodeNotFound, ""},
		{"admin", admin, chat.Public, 4, chat.CodeNotFound, ""},
		{"stranger", stranger, chat.Public, 4, chat.CodeNotFound, chat.CodeNotFound},
		{"own note", w.operator, chat.Desk, 1, "", ""},
		{"note by supervisor", w.supervisor, chat.Desk, 1, chat.CodeForbidden, ""},
		{"note by customer", w.customer, chat.Desk, 1, chat.CodeForbidden, chat.CodeForbidden},
		{"the start", w.customer, chat.Public, 1, chat.CodeInvalid, chat.CodeInvalid},
		{"a state change", w.supervisor, chat.Public, 3, chat.CodeNotFound, chat.CodeInvalid},
		{"seq 0", w.customer, chat.Public, 0, chat.CodeInvalid, chat.CodeInvalid},
		{"beyond the log", w.customer, chat.Public, 99, chat.CodeInvalid, chat.CodeInvalid},
	} {
		before := w.head().Track(c.track).Last
		want := before
		_, err := w.svc.Edit(t.Context(), c.who, w.revision(c.track, c.target, "changed"))
		if chat.CodeOf(err) != c.edit {
			t.Errorf("%s, edit: %v", c.name, err)
		}
		if c.edit == "" {
			want++
		}
		_, err = w.svc.Delete(t.Context(), c.who, w.revision(c.track, c.target, "ignored"))
		if chat.CodeOf(err) != c.delete {
			t.Errorf("%s, delete: %v", c.name, err)
		}
		if c.delete == "" {
			want++
		}
		if got := w.head().Track(c.track).Last; got != want {
			t.Errorf("%s: the log ends at %d, want %d", c.name, got, want)
		}
	}
}

func TestRevisionEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("tpyo")
	r := w.revision(chat.Public, 2, "typo")
	r.After = 2
	for _, want := range []string{"3", "3 again"} {
		out, err := w.svc.Edit(t.Context(), w.customer, r)
		w.must(err)
		w.same(acks(out), []string{want})
	}
	r.Text = "something else"
	_, err := w.svc.Edit(t.Context(), w.customer, r)
	w.refused(err, chat.CodeIDReused)
	r.Text = ""
	_, err = w.svc.Edit(t.Context(), w.customer, r)
	w.refused(err, chat.CodeInvalid)
	_, err = w.svc.Delete(t.Context(), w.customer, w.revision(chat.Public, 3, "")) // an edit is no message
	w.refused(err, chat.CodeInvalid)
	_, err = w.svc.Delete(t.Context(), w.customer, w.revision(chat.Public, 2, "not kept"))
	w.must(err)
	events := w.log(chat.Public)
	if e := events[2]; e.Type != chat.EventEdited || e.Target != 2 || e.Text != "typo" {
		t.Fatalf("%+v", e)
	}
	if e := events[3]; e.Type != chat.EventDeleted || e.Target != 2 || e.Text != "" {
		t.Fatalf("%+v", e)
	}
	r.ID = "m_x"
	_, err = w.svc.Delete(t.Context(), w.customer, r)
	w.refused(err, chat.CodeInvalid)
}

func TestRevisionSurvivesThrottledChunks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("tpyo")
	w.moveTail(chat.Public, 0)
	struck := w.fault("After", 1, false)
	_, err := w.svc.Edit(t.Context(), w.customer, w.revision(chat.Public, 2, "typo"))
	w.must(err)
	w.same(*struck, 1)
	w.throttle("After")
	_, err = w.svc.Edit(t.Context(), w.customer, w.revision(chat.Public, 2, "typo again"))
	w.refused(err, chat.CodeUnavailable)
}

func TestMutedMayNotRevise(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.must(w.store.Mute(t.Context(), w.ref(), w.customer.User, w.clock.Now().Add(time.Minute)))
	r := w.revision(chat.Public, 2, "x")
	r.After = 2
	_, err := w.svc.Edit(t.Context(), w.customer, r)
	w.refused(err, chat.CodeTooFast)
}
