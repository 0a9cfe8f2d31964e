package client

import (
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// Start begins a conversation with its first messages and returns its id and theirs.
func (m *Machine) Start(page string, texts ...string) (chat.ConversationID, []chat.EventID, error) {
	return m.StartWith(protocol.Start{Page: page}, texts...)
}

// StartWith is Start with all that a start may say: the page, the department, the answers of the form, and addresses.
// Action, Ref, Conversation and Messages are the machine's.
func (m *Machine) StartWith(s protocol.Start, texts ...string) (chat.ConversationID, []chat.EventID, error) {
	if len(texts) == 0 || len(texts) > chat.MaxMessages {
		return "", nil, ErrCount
	}
	id := chat.ConversationID(m.cfg.NewID(chat.ConversationPrefix))
	s.Messages = nil
	ids, err := m.queueTexts(Entry{Action: protocol.ActionStart, Conversation: id, Track: chat.Public, Body: encode(s)}, texts)
	if err != nil {
		return "", nil, err
	}
	return id, ids, nil
}

// Send queues messages (public track) or notes (desk track) and returns their ids.
func (m *Machine) Send(id chat.ConversationID, t chat.Track, texts ...string) ([]chat.EventID, error) {
	return m.queueTexts(Entry{Action: protocol.ActionSend, Conversation: id, Track: t}, texts)
}

// Mention queues a note that mentions colleagues, and returns its id.
func (m *Machine) Mention(id chat.ConversationID, text string, colleagues ...chat.UserID) (chat.EventID, error) {
	ids, err := m.queueTexts(Entry{Action: protocol.ActionSend, Conversation: id, Track: chat.Desk, Mentions: colleagues}, []string{text})
	if err != nil {
		return "", err
	}
	return ids[0], nil
}

// Edit queues a new text for one's own message.
func (m *Machine) Edit(id chat.ConversationID, t chat.Track, target uint64, text string) (chat.EventID, error) {
	return m.queue(Entry{Action: protocol.ActionEdit, Conversation: id, Track: t, Target: target, Text: text})
}

// Delete queues the withdrawal of a message.
func (m *Machine) Delete(id chat.ConversationID, t chat.Track, target uint64) (chat.EventID, error) {
	return m.queue(Entry{Action: protocol.ActionDelete, Conversation: id, Track: t, Target: target})
}

// Join queues the taking of an unassigned conversation.
func (m *Machine) Join(id chat.ConversationID) (chat.EventID, error) {
	return Queue(m, protocol.Join{Conversation: id})
}

// Close queues the end of a conversation.
func (m *Machine) Close(id chat.ConversationID, reason string) (chat.EventID, error) {
	return Queue(m, protocol.Close{Conversation: id, Reason: reason})
}

// Reopen queues the taking up of a closed conversation.
func (m *Machine) Reopen(id chat.ConversationID, reason string) (chat.EventID, error) {
	return Queue(m, protocol.Reopen{Conversation: id, Reason: reason})
}

// queueTexts queues one entry per text, all or none.
func (m *Machine) queueTexts(e Entry, texts []string) ([]chat.EventID, error) {
	entries := make([]*Entry, len(texts))
	ids := make([]chat.EventID, len(texts))
	bytes := frameReserve
	for i, text := range texts {
		x := e
		if i > 0 {
			x.Body = nil // a frame holds it once
		}
		x.Text, x.ID = text, chat.EventID(m.cfg.NewID(chat.EventPrefix))
		if err := x.check(); err != nil {
			return nil, err
		}
		bytes += x.size()
		entries[i], ids[i] = &x, x.ID
	}
	if e.Action == protocol.ActionStart && bytes > chat.MaxFrame {
		return nil, ErrText // a start is one frame
	}
	l := m.lane(e.Conversation, e.Track)
	l.entries = append(l.entries, entries...)
	m.dirty = true
	return ids, nil
}

func (m *Machine) queue(e Entry) (chat.EventID, error) {
	e.ID = chat.EventID(m.cfg.NewID(chat.EventPrefix))
	if err := e.check(); err != nil {
		return "", err
	}
	l := m.lane(e.Conversation, e.Track)
	l.entries = append(l.entries, &e)
	m.dirty = true
	return e.ID, nil
}

// Deadline returns when the next Tick is due, the zero time when nothing is.
func (m *Machine) Deadline() time.Time {
	var d earliest
	if m.wanted && m.current == nil {
		d.at(m.redial)
	}
	for _, r := range m.order {
		d.at(r.deadline)
	}
	for _, s := range m.old {
		d.at(s.closeBy)
	}
	if s := m.current; s != nil && s.open && s.hello.again && !s.greeted {
		d.at(s.hello.due)
	}
	if m.Ready() {
		m.readyDeadlines(&d)
	}
	return d.time
}

// readyDeadlines are those that only count while frames can go out.
func (m *Machine) readyDeadlines(d *earliest) {
	d.at(m.current.ping)
	if m.duty.wanted != "" && !m.duty.asked {
		d.at(m.duty.notBefore)
	}
	if m.live.wanted && !m.live.asked {
		d.at(m.live.due)
	}
	if m.next == nil {
		d.at(m.current.rotate)
	}
	for _, l := range m.lanes {
		if m.canSend(l) {
			d.at(l.notBefore)
		}
	}
	for _, v := range m.views {
		d.at(v.readDue)
		for _, name := range chat.Tracks() {
			if t := v.track(name); m.lacks(v, name) {
				d.at(t.gapDue)
			}
		}
	}
}

type earliest struct{ time time.Time }

func (e *earliest) at(t time.Time) {
	if !t.IsZero() && (e.time.IsZero() || t.Before(e.time)) {
		e.time = t
	}
}
