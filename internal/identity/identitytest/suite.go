package identitytest

import (
	"context"
	"errors"
	"maps"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

// Store is every storage port of package identity.
type Store interface {
	identity.Workspaces
	identity.Accounts
	identity.Registry
	identity.SessionStore
	identity.TicketStore
	identity.Attempts
	identity.Roster
	identity.KeyStore
	identity.AuditStore
	identity.ProviderStore
	identity.SiteStore
	identity.ProfileStore
}

var _ Store = (*Memory)(nil)

// start is the suite's clock: not a whole second, since stores keep milliseconds.
var start = time.Date(2026, 11, 2, 9, 30, 0, 123_000_000, time.UTC)

// Run holds store to the guarantees of the ports. The store may hold other things; the suite uses fresh ids.
func Run(t *testing.T, store Store) {
	t.Helper()
	tests := peopleTests()
	maps.Copy(tests, map[string]func(*testing.T, Store){
		"workspace and widget": testWorkspace,
		"staff":                testStaff,
		"session":              testSession,
		"renewal":              testRenewal,
		"revocation":           testRevocation,
		"ticket":               testTicket,
		"ticket race":          testTicketRace,
		"attempts":             testAttempts,
	})
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, store)
		})
	}
}

func newWorkspace() chat.WorkspaceID {
	return chat.WorkspaceID(chat.NewID(chat.WorkspacePrefix, time.Now()))
}

func newUser() chat.UserID { return chat.UserID(chat.NewID(chat.UserPrefix, time.Now())) }

func newDepartment() chat.DepartmentID {
	return chat.DepartmentID(chat.NewID(chat.DepartmentPrefix, time.Now()))
}

