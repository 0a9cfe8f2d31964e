package chat

import (
	"context"
	"errors"
	"math/rand/v2"
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
	// drainPause is how long a job that has lost something to another one waits on average before it looks again, and
	// drainRounds how often it does.
	drainPause  = 100 * time.Millisecond
	drainRounds = 30
	// maxRefusals is how often an operator who seems to have room may have none before a job leaves them out.
	maxRefusals = 3
	// drainPage is how many entries are read at first; each further page is four times as long.
	drainPage = 50
	// drainFlights is how many transactions are under way at once: one that storage throttles waits for tens of
	// milliseconds, and the others go on meanwhile.
	drainFlights = 16
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
// is left. Jobs that a look since has answered cost nothing. An error means that the jobs must come again.
func (s *Service) Drain(ctx context.Context, jobs ...RouteJob) error {
	jobs = s.looks.open(jobs)
	if len(jobs) == 0 {
		return nil
	}
	quiet := *s.Delivery // the live desk is told once, not with each assignment
	quiet.Desk = nil
	d := &drain{Service: s, delivery: &quiet, workspace: jobs[0].Workspace, left: drainAssignments, begun: s.now(), full: map[UserID]int{}, stale: map[ConversationID]bool{}}
	d.until = d.begun.Add(drainTime)
	if deadline, ok := ctx.Deadline(); ok { // what a batch has left of its function's time
		d.until = d.begun.Add(min(drainTime, time.Until(deadline)/2))
	}
	err := d.run(ctx, jobs)
	if d.left < drainAssignments {
		s.Delivery.showDesk(ctx, d.workspace)
	}
	return err
}

// run works off the departments of the jobs. What the job's bounds leave over is the next job's.
func (d *drain) run(ctx context.Context, jobs []RouteJob) error {
	departments, err := d.departmentsOf(ctx, jobs)
	if err != nil {
		return err
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
			left = append(left, RouteJob{Workspace: d.workspace, Department: rest, Reason: "more"})
		}
		return d.Routing.Route(ctx, left...)
	}
	if !d.torn {
		d.looks.note(d, departments)
	}
	return nil
}

// departmentsOf lists the departments that the jobs are about: their own, and those of the operators who have room.
func (d *drain) departmentsOf(ctx context.Context, jobs []RouteJob) (out []DepartmentID, err error) {
	for _, j := range distinct(jobs) {
		list := []DepartmentID{j.Department}
		if j.Operator != "" {
			if d.operators == nil {
				if err := d.load(ctx); err != nil {
					return nil, err
				}
			}
			if list, err = d.worksFor(ctx, j.Operator); err != nil {
				return nil, err
			}
		}
		for _, department := range list {
			if !slices.Contains(out, department) {
				out = append(out, department)
			}
		}
	}
	return out, nil
}

// worksFor lists the departments whose conversations may come to the operator; none if nothing may.
func (d *drain) worksFor(ctx context.Context, user UserID) ([]DepartmentID, error) {
	i := slices.IndexFunc(d.operators, func(o Operator) bool { return o.User == user })
	if i < 0 || d.operators[i].Duty != DutyAccepting { // their place is nobody's
		return nil, nil
	}
	if list := d.operators[i].Departments; list != "" {
		return append([]DepartmentID{""}, list.All()...), nil
	}
	all, err := d.departments(ctx, system(d.workspace), Workspace)
	if err == nil {
		d.all = all
	}
	return all, err
}

// drain is one job under way.
type drain struct {
	*Service
	delivery  *Delivery
	workspace WorkspaceID
	operators []Operator     // as known by now; nil before they were read
	all       []DepartmentID // every department, once it was asked for
	torn      bool           // something came in between: this look does not stand for others
	full      map[UserID]int // how often somebody had no room after all
	stale     map[ConversationID]bool
	left      int
	begun     time.Time
	until     time.Time
}

func (d *drain) spent() bool { return d.left <= 0 || d.now().After(d.until) }

// department works a queue off. more says that the job's bounds ended it. When another job turns out to be at the same
// queue, it lets that one go ahead for a moment and then looks again, at operators too: two that go on side by side would
// only take from each other what both have read.
func (d *drain) department(ctx context.Context, department DepartmentID) (more bool, err error) {
	policy, err := d.Policy(ctx, d.workspace, department)
	if err != nil {
		return false, err
	}
	given := d.left
	for range drainRounds {
		var lost bool
		if more, lost, err = d.round(ctx, policy, department); more || !lost || err != nil {
			break
		}
		more = true
		d.sleep(ctx, drainPause/2+rand.N(drainPause))
		d.operators = nil
	}
	d.assigned(ctx, department, given-d.left)
	return more, err
}

// round goes through the queue until its end, or until something is lost to another job. The operators are read after the
// queue, so that what others have given out since shows at least in their loads: a look chooses no more of those that wait
// than there was room for, from the front. The other way round it would choose some for places that those before them,
// given out by another job, have by now, and could overtake somebody for the rest.
func (d *drain) round(ctx context.Context, policy RoutingPolicy, department DepartmentID) (more, lost bool, err error) {
	seen := map[ConversationID]bool{}
	for limit := drainPage; d.anybody(department); limit = min(4*limit, drainDepth) {
		var list []Waiting
		err := d.retry(ctx, func() (err error) {
			list, err = d.Dir.Waiting(ctx, d.workspace, department, limit)
			return err
		})
		if err != nil {
			return false, false, err
		}
		fresh := slices.DeleteFunc(slices.Clone(list), func(w Waiting) bool { return seen[w.Conversation] || d.stale[w.Conversation] })
		for _, w := range fresh {
			seen[w.Conversation] = true
		}
		if len(fresh) > 0 {
			if err := d.load(ctx); err != nil {
				return false, false, err
			}
		}
		if more, lost, err = d.page(ctx, policy, fresh); more || lost || err != nil {
			return more, lost, err
		}
		if len(list) < limit || len(fresh) == 0 && limit == drainDepth {
			break
		}
	}
	return false, false, nil
}

func (d *drain) load(ctx context.Context) error {
	return d.retry(ctx, func() (err error) {
		d.operators, err = d.Staff.Operators(ctx, d.workspace)
		for i := range d.operators {
			if d.full[d.operators[i].User] >= maxRefusals {
				d.operators[i].Duty = DutyOff
			}
		}
		return err
	})
}

// anybody says whether a conversation of the department could come to somebody, as far as is known.
func (d *drain) anybody(department DepartmentID) bool {
	now := d.now()
	return d.operators == nil || slices.ContainsFunc(d.operators, func(o Operator) bool { return o.accepts(department, now) })
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
	make, tried := assigning, false
	if policy.ManualAccept {
		change.Status, change.Assignee, change.OfferedTo, change.Entry = StatusOffered, "", user, w
		make = offering
	}
	out, err := d.systemStep(ctx, Ref{d.workspace, w.Conversation}, w.Version, func(h *Head) (*systemStep, error) {
		if h.Status != StatusQueued {
			return nil, errStale
		}
		tried, change.Remove = true, h.former(user)
		return make(h, change, user, t.decision), nil
	}, moveAssign, moveOffer)
	if err == nil && !tried { // another job gave it out since the queue was read, and tells it
		return nil, errTaken
	}
	return out, err
}

// errTaken says that another job has given the conversation out.
var errTaken = errors.New("another job has given it out")

// assigning tells everybody whose the conversation is, and the desk why: customers are not to see how routing weighs its
// operators.
func assigning(h *Head, change *Change, user UserID, decision *Decision) *systemStep {
	e := systemEvent(moveAssign, h, EventAssigned, StatusActive, ReasonRouted)
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
