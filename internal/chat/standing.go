package chat

import (
	"context"
	"time"
)

// Standing returns how a member of staff stands to routing: oneself, or whom a supervisor may change (see Supervise).
// Errors: CodeForbidden; CodeNotFound when there is none, or none within reach.
func (s *Service) Standing(ctx context.Context, p Principal, user UserID) (*Operator, error) {
	cmd := CommandSupervise
	if user == p.User {
		cmd = CommandDuty
	}
	scope, err := authorize(p, cmd)
	if err != nil {
		return nil, err
	}
	if !user.Valid() {
		return nil, errNoOperator()
	}
	var o *Operator
	if err := s.retry(ctx, func() (err error) {
		o, err = s.Staff.Operator(ctx, p.Workspace, user)
		return err
	}); err != nil {
		return nil, err
	}
	if o == nil {
		o = &Operator{Workspace: p.Workspace, User: user}
	}
	switch {
	case o.Duty != "" || o.Role != "":
	case user == p.User:
		o.Role, o.Departments = p.Role, p.Departments
		o.setDuty(DutyOff, time.Time{})
	default:
		if err := s.firstTime(ctx, p.Workspace, user, o); err != nil {
			return nil, err
		}
		o.DutySince = time.Time{} // nobody has set it
	}
	if user != p.User && scope == Department && !p.runs(o.Departments) {
		return nil, errNoOperator()
	}
	return o, nil
}

// firstTime fills in how somebody stands who was never on duty: as their account says, off, with the default capacity.
func (s *Service) firstTime(ctx context.Context, w WorkspaceID, user UserID, o *Operator) error {
	if s.Colleague == nil {
		return errNoOperator()
	}
	c, err := s.Colleague(ctx, w, user)
	if err != nil {
		return err
	}
	if c == nil || !isPerson(c.Role) {
		return errNoOperator()
	}
	o.Role, o.Departments = c.Role, c.Departments
	o.setDuty(DutyOff, s.now())
	return nil
}
