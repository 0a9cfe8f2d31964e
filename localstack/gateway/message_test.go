package gateway

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/parley-chat/parley/localstack/seam"
	"github.com/parley-chat/parley/localstack/template"
)

func TestRouting(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	c := s.dial()
	for i, body := range []string{`{"action":"unknown"}`, `not json`, `{"action":"$connect"}`, `{"action":"$disconnect"}`, `{"action":"$default"}`, `{}`, `[]`, ``} {
		c.text(body)
		e := s.event("Default", i)
		if got := within(e, "requestContext", "routeKey"); got != "$default" || e["body"] != body {
			t.Errorf("%q: routeKey %v, body %v", body, got, e["body"])
		}
		for _, name := range []string{"headers", "multiValueHeaders", "queryStringParameters", "stageVariables"} {
			if _, there := e[name]; there {
				t.Errorf("%s is in a MESSAGE event", name)
			}
		}
	}
	if n := len(s.fns.eventsOf("Connect")); n != 1 {
		t.Errorf("$connect ran %d times", n)
	}
}

// What a client is told, byte for byte; the connection survives each.
func TestErrorFrames(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, send, message string
		fn                  function
	}{
		{"no route", `{"action":"nothing"}`, "Forbidden", nil},
		{"error, one way", `{"action":"note"}`, "Internal server error", fail("boom")},
		{"error, two-way", `{"action":"send"}`, "Internal server error", fail("boom")},
		{"not started", `{"action":"note"}`, "Internal server error", func(context.Context, []byte) (string, error) { return "", errNotStarted }},
		{"timeout", `{"action":"note"}`, "Endpoint request timed out", hang},
		{"malformed, two-way", `{"action":"send"}`, "Internal server error", answer(`"text"`)},
		{"body no string, two-way", `{"action":"send"}`, "Internal server error", answer(`{"body":{"a":1}}`)},
		{"not JSON, two-way", `{"action":"send"}`, "Internal server error", answer(`{`)},
		{"over 128 KB, two-way", `{"action":"send"}`, "Internal server error", answer(`{"body":"` + strings.Repeat("x", maxMessage+1) + `"}`)},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, func(s *stage) {
				s.options.NewID = sequence()
				s.options.Socket.Routes = slices.DeleteFunc(s.options.Socket.Routes, func(r template.SocketRoute) bool { return r.Key == "$default" })
				for i := range s.options.Socket.Routes {
					s.options.Socket.Routes[i].Timeout = 200 * time.Millisecond
				}
				if tc.fn != nil {
					s.fns.fns["Send"], s.fns.fns["Note"] = tc.fn, tc.fn
				}
			})
			c := s.dial()
			c.text(tc.send)
			c.wantText(`{"message": "` + tc.message + `", "connectionId":"AAAAAAAAAAAA002=", "requestId":"AAAAAAAAAAAA003="}`)
			if err := s.g.Post(t.Context(), s.only(), []byte("still open")); err != nil {
				t.Fatal(err)
			}
			c.wantText("still open")
		})
	}
}

// The function outlives the integration timeout: only the waiting ends.
func TestTimeoutLeavesFunctionRunning(t *testing.T) {
	t.Parallel()
	finished := make(chan struct{})
	release := make(chan struct{})
	s := start(t, func(s *stage) {
		s.options.Socket.Routes[4].Timeout = 50 * time.Millisecond
		s.fns.fns["Note"] = func(ctx context.Context, _ []byte) (string, error) {
			go func() { // the process that goes on after the invoker stopped waiting
				<-release
				close(finished)
			}()
			<-ctx.Done()
			return "", fmt.Errorf("waiting stopped: %w", ctx.Err())
		}
	})
	c := s.dial()
	c.text(`{"action":"note"}`)
	if got := c.readText(); !strings.HasPrefix(got, `{"message": "Endpoint request timed out", "connectionId":"`) {
		t.Errorf("got %s", got)
	}
	close(release)
	<-finished
}

