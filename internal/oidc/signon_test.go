package oidc_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
	"github.com/parley-chat/parley/internal/identity/identitytest"
	"github.com/parley-chat/parley/internal/oidc"
	"github.com/parley-chat/parley/internal/oidc/issuertest"
)

const (
	page     = "https://desk.example/signed-in"
	redirect = "https://api.example/v1/oidc/callback"
	secret   = "what only the page knows"
)

const department = chat.DepartmentID("d_01kaw3v4x0aaaaaaaaaaaaaaaa")

// sockets counts whose were ended.
type sockets struct{ ended []chat.Principal }

func (s *sockets) EndSession(_ context.Context, p chat.Principal, _ chat.Code) error {
	s.ended = append(s.ended, p)
	return nil
}

// world is a workspace whose identity provider is a real issuer.
type world struct {
	t         *testing.T
	store     identitytest.Memory
	issuer    *issuertest.Issuer
	sockets   sockets
	sessions  *identity.Sessions
	signOn    *identity.SignOn
	workspace chat.WorkspaceID
	desk      notes
	ahead     time.Duration // of our clock; the issuer's is the real one
}

// notes is a desk that notes what it is told.
type notes struct {
	dismissed []chat.UserID
	followed  []chat.Role
}

func (n *notes) FollowAccount(_ context.Context, _ chat.Principal, p chat.Posting) error {
	n.followed = append(n.followed, p.Role)
	return nil
}

func (n *notes) Dismiss(_ context.Context, _ chat.Principal, u chat.UserID, _ string) error {
	n.dismissed = append(n.dismissed, u)
	return nil
}

