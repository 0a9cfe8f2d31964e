package virtual

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// scene is a workspace with a customer in a world.
type scene struct {
	*testing.T
	*World
	workspace chat.WorkspaceID
	customer  chat.Principal
	ref       chat.Ref
}

// play runs a test in a bubble of virtual time.
func play(t *testing.T, o Options, test func(*scene)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o.Template = "../../template.yaml"
		w, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		s := &scene{T: t, World: w, workspace: chat.WorkspaceID(chat.NewID(chat.WorkspacePrefix, time.Now()))}
		s.customer = chat.Principal{Workspace: s.workspace, User: s.user(), Role: chat.RoleCustomer}
		test(s)
		s.must(w.Close(t.Context()))
		if failures := w.Failures(); o.Fault == nil && len(failures) > 0 {
			t.Errorf("functions failed:\n%s", strings.Join(failures, "\n"))
		}
		if o.Fault == nil && !o.Stop && len(w.Warnings()) > 0 {
			t.Errorf("the stack warns: %q", w.Warnings())
		}
	})
}

func (s *scene) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *scene) user() chat.UserID { return chat.UserID(chat.NewID(chat.UserPrefix, time.Now())) }

func (s *scene) event() chat.EventID { return chat.EventID(chat.NewID(chat.EventPrefix, time.Now())) }

// operator comes on duty for a very long time.
func (s *scene) operator(capacity int) chat.Principal {
	s.Helper()
	p := chat.Principal{Workspace: s.workspace, User: s.user(), Role: chat.RoleOperator}
	s.must(s.Store.PutOperator(s.Context(), chat.Operator{
		Workspace: s.workspace, User: p.User, Role: chat.RoleOperator, Capacity: capacity, Duty: chat.DutyAccepting, Lease: time.Now().Add(2 * 365 * 24 * time.Hour),
		Events: 0,
	}))
	return p
}

// start begins a conversation, as the socket function does it.
func (s *scene) start() {
	s.Helper()
	s.ref = chat.Ref{Workspace: s.workspace, Conversation: chat.ConversationID(chat.NewID(chat.ConversationPrefix, time.Now()))}
	out, err := s.Chat.Start(s.Context(), s.customer, chat.NewConversation{ID: s.ref.Conversation, Messages: []chat.NewMessage{{ID: s.event(), Text: "hello"}}})
	s.must(err)
	s.must(s.Chat.Delivery.Committed(s.Context(), s.customer, out))
}

// say writes a message.
func (s *scene) say(p chat.Principal, text string) {
	s.Helper()
	out, err := s.Chat.Send(s.Context(), p, s.ref.Conversation, chat.Public, s.head().Public.Last, []chat.NewMessage{{ID: s.event(), Text: text}})
	s.must(err)
	s.must(s.Chat.Delivery.Committed(s.Context(), p, out))
}

func (s *scene) head() *chat.Head {
	s.Helper()
	h, err := s.Store.Head(s.Context(), s.ref)
	s.must(err)
	if h == nil {
		s.Fatal("no such conversation")
	}
	return h
}

// log reads a whole track.
func (s *scene) log(t chat.Track) []chat.Event {
	s.Helper()
	h := s.head()
	var all []chat.Event
	for after := uint64(0); after+1 < h.Track(t).From; {
		part, err := s.Store.After(s.Context(), s.ref, t, after, 1000)
		s.must(err)
		if len(part) == 0 {
			s.Fatalf("%s: nothing after %d", t, after)
		}
		all = append(all, part...)
		after = part[len(part)-1].Seq
	}
	return append(all, h.Track(t).Tail...)
}

// of lists the events of a type.
func of(log []chat.Event, typ chat.EventType) []chat.Event {
	return slices.DeleteFunc(slices.Clone(log), func(e chat.Event) bool { return e.Type != typ })
}

