package load

import (
	"encoding/binary"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// Book keeps when each message of one measurement was due, acknowledged and received by the other side. It is
// safe for concurrent use.
type Book struct {
	run   uint32 // tells measurements apart in ids
	start time.Time
	marks []mark
	next  atomic.Int64
	acked atomic.Int64
	seen  atomic.Int64

	mu     sync.Mutex
	errors map[string]int
}

// mark holds nanoseconds since start; 0 is never.
type mark struct{ due, acked, seen atomic.Int64 }

// NewBook makes a book for at most n messages.
func NewBook(run uint32, n int) *Book {
	return &Book{run: run, start: time.Now(), marks: make([]mark, n), errors: map[string]int{}}
}

func (b *Book) now() int64 { return int64(time.Since(b.start)) }

// enter registers a message that is due at a time, and returns its number; false when the book is full.
func (b *Book) enter(due int64) (int, bool) {
	i := int(b.next.Add(1)) - 1
	if i >= len(b.marks) {
		return 0, false
	}
	b.marks[i].due.Store(max(due, 1))
	return i, true
}

// id is the event id of a message: the run and the number are in it.
func (b *Book) id(i int) string {
	var raw [16]byte
	binary.BigEndian.PutUint32(raw[2:], uint32(b.start.Unix()))
	binary.BigEndian.PutUint32(raw[6:], b.run)
	binary.BigEndian.PutUint32(raw[12:], uint32(i))
	return chat.FormatID(chat.EventPrefix, raw)
}

// find returns the mark of an id of this measurement, else nil.
func (b *Book) find(id [16]byte) *mark {
	i := int(binary.BigEndian.Uint32(id[12:]))
	if binary.BigEndian.Uint32(id[6:]) != b.run || binary.BigEndian.Uint32(id[2:]) != uint32(b.start.Unix()) || i >= len(b.marks) {
		return nil
	}
	return &b.marks[i]
}

func (b *Book) sawAck(id [16]byte) {
	if m := b.find(id); m != nil && m.acked.CompareAndSwap(0, b.now()) {
		b.acked.Add(1)
	}
}

func (b *Book) sawPush(id [16]byte) {
	if m := b.find(id); m != nil && m.seen.CompareAndSwap(0, b.now()) {
		b.seen.Add(1)
	}
}

func (b *Book) failed(code string, n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.errors[code] += n
}

// Quantiles of a latency, in milliseconds.
type Quantiles struct {
	P50  float64 `json:"p50"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
	Max  float64 `json:"max"`
}

// QuantilesOf takes exact quantiles; it sorts the slice.
func QuantilesOf(latencies []time.Duration) Quantiles {
	if len(latencies) == 0 {
		return Quantiles{}
	}
	slices.Sort(latencies)
	at := func(q float64) float64 {
		i := min(int(q*float64(len(latencies))), len(latencies)-1)
		return float64(latencies[i].Microseconds()) / 1000
	}
	return Quantiles{at(0.5), at(0.99), at(0.999), at(1)}
}

// Result of a measurement.
type Result struct {
	Sent    int            `json:"sent"`
	Acked   int            `json:"acked"`
	Seen    int            `json:"seen"`
	Errors  map[string]int `json:"errors,omitempty"`
	Seconds float64        `json:"seconds"`
	Rate    float64        `json:"perSecond"` // acknowledged
	// EndToEnd is from the due time to the other side's receipt, Ack to the sender's acknowledgement.
	EndToEnd Quantiles `json:"endToEndMs"`
	Ack      Quantiles `json:"ackMs"`
}

// result sums a book up.
func (b *Book) result(took time.Duration) Result {
	r := Result{Sent: min(int(b.next.Load()), len(b.marks)), Acked: int(b.acked.Load()), Seen: int(b.seen.Load()), Seconds: took.Seconds()}
	var seen, acked []time.Duration
	for i := range r.Sent {
		m := &b.marks[i]
		if t := m.seen.Load(); t > 0 {
			seen = append(seen, time.Duration(t-m.due.Load()))
		}
		if t := m.acked.Load(); t > 0 {
			acked = append(acked, time.Duration(t-m.due.Load()))
		}
	}
	r.Rate = float64(r.Acked) / took.Seconds()
	r.EndToEnd, r.Ack = QuantilesOf(seen), QuantilesOf(acked)
	b.mu.Lock()
	defer b.mu.Unlock()
	r.Errors = b.errors
	return r
}
