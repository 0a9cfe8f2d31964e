package client

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// stage drives one machine by hand. It answers pings with heads, unless mute.
type stage struct {
	t       *testing.T
	m       *Machine
	now     time.Time
	sent    []sentFrame
	dials   []int
	renewed map[int]bool // sockets of a session that was to be renewed first
	hung    []int
	notices []Notice
	saved   []Entry
	ids     int
	pings   []sentFrame
	heads   map[chat.ConversationID]protocol.TrackHeads
	mute    bool
}

type sentFrame struct {
	Socket   int                                     `json:"-"`
	Raw      string                                  `json:"-"`
	Action   string                                  `json:"action"`
	Ref      string                                  `json:"ref"`
	After    uint64                                  `json:"after"`
	Seq      uint64                                  `json:"seq"`
	Read     uint64                                  `json:"read"`
	Messages []protocol.NewMessage                   `json:"messages"`
	Cursors  map[chat.ConversationID]protocol.Cursor `json:"cursors"`
	More     string                                  `json:"more"`
	ID       chat.EventID                            `json:"id"`
}

const (
	me    chat.UserID         = "u_me"
	other chat.UserID         = "u_other"
	conv  chat.ConversationID = "c_1"
)

func newStage(t *testing.T, saved ...Entry) *stage {
	t.Helper()
	s := &stage{t: t, now: time.Unix(1_800_000_000, 0), renewed: map[int]bool{}}
	s.m = NewMachine(Config{Now: func() time.Time { return s.now }, Rand: rand.New(rand.NewPCG(1, 2)), Saved: saved,
		NewID: func(prefix string) string { s.ids++; return fmt.Sprintf("%s%d", prefix, s.ids) }})
	return s
}

// welcomed is a stage whose machine is connected, with a conversation of two events.
func welcomed(t *testing.T, role chat.Role) *stage {
	t.Helper()
	s := newStage(t)
	s.connect(role, snapshot(1, message(1, "a"), message(2, "b")))
	return s
}

func snapshot(gen uint32, events ...protocol.Event) protocol.Snapshot {
	return protocol.Snapshot{Conversation: conv, Gen: gen, Status: chat.StatusActive,
		Participants: []protocol.Participant{{User: me}, {User: other}},
		Public:       protocol.TrackView{Head: uint64(len(events)), Events: events}, Desk: &protocol.TrackView{}}
}

func (s *stage) connect(role chat.Role, snaps ...protocol.Snapshot) {
	s.t.Helper()
	s.m.Connect()
	s.run()
	s.open(s.dials[len(s.dials)-1])
	s.welcome(role, snaps...)
}

func (s *stage) open(id int) { s.m.Opened(id); s.run() }

func (s *stage) welcome(role chat.Role, snaps ...protocol.Snapshot) {
	s.t.Helper()
	hello := s.take(protocol.ActionHello)
	s.receive(hello.Socket, protocol.Welcome{Type: protocol.TypeWelcome, Ref: hello.Ref, User: me, Role: role, Conversations: snaps})
}

func (s *stage) receive(socket int, frame any) {
	s.m.Received(socket, encode(frame))
	s.run()
}

func (s *stage) run() {
	for _, a := range s.m.Actions() {
		switch a.Kind {
		case Dial:
			s.dials = append(s.dials, a.Socket)
			s.renewed[a.Socket] = a.Renew
		case Write:
			f := sentFrame{Socket: a.Socket, Raw: string(a.Frame)}
			if err := json.Unmarshal(a.Frame, &f); err != nil {
				s.t.Fatal(err)
			}
			if f.Action == protocol.ActionPing {
				s.pings = append(s.pings, f)
				s.pong(f)
				continue
			}
			s.sent = append(s.sent, f)
		case Hangup:
			s.hung = append(s.hung, a.Socket)
		case Save:
			s.saved = a.Entries
		case Tell:
			s.notices = append(s.notices, a.Notice)
		}
	}
}

