package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/client"
	"github.com/parley-chat/parley/localstack/e2e/world"
	"github.com/parley-chat/parley/localstack/faults"
	"github.com/parley-chat/parley/localstack/meter"
	"github.com/parley-chat/parley/localstack/seam"
)

// play is the demonstration and what it has counted.
type play struct {
	world    *world.World
	screen   *screen
	customer *world.Party
	operator *world.Party
	id       chat.ConversationID
	before   meter.Report

	mu     sync.Mutex
	counts map[string]int
}

// answerPatience is how long the demo's clients wait for an answer: 10 s outside of demonstrations.
const answerPatience = 1500 * time.Millisecond

func (p *play) perform(ctx context.Context) error {
	if err := p.cast(ctx); err != nil {
		return err
	}
	scenes := []struct {
		title string
		play  func(context.Context) error
	}{
		{"A customer asks, an operator takes it", p.meet},
		{"The customer's connection drops in mid-send, and the operator goes on", p.drop},
		{"An acknowledgement is lost on its way", p.loseAck},
		{"The function is killed after it has stored the message, before it tells anybody", p.kill},
	}
	for i, s := range scenes {
		p.screen.title(i+1, s.title)
		if err := s.play(ctx); err != nil {
			return fmt.Errorf("%s: %w", s.title, err)
		}
	}
	p.screen.title(len(scenes)+1, "What is left of it")
	return p.check(ctx)
}

// cast makes a workspace, and connects both sides.
func (p *play) cast(ctx context.Context) error {
	p.counts = map[string]int{}
	ws, err := p.world.Seed(ctx, 1)
	if err != nil {
		return err
	}
	p.screen.line("%s on %s", p.screen.paint(bold, "Parley"), p.world.HTTP)
	p.screen.title(0, "Both sides connect")
	if p.customer, err = p.world.Customer(ctx, ws, p.options("customer", cyan)); err != nil {
		return err
	}
	if p.operator, err = p.world.Operator(ctx, ws, ws.Operators[0], p.options("operator", magenta)); err != nil {
		return err
	}
	if err := p.world.Settled(ctx); err != nil {
		return err
	}
	p.before, err = p.world.Usage(ctx)
	return err
}

func (p *play) close() {
	for _, party := range []*world.Party{p.customer, p.operator} {
		if party != nil {
			party.Close()
		}
	}
}

func (p *play) options(actor, hue string) client.Options {
	return client.Options{
		Settings: client.Settings{Answer: answerPatience, ConnectBase: 200 * time.Millisecond, RetryBase: 200 * time.Millisecond},
		OnFrame:  func(in bool, frame []byte) { p.screen.frame(actor, hue, in, frame) },
		OnNotice: p.notice,
	}
}

// notice counts what was healed.
func (p *play) notice(n client.Notice) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts[string(n.Kind)]++
	if n.Kind == client.Acked && n.Duplicate {
		p.counts["duplicate"]++
	}
}

func (p *play) meet(ctx context.Context) (err error) {
	if p.id, err = p.customer.Start(ctx, "My parcel has not come."); err != nil {
		return err
	}
	if err := p.operator.Take(ctx, p.id); err != nil {
		return err
	}
	return p.exchange(ctx, p.operator, "Let me look.")
}

// exchange lets one say something, and waits until it is acknowledged and the other sees it.
func (p *play) exchange(ctx context.Context, who *world.Party, text string) error {
	if err := who.Say(p.id, text); err != nil {
		return err
	}
	return p.settle(ctx)
}

// settle waits until nothing is pending and both show the same.
func (p *play) settle(ctx context.Context) error {
	for _, party := range []*world.Party{p.customer, p.operator} {
		if err := party.Acked(ctx); err != nil {
			return err
		}
	}
	log, err := p.operator.Log(ctx, p.id, chat.Public)
	if err != nil {
		return err
	}
	for _, party := range []*world.Party{p.customer, p.operator} {
		if err := party.Sees(ctx, p.id, chat.Public, uint64(len(log))); err != nil {
			return err
		}
	}
	return nil
}

func (p *play) drop(ctx context.Context) error {
	if err := p.customer.Say(p.id, "It should have been here on Friday."); err != nil {
		return err
	}
	p.screen.event("the customer's TCP connection is cut")
	p.customer.Drop()
	return p.exchange(ctx, p.operator, "It is in Leipzig.")
}

func (p *play) loseAck(ctx context.Context) error {
	p.screen.event("rule: the gateway loses the next answer")
	return p.broken(ctx, faults.Rule{Service: "gateway", Operation: "Response", Route: "send", Kind: seam.FaultLose, Times: 1}, p.customer, "When will it arrive?")
}

func (p *play) kill(ctx context.Context) error {
	p.screen.event("rule: kill -9 of the function after its next UpdateItem")
	rule := faults.Rule{Service: seam.DynamoDB, Operation: "UpdateItem", Function: "SocketFunction", Phase: seam.After, Kind: seam.FaultKill, Times: 1}
	if err := p.broken(ctx, rule, p.operator, "Tomorrow, by noon."); err != nil {
		return err
	}
	return p.exchange(ctx, p.customer, "Thank you!")
}

// broken exchanges a message under a fault, and fails if the fault did not happen.
func (p *play) broken(ctx context.Context, rule faults.Rule, who *world.Party, text string) error {
	rule, err := p.world.Break(ctx, rule)
	if err != nil {
		return err
	}
	defer p.world.Unbreak(context.WithoutCancel(ctx), rule.ID)
	if err := p.exchange(ctx, who, text); err != nil {
		return err
	}
	hits, err := p.world.Hits(ctx, rule.ID)
	if err == nil && hits != 1 {
		err = errors.New("the fault did not happen")
	}
	return err
}
