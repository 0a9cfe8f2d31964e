package identity_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

// refreshed signs the operator of workspace one in with a pair of tokens.
func (w *world) refreshed() identity.Opened {
	w.t.Helper()
	w.audited()
	o, err := w.staff.SignIn(w.t.Context(), "one@example.com", "right", identity.Device{Source: "192.0.2.1", Origin: desk, Agent: "Firefox"}, true)
	w.must(err)
	return o
}

// audited completes the world with what refreshing reads and writes.
func (w *world) audited() {
	w.sessions.Accounts = &w.store
	w.sessions.Audit = &identity.Audit{Store: &w.store, Now: w.sessions.Now}
	w.staff.Audit = w.sessions.Audit
}

func (w *world) refresh(o identity.Opened) (identity.Opened, error) {
	return w.sessions.Refresh(w.t.Context(), o.Refresh.Text(), "192.0.2.1")
}

func (w *world) use(o identity.Opened) error {
	_, err := w.sessions.Authenticate(w.t.Context(), o.Token.Text())
	return err
}

// acts lists what the audit log of workspace one holds, newest first.
func (w *world) acts() (out []identity.Act) {
	w.t.Helper()
	list, _, err := w.store.AuditEntries(w.t.Context(), w.one, identity.AuditQuery{Until: w.now.Add(time.Hour), Limit: 100})
	w.must(err)
	for _, e := range list {
		out = append(out, e.Act)
	}
	return out
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.refreshed()
	if until := first.Session.AccessUntil(); !until.Equal(w.now.Add(15 * time.Minute)) {
		t.Errorf("the access token lasts until %s", until)
	}
	w.must(w.use(first))
	w.now = w.now.Add(10 * time.Minute)
	second, err := w.refresh(first)
	w.must(err)
	if second.Session.ID != first.Session.ID || second.Token == first.Token || second.Refresh == first.Refresh {
		t.Error("not the next pair of the same session")
	}
	w.must(w.use(second))
	w.must(w.use(first)) // what is on its way with the token before
	w.now = w.now.Add(6 * time.Minute)
	w.refused("the access token before, after its time", w.use(first), chat.CodeUnauthenticated, identity.ReasonTokenExpired)
	w.now = w.now.Add(9 * time.Minute)
	w.refused("the access token", w.use(second), chat.CodeUnauthenticated, identity.ReasonTokenExpired)
	w.must(w.sessions.Check(t.Context(), second.Session.Principal())) // a socket goes by the session
	w.now = w.now.Add(identity.RefreshIdle)
	_, err = w.refresh(second)
	w.refused("after a week", err, chat.CodeUnauthenticated, identity.ReasonSessionExpired)
}

// However often it is refreshed, a session ends.
func TestRefreshedSessionsEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.refreshed()
	for begin := w.now; w.now.Before(begin.Add(identity.RefreshLife - time.Hour)); w.now = w.now.Add(24 * time.Hour) {
		var err error
		o, err = w.refresh(o)
		w.must(err)
	}
	w.now = o.Session.Created.Add(identity.RefreshLife)
	_, err := w.refresh(o)
	w.refused("after 30 days", err, chat.CodeUnauthenticated, identity.ReasonSessionExpired)
}

// An answer that was lost is had again, at once or an hour later, and signs nobody out.
func TestALostAnswerSignsNobodyOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.refreshed()
	w.must(w.use(first))
	lost, err := w.refresh(first)
	w.must(err)
	w.now = w.now.Add(5 * time.Minute) // far beyond the grace, but nobody has used the new pair
	again, err := w.refresh(first)
	w.must(err)
	if again.Token != lost.Token || again.Refresh != lost.Refresh {
		t.Error("the repeated answer is another")
	}
	w.now = w.now.Add(time.Hour) // the pair's access token is of no use any more
	late, err := w.refresh(first)
	w.must(err)
	w.must(w.use(late))
	_, err = w.refresh(late)
	w.must(err)
}

// Tabs that refresh at once get one pair.
func TestTabsRefreshAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.refreshed()
	var mu sync.Mutex
	got := map[string]bool{}
	var tabs sync.WaitGroup
	for range 3 {
		tabs.Go(func() {
			o, err := w.refresh(first)
			if err == nil {
				err = w.use(o)
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			got[o.Token.Text()] = true
		})
	}
	tabs.Wait()
	if len(got) != 1 {
		t.Errorf("%d pairs", len(got))
	}
}

// A refresh token in two hands signs the session out for both, whoever was first, and however old it is.
func TestReuseIsFoundOut(t *testing.T) {
	t.Parallel()
	for name, refreshes := range map[string]int{"the owner was first": 1, "long ago": 3} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			stolen := w.refreshed()
			newest := stolen
			for range refreshes {
				var err error
				newest, err = w.refresh(newest)
				w.must(err)
				w.must(w.use(newest))
			}
			w.now = w.now.Add(identity.RefreshGrace)
			_, err := w.refresh(stolen)
			w.refused("the stolen token", err, chat.CodeUnauthenticated, identity.ReasonRefreshReused)
			w.refused("the owner's token", w.use(newest), chat.CodeUnauthenticated, identity.ReasonSessionRevoked)
			if acts := w.acts(); len(acts) != 1 || acts[0] != identity.ActRefreshReused {
				t.Errorf("audit log: %v", acts)
			}
			if len(w.sockets.ended) != 1 {
				t.Errorf("%d sessions' sockets ended", len(w.sockets.ended))
			}
		})
	}
}

