package contacttest

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contact"
	"github.com/parley-chat/parley/internal/identity"
)

// Store is every port that the suite is about.
type Store interface {
	contact.Store
	identity.CustomerTokenStore
}

var start = time.Date(2026, 11, 2, 9, 31, 0, 0, time.UTC)

// Suite checks a store. Each test makes workspaces of its own.
func Suite(t *testing.T, newStore func(*testing.T) Store) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, Store){
		"card": testCard, "rows follow the card": testRows, "conflicts": testConflicts, "merge": testMerge, "largest merge": testLargestMerge, "names": testNames,
		"bans of contacts": testContactBans, "bans of addresses": testAddressBans, "keys": testKeys, "tokens": testTokens, "events": testEvents,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newStore(t))
		})
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
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func newUser() chat.UserID { return chat.UserID(chat.NewID(chat.UserPrefix, start)) }

// full is a contact with everything that one can have.
func full() contact.Contact {
	u := newUser()
	own := contact.Identity{Channel: contact.ChannelApp, External: "cust#" + string(u)}
	c := contact.Contact{
		Workspace: chat.WorkspaceID(chat.NewID(chat.WorkspacePrefix, start)), ID: contact.OfUser(u), Name: "Ada <b> Lovelace",
		Identities: []contact.Identity{own},
		Addresses: []contact.Address{
			{Kind: contact.Email, Value: "ada@shop.example", Verified: true}, {Kind: contact.Phone, Value: "+41440000000"},
		},
		Fields: map[string]string{"plan": "gold", "n.1": "2"}, Locale: "de-CH", TimeZone: "Europe/Zurich", FirstSeen: start, LastSeen: start.Add(time.Hour),
		Consents: []contact.Consent{{Purpose: "newsletter", Given: true, At: start, Source: "form"}, {Purpose: "ads", At: start, Source: "api"}},
		Goals:    []contact.Goal{{Name: "purchase", At: start, Value: "12.50"}, {Name: "visit", At: start}}, Notes: 2,
	}
	c.Users = []chat.UserID{u, own.User(c.Workspace)}
	return c
}

func stored(t *testing.T, s Store, c contact.Contact, events ...contact.Event) contact.Contact {
	t.Helper()
	must(t, s.Commit(t.Context(), contact.Change{New: c, Events: events}))
	got, err := s.Contact(t.Context(), c.Workspace, c.ID)
	must(t, err)
	if got == nil {
		t.Fatal("what was stored is not there")
	}
	return *got
}

func testCard(t *testing.T, s Store) {
	want := full()
	if got, err := s.Contact(t.Context(), want.Workspace, want.ID); got != nil || err != nil {
		t.Fatalf("before: %v %v", got, err)
	}
	got := stored(t, s, want)
	want.Version = 1
	equal(t, "card", got, want)
	bare := contact.Contact{Workspace: want.Workspace, ID: want.ID}
	must(t, s.Commit(t.Context(), contact.Change{Old: &got, New: bare}))
	after, err := s.Contact(t.Context(), want.Workspace, want.ID)
	must(t, err)
	bare.Version = 2
	equal(t, "everything taken off", *after, bare)
	list, err := s.Contacts(t.Context(), want.Workspace, []contact.ID{want.ID, contact.OfUser(newUser())})
	must(t, err)
	equal(t, "list", list, []contact.Contact{bare})
}

func testRows(t *testing.T, s Store) {
	ctx, c := t.Context(), full()
	c.ID = contact.OfUser(newUser()) // the user's own id says nothing
	c = stored(t, s, c)
	find := func(what string, want contact.ID) {
		t.Helper()
		byUser, err := s.OfUser(ctx, c.Workspace, c.Users[0])
		must(t, err)
		byIdentity, err := s.OfIdentity(ctx, c.Workspace, c.Identities[0])
		must(t, err)
		equal(t, what, []contact.ID{byUser, byIdentity}, []contact.ID{want, want})
		var found, none []contact.Found
		if want != "" {
			found = []contact.Found{{ID: want, Place: string(want)}}
		}
		byAddress, err := s.OfAddress(ctx, c.Workspace, contact.Email, "ada@shop.example", "", 9)
		must(t, err)
		equal(t, what+" by address", append(none, byAddress...), found)
		users, err := s.OfUsers(ctx, c.Workspace, []chat.UserID{c.Users[1], newUser()})
		must(t, err)
		equal(t, what+" by users", users[c.Users[1]], want)
		if len(users) > 1 {
			t.Errorf("%s: %v", what, users)
		}
	}
	find("stored", c.ID)
	unverified, err := s.OfAddress(ctx, c.Workspace, contact.Phone, "+41440000000", "", 9)
	must(t, err)
	if len(unverified) != 0 {
		t.Errorf("found by an address that is not verified: %v", unverified)
	}
	elsewhere, err := s.OfIdentity(ctx, chat.WorkspaceID(chat.NewID(chat.WorkspacePrefix, start)), c.Identities[0])
	must(t, err)
	equal(t, "in another workspace", elsewhere, contact.ID(""))
	must(t, s.Commit(ctx, contact.Change{Old: &c, New: contact.Contact{Workspace: c.Workspace, ID: c.ID}}))
	find("taken off", "")
}

