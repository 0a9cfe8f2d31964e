package chat

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// scene is what was read for some viewers: each department and list once, however many look at it.
type scene struct {
	at          time.Time
	departments []DepartmentID // all of the workspace
	queues      map[DepartmentID]queueOf
	open        map[DepartmentID]openOf
	operators   []DeskColleague
	visitors    *VisitorsView
}

type queueOf struct {
	QueueCount
	entries []Waiting
}

type openOf struct {
	states []State
	more   bool
}

// look reads what the viewers see. Without visitors, the site is left out.
func (l *LiveDesk) look(ctx context.Context, w WorkspaceID, viewers []Viewer, visitors bool) (*scene, error) {
	s := &scene{at: l.now(), queues: map[DepartmentID]queueOf{}, open: map[DepartmentID]openOf{}}
	wanted := func(views ...DeskView) bool {
		return slices.ContainsFunc(viewers, func(v Viewer) bool { return slices.ContainsFunc(views, v.sees) })
	}
	steps := []func(context.Context) error{func(ctx context.Context) error { return l.lookAtDepartments(ctx, w, viewers, s) }}
	if wanted(ViewColleagues, ViewSupervision) {
		steps = append(steps, func(ctx context.Context) error { return l.lookAtOperators(ctx, w, s) })
	}
	if visitors && wanted(ViewVisitors) {
		steps = append(steps, func(ctx context.Context) (err error) {
			s.visitors, err = l.lookAtVisitors(ctx, w)
			return err
		})
	}
	_, err := parallel(ctx, steps, func(ctx context.Context, step func(context.Context) error) (struct{}, error) {
		return struct{}{}, step(ctx)
	})
	return s, err
}

func (l *LiveDesk) lookAtDepartments(ctx context.Context, w WorkspaceID, viewers []Viewer, s *scene) (err error) {
	if slices.ContainsFunc(viewers, func(v Viewer) bool { return v.Departments == "" }) {
		if s.departments, err = l.departments(ctx, w); err != nil {
			return err
		}
	}
	queues, open := map[DepartmentID]bool{}, map[DepartmentID]bool{}
	for _, v := range viewers {
		for _, d := range s.of(v) {
			queues[d] = queues[d] || v.sees(ViewQueue) || v.sees(ViewSupervision)
			open[d] = open[d] || v.sees(ViewSupervision)
		}
	}
	waiting, supervised := chosen(queues), chosen(open)
	found, err := parallel(ctx, waiting, func(ctx context.Context, d DepartmentID) (queueOf, error) { return l.lookAtQueue(ctx, w, d) })
	if err != nil {
		return err
	}
	going, err := parallel(ctx, supervised, func(ctx context.Context, d DepartmentID) (openOf, error) { return l.lookAtOpen(ctx, w, d) })
	for i, q := range found {
		s.queues[waiting[i]] = q
	}
	for i, o := range going {
		s.open[supervised[i]] = o
	}
	return err
}

func chosen(m map[DepartmentID]bool) (out []DepartmentID) {
	for d, yes := range m {
		if yes {
			out = append(out, d)
		}
	}
	slices.Sort(out)
	return out
}

// departments lists all of the workspace. What came before it had any lies under "".
func (l *LiveDesk) departments(ctx context.Context, w WorkspaceID) ([]DepartmentID, error) {
	all := []DepartmentID{""}
	if l.Departments == nil {
		return all, nil
	}
	more, err := l.Departments(ctx, w)
	return append(all, more...), err
}

// of lists the viewer's departments.
func (s *scene) of(v Viewer) []DepartmentID {
	if v.Departments == "" {
		return s.departments
	}
	return v.Departments.All()
}

func (l *LiveDesk) lookAtQueue(ctx context.Context, w WorkspaceID, d DepartmentID) (queueOf, error) {
	q := queueOf{QueueCount: QueueCount{Department: d}}
	list, err := l.Dir.Waiting(ctx, w, d, QueueShown+1)
	if err != nil {
		return q, err
	}
	q.Waiting, q.entries = len(list), list[:min(len(list), QueueShown)]
	if len(list) > QueueShown {
		n, err := l.Store.WaitingCount(ctx, w, d, QueueCounted)
		if err != nil {
			return q, err
		}
		q.Waiting, q.AtLeast = max(n, len(list)), n >= QueueCounted
	}
	for _, e := range q.entries {
		if q.Oldest.IsZero() || e.Since.Before(q.Oldest) {
			q.Oldest = e.Since
		}
	}
	return q, nil
}

