package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-chat/parley/localstack/seam"
	"github.com/parley-chat/parley/localstack/template"
)

// patience is how long a test waits for what must happen.
const patience = 10 * time.Second

// function is a Lambda function of a test.
type function func(ctx context.Context, event []byte) (string, error)

// errNotStarted stands for an invocation that could not be started.
var errNotStarted = errors.New("throttled")

// fakeInvoker runs functions in process and keeps their events.
type fakeInvoker struct {
	mu     sync.Mutex
	fns    map[string]function
	events map[string][]string
}

func newInvoker() *fakeInvoker {
	return &fakeInvoker{fns: map[string]function{}, events: map[string][]string{}}
}

func (f *fakeInvoker) Invoke(ctx context.Context, name string, event []byte, _ seam.InvokeOptions) (seam.InvokeResult, error) {
	f.mu.Lock()
	f.events[name] = append(f.events[name], string(event))
	fn := f.fns[name]
	f.mu.Unlock()
	if fn == nil {
		return seam.InvokeResult{}, fmt.Errorf("no function %q", name)
	}
	payload, err := fn(ctx, event)
	var fe *seam.FunctionError
	switch {
	case errors.As(err, &fe):
		return seam.InvokeResult{Error: fe}, nil
	case err != nil:
		return seam.InvokeResult{}, err
	}
	return seam.InvokeResult{Payload: []byte(payload)}, nil
}

// eventsOf returns the events that a function got so far.
func (f *fakeInvoker) eventsOf(name string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.events[name])
}

// answer makes a function that always answers the same.
func answer(payload string) function {
	return func(context.Context, []byte) (string, error) { return payload, nil }
}

// fail makes a function that always returns an error.
func fail(message string) function {
	return func(context.Context, []byte) (string, error) {
		return "", &seam.FunctionError{Type: "errorString", Message: message}
	}
}

// hang makes a function that outlives every integration timeout.
func hang(ctx context.Context, _ []byte) (string, error) {
	<-ctx.Done()
	return "", ctx.Err()
}

const allowAll = `{"principalId":"user-1","policyDocument":{"Version":"2012-10-17","Statement":[{"Action":"execute-api:Invoke","Effect":"Allow","Resource":"*"}]},"context":{"tenant":"t1","n":1,"b":true}}`

// stage is one gateway with its servers and functions.
type stage struct {
	t       testing.TB
	g       *Gateway
	fns     *fakeInvoker
	addr    string // of the socket listener
	conns   *httptest.Server
	meter   *countingMeter
	options Options
}

// chatAPI is the API that most tests use.
func chatAPI() *template.SocketAPI {
	return &template.SocketAPI{
		LogicalID: "ChatApi", APIID: "abcd123", Stage: "prod", RouteSelection: "$request.body.action",
		Routes: []template.SocketRoute{
			{Key: "$connect", Function: "Connect"},
			{Key: "$disconnect", Function: "Disconnect"},
			{Key: "$default", Function: "Default"},
			{Key: "send", Function: "Send", TwoWay: true},
			{Key: "note", Function: "Note"},
		},
	}
}

// start runs a gateway whose functions all answer 200; change may alter anything before.
func start(t testing.TB, change func(*stage)) *stage {
	t.Helper()
	s := &stage{t: t, fns: newInvoker(), meter: &countingMeter{}}
	for _, name := range []string{"Connect", "Disconnect", "Default", "Note"} {
		s.fns.fns[name] = answer(`{"statusCode":200}`)
	}
	s.fns.fns["Auth"] = answer(allowAll)
	s.fns.fns["Send"] = answer(`{"statusCode":200,"body":"sent"}`)
	s.options = Options{Socket: chatAPI(), Invoker: s.fns, Meter: s.meter}
	if change != nil {
		change(s)
	}
	g, err := New(s.options)
	if err != nil {
		t.Fatal(err)
	}
	s.g = g
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = l.Addr().String()
	served := make(chan error, 1)
	go func() { served <- g.ServeSockets(l) }()
	s.conns = httptest.NewServer(g.ConnectionsHandler())
	t.Cleanup(func() {
		s.conns.Close()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := g.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("serve: %v", err)
		}
	})
	return s
}

// switches gives a change that alters switches.
func switches(change func(*Switches)) *Switches {
	sw := DefaultSwitches()
	change(&sw)
	return &sw
}

// eventually waits until ok.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not in %v: %s", patience, what)
		}
		time.Sleep(time.Millisecond)
	}
}

// event waits for the nth (from 0) event of a function and decodes it.
func (s *stage) event(name string, n int) map[string]any {
	s.t.Helper()
	return decode(s.t, s.rawEvent(name, n))
}

func (s *stage) rawEvent(name string, n int) string {
	s.t.Helper()
	eventually(s.t, fmt.Sprintf("event %d of %s", n, name), func() bool { return len(s.fns.eventsOf(name)) > n })
	return s.fns.eventsOf(name)[n]
}

func decode(t testing.TB, doc string) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(doc), &m); err != nil {
		t.Fatalf("%v in %s", err, doc)
	}
	return m
}

// within walks nested objects.
func within(m map[string]any, path ...string) any {
	var v any = m
	for _, p := range path {
		inner, _ := v.(map[string]any)
		v = inner[p]
	}
	return v
}

// rest calls @connections over HTTP.
func (s *stage) rest(method, id string, body []byte) (*http.Response, string) {
	s.t.Helper()
	url := s.conns.URL + "/prod/@connections/" + strings.ReplaceAll(id, "=", "%3D")
	req, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/octet-stream")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp, string(b)
}

// status is the HTTP status of a post's error, 200 for none.
func status(err error) int {
	var pe *seam.PostError
	if errors.As(err, &pe) {
		return pe.Status
	}
	return 200
}

// countingMeter counts frames by direction and route.
type countingMeter struct {
	noMeter
	mu          sync.Mutex
	frames      []string
	http        []string
	connections atomic.Int64
}

func (m *countingMeter) Frame(in bool, route string, n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.frames = append(m.frames, fmt.Sprintf("in=%v %s %d", in, route, n))
}

func (m *countingMeter) HTTPRequest(route string, in, out int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.http = append(m.http, fmt.Sprintf("%s %d %d", route, in, out))
}

func (m *countingMeter) Connection(time.Duration) { m.connections.Add(1) }

func (m *countingMeter) sorted() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(slices.Values(m.frames))
}

// scriptedFaults strikes each point at most once.
type scriptedFaults struct {
	mu    sync.Mutex
	rules map[string]seam.Fault // "Push before"
}

func (f *scriptedFaults) Strike(p seam.FaultPoint) (seam.Fault, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := p.Operation + " " + string(p.Phase)
	fault, ok := f.rules[key]
	delete(f.rules, key)
	return fault, ok && p.Service == "gateway"
}

// sequence makes ids AAAAAAAAAAAA001=, 002, ...
func sequence() func() string {
	var n atomic.Int64
	return func() string { return fmt.Sprintf("AAAAAAAAAAAA%03d=", n.Add(1)) }
}

func fixedClock() time.Time { return time.UnixMilli(1708326702790) }

// instant answers everything at once.
type instant struct{}

func (instant) Invoke(context.Context, string, []byte, seam.InvokeOptions) (seam.InvokeResult, error) {
	return seam.InvokeResult{Payload: []byte(`{"statusCode":200,"body":"{\"type\":\"ack\",\"seq\":42}"}`)}, nil
}
