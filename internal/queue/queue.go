// Package queue writes and reads the jobs in SQS.
package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/parley-chat/parley/internal/chat"
)

// API is what this package needs of the SQS client.
type API interface {
	SendMessageBatch(context.Context, *sqs.SendMessageBatchInput, ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error)
}

// batchSize is the most entries that SendMessageBatch takes.
const batchSize = 10

// jobVersion is stored with every job: old and new code share the queue during a deployment.
const jobVersion = 1

// deliveryJob is chat.Job on the wire.
type deliveryJob struct {
	Version      int                 `json:"v"`
	Workspace    chat.WorkspaceID    `json:"workspace"`
	Conversation chat.ConversationID `json:"conversation"`
	Track        chat.Track          `json:"track,omitempty"`
	From         uint64              `json:"from,omitempty"`
	To           uint64              `json:"to,omitempty"`
	Connections  []chat.ConnectionID `json:"connections,omitempty"`
	Shard        int                 `json:"shard,omitempty"`
	Except       chat.ConnectionID   `json:"except,omitempty"`
	Waiting      *waitingChange      `json:"waiting,omitempty"`
	Announce     bool                `json:"announce,omitempty"`
	Notice       *notice             `json:"notice,omitempty"`
	Attempt      int                 `json:"attempt,omitempty"`
}

type notice struct {
	Kind  chat.NoticeKind `json:"kind"`
	User  chat.UserID     `json:"user"`
	By    chat.UserID     `json:"by,omitempty"`
	Track chat.Track      `json:"track,omitempty"`
	Seq   uint64          `json:"seq,omitempty"`
}

type waitingChange struct {
	Added   *waiting            `json:"added,omitempty"`
	Removed chat.ConversationID `json:"removed,omitempty"`
}

type waiting struct {
	Conversation chat.ConversationID `json:"conversation"`
	Customer     chat.UserID         `json:"customer"`
	Since        int64               `json:"since"`
}

// Delivery is the delivery queue: standard, since clients order by seq.
type Delivery struct {
	API API
	URL string
}

// Enqueue sends the jobs. An error means that at least one of them was not taken.
func (d *Delivery) Enqueue(ctx context.Context, delay time.Duration, jobs ...chat.Job) error {
	return sendEach(ctx, d.API, d.URL, jobs, func(j chat.Job, m *types.SendMessageBatchRequestEntry) any {
		m.DelaySeconds = int32(delay / time.Second)
		return encodeJob(j)
	})
}

// sendEach sends a message for each job, in order. of returns what is its body, as JSON, and sets whatever else its
// message has: a delay, a group.
func sendEach[J any](ctx context.Context, api API, url string, jobs []J, of func(J, *types.SendMessageBatchRequestEntry) any) error {
	entries := make([]types.SendMessageBatchRequestEntry, len(jobs))
	for i, j := range jobs {
		body, err := json.Marshal(of(j, &entries[i]))
		if err != nil {
			return fmt.Errorf("encoding a job: %w", err)
		}
		entries[i].Id, entries[i].MessageBody = ptr(strconv.Itoa(i)), ptr(string(body))
	}
	return sendAll(ctx, api, url, entries)
}

// sendAll sends the entries in batches, in order. It stops at the first batch that was not taken whole.
func sendAll(ctx context.Context, api API, url string, entries []types.SendMessageBatchRequestEntry) error {
	for len(entries) > 0 {
		n := min(len(entries), batchSize)
		out, err := api.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &url, Entries: entries[:n]})
		if err != nil {
			return err
		}
		if len(out.Failed) > 0 {
			return fmt.Errorf("%d of %d messages were not taken: %s", len(out.Failed), n, deref(out.Failed[0].Code))
		}
		entries = entries[n:]
	}
	return nil
}

func encodeJob(j chat.Job) deliveryJob {
	out := deliveryJob{
		Version: jobVersion, Workspace: j.Workspace, Conversation: j.Conversation, Track: j.Track, From: j.From, To: j.To,
		Connections: j.Connections, Shard: j.Shard, Except: j.Except, Announce: j.Announce, Attempt: j.Attempt,
	}
	if n := j.Notice; n != nil {
		out.Notice = &notice{n.Kind, n.User, n.By, n.Track, n.Seq}
	}
	if w := j.Waiting; w != nil {
		out.Waiting = &waitingChange{Removed: w.Removed}
		if a := w.Added; a != nil {
			out.Waiting.Added = &waiting{a.Conversation, a.Customer, a.Since.UnixMilli()}
		}
	}
	return out
}

// ErrMalformed means that a queue message is not a job of ours.
var ErrMalformed = errors.New("malformed job")

// DecodeDelivery reads a delivery job. Errors wrap ErrMalformed.
func DecodeDelivery(body string) (chat.Job, error) {
	var j deliveryJob
	if err := json.Unmarshal([]byte(body), &j); err != nil {
		return chat.Job{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if j.Version != jobVersion || !j.Workspace.Valid() || !j.Conversation.Valid() || j.Shard < 0 || j.Attempt < 0 {
		return chat.Job{}, fmt.Errorf("%w: version %d, shard %d, attempt %d", ErrMalformed, j.Version, j.Shard, j.Attempt)
	}
	out := chat.Job{
		Ref:   chat.Ref{Workspace: j.Workspace, Conversation: j.Conversation},
		Track: j.Track, From: j.From, To: j.To, Connections: j.Connections, Shard: j.Shard, Except: j.Except, Announce: j.Announce, Attempt: j.Attempt,
	}
	if n := j.Notice; n != nil {
		if !n.User.Valid() || (n.Kind != chat.NoticeMention && n.Kind != chat.NoticeGone) {
			return chat.Job{}, fmt.Errorf("%w: a notice %q", ErrMalformed, n.Kind)
		}
		out.Notice = &chat.Notice{Kind: n.Kind, User: n.User, By: n.By, Track: n.Track, Seq: n.Seq}
		return out, nil
	}
	if j.Waiting == nil {
		if j.From == 0 || j.To < j.From || (j.Track != chat.Public && j.Track != chat.Desk) {
			return chat.Job{}, fmt.Errorf("%w: range %d to %d of track %q", ErrMalformed, j.From, j.To, j.Track)
		}
		return out, nil
	}
	if j.Waiting.Added == nil && j.Waiting.Removed == "" {
		return chat.Job{}, fmt.Errorf("%w: a change of the waiting list that changes nothing", ErrMalformed)
	}
	out.Waiting = &chat.WaitingChange{Removed: j.Waiting.Removed}
	if a := j.Waiting.Added; a != nil {
		out.Waiting.Added = &chat.Waiting{Conversation: a.Conversation, Customer: a.Customer, Since: time.UnixMilli(a.Since)}
	}
	return out, nil
}

func ptr[T any](v T) *T { return &v }

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
