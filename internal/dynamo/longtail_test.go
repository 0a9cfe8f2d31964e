package dynamo

import (
	"fmt"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// A tail that has grown while the relay was away is moved, however many events it holds: an expression has at most
// 4 KB (DynamoDB developer guide, "Expression parameters" of the quotas), and every event that is moved is named in it.
func TestLongTailIsMoved(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ref, customer, _ := converse(t, s)
	const events = 900
	now := time.Now()
	for _, track := range chat.Tracks() {
		h, err := s.Head(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		for last := h.Track(track).Last; last < events; {
			a := chat.Append{Ref: ref, Track: track, After: last, Rule: chat.Rule{Actor: customer}}
			for range min(100, events-last) {
				last++
				a.Events = append(a.Events, chat.Event{Seq: last, ID: chat.EventID(chat.NewID(chat.EventPrefix, now)), Type: chat.EventMessage,
					At: now, Sender: customer, Role: chat.RoleCustomer, Text: fmt.Sprint(last)})
			}
			if _, err := s.Append(t.Context(), a); err != nil {
				t.Fatal(err)
			}
		}
	}
	for c := range chat.MaxListeners { // all of them expired by the time of the move
		l := chat.Listener{User: customer, Role: chat.RoleCustomer, Expires: now.Add(time.Hour)}
		if _, err := s.Subscribe(t.Context(), ref, chat.ConnectionID(fmt.Sprintf("conn%011d=", c)), l); err != nil {
			t.Fatal(err)
		}
	}
	s.Now = func() time.Time { return now.Add(3 * time.Hour) }
	for _, track := range chat.Tracks() {
		for moves := 0; ; moves++ {
			h, err := s.Head(t.Context(), ref)
			if err != nil {
				t.Fatal(err)
			}
			if len(h.Track(track).Tail) == 0 {
				break
			}
			if moves > events/100 {
				t.Fatalf("%s: %d events are left in the tail after %d moves", track, len(h.Track(track).Tail), moves)
			}
			if err := s.MoveTail(t.Context(), h, track, h.Track(track).Last, 0); err != nil {
				t.Fatal(err)
			}
		}
		var got []chat.Event
		for after := uint64(0); after < events; {
			page, err := s.After(t.Context(), ref, track, after, events)
			if err != nil || len(page) == 0 {
				t.Fatalf("after %d: %d events, %v", after, len(page), err)
			}
			got, after = append(got, page...), page[len(page)-1].Seq
		}
		for i, e := range got {
			if e.Seq != uint64(i)+1 || (i > 5 && e.Text != fmt.Sprint(i+1)) {
				t.Fatalf("%s: seq %d, %q at place %d", track, e.Seq, e.Text, i+1)
			}
		}
	}
	h, err := s.Head(t.Context(), ref)
	if err != nil || len(h.Listeners) != 0 {
		t.Errorf("%d expired listeners are left, %v", len(h.Listeners), err)
	}
}
