package e2e

import (
	"context"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/client"
	"github.com/parley-chat/parley/localstack/e2e/world"
)

// duty sets an operator's duty and waits for the answer.
func duty(t *testing.T, p *world.Party, d chat.Duty) {
	t.Helper()
	p.Do(func(m *client.Machine) { m.Duty(d) })
	var refused chat.Code
	err := p.Until(within(t), func(m *client.Machine) bool {
		code, settled := m.DutySettled()
		refused = code
		return settled
	})
	if err != nil || refused != "" {
		t.Fatalf("duty %s: %v, %s", d, err, refused)
	}
}

// has waits until the party's view shows the conversation in a state.
func has(t *testing.T, p *world.Party, id chat.ConversationID, what string, cond func(*client.View) bool) {
	t.Helper()
	err := p.Until(within(t), func(m *client.Machine) bool { v := m.View(id); return v != nil && cond(v) })
	if err != nil {
		t.Fatalf("%s is not %s: %v", id, what, err)
	}
}

func owned(by chat.UserID) func(*client.View) bool {
	return func(v *client.View) bool { return v.Status == chat.StatusActive && v.Assignee == by }
}

// An operator on duty gets what waits by itself: what waited before, and what comes.
func TestRoutingAssigns(t *testing.T) {
	t.Parallel()
	ws := seed(t, 1)
	c, o := customer(t, ws, fast()), operator(t, ws, 0, fast())
	first, err := c.Start(within(t), "hello")
	must(t, err)
	duty(t, o, chat.DutyAccepting)
	second, err := customer(t, ws, fast()).Start(within(t), "me too")
	must(t, err)
	for _, id := range []chat.ConversationID{first, second} {
		has(t, o, id, "the operator's", owned(o.Session.User))
	}
	has(t, c, first, "known to be assigned", owned(o.Session.User))
	must(t, o.Say(first, "how can I help?"))
	converge(t, first, chat.Public, c, o)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	log, err := o.Log(ctx, first, chat.Desk)
	must(t, err)
	if len(log) == 0 || log[0].Type != chat.EventRouted || log[0].Detail.Decision.Policy != "spare_capacity" {
		t.Errorf("the desk does not say why: %+v", log)
	}
}

// Whoever waits knows the position with the first answer, and again on a socket of a reload.
func TestPositionFromTheFirstAnswer(t *testing.T) {
	t.Parallel()
	ws := seed(t, 1)
	_, err := customer(t, ws, fast()).Start(within(t), "I was first")
	must(t, err)
	c := customer(t, ws, fast())
	id, err := c.Start(within(t), "hello")
	must(t, err)
	must(t, c.Acked(within(t)))
	c.Do(func(m *client.Machine) {
		if v := m.View(id); v.Position.Position != 2 {
			t.Errorf("the answer to the start says %+v", v.Position)
		}
	})
	again, err := suite.Join(within(t), suite.API(ws), c.Session, fast())
	must(t, err)
	t.Cleanup(again.Close)
	has(t, again, id, "second in the queue", func(v *client.View) bool { return v.Position.Position == 2 })
}
