package chat_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/chat/chattest"
)

// delayed is the timer queue of a world: messages that become visible when its clock says so, at least once.
type delayed struct {
	mu       sync.Mutex
	messages []delayedTimer
	sent     int // but for the sweep's
	fault    func() error
}

type delayedTimer struct {
	at    time.Time
	timer chat.Timer
}

func (q *delayed) Delay(_ context.Context, now time.Time, timers ...chat.Timer) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.fault != nil {
		if err := q.fault(); err != nil {
			return err
		}
	}
	for _, t := range timers {
		if t.Due.Sub(now) > chat.MaxDelay {
			return errors.New("longer than a message can be delayed")
		}
		at := now
		if t.Due.After(now) {
			at = t.Due
		}
		q.messages = append(q.messages, delayedTimer{at, t})
		if t.Kind != chat.TimerSweep {
			q.sent++
		}
	}
	return nil
}

// next takes out the message that is due first, up to a time.
func (q *delayed) next(until time.Time) (delayedTimer, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	best := -1
	for i, m := range q.messages {
		if !m.at.After(until) && (best < 0 || m.at.Before(q.messages[best].at)) {
			best = i
		}
	}
	if best < 0 {
		return delayedTimer{}, false
	}
	m := q.messages[best]
	q.messages = slices.Delete(q.messages, best, best+1)
	return m, true
}

// clockwork is a world with everything that timers need, under its virtual clock.
type clockwork struct {
	*world
	queue  *delayed
	kept   *chattest.Timers
	arming *chat.Arming
	keeper *chat.Timekeeper
	sweep  *chat.Sweep
	routed []chat.RouteJob
	relay  map[chat.Ref]*chat.Head // what the relay has seen last
	fired  map[chat.TimerKind]int
	swept  time.Time
}

func (c *clockwork) Route(_ context.Context, jobs ...chat.RouteJob) error {
	c.routed = append(c.routed, jobs...)
	return nil
}

func newClockwork(t *testing.T) *clockwork {
	t.Helper()
	w := newWorld(t)
	c := &clockwork{world: w, queue: &delayed{}, kept: chattest.NewTimers(), relay: map[chat.Ref]*chat.Head{}, fired: map[chat.TimerKind]int{}, swept: w.clock.Now()}
	timers := &chat.Timetable{Queue: c.queue, Dues: c.kept, Now: w.clock.Now}
	w.svc.Staff, w.svc.Entries, w.svc.Routing, w.svc.Timers = w.store, w.store, c, timers
	c.arming = &chat.Arming{Timers: timers, Active: c.kept, States: w.store, Now: w.clock.Now}
	c.keeper = &chat.Timekeeper{
		Chat: w.svc, Actions: w.svc, Timers: timers, Routing: c, Staff: w.store, Turns: c.kept, Active: c.kept, Arming: c.arming, Now: w.clock.Now,
	}
	c.sweep = &chat.Sweep{Dues: c.kept, Queue: c.queue, Active: c.kept, Now: w.clock.Now}
	return c
}

// stream lets the relay see the conversation as it is now, as one record.
func (c *clockwork) stream() {
	c.Helper()
	h := c.head()
	c.arm(c.relay[h.Ref], h)
	c.relay[h.Ref] = h
}

func (c *clockwork) arm(before, after *chat.Head) {
	c.Helper()
	timers, err := c.arming.Due(c.Context(), before, after)
	c.must(err)
	c.must(c.arming.Stamp(c.Context(), after))
	if len(timers) > 0 {
		c.must(c.arming.Timers.Arm(c.Context(), timers...))
	}
}

// run lets time pass: timers fire when they are due, and every minute is swept. A timer that fails comes again after
// three minutes, as from the queue.
func (c *clockwork) run(d time.Duration) {
	c.Helper()
	end := c.clock.Now().Add(d)
	for {
		minute := c.swept.Add(time.Minute)
		limit := end
		if minute.Before(end) {
			limit = minute
		}
		if m, ok := c.queue.next(limit); ok {
			c.advanceTo(m.at)
			c.fired[m.timer.Kind]++
			if err := c.keeper.Fire(c.Context(), m.timer); err != nil {
				c.queue.messages = append(c.queue.messages, delayedTimer{c.clock.Now().Add(3 * time.Minute), m.timer})
			}
			continue
		}
		c.advanceTo(limit)
		if limit.Equal(end) && !minute.Equal(end) {
			return
		}
		c.swept = minute
		_ = c.sweep.Run(c.Context()) // what fails is the next run's
		if limit.Equal(end) {
			return
		}
	}
}

func (c *clockwork) advanceTo(t time.Time) {
	if d := t.Sub(c.clock.Now()); d > 0 {
		c.clock.Advance(d)
	}
}

