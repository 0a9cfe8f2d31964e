package chat

import (
	"context"
	"slices"
	"time"
)

// Bounds of one job of routing. What is left over is the next job's.
const (
	// drainAssignments is how many conversations one job gives out.
	drainAssignments = 200
	// drainTime is how long it takes: well below the route function's timeout of 6 s, and no longer than jobs go to one
	// worker (queue.Routing), so that two seldom get into each other's way.
	drainTime = 2 * time.Second
	// drainPage is how many entries are read at first; each further page is four times as long.
	drainPage = 50
	// drainDepth is how deep the queue is searched for entries that can be given out.
	drainDepth = 4000
)

// What the system's events are named by (see transitionID).
const (
	moveAssign = "assign"
	moveRoute  = "route"
	moveOffer  = "offer"
)

// Drain gives out what waits in the departments of the jobs, which are of one workspace, in the order of their queues, as
// far as the operators' capacity goes. Each assignment is one transaction that commits by itself; a repetition does what
// is left. An error means that the jobs must come again.
func (s *Service) Drain(ctx context.Context, jobs ...RouteJob) error {
	var departments []DepartmentID
	for _, j := range distinct(jobs) {
		list, err := s.drained(ctx, j)
		if err != nil {
			return err
		}
		for _, department := range list {
			if !slices.Contains(departments, department) {
				departments = append(departments, department)
			}
		}
	}
	if len(departments) == 0 {
		return nil
	}
	workspace := jobs[0].Workspace
	d := &drain{Service: s, workspace: workspace, left: drainAssignments, until: s.now().Add(drainTime)}
	if deadline, ok := ctx.Deadline(); ok { // what a batch has left of its function's time
		d.until = d.now().Add(min(drainTime, time.Until(deadline)/2))
	}
	for i, department := range departments {
		more, err := d.department(ctx, department)
		if err != nil {
			return err
		}
		if !more {
			continue
		}
		var left []RouteJob
		for _, rest := range departments[i:] {
			left = append(left, RouteJob{Workspace: workspace, Department: rest, Reason: "more"})
		}
		return s.Routing.Route(ctx, left...)
	}
	return nil
}

// drained lists the departments that the job is about.
func (s *Service) drained(ctx context.Context, j RouteJob) ([]DepartmentID, error) {
	if j.Operator == "" {
		return []DepartmentID{j.Department}, nil
	}
	var o *Operator
	err := s.retry(ctx, func() (err error) {
		o, err = s.Staff.Operator(ctx, j.Workspace, j.Operator)
		return err
	})
	if err != nil || o == nil {
		return nil, err
	}
	if o.Duty != DutyAccepting { // their place is nobody's
		return nil, nil
	}
	if o.Departments != "" {
		return append([]DepartmentID{""}, o.Departments.All()...), nil
	}
	return s.departments(ctx, system(j.Workspace), Workspace)
}

// drain is one job under way.
type drain struct {
	*Service
	workspace WorkspaceID
	operators []Operator // as known by now
	read      bool
	left      int
	until     time.Time
}

func (d *drain) spent() bool { return d.left <= 0 || d.now().After(d.until) }

// department works a queue off. more says that the job's bounds ended it.
func (d *drain) department(ctx context.Context, department DepartmentID) (more bool, err error) {
	if err := d.load(ctx); err != nil {
		return false, err
	}
	policy, err := d.Policy(ctx, d.workspace, department)
	if err != nil {
		return false, err
	}
	given := d.left
	seen := map[ConversationID]bool{}
	for limit := drainPage; d.anybody(department); limit = min(4*limit, drainDepth) {
		var list []Waiting
		err := d.retry(ctx, func() (err error) {
			list, err = d.Dir.Waiting(ctx, d.workspace, department, limit)
			return err
		})
		if err != nil {
			return false, err
		}
		fresh := slices.DeleteFunc(slices.Clone(list), func(w Waiting) bool { return seen[w.Conversation] })
		for _, w := range fresh {
			seen[w.Conversation] = true
		}
		if more, err = d.page(ctx, policy, fresh); more || err != nil {
			break
		}
		if len(list) < limit || len(fresh) == 0 && limit == drainDepth {
			break
		}
	}
	d.assigned(ctx, department, given-d.left)
	return more, err
}

func (d *drain) load(ctx context.Context) error {
	if d.read {
		return nil
	}
	d.read = true
	return d.retry(ctx, func() (err error) {
		d.operators, err = d.Staff.Operators(ctx, d.workspace)
		return err
	})
}