func (s *stage) pong(f sentFrame) {
	if !s.mute {
		s.receive(f.Socket, protocol.Pong{Type: protocol.TypePong, Ref: f.Ref, Heads: s.heads})
	}
}

// take returns the oldest frame sent, which must be of the action.
func (s *stage) take(action string) sentFrame {
	s.t.Helper()
	if len(s.sent) == 0 || s.sent[0].Action != action {
		s.t.Fatalf("want a %s, have %+v", action, s.sent)
	}
	f := s.sent[0]
	s.sent = s.sent[1:]
	return f
}

func (s *stage) quiet() {
	s.t.Helper()
	if len(s.sent) > 0 {
		s.t.Fatalf("unexpected frames: %+v", s.sent)
	}
}

// pass lets time pass, tick by tick as a runner would.
func (s *stage) pass(d time.Duration) {
	s.t.Helper()
	end := s.now.Add(d)
	for range 10_000 {
		next := s.m.Deadline()
		if next.IsZero() || next.After(end) {
			s.now = end
			s.m.Tick()
			s.run()
			return
		}
		if next.After(s.now) {
			s.now = next
		}
		s.m.Tick()
		s.run()
	}
	s.t.Fatalf("ticks without end: deadline %v, now %v", s.m.Deadline(), s.now)
}

func (s *stage) send(text string) chat.EventID {
	s.t.Helper()
	ids, err := s.m.Send(conv, chat.Public, text)
	if err != nil {
		s.t.Fatal(err)
	}
	s.run()
	return ids[0]
}

func (s *stage) ack(f sentFrame, seq uint64) {
	a := protocol.Ack{Type: protocol.TypeAck, Ref: f.Ref, Conversation: conv, Track: chat.Public, Gen: 1, Head: seq + uint64(len(f.Messages)) - 1}
	for i, m := range f.Messages {
		a.Acks = append(a.Acks, protocol.Acked{ID: m.ID, Seq: seq + uint64(i)})
	}
	s.receive(f.Socket, a)
}

func (s *stage) push(events ...protocol.Event) {
	s.receive(s.m.current.id, protocol.Events{Type: protocol.TypeEvents, Conversation: conv, Track: chat.Public, Gen: 1, Events: events})
}

func (s *stage) refuse(f sentFrame, code chat.Code, after time.Duration) {
	s.receive(f.Socket, protocol.Error{Type: protocol.TypeError, Ref: f.Ref, Code: code, Message: "no", Retryable: code.Retryable(), RetryAfter: after.Milliseconds()})
}

func (s *stage) told(kind NoticeKind) (n Notice, ok bool) {
	for _, n := range s.notices {
		if n.Kind == kind {
			return n, true
		}
	}
	return n, false
}

func fromOther(seq uint64, text string) protocol.Event {
	e := message(seq, text)
	e.Sender = other
	return e
}

func TestSendIsAcknowledgedAndShown(t *testing.T) {
	t.Parallel()
	s := welcomed(t, chat.RoleCustomer)
	id := s.send("c")
	f := s.take(protocol.ActionSend)
	if f.After != 2 || f.Messages[0].ID != id {
		t.Fatalf("%s", f.Raw)
	}
	if len(s.saved) != 1 || !s.saved[0].Tried || s.saved[0].After != 2 {
		t.Fatalf("sent before it was saved: %+v", s.saved)
	}
	s.ack(f, 3)
	if d := cmp.Diff([]string{"a", "b", "c"}, texts(s.m.View(conv))); d != "" || len(s.saved) != 0 {
		t.Errorf("saved %v %s", s.saved, d)
	}
	if n, ok := s.told(Acked); !ok || n.Seq != 3 {
		t.Errorf("notices: %+v", s.notices)
	}
}

