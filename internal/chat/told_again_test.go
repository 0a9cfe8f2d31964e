package chat_test

import (
	"slices"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
)

// What the relay has told again reaches those who listen, with the seq by which they drop it, and asks neither routing nor
// the live desk, which the stream tells by itself.
func TestToldAgainAsksNobodyElse(t *testing.T) {
	t.Parallel()
	r := newRouted(t)
	p := r.onDuty(1)
	id := r.arrive()
	r.work()
	version := r.of(id).Version
	r.must(r.svc.Missed(t.Context(), r.refTo(id), version, p.User, chat.ReasonNoAnswer))
	seq := r.of(id).Public.Last - 1 // back in the queue; behind it is what the customer is told
	r.push.take()
	r.routes.take()
	shown := len(r.desk.list)
	r.must(r.delivery.Work(t.Context(), chat.Job{Ref: r.refTo(id), Track: chat.Public, From: seq, To: seq, Announce: true}))
	if pushed := r.push.take(); !slices.Contains(pushed, "web-"+string(id)+" public 4") {
		t.Errorf("the customer is not told: %v", pushed)
	}
	if jobs := r.routes.take(); len(jobs) > 0 {
		t.Errorf("routing is asked again: %+v", jobs)
	}
	if len(r.desk.list) != shown {
		t.Error("the live desk is asked again")
	}
}
