package sqs

import (
	"time"
)

// dedupWindow is how long a deduplication id is remembered after the send that used it first (Developer
// Guide, "Using the message deduplication ID").
const dedupWindow = 5 * time.Minute

// queue is one queue with its messages. It is guarded by the engine's lock.
type queue struct {
	name     string
	arn      string
	hash     uint64 // of the ARN, for receipt handles
	url      string
	settings *settings // replaced, never changed
	baseline *settings // what template.yaml says, nil for a queue made by CreateQueue
	created  time.Time
	modified time.Time
	deleted  bool

	all    chain // by enqueue time, so that retention takes from the front
	groups map[string]*group
	ring   ring
	timed  timeline // delayed and in flight
	counts [3]int   // by state

	dedup      map[string]*duplicate
	dedupOrder []*duplicate // by age

	purged time.Time
	tasks  []*moveTask // newest first

	timer *time.Timer
	armed time.Time // when the timer fires, zero when it is not running
	// onVisible tells those who wait for the queue.
	onVisible func()
}

// duplicate remembers a deduplication id.
type duplicate struct {
	key    string
	id     string // MessageId of the first send
	number uint64
	at     time.Time
}

func newQueue(name string, s *settings, now time.Time) *queue {
	return &queue{
		name:     name,
		settings: s,
		created:  now,
		modified: now,
		all:      chain{which: chainAll},
		groups:   map[string]*group{},
		dedup:    map[string]*duplicate{},
	}
}

// group is the messages of one MessageGroupId. In a FIFO queue it is the unit of order and lock, in a
// standard queue of fairness; messages without a group id share the group "".
type group struct {
	id string
	// messages holds, by number, all messages in a FIFO queue, the visible ones in a standard queue.
	messages chain
	size     int // messages in any state
	inFlight int // while above 0, a FIFO group gives nothing out
	// next and prev link the ring; next is nil outside of it.
	next, prev *group
}

// ready reports whether the group has something to give out.
func (g *group) ready(fifo bool) bool {
	head := g.messages.head
	return head != nil && head.state == visible && (!fifo || g.inFlight == 0)
}

// ring is the circle of groups that have something to give out; first is served next.
type ring struct{ first *group }

func (r *ring) push(g *group) {
	if r.first == nil {
		r.first, g.next, g.prev = g, g, g
		return
	}
	g.next, g.prev = r.first, r.first.prev
	g.prev.next, g.next.prev = g, g
}

func (r *ring) remove(g *group) {
	if g.next == g {
		r.first = nil
	} else {
		g.prev.next, g.next.prev = g.next, g.prev
		if r.first == g {
			r.first = g.next
		}
	}
	g.next, g.prev = nil, nil
}

func (r *ring) rotate() {
	if r.first != nil {
		r.first = r.first.next
	}
}

// add puts a message into the queue; state is chosen by its due time.
func (q *queue) add(m *message, now time.Time) {
	m.queue, m.timed = q, -1
	at := q.all.tail
	// Only dead letters of standard queues bring an older time with them.
	for !q.settings.fifo && at != nil && at.sent.After(m.sent) {
		at = at.links[chainAll].prev
	}
	q.all.insertAfter(at, m)
	g := q.groups[m.groupID]
	if g == nil {
		g = &group{id: m.groupID, messages: chain{which: chainGroup}}
		q.groups[m.groupID] = g
	}
	g.size++
	m.group = g
	if q.settings.fifo {
		g.messages.pushBack(m)
	}
	if !m.due.After(now) {
		q.show(m)
		return
	}
	m.state = delayed
	q.counts[delayed]++
	q.timed.add(m)
}

// show makes a message that is in no state yet visible.
func (q *queue) show(m *message) {
	m.state = visible
	q.counts[visible]++
	if !q.settings.fifo {
		m.group.messages.pushBack(m)
	}
	q.regroup(m.group)
	q.onVisible()
}

// hide takes a visible message into flight until the given time.
func (q *queue) hide(m *message, until time.Time) {
	q.leaveState(m)
	m.state, m.due = inFlight, until
	q.counts[inFlight]++
	m.group.inFlight++
	q.timed.add(m)
	q.regroup(m.group)
}

// leaveState undoes what add, show or hide did for the message's state, and no more.
func (q *queue) leaveState(m *message) {
	q.counts[m.state]--
	switch m.state {
	case visible:
		if !q.settings.fifo {
			m.group.messages.remove(m)
		}
	case inFlight:
		m.group.inFlight--
		q.timed.remove(m)
	case delayed:
		q.timed.remove(m)
	}
}

// remove takes a message out of the queue.
func (q *queue) remove(m *message) {
	q.leaveState(m)
	g := m.group
	if q.settings.fifo {
		g.messages.remove(m)
	}
	q.all.remove(m)
	g.size--
	q.regroup(g)
	if g.size == 0 {
		delete(q.groups, g.id)
	}
	m.queue, m.group = nil, nil
}

// regroup puts the group into the ring or takes it out, as its messages demand.
func (q *queue) regroup(g *group) {
	ready := g.ready(q.settings.fifo)
	switch {
	case ready && g.next == nil:
		q.ring.push(g)
		q.onVisible()
	case !ready && g.next != nil:
		q.ring.remove(g)
	}
}

// expire returns the oldest message if its retention has passed.
func (q *queue) expired(now time.Time) *message {
	if m := q.all.head; m != nil && !now.Before(m.sent.Add(q.settings.retention)) {
		return m
	}
	return nil
}

// surface makes visible what has become due.
func (q *queue) surface(now time.Time) {
	for len(q.timed) > 0 && !q.timed[0].due.After(now) {
		m := q.timed[0]
		q.leaveState(m)
		q.show(m)
	}
}

// forget drops deduplication ids whose window has passed.
func (q *queue) forget(now time.Time) {
	for len(q.dedupOrder) > 0 && !now.Before(q.dedupOrder[0].at.Add(dedupWindow)) {
		delete(q.dedup, q.dedupOrder[0].key)
		q.dedupOrder[0] = nil
		q.dedupOrder = q.dedupOrder[1:]
	}
}

// remember notes a deduplication id.
func (q *queue) remember(d *duplicate) {
	q.dedup[d.key] = d
	q.dedupOrder = append(q.dedupOrder, d)
}

// dedupKey is what makes two sends the same, within the queue's scope.
func (q *queue) dedupKey(groupID, dedupID string) string {
	if q.settings.dedupPerGroup {
		return groupID + " " + dedupID // a group id cannot contain a space
	}
	return dedupID
}

// next is when the queue has to be looked at again without being asked, zero for never.
func (q *queue) next() time.Time {
	var at time.Time
	earlier := func(t time.Time) {
		if at.IsZero() || t.Before(at) {
			at = t
		}
	}
	if len(q.timed) > 0 {
		earlier(q.timed[0].due)
	}
	if q.all.head != nil {
		earlier(q.all.head.sent.Add(q.settings.retention))
	}
	if len(q.tasks) > 0 && q.tasks[0].status == taskRunning {
		earlier(q.tasks[0].nextMove())
	}
	return at
}
