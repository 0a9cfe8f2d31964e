package lambda

import (
	"slices"
	"time"

	"github.com/parley-chat/parley/localstack/seam"
)

// timeOut kills the process of an invocation that is still not over.
func (f *function) timeOut(p *process, inv *invocation) {
	f.mu.Lock()
	if p.inv != inv || p.killed {
		f.mu.Unlock()
		return
	}
	p.cause = diedByTimeout
	p.signalKill()
	f.counts.Timeouts++
	unanswered := !inv.answered
	inv.answered = true
	f.mu.Unlock()
	now := f.runner.opts.Now().UTC().Format("2006-01-02T15:04:05.000Z")
	message := now + " " + inv.id + " Task timed out after " + seconds(f.spec.Timeout) + " seconds"
	p.complain(inv.id, message)
	if unanswered {
		f.settleLocked(inv, errorResult(inv.id, "Sandbox.Timedout", message))
	}
}

func (f *function) settleLocked(inv *invocation, result seam.InvokeResult) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.settle(inv, result)
}

// ended removes a process that has exited, settles what it was doing and replaces it if somebody waits.
func (f *function) ended(p *process, how string) {
	f.runner.unregister(p)
	if requestID, text := f.bury(p, how); text != "" {
		p.complain(requestID, text)
	}
}

// bury does what ended says, and returns what there is to say about it.
func (f *function) bury(p *process, how string) (requestID, complaint string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p.killed = true
	p.parked = nil
	delete(f.processes, p)
	if i := slices.Index(f.idle, p); i >= 0 {
		f.idle = slices.Delete(f.idle, i, i+1)
	}
	if !p.retired {
		f.live--
	}
	if p.starting && !p.retired {
		complaint = f.failStart(p, how)
	}
	if inv := p.inv; inv != nil {
		p.inv = nil
		inv.timer.Stop()
		if !inv.answered {
			inv.answered = true
			f.counts.Crashes++
			requestID, complaint = inv.id, "the process ended during the invocation: "+how
			f.settle(inv, p.cause.result(inv.id, how))
		}
	}
	f.serveWaiters()
	return requestID, complaint
}

// failStart tells the invocation that a process was started for that it will not come, and returns what to say. f.mu
// is held.
func (f *function) failStart(p *process, how string) string {
	p.starting = false
	f.starting--
	failure := p.initFailure
	if failure.kind == "" {
		failure = initFailure{kind: "Runtime.ExitError", message: "Error: Runtime exited with error: " + how}
	}
	f.counts.Errors++
	if i := slices.Index(f.waiters, p.startedFor); i >= 0 {
		f.waiters = slices.Delete(f.waiters, i, i+1)
		p.startedFor.turn <- turn{failed: failure}
	}
	return "INIT failed: " + failure.kind + " " + failure.message
}

// retireAll ends the current generation: idle processes now, busy ones when they have answered.
func (f *function) retireAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for p := range f.processes {
		if p.retired {
			continue
		}
		p.retired = true
		f.live--
		if p.starting {
			f.starting--
		}
		if p.parked != nil || p.starting {
			p.signalKill()
		}
	}
	f.idle = f.idle[:0]
	for _, w := range f.waiters {
		w.cause = false
	}
	f.serveWaiters()
}

// sweep freezes and retires idle processes and kills those that take too long to start.
func (f *function) sweep(now time.Time) {
	f.mu.Lock()
	for p := range f.processes {
		if p.starting && !p.killed && now.Sub(p.born) > initLimit {
			p.initFailure = initFailure{"Sandbox.Timedout", "Error: Runtime did not initialise within 10 seconds"}
			p.signalKill()
		}
	}
	for _, p := range f.idle {
		idle := now.Sub(p.idleSince)
		if !f.runner.opts.NoFreeze && idle >= f.runner.opts.FreezeAfter {
			p.freeze()
		}
		if idle >= f.runner.opts.IdleAfter {
			p.signalKill()
		}
	}
	f.serveWaiters()
	f.mu.Unlock()
}

// checkMemory kills busy processes that outgrew the function's MemorySize.
func (f *function) checkMemory(page int64) {
	f.mu.Lock()
	var busy []*process
	for p := range f.processes {
		if p.inv != nil {
			busy = append(busy, p)
		}
	}
	f.mu.Unlock()
	for _, p := range busy {
		p.checkMemory(page)
	}
}

func (f *function) snapshot() []*process {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := make([]*process, 0, len(f.processes))
	for p := range f.processes {
		all = append(all, p)
	}
	return all
}
