// Command cost measures, by the local stack's meter, what a typical conversation costs and what operators cost who are on
// duty while nothing happens, split by feature. It counts; it does not time.
//
// The conversation: a customer opens the widget and starts it, routing gives it to one of the operators on duty, the two
// write 12 messages with typing signals and read cursors, half-way it is transferred to another operator with a note, who
// closes it, and the customer rates it. Every step goes over real sockets, processes and queues, a few seconds apart, so
// that signals are as frequent as people's are.
//
// The live desk: operators on duty with the views of queue, colleagues and visitors open, visitors who go to another page
// every 30 s on average, and two new conversations a minute; measured at half the size, with all operators, and whole.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/parley-chat/parley/localstack/e2e/world"
)

func main() {
	o := options{}
	flag.IntVar(&o.conversations, "n", 20, "how many conversations, side by side")
	flag.IntVar(&o.operators, "operators", 20, "how many operators are on duty")
	flag.DurationVar(&o.idle, "idle", 4*time.Minute, "how long they are watched doing nothing")
	flag.DurationVar(&o.pace, "pace", 4*time.Second, "between two messages")
	flag.StringVar(&o.parts, "parts", "talk,desk", "what to measure: talk (conversations and idle operators), desk")
	flag.IntVar(&o.deskOperators, "desk-operators", 50, "how many operators look at the live desk")
	flag.IntVar(&o.deskVisitors, "desk-visitors", 1000, "how many visitors they see")
	flag.DurationVar(&o.deskTime, "desk-time", time.Minute, "how long the live desk is watched at each of its three sizes")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	ctx, cancel := context.WithTimeout(ctx, o.idle+3*o.deskTime+20*time.Minute)
	err := run(ctx, o)
	cancel()
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "cost:", err)
		os.Exit(1)
	}
}

type options struct {
	conversations, operators int
	idle, pace               time.Duration

	parts                       string
	deskOperators, deskVisitors int
	deskTime                    time.Duration
}

func run(ctx context.Context, o options) error {
	w, stop, err := world.Open(ctx, os.Getenv)
	if err != nil {
		return err
	}
	defer stop()
	for part := range strings.SplitSeq(o.parts, ",") {
		switch part {
		case "talk":
			err = measureTalk(ctx, w, o)
		case "desk":
			err = measureDesk(ctx, w, o)
		default:
			err = fmt.Errorf("-parts: there is no %q", part)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// measureTalk measures idle operators, and conversations.
func measureTalk(ctx context.Context, w *world.World, o options) error {
	p := &play{World: w, options: o}
	defer p.close()
	fmt.Fprintf(os.Stderr, "cost: %d operators come on duty\n", o.operators)
	if err := p.gather(ctx); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "cost: nothing happens for %s\n", o.idle)
	idle, err := p.measured(ctx, func() error { return pause(ctx, o.idle) })
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "cost: %d conversations\n", o.conversations)
	talk, err := p.measured(ctx, func() error { return p.converse(ctx) })
	if err != nil {
		return err
	}
	perMinute := idle.scaled(1 / idle.minutes)
	one := talk.less(perMinute.scaled(talk.minutes)).scaled(1 / float64(o.conversations))
	one.addConnection(conversationMinutes)
	fmt.Printf("A typical conversation: 12 messages, one transfer, a rating, typing and read cursors (mean of %d; what goes on anyway is taken off)\n\n", o.conversations)
	one.print(os.Stdout, 1000, "$ per 1,000")
	fmt.Printf("\n%d idle operators on duty, per month of 30 days around the clock (from %.1f minutes of %d)\n\n", idleOperators, idle.minutes, o.operators)
	sweep, own := perMinute.split()
	bill := own.scaled(month30 * idleOperators / float64(o.operators)).plus(sweep.scaled(month30))
	bill.addConnection(month30 * idleOperators)
	bill.print(os.Stdout, 1, "$")
	return nil
}
