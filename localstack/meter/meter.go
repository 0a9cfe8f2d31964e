// Package meter counts what AWS would bill for what the local stack does, and prices it from one table. So the cost of
// a message is measured and not estimated. It counts usage, not money: free tiers and volume discounts are left out.
package meter

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/parley-chat/parley/localstack/seam"
	"github.com/parley-chat/parley/localstack/template"
)

// Sizes in which AWS meters.
const (
	socketChunk = 32 << 10  // API Gateway pricing: "messages ... metered in 32 KB increments"
	httpChunk   = 512 << 10 // API Gateway pricing: "HTTP APIs are metered in 512 KB increments"
)

// Options configure a Meter; the zero value is ready for use.
type Options struct {
	// Features maps route keys to features ("typing" → "signals"); default DefaultFeatures. Other routes are "other".
	Features map[string]string
	// Routes says what serves the socket's routes, so that invocations and responses can be split by feature.
	Routes map[string]Route
	// OpenConnections returns the ages of the open connections together, so that a snapshot has their minutes too.
	OpenConnections func() time.Duration
	// Idle is what a month costs in which nothing happens (function Idle); reports repeat it.
	Idle []Line
	Now  func() time.Time
}

// Route is what Options need to know of a route of the socket.
type Route struct {
	Function string // logical id
	TwoWay   bool
}

// RoutesOf reads the routes of a plan.
func RoutesOf(plan *template.Plan) map[string]Route {
	made := map[string]Route{}
	for _, api := range plan.Sockets {
		for _, r := range api.Routes {
			made[r.Key] = Route{r.Function, r.TwoWay}
		}
	}
	return made
}

// DefaultFeatures sorts the socket's routes: what carries messages, what only signals, what a connection costs.
func DefaultFeatures() map[string]string {
	return map[string]string{
		"$connect": "connect", "$disconnect": "connect", "hello": "connect", "ping": "signals", "typing": "signals", "read": "signals",
		"start": "messages", "send": "messages", "edit": "messages", "delete": "messages",
	}
}

// Meter implements seam.Meter.
type Meter struct {
	opts   Options
	traces traces

	mu    sync.Mutex // held for a few map operations only
	usage Usage
	// offset is what OpenConnections said at the last Reset.
	offset time.Duration
}

var _ seam.Meter = (*Meter)(nil)

