package lambda

import (
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
	turns     uint64                // counts what moves: processes given out, started or come back
	watched   bool                  // reconsider will look after the waiters
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

// starter is the one for the function's processes. What a queue or a stream invokes has nobody who waits for it; on
// Lambda it would have a machine of its own, here it stands back for those who do.
func (f *function) starter() *starter {
	if len(f.spec.Queues)+len(f.spec.Streams) > 0 {
		return f.runner.yielding
	}
	return f.runner.starter
}

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
	p.takenAt = time.Time{}
	f.idle = append(f.idle, p)
	f.turns++
	f.serveWaiters()
	if f.runner.opts.FreezeAfter < 0 && p.takenAt.IsZero() {
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
