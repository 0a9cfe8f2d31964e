package worker

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/aws/aws-lambda-go/events"

	"github.com/parley-chat/parley/internal/chat"
)

// Relay works off the chat table's stream.
type Relay struct {
	Relay *chat.Relay
	// Head reads an image of the stream as a conversation's hot item; ok is false for other items.
	Head func(image map[string]events.DynamoDBAttributeValue) (head *chat.Head, ok bool, err error)
	Log  *slog.Logger
}

// Handle relays the records in order and stops at the first that fails: the mapping delivers it and all
// behind it again. Then it trims the tails of the conversations that it has seen, each once.
func (r *Relay) Handle(ctx context.Context, e events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
	latest := map[chat.Ref]*chat.Head{}
	var order []chat.Ref // as first seen: the same records mean the same calls
	var out events.DynamoDBEventResponse
	for _, rec := range e.Records {
		head, err := r.record(ctx, rec)
		if err != nil {
			r.Log.ErrorContext(ctx, "relay failed", "sequence", rec.Change.SequenceNumber, "error", err)
			out.BatchItemFailures = []events.DynamoDBBatchItemFailure{{ItemIdentifier: rec.Change.SequenceNumber}}
			break
		}
		if head != nil {
			if latest[head.Ref] == nil {
				order = append(order, head.Ref)
			}
			latest[head.Ref] = head
		}
	}
	for _, ref := range order {
		if err := r.Relay.Trim(ctx, latest[ref]); err != nil {
			// Not the record's failure: its jobs are written, and the next append trims again.
			r.Log.WarnContext(ctx, "trim failed", "conversation", ref.Conversation, "error", err)
		}
	}
	return out, nil
}

// record returns the image after the record, nil when it is no append.
func (r *Relay) record(ctx context.Context, rec events.DynamoDBEventRecord) (*chat.Head, error) {
	after, ok, err := r.Head(rec.Change.NewImage)
	if err != nil || !ok {
		return nil, err
	}
	before, _, err := r.Head(rec.Change.OldImage)
	if err != nil {
		return nil, fmt.Errorf("old image: %w", err)
	}
	return after, r.Relay.Record(ctx, before, after)
}
