package identitytest

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

// peopleTests are the tests of the ports that keep people, keys, providers and the audit log.
func peopleTests() map[string]func(*testing.T, Store) {
	return map[string]func(*testing.T, Store){
		"roster":        testRoster,
		"last admin":    testLastAdmin,
		"password":      testPassword,
		"invitation":    testInvitation,
		"swap":          testSwap,
		"sessions of":   testSessionsOf,
		"keys":          testKeys,
		"audit":         testAudit,
		"provider":      testProvider,
		"passing":       testPassing,
		"provision":     testProvision,
		"link":          testLink,
		"ticket's ends": testTicketEnds,
		"site":          testSite,
		"widgets":       testWidgets,
		"profiles":      testProfiles,
	}
}

func newAccount(w chat.WorkspaceID) identity.Account {
	u := newUser()
	return identity.Account{
		Workspace: w, User: u, Address: string(u) + "@example.com", Name: "Ada", Role: chat.RoleAdmin, Version: 1, Created: 5,
		Departments: chat.JoinDepartments(newDepartment()), PublicName: "A.", Avatar: "https://shop.example/ada.png", Locale: "de-CH",
		TimeZone: "Europe/Zurich", Passwords: 3,
	}
}

// entry is an audit entry at a time.
func entry(w chat.WorkspaceID, at time.Time, act identity.Act) identity.AuditEntry {
	return identity.AuditEntry{
		Workspace: w, ID: chat.NewID(identity.AuditPrefix, at), At: at, Actor: newUser(), Role: chat.RoleAdmin, Source: "192.0.2.1",
		Act: act, Subject: "it", Before: map[string]string{"name": "a"}, After: map[string]string{"name": ""},
	}
}

// recorded counts the entries of a workspace.
func recorded(t *testing.T, store Store, w chat.WorkspaceID) int {
	t.Helper()
	list, _, err := store.AuditEntries(t.Context(), w, identity.AuditQuery{Until: start.Add(time.Hour), Limit: 100})
	must(t, err)
	return len(list)
}

func conflicts(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, identity.ErrConflict) {
		t.Errorf("%s: %v; want a conflict", what, err)
	}
}

func testRoster(t *testing.T, store Store) {
	ctx, w := t.Context(), newWorkspace()
	var all []identity.Account
	for range 3 {
		a := newAccount(w)
		must(t, store.PutStaff(ctx, a, "hash"))
		all = append(all, a)
	}
	other := newAccount(newWorkspace())
	must(t, store.PutStaff(ctx, other, "hash"))
	list, err := store.StaffList(ctx, w, "", 2)
	must(t, err)
	if len(list) != 2 {
		t.Fatalf("a page of 2 has %d", len(list))
	}
	rest, err := store.StaffList(ctx, w, list[1].User, 2)
	must(t, err)
	if len(rest) != 1 || rest[0].User <= list[1].User {
		t.Errorf("the next page: %+v", rest)
	}
	before := all[0]
	after := before
	after.Role, after.Departments, after.Disabled, after.Name, after.Version = chat.RoleOperator, "", true, "Bo", 2
	must(t, store.ChangeAccount(ctx, before, after, nil, entry(w, start, "staff.changed")))
	got, _, err := store.Account(ctx, w, before.User)
	must(t, err)
	equal(t, "changed", got, after)
	conflicts(t, "an old version", store.ChangeAccount(ctx, before, after, nil, entry(w, start, "staff.changed")))
	missing := newAccount(w)
	missing.Version = 0
	conflicts(t, "nobody", store.ChangeAccount(ctx, missing, missing, nil, entry(w, start, "staff.changed")))
	if n := recorded(t, store, w); n != 1 {
		t.Errorf("%d entries of one change", n)
	}
}

func testLastAdmin(t *testing.T, store Store) {
	ctx, w := t.Context(), newWorkspace()
	one, two := newAccount(w), newAccount(w)
	must(t, store.PutStaff(ctx, one, "hash"))
	must(t, store.PutStaff(ctx, two, "hash"))
	admins, version, err := store.Admins(ctx, w)
	must(t, err)
	if len(admins) != 2 || version != 0 {
		t.Fatalf("%v %d", admins, version)
	}
	var won, lost atomic.Int32
	demote := make(chan identity.Account, 2)
	demote <- one
	demote <- two
	race(2, func() {
		a := <-demote
		after := a
		after.Disabled, after.Version = true, 2
		switch err := store.ChangeAccount(ctx, a, after, &version, entry(w, start, "staff.changed")); {
		case err == nil:
			won.Add(1)
		case errors.Is(err, identity.ErrConflict), chat.CodeOf(err) == chat.CodeUnavailable:
			lost.Add(1)
		}
	})
	if won.Load() != 1 || lost.Load() != 1 {
		t.Errorf("two admins disabled each other: %d won, %d lost", won.Load(), lost.Load())
	}
	admins, version, err = store.Admins(ctx, w)
	must(t, err)
	if len(admins) != 1 || version != 1 {
		t.Errorf("left: %v, version %d", admins, version)
	}
}

