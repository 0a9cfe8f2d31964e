// Package chattest has the in-memory double of the domain's ports and the conformance suite that holds double
// and adapter to the same behaviour. Only tests import it.
package chattest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// Memory stores conversations in memory, with the guarantees of the ports and none of their failures; Fault
// adds those.
type Memory struct {
	// Fault, when set, is asked before and after every effect; an error it returns is the call's answer.
	Fault func(call string, after bool) error
	// Gen is the deployment's restore epoch.
	Epoch uint32
	Now   func() time.Time

	mu      sync.Mutex
	heads   map[chat.Ref]*chat.Head
	chunks  map[chat.Ref]map[chat.Track][]chat.Event // contiguous from seq 1
	members map[member]bool                          // value: open
	waiting map[chat.Ref]chat.Waiting
	rows    map[chat.Ref]map[chat.ConnectionID]chat.Listener
	sockets map[chat.ConnectionID]chat.Principal
	subs    map[chat.WorkspaceID][]chat.Subscription
}

type member struct {
	w chat.WorkspaceID
	u chat.UserID
	c chat.ConversationID
}

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{
		Now: time.Now, heads: map[chat.Ref]*chat.Head{}, chunks: map[chat.Ref]map[chat.Track][]chat.Event{},
		members: map[member]bool{}, waiting: map[chat.Ref]chat.Waiting{},
		rows: map[chat.Ref]map[chat.ConnectionID]chat.Listener{}, sockets: map[chat.ConnectionID]chat.Principal{},
		subs: map[chat.WorkspaceID][]chat.Subscription{},
	}
}

// do runs effect under the lock, between the two moments at which Fault may strike.
func (m *Memory) do(call string, effect func() error) error {
	if m.Fault != nil {
		if err := m.Fault(call, false); err != nil {
			return err
		}
	}
	m.mu.Lock()
	err := effect()
	m.mu.Unlock()
	if err == nil && m.Fault != nil {
		return m.Fault(call, true)
	}
	return err
}

// shards is how many shards of listener rows a conversation has once it has any.
const shards = 8

// Create implements chat.Appender.
func (m *Memory) Create(_ context.Context, c chat.Creation) error {
	return m.do("Create", func() error {
		if old := m.heads[c.Ref]; old != nil {
			return &chat.Refused{Old: clone(old)}
		}
		h := &chat.Head{
			Ref: c.Ref, Status: chat.StatusQueued, Version: 1, QueuedAt: millis(c.At), Gen: m.Epoch << 16,
			Public:       chat.TrackHead{Last: uint64(len(c.Events)), From: 1, Tail: stored(c.Events)},
			Desk:         chat.TrackHead{From: 1},
			Participants: map[chat.UserID]chat.Participant{c.Customer: {Role: c.Role, Cursor: uint64(len(c.Events))}},
			Listeners:    map[chat.ConnectionID]chat.Listener{},
		}
		if c.Listen != "" {
			h.Listeners[c.Listen] = c.Listener
		}
		m.heads[c.Ref] = h
		m.members[member{c.Workspace, c.Customer, c.Conversation}] = true
		m.waiting[c.Ref] = chat.Waiting{Conversation: c.Conversation, Customer: c.Customer, Since: millis(c.At)}
		return nil
	})
}

