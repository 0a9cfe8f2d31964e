package worker

import (
	"context"

	"github.com/aws/aws-lambda-go/events"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/queue"
)

// Failures takes conversations, and parts of the own logs of others, that are to be repaired.
type Failures interface {
	Enqueue(context.Context, []chat.Ref, []chat.OwnSpan) error
}

// Failure is a message of the failure queue.
type Failure struct{ MessageID, Body string }

// HandleFailures makes up for what the stream's mapping gave up on, and reports the messages that are to come again. A
// range of the stream is taken apart into one message per conversation, operator or contact, so that one that cannot be
// repaired holds back no other and outlives the 24 hours of the stream.
func (r *Relay) HandleFailures(ctx context.Context, batch []Failure) events.SQSEventResponse {
	var out events.SQSEventResponse
	for _, m := range batch {
		if err := r.failure(ctx, m.Body); err != nil {
			r.Log.ErrorContext(ctx, "repair failed", "message", m.MessageID, "body", m.Body, "error", err)
			out.BatchItemFailures = append(out.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.MessageID})
		}
	}
	return out
}

func (r *Relay) failure(ctx context.Context, body string) error {
	f, err := queue.DecodeFailure(body)
	if err != nil {
		return err
	}
	switch {
	case f.Own != nil:
		return r.Relay.RecordOwn(ctx, *f.Own)
	case f.Range == nil:
		return r.Relay.Repair(ctx, f.Conversation)
	}
	conversations, own, err := r.Appended(ctx, f.Range.Stream, f.Range.Shard, f.Range.First, f.Range.Last)
	if err != nil || len(conversations)+len(own) == 0 {
		return err
	}
	return r.Failures.Enqueue(ctx, conversations, own)
}
