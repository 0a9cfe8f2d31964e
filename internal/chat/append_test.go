package chat_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

func TestSendStoresInOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	out, err := w.send(w.customer, 2, w.messages("one", "two")...)
	w.must(err)
	w.same(acks(out), []string{"3", "4"})
	w.same(seqs(out.Push), []uint64{3, 4})
	w.same(seqs(out.Missed), []uint64{})
	w.same(w.texts(chat.Public), []string{"hello", "one", "two"})
	w.same(out.Head.Participants[w.customer.User].Cursor, uint64(2)) // it rides at the original after
}

// A retry sends the same frame with the same after; where the log was cut meanwhile must not matter.
func TestRetryIsFoundWhereverItLies(t *testing.T) {
	t.Parallel()
	for _, keep := range []uint64{99, 3, 2, 1, 0} {
		for _, others := range []int{0, 1, 5} {
			t.Run(fmt.Sprintf("tail of %d, %d others", keep, others), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.start("hello")
				w.join()
				frame := w.messages("one", "two")
				_, err := w.send(w.customer, 3, frame...)
				w.must(err)
				for range others {
					w.say(w.operator, "reply")
				}
				w.moveTail(chat.Public, keep)
				out, err := w.send(w.customer, 3, frame...)
				w.must(err)
				w.same(acks(out), []string{"4 again", "5 again"})
				w.same(seqs(out.Push), []uint64{4, 5}) // again: the first try may have died before pushing
				w.same(len(out.Missed), others)
				if got := len(w.log(chat.Public)); got != 5+others {
					t.Fatalf("%d events", got)
				}
			})
		}
	}
}

func TestRetryMayCarryMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.join()
	frame := w.messages("one", "two", "three")
	_, err := w.send(w.customer, 3, frame[:1]...)
	w.must(err)
	w.say(w.operator, "between")
	w.moveTail(chat.Public, 1)
	out, err := w.send(w.customer, 3, frame...)
	w.must(err)
	w.same(acks(out), []string{"4 again", "6", "7"})
	w.same(seqs(out.Missed), []uint64{5})
	w.same(w.texts(chat.Public), []string{"hello", "one", "between", "two", "three"})
	if c := out.Head.Participants[w.customer.User].Cursor; c != 3 {
		t.Fatalf("the cursor is %d: it rides only on a commit at the original after", c)
	}
}

func TestSendReturnsWhatWasMissed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.join()
	w.say(w.operator, "a", "b")
	w.moveTail(chat.Public, 1)
	before := w.head().Participants[w.customer.User].Cursor
	out, err := w.send(w.customer, 2, w.messages("mine")...)
	w.must(err)
	w.same(acks(out), []string{"6"})
	w.same(seqs(out.Missed), []uint64{3, 4, 5})
	w.same(seqs(out.Push), []uint64{6})
	w.same(out.Head.Participants[w.customer.User].Cursor, before)
}

func TestReusedIDIsAnError(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	frame := w.messages("one")
	_, err := w.send(w.customer, 2, frame...)
	w.must(err)
	_, err = w.send(w.customer, 2, chat.NewMessage{ID: frame[0].ID, Text: "another"})
	w.refused(err, chat.CodeIDReused)
	w.moveTail(chat.Public, 0)
	_, err = w.send(w.customer, 2, chat.NewMessage{ID: frame[0].ID, Text: "another"})
	w.refused(err, chat.CodeIDReused)
	_, err = w.svc.Close(t.Context(), w.customer, chat.Step{Conversation: w.conv, ID: frame[0].ID})
	w.refused(err, chat.CodeIDReused)
	w.same(w.texts(chat.Public), []string{"hello", "one"})
}

func TestSameIDOfAnotherProvesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.join()
	frame := w.messages("mine")
	_, err := w.send(w.customer, 3, frame...)
	w.must(err)
	out, err := w.send(w.operator, 3, frame...) // another sender
	w.must(err)
	w.same(acks(out), []string{"5"})
	note, err := w.svc.Send(t.Context(), w.operator, w.conv, chat.Desk, 0, frame) // another track
	w.must(err)
	w.same(acks(note), []string{"1"})
	w.same(w.texts(chat.Public), []string{"hello", "mine", "mine"})
	w.same(w.texts(chat.Desk), []string{"mine"})
}

func TestAheadOfTheLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	_, err := w.send(w.customer, 3, w.messages("from another life")...)
	w.refused(err, chat.CodeOutOfSync)
	_, err = w.svc.Close(t.Context(), w.customer, chat.Step{Conversation: w.conv, ID: w.eventID(), After: 9})
	w.refused(err, chat.CodeOutOfSync)
	w.same(w.texts(chat.Public), []string{"hello"})
}

// A stranger learns nothing from what the answer to a wrong after would be: not even that there is a conversation.
func TestStrangersCannotProbe(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.moveTail(chat.Public, 0)
	probe := func(p chat.Principal) {
		for _, after := range []uint64{0, 1, 2, 3, 99} {
			_, err := w.send(p, after, w.messages("x")...)
			w.refused(err, chat.CodeNotFound)
			_, err = w.svc.Close(t.Context(), p, chat.Step{Conversation: w.conv, ID: w.eventID(), After: after})
			w.refused(err, chat.CodeNotFound)
		}
	}
	probe(w.operator)   // whose earlier try is looked for: they may have taken part
	w.throttle("After") // for a customer nothing is read
	probe(w.principal(w.customer.Workspace, chat.RoleCustomer, "customer-2"))
}

// What a first try stored is acknowledged even if the rule has come to forbid a new message since.
func TestRuleThatFailsOnlyForNewMessages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.join()
	frame := w.messages("stored", "too late")
	_, err := w.send(w.operator, 3, frame[0])
	w.must(err)
	w.must(w.store.Mute(t.Context(), w.ref(), w.operator.User, w.clock.Now().Add(time.Minute)))
	out, err := w.send(w.operator, 3, frame[0])
	w.must(err)
	w.same(acks(out), []string{"4 again"})
	_, err = w.send(w.operator, 3, frame...)
	w.refused(err, chat.CodeTooFast)
	w.close(w.customer)
	out, err = w.send(w.operator, 3, frame[0])
	w.must(err)
	w.same(acks(out), []string{"4 again"})
	_, err = w.send(w.operator, 3, frame...)
	w.refused(err, chat.CodeClosed)
	w.same(w.texts(chat.Public), []string{"hello", "stored"})
}

func TestMutedUntilItPasses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.must(w.store.Mute(t.Context(), w.ref(), w.customer.User, w.clock.Now().Add(3*time.Second)))
	frame := w.messages("one")
	_, err := w.send(w.customer, 2, frame...)
	w.refused(err, chat.CodeTooFast)
	if e := err.(*chat.Error); e.RetryAfter != 3*time.Second { //nolint:errorlint // refused has made sure
		t.Fatalf("retry after %v", e.RetryAfter)
	}
	w.clock.Advance(3 * time.Second)
	_, err = w.send(w.customer, 2, frame...)
	w.must(err)
}

func TestLostAnswer(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		t.Run(fmt.Sprintf("after the effect %v", after), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.start("hello")
			struck := w.fault("Append", 1, after)
			out, err := w.send(w.customer, 2, w.messages("one", "two")...)
			w.must(err)
			want := []string{"3", "4"}
			if after {
				want = []string{"3 again", "4 again"}
			}
			w.same(acks(out), want)
			w.same(w.texts(chat.Public), []string{"hello", "one", "two"})
			w.same(*struck, 1)
		})
	}
}

