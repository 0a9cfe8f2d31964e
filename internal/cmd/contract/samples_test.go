package main

import (
	"context"
	"encoding/json"
	"flag"
	"io"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/chat/chattest"
	"github.com/parley-chat/parley/internal/integration/cloudevent"
	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/internal/queue"
	"github.com/parley-chat/parley/internal/wsapi"
	"github.com/parley-chat/parley/internal/wsauth"
)

var update = flag.Bool("update", false, "write samples.json anew")

// noon is when the recorded conversation begins.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// fixedID returns the n-th id of a recording.
func fixedID(prefix string, n byte) string {
	raw, _ := chat.IDBytes("", chat.NewID("", noon))
	copy(raw[6:], []byte{0x5a, n, 0x1f, n, 0x33, n, 0x77, n, 0x0c, n})
	return chat.FormatID(prefix, raw)
}

var (
	workspace    = chat.WorkspaceID(fixedID(chat.WorkspacePrefix, 1))
	customer     = chat.UserID(fixedID(chat.UserPrefix, 2))
	operator     = chat.UserID(fixedID(chat.UserPrefix, 3))
	conversation = chat.ConversationID(fixedID(chat.ConversationPrefix, 4))
	gone         = chat.ConversationID(fixedID(chat.ConversationPrefix, 5))
)

func eventID(n byte) chat.EventID { return chat.EventID(fixedID(chat.EventPrefix, n)) }

// stage runs the socket's handlers on the in-memory store and records what they take and give.
type stage struct {
	t       *testing.T
	handler *wsapi.Handler
	memory  *chattest.Memory
	now     time.Time
	revoked bool
	jobs    []chat.Job
	pushed  []json.RawMessage
	samples []sample
}

// Check implements chat.SessionChecker.
func (s *stage) Check(context.Context, chat.Principal) error {
	if s.revoked {
		return chat.Errorf(chat.CodeUnauthenticated, "the session was signed out; sign in again")
	}
	return nil
}

// Post implements chat.Pusher.
func (s *stage) Post(_ context.Context, _ chat.ConnectionID, frame []byte) error {
	s.pushed = append(s.pushed, slices.Clone(frame))
	return nil
}

// Disconnect implements chat.Pusher.
func (s *stage) Disconnect(context.Context, chat.ConnectionID) error { return nil }

// Enqueue implements chat.DeliveryQueue.
func (s *stage) Enqueue(_ context.Context, _ time.Duration, jobs ...chat.Job) error {
	s.jobs = append(s.jobs, jobs...)
	return nil
}

