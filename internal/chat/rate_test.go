package chat_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// relayAway stands for a relay that moves no tails.
const relayAway = -1

// until sends one message every pause until one is refused, moving the tail but for keep events as the relay
// does, and returns how many were taken; at most 100.
func (w *world) until(p chat.Principal, pause time.Duration, text string, keep int) int {
	w.Helper()
	for n := range 100 {
		w.clock.Advance(pause)
		_, err := w.send(p, w.head().Public.Last, chat.NewMessage{ID: w.eventID(), Text: text})
		if chat.CodeOf(err) == chat.CodeTooFast {
			return n
		}
		w.must(err)
		if keep >= 0 && n%3 == 2 {
			w.moveTail(chat.Public, uint64(keep))
		}
	}
	return 100
}

func TestRate(t *testing.T) {
	t.Parallel()
	for _, keep := range []int{relayAway, 0, 4} {
		for name, c := range map[string]struct {
			pause    time.Duration
			min, max int
		}{
			"script":          {20 * time.Millisecond, 30, 36},
			"a bit too fast":  {200 * time.Millisecond, 30, 40},
			"a fast writer":   {time.Second, 100, 100},
			"just at the rim": {340 * time.Millisecond, 100, 100},
		} {
			t.Run(fmt.Sprintf("%s, tail of %d", name, keep), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.start("hello")
				w.clock.Advance(time.Minute)
				if n := w.until(w.customer, c.pause, "x", keep); n < c.min || n > c.max {
					t.Fatalf("%d messages were taken", n)
				}
			})
		}
	}
}

func TestRateEndsWithThePause(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.until(w.customer, time.Millisecond, "x", 0)
	w.clock.Advance(chat.DefaultRate.Pause)
	_, err := w.send(w.customer, w.head().Public.Last, w.messages("sorry")...)
	w.must(err)
}

func TestRateOfBigMessagesAndOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.join()
	if n := w.until(w.operator, time.Millisecond, "x", 0); n != 100 {
		t.Fatalf("staff is limited after %d", n)
	}
	if _, err := w.send(w.customer, w.last(), w.messages("slowly")...); err != nil {
		t.Fatal(err)
	}
	_, err := w.send(w.customer, w.last(), w.messages("after a hundred of the operator's")...)
	w.must(err)
	if n := w.until(w.customer, 50*time.Millisecond, strings.Repeat("x", chat.MaxText), 0); n > 36 {
		t.Fatalf("%d big messages in %v", n, 100*50*time.Millisecond)
	}
}

// The rate may cost nothing while nobody is fast: no read of chunks, no second write.
func TestRateIsFreeForOrdinaryWriters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.moveTail(chat.Public, 0)
	calls := map[string]int{}
	w.store.Fault = func(call string, after bool) error {
		if after {
			calls[call]++
		}
		return nil
	}
	for range 20 {
		w.clock.Advance(time.Second)
		_, err := w.send(w.customer, w.last(), w.messages("x")...)
		w.must(err)
	}
	w.same(calls, map[string]int{"Append": 20})
}

func TestRevisionsCountToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	for n := range 100 {
		r := w.revision(chat.Public, 2, fmt.Sprint(n))
		r.After = w.head().Public.Last
		_, err := w.svc.Edit(t.Context(), w.customer, r)
		if chat.CodeOf(err) == chat.CodeTooFast {
			if n < 25 {
				t.Fatalf("refused after %d", n)
			}
			return
		}
		w.must(err)
		w.moveTail(chat.Public, 1)
	}
	t.Fatal("100 edits in no time")
}

// A workspace may have a rate of its own, or none at all; those without one have the service's.
func TestRateOfAWorkspace(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		own      chat.Rate
		has      bool
		min, max int
	}{
		"stricter":    {chat.Rate{Messages: 5, Window: time.Minute, Pause: time.Hour}, true, 5, 6},
		"unlimited":   {chat.Rate{}, true, 100, 100},
		"not its own": {chat.Rate{Messages: 5, Window: time.Minute, Pause: time.Hour}, false, 30, 31},
	} {
		w := newWorld(t)
		w.start("hello")
		w.clock.Advance(2 * time.Minute)
		asked := chat.WorkspaceID("")
		w.svc.RateOf = func(_ context.Context, id chat.WorkspaceID) (chat.Rate, bool) {
			asked = id
			return c.own, c.has
		}
		if n := w.until(w.customer, time.Millisecond, "x", relayAway); n < c.min || n > c.max || asked != w.customer.Workspace {
			t.Errorf("%s: %d messages were taken, %s was asked for", name, n, asked)
		}
		if name != "stricter" {
			continue
		}
		w.clock.Advance(chat.DefaultRate.Pause)
		_, err := w.send(w.customer, w.last(), w.messages("too early")...)
		w.refused(err, chat.CodeTooFast)
		w.clock.Advance(c.own.Pause)
		_, err = w.send(w.customer, w.last(), w.messages("sorry")...)
		w.must(err)
	}
}

func TestFailingToMuteIsNotTheSendersProblem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.throttle("Mute")
	if n := w.until(w.customer, time.Millisecond, "x", relayAway); n != 100 {
		t.Fatalf("refused after %d", n)
	}
}

func TestHugeTailIsMovedByTheSender(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	for range 10 {
		w.say(w.customer, strings.Repeat("x", chat.MaxText))
	}
	if h := w.head(); h.Public.From < 8 {
		t.Fatalf("the tail still begins at %d", h.Public.From)
	}
	w.log(chat.Public)
	w.throttle("MoveTail") // and when that fails, the send does not
	for range 10 {
		w.say(w.customer, strings.Repeat("x", chat.MaxText))
	}
	w.same(len(w.log(chat.Public)), 22)
}
