package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity/identitytest"
)

// counted counts the writes of the shared counter.
type counted struct {
	Counters
	mu     sync.Mutex
	writes int
	fail   bool
}

func (c *counted) AddAttempts(ctx context.Context, counter string, n int, expires time.Time) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writes++
	if c.fail {
		return 0, errors.New("away")
	}
	return c.Counters.AddAttempts(ctx, counter, n, expires)
}

func TestCallersAreLimited(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, token := w.customer()
	_, other := w.customer()
	w.now = w.now.Add(20 * time.Second)
	ask := func(token string) answer { return w.do("GET", "/v1/sessions/current", "", "Authorization", token) }
	most := quotaOf(chat.RoleCustomer).max
	for i := range most {
		a := ask(token)
		if want := fmt.Sprintf(`"customer";r=%d;t=40`, most-1-i); a.StatusCode != http.StatusOK || a.Header.Get("RateLimit") != want ||
			a.Header.Get("RateLimit-Policy") != `"customer";q=120;w=60` {
			t.Fatalf("%d: %d, %q, want %q, %q", i, a.StatusCode, a.Header.Get("RateLimit"), want, a.Header.Get("RateLimit-Policy"))
		}
	}
	a := ask(token)
	w.problem("one more", a, 429, chat.CodeTooFast, "")
	if a.Header.Get("Retry-After") != "40" || a.Header.Get("RateLimit") != `"customer";r=0;t=40` {
		t.Errorf("%v", a.Header)
	}
	if a := ask(other); a.StatusCode != http.StatusOK {
		t.Errorf("somebody else: %d", a.StatusCode)
	}
	w.now = w.now.Add(40 * time.Second)
	if a := ask(token); a.StatusCode != http.StatusOK {
		t.Errorf("a minute later: %d", a.StatusCode)
	}
}

// Who has no session is limited by address, also where a session is needed; the local stack's callers are not.
func TestAddressesAreLimited(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range quotaOf("").max {
		w.problem("nobody", w.do("GET", "/v1/sessions/current", "", "Authorization", "Bearer x"), 401, chat.CodeUnauthenticated, "session_unknown")
	}
	w.problem("nobody, again", w.do("GET", "/v1/sessions/current", "", "Authorization", "Bearer x"), 429, chat.CodeTooFast, "")
	w.problem("an open route", w.do("GET", "/v1/health", ""), 429, chat.CodeTooFast, "")
	r := httptest.NewRequest(http.MethodGet, "/v1/health", nil)
	for _, address := range []string{"127.0.0.1:4000", "[::1]:4000"} {
		r.RemoteAddr = address
		recorder := httptest.NewRecorder()
		for range quotaOf("").max + 1 {
			recorder = httptest.NewRecorder()
			w.handler.ServeHTTP(recorder, r)
		}
		if recorder.Code != http.StatusOK {
			t.Errorf("%s: %d", address, recorder.Code)
		}
	}
}

// A line's IPv6 addresses are one caller.
func TestNetworksAreLimited(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ask := func(address string) answer { return w.from(address, "GET", "/v1/health", "") }
	for i := range quotaOf("").max {
		status(t, "one of the line's", ask(fmt.Sprintf("[2001:db8:1:2::%x]:4000", i)), http.StatusOK)
	}
	w.problem("another of the line's", ask("[2001:db8:1:2:ffff::1]:4000"), 429, chat.CodeTooFast, "")
	status(t, "another line", ask("[2001:db8:1:3::1]:4000"), http.StatusOK)
}

// TestTheLimitCostsOrdinaryCallersNothing, and holds over several instances within what it promises.
func TestInstancesShareTheLimit(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_790_000_000, 0)
	for _, instances := range []int{1, 2, 5, 20} {
		t.Run(strconv.Itoa(instances), func(t *testing.T) {
			t.Parallel()
			q := quota{"test", 200}
			shared := &counted{Counters: &identitytest.Memory{}}
			fleet := make([]*limiter, instances)
			for i := range fleet {
				fleet[i] = &limiter{shared: shared}
			}
			for i := range q.max / alone {
				fleet[i%instances].take(t.Context(), "u", q, now)
			}
			if shared.writes != 0 {
				t.Errorf("%d writes for ordinary traffic", shared.writes)
			}
			served := q.max / alone
			for i := range 10 * q.max {
				if fleet[i%instances].take(t.Context(), "u", q, now) >= 0 {
					served++
				}
			}
			bound := q.max + instances*(q.max/alone)
			if instances == 1 {
				bound = q.max
			}
			if served > bound || served < q.max {
				t.Errorf("%d served, at most %d were promised, and %d are a caller's right", served, bound, q.max)
			}
			if most := served/(q.max/steps) + instances; shared.writes > most {
				t.Errorf("%d writes, at most %d for %d requests", shared.writes, most, served)
			}
		})
	}
}

func TestTheLimitGoesOnAlone(t *testing.T) {
	t.Parallel()
	q := quota{"test", 40}
	l := &limiter{shared: &counted{fail: true}}
	served := 0
	for range 100 {
		if l.take(t.Context(), "u", q, time.Unix(0, 0)) >= 0 {
			served++
		}
	}
	if served != q.max {
		t.Errorf("%d served without the shared counter", served)
	}
	for i := range maxCallers + 1 {
		l.take(t.Context(), strconv.Itoa(i), q, time.Unix(0, 0))
	}
	if n := len(l.callers); n > maxCallers {
		t.Errorf("%d callers in memory", n)
	}
}
