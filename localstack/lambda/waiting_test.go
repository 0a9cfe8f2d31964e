package lambda

import (
	"sync"
	"testing"
	"time"
)

// TestBusyCoresAreNotOvercommitted: an invocation waits for the process that is at work, but not for ever.
func TestBusyCoresAreNotOvercommitted(t *testing.T) {
	t.Parallel()
	clock := time.Now()
	f := newFixture(t, func(o *Options) { o.Parallel, o.Now = 1, func() time.Time { return clock } })
	pool := f.functions["Probe"]
	old := &process{fn: pool, takenAt: clock}
	pool.mu.Lock()
	pool.processes[old] = struct{}{}
	idle := &process{fn: pool}
	pool.idle = append(pool.idle, idle)
	w := &waiter{turn: make(chan turn, 1)}
	pool.waiters = append(pool.waiters, w)
	pool.serveWaiters()
	if len(w.turn) != 0 {
		t.Error("a second process was woken at once")
	}
	pool.mu.Unlock()
	select {
	case got := <-w.turn:
		if got.process != idle {
			t.Errorf("got %+v", got)
		}
	case <-time.After(5 * time.Second):
		t.Error("the busy process does not return, and nobody woke the idle one")
	}
	pool.mu.Lock()
	defer pool.mu.Unlock()
	delete(pool.processes, old)
}

// TestWhatWaitsDoesNotHoldUp: invocations that take long, since they wait for something, get a process each even where
// one at a time is enough.
func TestWhatWaitsDoesNotHoldUp(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) { o.Parallel, o.MaxProcesses = 1, 4 })
	var wg sync.WaitGroup
	var mu sync.Mutex
	pids := map[int]bool{}
	for range 4 {
		wg.Go(func() {
			pid := f.ok(order{"op": "sleep", "ms": 1500}).PID
			mu.Lock()
			defer mu.Unlock()
			pids[pid] = true
		})
	}
	wg.Wait()
	if len(pids) != 4 {
		t.Errorf("%d processes for 4 invocations that wait", len(pids))
	}
}
