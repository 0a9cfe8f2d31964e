package sim

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/chat/chattest"
	"github.com/parley-chat/parley/internal/gateway"
	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/internal/queue"
	"github.com/parley-chat/parley/internal/worker"
	"github.com/parley-chat/parley/internal/wsapi"
	"github.com/parley-chat/parley/internal/wsauth"
)

// world is one run: everything outside the production code, and the schedule.
type world struct {
	seed   uint64
	rng    *rand.Rand
	rate   map[Fault]float64
	faulty bool
	counts map[Fault]int
	steps  int

	mu      sync.Mutex // guards arrived
	arrived []*call

	waiting     []*call
	running     []*invocation
	invocations int
	bad         atomic.Bool // a post had no deadline, or a late one
	effects     int

	memory     *chattest.Memory
	logs       map[chat.Ref]*logCopy
	order      []chat.Ref // of logs
	workspaces []*workspace
	conns      []*conn // up, or known to their client
	byID       map[chat.ConnectionID]*conn
	dials      []dial
	deleted    []*conn // by the service, their clients do not know yet
	delivery   *sqsQueue
	jobs       *sqsQueue // integration
	shards     []*shard
	integrator *integrator

	messages  int
	frames    int
	long      bool // long texts are written
	quiet     bool // nobody has a reason to say anything
	epilogue  bool // the faults have ended, everything was at rest, and somebody spoke again
	hash      uint64
	violation string
	trace     []string
	tracing   bool
}

// workspace is one tenant. All tenants use the same ids on purpose.
type workspace struct {
	id            chat.WorkspaceID
	n             int
	users         []*user
	conversations int
}

// newWorld draws the shape of a run: who takes part, which faults, how hard.
func newWorld(seed uint64, tracing bool, without map[Fault]bool) *world {
	w := &world{
		seed: seed, rng: rand.New(rand.NewPCG(seed, 0x9a71e7)), counts: map[Fault]int{}, rate: map[Fault]float64{}, faulty: true,
		logs: map[chat.Ref]*logCopy{}, byID: map[chat.ConnectionID]*conn{}, memory: chattest.NewMemory(), tracing: tracing,
	}
	w.memory.Now = time.Now
	w.delivery, w.jobs = &sqsQueue{w: w, name: "delivery"}, &sqsQueue{w: w, name: "integration", fifo: true, taken: map[string]time.Time{}}
	w.integrator = newIntegrator(w)
	w.shards = []*shard{{w: w, name: "a"}, {w: w, name: "b"}}
	w.drawRates(without)
	w.long = w.pick(6) == 0
	for n := range 1 + w.pick(2) {
		w.populate(n + 1)
	}
	if seed%40 == 7 {
		w.crowd()
	}
	return w
}

// drawRates gives each class a strength: half are off, so that each is also seen without the others.
func (w *world) drawRates(without map[Fault]bool) {
	calm := w.pick(12) == 0
	for _, f := range sortedFaults() {
		strength := [...]float64{0, 0, 0.3, 1, 2}[w.pick(5)]
		if !calm && !without[f] {
			w.rate[f] = rates[f] * strength
		}
	}
}

func (w *world) populate(n int) {
	ws := &workspace{id: chat.WorkspaceID(id(chat.WorkspacePrefix, n)), n: n}
	w.workspaces = append(w.workspaces, ws)
	for _, role := range []chat.Role{chat.RoleCustomer, chat.RoleOperator, chat.RoleCustomer, chat.RoleOperator, chat.RoleSupervisor, chat.RoleCustomer} {
		if len(ws.users) >= 2 && w.pick(2) == 0 {
			continue
		}
		u := &user{w: w, ws: ws, n: len(ws.users) + 1, role: role}
		u.id = chat.UserID(id(chat.UserPrefix, u.n))
		ws.users = append(ws.users, u)
		tabs := 1
		if w.pick(3) == 0 {
			tabs = 2
		}
		for range tabs {
			u.open()
		}
	}
	types := []chat.EventType{chat.EventMessage, chat.EventClosed}
	for _, s := range []chat.Subscription{{ID: "all", Kind: "sqs"}, {ID: "some", Kind: "sqs", Types: types}} {
		_ = w.memory.PutSubscription(context.Background(), ws.id, s)
	}
}

