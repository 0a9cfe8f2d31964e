// Package history records what the clients of a system did and saw, and decides whether the promises about a
// conversation's log were kept: an acknowledged event is in the log where its acknowledgement said, each once,
// without holes, in one order that every client was shown, and nothing was shown to somebody whom it was not for.
//
// A Recorder only writes down. Check and Linearizable judge, after the system has come to rest; both report what
// is wrong instead of failing, so that a test can show all of it.
package history

import (
	"slices"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// Key names one track of one conversation.
type Key struct {
	Conversation chat.ConversationID
	Track        chat.Track
}

// Outcome of an append.
type Outcome int

// The outcomes. Unknown may have happened or not, at any time after its begin.
const (
	Unknown Outcome = iota
	Acked
	Refused
)

// Op is an append as its client knows it.
type Op struct {
	Key
	Client int // that issued it
	Order  int // among the client's appends to this track, from 0
	ID     chat.EventID
	Type   chat.EventType // of the event that it asks for
	Text   string
	Target uint64

	Begin, End time.Duration // since the recorder's start; End of an Unknown is 0
	Outcome    Outcome
	Seq        uint64    // of an Acked
	Duplicate  bool      // of an Acked: an earlier try had stored it
	Code       chat.Code // of a Refused
}

// Read is a range of a track as somebody read it: the events after a seq, and the head at that moment.
type Read struct {
	Key
	After      uint64
	IDs        []chat.EventID
	Head       uint64
	Begin, End time.Duration
}

// Client is who the recorder hears from: one device of one user, through all its restarts.
type Client struct {
	Number    int
	Workspace chat.WorkspaceID
	User      chat.UserID
	Staff     bool
	// Marker is in every text that this client's workspace writes, and nowhere else.
	Marker string
}

// Recorder writes down what clients do and see. It is safe for concurrent use.
type Recorder struct {
	start time.Time
	now   func() time.Time

	mu      sync.Mutex
	clients []Client
	ops     []*Op
	byID    map[opID]*Op
	orders  map[laneID]int
	reads   []Read
	shown   map[laneID]*shown
	frames  findings // of looking at frames as they come
	acks    []time.Duration
}

type opID struct {
	key Key
	id  chat.EventID
}

type laneID struct {
	client int
	key    Key
}

// shown is what one client has applied of one track since it (re)started or its view was replaced.
type shown struct {
	last    uint64
	events  int
	jumps   []uint64 // seqs that were applied although the one before was not
	seen    []protocol.Event
	repeats int // applied although it was not higher than the last
}

// NewRecorder starts a history.
func NewRecorder() *Recorder {
	return &Recorder{start: time.Now(), now: time.Now, byID: map[opID]*Op{}, orders: map[laneID]int{}, shown: map[laneID]*shown{}, frames: findings{}}
}

// Elapsed is the recorder's clock.
func (r *Recorder) Elapsed() time.Duration { return r.now().Sub(r.start) }

// Join adds a client and returns it with its number.
func (r *Recorder) Join(c Client) Client {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.Number = len(r.clients)
	r.clients = append(r.clients, c)
	return c
}

// Begin notes an append before its first frame can go out. Its events' ids must be new.
func (r *Recorder) Begin(ops ...Op) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := r.Elapsed()
	for _, op := range ops {
		lane := laneID{op.Client, op.Key}
		op.Begin, op.Order = at, r.orders[lane]
		r.orders[lane]++
		r.ops = append(r.ops, &op)
		r.byID[opID{op.Key, op.ID}] = &op
	}
}

// Acked notes an acknowledgement. It returns false when the append is not known.
func (r *Recorder) Acked(k Key, id chat.EventID, seq uint64, duplicate bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	op := r.byID[opID{k, id}]
	if op == nil {
		return false
	}
	at := r.Elapsed()
	r.acks = append(r.acks, at)
	if op.Outcome == Acked && op.Seq != seq {
		r.frames.add(Reacked, "%s %s: acknowledged at seq %d and at %d", k.Conversation, id, op.Seq, seq)
		return true
	}
	op.Outcome, op.Seq, op.Duplicate, op.End = Acked, seq, duplicate, at
	return true
}

// Refused notes that the server will never take an append.
func (r *Recorder) Refused(k Key, id chat.EventID, code chat.Code) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if op := r.byID[opID{k, id}]; op != nil && op.Outcome == Unknown {
		op.Outcome, op.Code, op.End = Refused, code, r.Elapsed()
	}
}

// Learned notes events that a client has applied, in that order.
func (r *Recorder) Learned(client int, k Key, events []protocol.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.shown[laneID{client, k}]
	if s == nil {
		s = &shown{}
		r.shown[laneID{client, k}] = s
	}
	for _, e := range events {
		switch {
		case e.Seq <= s.last:
			s.repeats++
			r.frames.add(ViewMismatch, "client %d was shown seq %d of %s %s after %d", client, e.Seq, k.Conversation, k.Track, s.last)
		case e.Seq > s.last+1:
			s.jumps = append(s.jumps, e.Seq)
		}
		s.last = e.Seq
		s.events++
		s.seen = append(s.seen, e)
	}
}

// Restarted says that a client starts over, without what it had applied; Reloaded that one of its views does.
func (r *Recorder) Restarted(client int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for lane, s := range r.shown {
		if lane.client == client {
			s.last, s.jumps = 0, nil
		}
	}
}

// Reloaded says that a client's view of a conversation was replaced.
func (r *Recorder) Reloaded(client int, c chat.ConversationID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range chat.Tracks() {
		if s := r.shown[laneID{client, Key{c, t}}]; s != nil {
			s.last, s.jumps = 0, nil
		}
	}
}

// ReadBegin returns the time to hand to ReadEnd.
func (r *Recorder) ReadBegin() time.Duration { return r.Elapsed() }

// ReadEnd notes what a read returned.
func (r *Recorder) ReadEnd(read Read) {
	read.End = r.Elapsed()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reads = append(r.reads, read)
}

// Counts of what was recorded.
type Counts struct{ Appends, Acked, Duplicate, Refused, Unknown, Reads, Applied int }

// Counts returns how much was recorded so far.
func (r *Recorder) Counts() (c Counts) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.Appends, c.Reads = len(r.ops), len(r.reads)
	for _, op := range r.ops {
		switch op.Outcome {
		case Acked:
			c.Acked++
			if op.Duplicate {
				c.Duplicate++
			}
		case Refused:
			c.Refused++
		case Unknown:
			c.Unknown++
		}
	}
	for _, s := range r.shown {
		c.Applied += s.events
	}
	return c
}

// FirstAckAfter returns how long after a moment the first acknowledgement came; false if none did.
func (r *Recorder) FirstAckAfter(at time.Duration) (time.Duration, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i, _ := slices.BinarySearch(r.acks, at)
	if i == len(r.acks) {
		return 0, false
	}
	return r.acks[i] - at, true
}

// Keys lists the tracks that were appended to.
func (r *Recorder) Keys() []Key {
	r.mu.Lock()
	defer r.mu.Unlock()
	var keys []Key
	seen := map[Key]bool{}
	for _, op := range r.ops {
		if !seen[op.Key] {
			seen[op.Key] = true
			keys = append(keys, op.Key)
		}
	}
	return keys
}

// Refusals counts the codes with which appends were refused for good.
func (r *Recorder) Refusals() map[chat.Code]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	codes := map[chat.Code]int{}
	for _, op := range r.ops {
		if op.Outcome == Refused {
			codes[op.Code]++
		}
	}
	return codes
}
