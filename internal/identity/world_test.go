package identity_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
	"github.com/parley-chat/parley/internal/identity/identitytest"
)

const (
	shop = "https://shop.example"
	desk = "https://desk.example"
	evil = "https://evil.example"
)

// passwords are compared as they are; verified counts how often.
type passwords struct {
	verified int
	// during, if set, happens while a password is verified.
	during func()
}

func (*passwords) Hash(password string) (string, error) { return "hash:" + password, nil }

func (p *passwords) Verify(hash, password string) bool {
	p.verified++
	if during := p.during; during != nil {
		p.during = nil
		during()
	}
	return hash == "hash:"+password
}

// sockets records which sessions were ended.
type sockets struct {
	ended   []chat.Principal
	failure error
}

func (s *sockets) EndSession(_ context.Context, p chat.Principal, _ chat.Code) error {
	s.ended = append(s.ended, p)
	return s.failure
}

// world is two workspaces, each with a widget and an operator, on the in-memory double.
type world struct {
	t         *testing.T
	store     identitytest.Memory
	now       time.Time
	passwords passwords
	sockets   sockets
	sessions  *identity.Sessions
	customers *identity.Customers
	staff     *identity.Staff
	tickets   *identity.Tickets
	one, two  chat.WorkspaceID
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 11, 2, 9, 31, 0, 0, time.UTC)}
	clock := func() time.Time { return w.now }
	w.sessions = &identity.Sessions{Store: &w.store, Sockets: &w.sockets, Now: clock}
	w.customers = &identity.Customers{Workspaces: &w.store, Sessions: w.sessions}
	w.staff = &identity.Staff{Accounts: &w.store, Workspaces: &w.store, Passwords: &w.passwords, Attempts: &w.store, Sessions: w.sessions}
	w.tickets = &identity.Tickets{Store: &w.store, Workspaces: &w.store, Now: clock}
	w.one, w.two = w.addWorkspace("one"), w.addWorkspace("two")
	return w
}

func (w *world) addWorkspace(name string) chat.WorkspaceID {
	ctx := w.t.Context()
	id := chat.WorkspaceID(chat.NewID(chat.WorkspacePrefix, w.now))
	w.must(w.store.PutWorkspace(ctx, identity.Workspace{ID: id, Name: name, Origins: []string{desk}}))
	w.must(w.store.PutWidget(ctx, identity.Widget{Key: "wk_" + name, Workspace: id, Origins: []string{shop, "http://localhost:*"}}))
	w.must(w.store.PutStaff(ctx, w.account(id, name), "hash:right"))
	return id
}

func (w *world) account(id chat.WorkspaceID, name string) identity.Account {
	return identity.Account{
		Workspace: id, User: chat.UserID(chat.NewID(chat.UserPrefix, w.now)), Address: name + "@example.com",
		Name: strings.ToUpper(name), Role: chat.RoleOperator,
	}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// customer starts a customer of workspace one.
func (w *world) customer() identity.Opened {
	w.t.Helper()
	o, err := w.customers.Start(w.t.Context(), "wk_one", shop, "")
	w.must(err)
	return o
}

func (w *world) operator() identity.Opened {
	w.t.Helper()
	o, err := w.staff.SignIn(w.t.Context(), "one@example.com", "right", identity.Device{Source: "192.0.2.1", Origin: desk}, false)
	w.must(err)
	return o
}

func (w *world) ticket(o identity.Opened, origin string) identity.Issued {
	w.t.Helper()
	issued, err := w.tickets.Issue(w.t.Context(), o, origin)
	w.must(err)
	return issued
}

// refused checks code and reason.
func (w *world) refused(what string, err error, code chat.Code, reason identity.Reason) {
	w.t.Helper()
	var r *identity.Refusal
	if chat.CodeOf(err) != code || !errors.As(err, &r) || r.Reason != reason {
		w.t.Errorf("%s: %v; want %s (%s)", what, err, code, reason)
	}
}
