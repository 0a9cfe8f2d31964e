package lambda

import (
	"context"
	"errors"
	"slices"
	"time"
)

// waiter is an invocation that waits for a process.
type waiter struct {
	turn  chan turn // buffered
	cause bool      // a process was started for it
}

// turn ends the wait: a process, or the failure of the one that was started for the waiter.
type turn struct {
	process *process
	failed  initFailure
}

// Lambda gives every invocation an environment of its own at once, on a machine of its own. Here the processes of a
// function share the cores: more than can run only take them from the others, and each has caches, a heap and threads of
// its own to bring along (on one core, four busy processes of a function take 15 % more CPU per message than one or two).
// So while Options.Parallel processes are at work, an invocation waits for one that returns; but never longer than
// patience without seeing anything move, since those at work may be waiting themselves, and one that has had its event
// for longer than computing is taken to do so.
const (
	patience  = 2 * time.Millisecond
	computing = 10 * time.Millisecond
)

// returnLimit is how long a process may take from its answer to asking for the next event before a waiting
// invocation gives up on it and starts another. It takes microseconds, unless the machine is overloaded, and then
// another cold start would be the wrong answer.
const returnLimit = 200 * time.Millisecond

// acquire returns the most recently used idle process, or waits for one; it starts another when the cap
// allows. A nil process with a nil error means that the process started for this call failed to come up.
func (f *function) acquire(ctx context.Context) (*process, initFailure, error) {
	f.mu.Lock()
	if f.limit == 0 { // ReservedConcurrentExecutions: 0 switches a function off
		f.counts.Throttles++
		f.mu.Unlock()
		return nil, initFailure{}, ErrThrottled
	}
	now := f.runner.opts.Now()
	if len(f.waiters) == 0 && len(f.idle) > 0 && f.computing(now) < f.runner.opts.Parallel {
		p := f.take(now)
		f.mu.Unlock()
		return p, initFailure{}, nil
	}
	w := &waiter{turn: make(chan turn, 1)}
	f.waiters = append(f.waiters, w)
	f.serveWaiters()
	f.mu.Unlock()
	return f.await(ctx, w)
}

func (f *function) await(ctx context.Context, w *waiter) (*process, initFailure, error) {
	timer := time.NewTimer(f.runner.opts.QueueWait)
	defer timer.Stop()
	var err error
	select {
	case t := <-w.turn:
		return t.process, t.failed, nil
	case <-timer.C:
		err = ErrThrottled
	case <-ctx.Done():
		err = ctx.Err()
	case <-f.runner.done:
		err = ErrClosed
	}
	f.mu.Lock()
	i := slices.Index(f.waiters, w)
	if i >= 0 {
		f.waiters = slices.Delete(f.waiters, i, i+1)
		if errors.Is(err, ErrThrottled) {
			f.counts.Throttles++
		}
	}
	f.mu.Unlock()
	if i < 0 { // a turn came at the last moment
		t := <-w.turn
		return t.process, t.failed, nil
	}
	return nil, initFailure{}, err
}

// take takes the most recently used idle process: it is warm. f.mu is held.
func (f *function) take(now time.Time) *process {
	last := len(f.idle) - 1
	p := f.idle[last]
	f.idle = f.idle[:last]
	p.takenAt = now
	f.turns++
	return p
}

// serveWaiters gives idle processes to those that have waited longest, and starts more up to the cap, while fewer than
// Options.Parallel are at work. f.mu is held.
func (f *function) serveWaiters() {
	now := f.runner.opts.Now()
	for len(f.waiters) > 0 && f.computing(now) < f.runner.opts.Parallel && f.serveOne(now) {
	}
	if len(f.waiters) > 0 && !f.watched && (len(f.idle) > 0 || f.live < f.limit) && !f.runner.closing() {
		f.watched = true
		turns := f.turns
		time.AfterFunc(patience, func() { f.reconsider(turns) })
	}
}

// reconsider helps one waiter on when nothing has moved since turns.
func (f *function) reconsider(turns uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.watched = false
	if turns == f.turns && len(f.waiters) > 0 {
		f.serveOne(f.runner.opts.Now())
	}
	f.serveWaiters()
}

// serveOne gives the first waiter an idle process, or starts one while more wait than are coming up. It reports false
// when it can do neither. f.mu is held.
func (f *function) serveOne(now time.Time) bool {
	if len(f.idle) > 0 {
		w := f.waiters[0]
		f.waiters = slices.Delete(f.waiters, 0, 1)
		w.turn <- turn{process: f.take(now)}
		return true
	}
	if f.starting+f.returning(now) >= len(f.waiters) || f.live >= f.limit || f.runner.closing() {
		return false
	}
	f.startOne()
	return true
}

// startOne starts a process for the first waiter that has none yet. f.mu is held.
func (f *function) startOne() {
	w := f.waiters[0]
	if i := slices.IndexFunc(f.waiters, func(w *waiter) bool { return !w.cause }); i >= 0 {
		w = f.waiters[i]
	}
	w.cause = true
	f.turns++
	f.starting++
	f.live++
	f.counts.Cold++
	p := newProcess(f, w)
	f.processes[p] = struct{}{}
	f.runner.register(p)
	f.runner.wg.Go(p.run)
}

// computing counts the processes that are taken to be at work. f.mu is held.
func (f *function) computing(now time.Time) int {
	n := 0
	for p := range f.processes {
		since := p.takenAt
		if p.starting {
			since = p.born
		}
		if !since.IsZero() && now.Sub(since) < computing && !p.retired && !p.killed {
			n++
		}
	}
	return n
}

// returning counts the processes that have just answered and will ask for their next event in a moment: a
// caller that invokes again at once should get such a process, not a cold start. f.mu is held.
func (f *function) returning(now time.Time) int {
	n := 0
	for p := range f.processes {
		if p.inv != nil && p.inv.answered && !p.retired && !p.killed && now.Sub(p.answeredAt) < returnLimit {
			n++
		}
	}
	return n
}
