package dynamodb

import (
	"sync"

	"github.com/parley-chat/parley/localstack/dynamodb/expr"
)

// maxCached bounds each cache of parsed expressions. The backend has a few dozen texts; a client that builds
// texts at random empties the cache now and then, and it fills again.
const maxCached = 1024

// expressions caches parsed expressions by their text. Expressions that do not parse are not kept.
type expressions struct {
	conditions, filters cache[*expr.Condition]
	updates             cache[*expr.Update]
	projections         cache[*expr.Projection]
	keyConditions       cache[*expr.KeyCondition]
}

type cache[E any] struct {
	mu     sync.RWMutex
	parsed map[string]E
}

// get parses the text, or remembers. Without a text it returns nothing.
func (c *cache[E]) get(o optional, parse func(string) (E, error)) (E, *apiError) {
	var none E
	if !o.given {
		return none, nil
	}
	c.mu.RLock()
	known, ok := c.parsed[o.text]
	c.mu.RUnlock()
	if ok {
		return known, nil
	}
	parsed, err := parse(o.text)
	if err != nil {
		return none, refusal(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.parsed == nil || len(c.parsed) >= maxCached {
		c.parsed = make(map[string]E)
	}
	c.parsed[o.text] = parsed
	return parsed, nil
}
