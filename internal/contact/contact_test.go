package contact_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contact"
	"github.com/parley-chat/parley/internal/identity"
)

func (w *world) ban(b contact.Banning) contact.Ban {
	w.Helper()
	b.ID = chat.NewID(contact.BanPrefix, w.now)
	made, err := w.service.Ban(w.Context(), w.supervisor, b)
	w.must(err)
	return made
}

// A banned customer is out at once: session, sockets, writing; and comes back by no device and no identity.
func TestBan(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	device := w.anonymous()
	id := w.says(device, "spam")
	known := w.identify(device, "42", nil)
	other := w.identified("43", nil)
	ban := w.ban(contact.Banning{User: device.Session.User, Reason: "spam\u202e\nspam", Until: w.now.Add(time.Hour)})
	w.same("reason", ban.Reason, "spam spam")
	_, _, err := w.visit(known.Token.Text(), "")
	w.refused("the session", err, chat.CodeBanned, identity.ReasonBanned)
	_, _, err = w.visit("", w.token("42", nil))
	w.refused("another device", err, chat.CodeBanned, identity.ReasonBanned)
	fresh := w.anonymous()
	w.says(fresh, "me again")
	_, err = w.service.Identify(t.Context(), fresh, w.token("42", nil))
	w.refused("an anonymous device that identifies", err, chat.CodeBanned, identity.ReasonBanned)
	if !slices.Contains(w.sockets.ended, known.Session.User) {
		t.Error("the sockets are open")
	}
	_, err = w.talk.Send(t.Context(), known.Session.Principal(), id, chat.Public, 2, []chat.NewMessage{{ID: chat.EventID(chat.NewID(chat.EventPrefix, w.now)), Text: "more"}})
	w.refused("writing on a socket that is left", err, chat.CodeTooFast, "")
	w.must(w.service.Welcome(t.Context(), w.workspace, other.Session.User, office))
	w.refused("a ticket", w.service.Welcome(t.Context(), w.workspace, known.Session.User, ""), chat.CodeBanned, identity.ReasonBanned)

	list, err := w.service.Bans(t.Context(), w.supervisor.Principal, "", 9)
	w.must(err)
	w.same("bans", list, []contact.Ban{ban})
	w.now = w.now.Add(time.Hour)
	back := w.identified("42", nil) // it is over by itself
	w.same("the same user", back.Session.User, known.Session.User)
	w.must(w.service.Unban(t.Context(), w.supervisor, ban.ID))
	w.refused("lifted again", w.service.Unban(t.Context(), w.supervisor, ban.ID), chat.CodeNotFound, "")
	w.same("log", w.events(w.cardOf(back).ID), []contact.EventType{contact.EventIdentified, contact.EventBanned, contact.EventUnbanned})
}

func TestBanOfAnAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ban := w.ban(contact.Banning{Address: office})
	if strings.Contains(ban.Address, "203") || ban.Address == "" {
		t.Errorf("the address is stored as %q", ban.Address)
	}
	_, _, err := w.visit("", "")
	w.refused("a new visitor", err, chat.CodeBanned, identity.ReasonBanned)
	_, _, err = w.visit("", w.token("42", nil))
	w.refused("a known one", err, chat.CodeBanned, identity.ReasonBanned)
	for _, c := range []struct {
		banned, from string
		out          bool
	}{
		{"2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true}, {"2001:db8:1:2::1", "2001:db8:1:3::1", false},
		{"198.51.100.7", "::ffff:198.51.100.7", true}, {"198.51.100.7", "198.51.100.8", false},
	} {
		b := w.ban(contact.Banning{Address: c.banned})
		err := w.service.Welcome(t.Context(), w.workspace, "", c.from)
		if got := chat.CodeOf(err) == chat.CodeBanned; got != c.out {
			t.Errorf("%s banned, from %s: %v", c.banned, c.from, err)
		}
		w.must(w.service.Unban(t.Context(), w.supervisor, b.ID))
	}
	w.must(w.service.Unban(t.Context(), w.supervisor, ban.ID))
	w.anonymous()
}

func TestBansThatAreNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	device := w.anonymous()
	w.says(device, "hello")
	for what, b := range map[string]contact.Banning{
		"nobody": {}, "two at once": {User: device.Session.User, Address: office}, "no address": {Address: "shop.example"},
		"the past": {User: device.Session.User, Until: w.now}, "two years": {User: device.Session.User, Until: w.now.Add(2 * contact.MaxBan)},
		"a long reason": {User: device.Session.User, Reason: strings.Repeat("r", contact.MaxReason+1)},
	} {
		_, err := w.service.Ban(t.Context(), w.supervisor, b)
		w.refused(what, err, chat.CodeInvalid, "")
	}
	for what, u := range map[string]chat.UserID{"a colleague": w.operator.User, "somebody unknown": chat.UserID(chat.NewID(chat.UserPrefix, w.now))} {
		_, err := w.service.Ban(t.Context(), w.supervisor, contact.Banning{User: u})
		w.refused(what, err, chat.CodeNotFound, "")
	}
	_, err := w.service.Ban(t.Context(), w.operator, contact.Banning{User: device.Session.User})
	w.refused("an operator bans", err, chat.CodeForbidden, "")
	w.must(w.service.Welcome(t.Context(), w.workspace, device.Session.User, office))
}

// Texts are data: markup stays, what deceives the eye goes, what is too long is refused.
func TestTexts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := string(w.cardOf(w.identified("42", nil)).ID)
	name := func(in string) (string, error) {
		c, err := w.service.Update(t.Context(), w.operator.Principal, id, 0, true, contact.Edit{Name: &in})
		return c.Name, err
	}
	for in, want := range map[string]string{
		`<script>alert(1)</script>`: `<script>alert(1)</script>`, "a\u202eb\u2066c\u200f": "abc", "two\r\n lines\x00": "two lines",
		"zero\u200bwidth\ufeff": "zerowidth", "  Ada\t Lovelace ": "Ada Lovelace", "José 李": "José 李", strings.Repeat("é", 100): strings.Repeat("é", 100),
	} {
		got, err := name(in)
		w.must(err)
		w.same("name", got, want)
	}
	for what, in := range map[string]string{"too long": strings.Repeat("é", 101), "no UTF-8": "a\xff", "far too long": strings.Repeat("\u200b", 9999)} {
		_, err := name(in)
		w.refused(what, err, chat.CodeInvalid, "")
	}
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	device := w.anonymous()
	w.says(device, "hello")
	visitor := w.cardOf(device)
	w.same("of a visitor nothing is stored", []any{visitor.Version, visitor.Users, visitor.FirstSeen.Equal(w.now)}, []any{uint64(0), []chat.UserID{device.Session.User}, true})
	edit := func(by identity.By, version uint64, e contact.Edit) (contact.Contact, error) {
		return w.service.Update(t.Context(), by.Principal, string(visitor.ID), version, false, e)
	}
	got, err := edit(w.operator, 0, contact.Edit{Name: text("Ada"), Fields: map[string]string{"plan": "gold", "size": "L"}, Addresses: &[]contact.Address{{Kind: contact.Phone, Value: "(044) 123-45"}}})
	w.must(err)
	w.same("first change", []any{got.Version, got.Addresses}, []any{uint64(1), []contact.Address{{Kind: contact.Phone, Value: "04412345"}}})
	_, err = edit(w.operator, 0, contact.Edit{Name: text("Eve")})
	w.refused("an old version", err, chat.CodeConflict, "")
	got, err = edit(w.operator, 1, contact.Edit{Fields: map[string]string{"size": ""}})
	w.must(err)
	w.same("a field taken off", got.Fields, map[string]string{"plan": "gold"})
	for what, e := range map[string]contact.Edit{
		"an operator vouches":    {Addresses: &[]contact.Address{{Kind: contact.Email, Value: "a@b.example", Verified: true}}},
		"an operator identifies": {Identities: &[]contact.Identity{{Channel: "app", External: "42"}}},
	} {
		_, err := edit(w.operator, 2, e)
		w.refused(what, err, chat.CodeForbidden, "")
	}
	many := map[string]string{}
	for n := range contact.MaxFields {
		many["f"+strings.Repeat("x", n)] = "v"
	}
	for what, e := range map[string]contact.Edit{
		"fields beyond the limit": {Fields: many}, "no address": {Addresses: &[]contact.Address{{Kind: contact.Email, Value: "nobody"}}},
		"a kind": {Addresses: &[]contact.Address{{Kind: "fax", Value: "1"}}}, "a language": {Locale: text("de CH")}, "a zone": {TimeZone: text("Mars/Olympus")},
		"a consent for nothing": {Consents: []contact.Consent{{}}},
	} {
		_, err := edit(w.admin, 2, e)
		w.refused(what, err, chat.CodeInvalid, "")
	}
	got, err = edit(w.api, 2, contact.Edit{
		Identities: &[]contact.Identity{{Channel: "mail", External: "ada@shop.example"}}, TimeZone: text("Europe/Zurich"), Locale: text("de-CH"),
		Consents: []contact.Consent{{Purpose: "newsletter", Given: true}},
	})
	w.must(err)
	w.same("by the API", []any{got.Verified(), got.TimeZone, got.Consents[0].Source, len(got.Users)}, []any{true, "Europe/Zurich", "api", 2})
	_, err = edit(w.api, 3, contact.Edit{Identities: &[]contact.Identity{}})
	w.refused("an identity taken off", err, chat.CodeInvalid, "")
	_, err = w.service.Get(t.Context(), device.Session.Principal(), string(visitor.ID))
	w.refused("a customer reads cards", err, chat.CodeForbidden, "")
}

