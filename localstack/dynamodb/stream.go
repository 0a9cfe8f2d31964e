package dynamodb

import (
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/parley-chat/parley/localstack/dynamodb/attr"
)

// The stream view types.
const (
	viewKeys = "KEYS_ONLY"
	viewNew  = "NEW_IMAGE"
	viewOld  = "OLD_IMAGE"
	viewBoth = "NEW_AND_OLD_IMAGES"
)

// streamRetention is how long a record can be read ("Change data capture for DynamoDB Streams").
const streamRetention = 24 * time.Hour

// stream is the change log of one table. One shard is enough: AWS promises order per item only, and one
// shard keeps it for all.
type stream struct {
	arn, view string
	retention time.Duration

	mu      sync.Mutex
	records []streamRecord // in order of seq
	// last is the newest sequence number given out, 0 before the first.
	last uint64
	// changed is closed at the next record; nil while nobody asked.
	changed chan struct{}
}

// streamRecord is one change of one item. Images are shared with the store.
type streamRecord struct {
	seq      uint64
	at       time.Time
	old, new attr.Item // nil: there was, or is, no item
	expired  bool      // deleted by time to live
	position uint64    // the journal's
}

// append adds a record. The stream is locked.
func (s *stream) append(r streamRecord) {
	s.trim(r.at)
	s.last = r.seq
	s.records = append(s.records, r)
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// trim drops what is older than the retention. The stream is locked.
func (s *stream) trim(now time.Time) {
	horizon := now.Add(-s.retention)
	if len(s.records) == 0 || !s.records[0].at.Before(horizon) {
		return
	}
	keep := slices.IndexFunc(s.records, func(r streamRecord) bool { return !r.at.Before(horizon) })
	if keep < 0 {
		keep = len(s.records)
	}
	s.records = slices.Clone(s.records[keep:])
}

// horizon returns the oldest sequence number that can be read. The stream is locked.
func (s *stream) horizon() uint64 {
	if len(s.records) > 0 {
		return s.records[0].seq
	}
	return s.last + 1
}

// from returns the index of the first record with that sequence number or a later one. The stream is locked.
func (s *stream) from(seq uint64) int {
	i, _ := slices.BinarySearchFunc(s.records, seq, func(r streamRecord, seq uint64) int {
		switch {
		case r.seq < seq:
			return -1
		case r.seq > seq:
			return 1
		}
		return 0
	})
	return i
}

// notify returns a channel that is closed at the next record.
func (s *stream) notify() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changed == nil {
		s.changed = make(chan struct{})
	}
	return s.changed
}

// sequenceNumber writes a sequence number as AWS does: a decimal of 21 digits or more that never begins with 0.
func sequenceNumber(seq uint64) string {
	const digits = 21
	text := strconv.FormatUint(seq, 10)
	out := append(make([]byte, 0, digits), "1"...)
	for range digits - 1 - len(text) {
		out = append(out, '0')
	}
	return string(append(out, text...))
}

// parseSequenceNumber reads what sequenceNumber wrote.
func parseSequenceNumber(text string) (uint64, bool) {
	if len(text) != 21 || text[0] != '1' {
		return 0, false
	}
	seq, err := strconv.ParseUint(text[1:], 10, 64)
	return seq, err == nil
}

// either returns an image that has the item's key.
func (r *streamRecord) either() attr.Item {
	if r.new != nil {
		return r.new
	}
	return r.old
}

// eventName says what happened to the item.
func (r *streamRecord) eventName() string {
	switch {
	case r.old == nil:
		return "INSERT"
	case r.new == nil:
		return "REMOVE"
	}
	return "MODIFY"
}

// images returns what the view shows.
func (r *streamRecord) images(view string) (old, new attr.Item) {
	if view == viewOld || view == viewBoth {
		old = r.old
	}
	if view == viewNew || view == viewBoth {
		new = r.new
	}
	return old, new
}
