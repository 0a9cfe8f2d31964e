package chat_test

import (
	"context"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// A customer who comes to wait is told how it stands with the first answer, and with each hello while they wait. Those
// who come within a moment cost one read of the queue between them, and whoever does not wait costs none.
func TestTheFirstAnswerTellsHowItStands(t *testing.T) {
	t.Parallel()
	r := newRouted(t)
	reads := 0
	r.store.Fault = func(call string, after bool) error {
		if call == "Waiting" && !after {
			reads++
		}
		return nil
	}
	for want := 1; want <= 3; want++ {
		p := r.principal(r.customer.Workspace, chat.RoleCustomer, chat.ConnectionID("c-"+string(rune('0'+want))))
		out, err := r.svc.Start(t.Context(), p, chat.NewConversation{ID: r.newConversation(), Messages: r.messages("hello")})
		r.must(err)
		if out.Standing == nil || out.Standing.Position != want || out.Standing.Basis != chat.BasisNone {
			t.Fatalf("the start of the %d. says %+v", want, out.Standing)
		}
		w, err := r.svc.Hello(t.Context(), p, nil, "")
		r.must(err)
		if st := w.Conversations[0].Standing; st == nil || st.Position != want {
			t.Errorf("the welcome of the %d. says %+v", want, st)
		}
		r.clock.Advance(100 * time.Millisecond)
	}
	if reads != 1 {
		t.Errorf("%d reads of the queue", reads)
	}
	r.clock.Advance(time.Minute)
	r.store.Fault = nil
	o := r.onDuty(3)
	r.drain()
	w, err := r.svc.Hello(t.Context(), o, nil, "")
	r.must(err)
	if len(w.Conversations) != 3 || w.Conversations[0].Standing != nil {
		t.Errorf("the operator sees %+v", w.Conversations)
	}
}

// While nobody is there a conversation waits in the queue, or, where the workspace wants it so, as a message that is left:
// until somebody has come.
func TestNobodyIsThere(t *testing.T) {
	t.Parallel()
	for _, offline := range []bool{false, true} {
		r := newRouted(t)
		r.policy.OfflineUnstaffed = offline
		want := map[bool]chat.Status{false: chat.StatusQueued, true: chat.StatusOffline}[offline]
		first := r.leave(want)
		if !offline {
			continue
		}
		keeper := &chat.Timekeeper{Chat: r.svc, Staff: r.store, Timers: &noted{}, Now: r.clock.Now}
		check := chat.Timer{Ref: first.Ref, Kind: chat.TimerHours, Version: first.Version, Due: r.clock.Now()}
		r.must(keeper.Fire(t.Context(), check))
		r.same(r.of(first.Conversation).Status, chat.StatusOffline)
		again := keeper.Timers.(*noted).list
		if len(again) != 1 || again[0].Due.Sub(r.clock.Now()) != chat.StaffCheck || again[0].Kind != chat.TimerHours {
			t.Fatalf("looks again by %+v", again)
		}
		p := r.onDuty(1)
		r.leave(chat.StatusQueued)
		r.must(keeper.Fire(t.Context(), check))
		r.same(r.of(first.Conversation).Status, chat.StatusQueued)
		r.drain()
		r.same(r.of(first.Conversation).Assignee, p.User)
	}
}

// leave starts a conversation, which begins as that.
func (r *routed) leave(want chat.Status) *chat.Head {
	r.Helper()
	p := r.principal(r.customer.Workspace, chat.RoleCustomer, "c-begins")
	out, err := r.svc.Start(r.Context(), p, chat.NewConversation{ID: r.newConversation(), Messages: r.messages("hello")})
	r.must(err)
	r.same(out.Head.Status, want)
	return out.Head
}

// noted keeps the timers that are armed.
type noted struct{ list []chat.Timer }

func (n *noted) Arm(_ context.Context, timers ...chat.Timer) error {
	n.list = append(n.list, timers...)
	return nil
}
