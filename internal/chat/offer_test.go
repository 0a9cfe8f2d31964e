package chat_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
)

func (r *routed) refTo(id chat.ConversationID) chat.Ref {
	return chat.Ref{Workspace: r.customer.Workspace, Conversation: id}
}

// types lists a track's state events as "type from-to".
func (r *routed) types(id chat.ConversationID, t chat.Track) []string {
	r.Helper()
	var out []string
	for _, e := range readLog(r.T, r.store, r.refTo(id), t) {
		out = append(out, fmt.Sprintf("%s %s-%s", e.Type, e.From, e.To))
	}
	return out
}

func (r *routed) stepOn(id chat.ConversationID) chat.Step {
	return chat.Step{Conversation: id, ID: r.eventID()}
}

// pick finds the principal of an operator.
func pick(u chat.UserID, among ...chat.Principal) chat.Principal {
	return among[slices.IndexFunc(among, func(p chat.Principal) bool { return p.User == u })]
}

func TestOfferIsAccepted(t *testing.T) {
	t.Parallel()
	r := newRouted(t)
	r.policy.ManualAccept = true
	p, other := r.onDuty(1), r.onDuty(1)
	id, behind := r.arrive(), r.arrive()
	first := r.of(id).QueuedAt
	r.push.take()
	r.work()
	h := r.of(id)
	holder := pick(h.OfferedTo, p, other)
	if h.Status != chat.StatusOffered || h.QueuedAt != first || r.standing(holder.User).Load != 1 || r.of(behind).OfferedTo == holder.User {
		t.Fatalf("%+v", h)
	}
	r.same(r.types(id, chat.Public), []string{"conversation.started -queued", "message -"}) // to the customer nothing has changed
	if !slices.Contains(r.push.take(), string(holder.Connection)+" desk 1") {
		t.Error("the offer is not shown to its operator")
	}
	_, err := r.svc.Accept(t.Context(), pick(r.of(behind).OfferedTo, p, other), r.stepOn(id))
	r.refused(err, chat.CodeNotFound)
	st := r.stepOn(id)
	out, err := r.svc.Accept(t.Context(), holder, st)
	r.must(err)
	e := out.Acks[0].Event
	if e.Type != chat.EventAssigned || e.Subject != holder.User || e.From != chat.StatusQueued || e.To != chat.StatusActive {
		t.Fatalf("%+v", e)
	}
	if _, listens := out.Head.Listeners[holder.Connection]; !listens {
		t.Error("who accepts must listen from the same write on")
	}
	out, err = r.svc.Accept(t.Context(), holder, st)
	r.must(err)
	r.same(out.Acks[0].Duplicate, true)
	r.must(r.svc.Missed(t.Context(), r.refTo(id), h.Version, holder.User, "offer expired")) // too late
	h = r.of(id)
	if h.Status != chat.StatusActive || h.Assignee != holder.User || r.standing(holder.User).Missed != 0 {
		t.Fatalf("%+v", h)
	}
	r.sound(id, behind)
}