func testConflicts(t *testing.T, s Store) {
	ctx, c := t.Context(), stored(t, s, full())
	conflict := func(what string, changes ...contact.Change) {
		t.Helper()
		if err := s.Commit(ctx, changes...); !errors.Is(err, contact.ErrConflict) {
			t.Errorf("%s: %v", what, err)
		}
	}
	conflict("made twice", contact.Change{New: c})
	stale := c
	stale.Version = 7
	conflict("another version", contact.Change{Old: &stale, New: c})
	other := contact.Contact{Workspace: c.Workspace, ID: contact.OfUser(newUser()), Name: "Eve"}
	for what, taken := range map[string]contact.Contact{
		"another's user":     {Workspace: c.Workspace, ID: other.ID, Users: c.Users[:1]},
		"another's identity": {Workspace: c.Workspace, ID: other.ID, Identities: c.Identities},
	} {
		conflict(what, contact.Change{New: taken})
	}
	other = stored(t, s, other)
	grab := other
	grab.Identities = c.Identities
	conflict("another's identity, later", contact.Change{Old: &other, New: grab})
	same := c
	same.Name = "Ada"
	conflict("one of two", contact.Change{Old: &c, New: same}, contact.Change{Old: &stale, New: other})
	got, err := s.Contact(ctx, c.Workspace, c.ID)
	must(t, err)
	equal(t, "after all", *got, c)
	var won atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := s.Commit(ctx, contact.Change{Old: &c, New: same}); err == nil {
				won.Add(1)
			} else if !errors.Is(err, contact.ErrConflict) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	equal(t, "winners", won.Load(), int32(1))
}

func testMerge(t *testing.T, s Store) {
	ctx := t.Context()
	into := full()
	from := full()
	from.Workspace, from.Name = into.Workspace, "Ada"
	from.Identities[0].Channel = "mail"
	into, from = stored(t, s, into), stored(t, s, from)
	next := into
	next.Identities = append(next.Identities[:1:1], from.Identities...)
	next.Users = append(next.Users[:2:2], from.Users...)
	grave := contact.Contact{Workspace: from.Workspace, ID: from.ID, MergedInto: into.ID}
	must(t, s.Commit(ctx, contact.Change{Old: &from, New: grave}, contact.Change{Old: &into, New: next}))
	for _, u := range next.Users {
		id, err := s.OfUser(ctx, into.Workspace, u)
		must(t, err)
		equal(t, "user", id, into.ID)
	}
	id, err := s.OfIdentity(ctx, into.Workspace, from.Identities[0])
	must(t, err)
	equal(t, "identity", id, into.ID)
	found, err := s.OfAddress(ctx, into.Workspace, contact.Email, "ada@shop.example", "", 9)
	must(t, err)
	equal(t, "address", found, []contact.Found{{ID: into.ID, Place: string(into.ID)}})
	old, err := s.Contact(ctx, from.Workspace, from.ID)
	must(t, err)
	equal(t, "what is left", old.MergedInto, into.ID)
}

