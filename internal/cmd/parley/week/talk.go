package week

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// fate is how a conversation is to end by the end of the week.
type fate string

const (
	ends     fate = "ends"     // is answered and closed
	leaves   fate = "leaves"   // the customer has no patience
	lasts    fate = "lasts"    // goes on
	sleeps   fate = "sleeps"   // nobody writes any more
	putOff   fate = "put off"  // is snoozed
	withBot  fate = "with bot" // stays with the bot
	leftNote fate = "left"     // begins while nobody is there
)

// Times of the play.
const (
	offerLife = 10 * time.Minute
	idleAfter = 30 * time.Minute
)

// urgentEvery is of how many conversations that go on one is urgent, by their numbers.
const urgentEvery = 7

// talk is one conversation of the week.
type talk struct {
	id         chat.ConversationID
	n          int
	customer   *customer
	dialogue   dialogue
	words      *strings.Replacer
	fate       fate
	begin      chat.Status // how it begins
	department chat.DepartmentID

	// What the writes have made of it.
	status   chat.Status
	operator chat.UserID
	version  uint64
	last     map[chat.Track]uint64

	turn      int  // of the dialogue
	moved     bool // was transferred
	mine      uint64
	mineID    chat.EventID
	generated int
}

// cast a conversation that starts at a time.
func (s *stage) talk(at time.Time, d chat.DepartmentID, f fate) *talk {
	n := len(s.cast) + 1
	c := s.customer(n, at)
	t := &talk{
		id: chat.ConversationID(s.id(chat.ConversationPrefix, at, fmt.Sprint("conversation ", n))), n: n, customer: c, fate: f, begin: chat.StatusQueued,
		department: d, last: map[chat.Track]uint64{}, version: 1,
	}
	choices := s.dialoguesOf(d, c.language)
	t.dialogue = choices[s.rng.IntN(len(choices))]
	t.words = s.words(n, c)
	switch f {
	case withBot:
		t.begin = chat.StatusBot
	case leftNote:
		t.begin = chat.StatusOffline
	default:
		if s.chance(15) {
			t.begin = chat.StatusBot
		}
	}
	s.cast[t.id] = t
	s.at(at, "start", func(ctx context.Context) error { return s.start(ctx, t) })
	return t
}

func (s *stage) start(ctx context.Context, t *talk) error {
	s.chat.Availability = func(context.Context, chat.WorkspaceID, chat.DepartmentID) (chat.Status, error) { return t.begin, nil }
	s.chat.Bot = func(context.Context, chat.WorkspaceID, chat.DepartmentID) (chat.UserID, error) {
		if t.begin == chat.StatusBot {
			return s.bot.User, nil
		}
		return "", nil
	}
	n := chat.NewConversation{ID: t.id, Page: t.dialogue.page, Department: t.department, Messages: []chat.NewMessage{s.message(t, t.words.Replace(t.dialogue.turns[0]))}}
	if t.customer.mail != "" {
		n.Form = chat.Form{Fields: map[string]string{"order": t.order()}, Mail: t.customer.mail}
	}
	out, err := s.chat.Start(ctx, s.as(t.customer), n)
	if err != nil {
		return err
	}
	t.mine, t.mineID, t.turn = out.Acks[0].Event.Seq, out.Acks[0].Event.ID, 1
	s.summary.Messages++
	if t.fate == lasts && t.n%urgentEvery == 0 {
		if _, err := s.chat.SetPriority(ctx, s.admin, s.step(t, chat.Desk), 2); err != nil {
			return err
		}
	}
	switch t.begin {
	case chat.StatusBot:
		s.in(s.between(time.Second, 3*time.Second), "bot", func(ctx context.Context) error { return s.botGreets(ctx, t) })
	case chat.StatusQueued:
		s.waits(t)
	default:
	}
	return nil
}

func (t *talk) order() string { return t.words.Replace("{order}") }

// waits: routing looks at the queue, and the customer's patience begins.
func (s *stage) waits(t *talk) {
	d := t.department
	s.in(2*time.Second, "drain", func(ctx context.Context) error { return s.drain(ctx, d) })
	patience := s.between(8*time.Minute, 40*time.Minute)
	if t.fate == leaves {
		patience = s.between(5*time.Second, 9*time.Second)
	}
	if t.fate == lasts && s.rng.IntN(4) > 0 {
		return
	}
	s.in(patience, "leave", func(ctx context.Context) error {
		if !t.status.Waits() {
			return nil
		}
		_, err := s.chat.Leave(ctx, s.as(t.customer), s.step(t, chat.Public))
		return err
	})
}

