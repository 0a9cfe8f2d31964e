package chattest

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// Open implements chat.Directory.
func (m *Memory) Open(_ context.Context, w chat.WorkspaceID, u chat.UserID, after chat.ConversationID, limit int) ([]chat.ConversationID, error) {
	return m.list("Open", w, u, after, limit, true)
}

// Closed implements chat.Directory.
func (m *Memory) Closed(_ context.Context, w chat.WorkspaceID, u chat.UserID, after chat.ConversationID, limit int) ([]chat.ConversationID, error) {
	return m.list("Closed", w, u, after, limit, false)
}

func (m *Memory) list(call string, w chat.WorkspaceID, u chat.UserID, after chat.ConversationID, limit int, open bool) ([]chat.ConversationID, error) {
	var out []chat.ConversationID
	err := m.do(call, func() error {
		for k, isOpen := range m.members {
			if k.w == w && k.u == u && isOpen == open && (after == "" || k.c < after) {
				out = append(out, k.c)
			}
		}
		return nil
	})
	slices.SortFunc(out, func(a, b chat.ConversationID) int { return cmp.Compare(b, a) })
	return out[:min(len(out), limit)], err
}

// Waiting implements chat.Directory.
func (m *Memory) Waiting(_ context.Context, w chat.WorkspaceID, d chat.DepartmentID, limit int) ([]chat.Waiting, error) {
	var out []chat.Waiting
	err := m.do("Waiting", func() error {
		for ref, entry := range m.waiting {
			if ref.Workspace == w && entry.Department == d {
				out = append(out, entry)
			}
		}
		return nil
	})
	slices.SortFunc(out, func(a, b chat.Waiting) int {
		return cmp.Or(a.Rank().Compare(b.Rank()), cmp.Compare(a.Conversation, b.Conversation))
	})
	return out[:min(len(out), limit)], err
}

// Opened implements chat.Sockets.
func (m *Memory) Opened(_ context.Context, p chat.Principal, _ time.Time) (known bool, err error) {
	err = m.do("Opened", func() error {
		if m.ended[p.Connection] {
			return chat.ErrGone
		}
		delete(m.views, p.Connection)
		_, known = m.sockets[p.Connection]
		m.sockets[p.Connection] = p
		return nil
	})
	return known, err
}

// SocketClosed implements chat.Sockets.
func (m *Memory) SocketClosed(_ context.Context, p chat.Principal) error {
	return m.do("SocketClosed", func() error {
		delete(m.sockets, p.Connection)
		delete(m.views, p.Connection)
		return nil
	})
}

// SocketEnded implements chat.Sockets.
func (m *Memory) SocketEnded(_ context.Context, p chat.Principal) error {
	return m.do("SocketEnded", func() error {
		if _, known := m.sockets[p.Connection]; !known {
			m.ended[p.Connection] = true
		}
		delete(m.sockets, p.Connection)
		delete(m.views, p.Connection)
		return nil
	})
}

// OfUser implements chat.Sockets.
func (m *Memory) OfUser(_ context.Context, w chat.WorkspaceID, u chat.UserID) ([]chat.ConnectionID, error) {
	var out []chat.ConnectionID
	err := m.do("OfUser", func() error {
		for c, p := range m.sockets {
			if p.Workspace == w && p.User == u {
				out = append(out, c)
			}
		}
		return nil
	})
	slices.Sort(out)
	return out, err
}

// OfDesk implements chat.Sockets.
func (m *Memory) OfDesk(_ context.Context, w chat.WorkspaceID) ([]chat.Principal, error) {
	var out []chat.Principal
	err := m.do("OfDesk", func() error {
		for _, p := range m.sockets {
			if p.Workspace == w && p.Role.Staff() {
				out = append(out, p)
			}
		}
		return nil
	})
	slices.SortFunc(out, func(a, b chat.Principal) int { return cmp.Compare(a.Connection, b.Connection) })
	return out, err
}

// Subscriptions implements chat.SubscriptionSource.
func (m *Memory) Subscriptions(_ context.Context, w chat.WorkspaceID) ([]chat.Subscription, error) {
	var out []chat.Subscription
	err := m.do("Subscriptions", func() error {
		out = slices.Clone(m.subs[w])
		return nil
	})
	return out, err
}

// PutSubscription stores a subscription; the same id again replaces it.
func (m *Memory) PutSubscription(_ context.Context, w chat.WorkspaceID, s chat.Subscription) error {
	return m.do("PutSubscription", func() error {
		m.subs[w] = append(slices.DeleteFunc(m.subs[w], func(o chat.Subscription) bool { return o.ID == s.ID }), s)
		return nil
	})
}