func (l *LiveDesk) lookAtOpen(ctx context.Context, w WorkspaceID, d DepartmentID) (openOf, error) {
	list, err := l.States.Shelf(ctx, Shelf{Workspace: w, Kind: ShelfDepartment, Name: string(d)}, Listed{}, time.Time{}, SupervisedShown)
	if err != nil || len(list) == 0 {
		return openOf{}, err
	}
	ids := make([]ConversationID, len(list))
	for i, e := range list {
		ids[i] = e.Conversation
	}
	states, err := l.States.StatesOf(ctx, w, ids)
	states = slices.DeleteFunc(states, func(s State) bool { return s.Status.Over() || s.Department != d }) // the index lags
	return openOf{states, len(list) == SupervisedShown}, err
}

func (l *LiveDesk) lookAtOperators(ctx context.Context, w WorkspaceID, s *scene) (err error) {
	s.operators, err = l.atWork(ctx, w, s.at)
	return err
}

// atWork lists who is on duty or has conversations left, the most loaded first.
func (l *LiveDesk) atWork(ctx context.Context, w WorkspaceID, now time.Time) ([]DeskColleague, error) {
	list, err := l.Staff.Operators(ctx, w)
	var out []DeskColleague
	for _, o := range list {
		if o.OnDuty() || o.Load > 0 {
			out = append(out, DeskColleague{o, o.Connected(now)})
		}
	}
	slices.SortFunc(out, func(a, b DeskColleague) int { return cmp.Or(cmp.Compare(b.Load, a.Load), cmp.Compare(a.User, b.User)) })
	return out, err
}

// Colleagues lists who is at work, all of them.
func (l *LiveDesk) Colleagues(ctx context.Context, p Principal) ([]DeskColleague, error) {
	if _, err := authorize(p, CommandColleagues); err != nil {
		return nil, err
	}
	list, err := l.atWork(ctx, p.Workspace, l.now())
	return list, storageAnswered(err)
}

// frame composes what one viewer sees.
func (s *scene) frame(v Viewer) DeskFrame {
	f := DeskFrame{At: s.at, Open: len(v.Views)}
	if v.sees(ViewQueue) {
		f.Queue = s.queue(v)
	}
	if v.sees(ViewColleagues) {
		n := min(len(s.operators), ColleaguesShown)
		f.Colleagues = &ColleaguesView{Colleagues: s.operators[:n], More: n < len(s.operators)}
	}
	if v.sees(ViewVisitors) {
		f.Visitors = s.visitors
	}
	if v.sees(ViewSupervision) {
		f.Supervision = s.supervision(v)
	}
	return f
}

func (s *scene) queue(v Viewer) *QueueView {
	out := &QueueView{}
	total := 0
	for _, d := range s.of(v) {
		q := s.queues[d]
		out.Departments = append(out.Departments, q.QueueCount)
		out.Entries = append(out.Entries, q.entries...)
		total += q.Waiting
	}
	slices.SortFunc(out.Entries, byRank)
	out.Entries = out.Entries[:min(len(out.Entries), QueueShown)]
	out.More = len(out.Entries) < total
	return out
}

func (s *scene) supervision(v Viewer) *SupervisionView {
	out := &SupervisionView{}
	for _, d := range s.of(v) {
		load := DepartmentLoad{QueueCount: s.queues[d].QueueCount}
		for _, o := range s.operators {
			if (Principal{Departments: o.Departments}).WorksIn(d) {
				load.count(o)
			}
		}
		out.Departments = append(out.Departments, load)
		out.Conversations = append(out.Conversations, s.open[d].states...)
		out.More = out.More || s.open[d].more
	}
	slices.SortFunc(out.Conversations, func(a, b State) int {
		return cmp.Or(b.Started.Compare(a.Started), cmp.Compare(b.Conversation, a.Conversation))
	})
	if len(out.Conversations) > SupervisedShown {
		out.Conversations, out.More = out.Conversations[:SupervisedShown], true
	}
	return out
}

func (d *DepartmentLoad) count(o DeskColleague) {
	d.Load += o.Load
	switch {
	case !o.Connected || !o.OnDuty():
	case o.Duty == DutyAccepting:
		d.Accepting++
		d.Capacity += o.Capacity
	default:
		d.Away++
	}
}
