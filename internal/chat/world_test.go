package chat_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/chat/chattest"
)

// world is a workspace on the memory double, with everything around the use cases faked.
type world struct {
	*testing.T
	store    *chattest.Memory
	svc      *chat.Service
	delivery *chat.Delivery
	push     *pusher
	queue    *jobs
	sessions *sessions
	clock    *clock

	staff                          map[chat.UserID]chat.Role // whom the service knows as colleagues
	desk                           *deskJobs
	customer, operator, supervisor chat.Principal
	bot                            chat.Principal // who leads, where a test has one
	conv                           chat.ConversationID
	serial                         int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	c := &clock{now: time.UnixMilli(1_790_000_000_000)}
	store := chattest.NewMemory()
	store.Now = c.Now
	w := &world{
		T: t, store: store, clock: c, push: &pusher{answers: map[chat.ConnectionID]error{}}, queue: &jobs{}, sessions: &sessions{},
	}
	w.delivery = &chat.Delivery{
		Push: w.push, Queue: w.queue, Reader: store, Rows: store, Subs: store, Sockets: store, Encode: encoder{}, Now: c.Now,
	}
	w.desk = &deskJobs{}
	w.delivery.Desk = w.desk
	w.svc = &chat.Service{
		Desk: w.desk,
		Log:  store, Reader: store, Subs: store, Dir: store, Sockets: store, Sessions: w.sessions, Tails: store, States: store, Heads: store, Delivery: w.delivery,
		Rate: chat.DefaultRate, Now: c.Now, Sleep: func(_ context.Context, d time.Duration) { c.Advance(d + time.Millisecond) },
	}
	w.staff = map[chat.UserID]chat.Role{}
	w.svc.Colleague = func(_ context.Context, _ chat.WorkspaceID, u chat.UserID) (*chat.Colleague, error) {
		if role, ok := w.staff[u]; ok {
			return &chat.Colleague{User: u, Role: role}, nil
		}
		return nil, nil
	}
	workspace := chat.WorkspaceID(w.id(chat.WorkspacePrefix))
	w.customer = w.principal(workspace, chat.RoleCustomer, "customer-1")
	w.operator = w.principal(workspace, chat.RoleOperator, "operator-1")
	w.supervisor = w.principal(workspace, chat.RoleSupervisor, "supervisor-1")
	w.conv = w.newConversation()
	w.staff[w.operator.User], w.staff[w.supervisor.User] = w.operator.Role, w.supervisor.Role
	return w
}

func (w *world) principal(ws chat.WorkspaceID, r chat.Role, c chat.ConnectionID) chat.Principal {
	return chat.Principal{
		Workspace: ws, User: chat.UserID(w.id(chat.UserPrefix)), Role: r, Session: chat.SessionID(w.id(chat.SessionPrefix)), Connection: c,
	}
}

// id makes ids that sort in the order in which they are made.
func (w *world) id(prefix string) string {
	w.serial++
	return chat.NewID(prefix, w.clock.Now().Add(time.Duration(w.serial)*time.Millisecond))
}

func (w *world) newConversation() chat.ConversationID {
	return chat.ConversationID(w.id(chat.ConversationPrefix))
}

func (w *world) ref() chat.Ref {
	return chat.Ref{Workspace: w.customer.Workspace, Conversation: w.conv}
}

func (w *world) messages(texts ...string) []chat.NewMessage {
	out := make([]chat.NewMessage, len(texts))
	for i, text := range texts {
		out[i] = chat.NewMessage{ID: chat.EventID(w.id(chat.EventPrefix)), Text: text}
	}
	return out
}

func (w *world) eventID() chat.EventID { return chat.EventID(w.id(chat.EventPrefix)) }

// begin starts a conversation with nothing but messages.
func (w *world) begin(ctx context.Context, p chat.Principal, id chat.ConversationID, page string, messages []chat.NewMessage) (*chat.Outcome, error) {
	return w.svc.Start(ctx, p, chat.NewConversation{ID: id, Page: page, Messages: messages})
}

// start begins the world's conversation; the log holds the start and the messages afterwards.
func (w *world) start(texts ...string) *chat.Outcome {
	w.Helper()
	out, err := w.begin(w.Context(), w.customer, w.conv, "https://shop.example/", w.messages(texts...))
	w.must(err)
	return out
}

