package e2e

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/client"
	"github.com/parley-chat/parley/internal/dynamo"
	"github.com/parley-chat/parley/internal/identity"
	"github.com/parley-chat/parley/localstack/e2e/world"
)

// lossy loses the answers to the next refreshes, which the server has made all the same.
type lossy struct {
	next http.RoundTripper

	mu   sync.Mutex
	lose int
	lost int
}

func (l *lossy) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := l.next.RoundTrip(r)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil && l.lose > 0 && strings.HasSuffix(r.URL.Path, "/refresh") {
		l.lose--
		l.lost++
		_ = res.Body.Close()
		return nil, errors.New("the answer is lost")
	}
	return res, err
}

// age changes a session in storage as if time had passed.
func age(t *testing.T, s client.Session, change func(*identity.Session)) {
	t.Helper()
	store := dynamo.Identity{Store: suite.Store()}
	eventually(t, "the session is changed", func() bool { // its use is noted at the same time
		session, found, err := store.Session(within(t), s.Workspace, s.User, s.Session)
		must(t, err)
		if !found {
			t.Fatal("no such session")
		}
		next := session
		change(&next)
		err = store.SwapSession(within(t), session, next)
		if !errors.Is(err, identity.ErrConflict) {
			must(t, err)
		}
		return err == nil
	})
}

// kept is an operator whose client exchanges the tokens of its session.
func kept(t *testing.T, ws world.Workspace) (*world.Party, *client.Keeper, *lossy, *client.Session) {
	t.Helper()
	api := suite.API(ws)
	wire := &lossy{next: api.HTTP.Transport}
	api.HTTP = &http.Client{Transport: wire}
	s, err := api.SignInRefreshed(within(t), ws.Operators[0].Email, ws.Operators[0].Password)
	must(t, err)
	saved := s
	keeper := client.NewKeeper(api, s, func(next client.Session) error { saved = next; return nil })
	opts := fast()
	opts.Keeper = keeper
	o, err := suite.Join(within(t), api, s, opts)
	must(t, err)
	t.Cleanup(o.Close)
	return o, keeper, wire, &saved
}

// TestClientOutlivesItsTokens: access tokens end, answers to their exchange are lost, sockets break; the conversation goes
// on. A life that starts with what was saved goes on, too; one that starts with what was saved before ends the session.
func TestClientOutlivesItsTokens(t *testing.T) {
	t.Parallel()
	ws := seed(t, 1)
	c := customer(t, ws, fast())
	o, keeper, wire, saved := kept(t, ws)
	id, err := c.Start(within(t), "hello")
	must(t, err)
	must(t, o.Take(within(t), id))
	first := *saved
	for i := range 3 {
		before := keeper.Session()
		age(t, before, func(s *identity.Session) {
			s.Pair.Issued = s.Pair.Issued.Add(-identity.AccessLife - time.Minute)
			s.Pair.OldUntil = time.Time{}
		})
		if _, err := o.API.Ticket(within(t), before.Token); chat.CodeOf(err) != chat.CodeUnauthenticated {
			t.Fatalf("the token still works: %v", err)
		}
		wire.mu.Lock()
		wire.lose = 2
		wire.mu.Unlock()
		o.Drop()
		must(t, o.Until(within(t), func(m *client.Machine) bool { return !m.Ready() }))
		must(t, o.Say(id, "still here"))
		must(t, o.Acked(within(t)))
		if now := keeper.Session(); now.Token == before.Token || now.RefreshToken == before.RefreshToken || now != *saved || wire.lost != 2*(i+1) {
			t.Fatalf("round %d: %d answers lost, session %+v, saved %+v", i, wire.lost, now, *saved)
		}
	}
	if texts := converge(t, id, chat.Public, o, c); len(texts) != 4 { // the log is read by the last one
		t.Errorf("%v", texts)
	}
	life := client.NewKeeper(o.API, *saved, nil)
	must(t, life.Renew(within(t)))
	// Somebody else comes with the first refresh token.
	thief := client.NewKeeper(o.API, first, nil)
	if err := thief.Renew(within(t)); chat.CodeOf(err) != chat.CodeUnauthenticated {
		t.Errorf("an old refresh token: %v", err)
	}
	must(t, o.Until(within(t), func(m *client.Machine) bool { return m.Stopped() == chat.CodeUnauthenticated }))
}

// TestCustomersSessionIsExtendedByItsUse: one that is about to end goes on, with the same token and the same customer.
func TestCustomersSessionIsExtendedByItsUse(t *testing.T) {
	t.Parallel()
	ws := seed(t, 1)
	c := customer(t, ws, fast())
	id, err := c.Start(within(t), "hello")
	must(t, err)
	soon := time.Now().Add(time.Minute)
	age(t, c.Session, func(s *identity.Session) { s.Renewed, s.Expires = s.Renewed.Add(-identity.CustomerLife), soon })
	c.Drop()
	must(t, c.Until(within(t), func(m *client.Machine) bool { return !m.Ready() }))
	must(t, c.Say(id, "back again"))
	must(t, c.Acked(within(t)))
	again, err := c.API.StartCustomer(within(t), ws.WidgetKey, c.Session.Token)
	must(t, err)
	if left := time.Until(time.UnixMilli(again.ExpiresAt)); left < identity.CustomerLife-time.Hour || again.User != c.Session.User {
		t.Errorf("%s left of the session of %s", left, again.User)
	}
	age(t, c.Session, func(s *identity.Session) { s.Renewed, s.Expires = time.Now(), time.Now().Add(-time.Second) })
	c.Drop()
	must(t, c.Until(within(t), func(m *client.Machine) bool { return m.Stopped() == chat.CodeUnauthenticated }))
}
