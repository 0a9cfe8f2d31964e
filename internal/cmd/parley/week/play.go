package week

import (
	"container/heap"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// step is something that somebody does at a time.
type step struct {
	at    time.Time
	order int // of those at the same time
	what  string
	do    func(context.Context) error
}

// agenda is the steps to come, a heap.
type agenda struct {
	list []step
	made int
}

func (a *agenda) Len() int { return len(a.list) }
func (a *agenda) Less(i, j int) bool {
	if c := a.list[i].at.Compare(a.list[j].at); c != 0 {
		return c < 0
	}
	return a.list[i].order < a.list[j].order
}
func (a *agenda) Swap(i, j int) { a.list[i], a.list[j] = a.list[j], a.list[i] }
func (a *agenda) Push(x any)    { a.list = append(a.list, x.(step)) }
func (a *agenda) Pop() any {
	last := a.list[len(a.list)-1]
	a.list = a.list[:len(a.list)-1]
	return last
}

// at puts a step on the agenda; what is over by the end of the week does not happen.
func (s *stage) at(t time.Time, what string, do func(context.Context) error) {
	if t.After(s.Now) {
		return
	}
	s.queue.made++
	heap.Push(&s.queue, step{t.Truncate(time.Millisecond), s.queue.made, what, do})
}

func (s *stage) in(d time.Duration, what string, do func(context.Context) error) {
	s.at(s.now.Add(d), what, do)
}

// between is a time span by chance.
func (s *stage) between(low, high time.Duration) time.Duration {
	return low + time.Duration(s.rng.Int64N(int64(high-low)))
}

// chance is true in so many of a hundred cases.
func (s *stage) chance(percent int) bool { return s.rng.IntN(100) < percent }

// service is the use cases without anybody to push to.
func (s *stage) service(clock func() time.Time) *chat.Service {
	quiet := nobody{}
	return &chat.Service{
		Log: journal{s.store, s}, Reader: s.store, Subs: s.store, Dir: s.store, Sockets: quiet, Staff: s.store, Entries: s.store, States: s.store,
		Tails: s.store, Routing: quiet, SizeOf: protocol.EventSize, Now: clock,
		Delivery: &chat.Delivery{
			Push: quiet, Queue: quiet, Reader: s.store, Rows: s.store, Subs: s.store, Sockets: quiet, Encode: protocol.Encoder{}, Now: clock,
		},
		Departments: func(context.Context, chat.WorkspaceID) ([]chat.DepartmentID, error) { return s.departments(), nil },
		Policies: func(_ context.Context, _ chat.WorkspaceID, d chat.DepartmentID) (chat.RoutingPolicy, error) {
			p := chat.DefaultRoutingPolicy()
			p.ManualAccept = d == s.returns
			p.OfferLife, p.AwayAfterMisses = offerLife, 0
			p.IdleAfter = idleAfter
			return p, nil
		},
		Colleague: func(_ context.Context, _ chat.WorkspaceID, u chat.UserID) (*chat.Colleague, error) {
			i := slices.IndexFunc(s.Staff, func(p Person) bool { return p.User == u })
			if i < 0 {
				return nil, nil
			}
			return &chat.Colleague{User: u, Role: s.Staff[i].Role}, nil
		},
	}
}

// nobody is there: no sockets, no queues.
type nobody struct{}

func (nobody) Post(context.Context, chat.ConnectionID, []byte) error              { return nil }
func (nobody) Disconnect(context.Context, chat.ConnectionID) error                { return nil }
func (nobody) Enqueue(context.Context, time.Duration, ...chat.Job) error          { return nil }
func (nobody) Route(context.Context, ...chat.RouteJob) error                      { return nil }
func (nobody) Opened(context.Context, chat.Principal, time.Time) (bool, error)    { return false, nil }
func (nobody) SocketClosed(context.Context, chat.Principal) error                 { return nil }
func (nobody) SocketEnded(context.Context, chat.Principal) error                  { return nil }
func (nobody) OfDesk(context.Context, chat.WorkspaceID) ([]chat.Principal, error) { return nil, nil }
func (nobody) OfUser(context.Context, chat.WorkspaceID, chat.UserID) ([]chat.ConnectionID, error) {
	return nil, nil
}

// journal passes writes on and keeps in mind what they have made of the conversations, so that nobody has to read.
type journal struct {
	chat.Appender
	*stage
}

func (j journal) Create(ctx context.Context, c chat.Creation) error {
	err := j.Appender.Create(ctx, c)
	if t := j.cast[c.Conversation]; err == nil && t != nil {
		t.status, t.department = c.Status, c.Department
		t.last[chat.Public] = uint64(len(c.Events))
	}
	return err
}

func (j journal) Append(ctx context.Context, a chat.Append) (*chat.Head, error) {
	head, err := j.Appender.Append(ctx, a)
	if t := j.cast[a.Conversation]; err == nil && t != nil {
		t.last[a.Track] = a.After + uint64(len(a.Events))
	}
	return head, err
}

func (j journal) Transition(ctx context.Context, a chat.Append, c chat.Change) error {
	if err := j.Appender.Transition(ctx, a, c); err != nil {
		return err
	}
	t := j.cast[a.Conversation]
	if t == nil {
		return nil
	}
	t.last[a.Track] = a.After + uint64(len(a.Events))
	t.last[a.Track.Other()] += uint64(len(c.Other))
	if c.Aside {
		return nil
	}
	t.version++
	t.status = c.Status
	if c.Department != "" {
		t.department = c.Department
	}
	switch {
	case c.Unassign:
		t.operator = ""
	case c.Assignee != "":
		t.operator = c.Assignee
	}
	switch {
	case c.Status == chat.StatusOffered:
		j.offered(t, c.OfferedTo)
	case c.Status == chat.StatusActive && c.Assignee != "":
		j.assigned(t)
	}
	return nil
}

// play works off the agenda.
func (s *stage) play(ctx context.Context) error {
	if err := s.business(ctx); err != nil {
		return fmt.Errorf("setting up the business: %w", err)
	}
	if s.Conversations > 0 {
		s.rota()
		s.history()
		s.present()
	}
	for s.queue.Len() > 0 {
		next := heap.Pop(&s.queue).(step)
		s.now = next.at
		if err := next.do(ctx); err != nil {
			return fmt.Errorf("%s at %s: %w", next.what, next.at.Format(time.DateTime), err)
		}
	}
	for _, t := range s.cast {
		if t.status != "" {
			s.summary.Conversations[t.status]++
		}
	}
	return nil
}

// drain lets routing look at a department.
func (s *stage) drain(ctx context.Context, d chat.DepartmentID) error {
	return s.chat.Drain(ctx, chat.RouteJob{Workspace: s.Workspace, Department: d})
}
