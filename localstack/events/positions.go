package events

import (
	"encoding/json"
	"fmt"
	"sync"
)

// Component is the name under which Positions append to a journal.
const Component = "stream-positions"

// Positions keeps how far each mapping has processed each shard. With a Log it survives restarts: it is a
// component of the journal (Replay, Snapshot).
//
// Guarantee: at least once. A position is saved after its records were processed and nobody waits for the
// save, so a crash repeats the last few.
type Positions struct {
	mu     sync.Mutex
	at     map[position]string
	append func(component string, record []byte) uint64
}

type position struct{ Mapping, Shard string }

// NewPositions returns an empty set in memory.
func NewPositions() *Positions { return &Positions{at: map[position]string{}} }

// Attach makes later saves durable through append, a journal's Append.
func (p *Positions) Attach(append func(component string, record []byte) uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.append = append
}

type positionRecord struct {
	Mapping  string `json:"m"`
	Shard    string `json:"s"`
	Sequence string `json:"n"`
}

func (p *Positions) load(mapping, shard string) (sequence string, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	sequence, ok = p.at[position{mapping, shard}]
	return sequence, ok
}

func (p *Positions) save(mapping, shard, sequence string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at[position{mapping, shard}] = sequence
	if p.append == nil {
		return
	}
	if record, err := json.Marshal(positionRecord{mapping, shard, sequence}); err == nil { // strings always marshal
		p.append(Component, record)
	}
}

// Replay applies one saved position.
func (p *Positions) Replay(record []byte) error {
	var r positionRecord
	if err := json.Unmarshal(record, &r); err != nil {
		return fmt.Errorf("stream position: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at[position{r.Mapping, r.Shard}] = r.Sequence
	return nil
}

// Snapshot emits every position.
func (p *Positions) Snapshot(emit func(record []byte) error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, sequence := range p.at {
		record, err := json.Marshal(positionRecord{key.Mapping, key.Shard, sequence})
		if err != nil {
			return err
		}
		if err := emit(record); err != nil {
			return err
		}
	}
	return nil
}
