package dynamodb

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/parley-chat/parley/localstack/dynamodb/attr"
	"github.com/parley-chat/parley/localstack/journal"
)

// Durable makes the engine append its changes to the journal, under the component's name, from now on. Call it
// once, after the journal has been replayed into the engine and before the first call of Do. Tables that the
// journal does not know yet are written to it, and a table of the options that DeleteTable took away once is
// made again, empty.
func (e *Engine) Durable(j Journal, component string) error {
	for _, spec := range e.planned {
		if e.tables[spec.Name] != nil {
			continue
		}
		if _, err := e.create(spec); err != nil {
			return &TableError{Table: spec.Name, Reason: err.message}
		}
	}
	e.journal, e.component = j, component
	position := uint64(0)
	for _, t := range e.sortedTables() {
		if !t.journaled {
			position = j.Append(component, t.entry())
			t.journaled = true
		}
	}
	return j.Wait(position)
}

// Replay applies one record of the journal to an engine that serves nobody yet: what Append was given, or
// what Snapshot emitted, in order. The record may be reused afterwards.
func (e *Engine) Replay(entry []byte) error {
	if len(entry) == 0 {
		return errEntry
	}
	r := &entryReader{journal.Fields{Rest: entry[1:]}}
	switch entry[0] {
	case entryTable:
		return e.replayTable(r.Rest)
	case entryDropped:
		e.replayDropped(r.Text())
	case entryLifetime:
		t := e.byID(r.Text())
		if attribute := r.Text(); t != nil && !r.Bad {
			t.setTTL(attribute)
		}
	case entryCommit:
		e.replayCommit(r)
	case entryStream:
		t := e.byID(r.Text())
		if last := r.Number(); t != nil && t.stream != nil && !r.Bad {
			t.stream.last = last
		}
	case entryRecord:
		e.replayRecord(r)
	case entryToken:
		if k := r.token(); k != nil && !r.Bad {
			e.tokens.add(k)
		}
	default:
		return errEntry
	}
	return r.end()
}

func (e *Engine) byID(id string) *table {
	for _, t := range e.tables {
		if t.id == id {
			return t
		}
	}
	return nil
}

// replayTable makes a table, or recognises one that the options gave. The template may have got other indexes
// since, which fill as the items come; another key is another table.
func (e *Engine) replayTable(doc []byte) error {
	var entry tableEntry
	if err := json.Unmarshal(doc, &entry); err != nil {
		return fmt.Errorf("%w: %w", errEntry, err)
	}
	t := e.tables[entry.Spec.Name]
	if t == nil {
		var err *apiError
		if t, err = e.create(entry.Spec); err != nil {
			return err
		}
	} else if was := newSchema(entry.Spec.Hash, entry.Spec.Range); !reflect.DeepEqual(was.all, t.key.all) {
		return fmt.Errorf("dynamodb: table %s has another key than when it was stored: AWS would replace it and its items; "+
			"remove the stored data or rename the table", t.spec.Name)
	}
	t.id, t.created, t.journaled = entry.ID, entry.Created, true
	return nil
}

func (e *Engine) replayDropped(id string) {
	if t := e.byID(id); t != nil {
		delete(e.tables, t.spec.Name)
	}
}

// replayedChange is a change as the journal has it.
type replayedChange struct {
	table *table // nil: deleted at the same moment
	flags byte
	item  attr.Item // the item, or the key of a deleted one
}

// replayCommit applies a write or a transaction, all or nothing.
func (e *Engine) replayCommit(r *entryReader) {
	at := r.time()
	n := r.Number()
	if n > uint64(len(r.Rest)) {
		r.Bad = true
		return
	}
	changes := make([]replayedChange, n)
	for i := range changes {
		changes[i] = replayedChange{table: e.byID(r.Text()), flags: r.Byte(), item: r.item()}
	}
	done := r.token()
	sequence := make([]uint64, n)
	for i := range sequence {
		sequence[i] = r.Number()
	}
	if r.end() != nil || !wellKeyed(changes) {
		r.Bad = true
		return
	}
	for i, c := range changes {
		if c.table != nil {
			c.table.replay(c, sequence[i], streamRecord{at: at, expired: c.flags&flagExpired != 0})
		}
	}
	if done != nil {
		e.tokens.add(done)
	}
}

