package chat

import (
	"context"
	"time"
)

// Watch lets a supervisor follow a conversation that others lead: the actor's socket listens from that very write on.
// Customers do not see who watches.
func (s *Service) Watch(ctx context.Context, p Principal, st Step) (*Outcome, error) {
	a := act{command: CommandWatch, track: Desk, draft: Event{Type: EventWatched, Subject: p.User}}
	out, err := s.perform(ctx, p, st, a, func(h *Head, e *Event, _ UserID) (*Change, error) {
		e.aside()
		part, in := h.Participants[p.User]
		switch {
		case h.Assignee == p.User:
			return nil, Errorf(CodeAlreadyAssigned, "this conversation is yours")
		case in && part.Watching:
			return nil, errNothing
		}
		change := &Change{Aside: true, Listen: p.Connection, Listener: s.listener(p)}
		if in {
			change.Watchers = []UserID{p.User}
		} else {
			change.Join, change.Watching = p.Role, true
		}
		return change, nil
	})
	return s.listening(ctx, p, out, err)
}

// listening subscribes the connection of a retry.
func (s *Service) listening(ctx context.Context, p Principal, out *Outcome, err error) (*Outcome, error) {
	if err != nil || len(out.Acks) > 0 && !out.Acks[0].Duplicate {
		return out, err
	}
	return out, s.listenAgain(ctx, p, out)
}

// Unwatch ends it: nothing of the conversation is pushed any more to who watched.
func (s *Service) Unwatch(ctx context.Context, p Principal, st Step) (*Outcome, error) {
	a := act{command: CommandWatch, track: Desk, draft: Event{Type: EventLeft, Subject: p.User}}
	return s.perform(ctx, p, st, a, func(h *Head, e *Event, _ UserID) (*Change, error) {
		e.aside()
		if part, in := h.Participants[p.User]; !in || !part.Watching {
			return nil, errNothing
		}
		return &Change{Aside: true, Remove: []UserID{p.User}}, nil
	})
}

// Bounds of a snooze.
const (
	// MinSnooze is the shortest: the timers' own precision.
	MinSnooze = time.Second
	// MaxSnooze is the longest.
	MaxSnooze = 366 * 24 * time.Hour
)
