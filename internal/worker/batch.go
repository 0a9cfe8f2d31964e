package worker

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/parley-chat/parley/internal/queue"
)

// Retry brings failed messages back soon, as queue.Retry does.
type Retry interface {
	Return(context.Context, []queue.Returning) error
}

// patience is how long a message is left alone after its first, second and third failure. What fails for a moment
// (throttling, a write that lost against others) is done within seconds: a promise to a customer must not wait for the
// visibility timeout. What fails for longer comes again when that ends, so that the tries are not used up too soon.
var patience = [...]time.Duration{time.Second, 5 * time.Second, 15 * time.Second}

// batch is what becomes of a queue's batch.
type batch struct {
	ctx   context.Context
	log   *slog.Logger
	work  string
	retry Retry // nil: failures come again when their visibility timeout ends

	out  events.SQSEventResponse
	back []queue.Returning
}

// oneByOne carries out each message of a batch by itself, and reports those that are to come again. A malformed message
// is reported as well: after its receives it ends in the dead-letter queue, where somebody can look at it.
func (b *batch) oneByOne(e events.SQSEvent, do func(context.Context, string) error) events.SQSEventResponse {
	for _, m := range e.Records {
		if err := contained(func() error { return do(b.ctx, m.Body) }); err != nil {
			b.failed(m, err)
		}
	}
	return b.answer()
}

// failed reports a message that is to come again, and says in the log why.
func (b *batch) failed(m events.SQSMessage, err error) {
	receives := m.Attributes["ApproximateReceiveCount"]
	b.log.ErrorContext(b.ctx, b.work+" failed", "message", m.MessageId, "receives", receives, "error", err)
	b.again(m, pause(receives))
}

// again reports a message, which comes again after the pause; after its visibility timeout if there is none.
func (b *batch) again(m events.SQSMessage, after time.Duration) {
	b.out.BatchItemFailures = append(b.out.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
	if after > 0 {
		b.back = append(b.back, queue.Returning{Source: m.EventSourceARN, Receipt: m.ReceiptHandle, After: after})
	}
}

// answer is the answer to the mapping.
func (b *batch) answer() events.SQSEventResponse {
	if b.retry != nil && len(b.back) > 0 {
		if err := b.retry.Return(b.ctx, b.back); err != nil {
			b.log.WarnContext(b.ctx, b.work+": failed messages come again later than they could", "error", err)
		}
	}
	return b.out
}

// pause is how long a message is left alone that has been received so often.
func pause(receives string) time.Duration {
	if n, err := strconv.Atoi(receives); err == nil && n >= 1 && n <= len(patience) {
		return patience[n-1]
	}
	return 0
}

// contained makes a panic an error: the others of the batch must not suffer from one.
func contained(do func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	return do()
}