func testPassword(t *testing.T, store Store) {
	ctx, w := t.Context(), newWorkspace()
	a := newAccount(w)
	must(t, store.PutStaff(ctx, a, "old"))
	reset := identity.Invitation{Workspace: w, ID: chat.NewID(identity.InvitationPrefix, start), User: a.User, Address: a.Address, Created: start, Expires: start}
	must(t, store.PutInvitation(ctx, reset, entry(w, start, "staff.password_reset_issued")))
	after := a
	after.Version, after.Passwords = a.Version+1, a.Passwords+1
	must(t, store.SetPassword(ctx, a, after, "new", &reset, entry(w, start, "staff.password_reset")))
	got, _, err := store.Account(ctx, w, a.User)
	must(t, err)
	equal(t, "account", got, after)
	conflicts(t, "the link again", store.SetPassword(ctx, after, after, "newer", &reset, entry(w, start, "staff.password_reset")))
	conflicts(t, "an old version", store.SetPassword(ctx, a, after, "newer", nil, entry(w, start, "staff.password_changed")))
	c, _, err := store.Credential(ctx, a.Address)
	must(t, err)
	if c.PasswordHash != "new" || c.User != a.User || c.Passwords != after.Passwords {
		t.Errorf("%+v", c)
	}
}

func testInvitation(t *testing.T, store Store) {
	ctx, w := t.Context(), newWorkspace()
	invite := func(a identity.Account) identity.Invitation {
		i := identity.Invitation{
			Workspace: w, ID: chat.NewID(identity.InvitationPrefix, start), Address: a.Address, Name: "Ada", Role: chat.RoleOperator,
			Departments: chat.JoinDepartments(newDepartment()), Passwords: 4, Digest: identity.Digest{1, 31: 2}, By: newUser(), Created: start, Expires: start.Add(time.Hour),
		}
		must(t, store.PutInvitation(ctx, i, entry(w, start, "staff.invited")))
		return i
	}
	a := newAccount(w)
	i := invite(a)
	got, ok, err := store.Invitation(ctx, w, i.ID)
	must(t, err)
	if !ok {
		t.Fatal("gone")
	}
	equal(t, "invitation", got, i)
	if _, ok, _ := store.Invitation(ctx, newWorkspace(), i.ID); ok {
		t.Error("found in another workspace")
	}
	again := invite(a)
	list, err := store.Invitations(ctx, w)
	must(t, err)
	if len(list) != 2 {
		t.Errorf("%d invitations", len(list))
	}
	must(t, store.Join(ctx, i, a, "hash", entry(w, start, "staff.joined")))
	conflicts(t, "accepted twice", store.Join(ctx, i, newAccount(w), "hash", entry(w, start, "staff.joined")))
	if err := store.Join(ctx, again, func() identity.Account { b := newAccount(w); b.Address = a.Address; return b }(), "hash", entry(w, start, "staff.joined")); chat.CodeOf(err) != chat.CodeForbidden {
		t.Errorf("an address that has an account: %v", err)
	}
	must(t, store.DropInvitation(ctx, again, entry(w, start, "staff.invitation_withdrawn")))
	conflicts(t, "withdrawn twice", store.DropInvitation(ctx, again, entry(w, start, "staff.invitation_withdrawn")))
	account, ok, err := store.Account(ctx, w, a.User)
	must(t, err)
	if !ok {
		t.Fatal("no account")
	}
	equal(t, "joined", account, a)
}

func testSwap(t *testing.T, store Store) {
	ctx := t.Context()
	s := newSession()
	s.Agent, s.Source, s.Used, s.Vouched, s.Asking, s.Keepsake = "Firefox", "192.0.2.1", start, start.Add(time.Minute), start.Add(time.Second), []byte{1}
	s.Pair = identity.Pair{
		Number: 3, Salt: [32]byte{1}, Marks: [32]byte{2}, Refresh: identity.Digest{3}, Before: identity.Digest{4}, Issued: start,
		Taken: true, OldAccess: identity.Digest{5}, OldUntil: start.Add(time.Minute),
	}
	conflicts(t, "of none", store.SwapSession(ctx, s, s))
	must(t, store.PutSession(ctx, s))
	equal(t, "with a pair", load(t, store, s), s)
	next := s
	next.Pair.Number, next.Role, next.Departments, next.Keepsake = 4, chat.RoleAdmin, "", []byte{2}
	must(t, store.SwapSession(ctx, s, next))
	next.Version = 1
	equal(t, "swapped", load(t, store, s), next)
	conflicts(t, "an old version", store.SwapSession(ctx, s, s))
	must(t, store.RevokeSession(ctx, s, start))
	conflicts(t, "revoked", store.SwapSession(ctx, next, next))
	var won atomic.Int32
	fresh := newSession()
	must(t, store.PutSession(ctx, fresh))
	race(8, func() {
		if store.SwapSession(ctx, fresh, fresh) == nil {
			won.Add(1)
		}
	})
	if won.Load() != 1 {
		t.Errorf("%d of 8 swapped", won.Load())
	}
}

