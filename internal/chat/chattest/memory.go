// Package chattest has the in-memory double of the domain's ports and the conformance suite that holds double
// and adapter to the same behaviour. Only tests import it.
package chattest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// Memory stores conversations in memory, with the guarantees of the ports and none of their failures; Fault
// adds those.
type Memory struct {
	failing
	// Epoch is the deployment's restore epoch.
	Epoch uint32
	Now   func() time.Time

	heads   map[chat.Ref]*chat.Head
	chunks  map[chat.Ref]map[chat.Track][]chat.Event // contiguous from seq 1
	members map[member]bool                          // value: open
	waiting map[chat.Ref]chat.Waiting
	states  map[chat.Ref]*chat.State
	rows    map[chat.Ref]map[chat.ConnectionID]chat.Listener
	sockets map[chat.ConnectionID]chat.Principal
	ended   map[chat.ConnectionID]bool // sockets that closed before they were known
	subs    map[chat.WorkspaceID][]chat.Subscription
	// operators by workspace and user.
	operators map[operatorKey]*chat.Operator
	logs      map[operatorKey][]chat.OperatorEvent
	given     map[department][]time.Time
	// views are the open views of sockets, live what the desks were shown, visitors who is on the sites.
	views    map[chat.ConnectionID]chat.Viewer
	live     map[chat.WorkspaceID]*chat.DeskClaim
	visitors map[operatorKey]chat.Visitor
	// mentions of each user, the newest first.
	mentions map[operatorKey][]chat.Mention
}

type operatorKey struct {
	w chat.WorkspaceID
	u chat.UserID
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
		members: map[member]bool{}, waiting: map[chat.Ref]chat.Waiting{}, states: map[chat.Ref]*chat.State{},
		rows: map[chat.Ref]map[chat.ConnectionID]chat.Listener{}, sockets: map[chat.ConnectionID]chat.Principal{}, ended: map[chat.ConnectionID]bool{},
		subs: map[chat.WorkspaceID][]chat.Subscription{}, operators: map[operatorKey]*chat.Operator{},
		logs: map[operatorKey][]chat.OperatorEvent{}, given: map[department][]time.Time{},
		views: map[chat.ConnectionID]chat.Viewer{}, live: map[chat.WorkspaceID]*chat.DeskClaim{}, visitors: map[operatorKey]chat.Visitor{},
		mentions: map[operatorKey][]chat.Mention{},
	}
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
			Ref: c.Ref, Status: cmp.Or(c.Status, chat.StatusQueued), Version: 1, Gen: m.Epoch << 16,
			Department: c.Department, Priority: c.Priority,
			Public:       chat.TrackHead{Last: uint64(len(c.Events)), From: 1, Tail: stored(c.Events)},
			Desk:         chat.TrackHead{From: 1},
			Participants: map[chat.UserID]chat.Participant{c.Customer: {Role: c.Role, Cursor: uint64(len(c.Events))}},
			Listeners:    map[chat.ConnectionID]chat.Listener{},
		}
		h.Wait = chat.Wait{Known: true}.After(chat.WaitChanges(h.Public.Tail))
		if c.Bot != "" {
			h.Participants[c.Bot] = chat.Participant{Role: chat.RoleBot}
			m.members[member{c.Workspace, c.Bot, c.Conversation}] = true
		}
		if c.Listen != "" {
			h.Listeners[c.Listen] = c.Listener
		}
		m.heads[c.Ref] = h
		m.states[c.Ref] = newState(c, h.Status)
		m.members[member{c.Workspace, c.Customer, c.Conversation}] = true
		if h.Status.Waits() {
			h.QueuedAt = millis(c.At)
			h.FirstQueued = h.QueuedAt
			h.Skills, h.Tried, h.TriedAt = c.Entry.Skills, c.Entry.Tried, c.Entry.TriedAt
			m.waiting[c.Ref] = entry(h, c.Entry)
		}
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
	if a.Track == chat.Public {
		h.Wait = h.Wait.After(chat.WaitChanges(events))
	}
	if a.Cursor > 0 {
		p := h.Participants[a.Rule.Actor]
		p.Cursor = a.Cursor
		h.Participants[a.Rule.Actor] = p
	}
	if a.Mute != nil {
		p := h.Participants[a.Mute.User]
		if p.MutedUntil = a.Mute.Until; !p.MutedUntil.IsZero() {
			p.MutedUntil = millis(p.MutedUntil)
		}
		h.Participants[a.Mute.User] = p
	}
}

