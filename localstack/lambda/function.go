package lambda

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/parley-chat/parley/localstack/seam"
	"github.com/parley-chat/parley/localstack/template"
)

// function is the pool of one function's processes. Its lock guards the processes' mutable fields too; it is
// held for moments, never while anything is read or written (except signals to processes).
type function struct {
	runner *Runner
	spec   template.Function
	binary string
	limit  int // of processes

	mu        sync.Mutex
	processes map[*process]struct{} // alive or starting, of any generation
	idle      []*process            // most recently used last
	waiters   []*waiter             // oldest first
	starting  int                   // of the current generation
	live      int                   // of the current generation, starting ones included
	counts    Counts
}

// Counts are totals of one function since the start.
type Counts struct {
	Invocations uint64 `json:"invocations"`
	Errors      uint64 `json:"errors"` // timeouts and crashes among them
	Timeouts    uint64 `json:"timeouts"`
	Throttles   uint64 `json:"throttles"`
	Cold        uint64 `json:"cold"`
	Crashes     uint64 `json:"crashes"`
}

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

// invocation is one event on its way through a process.
type invocation struct {
	id, trace string
	event     []byte
	started   time.Time
	timer     *time.Timer // enforces the timeout, until the process asks for its next event
	answered  bool        // guarded by function.mu
	init      time.Duration
	outcome   chan outcome // buffered
}

// outcome is what the caller gets; again asks it to run the event once more (a fault).
type outcome struct {
	result seam.InvokeResult
	again  bool
}

func newFunction(r *Runner, spec template.Function) *function {
	limit := r.opts.MaxProcesses
	if spec.Reserved >= 0 && spec.Reserved < limit {
		limit = spec.Reserved
	}
	if spec.Timeout <= 0 {
		spec.Timeout = 3 * time.Second // Lambda's default
	}
	return &function{runner: r, spec: spec, binary: Binary(r.opts.BinDir, spec), limit: limit, processes: map[*process]struct{}{}}
}

