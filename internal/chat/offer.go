package chat

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
)

// What the system's events are named by (see transitionID).
const (
	moveMiss    = "miss"
	moveBack    = "back"
	moveAlert   = "alert"
	moveBusy    = "busy"
	moveIdle    = "idle"
	moveUnreach = "unreachable"
)

// Accept takes a conversation that is offered to the actor. The place was taken with the offer.
func (s *Service) Accept(ctx context.Context, p Principal, st Step) (*Outcome, error) {
	out, err := s.step(ctx, p, st, CommandAccept, EventAssigned, ReasonAccepted, func(h *Head, e *Event, _ UserID) (*Change, error) {
		if err := offeredTo(h, p); err != nil {
			return nil, err
		}
		e.Subject, e.To = p.User, StatusActive
		return &Change{
			Status: StatusActive, Assignee: p.User, Add: map[UserID]Role{p.User: p.Role}, Listen: p.Connection, Listener: s.listener(p),
		}, nil
	})
	if err != nil || !out.Acks[0].Duplicate {
		return out, err
	}
	return out, s.listenAgain(ctx, p, out)
}

func offeredTo(h *Head, p Principal) error {
	switch {
	case h.Status == StatusOffered && h.OfferedTo == p.User:
		return nil
	case h.Assignee == p.User:
		return Errorf(CodeAlreadyAssigned, "this conversation is already yours")
	case h.Status.Over():
		return Errorf(CodeClosed, "the conversation is closed")
	}
	return Errorf(CodeAlreadyAssigned, "the offer is over; this conversation is not offered to you")
}

// Decline lets an offer to the actor go to somebody else. It counts as no miss.
func (s *Service) Decline(ctx context.Context, p Principal, st Step) (*Outcome, error) {
	scope, err := authorize(p, CommandAccept)
	if err != nil {
		return nil, err
	}
	if err := st.check(); err != nil {
		return nil, err
	}
	c := &command{
		drafts: []Event{{ID: st.ID, Type: EventOfferMissed, Sender: p.User, Role: p.Role, Reason: cmp.Or(st.Reason, ReasonDeclined), Subject: p.User}},
		Append: Append{Ref: Ref{p.Workspace, st.Conversation}, Track: Desk, After: st.After, Rule: Rule{Actor: p.User}},
	}
	return s.transit(ctx, p, c, scope, func(h *Head) (*Change, []Event, error) {
		if err := offeredTo(h, p); err != nil {
			return nil, nil, err
		}
		change, err := s.nextTry(ctx, h, p.User, false)
		if err != nil {
			return nil, nil, err
		}
		e := &c.drafts[0]
		e.From, e.To = h.Status, StatusQueued
		alert, busy := change.passed(h)
		for i := range alert { // a retry finds, and tells, what is named by the event that it is beside
			alert[i].ID, busy[i].ID = derivedID(alertBeside, e.ID), derivedID(busyBeside, e.ID)
		}
		change.Other = busy
		return change, alert, nil
	})
}

// nextTry puts a conversation back into the queue at its first time for others to try. Whoever has let it pass is left in
// peace with it for the policy's AskAgain; so when nobody else is left to ask, it waits for somebody to come, for a place,
// or for that time to pass.
func (s *Service) nextTry(ctx context.Context, h *Head, user UserID, missed bool) (*Change, error) {
	change, err := s.requeueAtFirst(ctx, h)
	if err != nil {
		return nil, err
	}
	policy, err := s.Policy(ctx, h.Workspace, h.Department)
	if err != nil {
		return nil, err
	}
	operators, err := s.Staff.Operators(ctx, h.Workspace)
	if err != nil {
		return nil, err
	}
	now := stamp(s.now())
	was := policy.rested(Waiting{}.Keep(h), now)
	tried := slices.DeleteFunc(slices.Clone(was.Tried), func(u UserID) bool { // who has come on duty anew is asked anew
		return u == user || slices.ContainsFunc(operators, func(o Operator) bool { return o.User == u && !was.letPass(o) })
	})
	change.Entry = Waiting{Tried: append(tried, user), TriedAt: now}
	change.Remove = []UserID{user}
	for i := range change.Places {
		change.Places[i].Missed = missed
	}
	left := slices.ContainsFunc(operators, func(o Operator) bool { // somebody who lacks at most room
		if !o.worksIn(h.Department) {
			return false
		}
		reason := o.excluded(change.Entry.Keep(h), now)
		return reason == "" || reason == excludedFull
	})
	if !left {
		change.Entry.Again = now.Add(policy.AskAgain)
	}
	return change, nil
}

// passed tells that everybody who could be asked has let the conversation pass, if that is so: the supervisors, on the desk
// track, with the time when they are asked again, and the customer, who learns no more than that those who are there are
// busy.
func (c *Change) passed(h *Head) (alert, busy []Event) {
	if c.Entry.Again.IsZero() {
		return nil, nil
	}
	a := systemEvent(moveAlert, h, EventAlerted, "", "everybody was tried")
	b := systemEvent(moveBusy, h, EventPromise, "", "")
	a.From, b.From = "", ""
	a.Detail = &Detail{Until: c.Entry.Again}
	b.Detail = &Detail{Fields: map[string]string{PromiseStaffed: StaffedBusy, PromiseOffer: "email"}}
	return []Event{a}, []Event{b}
}

