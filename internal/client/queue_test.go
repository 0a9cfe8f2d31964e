package client

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// TestGone: the user's part is over. Nothing is asked for any more, and what comes late does not bring it back; but a new
// part does.
func TestGone(t *testing.T) {
	t.Parallel()
	s := welcomed(t, chat.RoleOperator)
	s.receive(1, protocol.GonePush{Type: protocol.TypeGone, Conversation: conv, By: other})
	if n, ok := s.told(Left); !ok || n.User != other || !s.m.View(conv).Gone {
		t.Fatalf("%+v, gone %v", n, s.m.View(conv).Gone)
	}
	s.push(fromOther(3, "late"))
	s.pass(time.Second)
	h := s.take(protocol.ActionHello)
	if _, offered := h.Cursors[conv]; offered {
		t.Errorf("%s", h.Raw)
	}
	s.receive(1, protocol.Welcome{Type: protocol.TypeWelcome, Ref: h.Ref, User: me, Role: chat.RoleOperator})
	s.pass(30 * time.Second)
	s.quiet()
	if _, err := s.m.Send(conv, chat.Public, "to be refused, not to be kept"); err != nil {
		t.Fatal(err)
	}
	s.run()
	s.refuse(s.take(protocol.ActionSend), chat.CodeNotFound, 0)
	s.push(fromOther(4, "for you again"))
	s.pass(time.Second)
	s.welcome(chat.RoleOperator, snapshot(1, message(1, "a"), message(2, "b"), fromOther(3, "late"), fromOther(4, "for you again")))
	if v := s.m.View(conv); v.Gone || v.Applied(chat.Public) != 4 {
		t.Errorf("gone %v, applied %d", v.Gone, v.Applied(chat.Public))
	}
}

// TestMentioned: the user hears of it wherever they are; whoever follows the conversation gets the note.
func TestMentioned(t *testing.T) {
	t.Parallel()
	s := welcomed(t, chat.RoleOperator)
	s.receive(1, protocol.MentionPush{Type: protocol.TypeMention, Conversation: "c_of_others", Track: chat.Desk, Seq: 7, By: other})
	if n, ok := s.told(Mentioned); !ok || n.Conversation != "c_of_others" || n.Seq != 7 || n.User != other {
		t.Errorf("%+v", n)
	}
	s.quiet()
	s.receive(1, protocol.MentionPush{Type: protocol.TypeMention, Conversation: conv, Track: chat.Desk, Seq: 1, By: other})
	s.pass(time.Second)
	if f := s.take(protocol.ActionPage); !strings.Contains(f.Raw, `"track":"desk"`) {
		t.Errorf("%s", f.Raw)
	}
}

// TestPositionOfWhoWaits is shown until they wait no more.
func TestPositionOfWhoWaits(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	waits := snapshot(1, message(1, "a"))
	waits.Status = chat.StatusQueued
	s.connect(chat.RoleCustomer, waits)
	s.receive(1, protocol.PositionPush{Type: protocol.TypePosition, Conversation: conv, Position: 3, Estimate: 60, Basis: "rate"})
	if _, ok := s.told(PositionSeen); !ok || s.m.View(conv).Position.Position != 3 {
		t.Errorf("%+v", s.m.View(conv).Position)
	}
	s.push(protocol.Event{Seq: 2, Type: chat.EventAssigned, From: chat.StatusQueued, To: chat.StatusActive, Subject: other})
	if s.m.View(conv).Position.Position != 0 {
		t.Error("still in the queue")
	}
	s.receive(1, protocol.PositionPush{Type: protocol.TypePosition, Conversation: conv, Position: 2})
	if s.m.View(conv).Position.Position != 0 {
		t.Error("in the queue again, by a push that was late")
	}
}

// TestACommandGoesUntilItIsAnswered: with the same id and After, over a lost socket and a restart.
func TestACommandGoesUntilItIsAnswered(t *testing.T) {
	t.Parallel()
	s := welcomed(t, chat.RoleOperator)
	id, err := Queue(s.m, protocol.Rate{Conversation: conv, Score: 4, Comment: "quick"})
	if err != nil {
		t.Fatal(err)
	}
	s.run()
	first := s.take(protocol.ActionRate)
	if first.ID != id || first.After != 2 || len(s.saved) != 1 {
		t.Fatalf("%s, saved %+v", first.Raw, s.saved)
	}
	life := newStage(t, s.saved...)
	life.connect(chat.RoleOperator, snapshot(1, message(1, "a"), message(2, "b"), fromOther(3, "c")))
	again := life.take(protocol.ActionRate)
	if d := cmp.Diff(as[protocol.Rate](t, []byte(first.Raw)), as[protocol.Rate](t, []byte(again.Raw)), cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Ref" }, cmp.Ignore())); d != "" {
		t.Error(d)
	}
	life.receive(1, protocol.Ack{Type: protocol.TypeAck, Ref: again.Ref, Conversation: conv, Track: chat.Public, Gen: 1, Head: 4, Acks: []protocol.Acked{{ID: id, Seq: 4}}})
	if life.m.Pending() != 0 || len(life.saved) != 0 {
		t.Errorf("pending %d, saved %+v", life.m.Pending(), life.saved)
	}
}