// Made-up tokens sign nobody out: a mark shows which were ours.
func TestMadeUpRefreshTokensDoNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.refreshed()
	text := o.Refresh.Text()
	for i := len("prt_"); i < len(text); i++ {
		other := byte('A')
		if text[i] == 'A' {
			other = 'B'
		}
		forged := text[:i] + string(other) + text[i+1:]
		if _, err := w.sessions.Refresh(t.Context(), forged, "x"); chat.CodeOf(err) != chat.CodeUnauthenticated {
			t.Errorf("byte %d changed: %v", i, err)
		}
	}
	w.must(w.use(o))
	plain := w.operator()
	_, err := w.sessions.Refresh(t.Context(), strings.Replace(plain.Token.Text(), "pst_", "prt_", 1), "x")
	w.refused("an access token", err, chat.CodeUnauthenticated, identity.ReasonSessionUnknown)
	_, err = w.sessions.Authenticate(t.Context(), text)
	w.refused("a refresh token as an access token", err, chat.CodeUnauthenticated, identity.ReasonSessionUnknown)
}

// No text is stored by which a reader of the table could come in.
func TestStoredSessionsHoldNoSecrets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.refreshed()
	next, err := w.refresh(o)
	w.must(err)
	for _, s := range w.store.Sessions() {
		forged := identity.Session{Pair: s.Pair}
		if next.Token.Digest() != s.Digest {
			t.Error("the digest is not that of the token")
		}
		if forged.Pair.Salt == [32]byte{} || forged.Pair.Refresh == (identity.Digest{}) {
			t.Error("nothing is stored of the pair")
		}
	}
	if text := strings.Join([]string{next.Refresh.Text(), next.Token.Text()}, " "); strings.Contains(text, "%!") {
		t.Error(text)
	}
}

// A disabled account gets no next pair, and a changed one gets its new role.
func TestRefreshFollowsTheAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.refreshed()
	a, _, err := w.store.Account(t.Context(), w.one, o.Session.User)
	w.must(err)
	a.Role = chat.RoleSupervisor
	w.must(w.store.PutStaff(t.Context(), a, "hash:right"))
	next, err := w.refresh(o)
	w.must(err)
	if next.Session.Role != chat.RoleSupervisor || len(w.sockets.ended) != 1 {
		t.Errorf("role %s, %d sockets", next.Session.Role, len(w.sockets.ended))
	}
	a.Disabled = true
	w.must(w.store.PutStaff(t.Context(), a, "hash:right"))
	_, err = w.refresh(next)
	w.refused("disabled", err, chat.CodeUnauthenticated, identity.ReasonSessionRevoked)
}

// What somebody has before they sign in never becomes their session (session fixation).
func TestSignInMakesANewSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	visitor := w.customer()
	o := w.refreshed()
	if o.Session.ID == visitor.Session.ID || o.Session.User == visitor.Session.User {
		t.Error("the visitor's session became the operator's")
	}
	got, err := w.sessions.Authenticate(t.Context(), visitor.Token.Text())
	w.must(err)
	if got.Session.Role != chat.RoleCustomer {
		t.Errorf("the visitor is a %s now", got.Session.Role)
	}
	another := w.refreshed()
	if another.Session.ID == o.Session.ID {
		t.Error("two sign-ins, one session")
	}
}

func TestOwnSessions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one := w.refreshed()
	w.now = w.now.Add(time.Second)
	two := w.refreshed()
	list, err := w.sessions.List(t.Context(), w.one, one.Session.User)
	w.must(err)
	if len(list) != 2 || list[0].ID != two.Session.ID || list[0].Agent != "Firefox" || list[0].Source != "192.0.2.1" {
		t.Errorf("%+v", list)
	}
	err = w.sessions.RevokeOne(t.Context(), w.two, one.Session.User, one.Session.ID)
	if chat.CodeOf(err) != chat.CodeNotFound {
		t.Errorf("from another workspace: %v", err)
	}
	w.must(w.sessions.RevokeOne(t.Context(), w.one, one.Session.User, one.Session.ID))
	w.refused("revoked", w.use(one), chat.CodeUnauthenticated, identity.ReasonSessionRevoked)
	w.must(w.use(two))
	w.sockets.failure = errors.New("away")
	if err := w.sessions.RevokeAll(t.Context(), w.one, one.Session.User, ""); !errors.Is(err, identity.ErrSocketsLeft) {
		t.Errorf("sockets left: %v", err)
	}
	w.refused("revoked all the same", w.use(two), chat.CodeUnauthenticated, identity.ReasonSessionRevoked)
}