// snooze puts the world's conversation off.
func (c *clockwork) snooze(until time.Time) {
	c.Helper()
	h := c.head()
	e := chat.Event{Seq: h.Desk.Last + 1, ID: c.eventID(), Type: chat.EventSnoozed, At: c.clock.Now(), Sender: c.operator.User, Role: chat.RoleOperator,
		From: h.Status, To: chat.StatusSnoozed, Detail: &chat.Detail{Until: until}}
	c.must(c.store.Transition(c.Context(), chat.Append{
		Ref: c.ref(), Track: chat.Desk, After: h.Desk.Last, Events: []chat.Event{e}, Rule: chat.Rule{Actor: c.operator.User, Version: &h.Version},
	}, chat.Change{Old: h, Status: chat.StatusSnoozed, Until: until, Places: []chat.Place{{User: c.operator.User, At: c.clock.Now()}}}))
	c.stream()
}

// active begins a conversation that the operator has answered.
func (c *clockwork) active() {
	c.Helper()
	c.start("hello")
	c.stream()
	c.join()
	c.stream()
	c.say(c.operator, "hi")
	c.stream()
}

// TestAMonthOfSweeps: a snooze of thirty days ends to the second; each of the month's 43,200 sweeps is made.
func TestAMonthOfSweeps(t *testing.T) {
	t.Parallel()
	newClockwork(t).sleeps(30*24*time.Hour, "", false)
}

// TestSweepsThatDie: whatever call of a sweep fails, before its effect or after it, the snooze ends to the second, once.
func TestSweepsThatDie(t *testing.T) {
	t.Parallel()
	for _, call := range []string{"Swept", "Due", "DropDue", "SetSwept", "ActiveWorkspaces"} {
		for _, after := range []bool{false, true} {
			t.Run(call, func(t *testing.T) {
				t.Parallel()
				newClockwork(t).sleeps(time.Hour, call, after)
			})
		}
	}
}

// sleeps snoozes a conversation for a while, and lets two calls fail in the last minutes.
func (c *clockwork) sleeps(d time.Duration, call string, after bool) {
	c.Helper()
	c.active()
	until := c.clock.Now().Add(d).Add(17 * time.Second)
	c.snooze(until)
	c.run(until.Sub(c.clock.Now()) - 5*time.Minute)
	var mu sync.Mutex // shards are read side by side
	struck := 0
	c.kept.Fault = func(name string, then bool) error {
		mu.Lock()
		defer mu.Unlock()
		if name == call && then == after && struck < 2 {
			struck++
			return chat.ErrUnknownOutcome
		}
		return nil
	}
	c.run(5*time.Minute - time.Second)
	if h := c.head(); h.Status != chat.StatusSnoozed {
		c.Fatalf("%s a second too early", h.Status)
	}
	c.run(2 * time.Second)
	if h := c.head(); h.Status != chat.StatusActive || h.Assignee != c.operator.User {
		c.Fatalf("%s", h.Status)
	}
	if call != "" && struck == 0 {
		c.Errorf("%s never failed", call)
	}
	if n := len(slices.DeleteFunc(c.log(chat.Desk), func(e chat.Event) bool { return e.Type != chat.EventResumed })); n != 1 {
		c.Errorf("woken %d times", n)
	}
}

// TestSweepAfterAnOutage: what came due while nothing was swept is carried out when it is again.
func TestSweepAfterAnOutage(t *testing.T) {
	t.Parallel()
	c := newClockwork(t)
	c.active()
	c.snooze(c.clock.Now().Add(time.Hour))
	c.run(10 * time.Minute)
	c.clock.Advance(20 * time.Hour)
	c.swept = c.clock.Now()
	for range 8 { // of at most 240 minutes each
		c.run(time.Minute)
	}
	if h := c.head(); h.Status != chat.StatusActive {
		t.Errorf("%s", h.Status)
	}
	if at, _ := c.kept.Swept(t.Context()); c.clock.Now().Sub(at) > 0 {
		t.Errorf("swept up to %s ago", c.clock.Now().Sub(at))
	}
}

// TestRowsAreDeletedAfterTheyWereEnqueued: a sweep that dies between the two enqueues again.
func TestRowsAreDeletedAfterTheyWereEnqueued(t *testing.T) {
	t.Parallel()
	c := newClockwork(t)
	timer := chat.Timer{Ref: c.ref(), Kind: chat.TimerSnooze, Version: 1, Due: c.clock.Now().Add(20 * time.Minute)}
	c.must(c.arming.Timers.Arm(t.Context(), timer, timer))
	c.clock.Advance(20 * time.Minute)
	c.queue.fault = func() error { return errors.New("no queue") }
	if err := c.sweep.Run(t.Context()); err == nil {
		t.Fatal("no error")
	}
	c.queue.fault = nil
	c.kept.Fault = func(call string, after bool) error {
		if call == "DropDue" && !after {
			return chat.ErrUnknownOutcome
		}
		return nil
	}
	if err := c.sweep.Run(t.Context()); err == nil || c.queue.sent != 1 {
		t.Fatalf("%v, %d enqueued", err, c.queue.sent)
	}
	c.kept.Fault = nil
	for range 3 {
		c.must(c.sweep.Run(t.Context()))
	}
	if c.queue.sent != 2 {
		t.Errorf("%d enqueued in all", c.queue.sent)
	}
}

