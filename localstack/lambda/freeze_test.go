package lambda

import "testing"

// TestFreezeBeforeTheChildIsKnown: a child asks for its first event as soon as it runs, which can be before the
// goroutine that started it has noted it.
func TestFreezeBeforeTheChildIsKnown(t *testing.T) {
	t.Parallel()
	p := &process{}
	p.freeze()
	if p.frozen {
		t.Error("a process without a child was frozen")
	}
}
