package httpapi

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

// How many requests a caller may make in a minute (RateWindow). Windows begin at full minutes.
//
// An instance of the function counts by itself, in memory: ordinary callers cost no write. Only when a caller has used
// a quarter of the quota at one instance does that instance begin to tell the shared counter, once for every
// twentieth of the quota. What follows: one instance never serves more than the quota, and all together serve at most
// the quota and a quarter more for each instance that the caller's requests meet (concurrent ones: an instance serves
// one at a time). Behind it stands API Gateway's own throttle for the whole API (template.yaml,
// DefaultRouteSettings). When the shared counter cannot be reached the instances go on alone.
const (
	RateWindow = time.Minute
	alone      = 4  // share of the quota that is not told: 1/4
	steps      = 20 // share of the quota that is told at a time: 1/20
	// maxCallers bounds an instance's memory: at about 100 bytes each, 2 MB. Beyond it, counting begins anew.
	maxCallers = 20_000
)

// quota is the limit of one kind of caller.
type quota struct {
	name string
	max  int
}

// quotas by role. Open routes are limited by network address, many of which are shared by a whole office.
func quotaOf(role chat.Role) quota {
	switch role {
	case "":
		return quota{"address", 300}
	case chat.RoleCustomer:
		return quota{"customer", 120}
	case chat.RoleBot, chat.RoleAPIKey:
		return quota{"machine", 1200}
	default:
	}
	return quota{"staff", 600}
}

// Counters are counters that all instances share; identity.Attempts is one.
type Counters interface {
	AddAttempts(ctx context.Context, counter string, n int, expires time.Time) (int, error)
}

// limiter counts requests per caller in one instance.
type limiter struct {
	shared Counters // nil: the instances count alone

	mu      sync.Mutex
	window  time.Time
	callers map[string]*spent
}

// spent is what a caller has used in the window.
type spent struct {
	here int // requests at this instance
	told int // how many of them the shared counter knows
	all  int // what the shared counter said last
}

func (s spent) used() int { return max(s.here, s.all+s.here-s.told) }

// take counts a request. It returns what is left after it, below zero when it is one too many.
func (l *limiter) take(ctx context.Context, caller string, q quota, now time.Time) (left int) {
	window := now.Truncate(RateWindow)
	s, tell := l.count(caller, q, window)
	if tell > 0 && l.shared != nil {
		counter := fmt.Sprintf("rate#%d#%s", window.Unix(), digest(q.name+"#"+caller))
		if all, err := l.shared.AddAttempts(ctx, counter, tell, window.Add(2*RateWindow)); err == nil {
			s = l.learn(caller, window, tell, all)
		}
	}
	return q.max - s.used()
}

// count adds one, and says how many are to be told to the shared counter.
func (l *limiter) count(caller string, q quota, window time.Time) (s spent, tell int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.window.Equal(window) || len(l.callers) >= maxCallers {
		l.window, l.callers = window, map[string]*spent{}
	}
	c := l.callers[caller]
	if c == nil {
		c = &spent{}
		l.callers[caller] = c
	}
	c.here++
	if untold := c.here - c.told; c.here > q.max/alone && c.used() <= q.max+1 && untold >= q.max/steps {
		tell = untold
	}
	return *c, tell
}

func (l *limiter) learn(caller string, window time.Time, told, all int) spent {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.callers[caller]
	if c == nil || !l.window.Equal(window) {
		return spent{here: told, told: told, all: all}
	}
	c.told += told
	c.all = max(c.all, all)
	return *c
}

// limit counts the request and says in the answer's headers what is left (draft-ietf-httpapi-ratelimit-headers).
// Beyond the quota it is chat.CodeTooFast.
func (a *API) limit(c *call) error {
	q, caller := quotaOf(""), source(c.Request)
	if p := c.principal(); p.User != "" {
		q, caller = quotaOf(p.Role), string(p.Workspace)+"#"+string(p.User)
	} else if addr, err := netip.ParseAddr(caller); err == nil && addr.IsLoopback() {
		return nil // the local stack, where everybody comes from one address; no gateway ever says so
	} else {
		caller = identity.Network(caller) // a line with IPv6 has 2^64 addresses
	}
	now := a.now()
	left := a.limiter.take(c.Context(), caller, q, now)
	rest := now.Truncate(RateWindow).Add(RateWindow).Sub(now)
	c.answer.Set("RateLimit-Policy", fmt.Sprintf(`"%s";q=%d;w=%d`, q.name, q.max, int(RateWindow.Seconds())))
	c.answer.Set("RateLimit", fmt.Sprintf(`"%s";r=%d;t=%d`, q.name, max(left, 0), seconds(rest)))
	if left < 0 {
		return &chat.Error{Code: chat.CodeTooFast, RetryAfter: rest,
			Message: fmt.Sprintf("at most %d requests a minute; ask less often, or listen on the socket", q.max)}
	}
	return nil
}

// seconds rounds up to whole seconds, 1 at least.
func seconds(d time.Duration) int64 {
	return int64(max((d+time.Second-1)/time.Second, 1))
}
