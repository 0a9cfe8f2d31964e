package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/client"
	"github.com/parley-chat/parley/localstack/e2e/rig"
)

// script is a short play that makes the functions make every AWS call that they can make: a customer with two
// tabs and an operator, from the start of a conversation to its end.
type script struct {
	*rig.Scene
	customer, tab, operator *rig.Person
	refused                 int // commands that were refused
	played                  chat.ConversationID
}

func newScript(t *testing.T, r *rig.Rig, settings client.Settings) *script {
	t.Helper()
	ctx := limit(t, 30*time.Second)
	s := &script{Scene: r.Scene()}
	t.Cleanup(s.Close)
	space, err := s.Space(ctx, 1)
	must(t, err)
	s.customer, err = s.Customer(ctx, space, settings, nil)
	must(t, err)
	s.tab, err = s.Tab(ctx, s.customer, settings)
	must(t, err)
	s.operator, err = s.Operator(ctx, space, 0, settings, nil)
	must(t, err)
	return s
}

// filler makes a text long enough for the relay to move the tail into a chunk.
var filler = strings.Repeat(".", 160)

// play plays one conversation. What the customer's second tab does is cut off, and comes back.
func (s *script) play(ctx context.Context) error {
	id, err := s.customer.Start("hello", "is anybody there?")
	if err != nil {
		return err
	}
	s.played = id
	var welcomes int64
	steps := []func() error{
		func() error { return s.acked(ctx, s.customer) },
		func() error { return s.operator.Take(id) },
		func() error { return s.acked(ctx, s.operator) },
		func() error { return s.talk(ctx, id) },
		func() error { return s.revise(ctx, id) },
		func() error {
			welcomes = s.tab.Welcomes()
			s.tab.Drop()
			return s.operator.Send(id, chat.Public, "to a tab that is gone"+filler)
		},
		func() error { return s.acked(ctx, s.operator) },
		func() error { // a hello that is cut off may write its socket's row after $disconnect
			return s.tab.Until(ctx, func(*client.Machine) bool { return s.tab.Welcomes() > welcomes })
		},
		s.tab.Restart,
		func() error { return s.tab.Ready(ctx) },
		func() error { return s.shown(ctx, s.tab, id) },
		func() error { return s.tab.Send(id, chat.Public, "back again") },
		func() error { return s.acked(ctx, s.tab) },
		func() error { return s.operator.End(id) },
		func() error { return s.acked(ctx, s.operator) },
		func() error { return s.customer.Send(id, chat.Public, "one more thing") },
		func() error { return s.acked(ctx, s.customer) },
	}
	for i, step := range steps {
		if err := step(); err != nil {
			return fmt.Errorf("step %d: %w", i, err)
		}
	}
	return nil
}

// lastWord has the operator say something more. Nothing follows that would show the others that they miss it: what
// they are owed must come to them.
func (s *script) lastWord(ctx context.Context) error {
	if err := s.operator.Send(s.played, chat.Public, "last word"); err != nil {
		return err
	}
	return s.acked(ctx, s.operator)
}

// talk has both speak at once.
func (s *script) talk(ctx context.Context, id chat.ConversationID) error {
	for i := range 3 {
		if err := errors.Join(
			s.customer.Send(id, chat.Public, fmt.Sprint("c", i, filler)),
			s.operator.Send(id, chat.Public, fmt.Sprint("o", i, filler)),
			s.operator.Send(id, chat.Desk, fmt.Sprint("n", i, filler)),
		); err != nil {
			return err
		}
	}
	return errors.Join(s.acked(ctx, s.customer), s.acked(ctx, s.operator))
}

// revise has each change a message of their own, and the customer read.
func (s *script) revise(ctx context.Context, id chat.ConversationID) error {
	c, o := lastOwn(s.customer, id), lastOwn(s.operator, id)
	if c == 0 || o == 0 {
		return errors.New("nobody has said anything")
	}
	s.customer.Do(func(m *client.Machine) { m.Typing(id) })
	if err := errors.Join(s.customer.Edit(id, chat.Public, c, "edited"), s.operator.Delete(id, chat.Public, o)); err != nil {
		return err
	}
	return errors.Join(s.acked(ctx, s.customer), s.acked(ctx, s.operator))
}

// acked waits for the outbox; refusals are counted, and dropped as a user would.
func (s *script) acked(ctx context.Context, p *rig.Person) error {
	_, err := p.Acked(ctx)
	s.refused += p.Discard()
	return err
}

// shown waits until the person has a view of the conversation, to write after.
func (s *script) shown(ctx context.Context, p *rig.Person, id chat.ConversationID) error {
	return p.Until(ctx, func(m *client.Machine) bool { v := m.View(id); return v != nil && v.Applied(chat.Public) > 0 })
}

// lastOwn is the seq of the person's newest message.
func lastOwn(p *rig.Person, id chat.ConversationID) (seq uint64) {
	p.Do(func(m *client.Machine) {
		v := m.View(id)
		if v == nil {
			return
		}
		for _, e := range slices.Backward(v.Events(chat.Public)) {
			if e.Sender == p.User && e.Type == chat.EventMessage {
				seq = e.Seq
				return
			}
		}
	})
	return seq
}
