package identitytest

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

func testSite(t *testing.T, store Store) {
	ctx := t.Context()
	w := identity.Workspace{ID: newWorkspace(), Name: "Acme", Origins: []string{"https://desk.example"}}
	missing := w
	missing.ID = newWorkspace()
	conflicts(t, "of none", store.ChangeWorkspace(ctx, missing, missing, entry(missing.ID, start, "workspace.changed")))
	must(t, store.PutWorkspace(ctx, w))
	after := w
	after.Name, after.Origins, after.Version = "Acme & Co", []string{"https://new.example"}, 1
	must(t, store.ChangeWorkspace(ctx, w, after, entry(w.ID, start, "workspace.changed")))
	conflicts(t, "an old version", store.ChangeWorkspace(ctx, w, after, entry(w.ID, start, "workspace.changed")))
	got, _, err := store.Workspace(ctx, w.ID)
	must(t, err)
	equal(t, "changed", got, after)
	if n := recorded(t, store, w.ID); n != 1 {
		t.Errorf("%d entries of one change", n)
	}
}

func testWidgets(t *testing.T, store Store) {
	ctx, w := t.Context(), newWorkspace()
	one := identity.Widget{Key: "wk_a" + string(w), Workspace: w, Name: "Shop", Origins: []string{"https://shop.example"}, Version: 1, Created: 5}
	two := identity.Widget{Key: "wk_b" + string(w), Workspace: w, Origins: []string{"https://blog.example"}}
	must(t, store.ChangeWidget(ctx, one, 0, entry(w, start, "widget.made")))
	must(t, store.PutWidget(ctx, two))
	conflicts(t, "made twice", store.ChangeWidget(ctx, one, 0, entry(w, start, "widget.made")))
	next := one
	next.Origins, next.Version = []string{"https://shop.example", "https://www.shop.example"}, 2
	var won atomic.Int32
	race(4, func() {
		if store.ChangeWidget(ctx, next, 1, entry(w, start, "widget.changed")) == nil {
			won.Add(1)
		}
	})
	if won.Load() != 1 {
		t.Errorf("%d of 4 changed the same version", won.Load())
	}
	list, err := store.Widgets(ctx, w)
	must(t, err)
	equal(t, "list", list, []identity.Widget{next, two})
	got, _, err := store.Widget(ctx, one.Key)
	must(t, err)
	equal(t, "found by its key", got, next)
	thief := next
	thief.Workspace = newWorkspace()
	if err := store.ChangeWidget(ctx, thief, 0, entry(thief.Workspace, start, "widget.made")); chat.CodeOf(err) != chat.CodeForbidden {
		t.Errorf("another workspace took the widget key: %v", err)
	}
	must(t, store.DropWidget(ctx, next, entry(w, start, "widget.removed")))
	conflicts(t, "removed twice", store.DropWidget(ctx, next, entry(w, start, "widget.removed")))
	if _, ok, err := store.Widget(ctx, one.Key); ok || err != nil {
		t.Errorf("found after its removal: %v %v", ok, err)
	}
}

func testProfiles(t *testing.T, store Store) {
	ctx, w := t.Context(), newWorkspace()
	a := newAccount(w)
	must(t, store.PutStaff(ctx, a, "hash"))
	key := identity.Key{Workspace: w, ID: newUser(), Role: chat.RoleAPIKey, Name: "CRM", Grants: chat.JoinGrants(chat.GrantReadContacts), Version: 1, Created: start}
	bot := key
	bot.ID, bot.Role, bot.Name, bot.Disabled = newUser(), chat.RoleBot, "Helper", true
	for _, k := range []identity.Key{key, bot} {
		must(t, store.PutKey(ctx, k, 0, entry(w, start, "key.made")))
	}
	foreign := newAccount(newWorkspace())
	must(t, store.PutStaff(ctx, foreign, "hash"))
	got, err := store.People(ctx, w, []chat.UserID{bot.ID, foreign.User, a.User, newUser(), key.ID})
	must(t, err)
	byName := func(x, y identity.Person) int { return strings.Compare(x.Name, y.Name) }
	slices.SortFunc(got, byName)
	equal(t, "people", got, []identity.Person{
		{User: a.User, Role: a.Role, Name: a.Name, PublicName: a.PublicName, Avatar: a.Avatar},
		{User: key.ID, Role: chat.RoleAPIKey, Name: "CRM"}, {User: bot.ID, Role: chat.RoleBot, Name: "Helper", Disabled: true},
	})

	p, err := store.Preferences(ctx, w, a.User)
	must(t, err)
	equal(t, "none", p, identity.Preferences{Values: map[string]string{}})
	values := map[string]string{"sound": "on", "theme": ""}
	must(t, store.PutPreferences(ctx, w, a.User, 0, values))
	conflicts(t, "an old version", store.PutPreferences(ctx, w, a.User, 0, values))
	p, err = store.Preferences(ctx, w, a.User)
	must(t, err)
	equal(t, "stored", p, identity.Preferences{Values: values, Version: 1})
}