func newWorld(t *testing.T) *world {
	t.Helper()
	issuer, err := issuertest.New(redirect,
		issuertest.Person{ID: "grace", Email: "grace@idp.example", Name: "Grace", Verified: true, Groups: []string{"desk", "others"}},
		issuertest.Person{ID: "hedy", Email: "hedy@idp.example", Name: "Hedy", Verified: true, Groups: []string{"desk", "leads"}},
		issuertest.Person{ID: "mallory", Email: "mallory@idp.example", Name: "Mallory", Verified: true, Groups: []string{"others"}},
		issuertest.Person{ID: "eve", Email: "ada@example.com", Name: "Eve", Groups: []string{"desk"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(issuer.Close)
	w := &world{t: t, issuer: issuer, workspace: chat.WorkspaceID(chat.NewID(chat.WorkspacePrefix, time.Now()))}
	clock := func() time.Time { return time.Now().Add(w.ahead) }
	audit := &identity.Audit{Store: &w.store, Now: clock}
	w.sessions = &identity.Sessions{Store: &w.store, Sockets: &w.sockets, Accounts: &w.store, Audit: audit, Now: clock}
	w.signOn = &identity.SignOn{
		Providers: &w.store, Issuer: &oidc.Issuers{HTTP: oidc.Client(true), Secrets: map[string]string{"idp": issuertest.ClientSecret}},
		Accounts: &w.store, Roster: &w.store, Workspaces: &w.store, Sessions: w.sessions, Audit: audit, Local: true,
	}
	w.sessions.Providers, w.sessions.Desk = w.signOn, &w.desk
	ctx := t.Context()
	w.must(w.store.PutWorkspace(ctx, identity.Workspace{ID: w.workspace, Origins: []string{"https://desk.example"}}))
	admin := identity.By{Principal: chat.Principal{Workspace: w.workspace, User: "u_01kaw3v4x0fedcba9876543210", Role: chat.RoleAdmin}}
	_, err = w.signOn.Configure(ctx, admin, 0, identity.Provider{
		Issuer: issuer.URL, ClientID: issuertest.ClientID, Secret: "idp", Scopes: []string{"offline_access"},
		Mappings: []identity.GroupMapping{
			{Group: "desk", Role: chat.RoleOperator, Departments: chat.JoinDepartments(department)}, {Group: "leads", Role: chat.RoleSupervisor},
		},
	})
	w.must(err)
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func challenge() string {
	sum := sha256.Sum256([]byte(secret))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// callback has the person sign in at the issuer, and returns what the browser brings back.
func (w *world) callback(person string) (state, code string) {
	w.t.Helper()
	to, err := w.signOn.Start(w.t.Context(), w.workspace, redirect, page, challenge())
	w.must(err)
	back, err := w.issuer.SignIn(w.t.Context(), to, person)
	w.must(err)
	return back.Query().Get("state"), back.Query().Get("code")
}

func (w *world) arrive(person string) (string, error) {
	w.t.Helper()
	state, code := w.callback(person)
	to, handover, err := w.signOn.Callback(w.t.Context(), state, code, "", "192.0.2.1")
	if to != page {
		w.t.Errorf("sent to %q", to)
	}
	return handover, err
}

// signIn has the person sign in, all of it.
func (w *world) signIn(person string) identity.Opened {
	w.t.Helper()
	handover, err := w.arrive(person)
	w.must(err)
	o, err := w.signOn.Redeem(w.t.Context(), handover, secret, identity.Device{Agent: "test"})
	w.must(err)
	return o
}

func (w *world) refused(what string, err error, reason identity.Reason) {
	w.t.Helper()
	var r *identity.Refusal
	if !errors.As(err, &r) || r.Reason != reason {
		w.t.Errorf("%s: %v; want %s", what, err, reason)
	}
}

func (w *world) refresh(o identity.Opened) (identity.Opened, error) {
	return w.sessions.Refresh(w.t.Context(), o.Refresh.Text(), "192.0.2.1")
}

func TestSignOnAtARealIssuer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.signIn("grace")
	s := o.Session
	if s.Role != chat.RoleOperator || s.Departments != chat.JoinDepartments(department) || s.Name != "Grace " && s.Name != "Grace" {
		t.Errorf("session %+v", s)
	}
	if p := s.Principal(); p.Until == 0 || time.UnixMilli(p.Until).After(time.Now().Add(identity.VouchLife)) {
		t.Errorf("a socket may stay until %d", p.Until)
	}
	if hedy := w.signIn("hedy").Session; hedy.Role != chat.RoleSupervisor || hedy.Departments != "" {
		t.Errorf("of two groups %+v", hedy)
	}
	if again := w.signIn("grace").Session; again.User != s.User || again.ID == s.ID {
		t.Error("the same person has another account, or the same session")
	}
	_, err := w.arrive("mallory")
	w.refused("no group", err, identity.ReasonNoRole)
}

func TestCodesAndStatesWorkOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	state, code := w.callback("grace")
	_, handover, err := w.signOn.Callback(t.Context(), state, code, "", "")
	w.must(err)
	_, _, err = w.signOn.Callback(t.Context(), state, code, "", "")
	w.refused("the state again", err, identity.ReasonLinkInvalid)
	_, _, err = w.signOn.Callback(t.Context(), "pos_made-up", code, "", "")
	w.refused("a state of nobody's", err, identity.ReasonLinkInvalid)
	_, err = w.signOn.Redeem(t.Context(), handover, "another page's secret", identity.Device{})
	w.refused("another page", err, identity.ReasonLinkInvalid)
	_, err = w.signOn.Redeem(t.Context(), handover, secret, identity.Device{})
	w.refused("after another page", err, identity.ReasonLinkInvalid)
	other, _ := w.callback("grace")
	_, _, err = w.signOn.Callback(t.Context(), other, code, "", "")
	w.refused("a code of another flow", err, identity.ReasonProviderRefused)
}

// Whoever is disabled at the issuer is out: at the next refresh, and without one when the word has run out, which is
// before the quarter of an hour.
func TestDisabledAtTheIssuer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.signIn("grace")
	p := o.Session.Principal()
	w.must(w.sessions.Check(t.Context(), p))
	next, err := w.refresh(o)
	w.must(err)
	w.issuer.Change("grace", func(p *issuertest.Person) { p.Disabled = true })
	_, err = w.refresh(next)
	w.refused("refresh of a disabled person", err, identity.ReasonProviderRefused)
	w.refused("their session", w.sessions.Check(t.Context(), p), identity.ReasonSessionRevoked)
	if len(w.sockets.ended) == 0 {
		t.Error("their sockets stay")
	}
	if want := []chat.UserID{p.User}; !slices.Equal(w.desk.dismissed, want) {
		t.Errorf("the desk let go %v; want %v", w.desk.dismissed, want)
	}
	silent := w.signIn("hedy")
	w.issuer.Change("hedy", func(p *issuertest.Person) { p.Disabled = true })
	w.ahead = 14 * time.Minute
	w.refused("a ping of a silent client", w.sessions.Check(t.Context(), silent.Session.Principal()), identity.ReasonRecheckNeeded)
	_, err = w.sessions.Authenticate(t.Context(), silent.Token.Text())
	w.refused("a request of a silent client", err, identity.ReasonRecheckNeeded)
}

func TestGroupsAreFollowed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, other := w.signIn("grace"), w.signIn("grace")
	w.issuer.Change("grace", func(p *issuertest.Person) { p.Groups = []string{"leads"} })
	next, err := w.refresh(first)
	w.must(err)
	if next.Session.Role != chat.RoleSupervisor || next.Session.Departments != "" {
		t.Errorf("after the groups changed: %+v", next.Session)
	}
	s, _, err := w.store.Session(t.Context(), w.workspace, other.Session.User, other.Session.ID)
	w.must(err)
	if s.Role != chat.RoleSupervisor {
		t.Error("the other session keeps the old role")
	}
	w.issuer.Change("grace", func(p *issuertest.Person) { p.Groups = nil })
	_, err = w.refresh(next)
	w.refused("no group any more", err, identity.ReasonNoRole)
	if want := []chat.UserID{first.Session.User}; !slices.Equal(w.desk.dismissed, want) || !slices.Equal(w.desk.followed, []chat.Role{chat.RoleSupervisor}) {
		t.Errorf("the desk let go %v, and followed to %v", w.desk.dismissed, w.desk.followed)
	}
	_, err = w.refresh(other)
	w.refused("the other session", err, identity.ReasonSessionRevoked)
}

// A lost answer to a refresh does not sign anybody out, though the issuer's own refresh token has rotated.
func TestARefreshIsRepeated(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.signIn("grace")
	lost, err := w.refresh(o)
	w.must(err)
	again, err := w.refresh(o)
	w.must(err)
	if again.Token != lost.Token || again.Refresh != lost.Refresh {
		t.Error("another pair within the grace")
	}
	w.ahead = time.Hour
	late, err := w.refresh(o)
	w.must(err)
	if _, err := w.sessions.Authenticate(t.Context(), late.Token.Text()); err != nil {
		t.Error(err)
	}
	_, err = w.refresh(late)
	w.must(err)
}

func TestKeysRotate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.signIn("grace")
	w.must(w.issuer.Rotate())
	w.signIn("grace")
}

func TestTheIssuerIsAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.signIn("grace")
	w.issuer.Close()
	_, err := w.refresh(o)
	if chat.CodeOf(err) != chat.CodeUnavailable {
		t.Errorf("refresh: %v", err)
	}
	w.must(w.sessions.Check(t.Context(), o.Session.Principal())) // within its word
}

// An address here is not somebody's because an issuer says so without having verified it.
func TestAccountsAreNotTakenOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := identity.Account{Workspace: w.workspace, User: "u_01kaw3v4x0adaadaadaadaadaa", Address: "ada@example.com", Name: "Ada", Role: chat.RoleAdmin, Version: 1}
	w.must(w.store.PutStaff(t.Context(), ada, "hash"))
	_, err := w.arrive("eve")
	w.refused("an address that is not verified", err, identity.ReasonProviderRefused)
	w.issuer.Change("eve", func(p *issuertest.Person) { p.Verified = true })
	o := w.signIn("eve")
	if o.Session.User != ada.User || o.Session.Role != chat.RoleOperator {
		t.Errorf("%+v", o.Session)
	}
	credential, _, err := w.store.Credential(t.Context(), ada.Address)
	w.must(err)
	if credential.PasswordHash != "" {
		t.Error("the password outlives the link")
	}
}
