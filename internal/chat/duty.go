package chat

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Duty sets whether the principal takes conversations. Whoever comes on duty for the first time gets the departments of
// their session and DefaultCapacity. On a socket, or with one open, it begins the lease too.
func (s *Service) Duty(ctx context.Context, p Principal, duty Duty) (*Operator, error) {
	if _, err := authorize(p, CommandDuty); err != nil {
		return nil, err
	}
	if !slices.Contains(Duties(), duty) {
		return nil, Errorf(CodeInvalid, "status: off, away or accepting")
	}
	// A socket may outlive its session until its next ping, where closing it failed: whoever was let go does not come on
	// duty by it. Over HTTP the session has just been read.
	if p.Connection != "" && s.Sessions != nil {
		if err := s.checkSession(ctx, p); err != nil {
			return nil, err
		}
	}
	here, err := s.hasSocket(ctx, p)
	if err != nil {
		return nil, err
	}
	return s.changeOperator(ctx, p, p.User, "", func(o *Operator) error {
		if o.Duty == "" {
			o.Role, o.Departments = p.Role, p.Departments
		}
		o.setDuty(duty, s.now())
		o.Missed = 0
		if here && o.OnDuty() {
			o.Lease = s.now().Add(DutyLease)
		}
		return nil
	})
}

// hasSocket says whether the principal is there to be pushed to.
func (s *Service) hasSocket(ctx context.Context, p Principal) (bool, error) {
	if p.Connection != "" {
		return true, nil
	}
	var open []ConnectionID
	err := s.retry(ctx, func() (err error) {
		open, err = s.Sockets.OfUser(ctx, p.Workspace, p.User)
		return err
	})
	return len(open) > 0, err
}

// setDuty changes the duty, and gives a capacity to whoever has none.
func (o *Operator) setDuty(duty Duty, now time.Time) {
	if o.Capacity == 0 {
		o.Capacity = DefaultCapacity
	}
	if o.Duty != duty {
		o.Duty, o.DutySince = duty, stamp(now)
	}
}

// Supervision is what a supervisor sets for an operator; nil leaves it as it is.
type Supervision struct {
	Duty        *Duty
	Capacity    *int
	Departments *DepartmentList
	Skills      *[]string
}

// MaxSkills bounds an operator's skills, and MaxSkill the bytes of one.
const (
	MaxSkills = 32
	MaxSkill  = 64
)

func (v Supervision) check() error {
	switch {
	case v.Duty != nil && !slices.Contains(Duties(), *v.Duty):
		return Errorf(CodeInvalid, "status: off, away or accepting")
	case v.Capacity != nil && (*v.Capacity < 1 || *v.Capacity > MaxCapacity):
		return Errorf(CodeInvalid, "capacity: 1 to %d", MaxCapacity)
	case v.Departments != nil && slices.ContainsFunc(v.Departments.All(), func(d DepartmentID) bool { return !d.Valid() }):
		return Errorf(CodeInvalid, "departments: well-formed ids")
	case v.Skills != nil && len(*v.Skills) > MaxSkills:
		return Errorf(CodeInvalid, "skills: at most %d", MaxSkills)
	case v.Skills != nil && slices.ContainsFunc(*v.Skills, func(k string) bool { return k == "" || len(k) > MaxSkill }):
		return Errorf(CodeInvalid, "skills: 1 to %d bytes each", MaxSkill)
	}
	return nil
}

// Supervise changes how an operator stands, also before they first come on duty. Supervisors who run departments reach those who work in one of them, and
// give no others.
func (s *Service) Supervise(ctx context.Context, p Principal, user UserID, v Supervision) (*Operator, error) {
	scope, err := authorize(p, CommandSupervise)
	if err != nil {
		return nil, err
	}
	if err := v.check(); err != nil {
		return nil, err
	}
	if !user.Valid() {
		return nil, errNoOperator()
	}
	return s.changeOperator(ctx, p, user, "supervised", func(o *Operator) error {
		if o.Duty == "" && o.Role == "" {
			if err := s.firstTime(ctx, p.Workspace, user, o); err != nil {
				return err
			}
		}
		if scope == Department && !p.runs(o.Departments) {
			return errNoOperator()
		}
		if v.Departments != nil {
			if scope == Department && !p.mayMove(o.Departments, *v.Departments) {
				return Errorf(CodeForbidden, "departments: only those that you run")
			}
			if err := s.checkDepartments(ctx, p.Workspace, "departments", v.Departments.All()...); err != nil {
				return err
			}
			o.Departments = *v.Departments
		}
		if v.Capacity != nil {
			o.Capacity = *v.Capacity
		}
		if v.Skills != nil {
			o.Skills = *v.Skills
		}
		if v.Duty != nil {
			o.setDuty(*v.Duty, s.now())
		}
		return nil
	})
}

// runs says whether a supervisor reaches somebody who works in these departments; none stands for all.
func (p Principal) runs(departments DepartmentList) bool {
	return p.Departments == "" || departments == "" || slices.ContainsFunc(departments.All(), p.Departments.Has)
}

// mayMove says whether a supervisor may change the departments of somebody: only those that they run come or go, and
// nobody is made to work in all or ceases to.
func (p Principal) mayMove(from, to DepartmentList) bool {
	if p.Departments == "" || from == to {
		return true
	}
	if from == "" || to == "" {
		return false
	}
	for _, d := range slices.Concat(from.All(), to.All()) {
		if from.Has(d) != to.Has(d) && !p.Departments.Has(d) {
			return false
		}
	}
	return true
}

func errNoOperator() *Error {
	return Errorf(CodeNotFound, "there is no such operator, or none whom you supervise")
}

