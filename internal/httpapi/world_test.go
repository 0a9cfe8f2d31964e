package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/chat/chattest"
	"github.com/parley-chat/parley/internal/identity"
	"github.com/parley-chat/parley/internal/identity/identitytest"
)

const (
	shop = "https://shop.example"
	desk = "https://desk.example"

	workspaceOne = chat.WorkspaceID("w_01kaw3v4x00123456789abcdef")
	operatorOne  = chat.UserID("u_01kaw3v4x0adaadaadaadaadaa")
	customerOne  = chat.UserID("u_01kaw3v4x0fedcba9876543210")
	// talk is the only conversation: of the customer whose id is set in the log, and nobody else.
	talk = chat.ConversationID("c_01kaw3v4x0aaaaaaaaaaaaaaaa")
)

// plain passwords are compared as they are.
type plain struct{}

func (plain) Hash(password string) (string, error) { return "hash:" + password, nil }
func (plain) Verify(hash, password string) bool    { return hash == "hash:"+password }

// reader is a chat.Reader with one conversation.
type reader struct {
	chat.Reader
	head    *chat.Head
	failure error
}

func (r *reader) Head(_ context.Context, ref chat.Ref) (*chat.Head, error) {
	if r.failure != nil {
		return nil, r.failure
	}
	if r.head.Ref != ref {
		return nil, nil
	}
	return r.head, nil
}

// directory is a chat.Directory of fixed lists.
type directory struct {
	open, closed []chat.ConversationID
	waiting      []chat.Waiting
	failure      error
}

func list(ids []chat.ConversationID, after chat.ConversationID, limit int) []chat.ConversationID {
	var out []chat.ConversationID
	for _, id := range ids {
		if (after == "" || id < after) && len(out) < limit {
			out = append(out, id)
		}
	}
	return out
}

func (d *directory) Open(_ context.Context, _ chat.WorkspaceID, _ chat.UserID, after chat.ConversationID, limit int) ([]chat.ConversationID, error) {
	return list(d.open, after, limit), d.failure
}

func (d *directory) Closed(_ context.Context, _ chat.WorkspaceID, _ chat.UserID, after chat.ConversationID, limit int) ([]chat.ConversationID, error) {
	return list(d.closed, after, limit), d.failure
}

func (d *directory) Waiting(_ context.Context, _ chat.WorkspaceID, _ chat.DepartmentID, limit int) ([]chat.Waiting, error) {
	return d.waiting[:min(limit, len(d.waiting))], d.failure
}

// noSockets fails to end any, as when @connections is away.
type noSockets struct{}

func (noSockets) EndSession(context.Context, chat.Principal, chat.Code) error {
	return errors.New("no answer")
}

// world is an API on the in-memory double.
type world struct {
	t         *testing.T
	now       time.Time
	store     identitytest.Memory
	reader    reader
	directory directory
	requests  chattest.Requests
	mentions  *chattest.Memory
	api       *API
	handler   http.Handler
	logged    bytes.Buffer
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 11, 2, 9, 31, 0, 0, time.UTC), mentions: chattest.NewMemory()}
	w.seed()
	clock := func() time.Time { return w.now }
	sessions := &identity.Sessions{Store: &w.store, Sockets: noSockets{}, Now: clock}
	w.api = &API{
		Customers:     &identity.Customers{Workspaces: &w.store, Sessions: sessions},
		Staff:         &identity.Staff{Accounts: &w.store, Workspaces: &w.store, Passwords: plain{}, Attempts: &w.store, Sessions: sessions},
		Sessions:      sessions,
		Tickets:       &identity.Tickets{Store: &w.store, Workspaces: &w.store, Now: clock},
		Workspaces:    &w.store,
		Conversations: &chat.Service{Reader: &w.reader, Dir: &w.directory, States: chattest.NewMemory(), Now: clock, Deadline: time.Nanosecond, Sleep: func(context.Context, time.Duration) {}},
		Directory:     &w.directory,
		Requests:      &w.requests,
		Mentions:      w.mentions,
		Counters:      &w.store,
		Now:           clock,
		SocketURL:     "wss://abcdef1234.execute-api.eu-central-1.amazonaws.com/live",
		Version:       "1.2.3", Region: "eu-central-1",
		Log: slog.New(slog.NewJSONHandler(&w.logged, nil)),
	}
	w.people(sessions)
	w.customers(sessions)
	w.workspace()
	w.handler = w.api.Handler()
	return w
}

