package chattest

import (
	"testing"
	"time"
)

func TestRequestsDouble(t *testing.T) {
	t.Parallel()
	ConformRequests(t, &Requests{}, time.UnixMilli(1_790_000_000_123))
}
