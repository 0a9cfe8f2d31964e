package chat

import (
	"context"
	"slices"
	"strings"
	"time"
)

// Close ends a conversation. A customer who closes while nobody has come yet has left the queue: abandoned.
//
// Errors: CodeRequired when staff closes a conversation that lacks fields which the workspace demands; it names them.
func (s *Service) Close(ctx context.Context, p Principal, st Step) (*Outcome, error) {
	a := act{command: CommandClose, track: Public, draft: Event{Type: EventClosed}, either: EventAbandoned, reason: ReasonEnded}
	return s.perform(ctx, p, st, a, func(h *Head, e *Event, _ UserID) (*Change, error) {
		if h.Status.Over() {
			return nil, Errorf(CodeClosed, "the conversation is already closed")
		}
		change := s.end(h, e, p.Role == RoleCustomer && h.Status.Waits())
		if !p.Role.Staff() {
			return change, nil
		}
		facts, err := s.required(ctx, h)
		change.Facts = facts
		return change, err
	})
}

// Leave takes a customer out of the queue, or away from a bot.
func (s *Service) Leave(ctx context.Context, p Principal, st Step) (*Outcome, error) {
	a := act{command: CommandLeave, track: Public, draft: Event{Type: EventAbandoned}, either: EventClosed, reason: ReasonLeft}
	return s.perform(ctx, p, st, a, func(h *Head, e *Event, _ UserID) (*Change, error) {
		if !h.Status.Waits() && h.Status != StatusBot {
			return nil, errStatus(h)
		}
		return s.end(h, e, h.Status.Waits()), nil
	})
}

func (s *Service) end(h *Head, e *Event, left bool) *Change {
	e.Type, e.To = EventClosed, StatusClosed
	if left {
		e.Type, e.To = EventAbandoned, StatusAbandoned
	}
	return &Change{Status: e.To, Places: h.freed(s.now()), Remove: h.unasked("")}
}

// required demands the fields without which the workspace closes nothing. With some, the close commits only if they
// are as they were read.
func (s *Service) required(ctx context.Context, h *Head) (*Facts, error) {
	if s.Required == nil {
		return nil, nil
	}
	names, err := s.Required(ctx, h.Workspace, h.Department)
	if err != nil || len(names) == 0 {
		return nil, err
	}
	return s.facts(ctx, h.Ref, func(state *State) error {
		missing := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return state.Fields[name] != "" })
		if len(missing) > 0 {
			return Errorf(CodeRequired, "fields: %s must be set before the conversation closes", strings.Join(missing, ", "))
		}
		return nil
	})
}

// Person asks for a person: from a bot the conversation goes into the queue. Who waits already, or has a person, gets an
// acknowledgement of nothing.
func (s *Service) Person(ctx context.Context, p Principal, st Step) (*Outcome, error) {
	a := act{command: CommandPerson, track: Public, draft: Event{Type: EventHandedOff}, reason: ReasonPerson}
	return s.perform(ctx, p, st, a, func(h *Head, e *Event, _ UserID) (*Change, error) {
		switch {
		case h.Status.Over():
			return nil, errStatus(h)
		case h.Status != StatusBot:
			return nil, errNothing
		}
		e.To = StatusQueued
		change := s.requeue(h)
		var err error
		change.Department, err = s.moved(ctx, h)
		return change, err
	})
}

// Wake takes up a conversation that was snoozed or idle: with its operator, if they have room, else in the queue.
// Whoever wakes their own keeps it, or is told that they have no room.
func (s *Service) Wake(ctx context.Context, p Principal, st Step) (*Outcome, error) {
	a := act{command: CommandSnooze, track: Desk, draft: Event{Type: EventResumed}, reason: ReasonWoken}
	return s.perform(ctx, p, st, a, func(h *Head, e *Event, full UserID) (*Change, error) {
		if h.Status != StatusSnoozed && h.Status != StatusIdle {
			return nil, errStatus(h)
		}
		change, err := s.wake(ctx, h, full)
		if err != nil {
			return nil, err
		}
		if h.Assignee == p.User {
			if full == p.User {
				return nil, errFull("you have")
			}
			change.Places[0].Eligible = false
		}
		if e.To = change.Status; e.To == StatusQueued {
			queued := e.beside(queuedBeside, EventQueued)
			queued.Reason = ReasonWaitsAgain // to customers it did not sleep
			change.Other = []Event{queued}
		}
		return change, nil
	})
}

// Snooze puts a conversation off until a time: it takes no place of its operator's, and wakes by itself, or when the
// customer writes.
func (s *Service) Snooze(ctx context.Context, p Principal, st Step, until time.Time) (*Outcome, error) {
	until = time.UnixMilli(until.UnixMilli())
	a := act{command: CommandSnooze, track: Desk, draft: Event{Type: EventSnoozed, Detail: &Detail{Until: until}}, reason: ReasonPutOff}
	return s.perform(ctx, p, st, a, func(h *Head, e *Event, _ UserID) (*Change, error) {
		if left := until.Sub(s.now()); left < MinSnooze || left > MaxSnooze {
			return nil, Errorf(CodeInvalid, "until: %v to %v from now", MinSnooze, MaxSnooze)
		}
		if h.Status != StatusActive && h.Status != StatusIdle && h.Status != StatusSnoozed {
			return nil, errStatus(h)
		}
		e.To = StatusSnoozed
		return &Change{Status: StatusSnoozed, Places: h.freed(s.now()), Until: until}, nil
	})
}