// Two-way routes send the body and nothing else; one-way routes send nothing at all.
func TestRouteResponses(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, route, payload, want string }{
		{"two-way", "send", `{"statusCode":200,"body":"{\"ok\":\"\u00e9\"}"}`, `{"ok":"é"}`},
		{"two-way, status 500", "send", `{"statusCode":500,"body":"still sent"}`, "still sent"},
		{"two-way, empty body", "send", `{"statusCode":200,"body":""}`, ""},
		{"two-way, no body", "send", `{"statusCode":200}`, "-"},
		{"two-way, null body", "send", `{"statusCode":200,"body":null}`, "-"},
		{"two-way, null", "send", `null`, "-"},
		{"two-way, empty", "send", ``, "-"},
		{"one-way", "note", `{"statusCode":200,"body":"dropped"}`, "-"},
		{"one-way, malformed", "note", `nonsense`, "-"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, func(s *stage) { s.fns.fns["Send"], s.fns.fns["Note"] = answer(tc.payload), answer(tc.payload) })
			c := s.dial()
			id := s.only()
			c.text(`{"action":"` + tc.route + `"}`)
			if tc.want != "-" {
				c.wantText(tc.want)
				return
			}
			eventually(t, "the function has answered", func() bool {
				return s.g.Connections()[0].Running == 0 && len(s.fns.eventsOf("Send"))+len(s.fns.eventsOf("Note")) == 1
			})
			if err := s.g.Post(t.Context(), id, []byte("next")); err != nil {
				t.Fatal(err)
			}
			c.wantText("next")
		})
	}
}

// The messages of one connection run side by side, at most PerConnection of them; the rest waits.
func TestConcurrentMessages(t *testing.T) {
	t.Parallel()
	const limit = 4
	var mu sync.Mutex
	running, most := 0, 0
	release := make(chan struct{})
	s := start(t, func(s *stage) {
		s.options.PerConnection = limit
		s.fns.fns["Note"] = func(context.Context, []byte) (string, error) {
			mu.Lock()
			running++
			most = max(most, running)
			mu.Unlock()
			<-release
			mu.Lock()
			running--
			mu.Unlock()
			return `{}`, nil
		}
	})
	c := s.dial()
	for range 3 * limit {
		c.text(`{"action":"note"}`)
	}
	eventually(t, "all slots taken", func() bool { mu.Lock(); defer mu.Unlock(); return running == limit })
	if got := s.g.Connections()[0].Running; got != limit {
		t.Errorf("state says %d running", got)
	}
	close(release)
	eventually(t, "the rest ran too", func() bool { return len(s.fns.eventsOf("Note")) == 3*limit })
	mu.Lock()
	defer mu.Unlock()
	if most > limit {
		t.Errorf("%d at once", most)
	}
}

// A connection whose slots are all taken can still be closed.
func TestCloseWhileSaturated(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	s := start(t, func(s *stage) {
		s.options.PerConnection = 1
		s.fns.fns["Note"] = func(context.Context, []byte) (string, error) { <-release; return `{}`, nil }
	})
	c := s.dial()
	for range 3 {
		c.text(`{"action":"note"}`)
	}
	eventually(t, "saturation", func() bool { return s.g.Connections()[0].Running == 1 })
	if err := s.g.Delete(t.Context(), s.only()); err != nil {
		t.Fatal(err)
	}
	c.wantClose(1000, "Connection Closed Normally")
	s.event("Disconnect", 0)
	close(release)
}

// The function goes on when its client leaves, and its post meets 410.
func TestMessageOutlivesClient(t *testing.T) {
	t.Parallel()
	left, got := make(chan struct{}), make(chan int, 1)
	s := start(t, func(s *stage) {
		s.fns.fns["Note"] = func(ctx context.Context, event []byte) (string, error) {
			<-left
			got <- status(s.g.Post(ctx, within(decode(s.t, string(event)), "requestContext", "connectionId").(string), []byte("x")))
			return `{}`, nil
		}
	})
	c := s.dial()
	c.text(`{"action":"note"}`)
	s.event("Note", 0)
	_ = c.nc.Close()
	s.event("Disconnect", 0)
	close(left)
	if st := <-got; st != 410 {
		t.Errorf("post: %d", st)
	}
}

