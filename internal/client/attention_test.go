package client

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// attended is a log with what the server would say of it.
type attended struct {
	events []protocol.Event
	read   uint64
}

func (a *attended) append(dice *rand.Rand) protocol.Event {
	e := protocol.Event{Seq: uint64(len(a.events) + 1), Type: chat.EventMessage, Role: chat.RoleCustomer, Sender: "u_customer", At: int64(1000 + len(a.events))}
	e.ID = chat.EventID(fmt.Sprint("m_", e.Seq))
	switch dice.IntN(9) {
	case 0, 1:
		e.Role, e.Sender = []chat.Role{chat.RoleOperator, chat.RoleSupervisor, chat.RoleAdmin}[dice.IntN(3)], "u_colleague"
	case 2:
		e.Role, e.Sender = chat.RoleBot, "u_bot"
	case 3:
		e.Role, e.Type = chat.RoleOperator, []chat.EventType{chat.EventClosed, chat.EventAbandoned}[dice.IntN(2)]
	case 4:
		e.Type = chat.EventReopened
	}
	a.events = append(a.events, e)
	return e
}

// says is what the server says of the first events: it goes by the words of chat.Wait and chat.Attention.
func (a *attended) says(head uint64) (since int64, unread int) {
	for _, e := range a.events[:head] {
		switch asks := e.Type == chat.EventMessage && e.Role == chat.RoleCustomer; {
		case asks && since == 0:
			since = e.At
		case e.Type == chat.EventClosed, e.Type == chat.EventAbandoned, e.Type == chat.EventMessage && !asks && e.Role != chat.RoleBot:
			since = 0
		}
		if e.Type == chat.EventMessage && e.Role == chat.RoleCustomer && e.Seq > a.read {
			unread++
		}
	}
	return since, min(unread, chat.UnreadCounted)
}

// snapshot is the conversation as hello finds it, the newest page alone if limited.
func (a *attended) snapshot(after uint64, limited bool) protocol.Snapshot {
	head := uint64(len(a.events))
	s := protocol.Snapshot{Conversation: conv, Gen: 1, Status: chat.StatusActive, Participants: []protocol.Participant{{User: me, Role: chat.RoleOperator, Read: a.read}}}
	if s.WaitingSince, s.Unread = a.says(head); limited {
		after = head - min(head, 3)
	}
	s.Public = protocol.TrackView{Head: head, Events: a.events[after:], Limited: limited}
	s.Desk = &protocol.TrackView{}
	return s
}

// TestAttentionIsFolded: whatever comes in whatever order, through pushes, snapshots and reads here and in another tab,
// the client says of a conversation what the server does: since when the customer waits, and what is unread.
func TestAttentionIsFolded(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		dice := rand.New(rand.NewPCG(seed, 7))
		log, s := &attended{}, newStage(t)
		for range 1 + dice.IntN(6) {
			log.append(dice)
		}
		s.connect(chat.RoleOperator, log.snapshot(0, dice.IntN(2) == 0))
		v := s.m.View(conv)
		for step := range 60 {
			switch dice.IntN(5) {
			case 0, 1: // two pushes overtake each other
				a, b := log.append(dice), log.append(dice)
				s.push(b)
				s.push(a)
			case 2: // read here, and told to the server
				s.m.MarkRead(conv, v.Applied(chat.Public))
				log.read = max(log.read, v.reading)
			case 3: // read in another tab: told by a push, or by the next pong
				log.read = max(log.read, v.Applied(chat.Public))
				if dice.IntN(2) == 0 {
					s.receive(1, protocol.ReadPush{Type: protocol.TypeRead, Conversation: conv, User: me, Seq: log.read})
				} else {
					s.receive(1, protocol.Pong{Type: protocol.TypePong, Heads: map[chat.ConversationID]protocol.TrackHeads{conv: {Gen: 1, Public: v.Applied(chat.Public), Read: log.read}}})
				}
			case 4: // pushes are lost, and a hello finds what is so
				for range dice.IntN(5) {
					log.append(dice)
				}
				s.m.load(log.snapshot(v.Applied(chat.Public), dice.IntN(2) == 0), true)
			}
			if since, unread := log.says(v.Applied(chat.Public)); v.WaitingSince() != since || v.Unread() != unread {
				t.Fatalf("seed %d, step %d: since %d, %d unread; the log says %d, %d (read %d, base %d)",
					seed, step, v.WaitingSince(), v.Unread(), since, unread, log.read, v.Base(chat.Public))
			}
		}
	}
}

// TestReadingOfAPartThatCameBack: who was transferred away and back again has a cursor that begins anew, and tells what
// they had read.
func TestReadingOfAPartThatCameBack(t *testing.T) {
	t.Parallel()
	v := newView(conv, sane)
	log := &attended{events: []protocol.Event{message(1, "a"), message(2, "b"), message(3, "c")}, read: 3}
	load := func(after uint64) {
		s := log.snapshot(after, false)
		v.load(s, true)
		v.count(me, s)
	}
	load(0)
	if v.Unread() != 0 || v.untold() != 0 {
		t.Fatalf("%d unread, %d to tell", v.Unread(), v.untold())
	}
	v.Gone, log.read = true, 0
	load(3)
	if v.Unread() != 0 || v.untold() != 3 {
		t.Errorf("%d unread, %d to tell", v.Unread(), v.untold())
	}
}
