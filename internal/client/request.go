package client

import (
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// request is a frame that waits for its answer.
type request struct {
	ref      string
	kind     string // the action
	socket   int
	deadline time.Time
	lane     *lane
	view     *View
	track    chat.Track
	reload   bool // of page: the newest one replaces the view
	seq      uint64
	cursors  map[chat.ConversationID]protocol.Cursor
}

// cause says why an answer is missing.
type cause int

const (
	timedOut    cause = iota // nothing came in time
	gatewaySaid              // the gateway's error frame, which names no frame
	socketLost
)

func (m *Machine) request(r *request) {
	r.deadline = m.cfg.Now().Add(m.cfg.Answer)
	m.requests[r.ref] = r
	m.order = append(m.order, r)
}

// answered takes the request off the books; nil when it is not there (any more).
func (m *Machine) answered(ref string) *request {
	r := m.requests[ref]
	if r != nil {
		delete(m.requests, ref)
		m.order = remove(m.order, r)
	}
	return r
}

// expire gives up waiting for answers that are overdue.
func (m *Machine) expire(now time.Time) {
	m.noAnswer(timedOut, func(r *request) bool { return !now.Before(r.deadline) })
}

// unknown says that a socket took the answers to some frames with it.
func (m *Machine) unknown(which func(*request) bool) { m.noAnswer(socketLost, which) }

func (m *Machine) noAnswer(why cause, which func(*request) bool) {
	var hit []*request
	for _, r := range m.order {
		if which(r) {
			hit = append(hit, r)
		}
	}
	for _, r := range hit {
		if m.answered(r.ref) != nil { // an earlier one may have dropped the socket
			m.unanswered(r, why)
		}
	}
}

func (m *Machine) unanswered(r *request, why cause) {
	s := m.socket(r.socket)
	switch {
	case r.lane != nil:
		m.resend(r, why)
	case r.kind == protocol.ActionPage:
		m.askAgain(r)
	case r.kind == protocol.ActionDuty:
		m.dutyAgain()
	case r.kind == protocol.ActionDesk:
		m.liveAgain()
	case s == nil:
	case r.kind == protocol.ActionHello:
		m.helloFailed(s)
	case r.kind == protocol.ActionPing && why == timedOut:
		m.drop(s) // the socket is dead, TCP has just not noticed
	case r.kind == protocol.ActionPing:
		s.ping = m.cfg.Now().Add(m.jitter(m.cfg.RetryBase, m.cfg.RetryCap, 3))
	}
}

// resend puts entries back whose outcome is unknown: they go again, unchanged. A lost socket needs no pause
// of its own, since connecting had one.
func (m *Machine) resend(r *request, why cause) {
	l := r.lane
	if l.flight == nil || l.flight.ref != r.ref {
		return // a later try is under way
	}
	if m.mutant == neverResend {
		for _, e := range l.flight.entries {
			l.end(e.ID)
		}
		return
	}
	l.flight = nil
	if why != socketLost {
		m.pause(l, 0)
	}
	if s := m.current; why == timedOut && s != nil && s.id == r.socket {
		s.ping = m.cfg.Now() // is the socket alive at all?
	}
}

// pause lets a lane wait before its next try, at least for the time given.
func (m *Machine) pause(l *lane, least time.Duration) {
	l.notBefore = m.cfg.Now().Add(max(least, m.jitter(m.cfg.RetryBase, m.cfg.RetryCap, l.attempt)))
	l.attempt++
}

// askAgain lets a page be asked for again after a pause.
func (m *Machine) askAgain(r *request) {
	t := r.view.track(r.track)
	t.asking = false
	t.gapDue = m.cfg.Now().Add(m.jitter(m.cfg.RetryBase, m.cfg.RetryCap, t.tries))
	t.tries++
}

// sendEntries sends what waits in each lane that has nothing under way.
func (m *Machine) sendEntries(now time.Time) {
	for _, l := range m.lanes {
		if m.canSend(l) && !now.Before(l.notBefore) {
			m.sendLane(l)
		}
	}
}

func (m *Machine) canSend(l *lane) bool {
	if len(l.entries) == 0 || l.flight != nil && m.mutant != twoInFlight {
		return false
	}
	if l.flight != nil {
		return !l.entries[len(l.entries)-1].Tried
	}
	v := m.byID[l.conversation]
	return v == nil || !v.stale
}

func (m *Machine) sendLane(l *lane) {
	applied := uint64(0)
	if v := m.byID[l.conversation]; v != nil {
		applied = v.Applied(l.name)
	}
	if l.flight != nil {
		m.sendBeside(l, applied)
		return
	}
	entries := l.take(applied)
	if l.flight.retry {
		m.tell(Notice{Kind: Resent, Conversation: l.conversation, Track: l.name, Count: len(entries), ID: entries[0].ID})
	} else {
		m.dirty = true
	}
	ref := m.ref()
	m.request(&request{ref: ref, kind: entries[0].Action, socket: m.current.id, lane: l})
	m.write(m.current, l.frame(ref))
}

// sendBeside is the bug twoInFlight.
func (m *Machine) sendBeside(l *lane, applied uint64) {
	for _, e := range l.entries {
		if e.Tried {
			continue
		}
		e.After, e.Tried = applied, true
		beside := &lane{entries: []*Entry{e}, flight: &flight{entries: []*Entry{e}}}
		ref := m.ref()
		m.request(&request{ref: ref, kind: e.Action, socket: m.current.id, lane: l})
		m.write(m.current, beside.frame(ref))
	}
}

// fetchGaps asks for events that are known to exist and did not come.
func (m *Machine) fetchGaps(now time.Time) {
	for _, v := range m.views {
		for _, name := range chat.Tracks() {
			if m.lacks(v, name) {
				m.fetchGap(v, name, now)
			}
		}
	}
}

// lacks says whether a page is to be asked for.
func (m *Machine) lacks(v *View, name chat.Track) bool {
	t := v.track(name)
	switch {
	case v.Gone, t.asking, v.stale && !v.probe, name == chat.Desk && !m.role.Staff(), m.mutant == neverFetch:
		return false
	}
	return v.probe || t.missing()
}

func (m *Machine) fetchGap(v *View, name chat.Track, now time.Time) {
	t := v.track(name)
	if t.gapDue.IsZero() {
		t.gapDue = now.Add(m.cfg.Gap)
	}
	if now.Before(t.gapDue) {
		return
	}
	t.asking = true
	r := &request{ref: m.ref(), kind: protocol.ActionPage, socket: m.current.id, view: v, track: name, reload: v.stale}
	p := protocol.Page{Action: r.kind, Ref: r.ref, Conversation: v.Conversation, Track: name, Limit: maxPage}
	if after := t.applied(); !v.stale {
		p.After = &after
		m.tell(Notice{Kind: Fetched, Conversation: v.Conversation, Track: name, Seq: after})
	}
	m.request(r)
	m.write(m.current, encode(p))
}

// maxPage is the most events that a page may hold (protocol.Page).
const maxPage = 200