func (s *stage) botGreets(ctx context.Context, t *talk) error {
	if err := s.write(ctx, t, s.bot, chat.Public, greetings[t.customer.language]); err != nil || t.fate == withBot {
		return err
	}
	s.in(s.between(10*time.Second, 40*time.Second), "person", func(ctx context.Context) error {
		if _, err := s.chat.Person(ctx, s.as(t.customer), s.step(t, chat.Public)); err != nil {
			return err
		}
		s.waits(t)
		return nil
	})
	return nil
}

// offered is told by the journal: the operator accepts after a moment, or now and then declines.
func (s *stage) offered(t *talk, to chat.UserID) {
	version := t.version
	accept := s.chance(92)
	s.in(s.between(10*time.Second, 45*time.Second), "offer", func(ctx context.Context) error {
		if t.status != chat.StatusOffered || t.version != version {
			return nil
		}
		if accept {
			_, err := s.chat.Accept(ctx, s.staff(to), s.step(t, chat.Public))
			return err
		}
		if _, err := s.chat.Decline(ctx, s.staff(to), s.step(t, chat.Desk)); err != nil {
			return err
		}
		return s.drain(ctx, t.department)
	})
}

// assigned is told by the journal: the operator begins, or goes on.
func (s *stage) assigned(t *talk) {
	if t.operator == "" {
		return
	}
	version := t.version
	s.in(s.between(15*time.Second, 2*time.Minute), "answer", func(ctx context.Context) error { return s.goOn(ctx, t, version) })
}

// goOn takes the next turn of the dialogue. The operator's are at odd places, the customer's at even ones.
func (s *stage) goOn(ctx context.Context, t *talk, version uint64) error {
	if t.status != chat.StatusActive || t.version != version {
		return nil
	}
	if t.turn >= len(t.dialogue.turns) || t.fate != ends && t.turn >= s.stopsAt(t) {
		return s.finish(ctx, t)
	}
	text := t.words.Replace(t.dialogue.turns[t.turn])
	by := s.as(t.customer)
	if t.turn%2 == 1 {
		by = s.staff(t.operator)
	}
	if err := s.write(ctx, t, by, chat.Public, text); err != nil {
		return err
	}
	t.turn++
	if err := s.aside(ctx, t, by); err != nil || t.version != version {
		return err
	}
	s.in(s.between(20*time.Second, 100*time.Second), "turn", func(ctx context.Context) error { return s.goOn(ctx, t, version) })
	return nil
}

// stopsAt is where a conversation that does not end comes to rest: of those that last, some wait for the operator.
func (s *stage) stopsAt(t *talk) int {
	if t.fate == lasts {
		return min(1+t.n%4, len(t.dialogue.turns))
	}
	return min(2, len(t.dialogue.turns))
}

// aside is what happens beside a turn: corrections, notes, tags, a transfer.
func (s *stage) aside(ctx context.Context, t *talk, by chat.Principal) error {
	if _, err := s.chat.Read(ctx, by, t.id, t.last[chat.Public]); err != nil && chat.CodeOf(err) != chat.CodeInvalid {
		return err
	}
	switch {
	case by.Role == chat.RoleCustomer && s.chance(6):
		_, err := s.chat.Edit(ctx, by, s.revision(t, t.words.Replace(t.dialogue.turns[t.turn-1])+" 🙂"))
		return err
	case by.Role == chat.RoleCustomer && s.chance(3):
		_, err := s.chat.Delete(ctx, by, s.revision(t, ""))
		return err
	case by.Role == chat.RoleCustomer:
		return nil
	}
	if t.turn == 2 && s.chance(75) {
		if _, err := s.chat.Tag(ctx, by, s.step(t, chat.Desk), []string{t.dialogue.tag}, nil); err != nil {
			return err
		}
	}
	if s.chance(12) {
		if err := s.write(ctx, t, by, chat.Desk, t.words.Replace(notes[s.rng.IntN(len(notes))])); err != nil {
			return err
		}
	}
	if t.turn == 2 && !t.moved && t.fate == ends && s.chance(12) {
		return s.pass(ctx, t, by)
	}
	return nil
}