func TestCreate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := contact.OfUser(chat.UserID(chat.NewID(chat.UserPrefix, w.now)))
	edit := contact.Edit{Name: text("Ada"), Identities: &[]contact.Identity{{Channel: "app", External: "42"}}}
	made, err := w.service.Create(t.Context(), w.api.Principal, id, edit)
	w.must(err)
	ada := w.identified("42", nil)
	w.same("the customer who comes later", w.cardOf(ada).ID, made.ID)
	_, err = w.service.Create(t.Context(), w.api.Principal, contact.OfUser(ada.Session.User), edit)
	w.refused("the same identity again", err, chat.CodeConflict, "")
	if !strings.Contains(err.Error(), string(made.ID)) {
		t.Errorf("does not say whose it is: %v", err)
	}
	plain := contact.OfUser(chat.UserID(chat.NewID(chat.UserPrefix, w.now)))
	for range 2 { // a retry
		again, err := w.service.Create(t.Context(), w.operator.Principal, plain, contact.Edit{Name: text("Bob")})
		w.must(err)
		w.same("made once", []any{again.ID, again.Version}, []any{plain, uint64(1)})
	}
	_, err = w.service.Create(t.Context(), w.operator.Principal, id, contact.Edit{})
	w.refused("of nothing", err, chat.CodeInvalid, "")
}

func TestMerge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	visitor := w.anonymous()
	w.lead(visitor, "ada@private.example")
	ada, bob := w.cardOf(w.identified("42", object{"name": "Ada", "fields": object{"plan": "gold"}})), w.cardOf(w.identified("43", object{"name": "Bob"}))
	from := w.cardOf(visitor)
	merge := func(by identity.By, from, into contact.ID, force bool) (contact.Contact, error) {
		return w.service.Merge(t.Context(), by, from, into, force)
	}
	_, err := merge(w.operator, from.ID, ada.ID, false)
	w.refused("an operator", err, chat.CodeForbidden, "")
	for range 2 { // again is the same
		got, err := merge(w.supervisor, from.ID, ada.ID, false)
		w.must(err)
		w.same("merged", []any{got.ID, got.Name, got.Version, len(got.Users), got.Addresses}, []any{ada.ID, "Ada", uint64(2), 2, []contact.Address{{Kind: contact.Email, Value: "ada@private.example"}}})
	}
	_, err = merge(w.supervisor, from.ID, bob.ID, false)
	w.refused("merged elsewhere", err, chat.CodeConflict, "")
	for what, c := range map[string]struct {
		by    identity.By
		force bool
	}{"two verified": {w.admin, false}, "by a supervisor with force": {w.supervisor, true}, "by an API key with force": {w.api, true}} {
		_, err := merge(c.by, bob.ID, ada.ID, c.force)
		w.refused(what, err, chat.CodeForbidden, "")
	}
	_, err = merge(w.admin, ada.ID, ada.ID, true)
	w.refused("into itself", err, chat.CodeInvalid, "")
	_, err = merge(w.admin, contact.OfUser(chat.UserID(chat.NewID(chat.UserPrefix, w.now))), ada.ID, true)
	w.refused("nobody", err, chat.CodeNotFound, "")
	got, err := merge(w.admin, bob.ID, ada.ID, true)
	w.must(err)
	w.same("forced", []any{got.Identities, w.cardOf(w.identified("43", nil)).ID}, []any{append(ada.Identities, bob.Identities...), ada.ID})
	w.same("the log", w.events(ada.ID), []contact.EventType{contact.EventIdentified, contact.EventMerged, contact.EventMerged})
}

