package queue

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/parley-chat/parley/internal/chat"
)

// IntegrationMessage is a job in the integration queue: a reference to an event, for one subscription.
type IntegrationMessage struct {
	Version      int                 `json:"v"`
	Event        string              `json:"event"` // the event's name outside, chat.IntegrationJob.EventKey
	Subscription string              `json:"subscription"`
	Workspace    chat.WorkspaceID    `json:"workspace"`
	Conversation chat.ConversationID `json:"conversation"`
	Track        chat.Track          `json:"track"`
	Seq          uint64              `json:"seq"`
	Gen          uint32              `json:"gen"`
	Type         chat.EventType      `json:"type"`
}

// SubjectMessage is a job in the integration queue for an event of the own log of an operator or a contact. Whoever
// knows only jobs of version 1 leaves it to those who do: it names no conversation.
type SubjectMessage struct {
	Version      int              `json:"v"`
	Event        string           `json:"event"`
	Subscription string           `json:"subscription"`
	Workspace    chat.WorkspaceID `json:"workspace"`
	// Subject is whose own log the event is in: an operator by their user id, or a contact.
	Subject string `json:"subject"`
	Seq     uint64 `json:"seq"`
	Gen     uint32 `json:"gen"`
	// Type of the event, as in its log.
	Type string `json:"type"`
}

// subjectVersion is the version of SubjectMessage.
const subjectVersion = 2

// Integration is the integration queue: FIFO, one group per subscription and conversation or subject, so that each
// target gets a log's events in order and no target waits for another.
type Integration struct {
	API API
	URL string
}

// Enqueue sends the jobs, in order within each group.
//
// A batch holds at most one message of a group: SQS takes the entries of a batch one by one, and had the first
// of a group been refused and the second taken, their order would be lost. So the jobs go in rounds.
func (q *Integration) Enqueue(ctx context.Context, jobs []chat.IntegrationJob) error {
	for len(jobs) > 0 {
		round, rest := nextRound(jobs)
		entries := make([]types.SendMessageBatchRequestEntry, len(round))
		for i, j := range round {
			e, err := integrationEntry(strconv.Itoa(i), j)
			if err != nil {
				return err
			}
			entries[i] = e
		}
		if err := sendAll(ctx, q.API, q.URL, entries); err != nil {
			return err
		}
		jobs = rest
	}
	return nil
}

// nextRound takes the first job of each group, and leaves the others in order.
func nextRound(jobs []chat.IntegrationJob) (round, rest []chat.IntegrationJob) {
	seen := map[string]bool{}
	for _, j := range jobs {
		g := groupOf(j)
		if len(round) == batchSize || seen[g] {
			seen[g] = true // those behind it wait as well
			rest = append(rest, j)
			continue
		}
		seen[g] = true
		round = append(round, j)
	}
	return round, rest
}

func groupOf(j chat.IntegrationJob) string {
	return string(j.Workspace) + "." + j.Subscription + "." + string(j.Conversation) + j.Subject // one of the two
}

func integrationEntry(id string, j chat.IntegrationJob) (types.SendMessageBatchRequestEntry, error) {
	body, err := json.Marshal(messageOf(j))
	if err != nil {
		return types.SendMessageBatchRequestEntry{}, fmt.Errorf("encoding a job: %w", err)
	}
	// Deduplication ids are at most 128 characters and the event's name with the subscription may be longer.
	sum := sha256.Sum256([]byte(j.EventKey() + "\x00" + j.Subscription))
	return types.SendMessageBatchRequestEntry{
		Id: &id, MessageBody: ptr(string(body)), MessageGroupId: ptr(groupOf(j)), MessageDeduplicationId: ptr(hex.EncodeToString(sum[:])),
	}, nil
}

func messageOf(j chat.IntegrationJob) any {
	if j.Subject != "" {
		return SubjectMessage{
			Version: subjectVersion, Event: j.EventKey(), Subscription: j.Subscription, Workspace: j.Workspace,
			Subject: j.Subject, Seq: j.Seq, Gen: j.Gen, Type: string(j.Type),
		}
	}
	return IntegrationMessage{
		Version: jobVersion, Event: j.EventKey(), Subscription: j.Subscription, Workspace: j.Workspace,
		Conversation: j.Conversation, Track: j.Track, Seq: j.Seq, Gen: j.Gen, Type: j.Type,
	}
}
