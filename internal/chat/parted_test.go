package chat_test

import (
	"slices"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
)

// parting is a command after which its actor takes no part in the conversation any more: by the command itself, or by what
// another does before the actor has heard of it.
type parting struct {
	actor func(*offered) chat.Principal
	do    func(*offered, chat.Principal, chat.Step) (*chat.Outcome, error)
	then  func(*offered) error
}

func isOffered(o *offered) chat.Principal { return o.to }

func hasAccepted(o *offered) chat.Principal {
	_, err := o.svc.Accept(o.Context(), o.to, o.stepOn(o.id))
	o.must(err)
	return o.to
}

func takenAway(o *offered) error {
	_, err := o.svc.TakeOver(o.Context(), o.supervisor, o.stepOn(o.id), false)
	return err
}

func message(st chat.Step) []chat.NewMessage {
	return []chat.NewMessage{{ID: st.ID, Text: "one moment"}}
}

// partings are all of them, on either track, by append and by transition.
var partings = map[string]parting{
	"decline": {isOffered, func(o *offered, p chat.Principal, st chat.Step) (*chat.Outcome, error) {
		return o.svc.Decline(o.Context(), p, st)
	}, nil},
	"transfer to an operator": {hasAccepted, func(o *offered, p chat.Principal, st chat.Step) (*chat.Outcome, error) {
		return o.svc.Transfer(o.Context(), p, chat.Transfer{Step: st, Operator: o.another.User, Note: "yours"})
	}, nil},
	"transfer to one who has left by the retry": {hasAccepted, func(o *offered, p chat.Principal, st chat.Step) (*chat.Outcome, error) {
		return o.svc.Transfer(o.Context(), p, chat.Transfer{Step: st, Operator: o.another.User})
	}, func(o *offered) error { delete(o.staff, o.another.User); return nil }},
	"transfer to a department": {hasAccepted, func(o *offered, p chat.Principal, st chat.Step) (*chat.Outcome, error) {
		return o.svc.Transfer(o.Context(), p, chat.Transfer{Step: st, Department: o.department})
	}, nil},
	"transfer to the bot": {hasAccepted, func(o *offered, p chat.Principal, st chat.Step) (*chat.Outcome, error) {
		return o.svc.Transfer(o.Context(), p, chat.Transfer{Step: st, Bot: true})
	}, nil},
	"unwatch": {func(o *offered) chat.Principal {
		_, err := o.svc.Watch(o.Context(), o.supervisor, o.stepOn(o.id))
		o.must(err)
		p := o.supervisor // has come to another department since
		p.Departments = chat.JoinDepartments(chat.DepartmentID(o.world.id(chat.DepartmentPrefix)))
		return p
	}, func(o *offered, p chat.Principal, st chat.Step) (*chat.Outcome, error) {
		return o.svc.Unwatch(o.Context(), p, st)
	}, nil},
	"assign by one who came to another department": {func(o *offered) chat.Principal {
		_, err := o.svc.TakeOver(o.Context(), o.supervisor, o.stepOn(o.id), false)
		o.must(err)
		p := o.supervisor
		p.Departments = chat.JoinDepartments(chat.DepartmentID(o.world.id(chat.DepartmentPrefix)))
		return p
	}, func(o *offered, p chat.Principal, st chat.Step) (*chat.Outcome, error) {
		return o.svc.Assign(o.Context(), p, st, o.another.User)
	}, nil},
	"accept, and taken over": {isOffered, func(o *offered, p chat.Principal, st chat.Step) (*chat.Outcome, error) {
		return o.svc.Accept(o.Context(), p, st)
	}, takenAway},
	"snooze, and taken over": {hasAccepted, func(o *offered, p chat.Principal, st chat.Step) (*chat.Outcome, error) {
		return o.svc.Snooze(o.Context(), p, st, o.clock.Now().Add(chat.MaxSnooze/2))
	}, takenAway},
	"tag, and taken over": {hasAccepted, func(o *offered, p chat.Principal, st chat.Step) (*chat.Outcome, error) {
		return o.svc.Tag(o.Context(), p, st, []string{"vip"}, nil)
	}, takenAway},
	"send, and taken over": {hasAccepted, func(o *offered, p chat.Principal, st chat.Step) (*chat.Outcome, error) {
		return o.svc.Send(o.Context(), p, st.Conversation, chat.Public, st.After, message(st))
	}, takenAway},
	"edit, and taken over": {hasAccepted, func(o *offered, p chat.Principal, st chat.Step) (*chat.Outcome, error) {
		const own = 4 // started, message, assigned
		if o.of(o.id).Public.Last < own {
			_, err := o.svc.Send(o.Context(), p, st.Conversation, chat.Public, 0, o.messages("first"))
			o.must(err)
		}
		return o.svc.Edit(o.Context(), p, chat.Revision{Conversation: st.Conversation, Track: chat.Public, ID: st.ID, Target: own, Text: "better"})
	}, takenAway},
}