// Append implements chat.Appender.
func (m *Memory) Append(_ context.Context, a chat.Append) (*chat.Head, error) {
	var out *chat.Head
	err := m.do("Append", func() error {
		h, err := m.check(a)
		if err != nil {
			return err
		}
		m.append(h, a)
		out = clone(h)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (m *Memory) check(a chat.Append) (*chat.Head, error) {
	h := m.heads[a.Ref]
	if h == nil {
		return nil, &chat.Refused{}
	}
	if h.Track(a.Track).Last != a.After || a.Rule.Check(h) != nil {
		return nil, &chat.Refused{Old: clone(h)}
	}
	return h, nil
}

func (m *Memory) append(h *chat.Head, a chat.Append) {
	t := h.Track(a.Track)
	events := stored(a.Events)
	if a.Track == chat.Desk {
		for i := range events {
			events[i].Follows = h.Public.Last
		}
	}
	t.Tail = append(slices.Clip(t.Tail), events...)
	t.Last += uint64(len(events))
	if a.Cursor > 0 {
		p := h.Participants[a.Rule.Actor]
		p.Cursor = a.Cursor
		h.Participants[a.Rule.Actor] = p
	}
}

// Transition implements chat.Appender.
func (m *Memory) Transition(_ context.Context, a chat.Append, c chat.Change) error {
	return m.do("Transition", func() error {
		h, err := m.check(a)
		if err != nil {
			return err
		}
		if h.Version != c.Old.Version {
			return &chat.Refused{Old: clone(h)}
		}
		m.append(h, a)
		m.transition(h, a.Rule.Actor, c)
		return nil
	})
}

func (m *Memory) transition(h *chat.Head, actor chat.UserID, c chat.Change) {
	h.Status = c.Status
	h.Version++
	if c.Assignee != "" {
		h.Assignee = c.Assignee
	}
	if _, in := h.Participants[actor]; c.Join != "" && !in {
		h.Participants[actor] = chat.Participant{Role: c.Join}
	}
	if c.Listen != "" {
		h.Listeners[c.Listen] = chat.Listener{User: c.Listener.User, Role: c.Listener.Role, Expires: c.Listener.Expires}
	}
	for u := range h.Participants {
		m.members[member{h.Workspace, u, h.Conversation}] = c.Status != chat.StatusClosed
	}
	switch {
	case c.Status != chat.StatusQueued:
		h.QueuedAt = time.Time{}
		delete(m.waiting, h.Ref)
	case h.QueuedAt.IsZero():
		h.QueuedAt = millis(c.QueuedAt)
		m.waiting[h.Ref] = chat.Waiting{Conversation: h.Conversation, Customer: customerOf(h), Since: h.QueuedAt}
	}
}

// Head implements chat.Reader.
func (m *Memory) Head(_ context.Context, ref chat.Ref) (*chat.Head, error) {
	var out *chat.Head
	err := m.do("Head", func() error {
		if h := m.heads[ref]; h != nil {
			out = clone(h)
		}
		return nil
	})
	return out, err
}

// After implements chat.Reader.
func (m *Memory) After(_ context.Context, ref chat.Ref, t chat.Track, after uint64, limit int) ([]chat.Event, error) {
	var out []chat.Event
	err := m.do("After", func() error {
		for _, e := range m.chunks[ref][t] {
			if e.Seq > after && len(out) < limit {
				out = append(out, e)
			}
		}
		return nil
	})
	return out, err
}

// MoveTail implements chat.Mover.
func (m *Memory) MoveTail(_ context.Context, head *chat.Head, t chat.Track, upTo, relayed uint64) error {
	return m.do("MoveTail", func() error {
		h := m.heads[head.Ref]
		track := h.Track(t)
		if track.From != head.Track(t).From || upTo < track.From || upTo > head.Track(t).Last {
			return nil
		}
		n := int(upTo + 1 - track.From)
		if m.chunks[h.Ref] == nil {
			m.chunks[h.Ref] = map[chat.Track][]chat.Event{}
		}
		m.chunks[h.Ref][t] = append(m.chunks[h.Ref][t], track.Tail[:n]...)
		track.Tail = slices.Clone(track.Tail[n:])
		track.From = upTo + 1
		if relayed > 0 {
			track.Relayed = relayed
		}
		return nil
	})
}

// SetRelayed implements chat.Mover.
func (m *Memory) SetRelayed(_ context.Context, ref chat.Ref, t chat.Track, relayed uint64) error {
	return m.do("SetRelayed", func() error {
		if h := m.heads[ref]; h != nil {
			h.Track(t).Relayed = max(h.Track(t).Relayed, relayed)
		}
		return nil
	})
}

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
		if !in {
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
func (m *Memory) Waiting(_ context.Context, w chat.WorkspaceID, limit int) ([]chat.Waiting, error) {
	var out []chat.Waiting
	err := m.do("Waiting", func() error {
		for ref, entry := range m.waiting {
			if ref.Workspace == w {
				out = append(out, entry)
			}
		}
		return nil
	})
	slices.SortFunc(out, func(a, b chat.Waiting) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Conversation, b.Conversation))
	})
	return out[:min(len(out), limit)], err
}

// Opened implements chat.Sockets.
func (m *Memory) Opened(_ context.Context, p chat.Principal, _ time.Time) error {
	return m.do("Opened", func() error {
		m.sockets[p.Connection] = p
		return nil
	})
}

// SocketClosed implements chat.Sockets.
func (m *Memory) SocketClosed(_ context.Context, p chat.Principal) error {
	return m.do("SocketClosed", func() error {
		delete(m.sockets, p.Connection)
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

func customerOf(h *chat.Head) chat.UserID {
	for u, p := range h.Participants {
		if p.Role == chat.RoleCustomer {
			return u
		}
	}
	return ""
}

// millis is the precision at which times are stored.
func millis(t time.Time) time.Time { return time.UnixMilli(t.UnixMilli()) }

func stored(events []chat.Event) []chat.Event {
	out := slices.Clone(events)
	for i := range out {
		out[i].At = millis(out[i].At)
	}
	return out
}

func clone(h *chat.Head) *chat.Head {
	c := *h
	c.Public.Tail, c.Desk.Tail = slices.Clone(h.Public.Tail), slices.Clone(h.Desk.Tail)
	c.Participants, c.Listeners = maps.Clone(h.Participants), maps.Clone(h.Listeners)
	return &c
}

// Dump shows everything that is stored, the same for the same state: tests compare it before and after.
func (m *Memory) Dump() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	heads := map[chat.Ref]chat.Head{}
	for ref, h := range m.heads {
		heads[ref] = *h
	}
	return fmt.Sprintf("heads %+v\nchunks %+v\nmembers %+v\nwaiting %+v\nrows %+v\nsockets %+v\nsubscriptions %+v",
		heads, m.chunks, m.members, m.waiting, m.rows, m.sockets, m.subs)
}
