package contact_test

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contact"
	"github.com/parley-chat/parley/internal/identity"
)

// A visitor who wrote, left an address and then signs in at the shop: one contact, verified, with everything.
func TestIdentify(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	device := w.anonymous()
	id := w.says(device, "hello")
	w.lead(device, "Ada@Private.example ")
	before := w.cardOf(device)
	known := w.identify(device, "42", object{
		"name": "Ada", "email": "ada@shop.example", "email_verified": true, "phone_number": "+41 44 000 00 00", "locale": "de-CH",
		"fields": object{"plan": "gold"},
	})
	if known.Session.User == device.Session.User || !w.reads(known, id) || w.reads(device, id) {
		t.Errorf("the conversation is not the known customer's alone")
	}
	c := w.cardOf(known)
	w.same("card", contact.Contact{
		Workspace: w.workspace, ID: c.ID, Name: "Ada", Identities: []contact.Identity{{Channel: "app", External: "42"}}, Locale: "de-CH",
		Addresses: []contact.Address{
			{Kind: contact.Email, Value: "ada@shop.example", Verified: true}, {Kind: contact.Phone, Value: "+41440000000"},
			{Kind: contact.Email, Value: "ada@private.example"},
		},
		Fields: map[string]string{"plan": "gold"}, FirstSeen: c.FirstSeen, LastSeen: w.now, Users: []chat.UserID{known.Session.User, device.Session.User},
		Version: 1, Events: 1,
	}, c)
	w.same("the device's own contact leads there", w.card(string(before.ID)).ID, c.ID)
	w.same("its log", w.events(before.ID), []contact.EventType{contact.EventLead, contact.EventMerged})
	w.same("the log", w.events(c.ID), []contact.EventType{contact.EventIdentified})
}

// Session fixation: whoever knew, or planted, the token of before has nothing of the session after.
func TestIdentifyRotatesTheSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	planted := w.anonymous()
	known, fresh, err := w.visit(planted.Token.Text(), w.token("42", nil))
	w.must(err)
	if !fresh || known.Session.ID == planted.Session.ID || known.Token.Text() == planted.Token.Text() {
		t.Error("the session is the one of before")
	}
	_, err = w.sessions.Authenticate(t.Context(), planted.Token.Text())
	w.refused("the token of before", err, chat.CodeUnauthenticated, identity.ReasonSessionRevoked)
	w.same("sockets ended", w.sockets.ended, []chat.UserID{planted.Session.User})

	same, fresh, err := w.visit(known.Token.Text(), w.token("42", object{"name": "Ada"}))
	w.must(err)
	if fresh || same.Session.ID != known.Session.ID {
		t.Error("the same customer again: another session")
	}
	w.same("and the card learns", w.cardOf(known).Name, "Ada")
}

func TestOneContactOnAllDevices(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one := w.identified("42", nil)
	id := w.says(one, "from the phone")
	second := w.anonymous()
	other := w.says(second, "from the laptop")
	two := w.identify(second, "42", nil)
	w.same("user", two.Session.User, one.Session.User)
	if !w.reads(two, id) || !w.reads(one, other) {
		t.Error("one device does not see what the other said")
	}
	w.same("users", w.cardOf(one).Users, []chat.UserID{one.Session.User, second.Session.User})
}

// What somebody types about themselves makes them nobody else, and shows them nothing.
func TestTypedAddressAttachesToNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.identified("42", object{"email": "ada@shop.example", "email_verified": true})
	id := w.says(ada, "my secret")
	eve := w.anonymous()
	w.says(eve, "I am Ada")
	typed := w.lead(eve, "ada@shop.example")
	if typed.Verified() || typed.ID == w.cardOf(ada).ID || typed.Addresses[0].Verified {
		t.Errorf("attached: %+v", typed)
	}
	if w.reads(eve, id) {
		t.Error("an anonymous visitor reads a verified contact's conversation")
	}
	found, _, err := w.service.Find(t.Context(), w.operator.Principal, contact.Query{Email: "ada@shop.example", Limit: 9})
	w.must(err)
	if len(found) != 1 || found[0].ID != w.cardOf(ada).ID {
		t.Errorf("found by a typed address: %+v", found)
	}
	_, err = w.service.Capture(t.Context(), eve.Session.Principal(), contact.Edit{Identities: &[]contact.Identity{{Channel: "app", External: "42"}}})
	w.refused("an identity that was typed", err, chat.CodeForbidden, "")
	// What a verified customer types does not replace what the business said.
	w.must(func() error {
		_, err := w.service.Update(t.Context(), w.api.Principal, string(w.cardOf(ada).ID), 0, true, contact.Edit{Name: text("Ada"), Fields: map[string]string{"plan": "gold"}})
		return err
	}())
	after, err := w.service.Capture(t.Context(), ada.Session.Principal(), contact.Edit{Name: text("Queen"), Fields: map[string]string{"plan": "all", "size": "L"}})
	w.must(err)
	w.same("name and fields", []any{after.Name, after.Fields}, []any{"Ada", map[string]string{"plan": "gold", "size": "L"}})
	w.same("unverified address of eve", w.events(typed.ID), []contact.EventType{contact.EventLead})
}

