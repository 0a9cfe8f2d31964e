package sqs

import (
	"context"
	"strconv"
	"time"

	"github.com/parley-chat/parley/localstack/seam"
)

// maxReceived is how many messages one receive can return.
const maxReceived = 10

type receiveMessageRequest struct {
	QueueURL                    string `json:"QueueUrl"`
	MaxNumberOfMessages         *int
	VisibilityTimeout           *int
	WaitTimeSeconds             *int
	AttributeNames              []string
	MessageSystemAttributeNames []string
	MessageAttributeNames       []string
	ReceiveRequestAttemptID     *string `json:"ReceiveRequestAttemptId"`
}

// received is one message of an answer.
type received struct {
	MessageID              string `json:"MessageId"`
	ReceiptHandle          string
	Body                   string
	MD5OfBody              string
	Attributes             map[string]string         `json:",omitempty"`
	MessageAttributes      map[string]attributeValue `json:",omitempty"`
	MD5OfMessageAttributes string                    `json:",omitempty"`
}

type receiveMessageAnswer struct {
	Messages []received `json:",omitempty"`
}

// systemAttributes are the names that a receive may ask for. SqsManagedSseEnabled is allowed and empty.
var systemAttributes = map[string]bool{
	"All": true, "SenderId": true, "SentTimestamp": true, "ApproximateReceiveCount": true,
	"ApproximateFirstReceiveTimestamp": true, "SequenceNumber": true, "MessageDeduplicationId": true,
	"MessageGroupId": true, "AWSTraceHeader": true, "DeadLetterQueueSourceArn": true, "SqsManagedSseEnabled": true,
}

func (r *receiveMessageRequest) check() *apiError {
	if r.ReceiveRequestAttemptID != nil {
		return errUnsupported("ReceiveRequestAttemptId")
	}
	if n := r.MaxNumberOfMessages; n != nil && (*n < 1 || *n > maxReceived) {
		return errValue(*n, "MaxNumberOfMessages", "Must be between 1 and 10, if provided.")
	}
	if n := r.WaitTimeSeconds; n != nil && (*n < 0 || *n > int(maxWait/time.Second)) {
		return errValue(*n, "WaitTimeSeconds", "Must be >= 0 and <= 20, if provided.")
	}
	if n := r.VisibilityTimeout; n != nil {
		if err := checkVisibility(*n); err != nil {
			return err
		}
	}
	for _, names := range [][]string{r.AttributeNames, r.MessageSystemAttributeNames} {
		for _, name := range names {
			if !systemAttributes[name] {
				return serviceError("InvalidAttributeName", "Unknown Attribute %s.", name)
			}
		}
	}
	return nil
}

func checkVisibility(n int) *apiError {
	if n < 0 || n > int(maxVisibility/time.Second) {
		return errValue(n, "VisibilityTimeout", "Must be between 0 and 43200 seconds.")
	}
	return nil
}

// receiveMessage waits, when asked to, for a message that can be received: a new one, one whose delay or
// visibility time-out ends, or one whose FIFO group is freed.
func (e *Engine) receiveMessage(ctx context.Context, _ seam.Call, r *receiveMessageRequest) (any, []seam.Usage, error) {
	if err := r.check(); err != nil {
		return nil, nil, err
	}
	var timeout <-chan time.Time
	for {
		got, err := e.receive(r, timeout == nil)
		if err != nil {
			return nil, nil, err
		}
		if len(got.messages) > 0 || got.wait == 0 || got.closed || ctx.Err() != nil {
			return e.finishReceive(r, got)
		}
		if timeout == nil {
			timer := time.NewTimer(got.wait)
			defer timer.Stop()
			timeout = timer.C
		}
		select {
		case <-got.changed:
		case <-timeout:
			return e.finishReceive(r, got)
		case <-ctx.Done():
			return e.finishReceive(r, got)
		}
	}
}

// reception is the outcome of one attempt to receive.
type reception struct {
	queue    *queue
	messages []taken
	wait     time.Duration
	changed  <-chan struct{} // set when there were no messages and wait is not 0
	position uint64
	closed   bool
}

// taken is a received message with what may change once the lock is given up.
type taken struct {
	*content
	handle          string
	receives        int
	first, enqueued time.Time
	deadFrom        string
	sequence        string // "" on a standard queue
}

func takenFrom(q *queue, m *message) taken {
	t := taken{&m.content, receiptHandle(q, m), m.receives, m.firstReceived, m.sent, m.deadFrom, ""}
	if q.settings.fifo {
		t.sequence = sequenceNumber(m.number)
	}
	return t
}

func (e *Engine) receive(r *receiveMessageRequest, first bool) (reception, *apiError) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.now()
	q, err := e.lookup(r.QueueURL, now)
	if err != nil {
		return reception{}, err
	}
	got := reception{queue: q, wait: q.settings.wait, closed: e.closed}
	if r.WaitTimeSeconds != nil {
		got.wait = time.Duration(*r.WaitTimeSeconds) * time.Second
	}
	hidden := q.settings.visibility
	if r.VisibilityTimeout != nil {
		hidden = time.Duration(*r.VisibilityTimeout) * time.Second
	}
	limit := 1
	if r.MaxNumberOfMessages != nil {
		limit = *r.MaxNumberOfMessages
	}
	// With short polling a standard queue says that too much is in flight; otherwise it just gives nothing
	// (Developer Guide, "Quotas related to messages").
	room := e.inFlightLimit - q.counts[inFlight]
	if room <= 0 && !q.settings.fifo && got.wait == 0 && first {
		return got, serviceError("OverLimit", "Too many messages are in flight in the queue %s.", q.name)
	}
	for _, m := range e.take(q, min(limit, room), hidden, now) {
		got.messages = append(got.messages, takenFrom(q, m))
	}
	e.arm(q, now)
	got.position = e.position
	if len(got.messages) == 0 && got.wait > 0 {
		got.changed = e.subscribe(q.name)
	}
	return got, nil
}

