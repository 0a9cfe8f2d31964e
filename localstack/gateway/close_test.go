package gateway

import (
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// disconnected waits for $disconnect and returns its code and reason.
func (s *stage) disconnected() (int, string) {
	s.t.Helper()
	rc := s.event("Disconnect", 0)["requestContext"].(map[string]any)
	return int(rc["disconnectStatusCode"].(float64)), rc["disconnectReason"].(string)
}

// The table of causes, codes and reasons.
func TestDisconnectReasons(t *testing.T) {
	t.Parallel()
	close := func(payload string) func(*stage, *rawClient) {
		return func(_ *stage, c *rawClient) { c.frame(true, opClose, []byte(payload)) }
	}
	cases := []struct {
		name      string
		cause     func(*stage, *rawClient)
		code      int
		reason    string
		wire      int // close code that the client gets; 0 is none
		wireCause string
	}{
		{"client close without a code", close(""), 1005, "Client-side close frame status not set", 1005, ""},
		{"tab closed", close("\x03\xe9"), 1001, "", 1001, ""},
		{"client close with a reason", close("\x0f\xa0done here"), 4000, "done here", 4000, ""},
		{"DELETE", func(s *stage, _ *rawClient) { s.rest("DELETE", s.only(), nil) }, 1000, "Connection Closed Normally", 1000, "Connection Closed Normally"},
		{"TCP closed", func(_ *stage, c *rawClient) { _ = c.nc.Close() }, 1006, "Connection lost", 0, ""},
		{"TCP reset", func(_ *stage, c *rawClient) { _ = c.nc.(*net.TCPConn).SetLinger(0); _ = c.nc.Close() }, 1006, "Connection lost", 0, ""},
		{"cut off in mid-frame", func(_ *stage, c *rawClient) { c.send([]byte{0x81, 0xfe}); _ = c.nc.Close() }, 1006, "Connection lost", 0, ""},
		{"admin close", func(s *stage, _ *rawClient) { s.g.Cut(s.only(), CutClose) }, 1001, "Going away", 1001, "Going away"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, nil)
			c := s.dial()
			s.only()
			tc.cause(s, c)
			if tc.wire != 0 {
				c.wantClose(tc.wire, tc.wireCause)
			}
			if code, reason := s.disconnected(); code != tc.code || reason != tc.reason {
				t.Errorf("$disconnect says %d %q, want %d %q", code, reason, tc.code, tc.reason)
			}
			eventually(t, "nothing is left", func() bool { return len(s.g.Connections()) == 0 })
			if n := len(s.fns.eventsOf("Disconnect")); n != 1 {
				t.Errorf("$disconnect ran %d times", n)
			}
			if n := s.meter.connections.Load(); n != 1 {
				t.Errorf("%d connections metered", n)
			}
		})
	}
}

// testClock moves only when told to, so that a starved machine cannot make a connection idle.
type testClock struct{ offset atomic.Int64 }

func (c *testClock) now() time.Time { return fixedClock().Add(time.Duration(c.offset.Load())) }

func (c *testClock) advance(d time.Duration) { c.offset.Add(int64(d)) }

func TestIdle(t *testing.T) {
	t.Parallel()
	const idle = 50 * time.Millisecond
	clock := &testClock{}
	s := start(t, func(s *stage) { s.options.Idle, s.options.Now = idle, clock.now })
	c := s.dial()
	id := s.only()
	// Real time passes too, so that read deadlines expire and are moved on while there is activity, first
	// inwards, then outwards only.
	notes := 0
	for begun := time.Now(); time.Since(begun) < 4*idle; clock.advance(idle * 6 / 10) {
		c.text(`{"action":"note"}`) // one-way: nothing goes out that would count as activity too
		s.event("Note", notes)
		notes++
	}
	for begun := time.Now(); time.Since(begun) < 4*idle; clock.advance(idle * 6 / 10) {
		if err := s.g.Post(t.Context(), id, []byte("x")); err != nil {
			t.Fatalf("closed while posts went out: %v", err)
		}
		c.wantText("x")
	}
	clock.advance(idle)
	c.wantClose(1001, "Going away")
	if code, reason := s.disconnected(); code != 1001 || reason != "Going away" {
		t.Errorf("%d %q", code, reason)
	}
}

// Pings are answered; whether they keep the connection open is a switch.
func TestPingAndIdle(t *testing.T) {
	t.Parallel()
	const idle = 50 * time.Millisecond
	for _, resets := range []bool{false, true} {
		clock := &testClock{}
		s := start(t, func(s *stage) {
			s.options.Idle, s.options.Now = idle, clock.now
			s.options.Switches = switches(func(sw *Switches) { sw.PingResetsIdle = resets })
		})
		c := s.dial()
		closed, pongs := false, 0
		for begun := time.Now(); !closed && (!resets || time.Since(begun) < 6*idle); clock.advance(idle * 6 / 10) {
			c.frame(true, opPing, []byte("p"))
			_, op, p, err := c.read()
			if err != nil || op != opPong && op != opClose {
				t.Fatal(op, p, err)
			}
			closed = op == opClose
			if !closed {
				pongs++
			}
		}
		if closed == resets || pongs == 0 {
			t.Errorf("switch %v: closed=%v after %d pongs", resets, closed, pongs)
		}
	}
}

func TestMaxAge(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *stage) { s.options.MaxAge = 300 * time.Millisecond })
	c := s.dial()
	begun := time.Now()
	for {
		c.text(`{"action":"send"}`)
		_, op, p, err := c.read()
		if err != nil {
			t.Fatal(err)
		}
		if op == opClose {
			if string(p) != "\x03\xe9Going away" {
				t.Errorf("close payload %q", p)
			}
			break
		}
	}
	if age := time.Since(begun); age < 250*time.Millisecond {
		t.Errorf("closed after %v", age)
	}
}

// A client that never answers the close frame is cut after the grace.
func TestCloseGrace(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *stage) {
		s.options.Switches = switches(func(sw *Switches) { sw.CloseGrace = 100 * time.Millisecond })
	})
	c := s.dial()
	if err := s.g.Delete(t.Context(), s.only()); err != nil {
		t.Fatal(err)
	}
	if _, op, _, err := c.read(); op != opClose || err != nil {
		t.Fatal(op, err)
	}
	c.text(`{"action":"note"}`) // too late
	if _, err := c.r.ReadByte(); !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("still open: %v", err)
	}
	if n := len(s.fns.eventsOf("Note")); n != 0 {
		t.Error("a message after the close frame ran")
	}
}

func TestShutdown(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	conn, _, err := websocket.Dial(t.Context(), "ws://"+s.addr+"/prod", nil)
	if err != nil {
		t.Fatal(err)
	}
	s.only()
	closed := make(chan error, 1)
	go func() {
		_, _, err := conn.Read(context.WithoutCancel(t.Context()))
		closed <- err
	}()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := s.g.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-closed; websocket.CloseStatus(err) != 1012 {
		t.Errorf("client got %v", err)
	}
	if n := len(s.fns.eventsOf("Disconnect")); n != 1 {
		t.Errorf("$disconnect ran %d times before Shutdown returned", n)
	}
}

// A function that hangs holds Shutdown only as long as its context.
func TestShutdownDeadline(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *stage) { s.fns.fns["Note"] = hang })
	c := s.dial()
	c.text(`{"action":"note"}`)
	s.event("Note", 0)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := s.g.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}