// TestACommandWithNothingToDoEnds: its ack names no event.
func TestACommandWithNothingToDoEnds(t *testing.T) {
	t.Parallel()
	s := welcomed(t, chat.RoleCustomer)
	id, err := Queue(s.m, protocol.Person{Conversation: conv})
	if err != nil {
		t.Fatal(err)
	}
	s.run()
	f := s.take(protocol.ActionPerson)
	s.receive(1, protocol.Ack{Type: protocol.TypeAck, Ref: f.Ref, Conversation: conv, Track: chat.Public, Gen: 1, Head: 2})
	if n, ok := s.told(Acked); !ok || n.ID != id || n.Seq != 0 || s.m.Pending() != 0 {
		t.Fatalf("%+v, pending %d", n, s.m.Pending())
	}
	s.pass(3 * time.Minute)
	s.quiet()
}

// TestACommandInAConversationOfOthers leaves no view behind, which nobody would keep up.
func TestACommandInAConversationOfOthers(t *testing.T) {
	t.Parallel()
	s := welcomed(t, chat.RoleSupervisor)
	id, err := Queue(s.m, protocol.Assign{Conversation: "c_of_others", Operator: other})
	if err != nil {
		t.Fatal(err)
	}
	s.run()
	f := s.take(protocol.ActionAssign)
	s.receive(1, protocol.Ack{Type: protocol.TypeAck, Ref: f.Ref, Conversation: "c_of_others", Track: chat.Public, Gen: 1, Head: 9, Acks: []protocol.Acked{{ID: id, Seq: 9}}})
	s.pass(time.Second)
	s.quiet()
	if s.m.Pending() != 0 || s.m.View("c_of_others") != nil {
		t.Errorf("pending %d, view %+v", s.m.Pending(), s.m.View("c_of_others"))
	}
}

// TestWhoPassesItOnHasLeft: nobody tells the one who did it.
func TestWhoPassesItOnHasLeft(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	mine := snapshot(1, message(1, "a"))
	mine.Assignee = me
	s.connect(chat.RoleOperator, mine)
	id, err := Queue(s.m, protocol.Transfer{Conversation: conv, Operator: other})
	if err != nil {
		t.Fatal(err)
	}
	s.run()
	f := s.take(protocol.ActionTransfer)
	s.receive(1, protocol.Ack{Type: protocol.TypeAck, Ref: f.Ref, Conversation: conv, Track: chat.Public, Gen: 1, Head: 2, Acks: []protocol.Acked{{ID: id, Seq: 2}},
		Events: []protocol.Event{{Seq: 2, ID: id, Type: chat.EventTransferred, From: chat.StatusActive, To: chat.StatusActive, Subject: other, Sender: me}}})
	if v := s.m.View(conv); !v.Gone || v.Assignee != other {
		t.Errorf("%+v", v)
	}
}

// TestCommandsThatNoServerTakes are refused at once, with a typed error.
func TestCommandsThatNoServerTakes(t *testing.T) {
	t.Parallel()
	s := welcomed(t, chat.RoleOperator)
	if _, err := Queue(s.m, protocol.Wake{Conversation: conv, Reason: strings.Repeat("x", chat.MaxReason+1)}); !errors.Is(err, ErrReason) {
		t.Error(err)
	}
	if _, err := Queue(s.m, protocol.Transfer{Conversation: conv, Note: strings.Repeat("x", chat.MaxFrame)}); !errors.Is(err, ErrFrame) {
		t.Error(err)
	}
	s.run()
	s.quiet()
	if s.m.Pending() != 0 {
		t.Error("queued all the same")
	}
}

