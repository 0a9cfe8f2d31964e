package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

const simConversation chat.ConversationID = "c_00000000000000000000000001"

// faults are the budgets of a run.
type faults struct {
	crashes, drops, halfOpen, lostAnswers, lostPushes, duplicates, refusals, dialFailures, gens, restarts int
}

// plan is what a run does.
type plan struct {
	roles    []chat.Role
	messages int // per participant
	faults   faults
	steps    int // of the schedule, before faults end
	mutant   mutant
	bug      string
	// pings: convergence may need one. Without, everything must be repaired by resending alone, as in the model.
	pings bool
	// silent does not ask that every entry was acknowledged.
	silent bool
}

// part is one participant: a machine and what it was asked to do.
type part struct {
	user    chat.UserID
	role    chat.Role
	machine *Machine
	store   []Entry
	texts   int
	queued  map[chat.Track][]chat.EventID
	acked   map[chat.EventID]bool
	checked map[chat.Track]int // events compared with the log
	lives   uint64
}

// conn is one connection, as the network sees it.
type conn struct {
	who, socket int
	up          bool // the gateway has it
	open        bool // the client was told so
}

// sim runs machines against simServer under a schedule that pick decides.
type sim struct {
	plan
	pick    func(n int) int
	now     time.Time
	parts   []*part
	server  *simServer
	conns   map[int]*conn
	serial  int
	dials   []dialing
	inbound []inbound
	counts  map[string]int
	trace   []string
	verbose bool
	ids     uint64
}

type dialing struct{ who, socket int }

type inbound struct {
	conn  int
	frame []byte
}

// violation ends a run.
type violation struct{ text string }

func (s *sim) violate(format string, args ...any) {
	panic(violation{fmt.Sprintf(format, args...)})
}

func (s *sim) count(what string) { s.counts[what]++ }

func (s *sim) log(format string, args ...any) {
	if s.verbose {
		s.trace = append(s.trace, fmt.Sprintf(format, args...))
	}
}

func newSim(p plan, seed uint64, pick func(int) int) *sim {
	s := &sim{plan: p, pick: pick, now: time.Unix(1_800_000_000, 0), conns: map[int]*conn{}, counts: map[string]int{}}
	s.server = &simServer{sim: s, bug: p.bug, gen: 1, log: map[chat.Track][]protocol.Event{}, listeners: map[int]int{}, lost: map[string]bool{}}
	for i, role := range p.roles {
		x := &part{user: chat.UserID(fmt.Sprintf("u_%026d", i+1)), role: role, queued: map[chat.Track][]chat.EventID{}, acked: map[chat.EventID]bool{}}
		s.parts = append(s.parts, x)
		s.boot(x, seed)
	}
	return s
}

// boot makes the participant's machine from its saved outbox, as a new process would.
func (s *sim) boot(p *part, seed uint64) {
	cfg := Config{Now: func() time.Time { return s.now }, NewID: s.newID, Saved: p.store,
		Rand: rand.New(rand.NewPCG(seed, p.lives<<8|uint64(len(p.user))+uint64(len(s.parts))))}
	p.lives++
	if !s.pings {
		cfg.Ping, cfg.RotateFrom, cfg.RotateTo = 1000*time.Hour, 1000*time.Hour, 1000*time.Hour
	}
	p.machine = NewMachine(cfg)
	p.machine.mutant = s.mutant
	for _, l := range p.machine.lanes {
		l.mutant = s.mutant
	}
	p.checked = map[chat.Track]int{}
	p.machine.Connect()
	s.flush(p)
}

func (s *sim) newID(prefix string) string {
	s.ids++
	return fmt.Sprintf("%s%026d", prefix, s.ids)
}

func (s *sim) alive(c int) bool { return s.conns[c] != nil && s.conns[c].up }

// flush carries out what a machine wants, and checks its view.
func (s *sim) flush(p *part) {
	who := slices.Index(s.parts, p)
	for _, a := range p.machine.Actions() {
		switch a.Kind {
		case Dial:
			s.dials = append(s.dials, dialing{who, a.Socket})
		case Write:
			s.written(who, a)
		case Hangup:
			s.hangup(who, a.Socket)
		case Save:
			p.store = a.Entries
		case Tell:
			s.told(p, a.Notice)
		}
	}
	s.checkView(p)
}

func (s *sim) find(who, socket int) int {
	for id, c := range s.conns {
		if c.who == who && c.socket == socket {
			return id
		}
	}
	return 0
}

