package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/parley-chat/parley/internal/chat"
)

// repairJob asks for the repair of one conversation.
type repairJob struct {
	Version      int                 `json:"v"`
	Workspace    chat.WorkspaceID    `json:"workspace"`
	Conversation chat.ConversationID `json:"conversation"`
}

// ownRepairJob asks for the repair of a part of the own log of an operator or a contact: seqs in (from, to].
type ownRepairJob struct {
	Version   int              `json:"v"`
	Workspace chat.WorkspaceID `json:"workspace"`
	Subject   string           `json:"subject"`
	From      uint64           `json:"from"`
	To        uint64           `json:"to"`
}

// StreamRange is where in a stream a batch lies: its records are in the shard from First to Last, both included, but
// not everything in between is the batch's.
type StreamRange struct {
	Stream, Shard, First, Last string
}

// Failure is a message of the relay's failure queue. It is one of three: what the stream's mapping writes when it gives
// up on a batch, which names a range of the stream and is good for the 24 hours that the stream keeps; or one
// conversation, or one part of the own log of an operator or a contact, to repair, which such a range was taken apart
// into and which is good at any time.
type Failure struct {
	Range        *StreamRange
	Own          *chat.OwnSpan
	Conversation chat.Ref
}

// Failures is the relay's failure queue: standard, since repairs may come in any order.
type Failures struct {
	API API
	URL string
}

// Enqueue asks for the repair of each conversation and of each part of another log. An error means that at least one
// was not taken.
func (q *Failures) Enqueue(ctx context.Context, conversations []chat.Ref, own []chat.OwnSpan) error {
	var jobs []any
	for _, ref := range conversations {
		jobs = append(jobs, repairJob{jobVersion, ref.Workspace, ref.Conversation})
	}
	for _, span := range own {
		jobs = append(jobs, ownRepairJob{jobVersion, span.Workspace, span.ID, span.From, span.To})
	}
	return sendEach(ctx, q.API, q.URL, jobs, func(job any, _ *types.SendMessageBatchRequestEntry) any { return job })
}

// DecodeFailure reads a message of the failure queue. The mapping's own form is Lambda's (AWS Lambda developer guide,
// "Retaining discarded records", example of an SQS destination). Errors wrap ErrMalformed.
func DecodeFailure(body string) (Failure, error) {
	var m struct {
		Version      int                 `json:"v"`
		Workspace    chat.WorkspaceID    `json:"workspace"`
		Conversation chat.ConversationID `json:"conversation"`
		Subject      string              `json:"subject"`
		From         uint64              `json:"from"`
		To           uint64              `json:"to"`
		Batch        *struct {
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
	if m.Version == jobVersion && m.Workspace.Valid() && validSubject(m.Subject) && m.From < m.To {
		return Failure{Own: &chat.OwnSpan{Subject: chat.Subject{Workspace: m.Workspace, ID: m.Subject}, From: m.From, To: m.To}}, nil
	}
	if m.Version != jobVersion || !m.Workspace.Valid() || !m.Conversation.Valid() {
		return Failure{}, fmt.Errorf("%w: repair of version %d", ErrMalformed, m.Version)
	}
	return Failure{Conversation: chat.Ref{Workspace: m.Workspace, Conversation: m.Conversation}}, nil
}

// validSubject says whether this names somebody with a log of their own: an operator or a contact. No id of either
// holds what separates the parts of a key.
func validSubject(id string) bool {
	prefix, _, _ := strings.Cut(id, "_")
	_, ok := chat.IDBytes(prefix+"_", id)
	return ok
}
