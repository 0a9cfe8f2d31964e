package identity_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

// staffed adds an admin to workspace one, and returns the use cases and the admin.
func (w *world) staffed() (*identity.People, identity.By) {
	w.t.Helper()
	w.audited()
	people := &identity.People{
		Accounts: &w.store, Roster: &w.store, Passwords: &w.passwords, Attempts: &w.store, Sessions: w.sessions, Audit: w.sessions.Audit,
	}
	return people, w.boss("boss")
}

func (w *world) boss(name string) identity.By {
	w.t.Helper()
	a := w.account(w.one, name)
	a.Role, a.Version = chat.RoleAdmin, 1
	w.must(w.store.PutStaff(w.t.Context(), a, "hash:right"))
	return identity.By{Principal: chat.Principal{Workspace: w.one, User: a.User, Role: chat.RoleAdmin}, Source: "192.0.2.7"}
}

const phrase = "a long enough phrase"

func TestInvitation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	people, boss := w.staffed()
	_, token, err := people.Invite(t.Context(), boss, identity.Offer{Address: " New@Example.com", Role: chat.RoleSupervisor})
	w.must(err)
	if _, err := people.Accept(t.Context(), token, "New", "short", "x"); chat.CodeOf(err) != chat.CodeInvalid {
		t.Errorf("a short password: %v", err)
	}
	_, err = people.Accept(t.Context(), token, "New", "password1234", "x")
	w.refused("a common password", err, chat.CodeInvalid, identity.ReasonWeakPassword)
	a, err := people.Accept(t.Context(), token, "New", phrase, "x")
	w.must(err)
	if a.Role != chat.RoleSupervisor || a.Address != "new@example.com" {
		t.Errorf("%+v", a)
	}
	_, err = people.Accept(t.Context(), token, "New", phrase, "x")
	w.refused("accepted twice", err, chat.CodeUnauthenticated, identity.ReasonLinkInvalid)
	w.must(w.signIn("new@example.com", phrase, "x"))
	if acts := fmt.Sprint(w.acts()); !strings.Contains(acts, "staff.joined") || !strings.Contains(acts, "staff.invited") {
		t.Error(acts)
	}
	_, _, err = people.Invite(t.Context(), boss, identity.Offer{Address: "new@example.com", Role: chat.RoleOperator})
	w.refused("an address with an account", err, chat.CodeForbidden, identity.ReasonAddressTaken)
	inv, late, err := people.Invite(t.Context(), boss, identity.Offer{Address: "late@example.com", Role: chat.RoleOperator})
	w.must(err)
	w.now = inv.Expires
	_, err = people.Accept(t.Context(), late, "Late", phrase, "x")
	w.refused("after a week", err, chat.CodeUnauthenticated, identity.ReasonLinkInvalid)
}

func TestInvitationsCannotBeGuessed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	people, boss := w.staffed()
	_, token, err := people.Invite(t.Context(), boss, identity.Offer{Address: "new@example.com", Role: chat.RoleOperator})
	w.must(err)
	forged := token[:len(token)-4] + "AAAA"
	for range identity.LinkAttempts {
		_, err := people.Accept(t.Context(), forged, "New", phrase, "guesser")
		w.refused("a guess", err, chat.CodeUnauthenticated, identity.ReasonLinkInvalid)
	}
	_, err = people.Accept(t.Context(), token, "New", phrase, "guesser")
	w.refused("one more", err, chat.CodeTooFast, identity.ReasonThrottled)
	_, err = people.Accept(t.Context(), token, "New", phrase, "elsewhere")
	w.must(err)
}

func TestChangeOfStaff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	people, boss := w.staffed()
	o := w.refreshed()
	d := chat.DepartmentID(chat.NewID(chat.DepartmentPrefix, w.now))
	in := []chat.DepartmentID{d}
	a, err := people.Change(t.Context(), boss, o.Session.User, 0, identity.StaffChange{Departments: &in})
	w.must(err)
	if len(w.sockets.ended) != 1 || a.Departments != chat.JoinDepartments(d) {
		t.Errorf("%+v, %d sockets", a, len(w.sockets.ended))
	}
	w.refused("a socket of before", w.sessions.Check(t.Context(), o.Session.Principal()), chat.CodeUnauthenticated, identity.ReasonSessionUnknown)
	now, err := w.sessions.Authenticate(t.Context(), o.Token.Text())
	w.must(err)
	if now.Session.Departments != a.Departments {
		t.Errorf("the session is in %q", now.Session.Departments)
	}
	_, err = people.Change(t.Context(), boss, o.Session.User, 0, identity.StaffChange{Departments: &in})
	if chat.CodeOf(err) != chat.CodeConflict {
		t.Errorf("an old version: %v", err)
	}
	off := true
	_, err = people.Change(t.Context(), boss, o.Session.User, a.Version, identity.StaffChange{Disabled: &off})
	w.must(err)
	w.refused("disabled", w.use(o), chat.CodeUnauthenticated, identity.ReasonSessionRevoked)
	w.refused("disabled, signing in", w.signIn("one@example.com", "right", "x"), chat.CodeUnauthenticated, identity.ReasonWrongCredentials)
	foreign := boss
	foreign.Workspace = w.two
	if _, err := people.Change(t.Context(), foreign, o.Session.User, 2, identity.StaffChange{Disabled: &off}); chat.CodeOf(err) != chat.CodeNotFound {
		t.Errorf("an admin of another workspace: %v", err)
	}
}