func (s *sim) written(who int, a Action) {
	id := s.find(who, a.Socket)
	s.log("%d writes on %d: %s", who, id, a.Frame)
	if s.alive(id) {
		s.inbound = append(s.inbound, inbound{id, a.Frame})
	}
}

func (s *sim) hangup(who, socket int) {
	s.dials = slices.DeleteFunc(s.dials, func(d dialing) bool { return d == dialing{who, socket} })
	if id := s.find(who, socket); id != 0 {
		s.cut(id)
	}
}

// cut ends a connection on the server's side: what is on its way to the client is lost.
func (s *sim) cut(id int) {
	s.conns[id].up = false
	s.server.net = slices.DeleteFunc(s.server.net, func(f simFrame) bool { return f.conn == id })
}

// told checks P1 when a client hears an acknowledgement.
func (s *sim) told(p *part, n Notice) {
	s.log("%s: %s %s %s seq %d", p.user, n.Kind, n.Track, n.ID, n.Seq)
	s.count(string(n.Kind))
	switch n.Kind {
	case Acked:
		p.acked[n.ID] = true
		if log := s.server.log[n.Track]; n.Seq == 0 || int(n.Seq) > len(log) || log[n.Seq-1].ID != n.ID {
			s.violate("P1: %s acknowledged at %d, where the log has something else", n.ID, n.Seq)
		}
	case Refused, Stopped:
		s.violate("%s: %s %s %s", p.user, n.Kind, n.Code, n.Message)
	default:
	}
}

// checkView checks that a view is a run of the log's events, without a hole, twice or out of order.
func (s *sim) checkView(p *part) {
	v := p.machine.View(simConversation)
	if v == nil || v.Gen != s.server.gen {
		return
	}
	for _, t := range chat.Tracks() {
		events, base := v.Events(t), v.Base(t)
		for i, e := range events {
			if seq := base + uint64(i) + 1; e.Seq != seq || !reflect.DeepEqual(e, s.server.log[t][seq-1]) {
				s.violate("P3: %s shows %+v at %s %d", p.user, e, t, seq)
			}
		}
	}
}

// knows says whether a participant has an event, or holds it back.
func (s *sim) knows(p *part, t chat.Track, seq uint64) bool {
	v := p.machine.View(simConversation)
	for _, k := range p.machine.strange[simConversation] {
		for _, e := range k.Events {
			if k.Track == t && e.Seq >= seq {
				return true
			}
		}
	}
	return v != nil && (v.stale || v.Gen != s.server.gen || v.Head(t) >= seq)
}

// act is one possible next step.
type act func()

// acts lists what can happen now. It is in a fixed order, so that a seed means one run.
func (s *sim) acts(faulty bool) []act {
	var list []act
	for _, d := range s.dials {
		list = append(list, func() { s.open(d) })
	}
	for _, f := range s.inbound {
		list = append(list, func() { s.arrive(f) })
	}
	for _, r := range s.server.runs {
		list = append(list, func() { s.log("step %s of %d (%s)", r.kind, r.conn, r.stage); s.server.step(r) })
	}
	for _, f := range s.server.net {
		list = append(list, func() { s.deliver(f) })
	}
	if faulty {
		list = append(s.commands(list), s.tick)
	}
	return list
}

func (s *sim) commands(list []act) []act {
	for _, p := range s.parts {
		if p.texts < s.messages {
			list = append(list, func() { s.command(p) })
		}
	}
	return list
}

func (s *sim) command(p *part) {
	t := chat.Public
	if p.role.Staff() && s.pick(3) == 0 {
		t = chat.Desk
	}
	p.texts++
	ids, err := p.machine.Send(simConversation, t, fmt.Sprintf("%s says %d", p.user, p.texts))
	if err != nil {
		s.violate("send: %v", err)
	}
	s.log("%s queues %s", p.user, ids[0])
	p.queued[t] = append(p.queued[t], ids...)
	if v := p.machine.View(simConversation); v != nil {
		p.machine.MarkRead(simConversation, v.Applied(chat.Public))
		p.machine.Typing(simConversation)
	}
	s.flush(p)
}

func (s *sim) open(d dialing) {
	s.dials = slices.DeleteFunc(s.dials, func(x dialing) bool { return x == d })
	s.serial++
	s.conns[s.serial] = &conn{who: d.who, socket: d.socket, up: true, open: true}
	s.log("%d opens connection %d", d.who, s.serial)
	p := s.parts[d.who]
	p.machine.Opened(d.socket)
	s.flush(p)
}

func (s *sim) arrive(f inbound) {
	s.inbound = s.without(f)
	s.log("%d arrives: %s", f.conn, f.frame)
	if c := s.conns[f.conn]; c != nil {
		s.server.begin(f.conn, c.who, f.frame)
	}
}