func TestOneFrameInFlightAndTheRestTogether(t *testing.T) {
	t.Parallel()
	s := welcomed(t, chat.RoleCustomer)
	s.send("c")
	s.send("d")
	s.send("e")
	f := s.take(protocol.ActionSend)
	s.quiet()
	s.ack(f, 3)
	f = s.take(protocol.ActionSend)
	if len(f.Messages) != 2 || f.After != 3 {
		t.Fatalf("%s", f.Raw)
	}
}

func TestSeeingIsNotAnAck(t *testing.T) {
	t.Parallel()
	s := welcomed(t, chat.RoleCustomer)
	id := s.send("c")
	first := s.take(protocol.ActionSend)
	s.push(protocol.Event{Seq: 3, ID: id, Type: chat.EventMessage, Sender: me, Text: "c"})
	if out := s.m.Outbox(); len(out) != 1 || !out[0].Shown {
		t.Fatalf("outbox %+v", out)
	}
	s.pass(25 * time.Second)
	retry := s.take(protocol.ActionSend)
	if retry.After != first.After || retry.Ref == first.Ref {
		t.Fatalf("retry %s of %s", retry.Raw, first.Raw)
	}
	s.ack(retry, 3)
	if s.m.Pending() != 0 || s.m.View(conv).Applied(chat.Public) != 3 {
		t.Error("the ack of a message already shown did not end it")
	}
}

