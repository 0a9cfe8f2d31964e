package client

import (
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// refused takes a typed error. One whose frame is not waited for any more says nothing new.
func (m *Machine) refused(s *socket, e protocol.Error) {
	r := m.answered(e.Ref)
	switch {
	case e.Code == chat.CodeUnauthenticated:
		m.endedBy(s, r, e)
	case r == nil:
	case r.lane != nil:
		m.refusedEntries(r, e)
	case r.kind == protocol.ActionHello:
		m.helloFailed(s)
	case r.kind == protocol.ActionPage:
		m.refusedPage(r, e)
	case r.kind == protocol.ActionDuty:
		m.dutyRefused(e)
	case r.kind == protocol.ActionVisit:
		m.visit.refused = e.Code
	case r.kind == protocol.ActionDesk:
		m.liveRefused(e)
	}
	if e.Code == chat.CodeHelloFirst {
		m.wantHello()
	}
}

// endedBy takes the refusal of a frame because its session has ended. The frame's entries stay, for the next one.
func (m *Machine) endedBy(s *socket, r *request, e protocol.Error) {
	if r != nil {
		m.unanswered(r, socketLost)
	}
	m.ended(s, e.Code)
}

// refusedPage asks again when that can help; else the track is taken for complete until a push says otherwise.
func (m *Machine) refusedPage(r *request, e protocol.Error) {
	m.askAgain(r)
	if !e.Code.Retryable() && e.Code != chat.CodeHelloFirst {
		t := r.view.track(r.track)
		t.head, t.early, r.view.probe, r.view.stale = t.applied(), nil, false, false
	}
}

func (m *Machine) refusedEntries(r *request, e protocol.Error) {
	l := r.lane
	if l.flight == nil || l.flight.ref != r.ref {
		return // a later try is under way
	}
	entries := l.flight.entries
	l.flight = nil
	switch {
	case e.Retryable || e.Code.Retryable() || e.Code == chat.CodeHelloFirst:
		m.pause(l, time.Duration(e.RetryAfter)*time.Millisecond)
	case e.Code == chat.CodeOutOfSync:
		m.outOfSync(l)
	case len(entries) > 1 && entries[0].Action == protocol.ActionSend:
		l.alone = len(entries) // one of them is refused: which?
	default:
		m.fail(l, entries, e)
	}
}

// outOfSync reloads the view, whose log is shorter than the client thinks; the entries follow it down.
func (m *Machine) outOfSync(l *lane) {
	m.pause(l, 0)
	v := m.byID[l.conversation]
	if v == nil {
		l.lower(0)
		return
	}
	v.stale = true
	m.wantHello()
}

// fail ends entries that the server will never take, visibly.
func (m *Machine) fail(l *lane, entries []*Entry, e protocol.Error) {
	for _, x := range append([]*Entry(nil), entries...) {
		l.end(x.ID)
		x.Failed = e.Code
		m.failed = append(m.failed, *x)
		m.tell(Notice{Kind: Refused, Conversation: l.conversation, Track: l.name, ID: x.ID, Code: e.Code, Message: e.Message})
	}
	l.attempt, l.notBefore = 0, time.Time{}
	m.dirty = true
}

// Discard forgets a refused entry. It returns false when there is none with the id.
func (m *Machine) Discard(id chat.EventID) bool {
	for i, e := range m.failed {
		if e.ID == id {
			m.failed = append(m.failed[:i:i], m.failed[i+1:]...)
			m.dirty = true
			return true
		}
	}
	return false
}
