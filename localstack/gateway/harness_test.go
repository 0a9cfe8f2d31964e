package gateway

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
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

// rawClient speaks WebSocket by hand, so that it can break every rule.
type rawClient struct {
	t    testing.TB
	nc   net.Conn
	r    *bufio.Reader
	resp *http.Response
	body string
}

const handshakeKey = "dGhlIHNhbXBsZSBub25jZQ=="

// handshake sends an upgrade request with extra header lines and returns the client whatever the answer was.
func (s *stage) handshake(target string, lines ...string) *rawClient {
	s.t.Helper()
	return s.handshakeAnd(nil, target, lines...)
}

// handshakeAnd sends early bytes along with the upgrade request.
func (s *stage) handshakeAnd(early []byte, target string, lines ...string) *rawClient {
	s.t.Helper()
	nc, err := net.Dial("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(patience))
	req := "GET " + target + " HTTP/1.1\r\nHost: abcd123.execute-api.us-east-1.amazonaws.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + handshakeKey + "\r\n"
	for _, l := range lines {
		req += l + "\r\n"
	}
	if _, err := nc.Write(append([]byte(req+"\r\n"), early...)); err != nil {
		s.t.Fatal(err)
	}
	c := &rawClient{t: s.t, nc: nc, r: bufio.NewReader(nc)}
	if c.resp, err = http.ReadResponse(c.r, nil); err != nil {
		s.t.Fatal(err)
	}
	if c.resp.StatusCode != 101 {
		b, _ := io.ReadAll(c.resp.Body)
		c.body = string(b)
	}
	return c
}

// dial opens a connection or fails the test.
func (s *stage) dial(lines ...string) *rawClient {
	s.t.Helper()
	c := s.handshake("/prod", lines...)
	if c.resp.StatusCode != 101 {
		s.t.Fatalf("handshake: %d %s", c.resp.StatusCode, c.body)
	}
	return c
}

// only returns the id of the one open connection.
func (s *stage) only() string {
	s.t.Helper()
	eventually(s.t, "one connection", func() bool { return len(s.g.Connections()) == 1 })
	return s.g.Connections()[0].ID
}

// frame writes one frame; a masked one unless told otherwise.
func (c *rawClient) frame(fin bool, opcode byte, payload []byte) { c.send(clientFrame(fin, opcode, payload)) }

func (c *rawClient) text(s string) { c.frame(true, opText, []byte(s)) }

func (c *rawClient) send(b []byte) {
	c.t.Helper()
	if _, err := c.nc.Write(b); err != nil {
		c.t.Fatal(err)
	}
}

// clientFrame builds a masked frame.
func clientFrame(fin bool, opcode byte, payload []byte) []byte {
	b := appendFrame(nil, fin, opcode, nil)[:1]
	switch n := len(payload); {
	case n <= 125:
		b = append(b, 0x80|byte(n))
	case n <= 0xffff:
		b = append(b, 0x80|126, byte(n>>8), byte(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	mask := [4]byte{0x12, 0x34, 0x56, 0x78}
	b = append(b, mask[:]...)
	at := len(b)
	b = append(b, payload...)
	unmask(b[at:], mask)
	return b
}

// read reads one frame.
func (c *rawClient) read() (fin bool, opcode byte, payload []byte, err error) {
	var head [2]byte
	if _, err = io.ReadFull(c.r, head[:]); err != nil {
		return
	}
	n := uint64(head[1] & 0x7f)
	switch n {
	case 126:
		var b [2]byte
		_, err = io.ReadFull(c.r, b[:])
		n = uint64(binary.BigEndian.Uint16(b[:]))
	case 127:
		var b [8]byte
		_, err = io.ReadFull(c.r, b[:])
		n = binary.BigEndian.Uint64(b[:])
	}
	if err != nil {
		return
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(c.r, payload)
	return head[0]&0x80 != 0, head[0] & 0xf, payload, err
}

// wantText reads a whole text message.
func (c *rawClient) wantText(want string) {
	c.t.Helper()
	if got := c.readText(); got != want {
		c.t.Fatalf("got message %q, want %q", got, want)
	}
}

func (c *rawClient) readText() string {
	c.t.Helper()
	fin, op, p, err := c.read()
	if err != nil || !fin || op != opText {
		c.t.Fatalf("got fin=%v opcode=%d %q %v, want a text message", fin, op, p, err)
	}
	return string(p)
}

// wantClose reads a close frame, answers it, and expects the server to close TCP.
func (c *rawClient) wantClose(code int, reason string) {
	c.t.Helper()
	_, op, p, err := c.read()
	if err != nil || op != opClose {
		c.t.Fatalf("got opcode %d %q %v, want close %d", op, p, err, code)
	}
	got, gotReason := 1005, ""
	if len(p) >= 2 {
		got, gotReason = int(binary.BigEndian.Uint16(p)), string(p[2:])
	}
	if got != code || gotReason != reason {
		c.t.Fatalf("closed with %d %q, want %d %q", got, gotReason, code, reason)
	}
	_, _ = c.nc.Write(clientFrame(true, opClose, p))
	if _, _, _, err := c.read(); err == nil {
		c.t.Fatal("a frame after the close frame")
	}
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
