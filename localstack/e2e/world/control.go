package world

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/parley-chat/parley/localstack/console"
	"github.com/parley-chat/parley/localstack/faults"
	"github.com/parley-chat/parley/localstack/gateway"
	"github.com/parley-chat/parley/localstack/meter"
)

// Break adds a fault rule and returns it with its id.
func (w *World) Break(ctx context.Context, rule faults.Rule) (faults.Rule, error) {
	b, err := json.Marshal(rule)
	if err != nil {
		return rule, err
	}
	// Counters are the answer's, not the request's.
	err = w.control(ctx, http.MethodPost, "/faults", bytes.NewReader(b), &rule)
	return rule, err
}

// Hits returns how often a fault rule has struck.
func (w *World) Hits(ctx context.Context, id string) (int, error) {
	var status faults.Status
	if err := w.get(ctx, "/faults", &status); err != nil {
		return 0, err
	}
	for _, r := range status.Rules {
		if r.ID == id {
			return r.Hits, nil
		}
	}
	return 0, fmt.Errorf("world: there is no fault rule %s", id)
}

// Unbreak removes one fault rule. A rule that is gone already is no error.
func (w *World) Unbreak(ctx context.Context, id string) {
	_ = w.control(ctx, http.MethodDelete, "/faults/"+url.PathEscape(id), nil, nil)
}

// Mend removes all fault rules.
func (w *World) Mend(ctx context.Context) error {
	return w.control(ctx, http.MethodDelete, "/faults", nil, nil)
}

// Kill kills the processes of a function and returns how many there were.
func (w *World) Kill(ctx context.Context, function string) (int, error) {
	var killed struct{ Killed int }
	err := w.control(ctx, http.MethodPost, "/kill?function="+url.QueryEscape(function), nil, &killed)
	return killed.Killed, err
}

// Usage returns what was metered since the last reset.
func (w *World) Usage(ctx context.Context) (meter.Report, error) {
	var r meter.Report
	err := w.get(ctx, "/usage", &r)
	return r, err
}

// ResetUsage starts metering anew.
func (w *World) ResetUsage(ctx context.Context) error {
	return w.control(ctx, http.MethodPost, "/usage/reset", nil, nil)
}

// State returns a snapshot of the local stack.
func (w *World) State(ctx context.Context) (console.State, error) {
	var s console.State
	err := w.get(ctx, "/state", &s)
	return s, err
}

// Connections lists the open sockets.
func (w *World) Connections(ctx context.Context) ([]gateway.ConnectionState, error) {
	var list []gateway.ConnectionState
	err := w.get(ctx, "/connections", &list)
	return list, err
}

// settledFor is how long nothing may have happened: longer than the batching windows of the template's mappings.
const settledFor = 1500 * time.Millisecond

// Settled waits until no queue holds a message and no function has run for a while: what is metered then is
// complete.
func (w *World) Settled(ctx context.Context) error {
	var last, invocations uint64
	since := time.Now()
	for {
		s, err := w.State(ctx)
		if err != nil {
			return err
		}
		var busy bool
		if busy, invocations = work(s); busy || invocations != last {
			last, since = invocations, time.Now()
		}
		if time.Since(since) > settledFor {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("world: still at work: %w", ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// work says whether something is under way, and how many invocations there were.
func work(s console.State) (busy bool, invocations uint64) {
	for _, q := range s.Queues {
		if len(q.DeadLettersOf) == 0 {
			busy = busy || q.Visible+q.InFlight > 0
		}
	}
	for _, f := range s.Functions {
		busy = busy || f.Waiting > 0
		for _, p := range f.Processes {
			busy = busy || p.RequestID != ""
			invocations += uint64(p.Invocations)
		}
	}
	return busy, invocations
}