// TestOutboxesOfOlderClients go on: their commands had fields of their own.
func TestOutboxesOfOlderClients(t *testing.T) {
	t.Parallel()
	old := []Entry{}
	if err := json.Unmarshal([]byte(`[{"action":"close","conversation":"c_1","track":"public","id":"m_old","after":1,"tried":true,"reason":"done"},
		{"action":"start","conversation":"c_2","track":"public","id":"m_two","text":"hello","page":"https://shop.example"}]`), &old); err != nil {
		t.Fatal(err)
	}
	s := newStage(t, old...)
	s.connect(chat.RoleOperator, snapshot(1, message(1, "a")))
	f := as[protocol.Close](t, []byte(s.take(protocol.ActionClose).Raw))
	if f.Reason != "done" || f.After != 1 || f.ID != "m_old" || f.Conversation != conv {
		t.Errorf("%+v", f)
	}
	if f := as[protocol.Start](t, []byte(s.take(protocol.ActionStart).Raw)); f.Page != "https://shop.example" || len(f.Messages) != 1 {
		t.Errorf("%+v", f)
	}
}

// Two tracks have no order among their pushes; the state of play comes out the same.
func TestStateOfPlayWhateverComesFirst(t *testing.T) {
	t.Parallel()
	public := []protocol.Event{
		{Seq: 1, Type: chat.EventStarted, To: chat.StatusQueued},
		{Seq: 2, Type: chat.EventAssigned, From: chat.StatusOffered, To: chat.StatusActive, Subject: me},
	}
	desk := []protocol.Event{
		{Seq: 1, Type: chat.EventOffered, From: chat.StatusQueued, To: chat.StatusOffered, Subject: me, Follows: 1},
		{Seq: 2, Type: chat.EventPriority, Detail: &protocol.Detail{Priority: 2}, Follows: 2},
		{Seq: 3, Type: chat.EventSnoozed, From: chat.StatusActive, To: chat.StatusSnoozed, Follows: 2},
	}
	for name, learn := range map[string]func(*View){
		"public first": func(v *View) { v.learn(chat.Public, 0, public); v.learn(chat.Desk, 0, desk) },
		"desk first":   func(v *View) { v.learn(chat.Desk, 0, desk); v.learn(chat.Public, 0, public) },
		"snapshot": func(v *View) {
			v.load(protocol.Snapshot{Conversation: conv, Status: chat.StatusSnoozed, Assignee: me, Priority: 2, Public: protocol.TrackView{Head: 2, Events: public},
				Desk: &protocol.TrackView{Head: 3, Events: desk}}, false)
		},
	} {
		v := newView(conv, sane)
		learn(v)
		if v.Status != chat.StatusSnoozed || v.Assignee != me || v.Priority != 2 || v.OfferedTo != "" {
			t.Errorf("%s: %s of %s, priority %d, offered to %q", name, v.Status, v.Assignee, v.Priority, v.OfferedTo)
		}
	}
	late := newView(conv, sane)
	late.learn(chat.Public, 0, public)
	late.learn(chat.Desk, 0, desk[:1])
	if late.Status != chat.StatusActive || late.OfferedTo != "" {
		t.Errorf("the offer came after its acceptance: %s, offered to %q", late.Status, late.OfferedTo)
	}
	early := newView(conv, sane)
	early.learn(chat.Public, 0, public[:1])
	early.learn(chat.Desk, 0, desk[:1])
	if early.Status != chat.StatusOffered || early.OfferedTo != me {
		t.Errorf("offered: %s to %q", early.Status, early.OfferedTo)
	}
}

// FuzzSaved: whatever an outbox holds that an earlier life, or another version, has saved, the machine goes on: it sends
// frames that are JSON and fit, and what it saves it can load again.
func FuzzSaved(f *testing.F) {
	f.Add([]byte(`[{"action":"close","conversation":"c_1","track":"public","id":"m_old","after":1,"tried":true,"reason":"done"}]`))
	f.Add([]byte(`[{"action":"tag","conversation":"c_1","track":"desk","id":"m_1","body":{"tags":["a"],"action":"mute","after":9}}]`))
	f.Add([]byte(`[{"action":"start","conversation":"c_2","track":"public","id":"m_2","text":"hi","body":{"page":"/","messages":null}},{"action":"send","track":"x"}]`))
	f.Add([]byte(`[{"action":"rate","conversation":"c_1","body":[1]},{"failed":"closed"},{}]`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var saved []Entry
		if json.Unmarshal(raw, &saved) != nil {
			return
		}
		s := newStage(t, saved...)
		s.connect(chat.RoleOperator, snapshot(1, message(1, "a"), message(2, "b")))
		s.pass(30 * time.Second)
		for _, frame := range s.sent {
			if !json.Valid([]byte(frame.Raw)) {
				t.Fatalf("sent %q", frame.Raw)
			}
		}
		var again []Entry
		if err := json.Unmarshal(encode(s.m.Outbox()), &again); err != nil || len(again) != len(saved) {
			t.Fatalf("%d of %d entries come back: %v", len(again), len(saved), err)
		}
	})
}
