package chat_test

import (
	"slices"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// TestStaleTimersArmNothing: a timer of another version would otherwise live beside the one that the change has armed.
func TestStaleTimersArmNothing(t *testing.T) {
	t.Parallel()
	c := newClockwork(t)
	c.active()
	until := c.clock.Now().Add(time.Hour)
	c.must(c.store.PutOperator(t.Context(), chat.Operator{
		Workspace: c.operator.Workspace, User: c.operator.User, Load: 1, Capacity: 4, Duty: chat.DutyAccepting, Lease: until, TypingUntil: until,
	}))
	before := len(c.queue.messages)
	for _, kind := range []chat.TimerKind{chat.TimerIdle, chat.TimerNoAnswer} {
		stale := chat.Timer{Ref: c.ref(), Kind: kind, Version: c.head().Version - 1, User: c.operator.User, After: c.head().Public.Last, Due: c.clock.Now(), Until: until}
		c.must(c.keeper.Fire(t.Context(), stale))
	}
	if n := len(c.queue.messages) - before; n != 0 {
		t.Errorf("stale timers armed %d others", n)
	}
}

// TestReplyForgetsMisses: who has answered in time begins anew.
func TestReplyForgetsMisses(t *testing.T) {
	t.Parallel()
	c := newClockwork(t)
	c.active()
	c.must(c.store.PutOperator(t.Context(), chat.Operator{
		Workspace: c.operator.Workspace, User: c.operator.User, Load: 1, Capacity: 4, Missed: 1, Duty: chat.DutyAccepting, Lease: c.clock.Now().Add(time.Hour),
	}))
	c.run(chat.FirstReply + time.Minute)
	o := must(c.store.Operator(t.Context(), c.operator.Workspace, c.operator.User))
	if h := c.head(); h.Status != chat.StatusActive || o.Missed != 0 {
		t.Errorf("%s, %d missed", h.Status, o.Missed)
	}
}

// TestNeverQueuedWaitsAtItsStart: a customer who came by way of somebody who took them at once has waited since then.
func TestNeverQueuedWaitsAtItsStart(t *testing.T) {
	t.Parallel()
	c := newClockwork(t)
	begun := c.clock.Now()
	c.must(c.store.Create(t.Context(), chat.Creation{
		Ref: c.ref(), Customer: c.customer.User, Role: chat.RoleCustomer, At: begun, Status: chat.StatusOffline,
		Events: []chat.Event{{Seq: 1, ID: c.eventID(), Type: chat.EventStarted, At: begun, Sender: c.customer.User, Role: chat.RoleCustomer, To: chat.StatusOffline}},
	}))
	c.run(time.Hour)
	c.must(c.keeper.Fire(t.Context(), chat.Timer{Ref: c.ref(), Kind: chat.TimerHours, Version: 1, Due: c.clock.Now()}))
	if h := c.head(); h.Status != chat.StatusQueued || !h.QueuedAt.Equal(begun) {
		t.Errorf("%s since %s, begun %s", h.Status, h.QueuedAt, begun)
	}
}

// TestPreferredWaitEnds: a conversation that wakes while its operator is full waits for them for 30 s, and routing looks
// again right then.
func TestPreferredWaitEnds(t *testing.T) {
	t.Parallel()
	c := newClockwork(t)
	c.active()
	c.run(chat.IdleAfter + time.Minute)
	if h := c.head(); h.Status != chat.StatusIdle {
		t.Fatalf("%s", h.Status)
	}
	c.stream()
	c.must(c.store.PutOperator(t.Context(), chat.Operator{
		Workspace: c.operator.Workspace, User: c.operator.User, Load: 1, Capacity: 1, Duty: chat.DutyAccepting, Lease: c.clock.Now().Add(time.Hour),
	}))
	_, err := c.send(c.customer, c.head().Public.Last, c.messages("are you there?")...)
	c.must(err)
	queue := must(c.store.Waiting(t.Context(), c.customer.Workspace, "", 10))
	if len(queue) != 1 || queue[0].Preferred != c.operator.User {
		t.Fatalf("%+v", queue)
	}
	c.stream()
	woken := func() int {
		n := 0
		for _, j := range c.routed {
			if j.Reason == "timer" {
				n++
			}
		}
		return n
	}
	c.run(chat.PreferredWait - time.Second)
	early := woken()
	c.run(2 * time.Second)
	if n := woken(); early != 0 || n != 1 {
		t.Errorf("routing was woken %d times early, %d in all", early, n)
	}
	if late := c.clock.Now(); late.Before(queue[0].PreferredUntil) {
		t.Errorf("at %s, before %s", late, queue[0].PreferredUntil)
	}
}

// TestMergeIsFinished: whoever merged died after the first half. The relay saw it, and the timer does the rest, once.
func TestMergeIsFinished(t *testing.T) {
	t.Parallel()
	for name, closed := range map[string]bool{"open": false, "closed": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClockwork(t)
			into := c.conv
			c.start("the one that goes on")
			c.conv = c.newConversation()
			c.start("once more")
			if closed {
				c.close(c.customer)
			}
			c.stream()
			n := 0
			c.store.Fault = func(call string, after bool) error {
				if call == "Transition" && !after {
					if n++; n > 1 {
						return errThrottled
					}
				}
				return nil
			}
			if _, err := c.svc.Link(t.Context(), c.supervisor, c.step(), into); err == nil {
				t.Fatal("the second half was to fail")
			}
			c.store.Fault = nil
			goes := chat.Ref{Workspace: c.customer.Workspace, Conversation: into}
			if len(readLog(t, c.store, goes, chat.Desk)) != 0 {
				t.Fatal("the second half is done already")
			}
			c.stream()
			c.run(time.Second)
			for range 2 { // it comes twice
				c.must(c.keeper.Fire(t.Context(), chat.Timer{Ref: c.ref(), Kind: chat.TimerLink, Desk: 1, Due: c.clock.Now()}))
			}
			c.same(c.fired[chat.TimerLink], 1)
			there := readLog(t, c.store, goes, chat.Desk)
			if len(there) != 1 || there[0].Type != chat.EventLinked || there[0].Detail.Link != c.conv || there[0].Target != 1 {
				t.Errorf("%+v", there)
			}
			state := must(c.store.State(t.Context(), goes))
			c.same(state.Linked, []chat.ConversationID{c.conv})
		})
	}
}

