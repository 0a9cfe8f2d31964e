package chat

import (
	"context"
	"sync"
)

// parallelCalls bounds the storage calls that one command makes side by side.
const parallelCalls = 8

// parallel maps items side by side, in order. The first error cancels the rest.
func parallel[T, R any](ctx context.Context, items []T, f func(context.Context, T) (R, error)) ([]R, error) {
	out := make([]R, len(items))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var (
		once  sync.Once
		first error
	)
	sideBySide(len(items), parallelCalls, func(i int) {
		r, err := f(ctx, items[i])
		if err != nil {
			once.Do(func() { first = err; cancel() })
			return
		}
		out[i] = r
	})
	return out, first
}

// sideBySide calls f(0) … f(n-1), at most limit at once, and returns when all have. A panic in one of them becomes
// a panic of the caller, who can recover from it: left in its goroutine it would end the process.
func sideBySide(n, limit int, f func(int)) {
	if n == 1 { // the ordinary case needs no goroutine
		f(0)
		return
	}
	var (
		wg       sync.WaitGroup
		mu       sync.Mutex
		panicked any
		slots    = make(chan struct{}, limit)
	)
	for i := range n {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() {
				if v := recover(); v != nil {
					mu.Lock()
					panicked = v
					mu.Unlock()
				}
				<-slots
			}()
			f(i)
		})
	}
	wg.Wait()
	if panicked != nil {
		panic(panicked)
	}
}
