package sqs

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/parley-chat/parley/localstack/journal"
)

// A record of the journal is a kind and its fields: numbers as uvarints, times as nanoseconds since 1970,
// strings with their length in front.
const (
	kindMessage     = 'M' // queue, message, whether to remember its deduplication id
	kindReceive     = 'R' // number, receives, first receive
	kindDelete      = 'D' // number
	kindMove        = 'L' // old number, queue, new number, id, sent, receives, first receive, source
	kindPurge       = 'P' // queue
	kindQueue       = 'Q' // queueRecord as JSON
	kindDeleteQueue = 'X' // queue, time
	kindDuplicate   = 'U' // queue, key, id, number, time (snapshots only)
	kindLast        = 'N' // number of the newest message (snapshots only)
)

var errRecord = errors.New("sqs: malformed journal record")

// encoder appends fields to a record.
type encoder []byte

func (b *encoder) number(n uint64) { *b = binary.AppendUvarint(*b, n) }

func (b *encoder) text(s string) { *b = journal.AppendText(*b, s) }

// time keeps the zero time apart from 1970.
func (b *encoder) time(t time.Time) {
	if t.IsZero() {
		b.number(0)
		return
	}
	b.number(uint64(max(1, t.UnixNano())))
}

func (b *encoder) flag(yes bool) {
	if yes {
		b.number(1)
		return
	}
	b.number(0)
}

// decoder takes off a record what the encoder appended.
type decoder struct{ journal.Fields }

func (d *decoder) time() time.Time {
	n := d.Number()
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(n))
}

func (d *decoder) flag() bool { return d.Number() != 0 }

func (b *encoder) message(m *message) {
	b.number(m.number)
	b.text(m.id)
	b.text(m.body)
	b.number(uint64(len(m.attributes)))
	for _, a := range m.attributes {
		b.text(a.name)
		b.text(a.kind)
		b.flag(a.binary)
		b.text(a.value)
	}
	b.text(m.groupID)
	b.text(m.dedupID)
	b.text(m.sender)
	b.text(m.trace)
	b.time(m.sent)
	b.time(m.due)
	b.number(uint64(m.receives))
	b.time(m.firstReceived)
	b.text(m.deadFrom)
}

func (d *decoder) message() *message {
	m := &message{number: d.Number(), timed: -1}
	m.id, m.body = d.Text(), d.Text()
	for n := d.Number(); n > 0 && !d.Bad; n-- {
		m.attributes = append(m.attributes, attribute{name: d.Text(), kind: d.Text(), binary: d.flag(), value: d.Text()})
	}
	m.groupID, m.dedupID, m.sender, m.trace = d.Text(), d.Text(), d.Text(), d.Text()
	m.sent, m.due = d.time(), d.time()
	m.receives = int(d.Number())
	m.firstReceived, m.deadFrom = d.time(), d.Text()
	m.bodyMD5, m.attrMD5 = hexMD5(m.body), m.attributes.md5()
	return m
}

// begin starts a record in the engine's buffer; nil means that nothing is kept.
func (e *Engine) begin(kind byte) *encoder {
	if e.journal == nil {
		return nil
	}
	b := encoder(append(e.scratch[:0], kind))
	return &b
}

func (e *Engine) commit(b *encoder) {
	e.position = e.journal.Append(Component, *b)
	if e.scratch = *b; cap(e.scratch) > 64<<10 {
		e.scratch = nil
	}
}

func (e *Engine) recordMessage(m *message) {
	if b := e.begin(kindMessage); b != nil {
		b.text(m.queue.name)
		b.message(m)
		b.flag(m.queue.settings.fifo)
		e.commit(b)
	}
}

func (e *Engine) recordReceive(m *message) {
	if b := e.begin(kindReceive); b != nil {
		b.number(m.number)
		b.number(uint64(m.receives))
		b.time(m.firstReceived)
		e.commit(b)
	}
}

func (e *Engine) recordDelete(number uint64) {
	if b := e.begin(kindDelete); b != nil {
		b.number(number)
		e.commit(b)
	}
}

// recordMove says that the message old is now m, with the same body and attributes.
func (e *Engine) recordMove(old uint64, m *message) {
	if b := e.begin(kindMove); b != nil {
		b.number(old)
		b.text(m.queue.name)
		b.number(m.number)
		b.text(m.id)
		b.time(m.sent)
		b.number(uint64(m.receives))
		b.time(m.firstReceived)
		b.text(m.deadFrom)
		e.commit(b)
	}
}

func (e *Engine) recordPurge(name string) {
	if b := e.begin(kindPurge); b != nil {
		b.text(name)
		e.commit(b)
	}
}

func (e *Engine) recordDeleteQueue(name string, at time.Time) {
	if b := e.begin(kindDeleteQueue); b != nil {
		b.text(name)
		b.time(at)
		e.commit(b)
	}
}

// queueRecord is a queue that was made or changed by a call. Baseline is what the template said then: when
// the template has changed since, it wins.
type queueRecord struct {
	Name     string
	Created  int64 // nanoseconds since 1970
	Modified int64
	Settings map[string]string
	Baseline map[string]string `json:",omitempty"`
}

func (e *Engine) recordQueue(q *queue) {
	if b := e.begin(kindQueue); b != nil {
		*b = append(*b, q.record()...)
		e.commit(b)
	}
}

func (q *queue) record() []byte {
	r := queueRecord{Name: q.name, Created: q.created.UnixNano(), Modified: q.modified.UnixNano(), Settings: q.settings.text()}
	if q.baseline != nil {
		r.Baseline = q.baseline.text()
	}
	body, err := json.Marshal(r)
	if err != nil {
		panic(fmt.Sprintf("sqs: encoding %s: %v", q.name, err)) // strings and numbers always encode
	}
	return body
}