func (s *sim) without(f inbound) []inbound {
	return slices.DeleteFunc(s.inbound, func(x inbound) bool { return x.conn == f.conn && bytes.Equal(x.frame, f.frame) })
}

func (s *sim) deliver(f simFrame) {
	for i, x := range s.server.net {
		if x.conn == f.conn && bytes.Equal(x.frame, f.frame) {
			s.server.net = slices.Delete(s.server.net, i, i+1)
			break
		}
	}
	s.receive(f)
}

func (s *sim) receive(f simFrame) {
	c := s.conns[f.conn]
	if !c.open {
		return
	}
	s.log("%d receives on %d: %s", c.who, f.conn, f.frame)
	p := s.parts[c.who]
	p.machine.Received(c.socket, f.frame)
	s.flush(p)
}

// tick lets time pass until the next thing is due, or a little.
func (s *sim) tick() {
	next := s.deadline()
	if next.IsZero() || !next.After(s.now) || !s.pings && next.Sub(s.now) > time.Hour {
		next = s.now.Add(time.Millisecond)
	}
	s.now = next
	s.log("time passes: %s", s.now.Format("15:04:05.000"))
	for _, p := range s.parts {
		p.machine.Tick()
		s.flush(p)
	}
}

func (s *sim) deadline() time.Time {
	var d earliest
	for _, p := range s.parts {
		d.at(p.machine.Deadline())
	}
	return d.time
}

func sortedKeys[V any](m map[int]V) []int {
	keys := make([]int, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// run plays the schedule, lets everything settle without faults, and checks.
func (s *sim) run() (err error) {
	defer func() {
		switch v := recover().(type) {
		case nil:
		case violation:
			err = fmt.Errorf("%s", v.text)
		default:
			panic(v)
		}
	}()
	for range s.steps {
		list := s.acts(true)
		if broken := s.faultActs(nil); len(broken) > 0 && s.pick(10) == 0 {
			list = broken
		}
		list[s.pick(len(list))]()
	}
	s.settle()
	s.checkEnd()
	return nil
}

// settle ends the faults and lets everything under way finish. Machines have three minutes to repair what is
// broken, or a quarter of an hour when pings may be needed.
func (s *sim) settle() {
	for _, p := range s.parts {
		for p.texts < s.messages {
			s.command(p)
		}
	}
	for _, id := range sortedKeys(s.conns) {
		if c := s.conns[id]; !c.up && c.open {
			s.reset(id)
		}
	}
	end := s.now.Add(3 * time.Minute)
	if s.pings {
		end = s.now.Add(15 * time.Minute)
	}
	for range 200_000 {
		if list := s.acts(false); len(list) > 0 {
			list[s.pick(len(list))]()
			continue
		}
		d := s.deadline()
		if d.IsZero() || d.After(end) {
			return
		}
		s.tick()
	}
	s.violate("does not come to rest")
}

// reset tells a client that its connection is gone.
func (s *sim) reset(id int) {
	c := s.conns[id]
	c.open = false
	p := s.parts[c.who]
	p.machine.Closed(c.socket)
	s.flush(p)
}

// checkEnd checks what must hold when nothing is left to happen.
func (s *sim) checkEnd() {
	for _, p := range s.parts {
		if n := p.machine.Pending(); n > 0 {
			s.violate("%s has %d entries left", p.user, n)
		}
		v := p.machine.View(simConversation)
		for _, t := range chat.Tracks() {
			s.checkOrder(p, t)
			if t == chat.Desk && !p.role.Staff() {
				continue
			}
			if v == nil || v.Gen != s.server.gen || v.Applied(t) != s.server.head(t) {
				s.violate("P4: %s does not show all %d of %s: %+v", p.user, s.server.head(t), t, v)
			}
		}
	}
}

// checkOrder checks that what a participant queued is in the log, once and in its order.
func (s *sim) checkOrder(p *part, t chat.Track) {
	var stored []chat.EventID
	for _, e := range s.server.log[t] {
		if e.Sender == p.user {
			stored = append(stored, e.ID)
		}
	}
	if !slices.Equal(stored, p.queued[t]) {
		s.violate("P3: %s queued %v, the log has %v", p.user, p.queued[t], stored)
	}
	for _, id := range p.queued[t] {
		if !p.acked[id] && !s.silent {
			s.violate("P1: %s never heard of %s", p.user, id)
		}
	}
}

func isType(frame []byte, kind string) bool {
	var k struct{ Type string }
	return json.Unmarshal(frame, &k) == nil && k.Type == kind
}
