package chat_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

func TestJoinHasOneOwner(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	const n = 8
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		won  []chat.UserID
		lost int
	)
	for i := range n {
		p := w.principal(w.customer.Workspace, chat.RoleOperator, chat.ConnectionID(fmt.Sprint("op-", i)))
		step := w.step()
		wg.Go(func() {
			out, err := w.svc.Join(t.Context(), p, step)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				won = append(won, p.User)
				if _, listens := out.Head.Listeners[p.Connection]; !listens {
					t.Error("who joins must listen from the same write on")
				}
			case chat.CodeOf(err) == chat.CodeAlreadyAssigned:
				lost++
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	h := w.head()
	if len(won) != 1 || lost != n-1 || h.Assignee != won[0] || h.Status != chat.StatusActive || len(h.Participants) != 2 {
		t.Fatalf("won %v, %d lost, head %+v", won, lost, h)
	}
	waiting, err := w.store.Waiting(t.Context(), w.customer.Workspace, "", 9)
	w.must(err)
	w.same(len(waiting), 0)
}

func TestJoinRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.close(w.customer)
	_, err := w.svc.Join(t.Context(), w.operator, w.step())
	w.refused(err, chat.CodeClosed)
	w.say(w.customer, "again")
	w.join()
	_, err = w.svc.Join(t.Context(), w.operator, w.step())
	w.refused(err, chat.CodeAlreadyAssigned)
	_, err = w.svc.Join(t.Context(), w.supervisor, w.step())
	w.refused(err, chat.CodeAlreadyAssigned)
}

func TestJoinAgainListensOnTheNewConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	step := w.step()
	_, err := w.svc.Join(t.Context(), w.operator, step)
	w.must(err)
	again := w.operator
	again.Connection = "operator-2"
	out, err := w.svc.Join(t.Context(), again, step)
	w.must(err)
	w.same(acks(out), []string{"3 again"})
	if _, listens := out.Head.Listeners["operator-2"]; !listens {
		t.Fatal("the connection of the retry does not listen")
	}
}

func TestCloseAndReopen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	out, err := w.svc.Close(t.Context(), w.customer, chat.Step{Conversation: w.conv, ID: w.eventID(), After: 2, Reason: "solved"})
	w.must(err)
	e := out.Acks[0].Event
	if e.Type != chat.EventAbandoned || e.From != chat.StatusQueued || e.To != chat.StatusAbandoned || e.Reason != "solved" {
		t.Fatalf("%+v", e)
	}
	_, err = w.svc.Close(t.Context(), w.customer, w.step())
	w.refused(err, chat.CodeClosed)
	out, err = w.svc.Reopen(t.Context(), w.supervisor, w.step())
	w.must(err)
	h := out.Head
	if h.Status != chat.StatusQueued || h.QueuedAt.IsZero() || out.Acks[0].Event.From != chat.StatusAbandoned || out.Acks[0].Event.To != chat.StatusQueued {
		t.Fatalf("without an assignee it waits again: %+v", h)
	}
	_, err = w.svc.Reopen(t.Context(), w.supervisor, w.step())
	w.refused(err, chat.CodeNotClosed)
	w.join()
	w.close(w.operator)
	out, err = w.svc.Reopen(t.Context(), w.operator, w.step())
	w.must(err)
	if out.Head.Status != chat.StatusActive || out.Head.Assignee != w.operator.User {
		t.Fatalf("with an assignee it goes on: %+v", out.Head)
	}
	for _, st := range []chat.Step{{Conversation: "c_x", ID: w.eventID()}, {Conversation: w.conv, ID: "m_x"}, {Conversation: w.conv, ID: w.eventID(), Reason: strings.Repeat("x", 257)}} {
		_, err := w.svc.Close(t.Context(), w.customer, st)
		w.refused(err, chat.CodeInvalid)
	}
}

func TestStepAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	step := w.step()
	_, err := w.svc.Close(t.Context(), w.customer, step)
	w.must(err)
	w.say(w.customer, "and one more thing") // reopens
	w.moveTail(chat.Public, 0)
	version := w.head().Version
	out, err := w.svc.Close(t.Context(), w.customer, step)
	w.must(err)
	w.same(acks(out), []string{"3 again"})
	if h := w.head(); h.Version != version || h.Status != chat.StatusQueued {
		t.Fatal("a retried close closed again what was reopened since")
	}
}

func TestStepLostAnswer(t *testing.T) {
	t.Parallel()
	for _, call := range []string{"Transition", "Head"} {
		for nth := 1; nth <= 2; nth++ {
			w := newWorld(t)
			w.start("hello")
			struck := w.fault(call, nth, true)
			_, err := w.svc.Join(t.Context(), w.operator, w.step())
			w.must(err)
			if *struck == 0 && (call == "Head" || nth == 1) {
				t.Fatalf("%s %d: the fault did not strike", call, nth)
			}
			if got := w.log(chat.Public); len(got) != 3 || got[2].Type != chat.EventAssigned {
				t.Fatalf("%+v", got)
			}
		}
	}
}

// The state may move between the read that a transition is decided on and its commit.
func TestStateMovesWhileAStepIsDecided(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.atCall("Transition", false, func() { w.close(w.customer) })
	_, err := w.svc.Join(t.Context(), w.operator, w.step())
	w.refused(err, chat.CodeClosed)
	w.store.Fault = nil
	w.say(w.customer, "hello again")
	w.atCall("Transition", false, func() { w.say(w.customer, "quick") })
	_, err = w.svc.Join(t.Context(), w.operator, w.step())
	w.must(err)
	last := w.log(chat.Public)
	if last[len(last)-1].Type != chat.EventAssigned {
		t.Fatalf("%+v", last)
	}
}

