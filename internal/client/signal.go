package client

import (
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// Signals are not free: each costs a metered message, an invocation and a push. So they are told rarely, and
// only when somebody is there to see them.

// Typing says that the user types. It is told at once and then at most every Settings.Typing, and only when
// another participant is there. Call it at every key.
func (m *Machine) Typing(id chat.ConversationID) {
	v, now := m.byID[id], m.cfg.Now()
	if v == nil || !m.Ready() || !m.present(v, now) || now.Sub(v.typed) < m.cfg.Typing {
		return
	}
	v.typed = now
	r := &request{ref: m.ref(), kind: protocol.ActionTyping, socket: m.current.id, view: v, seq: v.untold()}
	m.request(r)
	m.write(m.current, encode(protocol.Typing{Action: r.kind, Ref: r.ref, Conversation: id, Read: r.seq}))
}

// MarkRead says that the user has read the public track up to seq. It rides on the next send, typing or ping,
// and goes alone only if none follows within Settings.Read and another participant is there.
func (m *Machine) MarkRead(id chat.ConversationID, seq uint64) {
	v := m.byID[id]
	if v == nil || seq <= v.reading || seq > v.Applied(chat.Public) {
		return
	}
	v.reading = seq
	if v.readDue.IsZero() {
		v.readDue = m.cfg.Now().Add(m.cfg.Read)
	}
}

// untold returns the read cursor that the server does not have yet, or 0.
func (v *View) untold() uint64 {
	if v.reading > v.told {
		return v.reading
	}
	return 0
}

func (m *Machine) sendReads(now time.Time) {
	for _, v := range m.views {
		if v.readDue.IsZero() || now.Before(v.readDue) {
			continue
		}
		v.readDue = time.Time{}
		if seq := v.untold(); seq > 0 && m.present(v, now) {
			r := &request{ref: m.ref(), kind: protocol.ActionRead, socket: m.current.id, view: v, seq: seq}
			m.request(r)
			m.write(m.current, encode(protocol.Read{Action: r.kind, Ref: r.ref, Conversation: v.Conversation, Seq: seq}))
		}
	}
}

// sendPing keeps the socket open, and asks what the client should know.
func (m *Machine) sendPing(now time.Time) {
	s := m.current
	if now.Before(s.ping) {
		return
	}
	s.ping = now.Add(m.pingPause())
	r := &request{ref: m.ref(), kind: protocol.ActionPing, socket: s.id, cursors: m.pingCursors()}
	m.request(r)
	m.write(s, encode(protocol.Ping{Action: r.kind, Ref: r.ref, Cursors: r.cursors}))
}

// pingCursors are the cursors of at most 25 views; who has more takes turns.
func (m *Machine) pingCursors() map[chat.ConversationID]protocol.Cursor {
	cursors := map[chat.ConversationID]protocol.Cursor{}
	n := len(m.views)
	for i := range n {
		v := m.views[(m.pings*chat.MaxSubscriptions+i)%n]
		if !v.Gone && len(cursors) < chat.MaxSubscriptions {
			cursors[v.Conversation] = v.cursor(m.role.Staff())
		}
	}
	m.pings++
	return cursors
}

// told notes the read cursors that an answered hello or ping carried.
func (m *Machine) told(r *request) {
	for id, c := range r.cursors {
		if v := m.byID[id]; v != nil {
			v.told = max(v.told, c.Read)
		}
	}
}

func (m *Machine) done(ref string) {
	if r := m.answered(ref); r != nil && r.view != nil {
		r.view.told = max(r.view.told, r.seq)
	}
}

func (m *Machine) typingSeen(p protocol.TypingPush) {
	v := m.byID[p.Conversation]
	if v == nil || p.User == m.user {
		return
	}
	m.heard(v, p.User)
	if v.typing == nil {
		v.typing = map[chat.UserID]time.Time{}
	}
	v.typing[p.User] = m.cfg.Now().Add(typingLife)
	m.tell(Notice{Kind: TypingSeen, Conversation: p.Conversation, User: p.User})
}

// typingLife is how long a typing signal stands, by this client's clock: clocks of two machines differ.
const typingLife = 15 * time.Second

func (m *Machine) readSeen(p protocol.ReadPush) {
	v := m.byID[p.Conversation]
	if v == nil {
		return
	}
	if m.heard(v, p.User); p.User == m.user { // in another tab
		v.has(p.Seq)
	}
	if v.read(p.User, p.Seq) {
		m.tell(Notice{Kind: ReadSeen, Conversation: p.Conversation, User: p.User, Seq: p.Seq})
	}
}

func (m *Machine) waitingSeen(p protocol.WaitingPush) {
	for _, w := range p.Added {
		m.waiting[w.Conversation] = w
	}
	for _, id := range p.Removed {
		delete(m.waiting, id)
	}
	m.tell(Notice{Kind: WaitingChanged})
}

func (m *Machine) setWaiting(list []protocol.WaitingEntry) {
	if !m.role.Staff() {
		return
	}
	clear(m.waiting)
	for _, w := range list {
		m.waiting[w.Conversation] = w
	}
	m.tell(Notice{Kind: WaitingChanged})
}

// mentioned takes what a colleague's note says to this user. Whoever follows the conversation must have the note, too.
func (m *Machine) mentioned(p protocol.MentionPush) {
	if v := m.byID[p.Conversation]; v != nil && !v.Gone && !v.stale {
		m.behind(v.track(p.Track), p.Seq)
	}
	m.tell(Notice{Kind: Mentioned, Conversation: p.Conversation, Track: p.Track, Seq: p.Seq, User: p.By})
}

// goneFrom takes the user's part in a conversation away. If it comes after the user got another part, the next pong says
// so.
func (m *Machine) goneFrom(p protocol.GonePush) {
	delete(m.strange, p.Conversation)
	if v := m.byID[p.Conversation]; v != nil {
		m.leave(v, p.By)
	}
}

// leave says that the user takes part no more. The view keeps what it has, and asks for nothing.
func (m *Machine) leave(v *View, by chat.UserID) {
	if v.Gone {
		return
	}
	v.Gone, v.stale, v.probe, v.readDue = true, false, false, time.Time{}
	m.tell(Notice{Kind: Left, Conversation: v.Conversation, User: by})
}

// stands takes how it stands from an answer, as a push tells it later.
func (m *Machine) stands(id chat.ConversationID, st *protocol.Standing) {
	if st != nil {
		m.positionSeen(protocol.PositionPush{
			Type: protocol.TypePosition, Conversation: id, Position: st.Position, Estimate: st.Estimate, Basis: st.Basis,
		})
	}
}

func (m *Machine) positionSeen(p protocol.PositionPush) {
	if v := m.byID[p.Conversation]; v != nil && v.Status.Waits() {
		v.Position = p
		m.tell(Notice{Kind: PositionSeen, Conversation: p.Conversation})
	}
}