// A device that was one customer's brings nothing along when another signs in there.
func TestAnotherCustomerOnTheSameDevice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.identified("42", nil)
	id := w.says(ada, "my secret")
	bob := w.identify(ada, "43", nil)
	if w.reads(bob, id) || slices.Contains(w.cardOf(bob).Users, ada.Session.User) {
		t.Error("what the one said is the other's")
	}
	w.same("ada keeps hers", w.cardOf(ada).Users, []chat.UserID{ada.Session.User})
	if !w.reads(w.identified("42", nil), id) {
		t.Error("and cannot read it any more")
	}
}

func TestTokensThatDoNotHold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	at := func(d time.Duration) int64 { return w.now.Add(d).Unix() }
	used := w.token("42", nil)
	w.must(func() error { _, _, err := w.visit("", used); return err }())
	foreign := newWorld(t)
	for _, c := range []struct {
		what, token string
		reason      identity.Reason
	}{
		{"used", used, identity.ReasonIdentityReplayed},
		{"too long", strings.Repeat("x", identity.MaxCustomerToken+1), identity.ReasonIdentityMalformed},
		{"nonsense", "a.b.c", identity.ReasonIdentityMalformed},
		{"another workspace's key", foreign.token("42", object{"aud": string(w.workspace)}), identity.ReasonIdentityKey},
		{"another workspace's, as it is", foreign.token("42", nil), identity.ReasonIdentityKey},
		{"a kid that is a path", w.signAs("../"+w.kid, w.claims("42", nil)), identity.ReasonIdentityKey},
		{"a kid with a key's separator", w.signAs(w.kid+"#"+w.kid, w.claims("42", nil)), identity.ReasonIdentityKey},
		{"a kid in capitals", w.signAs(strings.ToUpper(w.kid), w.claims("42", nil)), identity.ReasonIdentityKey},
		{"made for ever", w.token("42", object{"exp": 4_000_000_000}), identity.ReasonIdentityLife},
		{"another audience", w.token("42", object{"aud": "w_other"}), identity.ReasonIdentityAudience},
		{"several audiences", w.token("42", object{"aud": []string{string(w.workspace), "w_other"}}), identity.ReasonIdentityAudience},
		{"no audience", w.token("42", object{"aud": nil}), identity.ReasonIdentityAudience},
		{"expired", w.token("42", object{"exp": at(-61 * time.Second), "iat": at(-300 * time.Second)}), identity.ReasonIdentityExpired},
		{"exp too far ahead", w.token("42", object{"exp": at(12 * time.Minute)}), identity.ReasonIdentityLife},
		{"made in the future", w.token("42", object{"iat": at(2 * time.Minute)}), identity.ReasonIdentityLife},
		{"not before later", w.token("42", object{"nbf": at(2 * time.Minute)}), identity.ReasonIdentityLife},
		{"no exp", w.token("42", object{"exp": nil}), identity.ReasonIdentityClaims},
		{"no iat", w.token("42", object{"iat": nil}), identity.ReasonIdentityClaims},
		{"no jti", w.token("42", object{"jti": nil}), identity.ReasonIdentityClaims},
		{"a long jti", w.token("42", object{"jti": strings.Repeat("j", 129)}), identity.ReasonIdentityClaims},
		{"no sub", w.token("", nil), identity.ReasonIdentityClaims},
		{"a long sub", w.token(strings.Repeat("s", 129), nil), identity.ReasonIdentityClaims},
		{"a sub with a line break", w.token("4\n2", nil), identity.ReasonIdentityClaims},
		{"no address", w.token("42", object{"email": "nobody"}), identity.ReasonIdentityClaims},
		{"a long name", w.token("42", object{"name": strings.Repeat("n", contact.MaxName+1)}), identity.ReasonIdentityClaims},
		{"a long field", w.token("42", object{"fields": object{"a": strings.Repeat("n", contact.MaxValue+1)}}), identity.ReasonIdentityClaims},
		{"a field with a strange name", w.token("42", object{"fields": object{"a b": "c"}}), identity.ReasonIdentityClaims},
		{"no time zone", w.token("42", object{"zoneinfo": "Nowhere/../x"}), identity.ReasonIdentityClaims},
	} {
		_, _, err := w.visit("", c.token)
		w.refused(c.what, err, chat.CodeUnauthenticated, c.reason)
	}
	w.now = w.now.Add(time.Minute) // within the skew of a clock
	w.identified("42", object{"exp": at(-59 * time.Second), "iat": at(-5 * time.Minute)})
	w.identified("42", object{"iat": at(59 * time.Second), "exp": at(10 * time.Minute)})
}

