package chat_test

import (
	"slices"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// fire carries out the timers that are due now.
func (r *routed) fire(queue *delayed) {
	r.Helper()
	keeper := &chat.Timekeeper{Chat: r.svc, Actions: r.svc, Timers: r.svc.Timers, Routing: r.routes, Staff: r.store, Now: r.clock.Now}
	for m, ok := queue.next(r.clock.Now()); ok; m, ok = queue.next(r.clock.Now()) {
		r.must(keeper.Fire(r.Context(), m.timer))
	}
}

// writes has the conversation's customer send a message.
func (r *routed) writes(id chat.ConversationID) {
	r.Helper()
	c := chat.Principal{Workspace: r.customer.Workspace, User: r.of(id).Customer(), Role: chat.RoleCustomer}
	out, err := r.svc.Send(r.Context(), c, id, chat.Public, 0, r.messages("are you there?"))
	r.must(err)
	r.must(r.delivery.Committed(r.Context(), c, out))
}

// TestDismissed: whoever leaves the staff leaves no customer waiting, at once and whatever state their conversations are
// in; nothing comes to them any more, and their own log says who did it and why.
func TestDismissed(t *testing.T) {
	t.Parallel()
	r := newRouted(t)
	queue := &delayed{}
	r.svc.Timers = &chat.Timetable{Queue: queue, Now: r.clock.Now}
	p := r.onDuty(9)
	waits, answered, snoozed, sleepsWaiting, sleeps := r.arrive(), r.arrive(), r.arrive(), r.arrive(), r.arrive()
	all := []chat.ConversationID{waits, answered, snoozed, sleepsWaiting, sleeps}
	r.work()
	for _, id := range []chat.ConversationID{answered, snoozed, sleeps} {
		_, err := r.svc.Send(t.Context(), p, id, chat.Public, 0, r.messages("I will look"))
		r.must(err)
	}
	wakes := r.clock.Now().Add(24 * time.Hour)
	_, err := r.svc.Snooze(t.Context(), p, r.stepOn(snoozed), wakes)
	r.must(err)
	r.clock.Advance(chat.IdleAfter)
	r.renew(p)
	for _, id := range []chat.ConversationID{sleepsWaiting, sleeps} {
		r.must(r.svc.Idle(t.Context(), r.refTo(id), r.of(id).Version))
	}
	r.policy.ManualAccept = true
	offered := r.arrive()
	r.work()
	r.same(r.of(offered).OfferedTo, p.User)
	first := map[chat.ConversationID]time.Time{waits: r.of(waits).FirstQueued, sleepsWaiting: r.of(sleepsWaiting).FirstQueued, offered: r.of(offered).FirstQueued}

	boss := r.principal(p.Workspace, chat.RoleAdmin, "")
	for range 2 { // a repetition does what is left: nothing
		r.must(r.svc.Dismiss(t.Context(), boss, p.User, "the account is disabled"))
		r.fire(queue)
	}
	for id, at := range first {
		if h := r.of(id); h.Status != chat.StatusQueued || h.QueuedAt != at || h.Assignee != "" || h.OfferedTo != "" {
			t.Errorf("%+v", h)
		}
		log := readLog(t, r.store, r.refTo(id), chat.Desk)
		if last := log[len(log)-1]; id != offered && (last.Type != chat.EventUnreachable || last.Reason != chat.ReasonOff || last.Sender != chat.SystemUser || last.Subject != p.User) {
			t.Errorf("%+v", last)
		}
	}
	for id, want := range map[chat.ConversationID]chat.Status{answered: chat.StatusIdle, sleeps: chat.StatusIdle, snoozed: chat.StatusSnoozed} {
		if h := r.of(id); h.Status != want || h.Assignee != p.User {
			t.Errorf("%s, of %s; want %s", h.Status, h.Assignee, want)
		}
	}
	if o := r.standing(p.User); o.Load != 0 || o.Duty != chat.DutyOff || o.Connected(r.clock.Now()) || !o.Online.IsZero() {
		t.Errorf("%+v", o)
	}
	log, err := r.svc.OperatorLog(t.Context(), boss, p.User, 0, 99)
	r.must(err)
	log = log[len(log)-2:]
	if log[0].Type != chat.OperatorStatus || log[0].To != chat.DutyOff || log[0].Reason != "the account is disabled" || log[0].Sender != boss.User ||
		log[1].Type != chat.OperatorDisconnected {
		t.Errorf("%+v", log)
	}

	// What is left wakes for somebody else.
	r.policy.ManualAccept = false
	q := r.onDuty(9)
	r.writes(answered)
	r.writes(sleeps)
	r.clock.Advance(wakes.Sub(r.clock.Now()))
	r.renew(q)
	r.must((&chat.Timekeeper{Chat: r.svc, Now: r.clock.Now}).Fire(t.Context(), chat.Timer{Ref: r.refTo(snoozed), Kind: chat.TimerSnooze, Version: r.of(snoozed).Version, Due: wakes}))
	r.same(r.of(snoozed).Status, chat.StatusQueued)
	r.work()
	for _, id := range append(all, offered) {
		r.same(r.of(id).Assignee, q.User)
	}
	r.sound(append(slices.Clone(all), offered)...)
}

// TestDismissedWhoNeverWorked: somebody whom routing does not know stays unknown to it.
func TestDismissedWhoNeverWorked(t *testing.T) {
	t.Parallel()
	r := newRouted(t)
	queue := &delayed{}
	r.svc.Timers = &chat.Timetable{Queue: queue, Now: r.clock.Now}
	boss, p := r.principal(r.customer.Workspace, chat.RoleAdmin, ""), r.principal(r.customer.Workspace, chat.RoleOperator, "")
	r.must(r.svc.Dismiss(t.Context(), boss, p.User, "the account is disabled"))
	r.must(r.svc.FollowAccount(t.Context(), boss, chat.Posting{User: p.User, Name: "New", Role: chat.RoleAdmin}))
	r.fire(queue)
	o, err := r.store.Operator(t.Context(), p.Workspace, p.User)
	if err != nil || o != nil {
		t.Errorf("%+v %v", o, err)
	}
	// By hand they take conversations without ever being on duty: those are looked after, too.
	id := r.arrive()
	_, err = r.svc.Join(t.Context(), p, r.stepOn(id))
	r.must(err)
	r.must(r.svc.FollowAccount(t.Context(), boss, chat.Posting{User: p.User, Name: "New", Role: chat.RoleSupervisor, Departments: "d_1"}))
	if o := r.standing(p.User); o.Name != "New" || o.Role != chat.RoleSupervisor || o.Departments != "d_1" || o.Events != 0 {
		t.Errorf("%+v", o)
	}
	r.must(r.svc.Dismiss(t.Context(), boss, p.User, "the account is disabled"))
	r.fire(queue)
	r.same(r.of(id).Status, chat.StatusQueued)
	r.same(r.standing(p.User).Load, 0)
}

// TestDismissedWhileAllSleeps: whose only conversation sleeps has no load, and its customer waits all the same.
func TestDismissedWhileAllSleeps(t *testing.T) {
	t.Parallel()
	r := newRouted(t)
	queue := &delayed{}
	r.svc.Timers = &chat.Timetable{Queue: queue, Now: r.clock.Now}
	p, id := r.onDuty(1), r.arrive()
	r.work()
	r.clock.Advance(chat.IdleAfter)
	r.must(r.svc.Idle(t.Context(), r.refTo(id), r.of(id).Version))
	r.must(r.svc.Dismiss(t.Context(), r.principal(p.Workspace, chat.RoleAdmin, ""), p.User, "the account is disabled"))
	r.fire(queue)
	r.same(r.of(id).Status, chat.StatusQueued)
}