// join lets the operator take the conversation.
func (w *world) join() *chat.Outcome {
	w.Helper()
	out, err := w.svc.Join(w.Context(), w.operator, w.step())
	w.must(err)
	return out
}

func (w *world) step() chat.Step { return chat.Step{Conversation: w.conv, ID: w.eventID()} }

func (w *world) close(p chat.Principal) {
	w.Helper()
	_, err := w.svc.Close(w.Context(), p, w.step())
	w.must(err)
}

func (w *world) send(p chat.Principal, after uint64, messages ...chat.NewMessage) (*chat.Outcome, error) {
	w.Helper()
	return w.svc.Send(w.Context(), p, w.conv, chat.Public, after, messages)
}

// say sends texts at the end of the log.
func (w *world) say(p chat.Principal, texts ...string) *chat.Outcome {
	w.Helper()
	out, err := w.send(p, w.head().Public.Last, w.messages(texts...)...)
	w.must(err)
	return out
}

func (w *world) head() *chat.Head {
	w.Helper()
	h, err := w.store.Head(context.Background(), w.ref())
	w.must(err)
	if h == nil {
		w.Fatal("no such conversation")
	}
	return h
}

// last is the public track's last seq, read past the faults.
func (w *world) last() uint64 {
	w.Helper()
	return uint64(len(w.log(chat.Public)))
}

// moveTail moves all but the newest keep events into chunks.
func (w *world) moveTail(t chat.Track, keep uint64) {
	w.Helper()
	h := w.head()
	if last := h.Track(t).Last; last > keep {
		w.must(w.store.MoveTail(w.Context(), h, t, last-keep, 0))
	}
}

// log reads the whole track, and checks that its seqs are 1..n and that no id comes twice from one sender.
func (w *world) log(t chat.Track) []chat.Event {
	w.Helper()
	return readLog(w.T, w.store, w.ref(), t)
}

func readLog(t *testing.T, store *chattest.Memory, ref chat.Ref, track chat.Track) []chat.Event {
	t.Helper()
	fault := store.Fault
	store.Fault = nil
	defer func() { store.Fault = fault }()
	h, err := store.Head(context.Background(), ref)
	if err != nil || h == nil {
		t.Fatalf("reading HEAD: %v, %v", h, err)
	}
	events, err := store.After(context.Background(), ref, track, 0, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	events = append(events, h.Track(track).Tail...)
	if uint64(len(events)) != h.Track(track).Last {
		t.Fatalf("%s: %d events, but the last seq is %d", track, len(events), h.Track(track).Last)
	}
	seen := map[string]uint64{}
	for i, e := range events {
		if e.Seq != uint64(i)+1 {
			t.Fatalf("%s: seq %d at place %d", track, e.Seq, i+1)
		}
		key := string(e.Sender) + string(e.ID)
		if first, twice := seen[key]; twice {
			t.Fatalf("%s: seqs %d and %d store the same id of the same sender", track, first, e.Seq)
		}
		seen[key] = e.Seq
	}
	return events
}

// texts of the messages and notes of a track.
func (w *world) texts(t chat.Track) []string {
	w.Helper()
	var out []string
	for _, e := range w.log(t) {
		if e.Type == chat.EventMessage || e.Type == chat.EventNote {
			out = append(out, e.Text)
		}
	}
	return out
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// refused demands an error of this code.
func (w *world) refused(err error, want chat.Code) {
	w.Helper()
	if got := chat.CodeOf(err); got != want {
		w.Fatalf("got %v, want %s", err, want)
	}
}

func (w *world) same(got, want any) {
	w.Helper()
	same(w.T, got, want)
}

func same(t *testing.T, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Fatalf("-want +got\n%s", d)
	}
}

// acks shows an outcome as "seq" and "seq again" for duplicates.
func acks(out *chat.Outcome) []string {
	s := make([]string, len(out.Acks))
	for i, a := range out.Acks {
		s[i] = fmt.Sprint(a.Event.Seq)
		if a.Duplicate {
			s[i] += " again"
		}
	}
	return s
}

func seqs(events []chat.Event) []uint64 {
	out := make([]uint64, len(events))
	for i, e := range events {
		out[i] = e.Seq
	}
	return out
}

// fault answers one call of this name, the nth from now, with an unknown outcome: before the effect or after it.
// It returns how often it struck.
func (w *world) fault(call string, nth int, after bool) *int {
	struck := new(int)
	seen := 0
	w.store.Fault = func(c string, a bool) error {
		if c != call || a != after {
			return nil
		}
		if seen++; seen != nth {
			return nil
		}
		*struck++
		return fmt.Errorf("%w: told to", chat.ErrUnknownOutcome)
	}
	return struck
}

// atCall runs f once, before or after the named call's effect, as if somebody else had come between.
func (w *world) atCall(call string, after bool, f func()) {
	done := false
	w.store.Fault = func(c string, a bool) error {
		if c == call && a == after && !done {
			done = true
			f()
		}
		return nil
	}
}

// throttle refuses every call of this name.
func (w *world) throttle(call string) {
	w.store.Fault = func(c string, after bool) error {
		if c == call && !after {
			return fmt.Errorf("%w: throttled", chat.ErrUnknownOutcome)
		}
		return nil
	}
}

// clock is a clock that only moves when told.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// pusher records what is posted, and answers as told.
type pusher struct {
	mu      sync.Mutex
	answers map[chat.ConnectionID]error // of Post, for good
	block   map[chat.ConnectionID]bool  // Post waits for its context
	posts   []string                    // "connection frame"
	closed  []chat.ConnectionID
	refuse  error // of Disconnect
}

func (p *pusher) Post(ctx context.Context, c chat.ConnectionID, frame []byte) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	p.mu.Lock()
	err, wait := p.answers[c], p.block[c]
	if err == nil && !wait {
		p.posts = append(p.posts, string(c)+" "+string(frame))
	}
	p.mu.Unlock()
	if wait {
		<-ctx.Done()
		return ctx.Err()
	}
	return err
}

