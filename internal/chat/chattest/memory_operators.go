package chattest

import (
	"cmp"
	"context"
	"slices"

	"github.com/parley-chat/parley/internal/chat"
)

func (m *Memory) operator(w chat.WorkspaceID, u chat.UserID) *chat.Operator {
	o := m.operators[operatorKey{w, u}]
	if o == nil {
		o = &chat.Operator{Workspace: w, User: u}
		m.operators[operatorKey{w, u}] = o
	}
	return o
}

// hasPlace says whether the place can be taken; one can always be freed.
func (m *Memory) hasPlace(w chat.WorkspaceID, p chat.Place) bool {
	o := m.operators[operatorKey{w, p.User}]
	if !p.Take || o == nil {
		return true
	}
	if o.Capacity > 0 && o.Load >= o.Capacity {
		return false
	}
	return !p.Eligible || o.Duty == "" || o.Duty == chat.DutyAccepting && o.Connected(p.At)
}

func (m *Memory) place(w chat.WorkspaceID, p chat.Place) {
	o := m.operator(w, p.User)
	if p.Take {
		o.Load++
		o.LastAssigned = millis(p.At)
		return
	}
	o.Load--
	if p.Missed {
		o.Missed++
	}
	if p.Away {
		o.Duty, o.DutySince = chat.DutyAway, millis(p.At)
	}
}

// PutOperator stores how an operator stands, for tests.
func (m *Memory) PutOperator(_ context.Context, o chat.Operator) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.operators[operatorKey{o.Workspace, o.User}] = &o
	return nil
}

// Operators implements chat.Operators.
func (m *Memory) Operators(_ context.Context, w chat.WorkspaceID) ([]chat.Operator, error) {
	var out []chat.Operator
	err := m.do("Operators", func() error {
		for _, o := range m.operatorList() {
			if o.Workspace == w {
				out = append(out, o)
			}
		}
		return nil
	})
	return out, err
}

// Operator implements chat.Operators.
func (m *Memory) Operator(_ context.Context, w chat.WorkspaceID, u chat.UserID) (*chat.Operator, error) {
	var out *chat.Operator
	err := m.do("Operator", func() error {
		if o := m.operators[operatorKey{w, u}]; o != nil {
			found := *o
			out = &found
		}
		return nil
	})
	return out, err
}

func (m *Memory) operatorList() []chat.Operator {
	var out []chat.Operator
	for _, o := range m.operators {
		out = append(out, *o)
	}
	slices.SortFunc(out, func(a, b chat.Operator) int {
		return cmp.Or(cmp.Compare(a.Workspace, b.Workspace), cmp.Compare(a.User, b.User))
	})
	return out
}
