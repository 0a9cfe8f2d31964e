package chat_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
)

func TestStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	out := w.start("one", "two")
	w.same(acks(out), []string{"2", "3"})
	w.same(seqs(out.Missed), []uint64{1})
	w.same(seqs(out.Push), []uint64{1, 2, 3})
	events := w.log(chat.Public)
	if events[0].Type != chat.EventStarted || events[0].Sender != w.customer.User || events[0].To != chat.StatusQueued {
		t.Fatalf("first event: %+v", events[0])
	}
	h := w.head()
	if h.Status != chat.StatusQueued || h.Participants[w.customer.User].Role != chat.RoleCustomer {
		t.Fatalf("%+v", h)
	}
	if l, ok := h.Listeners[w.customer.Connection]; !ok || !l.Expires.After(w.clock.Now()) {
		t.Fatal("the starting connection does not listen")
	}
	_, err := w.begin(t.Context(), w.customer, "c_bad", "", w.messages("x"))
	w.refused(err, chat.CodeInvalid)
	_, err = w.begin(t.Context(), w.customer, w.newConversation(), strings.Repeat("x", chat.MaxPage+1), w.messages("x"))
	w.refused(err, chat.CodeInvalid)
}

func TestStartAgain(t *testing.T) {
	t.Parallel()
	for name, between := range map[string]func(*world){
		"at once":           func(*world) {},
		"others wrote":      func(w *world) { w.join(); w.say(w.operator, "a", "b") },
		"moved into chunks": func(w *world) { w.join(); w.say(w.operator, "a", "b"); w.moveTail(chat.Public, 1) },
		"closed":            func(w *world) { w.close(w.customer) },
		"chunk throttled once": func(w *world) {
			w.moveTail(chat.Public, 0)
			w.fault("After", 1, false)
		},
		"subscribe throttled once": func(w *world) { w.fault("Subscribe", 1, false) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			frame := w.messages("one", "two", "three")
			_, err := w.begin(t.Context(), w.customer, w.conv, "", frame[:2])
			w.must(err)
			between(w)
			again := w.customer
			again.Connection = "customer-2"
			out, err := w.begin(t.Context(), again, w.conv, "", frame[:2])
			w.must(err)
			w.same(acks(out), []string{"2 again", "3 again"})
			w.same(seqs(out.Push)[:3], []uint64{1, 2, 3}) // the start too: the first try may have died before pushing
			if _, listens := w.head().Listeners["customer-2"]; !listens {
				t.Fatal("the connection of the retry does not listen")
			}
			n := len(w.log(chat.Public))
			out, err = w.begin(t.Context(), again, w.conv, "", frame) // a retry that carries more
			w.must(err)
			if got := acks(out); got[0] != "2 again" || got[1] != "3 again" || out.Acks[2].Duplicate {
				t.Fatalf("%v", got)
			}
			texts := w.texts(chat.Public)
			if texts[len(texts)-1] != "three" || len(w.log(chat.Public)) <= n {
				t.Fatalf("%v", texts)
			}
		})
	}
}

func TestStartAgainElsewhereThanOnASocket(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.customer.Connection = ""
	frame := w.messages("one")
	for _, want := range []string{"2", "2 again"} {
		out, err := w.begin(t.Context(), w.customer, w.conv, "", frame)
		w.must(err)
		w.same(acks(out), []string{want})
	}
	if n := len(w.head().Listeners); n != 0 {
		t.Fatalf("%d listeners", n)
	}
}

func TestStartWithSomebodyElsesID(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("mine")
	other := w.principal(w.customer.Workspace, chat.RoleCustomer, "other-1")
	_, err := w.begin(t.Context(), other, w.conv, "", w.messages("theirs"))
	w.refused(err, chat.CodeIDReused)
	w.same(w.texts(chat.Public), []string{"mine"})
	if _, in := w.head().Participants[other.User]; in {
		t.Fatal("a stranger takes part")
	}
}

func TestStartLostAnswer(t *testing.T) {
	t.Parallel()
	for _, call := range []string{"Create", "Head"} {
		w := newWorld(t)
		struck := w.fault(call, 1, true)
		out := w.start("one")
		w.same(out.Acks[0].Event.Seq, uint64(2))
		w.same(w.texts(chat.Public), []string{"one"})
		w.same(*struck, 1)
	}
}

func TestTwoStartsRace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	frame := w.messages("same", "frame")
	outs := make([]*chat.Outcome, 2)
	var wg sync.WaitGroup
	for i := range outs {
		wg.Go(func() {
			var err error
			if outs[i], err = w.begin(t.Context(), w.customer, w.conv, "", frame); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if outs[0] == nil || outs[1] == nil {
		t.Fatal("a start failed")
	}
	w.same(w.texts(chat.Public), []string{"same", "frame"})
	if outs[0].Acks[0].Duplicate == outs[1].Acks[0].Duplicate {
		t.Fatal("exactly one of two racing starts creates")
	}
	w.same(seqs(outs[0].Push), seqs(outs[1].Push))
}
