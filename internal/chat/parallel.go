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
	if len(items) == 1 {
		var err error
		out[0], err = f(ctx, items[0])
		return out, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var (
		wg    sync.WaitGroup
		once  sync.Once
		first error
		slots = make(chan struct{}, parallelCalls)
	)
	for i, it := range items {
		slots <- struct{}{}
		wg.Add(1)
		go func() {
			defer func() { <-slots; wg.Done() }()
			r, err := f(ctx, it)
			if err != nil {
				once.Do(func() { first = err; cancel() })
				return
			}
			out[i] = r
		}()
	}
	wg.Wait()
	return out, first
}