// id makes the n-th id of a kind: the same in every workspace.
func id(prefix string, n int) string {
	var b [16]byte
	b[12], b[13], b[14], b[15] = byte(n>>24), byte(n>>16), byte(n>>8), byte(n)
	return chat.FormatID(prefix, b)
}

// pick draws from 0 to n-1.
func (w *world) pick(n int) int { return w.rng.IntN(n) }

func (w *world) head(ref chat.Ref) *chat.Head {
	h, _ := w.memory.Head(context.Background(), ref) // the double has no failures of its own
	return h
}

// violate notes the first broken promise; the run ends with the step.
func (w *world) violate(format string, args ...any) {
	if w.violation == "" {
		w.violation = fmt.Sprintf(format, args...)
		w.log("VIOLATION: %s", w.violation)
	}
}

// log keeps a line of the trace; every line also enters the run's hash, by which two runs are compared.
func (w *world) log(format string, args ...any) {
	for i := range len(format) {
		w.hash = (w.hash ^ uint64(format[i])) * 1099511628211
	}
	w.hash = (w.hash ^ uint64(time.Now().UnixMicro())) * 1099511628211
	if w.tracing {
		line := fmt.Sprintf("%5d %s  ", w.steps, time.Now().Format("15:04:05.000")) + fmt.Sprintf(format, args...)
		if len(line) > 600 {
			line = line[:600] + "…"
		}
		w.trace = append(w.trace, line)
	}
}

func itoa(n int) string { return strconv.Itoa(n) }

var quiet = slog.New(slog.DiscardHandler)

// The functions, wired as their mains wire them.

func (i *invocation) deliveryPort() *chat.Delivery {
	s := store{i}
	return &chat.Delivery{
		Push: gateway.Pusher{API: posts{i}}, Queue: &queue.Delivery{API: sends{i, i.w.delivery}, URL: i.w.delivery.name},
		Reader: s, Rows: s, Subs: s, Sockets: s, Encode: protocol.Encoder{}, Now: i.now,
	}
}

func (i *invocation) socket() *wsapi.Handler {
	s, d := store{i}, i.deliveryPort()
	return &wsapi.Handler{
		Chat: &chat.Service{
			Log: s, Reader: s, Subs: s, Dir: s, Sockets: s, Sessions: s, Tails: s, Delivery: d, Heads: s,
			Rate: chat.DefaultRate, SizeOf: protocol.EventSize, Now: i.now, Sleep: i.sleep,
		},
		Delivery: d, Principal: wsauth.Principal, Log: quiet,
	}
}

func (i *invocation) deliver() *worker.Deliver {
	return &worker.Deliver{Delivery: i.deliveryPort(), Log: quiet}
}

// process is a warm relay: one invocation after another runs in it, and it remembers what it has handled.
type process struct {
	store *store
	sends *sends
	relay *worker.Relay
}

func (w *world) newProcess() *process {
	p := &process{store: &store{}, sends: &sends{q: w.jobs}}
	p.relay = &worker.Relay{
		Relay: &chat.Relay{Reader: p.store, Tails: p.store, Subscriptions: p.store, Queue: &queue.Integration{API: p.sends, URL: w.jobs.name}},
		Head:  w.headOfImage, Ends: w.headOfImage, Log: quiet,
	}
	return p
}

func (i *invocation) disconnect() *wsauth.Disconnect {
	return &wsauth.Disconnect{Sockets: store{i}, Log: quiet}
}

// crowd opens more tabs of one customer than HEAD has room for listeners.
func (w *world) crowd() {
	u := w.workspaces[0].users[0]
	for range chat.MaxListeners + 3 {
		u.open()
	}
}