func TestFind(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.cardOf(w.identified("42", object{"name": "Ada Lovelace", "email": "ada@shop.example", "email_verified": true}))
	w.identified("43", object{"name": "Adam", "email": "ada@shop.example"})
	names := func(q contact.Query) (out []string, next string) {
		t.Helper()
		if q.Limit == 0 {
			q.Limit = 9
		}
		list, next, err := w.service.Find(t.Context(), w.operator.Principal, q)
		w.must(err)
		for _, c := range list {
			out = append(out, c.Name)
		}
		return out, next
	}
	for _, c := range []struct {
		q    contact.Query
		want []string
	}{
		{contact.Query{Name: "ADA"}, []string{"Ada Lovelace", "Adam"}}, {contact.Query{Name: "love"}, []string{"Ada Lovelace"}},
		{contact.Query{Email: "ADA@shop.example"}, []string{"Ada Lovelace"}}, {contact.Query{Name: "bob"}, nil},
		{contact.Query{Identity: contact.Identity{Channel: "app", External: "43"}}, []string{"Adam"}},
		{contact.Query{Identity: contact.Identity{Channel: "app", External: "4"}}, nil},
	} {
		got, _ := names(c.q)
		w.same("found", got, c.want)
	}
	first, next := names(contact.Query{Name: "ada", Limit: 1})
	second, _ := names(contact.Query{Name: "ada", Limit: 1, After: next})
	w.same("in pages", append(first, second...), []string{"Ada Lovelace", "Adam"})
	users, err := w.service.OfUsers(t.Context(), w.operator.Principal, []chat.UserID{ada.Users[0], w.anonymous().Session.User, ada.Users[0]})
	w.must(err)
	if len(users) != 1 || users[ada.Users[0]].Name != "Ada Lovelace" {
		t.Errorf("of users: %v", users)
	}
	_, err = w.service.OfUsers(t.Context(), w.operator.Principal, []chat.UserID{"u_1"})
	w.refused("no id", err, chat.CodeInvalid, "")
	away := errors.New("away")
	w.store.Fail(away)
	if _, _, err := w.service.Find(t.Context(), w.operator.Principal, contact.Query{Name: "a", Limit: 9}); !errors.Is(err, away) {
		t.Errorf("an outage: %v", err)
	}
}

// The conversations of a contact are those of all its users, page by page, each once.
func TestTalks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	known := w.identified("42", nil)
	var want []chat.ConversationID
	for range 3 {
		want = append(want, w.says(known, "hello"))
		w.now = w.now.Add(time.Minute)
	}
	_, err := w.talk.Close(t.Context(), chat.Principal{Workspace: w.workspace, User: w.admin.User, Role: chat.RoleAdmin}, chat.Step{Conversation: want[2], ID: chat.EventID(chat.NewID(chat.EventPrefix, w.now))})
	w.must(err)
	id := string(w.cardOf(known).ID)
	var got []chat.ConversationID
	var open []bool
	var place *contact.TalkPlace
	for range 9 {
		list, next, err := w.service.Talks(t.Context(), w.operator.Principal, id, place, 1)
		w.must(err)
		for _, talk := range list {
			got, open = append(got, talk.Conversation), append(open, talk.Open)
		}
		if place = next; place == nil {
			break
		}
	}
	w.same("all", []any{got, open}, []any{[]chat.ConversationID{want[1], want[0], want[2]}, []bool{true, true, false}})
	_, _, err = w.service.Talks(t.Context(), w.operator.Principal, id, &contact.TalkPlace{User: w.admin.User}, 1)
	w.refused("a place in somebody else's list", err, chat.CodeInvalid, "")
}

// Ids tell nothing: of nobody, of a colleague and of another workspace's customer the answer is the same.
func TestEnumeration(t *testing.T) {
	t.Parallel()
	w, other := newWorld(t), newWorld(t)
	theirs := other.cardOf(other.identified("42", nil))
	for what, id := range map[string]string{
		"nobody": chat.NewID(chat.UserPrefix, w.now), "a colleague": string(w.operator.User), "theirs": string(theirs.ID), "their user": string(theirs.Users[0]),
		"no id": "42", "a contact of nobody": chat.NewID(contact.Prefix, w.now), "who never wrote": string(w.anonymous().Session.User),
	} {
		_, err := w.service.Get(t.Context(), w.admin.Principal, id)
		w.refused(what, err, chat.CodeNotFound, "")
	}
}