// TestTimersOfALife counts the timers of a typical conversation, and sees that no message arms one.
func TestTimersOfALife(t *testing.T) {
	t.Parallel()
	c := newClockwork(t)
	c.start("hello")
	c.stream()
	c.run(4 * time.Second)
	c.join()
	c.stream()
	for range 30 {
		c.say(c.operator, "answer")
		c.say(c.customer, "question")
		c.stream()
		c.run(8 * time.Second)
	}
	before := c.queue.sent
	c.close(c.operator)
	c.stream()
	c.run(30 * time.Minute)
	if before != 3 || c.queue.sent != before { // promise, first reply, idle
		t.Errorf("%d timers while it lasted, %d afterwards", before, c.queue.sent-before)
	}
	for kind, n := range c.fired {
		if kind != chat.TimerSweep && n > 1 {
			t.Errorf("%s fired %d times", kind, n)
		}
	}
	for shard := range chat.ActiveShards {
		if list, _ := c.kept.ActiveWorkspaces(t.Context(), shard); len(list) > 0 {
			t.Errorf("still looked after: %+v", list)
		}
	}
}

// TestStaleTimersDoNothing fires every kind for a version that is past.
func TestStaleTimersDoNothing(t *testing.T) {
	t.Parallel()
	c := newClockwork(t)
	c.active()
	c.close(c.operator)
	before := c.store.Dump()
	for _, kind := range []chat.TimerKind{chat.TimerOffer, chat.TimerNoAnswer, chat.TimerIdle, chat.TimerBot, chat.TimerSnooze, chat.TimerPromise, chat.TimerSLA} {
		for version := range uint64(3) {
			c.must(c.keeper.Fire(t.Context(), chat.Timer{Ref: c.ref(), Kind: kind, Version: version, User: c.operator.User, Due: c.clock.Now(), Clock: chat.ClockFirstResponse, Until: c.clock.Now()}))
		}
	}
	c.same(c.store.Dump(), before)
	c.must(c.keeper.Fire(t.Context(), chat.Timer{Ref: chat.Ref{Workspace: c.customer.Workspace, Conversation: c.newConversation()}, Kind: chat.TimerIdle, Due: c.clock.Now()}))
}

// TestNoAnswer: an operator who does not answer loses the conversation; typing puts that off for a minute at most.
func TestNoAnswer(t *testing.T) {
	t.Parallel()
	for name, typing := range map[string]time.Duration{"silent": 0, "typing": time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClockwork(t)
			c.start("hello")
			c.stream()
			c.join()
			c.stream()
			o := chat.Operator{Workspace: c.operator.Workspace, User: c.operator.User, Role: chat.RoleOperator, Load: 1, Capacity: 4, Duty: chat.DutyAccepting, Lease: c.clock.Now().Add(time.Hour)}
			want := chat.FirstReply
			if typing > 0 {
				o.TypingUntil = c.clock.Now().Add(typing)
				want += chat.TypingGrace
			}
			c.must(c.store.PutOperator(t.Context(), o))
			c.run(want - time.Second)
			if h := c.head(); h.Status != chat.StatusActive {
				t.Fatalf("%s too early", h.Status)
			}
			c.run(2 * time.Second)
			if h := c.head(); h.Status != chat.StatusQueued || h.LastOperator != c.operator.User {
				t.Fatalf("%s", h.Status)
			}
		})
	}
	c := newClockwork(t) // who has answered keeps it, also when the customer has written since
	c.active()
	c.say(c.customer, "and?")
	c.run(chat.FirstReply + time.Minute)
	if h := c.head(); h.Status != chat.StatusActive {
		t.Errorf("%s", h.Status)
	}
}

// TestRoundsEndInTheTable: a timer that is re-armed over and over goes by way of a row before AWS would stop it.
func TestRoundsEndInTheTable(t *testing.T) {
	t.Parallel()
	c := newClockwork(t)
	c.active()
	longest := 0
	for range 60 { // an idle timer that follows a long conversation
		c.say(c.customer, "more")
		for _, m := range c.queue.messages {
			longest = max(longest, m.timer.Round)
		}
		c.run(9 * time.Minute)
	}
	if h := c.head(); h.Status != chat.StatusActive {
		t.Fatalf("%s", h.Status)
	}
	if longest < 5 || longest > 12 {
		t.Errorf("%d rounds in a row", longest)
	}
	c.run(25 * time.Minute)
	if h := c.head(); h.Status != chat.StatusIdle {
		t.Errorf("%s", h.Status)
	}
}
