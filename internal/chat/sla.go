package chat

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// The clocks of a service level.
const (
	ClockFirstResponse = "first_response" // from the beginning of an engagement to the first message of a person of staff
	ClockNextResponse  = "next_response"  // from the oldest message that a person has not answered
	ClockResolution    = "resolution"     // from the beginning of an engagement to its end, but for the time that it is snoozed
)

// atRisk is the share of a clock's time after which it is at risk, in percent.
const atRisk = 80

// SLAPolicy is what a department promises. The zero value promises nothing.
type SLAPolicy struct {
	// Targets by priority; a priority that is missing has those of priority 0.
	Targets map[int]SLATargets
	// Hours, when set, are those in which the clocks run; nil stands for always.
	Hours Hours
}

// SLATargets is how long each clock may run; 0 means no limit.
type SLATargets struct{ FirstResponse, NextResponse, Resolution time.Duration }

// target returns how long the clock may run for a priority.
func (p SLAPolicy) target(clock string, priority int) time.Duration {
	t, ok := p.Targets[priority]
	if !ok {
		t = p.Targets[0]
	}
	switch clock {
	case ClockFirstResponse:
		return t.FirstResponse
	case ClockNextResponse:
		return t.NextResponse
	case ClockResolution:
		return t.Resolution
	}
	return 0
}

// after returns when the clock, started at from, will have run for d; false when it never will. It stands still during the
// pauses, which are in order.
func (p SLAPolicy) after(from time.Time, d time.Duration, pauses ...pause) (time.Time, bool) {
	for _, stop := range pauses {
		run := p.between(from, stop.from)
		if run >= d {
			break
		}
		from, d = stop.to, d-run
	}
	if p.Hours == nil {
		return from.Add(d), true
	}
	return p.Hours.Add(from, d)
}

// between returns for how long the clock runs from one time to another.
func (p SLAPolicy) between(from, to time.Time) time.Duration {
	if p.Hours == nil {
		return to.Sub(from)
	}
	return p.Hours.Between(from, to)
}

// clocks arms the service level's clocks that the change starts. A message starts none: next_response looks at the log
// when its timer fires, early enough for whatever may have been written since it was armed.
func (a *Arming) clocks(ctx context.Context, set *armed, before *Head) error {
	if a.SLA == nil {
		return nil
	}
	h := set.head
	policy, err := a.SLA(ctx, h.Workspace, h.Department)
	if err != nil {
		return err
	}
	if begins(before, h) {
		for _, clock := range []string{ClockFirstResponse, ClockResolution} {
			set.clock(policy, clock)
		}
	}
	if before != nil && before.Status == StatusSnoozed && resolves(h.Status) && policy.target(ClockResolution, h.Priority) > 0 {
		set.add(TimerSLA, 0).Clock = ClockResolution // it stood still: how long it has yet to run, the log says
	}
	if h.Status == StatusActive {
		set.clock(policy, ClockNextResponse)
	}
	return nil
}

// resolves says whether a resolution clock runs in the status.
func resolves(s Status) bool { return !s.Over() && s != StatusBot && s != StatusSnoozed }

// clock arms the moment at which the clock is at risk.
func (s *armed) clock(policy SLAPolicy, clock string) {
	target := policy.target(clock, s.head.Priority)
	risk, ok := policy.after(s.now, target*atRisk/100)
	until, ends := policy.after(s.now, target)
	if target <= 0 || !ok || !ends {
		return
	}
	t := s.add(TimerSLA, 0)
	t.Clock, t.Due, t.Until = clock, risk, until
	if s.head.Version == 1 {
		t.After = 0
	}
}

// sla looks at a clock. A clock that was stopped does nothing.
func (k *Timekeeper) sla(ctx context.Context, t Timer, head *Head) error {
	switch t.Clock {
	case ClockNextResponse:
		return k.nextResponse(ctx, t, head)
	case ClockResolution:
		return k.resolution(ctx, t, head)
	default:
	}
	since, err := k.Chat.read(ctx, head, Public, t.After, head.Public.Last)
	if err != nil {
		return err
	}
	if head.Status.Over() || slices.ContainsFunc(since, endsWait) {
		return nil
	}
	return k.tellClock(ctx, t, head)
}