func testSessionsOf(t *testing.T, store Store) {
	ctx := t.Context()
	s := newSession()
	older := s
	older.ID = chat.SessionID(chat.NewID(chat.SessionPrefix, time.Now().Add(-time.Hour)))
	must(t, store.PutSession(ctx, older))
	must(t, store.PutSession(ctx, s))
	must(t, store.PutSession(ctx, newSession()))
	list, err := store.SessionsOf(ctx, s.Workspace, s.User)
	must(t, err)
	equal(t, "newest first", list, []identity.Session{s, older})
}

func testKeys(t *testing.T, store Store) {
	ctx, w := t.Context(), newWorkspace()
	k := identity.Key{
		Workspace: w, ID: newUser(), Role: chat.RoleAPIKey, Name: "CRM", Grants: chat.JoinGrants(chat.GrantReadContacts), Digest: identity.Digest{9},
		By: newUser(), Created: start, Expires: start.Add(time.Hour), Version: 1,
	}
	bot := k
	bot.ID, bot.Role, bot.Disabled, bot.Expires = newUser(), chat.RoleBot, true, time.Time{}
	for _, key := range []identity.Key{k, bot} {
		must(t, store.PutKey(ctx, key, 0, entry(w, start, "key.made")))
		conflicts(t, "made twice", store.PutKey(ctx, key, 0, entry(w, start, "key.made")))
		got, ok, err := store.Key(ctx, w, key.Role, key.ID)
		must(t, err)
		if !ok {
			t.Fatal("gone")
		}
		equal(t, "key", got, key)
	}
	if _, ok, _ := store.Key(ctx, w, chat.RoleBot, k.ID); ok {
		t.Error("a key is found among the bots")
	}
	must(t, store.UseKey(ctx, k, start.Add(24*time.Hour)))
	must(t, store.UseKey(ctx, k, start)) // late
	k.Used = start.Add(24 * time.Hour)
	list, err := store.Keys(ctx, w, chat.RoleAPIKey)
	must(t, err)
	equal(t, "list", list, []identity.Key{k})
	must(t, store.DropKey(ctx, k, entry(w, start, "key.revoked")))
	conflicts(t, "revoked twice", store.DropKey(ctx, k, entry(w, start, "key.revoked")))
	must(t, store.UseKey(ctx, k, start.Add(48*time.Hour)))
	if _, ok, _ := store.Key(ctx, w, chat.RoleAPIKey, k.ID); ok {
		t.Error("using a revoked key made it again")
	}
}

func testAudit(t *testing.T, store Store) {
	ctx, w := t.Context(), newWorkspace()
	months := []time.Time{start.AddDate(0, -3, 0), start.AddDate(0, -1, 0), start.Add(-time.Minute), start}
	var all []identity.AuditEntry
	for i, at := range months {
		e := entry(w, at, []identity.Act{"key.made", "staff.changed", "staff.invited", "key.made"}[i])
		if i > 1 { // those of before have no end
			e.Expires = at.AddDate(0, 0, 400).Truncate(time.Second).UTC()
		}
		must(t, store.AppendAudit(ctx, e))
		must(t, store.AppendAudit(ctx, e))
		all = append([]identity.AuditEntry{e}, all...)
	}
	ask := func(q identity.AuditQuery) (out []identity.AuditEntry) {
		t.Helper()
		for range 10 {
			list, next, err := store.AuditEntries(ctx, w, q)
			must(t, err)
			if out = append(out, list...); next == "" {
				return out
			}
			q.After = next
		}
		t.Fatal("a list without an end")
		return nil
	}
	until := start.Add(time.Second)
	equal(t, "all, one at a time", ask(identity.AuditQuery{Until: until, Limit: 1, From: months[0]}), all)
	equal(t, "by act", ask(identity.AuditQuery{Until: until, Limit: 9, Act: "staff."}), all[1:3])
	equal(t, "from", ask(identity.AuditQuery{Until: until, Limit: 9, From: months[1]}), all[:3])
	equal(t, "until", ask(identity.AuditQuery{Until: start, Limit: 9, From: months[2]}), all[1:2])
	equal(t, "by actor", ask(identity.AuditQuery{Until: until, Limit: 9, Actor: all[3].Actor, From: months[0]}), all[3:])
	if got := ask(identity.AuditQuery{Until: until, Limit: 9, Subject: "else"}); len(got) > 0 {
		t.Errorf("another subject: %v", got)
	}
}

func testTicketEnds(t *testing.T, store Store) {
	ctx := t.Context()
	ticket := newTicket()
	ticket.Principal.Until = start.UnixMilli()
	w := ticket.Principal.Workspace
	must(t, store.PutTicket(ctx, w, "h", ticket, ticket.Expires))
	got, err := store.TakeTicket(ctx, w, "h", start)
	must(t, err)
	equal(t, "ticket", got, ticket)
}
