package lambda

import (
	"os"
	"os/exec"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/parley-chat/parley/localstack/seam"
)

// process is one child. Its fields without a comment are fixed after newProcess; the others are guarded by
// function.mu.
type process struct {
	id, token  string
	fn         *function
	startedFor *waiter
	born       time.Time

	starting    bool // has not asked for an event yet
	retired     bool // must not get another event
	killed      bool // SIGKILL is on its way, or it is gone
	frozen      bool
	parked      *runtimeConn // where it waits for its next event
	inv         *invocation  // what it works on, until it asks for the next event
	cause       causeOfDeath
	initFailure initFailure
	init        time.Duration
	idleSince   time.Time
	takenAt     time.Time // by an invocation; zero while it is idle
	answeredAt  time.Time
	served      int
	child       *os.Process // nil before it has started

	peak atomic.Int64 // resident bytes, as far as seen
}

// causeOfDeath says why a process was killed.
type causeOfDeath int

const (
	diedByItself causeOfDeath = iota
	diedByFault
	diedByTimeout
	diedByMemory
)

func (c causeOfDeath) result(requestID, how string) seam.InvokeResult {
	result := exitResult(requestID, how)
	if c == diedByMemory {
		return errorResult(requestID, "Runtime.OutOfMemory", result.Error.Message)
	}
	return result
}

// initFailure is why a process never asked for an event.
type initFailure struct{ kind, message string }

func (i initFailure) result(requestID string) seam.InvokeResult {
	return errorResult(requestID, i.kind, "RequestId: "+requestID+" "+i.message)
}

func newProcess(f *function, w *waiter) *process {
	return &process{id: f.spec.LogicalID + "/" + newToken(4), token: newToken(16), fn: f, startedFor: w,
		born: f.runner.opts.Now(), starting: true}
}

func (p *process) caller() seam.Caller {
	return seam.Caller{Function: p.fn.spec.LogicalID, Process: p.id}
}

// run starts the child, waits for its end and tells the pool.
func (p *process) run() {
	cmd := &exec.Cmd{Path: p.fn.binary, Args: []string{"bootstrap"}, Env: p.environment(), SysProcAttr: childAttributes()}
	output, err := p.start(cmd)
	if err != nil {
		p.complain("", "cannot start "+p.fn.binary+": "+err.Error())
		p.fn.mu.Lock()
		p.initFailure = initFailure{"Runtime.InvalidEntrypoint", "Error: " + err.Error()}
		p.fn.mu.Unlock()
		p.fn.ended(p, err.Error())
		return
	}
	p.fn.runner.wg.Go(func() { p.copyLines(output) })
	how := "exit status 0"
	if err := cmd.Wait(); err != nil {
		how = err.Error()
	}
	p.fn.ended(p, how)
}

// start runs cmd with its output on a pipe.
func (p *process) start(cmd *exec.Cmd) (*os.File, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = write, write
	err = p.fn.starter().start(cmd)
	_ = write.Close() // the child has its own
	if err != nil {
		_ = read.Close()
		return nil, err
	}
	p.fn.mu.Lock()
	defer p.fn.mu.Unlock()
	p.child = cmd.Process
	if p.killed {
		p.signalKill()
	}
	return read, nil
}

// kill ends the process; it reports whether it was alive.
func (p *process) kill(cause causeOfDeath) bool {
	p.fn.mu.Lock()
	defer p.fn.mu.Unlock()
	if p.killed {
		return false
	}
	p.cause = cause
	p.signalKill()
	return true
}

// signalKill kills the child, or marks it to be killed once it has started. function.mu is held.
func (p *process) signalKill() {
	p.killed = true
	if p.child != nil {
		_ = p.child.Kill() // fails only when it is gone already
	}
}

// freeze stops the child as Lambda freezes an idle environment. function.mu is held. On a busy machine a child may
// have asked for its first event before start has noted it; the next sweep freezes it.
func (p *process) freeze() {
	if p.child != nil && !p.frozen && !p.killed {
		p.frozen = p.child.Signal(stopSignal) == nil
	}
}

// thaw lets a frozen child run. function.mu is held.
func (p *process) thaw() {
	if p.frozen {
		p.frozen = false
		_ = p.child.Signal(continueSignal)
	}
}

// checkMemory kills the process when its resident memory exceeds the function's MemorySize.
func (p *process) checkMemory(page int64) {
	p.fn.mu.Lock()
	child := p.child
	if p.killed {
		child = nil
	}
	p.fn.mu.Unlock()
	if child == nil {
		return
	}
	resident := residentPages(child.Pid) * page
	if resident > p.peak.Load() {
		p.peak.Store(resident)
	}
	if limit := int64(p.fn.spec.MemoryMB) << 20; limit > 0 && resident > limit && p.kill(diedByMemory) {
		p.complain(p.requestID(), "killed: "+strconv.FormatInt(resident>>20, 10)+" MB used of "+strconv.Itoa(p.fn.spec.MemoryMB)+" MB")
	}
}

// requestID is that of the invocation in progress, or "".
func (p *process) requestID() string {
	p.fn.mu.Lock()
	defer p.fn.mu.Unlock()
	if p.inv == nil {
		return ""
	}
	return p.inv.id
}

// report says what an invocation took, if Options.Reports asks for it.
func (p *process) report(result seam.InvokeResult) {
	if !p.fn.runner.opts.Reports {
		return
	}
	text := "REPORT Duration: " + milliseconds(result.Duration)
	if result.Init > 0 {
		text += " Init Duration: " + milliseconds(result.Init)
	}
	p.fn.runner.opts.Log(Line{Function: p.fn.spec.LogicalID, Process: p.id, RequestID: result.RequestID, Text: text, Platform: true})
}

func milliseconds(d time.Duration) string {
	return strconv.FormatFloat(float64(d.Microseconds())/1000, 'f', 2, 64) + " ms"
}

// complain logs what went wrong with the process.
func (p *process) complain(requestID, text string) {
	p.fn.runner.opts.Log(Line{Function: p.fn.spec.LogicalID, Process: p.id, RequestID: requestID, Text: text, Platform: true, Problem: true})
}
