package identity_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

func (w *world) signIn(address, password, source string) error {
	_, err := w.staff.SignIn(w.t.Context(), address, password, identity.Device{Source: source}, false)
	return err
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, spelling := range []string{"one@example.com", " One@EXAMPLE.com\n"} {
		o, err := w.staff.SignIn(t.Context(), spelling, "right", identity.Device{Source: "192.0.2.1", Origin: desk}, false)
		w.must(err)
		s := o.Session
		if s.Workspace != w.one || s.Role != chat.RoleOperator || s.Name != "ONE" || !s.Expires.Equal(w.now.Add(12*time.Hour)) {
			t.Errorf("session %+v", s)
		}
	}
	w.refused("wrong password", w.signIn("one@example.com", "wrong", "x"), chat.CodeUnauthenticated, identity.ReasonWrongCredentials)
	_, err := w.staff.SignIn(t.Context(), "one@example.com", "right", identity.Device{Source: "x", Origin: evil}, false)
	w.refused("wrong origin", err, chat.CodeForbidden, identity.ReasonOriginNotAllowed)
	_, err = w.staff.SignIn(t.Context(), "one@example.com", "wrong", identity.Device{Source: "x", Origin: evil}, false)
	w.refused("wrong origin and password", err, chat.CodeUnauthenticated, identity.ReasonWrongCredentials)
	for _, address := range []string{"", "@", "a@", "@b", "a b@c", "a\x00@c", strings.Repeat("a", 250) + "@b.cd", "a\xff@b"} {
		if err := w.signIn(address, "right", "x"); chat.CodeOf(err) != chat.CodeInvalid {
			t.Errorf("address %q: %v", address, err)
		}
	}
	for _, password := range []string{"", strings.Repeat("p", identity.MaxPassword+1)} {
		if err := w.signIn("one@example.com", password, "x"); chat.CodeOf(err) != chat.CodeInvalid {
			t.Errorf("password of %d bytes: %v", len(password), err)
		}
	}
}

// An unknown address, a disabled account and a wrong password get the same answer after the same work.
func TestAccountsCannotBeProbed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, change := range map[string]func(*identity.Account){
		"disabled": func(a *identity.Account) { a.Disabled = true },
		"customer": func(a *identity.Account) { a.Role = chat.RoleCustomer },
		"no role":  func(a *identity.Account) { a.Role = "" },
	} {
		a := w.account(w.one, strings.ReplaceAll(name, " ", ""))
		change(&a)
		w.must(w.store.PutStaff(t.Context(), a, "hash:right"))
		w.refused(name, w.signIn(a.Address, "right", "x"), chat.CodeUnauthenticated, identity.ReasonWrongCredentials)
	}
	unknown := w.signIn("nobody@example.com", "right", "x")
	wrong := w.signIn("one@example.com", "wrong", "x")
	if unknown == nil || wrong == nil || unknown.Error() != wrong.Error() {
		t.Errorf("%v and %v differ", unknown, wrong)
	}
	before := w.passwords.verified
	_ = w.signIn("nobody@example.com", "right", "x")
	if w.passwords.verified != before+1 {
		t.Error("an unknown address costs no hash")
	}
	if err := w.signIn("nobody@example.com", "", "x"); err == nil {
		t.Error("an empty password signs in to nothing")
	}
}

// An address that was changed leaves its old look-up behind; it must not sign in.
func TestStaleAddressDoesNotSignIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.account(w.one, "old")
	w.must(w.store.PutStaff(t.Context(), a, "hash:right"))
	a.Address = "new@example.com"
	w.must(w.store.PutStaff(t.Context(), a, "hash:right"))
	w.refused("old address", w.signIn("old@example.com", "right", "x"), chat.CodeUnauthenticated, identity.ReasonWrongCredentials)
	w.must(w.signIn("new@example.com", "right", "x"))
}

func TestGuessingIsThrottled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range identity.PairAttempts {
		w.refused("guess", w.signIn("one@example.com", "wrong", "a"), chat.CodeUnauthenticated, identity.ReasonWrongCredentials)
	}
	verified := w.passwords.verified
	err := w.signIn("one@example.com", "right", "a")
	w.refused("the right password, too late", err, chat.CodeTooFast, identity.ReasonThrottled)
	if w.passwords.verified != verified {
		t.Error("a throttled attempt costs a hash")
	}
	if after := retryAfter(err); after != 14*time.Minute { // 09:31, and the window ends at 09:45
		t.Errorf("retry after %s", after)
	}
	w.must(w.signIn("one@example.com", "right", "b")) // the person, elsewhere
	w.must(w.signIn("two@example.com", "right", "a")) // a colleague behind the same address
	w.now = w.now.Add(14 * time.Minute)
	w.must(w.signIn("one@example.com", "right", "a"))
}

func retryAfter(err error) time.Duration {
	var e *chat.Error
	if !errors.As(err, &e) {
		return 0
	}
	return e.RetryAfter
}

