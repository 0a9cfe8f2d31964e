package worker

import (
	"context"
	"log/slog"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/queue"
)

// Drainer gives out what waits, as chat.Service does. The jobs are of one workspace.
type Drainer interface {
	Drain(context.Context, ...chat.RouteJob) error
}

// Route works off the routing queue.
type Route struct {
	Chat Drainer
	Log  *slog.Logger
}

// Handle works the batch off, the jobs of a workspace as one: each looks at all that waits, and every message of the
// batch was sent before the first look. No order matters, so a message that fails holds up no other.
func (r *Route) Handle(ctx context.Context, e events.SQSEvent) (events.SQSEventResponse, error) {
	b := batch{ctx: ctx, log: r.Log, work: "routing"} // its visibility timeout is short
	var order []chat.WorkspaceID
	jobs, messages := map[chat.WorkspaceID][]chat.RouteJob{}, map[chat.WorkspaceID][]events.SQSMessage{}
	for _, m := range e.Records {
		job, err := queue.DecodeRoute(m.Body)
		if err != nil {
			b.failed(m, err)
			continue
		}
		w := job.Workspace
		if jobs[w] == nil {
			order = append(order, w)
		}
		job.Reason, job.Sent = "", sentAt(m) // the reason is for the logs of who sent it
		jobs[w], messages[w] = append(jobs[w], job), append(messages[w], m)
	}
	for _, w := range order {
		if err := contained(func() error { return r.Chat.Drain(ctx, jobs[w]...) }); err != nil {
			for _, m := range messages[w] {
				b.failed(m, err)
			}
		}
	}
	return b.answer(), nil
}

// sentAt is when the queue took the message; zero if it does not say.
func sentAt(m events.SQSMessage) time.Time {
	ms, err := strconv.ParseInt(m.Attributes["SentTimestamp"], 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}
