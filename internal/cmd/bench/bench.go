package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/cmd/bench/load"
	"github.com/parley-chat/parley/internal/cmd/bench/proc"
	"github.com/parley-chat/parley/localstack/e2e/world"
)

// bench runs a plan.
type bench struct {
	plan
	dir      string
	core     int // of the server, -1 when not pinned
	progress io.Writer

	stack *world.Stack
}

func (b *bench) say(format string, args ...any) {
	_, _ = fmt.Fprintf(b.progress, "bench: "+format+"\n", args...) // progress only
}

func (b *bench) run(ctx context.Context, modes string, r *report) error {
	root, dir, binary, err := build(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // a directory of our own in the temporary one
	for _, mode := range strings.Split(modes, ",") {
		o := world.StackOptions{Binary: binary, Root: root}
		var measure func(context.Context, *figures) error
		switch mode {
		case "memory":
			measure = b.memory
		case "durable":
			measure = b.durable
			data, err := os.MkdirTemp(b.dir, "parley-data-")
			if err != nil {
				return err
			}
			defer func() { _ = os.RemoveAll(data) }()
			o.Data = data
		default:
			return fmt.Errorf("mode %q is neither memory nor durable", mode)
		}
		f := &figures{Mode: mode}
		r.Modes = append(r.Modes, f)
		if err := b.with(ctx, o, func() error { return measure(ctx, f) }); err != nil {
			return fmt.Errorf("%s: %w", mode, err)
		}
	}
	return nil
}

// with runs something on a fresh stack on the server's core.
func (b *bench) with(ctx context.Context, o world.StackOptions, measure func() error) (err error) {
	b.say("starting the stack")
	start := func() error { b.stack, err = world.Start(ctx, o); return err }
	if b.core >= 0 {
		err = proc.StartOn(b.core, generatorCore, start)
	} else {
		err = start()
	}
	if err != nil {
		return err
	}
	defer func() { _ = b.stack.Stop() }() // its figures are taken
	return measure()
}

func (b *bench) sample(memory bool) proc.Sample {
	s, err := proc.Take(b.stack.PID(), b.core, memory)
	if err != nil {
		b.say("%v", err)
	}
	return s
}

// memory measures everything.
func (b *bench) memory(ctx context.Context, f *figures) error {
	f.AtRest = b.sample(true).PSS
	crowd, err := b.gather(ctx, b.pairs)
	if err != nil {
		return err
	}
	err = b.talk(ctx, crowd, b.rates, f)
	if err == nil && b.storm == b.pairs {
		err = b.storming(ctx, crowd, f)
	}
	crowd.Close()
	if err != nil {
		return err
	}
	if err := b.connecting(ctx, f); err != nil {
		return err
	}
	if err := b.fanouts(ctx, f); err != nil || b.storm == b.pairs {
		return err
	}
	if crowd, err = b.gather(ctx, b.storm); err != nil {
		return err
	}
	defer crowd.Close()
	return b.storming(ctx, crowd, f)
}

// durable measures what depends on the disk.
func (b *bench) durable(ctx context.Context, f *figures) error {
	f.AtRest = b.sample(true).PSS
	crowd, err := b.gather(ctx, b.pairs)
	if err != nil {
		return err
	}
	defer crowd.Close()
	return b.talk(ctx, crowd, b.durableRates, f)
}

// settled waits until one measurement has left nothing behind for the next; a quick run has no time for that.
func (b *bench) settled(ctx context.Context) error {
	if b.hasty {
		return nil
	}
	return b.stack.Settled(ctx)
}

func (b *bench) gather(ctx context.Context, n int) (*load.Crowd, error) {
	b.say("%d conversations of two", n)
	crowd, err := load.Gather(ctx, b.stack.World, n)
	if err != nil {
		return nil, err
	}
	// Warm up: processes, pools, the tails of the conversations.
	crowd.Poisson(ctx, 200, time.Second)
	if !b.hasty { // what customers are told while they wait is no part of a message: let it fall due before
		select {
		case <-time.After(chat.PromiseAfter + 5*time.Second):
		case <-ctx.Done():
		}
	}
	if err := b.settled(ctx); err != nil {
		crowd.Close()
		return nil, err
	}
	return crowd, nil
}

// talk measures messages at several rates, what one costs, and saturation.
func (b *bench) talk(ctx context.Context, crowd *load.Crowd, rates []float64, f *figures) error {
	for i, rate := range rates {
		b.say("%.0f messages/s for %s", rate, b.each)
		before, err := b.stack.Usage(ctx)
		if err != nil {
			return err
		}
		start := b.sample(false)
		result := crowd.Poisson(ctx, rate, b.each)
		f.Rates = append(f.Rates, talked(rate, result, b.sample(false).Since(start)))
		if i > 0 {
			continue
		}
		if err := b.stack.Settled(ctx); err != nil {
			return err
		}
		after, err := b.stack.Usage(ctx)
		if err != nil {
			return err
		}
		f.Cost = costOf(before, after, result.Acked)
	}
	b.say("%d messages in flight for %s", b.inFlight, b.each)
	start := b.sample(false)
	result := crowd.Saturate(ctx, b.inFlight, b.each)
	saturated := talked(0, result, b.sample(false).Since(start))
	f.Saturated = &saturated
	return b.settled(ctx)
}

func talked(rate float64, r load.Result, spent proc.Spent) talk {
	t := talk{Rate: rate, Result: r, Noise: spent.Others}
	if r.Acked > 0 {
		t.CPUPerMessage = spent.CPU.Seconds() * 1e6 / float64(r.Acked)
	}
	return t
}

// connecting measures how fast sockets open, and what an idle one holds.
func (b *bench) connecting(ctx context.Context, f *figures) error {
	b.say("%d sockets", b.connect)
	space, err := b.stack.Seed(ctx, 0)
	if err != nil {
		return err
	}
	tokens, err := load.Sessions(ctx, b.stack.World, space, b.connect)
	if err != nil {
		return err
	}
	warm, err := load.Connect(ctx, b.stack.API(space), tokens[:min(len(tokens), 100)])
	load.CloseAll(warm)
	if err != nil {
		return err
	}
	if err := b.settled(ctx); err != nil {
		return err
	}
	start := b.sample(true)
	sockets, err := load.Connect(ctx, b.stack.API(space), tokens)
	defer load.CloseAll(sockets)
	if err != nil {
		return err
	}
	spent := b.sample(false).Since(start)
	if err := b.settled(ctx); err != nil {
		return err
	}
	n := float64(b.connect)
	f.Connect = &connect{Sockets: b.connect, PerSecond: n / spent.Wall.Seconds(), CPU: spent.CPU.Seconds() * 1000 / n,
		BytesEach: float64(b.sample(true).PSS-start.PSS) / n, Noise: spent.Others}
	return nil
}

func (b *bench) fanouts(ctx context.Context, f *figures) error {
	for _, n := range b.fanout {
		b.say("one message to %d listeners", n)
		var start proc.Sample
		result, err := load.Fanout(ctx, b.stack.World, n, b.messages, func() error {
			err := b.settled(ctx)
			start = b.sample(false)
			return err
		})
		if err != nil {
			return err
		}
		spent := b.sample(false).Since(start)
		f.Fanout = append(f.Fanout, fanout{result, spent.CPU.Seconds() * 1e6 / float64(n*b.messages), spent.Others})
		if err := b.settled(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) storming(ctx context.Context, crowd *load.Crowd, f *figures) error {
	b.say("%d clients come back at once, each missed %d messages", b.storm, b.missed)
	start := b.sample(false)
	result, err := crowd.Storm(ctx, b.missed)
	if err != nil {
		return err
	}
	spent := b.sample(false).Since(start)
	f.Storm = &storm{result, spent.Others}
	return nil
}
