package client

import (
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// acked ends entries. It goes by their ids, so that the late answer to an earlier try counts as well.
func (m *Machine) acked(a protocol.Ack) {
	r := m.answered(a.Ref)
	l := m.lane(a.Conversation, a.Track)
	if r != nil {
		l = r.lane
	}
	v := m.ackedView(l, a)
	events := a.Events // what others appended between; own ones may be among them or not
	for _, x := range a.Acks {
		e := l.end(x.ID)
		if e == nil {
			continue
		}
		m.dirty = true
		if v != nil {
			m.rode(v, e, x)
			if m.leaves(v, e) {
				m.leave(v, m.user)
			}
		}
		if event, ok := m.own(e, x); ok {
			events = append(events, event)
		}
		m.tell(Notice{Kind: Acked, Conversation: a.Conversation, Track: a.Track, ID: x.ID, Seq: x.Seq, Duplicate: x.Duplicate})
	}
	if v != nil {
		m.applied(v, a.Track, v.learn(a.Track, a.Gen, events))
		if a.Gen == v.Gen {
			m.behind(v.track(a.Track), a.Head)
		}
		m.reloadIfStale(v)
		m.replay(a.Conversation)
		m.stands(a.Conversation, a.Standing)
	}
	m.ackedWithout(l, a)
}

// ackedView returns the view that an ack is about, and takes the snapshot that it holds. It is nil for a command in a
// conversation that the user has no part in, such as a supervisor's who assigns it: nothing of it would be told.
func (m *Machine) ackedView(l *lane, a protocol.Ack) *View {
	e := l.answeredBy(a)
	if m.byID[a.Conversation] == nil && a.Snapshot == nil && (e == nil || !e.talks()) {
		return nil
	}
	v, known := m.view(a.Conversation)
	if !known {
		v.Gen = a.Gen
	}
	if a.Snapshot != nil {
		m.load(*a.Snapshot, known)
	}
	return v
}

// ackedWithout takes an ack that names no event of what it answers. A command had nothing to do, and ends; messages go
// again.
func (m *Machine) ackedWithout(l *lane, a protocol.Ack) {
	if l.flight == nil || l.flight.ref != a.Ref {
		return
	}
	if e := l.flight.entries[0]; !e.talks() && len(a.Acks) == 0 {
		l.end(e.ID)
		m.dirty = true
		m.tell(Notice{Kind: Acked, Conversation: a.Conversation, Track: a.Track, ID: e.ID})
		return
	}
	l.flight = nil
	m.pause(l, 0)
}

// own makes the event that an acknowledgement stands for, where the client knows all of it. What it does not
// know (a desk event's place, a state change) comes with the ack, or is fetched.
func (m *Machine) own(e *Entry, x protocol.Acked) (protocol.Event, bool) {
	event := protocol.Event{Seq: x.Seq, ID: x.ID, At: x.At, Sender: m.user, Role: m.role, Text: e.Text, Target: e.Target}
	switch e.Action {
	case protocol.ActionStart, protocol.ActionSend:
		event.Type = chat.EventMessage
	case protocol.ActionEdit:
		event.Type = chat.EventEdited
	case protocol.ActionDelete:
		event.Type = chat.EventDeleted
	}
	return event, e.Track == chat.Public && event.Type != ""
}

// rode notes that a read cursor rode on a send: the server sets it to "after" when the send commits there.
func (m *Machine) rode(v *View, e *Entry, x protocol.Acked) {
	if e.Action == protocol.ActionSend && e.Track == chat.Public && !x.Duplicate && x.Seq == e.After+1 {
		v.has(e.After)
	}
}
