// Package worker turns batches of queue messages and stream records into use cases, and their failures into
// partial batch failures. An error is never returned for the batch as a whole: it would repeat what succeeded.
package worker

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/aws/aws-lambda-go/events"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/queue"
)

// Deliver works off the delivery queue, and that of the live desk.
type Deliver struct {
	Delivery *chat.Delivery
	// Desk makes the broadcasts of the live desk, which come from a queue of their own.
	Desk *chat.LiveDesk
	Log  *slog.Logger
}

// Handle carries out each job and reports those to be delivered again. A malformed message is reported as
// well: after its receives it ends in the dead-letter queue, where somebody can look at it.
func (d *Deliver) Handle(ctx context.Context, e events.SQSEvent) (events.SQSEventResponse, error) {
	var out events.SQSEventResponse
	for _, m := range e.Records {
		if err := d.one(ctx, m.Body); err != nil {
			d.Log.ErrorContext(ctx, "delivery failed", "message", m.MessageId, "receives", m.Attributes["ApproximateReceiveCount"], "error", err)
			out.BatchItemFailures = append(out.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
		}
	}
	return out, nil
}

func (d *Deliver) one(ctx context.Context, body string) (err error) {
	defer func() {
		if v := recover(); v != nil { // the others of the batch must not suffer from this one
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
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
