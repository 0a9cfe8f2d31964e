package dynamodb

import (
	"sync"

	"github.com/parley-chat/parley/localstack/dynamodb/attr"
	"github.com/tidwall/btree"
)

// A table's partitions are spread over stripes, each with a lock of its own. Lock order: stripes by table
// (tables by name) and number, then one index stripe at a time, then streams by table name, then the journal.
const (
	stripeBits  = 6
	stripeCount = 1 << stripeBits
)

// record is a stored item. It is never modified: a change puts another record in its place.
type record struct {
	key  string // in the table's tree
	item attr.Item
	size int
}

func newRecord(key string, it attr.Item) *record {
	return &record{key: key, item: it, size: it.Size()}
}

// bytes returns the size of a record that may be nil.
func (r *record) bytes() int {
	if r == nil {
		return 0
	}
	return r.size
}

// image returns the item of a record that may be nil.
func (r *record) image() attr.Item {
	if r == nil {
		return nil
	}
	return r.item
}

type tree = btree.Map[string, *record]

// stripe holds a part of a table's partitions.
type stripe struct {
	mu     sync.RWMutex
	items  tree
	locals []tree
	expiry tree // by expiry and key; see expiryKey
	// ongoing holds the keys of items that a transaction is writing and has not made durable yet.
	ongoing map[string]bool
	// position is the journal's, of the last change in this stripe. Whatever was read here may be told to
	// anyone only when that is durable.
	position uint64
}

func (s *stripe) init(locals int) {
	s.locals = make([]tree, locals)
	s.ongoing = make(map[string]bool)
}

// indexStripe holds a part of a global index's partitions.
type indexStripe struct {
	mu       sync.RWMutex
	entries  tree
	position uint64
}

func (t *table) stripe(key string) *stripe { return &t.stripes[stripeOf(key)] }

// get returns the record or nil. The stripe is locked.
func (s *stripe) get(key string) *record {
	r, _ := s.items.Get(key)
	return r
}

// replace puts the record next in the place of old; either may be nil. The stripe that holds both is locked
// for writing. Global indexes change within the call: AWS does it a little later, so that whoever relies on
// seeing the old state there relies on nothing.
func (t *table) replace(s *stripe, old, next *record, position uint64) {
	s.position = max(s.position, position)
	if next != nil {
		s.items.Set(next.key, next)
	} else if old != nil {
		s.items.Delete(old.key)
	}
	for _, x := range t.indexes {
		t.reindex(x, s, old, next, position)
	}
	t.reschedule(s, old, next)
}

func (t *table) reindex(x *index, s *stripe, old, next *record, position uint64) {
	from, was := t.entryKey(x, old)
	to, is := t.entryKey(x, next)
	if was && (!is || from != to) {
		x.change(s, from, nil, position)
	}
	if is {
		x.change(s, to, next, position)
	}
}

func (t *table) entryKey(x *index, r *record) (string, bool) {
	if r == nil {
		return "", false
	}
	return t.indexKey(x, r.item)
}

// change sets one entry, or deletes it when r is nil.
func (x *index) change(s *stripe, key string, r *record, position uint64) {
	var entries *tree
	if x.local {
		entries = &s.locals[x.slot]
	} else {
		g := &x.stripes[stripeOf(key)]
		g.mu.Lock()
		defer g.mu.Unlock()
		g.position = max(g.position, position)
		entries = &g.entries
	}
	if r == nil {
		entries.Delete(key)
	} else {
		entries.Set(key, r)
	}
}

// lockAll locks every stripe for writing; the function that it returns unlocks.
func (t *table) lockAll() (unlock func()) {
	for i := range t.stripes {
		t.stripes[i].mu.Lock()
	}
	return func() {
		for i := range t.stripes {
			t.stripes[i].mu.Unlock()
		}
	}
}