// New returns a Meter that starts at nothing.
func New(o Options) *Meter {
	if o.Features == nil {
		o.Features = DefaultFeatures()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.OpenConnections == nil {
		o.OpenConnections = func() time.Duration { return 0 }
	}
	return &Meter{opts: o, usage: newUsage(o.Now())}
}

// Began says that an invocation with this X-Amzn-Trace-Id serves a route. The calls that the function makes with the same
// trace, its pushes included, are then counted for the route. Without it they are counted for no route.
func (m *Meter) Began(trace, route string) { m.traces.put(root(trace), route) }

// AWSCall counts a call and what its answer says was consumed. A call of ExecuteAPI is counted, but costs nothing of its
// own: what it sends is metered by Frame.
func (m *Meter) AWSCall(call seam.Call, answer seam.Answer) {
	route := m.traces.get(root(call.Trace))
	failed := 0
	if answer.ErrorType != "" || answer.Status >= 400 {
		failed = 1
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	key := CallKey{Service: call.Service, Operation: call.Operation, Function: call.Caller.Function, Route: route}
	add := CallCount{Calls: 1, Errors: failed, BytesIn: len(call.Body), BytesOut: len(answer.Body)}
	for _, u := range answer.Usage {
		key.Resource = u.Resource
		add.ReadUnits, add.WriteUnits, add.Requests = u.ReadUnits, u.WriteUnits, u.Requests
		m.usage.Calls[key] = m.usage.Calls[key].plus(add)
		add = CallCount{} // a call on two tables is one call: the second adds only its units
	}
	if len(answer.Usage) == 0 {
		m.usage.Calls[key] = m.usage.Calls[key].plus(add)
	}
}

// Invocation counts one run of a function. Lambda bills started milliseconds, and the init of custom runtimes with them.
func (m *Meter) Invocation(function string, duration, init time.Duration, memoryMB int) {
	billed := (duration + init + time.Millisecond - 1) / time.Millisecond
	gb := float64(memoryMB) / 1024
	cold := 0
	if init > 0 {
		cold = 1
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.usage.Functions[function] = m.usage.Functions[function].plus(FunctionCount{
		Invocations: 1, ColdStarts: cold, Duration: duration, Init: init, GBSeconds: float64(billed) / 1000 * gb,
	})
}

// Frame counts one WebSocket message.
func (m *Meter) Frame(inbound bool, route string, bytes int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := FrameKey{Inbound: inbound, Route: route}
	m.usage.Frames[key] = m.usage.Frames[key].plus(FrameCount{Frames: 1, Metered: chunks(bytes, socketChunk), Bytes: bytes})
}

// Connection counts a connection that ended.
func (m *Meter) Connection(connected time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.usage.Connections.Ended++
	m.usage.Connections.Time += connected
}

// HTTPRequest counts a request of the HTTP API.
func (m *Meter) HTTPRequest(route string, in, out int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.usage.HTTP[route] = m.usage.HTTP[route].plus(HTTPCount{Requests: 1, Metered: max(chunks(in, httpChunk), chunks(out, httpChunk)), BytesIn: in, BytesOut: out})
}

// LogBytes counts what a function wrote to its log.
func (m *Meter) LogBytes(function string, n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.usage.Functions[function] = m.usage.Functions[function].plus(FunctionCount{LogBytes: n})
}

// chunks is the number of started chunks, at least one.
func chunks(bytes, size int) int { return max(1, (bytes+size-1)/size) }

// Snapshot returns what was counted since the start or the last Reset.
func (m *Meter) Snapshot() Usage {
	open := m.opts.OpenConnections()
	m.mu.Lock()
	defer m.mu.Unlock()
	made := m.usage.clone()
	made.Connections.Time += open - m.offset
	made.To = m.opts.Now()
	made.opts = &m.opts
	return made
}

// Reset starts counting anew.
func (m *Meter) Reset() {
	open := m.opts.OpenConnections()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.usage, m.offset = newUsage(m.opts.Now()), open
}

// root takes the part of a trace header that all calls of one invocation share: "Root=1-...;Parent=..." → "Root=1-...".
func root(trace string) string {
	before, _, _ := strings.Cut(trace, ";")
	return before
}

// tracesKept bounds the memory of traces: at 2,000 messages a second the last 16 s, more than a function runs.
const tracesKept = 1 << 15

// traces remembers the routes of the latest traces.
type traces struct {
	mu     sync.Mutex
	routes map[string]string
	ring   []string
	next   int
}

func (t *traces) put(trace, route string) {
	if trace == "" {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.routes == nil {
		t.routes, t.ring = make(map[string]string, tracesKept), make([]string, tracesKept)
	}
	if _, known := t.routes[trace]; !known {
		delete(t.routes, t.ring[t.next])
		t.ring[t.next] = trace
		t.next = (t.next + 1) % tracesKept
	}
	t.routes[trace] = route
}

func (t *traces) get(trace string) string {
	if trace == "" {
		return ""
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.routes[trace]
}

// Metered counts every call of a service: for callers that do not go through the front door, such as event source
// mappings, whose receives and deletes AWS bills. It is a seam.Notifier if the service is one.
func Metered(service seam.Service, m seam.Meter) seam.Service {
	counted := metered{service, m}
	if n, ok := service.(seam.Notifier); ok {
		return meteredNotifier{counted, n}
	}
	return counted
}

type metered struct {
	seam.Service
	meter seam.Meter
}

type meteredNotifier struct {
	metered
	seam.Notifier
}

func (s metered) Do(ctx context.Context, call seam.Call) seam.Answer {
	answer := s.Service.Do(ctx, call)
	s.meter.AWSCall(call, answer)
	return answer
}