func TestSprayingIsThrottled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range identity.SourceAttempts {
		w.refused("spray", w.signIn(fmt.Sprintf("user%d@example.com", i), "summer", "a"), chat.CodeUnauthenticated, identity.ReasonWrongCredentials)
	}
	w.refused("one more", w.signIn("one@example.com", "right", "a"), chat.CodeTooFast, identity.ReasonThrottled)
	w.must(w.signIn("one@example.com", "right", "b"))
}

// All of a line's IPv6 addresses are one source.
func TestIPv6IsOneSourcePerLine(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	people, _ := w.staffed()
	line := func(i int) string { return fmt.Sprintf("2001:db8:1:2::%x", i) }
	for i := range identity.PairAttempts {
		w.refused("guess", w.signIn("one@example.com", "wrong", line(i)), chat.CodeUnauthenticated, identity.ReasonWrongCredentials)
	}
	w.refused("from the next address", w.signIn("one@example.com", "right", line(1<<15)), chat.CodeTooFast, identity.ReasonThrottled)
	for i := range identity.LinkAttempts {
		w.refused("link", people.Reset(t.Context(), "pin_", phrase, line(i)), chat.CodeUnauthenticated, identity.ReasonLinkInvalid)
	}
	w.refused("a link from the next address", people.Reset(t.Context(), "pin_", phrase, line(1<<15)), chat.CodeTooFast, identity.ReasonThrottled)
	w.must(w.signIn("one@example.com", "right", "2001:db8:1:3::1"))
}

func TestGuessingFromEverywhereIsThrottled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range identity.AddressAttempts {
		w.refused("guess", w.signIn("one@example.com", "wrong", fmt.Sprint("bot", i)), chat.CodeUnauthenticated, identity.ReasonWrongCredentials)
	}
	w.refused("one more", w.signIn("one@example.com", "wrong", "bot"), chat.CodeTooFast, identity.ReasonThrottled)
	w.must(w.signIn("two@example.com", "right", "bot"))
}

// One source over its limit does not use up what the address has left for others.
func TestOneSourceCannotLockOutAnAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range identity.AddressAttempts + 50 {
		_ = w.signIn("one@example.com", "wrong", "a")
	}
	w.must(w.signIn("one@example.com", "right", "b"))
}

func TestRightPasswordsAreNotCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 3 * identity.SourceAttempts {
		w.must(w.signIn("one@example.com", "right", "a"))
	}
}

// Guesses made at once are counted before any of them is verified.
func TestConcurrentGuessesCannotPassTheLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	guesser := &counting{}
	w.staff.Passwords = guesser
	var done sync.WaitGroup
	for range 5 * identity.PairAttempts {
		done.Go(func() { _ = w.signIn("one@example.com", "wrong", "a") })
	}
	done.Wait()
	if n := guesser.verified.Load(); n != identity.PairAttempts {
		t.Errorf("%d guesses were verified, want %d", n, identity.PairAttempts)
	}
}

// counting refuses every password.
type counting struct{ verified atomic.Int32 }

func (*counting) Hash(string) (string, error) { return "", nil }

func (c *counting) Verify(string, string) bool {
	c.verified.Add(1)
	return false
}

// An address that would be another's in lower case, or looks like it, is none; letters of other alphabets are their own.
func TestLookAlikeAddresses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	people, boss := w.staffed()
	for _, address := range []string{
		"\u212Aelvin@example.com", "kelvin@example.com\u200b", "ada\u202e@example.com", "\u0130vo@example.com", "ada@\u212Awik.example",
		"ada\u00ad@example.com", "ada@example.com\x00", "ada@exam\nple.com", "ada", "@example.com", "ada@", "a\xff@example.com",
	} {
		if got, ok := identity.NormalizeAddress(address); ok {
			t.Errorf("%q is taken for %q", address, got)
		}
		if _, _, err := people.Invite(t.Context(), boss, identity.Offer{Address: address, Role: chat.RoleOperator}); chat.CodeOf(err) != chat.CodeInvalid {
			t.Errorf("%q is invited: %v", address, err)
		}
		if err := w.signIn(address, "right", "x"); chat.CodeOf(err) != chat.CodeInvalid {
			t.Errorf("%q signs in: %v", address, err)
		}
	}
	if got, _ := identity.NormalizeAddress(" ada@example.com\n"); got != "ada@example.com" {
		t.Errorf("with spaces around it: %q", got)
	}
	for in, want := range map[string]string{
		"Ada@Example.COM": "ada@example.com", "\u0430da@example.com": "\u0430da@example.com", "ZO\u00cb@example.com": "zo\u00eb@example.com",
	} {
		if got, ok := identity.NormalizeAddress(in); !ok || got != want {
			t.Errorf("%q is %q, %v; want %q", in, got, ok, want)
		}
	}
}
