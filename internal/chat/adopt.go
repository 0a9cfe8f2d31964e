package chat

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// maxAdopted bounds how many conversations, and lists of them, are touched for one customer at once.
const maxAdopted = 25

// adoptedBeside names the event of an adoption: the same for every try.
const adoptedBeside = "adopt"

// Adopt makes a customer's conversations those of another user: for a visitor who turns out to be somebody that the
// business knows. The open ones pass over, newest first, then the newest closed ones, maxAdopted in all; what else
// there is stays where it was. In each, the one customer takes the other's place with one write, and the desk is told
// by an event; what was said keeps its sender. A mute passes over, too. Doing it again does what is left to do.
func (s *Service) Adopt(ctx context.Context, from, to Principal) error {
	if from.Role != RoleCustomer || to.Role != RoleCustomer || from.Workspace != to.Workspace || from.User == to.User {
		return Errorf(CodeInvalid, "conversations pass from one customer to another of the same workspace")
	}
	ids, err := s.Dir.Open(ctx, from.Workspace, from.User, "", maxAdopted)
	if err != nil {
		return fmt.Errorf("listing conversations: %w", err)
	}
	if more := maxAdopted - len(ids); more > 0 {
		closed, err := s.Dir.Closed(ctx, from.Workspace, from.User, "", more)
		if err != nil {
			return fmt.Errorf("listing conversations: %w", err)
		}
		ids = append(ids, closed...)
	}
	if len(ids) == 0 {
		return nil
	}
	_, err = parallel(ctx, ids, func(ctx context.Context, id ConversationID) (struct{}, error) {
		return struct{}{}, s.adopt(ctx, from, to, id)
	})
	return err
}

func (s *Service) adopt(ctx context.Context, from, to Principal, id ConversationID) error {
	var before Participant
	c := &command{
		drafts: []Event{{
			ID: derivedID(adoptedBeside+string(to.User), EventID(id)), Type: EventIdentified, Sender: to.User, Role: to.Role, Subject: from.User,
		}},
		Append: Append{Ref: Ref{from.Workspace, id}, Track: Desk, Rule: Rule{Actor: from.User, Participant: true}},
	}
	out, err := s.transit(ctx, from, c, Own, func(h *Head) (*Change, []Event, error) {
		before = h.Participants[from.User]
		change := &Change{Aside: true, Customer: to.User, Add: map[UserID]Role{to.User: RoleCustomer}, Remove: []UserID{from.User}}
		if !h.Status.Waits() {
			return change, nil, nil
		}
		change.Priority = &h.Priority // its entry in the queue names the customer, and is written anew
		entry, err := s.States.Entry(ctx, h)
		if entry != nil {
			change.Entry = *entry
		}
		return change, nil, err
	})
	if CodeOf(err) == CodeNotFound { // an earlier try has done it
		return nil
	}
	if err != nil {
		return err
	}
	if until := before.MutedUntil; until.After(s.now()) {
		if err := s.mute(ctx, out.Head.Ref, to.User, until); err != nil {
			return err
		}
	}
	if before.Cursor > 0 {
		_, _ = s.Subs.MoveCursor(ctx, out.Head.Ref, to.User, before.Cursor) // else it counts as unread, until it is read
	}
	if s.Delivery == nil {
		return nil
	}
	return s.Delivery.Committed(ctx, to, out)
}

// Silence keeps a customer from writing in their open conversations until then; those who are muted for longer stay
// so. It leaves no event: whoever calls it has told the desk.
func (s *Service) Silence(ctx context.Context, w WorkspaceID, u UserID, until time.Time) error {
	ids, err := s.Dir.Open(ctx, w, u, "", maxAdopted)
	if err != nil || len(ids) == 0 {
		return err
	}
	_, err = parallel(ctx, ids, func(ctx context.Context, id ConversationID) (struct{}, error) {
		return struct{}{}, s.mute(ctx, Ref{w, id}, u, until)
	})
	return err
}

func (s *Service) mute(ctx context.Context, ref Ref, u UserID, until time.Time) error {
	return s.retry(ctx, func() error {
		err := s.Subs.Mute(ctx, ref, u, until)
		var refused *Refused
		if errors.As(err, &refused) {
			return nil
		}
		return err
	})
}
