package chattest

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// OpenViews implements chat.DeskStore.
func (m *Memory) OpenViews(_ context.Context, v chat.Viewer) error {
	return m.do("OpenViews", func() error {
		if _, known := m.sockets[v.Connection]; !known {
			return chat.ErrGone
		}
		m.views[v.Connection] = v
		return nil
	})
}

// Viewers implements chat.DeskStore.
func (m *Memory) Viewers(_ context.Context, w chat.WorkspaceID) ([]chat.Viewer, error) {
	var out []chat.Viewer
	err := m.do("Viewers", func() error {
		for c, v := range m.views {
			if p, known := m.sockets[c]; known && v.Workspace == w && len(v.Views) > 0 {
				p.Departments, p.Grants, p.Until = v.Departments, "", 0
				out = append(out, chat.Viewer{Principal: p, Views: v.Views})
			}
		}
		return nil
	})
	slices.SortFunc(out, func(a, b chat.Viewer) int { return cmp.Compare(a.Connection, b.Connection) })
	return out, err
}

// ClaimDesk implements chat.DeskStore.
func (m *Memory) ClaimDesk(_ context.Context, w chat.WorkspaceID, at time.Time, gap time.Duration) (*chat.DeskClaim, error) {
	var out *chat.DeskClaim
	err := m.do("ClaimDesk", func() error {
		c := m.live[w]
		if c == nil {
			c = &chat.DeskClaim{}
			m.live[w] = c
		}
		if c.Revision > uint64(at.Add(-gap).UnixMilli()) {
			return nil
		}
		c.Before, c.Revision = c.Revision, uint64(at.UnixMilli())
		found := *c
		out = &found
		return nil
	})
	return out, err
}

// DeskShown implements chat.DeskStore.
func (m *Memory) DeskShown(_ context.Context, w chat.WorkspaceID, revision uint64, shown []byte, visitors time.Time) error {
	return m.do("DeskShown", func() error {
		if c := m.live[w]; c != nil && c.Revision == revision {
			c.ShownBy, c.Shown, c.Visitors = revision, slices.Clone(shown), millis(visitors)
		}
		return nil
	})
}

// DeskRevision implements chat.DeskStore.
func (m *Memory) DeskRevision(_ context.Context, w chat.WorkspaceID) (uint64, error) {
	var n uint64
	err := m.do("DeskRevision", func() error {
		if c := m.live[w]; c != nil {
			n = c.Revision
		}
		return nil
	})
	return n, err
}

// WaitingCount implements chat.DeskStore.
func (m *Memory) WaitingCount(ctx context.Context, w chat.WorkspaceID, d chat.DepartmentID, limit int) (int, error) {
	list, err := m.Waiting(ctx, w, d, limit)
	return len(list), err
}

// PutVisit implements chat.VisitorStore.
func (m *Memory) PutVisit(_ context.Context, w chat.WorkspaceID, v chat.Visitor, gap time.Duration) error {
	return m.do("PutVisit", func() error {
		old, there := m.visitors[operatorKey{w, v.User}]
		if there && old.Since.After(v.Since.Add(-gap)) {
			return &chat.Refused{}
		}
		if there && old.Until.After(v.Since) {
			v.First = old.First
		}
		v.First, v.Since, v.Until = millis(v.First), millis(v.Since), millis(v.Until)
		m.visitors[operatorKey{w, v.User}] = v
		return nil
	})
}

// StayOn implements chat.VisitorStore.
func (m *Memory) StayOn(_ context.Context, w chat.WorkspaceID, u chat.UserID, now, until time.Time) error {
	return m.do("StayOn", func() error {
		v, there := m.visitors[operatorKey{w, u}]
		if !there || !v.Until.After(now) {
			return &chat.Refused{}
		}
		v.Until = millis(until)
		m.visitors[operatorKey{w, u}] = v
		return nil
	})
}

// Visitors implements chat.VisitorStore.
func (m *Memory) Visitors(ctx context.Context, w chat.WorkspaceID, now time.Time, limit int) ([]chat.Visitor, bool, error) {
	list, next, err := m.VisitorPage(ctx, w, now, "", limit)
	return list, next != "", err
}

// VisitorPage implements chat.VisitorStore.
func (m *Memory) VisitorPage(_ context.Context, w chat.WorkspaceID, now time.Time, place string, limit int) (list []chat.Visitor, next string, err error) {
	err = m.do("VisitorPage", func() error {
		for k, v := range m.visitors {
			if k.w == w && v.Until.After(now) && string(k.u) > place {
				list = append(list, v)
			}
		}
		return nil
	})
	slices.SortFunc(list, func(a, b chat.Visitor) int { return cmp.Compare(a.User, b.User) })
	if len(list) > limit {
		list = list[:limit]
		next = string(list[limit-1].User)
	}
	return list, next, err
}
