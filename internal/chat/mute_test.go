package chat_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// muting is about the world's customer, for so long from now.
func (w *world) muting(d time.Duration) chat.Muting {
	return chat.Muting{Conversation: w.conv, ID: w.eventID(), User: w.customer.User, Until: w.clock.Now().Add(d)}
}

func (w *world) mute(p chat.Principal, m chat.Muting) *chat.Outcome {
	w.Helper()
	out, err := w.svc.Mute(w.Context(), p, m)
	w.must(err)
	return out
}

// tooFast demands the answer that tells to wait this long.
func (w *world) tooFast(err error, wait time.Duration) {
	w.Helper()
	w.refused(err, chat.CodeTooFast)
	var refusal *chat.Error
	if !errors.As(err, &refusal) || refusal.RetryAfter != wait {
		w.Fatalf("told to wait %v, want %v", err, wait)
	}
}

// Whatever a muted customer writes is refused as that of one who writes too fast, for as long as it lasts and no
// longer; staff goes on.
func TestMutedCustomersDoNotWrite(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.join()
	w.mute(w.operator, w.muting(time.Hour))
	w.clock.Advance(15 * time.Minute)
	_, err := w.send(w.customer, w.last(), w.messages("x")...)
	w.tooFast(err, 45*time.Minute)
	r := w.revision(chat.Public, 2, "edited")
	r.After = w.last()
	_, err = w.svc.Edit(t.Context(), w.customer, r)
	w.tooFast(err, 45*time.Minute)
	w.say(w.operator, "I am still here")
	w.close(w.operator)
	_, err = w.send(w.customer, w.last(), w.messages("to reopen it")...)
	w.tooFast(err, 45*time.Minute)
	w.same(w.head().Status, chat.StatusClosed)
	w.clock.Advance(45 * time.Minute)
	w.say(w.customer, "again")
	w.same(w.texts(chat.Public), []string{"hello", "I am still here", "again"})
}

// The desk is told who muted whom until when, and why; the customer is told nothing.
func TestMuteIsAnEventOfTheDesk(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.join()
	w.push.take()
	m := w.muting(time.Minute)
	m.Reason = "spam"
	out := w.mute(w.supervisor, m)
	w.must(w.delivery.Committed(t.Context(), w.supervisor, out))
	w.same(w.push.take(), []string{"operator-1 desk 1"})
	unmuted := w.muting(0)
	unmuted.Until = time.Time{}
	w.mute(w.operator, unmuted)
	log := w.log(chat.Desk)
	for i, want := range []chat.Event{
		{Sender: w.supervisor.User, Role: chat.RoleSupervisor, Reason: "spam", Detail: &chat.Detail{Until: m.Until}, ID: m.ID},
		{Sender: w.operator.User, Role: chat.RoleOperator, ID: unmuted.ID},
	} {
		want.Type, want.Subject, want.Seq, want.At, want.Follows = chat.EventMuted, w.customer.User, uint64(i)+1, log[i].At, w.head().Public.Last
		w.same(log[i], want)
	}
	w.say(w.customer, "thank you")
}

// A command that is tried again does what it did, once: also when its answer was lost, and when somebody has
// unmuted the customer since.
func TestMuteIsTriedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.join()
	m := w.muting(time.Hour)
	struck := w.fault("Append", 1, true)
	w.same(acks(w.mute(w.operator, m)), []string{"1 again"})
	w.same(*struck, 1)
	until := w.head().Participants[w.customer.User].MutedUntil
	if !until.Equal(m.Until) {
		t.Fatalf("muted until %v", until)
	}
	end := m
	end.ID, end.Until = w.eventID(), time.Time{}
	w.same(acks(w.mute(w.operator, end)), []string{"2"})
	w.clock.Advance(2 * time.Hour) // later than m.Until
	w.same(acks(w.mute(w.operator, m)), []string{"1 again"})
	w.same(w.head().Participants[w.customer.User].MutedUntil, time.Time{})
	w.same(len(w.log(chat.Desk)), 2)
	m.Until = m.Until.Add(time.Minute)
	_, err := w.svc.Mute(t.Context(), w.operator, m)
	w.refused(err, chat.CodeIDReused)
}

func TestMutingThatIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.join()
	before := w.store.Dump()
	for name, spoil := range map[string]func(*chat.Muting){
		"no user":               func(m *chat.Muting) { m.User = "" },
		"a malformed user":      func(m *chat.Muting) { m.User = "u_1" },
		"staff":                 func(m *chat.Muting) { m.User = w.operator.User },
		"somebody else":         func(m *chat.Muting) { m.User = w.supervisor.User },
		"a day and a bit":       func(m *chat.Muting) { m.Until = w.clock.Now().Add(24*time.Hour + time.Millisecond) },
		"no id":                 func(m *chat.Muting) { m.ID = "" },
		"no conversation":       func(m *chat.Muting) { m.Conversation = "c_" },
		"a reason that is long": func(m *chat.Muting) { m.Reason = strings.Repeat("x", chat.MaxReason+1) },
	} {
		m := w.muting(time.Minute)
		spoil(&m)
		if _, err := w.svc.Mute(t.Context(), w.operator, m); chat.CodeOf(err) != chat.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if w.store.Dump() != before {
		t.Error("what was refused has changed something")
	}
	w.mute(w.operator, w.muting(24*time.Hour))
}

// Who is muted by an operator is not let off by writing too fast just then: the pause is seconds.
func TestRateDoesNotEndAMute(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.join()
	m := w.muting(time.Hour)
	w.svc.Rate = chat.Rate{Messages: 1, Window: time.Minute, Pause: time.Second}
	w.atCall("Mute", false, func() { w.mute(w.operator, m) }) // the message is committed, the limiter about to act
	w.say(w.customer, "a", "b", "c")
	w.store.Fault = nil
	if until := w.head().Participants[w.customer.User].MutedUntil; !until.Equal(m.Until) {
		t.Fatalf("muted until %v instead of %v", until, m.Until)
	}
}
