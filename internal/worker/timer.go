package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"

	"github.com/aws/aws-lambda-go/events"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/queue"
)

// Firing carries out timers, as chat.Timekeeper does.
type Firing interface {
	Fire(context.Context, chat.Timer) error
}

// Sweeping is what happens once a minute, as chat.Sweep does it.
type Sweeping interface {
	Run(context.Context) error
}

// Timer works off the timer queue, and once a minute sweeps. It is a lambda.Handler.
type Timer struct {
	Timers Firing
	Sweep  Sweeping
	// Retry brings failed timers back soon; nil leaves them to their visibility timeout.
	Retry Retry
	Log   *slog.Logger
}

// Invoke tells the queue's events from the schedule's, which have no records.
func (t *Timer) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var e struct {
		events.SQSEvent
		Source string `json:"source"`
	}
	if err := json.Unmarshal(payload, &e); err != nil {
		return nil, fmt.Errorf("%w: %w", queue.ErrMalformed, err)
	}
	if e.Source == "aws.events" || e.Source == "aws.scheduler" {
		if err := t.Sweep.Run(ctx); err != nil { // the schedule's next run goes on where this one failed
			t.Log.ErrorContext(ctx, "sweep failed", "error", err)
			return nil, err
		}
		return []byte("{}"), nil
	}
	return json.Marshal(t.Handle(ctx, e.SQSEvent))
}

// Handle carries out each timer and reports those that are to come again.
func (t *Timer) Handle(ctx context.Context, e events.SQSEvent) events.SQSEventResponse {
	b := batch{ctx: ctx, log: t.Log, work: "timer", retry: t.Retry}
	return b.oneByOne(e, t.one)
}

func (t *Timer) one(ctx context.Context, body string) error {
	timer, err := queue.DecodeTimer(body)
	if err != nil {
		return err
	}
	return t.Timers.Fire(ctx, timer)
}
