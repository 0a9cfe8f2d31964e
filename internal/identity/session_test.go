package identity_test

import (
	"errors"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

func TestCustomerStartsAndComesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.customer()
	if p := first.Session.Principal(); p.Workspace != w.one || p.Role != chat.RoleCustomer || !p.User.Valid() || !p.Session.Valid() {
		t.Errorf("principal %+v", p)
	}
	again, err := w.customers.Start(t.Context(), "wk_one", "http://localhost:5173", first.Token.Text())
	w.must(err)
	if again.Session.User != first.Session.User || again.Token != first.Token {
		t.Error("the same token made another customer")
	}
	if other := w.customer(); other.Session.User == first.Session.User {
		t.Error("without a token the same customer")
	}
	if n := len(w.store.Sessions()); n != 2 {
		t.Errorf("%d sessions stored", n)
	}
}

func TestCustomerIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	customer, operator := w.customer().Token.Text(), w.operator().Token.Text()
	start := func(key, origin, token string) error {
		_, err := w.customers.Start(t.Context(), key, origin, token)
		return err
	}
	for _, origin := range []string{evil, "", "null", shop + ".evil.example", "http://shop.example", shop + ":8443", "HTTPS://SHOP.EXAMPLE", desk} {
		w.refused("origin "+origin, start("wk_one", origin, ""), chat.CodeForbidden, identity.ReasonOriginNotAllowed)
		w.refused("origin with a token "+origin, start("wk_one", origin, customer), chat.CodeForbidden, identity.ReasonOriginNotAllowed)
	}
	w.refused("no such widget", start("wk_none", shop, ""), chat.CodeNotFound, identity.ReasonWidgetUnknown)
	w.refused("a token of another workspace", start("wk_two", shop, customer), chat.CodeUnauthenticated, identity.ReasonSessionUnknown)
	w.refused("a token of staff", start("wk_one", shop, operator), chat.CodeUnauthenticated, identity.ReasonSessionUnknown)
	w.refused("no token at all", start("wk_one", shop, "x"), chat.CodeUnauthenticated, identity.ReasonSessionUnknown)
	for _, key := range []string{"", "one", "wk_", "wk_a#b", "wk_" + string(make([]byte, 62)), "wk_ü"} {
		if err := start(key, shop, ""); chat.CodeOf(err) != chat.CodeInvalid {
			t.Errorf("key %q: %v", key, err)
		}
	}
}

func TestCustomerSessionLives180DaysFromLastUse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.customer()
	use := func(after time.Duration) time.Time {
		w.now = w.now.Add(after)
		again, err := w.sessions.Authenticate(t.Context(), o.Token.Text())
		w.must(err)
		return again.Session.Expires
	}
	begin := w.now
	if got := use(23 * time.Hour); !got.Equal(begin.Add(identity.CustomerLife)) {
		t.Errorf("renewed within a day: expires %s", got)
	}
	if got := use(time.Hour); !got.Equal(w.now.Add(identity.CustomerLife)) {
		t.Errorf("not renewed after a day: expires %s", got)
	}
	use(identity.CustomerLife - time.Millisecond)
	w.now = w.now.Add(identity.CustomerLife)
	_, err := w.sessions.Authenticate(t.Context(), o.Token.Text())
	w.refused("unused for 180 days", err, chat.CodeUnauthenticated, identity.ReasonSessionExpired)
	w.refused("its socket", w.sessions.Check(t.Context(), o.Session.Principal()), chat.CodeUnauthenticated, identity.ReasonSessionExpired)
}

func TestStaffSessionEndsAfter12HoursWhateverItsUse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.operator()
	w.now = w.now.Add(12*time.Hour - time.Millisecond)
	if _, err := w.sessions.Authenticate(t.Context(), o.Token.Text()); err != nil {
		t.Error(err)
	}
	w.must(w.sessions.Check(t.Context(), o.Session.Principal()))
	w.now = w.now.Add(time.Millisecond)
	_, err := w.sessions.Authenticate(t.Context(), o.Token.Text())
	w.refused("after 12 hours", err, chat.CodeUnauthenticated, identity.ReasonSessionExpired)
	w.refused("its socket", w.sessions.Check(t.Context(), o.Session.Principal()), chat.CodeUnauthenticated, identity.ReasonSessionExpired)
}

func TestRevokedSessionEndsItsSockets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o, colleague := w.operator(), w.operator()
	w.must(w.sessions.Revoke(t.Context(), o.Session))
	_, err := w.sessions.Authenticate(t.Context(), o.Token.Text())
	w.refused("revoked", err, chat.CodeUnauthenticated, identity.ReasonSessionRevoked)
	w.refused("its socket", w.sessions.Check(t.Context(), o.Session.Principal()), chat.CodeUnauthenticated, identity.ReasonSessionRevoked)
	w.must(w.sessions.Check(t.Context(), colleague.Session.Principal()))
	if len(w.sockets.ended) != 1 || w.sockets.ended[0] != o.Session.Principal() {
		t.Errorf("ended the sockets of %+v", w.sockets.ended)
	}
	w.sockets.failure = errors.New("no answer")
	err = w.sessions.Revoke(t.Context(), colleague.Session)
	if !errors.Is(err, identity.ErrSocketsLeft) {
		t.Errorf("sockets left: %v", err)
	}
	w.refused("revoked all the same", w.sessions.Check(t.Context(), colleague.Session.Principal()), chat.CodeUnauthenticated, identity.ReasonSessionRevoked)
}

func TestCheckKnowsItsPrincipal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.customer().Session.Principal()
	for name, change := range map[string]func(*chat.Principal){
		"workspace": func(p *chat.Principal) { p.Workspace = w.two },
		"user":      func(p *chat.Principal) { p.User = chat.UserID(chat.NewID(chat.UserPrefix, w.now)) },
		"session":   func(p *chat.Principal) { p.Session = chat.SessionID(chat.NewID(chat.SessionPrefix, w.now)) },
		"role":      func(p *chat.Principal) { p.Role = chat.RoleAdmin },
	} {
		changed := p
		change(&changed)
		w.refused("another "+name, w.sessions.Check(t.Context(), changed), chat.CodeUnauthenticated, identity.ReasonSessionUnknown)
	}
}

// An outage is never mistaken for a bad token: clients throw those away.
func TestOutageIsNotARefusal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.operator()
	customer := w.customer()
	issued := w.ticket(o, desk)
	outage := errors.New("outage")
	w.store.Fail(outage)
	ctx := t.Context()
	_, authenticate := w.sessions.Authenticate(ctx, o.Token.Text())
	_, start := w.customers.Start(ctx, "wk_one", shop, "")
	_, resume := w.customers.Start(ctx, "wk_one", shop, customer.Token.Text())
	_, signIn := w.staff.SignIn(ctx, "one@example.com", "right", identity.Device{Source: "192.0.2.1", Origin: desk}, false)
	_, issue := w.tickets.Issue(ctx, o, desk)
	_, issueCustomer := w.tickets.Issue(ctx, customer, shop)
	_, redeem := w.tickets.Redeem(ctx, issued.Text, desk)
	_, explain := w.tickets.Explain(ctx, o.Token, issued.Text)
	for name, err := range map[string]error{
		"authenticate": authenticate, "start": start, "resume": resume, "sign in": signIn, "issue": issue, "issue to a customer": issueCustomer,
		"redeem": redeem, "explain": explain, "check": w.sessions.Check(ctx, o.Session.Principal()), "revoke": w.sessions.Revoke(ctx, o.Session),
	} {
		if !errors.Is(err, outage) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
