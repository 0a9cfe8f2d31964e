package sim

import (
	"cmp"
	"context"
	"runtime"
	"slices"
	"sync/atomic"
	"testing/synctest"
	"time"
)

// kind says what a port call is, which decides how it can fail.
type kind int

const (
	read        kind = iota // of storage
	write                   // a single conditional write
	transaction             // several items
	push                    // a post to a socket
	enqueue                 // a batch send
	pause                   // between two tries
	answer                  // the function's response
)

// fate is what the schedule decides about a call when it lets it go on.
type fate int

const (
	proceed  fate = iota
	refuse        // no effect, an error
	forget        // the effect, and an error: its answer is lost
	die           // the function dies before the effect
	dieAfter      // the function dies after the effect
)

// call is a port call that waits for its turn.
type call struct {
	inv   *invocation
	kind  kind
	name  string
	key   string // tells apart the calls that one invocation makes side by side
	fate  chan fate
	ready time.Time
	late  bool        // the function is dead, the effect is still on its way
	left  atomic.Bool // its context has ended: nobody waits for it any more
}

// invocation is one run of a function.
type invocation struct {
	w       *world
	id      int
	what    string
	began   time.Time
	limit   time.Duration // the function's timeout
	skew    time.Duration // of this machine's clock
	delay   time.Duration // before its first call
	conn    *conn         // of a socket function: who asked
	frame   []byte        // and what
	dead    bool          // killed: nothing of it goes on, but for a late effect
	over    atomic.Bool   // its goroutine has ended
	onDeath func()
}

// start runs a function until its first port call.
func (w *world) start(what string, limit time.Duration, run func(*invocation)) *invocation {
	w.invocations++
	i := &invocation{w: w, id: w.invocations, what: what, began: time.Now(), limit: limit, skew: w.skew()}
	w.running = append(w.running, i)
	go func() {
		defer func() { i.over.Store(true) }()
		run(i)
	}()
	return i
}

// now is the invocation's own clock.
func (i *invocation) now() time.Time { return time.Now().Add(i.skew) }

// do is a port call: it stops until the schedule lets it go on.
func (i *invocation) do(ctx context.Context, k kind, name, key string, failure error, effect func() error) error {
	c := &call{inv: i, kind: k, name: name, key: key, fate: make(chan fate)}
	i.w.arrive(c)
	var f fate
	select {
	case f = <-c.fate:
	case <-ctx.Done(): // only while the schedule lets time pass
		c.left.Store(true)
		return failure
	}
	switch f {
	case proceed:
		return effect()
	case refuse:
		return failure
	case forget:
		_ = effect()
		return failure
	case die:
		runtime.Goexit()
	case dieAfter:
		_ = effect()
		runtime.Goexit()
	}
	panic("unreachable")
}

// arrive is the one place where goroutines of invocations meet.
func (w *world) arrive(c *call) {
	w.mu.Lock()
	w.arrived = append(w.arrived, c)
	w.mu.Unlock()
}

func (w *world) take() []*call {
	w.mu.Lock()
	defer w.mu.Unlock()
	batch := w.arrived
	w.arrived = nil
	return batch
}

// collect waits until every invocation has stopped, and orders what arrived: goroutines of one invocation may
// have come in any order.
func (w *world) collect() {
	synctest.Wait()
	for batch := w.take(); len(batch) > 0; batch = w.take() {
		slices.SortFunc(batch, func(a, b *call) int {
			return cmp.Or(cmp.Compare(a.inv.id, b.inv.id), cmp.Compare(a.name, b.name), cmp.Compare(a.key, b.key))
		})
		for _, c := range batch {
			w.enter(c)
		}
		synctest.Wait()
	}
	w.running = slices.DeleteFunc(w.running, func(i *invocation) bool { return i.over.Load() })
	w.waiting = slices.DeleteFunc(w.waiting, func(c *call) bool {
		left := c.left.Load()
		if left {
			w.count(Abandoned)
		}
		return left
	})
}

// enter takes a call into the waiting list, unless its function is dead.
func (w *world) enter(c *call) {
	if c.inv.dead {
		c.fate <- die
		return
	}
	c.ready = time.Now().Add(c.inv.delay)
	c.inv.delay = 0
	if c.kind == pause {
		c.ready = c.ready.Add(time.Duration(w.pick(500)) * time.Millisecond)
	} else if w.strikes(Stall) {
		c.ready = c.ready.Add(time.Duration(1+w.pick(40_000)) * time.Millisecond)
	}
	w.waiting = append(w.waiting, c)
}

// ready lists the calls whose turn it may be.
func (w *world) ready() []*call {
	now := time.Now()
	var list []*call
	for _, c := range w.waiting {
		if !c.ready.After(now) {
			list = append(list, c)
		}
	}
	return list
}

// release lets one call go on.
func (w *world) release(c *call) {
	w.waiting = slices.DeleteFunc(w.waiting, func(x *call) bool { return x == c })
	if c.late {
		w.log("late effect: %s", c)
		c.fate <- dieAfter
		return
	}
	f := w.fateOf(c)
	if f == die || f == dieAfter {
		if f == die && c.kind != answer && c.kind != pause && w.strikes(LateEffect) {
			c.late, c.ready = true, time.Now().Add(time.Duration(w.pick(20_000))*time.Millisecond)
			w.waiting = append(w.waiting, c)
			w.kill(c.inv, "dies with "+c.name+" under way")
			return
		}
		w.kill(c.inv, f.String()+" "+c.String())
		c.fate <- f
		return
	}
	w.log("%s %s", f, c)
	c.fate <- f
}

// kill ends a function: its process is gone, and whoever called it finds out.
func (w *world) kill(i *invocation, why string) {
	if i.dead || i.over.Load() {
		return
	}
	w.log("%s of invocation %d: %s", i.what, i.id, why)
	i.dead = true
	var left []*call
	for _, c := range w.waiting {
		switch {
		case c.inv != i || c.late:
			left = append(left, c)
		default:
			c.fate <- die
		}
	}
	w.waiting = left
	if i.onDeath != nil {
		i.onDeath()
	}
}

// overdue kills functions that ran into their timeout.
func (w *world) overdue() {
	now := time.Now()
	for _, i := range slices.Clone(w.running) {
		if !i.dead && now.Sub(i.began) > i.limit {
			w.count(FunctionTimeout)
			w.kill(i, "times out")
		}
	}
}

// teardown ends every goroutine of the run.
func (w *world) teardown() {
	for {
		w.collect()
		for _, i := range w.running {
			i.dead = true
		}
		for _, c := range w.waiting {
			c.fate <- die
		}
		w.waiting = nil
		synctest.Wait()
		if len(w.running) == 0 {
			return
		}
	}
}

func (c *call) String() string {
	return c.inv.what + "#" + itoa(c.inv.id) + "." + c.name + "(" + c.key + ")"
}

func (f fate) String() string {
	return [...]string{"proceeds", "is refused", "loses its answer", "dies before", "dies after"}[f]
}

// sleep is chat.Service.Sleep: how long is the schedule's to say.
func (i *invocation) sleep(ctx context.Context, _ time.Duration) {
	_ = i.do(ctx, pause, "Sleep", "", nil, func() error { return nil })
}