func TestThrottledUntilTheDeadline(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	for call, use := range map[string]func() error{
		"Append":     func() error { _, err := w.send(w.customer, 2, w.messages("x")...); return err },
		"Transition": func() error { _, err := w.svc.Close(t.Context(), w.customer, w.step()); return err },
		"Create": func() error {
			_, err := w.begin(t.Context(), w.customer, w.newConversation(), "", w.messages("x"))
			return err
		},
		"Head":       func() error { _, err := w.svc.Close(t.Context(), w.customer, w.step()); return err },
		"Subscribe":  func() error { _, err := w.svc.Hello(t.Context(), w.customer, nil, ""); return err },
		"Opened":     func() error { _, err := w.svc.Hello(t.Context(), w.customer, nil, ""); return err },
		"Open":       func() error { _, err := w.svc.Ping(t.Context(), w.customer, nil); return err },
		"MoveCursor": func() error { _, err := w.svc.Read(t.Context(), w.customer, w.conv, 2); return err },
	} {
		w.throttle(call)
		begun := w.clock.Now()
		w.refused(use(), chat.CodeUnavailable)
		if took := w.clock.Now().Sub(begun); took < 5*time.Second || took > 7*time.Second {
			t.Errorf("%s: gave up after %v, want the deadline of 5 s", call, took)
		}
	}
	w.same(w.texts(chat.Public), []string{"hello"})
}

func TestCancelledContextEndsTheTries(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.throttle("Append")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	begun := w.clock.Now()
	_, err := w.svc.Send(ctx, w.customer, w.conv, chat.Public, 2, w.messages("x"))
	w.refused(err, chat.CodeUnavailable)
	if took := w.clock.Now().Sub(begun); took > time.Second {
		t.Fatalf("went on for %v after the caller had left", took)
	}
}

// holed is a log of which a chunk is lost.
type holed struct{ chat.Reader }

func (holed) After(context.Context, chat.Ref, chat.Track, uint64, int) ([]chat.Event, error) {
	return nil, nil
}

// A hole in the log is damage: nothing may be written on the strength of it, nor shown as if it were whole.
func TestLostChunkIsAnError(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	frame := w.messages("one")
	_, err := w.send(w.customer, 2, frame...)
	w.must(err)
	w.moveTail(chat.Public, 0)
	w.svc.Reader = holed{w.store}
	_, err = w.send(w.customer, 2, frame...)
	w.refused(err, chat.CodeInternal)
	_, err = w.svc.Page(t.Context(), w.customer, chat.PageQuery{Conversation: w.conv, Track: chat.Public})
	w.refused(err, chat.CodeInternal)
	_, err = w.svc.Hello(t.Context(), w.customer, nil, "")
	w.refused(err, chat.CodeInternal)
	w.same(w.texts(chat.Public), []string{"hello", "one"})
}

// Chunks that cannot be read leave the question open whether this is a retry: nothing may be written then.
func TestNothingIsWrittenUnlessTheRangeWasSearched(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	frame := w.messages("one")
	_, err := w.send(w.customer, 2, frame...)
	w.must(err)
	w.moveTail(chat.Public, 0)
	w.throttle("After")
	_, err = w.send(w.customer, 2, frame...)
	w.refused(err, chat.CodeUnavailable)
	w.store.Fault = nil
	out, err := w.send(w.customer, 2, frame...)
	w.must(err)
	w.same(acks(out), []string{"3 again"})
}

// Whoever keeps losing to others must let up: an endless loop would hold the function until it is killed.
func TestLosingTriesBackOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.join()
	inside := false
	w.store.Fault = func(call string, after bool) error {
		if call != "Append" || after || inside {
			return nil
		}
		inside = true // somebody else is always faster
		defer func() { inside = false }()
		h := w.head()
		_, err := w.store.Append(t.Context(), chat.Append{Ref: w.ref(), Track: chat.Public, After: h.Public.Last, Events: []chat.Event{
			{Seq: h.Public.Last + 1, ID: w.eventID(), Type: chat.EventMessage, Sender: w.operator.User, Role: chat.RoleOperator, Text: "first!"},
		}})
		return err
	}
	begun := w.clock.Now()
	_, err := w.send(w.customer, 3, w.messages("slow")...)
	w.refused(err, chat.CodeUnavailable)
	if w.clock.Now().Sub(begun) < 5*time.Second {
		t.Fatal("gave up before the deadline")
	}
	if n := len(w.log(chat.Public)); n > 300 {
		t.Fatalf("%d tries in 5 s of losing", n)
	}
}

func TestInvalidMessagesChangeNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	ok := w.messages("x")[0]
	many := w.messages(make([]string, chat.MaxMessages+1)...)
	for i := range many {
		many[i].Text = "x"
	}
	controls := make([]byte, chat.MaxText)
	for name, messages := range map[string][]chat.NewMessage{
		"none":          {},
		"too many":      many,
		"empty":         {{ID: ok.ID}},
		"no id":         {{Text: "x"}},
		"foreign id":    {{ID: chat.EventID(w.conv), Text: "x"}},
		"id twice":      {ok, ok},
		"too long":      {{ID: ok.ID, Text: strings.Repeat("x", chat.MaxText+1)}},
		"not UTF-8":     {{ID: ok.ID, Text: "a\xff"}},
		"only controls": {{ID: ok.ID, Text: string(controls)}},
	} {
		_, err := w.send(w.customer, 2, messages...)
		if chat.CodeOf(err) != chat.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
		_, err = w.begin(t.Context(), w.customer, w.newConversation(), "", messages)
		if chat.CodeOf(err) != chat.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := w.svc.Send(t.Context(), w.customer, "c_x", chat.Public, 0, []chat.NewMessage{ok})
	w.refused(err, chat.CodeInvalid)
	w.same(w.texts(chat.Public), []string{"hello"})
}

func TestNotesKnowWhatTheyFollow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.join()
	note := func(after uint64) {
		_, err := w.svc.Send(t.Context(), w.operator, w.conv, chat.Desk, after, w.messages("note"))
		w.must(err)
	}
	note(0)
	w.say(w.customer, "more")
	note(1)
	var follows []uint64
	for _, e := range w.log(chat.Desk) {
		follows = append(follows, e.Follows)
	}
	w.same(follows, []uint64{3, 4})
	if w.head().Participants[w.operator.User].Cursor != 0 {
		t.Fatal("a note moved the read cursor of the public track")
	}
}

func TestManyWritersOneOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.svc.Rate = chat.Rate{}
	w.start("hello")
	w.join()
	var wg sync.WaitGroup
	const writers, each = 6, 15
	frames := make([][]chat.NewMessage, writers)
	for i := range frames {
		frames[i] = w.messages(make([]string, each)...)
	}
	for i, frame := range frames {
		p := []chat.Principal{w.customer, w.operator}[i%2]
		wg.Go(func() {
			after := uint64(3)
			for k, m := range frame {
				m.Text = fmt.Sprint(i, " ", k)
				out, err := w.svc.Send(t.Context(), p, w.conv, chat.Public, after, []chat.NewMessage{m})
				if err != nil {
					t.Error(err)
					return
				}
				after = out.Acks[0].Event.Seq
			}
		})
	}
	wg.Wait()
	if got := len(w.log(chat.Public)); got != 3+writers*each {
		t.Fatalf("%d events, want %d", got, 3+writers*each)
	}
}

// Somebody who reads on another device has a cursor beyond the after of a frame that has to be tried again: the
// frame must not take it back.
func TestCursorNeverGoesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.join()
	w.say(w.operator, "one")
	w.say(w.operator, "two")
	_, err := w.svc.Read(t.Context(), w.customer, w.conv, 5)
	w.must(err)
	out, err := w.send(w.customer, 3, w.messages("sent before I saw them")...)
	w.must(err)
	w.same(seqs(out.Push), []uint64{6})
	w.same(out.Head.Participants[w.customer.User].Cursor, uint64(5))
}
