package client

import (
	"encoding/json"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// maxStrange bounds the pushes kept for one conversation that has no view yet. More are forgotten: the hello
// that is under way then finds the log far ahead, and a ping finds the rest.
const maxStrange = 200

// Received takes a frame from a socket. What it cannot read it ignores: fields and types may be added to the
// protocol.
func (m *Machine) Received(id int, frame []byte) {
	s := m.socket(id)
	if s == nil {
		return
	}
	var kind struct {
		Type         string `json:"type"`
		Ref          string `json:"ref"`
		Message      string `json:"message"`
		ConnectionID string `json:"connectionId"`
	}
	if json.Unmarshal(frame, &kind) != nil {
		return
	}
	switch kind.Type {
	case protocol.TypeEvents:
		take(frame, m.pushed)
	case protocol.TypeAck:
		take(frame, m.acked)
	case protocol.TypeWelcome:
		take(frame, func(w protocol.Welcome) { m.welcome(s, w) })
	case protocol.TypePage:
		take(frame, m.paged)
	case protocol.TypePong:
		take(frame, m.pong)
	case protocol.TypeDone:
		m.done(kind.Ref)
	case protocol.TypeError:
		take(frame, func(e protocol.Error) { m.refused(s, e) })
	case protocol.TypeTyping:
		take(frame, m.typingSeen)
	case protocol.TypeRead:
		take(frame, m.readSeen)
	case protocol.TypeWaiting:
		take(frame, m.waitingSeen)
	case protocol.TypeDuty:
		take(frame, m.dutySet)
	case protocol.TypePosition:
		take(frame, m.positionSeen)
	case protocol.TypeMention:
		take(frame, m.mentioned)
	case protocol.TypeGone:
		take(frame, m.goneFrom)
	case protocol.TypeVisit:
		take(frame, m.visitSeen)
	case protocol.TypeDesk:
		take(frame, m.liveSeen)
	case protocol.TypeBye:
		take(frame, func(b protocol.Bye) { m.bye(s, b) })
	case "":
		if kind.Message != "" && kind.Ref == "" {
			m.noAnswer(gatewaySaid, func(r *request) bool { return r.socket == id })
		}
	}
}

func take[T any](frame []byte, f func(T)) {
	var v T
	if json.Unmarshal(frame, &v) == nil {
		f(v)
	}
}

// pushed applies events that the server pushed.
func (m *Machine) pushed(p protocol.Events) {
	v := m.byID[p.Conversation]
	if v == nil || p.Gen > v.Gen || v.stale || v.Gone {
		m.keepStrange(v, p)
		return
	}
	for _, e := range p.Events {
		m.heard(v, e.Sender)
	}
	m.applied(v, p.Track, v.learn(p.Track, p.Gen, p.Events))
	if p.Read > 0 && p.Gen == v.Gen {
		m.readSeen(protocol.ReadPush{Conversation: p.Conversation, User: p.Events[0].Sender, Seq: p.Read})
	}
}

// keepStrange keeps a push for the view that hello will bring.
func (m *Machine) keepStrange(v *View, p protocol.Events) {
	if m.mutant == forgetStrange {
		return
	}
	if kept := m.strange[p.Conversation]; len(kept) < maxStrange {
		m.strange[p.Conversation] = append(kept, p)
	}
	if v != nil {
		v.stale = true
	}
	if v != nil || !m.starting(p.Conversation) {
		m.wantHello()
	}
}

// starting says whether this client's start of the conversation is not answered yet: its ack makes the view.
func (m *Machine) starting(id chat.ConversationID) bool {
	for _, l := range m.lanes {
		if l.conversation == id && l.flight != nil {
			a := l.flight.entries[0].Action
			return a == protocol.ActionStart || a == protocol.ActionJoin
		}
	}
	return false
}

// replay gives a view the pushes that came before it did.
func (m *Machine) replay(id chat.ConversationID) {
	kept := m.strange[id]
	delete(m.strange, id)
	for _, p := range kept {
		m.pushed(p)
	}
}

// applied tells what was applied, and finds own events among it.
func (m *Machine) applied(v *View, t chat.Track, events []protocol.Event) {
	if len(events) == 0 {
		return
	}
	for _, e := range events {
		if e.Sender == m.user {
			m.shown(v.Conversation, t, e.ID)
		}
	}
	m.tell(Notice{Kind: Learned, Conversation: v.Conversation, Track: t, Events: events})
}

// shown marks an own event that was seen in the log. It does not end its entry: the server may have died
// before it told the others, and then only the resending makes it tell them.
func (m *Machine) shown(id chat.ConversationID, t chat.Track, event chat.EventID) {
	for i, e := range m.failed {
		if e.ID == event && e.Conversation == id && e.Track == t {
			m.failed = append(m.failed[:i:i], m.failed[i+1:]...)
			m.dirty = true
			break
		}
	}
	l := m.lane(id, t)
	for _, e := range l.entries {
		if e.ID == event {
			e.Shown = true
		}
	}
	if m.mutant == learnIsAck {
		l.end(event)
	}
}

func (m *Machine) reloadIfStale(v *View) {
	if v.stale {
		m.wantHello()
	}
}

// welcome takes the answer to hello.
func (m *Machine) welcome(s *socket, w protocol.Welcome) {
	r := m.answered(w.Ref)
	m.user, m.role = w.User, w.Role
	if r != nil {
		m.told(r)
	}
	for _, snap := range w.Conversations {
		s.hello.found[snap.Conversation] = true
		_, known := m.byID[snap.Conversation]
		m.load(snap, known)
		m.replay(snap.Conversation)
	}
	for _, id := range w.Gone {
		s.hello.found[id] = true
		if v := m.byID[id]; v != nil {
			m.leave(v, "")
		}
	}
	if s.hello.more == "" { // only the first part of a welcome tells who waits
		m.setWaiting(w.Waiting)
		m.duty.operator = w.Operator
	}
	m.liveAnew()
	m.welcomed(s)
	if s.hello.more = w.More; w.More != "" {
		m.helloPart(s)
		return
	}
	m.probeRest(s)
}

// probeRest lets views be asked for that the hello offered a cursor of and the welcome left out. Pushes from
// before the hello that it did not explain are not for this user; for later ones, and for views that are still
// stale, it is said again.
func (m *Machine) probeRest(s *socket) {
	stale := false
	for _, v := range m.views {
		if v.Gone && !s.hello.found[v.Conversation] {
			v.stale = false // what was pushed was sent before the user had gone
		}
		stale = stale || v.stale
		if !s.hello.found[v.Conversation] && s.hello.offered[v.Conversation] && !v.Gone && (v.stale || !v.Status.Over()) {
			v.probe = true
		}
	}
	for id := range s.hello.strange {
		delete(m.strange, id)
	}
	s.hello.again = s.hello.again && (stale || len(m.strange) > 0)
}

func (m *Machine) load(snap protocol.Snapshot, known bool) {
	v, _ := m.view(snap.Conversation)
	a := v.load(snap, known)
	v.count(m.user, snap)
	if a.reloaded {
		m.reloaded(v)
	}
	m.applied(v, chat.Public, a.public)
	m.applied(v, chat.Desk, a.desk)
	m.stands(snap.Conversation, snap.Standing)
}

func (m *Machine) reloaded(v *View) {
	m.tell(Notice{Kind: Reloaded, Conversation: v.Conversation})
	for _, t := range chat.Tracks() {
		m.lane(v.Conversation, t).lower(v.Head(t))
	}
	m.dirty = true
}

// paged takes a page.
func (m *Machine) paged(p protocol.PageReply) {
	v, r := m.byID[p.Conversation], m.answered(p.Ref)
	if v == nil || r == nil {
		return
	}
	t, now := v.track(p.Track), m.cfg.Now()
	before := t.applied()
	t.asking, v.probe = false, false
	switch {
	case r.reload && p.Gen >= v.Gen:
		m.reloadTrack(v, p)
		return
	case p.Gen > v.Gen:
		v.stale = true
		m.reloadIfStale(v)
		return
	}
	m.applied(v, p.Track, v.learn(p.Track, p.Gen, p.Events))
	if p.Gen == v.Gen {
		t.saw(p.Head)
	}
	t.gapDue = now
	if t.applied() == before && t.missing() { // no progress
		m.askAgain(r)
	}
}

// reloadTrack takes the newest page of a view that hello did not reload. The first one drops the old view.
func (m *Machine) reloadTrack(v *View, p protocol.PageReply) {
	if v.stale {
		v.reset()
		v.Gen, v.stale = p.Gen, false
	}
	m.applied(v, p.Track, v.fold(p.Track, v.track(p.Track).page(p.Head, p.Events)))
	m.reloaded(v)
	m.replay(v.Conversation)
}

// pong compares what the client has with what it should have.
func (m *Machine) pong(p protocol.Pong) {
	if r := m.answered(p.Ref); r != nil {
		m.told(r)
	}
	if m.mutant == ignorePong {
		return
	}
	for id, h := range p.Heads {
		v := m.byID[id]
		if v == nil || v.Gone {
			m.wantHello()
			continue
		}
		if h.Gen > v.Gen {
			v.stale = true
		}
		if h.Gen == v.Gen {
			v.has(h.Read)
			m.behind(&v.public, h.Public)
			m.behind(&v.desk, h.Desk)
		}
		m.reloadIfStale(v)
	}
}

// behind notes a head. What is missing now did not come for long: it is asked for without another pause.
func (m *Machine) behind(t *track, head uint64) {
	t.saw(head)
	if t.missing() && t.gapDue.IsZero() {
		t.gapDue = m.cfg.Now()
	}
}

// bye comes before the server deletes the socket.
func (m *Machine) bye(s *socket, b protocol.Bye) {
	if b.Reconnect {
		m.drop(s)
		return
	}
	m.ended(s, b.Reason)
}

// ended says that the socket's session does not hold any more. Once renewed, or after somebody signed in, it may.
func (m *Machine) ended(s *socket, why chat.Code) {
	if !m.cfg.Renews || why != chat.CodeUnauthenticated {
		m.stop(why)
		return
	}
	m.renew = true
	m.drop(s)
}

// stop gives the session up. The outbox is kept for the next one.
func (m *Machine) stop(why chat.Code) {
	m.wanted, m.stopped = false, why
	m.hangupAll()
	m.tell(Notice{Kind: Stopped, Code: why})
}

// heard notes that another participant is there.
func (m *Machine) heard(v *View, who chat.UserID) {
	if who != m.user {
		v.heard = m.cfg.Now()
	}
}

func (m *Machine) present(v *View, now time.Time) bool {
	return !v.heard.IsZero() && now.Sub(v.heard) < m.cfg.Present
}