// take moves up to n messages into flight. The groups are served in turn: a FIFO queue empties the group
// first, in order, a standard queue takes one message from each. A message that has been received too often
// goes to the dead-letter queue instead.
func (e *Engine) take(q *queue, n int, hidden time.Duration, now time.Time) []*message {
	var out []*message
	looks := q.all.length // a queue that is its own dead-letter queue must not go round for ever
	for q.ring.first != nil && len(out) < n && looks > 0 {
		g := q.ring.first
		for m := g.messages.head; m != nil && m.state == visible && len(out) < n && looks > 0; looks-- {
			next := g.messages.next(m)
			if target := e.deadLetterQueue(q, m); target != nil {
				e.move(m, target, q.arn, now)
			} else {
				e.give(q, m, hidden, now)
				out = append(out, m)
			}
			if !q.settings.fifo {
				looks--
				break
			}
			m = next
		}
		if q.ring.first == g {
			q.ring.rotate()
		}
	}
	return out
}

// give marks one message as received.
func (e *Engine) give(q *queue, m *message, hidden time.Duration, now time.Time) {
	m.receives++
	m.received = now
	if m.firstReceived.IsZero() {
		m.firstReceived = now
	}
	q.hide(m, now.Add(hidden))
	e.recordReceive(m)
}

// deadLetterQueue returns where the message has to go instead of to a consumer, nil if it may be received.
// A dead-letter queue that is gone takes nothing: the message stays.
func (e *Engine) deadLetterQueue(q *queue, m *message) *queue {
	if q.settings.deadLetterARN == "" || m.receives < q.settings.maxReceives {
		return nil
	}
	return e.byARN(q.settings.deadLetterARN)
}

// move puts a given-up message into its dead-letter queue. It keeps its id and receive count. In a standard
// queue it keeps its enqueue time too; a FIFO queue gives it a new one and a new place in the order
// (Developer Guide, "Using dead-letter queues").
func (e *Engine) move(m *message, target *queue, from string, now time.Time) {
	old := m.number
	m.queue.remove(m)
	if target.settings.fifo {
		delete(e.messages, m.number)
		e.last++
		m.number, m.sent = e.last, now
		e.messages[m.number] = m
	}
	m.deadFrom, m.due = from, now
	target.add(m, now)
	e.recordMove(old, m)
	e.arm(target, now)
}

// finishReceive answers once the receive counts are on disk.
func (e *Engine) finishReceive(r *receiveMessageRequest, got reception) (any, []seam.Usage, error) {
	var out receiveMessageAnswer
	wanted := wantedAttributes(r)
	bytes := 0
	for _, t := range got.messages {
		out.Messages = append(out.Messages, t.wire(wanted, r.MessageAttributeNames))
		bytes += t.bytes()
	}
	if len(got.messages) > 0 {
		if err := e.durable(got.position); err != nil {
			return nil, nil, err
		}
	}
	return out, payload(got.queue, bytes), nil
}

func wantedAttributes(r *receiveMessageRequest) map[string]bool {
	if len(r.AttributeNames)+len(r.MessageSystemAttributeNames) == 0 {
		return nil
	}
	wanted := map[string]bool{}
	for _, names := range [][]string{r.AttributeNames, r.MessageSystemAttributeNames} {
		for _, name := range names {
			wanted[name] = true
		}
	}
	return wanted
}

func (t taken) wire(wanted map[string]bool, attributeNames []string) received {
	out := received{MessageID: t.id, ReceiptHandle: t.handle, Body: t.body, MD5OfBody: t.bodyMD5}
	if selected := t.attributes.selected(attributeNames); len(selected) > 0 {
		out.MessageAttributes = selected.wire()
		out.MD5OfMessageAttributes = t.attrMD5
		if len(selected) < len(t.attributes) {
			out.MD5OfMessageAttributes = selected.md5()
		}
	}
	if len(wanted) > 0 {
		out.Attributes = t.system(wanted)
	}
	return out
}

// system returns the wanted system attributes that the message has.
func (t taken) system(wanted map[string]bool) map[string]string {
	out := make(map[string]string, 8)
	all := wanted["All"]
	set := func(name, value string) {
		if value != "" && (all || wanted[name]) {
			out[name] = value
		}
	}
	set("SenderId", t.sender)
	set("SentTimestamp", strconv.FormatInt(t.enqueued.UnixMilli(), 10))
	set("ApproximateReceiveCount", strconv.Itoa(t.receives))
	set("ApproximateFirstReceiveTimestamp", strconv.FormatInt(t.first.UnixMilli(), 10))
	set("MessageGroupId", t.groupID)
	set("MessageDeduplicationId", t.dedupID)
	set("AWSTraceHeader", t.trace)
	set("DeadLetterQueueSourceArn", t.deadFrom)
	set("SequenceNumber", t.sequence)
	return out
}
