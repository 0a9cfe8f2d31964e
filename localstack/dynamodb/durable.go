package dynamodb

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/parley-chat/parley/localstack/dynamodb/attr"
	"github.com/parley-chat/parley/localstack/journal"
	"github.com/parley-chat/parley/localstack/template"
)

// Journal makes records durable.
type Journal interface {
	// Append puts a record of a component behind all others and returns its position. It does not block on
	// the disk; the order of calls is the order of the log.
	Append(component string, record []byte) uint64
	// Wait blocks until the record at the position is durable. Position 0 always is.
	Wait(position uint64) error
}

// The journal's records begin with one of these. A table goes by its id, since a name can be used again.
//
//	entryTable    JSON of tableEntry                a table came to be
//	entryDropped  id                                a table was deleted
//	entryLifetime id attribute                      time to live was switched
//	entryCommit   time changes token sequence…      a write or a transaction
//	entryStream   id last                           snapshot: the newest sequence number of a stream
//	entryRecord   id seq time flags old new         snapshot: one stream record
//	entryToken    token                             snapshot: one client token
const (
	entryTable    = 'T'
	entryDropped  = 'D'
	entryLifetime = 'L'
	entryCommit   = 'C'
	entryStream   = 'S'
	entryRecord   = 'R'
	entryToken    = 'K'
)

// Flags of a change.
const (
	flagPut     = 1
	flagExpired = 2
	// flagSilent marks an item of a snapshot: it is no event.
	flagSilent = 4
)

// errEntry says that a record of the journal is not what this engine writes.
var errEntry = errors.New("dynamodb: malformed journal record")

// tableEntry describes a table in the journal.
type tableEntry struct {
	ID      string
	Created time.Time
	Spec    template.Table
}

func (t *table) entry() []byte {
	doc, err := json.Marshal(tableEntry{ID: t.id, Created: t.created, Spec: t.spec})
	if err != nil {
		panic(fmt.Sprintf("dynamodb: a table's specification cannot be marshalled: %v", err)) // strings and booleans only
	}
	return append([]byte{entryTable}, doc...)
}

// appendItem writes an item; nil is written as an empty text.
func appendItem(out []byte, it attr.Item) []byte {
	if it == nil {
		return append(out, 0)
	}
	doc := attr.AppendItem(make([]byte, 0, 512), it)
	return append(binary.AppendUvarint(out, uint64(len(doc))), doc...)
}

// appendCommit writes a commit but for the sequence numbers, which are known only under the streams' locks.
func appendCommit(out []byte, changes []change, done *token, now time.Time) []byte {
	out = append(out, entryCommit)
	out = binary.AppendUvarint(out, uint64(now.UnixNano()))
	out = binary.AppendUvarint(out, uint64(len(changes)))
	for _, c := range changes {
		out = journal.AppendText(out, c.table.id)
		flags := byte(0)
		if c.expired {
			flags |= flagExpired
		}
		if c.next != nil {
			out = appendItem(append(out, flags|flagPut), c.next.item)
		} else {
			out = appendItem(append(out, flags), c.table.keyOf(c.old.item))
		}
	}
	return done.append(out)
}

// appendSequence completes a commit with the sequence number of each change, 0 without a stream.
func appendSequence(out []byte, changes []change) []byte {
	for i, c := range changes {
		if c.table.stream == nil {
			out = append(out, 0)
			continue
		}
		seq := c.table.stream.last + 1
		for _, earlier := range changes[:i] {
			if earlier.table == c.table {
				seq++
			}
		}
		out = binary.AppendUvarint(out, seq)
	}
	return out
}

// entryReader reads what the append functions wrote.
type entryReader struct{ journal.Fields }

func (r *entryReader) time() time.Time { return time.Unix(0, int64(r.Number())) }

func (r *entryReader) item() attr.Item {
	doc := r.Bytes()
	if len(doc) == 0 {
		return nil
	}
	it, err := attr.ParseItem(doc)
	if err != nil {
		r.Bad = true
	}
	return it
}

func (r *entryReader) end() error {
	if !r.Whole() {
		return errEntry
	}
	return nil
}