// TestTypingPutsOffTheFirstReply: the signal, not a test, writes how long they type.
func TestTypingPutsOffTheFirstReply(t *testing.T) {
	t.Parallel()
	r := newRouted(t)
	p := r.onDuty(4)
	id := r.arrive()
	r.work()
	r.same(r.of(id).Assignee, p.User)
	_, err := r.svc.Typing(t.Context(), p, id, 0)
	r.must(err)
	until := r.standing(p.User).TypingUntil
	if !until.Equal(r.clock.Now().Add(chat.TypingLife)) {
		t.Fatalf("types until %s at %s", until, r.clock.Now())
	}
	_, err = r.svc.Send(t.Context(), p, id, chat.Public, r.of(id).Public.Last, r.messages("hi"))
	r.must(err)
	r.clock.Advance(time.Minute)
	_, err = r.svc.Typing(t.Context(), p, id, 0)
	r.must(err)
	if now := r.standing(p.User).TypingUntil; !now.Equal(until) {
		t.Errorf("who has answered is still waited for: %s", now)
	}
}

// TestLeft: the last socket's end ends the lease and arms the grace; one of several does nothing, nor does a customer's.
func TestLeft(t *testing.T) {
	t.Parallel()
	c := newClockwork(t)
	p := c.operator
	second := p
	second.Connection = "operator-2"
	for _, each := range []chat.Principal{p, second} {
		_, err := c.svc.Hello(t.Context(), each, nil, "")
		c.must(err)
	}
	_, err := c.svc.Duty(t.Context(), p, chat.DutyAccepting)
	c.must(err)
	stands := func() chat.Operator { return *must(c.store.Operator(t.Context(), p.Workspace, p.User)) }
	lease := stands().Lease
	c.must(c.store.SocketClosed(t.Context(), second))
	c.must(c.svc.Left(t.Context(), second))
	if o := stands(); !o.Lease.Equal(lease) || len(c.queue.messages) != 0 {
		t.Fatalf("with a socket left: %+v, %d timers", o, len(c.queue.messages))
	}
	c.must(c.store.SocketClosed(t.Context(), p))
	c.must(c.svc.Left(t.Context(), p))
	left := c.clock.Now()
	if o := stands(); o.Lease.After(left) || !o.Connected(left.Add(chat.DisconnectGrace-time.Second)) {
		t.Fatalf("%+v", o)
	}
	if m := c.queue.messages; len(m) != 1 || m[0].timer.Kind != chat.TimerGrace || m[0].timer.User != p.User {
		t.Fatalf("%+v", m)
	}
	c.must(c.svc.Left(t.Context(), c.customer))
	c.run(chat.DisconnectGrace + 2*time.Second)
	if o := stands(); !o.Online.IsZero() || c.fired[chat.TimerGrace] != 1 {
		t.Errorf("after the grace: %+v", o)
	}
}

