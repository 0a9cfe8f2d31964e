package chat_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
)

// integrations records jobs; refuse makes every call fail.
type integrations struct {
	jobs   []string // "subscription track seq"
	refuse error
}

func (q *integrations) Enqueue(_ context.Context, jobs []chat.IntegrationJob) error {
	if q.refuse != nil {
		return q.refuse
	}
	for _, j := range jobs {
		q.jobs = append(q.jobs, fmt.Sprintf("%s %s %d", j.Subscription, j.Track, j.Seq))
	}
	return nil
}

func (q *integrations) take() []string {
	out := q.jobs
	q.jobs = nil
	return out
}

// stream is a relay with the images that its table's stream would bring.
type stream struct {
	*world
	relay  *chat.Relay
	out    *integrations
	before *chat.Head
}

func newStream(t *testing.T, subs ...chat.Subscription) *stream {
	w := newWorld(t)
	for _, s := range subs {
		w.must(w.store.PutSubscription(t.Context(), w.customer.Workspace, s))
	}
	out := &integrations{}
	return &stream{world: w, out: out, relay: newRelay(w, out)}
}

func newRelay(w *world, out *integrations) *chat.Relay {
	return &chat.Relay{Reader: w.store, Tails: w.store, Subscriptions: w.store, Queue: out}
}

// record relays what happened since the last record, as one record.
func (s *stream) record() *chat.Head {
	s.Helper()
	after := s.head()
	s.must(s.relay.Record(s.Context(), s.before, after))
	s.before = after
	return after
}

// lose drops the record of what happened since.
func (s *stream) lose() { s.before = s.head() }

func all(id string) chat.Subscription { return chat.Subscription{ID: id, Kind: "sqs"} }

func TestRelayOncePerEventAndSubscription(t *testing.T) {
	t.Parallel()
	s := newStream(t, all("a"), chat.Subscription{ID: "b", Kind: "sqs", Types: []chat.EventType{chat.EventMessage, chat.EventClosed}})
	s.start("hello")
	s.record()
	s.same(s.out.take(), []string{"a public 1", "a public 2", "b public 2"})
	s.join()
	s.record()
	_, err := s.svc.Send(t.Context(), s.operator, s.conv, chat.Desk, 0, s.messages("note"))
	s.must(err)
	s.record()
	s.same(s.out.take(), []string{"a public 3", "a desk 1"})
	s.record() // nothing new
	s.same(len(s.out.take()), 0)
	s.say(s.customer, "x", "y")
	s.moveTail(chat.Public, 0) // the record is of before the move or after it: the events come from somewhere
	s.record()
	s.same(s.out.take(), []string{"a public 4", "b public 4", "a public 5", "b public 5"})
	s.close(s.operator)
	s.record()
	s.same(s.out.take(), []string{"a public 6", "b public 6"}) // all the others are known to have gone
	s.same(s.head().Public.Relayed, uint64(6))
	s.same(s.head().Desk.Relayed, uint64(1))
}

func TestRelayAgain(t *testing.T) {
	t.Parallel()
	s := newStream(t, all("a"))
	s.start("hello")
	s.record()
	s.before = nil
	s.out.take()
	s.record() // the stream brings a record twice
	s.same(s.out.take(), []string{"a public 1", "a public 2"})
	s.say(s.customer, "x")
	s.out.refuse = errThrottled
	if s.relay.Record(t.Context(), s.before, s.head()) == nil {
		t.Fatal("a record whose jobs were not taken is to be delivered again")
	}
	s.out.refuse = nil
	s.record()
	s.same(s.out.take(), []string{"a public 3"})
	for _, call := range []string{"Subscriptions", "After"} {
		s.say(s.customer, "y")
		s.moveTail(chat.Public, 0)
		head := s.head()
		s.throttle(call)
		if s.relay.Record(t.Context(), s.before, head) == nil {
			t.Fatalf("%s failed, the record did not", call)
		}
		s.store.Fault = nil
		s.record()
	}
}

func (s *stream) repairs(t *testing.T, want ...string) {
	t.Helper()
	s.close(s.customer)
	s.record()
	same(t, s.out.take(), want)
	if h := s.head(); h.Public.Relayed != h.Public.Last {
		t.Fatalf("relayed %d of %d", h.Public.Relayed, h.Public.Last)
	}
}

