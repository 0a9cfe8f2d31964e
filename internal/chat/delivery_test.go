package chat_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// subscribe adds a listener of the principal on another connection.
func (w *world) subscribe(p chat.Principal, c chat.ConnectionID, life time.Duration) {
	w.Helper()
	_, err := w.store.Subscribe(w.Context(), w.ref(), c, chat.Listener{User: p.User, Role: p.Role, Expires: w.clock.Now().Add(life)})
	w.must(err)
}

func TestTargets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.join()
	w.subscribe(w.customer, "customer-2", time.Hour)
	w.subscribe(w.operator, "operator-expired", 0)
	w.subscribe(w.operator, "operator-2", time.Second)
	h := w.head()
	h.Listeners["transferred"] = chat.Listener{User: w.supervisor.User, Role: chat.RoleSupervisor, Expires: w.clock.Now().Add(time.Hour)}
	h.Listeners["liar"] = chat.Listener{User: w.customer.User, Role: chat.RoleAdmin, Expires: w.clock.Now().Add(time.Hour)}
	now := w.clock.Now()
	w.same(connections(chat.Targets(h, chat.Public, "operator-1", now)), []chat.ConnectionID{"customer-1", "customer-2", "liar", "operator-2"})
	// The role is the participant's, not the one that the listener was stored with.
	w.same(connections(chat.Targets(h, chat.Desk, "operator-1", now)), []chat.ConnectionID{"operator-2"})
	w.same(connections(chat.Targets(h, chat.Desk, "", now.Add(time.Second))), []chat.ConnectionID{"operator-1"})
	w.same(len(chat.Targets(h, chat.Public, "", now.Add(chat.ListenerLife))), 0)
}

func (w *world) committed(p chat.Principal, out *chat.Outcome) {
	w.Helper()
	w.must(w.delivery.Committed(w.Context(), p, out))
}

func TestCommittedPushesToTheOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.join()
	w.subscribe(w.customer, "customer-2", time.Hour)
	w.committed(w.customer, w.say(w.customer, "a", "b"))
	w.same(w.push.take(), []string{"customer-2 public 4,5", "operator-1 public 4,5"})
	out, err := w.svc.Send(t.Context(), w.operator, w.conv, chat.Desk, 0, w.messages("note"))
	w.must(err)
	w.committed(w.operator, out)
	w.same(len(w.push.take()), 0)
	w.same(len(w.queue.take()), 0)
	w.committed(w.operator, &chat.Outcome{}) // nothing to push
}

func TestGoneForgetsExactlyThatConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.hello(w.customer, nil)
	w.join()
	w.hello(w.operator, nil)
	tab := w.operator
	tab.Connection = "operator-2"
	w.hello(tab, nil)
	w.push.answers["operator-1"] = fmt.Errorf("posting: %w", chat.ErrGone)
	w.committed(w.customer, w.say(w.customer, "anybody?"))
	w.same(w.push.take(), []string{"operator-2 public 4"})
	w.same(len(w.queue.take()), 0) // whoever is gone is owed nothing
	h := w.head()
	if _, there := h.Listeners["operator-1"]; there || len(h.Listeners) != 2 {
		t.Fatalf("%v", h.Listeners)
	}
	for p, want := range map[chat.Principal][]chat.ConnectionID{w.operator: {"operator-2"}, w.customer: {"customer-1"}} {
		got, err := w.store.OfUser(t.Context(), p.Workspace, p.User)
		w.must(err)
		w.same(got, want)
	}
}

func TestWhatCannotBePushedIsQueued(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.join()
	w.subscribe(w.operator, "throttled", time.Hour)
	w.subscribe(w.operator, "stuck", time.Hour)
	w.push.answers["throttled"] = errThrottled
	w.push.block = map[chat.ConnectionID]bool{"stuck": true}
	w.delivery.Budget = 20 * time.Millisecond
	out := w.say(w.customer, "a", "b")
	begun := time.Now()
	w.committed(w.customer, out)
	if took := time.Since(begun); took > 2*time.Second {
		t.Fatalf("a stuck receiver held the sender for %v", took)
	}
	w.same(w.push.take(), []string{"operator-1 public 4,5"})
	list := w.queue.take()
	slices.Sort(list[0].Connections)
	w.same(list, []chat.Job{{Ref: w.ref(), Track: chat.Public, From: 4, To: 5, Except: "customer-1", Connections: []chat.ConnectionID{"stuck", "throttled"}}})

	w.queue.refuse = errThrottled // pushed to nobody, queued for nobody: no ack
	w.refused(w.delivery.Committed(t.Context(), w.customer, out), chat.CodeUnavailable)
}

