package identitytest

import (
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

func testProvider(t *testing.T, store Store) {
	ctx, w := t.Context(), newWorkspace()
	p := identity.Provider{
		Workspace: w, Issuer: "https://idp.example", ClientID: "c", Secret: "s", Scopes: []string{"groups"}, GroupsClaim: "g",
		Mappings: []identity.GroupMapping{{Group: "desk", Role: chat.RoleOperator, Departments: chat.JoinDepartments(newDepartment())}}, Domains: []string{"a.example"}, Version: 1,
	}
	if _, ok, err := store.Provider(ctx, w); ok || err != nil {
		t.Errorf("absent: %v %v", ok, err)
	}
	must(t, store.PutProvider(ctx, p, 0, entry(w, start, "oidc.changed")))
	conflicts(t, "made twice", store.PutProvider(ctx, p, 0, entry(w, start, "oidc.changed")))
	got, _, err := store.Provider(ctx, w)
	must(t, err)
	equal(t, "provider", got, p)
	stale := p
	stale.Version = 9
	conflicts(t, "another version", store.DropProvider(ctx, stale, entry(w, start, "oidc.removed")))
	must(t, store.DropProvider(ctx, p, entry(w, start, "oidc.removed")))
	conflicts(t, "removed twice", store.DropProvider(ctx, p, entry(w, start, "oidc.removed")))
}

func testPassing(t *testing.T, store Store) {
	ctx, w := t.Context(), newWorkspace()
	f := identity.Flow{Workspace: w, Nonce: "n", Verifier: "v", Redirect: "r", Return: "p", Challenge: "c", Expires: start}
	h := identity.Handover{Workspace: w, User: newUser(), Challenge: "c", Keepsake: []byte{1}, Vouched: start, Expires: start}
	must(t, store.PutFlow(ctx, "h", f))
	must(t, store.PutHandover(ctx, "h", h))
	if _, ok, _ := store.TakeFlow(ctx, newWorkspace(), "h"); ok {
		t.Error("taken from another workspace")
	}
	gotFlow, ok, err := store.TakeFlow(ctx, w, "h")
	must(t, err)
	if !ok {
		t.Error("no flow")
	}
	equal(t, "flow", gotFlow, f)
	gotHandover, _, err := store.TakeHandover(ctx, w, "h")
	must(t, err)
	equal(t, "handover", gotHandover, h)
	if _, ok, _ := store.TakeFlow(ctx, w, "h"); ok {
		t.Error("a flow taken twice")
	}
	if _, ok, _ := store.TakeHandover(ctx, w, "h"); ok {
		t.Error("a handover taken twice")
	}
}

func testProvision(t *testing.T, store Store) {
	ctx, w := t.Context(), newWorkspace()
	a := newAccount(w)
	a.External = "l1nk"
	must(t, store.Provision(ctx, a, entry(w, start, "staff.joined")))
	u, ok, err := store.Linked(ctx, w, "l1nk")
	must(t, err)
	if !ok || u != a.User {
		t.Errorf("linked to %s", u)
	}
	got, _, err := store.Account(ctx, w, a.User)
	must(t, err)
	equal(t, "account", got, a)
	twin := newAccount(w)
	twin.External = a.External
	conflicts(t, "linked twice", store.Provision(ctx, twin, entry(w, start, "staff.joined")))
	twin.External, twin.Address = "other", a.Address
	if err := store.Provision(ctx, twin, entry(w, start, "staff.joined")); chat.CodeOf(err) != chat.CodeForbidden {
		t.Errorf("somebody else's address: %v", err)
	}
}

func testLink(t *testing.T, store Store) {
	ctx, w := t.Context(), newWorkspace()
	a := newAccount(w)
	must(t, store.PutStaff(ctx, a, "hash"))
	after := a
	after.External, after.Version = "l1nk", 2
	must(t, store.Link(ctx, a, after, entry(w, start, "staff.changed")))
	c, _, err := store.Credential(ctx, a.Address)
	must(t, err)
	if c.PasswordHash != "" || c.User != a.User {
		t.Errorf("%+v", c)
	}
	conflicts(t, "again", store.Link(ctx, a, after, entry(w, start, "staff.changed")))
}
