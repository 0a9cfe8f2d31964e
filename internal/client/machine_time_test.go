package client

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

func TestPing(t *testing.T) {
	t.Parallel()
	heads := func(public uint64) map[chat.ConversationID]protocol.TrackHeads {
		return map[chat.ConversationID]protocol.TrackHeads{conv: {Gen: 1, Public: public}}
	}
	t.Run("every 4 to 5 minutes", func(t *testing.T) {
		t.Parallel()
		s := welcomed(t, chat.RoleCustomer)
		s.heads = heads(2)
		s.pass(4*time.Minute - time.Second)
		if len(s.pings) != 0 {
			t.Fatal("pinged before minute 4")
		}
		s.pass(96 * time.Minute)
		if n := len(s.pings); n < 20 || n > 25 {
			t.Errorf("%d pings in 100 minutes", n)
		}
	})
	t.Run("every minute on duty", func(t *testing.T) {
		t.Parallel()
		s := welcomed(t, chat.RoleOperator)
		s.pass(10 * time.Minute)
		if n := len(s.pings); n != 10 {
			t.Errorf("%d pings in 10 minutes", n)
		}
	})
	t.Run("a head that is further is fetched", func(t *testing.T) {
		t.Parallel()
		s := welcomed(t, chat.RoleOperator)
		s.heads = heads(3)
		s.pass(time.Minute)
		if f := s.take(protocol.ActionPage); f.After != 2 {
			t.Errorf("%s", f.Raw)
		}
	})
	t.Run("an unknown conversation is asked for by hello", func(t *testing.T) {
		t.Parallel()
		s := welcomed(t, chat.RoleOperator)
		s.heads = map[chat.ConversationID]protocol.TrackHeads{"c_new": {}}
		s.pass(time.Minute)
		s.take(protocol.ActionHello)
	})
	t.Run("another generation reloads", func(t *testing.T) {
		t.Parallel()
		s := welcomed(t, chat.RoleOperator)
		s.heads = map[chat.ConversationID]protocol.TrackHeads{conv: {Gen: 2, Public: 1}}
		s.pass(time.Minute)
		s.welcome(chat.RoleOperator, snapshot(2, message(1, "A")))
		if d := cmp.Diff([]string{"A"}, texts(s.m.View(conv))); d != "" {
			t.Error(d)
		}
	})
	t.Run("without a pong the socket is dead", func(t *testing.T) {
		t.Parallel()
		s := welcomed(t, chat.RoleCustomer)
		s.mute = true
		s.pass(5*time.Minute + 11*time.Second)
		if len(s.hung) != 1 || len(s.dials) != 2 {
			t.Errorf("hung up %v, dialled %v", s.hung, s.dials)
		}
	})
	t.Run("an unanswered frame probes the socket", func(t *testing.T) {
		t.Parallel()
		s := welcomed(t, chat.RoleCustomer)
		s.mute = true
		s.send("c")
		s.take(protocol.ActionSend)
		s.pass(10 * time.Second)
		s.pass(11 * time.Second)
		if len(s.hung) != 1 || len(s.dials) != 2 {
			t.Errorf("hung up %v, dialled %v, sent %+v", s.hung, s.dials, s.sent)
		}
	})
}

func TestRotation(t *testing.T) {
	t.Parallel()
	s := welcomed(t, chat.RoleCustomer)
	s.pass(105*time.Minute - time.Second)
	if len(s.dials) != 1 {
		t.Fatal("replaced before minute 105")
	}
	s.pass(10*time.Minute + time.Second)
	if len(s.dials) != 2 {
		t.Fatal("not replaced by minute 115")
	}
	s.send("on the old socket")
	old := s.take(protocol.ActionSend)
	s.open(2)
	if old.Socket != 1 || len(s.hung) != 0 {
		t.Fatalf("%+v, hung up %v", old, s.hung)
	}
	s.welcome(chat.RoleCustomer, snapshot(1, message(1, "a"), message(2, "b")))
	if _, ok := s.told(Disconnected); ok || len(s.hung) != 0 {
		t.Fatalf("the old socket owes an answer; hung up %v", s.hung)
	}
	s.ack(old, 3)
	if len(s.hung) != 1 || s.hung[0] != 1 || s.m.Pending() != 0 {
		t.Fatalf("hung up %v, pending %d", s.hung, s.m.Pending())
	}
	s.send("on the new one")
	if f := s.take(protocol.ActionSend); f.Socket != 2 {
		t.Errorf("sent on %d", f.Socket)
	}
}