// acquire returns the most recently used idle process, or waits for one; it starts another when the cap
// allows. A nil process with a nil error means that the process started for this call failed to come up.
func (f *function) acquire(ctx context.Context) (*process, initFailure, error) {
	f.mu.Lock()
	if n := len(f.idle); n > 0 {
		p := f.idle[n-1]
		f.idle = f.idle[:n-1]
		f.mu.Unlock()
		return p, initFailure{}, nil
	}
	if f.limit == 0 { // ReservedConcurrentExecutions: 0 switches a function off
		f.counts.Throttles++
		f.mu.Unlock()
		return nil, initFailure{}, ErrThrottled
	}
	w := &waiter{turn: make(chan turn, 1)}
	f.waiters = append(f.waiters, w)
	f.startMissing()
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

// startMissing starts processes while more invocations wait than are coming up, up to the cap. f.mu is held.
func (f *function) startMissing() {
	if f.runner.closing() {
		return
	}
	for coming := f.starting + f.returning(); coming < len(f.waiters) && f.live < f.limit; coming++ {
		w := f.waiters[0]
		if i := slices.IndexFunc(f.waiters, func(w *waiter) bool { return !w.cause }); i >= 0 {
			w = f.waiters[i]
		}
		w.cause = true
		f.starting++
		f.live++
		f.counts.Cold++
		p := newProcess(f, w)
		f.processes[p] = struct{}{}
		f.runner.register(p)
		f.runner.wg.Go(p.run)
	}
}

// returning counts the processes that have just answered and will ask for their next event in a moment: a
// caller that invokes again at once should get such a process, not a cold start. f.mu is held.
func (f *function) returning() int {
	n, now := 0, f.runner.opts.Now()
	for p := range f.processes {
		if p.inv != nil && p.inv.answered && !p.retired && !p.killed && now.Sub(p.answeredAt) < returnLimit {
			n++
		}
	}
	return n
}

// returnLimit is how long a process may take from its answer to asking for the next event before a waiting
// invocation gives up on it and starts another. It takes microseconds, unless the machine is overloaded, and then
// another cold start would be the wrong answer.
const returnLimit = 200 * time.Millisecond

// ready is called when a process asks for its next event on c: it is idle, and goes to the longest waiter or to
// the idle ones.
func (f *function) ready(p *process, c *runtimeConn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if p.inv != nil {
		f.leave(p)
	}
	if p.retired {
		p.signalKill()
		return
	}
	if p.starting {
		p.starting = false
		p.init = f.runner.opts.Now().Sub(p.born)
		f.starting--
	}
	if p.parked != nil { // asked twice: it is idle, or on its way to an invocation, already
		p.parked = c
		return
	}
	p.parked = c
	p.idleSince = f.runner.opts.Now()
	if len(f.waiters) > 0 {
		w := f.waiters[0]
		f.waiters = slices.Delete(f.waiters, 0, 1)
		w.turn <- turn{process: p}
		return
	}
	f.idle = append(f.idle, p)
	if f.runner.opts.FreezeAfter < 0 {
		p.freeze()
	}
}

// leave ends the process's invocation as it asks for the next one. f.mu is held.
func (f *function) leave(p *process) {
	inv := p.inv
	p.inv = nil
	inv.timer.Stop()
	if !inv.answered {
		inv.answered = true
		f.settle(inv, exitResult(inv.id, "asked for the next event without answering"))
	}
}

// dispatch gives the event to a process that acquire returned. It reports false when the process is dead.
func (f *function) dispatch(p *process, inv *invocation) bool {
	f.mu.Lock()
	c := p.parked
	if p.killed || c == nil {
		f.mu.Unlock()
		return false
	}
	p.parked = nil
	p.inv = inv
	p.served++
	if p.served == 1 {
		inv.init = p.init
	}
	p.thaw()
	inv.started = f.runner.opts.Now()
	inv.timer = time.AfterFunc(f.spec.Timeout, func() { f.timeOut(p, inv) })
	f.counts.Invocations++
	f.mu.Unlock()
	if c.writeEvent(inv, inv.started.Add(f.spec.Timeout), f.spec.ARN) != nil {
		p.kill(diedByItself) // it hung up: its end settles the invocation
	}
	return true
}

// answer takes the process's answer to an invocation: the invocation's result goes to its caller. It reports false
// when the process does not run that invocation (any more).
func (f *function) answer(p *process, requestID []byte, payload []byte, failure *seam.FunctionError) bool {
	f.mu.Lock()
	inv := p.inv
	if inv == nil || inv.answered || inv.id != string(requestID) {
		f.mu.Unlock()
		return false
	}
	inv.answered = true
	p.answeredAt = f.runner.opts.Now()
	if failure != nil {
		f.counts.Errors++
	}
	f.mu.Unlock()
	result := seam.InvokeResult{RequestID: inv.id, Payload: payload, Error: failure,
		Duration: f.runner.opts.Now().Sub(inv.started), Init: inv.init}
	f.meter(result)
	p.report(result)
	result, delay, again := f.runner.finishFault(p, result)
	if delay > 0 {
		time.AfterFunc(delay, func() { f.deliver(inv, outcome{result, again}) })
		return true
	}
	f.deliver(inv, outcome{result, again})
	return true
}

// settle ends an invocation that its process did not answer.
func (f *function) settle(inv *invocation, result seam.InvokeResult) {
	result.Duration, result.Init = f.runner.opts.Now().Sub(inv.started), inv.init
	f.counts.Errors++
	f.meter(result)
	f.deliver(inv, outcome{result: result})
}

func (f *function) deliver(inv *invocation, out outcome) {
	inv.outcome <- out
	f.runner.active.Done()
}

func (f *function) meter(result seam.InvokeResult) {
	if f.runner.opts.Meter != nil {
		f.runner.opts.Meter.Invocation(f.spec.LogicalID, result.Duration, result.Init, f.spec.MemoryMB)
	}
}
