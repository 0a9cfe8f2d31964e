package worker

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/aws/aws-lambda-go/events"
)

// oneByOne carries out each message of a batch by itself, and reports those that are to come again. A malformed message
// is reported as well: after its receives it ends in the dead-letter queue, where somebody can look at it.
func oneByOne(ctx context.Context, log *slog.Logger, work string, e events.SQSEvent, do func(context.Context, string) error) events.SQSEventResponse {
	var out events.SQSEventResponse
	for _, m := range e.Records {
		if err := contained(func() error { return do(ctx, m.Body) }); err != nil {
			out.BatchItemFailures = append(out.BatchItemFailures, again(ctx, log, work, m, err))
		}
	}
	return out
}

// again says in the log why a message is to come again.
func again(ctx context.Context, log *slog.Logger, work string, m events.SQSMessage, err error) events.SQSBatchItemFailure {
	log.ErrorContext(ctx, work+" failed", "message", m.MessageId, "receives", m.Attributes["ApproximateReceiveCount"], "error", err)
	return events.SQSBatchItemFailure{ItemIdentifier: m.MessageId}
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
