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

// Automating lets the rules act that wait for a job's event, as workspace.Automation does.
type Automating interface {
	Handle(context.Context, chat.IntegrationJob) error
}

// Automate works off the automation queue.
type Automate struct {
	Rules Automating
	Log   *slog.Logger
}

// Handle works the batch off in order. Once a message of a group (a conversation) fails, those of the group behind it are
// reported too (Amazon SQS developer guide, "Implementing partial batch responses": FIFO queues).
func (a *Automate) Handle(ctx context.Context, e events.SQSEvent) (events.SQSEventResponse, error) {
	var out events.SQSEventResponse
	failed := map[string]bool{}
	for _, m := range e.Records {
		group := m.Attributes["MessageGroupId"]
		if !failed[group] {
			err := a.one(ctx, m.Body)
			if err == nil {
				continue
			}
			a.Log.ErrorContext(ctx, "automation failed", "message", m.MessageId, "receives", m.Attributes["ApproximateReceiveCount"], "error", err)
			failed[group] = true
		}
		out.BatchItemFailures = append(out.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
	}
	return out, nil
}

func (a *Automate) one(ctx context.Context, body string) (err error) {
	defer func() {
		if v := recover(); v != nil { // the others of the batch must not suffer from this one
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	job, err := queue.DecodeIntegration(body)
	if err != nil {
		return err
	}
	return a.Rules.Handle(ctx, job)
}
