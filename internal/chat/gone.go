package chat

import (
	"context"
	"errors"
	"time"
)

// Gone looks after the conversations of an operator whose lease and grace are over: where the customer waits they go
// back into the queue at their first time, now, also those that sleep; where the operator wrote last they sleep, and are
// routed again by the customer's next message; those that are snoozed find nobody when they wake, and go into the queue.
// None is closed. It does nothing for an operator who is there, and may be repeated.
func (s *Service) Gone(ctx context.Context, w WorkspaceID, user UserID) error {
	var o *Operator
	err := s.retry(ctx, func() (err error) {
		o, err = s.Staff.Operator(ctx, w, user)
		return err
	})
	if err != nil || o == nil || o.Connected(s.now()) {
		return err
	}
	if !o.Online.IsZero() {
		if err := s.disconnected(ctx, w, user); err != nil {
			return err
		}
	}
	for after := ConversationID(""); ; {
		var ids []ConversationID
		err := s.retry(ctx, func() (err error) {
			ids, err = s.Dir.Open(ctx, w, user, after, MaxSubscriptions)
			return err
		})
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := s.goneFrom(ctx, Ref{w, id}, o); err != nil {
				return err
			}
		}
		if len(ids) < MaxSubscriptions {
			return nil
		}
		after = ids[len(ids)-1]
	}
}

// disconnected tells the operator's own log.
func (s *Service) disconnected(ctx context.Context, w WorkspaceID, user UserID) error {
	_, err := s.changeOperator(ctx, system(w), user, "lease is over", func(o *Operator) error {
		if !o.Connected(s.now()) {
			o.Online = time.Time{}
		}
		return nil
	})
	return err
}

// goneFrom takes one conversation from the operator who is gone.
func (s *Service) goneFrom(ctx context.Context, ref Ref, o *Operator) error {
	user, reason := o.User, o.goneBy()
	head, err := s.headAfter(ctx, ref)
	if CodeOf(err) == CodeNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	offered := head.Status == StatusOffered && head.OfferedTo == user
	if !offered && (head.Status != StatusActive && head.Status != StatusIdle || head.Assignee != user) {
		return nil
	}
	out, err := s.systemStep(ctx, ref, head.Version, func(h *Head) (*systemStep, error) {
		waits, err := s.customerWaits(ctx, h)
		switch {
		case err != nil:
			return nil, err
		case offered:
			return s.offerMissed(ctx, h, user, reason)
		case waits:
			return s.handBack(ctx, h, user, reason)
		case h.Status == StatusIdle: // it sleeps already
			return nil, errStale
		}
		return s.sleepUnreachable(h, user, reason), nil
	}, moveBack, moveMiss, moveAlert, moveBusy, moveIdle, moveUnreach)
	if errors.Is(err, errStale) { // somebody else has taken it up
		return nil
	}
	if err != nil {
		return err
	}
	return s.Delivery.Committed(ctx, system(ref.Workspace), out)
}

// goneBy is the reason that the edges name: their own log says more.
func (o Operator) goneBy() string {
	if o.Duty == DutyOff {
		return ReasonOff
	}
	return ReasonGone
}

// handBack appends to the public track, so that an answer that comes in between refuses it.
func (s *Service) handBack(ctx context.Context, h *Head, user UserID, reason string) (*systemStep, error) {
	change, err := s.requeueAtFirst(ctx, h)
	if err != nil {
		return nil, err
	}
	change.Entry.Preferred = "" // nobody waits for who is gone
	change.Remove = []UserID{user}
	e := systemEvent(moveBack, h, EventQueued, StatusQueued, ReasonWaitsAgain)
	e.Subject = user
	why := systemEvent(moveUnreach, h, EventUnreachable, "", reason)
	why.From, why.Subject = "", user
	change.Other = []Event{why}
	return &systemStep{Public, []Event{e}, change}, nil
}

// sleepUnreachable frees the place and leaves the conversation to its operator: a message of the customer's wakes it,
// which finds the operator gone and queues it. That costs a send nothing. No message may come in between.
func (s *Service) sleepUnreachable(h *Head, user UserID, reason string) *systemStep {
	away := systemEvent(moveUnreach, h, EventUnreachable, "", reason)
	away.From, away.Subject = "", user
	idle := systemEvent(moveIdle, h, EventIdle, StatusIdle, reason)
	return &systemStep{Desk, []Event{away, idle}, &Change{Status: StatusIdle, Places: h.freed(s.now()), Still: true}}
}

// customerWaits says whether the customer wrote last, or nobody has written but the customer.
func (s *Service) customerWaits(ctx context.Context, h *Head) (bool, error) {
	for to := h.Public.Last; to > 0; {
		from := to - min(to, pageEvents)
		events, err := s.events(ctx, h, Public, from, to)
		if err != nil {
			return false, err
		}
		for i := len(events) - 1; i >= 0; i-- {
			if events[i].Type == EventMessage {
				return events[i].Role == RoleCustomer, nil
			}
		}
		to = from
	}
	return true, nil
}

// Idle puts a conversation to sleep in which nobody wrote: its operator's place comes free. It does nothing if the
// conversation has moved on since the version; a message that comes in between refuses it, and the image is looked at
// again: nobody may have written for the policy's time. It may be repeated.
func (s *Service) Idle(ctx context.Context, ref Ref, version uint64) error {
	out, err := s.systemStep(ctx, ref, version, func(h *Head) (*systemStep, error) {
		if h.Status != StatusActive {
			return nil, errStale
		}
		policy, err := s.Policy(ctx, h.Workspace, h.Department)
		if err != nil {
			return nil, err
		}
		last, err := s.events(ctx, h, Public, h.Public.Last-1, h.Public.Last)
		if err != nil {
			return nil, err
		}
		if s.now().Sub(last[0].At) < policy.IdleAfter {
			return nil, errStale
		}
		idle := systemEvent(moveIdle, h, EventIdle, StatusIdle, ReasonNobodyWrote)
		return &systemStep{Desk, []Event{idle}, &Change{Status: StatusIdle, Places: h.freed(s.now()), Still: true}}, nil
	}, moveIdle)
	if errors.Is(err, errStale) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.Delivery.Committed(ctx, system(ref.Workspace), out)
}