// TestTellPositions: each customer who waits hears of a change of their place, at most once in 15 s, and nobody else does.
func TestTellPositions(t *testing.T) {
	t.Parallel()
	r := newRouted(t)
	first, second := r.arrive(), r.arrive()
	tell := func(waiting int) []string {
		t.Helper()
		r.push.take()
		r.same(must(r.svc.TellPositions(t.Context(), r.customer.Workspace, "")), waiting)
		return r.push.take()
	}
	r.same(tell(2), []string{"web-" + string(first) + " position 1 0s none", "web-" + string(second) + " position 2 0s none"})
	r.same(len(tell(2)), 0) // nothing has changed
	p := r.onDuty(1)
	r.work()
	r.same(r.of(first).Assignee, p.User)
	r.same(len(tell(1)), 0) // too soon
	r.clock.Advance(chat.PositionEvery)
	r.same(tell(1), []string{"web-" + string(second) + " position 1 0s none"})
	r.clock.Advance(chat.PositionEvery)
	r.same(len(tell(1)), 0)
	out, err := r.svc.Close(t.Context(), p, r.stepOn(first))
	r.must(err)
	r.must(r.delivery.Committed(t.Context(), p, out))
	r.work()
	r.same(len(tell(0)), 0)
}

// TestAnnounceAgain: routing died after its commit and told nobody; the relay sees that, and its job tells everybody who
// is to know, the new operator first of all.
func TestAnnounceAgain(t *testing.T) {
	t.Parallel()
	r := newRouted(t)
	p := r.onDuty(1)
	id := r.arrive()
	before := r.of(id)
	r.push.answers[p.Connection] = errThrottled // nothing gets through
	r.work()
	delete(r.push.answers, p.Connection)
	r.push.take()
	r.queue.take()
	relay := &chat.Relay{Reader: r.store, Deliver: r.queue, Routing: r.routes}
	routes, tell := relay.Follow(before, r.of(id))
	r.same(len(routes), 0)
	if len(tell) != 1 || !tell[0].Announce || tell[0].Track != chat.Public || tell[0].From != r.of(id).Public.Last {
		t.Fatalf("%+v", tell)
	}
	r.must(relay.Route(t.Context(), routes, tell))
	for _, j := range r.queue.take() {
		r.must(r.delivery.Work(t.Context(), j))
	}
	if got := r.push.take(); !slices.Contains(got, string(p.Connection)+" public 3") || !slices.Contains(got, "web-"+string(id)+" public 3") {
		t.Errorf("%v", got)
	}
	again, none := relay.Follow(r.of(id), r.of(id))
	if len(again)+len(none) != 0 {
		t.Errorf("no change, and yet %v %v", again, none)
	}
}
