package chat

import (
	"context"
	"errors"
	"time"
)

// Posting is what an account says of somebody who may take conversations.
type Posting struct {
	User        UserID
	Name        string
	Role        Role
	Departments DepartmentList
}

// FollowAccount has how an operator stands follow their account: routing chooses by it. It does nothing for somebody who was
// never on duty and never had a conversation. The account is the caller's to guard; by may be the zero user for the system.
func (s *Service) FollowAccount(ctx context.Context, by Principal, p Posting) error {
	return s.repost(ctx, by, p.User, "", func(o *Operator) {
		o.Name, o.Role, o.Departments = p.Name, p.Role, p.Departments
	})
}

// Dismiss takes somebody off duty who belongs to the staff no more, and has their conversations looked after as those of
// an operator who is gone (see Gone), without a grace. Their own log says who did it and why. It does nothing for
// somebody who was never on duty and never had a conversation, and may be repeated: a nil error says that it will be
// done. The account is the caller's to guard, and so is that its sockets are closed before: by one that is open they
// could come on duty again.
func (s *Service) Dismiss(ctx context.Context, by Principal, user UserID, reason string) error {
	err := s.repost(ctx, by, user, reason, func(o *Operator) {
		o.setDuty(DutyOff, s.now())
		o.Lease, o.Online = time.Time{}, time.Time{}
	})
	if err != nil {
		return err
	}
	t := Timer{Ref: Ref{Workspace: by.Workspace}, Kind: TimerGrace, User: user, Due: s.now()}
	return s.retry(ctx, func() error { return s.Timers.Arm(ctx, t) })
}

// errNoDuty says that somebody was never on duty and never had a conversation.
var errNoDuty = errors.New("never on duty")

func (s *Service) repost(ctx context.Context, by Principal, user UserID, reason string, change func(*Operator)) error {
	if by.User == "" {
		by = system(by.Workspace)
	}
	_, err := s.changeOperator(ctx, by, user, reason, func(o *Operator) error {
		if o.Duty == "" && o.LastAssigned.IsZero() && o.Load == 0 {
			return errNoDuty
		}
		change(o)
		return nil
	})
	if errors.Is(err, errNoDuty) {
		return nil
	}
	return err
}