func TestGatewayErrorMeansUnknownForAllOfTheSocket(t *testing.T) {
	t.Parallel()
	s := welcomed(t, chat.RoleOperator)
	s.send("c")
	if _, err := s.m.Send(conv, chat.Desk, "note"); err != nil {
		t.Fatal(err)
	}
	s.run()
	first, note := s.take(protocol.ActionSend), s.take(protocol.ActionSend)
	s.receive(1, map[string]string{"message": "Internal server error", "connectionId": "x", "requestId": "y"})
	s.pass(time.Second)
	again := map[string]uint64{}
	for range 2 {
		f := s.take(protocol.ActionSend)
		again[f.Messages[0].Text] = f.After
	}
	if d := cmp.Diff(map[string]uint64{"c": first.After, "note": note.After}, again); d != "" {
		t.Error(d)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	t.Run("retryable waits as told", func(t *testing.T) {
		t.Parallel()
		s := welcomed(t, chat.RoleCustomer)
		s.send("c")
		s.refuse(s.take(protocol.ActionSend), chat.CodeTooFast, 5*time.Second)
		s.pass(4900 * time.Millisecond)
		s.quiet()
		s.pass(200 * time.Millisecond)
		s.take(protocol.ActionSend)
	})
	t.Run("permanent fails visibly", func(t *testing.T) {
		t.Parallel()
		s := welcomed(t, chat.RoleCustomer)
		id := s.send("c")
		s.refuse(s.take(protocol.ActionSend), chat.CodeForbidden, 0)
		if n, ok := s.told(Refused); !ok || n.ID != id || n.Code != chat.CodeForbidden {
			t.Fatalf("notices %+v", s.notices)
		}
		if out := s.m.Outbox(); len(out) != 1 || out[0].Failed != chat.CodeForbidden || s.m.Pending() != 0 {
			t.Fatalf("outbox %+v", out)
		}
		s.pass(time.Minute)
		s.quiet()
		if !s.m.Discard(id) || len(s.m.Outbox()) != 0 {
			t.Error("cannot be discarded")
		}
	})
	t.Run("of several, each is tried alone", func(t *testing.T) {
		t.Parallel()
		s := welcomed(t, chat.RoleCustomer)
		s.send("c")
		f := s.take(protocol.ActionSend)
		bad := s.send("bad")
		s.send("d")
		s.ack(f, 3)
		both := s.take(protocol.ActionSend)
		s.refuse(both, chat.CodeInvalid, 0)
		f = s.take(protocol.ActionSend)
		if len(f.Messages) != 1 || f.After != both.After {
			t.Fatalf("%s", f.Raw)
		}
		s.refuse(f, chat.CodeInvalid, 0)
		f = s.take(protocol.ActionSend)
		s.ack(f, 4)
		if n, _ := s.told(Refused); n.ID != bad || f.Messages[0].Text != "d" || s.m.Pending() != 0 {
			t.Errorf("%s, refused %s", f.Raw, n.ID)
		}
	})
	t.Run("of an earlier try says nothing", func(t *testing.T) {
		t.Parallel()
		s := welcomed(t, chat.RoleCustomer)
		s.send("c")
		old := s.take(protocol.ActionSend)
		s.pass(12 * time.Second)
		s.take(protocol.ActionSend)
		s.refuse(old, chat.CodeForbidden, 0)
		if s.m.Pending() != 1 {
			t.Error("the entry ended")
		}
	})
	t.Run("unauthenticated stops", func(t *testing.T) {
		t.Parallel()
		s := welcomed(t, chat.RoleCustomer)
		s.send("c")
		s.refuse(s.take(protocol.ActionSend), chat.CodeUnauthenticated, 0)
		if s.m.Stopped() != chat.CodeUnauthenticated || len(s.hung) != 1 || s.m.Pending() != 1 {
			t.Errorf("stopped %q, hung up %v, pending %d", s.m.Stopped(), s.hung, s.m.Pending())
		}
		s.pass(time.Hour)
		if len(s.dials) != 1 {
			t.Error("dialled again")
		}
	})
	t.Run("a refused entry that is in the log after all", func(t *testing.T) {
		t.Parallel()
		s := welcomed(t, chat.RoleCustomer)
		id := s.send("c")
		s.refuse(s.take(protocol.ActionSend), chat.CodeClosed, 0)
		s.push(protocol.Event{Seq: 3, ID: id, Type: chat.EventMessage, Sender: me, Text: "c"})
		if len(s.m.Outbox()) != 0 {
			t.Error("it is shown twice: sent and failed")
		}
	})
}

func TestOutOfSyncReloadsAndLowersAfter(t *testing.T) {
	t.Parallel()
	s := welcomed(t, chat.RoleCustomer)
	s.send("c")
	s.refuse(s.take(protocol.ActionSend), chat.CodeOutOfSync, 0)
	s.pass(time.Second)
	hello := s.take(protocol.ActionHello)
	if c := hello.Cursors[conv]; c.Public != 0 {
		t.Fatalf("%s", hello.Raw)
	}
	s.quiet() // not before the reload
	s.receive(1, protocol.Welcome{Type: protocol.TypeWelcome, Ref: hello.Ref, User: me, Role: chat.RoleCustomer,
		Conversations: []protocol.Snapshot{snapshot(2, message(1, "a"))}})
	s.pass(time.Second)
	if f := s.take(protocol.ActionSend); f.After != 1 {
		t.Errorf("%s", f.Raw)
	}
	if d := cmp.Diff([]string{"a"}, texts(s.m.View(conv))); d != "" {
		t.Error(d)
	}
}

func TestGapIsFetched(t *testing.T) {
	t.Parallel()
	s := welcomed(t, chat.RoleCustomer)
	s.push(fromOther(4, "d"))
	s.quiet() // it may be under way
	s.pass(300 * time.Millisecond)
	p := s.take(protocol.ActionPage)
	if p.After != 2 {
		t.Fatalf("%s", p.Raw)
	}
	s.receive(1, protocol.PageReply{Type: protocol.TypePage, Ref: p.Ref, Conversation: conv, Track: chat.Public, Gen: 1, Head: 5, Events: []protocol.Event{message(3, "c")}, More: true})
	p = s.take(protocol.ActionPage)
	if p.After != 4 {
		t.Fatalf("%s", p.Raw)
	}
	s.receive(1, protocol.PageReply{Type: protocol.TypePage, Ref: p.Ref, Conversation: conv, Track: chat.Public, Gen: 1, Head: 5, Events: []protocol.Event{message(5, "e")}})
	if d := cmp.Diff([]string{"a", "b", "c", "d", "e"}, texts(s.m.View(conv))); d != "" {
		t.Error(d)
	}
}

func TestGapThatFillsItselfCostsNothing(t *testing.T) {
	t.Parallel()
	s := welcomed(t, chat.RoleCustomer)
	s.push(fromOther(4, "d"))
	s.push(fromOther(3, "c"))
	s.pass(time.Minute)
	s.quiet()
}

func TestStart(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	id, _, err := s.m.Start("https://shop.example", "hi", "anybody?")
	if err != nil {
		t.Fatal(err)
	}
	s.connect(chat.RoleCustomer)
	f := s.take(protocol.ActionStart)
	if len(f.Messages) != 2 {
		t.Fatalf("%s", f.Raw)
	}
	if _, err := s.m.Send(id, chat.Public, "third"); err != nil {
		t.Fatal(err)
	}
	// an operator answers before the ack comes
	s.receive(1, protocol.Events{Type: protocol.TypeEvents, Conversation: id, Track: chat.Public, Gen: 1, Events: []protocol.Event{fromOther(4, "yes")}})
	s.quiet()
	s.receive(1, protocol.Ack{Type: protocol.TypeAck, Ref: f.Ref, Conversation: id, Track: chat.Public, Gen: 1, Head: 3,
		Acks:   []protocol.Acked{{ID: f.Messages[0].ID, Seq: 2}, {ID: f.Messages[1].ID, Seq: 3}},
		Events: []protocol.Event{{Seq: 1, Type: chat.EventStarted, To: chat.StatusQueued}}})
	if d := cmp.Diff([]string{"hi", "anybody?", "yes"}, texts(s.m.View(id))); d != "" {
		t.Error(d)
	}
	if f := s.take(protocol.ActionSend); f.After != 4 {
		t.Errorf("%s", f.Raw)
	}
	if s.m.View(id).Status != chat.StatusQueued {
		t.Error(s.m.View(id).Status)
	}
}

func TestSavedOutboxGoesAgainUnchanged(t *testing.T) {
	t.Parallel()
	s := newStage(t, Entry{Action: protocol.ActionSend, Conversation: conv, Track: chat.Public, ID: "m_saved", Text: "c", After: 1, Tried: true})
	s.connect(chat.RoleCustomer, snapshot(1, message(1, "a"), message(2, "b")))
	if f := s.take(protocol.ActionSend); f.After != 1 || f.Messages[0].ID != "m_saved" {
		t.Errorf("%s", f.Raw)
	}
}

func TestHelloGoesOnWithMore(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.connect(chat.RoleOperator)
	for i := range 30 {
		v, _ := s.m.view(chat.ConversationID(fmt.Sprintf("c_%d", i+10)))
		v.Status = chat.StatusClosed
	}
	s.m.Closed(1)
	s.pass(time.Second)
	s.open(2)
	h := s.take(protocol.ActionHello)
	if len(h.Cursors) != chat.MaxSubscriptions || h.More != "" {
		t.Fatalf("%d cursors, more %q", len(h.Cursors), h.More)
	}
	s.receive(2, protocol.Welcome{Type: protocol.TypeWelcome, Ref: h.Ref, User: me, Role: chat.RoleOperator, More: "c_next",
		Waiting: []protocol.WaitingEntry{{Conversation: "c_waits"}}})
	h = s.take(protocol.ActionHello)
	if len(h.Cursors) != 5 || h.More != "c_next" {
		t.Fatalf("%s", h.Raw)
	}
	s.receive(2, protocol.Welcome{Type: protocol.TypeWelcome, Ref: h.Ref, User: me, Role: chat.RoleOperator})
	if w := s.m.Waiting(); len(w) != 1 {
		t.Errorf("the second part of the welcome, which tells of nobody who waits, left %+v", w)
	}
}