func TestReplacementTakesOverWhenTheOldSocketDies(t *testing.T) {
	t.Parallel()
	s := welcomed(t, chat.RoleCustomer)
	s.m.current.rotate = s.now
	s.pass(0)
	s.open(2)
	s.m.Closed(1)
	s.run()
	s.welcome(chat.RoleCustomer)
	if !s.m.Ready() || len(s.dials) != 2 {
		t.Errorf("ready %v, dialled %v", s.m.Ready(), s.dials)
	}
}

func TestFailedReplacementIsTriedAgain(t *testing.T) {
	t.Parallel()
	s := welcomed(t, chat.RoleCustomer)
	s.m.current.rotate = s.now
	s.pass(0)
	s.m.Closed(2)
	s.pass(31 * time.Second)
	if len(s.dials) != 3 || !s.m.Ready() {
		t.Errorf("dialled %v", s.dials)
	}
}

func TestReconnectBacksOff(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.m.Connect()
	s.run()
	start := s.now
	for i := range 12 {
		s.m.Closed(i + 1)
		s.run()
		s.pass(30 * time.Second)
		if len(s.dials) != i+2 {
			t.Fatalf("dialled %v after %d failures", s.dials, i+1)
		}
	}
	// The twelve pauses are drawn from up to 0.5, 1, 2 … 30 s; without back-off they would end within 6 s.
	if s.m.attempt != 12 || s.m.redial.Sub(start) < 30*time.Second {
		t.Errorf("attempt %d after %v", s.m.attempt, s.m.redial.Sub(start))
	}
}

func TestBye(t *testing.T) {
	t.Parallel()
	s := welcomed(t, chat.RoleCustomer)
	s.receive(1, protocol.Bye{Type: protocol.TypeBye, Reason: chat.CodeUnavailable, Reconnect: true})
	s.pass(time.Second)
	if len(s.dials) != 2 {
		t.Fatalf("dialled %v", s.dials)
	}
	s.open(2)
	s.welcome(chat.RoleCustomer)
	s.receive(2, protocol.Bye{Type: protocol.TypeBye, Reason: chat.CodeUnauthenticated})
	s.pass(time.Hour)
	if len(s.dials) != 2 || s.m.Stopped() != chat.CodeUnauthenticated {
		t.Errorf("dialled %v, stopped %q", s.dials, s.m.Stopped())
	}
}

func TestReadCursor(t *testing.T) {
	t.Parallel()
	t.Run("rides on the next send", func(t *testing.T) {
		t.Parallel()
		s := welcomed(t, chat.RoleCustomer)
		s.push(fromOther(3, "c"))
		s.m.MarkRead(conv, 3)
		s.send("d")
		s.ack(s.take(protocol.ActionSend), 4)
		s.pass(time.Minute)
		s.quiet()
	})
	t.Run("does not ride on a send that committed elsewhere", func(t *testing.T) {
		t.Parallel()
		s := welcomed(t, chat.RoleCustomer)
		s.push(fromOther(3, "c"))
		s.m.MarkRead(conv, 3)
		s.send("e")
		f := s.take(protocol.ActionSend)
		s.push(fromOther(4, "d"))
		s.ack(f, 5)
		s.pass(11 * time.Second)
		if r := s.take(protocol.ActionRead); r.Seq != 3 {
			t.Errorf("%s", r.Raw)
		}
	})
	t.Run("goes alone after 10 s", func(t *testing.T) {
		t.Parallel()
		s := welcomed(t, chat.RoleCustomer)
		s.push(fromOther(3, "c"))
		s.m.MarkRead(conv, 3)
		s.run()
		s.pass(9 * time.Second)
		s.quiet()
		s.pass(2 * time.Second)
		r := s.take(protocol.ActionRead)
		s.receive(1, protocol.Done{Type: protocol.TypeDone, Ref: r.Ref})
		s.pass(2 * time.Minute)
		s.quiet()
	})
	t.Run("waits for the ping when nobody is there", func(t *testing.T) {
		t.Parallel()
		s := welcomed(t, chat.RoleCustomer)
		s.m.MarkRead(conv, 2)
		s.run()
		s.pass(10 * time.Minute)
		s.quiet()
		if first, second := s.pings[0], s.pings[1]; first.Cursors[conv].Read != 2 || second.Cursors[conv].Read != 0 {
			t.Errorf("%s %s", first.Raw, second.Raw)
		}
	})
	t.Run("never beyond what is shown", func(t *testing.T) {
		t.Parallel()
		s := welcomed(t, chat.RoleCustomer)
		s.m.MarkRead(conv, 99)
		if s.m.View(conv).untold() != 0 {
			t.Error("marked")
		}
	})
}