// changeOperator changes how an operator stands, with the events that tell it in one transaction, and lets routing look
// at what they could take now. A change that changes nothing is not written.
func (s *Service) changeOperator(ctx context.Context, by Principal, user UserID, reason string, change func(*Operator) error) (*Operator, error) {
	var next Operator
	err := s.retry(ctx, func() error {
		old, err := s.Staff.Operator(ctx, by.Workspace, user)
		if err != nil {
			return err
		}
		if old == nil {
			old = &Operator{Workspace: by.Workspace, User: user}
		}
		next = *old
		if err := change(&next); err != nil {
			return err
		}
		events := s.operatorEvents(*old, &next, by, reason)
		err = s.Staff.ChangeOperator(ctx, old, next, events...)
		var refused *Refused
		if errors.As(err, &refused) {
			return fmt.Errorf("%w: the operator has changed", ErrUnknownOutcome)
		}
		next.Events = old.Events + uint64(len(events))
		return err
	})
	if err != nil {
		return nil, err
	}
	if s.Desk != nil { // colleagues are shown a moment later; a broadcast that is lost is made up for by the next refresh
		_ = s.Desk.Enqueue(ctx, DeskJob{Workspace: by.Workspace})
	}
	if s.Routing != nil && next.Duty == DutyAccepting {
		if err := s.Routing.Route(ctx, RouteJob{Workspace: by.Workspace, Operator: user, Reason: "duty"}); err != nil {
			return nil, Errorf(CodeUnavailable, "routing could not be told; send the same again")
		}
	}
	return &next, nil
}

// operatorEvents lists what the change means for the operator's log, and keeps Online with it.
func (s *Service) operatorEvents(old Operator, next *Operator, by Principal, reason string) []OperatorEvent {
	now := stamp(s.now())
	event := func(t OperatorEventType) OperatorEvent {
		return OperatorEvent{Type: t, At: now, Sender: by.User, Role: by.Role, Reason: reason}
	}
	var events []OperatorEvent
	if next.Online.IsZero() && next.OnDuty() && next.Lease.After(now) {
		next.Online = now
		events = append(events, event(OperatorConnected))
	}
	if old.Duty != next.Duty {
		e := event(OperatorStatus)
		e.From, e.To = old.Duty, next.Duty
		events = append(events, e)
	}
	if !old.Online.IsZero() && next.Online.IsZero() {
		events = append(events, event(OperatorDisconnected))
	}
	for i := range events {
		events[i].Seq = old.Events + uint64(i) + 1
	}
	return events
}

// Arrived renews the lease of a member of staff who is on duty, and returns how they stand: nil for one who is not on
// duty, and was not before. It is one write, and for one who was gone a second.
func (s *Service) Arrived(ctx context.Context, p Principal) (*Operator, error) {
	if s.Staff == nil || Allowed(p.Role, CommandDuty) == Denied {
		return nil, nil
	}
	until := s.now().Add(DutyLease)
	var o *Operator
	err := s.retry(ctx, func() (err error) {
		o, err = s.Staff.RenewLease(ctx, p.Workspace, p.User, until)
		return err
	})
	if err != nil || o == nil || !o.Online.IsZero() {
		return o, err
	}
	return s.changeOperator(ctx, p, p.User, "", func(o *Operator) error {
		o.Lease = until
		return nil
	})
}

// Left looks whether a socket that has closed was the last one of a member of staff on duty. Then their lease is over,
// and a timer looks after the grace whether they have come back. A hello that comes in between has its row before it
// renews the lease: either the row is seen here, or the lease is not as it was. Where $disconnect is lost, the lease
// ends by itself and the minute's sweep finds it.
func (s *Service) Left(ctx context.Context, p Principal) error {
	if Allowed(p.Role, CommandDuty) == Denied {
		return nil
	}
	return s.retry(ctx, func() error {
		o, err := s.Staff.Operator(ctx, p.Workspace, p.User)
		if err != nil || o == nil || !o.OnDuty() {
			return err
		}
		open, err := s.Sockets.OfUser(ctx, p.Workspace, p.User)
		if err != nil || len(open) > 0 {
			return err
		}
		now := s.now()
		if o.Lease.After(now) {
			err = s.Staff.EndLease(ctx, p.Workspace, p.User, o.Lease, now)
		}
		var back *Refused
		switch {
		case errors.As(err, &back):
			return nil
		case err != nil:
			return err
		}
		due := now.Add(DisconnectGrace + time.Second) // when the grace is over, not at its very end
		return s.Timers.Arm(ctx, Timer{Ref: Ref{Workspace: p.Workspace}, Kind: TimerGrace, User: p.User, Due: due})
	})
}

// OperatorLog reads an operator's own log: theirs, or for supervisors that of those they run.
func (s *Service) OperatorLog(ctx context.Context, p Principal, user UserID, after uint64, limit int) ([]OperatorEvent, error) {
	cmd := CommandSupervise
	if user == p.User {
		cmd = CommandDuty
	}
	scope, err := authorize(p, cmd)
	if err != nil {
		return nil, err
	}
	if user != p.User {
		var o *Operator
		err := s.retry(ctx, func() (err error) {
			o, err = s.Staff.Operator(ctx, p.Workspace, user)
			return err
		})
		if err != nil {
			return nil, err
		}
		if o == nil || scope == Department && !p.runs(o.Departments) {
			return nil, errNoOperator()
		}
	}
	var events []OperatorEvent
	err = s.retry(ctx, func() (err error) {
		events, err = s.Staff.OperatorEvents(ctx, p.Workspace, user, after, limit)
		return err
	})
	return events, err
}
