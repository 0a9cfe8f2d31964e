package worker

import (
	"context"
	"log/slog"

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
		if failed[group] {
			out.BatchItemFailures = append(out.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
		} else if err := contained(func() error { return a.one(ctx, m.Body) }); err != nil {
			failed[group] = true
			out.BatchItemFailures = append(out.BatchItemFailures, again(ctx, a.Log, "automation", m, err))
		}
	}
	return out, nil
}

func (a *Automate) one(ctx context.Context, body string) error {
	job, err := queue.DecodeIntegration(body)
	if err != nil {
		return err
	}
	return a.Rules.Handle(ctx, job)
}