// One slow receiver may not use up the budget of the others: they are pushed to side by side.
func TestSlowReceiversDelayNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.push.block = map[chat.ConnectionID]bool{}
	for i := range chat.MaxListeners - 1 {
		c := chat.ConnectionID(fmt.Sprintf("tab-%02d", i))
		w.subscribe(w.customer, c, time.Hour)
		w.push.block[c] = i%2 == 0
	}
	w.delivery.Budget = 20 * time.Millisecond
	w.committed(w.customer, w.say(w.customer, "x"))
	w.same(len(w.push.take()), 15)
	w.same(len(w.queue.take()[0].Connections), 16)
}

func TestMoreListenersThanTheHeadHolds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	for i := range chat.MaxListeners + 5 {
		w.subscribe(w.customer, chat.ConnectionID(fmt.Sprintf("tab-%02d", i)), time.Hour)
	}
	w.committed(w.customer, w.say(w.customer, "x"))
	w.same(len(w.push.take()), chat.MaxListeners-1)
	list := w.queue.take()
	if len(list) != w.head().ListenerShards {
		t.Fatalf("%d jobs for %d shards", len(list), w.head().ListenerShards)
	}
	w.push.answers["tab-35"] = chat.ErrGone
	w.push.answers["tab-36"] = errThrottled
	for _, j := range list {
		w.must(w.delivery.Work(t.Context(), j))
	}
	w.same(w.push.take(), []string{"tab-31 public 3", "tab-32 public 3", "tab-33 public 3", "tab-34 public 3"})
	rows, err := w.store.ListenerRows(t.Context(), w.ref(), 0)
	w.must(err)
	if _, there := rows["tab-35"]; there || len(rows) != 5 {
		t.Fatalf("%v", rows)
	}
	list = w.queue.take()
	w.same(len(list), 1)
	w.same(list[0].Connections, []chat.ConnectionID{"tab-36"})
	w.same(list[0].Attempt, 1)
	delete(w.push.answers, "tab-36")
	w.must(w.delivery.Work(t.Context(), list[0]))
	w.same(w.push.take(), []string{"tab-36 public 3"}) // those who have it already do not get it again
}

func TestAnnouncements(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tab := w.customer
	tab.Connection = "customer-2"
	w.hello(tab, nil)
	started := w.start("hello")
	w.committed(w.customer, started)
	w.same(w.push.take(), []string{"customer-2 public 1,2"}) // a tab that does not know the conversation yet
	job := []chat.DeskJob{{Workspace: w.customer.Workspace}}
	w.same(w.desk.take(), job)
	w.committed(w.operator, w.join())
	w.same(w.desk.take(), job)
	w.committed(w.customer, w.say(w.customer, "text")) // a message changes no list
	out, err := w.svc.Close(t.Context(), w.operator, w.step())
	w.must(err)
	w.committed(w.operator, out) // it did not wait: the relay is quick enough
	w.same(len(w.desk.take()), 0)
	w.desk.refuse = errThrottled // the relay makes up for it
	w.conv = w.newConversation()
	w.committed(w.customer, w.start("hello"))
	w.same(len(w.queue.take()), 0)
}

// What an earlier version queued for the desk is done without a word.
func TestWaitingChangesOfEarlierVersions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hello(w.operator, nil)
	w.must(w.delivery.Work(t.Context(), chat.Job{Ref: w.ref(), Waiting: &chat.WaitingChange{Removed: w.conv}}))
	w.same(len(w.push.take()), 0)
}

func (w *world) job(from, to uint64, c ...chat.ConnectionID) chat.Job {
	return chat.Job{Ref: w.ref(), Track: chat.Public, From: from, To: to, Connections: c}
}

