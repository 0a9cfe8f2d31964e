package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/parley-chat/parley/internal/chat"
)

// repairJob asks for the repair of one conversation.
type repairJob struct {
	Version      int                 `json:"v"`
	Workspace    chat.WorkspaceID    `json:"workspace"`
	Conversation chat.ConversationID `json:"conversation"`
}

// StreamRange is where in a stream a batch lies: its records are in the shard from First to Last, both included, but
// not everything in between is the batch's.
type StreamRange struct {
	Stream, Shard, First, Last string
}

// Failure is a message of the relay's failure queue. It is one of two: what the stream's mapping writes when it gives
// up on a batch, which names a range of the stream and is good for the 24 hours that the stream keeps; or one
// conversation to repair, which such a range was taken apart into and which is good at any time.
type Failure struct {
	Range        *StreamRange
	Conversation chat.Ref
}

// Failures is the relay's failure queue: standard, since repairs may come in any order.
type Failures struct {
	API API
	URL string
}

// Enqueue asks for the repair of each conversation. An error means that at least one was not taken.
func (q *Failures) Enqueue(ctx context.Context, conversations []chat.Ref) error {
	entries := make([]types.SendMessageBatchRequestEntry, len(conversations))
	for i, ref := range conversations {
		body, err := json.Marshal(repairJob{jobVersion, ref.Workspace, ref.Conversation})
		if err != nil {
			return fmt.Errorf("encoding a job: %w", err)
		}
		entries[i] = types.SendMessageBatchRequestEntry{Id: ptr(strconv.Itoa(i)), MessageBody: ptr(string(body))}
	}
	return sendAll(ctx, q.API, q.URL, entries)
}

// DecodeFailure reads a message of the failure queue. The mapping's own form is Lambda's (AWS Lambda developer guide,
// "Retaining discarded records", example of an SQS destination). Errors wrap ErrMalformed.
func DecodeFailure(body string) (Failure, error) {
	var m struct {
		repairJob
		Batch *struct {
			Shard  string `json:"shardId"`
			First  string `json:"startSequenceNumber"`
			Last   string `json:"endSequenceNumber"`
			Stream string `json:"streamArn"`
		} `json:"DDBStreamBatchInfo"`
	}
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		return Failure{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if b := m.Batch; b != nil {
		if b.Shard == "" || b.First == "" || b.Last == "" || b.Stream == "" {
			return Failure{}, fmt.Errorf("%w: range %q to %q of shard %q of stream %q", ErrMalformed, b.First, b.Last, b.Shard, b.Stream)
		}
		return Failure{Range: &StreamRange{Stream: b.Stream, Shard: b.Shard, First: b.First, Last: b.Last}}, nil
	}
	if m.Version != jobVersion || !m.Workspace.Valid() || !m.Conversation.Valid() {
		return Failure{}, fmt.Errorf("%w: repair of version %d", ErrMalformed, m.Version)
	}
	return Failure{Conversation: chat.Ref{Workspace: m.Workspace, Conversation: m.Conversation}}, nil
}