func (w *world) seed() {
	ctx := w.t.Context()
	w.must(w.store.PutWorkspace(ctx, identity.Workspace{ID: workspaceOne, Name: "One", Origins: []string{desk}}))
	w.must(w.store.PutWidget(ctx, identity.Widget{Key: "wk_one", Workspace: workspaceOne, Origins: []string{shop}}))
	account := identity.Account{Workspace: workspaceOne, User: operatorOne, Address: "one@example.com", Name: "Ada", Role: chat.RoleOperator}
	w.must(w.store.PutStaff(ctx, account, "hash:right"))
	w.reader.head = &chat.Head{
		Ref: chat.Ref{Workspace: workspaceOne, Conversation: talk}, Status: chat.StatusQueued, Version: 1, Gen: 7,
		Public: chat.TrackHead{Last: 3, From: 1, Tail: []chat.Event{
			{Seq: 1, ID: "m_1", Type: chat.EventStarted, At: w.now, Sender: customerOne, Role: chat.RoleCustomer, To: chat.StatusQueued},
			{Seq: 2, ID: "m_2", Type: chat.EventMessage, At: w.now, Sender: customerOne, Role: chat.RoleCustomer, Text: "hello <b>"},
			{Seq: 3, ID: "m_3", Type: chat.EventMessage, At: w.now, Sender: customerOne, Role: chat.RoleCustomer, Text: "?"},
		}},
		Desk: chat.TrackHead{Last: 1, From: 1, Tail: []chat.Event{
			{Seq: 1, ID: "m_9", Type: chat.EventNote, At: w.now, Sender: operatorOne, Role: chat.RoleOperator, Text: "secret note"},
		}},
		Participants: map[chat.UserID]chat.Participant{customerOne: {Role: chat.RoleCustomer}},
	}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// answer is a response with its body read.
type answer struct {
	*http.Response
	body []byte
}

// do sends a request; headers are pairs. A body makes it JSON.
func (w *world) do(method, target, body string, headers ...string) answer {
	w.t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	recorder := httptest.NewRecorder()
	w.handler.ServeHTTP(recorder, r)
	return answer{recorder.Result(), recorder.Body.Bytes()}
}

func decodeAs[T any](t *testing.T, a answer) T {
	t.Helper()
	var out T
	decoder := json.NewDecoder(bytes.NewReader(a.body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&out); err != nil {
		t.Fatalf("%v\n%s", err, a.body)
	}
	return out
}

// customer starts a customer and returns the Authorization header's value.
func (w *world) customer() (Session, string) {
	w.t.Helper()
	a := w.do("POST", "/v1/customer-sessions", `{"widgetKey":"wk_one"}`, "Origin", shop)
	s := decodeAs[Session](w.t, a)
	return s, "Bearer " + s.Token
}

func (w *world) operator() (Session, string) {
	w.t.Helper()
	a := w.do("POST", "/v1/staff-sessions", `{"email":"one@example.com","password":"right"}`, "Origin", desk)
	s := decodeAs[Session](w.t, a)
	return s, "Bearer " + s.Token
}

// takesPart makes the user a participant of the conversation.
func (w *world) takesPart(u chat.UserID, r chat.Role) {
	w.reader.head.Participants[u] = chat.Participant{Role: r}
}

// problem checks an error answer.
func (w *world) problem(what string, a answer, status int, code chat.Code, reason identity.Reason) {
	w.t.Helper()
	if a.Header.Get("Content-Type") != "application/problem+json" {
		w.t.Errorf("%s: content type %q, %s", what, a.Header.Get("Content-Type"), a.body)
		return
	}
	p := decodeAs[Problem](w.t, a)
	if a.StatusCode != status || p.Status != status || p.Code != code || p.Reason != reason || p.Title == "" || p.Detail == "" ||
		p.Type != "/v1/docs/errors#"+string(code) {
		w.t.Errorf("%s: %d %s; want %d %s %s", what, a.StatusCode, a.body, status, code, reason)
	}
}
