package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"

	"github.com/aws/aws-lambda-go/events"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/jsonscan"
)

// StreamEvent is a batch of stream records as far as it is used. The images stay as they came: most of an old one, and
// all of an item that is no HEAD, is never decoded (events.DynamoDBEvent decodes everything, several times over).
type StreamEvent struct {
	Records []StreamRecord
}

// StreamRecord is one change of an item.
type StreamRecord struct {
	SequenceNumber     string
	NewImage, OldImage []byte // DynamoDB JSON, nil for none
}

// Relay works off the chat table's stream. It is a lambda.Handler.
type Relay struct {
	Relay *chat.Relay
	// Head reads an image of the stream as a conversation's hot item; ok is false for other items and for none.
	Head func(image []byte) (head *chat.Head, ok bool, err error)
	// Ends reads only the newest seqs of such an image: of what was before, no more is asked.
	Ends func(image []byte) (head *chat.Head, ok bool, err error)
	Log  *slog.Logger
}

// Invoke reads the event, handles it and writes the answer.
func (r *Relay) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	out, err := r.Handle(ctx, decodeStream(payload))
	if err != nil {
		return nil, err
	}
	return json.Marshal(out)
}

// decodeStream reads a batch (AWS Lambda developer guide, "Example event" of DynamoDB Streams).
func decodeStream(payload []byte) (e StreamEvent) {
	jsonscan.Members(payload, func(key string, value []byte) bool {
		if key == "Records" {
			jsonscan.Elements(value, func(raw []byte) { e.Records = append(e.Records, decodeRecord(raw)) })
		}
		return true
	})
	return e
}

func decodeRecord(raw []byte) (rec StreamRecord) {
	jsonscan.Members(raw, func(key string, value []byte) bool {
		if key != "dynamodb" {
			return true
		}
		jsonscan.Members(value, func(key string, value []byte) bool {
			switch key {
			case "SequenceNumber":
				rec.SequenceNumber = jsonscan.Unquote(value)
			case "NewImage":
				rec.NewImage = value
			case "OldImage":
				rec.OldImage = value
			}
			return true
		})
		return false
	})
	return rec
}

// Handle relays the records in order and stops at the first that fails: the mapping delivers it and all
// behind it again. Then it trims the tails of the conversations that it has seen, each once.
func (r *Relay) Handle(ctx context.Context, e StreamEvent) (events.DynamoDBEventResponse, error) {
	latest := map[chat.Ref]*chat.Head{}
	var order []chat.Ref // as first seen: the same records mean the same calls
	var out events.DynamoDBEventResponse
	for _, rec := range e.Records {
		head, err := r.record(ctx, rec)
		if err != nil {
			r.Log.ErrorContext(ctx, "relay failed", "sequence", rec.SequenceNumber, "error", err)
			out.BatchItemFailures = []events.DynamoDBBatchItemFailure{{ItemIdentifier: rec.SequenceNumber}}
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
func (r *Relay) record(ctx context.Context, rec StreamRecord) (*chat.Head, error) {
	after, ok, err := r.Head(rec.NewImage)
	if err != nil || !ok {
		return nil, err
	}
	before, _, err := r.Ends(rec.OldImage)
	if err != nil {
		return nil, fmt.Errorf("old image: %w", err)
	}
	return after, r.Relay.Record(ctx, before, after)
}
