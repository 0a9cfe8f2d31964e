package identity_test

import (
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

// Of two links for the same the newer one works: "send it again" does not leave the lost one behind.
func TestTheNewerLinkCounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	people, boss := w.staffed()
	invite := func(address string) string {
		_, token, err := people.Invite(t.Context(), boss, identity.Offer{Address: address, Role: chat.RoleOperator})
		w.must(err)
		return token
	}
	other := invite("other@example.com")
	first, second := invite("new@example.com"), invite("New@example.com ")
	_, err := people.Accept(t.Context(), first, "New", phrase, "x")
	w.refused("the older invitation", err, chat.CodeUnauthenticated, identity.ReasonLinkInvalid)
	list, err := people.Invitations(t.Context(), boss)
	w.must(err)
	if len(list) != 2 {
		t.Errorf("%d invitations are listed; want one for each address", len(list))
	}
	for _, token := range []string{second, other} {
		_, err = people.Accept(t.Context(), token, "New", phrase, "x")
		w.must(err)
	}
	reset := func() string {
		_, token, err := people.IssueReset(t.Context(), boss, w.operator().Session.User, "")
		w.must(err)
		return token
	}
	older, newer := reset(), reset()
	w.refused("the older reset", people.Reset(t.Context(), older, phrase, "x"), chat.CodeUnauthenticated, identity.ReasonLinkInvalid)
	w.must(people.Reset(t.Context(), newer, phrase, "x"))
}

// A link to set a password ends with the next password, however that was set.
func TestAPasswordEndsTheLinksToSetOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	people, boss := w.staffed()
	here := w.refreshed()
	_, token, err := people.IssueReset(t.Context(), boss, here.Session.User, "")
	w.must(err)
	w.must(w.staff.ChangePassword(t.Context(), people, identity.By{Principal: here.Session.Principal(), Source: "x"}, "right", phrase))
	w.refused("a link of before", people.Reset(t.Context(), token, phrase+"!", "x"), chat.CodeUnauthenticated, identity.ReasonLinkInvalid)
	w.must(w.signIn("one@example.com", phrase, "x"))
}

// Whoever is let go does not come back by a link that they made.
func TestLinksEndWithTheirMaker(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	people, boss := w.staffed()
	villain := w.boss("villain")
	_, invited, err := people.Invite(t.Context(), villain, identity.Offer{Address: "sock@example.com", Role: chat.RoleAdmin})
	w.must(err)
	_, reset, err := people.IssueReset(t.Context(), villain, boss.User, "")
	w.must(err)
	operator := chat.RoleOperator
	_, err = people.Change(t.Context(), boss, villain.User, 1, identity.StaffChange{Role: &operator})
	w.must(err)
	_, err = people.Accept(t.Context(), invited, "Sock", phrase, "x")
	w.refused("an invitation", err, chat.CodeUnauthenticated, identity.ReasonLinkInvalid)
	w.refused("a reset", people.Reset(t.Context(), reset, phrase, "x"), chat.CodeUnauthenticated, identity.ReasonLinkInvalid)
	w.must(w.signIn("boss@example.com", "right", "x"))
}

// Whoever operates the deployment makes links, and is nobody of the workspace's.
func TestLinksOfTheSystem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	people, _ := w.staffed()
	system := identity.By{Principal: chat.Principal{Workspace: w.one, User: chat.SystemUser, Role: chat.RoleAdmin}}
	_, token, err := people.Invite(t.Context(), system, identity.Offer{Address: "first@example.com", Role: chat.RoleAdmin})
	w.must(err)
	_, err = people.Accept(t.Context(), token, "First", phrase, "x")
	w.must(err)
}

// Somebody who signs in with the old password while a new one is set does not get in.
func TestASignInThatRacesAReset(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	people, boss := w.staffed()
	_, token, err := people.IssueReset(t.Context(), boss, w.operator().Session.User, "")
	w.must(err)
	w.passwords.during = func() { w.must(people.Reset(t.Context(), token, phrase, "x")) }
	thief, err := w.staff.SignIn(t.Context(), "one@example.com", "right", identity.Device{Source: "thief", Origin: desk}, true)
	w.refused("signing in", err, chat.CodeUnauthenticated, identity.ReasonWrongCredentials)
	if thief.Session.ID != "" {
		t.Errorf("a session: %+v", thief.Session)
	}
}

func TestLinksAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	people, boss := w.staffed()
	for i := range identity.MaxInvitations {
		w.must(w.store.PutInvitation(t.Context(), identity.Invitation{Workspace: w.one, ID: chat.NewID(identity.InvitationPrefix, w.now), Address: strings.Repeat("a", i+1)}, identity.AuditEntry{}))
	}
	_, _, err := people.Invite(t.Context(), boss, identity.Offer{Address: "new@example.com", Role: chat.RoleOperator})
	if chat.CodeOf(err) != chat.CodeInvalid {
		t.Errorf("one more: %v", err)
	}
}

// A name cannot be made to look like another one; markup in it is text.
func TestNamesOfPeople(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	people, boss := w.staffed()
	for _, name := range []string{"", " \t", "Ada\u202egnp", "A\u200bda", "\u2066Ada", "Ada\x00", "A\u0085da", "\xff", strings.Repeat("a", identity.MaxName+1)} {
		if _, err := people.Change(t.Context(), boss, boss.User, 1, identity.StaffChange{Name: &name}); chat.CodeOf(err) != chat.CodeInvalid {
			t.Errorf("%q: %v", name, err)
		}
	}
	markup := `<img src=x onerror="alert(1)"> & Zoë`
	a, err := people.Change(t.Context(), boss, boss.User, 1, identity.StaffChange{Name: &markup})
	w.must(err)
	if a.Name != markup {
		t.Errorf("%q", a.Name)
	}
}
