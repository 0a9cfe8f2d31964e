package client

import (
	"encoding/json"
	"fmt"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// simServer is the server half of design/model/protocol_model.py with two tracks, real frames and several
// messages per frame: each running invocation is a small state machine that the schedule steps, and that can
// die between any two steps.
type simServer struct {
	sim       *sim
	bug       string // of the model: ack-first, no-dedupe, no-repush, read-then-listen
	gen       uint32
	log       map[chat.Track][]protocol.Event
	listeners map[int]int // connection → participant
	runs      []*simRun
	net       []simFrame // frames on their way to clients
	lost      map[string]bool
}

type simFrame struct {
	conn  int
	frame []byte
	push  bool
	track chat.Track
	seq   uint64 // highest seq that it tells: of a push, a welcome
}

type simRun struct {
	conn  int
	who   int
	kind  string
	stage string
	frame []byte
	send  protocol.Send
	ref   string

	found   map[chat.EventID]bool // acknowledged as duplicates
	seqs    map[chat.EventID]uint64
	after   uint64
	push    []simFrame
	welcome []byte
	acked   bool
}

func (s *simServer) head(t chat.Track) uint64 { return uint64(len(s.log[t])) }

// begin starts an invocation for a frame that a client sent.
func (s *simServer) begin(conn, who int, frame []byte) {
	var kind struct{ Action, Ref string }
	if err := json.Unmarshal(frame, &kind); err != nil {
		s.sim.violate("a client sent %q: %v", frame, err)
	}
	if len(frame) > chat.MaxFrame {
		s.sim.violate("a client sent a frame of %d bytes", len(frame))
	}
	r := &simRun{conn: conn, who: who, kind: kind.Action, ref: kind.Ref, frame: frame, stage: "start"}
	if r.kind == protocol.ActionSend {
		mustDecode(frame, &r.send)
		r.after = r.send.After
		r.found, r.seqs = map[chat.EventID]bool{}, map[chat.EventID]uint64{}
	}
	s.runs = append(s.runs, r)
}

// step runs one step of an invocation.
func (s *simServer) step(r *simRun) {
	switch r.kind {
	case protocol.ActionHello:
		s.stepHello(r)
	case protocol.ActionSend:
		s.stepSend(r)
	case protocol.ActionPage:
		s.page(r)
	case protocol.ActionPing:
		s.pong(r)
	default:
		s.answer(r, protocol.Done{Type: protocol.TypeDone, Ref: r.ref})
	}
}

func (s *simServer) end(r *simRun) { s.runs = remove(s.runs, r) }

func (s *simServer) answer(r *simRun, v any) {
	s.emit(simFrame{conn: r.conn, frame: encode(v)})
	s.end(r)
}

func (s *simServer) emit(f simFrame) {
	if s.sim.alive(f.conn) {
		s.net = append(s.net, f)
	}
}

// stepHello registers the listener and reads in one step; the bug read-then-listen makes it two.
func (s *simServer) stepHello(r *simRun) {
	var hello protocol.Hello
	mustDecode(r.frame, &hello)
	switch {
	case r.stage == "listen":
		s.listeners[r.conn] = r.who
		s.emit(simFrame{conn: r.conn, frame: r.welcome})
		s.end(r)
	case s.bug == "read-then-listen":
		r.welcome, r.stage = s.welcome(r, hello), "listen"
	default:
		s.listeners[r.conn] = r.who
		s.emit(simFrame{conn: r.conn, frame: s.welcome(r, hello), seq: s.head(chat.Public)})
		s.end(r)
	}
}

func (s *simServer) welcome(r *simRun, hello protocol.Hello) []byte {
	p := s.sim.parts[r.who]
	c := hello.Cursors[simConversation]
	if c.Gen != s.gen {
		c = protocol.Cursor{}
	}
	snap := protocol.Snapshot{Conversation: simConversation, Gen: s.gen, Status: chat.StatusActive, Public: s.rest(chat.Public, c.Public)}
	if p.role.Staff() {
		desk := s.rest(chat.Desk, c.Desk)
		snap.Desk = &desk
	}
	for _, o := range s.sim.parts {
		snap.Participants = append(snap.Participants, protocol.Participant{User: o.user, Role: o.role})
	}
	return encode(protocol.Welcome{Type: protocol.TypeWelcome, Ref: r.ref, Version: protocol.Version, User: p.user, Role: p.role,
		Conversations: []protocol.Snapshot{snap}})
}

// rest is what follows a cursor: complete, or the newest page when the schedule says that it did not fit.
func (s *simServer) rest(t chat.Track, after uint64) protocol.TrackView {
	log := s.log[t]
	v := protocol.TrackView{Head: s.head(t), Events: log[min(after, s.head(t)):]}
	if len(v.Events) > 2 && s.sim.pick(4) == 0 {
		s.sim.count("limited")
		v.Limited, v.Events = true, v.Events[len(v.Events)-2:]
	}
	return v
}

func (s *simServer) page(r *simRun) {
	var p protocol.Page
	mustDecode(r.frame, &p)
	if p.After == nil {
		events := s.log[p.Track]
		s.answer(r, protocol.PageReply{Type: protocol.TypePage, Ref: r.ref, Conversation: simConversation, Track: p.Track, Gen: s.gen,
			Head: s.head(p.Track), Events: events[max(0, len(events)-2):]})
		return
	}
	events := s.log[p.Track][min(*p.After, s.head(p.Track)):]
	more := len(events) > 3
	if more {
		events = events[:3]
	}
	s.answer(r, protocol.PageReply{Type: protocol.TypePage, Ref: r.ref, Conversation: simConversation, Track: p.Track, Gen: s.gen,
		Head: s.head(p.Track), Events: events, More: more})
}

func (s *simServer) pong(r *simRun) {
	h := protocol.TrackHeads{Gen: s.gen, Public: s.head(chat.Public)}
	if s.sim.parts[r.who].role.Staff() {
		h.Desk = s.head(chat.Desk)
	}
	s.answer(r, protocol.Pong{Type: protocol.TypePong, Ref: r.ref, Heads: map[chat.ConversationID]protocol.TrackHeads{simConversation: h}})
}

// stepSend is compare-and-append, the pushes one by one, and the ack last.
func (s *simServer) stepSend(r *simRun) {
	switch r.stage {
	case "start":
		s.compareAndAppend(r)
	case "push":
		if len(r.push) > 0 {
			s.pushOne(r)
			return
		}
		if !r.acked {
			s.ack(r)
		}
		s.end(r)
	}
}

func (s *simServer) compareAndAppend(r *simRun) {
	t := r.send.Track
	head := s.head(t)
	switch {
	case r.after > head:
		s.sim.violate("%s sends after %d, but %s ends at %d", s.sim.parts[r.who].user, r.after, t, head)
	case r.after == head:
		s.append(r)
		s.toPush(r)
	default:
		for _, e := range s.log[t][r.after:] {
			if s.bug != "no-dedupe" && s.mine(r, e) {
				r.found[e.ID], r.seqs[e.ID] = true, e.Seq
			}
		}
		r.after = head
		if len(r.found) == len(r.send.Messages) {
			s.sim.count("duplicate")
			if s.bug == "no-repush" {
				s.ack(r)
				s.end(r)
				return
			}
			s.toPush(r)
		}
	}
}

func (s *simServer) mine(r *simRun, e protocol.Event) bool {
	for _, m := range r.send.Messages {
		if m.ID == e.ID && e.Sender == s.sim.parts[r.who].user {
			return true
		}
	}
	return false
}

func (s *simServer) append(r *simRun) {
	p, t := s.sim.parts[r.who], r.send.Track
	for _, m := range r.send.Messages {
		if r.found[m.ID] {
			s.sim.count("grown retry")
			continue
		}
		e := protocol.Event{Seq: s.head(t) + 1, ID: m.ID, Type: chat.EventMessage, At: s.sim.now.UnixMilli(), Sender: p.user, Role: p.role, Text: m.Text}
		if t == chat.Desk {
			e.Type, e.Follows = chat.EventNote, s.head(chat.Public)
		}
		for _, o := range s.log[t] {
			if o.ID == e.ID {
				s.sim.violate("P2: %s is in the log at %d and %d", e.ID, o.Seq, e.Seq)
			}
		}
		s.log[t] = append(s.log[t], e)
		r.seqs[m.ID] = e.Seq
	}
}

// toPush lists the pushes: to the listeners of this very moment, of everything that the frame is about.
func (s *simServer) toPush(r *simRun) {
	r.stage = "push"
	var events []protocol.Event
	var last uint64
	for _, e := range s.log[r.send.Track] {
		if s.mine(r, e) {
			events, last = append(events, e), e.Seq
		}
	}
	frame := encode(protocol.Events{Type: protocol.TypeEvents, Conversation: simConversation, Track: r.send.Track, Gen: s.gen, Events: events})
	for _, conn := range sortedKeys(s.listeners) {
		if conn != r.conn && (r.send.Track == chat.Public || s.sim.parts[s.listeners[conn]].role.Staff()) {
			r.push = append(r.push, simFrame{conn: conn, frame: frame, push: true, track: r.send.Track, seq: last})
		}
	}
	if s.bug == "ack-first" {
		s.ack(r)
	}
}

func (s *simServer) pushOne(r *simRun) {
	f := r.push[0]
	r.push = r.push[1:]
	if !s.sim.alive(f.conn) {
		delete(s.listeners, f.conn) // 410
		s.sim.count("410")
		return
	}
	s.net = append(s.net, f)
}

func (s *simServer) ack(r *simRun) {
	r.acked = true
	t := r.send.Track
	a := protocol.Ack{Type: protocol.TypeAck, Ref: r.ref, Conversation: simConversation, Track: t, Gen: s.gen, Head: s.head(t)}
	for _, m := range r.send.Messages {
		seq := r.seqs[m.ID]
		a.Acks = append(a.Acks, protocol.Acked{ID: m.ID, Seq: seq, At: s.log[t][seq-1].At, Duplicate: r.found[m.ID]})
		s.owed(r, seq)
	}
	switch s.sim.pick(3) { // 0: they did not fit
	case 1:
		a.Events = s.log[t][r.send.After:]
	case 2: // without the acknowledged ones
		for _, e := range s.log[t][r.send.After:] {
			if !s.mine(r, e) {
				a.Events = append(a.Events, e)
			}
		}
	}
	s.emit(simFrame{conn: r.conn, frame: encode(a)})
}

// owed checks P5 at the moment of the ack: every live listener has the event, or will hear of it.
func (s *simServer) owed(r *simRun, seq uint64) {
	t := r.send.Track
	for conn, who := range s.listeners {
		p := s.sim.parts[who]
		if conn == r.conn || !s.sim.alive(conn) || t == chat.Desk && !p.role.Staff() || s.lost[pushKey(conn, t, seq)] || s.sim.knows(p, t, seq) {
			continue
		}
		if !s.underWay(conn, t, seq) && !s.greetsAgain(conn) {
			s.sim.violate("P5: %s %d acknowledged, but %s on %d will not hear of it", t, seq, p.user, conn)
		}
	}
}

func (s *simServer) underWay(conn int, t chat.Track, seq uint64) bool {
	for _, f := range s.net {
		if f.conn == conn && (f.push && f.track == t && f.seq >= seq || !f.push && tells(f.frame, t, seq)) {
			return true
		}
	}
	return false
}

// greetsAgain says whether the client is still without a welcome on this connection and none is under way (it
// got lost): then it says hello again, and reads everything.
func (s *simServer) greetsAgain(conn int) bool {
	for _, f := range s.net {
		if f.conn == conn && isType(f.frame, protocol.TypeWelcome) {
			return false
		}
	}
	c := s.sim.conns[conn]
	k := s.sim.parts[c.who].machine.socket(c.socket)
	return k == nil || !k.ready
}

// tells says whether an answer holds an event, or makes the client ask for it.
func tells(frame []byte, t chat.Track, seq uint64) bool {
	var w protocol.Welcome
	if json.Unmarshal(frame, &w) != nil || w.Type != protocol.TypeWelcome {
		return false
	}
	for _, c := range w.Conversations {
		if t == chat.Public && c.Public.Head >= seq || t == chat.Desk && c.Desk != nil && c.Desk.Head >= seq {
			return true
		}
	}
	return false
}

func pushKey(conn int, t chat.Track, seq uint64) string { return fmt.Sprint(conn, t, seq) }

func mustDecode(frame []byte, v any) {
	if err := json.Unmarshal(frame, v); err != nil {
		panic(err)
	}
}