// A refusal means that nothing was done: whose part has ended with the command, or since, and who has not heard that it was
// stored, hears it when they send the same again, also once the log's tail has moved, and nothing of what came since. Their
// other sockets hear that it is gone. It is stored once.
func TestPartedRetryIsAcknowledged(t *testing.T) {
	t.Parallel()
	for name, c := range partings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffered(t)
			p := c.actor(o)
			tab := p
			tab.Connection = "another-tab"
			_, err := o.svc.Hello(t.Context(), tab, nil, "")
			o.must(err)
			st := o.stepOn(o.id)
			first, err := c.do(o, p, st)
			o.must(err)
			if c.then != nil {
				o.must(c.then(o))
			}
			_, err = o.svc.Send(t.Context(), o.customer, o.id, chat.Public, 0, o.messages("not for those who have left"))
			o.must(err)
			o.conv = o.id
			o.moveTail(chat.Public, 0)
			o.moveTail(chat.Desk, 0)
			if _, in := o.of(o.id).Participants[p.User]; in {
				t.Fatal("still takes part")
			}
			before := o.store.Dump()
			again, err := c.do(o, p, st)
			o.must(err)
			if len(again.Acks) != 1 || !again.Acks[0].Duplicate || again.Acks[0].Event.Seq != first.Acks[0].Event.Seq || len(again.Missed) > 0 {
				t.Fatalf("%+v, missed %+v", again.Acks, again.Missed)
			}
			o.same(o.store.Dump(), before)
			pushed := o.commit(p, again, nil)
			if !slices.Contains(pushed, "another-tab gone") || slices.Contains(pushed, string(p.Connection)+" gone") {
				t.Errorf("pushed: %v", pushed)
			}
			st.ID = o.eventID()
			_, err = c.do(o, p, st)
			o.refused(err, chat.CodeNotFound)
			stranger := o.colleague("stranger", 1)
			stranger.Role, stranger.Departments = p.Role, chat.JoinDepartments(chat.DepartmentID(o.world.id(chat.DepartmentPrefix)))
			st.ID = first.Acks[0].Event.ID // another's id proves nothing
			_, err = c.do(o, stranger, st)
			o.refused(err, chat.CodeNotFound)
		})
	}
}

// A write whose answer is lost between storage and server ends its actor's part all the same: the server's own retry
// finds it.
func TestPartingWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	for name, c := range partings {
		if c.then != nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffered(t)
			p := c.actor(o)
			struck := o.fault("Transition", 1, true)
			out, err := c.do(o, p, o.stepOn(o.id))
			o.must(err)
			if *struck != 1 || len(out.Acks) != 1 || !out.Acks[0].Duplicate {
				t.Fatalf("struck %d: %+v", *struck, out.Acks)
			}
		})
	}
}

// Whoever gives a conversation away hears on their other sockets that it is gone, and nothing more of it.
func TestOwnTabsHearThatItIsGone(t *testing.T) {
	t.Parallel()
	o := newOffered(t)
	p := hasAccepted(o)
	tab := p
	tab.Connection = "another-tab"
	_, err := o.svc.Hello(t.Context(), tab, nil, "")
	o.must(err)
	out, err := o.svc.Transfer(t.Context(), p, chat.Transfer{Step: o.stepOn(o.id), Operator: o.another.User})
	var heard []string
	for _, post := range append(o.commit(p, out, err), o.drainQueue()...) {
		if len(post) > len("another-tab") && post[:len("another-tab")] == "another-tab" {
			heard = append(heard, post)
		}
	}
	o.same(heard, []string{"another-tab gone"})
}