// However many admins take the role from each other at once, one stays.
func TestTheLastAdminStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	people, boss := w.staffed()
	admins := []identity.By{boss}
	for i := range 7 {
		admins = append(admins, w.boss(fmt.Sprint("boss", i)))
	}
	operator := chat.RoleOperator
	var done sync.WaitGroup
	for _, a := range admins {
		done.Go(func() {
			for range 20 {
				_, err := people.Change(t.Context(), boss, a.User, 1, identity.StaffChange{Role: &operator})
				if chat.CodeOf(err) != chat.CodeConflict {
					return
				}
			}
		})
	}
	done.Wait()
	left, _, err := w.store.Admins(t.Context(), w.one)
	w.must(err)
	if len(left) != 1 {
		t.Fatalf("%d admins are left", len(left))
	}
	last := identity.By{Principal: chat.Principal{Workspace: w.one, User: left[0], Role: chat.RoleAdmin}}
	off := true
	_, err = people.Change(t.Context(), last, left[0], 1, identity.StaffChange{Disabled: &off})
	w.refused("the last", err, chat.CodeForbidden, identity.ReasonLastAdmin)
}

func TestPasswords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	people, boss := w.staffed()
	here, other := w.refreshed(), w.refreshed()
	by := identity.By{Principal: here.Session.Principal(), Source: "x"}
	w.refused("a wrong password", w.staff.ChangePassword(t.Context(), people, by, "wrong", phrase), chat.CodeUnauthenticated, identity.ReasonWrongCredentials)
	w.must(w.staff.ChangePassword(t.Context(), people, by, "right", phrase))
	w.must(w.use(here))
	w.refused("the other session", w.use(other), chat.CodeUnauthenticated, identity.ReasonSessionRevoked)
	_, token, err := people.IssueReset(t.Context(), boss, here.Session.User, "")
	w.must(err)
	w.must(w.signIn("one@example.com", phrase, "x")) // until the link is used
	w.must(people.Reset(t.Context(), token, phrase+"!", "x"))
	w.refused("the link again", people.Reset(t.Context(), token, phrase, "x"), chat.CodeUnauthenticated, identity.ReasonLinkInvalid)
	w.refused("a session of before", w.use(here), chat.CodeUnauthenticated, identity.ReasonSessionRevoked)
	w.must(w.signIn("one@example.com", phrase+"!", "x"))
}

func TestThrottledSignInsAreWrittenDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.audited()
	for range identity.PairAttempts + 5 {
		_ = w.signIn("one@example.com", "wrong", "guesser")
	}
	if acts := w.acts(); len(acts) != 1 || acts[0] != identity.ActSignInThrottled {
		t.Errorf("audit log: %v", acts)
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, boss := w.staffed()
	keys := &identity.Keys{Store: &w.store, Attempts: &w.store, Audit: w.sessions.Audit, Now: w.sessions.Now}
	k, secret, err := keys.Make(t.Context(), boss, identity.KeyOrder{Role: chat.RoleAPIKey, Name: "CRM", Grants: []chat.Grant{chat.GrantReadContacts}, Expires: w.now.Add(time.Hour)})
	w.must(err)
	if !strings.HasPrefix(secret, "pak_") {
		t.Error("a key without its prefix")
	}
	o, err := keys.Authenticate(t.Context(), secret, "x")
	w.must(err)
	p := o.Session.Principal()
	if p.Role != chat.RoleAPIKey || p.User != k.ID || p.Session != "" || !p.Granted(chat.CommandContacts) || p.Granted(chat.CommandEditContact) {
		t.Errorf("%+v", p)
	}
	if _, err := chat.Authorize(p, chat.CommandHello); chat.CodeOf(err) != chat.CodeForbidden {
		t.Errorf("a socket for a key: %v", err)
	}
	for _, forged := range []string{secret[:len(secret)-2] + "AA", strings.Replace(secret, "pak_", "pbk_", 1), "pak_", "pak_x"} {
		_, err := keys.Authenticate(t.Context(), forged, "x")
		w.refused(forged, err, chat.CodeUnauthenticated, identity.ReasonKeyUnknown)
	}
	w.now = w.now.Add(time.Hour)
	for range 3 {
		_, err = keys.Authenticate(t.Context(), secret, "x")
		w.refused("expired", err, chat.CodeUnauthenticated, identity.ReasonKeyExpired)
	}
	if acts := w.acts(); len(acts) != 2 || acts[0] != identity.ActKeyRefused {
		t.Errorf("audit log: %v", acts)
	}
	w.must(keys.Revoke(t.Context(), boss, chat.RoleAPIKey, k.ID))
	_, err = keys.Authenticate(t.Context(), secret, "x")
	w.refused("revoked", err, chat.CodeUnauthenticated, identity.ReasonKeyUnknown)
	bot, old, err := keys.Make(t.Context(), boss, identity.KeyOrder{Role: chat.RoleBot, Name: "Helper", Grants: chat.Grants()})
	w.must(err)
	_, fresh, err := keys.Change(t.Context(), boss, chat.RoleBot, bot.ID, 1, identity.KeyChange{Renew: true})
	w.must(err)
	_, err = keys.Authenticate(t.Context(), old, "x")
	w.refused("the key before", err, chat.CodeUnauthenticated, identity.ReasonKeyUnknown)
	_, err = keys.Authenticate(t.Context(), fresh, "x")
	w.must(err)
	if _, _, err := keys.Make(t.Context(), boss, identity.KeyOrder{Role: chat.RoleBot, Name: "Helper"}); chat.CodeOf(err) != chat.CodeInvalid {
		t.Errorf("no grants: %v", err)
	}
}