// anybody says whether a conversation of the department could come to somebody.
func (d *drain) anybody(department DepartmentID) bool {
	now := d.now()
	return slices.ContainsFunc(d.operators, func(o Operator) bool { return o.accepts(department, now) })
}

// give assigns or offers one conversation, if there is somebody for it. Whoever turns out to have no room is read again,
// and the choice made again.
func (d *drain) give(ctx context.Context, policy RoutingPolicy, w Waiting) error {
	for range len(d.operators) + 1 {
		t, ok := d.choose(w)
		if !ok {
			return nil
		}
		t.make(ctx, d, policy)
		if err := d.settle(ctx, t); err != nil || t.refused() == "" {
			return err
		}
	}
	return nil
}

// assign makes the transaction: the conversation, the operator's place, the waiting entry, the membership.
func (d *drain) assign(ctx context.Context, policy RoutingPolicy, w Waiting, t *try) (*Outcome, error) {
	user, role := t.user, t.before.Role
	if role == "" {
		role = RoleOperator
	}
	change := &Change{
		Status: StatusActive, Assignee: user, Add: map[UserID]Role{user: role}, Places: []Place{{User: user, Take: true, Eligible: true, At: d.now()}},
	}
	make := assigning
	if policy.ManualAccept {
		change.Status, change.Assignee, change.OfferedTo, change.Entry = StatusOffered, "", user, w
		make = offering
	}
	return d.systemStep(ctx, Ref{d.workspace, w.Conversation}, w.Version, func(h *Head) (*systemStep, error) {
		if h.Status != StatusQueued {
			return nil, errStale
		}
		change.Remove = h.former(user)
		return make(h, change, user, t.decision), nil
	}, moveAssign, moveOffer)
}

// assigning tells everybody whose the conversation is, and the desk why.
func assigning(h *Head, change *Change, user UserID, decision *Decision) *systemStep {
	e := systemEvent(moveAssign, h, EventAssigned, StatusActive, decision.Policy)
	why := systemEvent(moveRoute, h, EventRouted, "", "")
	why.From, e.Subject, why.Subject, why.Detail = "", user, user, &Detail{Decision: decision}
	change.Other = []Event{why}
	return &systemStep{Public, []Event{e}, change}
}

// offering tells the desk only: to the customer the conversation waits.
func offering(h *Head, change *Change, user UserID, decision *Decision) *systemStep {
	e := systemEvent(moveOffer, h, EventOffered, StatusOffered, decision.Policy)
	e.Subject, e.Detail = user, &Detail{Decision: decision}
	return &systemStep{Desk, []Event{e}, change}
}

// former lists the operator who had the conversation before it came back into the queue, unless it is this one: whoever
// lost it stops hearing with the write that gives it to another.
func (h *Head) former(next UserID) []UserID {
	if p, in := h.Participants[h.LastOperator]; in && h.LastOperator != next && !p.Watching {
		return []UserID{h.LastOperator}
	}
	return nil
}

// assigned notes for estimates how many conversations were given out. Failing to is no reason to do anything again.
func (d *drain) assigned(ctx context.Context, department DepartmentID, n int) {
	if n > 0 && d.Entries != nil {
		_ = d.Entries.Assigned(ctx, d.workspace, department, d.now(), n)
	}
}

// again reads an operator who had no room. One who has, as read, lost it to another transaction: they are left out of
// this job, which ends in any case.
func (d *drain) again(ctx context.Context, user UserID) error {
	var o *Operator
	err := d.retry(ctx, func() (err error) {
		o, err = d.Staff.Operator(ctx, d.workspace, user)
		return err
	})
	if err != nil {
		return err
	}
	for i := range d.operators {
		if d.operators[i].User != user {
			continue
		}
		known := d.operators[i]
		if o == nil || o.Load <= known.Load && o.accepts("", d.now()) {
			d.operators[i].Duty = DutyOff
			continue
		}
		d.operators[i] = *o
	}
	return nil
}

// mend looks after an entry whose version is not the conversation's: it is gone by now, or it was left behind by a
// restore, and goes. A conversation that waits without its entry gets it back.
func (d *drain) mend(ctx context.Context, w Waiting) error {
	if d.Entries == nil {
		return nil
	}
	return d.retry(ctx, func() error {
		head, err := d.Reader.Head(ctx, Ref{d.workspace, w.Conversation})
		if err != nil {
			return err
		}
		if head != nil && head.Version == w.Version && head.Status.Waits() {
			return nil
		}
		if err := d.Entries.DropEntry(ctx, d.workspace, w); err != nil || head == nil || !head.Status.Waits() {
			return err
		}
		return d.Entries.PutEntry(ctx, d.workspace, *head.waiting(Waiting{}.Keep(head)))
	})
}
