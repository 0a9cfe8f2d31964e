package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/chat"
)

// liveServer puts simServer behind real sockets: every frame is carried out at once.
type liveServer struct {
	mu    sync.Mutex
	sim   *sim
	socks map[int]*websocket.Conn
	base  string
}

func newLiveServer(t *testing.T, roles ...chat.Role) *liveServer {
	s := newSim(plan{roles: roles}, 1, func(int) int { return 1 })
	s.dials = nil
	l := &liveServer{sim: s, socks: map[int]*websocket.Conn{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/socket-tickets", func(w http.ResponseWriter, r *http.Request) {
		who := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if who == "revoked" {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"code":"unauthenticated","detail":"sign in again"}`))
			return
		}
		_, _ = w.Write(encode(Ticket{Ticket: who, URL: strings.Replace(l.base, "http", "ws", 1) + "/socket"}))
	})
	mux.HandleFunc("GET /socket", l.socket)
	server := httptest.NewServer(mux)
	l.base = server.URL
	t.Cleanup(func() {
		l.mu.Lock()
		for _, c := range l.socks {
			_ = c.CloseNow()
		}
		l.mu.Unlock()
		server.Close()
	})
	return l
}

func (l *liveServer) socket(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return
	}
	var who int
	_, _ = fmt.Sscan(r.URL.Query().Get("ticket"), &who)
	l.mu.Lock()
	l.sim.serial++
	id := l.sim.serial
	l.sim.conns[id], l.socks[id] = &conn{who: who, up: true, open: true}, c
	l.mu.Unlock()
	for {
		_, frame, err := c.Read(context.Background())
		if err != nil {
			l.mu.Lock()
			l.sim.cut(id)
			l.mu.Unlock()
			return
		}
		l.frame(id, who, frame)
	}
}

func (l *liveServer) frame(id, who int, frame []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sim.server.begin(id, who, frame)
	for len(l.sim.server.runs) > 0 {
		l.sim.server.step(l.sim.server.runs[0])
	}
	for _, f := range l.sim.server.net {
		_ = l.socks[f.conn].Write(context.Background(), websocket.MessageText, f.frame)
	}
	l.sim.server.net = nil
}

func (l *liveServer) client(t *testing.T, who string, opts Options) *Client {
	t.Helper()
	opts.API = &API{Base: l.base, Origin: "https://shop.example"}
	opts.Token = who
	opts.Answer, opts.RetryBase, opts.ConnectBase = 300*time.Millisecond, 10*time.Millisecond, 10*time.Millisecond
	c, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	c.Connect()
	return c
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func say(t *testing.T, c *Client, text string) {
	t.Helper()
	c.Do(func(m *Machine) {
		if _, err := m.Send(simConversation, chat.Public, text); err != nil {
			t.Error(err)
		}
	})
}

// agree waits until both show n messages and nothing is pending, and compares with the log.
func (l *liveServer) agree(t *testing.T, n int, clients ...*Client) {
	t.Helper()
	for i, c := range clients {
		err := c.Until(within(t), func(m *Machine) bool {
			v := m.View(simConversation)
			return v != nil && v.Applied(chat.Public) >= uint64(n) && m.Pending() == 0
		})
		if err != nil {
			t.Fatalf("client %d: %v", i, err)
		}
		c.Do(func(m *Machine) {
			l.mu.Lock()
			defer l.mu.Unlock()
			if d := cmp.Diff(l.sim.server.log[chat.Public], m.View(simConversation).Events(chat.Public)); d != "" {
				t.Errorf("client %d: %s", i, d)
			}
		})
	}
}

func TestClientsOverSockets(t *testing.T) {
	t.Parallel()
	l := newLiveServer(t, chat.RoleCustomer, chat.RoleOperator)
	a, b := l.client(t, "0", Options{}), l.client(t, "1", Options{})
	for i := range 60 {
		switch i {
		case 10:
			a.Drop()
		case 20:
			b.Drop()
		case 30:
			a.LoseAcks(2)
		case 40:
			b.MutePushes(true)
		case 45:
			b.MutePushes(false)
		}
		say(t, []*Client{a, b}[i%2], fmt.Sprint("message ", i))
	}
	l.agree(t, 60, a, b)
}

func TestClientResumesFromItsStore(t *testing.T) {
	t.Parallel()
	l := newLiveServer(t, chat.RoleCustomer)
	store := FileStore{Path: filepath.Join(t.TempDir(), "outbox.json")}
	a := l.client(t, "0", Options{Store: store})
	if err := a.Until(within(t), (*Machine).Ready); err != nil {
		t.Fatal(err)
	}
	a.LoseAcks(1000)
	say(t, a, "acknowledged in vain")
	err := a.Until(within(t), func(m *Machine) bool { return len(m.Outbox()) == 1 && m.Outbox()[0].Tried })
	if err != nil {
		t.Fatal(err)
	}
	a.Close()
	b := l.client(t, "0", Options{Store: store})
	say(t, b, "second")
	l.agree(t, 2, b)
	if left, err := store.Load(); err != nil || len(left) != 0 {
		t.Errorf("left in the store: %+v, %v", left, err)
	}
}

func TestClientStopsWhenItsStoreFails(t *testing.T) {
	t.Parallel()
	l := newLiveServer(t, chat.RoleCustomer)
	a := l.client(t, "0", Options{Store: FileStore{Path: filepath.Join(t.TempDir(), "missing", "outbox.json")}})
	if err := a.Until(within(t), (*Machine).Ready); err != nil {
		t.Fatal(err)
	}
	say(t, a, "not to be sent")
	if a.Err() == nil {
		t.Fatal("no error")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.sim.server.log[chat.Public]); n != 0 {
		t.Errorf("%d messages were sent without being saved", n)
	}
}

func TestClientStopsWhenTheSessionIsRevoked(t *testing.T) {
	t.Parallel()
	l := newLiveServer(t, chat.RoleCustomer)
	c := l.client(t, "revoked", Options{})
	if err := c.Until(within(t), func(m *Machine) bool { return m.Stopped() == chat.CodeUnauthenticated }); err != nil {
		t.Fatal(err)
	}
}

func TestHooksSeeEveryFrame(t *testing.T) {
	t.Parallel()
	l := newLiveServer(t, chat.RoleCustomer)
	var mu sync.Mutex
	seen := map[string]int{}
	c := l.client(t, "0", Options{OnFrame: func(in bool, frame []byte) {
		var kind struct{ Type, Action string }
		_ = json.Unmarshal(frame, &kind)
		mu.Lock()
		seen[fmt.Sprint(in, kind.Type, kind.Action)]++
		mu.Unlock()
	}})
	say(t, c, "a")
	l.agree(t, 1, c)
	mu.Lock()
	defer mu.Unlock()
	want := map[string]int{"falsehello": 1, "truewelcome": 1, "falsesend": 1, "trueack": 1}
	if d := cmp.Diff(want, seen); d != "" {
		t.Error(d)
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	tests := []struct {
		body string
		code chat.Code
	}{
		{`{"code":"too_fast","detail":"slow down","retryAfter":1500}`, chat.CodeTooFast},
		{`{"message":"Service Unavailable"}`, chat.CodeUnavailable},
		{`<html>`, chat.CodeUnavailable},
	}
	for _, tt := range tests {
		err := problem("503 Service Unavailable", []byte(tt.body))
		if chat.CodeOf(err) != tt.code {
			t.Errorf("%s: %v", tt.body, err)
		}
	}
}