// Missed takes a conversation from an operator who has not accepted its offer, or has not written since it was assigned
// to them, back into the queue at its first time, for others to try; after some misses in a row the operator is set
// away. It does nothing if the conversation has moved on since the version, or the operator has written by now: then
// what they missed before is forgotten. It may be repeated: a nil error says that all is done.
func (s *Service) Missed(ctx context.Context, ref Ref, version uint64, user UserID, reason string) error {
	out, err := s.missed(ctx, ref, version, user, reason)
	switch {
	case errors.Is(err, errAnswered):
		return s.answered(ctx, ref.Workspace, user)
	case errors.Is(err, errStale):
		return nil
	case err != nil:
		return err
	}
	if err := s.Delivery.Committed(ctx, system(ref.Workspace), out); err != nil {
		return err
	}
	return s.setAway(ctx, ref.Workspace, out.Head.Department, user)
}

// errAnswered says that the operator has written.
var errAnswered = errors.New("the operator has answered")

func (s *Service) missed(ctx context.Context, ref Ref, version uint64, user UserID, reason string) (*Outcome, error) {
	return s.systemStep(ctx, ref, version, func(h *Head) (*systemStep, error) {
		switch {
		case h.Status == StatusOffered && h.OfferedTo == user:
			return s.offerMissed(ctx, h, user, reason)
		case h.Status == StatusActive && h.Assignee == user:
			return s.replyMissed(ctx, h, user, reason)
		}
		return nil, errStale
	}, moveBack, moveMiss, moveAlert, moveBusy)
}

func (s *Service) offerMissed(ctx context.Context, h *Head, user UserID, reason string) (*systemStep, error) {
	change, err := s.nextTry(ctx, h, user, true)
	if err != nil {
		return nil, err
	}
	e := systemEvent(moveMiss, h, EventOfferMissed, StatusQueued, reason)
	e.Subject = user
	alert, busy := change.passed(h)
	change.Other = busy
	return &systemStep{Desk, append([]Event{e}, alert...), change}, nil
}

// replyMissed appends to the public track, so that a message of the operator's that comes in between refuses it.
func (s *Service) replyMissed(ctx context.Context, h *Head, user UserID, reason string) (*systemStep, error) {
	wrote, err := s.wroteSince(ctx, h, user)
	if err != nil {
		return nil, err
	}
	if wrote {
		return nil, errAnswered
	}
	change, err := s.nextTry(ctx, h, user, true)
	if err != nil {
		return nil, err
	}
	back := systemEvent(moveBack, h, EventQueued, StatusQueued, ReasonWaitsAgain)
	miss := systemEvent(moveMiss, h, EventOfferMissed, "", reason)
	miss.From, back.Subject, miss.Subject = "", user, user
	alert, busy := change.passed(h)
	change.Other = append([]Event{miss}, alert...)
	return &systemStep{Public, append([]Event{back}, busy...), change}, nil
}

// wroteSince says whether the user has written on the public track since the conversation last changed hands.
func (s *Service) wroteSince(ctx context.Context, h *Head, user UserID) (bool, error) {
	for to := h.Public.Last; to > 0; {
		from := to - min(to, pageEvents)
		events, err := s.events(ctx, h, Public, from, to)
		if err != nil {
			return false, err
		}
		for _, e := range slices.Backward(events) {
			if e.Sender == user && e.Type == EventMessage {
				return true, nil
			}
			if changesState(e.Type) {
				return false, nil
			}
		}
		to = from
	}
	return false, nil
}

func (s *Service) answered(ctx context.Context, w WorkspaceID, user UserID) error {
	return s.retry(ctx, func() error {
		o, err := s.Staff.Operator(ctx, w, user)
		if err != nil || o == nil || o.Missed == 0 {
			return err
		}
		return s.Staff.OperatorAnswers(ctx, w, user)
	})
}

// setAway sets an operator away who has missed too many in a row. It looks at the operator, not at what was done, so
// that of two misses at once the one or the other does it, and a repetition makes up for it.
func (s *Service) setAway(ctx context.Context, w WorkspaceID, d DepartmentID, user UserID) error {
	policy, err := s.Policy(ctx, w, d)
	if err != nil || policy.AwayAfterMisses <= 0 {
		return err
	}
	var o *Operator
	err = s.retry(ctx, func() (err error) {
		o, err = s.Staff.Operator(ctx, w, user)
		return err
	})
	if err != nil || o == nil || o.Missed < policy.AwayAfterMisses || o.Duty != DutyAccepting {
		return err
	}
	_, err = s.changeOperator(ctx, system(w), user, fmt.Sprintf("missed %d in a row", o.Missed), func(o *Operator) error {
		if o.Missed >= policy.AwayAfterMisses && o.Duty == DutyAccepting {
			o.setDuty(DutyAway, s.now())
		}
		return nil
	})
	return err
}