func TestOfferIsDeclinedAndMissed(t *testing.T) {
	t.Parallel()
	r := newRouted(t)
	r.policy.ManualAccept = true
	all := []chat.Principal{r.onDuty(2), r.onDuty(2), r.onDuty(2)}
	id := r.arrive()
	first := r.of(id).QueuedAt
	r.work()
	a := r.of(id).OfferedTo
	st := r.stepOn(id)
	st.Reason = "not my language"
	out, err := r.svc.Decline(t.Context(), pick(a, all...), st)
	r.must(err)
	r.must(r.delivery.Committed(t.Context(), pick(a, all...), out))
	r.same(r.standing(a).Missed, 0)
	r.same(r.of(id).Tried, []chat.UserID{a})
	if _, in := r.of(id).Participants[a]; in {
		t.Error("who declined still hears")
	}
	r.work()
	b := r.of(id).OfferedTo
	for range 2 { // the timer comes twice
		r.must(r.svc.Missed(t.Context(), r.refTo(id), r.of(id).Version, b, "offer expired"))
		r.same(r.standing(b).Missed, 1)
		if r.of(id).OfferedTo != "" {
			t.Fatal("still offered")
		}
	}
	r.work()
	c := r.of(id).OfferedTo
	if a == b || b == c || a == c || c == "" {
		t.Fatalf("offered to %s, %s, %s", a, b, c)
	}
	r.same(r.of(id).QueuedAt, first)
	r.must(r.svc.Missed(t.Context(), r.refTo(id), r.of(id).Version, c, "offer expired"))
	r.same(len(r.of(id).Tried), 3) // all were tried: none is asked again for a time, and the supervisors know
	if !slices.Contains(r.types(id, chat.Desk), "supervisor.alerted -") {
		t.Errorf("%v", r.types(id, chat.Desk))
	}
	r.same(r.of(id).QueuedAt, first)
	r.drain()
	r.same(r.of(id).Status, chat.StatusQueued)
	r.clock.Advance(chat.AskAgain)
	r.renew(all...)
	r.drain()
	r.same(r.of(id).Status, chat.StatusOffered)
	r.sound(id)
}

func TestFirstReplyIsMissed(t *testing.T) {
	t.Parallel()
	r := newRouted(t)
	a, b := r.onDuty(2), r.onDuty(2)
	id := r.arrive()
	first := r.of(id).QueuedAt
	r.work()
	had := pick(r.of(id).Assignee, a, b)
	version := r.of(id).Version
	r.clock.Advance(chat.FirstReply)
	r.push.take()
	r.renew(a, b)
	r.must(r.svc.Missed(t.Context(), r.refTo(id), version, had.User, "no answer"))
	h := r.of(id)
	if h.Status != chat.StatusQueued || h.QueuedAt != first || h.Assignee != "" || h.LastOperator != had.User {
		t.Fatalf("%+v", h)
	}
	if !slices.Contains(r.push.take(), string(had.Connection)+" public 4") {
		t.Error("who lost it is not told")
	}
	r.work()
	h = r.of(id)
	if h.Assignee == had.User || h.Assignee == "" {
		t.Fatalf("%+v", h)
	}
	r.same(r.types(id, chat.Public)[2:], []string{"conversation.assigned queued-active", "conversation.queued active-queued", "conversation.assigned queued-active"})
	_, err := r.svc.Send(t.Context(), had, id, chat.Public, 0, r.messages("too late"))
	r.refused(err, chat.CodeNotFound)
	r.must(r.svc.Missed(t.Context(), r.refTo(id), version, had.User, "no answer"))
	r.same(r.standing(had.User).Missed, 1)
	now := pick(h.Assignee, a, b)
	_, err = r.svc.Send(t.Context(), now, id, chat.Public, 0, r.messages("hello, how can I help?"))
	r.must(err)
	r.must(r.svc.Missed(t.Context(), r.refTo(id), h.Version, now.User, "no answer"))
	r.same(r.of(id).Assignee, now.User)
	r.sound(id)
}

// renew pings for the operators.
func (r *routed) renew(all ...chat.Principal) {
	r.Helper()
	for _, p := range all {
		_, err := r.svc.Ping(r.Context(), p, nil)
		r.must(err)
	}
}

// Between the look and the commit the operator answers: the conversation stays theirs.
func TestAnswerComesJustInTime(t *testing.T) {
	t.Parallel()
	r := newRouted(t)
	p := r.onDuty(2)
	id := r.arrive()
	r.work()
	r.atCall("Transition", false, func() {
		_, err := r.svc.Send(t.Context(), p, id, chat.Public, 0, r.messages("here I am"))
		r.must(err)
	})
	r.must(r.svc.Missed(t.Context(), r.refTo(id), r.of(id).Version, p.User, "no answer"))
	r.same(r.of(id).Assignee, p.User)
	r.same(r.standing(p.User).Missed, 0)
	r.sound(id)
}