func TestWork(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.join()
	w.say(w.customer, "a", "b")
	w.moveTail(chat.Public, 1)
	w.must(w.delivery.Work(t.Context(), w.job(3, 5, "operator-1", "unknown")))
	w.same(w.push.take(), []string{"operator-1 public 3,4,5"})
	j := w.job(3, 5, "operator-1")
	j.Except = "operator-1"
	w.must(w.delivery.Work(t.Context(), j))
	j = w.job(1, 1, "customer-1")
	j.Track = chat.Desk // never to a customer, even if the job says so
	_, err := w.svc.Send(t.Context(), w.operator, w.conv, chat.Desk, 0, w.messages("note"))
	w.must(err)
	w.must(w.delivery.Work(t.Context(), j))
	w.must(w.delivery.Work(t.Context(), w.job(9, 12, "operator-1"))) // beyond the log, after a restore
	nowhere := w.job(1, 1, "operator-1")
	nowhere.Conversation = w.newConversation()
	w.must(w.delivery.Work(t.Context(), nowhere))
	w.same(len(w.push.take()), 0)
	for _, call := range []string{"Head", "After"} {
		w.throttle(call)
		if w.delivery.Work(t.Context(), w.job(3, 5, "operator-1")) == nil {
			t.Fatalf("%s: a job that could not be done is to be delivered again", call)
		}
	}
}

// hidden shows a conversation without one of its participants, as after a transfer.
type hidden struct {
	chat.Reader
	user chat.UserID
}

func (h hidden) Head(c context.Context, ref chat.Ref) (*chat.Head, error) {
	head, err := h.Reader.Head(c, ref)
	if head != nil {
		delete(head.Participants, h.user)
	}
	return head, err
}

func TestTransferredAwayHearsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.join()
	w.delivery.Reader = hidden{w.store, w.operator.User}
	w.must(w.delivery.Work(t.Context(), w.job(3, 3, "operator-1", "customer-1")))
	w.same(w.push.take(), []string{"customer-1 public 3"})
	out := w.say(w.customer, "behind your back")
	delete(out.Head.Participants, w.operator.User)
	w.committed(w.customer, out)
	w.same(len(w.push.take()), 0)
	w.same(len(w.queue.take()), 0)
}

func TestWorkTriesUntilItClosesTheConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.join()
	w.push.answers["operator-1"] = errThrottled
	j := w.job(3, 3, "operator-1", "customer-1")
	var delays []time.Duration
	for attempt := 1; attempt < chat.MaxAttempts; attempt++ {
		w.must(w.delivery.Work(t.Context(), j))
		delays = append(delays, w.queue.delays...)
		list := w.queue.take()
		if len(list) != 1 || list[0].Attempt != attempt || !slices.Equal(list[0].Connections, []chat.ConnectionID{"operator-1"}) {
			t.Fatalf("attempt %d: %+v", attempt, list)
		}
		j = list[0]
	}
	w.same(w.push.take(), []string{"customer-1 public 3"})
	w.same(delays, []time.Duration{2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 32 * time.Second, time.Minute})
	w.push.refuse = errThrottled
	if w.delivery.Work(t.Context(), j) == nil {
		t.Fatal("neither delivered nor closed: the job is to come again")
	}
	w.push.refuse = nil
	w.must(w.delivery.Work(t.Context(), j))
	w.same(w.push.closed, []chat.ConnectionID{"operator-1"})
	w.same(len(w.queue.take()), 0)
}

type exploding struct{ chat.Pusher }

func (exploding) Post(context.Context, chat.ConnectionID, []byte) error { panic("boom") }

// A panic beside the caller must reach the caller, who answers with a typed error; else it ends the process.
func TestPanicsAreTheCallers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	w.subscribe(w.customer, "customer-2", time.Hour)
	w.subscribe(w.customer, "customer-3", time.Hour)
	w.delivery.Push = exploding{}
	out := w.say(w.customer, "x")
	defer func() {
		if recover() != "boom" {
			t.Fatal("no panic arrived")
		}
	}()
	_ = w.delivery.Committed(t.Context(), w.customer, out)
}
