package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/localstack/e2e/rig"
)

// workers share the pairs among them; each person is one worker's.
const workers = 8

// load sends the messages at their rate, over pairs in turn.
type load struct {
	config
	conversations []chat.ConversationID
	pairs         []pair
	sent          atomic.Int64
	reborn        atomic.Int64 // clients that died and came back with their outbox
}

// begin has each customer start a conversation and their operator take it.
func (l *load) begin(ctx context.Context) error {
	for _, p := range l.pairs {
		id, err := p.customer.Start("hello")
		if err != nil {
			return err
		}
		l.conversations = append(l.conversations, id)
	}
	for i, p := range l.pairs {
		if _, err := p.customer.Acked(ctx); err != nil {
			return err
		}
		if err := p.operator.Take(l.conversations[i]); err != nil {
			return err
		}
	}
	for _, p := range l.pairs {
		if _, err := p.operator.Acked(ctx); err != nil {
			return err
		}
	}
	return nil
}

// run sends all messages.
func (l *load) run(ctx context.Context) error {
	var wg sync.WaitGroup
	errs := make([]error, workers)
	for w := range workers {
		wg.Go(func() { errs[w] = l.work(ctx, w) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// work sends one worker's share: message n of the whole is due at n/rate, so that a slow moment is made up for.
func (l *load) work(ctx context.Context, w int) error {
	rng := rand.New(rand.NewPCG(l.seed, uint64(w)))
	start := time.Now()
	var mine []int
	for i := w; i < len(l.pairs); i += workers {
		mine = append(mine, i)
	}
	for k := 0; len(mine) > 0; k++ {
		n := k*workers + w
		if n >= l.messages {
			return nil
		}
		due := start.Add(time.Duration(float64(n) / l.rate * float64(time.Second)))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Until(due)):
		}
		if err := l.send(mine[k%len(mine)], k/len(mine), n, rng); err != nil {
			return err
		}
	}
	return nil
}

// customerShare: one message in four is the customer's, so that nobody writes so much that the rate limit mutes them.
const customerShare = 4

// rebirth is how many messages there are to one death of a client.
const rebirth = 150

func (l *load) send(i, turn, n int, rng *rand.Rand) error {
	p := l.pairs[i].operator
	if turn%customerShare == 0 {
		p = l.pairs[i].customer
	}
	if rng.IntN(rebirth) == 0 {
		l.reborn.Add(1)
		if err := p.Restart(); err != nil {
			return err
		}
	}
	l.sent.Add(1)
	return p.Send(l.conversations[i], chat.Public, fmt.Sprintf("message %d %0100d", n, n))
}

// people of all pairs.
func (l *load) people() (all []*rig.Person) {
	for _, p := range l.pairs {
		all = append(all, p.customer, p.operator)
	}
	return all
}