func TestThrottledMessages(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *stage) {
		s.options.Socket.Routes[4].Throttle = template.Throttle{Rate: 0.001, Burst: 1}
		s.options.Switches = switches(func(sw *Switches) { sw.ThrottledClose = 2 })
	})
	c := s.dial()
	for range 3 {
		c.text(`{"action":"note"}`)
	}
	for range 2 {
		if got := c.readText(); !strings.HasPrefix(got, `{"message": "Too Many Requests", "connectionId":"`) {
			t.Errorf("got %s", got)
		}
	}
	c.wantClose(1008, "Too many requests")
	s.event("Note", 0)
	if n := len(s.fns.eventsOf("Note")); n != 1 {
		t.Errorf("ran %d times", n)
	}
	quiet := start(t, func(s *stage) {
		s.options.Socket.Routes[4].Throttle = template.Throttle{Rate: 0.001, Burst: 1}
		s.options.Switches = switches(func(sw *Switches) { sw.ThrottledMessage = "" })
	})
	c = quiet.dial()
	c.text(`{"action":"note"}`)
	c.text(`{"action":"note"}`)
	c.text(`{"action":"send"}`)
	c.wantText("sent")
}

func TestBucket(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	b := newBucket(template.Throttle{Rate: 2, Burst: 3})
	took := 0
	for range 5 {
		if b.take(now) {
			took++
		}
	}
	if took != 3 {
		t.Errorf("burst gave %d", took)
	}
	if !b.take(now.Add(500*time.Millisecond)) || b.take(now.Add(500*time.Millisecond)) {
		t.Error("half a second gives one token")
	}
	if !b.take(now.Add(time.Hour)) || b.tokens != 2 {
		t.Errorf("an hour fills the bucket to its burst, has %v", b.tokens)
	}
	if newBucket(template.Throttle{}) != nil {
		t.Error("no limit makes a bucket")
	}
}

// A real client, many messages, and pushes from several sides: nothing is lost, no frame is torn.
func TestManyClients(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *stage) {
		s.fns.fns["Send"] = func(ctx context.Context, event []byte) (string, error) {
			e := decode(s.t, string(event))
			id := within(e, "requestContext", "connectionId").(string)
			if err := s.g.Post(ctx, id, []byte("push "+e["body"].(string))); err != nil {
				return "", &seam.FunctionError{Message: err.Error()}
			}
			return `{"statusCode":200,"body":"ack"}`, nil
		}
	})
	const clients, messages = 20, 50
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			if err := converse(t.Context(), s.addr, messages); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	eventually(t, "all have gone", func() bool { return len(s.g.Connections()) == 0 && len(s.fns.eventsOf("Disconnect")) == clients })
	want := map[string]int{"in=true send": clients * messages, "in=false push": clients * messages, "in=false response": clients * messages}
	got := map[string]int{}
	for _, f := range s.meter.sorted() {
		got[f[:strings.LastIndex(f, " ")]]++
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("metered %v, want %v", got, want)
	}
}

// converse sends messages all at once and reads a push and a response for each.
func converse(ctx context.Context, addr string, messages int) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, "ws://"+addr+"/prod", nil)
	if err != nil {
		return err
	}
	defer func() { _ = conn.CloseNow() }()
	for i := range messages {
		if err := conn.Write(ctx, websocket.MessageText, fmt.Appendf(nil, `{"action":"send","n":%d}`, i)); err != nil {
			return err
		}
	}
	seen := map[string]int{}
	for range 2 * messages {
		_, b, err := conn.Read(ctx)
		if err != nil {
			return err
		}
		seen[string(b)]++
	}
	if seen["ack"] != messages || len(seen) != messages+1 {
		return errors.New("acks or pushes are missing")
	}
	return conn.Close(websocket.StatusNormalClosure, "bye")
}

// Jitter reorders what one connection sent in order, and loses nothing.
func TestMessageJitter(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *stage) {
		s.options.Switches = switches(func(sw *Switches) { sw.MessageJitter = 20 * time.Millisecond })
	})
	c := s.dial()
	var sent []string
	for i := range 40 {
		sent = append(sent, fmt.Sprintf(`{"action":"note","n":%d}`, i))
		c.text(sent[i])
	}
	eventually(t, "all notes", func() bool { return len(s.fns.eventsOf("Note")) == len(sent) })
	var got []string
	for _, e := range s.fns.eventsOf("Note") {
		got = append(got, decode(t, e)["body"].(string))
	}
	if slices.Equal(got, sent) {
		t.Error("order kept")
	}
	slices.Sort(got)
	slices.Sort(sent)
	if !slices.Equal(got, sent) {
		t.Errorf("got %v", got)
	}
}