// until lets virtual time pass until ok, at most limit, looking every step.
func (s *scene) until(what string, limit, step time.Duration, ok func() bool) time.Duration {
	s.Helper()
	begun := time.Now()
	for !ok() {
		if time.Since(begun) > limit {
			s.Fatalf("%s: not within %s of virtual time; the conversation is %+v", what, limit, s.head())
		}
		time.Sleep(step)
	}
	return time.Since(begun)
}

func (s *scene) status(want chat.Status) func() bool {
	return func() bool { return s.head().Status == want }
}

// take gives the conversation to an operator by hand.
func (s *scene) take(p chat.Principal) {
	s.Helper()
	out, err := s.Chat.Join(s.Context(), p, chat.Step{Conversation: s.ref.Conversation, ID: s.event()})
	s.must(err)
	s.must(s.Chat.Delivery.Committed(s.Context(), p, out))
}

// snooze puts the conversation off.
func (s *scene) snooze(p chat.Principal, until time.Time) {
	s.Helper()
	h := s.head()
	e := chat.Event{Seq: h.Desk.Last + 1, ID: s.event(), Type: chat.EventSnoozed, At: time.Now(), Sender: p.User, Role: p.Role, From: h.Status,
		To: chat.StatusSnoozed, Detail: &chat.Detail{Until: until}}
	s.must(s.Store.Transition(s.Context(), chat.Append{
		Ref: s.ref, Track: chat.Desk, After: h.Desk.Last, Events: []chat.Event{e}, Rule: chat.Rule{Actor: p.User, Version: &h.Version},
	}, chat.Change{Old: h, Status: chat.StatusSnoozed, Until: until, Places: []chat.Place{{User: p.User, At: time.Now()}}}))
}

// TestPromise: after ten seconds without an answer the customer is told what to expect, once.
func TestPromise(t *testing.T) {
	play(t, Options{}, func(s *scene) {
		s.start()
		waited := s.until("the promise", 20*time.Second, 100*time.Millisecond, func() bool { return len(of(s.log(chat.Public), chat.EventPromise)) > 0 })
		if waited < 10*time.Second || waited > 14*time.Second { // a second of the stream's batching window, and whole seconds of delay
			s.Errorf("told after %s", waited)
		}
		told := of(s.log(chat.Public), chat.EventPromise)[0]
		if told.Sender != chat.SystemUser || told.Detail == nil || told.Detail.Fields[chat.PromisePosition] != "1" || told.Detail.Fields[chat.PromiseOffer] != "email" {
			s.Errorf("%+v", told)
		}
		time.Sleep(10 * time.Minute)
		if n := len(of(s.log(chat.Public), chat.EventPromise)); n != 1 {
			s.Errorf("told %d times", n)
		}
	})
}

// TestNoPromiseAfterAnAnswer: who was answered is told nothing.
func TestNoPromiseAfterAnAnswer(t *testing.T) {
	play(t, Options{}, func(s *scene) {
		s.start()
		o := chat.Principal{Workspace: s.workspace, User: s.user(), Role: chat.RoleOperator}
		time.Sleep(5 * time.Second)
		s.take(o)
		s.say(o, "hi")
		time.Sleep(time.Minute)
		if n := len(of(s.log(chat.Public), chat.EventPromise)); n != 0 {
			s.Errorf("told %d times", n)
		}
	})
}

// TestIdle: the timer follows the messages, none of which armed one.
func TestIdle(t *testing.T) {
	play(t, Options{}, func(s *scene) {
		o := s.operator(4)
		s.start()
		s.until("assignment", 2*time.Minute, time.Second, s.status(chat.StatusActive))
		for range 12 {
			s.say(o, "still here")
			time.Sleep(7 * time.Minute)
		}
		if h := s.head(); h.Status != chat.StatusActive {
			s.Fatalf("%s while somebody writes", h.Status)
		}
		waited := s.until("idle", 10*time.Minute, time.Second, s.status(chat.StatusIdle))
		if waited < 3*time.Minute-2*time.Second || waited > 3*time.Minute+10*time.Second {
			s.Errorf("idle %s after the last look", waited)
		}
		op, err := s.Store.Operator(s.Context(), s.workspace, o.User)
		s.must(err)
		if op.Load != 0 {
			s.Errorf("load %d", op.Load)
		}
	})
}

