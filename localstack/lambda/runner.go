package lambda

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/parley-chat/parley/localstack/seam"
	"github.com/parley-chat/parley/localstack/uuid"
)

// Runner runs functions. It implements seam.Invoker.
type Runner struct {
	opts      Options
	functions map[string]*function // by logical id; fixed after New
	listener  net.Listener
	starter   *starter
	yielding  *starter // of functions that nobody waits for
	buffers   bufferPool

	mu        sync.Mutex
	processes map[string]*process // by secret path token
	byID      map[string]*process
	closed    bool
	active    sync.WaitGroup // invocations in progress

	done chan struct{} // closed by Close: ends the watchers
	wg   sync.WaitGroup
}

var _ seam.Invoker = (*Runner)(nil)

// New returns a Runner that listens for its processes on a free port of 127.0.0.1. It starts no process:
// the first invocation of a function is a cold start.
func New(o Options) (*Runner, error) {
	o.setDefaults()
	if o.Credentials == nil {
		return nil, errors.New("lambda: Options.Credentials is required")
	}
	var config net.ListenConfig
	listener, err := config.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &Runner{
		opts:      o,
		functions: make(map[string]*function, len(o.Functions)),
		listener:  listener,
		starter:   newStarter(func() {}),
		yielding:  newStarter(yieldPriority),
		processes: map[string]*process{},
		byID:      map[string]*process{},
		done:      make(chan struct{}),
	}
	for _, spec := range o.Functions {
		r.functions[spec.LogicalID] = newFunction(r, spec)
	}
	r.wg.Go(r.serve)
	r.wg.Go(r.watch)
	return r, nil
}

// Invoke runs the function once; see seam.Invoker. Its errors are ErrUnknownFunction, ErrThrottled, ErrClosed,
// ErrTooLarge, and ctx's when it ended before a process was free.
func (r *Runner) Invoke(ctx context.Context, name string, event []byte, opts seam.InvokeOptions) (seam.InvokeResult, error) {
	f, ok := r.functions[name]
	if !ok {
		return seam.InvokeResult{}, fmt.Errorf("%w: %s", ErrUnknownFunction, name)
	}
	if len(event) > maxEvent {
		return seam.InvokeResult{}, ErrTooLarge
	}
	opts.Trace = withRoot(opts.Trace, r.opts.Now())
	return r.invokeWithFaults(ctx, f, event, opts)
}

// enter counts an invocation in, unless the runner is closing.
func (r *Runner) enter() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return false
	}
	r.active.Add(1)
	return true
}

// invokeOnce sends the event to a process and waits. ambush kills the process as soon as it has the event's
// turn: the fault "kill before".
func (r *Runner) invokeOnce(ctx context.Context, f *function, event []byte, opts seam.InvokeOptions, ambush bool) (seam.InvokeResult, error) {
	if !r.enter() {
		return seam.InvokeResult{}, ErrClosed
	}
	inv := &invocation{id: uuid.New(), event: event, trace: opts.Trace, outcome: make(chan outcome, 1)}
	if early, err := r.start(ctx, f, inv, ambush); early != nil || err != nil {
		r.active.Done()
		if early == nil {
			early = &seam.InvokeResult{RequestID: inv.id}
		}
		return *early, err
	}
	// From here on the invocation is counted out when it is settled, not when its caller stops waiting.
	select {
	case out := <-inv.outcome:
		if out.again {
			return r.invokeOnce(ctx, f, event, opts, false)
		}
		return out.result, nil
	case <-ctx.Done():
		return seam.InvokeResult{RequestID: inv.id}, ctx.Err()
	}
}

// start gets the invocation to a process. It returns a result when the invocation ended before a process had it.
func (r *Runner) start(ctx context.Context, f *function, inv *invocation, ambush bool) (*seam.InvokeResult, error) {
	for {
		p, failed, err := f.acquire(ctx)
		if err != nil {
			return nil, err
		}
		if p == nil { // the process that was started for this invocation did not come up
			failure := failed.result(inv.id)
			return &failure, nil
		}
		if ambush {
			p.kill(diedByFault)
			killed := exitResult(inv.id, "signal: killed")
			return &killed, nil
		}
		if f.dispatch(p, inv) {
			return nil, nil
		}
		// It died while it was idle: take another, as Lambda does.
	}
}

// Kill ends one process with SIGKILL, whatever it does. An invocation in progress fails with
// Runtime.ExitError. It reports whether the process was alive.
func (r *Runner) Kill(processID string) bool {
	r.mu.Lock()
	p := r.byID[processID]
	r.mu.Unlock()
	return p != nil && p.kill(diedByFault)
}

// KillFunction kills every process of a function and returns how many were alive.
func (r *Runner) KillFunction(name string) int {
	f := r.functions[name]
	if f == nil {
		return 0
	}
	n := 0
	for _, p := range f.snapshot() {
		if p.kill(diedByFault) {
			n++
		}
	}
	return n
}

// Restart lets the function's processes finish what they do and replaces them, for a binary that was rebuilt.
func (r *Runner) Restart(name string) error {
	f := r.functions[name]
	if f == nil {
		return fmt.Errorf("%w: %s", ErrUnknownFunction, name)
	}
	f.retireAll()
	return nil
}

// KillAll kills every process at once.
func (r *Runner) KillAll() {
	for name := range r.functions {
		r.KillFunction(name)
	}
}

// Close refuses new invocations, waits for those in progress until ctx ends, then kills every process and
// waits for their end. No process is left behind.
func (r *Runner) Close(ctx context.Context) error {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return nil
	}
	r.closed = true
	r.mu.Unlock()

	idle := make(chan struct{})
	go func() { r.active.Wait(); close(idle) }()
	var err error
	select {
	case <-idle:
	case <-ctx.Done():
		err = fmt.Errorf("lambda: invocations were still running: %w", ctx.Err())
	}
	close(r.done)
	for _, f := range r.functions {
		f.retireAll()
	}
	r.KillAll()
	closeErr := r.listener.Close()
	r.wg.Wait()
	r.starter.stop()
	r.yielding.stop()
	return errors.Join(err, closeErr)
}

func (r *Runner) closing() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

func (r *Runner) register(p *process) {
	r.mu.Lock()
	r.processes[p.token] = p
	r.byID[p.id] = p
	r.mu.Unlock()
}

func (r *Runner) unregister(p *process) {
	r.mu.Lock()
	delete(r.processes, p.token)
	delete(r.byID, p.id)
	r.mu.Unlock()
	r.opts.Retired(p.caller())
}

func (r *Runner) byToken(token []byte) *process {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.processes[string(token)]
}

// watch freezes, retires and measures processes until Close.
func (r *Runner) watch() {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	page := int64(os.Getpagesize())
	for turn := 0; ; turn++ {
		select {
		case <-r.done:
			return
		case <-tick.C:
		}
		now := r.opts.Now()
		for _, f := range r.functions {
			f.sweep(now)
		}
		if turn%memoryEvery != 0 {
			continue
		}
		for _, f := range r.functions {
			f.checkMemory(page)
		}
	}
}

const (
	watchInterval = 20 * time.Millisecond // bounds how late an idle process freezes
	memoryEvery   = 3                     // intervals between two looks at the memory of busy processes
)