func newSession() identity.Session {
	return identity.Session{
		Workspace: newWorkspace(), User: newUser(), ID: chat.SessionID(chat.NewID(chat.SessionPrefix, time.Now())),
		Role: chat.RoleOperator, Name: "Ada", Widget: "wk_x", Digest: identity.Digest{1, 2, 3, 31: 9},
		Departments: chat.JoinDepartments(newDepartment(), newDepartment()),
		Created:     start, Renewed: start, Expires: start.Add(time.Hour),
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func testWorkspace(t *testing.T, store Store) {
	ctx := t.Context()
	w := identity.Workspace{ID: newWorkspace(), Name: "Acme", Origins: []string{"https://desk.example", "http://localhost:*"}}
	widget := identity.Widget{Key: "wk_" + string(w.ID), Workspace: w.ID, Origins: []string{"https://shop.example"}}
	if _, ok, err := store.Workspace(ctx, w.ID); ok || err != nil {
		t.Errorf("absent workspace: %v %v", ok, err)
	}
	if _, ok, err := store.Widget(ctx, widget.Key); ok || err != nil {
		t.Errorf("absent widget: %v %v", ok, err)
	}
	for range 2 { // twice: writing again is no error
		must(t, store.PutWorkspace(ctx, w))
		must(t, store.PutWidget(ctx, widget))
	}
	got, _, err := store.Workspace(ctx, w.ID)
	must(t, err)
	equal(t, "workspace", got, w)
	gotWidget, _, err := store.Widget(ctx, widget.Key)
	must(t, err)
	equal(t, "widget", gotWidget, widget)

	thief := widget
	thief.Workspace = newWorkspace()
	if err := store.PutWidget(ctx, thief); chat.CodeOf(err) != chat.CodeForbidden {
		t.Errorf("another workspace took the widget key: %v", err)
	}
	gotWidget, _, err = store.Widget(ctx, widget.Key)
	must(t, err)
	equal(t, "widget after the theft", gotWidget, widget)
}

func testStaff(t *testing.T, store Store) {
	ctx := t.Context()
	a := identity.Account{Workspace: newWorkspace(), User: newUser(), Name: "Ada Lovelace", Role: chat.RoleSupervisor}
	a.Address = string(a.User) + "@example.com"
	if _, ok, err := store.Credential(ctx, a.Address); ok || err != nil {
		t.Errorf("absent credential: %v %v", ok, err)
	}
	if _, ok, err := store.Account(ctx, a.Workspace, a.User); ok || err != nil {
		t.Errorf("absent account: %v %v", ok, err)
	}
	must(t, store.PutStaff(ctx, a, "hash 1"))
	a.Disabled = true
	must(t, store.PutStaff(ctx, a, "hash 2"))
	credential, ok, err := store.Credential(ctx, a.Address)
	must(t, err)
	if want := (identity.Credential{Address: a.Address, Workspace: a.Workspace, User: a.User, PasswordHash: "hash 2"}); !ok || credential != want {
		t.Errorf("credential %+v, want %+v", credential, want)
	}
	account, ok, err := store.Account(ctx, a.Workspace, a.User)
	must(t, err)
	if !ok || account != a {
		t.Errorf("account %+v, want %+v", account, a)
	}
	other := a
	other.User = newUser()
	if err := store.PutStaff(ctx, other, "hash 3"); chat.CodeOf(err) != chat.CodeForbidden {
		t.Errorf("another user took the address: %v", err)
	}
	if _, ok, err := store.Account(ctx, other.Workspace, other.User); ok || err != nil {
		t.Errorf("the refused account was written: %v %v", ok, err)
	}
}

func testSession(t *testing.T, store Store) {
	ctx := t.Context()
	s := newSession()
	if _, ok, err := store.Session(ctx, s.Workspace, s.User, s.ID); ok || err != nil {
		t.Errorf("absent session: %v %v", ok, err)
	}
	must(t, store.PutSession(ctx, s))
	equal(t, "session", load(t, store, s), s)
	if _, ok, err := store.Session(ctx, newWorkspace(), s.User, s.ID); ok || err != nil {
		t.Errorf("found in another workspace: %v %v", ok, err)
	}
	if _, ok, err := store.Session(ctx, s.Workspace, newUser(), s.ID); ok || err != nil {
		t.Errorf("found under another user: %v %v", ok, err)
	}
}

// load returns the stored session with its times in UTC.
func load(t *testing.T, store Store, s identity.Session) identity.Session {
	t.Helper()
	got, ok, err := store.Session(t.Context(), s.Workspace, s.User, s.ID)
	if err != nil || !ok {
		t.Fatalf("session: %v %v", ok, err)
	}
	return got
}

func testRenewal(t *testing.T, store Store) {
	ctx := t.Context()
	s := newSession()
	must(t, store.RenewSession(ctx, s, start, start)) // of an absent session: nothing
	if _, ok, _ := store.Session(ctx, s.Workspace, s.User, s.ID); ok {
		t.Error("renewing made a session")
	}
	must(t, store.PutSession(ctx, s))
	later := start.Add(30 * time.Minute)
	must(t, store.RenewSession(ctx, s, later, later.Add(time.Hour)))
	s.Renewed, s.Expires = later, later.Add(time.Hour)
	equal(t, "renewed", load(t, store, s), s)
	must(t, store.RenewSession(ctx, s, start, start.Add(time.Minute))) // a late, older renewal
	equal(t, "after an older renewal", load(t, store, s), s)
}

func testRevocation(t *testing.T, store Store) {
	ctx := t.Context()
	s := newSession()
	must(t, store.RevokeSession(ctx, s, start))
	if _, ok, _ := store.Session(ctx, s.Workspace, s.User, s.ID); ok {
		t.Error("revoking made a session")
	}
	must(t, store.PutSession(ctx, s))
	must(t, store.RevokeSession(ctx, s, start.Add(time.Minute)))
	must(t, store.RevokeSession(ctx, s, start.Add(time.Hour)))
	must(t, store.RenewSession(ctx, s, start.Add(2*time.Hour), start.Add(3*time.Hour)))
	s.Revoked = start.Add(time.Minute)
	equal(t, "revoked twice and renewed", load(t, store, s), s)
}

func newTicket() identity.Ticket {
	s := newSession()
	return identity.Ticket{Principal: s.Principal(), Origin: "https://shop.example", Expires: start.Add(30 * time.Second)}
}

func testTicket(t *testing.T, store Store) {
	ctx := t.Context()
	ticket := newTicket()
	w := ticket.Principal.Workspace
	const hash = "h-1_x"
	if _, err := store.TakeTicket(ctx, w, hash, start); !errors.Is(err, identity.ErrTicketGone) {
		t.Errorf("absent ticket: %v", err)
	}
	must(t, store.PutTicket(ctx, w, hash, ticket, ticket.Expires.Add(time.Hour)))
	if _, err := store.TakeTicket(ctx, newWorkspace(), hash, start); !errors.Is(err, identity.ErrTicketGone) {
		t.Errorf("taken from another workspace: %v", err)
	}
	if _, err := store.TakeTicket(ctx, w, hash, ticket.Expires); !errors.Is(err, identity.ErrTicketExpired) {
		t.Errorf("taken when it expires: %v", err)
	}
	there, ok, err := store.Ticket(ctx, w, hash)
	must(t, err)
	if !ok {
		t.Error("an expired ticket was deleted")
	}
	equal(t, "looked at", there, ticket)
	got, err := store.TakeTicket(ctx, w, hash, ticket.Expires.Add(-time.Millisecond))
	must(t, err)
	equal(t, "taken", got, ticket)
	if _, err := store.TakeTicket(ctx, w, hash, start); !errors.Is(err, identity.ErrTicketGone) {
		t.Errorf("taken twice: %v", err)
	}
	if _, ok, err := store.Ticket(ctx, w, hash); ok || err != nil {
		t.Errorf("still there: %v %v", ok, err)
	}
}

func testTicketRace(t *testing.T, store Store) {
	ctx := t.Context()
	const racers, rounds = 8, 8
	for range rounds {
		ticket := newTicket()
		w := ticket.Principal.Workspace
		must(t, store.PutTicket(ctx, w, "h", ticket, ticket.Expires))
		var won, gone atomic.Int32
		race(racers, func() {
			switch _, err := store.TakeTicket(ctx, w, "h", start); {
			case err == nil:
				won.Add(1)
			case errors.Is(err, identity.ErrTicketGone):
				gone.Add(1)
			}
		})
		if won.Load() != 1 || gone.Load() != racers-1 {
			t.Fatalf("%d won and %d lost of %d", won.Load(), gone.Load(), racers)
		}
	}
}

// race runs f n times at once and waits.
func race(n int, f func()) {
	var ready, done sync.WaitGroup
	begin := make(chan struct{})
	ready.Add(n)
	for range n {
		done.Go(func() {
			ready.Done()
			<-begin
			f()
		})
	}
	ready.Wait()
	close(begin)
	done.Wait()
}

func testAttempts(t *testing.T, store Store) {
	ctx := context.WithoutCancel(t.Context())
	counter := "pair#" + string(newUser())
	add := func(n int) int {
		sum, err := store.AddAttempts(ctx, counter, n, start.Add(time.Hour))
		must(t, err)
		return sum
	}
	if got := []int{add(1), add(1), add(-1), add(3)}; !cmp.Equal(got, []int{1, 2, 1, 4}) {
		t.Errorf("sums %v", got)
	}
	var sum atomic.Int32
	race(8, func() {
		if n, err := store.AddAttempts(ctx, counter, 1, start); err == nil {
			sum.Add(int32(n))
		}
	})
	if want := int32(5 + 6 + 7 + 8 + 9 + 10 + 11 + 12); sum.Load() != want {
		t.Errorf("concurrent sums add up to %d, want %d: some were counted twice", sum.Load(), want)
	}
}
