package sqs

import (
	"slices"
	"strings"
	"time"
)

// QueueState is a queue at one moment, exact, for the state page and for tests.
type QueueState struct {
	Name, ARN, URL string
	FIFO           bool
	// Visible counts messages that are neither delayed nor in flight; those of a blocked FIFO group are
	// among them.
	Visible, Delayed, InFlight int
	// DeadLetterARN is the target of the redrive policy, "" without.
	DeadLetterARN string
	// OldestAge is the age of the oldest message, 0 when there is none.
	OldestAge time.Duration
}

// State returns all queues, sorted by name.
func (e *Engine) State() []QueueState {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.now()
	var out []QueueState
	for _, q := range e.queues {
		e.settle(q, now)
		s := QueueState{
			Name: q.name, ARN: q.arn, URL: q.url, FIFO: q.settings.fifo,
			Visible: q.counts[visible], Delayed: q.counts[delayed], InFlight: q.counts[inFlight],
			DeadLetterARN: q.settings.deadLetterARN,
		}
		if q.all.head != nil {
			s.OldestAge = now.Sub(q.all.head.sent)
		}
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b QueueState) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// MessageState is a message as it lies in its queue.
type MessageState struct {
	ID, Body        string
	GroupID         string
	DeduplicationID string
	// State is "visible", "delayed" or "in flight"; Due is when the latter two end.
	State string
	Due   time.Time
	Sent  time.Time
	// Receives is ApproximateReceiveCount, exact here.
	Receives int
	// DeadFrom is the ARN of the queue that gave it up.
	DeadFrom string
	Trace    string
}

var stateNames = [...]string{visible: "visible", delayed: "delayed", inFlight: "in flight"}

// Peek returns up to limit messages of the named queue, oldest first, without receiving them. It is false
// when there is no such queue.
func (e *Engine) Peek(name string, limit int) ([]MessageState, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	q := e.queues[name]
	if q == nil {
		return nil, false
	}
	e.settle(q, e.now())
	var out []MessageState
	for m := q.all.head; m != nil && len(out) < limit; m = q.all.next(m) {
		s := MessageState{
			ID: m.id, Body: m.body, GroupID: m.groupID, DeduplicationID: m.dedupID,
			State: stateNames[m.state], Sent: m.sent, Receives: m.receives, DeadFrom: m.deadFrom, Trace: m.trace,
		}
		if m.state != visible {
			s.Due = m.due
		}
		out = append(out, s)
	}
	return out, true
}