func TestTwoMissesInARowSetAway(t *testing.T) {
	t.Parallel()
	r := newRouted(t)
	p := r.onDuty(4)
	ids := []chat.ConversationID{r.arrive(), r.arrive(), r.arrive()}
	r.work()
	r.must(r.svc.Missed(t.Context(), r.refTo(ids[0]), r.of(ids[0]).Version, p.User, "no answer"))
	_, err := r.svc.Send(t.Context(), p, ids[1], chat.Public, 0, r.messages("hello"))
	r.must(err)
	r.must(r.svc.Missed(t.Context(), r.refTo(ids[1]), r.of(ids[1]).Version, p.User, "no answer"))
	r.same(r.standing(p.User).Missed, 0) // an answer in between
	r.must(r.svc.Missed(t.Context(), r.refTo(ids[2]), r.of(ids[2]).Version, p.User, "no answer"))
	r.same(r.standing(p.User).Duty, chat.DutyAccepting)
	r.clock.Advance(chat.AskAgain)
	r.renew(p)
	r.work()
	given := slices.IndexFunc(ids, func(id chat.ConversationID) bool { return id != ids[1] && r.of(id).Assignee == p.User })
	r.must(r.svc.Missed(t.Context(), r.refTo(ids[given]), r.of(ids[given]).Version, p.User, "no answer"))
	r.same(r.standing(p.User).Duty, chat.DutyAway)
	r.work()
	log, err := r.svc.OperatorLog(t.Context(), p, p.User, 0, 9)
	r.must(err)
	last := log[len(log)-1]
	if last.Type != chat.OperatorStatus || last.From != chat.DutyAccepting || last.To != chat.DutyAway || last.Sender != chat.SystemUser || last.Reason != "missed 2 in a row" {
		t.Errorf("%+v", log)
	}
	r.sound(ids...)
}

func TestOperatorIsGone(t *testing.T) {
	t.Parallel()
	r := newRouted(t)
	p := r.onDuty(4)
	waits, answered, asleep := r.arrive(), r.arrive(), r.arrive()
	r.work()
	for _, id := range []chat.ConversationID{answered, asleep} {
		_, err := r.svc.Send(t.Context(), p, id, chat.Public, 0, r.messages("I will look"))
		r.must(err)
	}
	r.must(r.svc.Gone(t.Context(), p.Workspace, p.User)) // who is there is not gone
	r.same(r.standing(p.User).Load, 3)
	first := r.of(waits).FirstQueued
	r.clock.Advance(chat.DutyLease + chat.DisconnectGrace)
	for range 2 {
		r.must(r.svc.Gone(t.Context(), p.Workspace, p.User))
	}
	if h := r.of(waits); h.Status != chat.StatusQueued || h.QueuedAt != first || len(h.Tried) != 0 {
		t.Errorf("%+v", h)
	}
	for _, id := range []chat.ConversationID{answered, asleep} {
		if h := r.of(id); h.Status != chat.StatusIdle || h.Assignee != p.User {
			t.Errorf("%+v", h)
		}
		r.same(r.types(id, chat.Desk)[1:], []string{"operator.unreachable -", "conversation.idle active-idle"})
	}
	if o := r.standing(p.User); o.Load != 0 || !o.Online.IsZero() {
		t.Errorf("%+v", o)
	}
	// The customer writes: routed again, to somebody who is there.
	q := r.onDuty(4)
	c := chat.Principal{Workspace: p.Workspace, User: r.of(answered).Customer(), Role: chat.RoleCustomer}
	out, err := r.svc.Send(t.Context(), c, answered, chat.Public, 0, r.messages("are you there?"))
	r.must(err)
	r.must(r.delivery.Committed(t.Context(), c, out))
	r.same(out.Head.Status, chat.StatusQueued)
	r.work()
	r.same(r.of(answered).Assignee, q.User)
	r.same(r.of(waits).Assignee, q.User)
	r.same(r.of(asleep).Status, chat.StatusIdle)
	// Back again, the operator takes what is theirs by the customer's next message.
	_, err = r.svc.Hello(t.Context(), p, nil, "")
	r.must(err)
	c.User = r.of(asleep).Customer()
	out, err = r.svc.Send(t.Context(), c, asleep, chat.Public, 0, r.messages("hello?"))
	r.must(err)
	r.same(out.Head.Assignee, p.User)
	r.same(out.Head.Status, chat.StatusActive)
	var types []chat.OperatorEventType
	log, err := r.svc.OperatorLog(t.Context(), p, p.User, 0, 9)
	r.must(err)
	for i, e := range log {
		r.same(e.Seq, uint64(i)+1)
		types = append(types, e.Type)
	}
	r.same(types, []chat.OperatorEventType{chat.OperatorConnected, chat.OperatorStatus, chat.OperatorDisconnected, chat.OperatorConnected})
	r.sound(waits, answered, asleep)
}