// TestThirtyDaySnooze: a month later the conversation is with its operator again, to the second, although no function ran
// for weeks in between: the sweep has made up for them. (That each of a month's sweeps is made: chat.TestAMonthOfSweeps.)
func TestThirtyDaySnooze(t *testing.T) {
	play(t, Options{Stop: true}, func(s *scene) {
		o := s.operator(4)
		s.start()
		s.until("assignment", 2*time.Minute, time.Second, s.status(chat.StatusActive))
		s.say(o, "back in a month")
		until := time.Now().Add(30 * 24 * time.Hour).Truncate(time.Second).Add(17 * time.Second)
		s.snooze(o, until)
		time.Sleep(time.Hour)
		s.must(s.Outage(s.Context(), 29*24*time.Hour))
		time.Sleep(time.Until(until) - time.Second)
		if h := s.head(); h.Status != chat.StatusSnoozed {
			s.Fatalf("%s a second too early", h.Status)
		}
		late := s.until("waking", time.Minute, 100*time.Millisecond, s.status(chat.StatusActive)) - time.Second
		if late > 3*time.Second {
			s.Errorf("woken %s late", late)
		}
		log := s.log(chat.Desk)
		if e := log[len(log)-1]; e.Type != chat.EventResumed || e.From != chat.StatusSnoozed || e.To != chat.StatusActive || e.Sender != chat.SystemUser {
			s.Errorf("%+v", e)
		}
		if h := s.head(); h.Assignee != o.User {
			s.Errorf("with %s", h.Assignee)
		}
		if at, err := s.Store.Swept(s.Context()); err != nil || at.Before(time.Now().Add(-2*time.Minute)) {
			s.Errorf("swept up to %s, %v", at, err)
		}
	})
}

// TestOfferedToFortyOperators: an offer goes from one to the next until all have let it pass, with the recursion stop
// in force for every function. Then everybody is left in peace for a time, and asked again.
func TestOfferedToFortyOperators(t *testing.T) {
	policy := chat.DefaultRoutingPolicy()
	policy.ManualAccept = true
	play(t, Options{Policy: &policy, Stop: true}, func(s *scene) {
		const n = 40
		all := map[chat.UserID]bool{}
		for range n {
			all[s.operator(1).User] = true
		}
		s.start()
		begun := time.Now()
		s.until("the alert", time.Hour, time.Second, func() bool { return len(of(s.log(chat.Desk), chat.EventAlerted)) > 0 })
		log := s.log(chat.Desk)
		offered := map[chat.UserID]int{}
		for _, e := range of(log, chat.EventOffered)[:n] {
			offered[e.Subject]++
		}
		for u := range all {
			if offered[u] != 1 {
				s.Errorf("%s was offered it %d times", u, offered[u])
			}
		}
		if missed := of(log, chat.EventOfferMissed); len(missed) < n {
			s.Errorf("%d misses", len(missed))
		}
		if took := time.Since(begun); took < n*30*time.Second || took > n*35*time.Second {
			s.Errorf("it took %s", took)
		}
		for _, warning := range s.Warnings() {
			if strings.Contains(warning, "recursion stopped") {
				s.Error(warning)
			}
		}
		if h := s.head(); h.Status != chat.StatusQueued || h.FirstQueued.Sub(h.QueuedAt) != 0 {
			s.Errorf("afterwards: %+v", h)
		}
		rest := s.until("the first one is asked again", time.Hour, time.Second, func() bool { return len(of(s.log(chat.Desk), chat.EventOffered)) > n })
		if rest < chat.AskAgain-5*time.Second || rest > chat.AskAgain+10*time.Second {
			s.Errorf("they were left in peace for %s", rest)
		}
	})
}

