package sim

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/queue"
)

// sqsQueue is a queue: at least once; a FIFO one keeps the order of each group and drops what it has taken
// within five minutes.
type sqsQueue struct {
	w        *world
	name     string
	fifo     bool
	serial   int
	messages []*message
	taken    map[string]time.Time // FIFO: deduplication ids
}

type message struct {
	id       string
	body     string
	group    string
	visible  time.Time
	receives int
	job      chat.Job // of the delivery queue
}

// sends is a queue as one invocation sees it.
type sends struct {
	*invocation
	q *sqsQueue
}

var errSend = errors.New("sim: the queue did not answer")

func (s sends) SendMessageBatch(ctx context.Context, in *sqs.SendMessageBatchInput, _ ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error) {
	out := &sqs.SendMessageBatchOutput{}
	err := s.do(ctx, enqueue, "Send", s.q.name+" "+*in.Entries[0].MessageBody, errSend, func() error {
		for _, e := range in.Entries {
			if s.w.strikes(SendRefused) {
				out.Failed = append(out.Failed, types.BatchResultErrorEntry{Id: e.Id, Code: e.Id})
				continue
			}
			s.q.take(e)
		}
		return nil
	})
	return out, err
}

// dedupeWindow is how long SQS remembers a deduplication id ("Exactly-once processing in Amazon SQS").
const dedupeWindow = 5 * time.Minute

func (q *sqsQueue) take(e types.SendMessageBatchRequestEntry) {
	now := time.Now()
	if q.fifo {
		q.w.integrator.promised(*e.MessageBody)
	}
	m := &message{body: *e.MessageBody, visible: now.Add(time.Duration(e.DelaySeconds) * time.Second)}
	if q.fifo {
		if t, there := q.taken[*e.MessageDeduplicationId]; there && now.Sub(t) < dedupeWindow {
			return
		}
		q.taken[*e.MessageDeduplicationId], m.group = now, *e.MessageGroupId
	} else {
		job, err := queue.DecodeDelivery(m.body)
		if err != nil {
			q.w.violate("a job that cannot be read: %v", err)
		}
		m.job = job
		if job.Waiting == nil {
			q.w.count(Queued)
		}
		if q.w.strikes(QueueLate) {
			m.visible = m.visible.Add(time.Duration(q.w.pick(90_000)) * time.Millisecond)
		}
	}
	q.add(m)
	if !q.fifo && q.w.strikes(QueueDuplicate) {
		twin := *m
		q.add(&twin)
	}
}

func (q *sqsQueue) add(m *message) {
	q.serial++
	m.id = q.name + itoa(q.serial)
	q.messages = append(q.messages, m)
}

func (q *sqsQueue) delete(m *message) {
	q.messages = slices.DeleteFunc(q.messages, func(x *message) bool { return x == m })
}

// visible lists what may be received: of a FIFO group only the front.
func (q *sqsQueue) visible() []*message {
	now := time.Now()
	var list []*message
	groups := map[string]bool{}
	for _, m := range q.messages {
		if q.fifo && groups[m.group] {
			continue
		}
		groups[m.group] = true
		if !m.visible.After(now) {
			list = append(list, m)
		}
	}
	return list
}

// deliverLimit is the deliver function's timeout, visibility the queue's (template.yaml).
const (
	deliverLimit = 20 * time.Second
	visibility   = 120 * time.Second
)

// invokeDeliver hands some messages to the deliver function.
func (w *world) invokeDeliver() {
	list := w.delivery.visible()
	first := w.pick(len(list))
	batch := list[first:min(len(list), first+1+w.pick(3))]
	var e events.SQSEvent
	for _, m := range batch {
		m.receives++
		m.visible = time.Now().Add(visibility)
		if w.strikes(QueueExpired) {
			m.visible = time.Now()
		}
		e.Records = append(e.Records, events.SQSMessage{MessageId: m.id, Body: m.body})
	}
	i := w.start("deliver", deliverLimit, func(i *invocation) {
		out, err := i.deliver().Handle(context.Background(), e)
		_ = i.do(context.Background(), answer, "answer", "", nil, func() error {
			i.w.delivered(batch, out, err)
			return nil
		})
	})
	w.log("deliver#%d gets %s", i.id, e.Records[0].Body)
	i.onDeath = func() {
		w.count(QueueRedelivered)
		for _, m := range batch {
			m.visible = time.Now().Add(time.Duration(w.pick(int(visibility))))
		}
	}
}

// delivered deletes what was worked off; the rest comes again.
func (w *world) delivered(batch []*message, out events.SQSEventResponse, err error) {
	if err != nil {
		w.violate("the deliver function returned an error: %v", err)
	}
	for _, m := range batch {
		failed := slices.ContainsFunc(out.BatchItemFailures, func(f events.SQSBatchItemFailure) bool { return f.ItemIdentifier == m.id })
		if failed || w.strikes(QueueRedelivered) {
			m.visible = time.Now().Add(time.Duration(w.pick(int(visibility))))
			continue
		}
		w.delivery.delete(m)
	}
}
