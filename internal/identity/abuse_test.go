package identity_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

// together runs n tries at once, and returns how many got through; the others are refused as they should be.
func (w *world) together(n int, code chat.Code, reason identity.Reason, try func() error) int {
	w.t.Helper()
	var wait sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		wait.Go(func() { errs[i] = try() })
	}
	wait.Wait()
	through := 0
	for _, err := range errs {
		if err == nil {
			through++
			continue
		}
		w.refused("one too many", err, code, reason)
	}
	return through
}

// Of many who take one invitation at once, one gets an account.
func TestInvitationRace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	people, boss := w.staffed()
	_, token, err := people.Invite(t.Context(), boss, identity.Offer{Address: "new@example.com", Role: chat.RoleOperator})
	w.must(err)
	if n := w.together(identity.LinkAttempts, chat.CodeUnauthenticated, identity.ReasonLinkInvalid, func() error {
		_, err := people.Accept(t.Context(), token, "New", phrase, "")
		return err
	}); n != 1 {
		t.Errorf("%d took the invitation", n)
	}
}

// Of many who use one link to set a password at once, one sets it.
func TestResetRace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	people, boss := w.staffed()
	_, token, err := people.IssueReset(t.Context(), boss, w.operator().Session.User, "")
	w.must(err)
	if n := w.together(identity.LinkAttempts, chat.CodeUnauthenticated, identity.ReasonLinkInvalid, func() error {
		return people.Reset(t.Context(), token, phrase, "")
	}); n != 1 {
		t.Errorf("%d set the password", n)
	}
}

// A link is good for what it was made for, in the workspace that made it, to those who have all of it.
func TestLinksAreForOneThing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	people, boss := w.staffed()
	one := w.operator()
	_, invitation, err := people.Invite(t.Context(), boss, identity.Offer{Address: "new@example.com", Role: chat.RoleOperator})
	w.must(err)
	_, reset, err := people.IssueReset(t.Context(), boss, one.Session.User, "")
	w.must(err)
	other, err := w.customers.Start(t.Context(), "wk_two", shop, "")
	w.must(err)
	moved := "pin_" + other.Token.Text()[4:4+20] + invitation[24:] // most of another workspace's id
	accept := func(token string) error {
		_, err := people.Accept(t.Context(), token, "New", phrase, "")
		return err
	}
	set := func(token string) error { return people.Reset(t.Context(), token, phrase, "") }
	for what, err := range map[string]error{
		"a reset that invites": accept(reset), "an invitation that resets": set(invitation), "another workspace's": accept(moved),
		"a session's token": accept(one.Token.Text()), "a refresh token": set(w.refreshed().Refresh.Text()), "nothing": accept(""),
		"a longer one": accept(invitation + "A"), "other letters": accept(strings.ToUpper(invitation)),
	} {
		w.refused(what, err, chat.CodeUnauthenticated, identity.ReasonLinkInvalid)
	}
	w.must(accept(invitation))
	w.must(set(reset))
	w.refused("a session of before", w.use(one), chat.CodeUnauthenticated, identity.ReasonSessionRevoked)
}

// Guesses at links to set a password are counted with those at invitations: who guesses both has no more of them.
func TestResetsCannotBeGuessed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	people, boss := w.staffed()
	_, token, err := people.IssueReset(t.Context(), boss, w.operator().Session.User, "")
	w.must(err)
	forged := token[:len(token)-4] + "AAAA"
	for range identity.LinkAttempts / 2 {
		w.refused("a guess", people.Reset(t.Context(), forged, phrase, "guesser"), chat.CodeUnauthenticated, identity.ReasonLinkInvalid)
		_, err := people.Accept(t.Context(), forged, "New", phrase, "guesser")
		w.refused("a guess", err, chat.CodeUnauthenticated, identity.ReasonLinkInvalid)
	}
	w.refused("one more, even the right one", people.Reset(t.Context(), token, phrase, "guesser"), chat.CodeTooFast, identity.ReasonThrottled)
	w.must(people.Reset(t.Context(), token, phrase, "elsewhere"))
}
