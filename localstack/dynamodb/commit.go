package dynamodb

import (
	"slices"
	"strings"
	"time"

	"github.com/parley-chat/parley/localstack/dynamodb/attr"
)

// change is one item of a commit.
type change struct {
	table     *table
	stripe    *stripe // locked for writing
	old, next *record // nil: there was, or will be, no item
	expired   bool    // deleted by time to live
}

// idle reports whether nothing changes: neither the stream nor the journal hears of it.
func (c *change) idle() bool {
	if c.old == nil || c.next == nil {
		return c.old == nil && c.next == nil
	}
	return attr.EqualItems(c.old.item, c.next.item)
}

// commit makes all changes, whose stripes are locked, in one step, and returns the journal's position at
// which they are durable together with everything that they were derived from. A transaction brings its token.
func (e *Engine) commit(changes []change, done *token) uint64 {
	position := uint64(0)
	for _, c := range changes {
		position = max(position, c.stripe.position)
	}
	changes = slices.DeleteFunc(changes, func(c change) bool { return c.idle() })
	if len(changes) == 0 && done == nil {
		return position
	}
	now := e.now()
	var entry []byte
	if e.journal != nil {
		entry = appendCommit(nil, changes, done, now)
	}
	position = e.publish(changes, entry, now, position)
	for _, c := range changes {
		c.table.replace(c.stripe, c.old, c.next, position)
	}
	return position
}

// publish gives the changes their place in the streams and in the journal.
func (e *Engine) publish(changes []change, entry []byte, now time.Time, position uint64) uint64 {
	defer lockStreams(changes)()
	if e.journal != nil {
		position = e.journal.Append(e.component, appendSequence(entry, changes))
	}
	for _, c := range changes {
		if s := c.table.stream; s != nil {
			s.append(streamRecord{seq: s.last + 1, at: now, old: c.old.image(), new: c.next.image(), expired: c.expired, position: position})
		}
	}
	return position
}

// lockStreams locks the streams that the changes go to, in the order of their tables' names: records are
// numbered, and appended to the journal, in one order.
func lockStreams(changes []change) (unlock func()) {
	if len(changes) == 1 {
		if s := changes[0].table.stream; s != nil {
			s.mu.Lock()
			return s.mu.Unlock
		}
		return func() {}
	}
	var tables []*table
	for _, c := range changes {
		if c.table.stream != nil && !slices.Contains(tables, c.table) {
			tables = append(tables, c.table)
		}
	}
	slices.SortFunc(tables, func(a, b *table) int { return strings.Compare(a.spec.Name, b.spec.Name) })
	for _, t := range tables {
		t.stream.mu.Lock()
	}
	return func() {
		for _, t := range tables {
			t.stream.mu.Unlock()
		}
	}
}
