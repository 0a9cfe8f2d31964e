package sqs

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/parley-chat/parley/localstack/journal"
)

// Replay applies one record of the journal.
func (e *Engine) Replay(record []byte) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(record) == 0 {
		return errRecord
	}
	d := &decoder{journal.Fields{Rest: record[1:]}}
	switch record[0] {
	case kindMessage:
		e.replayMessage(d)
	case kindReceive:
		e.replayReceive(d)
	case kindDelete:
		e.replayDelete(d.Number())
	case kindMove:
		e.replayMove(d)
	case kindPurge:
		if q := e.queues[d.Text()]; q != nil {
			e.empty(q)
		}
	case kindQueue:
		return e.replayQueue(d.Rest)
	case kindDeleteQueue:
		e.replayDeleteQueue(d.Text(), d.time())
	case kindDuplicate:
		e.replayDuplicate(d)
	case kindLast:
		e.last = max(e.last, d.Number())
	default:
		return fmt.Errorf("%w: kind %q", errRecord, record[0])
	}
	if !d.Whole() {
		return fmt.Errorf("%w: kind %q", errRecord, record[0])
	}
	return nil
}

// place puts a message into its queue as the journal tells. When the template has that queue no more the
// message stays outside of any: a later record may still move it into a dead-letter queue that is there.
func (e *Engine) place(name string, m *message) *queue {
	e.last = max(e.last, m.number)
	if old := e.messages[m.number]; old != nil {
		e.unplace(old)
	}
	e.messages[m.number] = m
	q := e.queues[name]
	if q != nil {
		q.add(m, e.now())
	}
	return q
}

func (e *Engine) unplace(m *message) {
	if m.queue != nil {
		m.queue.remove(m)
	}
	delete(e.messages, m.number)
}

func (e *Engine) replayMessage(d *decoder) {
	name, m, remember := d.Text(), d.message(), d.flag()
	if d.Bad {
		return
	}
	q := e.place(name, m)
	if q == nil || !remember || !e.now().Before(m.sent.Add(dedupWindow)) {
		return
	}
	q.remember(&duplicate{key: q.dedupKey(m.groupID, m.dedupID), id: m.id, number: m.number, at: m.sent})
}

func (e *Engine) replayReceive(d *decoder) {
	number, receives, first := d.Number(), d.Number(), d.time()
	if m := e.messages[number]; m != nil && !d.Bad {
		m.receives, m.firstReceived = int(receives), first
		m.due = time.Time{} // it was visible then, so its delay is over
		e.reveal(m)
	}
}

// reveal makes a delayed message visible: the journal was written by a clock that is ahead of ours.
func (e *Engine) reveal(m *message) {
	if m.queue != nil && m.state == delayed {
		m.queue.leaveState(m)
		m.queue.show(m)
	}
}

func (e *Engine) replayDelete(number uint64) {
	if m := e.messages[number]; m != nil {
		e.unplace(m)
	}
}

func (e *Engine) replayMove(d *decoder) {
	old, name, number := d.Number(), d.Text(), d.Number()
	id, sent, receives, first, from := d.Text(), d.time(), d.Number(), d.time(), d.Text()
	m := e.messages[old]
	if d.Bad || m == nil {
		return
	}
	e.unplace(m)
	moved := &message{content: m.content, number: number, sent: sent, due: sent, receives: int(receives), firstReceived: first, deadFrom: from, timed: -1}
	moved.id = id
	e.place(name, moved)
}

func (e *Engine) replayQueue(body []byte) error {
	var r queueRecord
	if err := json.Unmarshal(body, &r); err != nil {
		return fmt.Errorf("%w: %w", errRecord, err)
	}
	wanted, problem := defaultSettings(r.Settings["FifoQueue"] == "true").with(r.Settings)
	if problem != nil {
		return fmt.Errorf("%w: %w", errRecord, problem)
	}
	q := e.queues[r.Name]
	switch {
	case q == nil && r.Baseline == nil:
		q = newQueue(r.Name, wanted, time.Unix(0, r.Created))
		e.install(q)
	case q == nil:
		return nil // the template has it no more
	case (q.baseline == nil) != (r.Baseline == nil), q.baseline != nil && !maps.Equal(q.baseline.text(), r.Baseline):
		return nil // the template has changed: it wins
	}
	if q.settings.fifo == wanted.fifo {
		q.settings, q.modified = wanted, time.Unix(0, r.Modified)
	}
	return nil
}

// replayDeleteQueue empties a queue of the template, which has been made anew at this start, and removes
// another one.
func (e *Engine) replayDeleteQueue(name string, at time.Time) {
	q := e.queues[name]
	switch {
	case q == nil:
	case q.baseline != nil:
		e.empty(q)
		q.settings = q.baseline
	default:
		e.removeQueue(q, at)
	}
}

func (e *Engine) replayDuplicate(d *decoder) {
	q := e.queues[d.Text()]
	dup := &duplicate{key: d.Text(), id: d.Text(), number: d.Number(), at: d.time()}
	if q != nil && !d.Bad {
		q.remember(dup)
	}
}

// Snapshot emits records that rebuild the present state.
func (e *Engine) Snapshot(emit func(record []byte) error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.now()
	names := slices.Sorted(maps.Keys(e.queues))
	for _, name := range names {
		e.settle(e.queues[name], now)
		if err := e.queues[name].snapshot(emit); err != nil {
			return err
		}
	}
	last := encoder{kindLast}
	last.number(e.last)
	return emit(last)
}

// snapshot emits the queue, if its settings are not the template's, and its messages by number, which is the
// order of a FIFO group.
func (q *queue) snapshot(emit func(record []byte) error) error {
	if q.settings != q.baseline {
		if err := emit(append([]byte{kindQueue}, q.record()...)); err != nil {
			return err
		}
	}
	for _, dup := range q.dedupOrder {
		b := encoder{kindDuplicate}
		b.text(q.name)
		b.text(dup.key)
		b.text(dup.id)
		b.number(dup.number)
		b.time(dup.at)
		if err := emit(b); err != nil {
			return err
		}
	}
	messages := make([]*message, 0, q.all.length)
	for m := q.all.head; m != nil; m = q.all.next(m) {
		messages = append(messages, m)
	}
	slices.SortFunc(messages, func(a, b *message) int { return cmp.Compare(a.number, b.number) })
	for _, m := range messages {
		b := encoder{kindMessage}
		b.text(q.name)
		b.message(m)
		b.flag(false)
		if err := emit(b); err != nil {
			return err
		}
	}
	return nil
}