// wellKeyed reports whether every item has its table's key.
func wellKeyed(changes []replayedChange) bool {
	for _, c := range changes {
		if c.table != nil && !c.table.hasKey(c.item) {
			return false
		}
	}
	return true
}

// replay puts or deletes an item, and adds the stream record that the change made.
func (t *table) replay(c replayedChange, seq uint64, rec streamRecord) {
	key := t.storageKey(c.item)
	s := t.stripe(key)
	old := s.get(key)
	var next *record
	if c.flags&flagPut != 0 {
		next = newRecord(key, c.item)
	}
	t.replace(s, old, next, 0)
	if seq == 0 || t.stream == nil || c.flags&flagSilent != 0 {
		return
	}
	rec.seq, rec.old, rec.new = seq, old.image(), next.image()
	t.stream.append(rec)
}

func (e *Engine) replayRecord(r *entryReader) {
	t := e.byID(r.Text())
	rec := streamRecord{seq: r.Number(), at: r.time(), expired: r.Byte()&flagExpired != 0}
	rec.old, rec.new = r.item(), r.item()
	if t != nil && t.stream != nil && r.end() == nil {
		t.stream.append(rec)
	}
}

// Snapshot emits records that make an empty engine, of the same options, what this one is. Nothing else may
// use the engine meanwhile.
func (e *Engine) Snapshot(emit func(entry []byte) error) error {
	for _, t := range e.sortedTables() {
		if err := e.snapshotTable(t, emit); err != nil {
			return err
		}
	}
	now := e.now()
	e.tokens.mu.Lock()
	defer e.tokens.mu.Unlock()
	e.tokens.expire(now)
	for _, k := range e.tokens.order {
		if err := emit(k.append([]byte{entryToken})); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) snapshotTable(t *table, emit func(entry []byte) error) error {
	if err := emit(t.entry()); err != nil {
		return err
	}
	t.journaled = true
	if t.ttl != t.spec.TTL { // switched by UpdateTimeToLive; else the template decides
		if err := emit(journal.AppendText(journal.AppendText([]byte{entryLifetime}, t.id), t.ttl)); err != nil {
			return err
		}
	}
	var failed error
	for i := range t.stripes {
		t.stripes[i].items.Scan(func(_ string, r *record) bool {
			failed = emit(t.snapshotItem(r))
			return failed == nil
		})
		if failed != nil {
			return failed
		}
	}
	if t.stream == nil {
		return nil
	}
	t.stream.trim(e.now())
	for _, r := range t.stream.records {
		if err := emit(t.snapshotRecord(&r)); err != nil {
			return err
		}
	}
	return emit(binary.AppendUvarint(journal.AppendText([]byte{entryStream}, t.id), t.stream.last))
}

// snapshotItem writes a commit of one item that is no event.
func (t *table) snapshotItem(r *record) []byte {
	out := binary.AppendUvarint([]byte{entryCommit}, 0) // no time
	out = binary.AppendUvarint(out, 1)
	out = appendItem(append(journal.AppendText(out, t.id), flagPut|flagSilent), r.item)
	return append(out, 0, 0) // no token, no sequence number
}

func (t *table) snapshotRecord(r *streamRecord) []byte {
	out := binary.AppendUvarint(journal.AppendText([]byte{entryRecord}, t.id), r.seq)
	out = binary.AppendUvarint(out, uint64(r.at.UnixNano()))
	flags := byte(0)
	if r.expired {
		flags = flagExpired
	}
	return appendItem(appendItem(append(out, flags), r.old), r.new)
}
