package chat

import "sync"

// handled remembers which range of each track this process has relayed without a hole, so that the stored
// Relayed is raised over nothing that the stream has lost: a record that was given up on leaves a hole here, and
// Relayed stays below it until the repair. What another process has relayed it cannot know; then the repair
// emits a few jobs again, and their key tells integrators so.
type handled struct {
	mu     sync.Mutex
	ranges map[trackRef]seqRange
}

type trackRef struct {
	Ref
	track Track
}

// seqRange is (from, to].
type seqRange struct{ from, to uint64 }

// maxHandled bounds the memory: some 10 MB. Forgetting costs repeated jobs, nothing else.
const maxHandled = 100_000

// note remembers that (from, last] of the image's track was relayed.
func (m *handled) note(h *Head, t Track, from uint64) {
	now := seqRange{from, h.Track(t).Last}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ranges == nil || len(m.ranges) >= maxHandled {
		m.ranges = map[trackRef]seqRange{}
	}
	key := trackRef{h.Ref, t}
	if old, ok := m.ranges[key]; ok && now.from <= old.to && old.from <= now.to {
		now = seqRange{min(old.from, now.from), max(old.to, now.to)}
	}
	m.ranges[key] = now
}

// upTo returns up to where everything is known to have been relayed.
func (m *handled) upTo(h *Head, t Track) uint64 {
	stored := h.Track(t).Relayed
	m.mu.Lock()
	defer m.mu.Unlock()
	if r, ok := m.ranges[trackRef{h.Ref, t}]; ok && r.from <= stored {
		return max(stored, r.to)
	}
	return stored
}
