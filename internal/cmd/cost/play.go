package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/client"
	"github.com/parley-chat/parley/localstack/e2e/world"
	"github.com/parley-chat/parley/localstack/meter"
)

// play is the workspace with its people.
type play struct {
	*world.World
	options
	space     world.Workspace
	operators []*world.Party
}

func (p *play) close() {
	for _, o := range p.operators {
		o.Close()
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// gather brings the operators on duty.
func (p *play) gather(ctx context.Context) (err error) {
	if p.space, err = p.Seed(ctx, p.options.operators); err != nil {
		return err
	}
	if err := p.arrive(ctx, p.options.operators); err != nil {
		return err
	}
	return p.Settled(ctx)
}

// arrive lets operators come on duty until there are n.
func (p *play) arrive(ctx context.Context, n int) error {
	for _, m := range p.space.Operators[len(p.operators):n] {
		o, err := p.Operator(ctx, p.space, m, client.Options{})
		if err != nil {
			return err
		}
		p.operators = append(p.operators, o)
		o.Do(func(m *client.Machine) { m.Duty(chat.DutyAccepting) })
		err = o.Until(ctx, func(m *client.Machine) bool { _, settled := m.DutySettled(); return settled })
		if err != nil {
			return fmt.Errorf("coming on duty: %w", err)
		}
	}
	return nil
}

// measured is what the meter counts meanwhile.
func (p *play) measured(ctx context.Context, what func() error) (*bill, error) {
	before, err := p.Usage(ctx)
	if err != nil {
		return nil, err
	}
	if err := what(); err != nil {
		return nil, err
	}
	if err := p.Settled(ctx); err != nil {
		return nil, err
	}
	after, err := p.Usage(ctx)
	if err != nil {
		return nil, err
	}
	return between(before, after), nil
}

// converse plays all conversations side by side.
func (p *play) converse(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for i := range p.conversations {
		group.Go(func() error {
			if err := pause(ctx, time.Duration(i)*300*time.Millisecond); err != nil {
				return err
			}
			if err := p.conversation(ctx); err != nil {
				return fmt.Errorf("conversation %d: %w", i, err)
			}
			return nil
		})
	}
	return group.Wait()
}

const messages = 12

func (p *play) conversation(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, messages*p.pace+time.Minute)
	defer cancel()
	customer, err := p.Customer(ctx, p.space, client.Options{})
	if err != nil {
		return err
	}
	defer customer.Close()
	id, err := customer.Start(ctx, "Hello, where is my order? It should have been here on Monday.")
	if err != nil {
		return err
	}
	operator, err := p.assigned(ctx, customer, id)
	if err != nil {
		return err
	}
	for n := 2; n <= messages; n++ {
		by, other := operator, customer
		if n%2 == 1 {
			by, other = customer, operator
		}
		if err := p.turn(ctx, id, by, other, n); err != nil {
			return fmt.Errorf("message %d: %w", n, err)
		}
		if n != messages/2 {
			continue
		}
		if operator, err = p.transfer(ctx, id, operator); err != nil {
			return fmt.Errorf("transfer: %w", err)
		}
	}
	operator.Do(func(m *client.Machine) { _, err = m.Close(id, "solved") })
	if err != nil {
		return err
	}
	if err := operator.Acked(ctx); err != nil {
		return err
	}
	return p.command(ctx, customer, id, "rate", map[string]any{"score": 5, "comment": "Quick and friendly, thank you!"})
}

// turn is one message: the other has read what there is, somebody types, and what they write arrives.
func (p *play) turn(ctx context.Context, id chat.ConversationID, by, other *world.Party, n int) error {
	by.Do(func(m *client.Machine) {
		if v := m.View(id); v != nil {
			m.MarkRead(id, v.Applied(chat.Public))
		}
		m.Typing(id)
	})
	if err := pause(ctx, p.pace); err != nil {
		return err
	}
	before := uint64(0)
	other.Do(func(m *client.Machine) {
		if v := m.View(id); v != nil {
			before = v.Applied(chat.Public)
		}
	})
	if err := by.Say(id, fmt.Sprintf("This is message %d of a conversation as shops have them: a sentence or two, often less.", n)); err != nil {
		return err
	}
	if err := by.Acked(ctx); err != nil {
		return err
	}
	return other.Sees(ctx, id, chat.Public, before+1)
}

// assigned waits until routing has given the conversation to somebody.
func (p *play) assigned(ctx context.Context, customer *world.Party, id chat.ConversationID) (*world.Party, error) {
	var who chat.UserID
	err := customer.Until(ctx, func(m *client.Machine) bool {
		if v := m.View(id); v != nil && v.Status == chat.StatusActive {
			who = v.Assignee
		}
		return who != ""
	})
	if err != nil {
		return nil, fmt.Errorf("not assigned: %w", err)
	}
	return p.has(ctx, id, who)
}

// has waits until the operator's desk shows the conversation.
func (p *play) has(ctx context.Context, id chat.ConversationID, who chat.UserID) (*world.Party, error) {
	for _, o := range p.operators {
		if o.Session.User == who {
			return o, o.Until(ctx, func(m *client.Machine) bool {
				v := m.View(id)
				return v != nil && !v.Gone && v.Applied(chat.Public) > 0
			})
		}
	}
	return nil, fmt.Errorf("%s is nobody of ours", who)
}

// transfer passes the conversation on to the next colleague who has room.
func (p *play) transfer(ctx context.Context, id chat.ConversationID, from *world.Party) (*world.Party, error) {
	at := 0
	for i, o := range p.operators {
		if o == from {
			at = i
		}
	}
	var last error
	for i := 1; i < len(p.operators); i++ {
		to := p.operators[(at+i)%len(p.operators)]
		if last = p.command(ctx, from, id, "transfer", map[string]any{"operator": to.Session.User, "note": "Knows the carrier. The parcel is stuck at the depot."}); last == nil {
			return p.has(ctx, id, to.Session.User)
		}
	}
	return nil, errors.Join(errors.New("nobody takes it"), last)
}

// command issues a command over HTTP.
func (p *play) command(ctx context.Context, by *world.Party, id chat.ConversationID, action string, body any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.HTTP+"/v1/conversations/"+string(id)+"/"+action, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+by.Session.Token)
	req.Header.Set("Origin", by.API.Origin)
	req.Header.Set("Content-Type", "application/json")
	res, err := p.Client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %d %s %w", action, res.StatusCode, answer, errors.Join(err))
	}
	return nil
}

// between makes a bill of what two reports differ by.
func between(before, after meter.Report) *bill {
	b := newBill(after.To.Sub(before.To).Minutes())
	b.add(after, 1)
	b.add(before, -1)
	return b
}