// testLargestMerge: two contacts with all that one may have, and each with a ban, fit into one transaction.
func testLargestMerge(t *testing.T, s Store) {
	ctx, w := t.Context(), full().Workspace
	large := func(name string) contact.Contact {
		c := contact.Contact{Workspace: w, ID: contact.OfUser(newUser()), Name: name}
		for n := range contact.MaxIdentities / 2 {
			i := contact.Identity{Channel: "c" + string(rune('a'+n)), External: string(c.ID)}
			c.Identities, c.Users = append(c.Identities, i), append(c.Users, i.User(w))
			c.Addresses = append(c.Addresses, contact.Address{Kind: contact.Phone, Value: string(rune('0'+n)) + name, Verified: true})
		}
		for len(c.Users) < contact.MaxUsers {
			c.Users = append(c.Users, newUser())
		}
		c.Ban = &contact.Ban{ID: chat.NewID(contact.BanPrefix, start), Contact: c.ID, At: start}
		return stored(t, s, c)
	}
	from, into := large("ada augusta king"), large("grace brewster hopper")
	next := into
	next.Name = from.Name // all the rows of the name change, too
	next.Identities = append(next.Identities[:5:5], from.Identities...)
	next.Addresses = append(next.Addresses[:5:5], from.Addresses...)
	next.Users = append(append([]chat.UserID{}, from.Users[:5]...), into.Users[:contact.MaxUsers-5]...)
	next.Ban = from.Ban
	grave := contact.Contact{Workspace: w, ID: from.ID, MergedInto: into.ID}
	event := []contact.Event{{Type: contact.EventMerged, At: start, Sender: newUser(), Role: chat.RoleAdmin}}
	must(t, s.Commit(ctx, contact.Change{Old: &from, New: grave, Events: event}, contact.Change{Old: &into, New: next, Events: event}))
	bans, err := s.Banned(ctx, w, next.Users[0], "")
	must(t, err)
	equal(t, "the ban that stays", bans, []contact.Ban{*from.Ban})
	dropped, err := s.OfUser(ctx, w, from.Users[contact.MaxUsers-1])
	must(t, err)
	equal(t, "a device that fell off", dropped, contact.ID(""))
}

func testNames(t *testing.T, s Store) {
	ctx, w := t.Context(), full().Workspace
	ids := map[string]contact.ID{}
	for _, name := range []string{"Ada Lovelace", "adam", "Éva Ádám", "Bob Ada"} {
		c := contact.Contact{Workspace: w, ID: contact.OfUser(newUser()), Name: name}
		ids[name] = stored(t, s, c).ID
	}
	named := func(prefix, after string, limit int) (out []contact.ID, next string) {
		t.Helper()
		list, err := s.Named(ctx, w, prefix, after, limit)
		must(t, err)
		for _, f := range list {
			out, next = append(out, f.ID), f.Place
		}
		return out, next
	}
	all, _ := named("ada", "", 9)
	equal(t, "beginnings", all, []contact.ID{ids["Ada Lovelace"], ids["Bob Ada"], ids["adam"]}[:len(all)])
	if len(all) != 3 {
		t.Errorf("found %v", all)
	}
	first, next := named("ada", "", 2)
	rest, _ := named("ada", next, 2)
	equal(t, "in pages", append(first, rest...), all)
	accents, _ := named("é", "", 9)
	equal(t, "an accent", accents, []contact.ID{ids["Éva Ádám"]})
	none, _ := named("lovelace x", "", 9)
	equal(t, "nobody", len(none), 0)
}

func testContactBans(t *testing.T, s Store) {
	ctx, c := t.Context(), stored(t, s, full())
	next := c
	next.Ban = &contact.Ban{ID: "b_1", Contact: c.ID, Until: start.Add(time.Hour), Reason: "spam", By: newUser(), At: start}
	must(t, s.Commit(ctx, contact.Change{Old: &c, New: next}))
	for _, u := range c.Users {
		bans, err := s.Banned(ctx, c.Workspace, u, "h")
		must(t, err)
		equal(t, "of a user", bans, []contact.Ban{*next.Ban})
	}
	got, err := s.Contact(ctx, c.Workspace, c.ID)
	must(t, err)
	equal(t, "on the card", got.Ban, next.Ban)
	one, err := s.Ban(ctx, c.Workspace, "b_1")
	must(t, err)
	equal(t, "by id", one, next.Ban)
	lifted := *got
	lifted.Ban = nil
	must(t, s.Commit(ctx, contact.Change{Old: got, New: lifted}))
	bans, err := s.Banned(ctx, c.Workspace, c.Users[0], "")
	must(t, err)
	list, err := s.Bans(ctx, c.Workspace, "", 9)
	must(t, err)
	if len(bans)+len(list) != 0 {
		t.Errorf("after it was lifted: %v %v", bans, list)
	}
}

