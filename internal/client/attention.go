package client

import (
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// WaitingSince is when the customer wrote the first message that no person has answered: Unix milliseconds, 0 when nobody
// waits. It is told to staff, and kept with the events of the public track as the server keeps it (chat.Wait).
func (v *View) WaitingSince() int64 { return v.waitingSince }

// Unread counts the customer's messages behind the user's own read cursor, up to chat.UnreadCounted. Where the view begins
// in the middle of the log (Base), those before it are counted as the snapshot did, until they are read.
func (v *View) Unread() int {
	n, read := 0, v.reading
	for _, e := range v.public.events {
		if e.Seq > read && asks(e) {
			n++
		}
	}
	if v.public.base > read {
		n += min(v.hidden, int(v.public.base-read))
	}
	return min(n, chat.UnreadCounted)
}

func asks(e protocol.Event) bool { return e.Type == chat.EventMessage && e.Role == chat.RoleCustomer }

// wait carries an event into the customer's wait. A person's message ends it, and so does the end of the conversation.
func (v *View) wait(t chat.Track, e protocol.Event) {
	if t != chat.Public {
		return
	}
	switch {
	case e.Type == chat.EventClosed, e.Type == chat.EventAbandoned:
		v.waitingSince = 0
	case e.Type != chat.EventMessage:
	case e.Role == chat.RoleOperator, e.Role == chat.RoleSupervisor, e.Role == chat.RoleAdmin:
		v.waitingSince = 0
	case e.Role == chat.RoleCustomer && v.waitingSince == 0:
		v.waitingSince = e.At
	}
}

// has notes that the server has the user's read cursor at seq, wherever it was moved.
func (v *View) has(seq uint64) {
	v.told, v.reading = max(v.told, seq), max(v.reading, seq)
}

// count takes what a snapshot says of the user's reading. A part that was lost and came back has a cursor that begins
// anew: what was read before is told once more.
func (v *View) count(me chat.UserID, s protocol.Snapshot) {
	p, in := v.Participants[me]
	if !in || s.Gen != v.Gen || s.Public.Head != v.known[chat.Public] {
		return // the view knows better
	}
	if v.reading > s.Public.Head { // of a log that was cut by a restore
		v.reading = 0
	}
	v.told, v.reading = p.Read, max(v.reading, p.Read)
	v.hidden = s.Unread
	for _, e := range v.public.events {
		if e.Seq > p.Read && e.Seq <= s.Public.Head && asks(e) {
			v.hidden--
		}
	}
	v.hidden = max(v.hidden, 0)
}
