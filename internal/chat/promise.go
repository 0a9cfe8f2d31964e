package chat

import (
	"context"
	"slices"
	"strconv"
	"time"
)

// What EventPromise says in its Fields. Who reads them may not know all of them.
const (
	// PromisePosition is the place in the queue, 1 is next; PromiseEstimate the seconds until an answer.
	PromisePosition = "position"
	PromiseEstimate = "estimate"
	// PromiseOpens is when the business opens, in RFC 3339.
	PromiseOpens = "opens"
	// PromiseStaffed is "no" while nobody is there for the department: nobody on duty who accepts and is connected. It is
	// StaffedBusy when those who are there could not take the conversation so far: then it waits on, at its place.
	PromiseStaffed = "staffed"
	StaffedBusy    = "busy"
	// PromiseOffer names what is offered instead of waiting: "email".
	PromiseOffer = "offer"
)

// promiseDepth is how deep in the queue a position is looked up.
const promiseDepth = 200

// promise tells a customer who has waited without an answer what to expect, once per engagement, and sees to it that
// those who wait in the queue are told how it stands from now on.
func (k *Timekeeper) promise(ctx context.Context, t Timer, head *Head) error {
	if head.Status.Over() || head.Status == StatusBot || head.Status == StatusSnoozed {
		return nil
	}
	since, err := k.Chat.read(ctx, head, Public, t.After, head.Public.Last)
	if err != nil || slices.ContainsFunc(since, answers) {
		return err
	}
	place, err := k.Chat.standing(ctx, head)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(since, promises) {
		if err := k.tellPromise(ctx, t, head, place); err != nil {
			return err
		}
	}
	if place == nil {
		return nil
	}
	return k.beginTelling(ctx, t.Workspace, head.Department)
}

// promises says whether the event is what the customer is told after a time, whatever they were told besides.
func promises(e Event) bool {
	return e.Type == EventPromise && (e.Detail == nil || e.Detail.Fields[PromiseStaffed] != StaffedBusy)
}

// answers says whether the event ends the wait that a promise is about.
func answers(e Event) bool {
	return e.Type == EventMessage && (isPerson(e.Role) || e.Role == RoleBot) || e.Type == EventClosed || e.Type == EventAbandoned
}

// tellPromise appends the event to the log that was looked at: if anything came in between, it is looked at again, by
// a repetition of the timer.
func (k *Timekeeper) tellPromise(ctx context.Context, t Timer, head *Head, place *Standing) error {
	fields, err := k.expectation(ctx, head, place)
	if err != nil {
		return err
	}
	e := Event{
		ID: transitionID("promise", head.Conversation, t.Version), Type: EventPromise, Sender: SystemUser, Role: RoleSystem,
		Detail: &Detail{Fields: fields},
	}
	c := &command{drafts: []Event{e}, Append: Append{Ref: head.Ref, Track: Public, After: head.Public.Last, Rule: Rule{Actor: SystemUser, Version: &head.Version}}}
	c.Events, c.first = c.number(k.Chat), c.After
	after, err := k.Chat.Log.Append(ctx, c.Append)
	if err != nil {
		return errAgain(err)
	}
	c.stored(c.Events)
	return k.Chat.Delivery.Committed(ctx, system(head.Workspace), c.outcome(after))
}

// expectation is what the customer may truly expect.
func (k *Timekeeper) expectation(ctx context.Context, head *Head, place *Standing) (map[string]string, error) {
	fields := map[string]string{PromiseOffer: "email"}
	if place != nil {
		fields[PromisePosition] = strconv.Itoa(place.Position)
		if place.Basis != BasisNone {
			fields[PromiseEstimate] = strconv.Itoa(int(place.Estimate.Seconds()))
		}
	}
	if place != nil && k.Staff != nil {
		operators, err := k.Staff.Operators(ctx, head.Workspace)
		if err != nil {
			return nil, err
		}
		if !staffed(operators, head.Department, k.now()) {
			fields[PromiseStaffed] = "no"
			delete(fields, PromiseEstimate) // it goes by a time when somebody was
		}
	}
	if k.Hours != nil {
		hours, err := k.Hours(ctx, head.Workspace, head.Department)
		if err != nil {
			return nil, err
		}
		if now := k.now(); hours != nil && !hours.Open(now) {
			if opens, ok := hours.NextOpen(now); ok {
				fields[PromiseOpens] = opens.UTC().Format(time.RFC3339)
			}
		}
	}
	return fields, nil
}

// beginTelling begins the department's round of telling positions, if none is under way.
func (k *Timekeeper) beginTelling(ctx context.Context, w WorkspaceID, d DepartmentID) error {
	return k.tellNext(ctx, Timer{Ref: Ref{Workspace: w}, Kind: TimerPosition, Department: d}, k.now())
}

// tellNext takes the turn of the department's next telling, and arms it. A turn that has passed by more than a telling
// takes is free: whoever had it is lost.
func (k *Timekeeper) tellNext(ctx context.Context, t Timer, passed time.Time) error {
	policy, err := k.Chat.Policy(ctx, t.Workspace, t.Department)
	if err != nil {
		return err
	}
	t.Due = stamp(k.now().Add(policy.PositionEvery))
	mine, err := k.Turns.TakeTurn(ctx, t.Workspace, t.Department, passed, t.Due)
	if err != nil || !mine {
		return err
	}
	return k.Timers.Arm(ctx, t)
}

// maxTellings is how many tellings follow each other. Then the sweep begins anew, if anybody still waits.
const maxTellings = 20

// position tells those who wait how it stands, and goes on until nobody does.
func (k *Timekeeper) position(ctx context.Context, t Timer) error {
	waiting, err := k.Chat.TellPositions(ctx, t.Workspace, t.Department)
	if err != nil {
		return err
	}
	if waiting > 0 && t.Round+1 < maxTellings {
		t.Round++
		return k.tellNext(ctx, t, t.Due)
	}
	if err := k.Turns.EndTurn(ctx, t.Workspace, t.Department, t.Due); err != nil || waiting > 0 {
		return err
	}
	// Whoever came to wait after nobody did, and found this turn, is seen now.
	entries, err := k.Chat.Dir.Waiting(ctx, t.Workspace, t.Department, 1)
	if err != nil || len(entries) == 0 {
		return err
	}
	return k.beginTelling(ctx, t.Workspace, t.Department)
}
