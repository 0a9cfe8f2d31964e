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

// Drainer gives out what waits, as chat.Service does.
type Drainer interface {
	Drain(context.Context, chat.RouteJob) error
}

// Route works off the routing queue.
type Route struct {
	Chat Drainer
	Log  *slog.Logger
}

// Handle works the batch off. Jobs that ask for the same are one: each looks at all that waits, and every message of the
// batch was sent before the first look. Once a message of a group fails, those of the group behind it are reported too
// (Amazon SQS developer guide, "Implementing partial batch responses": FIFO queues).
func (r *Route) Handle(ctx context.Context, e events.SQSEvent) (events.SQSEventResponse, error) {
	var out events.SQSEventResponse
	done, failed := map[chat.RouteJob]bool{}, map[string]bool{}
	for _, m := range e.Records {
		group := m.Attributes["MessageGroupId"]
		if failed[group] {
			out.BatchItemFailures = append(out.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
			continue
		}
		if err := r.one(ctx, m.Body, done); err != nil {
			r.Log.ErrorContext(ctx, "routing failed", "message", m.MessageId, "receives", m.Attributes["ApproximateReceiveCount"], "error", err)
			failed[group] = true
			out.BatchItemFailures = append(out.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
		}
	}
	return out, nil
}

func (r *Route) one(ctx context.Context, body string, done map[chat.RouteJob]bool) (err error) {
	defer func() {
		if v := recover(); v != nil { // the others of the batch must not suffer from this one
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	job, err := queue.DecodeRoute(body)
	if err != nil {
		return err
	}
	same := job
	same.Reason = ""
	if same.Operator != "" {
		same.Department = ""
	}
	if done[same] {
		return nil
	}
	if err := r.Chat.Drain(ctx, job); err != nil {
		return err
	}
	done[same] = true
	return nil
}
