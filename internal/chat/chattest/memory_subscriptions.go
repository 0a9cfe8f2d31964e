package chattest

import (
	"context"
	"maps"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// Subscribe implements chat.Subscriptions.
func (m *Memory) Subscribe(_ context.Context, ref chat.Ref, c chat.ConnectionID, l chat.Listener) (*chat.Head, error) {
	var out *chat.Head
	err := m.do("Subscribe", func() error {
		h := m.heads[ref]
		if h == nil {
			return &chat.Refused{}
		}
		if _, in := h.Participants[l.User]; !in {
			return &chat.Refused{Old: clone(h)}
		}
		m.listen(h, c, l)
		out = clone(h)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (m *Memory) listen(h *chat.Head, c chat.ConnectionID, l chat.Listener) {
	if _, there := h.Listeners[c]; !there && len(h.Listeners) >= chat.MaxListeners {
		maps.DeleteFunc(h.Listeners, func(_ chat.ConnectionID, old chat.Listener) bool { return !old.Expires.After(m.Now()) })
	}
	if _, there := h.Listeners[c]; there || len(h.Listeners) < chat.MaxListeners {
		h.Listeners[c] = l
		return
	}
	if m.rows[h.Ref] == nil {
		m.rows[h.Ref] = map[chat.ConnectionID]chat.Listener{}
	}
	m.rows[h.Ref][c] = l
	h.ListenerShards = shards
}

// Unsubscribe implements chat.Subscriptions.
func (m *Memory) Unsubscribe(_ context.Context, ref chat.Ref, c chat.ConnectionID) error {
	return m.do("Unsubscribe", func() error {
		if h := m.heads[ref]; h != nil {
			delete(h.Listeners, c)
		}
		return nil
	})
}

// MoveCursor implements chat.Subscriptions.
func (m *Memory) MoveCursor(_ context.Context, ref chat.Ref, u chat.UserID, seq uint64) (*chat.Head, error) {
	var out *chat.Head
	err := m.do("MoveCursor", func() error {
		h := m.heads[ref]
		if h == nil {
			return &chat.Refused{}
		}
		p, in := h.Participants[u]
		if !in || p.Cursor >= seq || seq > h.Public.Last {
			return &chat.Refused{Old: clone(h)}
		}
		p.Cursor = seq
		h.Participants[u] = p
		out = clone(h)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Mute implements chat.Subscriptions.
func (m *Memory) Mute(_ context.Context, ref chat.Ref, u chat.UserID, until time.Time) error {
	return m.do("Mute", func() error {
		h := m.heads[ref]
		if h == nil {
			return &chat.Refused{}
		}
		p, in := h.Participants[u]
		if !in || !millis(until).After(p.MutedUntil) {
			return &chat.Refused{Old: clone(h)}
		}
		p.MutedUntil = millis(until)
		h.Participants[u] = p
		return nil
	})
}

// ListenerRows implements chat.ListenerRows: every row is in shard 0 of the double.
func (m *Memory) ListenerRows(_ context.Context, ref chat.Ref, shard int) (map[chat.ConnectionID]chat.Listener, error) {
	out := map[chat.ConnectionID]chat.Listener{}
	err := m.do("ListenerRows", func() error {
		if shard == 0 {
			maps.Copy(out, m.rows[ref])
		}
		return nil
	})
	return out, err
}

// DropListenerRow implements chat.ListenerRows.
func (m *Memory) DropListenerRow(_ context.Context, ref chat.Ref, _ int, c chat.ConnectionID) error {
	return m.do("DropListenerRow", func() error {
		delete(m.rows[ref], c)
		return nil
	})
}
