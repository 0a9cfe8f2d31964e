package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// office exchanges tokens as identity.Sessions does: a refresh token is good until the token that it got was used.
type office struct {
	api *API

	mu        sync.Mutex
	number    int  // of the present pair
	used      bool // its token was
	refreshes int
	ended     bool
	lose      int // answers still to lose
	refuse    string
}

func newOffice(t *testing.T) *office {
	o := &office{number: 1}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/staff-sessions/refresh", o.refresh)
	mux.HandleFunc("GET /v1/work", o.work)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	o.api = &API{Base: server.URL, HTTP: &http.Client{Transport: o}}
	return o
}

// RoundTrip loses answers that the server has given.
func (o *office) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := http.DefaultTransport.RoundTrip(r)
	o.mu.Lock()
	defer o.mu.Unlock()
	if err == nil && o.lose > 0 && r.Method == http.MethodPost {
		o.lose--
		_ = res.Body.Close()
		return nil, errors.New("the answer is lost")
	}
	return res, err
}

func (o *office) session() Session {
	return Session{Token: fmt.Sprint("t", o.number), RefreshToken: fmt.Sprint("r", o.number), TokenExpiresAt: time.Now().Add(15 * time.Minute).UnixMilli()}
}

func (o *office) refresh(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var body struct{ RefreshToken string }
	_ = json.NewDecoder(r.Body).Decode(&body)
	o.refreshes++
	switch {
	case o.refuse != "":
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = fmt.Fprintf(w, `{"code":%q}`, o.refuse)
	case o.ended:
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"code":"unauthenticated"}`))
	case body.RefreshToken == fmt.Sprint("r", o.number):
		o.number, o.used = o.number+1, false
		_, _ = w.Write(encode(o.session()))
	case body.RefreshToken == fmt.Sprint("r", o.number-1) && !o.used:
		_, _ = w.Write(encode(o.session()))
	default:
		o.ended = true // in two hands
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"code":"unauthenticated"}`))
	}
}

func (o *office) work(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if r.Header.Get("Authorization") != fmt.Sprint("Bearer t", o.number) || o.ended {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"code":"unauthenticated"}`))
		return
	}
	o.used = true
	_, _ = w.Write([]byte(`{}`))
}

func (o *office) call(k *Keeper) error {
	return k.Do(context.Background(), func(token string) error {
		return o.api.Call(context.Background(), http.MethodGet, "/v1/work", token, nil, nil)
	})
}

func TestKeeperOverLostAnswers(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	k := NewKeeper(o.api, o.session(), nil)
	for range 3 {
		if err := o.call(k); err != nil {
			t.Fatal(err)
		}
		k.session.TokenExpiresAt = time.Now().Add(refreshAhead / 2).UnixMilli()
		o.lose = 2
	}
	if err := o.call(k); err != nil || o.number != 4 || o.refreshes != 9 {
		t.Errorf("%v: pair %d after %d refreshes", err, o.number, o.refreshes)
	}
}

// A session that was saved last gets the next one, whenever its keeper died.
func TestKeeperSavesBeforeItUses(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	first := o.session()
	fails := errors.New("disk full")
	k := NewKeeper(o.api, first, func(Session) error { return fails })
	k.session.TokenExpiresAt = 1
	if err := o.call(k); !errors.Is(err, fails) || o.used {
		t.Fatalf("%v, used %v: a token that was not saved", err, o.used)
	}
	var saved Session
	life := NewKeeper(o.api, first, func(s Session) error { saved = s; return nil })
	life.session.TokenExpiresAt = 1
	if err := o.call(life); err != nil || saved.Token != "t2" || saved != life.Session() {
		t.Errorf("%v, saved %+v", err, saved)
	}
}

func TestKeeperRefreshesOnceForAll(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	k := NewKeeper(o.api, o.session(), nil)
	k.session.Token = "t0" // refused, whatever its time
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := o.call(k); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if o.refreshes != 1 {
		t.Errorf("%d refreshes", o.refreshes)
	}
}

func TestKeeperOfASessionThatHasEnded(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	k := NewKeeper(o.api, o.session(), nil)
	o.ended = true
	if err := o.call(k); chat.CodeOf(err) != chat.CodeUnauthenticated || o.refreshes != 1 {
		t.Errorf("%v after %d refreshes", err, o.refreshes)
	}
	lasting := NewKeeper(o.api, Session{Token: "t9"}, nil)
	if err := o.call(lasting); chat.CodeOf(err) != chat.CodeUnauthenticated || o.refreshes != 1 {
		t.Errorf("%v: a token without a refresh token, after %d refreshes", err, o.refreshes)
	}
	if err := lasting.Renew(context.Background()); chat.CodeOf(err) != chat.CodeUnauthenticated {
		t.Error(err)
	}
}

// A token that still holds is good enough while nobody answers.
func TestKeeperWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.refuse = "unavailable"
	k := NewKeeper(o.api, o.session(), nil)
	k.session.TokenExpiresAt = time.Now().Add(refreshAhead / 2).UnixMilli()
	if err := o.call(k); err != nil || o.refreshes != refreshTries {
		t.Errorf("%v after %d refreshes", err, o.refreshes)
	}
	k.session.TokenExpiresAt = time.Now().Add(-time.Second).UnixMilli()
	if err := o.call(k); chat.CodeOf(err) != chat.CodeUnavailable {
		t.Error(err)
	}
}

// A socket whose session must be vouched for again is replaced by one of the session renewed; one that cannot be renewed
// ends.
func TestRenewedSessionGetsAnotherSocket(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.m.cfg.Renews = true
	s.connect(chat.RoleOperator, snapshot(1, message(1, "a")))
	s.send("kept")
	f := s.take(protocol.ActionSend)
	s.refuse(f, chat.CodeUnauthenticated, 0)
	s.receive(1, protocol.Bye{Type: protocol.TypeBye, Reason: chat.CodeUnauthenticated})
	s.pass(time.Second)
	if s.m.Stopped() != "" || len(s.dials) != 2 || !s.renewed[2] || s.renewed[1] {
		t.Fatalf("stopped %q, dialled %v, renewed %v", s.m.Stopped(), s.dials, s.renewed)
	}
	s.open(2)
	s.welcome(chat.RoleOperator, snapshot(1, message(1, "a")))
	if again := s.take(protocol.ActionSend); again.Messages[0].ID != f.Messages[0].ID {
		t.Errorf("%s", again.Raw)
	}
	s.receive(2, protocol.Bye{Type: protocol.TypeBye, Reason: chat.CodeUnauthenticated})
	s.pass(time.Second)
	s.m.Rejected(3, chat.CodeUnauthenticated)
	s.pass(time.Hour)
	if s.m.Stopped() != chat.CodeUnauthenticated || len(s.dials) != 3 || s.m.Pending() != 1 {
		t.Errorf("stopped %q, dialled %v, pending %d", s.m.Stopped(), s.dials, s.m.Pending())
	}
}

// Whoever signs in again goes on with what was under way when the session ended.
func TestOutboxGoesOnAfterTheSessionEnded(t *testing.T) {
	t.Parallel()
	s := welcomed(t, chat.RoleCustomer)
	s.send("kept")
	s.refuse(s.take(protocol.ActionSend), chat.CodeUnauthenticated, 0)
	s.connect(chat.RoleCustomer, snapshot(1, message(1, "a"), message(2, "b")))
	if f := s.take(protocol.ActionSend); f.Messages[0].Text != "kept" {
		t.Errorf("%s", f.Raw)
	}
}
