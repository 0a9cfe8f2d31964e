package dynamo

import (
	"context"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

// CachedSubscriptions remembers a workspace's subscriptions, so that the relay does not read them for every
// record. A new subscription hears of events from at most TTL after it was stored.
type CachedSubscriptions struct {
	Source chat.SubscriptionSource
	TTL    time.Duration
	Now    func() time.Time

	cache cache[chat.WorkspaceID, []chat.Subscription]
}

// Subscriptions returns the list, at most TTL old.
func (c *CachedSubscriptions) Subscriptions(ctx context.Context, w chat.WorkspaceID) ([]chat.Subscription, error) {
	list, _, err := c.cache.get(w, c.Now(), c.TTL, func() ([]chat.Subscription, bool, error) {
		list, err := c.Source.Subscriptions(ctx, w)
		return list, true, err
	})
	return list, err
}

// OriginStaleness is how long an origin may still get tickets after it was taken off the list of a widget or a
// workspace. Nobody's session hangs on it: that is read for every ticket and every hello.
const OriginStaleness = time.Minute

// CachedWorkspaces remembers settings of workspaces and widgets for OriginStaleness. What does not exist is not
// remembered: a new widget works at once.
type CachedWorkspaces struct {
	Source identity.Workspaces
	Now    func() time.Time

	workspaces cache[chat.WorkspaceID, identity.Workspace]
	widgets    cache[string, identity.Widget]
}

var _ identity.Workspaces = (*CachedWorkspaces)(nil)

// Workspace implements identity.Workspaces.
func (c *CachedWorkspaces) Workspace(ctx context.Context, w chat.WorkspaceID) (identity.Workspace, bool, error) {
	return c.workspaces.get(w, c.Now(), OriginStaleness, func() (identity.Workspace, bool, error) { return c.Source.Workspace(ctx, w) })
}

// Widget implements identity.Workspaces.
func (c *CachedWorkspaces) Widget(ctx context.Context, k string) (identity.Widget, bool, error) {
	return c.widgets.get(k, c.Now(), OriginStaleness, func() (identity.Widget, bool, error) { return c.Source.Widget(ctx, k) })
}

// cache remembers what was read.
type cache[K comparable, V any] struct {
	mu    sync.Mutex
	known map[K]cached[V]
}

type cached[V any] struct {
	value V
	at    time.Time
}

// cacheSize bounds the memory of a cache, it is not a policy: more workspaces than that share a process rarely.
const cacheSize = 10_000

// get returns what is known, at most ttl old, or reads it. What is not found is not remembered.
func (c *cache[K, V]) get(k K, now time.Time, ttl time.Duration, read func() (V, bool, error)) (V, bool, error) {
	c.mu.Lock()
	hit, ok := c.known[k]
	c.mu.Unlock()
	if ok && now.Sub(hit.at) < ttl {
		return hit.value, true, nil
	}
	value, found, err := read()
	if err != nil || !found {
		return value, found, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil || len(c.known) > cacheSize {
		c.known = map[K]cached[V]{}
	}
	c.known[k] = cached[V]{value: value, at: now}
	return value, true, nil
}