// What the stream gave up on is emitted when the conversation closes, also if tails were moved in between.
func TestCloseRepairsWhatTheStreamLost(t *testing.T) {
	t.Parallel()
	for _, trim := range []bool{false, true} {
		s := newStream(t, all("a"))
		s.start("hello")
		s.record()
		s.say(s.customer, "lost")
		s.lose()
		s.say(s.customer, strings.Repeat("x", 600))
		head := s.record()
		if trim {
			s.must(s.relay.Trim(t.Context(), head))
			if h := s.head(); h.Public.From == 1 || h.Public.Relayed > 2 {
				t.Fatalf("tail from %d, relayed %d over a hole", h.Public.From, h.Public.Relayed)
			}
		}
		s.out.take()
		s.repairs(t, "a public 1", "a public 2", "a public 3", "a public 4", "a public 5")
	}
}

// It is told at the latest when the conversation comes to rest, in whatever way; not while somebody may write.
func TestRestRepairsToo(t *testing.T) {
	t.Parallel()
	for _, status := range chat.Statuses() {
		s := newStream(t, all("a"))
		s.start("hello")
		s.record()
		s.say(s.customer, "lost")
		s.lose()
		s.out.take()
		h := s.head()
		e := chat.Event{Seq: 4, ID: s.eventID(), Type: chat.EventIdle, Sender: s.customer.User, Role: chat.RoleCustomer, To: status}
		change := chat.Change{Old: h, Status: status}
		if status.Waits() {
			change.QueuedAt = s.clock.Now()
		}
		s.must(s.store.Transition(t.Context(), chat.Append{Ref: s.ref(), Track: chat.Public, After: 3, Events: []chat.Event{e}, Rule: chat.Rule{Actor: s.customer.User}}, change))
		s.record()
		want := []string{"a public 4"}
		switch status {
		case chat.StatusClosed, chat.StatusAbandoned, chat.StatusIdle, chat.StatusSnoozed:
			want = []string{"a public 3", "a public 4"}
		default:
		}
		if got := s.out.take(); !slices.Equal(got, want) {
			t.Errorf("%s: told %v, want %v", status, got, want)
		}
		if relayed := s.head().Public.Relayed; (relayed == 4) != (len(want) == 2) {
			t.Errorf("%s: %d of 4 are noted as relayed", status, relayed)
		}
	}
}

// A relay that was restarted cannot know what the one before it did: it repeats rather than loses.
func TestRestartedRelayRepeats(t *testing.T) {
	t.Parallel()
	s := newStream(t, all("a"))
	s.start("hello")
	s.say(s.customer, strings.Repeat("x", 600))
	s.must(s.relay.Trim(t.Context(), s.record()))
	s.same(s.head().Public.Relayed, uint64(3))
	s.say(s.customer, "by the first")
	s.record()
	s.relay = newRelay(s.world, s.out)
	s.say(s.customer, "by the second")
	s.record()
	s.out.take()
	s.repairs(t, "a public 4", "a public 5", "a public 6")
	s.say(s.customer, "again") // reopens
	s.record()
	s.out.take()
	s.repairs(t, "a public 9")
}

func TestRepairReadsLongLogs(t *testing.T) {
	t.Parallel()
	s := newStream(t, all("a"))
	s.svc.Rate = chat.Rate{}
	s.start("hello")
	for range 25 {
		s.say(s.customer, make20()...)
	}
	s.moveTail(chat.Public, 3)
	s.lose()
	s.close(s.customer)
	s.record()
	jobs := s.out.take()
	if len(jobs) != 503 {
		t.Fatalf("%d jobs", len(jobs))
	}
	for i, j := range jobs {
		if j != fmt.Sprintf("a public %d", i+1) {
			t.Fatalf("job %d is %s", i, j)
		}
	}
}

func make20() []string {
	return strings.Split(strings.Repeat("x,", 20)[:39], ",")
}

