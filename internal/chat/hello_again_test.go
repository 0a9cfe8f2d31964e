package chat_test

import (
	"sync"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
)

// counted counts the calls of the store from here on.
func (r *routed) counted() map[string]int {
	n := map[string]int{}
	var mu sync.Mutex
	r.store.Fault = func(call string, after bool) error {
		mu.Lock()
		defer mu.Unlock()
		if !after {
			n[call]++
		}
		return nil
	}
	return n
}

// A socket that says hello again, as an operator's does with each conversation that they are given, subscribes to what it
// does not listen to yet, and reads the rest in one go.
func TestHelloAgainSubscribesToWhatIsNew(t *testing.T) {
	t.Parallel()
	r := newRouted(t)
	p := r.onDuty(9)
	ids := []chat.ConversationID{r.arrive(), r.arrive(), r.arrive(), r.arrive()}
	r.work()
	_, err := r.svc.Hello(t.Context(), p, nil, "")
	r.must(err)
	next := r.arrive()
	r.work()
	n := r.counted()
	w, err := r.svc.Hello(t.Context(), p, nil, "")
	r.must(err)
	r.same(n["Subscribe"], 1)
	r.same(n["HeadsOf"], 1)
	r.same(len(w.Conversations), len(ids)+1)
	for _, id := range append(ids, next) {
		if _, listens := r.of(id).Listeners[p.Connection]; !listens {
			t.Errorf("%s is not listened to", id)
		}
	}
	other := p
	other.Connection = "desk-other" // a new socket subscribes to everything, and reads nothing for it
	n = r.counted()
	_, err = r.svc.Hello(t.Context(), other, nil, "")
	r.must(err)
	r.same(n["Subscribe"], len(ids)+1)
	r.same(n["HeadsOf"], 0)
}

// What the socket has lost meanwhile is subscribed to again, and what the user has no part in any more is gone.
func TestHelloAgainFindsWhatWasLost(t *testing.T) {
	t.Parallel()
	r := newRouted(t)
	p := r.onDuty(9)
	kept, lost, over, gone := r.arrive(), r.arrive(), r.arrive(), r.arrive()
	r.work()
	cursors := map[chat.ConversationID]chat.Cursor{}
	w, err := r.svc.Hello(t.Context(), p, cursors, "")
	r.must(err)
	for _, s := range w.Conversations {
		cursors[s.Head.Conversation] = chat.Cursor{Gen: s.Head.Gen, Public: s.Head.Public.Last, Desk: s.Head.Desk.Last}
	}
	r.must(r.store.Unsubscribe(t.Context(), r.refTo(lost), p.Connection))
	_, err = r.store.Subscribe(t.Context(), r.refTo(over), p.Connection, chat.Listener{User: p.User, Role: p.Role, Expires: r.clock.Now()})
	r.must(err)
	r.must(r.svc.Missed(t.Context(), r.refTo(gone), r.of(gone).Version, p.User, "no answer"))
	n := r.counted()
	w, err = r.svc.Hello(t.Context(), p, cursors, "")
	r.must(err)
	r.same(n["Subscribe"], 3) // lost, over, and gone, which is refused
	r.same(w.Gone, []chat.ConversationID{gone})
	for _, id := range []chat.ConversationID{kept, lost, over} {
		if l := r.of(id).Listeners[p.Connection]; !l.Expires.After(r.clock.Now()) {
			t.Errorf("%s is not listened to: %+v", id, l)
		}
	}
}
