package dynamo

import (
	"sync"

	"github.com/parley-chat/parley/internal/chat"
)

// Moves remembers where the tails that this process has trimmed begin. A stream is behind the table: after a trim the
// relay still meets images from before it, and cannot tell by the image alone. The zero value is ready; a nil one
// remembers nothing. It is safe for concurrent use.
type Moves struct {
	mu    sync.Mutex
	begin map[movedTail]uint64
}

// movedTail names a tail; an erasure, which changes the generation, makes it another.
type movedTail struct {
	chat.Ref
	track chat.Track
	gen   uint32
}

// maxMove is how many events one move takes at most. The trim names each of them in its expression, twice on the desk
// track, besides up to 32 listeners, and an expression has at most 4 KB (Amazon DynamoDB developer guide, "Quotas",
// expression parameters). What is left moves with the next.
const maxMove = 128

// maxMoves bounds the memory: about 1 MB. Forgetting costs refused writes, nothing else.
const maxMoves = 10_000

// note remembers that the image's tail begins at from by now. It is called for a trim that was committed, never for one
// that was refused or unclear: then only the table knows.
func (m *Moves) note(head *chat.Head, t chat.Track, from uint64) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.begin == nil || len(m.begin) >= maxMoves {
		m.begin = map[movedTail]uint64{}
	}
	m.begin[movedTail{head.Ref, t, head.Gen}] = from
}

// passed says whether the image is older than a trim of this process.
func (m *Moves) passed(head *chat.Head, t chat.Track) bool {
	if m == nil {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return head.Track(t).From < m.begin[movedTail{head.Ref, t, head.Gen}]
}