// pass gives the conversation to another department.
func (s *stage) pass(ctx context.Context, t *talk, by chat.Principal) error {
	t.moved = true
	to := s.orders
	if t.department == s.orders {
		to = s.sizes
	}
	_, err := s.chat.Transfer(ctx, by, chat.Transfer{Step: s.step(t, chat.Public), Department: to, Note: t.words.Replace("Please look at {order}, it is more your kind of question.")})
	if err != nil {
		return err
	}
	s.waits(t)
	return s.freed(ctx, by.User)
}

// finish does what the fate says.
func (s *stage) finish(ctx context.Context, t *talk) error {
	by := s.staff(t.operator)
	switch t.fate {
	case lasts:
		return nil
	case putOff:
		_, err := s.chat.Snooze(ctx, by, s.step(t, chat.Desk), s.Now.Add(s.between(16*time.Hour, 60*time.Hour)))
		return errors.Join(err, s.freed(ctx, by.User))
	case sleeps:
		s.in(idleAfter+time.Second, "idle", func(ctx context.Context) error {
			return errors.Join(s.chat.Idle(ctx, chat.Ref{Workspace: s.Workspace, Conversation: t.id}, s.versionOf(ctx, t)), s.freed(ctx, by.User))
		})
		return nil
	default:
	}
	st := s.step(t, chat.Public)
	st.Reason = "solved"
	if _, err := s.chat.Close(ctx, by, st); err != nil {
		return err
	}
	if s.chance(55) {
		s.in(s.between(20*time.Second, 10*time.Minute), "rate", func(ctx context.Context) error {
			r := ratings[t.customer.language][s.rng.IntN(len(ratings[t.customer.language]))]
			_, err := s.chat.SubmitRating(ctx, s.as(t.customer), s.step(t, chat.Public), r.score, r.comment)
			return err
		})
	}
	return s.freed(ctx, by.User)
}

func (s *stage) versionOf(ctx context.Context, t *talk) uint64 {
	h, err := s.store.Head(ctx, chat.Ref{Workspace: s.Workspace, Conversation: t.id})
	if err != nil || h == nil {
		return 0
	}
	return h.Version
}

// freed lets routing look at what the operator could take now.
func (s *stage) freed(ctx context.Context, u chat.UserID) error {
	return s.chat.Drain(ctx, chat.RouteJob{Workspace: s.Workspace, Operator: u})
}

func (s *stage) as(c *customer) chat.Principal {
	return chat.Principal{Workspace: s.Workspace, User: c.user, Role: chat.RoleCustomer}
}

func (s *stage) staff(u chat.UserID) chat.Principal {
	i := slices.IndexFunc(s.Staff, func(p Person) bool { return p.User == u })
	p := s.Staff[i].principal(s.Workspace)
	p.Connection = "" // nobody listens: the desks of the demo are opened later
	return p
}

func (s *stage) message(t *talk, text string) chat.NewMessage {
	return chat.NewMessage{ID: s.event(t), Text: text}
}

func (s *stage) event(t *talk) chat.EventID {
	t.generated++
	return chat.EventID(s.id(chat.EventPrefix, s.now, fmt.Sprint("event ", t.n, " ", t.generated)))
}

func (s *stage) step(t *talk, track chat.Track) chat.Step {
	return chat.Step{Conversation: t.id, After: t.last[track], ID: s.event(t)}
}

func (s *stage) revision(t *talk, text string) chat.Revision {
	return chat.Revision{Conversation: t.id, Track: chat.Public, After: t.last[chat.Public], ID: s.event(t), Target: t.mine, Text: text}
}

func (s *stage) write(ctx context.Context, t *talk, by chat.Principal, track chat.Track, text string) error {
	out, err := s.chat.Send(ctx, by, t.id, track, t.last[track], []chat.NewMessage{s.message(t, text)})
	if err != nil {
		return err
	}
	s.summary.Messages++
	if track == chat.Public {
		t.mine = out.Acks[0].Event.Seq
	}
	return nil
}