// A customer who writes to a closed conversation reopens it, with the same write.
func TestSendReopens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.close(w.customer)
	frame := w.messages("one", "two")
	out, err := w.send(w.customer, 3, frame...)
	w.must(err)
	w.same(acks(out), []string{"5", "6"})
	w.same(seqs(out.Push), []uint64{4, 5, 6})
	w.same(seqs(out.Missed), []uint64{4})
	e := w.log(chat.Public)[3]
	if e.Type != chat.EventReopened || e.From != chat.StatusAbandoned || e.To != chat.StatusQueued || e.Sender != w.customer.User {
		t.Fatalf("%+v", e)
	}
	if h := w.head(); h.Status != chat.StatusQueued || h.Participants[w.customer.User].Cursor != 3 {
		t.Fatalf("%+v", h)
	}
	open, err := w.store.Open(t.Context(), w.customer.Workspace, w.customer.User, "", 9)
	w.must(err)
	w.same(open, []chat.ConversationID{w.conv})

	out, err = w.send(w.customer, 3, frame...) // a retry pushes the reopening too: the first try may have died
	w.must(err)
	w.same(acks(out), []string{"5 again", "6 again"})
	w.same(seqs(out.Push), []uint64{4, 5, 6})
	w.same(w.texts(chat.Public), []string{"hello", "one", "two"})
}

func TestSendReopensForTheAssignee(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.join()
	w.close(w.operator)
	_, err := w.send(w.operator, 4, w.messages("staff reopens otherwise")...)
	w.refused(err, chat.CodeClosed)
	_, err = w.svc.Send(t.Context(), w.operator, w.conv, chat.Desk, 0, w.messages("note"))
	w.refused(err, chat.CodeClosed)
	out, err := w.send(w.customer, 2, w.messages("thanks")...)
	w.must(err)
	if out.Head.Status != chat.StatusActive || out.Head.Assignee != w.operator.User {
		t.Fatalf("%+v", out.Head)
	}
	w.same(seqs(out.Missed), []uint64{3, 4, 5})
}

func TestSendReopensDespiteFaults(t *testing.T) {
	t.Parallel()
	for _, call := range []string{"Append", "Transition", "Head"} {
		for _, after := range []bool{false, true} {
			w := newWorld(t)
			w.start("hello")
			w.close(w.customer)
			struck := w.fault(call, 1, after)
			out, err := w.send(w.customer, 3, w.messages("one")...)
			w.must(err)
			w.same(out.Acks[0].Event.Seq, uint64(5))
			w.same(seqs(out.Push), []uint64{4, 5})
			w.same(len(w.log(chat.Public)), 5)
			if *struck != 1 && (call != "Append" || !after) { // a refused append has no effect to strike after
				t.Fatalf("%s, after %v: the fault did not strike", call, after)
			}
		}
	}
}

func TestTwoTabsReopen(t *testing.T) {
	t.Parallel()
	for range 20 {
		w := newWorld(t)
		w.start("hello")
		w.close(w.customer)
		frames := [][]chat.NewMessage{w.messages("a"), w.messages("b")}
		operator := w.step()
		var wg sync.WaitGroup
		for _, frame := range frames {
			wg.Go(func() {
				if _, err := w.send(w.customer, 3, frame...); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Go(func() {
			_, err := w.svc.Reopen(t.Context(), w.supervisor, operator)
			if err != nil && chat.CodeOf(err) != chat.CodeNotClosed {
				t.Error(err)
			}
		})
		wg.Wait()
		reopened, messages := 0, 0
		for _, e := range w.log(chat.Public)[3:] {
			switch e.Type {
			case chat.EventReopened:
				reopened++
			case chat.EventMessage:
				messages++
			default:
				t.Fatalf("%+v", e)
			}
		}
		if reopened != 1 || messages != 2 || w.head().Status != chat.StatusQueued {
			t.Fatalf("%d reopened, %d messages: %+v", reopened, messages, w.head())
		}
	}
}

// A message that an operator's reopening has overtaken is appended without a second one.
func TestSendMeetsAReopening(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.close(w.customer)
	w.atCall("Transition", false, func() {
		_, err := w.svc.Reopen(t.Context(), w.supervisor, w.step())
		w.must(err)
	})
	out, err := w.send(w.customer, 3, w.messages("one")...)
	w.must(err)
	w.same(acks(out), []string{"5"})
	w.same(seqs(out.Push), []uint64{5})
	w.same(seqs(out.Missed), []uint64{4})
	if w.log(chat.Public)[3].Sender != w.supervisor.User {
		t.Fatal("the operator's reopening is lost")
	}
}

// What an earlier try stored and what reopens come out in seq order: a queued push covers first to last.
func TestReopeningRetryPushesInOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	frame := w.messages("one", "two")
	_, err := w.send(w.customer, 2, frame[0])
	w.must(err)
	w.close(w.customer)
	out, err := w.send(w.customer, 2, frame...)
	w.must(err)
	w.same(acks(out), []string{"3 again", "6"})
	w.same(seqs(out.Push), []uint64{3, 5, 6}) // the close, seq 4, was another command
}

func TestMutedMayNotReopen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.close(w.customer)
	w.must(w.store.Mute(t.Context(), w.ref(), w.customer.User, w.clock.Now().Add(time.Minute)))
	_, err := w.send(w.customer, 3, w.messages("x")...)
	if code := chat.CodeOf(err); code != chat.CodeTooFast && code != chat.CodeClosed {
		t.Fatal(err)
	}
	w.same(w.head().Status, chat.StatusAbandoned)
}
