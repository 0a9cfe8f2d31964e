package client

import (
	"slices"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// faultActs adds the faults that the budgets still allow.
func (s *sim) faultActs(list []act) []act {
	b := &s.faults
	for _, r := range s.server.runs {
		list = may(list, &b.crashes, func() { s.crash(r) })
	}
	for _, id := range sortedKeys(s.conns) {
		if c := s.conns[id]; c.up {
			list = may(list, &b.drops, func() { s.drop(id) })
			list = may(list, &b.halfOpen, func() { s.freeze(id) })
		} else if c.open { // half open: the client may notice any time
			list = append(list, func() { s.reset(id) })
		}
	}
	for _, f := range s.server.net {
		if f.push {
			list = may(list, &b.lostPushes, func() { s.losePush(f) })
			list = may(list, &b.duplicates, func() { s.count("duplicate push"); s.receive(f) })
		} else {
			list = may(list, &b.lostAnswers, func() { s.count("lost answer"); s.lose(f) })
		}
	}
	for _, f := range s.inbound {
		list = may(list, &b.refusals, func() { s.refuse(f) })
	}
	for _, d := range s.dials {
		list = may(list, &b.dialFailures, func() { s.failDial(d) })
	}
	list = may(list, &b.gens, s.nextGen)
	for _, p := range s.parts {
		list = may(list, &b.restarts, func() { s.restart(p) })
	}
	return list
}

func may(list []act, budget *int, do act) []act {
	if *budget == 0 {
		return list
	}
	return append(list, func() { *budget--; do() })
}

// crash kills an invocation: the gateway answers with its own error frame, which names nothing.
func (s *sim) crash(r *simRun) {
	s.count("crash")
	s.log("%s of %d dies at %s", r.kind, r.conn, r.stage)
	s.server.end(r)
	s.server.emit(simFrame{conn: r.conn, frame: []byte(`{"message": "Internal server error", "connectionId":"x=", "requestId":"y="}`)})
}

// drop cuts a connection; the server keeps it as a listener until a push answers 410. What the client had
// sent may have reached the gateway or not.
func (s *sim) drop(id int) {
	s.count("drop")
	s.log("connection %d drops", id)
	s.cut(id)
	if s.pick(2) == 0 {
		s.inbound = slices.DeleteFunc(s.inbound, func(f inbound) bool { return f.conn == id })
	}
	s.reset(id)
}

// freeze cuts a connection without the client noticing.
func (s *sim) freeze(id int) {
	s.count("half open")
	s.cut(id)
	s.inbound = slices.DeleteFunc(s.inbound, func(f inbound) bool { return f.conn == id })
}

func (s *sim) losePush(f simFrame) {
	s.count("lost push")
	for seq := uint64(1); seq <= f.seq; seq++ {
		s.server.lost[pushKey(f.conn, f.track, seq)] = true
	}
	s.lose(f)
}

func (s *sim) lose(f simFrame) {
	for i, x := range s.server.net {
		if x.conn == f.conn && string(x.frame) == string(f.frame) {
			s.server.net = slices.Delete(s.server.net, i, i+1)
			return
		}
	}
}

// refuse answers a frame with a passing error.
func (s *sim) refuse(f inbound) {
	s.count("refusal")
	s.inbound = s.without(f)
	var ref struct{ Ref string }
	mustDecode(f.frame, &ref)
	codes := []chat.Code{chat.CodeTooFast, chat.CodeUnavailable, chat.CodeInternal, chat.CodeHelloFirst}
	code := codes[s.pick(len(codes))]
	s.server.emit(simFrame{conn: f.conn, frame: encode(protocol.Error{Type: protocol.TypeError, Ref: ref.Ref, Code: code, Retryable: code.Retryable(), RetryAfter: 700})})
}

func (s *sim) failDial(d dialing) {
	s.count("failed dial")
	s.dials = slices.DeleteFunc(s.dials, func(x dialing) bool { return x == d })
	p := s.parts[d.who]
	p.machine.Closed(d.socket)
	s.flush(p)
}

// nextGen raises the generation, as an erasure does.
func (s *sim) nextGen() {
	s.count("generation")
	s.server.gen++
	s.log("generation %d", s.server.gen)
}

// restart kills a client's process: only what it saved is left.
func (s *sim) restart(p *part) {
	s.count("restart")
	who := slices.Index(s.parts, p)
	s.log("%s restarts with %d entries", p.user, len(p.store))
	for _, id := range sortedKeys(s.conns) {
		if c := s.conns[id]; c.who == who {
			s.cut(id)
			delete(s.conns, id)
		}
	}
	s.dials = slices.DeleteFunc(s.dials, func(d dialing) bool { return d.who == who })
	s.boot(p, uint64(s.pick(1<<20)))
}
