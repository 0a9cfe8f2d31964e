package chat

import (
	"context"
	"slices"
	"sync"
	"time"
)

const (
	// queueLife is how long a process goes by a queue that it has read, when it tells somebody how it stands: in a burst
	// that is one read for all who come within it.
	queueLife = 2 * time.Second
	// paceLife is the same for how fast the queue moves, and for who is there.
	paceLife = 15 * time.Second
	// maxQueues bounds the memory.
	maxQueues = 1000
)

// queues remembers what this process has read of queues, for telling how it stands. Nothing is decided by it.
type queues struct {
	mu sync.Mutex
	of map[queueName]queueSeen
}

type queueName struct {
	workspace  WorkspaceID
	department DepartmentID
}

type queueSeen struct {
	read, paced time.Time
	queue       []Waiting
	assigned    []time.Time
}

func (q *queues) get(name queueName) queueSeen {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.of[name]
}

func (q *queues) put(name queueName, seen queueSeen) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.of == nil || len(q.of) >= maxQueues {
		q.of = map[queueName]queueSeen{}
	}
	q.of[name] = seen
}

// standing says where a conversation that waits stands in its queue: one read if this process has read none within
// queueLife, and one more within paceLife. nil when it does not wait, or far behind. The image counts for more than
// the queue, which may have been read before the conversation came into it.
func (s *Service) standing(ctx context.Context, h *Head) (*Standing, error) {
	if s.Entries == nil || !h.Status.Waits() {
		return nil, nil
	}
	name := queueName{h.Workspace, h.Department}
	seen, err := s.queueSeen(ctx, name)
	if err != nil {
		return nil, err
	}
	queue := seen.queue
	at := slices.IndexFunc(queue, func(w Waiting) bool { return w.Conversation == h.Conversation })
	if at < 0 {
		own := *h.waiting(Waiting{})
		if at, _ = slices.BinarySearchFunc(queue, own, byRank); at >= promiseDepth {
			return nil, nil
		}
		queue = slices.Insert(slices.Clone(queue), at, own)
		seen.queue = queue
		s.queues.put(name, seen) // the next one stands behind it
	}
	return &Positions(queue, seen.assigned, s.now())[at], nil
}

func (s *Service) queueSeen(ctx context.Context, name queueName) (queueSeen, error) {
	now, seen := s.now(), s.queues.get(name)
	if now.Sub(seen.read) < queueLife {
		return seen, nil
	}
	err := s.retry(ctx, func() (err error) {
		if seen.queue, err = s.Dir.Waiting(ctx, name.workspace, name.department, promiseDepth); err != nil || now.Sub(seen.paced) < paceLife {
			return err
		}
		seen.assigned, err = s.Entries.Assignments(ctx, name.workspace, name.department)
		seen.paced = now
		return err
	})
	if err == nil {
		seen.read = now
		s.queues.put(name, seen)
	}
	return seen, err
}

// expectation is standing for a customer's own conversation, at once with what they have done. It is a courtesy: whoever
// is not told now is told by the promise.
func (s *Service) expectation(ctx context.Context, p Principal, h *Head) *Standing {
	if p.Role != RoleCustomer || h == nil {
		return nil
	}
	st, err := s.standing(ctx, h)
	if err != nil {
		return nil
	}
	return st
}

// staffed says whether anybody is there for the department: on duty, accepting and connected, with room or without.
func staffed(operators []Operator, d DepartmentID, now time.Time) bool {
	return slices.ContainsFunc(operators, func(o Operator) bool { return o.worksIn(d) && o.Duty == DutyAccepting && o.Connected(now) })
}

// StaffCheck is how often it is looked for a message that was left whether somebody has come on duty.
const StaffCheck = 2 * time.Minute

// unstaffed says whether conversations of the department are to wait as messages that are left, for nobody is there.
func (s *Service) unstaffed(ctx context.Context, w WorkspaceID, d DepartmentID) (bool, error) {
	policy, err := s.Policy(ctx, w, d)
	if err != nil || !policy.OfflineUnstaffed || s.Staff == nil {
		return false, err
	}
	var operators []Operator
	err = s.retry(ctx, func() (err error) {
		operators, err = s.Staff.Operators(ctx, w)
		return err
	})
	return err == nil && !staffed(operators, d, s.now()), err
}