// A message between the look and the commit keeps the conversation awake.
func TestNothingFallsAsleepOnAMessage(t *testing.T) {
	t.Parallel()
	r := newRouted(t)
	p := r.onDuty(4)
	id := r.arrive()
	r.work()
	_, err := r.svc.Send(t.Context(), p, id, chat.Public, 0, r.messages("I will look"))
	r.must(err)
	r.clock.Advance(chat.IdleAfter)
	c := chat.Principal{Workspace: p.Workspace, User: r.of(id).Customer(), Role: chat.RoleCustomer}
	r.atCall("Transition", false, func() {
		_, err := r.svc.Send(t.Context(), c, id, chat.Public, 0, r.messages("and?"))
		r.must(err)
	})
	r.must(r.svc.Idle(t.Context(), r.refTo(id), r.of(id).Version))
	r.same(r.of(id).Status, chat.StatusActive)
	r.store.Fault = nil
	r.clock.Advance(chat.IdleAfter)
	version := r.of(id).Version
	for range 2 {
		r.must(r.svc.Idle(t.Context(), r.refTo(id), version))
		r.same(r.of(id).Status, chat.StatusIdle)
		r.same(r.standing(p.User).Load, 0)
	}
	r.same(r.types(id, chat.Desk)[1:], []string{"conversation.idle active-idle"})
	r.sound(id)
}

// What wakes finds its operator full: it goes into the queue at its first time, and waits for them a while.
func TestWakeFindsItsOperatorFull(t *testing.T) {
	t.Parallel()
	r := newRouted(t)
	p := r.onDuty(1)
	id := r.arrive()
	first := r.of(id).QueuedAt
	r.work()
	r.clock.Advance(chat.IdleAfter)
	r.renew(p)
	r.must(r.svc.Idle(t.Context(), r.refTo(id), r.of(id).Version))
	other := r.arrive()
	r.work()
	r.same(r.of(other).Assignee, p.User)
	free := r.onDuty(1)
	c := chat.Principal{Workspace: p.Workspace, User: r.of(id).Customer(), Role: chat.RoleCustomer}
	out, err := r.svc.Send(t.Context(), c, id, chat.Public, 0, r.messages("still there?"))
	r.must(err)
	r.must(r.delivery.Committed(t.Context(), c, out))
	h := r.of(id)
	if h.Status != chat.StatusQueued || h.QueuedAt != first || h.LastOperator != p.User {
		t.Fatalf("%+v", h)
	}
	r.work()
	r.same(r.of(id).Status, chat.StatusQueued) // waits for p, though another is free
	r.clock.Advance(chat.PreferredWait)
	r.drain()
	h = r.of(id)
	r.same(h.Assignee, free.User)
	if _, in := h.Participants[p.User]; in {
		t.Error("the operator before still hears")
	}
	r.sound(id, other)
}