// isPerson says whether the role is a person of staff: what bots and programs write is no response.
func isPerson(r Role) bool { return r == RoleOperator || r == RoleSupervisor || r == RoleAdmin }

// tellClock tells that the clock is at risk and arms its breach, or that it is breached.
func (k *Timekeeper) tellClock(ctx context.Context, t Timer, head *Head) error {
	if !k.now().Before(t.Until) {
		return k.note(ctx, head, t, clockEvent(EventBreached, t))
	}
	if err := k.note(ctx, head, t, clockEvent(EventAtRisk, t)); err != nil {
		return err
	}
	t.Due, t.Round = t.Until, t.Round+1
	return k.Timers.Arm(ctx, t)
}

// clockEvent names what is told by the clock and by what started it: it is told once.
func clockEvent(typ EventType, t Timer) Event {
	what := fmt.Sprintf("%s\x00%s\x00%d\x00%d", typ, t.Clock, t.Version, t.After)
	return Event{
		ID: derivedID(what, EventID(t.Conversation)), Type: typ, Sender: SystemUser, Role: RoleSystem,
		Detail: &Detail{Clock: t.Clock, Until: stamp(t.Until)},
	}
}

// note appends an event to the desk track, unless an earlier try has since the timer was armed.
func (k *Timekeeper) note(ctx context.Context, head *Head, t Timer, e Event) error {
	since, err := k.Chat.read(ctx, head, Desk, t.Desk, head.Desk.Last)
	if err != nil || slices.ContainsFunc(since, func(o Event) bool { return o.ID == e.ID && o.Sender == e.Sender }) {
		return err
	}
	out, err := k.Chat.append(ctx, &command{
		drafts: []Event{e}, Append: Append{Ref: head.Ref, Track: Desk, After: head.Desk.Last, Rule: Rule{Actor: SystemUser}},
	})
	if err != nil {
		return err
	}
	return k.Chat.Delivery.Committed(ctx, system(head.Workspace), out)
}

// nextResponse looks for the oldest message that nobody has answered. One timer does for as long as the operator has
// the conversation: a message that comes after this look is at risk no sooner than the next one.
func (k *Timekeeper) nextResponse(ctx context.Context, t Timer, head *Head) error {
	if head.Version != t.Version || k.SLA == nil {
		return nil
	}
	policy, err := k.SLA(ctx, head.Workspace, head.Department)
	if err != nil {
		return err
	}
	oldest, err := k.unanswered(ctx, head)
	if err != nil {
		return err
	}
	now := k.now()
	look, ok := policy.after(now, policy.target(t.Clock, head.Priority)*atRisk/100)
	if !ok || !look.After(now) {
		return nil
	}
	t.Due, t.Round = look, t.Round+1
	if oldest != nil {
		if t, err = k.respondTo(ctx, policy, t, head, oldest); err != nil {
			return err
		}
	}
	return k.Timers.Arm(ctx, t)
}

// respondTo tells how the clock of a message stands, and returns the timer for the next look.
func (k *Timekeeper) respondTo(ctx context.Context, policy SLAPolicy, t Timer, head *Head, oldest *Event) (Timer, error) {
	target := policy.target(t.Clock, head.Priority)
	risk, ok := policy.after(oldest.At, target*atRisk/100)
	until, ends := policy.after(oldest.At, target)
	if !ok || !ends {
		return t, nil
	}
	t.After, t.Until = oldest.Seq, until
	switch now := k.now(); {
	case now.Before(risk):
		t.Due = risk
		return t, nil
	case now.Before(until):
		t.Due = until
		return t, k.note(ctx, head, t, clockEvent(EventAtRisk, t))
	}
	return t, k.note(ctx, head, t, clockEvent(EventBreached, t))
}

// unanswered returns the oldest message of the customer that came after the newest of a person, in the engagement that
// goes on; nil for none.
func (k *Timekeeper) unanswered(ctx context.Context, head *Head) (oldest *Event, err error) {
	err = k.backwards(ctx, head, func(e Event) bool {
		if e.Type == EventMessage && e.Role == RoleCustomer {
			oldest = &e
		}
		return !endsWait(e)
	})
	return oldest, err
}
