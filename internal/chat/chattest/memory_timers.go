package chattest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// Timers keeps in memory what timers need: due-rows, how far they were swept, active workspaces, and whose turn it is to
// tell positions.
type Timers struct {
	failing

	rows   map[int64]map[string]chat.Timer // by Unix minute, then by what the timer is
	swept  time.Time
	active map[chat.WorkspaceID]time.Time
	turns  map[turn]time.Time
}

type turn struct {
	w chat.WorkspaceID
	d chat.DepartmentID
}

// NewTimers returns an empty one.
func NewTimers() *Timers {
	return &Timers{rows: map[int64]map[string]chat.Timer{}, active: map[chat.WorkspaceID]time.Time{}, turns: map[turn]time.Time{}}
}

// nameOf is what makes two timers the same.
func nameOf(t chat.Timer) string {
	return fmt.Sprint(t.Kind, t.Workspace, t.Conversation, t.Department, t.User, t.Clock, t.Version, "-", t.After)
}

func minuteOf(t time.Time) int64 { return t.Unix() / 60 }

// PutDue implements chat.Dues.
func (m *Timers) PutDue(_ context.Context, minute time.Time, t chat.Timer) error {
	return m.do("PutDue", func() error {
		rows := m.rows[minuteOf(minute)]
		if rows == nil {
			rows = map[string]chat.Timer{}
			m.rows[minuteOf(minute)] = rows
		}
		t.Due, t.Until, t.Round = millis(t.Due), millis(t.Until), 0
		rows[nameOf(t)] = t
		return nil
	})
}

// Due implements chat.Dues: all rows are in the first shard.
func (m *Timers) Due(_ context.Context, minute time.Time, shard, limit int) (out []chat.Timer, err error) {
	err = m.do("Due", func() error {
		if shard > 0 {
			return nil
		}
		for _, t := range m.rows[minuteOf(minute)] {
			out = append(out, t)
		}
		slices.SortFunc(out, func(a, b chat.Timer) int { return cmp.Compare(nameOf(a), nameOf(b)) })
		out = out[:min(len(out), limit)]
		return nil
	})
	return out, err
}

// DropDue implements chat.Dues.
func (m *Timers) DropDue(_ context.Context, minute time.Time, t chat.Timer) error {
	return m.do("DropDue", func() error {
		delete(m.rows[minuteOf(minute)], nameOf(t))
		return nil
	})
}

// Swept implements chat.Dues.
func (m *Timers) Swept(context.Context) (at time.Time, err error) {
	err = m.do("Swept", func() error {
		at = m.swept
		return nil
	})
	return at, err
}

// SetSwept implements chat.Dues.
func (m *Timers) SetSwept(_ context.Context, from, to time.Time) error {
	return m.do("SetSwept", func() error {
		if !m.swept.Equal(from) {
			return &chat.Refused{}
		}
		m.swept = millis(to)
		return nil
	})
}

// Stamp implements chat.Active.
func (m *Timers) Stamp(_ context.Context, w chat.WorkspaceID, at time.Time) error {
	return m.do("Stamp", func() error {
		m.active[w] = millis(at)
		return nil
	})
}

// ActiveWorkspaces implements chat.Active: all are in the first shard.
func (m *Timers) ActiveWorkspaces(_ context.Context, shard int) (out []chat.ActiveWorkspace, err error) {
	err = m.do("ActiveWorkspaces", func() error {
		for w, at := range m.active {
			if shard == 0 {
				out = append(out, chat.ActiveWorkspace{Workspace: w, Stamped: at})
			}
		}
		slices.SortFunc(out, func(a, b chat.ActiveWorkspace) int { return cmp.Compare(a.Workspace, b.Workspace) })
		return nil
	})
	return out, err
}

// Retire implements chat.Active.
func (m *Timers) Retire(_ context.Context, a chat.ActiveWorkspace) error {
	return m.do("Retire", func() error {
		if m.active[a.Workspace].Equal(millis(a.Stamped)) {
			delete(m.active, a.Workspace)
		}
		return nil
	})
}

// TakeTurn implements chat.PositionTurns.
func (m *Timers) TakeTurn(_ context.Context, w chat.WorkspaceID, d chat.DepartmentID, passed, due time.Time) (mine bool, err error) {
	err = m.do("TakeTurn", func() error {
		at, taken := m.turns[turn{w, d}]
		if mine = !taken || !at.After(millis(passed)); mine {
			m.turns[turn{w, d}] = millis(due)
		}
		return nil
	})
	return mine, err
}

// EndTurn implements chat.PositionTurns.
func (m *Timers) EndTurn(_ context.Context, w chat.WorkspaceID, d chat.DepartmentID, due time.Time) error {
	return m.do("EndTurn", func() error {
		if m.turns[turn{w, d}].Equal(millis(due)) {
			delete(m.turns, turn{w, d})
		}
		return nil
	})
}