func TestTrim(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		texts []string
		from  uint64
	}{
		{"short", []string{"a", "b"}, 1},
		{"at the bound", []string{strings.Repeat("x", 520-44*2-len(chat.ReasonWrote))}, 1},
		{"past the bound", []string{strings.Repeat("x", 520-44*2-len(chat.ReasonWrote)+1)}, 3},
		{"many", make20()[:12], 14},
	} {
		s := newStream(t)
		s.start(c.texts...)
		head := s.record()
		for range 2 { // a trim that has been made is no error
			s.must(s.relay.Trim(t.Context(), head))
		}
		if h := s.head(); h.Public.From != c.from {
			t.Errorf("%s: the tail begins at %d, want %d", c.name, h.Public.From, c.from)
		}
		if got := len(s.log(chat.Public)); got != len(c.texts)+1 {
			t.Errorf("%s: %d events", c.name, got)
		}
	}
	s := newStream(t)
	s.start(make20()...)
	head := s.record()
	s.throttle("MoveTail")
	if s.relay.Trim(t.Context(), head) == nil {
		t.Fatal("a trim that failed says so")
	}
	s.store.Fault = nil
	s.join()
	_, err := s.svc.Send(t.Context(), s.operator, s.conv, chat.Desk, 0, s.messages(make20()...))
	s.must(err)
	s.must(s.relay.Trim(t.Context(), s.record()))
	if h := s.head(); h.Desk.From != 21 || len(s.log(chat.Desk)) != 20 {
		t.Fatalf("desk tail from %d", h.Desk.From)
	}
}

func TestEventKeys(t *testing.T) {
	t.Parallel()
	base := chat.IntegrationJob{Ref: chat.Ref{Workspace: "w_1", Conversation: "c_1"}, Track: chat.Public, Seq: 7, Gen: 1, Subscription: "a"}
	same(t, base.EventKey(), "w_1.c_1.1.public.7")
	again := base
	again.Subscription = "b"
	same(t, again.EventKey(), base.EventKey())
	for _, change := range []func(*chat.IntegrationJob){
		func(j *chat.IntegrationJob) { j.Workspace = "w_2" }, func(j *chat.IntegrationJob) { j.Conversation = "c_2" },
		func(j *chat.IntegrationJob) { j.Gen++ }, func(j *chat.IntegrationJob) { j.Track = chat.Desk }, func(j *chat.IntegrationJob) { j.Seq++ },
	} {
		other := base
		change(&other)
		if other.EventKey() == base.EventKey() {
			t.Errorf("%+v has the key of another event", other)
		}
	}
}

// ownLogs are the logs of operators and contacts, by subject and in order.
type ownLogs map[string][]chat.EventType

func (l ownLogs) OwnEvents(_ context.Context, span chat.OwnSpan) (out []chat.OwnEvent, err error) {
	for seq := span.From + 1; seq <= span.To; seq++ {
		out = append(out, chat.OwnEvent{Seq: seq, Gen: 1 << 16, Type: l[span.ID][seq-1]})
	}
	return out, nil
}

// keys records the jobs of own logs by subscription and event.
type keys []string

func (k *keys) Enqueue(_ context.Context, jobs []chat.IntegrationJob) error {
	for _, j := range jobs {
		*k = append(*k, j.Subscription+" "+j.EventKey()+" "+string(j.Type))
	}
	return nil
}

func TestRelayTellsOfOwnLogs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	subject := chat.Subject{Workspace: w.customer.Workspace, ID: "ct_1"}
	var told keys
	long := make([]chat.EventType, 450) // more than are read at once
	for i := range long {
		long[i] = "contact.updated"
	}
	long[1], long[430] = "lead.captured", "lead.captured"
	relay := &chat.Relay{Own: ownLogs{"ct_1": long}, Subscriptions: w.store, Queue: &told}
	span := chat.OwnSpan{Subject: subject, From: 0, To: 450}
	w.must(relay.RecordOwn(t.Context(), span))
	w.same(len(told), 0) // nobody has asked for anything
	w.must(w.store.PutSubscription(t.Context(), subject.Workspace, chat.Subscription{ID: "b", Types: []chat.EventType{"lead.captured", "customer.identified"}}))
	w.must(relay.RecordOwn(t.Context(), span))
	key := func(seq int) string { return fmt.Sprintf("%s.ct_1.65536.%d", subject.Workspace, seq) }
	w.same([]string(told), []string{"b " + key(2) + " lead.captured", "b " + key(431) + " lead.captured"})
	w.must(w.store.PutSubscription(t.Context(), subject.Workspace, all("a")))
	told = nil
	w.must(relay.RecordOwn(t.Context(), span))
	last := uint64(0)
	for _, j := range told {
		if strings.HasPrefix(j, "a ") {
			w.same(j, fmt.Sprintf("a %s %s", key(int(last)+1), long[last]))
			last++
		}
	}
	w.same(last, uint64(450))
	told = nil
	w.must(relay.RecordOwn(t.Context(), chat.OwnSpan{Subject: subject, From: 448, To: 450}))
	w.same([]string(told), []string{"a " + key(449) + " contact.updated", "a " + key(450) + " contact.updated"})
}
