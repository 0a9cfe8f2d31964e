package chat_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// own is what the conversation asks of the operator, by the list.
func (w *world) own() chat.OwnConversation {
	w.Helper()
	list, err := w.svc.Own(w.Context(), w.operator, []chat.ConversationID{w.conv})
	w.must(err)
	if len(list) != 1 {
		w.Fatalf("%d conversations", len(list))
	}
	return list[0]
}

// TestWaitsAreThoseOfTheLog: whatever is written, read, closed and moved out of the tail, and whether or not HEAD keeps
// it: since when the customer waits and what is unread is what folding the whole log gives.
func TestWaitsAreThoseOfTheLog(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			w, dice := newWorld(t), rand.New(rand.NewPCG(seed, 2))
			w.start("hello")
			w.join()
			for range 40 {
				w.clock.Advance(time.Duration(1+dice.IntN(60)) * time.Second)
				switch dice.IntN(8) {
				case 0, 1, 2:
					w.say(w.customer, "question")
				case 3:
					w.say(w.operator, "answer")
				case 4:
					_, err := w.svc.Read(t.Context(), w.operator, w.conv, 1+dice.Uint64N(w.last()))
					w.must(err)
				case 5:
					w.moveTail(chat.Public, uint64(dice.IntN(4)))
				case 6:
					_, err := w.svc.Tag(t.Context(), w.operator, w.step(), []string{"vip"}, nil)
					w.must(err)
				default:
					if dice.IntN(3) == 0 {
						w.close(w.operator)
						w.say(w.customer, "once more") // and it is the operator's again
					}
				}
				known := w.own()
				if !known.Head.Wait.Known {
					t.Fatal("HEAD does not know")
				}
				since, unread := w.folded(known.Head.Participants[w.operator.User].Cursor)
				if !known.WaitingSince.Equal(since) || known.Unread != unread {
					t.Fatalf("since %v, %d unread; the log says %v, %d", known.WaitingSince, known.Unread, since, unread)
				}
				w.store.ForgetWait(w.ref())
				if old := w.own(); old.Head.Wait.Known || !old.WaitingSince.Equal(since) || old.Unread != unread {
					t.Fatalf("an old HEAD: since %v, %d unread; the log says %v, %d", old.WaitingSince, old.Unread, since, unread)
				}
				w.store.KnowWait(w.ref(), since)
			}
		})
	}
}

// folded is what the whole log says.
func (w *world) folded(cursor uint64) (since time.Time, unread int) {
	w.Helper()
	for _, e := range w.log(chat.Public) {
		switch {
		case e.Type == chat.EventClosed, e.Type == chat.EventMessage && e.Role == chat.RoleOperator:
			since = time.Time{}
		case e.Type == chat.EventMessage && e.Role == chat.RoleCustomer:
			if since.IsZero() {
				since = e.At
			}
			if e.Seq > cursor {
				unread++
			}
		default:
		}
	}
	return since, unread
}

// TestWelcomeTellsWhoWaits: what a client learns when it is back is what the list says; a customer is told neither. What a
// bot or a program writes is no answer.
func TestWelcomeTellsWhoWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	asked := w.clock.Now()
	w.start("hello")
	w.join()
	w.clock.Advance(time.Minute)
	w.say(w.customer, "anybody?")
	key := w.principal(w.customer.Workspace, chat.RoleAPIKey, "")
	key.Grants = chat.JoinGrants(chat.GrantWriteConversations)
	w.admit(key)
	w.say(key, "we are looking for somebody")
	snap := w.hello(w.operator, nil).Conversations[0]
	if !snap.WaitingSince.Equal(asked) || snap.Unread != 2 {
		t.Errorf("%+v", snap.Attention)
	}
	if snap := w.hello(w.customer, nil).Conversations[0]; snap.Attention != (chat.Attention{}) {
		t.Errorf("a customer is told %+v", snap.Attention)
	}
	w.say(w.operator, "here I am")
	if snap := w.hello(w.operator, nil).Conversations[0]; snap.Attention != (chat.Attention{}) {
		t.Errorf("answered: %+v", snap.Attention)
	}
}

// TestUnansweredFirst: one's own conversations stand in the order of their customers' waits; closed ones, and others', are
// not among them.
func TestUnansweredFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var ids []chat.ConversationID
	for i := range 5 {
		w.clock.Advance(time.Minute)
		w.conv = w.newConversation()
		w.start(fmt.Sprint("hello ", i))
		w.join()
		ids = append(ids, w.conv)
	}
	for i, is := range map[int]string{1: "answered", 3: "answered", 4: "closed"} {
		if w.conv = ids[i]; is == "closed" {
			w.close(w.operator)
			continue
		}
		w.say(w.operator, "hi")
	}
	w.conv = ids[3]
	w.clock.Advance(time.Minute)
	w.say(w.customer, "and now?")
	list, err := w.svc.Unanswered(t.Context(), w.operator, 100)
	w.must(err)
	var order []chat.ConversationID
	for _, own := range list {
		order = append(order, own.Head.Conversation)
	}
	w.same(order, []chat.ConversationID{ids[0], ids[2], ids[3], ids[1]})
	list, err = w.svc.Unanswered(t.Context(), w.supervisor, 100)
	w.must(err)
	w.same(len(list), 0)
}