// Of many who present one token at once, one gets a session.
func TestTokenRace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.token("42", nil)
	var won, replayed atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			switch _, err := w.tokens.Verify(t.Context(), w.workspace, token); {
			case err == nil:
				won.Add(1)
			case strings.Contains(err.Error(), string(identity.ReasonIdentityReplayed)):
				replayed.Add(1)
			}
		})
	}
	all.Wait()
	w.same("won and lost", []int32{won.Load(), replayed.Load()}, []int32{1, 7})
}

func TestIdentityKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	list, err := w.tokens.List(t.Context(), w.admin)
	w.must(err)
	if len(list) != 1 || len(list[0].Material) != 0 || len(w.secret) < 43 {
		t.Errorf("listed with its secret: %+v", list)
	}
	_, _, err = w.tokens.Make(t.Context(), w.supervisor, "", identity.HS256, "")
	w.refused("a supervisor makes one", err, chat.CodeForbidden, "")
	_, err = w.tokens.List(t.Context(), w.operator)
	w.refused("an operator lists them", err, chat.CodeForbidden, "")
	for what, c := range map[string]struct {
		algorithm identity.Algorithm
		pem       string
	}{
		"a secret of one's own": {identity.HS256, "hunter2"}, "none": {"none", ""}, "no key": {identity.RS256, ""}, "a private key": {identity.ES256, "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n"},
		"no DER": {identity.RS256, "-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n"},
	} {
		_, _, err := w.tokens.Make(t.Context(), w.admin, "", c.algorithm, c.pem)
		w.refused(what, err, chat.CodeInvalid, "")
	}
	next, secret, err := w.tokens.Make(t.Context(), w.admin, "", identity.HS256, "") // rotation: both hold
	w.must(err)
	old := w.token("42", nil)
	was := w.kid
	w.kid, w.secret = next.ID, secret
	w.identified("42", nil)
	w.must(w.tokens.Remove(t.Context(), w.admin, was))
	_, _, err = w.visit("", old)
	w.refused("signed by a key that was removed", err, chat.CodeUnauthenticated, identity.ReasonIdentityKey)
	w.refused("removed again", w.tokens.Remove(t.Context(), w.admin, was), chat.CodeNotFound, "")
}

// A flood of new visitors from one address ends; who has a session goes on.
func TestFloodOfVisitors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	known := w.anonymous()
	var err error
	n := 1
	for ; err == nil && n < 200; n++ {
		_, _, err = w.visit("", "")
	}
	w.refused("too many", err, chat.CodeTooFast, identity.ReasonThrottled)
	w.same("allowed", n-1, identity.StartsPerSource)
	_, _, err = w.visit(known.Token.Text(), "")
	w.must(err)
	w.now = w.now.Add(identity.StartWindow)
	w.anonymous()
}

// Losing a race with a colleague costs a try, not the customer's session.
func TestIdentifyDecidesAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.identified("42", nil)
	id := string(w.cardOf(ada).ID)
	w.store.BeforeCommit(func() {
		_, err := w.service.Update(t.Context(), w.operator.Principal, id, 0, true, contact.Edit{Fields: map[string]string{"vip": "yes"}})
		w.must(err)
	})
	w.identified("42", object{"name": "Ada"})
	c := w.card(id)
	w.same("both changes", []any{c.Name, c.Fields}, []any{"Ada", map[string]string{"vip": "yes"}})
}
