package chat_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// edge is one step of a conversation's life, as the log tells it.
type edge struct {
	typ      chat.EventType
	from, to chat.Status
	reason   string
	role     chat.Role
}

// walk is a conversation on its way, and what the last step has appended.
type walk struct {
	*offered
	seen map[chat.Track]uint64
}

func newWalk(t *testing.T) *walk {
	t.Helper()
	w := &walk{offered: newOffered(t), seen: map[chat.Track]uint64{}}
	w.svc.Timers = &armedTimers{}
	w.svc.Bot = func(context.Context, chat.WorkspaceID, chat.DepartmentID) (chat.UserID, error) {
		return w.principal(w.customer.Workspace, chat.RoleBot, "").User, nil
	}
	return w
}

// armedTimers takes timers that nobody waits for.
type armedTimers struct{}

func (armedTimers) Arm(context.Context, ...chat.Timer) error { return nil }

// edges lists the edges since the last time, desk first, and demands a reason and an actor of each.
func (w *walk) edges() []edge {
	w.Helper()
	var out []edge
	for _, track := range []chat.Track{chat.Desk, chat.Public} {
		for _, e := range readLog(w.T, w.store, w.refTo(w.id), track) {
			if e.Seq <= w.seen[track] || e.To == "" {
				continue
			}
			if e.Reason == "" || !e.Sender.Valid() || e.Role == "" {
				w.Errorf("%s %s-%s has no reason or no actor: %+v", e.Type, e.From, e.To, e)
			}
			out = append(out, edge{e.Type, e.From, e.To, e.Reason, e.Role})
		}
	}
	h := w.of(w.id)
	w.seen[chat.Public], w.seen[chat.Desk] = h.Public.Last, h.Desk.Last
	return out
}

func (w *walk) did(_ *chat.Outcome, err error) {
	w.Helper()
	w.must(err)
}

func (w *walk) accepted() { w.did(w.svc.Accept(w.Context(), w.to, w.stepOn(w.id))) }

func (w *walk) step() chat.Step { return w.stepOn(w.id) }

func (w *walk) keeper() *chat.Timekeeper {
	return &chat.Timekeeper{Chat: w.svc, Actions: w.svc, Timers: armedTimers{}, Routing: w.routes, Staff: w.store, Now: w.clock.Now}
}

