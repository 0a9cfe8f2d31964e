package wsapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/chat/chattest"
	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/internal/wsauth"
)

// Who speaks in the sample events.
const (
	workspace          = chat.WorkspaceID("w_01kaw3v4x00123456789abcdef")
	customer           = chat.UserID("u_01kaw3v4x0fedcba9876543210")
	operator           = chat.UserID("u_01kaw3v4x0adaadaadaadaadaa")
	conversation       = chat.ConversationID("c_01kaw3v4x0c0nversat10n0001")
	customerConnection = chat.ConnectionID("TXzPWdnOjoECGjA=")
)

// world is a handler on the memory double.
type world struct {
	*testing.T
	store    *chattest.Memory
	handler  *Handler
	push     *pusher
	queue    *jobs
	sessions *sessions
	logged   *bytes.Buffer
	now      time.Time
}

func newWorld(t *testing.T) *world {
	w := &world{
		T: t, store: chattest.NewMemory(), push: &pusher{}, queue: &jobs{}, sessions: &sessions{}, logged: &bytes.Buffer{},
		now: time.UnixMilli(1_793_611_800_000),
	}
	now := func() time.Time { return w.now }
	w.store.Now = now
	delivery := &chat.Delivery{
		Push: w.push, Queue: w.queue, Reader: w.store, Rows: w.store, Subs: w.store, Sockets: w.store, Encode: protocol.Encoder{}, Now: now,
	}
	w.handler = &Handler{
		Chat: &chat.Service{
			Log: w.store, Reader: w.store, Subs: w.store, Dir: w.store, Sockets: w.store, Sessions: w.sessions, Tails: w.store, Delivery: delivery,
			Rate: chat.DefaultRate, SizeOf: protocol.EventSize, Now: now, Sleep: func(context.Context, time.Duration) { w.now = w.now.Add(time.Second) },
		},
		Delivery: delivery, Principal: wsauth.Principal, Log: slog.New(slog.NewJSONHandler(w.logged, nil)), Now: now,
	}
	return w
}

// sample reads a sample event as Lambda's runtime would.
func sample(t *testing.T, name string) Event {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "events", "lambda", "socket-"+name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var e Event
	if err := json.Unmarshal(raw, &e); err != nil {
		t.Fatal(err)
	}
	return e
}

// handle serves an event. An error would be the gateway's own frame, which names no message: there is none.
func (w *world) handle(e Event) map[string]any {
	w.Helper()
	res, err := w.handler.Handle(w.Context(), e)
	if err != nil || res.StatusCode != http.StatusOK {
		w.Fatalf("%+v, %v", res, err)
	}
	var frame map[string]any
	if err := json.Unmarshal([]byte(res.Body), &frame); err != nil {
		w.Fatalf("%q: %v", res.Body, err)
	}
	return frame
}

// replay serves sample events in order; the last one's answer is returned.
func (w *world) replay(names ...string) (frame map[string]any) {
	w.Helper()
	for _, name := range names {
		frame = w.handle(sample(w.T, name))
	}
	return frame
}

// say serves a frame of the customer.
func (w *world) say(body string) map[string]any {
	w.Helper()
	e := sample(w.T, "send")
	e.Body = body
	return w.handle(e)
}

// begun is a world in which customer and operator talk.
func begun(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.replay("hello", "start", "hello-operator", "join", "send", "send-note")
	w.push.take()
	w.queue.take()
	return w
}

// pusher records posts in order.
type pusher struct {
	mu     sync.Mutex
	posts  []string // "connection frame"
	under  int      // posts that have begun and not ended
	answer error
}

func (p *pusher) Post(_ context.Context, c chat.ConnectionID, frame []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.under++
	defer func() { p.under-- }()
	p.posts = append(p.posts, string(c)+" "+string(frame))
	return p.answer
}

func (p *pusher) Disconnect(_ context.Context, c chat.ConnectionID) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.posts = append(p.posts, string(c)+" disconnected")
	return nil
}

func (p *pusher) take() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := p.posts
	p.posts = nil
	return out
}

type jobs struct {
	list   []chat.Job
	refuse error
}

func (q *jobs) Enqueue(_ context.Context, _ time.Duration, list ...chat.Job) error {
	if q.refuse == nil {
		q.list = append(q.list, list...)
	}
	return q.refuse
}

func (q *jobs) take() []string {
	var out []string
	for _, j := range q.list {
		s := fmt.Sprintf("%s %d..%d to %v", j.Track, j.From, j.To, j.Connections)
		out = append(out, s)
	}
	q.list = nil
	return out
}

type sessions struct{ answer error }

func (s *sessions) Check(context.Context, chat.Principal) error { return s.answer }
