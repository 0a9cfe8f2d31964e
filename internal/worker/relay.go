package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"

	"github.com/aws/aws-lambda-go/events"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/jsonscan"
)

// StreamEvent is a batch of stream records, or one of the failure queue's messages, as far as it is used. The images stay as they came: most of an old one, and
// all of an item that is no HEAD, is never decoded (events.DynamoDBEvent decodes everything, several times over).
type StreamEvent struct {
	Records  []StreamRecord
	Failures []Failure
}

// StreamRecord is one change of an item.
type StreamRecord struct {
	SequenceNumber     string
	NewImage, OldImage []byte // DynamoDB JSON, nil for none
}

// Relay works off the chat table's stream, and the queue of what its mapping gave up on. It is a lambda.Handler.
type Relay struct {
	Relay *chat.Relay
	// Head reads an image of the stream as a conversation's hot item; ok is false for other items and for none.
	Head func(image []byte) (head *chat.Head, ok bool, err error)
	// Ends reads only the newest seqs of such an image: of what was before, no more is asked.
	Ends func(image []byte) (head *chat.Head, ok bool, err error)
	// Own reads two images of the stream, before and after, as an append to the own log of an operator or a contact; ok is
	// false for any other change. Nil: such logs are not relayed.
	Own func(before, after []byte) (span chat.OwnSpan, ok bool, err error)
	// Appended lists what a range of the stream, both ends included, appended to: conversations, and parts of the own
	// logs of others, each once.
	Appended func(ctx context.Context, stream, shard, first, last string) ([]chat.Ref, []chat.OwnSpan, error)
	Failures Failures
	Log      *slog.Logger
}

// Invoke reads the event, handles it and writes the answer.
func (r *Relay) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	e := decodeStream(payload)
	if len(e.Failures) > 0 {
		return json.Marshal(r.HandleFailures(ctx, e.Failures))
	}
	out, err := r.Handle(ctx, e)
	if err != nil {
		return nil, err
	}
	return json.Marshal(out)
}

// decodeStream reads a batch (AWS Lambda developer guide, "Example event" of DynamoDB Streams, and of Amazon SQS).
func decodeStream(payload []byte) (e StreamEvent) {
	jsonscan.Members(payload, func(key string, value []byte) bool {
		if key == "Records" {
			jsonscan.Elements(value, func(raw []byte) {
				if record, failure := decodeRecord(raw); failure.MessageID != "" {
					e.Failures = append(e.Failures, failure)
				} else {
					e.Records = append(e.Records, record)
				}
			})
		}
		return true
	})
	return e
}

func decodeRecord(raw []byte) (rec StreamRecord, failure Failure) {
	jsonscan.Members(raw, func(key string, value []byte) bool {
		switch key {
		case "messageId":
			failure.MessageID = jsonscan.Unquote(value)
			return true
		case "body":
			failure.Body = jsonscan.Unquote(value)
			return true
		case "dynamodb":
		default:
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
	return rec, failure
}

// Handle relays the records in order and stops at the first that fails: the mapping delivers it and all
// behind it again. Then it arms the timers that they call for, and trims the tails of the conversations that it has
// seen, each once.
func (r *Relay) Handle(ctx context.Context, e StreamEvent) (events.DynamoDBEventResponse, error) {
	latest := map[chat.Ref]*chat.Head{}
	var order []chat.Ref // as first seen: the same records mean the same calls
	var out events.DynamoDBEventResponse
	var timers []chat.Timer
	var routes []chat.RouteJob
	var tell []chat.Job
	var shows []chat.WorkspaceID
	changed := "" // the first record that changed a state: those behind it wait for the two calls below
	failed := func(sequence string, err error) {
		r.Log.ErrorContext(ctx, "relay failed", "sequence", sequence, "error", err)
		out.BatchItemFailures = []events.DynamoDBBatchItemFailure{{ItemIdentifier: sequence}}
	}
	for _, rec := range e.Records {
		before, head, due, err := r.record(ctx, rec)
		if err != nil {
			failed(rec.SequenceNumber, err)
			break
		}
		if timers = append(timers, due...); changed == "" && len(due) > 0 {
			changed = rec.SequenceNumber
		}
		if head != nil {
			a, b := r.Relay.Follow(before, head)
			if routes, tell = append(routes, a...), append(tell, b...); changed == "" && len(a)+len(b) > 0 {
				changed = rec.SequenceNumber
			}
			if chat.ShowsOnDesk(before, head) && !slices.Contains(shows, head.Workspace) {
				if shows = append(shows, head.Workspace); changed == "" {
					changed = rec.SequenceNumber
				}
			}
			if latest[head.Ref] == nil {
				order = append(order, head.Ref)
			}
			latest[head.Ref] = head
		}
	}
	if err := r.Relay.Arm(ctx, timers); err != nil {
		failed(changed, err)
	} else if err := r.Relay.Route(ctx, routes, tell); err != nil {
		failed(changed, err)
	} else if err := r.Relay.Show(ctx, shows...); err != nil {
		failed(changed, err)
	}
	for _, ref := range order {
		if err := r.Relay.Trim(ctx, latest[ref]); err != nil {
			// Not the record's failure: its jobs are written, and the next append trims again.
			r.Log.WarnContext(ctx, "trim failed", "conversation", ref.Conversation, "error", err)
		}
	}
	return out, nil
}

// record returns the images before and after the record, nil when it is no append, and the timers that the append calls
// for.
func (r *Relay) record(ctx context.Context, rec StreamRecord) (before, after *chat.Head, timers []chat.Timer, err error) {
	after, ok, err := r.Head(rec.NewImage)
	if err == nil && !ok && r.Own != nil {
		return nil, nil, nil, r.own(ctx, rec)
	}
	if err != nil || !ok {
		return nil, nil, nil, err
	}
	before, _, err = r.Ends(rec.OldImage)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("old image: %w", err)
	}
	if err := r.Relay.Record(ctx, before, after); err != nil {
		return nil, nil, nil, err
	}
	timers, err = r.Relay.Timers(ctx, before, after)
	return before, after, timers, err
}

// own relays a record that may be of an operator or a contact.
func (r *Relay) own(ctx context.Context, rec StreamRecord) error {
	span, ok, err := r.Own(rec.OldImage, rec.NewImage)
	if err != nil || !ok {
		return err
	}
	return r.Relay.RecordOwn(ctx, span)
}