// Transition implements chat.Appender.
func (m *Memory) Transition(_ context.Context, a chat.Append, c chat.Change) error {
	return m.do("Transition", func() error {
		h, err := m.check(a)
		if err != nil {
			return err
		}
		if h.Version != c.Old.Version || h.Asides != c.Old.Asides || !m.factsHold(a.Ref, c.Facts) {
			return &chat.Refused{Old: clone(h)}
		}
		if c.Old.Track(other(a.Track)).Last != h.Track(other(a.Track)).Last && (c.Still || len(c.Other) > 0) {
			return &chat.Refused{Old: clone(h)}
		}
		for _, p := range c.Places {
			if !m.hasPlace(a.Workspace, p) {
				return &chat.Refused{Old: clone(h), NoPlace: p.User}
			}
		}
		m.append(h, a)
		m.append(h, chat.Append{Ref: a.Ref, Track: other(a.Track), Events: c.Other})
		m.transition(h, a.Rule.Actor, c)
		m.state(h, a, c)
		for _, p := range c.Places {
			m.place(a.Workspace, p)
		}
		return nil
	})
}

func other(t chat.Track) chat.Track {
	if t == chat.Desk {
		return chat.Public
	}
	return chat.Desk
}

// entry is what is stored in the waiting list.
func entry(h *chat.Head, e chat.Waiting) chat.Waiting {
	e.Conversation, e.Customer, e.Department, e.Priority = h.Conversation, h.Customer(), h.Department, h.Priority
	e.Since, e.Version, e.Offered, e.PreferredUntil = h.QueuedAt, h.Version, h.Status == chat.StatusOffered, millis(e.PreferredUntil)
	return e
}

func (m *Memory) transition(h *chat.Head, actor chat.UserID, c chat.Change) {
	if c.Aside {
		m.aside(h, actor, c)
		return
	}
	was := *h
	waited := !h.QueuedAt.IsZero()
	h.Status = c.Status
	h.Version++
	h.Department = cmp.Or(c.Department, h.Department)
	if c.Priority != nil {
		h.Priority = *c.Priority
	}
	h.OfferedTo = ""
	if c.Status == chat.StatusOffered {
		h.OfferedTo = c.OfferedTo
	}
	switch {
	case c.Assignee != "":
		h.Assignee = c.Assignee
	case c.Unassign && h.Assignee != "":
		h.LastOperator, h.Assignee = h.Assignee, ""
	}
	if was.Status.Control() != h.Status.Control() || was.Assignee != h.Assignee {
		h.Epoch++
	}
	m.participants(h, actor, c)
	switch {
	case !c.Status.Waits():
		h.QueuedAt = time.Time{}
		delete(m.waiting, h.Ref)
	case !waited:
		h.QueuedAt = millis(c.QueuedAt)
		h.FirstQueued = h.QueuedAt
	}
	if c.Status.Waits() {
		kept := c.Entry.Keep(&was)
		h.Skills, h.Tried, h.TriedAt = kept.Skills, kept.Tried, kept.TriedAt
		m.waiting[h.Ref] = entry(h, kept)
	} else if !c.Status.Loads() {
		h.Tried, h.TriedAt = nil, time.Time{}
	}
}

func (m *Memory) participants(h *chat.Head, actor chat.UserID, c chat.Change) {
	if _, in := h.Participants[actor]; c.Join != "" && !in {
		h.Participants[actor] = chat.Participant{Role: c.Join, Watching: c.Watching}
	}
	for u, role := range c.Add {
		p := h.Participants[u]
		p.Role, p.Watching = role, false
		h.Participants[u] = p
	}
	for _, u := range c.Watchers {
		if p, in := h.Participants[u]; in {
			p.Watching = true
			h.Participants[u] = p
		}
	}
	if c.Listen != "" {
		h.Listeners[c.Listen] = chat.Listener{User: c.Listener.User, Role: c.Listener.Role, Expires: c.Listener.Expires}
	}
	for _, u := range c.Remove {
		delete(h.Participants, u)
		delete(m.members, member{h.Workspace, u, h.Conversation})
		maps.DeleteFunc(h.Listeners, func(_ chat.ConnectionID, l chat.Listener) bool { return l.User == u })
	}
	for u := range h.Participants {
		m.members[member{h.Workspace, u, h.Conversation}] = !h.Status.Over()
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
		maps.DeleteFunc(h.Listeners, func(c chat.ConnectionID, l chat.Listener) bool {
			return l == head.Listeners[c] && !l.Expires.After(m.Now())
		})
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

// millis is the precision at which times are stored.
func millis(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return time.UnixMilli(t.UnixMilli())
}

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
	return fmt.Sprintf("heads %+v\nchunks %+v\nmembers %+v\nwaiting %+v\nstates %+v\nrows %+v\nsockets %+v\nsubscriptions %+v\noperators %+v",
		heads, m.chunks, m.members, m.waiting, m.stateList(), m.rows, m.sockets, m.subs, m.operatorList())
}