// Every edge of a conversation's life has a reason and an actor, also where nobody has given a reason in words; what
// customers see says nothing of how routing weighs operators, or of what became of them.
func TestEveryEdgeHasAReasonAndAnActor(t *testing.T) {
	t.Parallel()
	const (
		customer, operator, supervisor, system = chat.RoleCustomer, chat.RoleOperator, chat.RoleSupervisor, chat.RoleSystem
		queued, offered, active, closed        = chat.StatusQueued, chat.StatusOffered, chat.StatusActive, chat.StatusClosed
		idle, snoozed                          = chat.StatusIdle, chat.StatusSnoozed
	)
	gone := func(w *walk) {
		w.clock.Advance(chat.DutyLease + chat.DisconnectGrace)
		w.must(w.svc.Gone(w.Context(), w.to.Workspace, w.to.User))
	}
	sleeps := func(w *walk) {
		w.accepted()
		w.clock.Advance(chat.IdleAfter)
		w.must(w.svc.Idle(w.Context(), w.refTo(w.id), w.of(w.id).Version))
	}
	snoozes := func(w *walk) {
		w.accepted()
		w.did(w.svc.Snooze(w.Context(), w.to, w.step(), w.clock.Now().Add(time.Hour)))
	}
	wakes := func(w *walk) {
		w.clock.Advance(time.Hour)
		w.must(w.keeper().Fire(w.Context(), chat.Timer{Ref: w.refTo(w.id), Kind: chat.TimerSnooze, Version: w.of(w.id).Version, Due: w.clock.Now()}))
	}
	closes := func(w *walk) { w.accepted(); w.did(w.svc.Close(w.Context(), w.to, w.step())) }
	for name, c := range map[string]struct {
		before, take func(*walk)
		want         []edge
	}{
		"starts, is offered": {nil, func(w *walk) { w.seen = map[chat.Track]uint64{} }, []edge{
			{chat.EventOffered, queued, offered, "spare_capacity", system}, {chat.EventStarted, "", queued, chat.ReasonWrote, customer},
		}},
		"accepted": {nil, (*walk).accepted, []edge{{chat.EventAssigned, queued, active, chat.ReasonAccepted, operator}}},
		"declined": {nil, func(w *walk) { w.did(w.svc.Decline(w.Context(), w.to, w.step())) }, []edge{{chat.EventOfferMissed, offered, queued, chat.ReasonDeclined, operator}}},
		"declined, with words": {nil, func(w *walk) {
			st := w.step()
			st.Reason = "not mine"
			w.did(w.svc.Decline(w.Context(), w.to, st))
		}, []edge{{chat.EventOfferMissed, offered, queued, "not mine", operator}}},
		"offer expires": {nil, func(w *walk) {
			w.must(w.keeper().Fire(w.Context(), chat.Timer{Ref: w.refTo(w.id), Kind: chat.TimerOffer, Version: w.of(w.id).Version, Due: w.clock.Now()}))
		}, []edge{{chat.EventOfferMissed, offered, queued, chat.ReasonExpired, system}}},
		"offered to who disconnects": {nil, gone, []edge{{chat.EventOfferMissed, offered, queued, chat.ReasonGone, system}}},
		"routed": {func(w *walk) { w.did(w.svc.Decline(w.Context(), w.to, w.step())) }, func(w *walk) {
			w.policy.ManualAccept = false
			w.onDuty(1)
			w.work()
		}, []edge{{chat.EventAssigned, queued, active, chat.ReasonRouted, system}}},
		"taken from the queue": {func(w *walk) { w.did(w.svc.Decline(w.Context(), w.to, w.step())) }, func(w *walk) {
			w.did(w.svc.Join(w.Context(), w.to, w.step()))
		}, []edge{{chat.EventAssigned, queued, active, chat.ReasonTaken, operator}}},
		"assigned": {nil, func(w *walk) { w.did(w.svc.Assign(w.Context(), w.supervisor, w.step(), w.another.User)) }, []edge{
			{chat.EventAssigned, queued, active, chat.ReasonAssigned, supervisor},
		}},
		"taken over": {nil, func(w *walk) { w.did(w.svc.TakeOver(w.Context(), w.supervisor, w.step(), false)) }, []edge{
			{chat.EventAssigned, queued, active, chat.ReasonTakenOver, supervisor},
		}},
		"transferred": {(*walk).accepted, func(w *walk) {
			w.did(w.svc.Transfer(w.Context(), w.to, chat.Transfer{Step: w.step(), Department: w.department}))
		}, []edge{{chat.EventTransferred, active, queued, chat.ReasonTransferred, operator}}},
		"to the bot, and to a person": {nil, func(w *walk) {
			w.did(w.svc.Transfer(w.Context(), w.supervisor, chat.Transfer{Step: w.step(), Bot: true}))
			w.did(w.svc.Person(w.Context(), w.customer, w.step()))
		}, []edge{{chat.EventTransferred, queued, chat.StatusBot, chat.ReasonTransferred, supervisor}, {chat.EventHandedOff, chat.StatusBot, queued, chat.ReasonPerson, customer}}},
		"a bot is silent": {func(w *walk) {
			w.did(w.svc.Transfer(w.Context(), w.supervisor, chat.Transfer{Step: w.step(), Bot: true}))
		}, func(w *walk) {
			w.clock.Advance(2 * time.Minute)
			w.must(w.svc.BotSilent(w.Context(), w.refTo(w.id), w.of(w.id).Version))
		}, []edge{{chat.EventHandedOff, chat.StatusBot, queued, chat.ReasonBotSilent, system}}},
		"no first reply": {(*walk).accepted, func(w *walk) {
			w.must(w.svc.Missed(w.Context(), w.refTo(w.id), w.of(w.id).Version, w.to.User, chat.ReasonNoAnswer))
		}, []edge{{chat.EventQueued, active, queued, chat.ReasonWaitsAgain, system}}},
		"operator disconnects": {(*walk).accepted, gone, []edge{{chat.EventQueued, active, queued, chat.ReasonWaitsAgain, system}}},
		"idle":                 {nil, sleeps, []edge{{chat.EventAssigned, queued, active, chat.ReasonAccepted, operator}, {chat.EventIdle, active, idle, chat.ReasonNobodyWrote, system}}},
		"woken by hand":        {sleeps, func(w *walk) { w.did(w.svc.Wake(w.Context(), w.to, w.step())) }, []edge{{chat.EventResumed, idle, active, chat.ReasonWoken, operator}}},
		"woken by the customer": {sleeps, func(w *walk) {
			w.did(w.svc.Send(w.Context(), w.customer, w.id, chat.Public, 0, w.messages("and?")))
		}, []edge{{chat.EventQueued, active, queued, chat.ReasonWrote, customer}}}, // the operator's lease is over
		"snoozed":     {nil, snoozes, []edge{{chat.EventAssigned, queued, active, chat.ReasonAccepted, operator}, {chat.EventSnoozed, active, snoozed, chat.ReasonPutOff, operator}}},
		"snooze ends": {snoozes, wakes, []edge{{chat.EventQueued, active, queued, chat.ReasonWaitsAgain, system}, {chat.EventResumed, snoozed, queued, chat.ReasonSnoozeOver, system}}},
		"closed":      {(*walk).accepted, func(w *walk) { w.did(w.svc.Close(w.Context(), w.to, w.step())) }, []edge{{chat.EventClosed, active, closed, chat.ReasonEnded, operator}}},
		"reopened":    {closes, func(w *walk) { w.did(w.svc.Reopen(w.Context(), w.to, w.step())) }, []edge{{chat.EventReopened, closed, active, chat.ReasonReopened, operator}}},
		"taken up": {closes, func(w *walk) {
			w.did(w.svc.Send(w.Context(), w.customer, w.id, chat.Public, 0, w.messages("one more")))
		}, []edge{{chat.EventReopened, closed, active, chat.ReasonWrote, customer}}},
		"left": {nil, func(w *walk) { w.did(w.svc.Leave(w.Context(), w.customer, w.step())) }, []edge{
			{chat.EventAbandoned, queued, chat.StatusAbandoned, chat.ReasonLeft, customer},
		}},
		"merged": {nil, func(w *walk) { w.did(w.svc.Link(w.Context(), w.supervisor, w.step(), w.arrive())) }, []edge{
			{chat.EventClosed, queued, closed, chat.ReasonMerged, supervisor},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWalk(t)
			w.edges()
			if c.before != nil {
				c.before(w)
				w.edges()
			}
			c.take(w)
			got := w.edges()
			for _, e := range c.want {
				if !slices.Contains(got, e) {
					t.Errorf("no edge %+v among %+v", e, got)
				}
			}
			if len(got) != len(c.want) {
				t.Errorf("%d edges, want %d: %+v", len(got), len(c.want), got)
			}
		})
	}
}

// Why a conversation came back is the desk's to know.
func TestTheDeskKnowsWhyItCameBack(t *testing.T) {
	t.Parallel()
	w := newWalk(t)
	w.accepted()
	w.clock.Advance(chat.DutyLease + chat.DisconnectGrace)
	w.must(w.svc.Gone(t.Context(), w.to.Workspace, w.to.User))
	tail := w.of(w.id).Desk.Tail
	if e := tail[len(tail)-1]; e.Type != chat.EventUnreachable || e.Reason != chat.ReasonGone || e.Subject != w.to.User || e.Sender != chat.SystemUser {
		t.Errorf("%+v", e)
	}
}
