package sqs

import (
	"context"
	"regexp"
	"time"

	"github.com/parley-chat/parley/localstack/seam"
)

// Limits of batches (API Reference, SendMessageBatch).
const (
	maxEntries    = 10
	maxBatchBytes = 1 << 20
)

// failure is a batch entry that failed alone.
type failure struct {
	ID          string `json:"Id"`
	SenderFault bool
	Code        string
	Message     string `json:",omitempty"`
}

type batchAnswer[T any] struct {
	Successful []T       `json:",omitempty"`
	Failed     []failure `json:",omitempty"`
}

// done notes the outcome of one entry.
func (a *batchAnswer[T]) done(id string, result T, err *apiError) {
	if err == nil {
		a.Successful = append(a.Successful, result)
		return
	}
	a.Failed = append(a.Failed, failure{ID: id, SenderFault: true, Code: err.batchCode(), Message: err.message})
}

type entryDone struct {
	ID string `json:"Id"`
}

var entryID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

// checkEntries applies the rules that fail a batch as a whole.
func checkEntries[T any](entries []T, id func(*T) string) *apiError {
	if len(entries) == 0 {
		return serviceError("EmptyBatchRequest", "There should be at least one entry in the batch request.")
	}
	if len(entries) > maxEntries {
		return serviceError("TooManyEntriesInBatchRequest", "Maximum number of entries per request are 10. You have sent %d.", len(entries))
	}
	seen := make(map[string]bool, len(entries))
	for i := range entries {
		name := id(&entries[i])
		if !entryID.MatchString(name) {
			return serviceError("InvalidBatchEntryId", "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.")
		}
		if seen[name] {
			return serviceError("BatchEntryIdsNotDistinct", "Id %s repeated.", name)
		}
		seen[name] = true
	}
	return nil
}

type sendEntry struct {
	ID string `json:"Id"`
	outgoing
}

type sendMessageBatchRequest struct {
	QueueURL string `json:"QueueUrl"`
	Entries  []sendEntry
}

type sentEntry struct {
	ID        string `json:"Id"`
	MessageID string `json:"MessageId"`
	// The batch answers' names differ from SendMessage's in nothing but the Id.
	MD5OfMessageBody             string
	MD5OfMessageAttributes       string `json:",omitempty"`
	MD5OfMessageSystemAttributes string `json:",omitempty"`
	SequenceNumber               string `json:",omitempty"`
}

func (e *Engine) sendMessageBatch(_ context.Context, call seam.Call, r *sendMessageBatchRequest) (any, []seam.Usage, error) {
	s, err := e.settingsOf(r.QueueURL)
	if err != nil {
		return nil, nil, err
	}
	size, err := s.checkBatch(r.Entries)
	if err != nil {
		return nil, nil, err
	}
	contents := make([]*content, len(r.Entries))
	refused := make([]*apiError, len(r.Entries))
	for i := range r.Entries {
		contents[i], refused[i] = s.accept(&r.Entries[i].outgoing, call)
	}
	var answer batchAnswer[sentEntry]
	q, position, err := e.onQueue(r.QueueURL, func(q *queue, now time.Time) *apiError {
		for i := range r.Entries {
			entry := sentEntry{ID: r.Entries[i].ID}
			if refused[i] == nil {
				done := e.put(q, contents[i], r.Entries[i].DelaySeconds, now)
				entry.MessageID, entry.SequenceNumber = done.MessageID, done.SequenceNumber
				entry.MD5OfMessageBody, entry.MD5OfMessageAttributes = done.MD5OfMessageBody, done.MD5OfMessageAttributes
				entry.MD5OfMessageSystemAttributes = done.MD5OfMessageSystemAttributes
			}
			answer.done(entry.ID, entry, refused[i])
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	return answer, payload(q, size), e.durable(position)
}

// checkBatch applies the rules that fail the whole send: those of every batch, the total size, and on a FIFO
// queue the ids that each entry must have. It returns the size.
func (s *settings) checkBatch(entries []sendEntry) (int, *apiError) {
	if err := checkEntries(entries, func(e *sendEntry) string { return e.ID }); err != nil {
		return 0, err
	}
	size := 0
	for i := range entries {
		size += len(entries[i].MessageBody)
		for name, v := range entries[i].MessageAttributes {
			size += len(name) + len(v.DataType) + len(v.BinaryValue)
			if v.StringValue != nil {
				size += len(*v.StringValue)
			}
		}
	}
	if size > maxBatchBytes {
		return 0, serviceError("BatchRequestTooLong", "Batch requests cannot be longer than %d bytes. You have sent %d bytes.", maxBatchBytes, size)
	}
	for i := range entries {
		if err := s.requireTokens(&entries[i].outgoing); err != nil {
			return 0, errParameter("%s", err.message)
		}
	}
	return size, nil
}

type deleteEntry struct {
	ID            string `json:"Id"`
	ReceiptHandle string
}

type deleteMessageBatchRequest struct {
	QueueURL string `json:"QueueUrl"`
	Entries  []deleteEntry
}

func (e *Engine) deleteMessageBatch(_ context.Context, _ seam.Call, r *deleteMessageBatchRequest) (any, []seam.Usage, error) {
	if err := checkEntries(r.Entries, func(e *deleteEntry) string { return e.ID }); err != nil {
		return nil, nil, err
	}
	var answer batchAnswer[entryDone]
	q, position, err := e.onQueue(r.QueueURL, func(q *queue, _ time.Time) *apiError {
		for _, entry := range r.Entries {
			answer.done(entry.ID, entryDone{entry.ID}, e.deleteByHandle(q, entry.ReceiptHandle))
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	return answer, oneRequest(q), e.durable(position)
}

type visibilityEntry struct {
	ID                string `json:"Id"`
	ReceiptHandle     string
	VisibilityTimeout *int
}

type changeVisibilityBatchRequest struct {
	QueueURL string `json:"QueueUrl"`
	Entries  []visibilityEntry
}

func (e *Engine) changeMessageVisibilityBatch(_ context.Context, _ seam.Call, r *changeVisibilityBatchRequest) (any, []seam.Usage, error) {
	if err := checkEntries(r.Entries, func(e *visibilityEntry) string { return e.ID }); err != nil {
		return nil, nil, err
	}
	var answer batchAnswer[entryDone]
	q, _, err := e.onQueue(r.QueueURL, func(q *queue, now time.Time) *apiError {
		for _, entry := range r.Entries {
			answer.done(entry.ID, entryDone{entry.ID}, e.changeVisibility(q, entry.ReceiptHandle, entry.VisibilityTimeout, now))
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	return answer, oneRequest(q), nil
}
