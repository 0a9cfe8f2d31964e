package gateway

import (
	"sync"
	"time"

	"github.com/parley-chat/parley/localstack/template"
)

// bucket is a token bucket; nil never refuses.
type bucket struct {
	rate, burst float64

	mu     sync.Mutex
	tokens float64
	last   time.Time
}

// newBucket returns nil for the zero limit. A burst below one would refuse everything, so one is the least.
func newBucket(t template.Throttle) *bucket {
	if t.Rate <= 0 && t.Burst <= 0 {
		return nil
	}
	burst := max(float64(t.Burst), 1)
	if t.Burst == 0 {
		burst = max(t.Rate, 1)
	}
	return &bucket{rate: t.Rate, burst: burst, tokens: burst}
}

// take reports whether one more is allowed at now.
func (b *bucket) take(now time.Time) bool {
	if b == nil {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.last.IsZero() {
		b.tokens = min(b.burst, b.tokens+b.rate*max(now.Sub(b.last).Seconds(), 0))
	}
	b.last = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}
