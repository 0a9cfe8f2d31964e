package e2e

import (
	"slices"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/client"
	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/localstack/e2e/rig"
	"github.com/parley-chat/parley/localstack/faults"
	"github.com/parley-chat/parley/localstack/seam"
)

// TestPromiseToTheCustomer: after ten seconds without an answer the customer is told what to expect, without anybody
// doing anything: the stream, the relay, a delayed message and the timer function.
func TestPromiseToTheCustomer(t *testing.T) {
	t.Parallel()
	ws := seed(t, 1)
	c := customer(t, ws, client.Options{})
	id, err := c.Start(within(t), "hello")
	must(t, err)
	promised := func(m *client.Machine) bool {
		return m.View(id) != nil && slices.ContainsFunc(m.View(id).Events(chat.Public), func(e protocol.Event) bool { return e.Type == chat.EventPromise })
	}
	must(t, c.Until(within(t), promised))
	shown := c.Shown(id, chat.Public)
	told := shown[slices.IndexFunc(shown, func(e protocol.Event) bool { return e.Type == chat.EventPromise })]
	if took := time.Duration(told.At-shown[0].At) * time.Millisecond; took < 9*time.Second {
		t.Errorf("told after %s", took)
	}
	if told.Sender != chat.SystemUser || told.Detail == nil || told.Detail.Fields[chat.PromisePosition] == "" {
		t.Errorf("%+v", told)
	}
}

// TestPromiseAfterAMomentsFailure: storage fails when the promise is due. It is made within seconds of storage's return,
// though the timer's message is invisible for two minutes after a failure that nobody looks after.
func TestPromiseAfterAMomentsFailure(t *testing.T) {
	t.Parallel()
	r := ownRig(t, rig.Options{Patience: 60})
	ctx := limit(t, time.Minute)
	ws, err := r.Seed(ctx, 1)
	must(t, err)
	c, err := r.Customer(ctx, ws, fast())
	must(t, err)
	t.Cleanup(c.Close)
	id, err := c.Start(ctx, "hello")
	must(t, err)
	ids := broken(t, r, faults.Rule{Service: seam.DynamoDB, Operation: "GetItem", Function: "TimerFunction", Kind: seam.FaultError, ErrorType: "InternalServerError"})
	for failed := uint64(0); failed == 0; time.Sleep(50 * time.Millisecond) {
		s, err := r.State(ctx)
		must(t, err)
		for _, trigger := range s.Triggers {
			if trigger.Function == "TimerFunction" && trigger.Kind == "sqs" {
				failed += trigger.Failed
			}
		}
	}
	r.Unbreak(ctx, ids[0])
	must(t, c.Until(limit(t, 15*time.Second), func(m *client.Machine) bool {
		return slices.ContainsFunc(m.View(id).Events(chat.Public), func(e protocol.Event) bool { return e.Type == chat.EventPromise })
	}))
}

// TestSweepWakesASnooze: a timer that was kept as a row is found by the minute's sweep and carried out.
func TestSweepWakesASnooze(t *testing.T) {
	t.Parallel()
	r := ownRig(t, rig.Options{})
	ctx := limit(t, 3*time.Minute)
	ws, err := r.Seed(ctx, 1)
	must(t, err)
	c, err := r.Customer(ctx, ws, fast())
	must(t, err)
	t.Cleanup(c.Close)
	o, err := r.Operator(ctx, ws, ws.Operators[0], fast())
	must(t, err)
	t.Cleanup(o.Close)
	id, err := c.Start(ctx, "hello")
	must(t, err)
	must(t, o.Take(ctx, id))
	ref := chat.Ref{Workspace: ws.ID, Conversation: id}
	h, err := r.Store.Head(ctx, ref)
	must(t, err)
	until := time.Now().Add(20 * time.Minute)
	e := chat.Event{
		Seq: h.Desk.Last + 1, ID: chat.EventID(chat.NewID(chat.EventPrefix, time.Now())), Type: chat.EventSnoozed, At: time.Now(),
		Sender: h.Assignee, Role: chat.RoleOperator, From: h.Status, To: chat.StatusSnoozed, Detail: &chat.Detail{Until: until},
	}
	must(t, r.Store.Transition(ctx, chat.Append{
		Ref: ref, Track: chat.Desk, After: h.Desk.Last, Events: []chat.Event{e}, Rule: chat.Rule{Actor: h.Assignee, Version: &h.Version},
	}, chat.Change{Old: h, Status: chat.StatusSnoozed, Until: until, Places: []chat.Place{{User: h.Assignee, At: time.Now()}}}))
	kept := keptTimer(t, r, until)
	// Nobody waits for twenty minutes here: the row is put where the next sweep finds it.
	kept.Due = time.Now()
	must(t, r.Store.PutDue(ctx, time.Now().Add(time.Minute).Truncate(time.Minute), kept))
	for h.Version <= kept.Version {
		if ctx.Err() != nil {
			t.Fatalf("the conversation is still %s", h.Status)
		}
		time.Sleep(200 * time.Millisecond)
		h, err = r.Store.Head(ctx, ref)
		must(t, err)
	}
	if h.Status != chat.StatusActive {
		t.Fatalf("woken %s", h.Status)
	}
	if last := h.Desk.Tail[len(h.Desk.Tail)-1]; last.Type != chat.EventResumed || last.Sender != chat.SystemUser {
		t.Errorf("%+v", last)
	}
}

// keptTimer waits until the relay has kept the timer of that time as a row, and returns it.
func keptTimer(t *testing.T, r *rig.Rig, due time.Time) chat.Timer {
	t.Helper()
	ctx := limit(t, 20*time.Second)
	for {
		for shard := range chat.DueShards {
			rows, err := r.Store.Due(ctx, due.Truncate(time.Minute), shard, 10)
			must(t, err)
			if len(rows) > 0 {
				return rows[0]
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
}
