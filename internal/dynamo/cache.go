package dynamo

import (
	"context"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// CachedSubscriptions remembers a workspace's subscriptions, so that the relay does not read them for every
// record. A new subscription hears of events from at most TTL after it was stored.
type CachedSubscriptions struct {
	Source chat.SubscriptionSource
	TTL    time.Duration
	Now    func() time.Time

	mu    sync.Mutex
	cache map[chat.WorkspaceID]cachedSubscriptions
}

type cachedSubscriptions struct {
	list []chat.Subscription
	at   time.Time
}

// Subscriptions returns the list, at most TTL old.
func (c *CachedSubscriptions) Subscriptions(ctx context.Context, w chat.WorkspaceID) ([]chat.Subscription, error) {
	now := c.Now()
	c.mu.Lock()
	hit, ok := c.cache[w]
	c.mu.Unlock()
	if ok && now.Sub(hit.at) < c.TTL {
		return hit.list, nil
	}
	list, err := c.Source.Subscriptions(ctx, w)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cache == nil || len(c.cache) > 10_000 { // a bound on memory, not a policy: 10,000 workspaces a process
		c.cache = map[chat.WorkspaceID]cachedSubscriptions{}
	}
	c.cache[w] = cachedSubscriptions{list, now}
	return list, nil
}
