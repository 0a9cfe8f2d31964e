// Package worker turns batches of queue messages and stream records into use cases, and their failures into
// partial batch failures. An error is never returned for the batch as a whole: it would repeat what succeeded.
package worker

import (
	"context"
	"log/slog"

	"github.com/aws/aws-lambda-go/events"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/queue"
)

// Deliver works off the delivery queue, and that of the live desk.
type Deliver struct {
	Delivery *chat.Delivery
	// Desk makes the broadcasts of the live desk, which come from a queue of their own.
	Desk *chat.LiveDesk
	// Retry brings failed jobs back soon; nil leaves them to their visibility timeout.
	Retry Retry
	Log   *slog.Logger
}

// Handle carries out each job and reports those to be delivered again.
func (d *Deliver) Handle(ctx context.Context, e events.SQSEvent) (events.SQSEventResponse, error) {
	b := batch{ctx: ctx, log: d.Log, work: "delivery", retry: d.Retry}
	return b.oneByOne(e, d.one), nil
}

func (d *Deliver) one(ctx context.Context, body string) error {
	if desk, ok, err := queue.DecodeDesk(body); ok || err != nil {
		if err != nil {
			return err
		}
		return d.Desk.Work(ctx, desk)
	}
	job, err := queue.DecodeDelivery(body)
	if err != nil {
		return err
	}
	return d.Delivery.Work(ctx, job)
}
