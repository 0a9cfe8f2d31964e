package chattest

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
)

// told is an integration queue that takes everything.
type told struct {
	mu   sync.Mutex
	jobs []string
}

func (q *told) Enqueue(_ context.Context, jobs []chat.IntegrationJob) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, j := range jobs {
		q.jobs = append(q.jobs, fmt.Sprintf("%s %d", j.Track, j.Seq))
	}
	return nil
}

func (q *told) take() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	out := q.jobs
	q.jobs = nil
	return out
}

// relayOf is a relay that has just started.
func (w *world) relayOf(q *told) *chat.Relay {
	return &chat.Relay{Reader: w, Tails: w, Subscriptions: w, Queue: q}
}

// repair tells what is in the tail and in chunks, of both tracks, from what is noted on; then nothing.
func repair(t *testing.T, w *world) {
	q := &told{}
	must(t, w.PutSubscription(t.Context(), w.ref.Workspace, chat.Subscription{ID: "a", Kind: "sqs"}))
	w.create(t, "1", "2", "3")
	move := func(track chat.Track, upTo, relayed uint64) {
		t.Helper()
		h, err := w.Head(t.Context(), w.ref)
		must(t, err)
		must(t, w.MoveTail(t.Context(), h, track, upTo, relayed))
	}
	move(chat.Public, 2, 1)
	_, err := w.Append(t.Context(), w.append(3, "4", "5"))
	must(t, err)
	desk := w.append(0, "note")
	desk.Track = chat.Desk
	_, err = w.Append(t.Context(), desk)
	must(t, err)
	move(chat.Public, 4, 0)
	must(t, w.relayOf(q).Repair(t.Context(), w.ref))
	same(t, q.take(), []string{"public 2", "public 3", "public 4", "public 5", "desk 1"})
	for range 2 {
		must(t, w.relayOf(q).Repair(t.Context(), w.ref)) // another process knows only what is noted
		same(t, q.take(), []string(nil))
	}
	h, err := w.Head(t.Context(), w.ref)
	must(t, err)
	if h.Public.Relayed != 5 || h.Desk.Relayed != 1 || h.Public.Last != 5 || len(w.log(t, chat.Public)) != 5 {
		t.Fatalf("after the repair: %+v", h)
	}
	_, err = w.Append(t.Context(), w.append(5, "6"))
	must(t, err)
	must(t, w.relayOf(q).Repair(t.Context(), w.ref))
	same(t, q.take(), []string{"public 6"})
}

// repairsSideBySide, with somebody who writes all the while: nothing is left out.
func repairsSideBySide(t *testing.T, w *world) {
	q := &told{}
	must(t, w.PutSubscription(t.Context(), w.ref.Workspace, chat.Subscription{ID: "a", Kind: "sqs"}))
	w.create(t, "1")
	const events = 12
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			for range 4 {
				if err := w.relayOf(q).Repair(t.Context(), w.ref); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for seq := uint64(1); seq < events; seq++ {
		_, err := w.Append(t.Context(), w.append(seq, "x"))
		must(t, err)
	}
	all.Wait()
	must(t, w.relayOf(q).Repair(t.Context(), w.ref))
	heard := map[string]bool{}
	for _, j := range q.take() {
		heard[j] = true
	}
	if len(heard) != events {
		t.Fatalf("%d of %d events were told: %v", len(heard), events, heard)
	}
}