func TestTyping(t *testing.T) {
	t.Parallel()
	s := welcomed(t, chat.RoleCustomer)
	s.m.Typing(conv)
	s.run()
	s.quiet() // nobody is there
	s.receive(1, protocol.TypingPush{Type: protocol.TypeTyping, Conversation: conv, User: other})
	if d := cmp.Diff([]chat.UserID{other}, s.m.View(conv).Typing(s.now)); d != "" {
		t.Error(d)
	}
	s.m.MarkRead(conv, 2)
	for second := range 19 { // 19 s of keys
		s.m.Typing(conv)
		s.run()
		if second%10 == 0 {
			f := s.take(protocol.ActionTyping)
			if told := second > 0; told != (f.Read == 0) {
				t.Errorf("second %d: %s", second, f.Raw)
			}
			s.receive(1, protocol.Done{Type: protocol.TypeDone, Ref: f.Ref})
		}
		s.quiet()
		s.now = s.now.Add(time.Second)
	}
	if who := s.m.View(conv).Typing(s.now); len(who) != 0 {
		t.Errorf("%v typed 19 s ago", who)
	}
}

func TestWaitingList(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.m.Connect()
	s.run()
	s.open(1)
	h := s.take(protocol.ActionHello)
	s.receive(1, protocol.Welcome{Type: protocol.TypeWelcome, Ref: h.Ref, User: me, Role: chat.RoleOperator, Waiting: []protocol.WaitingEntry{{Conversation: "c_1"}}})
	s.receive(1, protocol.WaitingPush{Type: protocol.TypeWaiting, Added: []protocol.WaitingEntry{{Conversation: "c_2"}}, Removed: []chat.ConversationID{"c_1"}})
	if w := s.m.Waiting(); len(w) != 1 || w[0].Conversation != "c_2" {
		t.Errorf("%+v", w)
	}
}

// FuzzReceived: whatever a server sends, the machine does not panic, and stays within its promises: deadlines
// that pass, views without holes.
func FuzzReceived(f *testing.F) {
	f.Add([]byte(`{"type":"events","conversation":"c_1","track":"public","gen":1,"events":[{"seq":4,"id":"m_x","type":"message","at":0,"sender":"u","role":"customer"}]}`))
	f.Add([]byte(`{"type":"ack","ref":"2","conversation":"c_1","track":"desk","gen":7,"head":18446744073709551615,"acks":[{"id":"m_1","seq":0,"at":0}]}`))
	f.Add([]byte(`{"message":"Forbidden","connectionId":"x","requestId":"y"}`))
	f.Add([]byte(`{"type":"welcome","user":"u_me","role":"operator","conversations":[{"conversation":"c_1","gen":2,"public":{"head":0,"limited":true}}],"more":"c_9"}`))
	f.Add([]byte(`{"type":"error","ref":"2","code":"out_of_sync"}`))
	f.Add([]byte(`{"type":"bye","reason":"unavailable","reconnect":true}`))
	f.Add([]byte(`{"type":"gone","conversation":"c_1","by":"u_other"}`))
	f.Add([]byte(`{"type":"mention","conversation":"c_1","track":"desk","seq":18446744073709551615,"by":"u_other"}`))
	f.Add([]byte(`{"type":"position","conversation":"c_1","position":-1,"estimate":1,"basis":"rate"}`))
	f.Add([]byte(`{"type":"desk","revision":3,"at":1,"queue":{"departments":[],"entries":[{"conversation":"c_2"}]},"colleagues":{"operators":[{"user":"u"}]}}`))
	f.Add([]byte(`{"type":"visit","ref":"2","until":1}`))
	f.Add([]byte(`{"type":"duty","ref":"2","operator":{"user":"u_me","status":"accepting"}}`))
	f.Add([]byte(`{"type":"ack","ref":"2","conversation":"c_9","track":"public","gen":1,"head":4,"acks":[],"snapshot":{"conversation":"c_9","gen":1,"status":"active","public":{"head":1}}}`))
	f.Fuzz(func(t *testing.T, frame []byte) {
		s := welcomed(t, chat.RoleOperator)
		s.send("c")
		s.m.Received(1, frame)
		s.m.Received(1, frame)
		s.run()
		s.pass(15 * time.Second)
		for _, v := range s.m.Views() {
			for _, name := range chat.Tracks() {
				for i, e := range v.Events(name) {
					if e.Seq != v.Base(name)+uint64(i)+1 {
						t.Fatalf("%s: event %d has seq %d after base %d", name, i, e.Seq, v.Base(name))
					}
				}
			}
		}
	})
}
