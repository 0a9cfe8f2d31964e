package client

import (
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// socket is one connection in its life: dialled, open, welcomed, perhaps replaced.
type socket struct {
	id      int
	open    bool
	ready   bool // welcomed
	greeted bool // a hello is under way
	hello   helloState
	rotate  time.Time // when to open its replacement
	ping    time.Time // when to ping next
	closeBy time.Time // of an old socket: when to stop waiting for its answers
}

// helloState is the course of a hello that may take several frames.
type helloState struct {
	again   bool // once more: something was seen that only hello explains
	due     time.Time
	attempt int
	offered map[chat.ConversationID]bool // cursors sent so far
	found   map[chat.ConversationID]bool // snapshots and farewells got so far
	strange map[chat.ConversationID]bool // had pushes without a view when the hello was sent
	more    string
}

// maxHelloTries is how often hello is tried on one socket before another is opened: after about 10 s of
// jittered pauses.
const maxHelloTries = 5

// Connect starts connecting and keeps connected until Disconnect.
func (m *Machine) Connect() { m.wanted, m.stopped = true, "" }

// Disconnect closes the sockets and stays away. The outbox is kept.
func (m *Machine) Disconnect() {
	m.wanted = false
	m.hangupAll()
}

func (m *Machine) connect(now time.Time) {
	if m.wanted && m.current == nil && !now.Before(m.redial) {
		m.current = m.dial()
	}
}

func (m *Machine) dial() *socket {
	m.serial++
	m.do(Action{Kind: Dial, Socket: m.serial, Renew: m.renew})
	m.renew = false
	return &socket{id: m.serial}
}

// Opened says that a dialled socket is open.
func (m *Machine) Opened(id int) {
	s := m.socket(id)
	if s == nil {
		m.do(Action{Kind: Hangup, Socket: id})
		return
	}
	now := m.cfg.Now()
	s.open = true
	s.rotate = now.Add(m.between(m.cfg.RotateFrom, m.cfg.RotateTo))
	s.ping = now.Add(m.pingPause())
	m.hello(s)
}

// Closed says that a socket, or the attempt to open it, has ended.
func (m *Machine) Closed(id int) {
	if s := m.socket(id); s != nil {
		m.lose(s)
	}
}

// Rejected says that the server will not let this session in: not now and not later.
func (m *Machine) Rejected(id int, why chat.Code) {
	if m.socket(id) != nil {
		m.stop(why)
	}
}

// lose forgets a socket: the outcome of what is unanswered on it is unknown.
func (m *Machine) lose(s *socket) {
	now := m.cfg.Now()
	switch s {
	case m.next:
		m.next = nil
		m.current.rotate = now.Add(m.jitter(m.cfg.ConnectBase, m.cfg.ConnectCap, 6))
	case m.current:
		m.current, m.next = m.next, nil
		if m.current == nil {
			m.redial = now.Add(m.jitter(m.cfg.ConnectBase, m.cfg.ConnectCap, m.attempt))
			m.attempt++
		}
		m.tell(Notice{Kind: Disconnected})
	default:
		m.old = remove(m.old, s)
	}
	m.unknown(func(r *request) bool { return r.socket == s.id })
}

// drop closes a socket that does not answer as it should.
func (m *Machine) drop(s *socket) {
	m.do(Action{Kind: Hangup, Socket: s.id})
	m.lose(s)
}

func (m *Machine) hangupAll() {
	for _, s := range append([]*socket{m.current, m.next}, m.old...) {
		if s != nil {
			m.do(Action{Kind: Hangup, Socket: s.id})
		}
	}
	m.current, m.next, m.old = nil, nil, nil
	m.unknown(func(*request) bool { return true })
}

func (m *Machine) socket(id int) *socket {
	for _, s := range append([]*socket{m.current, m.next}, m.old...) {
		if s != nil && s.id == id {
			return s
		}
	}
	return nil
}

// rotate opens the replacement of a socket that grows old; the old one serves until the new one is welcomed.
func (m *Machine) rotate(now time.Time) {
	if m.Ready() && m.next == nil && !now.Before(m.current.rotate) {
		m.next = m.dial()
	}
}

// drain closes old sockets that owe no answer any more.
func (m *Machine) drain(now time.Time) {
	for _, s := range append([]*socket(nil), m.old...) {
		if !m.owes(s) || !now.Before(s.closeBy) {
			m.drop(s)
		}
	}
}

func (m *Machine) owes(s *socket) bool {
	for _, r := range m.order {
		if r.socket == s.id {
			return true
		}
	}
	return false
}

// hello introduces a socket, with the cursors of the newest views.
func (m *Machine) hello(s *socket) {
	s.hello.again, s.hello.more, s.hello.due = false, "", m.cfg.Now().Add(m.cfg.RetryBase)
	s.hello.offered, s.hello.found = map[chat.ConversationID]bool{}, map[chat.ConversationID]bool{}
	s.hello.strange = make(map[chat.ConversationID]bool, len(m.strange))
	for id := range m.strange {
		s.hello.strange[id] = true
	}
	m.helloPart(s)
}

// helloPart sends one frame of the hello: the first, or one that goes on where the last welcome ended.
func (m *Machine) helloPart(s *socket) {
	cursors := map[chat.ConversationID]protocol.Cursor{}
	for i := len(m.views) - 1; i >= 0 && len(cursors) < chat.MaxSubscriptions; i-- {
		v := m.views[i]
		if !v.Gone && !s.hello.offered[v.Conversation] {
			cursors[v.Conversation] = v.cursor(m.role.Staff())
			s.hello.offered[v.Conversation] = true
		}
	}
	ref := m.ref()
	m.request(&request{ref: ref, kind: protocol.ActionHello, socket: s.id, cursors: cursors})
	s.greeted = true
	m.write(s, encode(protocol.Hello{Action: protocol.ActionHello, Ref: ref, Cursors: cursors, More: s.hello.more}))
}

// helloAgain repeats the hello when something asked for it, or when a try got no answer.
func (m *Machine) helloAgain(now time.Time) {
	if s := m.current; s != nil && s.open && s.hello.again && !s.greeted && !now.Before(s.hello.due) {
		m.hello(s)
	}
}

// wantHello asks for another hello on the current socket.
func (m *Machine) wantHello() {
	if m.current != nil {
		m.current.hello.again = true
	}
}

// helloFailed says that a hello got no welcome.
func (m *Machine) helloFailed(s *socket) {
	s.greeted = false
	s.hello.attempt++
	if s != m.current || s.hello.attempt >= maxHelloTries {
		m.drop(s)
		return
	}
	s.hello.again = true
	s.hello.due = m.cfg.Now().Add(m.jitter(m.cfg.RetryBase, m.cfg.RetryCap, s.hello.attempt))
}

// welcomed makes the socket the one that frames go to.
func (m *Machine) welcomed(s *socket) {
	s.greeted, s.hello.attempt = false, 0
	if s.ready {
		return
	}
	s.ready, m.attempt = true, 0
	if m.role.Staff() {
		s.ping = m.cfg.Now().Add(m.pingPause())
	}
	if s == m.next {
		m.current.closeBy = m.cfg.Now().Add(m.cfg.Answer)
		m.old = append(m.old, m.current)
		m.current, m.next = s, nil
		m.tell(Notice{Kind: Rotated})
		return
	}
	m.tell(Notice{Kind: Connected})
}

func (m *Machine) write(s *socket, frame []byte) {
	if m.dirty {
		m.save()
	}
	m.do(Action{Kind: Write, Socket: s.id, Frame: frame})
}

func (m *Machine) between(from, to time.Duration) time.Duration {
	if to <= from {
		return from
	}
	return from + time.Duration(m.cfg.Rand.Int64N(int64(to-from)))
}

// pingPause is the time to the next ping: API Gateway cuts a socket that was idle for 10 minutes, and an
// operator's lease lasts 150 s.
func (m *Machine) pingPause() time.Duration {
	switch {
	case m.cfg.Ping > 0:
		return m.cfg.Ping
	case m.role.Staff():
		return time.Minute
	}
	return m.between(4*time.Minute, 5*time.Minute)
}

func remove[T comparable](list []T, x T) []T {
	for i, y := range list {
		if y == x {
			return append(list[:i:i], list[i+1:]...)
		}
	}
	return list
}
