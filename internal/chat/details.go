package chat

import (
	"context"
	"time"
)

// Details is what is known of a conversation besides what was said.
type Details struct {
	State
	// FirstResponse is when a person of the business first wrote publicly; zero if nobody did. It is found in the log,
	// among the first responseSought events: storing it would cost a condition with every message of an operator.
	FirstResponse time.Time
	// Decisions of routing, oldest first, among the newest MaxPageEvents events of the desk.
	Decisions []Event
}

// responseSought is how many events are searched for the first response.
const responseSought = 1000

// Details reads STATE, and the log as far as the answer needs it: three reads for most conversations.
func (s *Service) Details(ctx context.Context, p Principal, id ConversationID) (*Details, error) {
	scope, err := authorize(p, CommandDetails)
	if err != nil {
		return nil, err
	}
	head, err := s.visible(ctx, p, Ref{p.Workspace, id}, scope)
	if err != nil {
		return nil, err
	}
	var state *State
	err = s.retry(ctx, func() (err error) {
		state, err = s.States.State(ctx, head.Ref)
		return err
	})
	if err != nil {
		return nil, err
	}
	if state == nil {
		return nil, errNotFound()
	}
	d := &Details{State: *state}
	if d.FirstResponse, err = s.firstResponse(ctx, head); err != nil {
		return nil, err
	}
	last := head.Desk.Last
	desk, err := s.read(ctx, head, Desk, last-min(last, MaxPageEvents), last)
	for _, e := range desk {
		if e.Type == EventRouted {
			d.Decisions = append(d.Decisions, e)
		}
	}
	return d, err
}

func (s *Service) firstResponse(ctx context.Context, h *Head) (time.Time, error) {
	for after, last := uint64(0), min(h.Public.Last, responseSought); after < last; {
		to := min(after+MaxPageEvents, last)
		events, err := s.read(ctx, h, Public, after, to)
		if err != nil {
			return time.Time{}, err
		}
		for _, e := range events {
			if e.Type == EventMessage && e.Role.person() {
				return e.At, nil
			}
		}
		after = to
	}
	return time.Time{}, nil
}