func testAddressBans(t *testing.T, s Store) {
	ctx, w := t.Context(), full().Workspace
	first := contact.Ban{ID: "b_1", Address: "h1", By: newUser(), At: start}
	second := contact.Ban{ID: "b_2", Address: "h2", Until: start.Add(time.Hour), By: newUser(), At: start, Reason: "x"}
	again := contact.Ban{ID: "b_3", Address: "h1", By: newUser(), At: start}
	for _, b := range []contact.Ban{first, second, again} {
		must(t, s.PutAddressBan(ctx, w, b))
	}
	list, err := s.Bans(ctx, w, "", 9)
	must(t, err)
	equal(t, "newest first, what was replaced gone", list, []contact.Ban{again, second})
	page, err := s.Bans(ctx, w, "b_3", 1)
	must(t, err)
	equal(t, "behind the first", page, []contact.Ban{second})
	must(t, s.DropAddressBan(ctx, w, first)) // it was replaced: nothing to do
	bans, err := s.Banned(ctx, w, newUser(), "h1")
	must(t, err)
	equal(t, "replaced", bans, []contact.Ban{again})
	must(t, s.DropAddressBan(ctx, w, again))
	must(t, s.DropAddressBan(ctx, w, again))
	bans, err = s.Banned(ctx, w, "", "h1")
	must(t, err)
	one, err := s.Ban(ctx, w, "b_3")
	must(t, err)
	if len(bans) != 0 || one != nil {
		t.Errorf("lifted: %v %v", bans, one)
	}
}

func testKeys(t *testing.T, s Store) {
	ctx, w := t.Context(), full().Workspace
	key := func(id string, a identity.Algorithm) identity.IdentityKey {
		return identity.IdentityKey{Workspace: w, ID: id, Algorithm: a, Material: []byte("m\x00" + id), By: newUser(), Created: start}
	}
	one, two := key("ik_1", identity.HS256), key("ik_2", identity.ES256)
	must(t, s.PutIdentityKey(ctx, two))
	must(t, s.PutIdentityKey(ctx, one))
	list, err := s.IdentityKeys(ctx, w)
	must(t, err)
	equal(t, "list", list, []identity.IdentityKey{one, two})
	got, ok, err := s.IdentityKey(ctx, w, "ik_2")
	must(t, err)
	equal(t, "one", []any{got, ok}, []any{two, true})
	for _, want := range []bool{true, false} {
		gone, err := s.DropIdentityKey(ctx, w, "ik_2")
		must(t, err)
		equal(t, "dropped", gone, want)
	}
	if _, ok, err = s.IdentityKey(ctx, w, "ik_2"); ok || err != nil {
		t.Errorf("still there: %v", err)
	}
}

func testTokens(t *testing.T, s Store) {
	w := full().Workspace
	seal := identity.TokenSeal{Workspace: w, Hash: "h", Forget: start.Add(time.Hour)}
	var first atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			ok, err := s.UseToken(t.Context(), seal)
			if err != nil {
				t.Error(err)
			}
			if ok {
				first.Add(1)
			}
		})
	}
	all.Wait()
	equal(t, "of all uses at once", first.Load(), int32(1))
	seal.Workspace = full().Workspace
	ok, err := s.UseToken(t.Context(), seal)
	must(t, err)
	equal(t, "another workspace's", ok, true)
}

func testEvents(t *testing.T, s Store) {
	ctx := t.Context()
	want := []contact.Event{
		{Seq: 1, Type: contact.EventIdentified, At: start, Sender: newUser(), Role: chat.RoleCustomer, User: newUser(), Changed: []string{"name", "fields"}},
		{Seq: 2, Type: contact.EventMerged, At: start, Sender: newUser(), Role: chat.RoleAPIKey, Other: contact.OfUser(newUser())},
		{Seq: 3, Type: contact.EventBanned, At: start.Add(time.Second), Sender: newUser(), Role: chat.RoleSupervisor, Reason: "spam"},
	}
	c := stored(t, s, full(), want[:2]...)
	equal(t, "count", c.Events, uint64(2))
	must(t, s.Commit(ctx, contact.Change{Old: &c, New: c, Events: want[2:]}))
	got, err := s.Events(ctx, c.Workspace, c.ID, 0, 9)
	must(t, err)
	equal(t, "all", got, want)
	got, err = s.Events(ctx, c.Workspace, c.ID, 1, 1)
	must(t, err)
	equal(t, "a part", got, want[1:2])
}