func newStage(t *testing.T) *stage {
	s := &stage{t: t, memory: chattest.NewMemory(), now: noon}
	clock := func() time.Time { return s.now }
	s.memory.Now = clock
	m := s.memory
	delivery := &chat.Delivery{Push: s, Queue: s, Reader: m, Rows: m, Subs: m, Sockets: m, Encode: protocol.Encoder{}, Now: clock}
	s.handler = &wsapi.Handler{
		Chat: &chat.Service{
			Log: m, Reader: m, Subs: m, Dir: m, Sockets: m, Tails: m, Sessions: s, Delivery: delivery,
			Rate: chat.DefaultRate, SizeOf: protocol.EventSize, Now: clock,
		},
		Delivery: delivery, Principal: wsauth.Principal, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	return s
}

// realClock are the fields that handlers fill from the real clock.
var realClock = regexp.MustCompile(`"(now|until)":\d+`)

func (s *stage) record(schema, name string, payload []byte) {
	payload = realClock.ReplaceAll(payload, []byte(`"$1":1795435230000`))
	s.samples = append(s.samples, sample{Schema: schema, Name: name, Payload: payload})
}

// send runs a frame of the user. It is recorded under name, with its answer under answer and the pushes that it
// caused under push; "" records nothing.
func (s *stage) send(user chat.UserID, frame any, name, answer, push string) {
	s.t.Helper()
	s.now = s.now.Add(7 * time.Second)
	role, connection := chat.RoleCustomer, chat.ConnectionID("Qyi07eCbtjMCJKw=")
	if user == operator {
		role, connection = chat.RoleOperator, "Qyi3UG41tjMFlUg="
	}
	body := protocol.Encode(frame)
	var e wsapi.Event
	e.Body = string(body)
	e.RequestContext.ConnectionID = connection
	e.RequestContext.Authorizer = map[string]any{
		"workspace": string(workspace), "user": string(user), "role": string(role), "session": fixedID(chat.SessionPrefix, 6),
	}
	r, err := s.handler.Handle(context.Background(), e)
	if err != nil {
		s.t.Fatal(err)
	}
	if name != "" {
		s.record("client."+typeOf(s.t, body), name, body)
	}
	if answer != "" {
		s.record("server."+typeOf(s.t, []byte(r.Body)), answer, []byte(r.Body))
	} else if strings.Contains(r.Body, `"type":"error"`) {
		s.t.Fatalf("%s: %s", body, r.Body)
	}
	s.pushes(push)
}

// pushes records what was pushed since the last time, and works off the queue.
func (s *stage) pushes(name string) {
	for _, j := range s.jobs {
		if err := s.handler.Delivery.Work(context.Background(), j); err != nil {
			s.t.Fatal(err)
		}
	}
	for _, p := range s.pushed {
		if name != "" {
			s.record("server."+typeOf(s.t, p), name, p)
		}
	}
	s.jobs, s.pushed = nil, nil
}

func typeOf(t *testing.T, frame []byte) string {
	t.Helper()
	var f struct{ Action, Type string }
	if err := json.Unmarshal(frame, &f); err != nil {
		t.Fatal(err)
	}
	return f.Action + f.Type
}

func at(n uint64) *uint64 { return &n }

func one(n byte, text string) []protocol.NewMessage {
	return []protocol.NewMessage{{ID: eventID(n), Text: text}}
}

// play is the recorded conversation: every command, every answer, every push, every type of event.
func (s *stage) play() {
	c := conversation
	s.send(customer, protocol.Hello{Action: "hello", Ref: "1"}, "the first hello of a new client", "nothing there yet", "")
	s.send(operator, protocol.Hello{Action: "hello", Ref: "1"}, "", "", "")
	s.send(customer, protocol.Start{
		Action: "start", Ref: "2", Conversation: c, Messages: one(10, "Hello, where is my parcel?"), Page: "https://shop.example/orders/1042",
	}, "a customer begins a conversation", "the conversation is stored; its first event is its start", "")
	s.send(operator, protocol.Hello{Action: "hello", Ref: "2"}, "", "for staff: who waits", "")
	s.send(operator, protocol.Join{Action: "join", Ref: "3", Conversation: c, ID: eventID(11)}, "an operator takes it", "with the conversation as it is now", "an operator has joined")
	s.send(operator, protocol.Typing{Action: "typing", Ref: "4", Conversation: c}, "", "", "the operator types, for 15 s at most")
	s.send(operator, protocol.Send{Action: "send", Ref: "5", Conversation: c, After: 3, Messages: one(12, "Let me look it up.")}, "", "", "a message")
	s.send(customer, protocol.Typing{Action: "typing", Ref: "3", Conversation: c, Read: 4}, "typing, and everything up to seq 4 is read", "heard", "")
	s.send(customer, protocol.Send{
		Action: "send", Ref: "4", Conversation: c, After: 3,
		Messages: []protocol.NewMessage{{ID: eventID(13), Text: "Order 1042"}, {ID: eventID(14), Text: "It was due on Monday"}},
	}, "two messages that were typed before seq 4 arrived", "the event that had come between is in it", "")
	s.send(customer, protocol.Send{Action: "send", Ref: "5", Conversation: c, After: 3, Messages: one(14, "It was due on Monday")},
		"", "the answer to a retry: it was there already", "")
	s.send(operator, protocol.Send{Action: "send", Ref: "6", Conversation: c, Track: chat.Desk, Messages: one(15, "Carrier says: lost")},
		"a note on the desk track", "", "")
	s.send(operator, protocol.Send{Action: "send", Ref: "7", Conversation: c, After: 6, Messages: one(16, "It is lots")}, "", "", "")
	s.send(operator, protocol.Edit{Action: "edit", Ref: "8", Conversation: c, After: 7, ID: eventID(17), Target: 7, Text: "It is lost, sorry. We send another."},
		"a correction", "", "")
	s.send(operator, protocol.Delete{Action: "delete", Ref: "9", Conversation: c, After: 8, ID: eventID(18), Target: 4}, "a message is withdrawn", "", "")
	s.send(customer, protocol.Read{Action: "read", Ref: "6", Conversation: c, Seq: 9}, "read up to seq 9", "", "the customer has read")
	s.send(customer, protocol.Page{Action: "page", Ref: "7", Conversation: c, After: at(6), Limit: 2}, "what is missing after seq 6", "a page, and there is more", "")
	s.send(customer, protocol.Ping{Action: "ping", Ref: "8", Cursors: map[chat.ConversationID]protocol.Cursor{c: {Public: 9}}}, "what the client has", "what it should have", "")
	s.send(operator, protocol.Close{Action: "close", Ref: "10", Conversation: c, After: 9, ID: eventID(19), Reason: "sent again"}, "the matter is settled", "", "")
	s.send(operator, protocol.Reopen{Action: "reopen", Ref: "11", Conversation: c, After: 10, ID: eventID(20), Reason: "carrier found it"}, "taken up again", "", "")
	s.send(operator, protocol.Edit{Action: "edit", Ref: "12", Conversation: c, Track: chat.Desk, After: 1, ID: eventID(21), Target: 1, Text: "Carrier says: found"}, "", "", "")
	s.send(customer, protocol.Hello{Action: "hello", Ref: "9", Cursors: map[chat.ConversationID]protocol.Cursor{c: {Public: 9, Read: 9}, gone: {Public: 2}}},
		"a client comes back", "the rest after its cursor, and what is gone", "")
	s.refusals()
	for _, f := range frameSamples() {
		s.record(f.schema, f.name, protocol.Encode(f.frame))
	}
	s.events()
}

// refusals are errors that clients meet, and the end of a session.
func (s *stage) refusals() {
	c := conversation
	s.send(customer, protocol.Send{Action: "send", Ref: "10", Conversation: c, After: 99, Messages: one(30, "Hm")}, "", "the client is ahead of the log", "")
	s.send(customer, protocol.Send{Action: "send", Ref: "11", Conversation: gone, Messages: one(30, "Hm")}, "", "no such conversation", "")
	s.revoked = true
	s.send(customer, protocol.Ping{Action: "ping", Ref: "12"}, "", "signed out", "the session is over")
	s.record("server.gateway", "the function failed", []byte(`{"message":"Internal server error","connectionId":"Qyi07eCbtjMCJKw=","requestId":"Qyi3UG41tjMFlUg="}`))
}

// events records every type of event as integrators get it, and one job of the integration queue. Types that the
// played conversation does not have come from a list: with everything that they may have, and with what they must.
func (s *stage) events() {
	head, err := s.memory.Head(context.Background(), chat.Ref{Workspace: workspace, Conversation: conversation})
	if err != nil {
		s.t.Fatal(err)
	}
	played := map[chat.EventType]bool{}
	for _, track := range chat.Tracks() {
		for _, e := range head.Track(track).Tail {
			s.record("event."+string(e.Type), string(e.Type), mustJSON(s.t, cloudevent.Of(head.Ref, track, e)))
			played[e.Type] = true
		}
	}
	for _, l := range logRegistry() {
		if !played[l.typ] {
			s.record("event."+string(l.typ), "with all that it may have", mustJSON(s.t, logSample(head.Ref, l, true)))
			s.record("event."+string(l.typ), "with what it always has", mustJSON(s.t, logSample(head.Ref, l, false)))
		}
	}
	e := head.Public.Tail[1]
	job := chat.IntegrationJob{Ref: head.Ref, Subscription: "orders", Track: chat.Public, Seq: e.Seq, Gen: e.Gen, Type: e.Type}
	s.record("queue.integration", "a message for one subscription", mustJSON(s.t, queue.IntegrationMessage{
		Version: 1, Event: job.EventKey(), Subscription: job.Subscription, Workspace: job.Workspace, Conversation: job.Conversation,
		Track: job.Track, Seq: job.Seq, Gen: job.Gen, Type: job.Type,
	}))
	for _, l := range ownRegistry() {
		s.record("event."+l.typ, "with all that it may have", mustJSON(s.t, ownSample(l, true)))
		s.record("event."+l.typ, "with what it always has", mustJSON(s.t, ownSample(l, false)))
	}
	own := chat.IntegrationJob{Ref: chat.Ref{Workspace: workspace}, Subject: string(operator), Subscription: "orders", Seq: 2, Type: "operator.status"}
	s.record("queue.subject", "a message for one subscription", mustJSON(s.t, queue.SubjectMessage{
		Version: 2, Event: own.EventKey(), Subscription: own.Subscription, Workspace: own.Workspace, Subject: own.Subject, Seq: own.Seq, Gen: own.Gen, Type: string(own.Type),
	}))
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestSamplesAreWhatHandlersSend plays the conversation through the real handlers and compares.
func TestSamplesAreWhatHandlersSend(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.play()
	got := string(pretty(s.samples))
	if *update {
		if err := os.WriteFile("samples.json", []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(recorded), got); diff != "" {
		t.Errorf("samples.json is not what the handlers send (run with -update, then make contract):\n%s", diff)
	}
}
