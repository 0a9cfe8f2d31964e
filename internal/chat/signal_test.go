package chat_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

func connections(to []chat.Target) []chat.ConnectionID {
	out := make([]chat.ConnectionID, len(to))
	for i, t := range to {
		out[i] = t.Connection
	}
	return out
}

func TestTyping(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.join()
	tab := w.customer
	tab.Connection = "customer-2"
	w.hello(tab, nil)
	sig, err := w.svc.Typing(t.Context(), w.customer, w.conv, 0)
	w.must(err)
	w.same(connections(sig.To), []chat.ConnectionID{"operator-1"}) // one's own tabs need no telling
	w.same(sig.Moved, false)
	sig, err = w.svc.Typing(t.Context(), w.operator, w.conv, 3)
	w.must(err)
	w.same(connections(sig.To), []chat.ConnectionID{"customer-1", "customer-2"})
	w.same(sig.Moved, true)
	w.same(w.head().Participants[w.operator.User].Cursor, uint64(3))
	_, err = w.svc.Typing(t.Context(), w.operator, w.conv, 4)
	w.refused(err, chat.CodeInvalid)
	_, err = w.svc.Typing(t.Context(), w.supervisor, w.conv, 0)
	w.refused(err, chat.CodeNotFound)
	_, err = w.svc.Typing(t.Context(), w.customer, "c_x", 0)
	w.refused(err, chat.CodeInvalid)
}

// Customers do not learn from signals who watches, nor to whom the conversation is offered; colleagues do.
func TestWhoIsUnseenSignalsToStaffOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.join()
	_, err := w.svc.Watch(t.Context(), w.supervisor, w.step())
	w.must(err)
	sig, err := w.svc.Typing(t.Context(), w.supervisor, w.conv, 0)
	w.must(err)
	w.same(connections(sig.To), []chat.ConnectionID{"operator-1"})
	sig, err = w.svc.Read(t.Context(), w.supervisor, w.conv, 2)
	w.must(err)
	w.same(connections(sig.To), []chat.ConnectionID{"operator-1"})
	sig, err = w.svc.Typing(t.Context(), w.customer, w.conv, 0)
	w.must(err)
	w.same(connections(sig.To), []chat.ConnectionID{"operator-1", "supervisor-1"})

	o := newOffered(t)
	sig, err = o.svc.Typing(t.Context(), o.to, o.id, 0)
	o.must(err)
	o.same(connections(sig.To), []chat.ConnectionID{})
	_, err = o.svc.Accept(t.Context(), o.to, o.stepOn(o.id))
	o.must(err)
	sig, err = o.svc.Typing(t.Context(), o.to, o.id, 0)
	o.must(err)
	o.same(connections(sig.To), []chat.ConnectionID{chat.ConnectionID("web-" + o.id)})
}

// Who types the first reply gets more time for it, also when the frame moves their read cursor along.
func TestTypingFramesPutOffTheFirstReply(t *testing.T) {
	t.Parallel()
	r := newRouted(t)
	p := r.onDuty(1)
	id := r.arrive()
	r.work()
	for _, read := range []uint64{0, 2} {
		r.clock.Advance(time.Second)
		_, err := r.svc.Typing(t.Context(), p, id, read)
		r.must(err)
		if got, want := r.standing(p.User).TypingUntil, r.clock.Now().Add(chat.TypingLife); !got.Equal(want) {
			t.Errorf("read %d: typing until %s, want %s", read, got, want)
		}
	}
}

