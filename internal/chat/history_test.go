package chat_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
)

// TestHistories runs random commands of three clients against a store that loses answers and moves tails, each
// client repeating what was not acknowledged, with the same after. Whatever happens: seqs are 1..n, each id is
// stored once, every acknowledgement is true, and what was acknowledged is in the log for good.
func TestHistories(t *testing.T) {
	t.Parallel()
	struck, notes := 0, 0
	for seed := range uint64(40) {
		h := newHistory(t, seed)
		for range 120 {
			h.step()
		}
		h.check()
		struck, notes = struck+h.struck, notes+len(h.acked[chat.Desk])
	}
	if struck < 500 || notes < 100 {
		t.Fatalf("only %d faults struck, %d notes were taken", struck, notes)
	}
}

// history is one run. It is sequential: interleavings come from the faults.
type history struct {
	*world
	seed    uint64
	rng     *rand.Rand
	struck  int
	clients []*client
	acked   map[chat.Track]map[chat.EventID]uint64
}

// client has at most one frame in flight per track, as the protocol wants it.
type client struct {
	chat.Principal
	applied map[chat.Track]uint64
	frame   map[chat.Track][]chat.NewMessage // unacknowledged
	after   map[chat.Track]uint64            // of the frame's first try
}

func newHistory(t *testing.T, seed uint64) *history {
	w := newWorld(t)
	w.svc.Rate = chat.Rate{}
	h := &history{world: w, seed: seed, rng: rand.New(rand.NewPCG(seed, 7)), acked: map[chat.Track]map[chat.EventID]uint64{chat.Public: {}, chat.Desk: {}}}
	w.start("hello")
	w.join()
	for i, p := range []chat.Principal{w.customer, w.customer, w.operator} {
		p.Connection = chat.ConnectionID(fmt.Sprint("socket-", i))
		h.clients = append(h.clients, &client{
			Principal: p, applied: map[chat.Track]uint64{chat.Public: uint64(i)}, frame: map[chat.Track][]chat.NewMessage{}, after: map[chat.Track]uint64{},
		})
	}
	w.svc.Deadline = 1 // one try and what follows from it: the clients repeat
	w.store.Fault = h.fault
	return h
}

func (h *history) fault(_ string, _ bool) error {
	if h.rng.IntN(9) > 0 {
		return nil
	}
	h.struck++
	return fmt.Errorf("%w: seed %d", chat.ErrUnknownOutcome, h.seed)
}

func (h *history) step() {
	c := h.clients[h.rng.IntN(len(h.clients))]
	switch n := h.rng.IntN(20); {
	case n == 0:
		_, _ = h.svc.Close(context.Background(), h.supervisor, chat.Step{Conversation: h.conv, ID: h.eventID()})
	case n == 1:
		_, _ = h.svc.Reopen(context.Background(), h.supervisor, chat.Step{Conversation: h.conv, ID: h.eventID()})
	case n < 5:
		track := chat.Tracks()[h.rng.IntN(2)]
		if head, err := h.store.Head(context.Background(), h.ref()); err == nil && head.Track(track).Last > 0 {
			_ = h.store.MoveTail(context.Background(), head, track, head.Track(track).Last-uint64(h.rng.IntN(2)), 0)
		}
	case n < 8 && c.Role.Staff():
		h.sends(c, chat.Desk)
	default:
		h.sends(c, chat.Public)
	}
}

func (h *history) sends(c *client, track chat.Track) {
	h.Helper()
	if len(c.frame[track]) == 0 {
		c.after[track] = c.applied[track]
	}
	if n := len(c.frame[track]); n == 0 || n < 5 && h.rng.IntN(2) == 0 { // a retry may carry more
		c.frame[track] = append(c.frame[track], h.messages(fmt.Sprint("text ", n))...)
	}
	frame := slices.Clone(c.frame[track])
	out, err := h.svc.Send(context.Background(), c.Principal, h.conv, track, c.after[track], frame)
	if err != nil {
		switch chat.CodeOf(err) {
		case chat.CodeUnavailable, chat.CodeClosed:
			return
		default:
			h.Fatalf("seed %d: %v", h.seed, err)
		}
	}
	if len(out.Acks) != len(frame) {
		h.Fatalf("seed %d: %d acks for %d messages", h.seed, len(out.Acks), len(frame))
	}
	covered := seqs(out.Missed)
	for _, a := range out.Acks {
		h.acked[track][a.Event.ID] = a.Event.Seq
		covered = append(covered, a.Event.Seq)
	}
	slices.Sort(covered)
	for i, seq := range covered { // what was missed and what was appended continue the sender's view without a hole
		if seq != c.after[track]+uint64(i)+1 {
			h.Fatalf("seed %d: after %d come %v", h.seed, c.after[track], covered)
		}
	}
	if !slices.IsSortedFunc(out.Push, func(a, b chat.Event) int { return int(a.Seq) - int(b.Seq) }) || len(out.Push) < len(frame) {
		h.Fatalf("seed %d: pushes %v", h.seed, seqs(out.Push))
	}
	c.applied[track] = covered[len(covered)-1]
	c.frame[track] = nil
}

func (h *history) check() {
	h.Helper()
	for _, track := range chat.Tracks() {
		at := map[chat.EventID]uint64{}
		for _, e := range readLog(h.T, h.store, h.ref(), track) {
			at[e.ID] = e.Seq
		}
		for id, seq := range h.acked[track] {
			if at[id] != seq {
				h.Fatalf("seed %d: %s was acknowledged at %d and is at %d", h.seed, id, seq, at[id])
			}
		}
	}
	if h.struck == 0 || len(h.acked[chat.Public]) == 0 {
		h.Fatalf("seed %d: %d faults, %d acks: nothing was tried", h.seed, h.struck, len(h.acked[chat.Public]))
	}
}