// TestPositionsWhileSomebodyWaits: the round of tellings begins with the promise, goes on for as long as somebody waits,
// and ends by itself.
func TestPositionsWhileSomebodyWaits(t *testing.T) {
	play(t, Options{}, func(s *scene) {
		s.start()
		time.Sleep(20 * time.Minute) // longer than one chain of tellings
		before := s.Invoked("TimerFunction")
		time.Sleep(5 * time.Minute)
		if n := s.Invoked("TimerFunction") - before; n < 15 || n > 35 { // every 15 s, and the sweep and its job every minute
			s.Errorf("%d invocations in five minutes of waiting", n)
		}
		list, err := s.Store.Waiting(s.Context(), s.workspace, "", 10)
		s.must(err)
		if len(list) != 1 || list[0].Told != 1 {
			s.Errorf("%+v", list)
		}
		o := chat.Principal{Workspace: s.workspace, User: s.user(), Role: chat.RoleOperator}
		s.take(o)
		s.say(o, "hi")
		time.Sleep(30 * time.Minute) // the conversation is idle, and the workspace retired
		before = s.Invoked("TimerFunction")
		time.Sleep(10 * time.Minute)
		if n := s.Invoked("TimerFunction") - before; n > 11 { // the sweep alone
			s.Errorf("%d invocations in ten minutes of rest", n)
		}
	})
}

// TestSweepFindsWhoIsGone: nobody told that the operator's socket closed. The sweep sees that the lease is over, and the
// customer who waits is in the queue again.
func TestSweepFindsWhoIsGone(t *testing.T) {
	play(t, Options{}, func(s *scene) {
		o := s.operator(4)
		op, err := s.Store.Operator(s.Context(), s.workspace, o.User)
		s.must(err)
		op.Lease, op.Online = time.Now().Add(5*time.Minute), time.Now()
		s.must(s.Store.PutOperator(s.Context(), *op))
		s.start()
		s.until("assignment", 2*time.Minute, time.Second, s.status(chat.StatusActive))
		s.say(o, "hi")
		s.say(s.customer, "and?")
		gone := op.Lease.Add(chat.DisconnectGrace)
		time.Sleep(time.Until(gone) - time.Second)
		if h := s.head(); h.Status != chat.StatusActive {
			s.Fatalf("%s while the grace lasts", h.Status)
		}
		s.until("the queue", 70*time.Second, time.Second, s.status(chat.StatusQueued))
	})
}

// TestTimersOutlastFaults: calls fail before and after their effect, in every function, and yet the customer is told,
// once, and the conversation is idle when it should be.
func TestTimersOutlastFaults(t *testing.T) {
	var mu sync.Mutex
	calls, struck := map[string]int{}, map[string]int{}
	fault := func(function, operation string, after bool) error {
		mu.Lock()
		defer mu.Unlock()
		if function == "SocketFunction" {
			return nil
		}
		call := function + "." + operation
		if calls[call]++; calls[call]%4 != 2 {
			return nil
		}
		struck[call]++
		return ErrLost
	}
	play(t, Options{Fault: fault}, func(s *scene) {
		s.start()
		s.until("the promise", 20*time.Minute, time.Second, func() bool { return len(of(s.log(chat.Public), chat.EventPromise)) > 0 })
		o := chat.Principal{Workspace: s.workspace, User: s.user(), Role: chat.RoleOperator}
		s.take(o)
		s.say(o, "hi")
		s.until("idle", time.Hour, time.Second, s.status(chat.StatusIdle))
		time.Sleep(time.Hour)
		if n := len(of(s.log(chat.Public), chat.EventPromise)); n != 1 {
			s.Errorf("told %d times", n)
		}
		if n := len(of(s.log(chat.Desk), chat.EventIdle)); n != 1 {
			s.Errorf("idle %d times", n)
		}
		mu.Lock()
		defer mu.Unlock()
		for _, call := range []string{"RelayFunction.SendMessageBatch", "TimerFunction.UpdateItem", "TimerFunction.GetItem", "TimerFunction.SendMessageBatch"} {
			if struck[call] == 0 {
				s.Errorf("%s never failed: %v", call, struck)
			}
		}
	})
}
