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
	// Retry brings failed jobs back soon; nil leaves them to their visibility timeout.
	Retry Retry
	Log   *slog.Logger
}

// Handle works the batch off in order. Once a message of a group (a conversation) fails, those of the group behind it are
// reported too (Amazon SQS developer guide, "Implementing partial batch responses": FIFO queues).
func (a *Automate) Handle(ctx context.Context, e events.SQSEvent) (events.SQSEventResponse, error) {
	b := batch{ctx: ctx, log: a.Log, work: "automation", retry: a.Retry}
	failed := map[string]events.SQSMessage{} // the first of each group
	for _, m := range e.Records {
		group := m.Attributes["MessageGroupId"]
		if first, ok := failed[group]; ok {
			b.again(m, pause(first.Attributes["ApproximateReceiveCount"])) // with it: one in flight holds back the group
		} else if err := contained(func() error { return a.one(ctx, m.Body) }); err != nil {
			failed[group] = m
			b.failed(m, err)
		}
	}
	return b.answer(), nil
}

func (a *Automate) one(ctx context.Context, body string) error {
	job, err := queue.DecodeIntegration(body)
	if err != nil {
		return err
	}
	return a.Rules.Handle(ctx, job)
}
