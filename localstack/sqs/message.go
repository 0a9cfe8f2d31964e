package sqs

import (
	"container/heap"
	"fmt"
	"time"
)

// state is where a message is in its life.
type state uint8

const (
	visible state = iota
	delayed
	inFlight
)

// message is one message of a queue. All fields below content are guarded by the engine's lock.
type message struct {
	content

	// number orders messages: it is unique in the engine and grows with each send and each move between
	// FIFO queues. A SequenceNumber is made from it.
	number uint64
	queue  *queue
	group  *group
	state  state
	// due is when a delayed message, or one in flight, becomes visible.
	due time.Time
	// sent is the enqueue time, from which retention counts.
	sent          time.Time
	received      time.Time // latest receive, zero before the first one of this run
	firstReceived time.Time
	receives      int
	// deadFrom is the ARN of the queue that gave the message up, "" for one that was sent here.
	deadFrom string

	links [chains]link
	timed int // index in the queue's heap, -1 when not in it
}

// content is what a producer sent. It never changes, so it may be read without the lock.
type content struct {
	id         string // MessageId
	body       string
	bodyMD5    string
	attributes attributes
	attrMD5    string // of all attributes, "" without
	groupID    string
	dedupID    string
	sender     string
	trace      string // AWSTraceHeader
	systemMD5  string // of the system attributes as sent; answered, not kept
}

// bytes is the size that limits and billing count: body and attributes, not the system attributes.
func (c *content) bytes() int { return len(c.body) + c.attributes.bytes() }

// sequenceNumber is 20 digits, as on AWS; it grows within a group, not by ones.
func sequenceNumber(number uint64) string { return fmt.Sprintf("188%017d", number) }

// The chains that a message can be in at a time.
const (
	chainAll   = iota // every message of a queue, by enqueue time
	chainGroup        // of one group: those to receive, in a FIFO queue all of them
	chains
)

type link struct{ prev, next *message }

// chain is a doubly linked list through the messages themselves.
type chain struct {
	which      int
	head, tail *message
	length     int
}

// insertAfter puts m behind at, or at the head when at is nil.
func (c *chain) insertAfter(at, m *message) {
	l := &m.links[c.which]
	l.prev = at
	if at == nil {
		l.next, c.head = c.head, m
	} else {
		l.next, at.links[c.which].next = at.links[c.which].next, m
	}
	if l.next == nil {
		c.tail = m
	} else {
		l.next.links[c.which].prev = m
	}
	c.length++
}

func (c *chain) pushBack(m *message) { c.insertAfter(c.tail, m) }

func (c *chain) remove(m *message) {
	l := &m.links[c.which]
	if l.prev == nil {
		c.head = l.next
	} else {
		l.prev.links[c.which].next = l.next
	}
	if l.next == nil {
		c.tail = l.prev
	} else {
		l.next.links[c.which].prev = l.prev
	}
	*l = link{}
	c.length--
}

func (c *chain) next(m *message) *message { return m.links[c.which].next }

// timeline is a heap of messages by due time.
type timeline []*message

func (t timeline) Len() int           { return len(t) }
func (t timeline) Less(i, j int) bool { return t[i].due.Before(t[j].due) }
func (t timeline) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].timed, t[j].timed = i, j
}

// Push is for container/heap only; use add.
func (t *timeline) Push(x any) {
	m := x.(*message)
	m.timed = len(*t)
	*t = append(*t, m)
}

// Pop is for container/heap only; use remove.
func (t *timeline) Pop() any {
	last := len(*t) - 1
	m := (*t)[last]
	(*t)[last] = nil
	*t = (*t)[:last]
	m.timed = -1
	return m
}

func (t *timeline) add(m *message)    { heap.Push(t, m) }
func (t *timeline) remove(m *message) { heap.Remove(t, m.timed) }
func (t *timeline) moved(m *message)  { heap.Fix(t, m.timed) }
