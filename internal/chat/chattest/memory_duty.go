package chattest

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

type department struct {
	w chat.WorkspaceID
	d chat.DepartmentID
}

// ChangeOperator implements chat.OperatorStore.
func (m *Memory) ChangeOperator(_ context.Context, old *chat.Operator, next chat.Operator, events ...chat.OperatorEvent) error {
	return m.do("ChangeOperator", func() error {
		k := operatorKey{next.Workspace, next.User}
		now := chat.Operator{Workspace: next.Workspace, User: next.User}
		if o := m.operators[k]; o != nil {
			now = *o
		}
		if old == nil {
			old = &chat.Operator{Workspace: next.Workspace, User: next.User}
		}
		if now.Events != old.Events || !sameSettings(now, *old, next) {
			return &chat.Refused{}
		}
		o := m.operator(next.Workspace, next.User)
		load, assigned, missed, lease, typing := o.Load, o.LastAssigned, o.Missed, o.Lease, o.TypingUntil
		*o = next
		o.Load, o.LastAssigned, o.Events = load, assigned, old.Events+uint64(len(events))
		o.Missed = changed(missed, old.Missed, next.Missed)
		o.Lease = millis(changed(lease, old.Lease, next.Lease))
		o.TypingUntil = millis(changed(typing, old.TypingUntil, next.TypingUntil))
		o.DutySince, o.Online = millis(o.DutySince), millis(o.Online)
		for i, e := range events {
			e.Seq, e.At = old.Events+uint64(i)+1, millis(e.At)
			m.logs[k] = append(m.logs[k], e)
		}
		return nil
	})
}

// sameSettings says whether what is to change is as in the image that the change was decided on.
func sameSettings(now, old, next chat.Operator) bool {
	return (old.Duty == next.Duty || now.Duty == old.Duty) && (old.Capacity == next.Capacity || now.Capacity == old.Capacity) &&
		(old.Departments == next.Departments || now.Departments == old.Departments) &&
		(slices.Equal(old.Skills, next.Skills) || slices.Equal(now.Skills, old.Skills))
}

// changed is the value after a write that leaves alone what it does not change.
func changed[T comparable](now, old, next T) T {
	if old == next {
		return now
	}
	return next
}

func (m *Memory) onDuty(call string, w chat.WorkspaceID, u chat.UserID, change func(*chat.Operator)) (out *chat.Operator, err error) {
	err = m.do(call, func() error {
		o := m.operators[operatorKey{w, u}]
		if o == nil || !o.OnDuty() {
			return nil
		}
		change(o)
		copied := *o
		out = &copied
		return nil
	})
	return out, err
}

// RenewLease implements chat.OperatorStore.
func (m *Memory) RenewLease(_ context.Context, w chat.WorkspaceID, u chat.UserID, until time.Time) (*chat.Operator, error) {
	return m.onDuty("RenewLease", w, u, func(o *chat.Operator) { o.Lease = millis(until) })
}

// EndLease implements chat.OperatorStore.
func (m *Memory) EndLease(_ context.Context, w chat.WorkspaceID, u chat.UserID, was, until time.Time) error {
	return m.do("EndLease", func() error {
		o := m.operators[operatorKey{w, u}]
		if o == nil || !o.Lease.Equal(millis(was)) {
			return &chat.Refused{}
		}
		o.Lease = millis(until)
		return nil
	})
}

// OperatorTypes implements chat.OperatorStore.
func (m *Memory) OperatorTypes(_ context.Context, w chat.WorkspaceID, u chat.UserID, until time.Time) error {
	_, err := m.onDuty("OperatorTypes", w, u, func(o *chat.Operator) { o.TypingUntil = millis(until) })
	return err
}

// OperatorAnswers implements chat.OperatorStore.
func (m *Memory) OperatorAnswers(_ context.Context, w chat.WorkspaceID, u chat.UserID) error {
	_, err := m.onDuty("OperatorAnswers", w, u, func(o *chat.Operator) { o.Missed = 0 })
	return err
}

// OperatorEvents implements chat.OperatorStore.
func (m *Memory) OperatorEvents(_ context.Context, w chat.WorkspaceID, u chat.UserID, after uint64, limit int) ([]chat.OperatorEvent, error) {
	var out []chat.OperatorEvent
	err := m.do("OperatorEvents", func() error {
		log := m.logs[operatorKey{w, u}]
		log = log[min(uint64(len(log)), after):]
		out = slices.Clone(log[:min(len(log), limit)])
		return nil
	})
	return out, err
}

// DropEntry implements chat.Entries.
func (m *Memory) DropEntry(_ context.Context, w chat.WorkspaceID, e chat.Waiting) error {
	return m.do("DropEntry", func() error {
		ref := chat.Ref{Workspace: w, Conversation: e.Conversation}
		if m.waiting[ref].Version == e.Version {
			delete(m.waiting, ref)
		}
		return nil
	})
}

// PutEntry implements chat.Entries.
func (m *Memory) PutEntry(_ context.Context, w chat.WorkspaceID, e chat.Waiting) error {
	return m.do("PutEntry", func() error {
		ref := chat.Ref{Workspace: w, Conversation: e.Conversation}
		if m.waiting[ref].Version < e.Version {
			m.waiting[ref] = e
		}
		return nil
	})
}

// ToldPosition implements chat.Entries.
func (m *Memory) ToldPosition(_ context.Context, w chat.WorkspaceID, e chat.Waiting) error {
	return m.do("ToldPosition", func() error {
		ref := chat.Ref{Workspace: w, Conversation: e.Conversation}
		if kept, ok := m.waiting[ref]; ok && kept.Version == e.Version {
			kept.Told, kept.ToldAt = e.Told, millis(e.ToldAt)
			m.waiting[ref] = kept
		}
		return nil
	})
}

// Assigned implements chat.Entries.
func (m *Memory) Assigned(_ context.Context, w chat.WorkspaceID, d chat.DepartmentID, at time.Time, n int) error {
	return m.do("Assigned", func() error {
		list := slices.Concat(m.given[department{w, d}], slices.Repeat([]time.Time{millis(at)}, n))
		m.given[department{w, d}] = list[max(0, len(list)-chat.MaxAssignments):]
		return nil
	})
}

// Assignments implements chat.Entries.
func (m *Memory) Assignments(_ context.Context, w chat.WorkspaceID, d chat.DepartmentID) ([]time.Time, error) {
	var out []time.Time
	err := m.do("Assignments", func() error {
		out = slices.Clone(m.given[department{w, d}])
		return nil
	})
	return out, err
}

// Entries lists all waiting entries of a workspace, for tests.
func (m *Memory) Entries(w chat.WorkspaceID) []chat.Waiting {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []chat.Waiting
	for ref, e := range m.waiting {
		if ref.Workspace == w {
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(a, b chat.Waiting) int {
		return cmp.Or(a.Rank().Compare(b.Rank()), cmp.Compare(a.Conversation, b.Conversation))
	})
	return out
}