func TestReadOnlyGrows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("2", "3", "4")
	w.join()
	for _, c := range []struct {
		seq, want uint64
		moved     bool
	}{{2, 2, true}, {1, 2, false}, {2, 2, false}, {5, 5, true}} {
		sig, err := w.svc.Read(t.Context(), w.operator, w.conv, c.seq)
		w.must(err)
		if got := sig.Head.Participants[w.operator.User].Cursor; got != c.want || sig.Moved != c.moved {
			t.Fatalf("read %d: cursor %d, moved %v", c.seq, got, sig.Moved)
		}
	}
	for _, seq := range []uint64{0, 6} {
		_, err := w.svc.Read(t.Context(), w.operator, w.conv, seq)
		w.refused(err, chat.CodeInvalid)
	}
	_, err := w.svc.Read(t.Context(), w.supervisor, w.conv, 2)
	w.refused(err, chat.CodeNotFound)
	_, err = w.svc.Read(t.Context(), w.operator, w.newConversation(), 2)
	w.refused(err, chat.CodeNotFound)
}

func TestSignalIsOwedToNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.join()
	w.push.answers["customer-1"] = errThrottled
	sig, err := w.svc.Typing(t.Context(), w.operator, w.conv, 0)
	w.must(err)
	w.queue.take()
	w.delivery.Signal(t.Context(), sig, []byte("typing"))
	w.same(len(w.queue.take()), 0)
	w.push.answers["customer-1"] = chat.ErrGone
	w.delivery.Signal(t.Context(), sig, []byte("typing"))
	if _, listens := w.head().Listeners["customer-1"]; listens {
		t.Fatal("a signal that meets a dead connection forgets it as well")
	}
}

func TestPing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	first := w.conv
	w.close(w.customer)
	w.conv = w.newConversation()
	w.start("hello")
	w.join()
	theirs := w.conv
	w.conv = w.newConversation()
	w.start("hello")
	pong, err := w.svc.Ping(t.Context(), w.customer, map[chat.ConversationID]chat.Cursor{first: {}, w.newConversation(): {Read: 3}})
	w.must(err)
	want := []chat.ConversationID{first, theirs, w.conv} // those of the cursors that exist, and the open ones
	slices.Sort(want)
	w.same(slices.Sorted(maps.Keys(pong.Heads)), want)
	w.same(pong.Heads[theirs].Public.Last, uint64(3))

	pong, err = w.svc.Ping(t.Context(), w.operator, map[chat.ConversationID]chat.Cursor{theirs: {Read: 3}, w.conv: {Read: 1}})
	w.must(err)
	w.same(slices.Collect(maps.Keys(pong.Heads)), []chat.ConversationID{theirs}) // of others: nothing, not even a head
	if len(pong.Moved) != 1 || !slices.Equal(connections(pong.Moved[0].To), []chat.ConnectionID{"customer-1"}) {
		t.Fatalf("a cursor that rides on a ping is shown to the others: %+v", pong.Moved)
	}
	pong, err = w.svc.Ping(t.Context(), w.operator, map[chat.ConversationID]chat.Cursor{theirs: {Read: 99}})
	w.must(err)
	if len(pong.Moved) != 0 || pong.Heads[theirs] == nil {
		t.Fatal("a cursor beyond the log must neither move nor spoil the ping")
	}
	_, err = w.svc.Ping(t.Context(), w.customer, map[chat.ConversationID]chat.Cursor{"x": {}})
	w.refused(err, chat.CodeInvalid)
}

func TestPingSurvivesThrottling(t *testing.T) {
	t.Parallel()
	for _, call := range []string{"Open", "Head", "MoveCursor", "session"} {
		w := newWorld(t)
		w.start("hello")
		w.join()
		cursors := map[chat.ConversationID]chat.Cursor{}
		if call == "MoveCursor" {
			cursors[w.conv] = chat.Cursor{Read: 3}
		}
		if call == "session" {
			w.sessions.answers = []error{fmt.Errorf("reading a session: %w", chat.ErrUnknownOutcome)}
		}
		struck := w.fault(call, 1, false)
		pong, err := w.svc.Ping(t.Context(), w.operator, cursors)
		w.must(err)
		w.same(len(pong.Heads), 1)
		if *struck == 0 && call != "session" {
			t.Fatalf("%s: the fault did not strike", call)
		}
	}
}