func (p *pusher) Disconnect(_ context.Context, c chat.ConnectionID) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refuse != nil {
		return p.refuse
	}
	p.closed = append(p.closed, c)
	return nil
}

// take returns what was posted since the last call, sorted.
func (p *pusher) take() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := p.posts
	p.posts = nil
	slices.Sort(out)
	return out
}

var errThrottled = errors.New("throttled")

// jobs is a delivery queue.
type jobs struct {
	mu     sync.Mutex
	list   []chat.Job
	delays []time.Duration
	refuse error
}

func (q *jobs) Enqueue(_ context.Context, delay time.Duration, list ...chat.Job) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.refuse != nil {
		return q.refuse
	}
	for _, j := range list {
		q.list = append(q.list, j)
		q.delays = append(q.delays, delay)
	}
	return nil
}

func (q *jobs) take() []chat.Job {
	q.mu.Lock()
	defer q.mu.Unlock()
	out := q.list
	q.list, q.delays = nil, nil
	return out
}

// encoder writes frames that are easy to compare: "public 3,4".
type encoder struct{}

func (encoder) Events(_ *chat.Head, t chat.Track, events []chat.Event) [][]byte {
	parts := make([]string, len(events))
	for i, e := range events {
		parts[i] = fmt.Sprint(e.Seq)
	}
	return [][]byte{[]byte(string(t) + " " + strings.Join(parts, ","))}
}

func (encoder) Position(s chat.Standing) []byte {
	return fmt.Appendf(nil, "position %d %s %s", s.Position, s.Estimate, s.Basis)
}

func (encoder) Notice(_ chat.Ref, n chat.Notice) []byte { return []byte(string(n.Kind)) }

// sessions answers each check with the next of answers, then with nil.
type sessions struct {
	mu      sync.Mutex
	answers []error
}

func (s *sessions) Check(context.Context, chat.Principal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.answers) == 0 {
		return nil
	}
	err := s.answers[0]
	s.answers = s.answers[1:]
	return err
}

// deskJobs is the queue of the live desk, without its deduplication.
type deskJobs struct {
	mu     sync.Mutex
	list   []chat.DeskJob
	refuse error
}

func (q *deskJobs) Enqueue(_ context.Context, list ...chat.DeskJob) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.refuse != nil {
		return q.refuse
	}
	q.list = append(q.list, list...)
	return nil
}

func (q *deskJobs) take() []chat.DeskJob {
	q.mu.Lock()
	defer q.mu.Unlock()
	list := q.list
	q.list = nil
	return list
}
