package sqs

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"hash/fnv"
	"time"

	"github.com/parley-chat/parley/localstack/seam"
)

// A receipt handle names a message and one receive of it: mark, hash of the queue's ARN, message number,
// receive count, checksum. It holds no secret; the checksum only tells invented handles from real ones. It
// survives a restart, since numbers and counts do.
const (
	handleMark  = "\x01\x01\x01"
	handleBytes = len(handleMark) + 8 + 8 + 4 + 4
)

type receipt struct {
	queue    uint64
	number   uint64
	receives uint32
}

func queueHash(arn string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(arn)) // a hash never fails
	return h.Sum64()
}

func receiptHandle(q *queue, m *message) string {
	raw := make([]byte, 0, handleBytes)
	raw = append(raw, handleMark...)
	raw = binary.BigEndian.AppendUint64(raw, q.hash)
	raw = binary.BigEndian.AppendUint64(raw, m.number)
	raw = binary.BigEndian.AppendUint32(raw, uint32(m.receives))
	raw = binary.BigEndian.AppendUint32(raw, crc32.ChecksumIEEE(raw))
	return base64.StdEncoding.EncodeToString(raw)
}

func parseHandle(handle string) (receipt, bool) {
	raw, err := base64.StdEncoding.Strict().DecodeString(handle)
	if err != nil || len(raw) != handleBytes || string(raw[:len(handleMark)]) != handleMark {
		return receipt{}, false
	}
	body, sum := raw[:handleBytes-4], binary.BigEndian.Uint32(raw[handleBytes-4:])
	fields := body[len(handleMark):]
	return receipt{
		queue:    binary.BigEndian.Uint64(fields),
		number:   binary.BigEndian.Uint64(fields[8:]),
		receives: binary.BigEndian.Uint32(fields[16:]),
	}, crc32.ChecksumIEEE(body) == sum
}

// find resolves a handle of this queue. The message is nil when it is deleted or has moved; current is false
// when it was received again since.
func (e *Engine) find(q *queue, handle string) (m *message, current bool, problem *apiError) {
	if handle == "" {
		return nil, false, errMissing("ReceiptHandle")
	}
	r, ok := parseHandle(handle)
	if !ok || r.queue != q.hash {
		return nil, false, serviceError("ReceiptHandleIsInvalid", `The input receipt handle "%s" is not a valid receipt handle.`, handle)
	}
	m = e.messages[r.number]
	if m == nil || m.queue != q {
		return nil, false, nil
	}
	return m, uint32(m.receives) == r.receives, nil
}

type deleteMessageRequest struct {
	QueueURL      string `json:"QueueUrl"`
	ReceiptHandle string
}

func (e *Engine) deleteMessage(_ context.Context, _ seam.Call, r *deleteMessageRequest) (any, []seam.Usage, error) {
	q, position, err := e.onQueue(r.QueueURL, func(q *queue, _ time.Time) *apiError {
		return e.deleteByHandle(q, r.ReceiptHandle)
	})
	if err != nil {
		return nil, nil, err
	}
	return nil, oneRequest(q), e.durable(position)
}

// onQueue runs act on the settled queue under the lock and returns the journal position to wait for.
func (e *Engine) onQueue(url string, act func(q *queue, now time.Time) *apiError) (*queue, uint64, *apiError) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.now()
	q, err := e.lookup(url, now)
	if err != nil {
		return nil, 0, err
	}
	err = act(q, now)
	e.arm(q, now)
	return q, e.position, err
}

// deleteByHandle deletes the message if this was its latest receive. On a standard queue an old handle
// succeeds and does nothing (API Reference, DeleteMessage), on a FIFO queue one whose visibility time-out
// has passed is an error.
func (e *Engine) deleteByHandle(q *queue, handle string) *apiError {
	m, current, err := e.find(q, handle)
	if err != nil || m == nil {
		return err
	}
	if q.settings.fifo && (!current || m.state != inFlight) {
		return errValue(handle, "ReceiptHandle", "The receipt handle has expired.")
	}
	if current {
		e.drop(m)
		e.recordDelete(m.number)
	}
	return nil
}

type changeVisibilityRequest struct {
	QueueURL          string `json:"QueueUrl"`
	ReceiptHandle     string
	VisibilityTimeout *int
}

func (e *Engine) changeMessageVisibility(_ context.Context, _ seam.Call, r *changeVisibilityRequest) (any, []seam.Usage, error) {
	q, _, err := e.onQueue(r.QueueURL, func(q *queue, now time.Time) *apiError {
		return e.changeVisibility(q, r.ReceiptHandle, r.VisibilityTimeout, now)
	})
	if err != nil {
		return nil, nil, err
	}
	return nil, oneRequest(q), nil
}

// changeVisibility counts the new time-out from now. A message of a standard queue that is visible again is
// hidden anew, as on AWS; one of a FIFO queue is not.
func (e *Engine) changeVisibility(q *queue, handle string, timeout *int, now time.Time) *apiError {
	if timeout == nil {
		return errMissing("VisibilityTimeout")
	}
	if err := checkVisibility(*timeout); err != nil {
		return err
	}
	m, current, err := e.find(q, handle)
	if err != nil {
		return err
	}
	if m == nil || !current || q.settings.fifo && m.state != inFlight {
		return errValue(handle, "ReceiptHandle", "Message does not exist or is not available for visibility timeout change.")
	}
	until := now.Add(time.Duration(*timeout) * time.Second)
	if !m.received.IsZero() && until.Sub(m.received) > maxVisibility {
		return errValue(*timeout, "VisibilityTimeout", "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]")
	}
	if m.state == visible {
		q.hide(m, until)
	} else {
		m.due = until
		q.timed.moved(m)
	}
	q.surface(now)
	return nil
}
