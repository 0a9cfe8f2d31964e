package workspace

import (
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// Memory remembers what was read of workspaces, each for Staleness. When it cannot be read anew, what is known goes on
// serving. The zero value is ready.
type Memory[T any] struct {
	mu    sync.Mutex
	known map[chat.WorkspaceID]remembered[T]
}

type remembered[T any] struct {
	value T
	until time.Time
}

// Get returns what is known, or reads it.
func (m *Memory[T]) Get(w chat.WorkspaceID, now time.Time, read func() (T, error)) (T, error) {
	m.mu.Lock()
	hit, ok := m.known[w]
	m.mu.Unlock()
	if ok && now.Before(hit.until) {
		return hit.value, nil
	}
	value, err := read()
	fresh := remembered[T]{value, now.Add(Staleness)}
	if err != nil {
		if !ok {
			return value, err
		}
		fresh = remembered[T]{hit.value, now.Add(retryAfter)}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known == nil || len(m.known) >= maxCached {
		m.known = map[chat.WorkspaceID]remembered[T]{}
	}
	m.known[w] = fresh
	return fresh.value, nil
}

// Forget makes the next Get read.
func (m *Memory[T]) Forget(w chat.WorkspaceID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.known, w)
}

// clock reads the clock, the real one if it is nil.
func clock(now func() time.Time) time.Time {
	if now != nil {
		return now()
	}
	return time.Now()
}
