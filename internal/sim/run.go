package sim

import (
	"maps"
	"slices"
	"time"
)

// Options of a run.
type Options struct {
	// Steps of the schedule while faults happen; by default the seed says: 200, in some runs up to 1,500.
	Steps int
	// Trace keeps a readable line for everything that happens.
	Trace bool
	// Without lists faults that are switched off.
	Without map[Fault]bool
}

func (o Options) steps(seed uint64) int {
	if o.Steps > 0 {
		return o.Steps
	}
	return [...]int{200, 200, 200, 400, 200, 1000, 200, 400, 200, 1500}[seed%10]
}

// Result of a run.
type Result struct {
	Seed      uint64
	Violation string // "" if every promise held
	Counts    map[Fault]int
	Steps     int
	Messages  int // that users wrote
	Events    int // in the logs
	Frames    int // to clients
	Virtual   time.Duration
	Hash      uint64 // of everything that happened: the same for the same seed
	Trace     []string
}

// Run plays one seed. It must be called within a bubble of testing/synctest, whose goroutines and time it takes
// over.
func Run(seed uint64, o Options) Result {
	began := time.Now()
	w := newWorld(seed, o.Trace, o.Without)
	for n := 0; n < o.steps(seed) && w.violation == ""; n++ {
		w.step()
	}
	w.settle()
	w.teardown()
	r := Result{Seed: seed, Violation: w.violation, Counts: w.counts, Steps: w.steps, Messages: w.messages, Frames: w.frames,
		Virtual: time.Since(began), Hash: w.hash, Trace: w.trace}
	for _, l := range w.logs {
		r.Events += len(l.public) + len(l.desk)
	}
	return r
}

// option is something that can happen next.
type option struct {
	weight int
	do     func()
}

// step lets one thing happen.
func (w *world) step() bool {
	w.steps++
	list := w.options()
	if w.faulty {
		list = append(list, option{6, w.command}, option{5, w.pass}, option{3, w.mischief})
	}
	total := 0
	for _, o := range list {
		total += o.weight
	}
	if total == 0 {
		return false
	}
	n := w.pick(total)
	for _, o := range list {
		if n -= o.weight; n < 0 {
			o.do()
			break
		}
	}
	w.collect()
	w.hangups()
	if w.bad.Load() {
		w.violate("P6: a post may take longer than its budget")
	}
	return true
}

// hangups ends connections that the service deleted.
func (w *world) hangups() {
	for _, c := range w.deleted {
		w.count(Closed)
		w.log("%s was deleted", c.id)
		w.cut(c)
		w.lost(c)
	}
	w.deleted = nil
}

// options lists what goes on by itself.
func (w *world) options() []option {
	var list []option
	if calls := w.ready(); len(calls) > 0 {
		list = append(list, option{50, func() { w.release(calls[w.pick(len(calls))]) }})
	}
	var in, out []*conn
	for _, c := range w.conns {
		if len(c.in) > 0 {
			in = append(in, c)
		}
		if len(c.out) > 0 {
			out = append(out, c)
		}
	}
	if len(in) > 0 {
		c := in[w.pick(len(in))]
		list = append(list, option{15, func() { w.route(c, w.pick(len(c.in))) }})
	}
	if len(out) > 0 {
		c := out[w.pick(len(out))]
		list = append(list, option{25, func() { w.receive(c, w.pick(min(len(c.out), 1+w.pick(4)))) }})
	}
	if len(w.dials) > 0 {
		list = append(list, option{10, func() {
			n := w.pick(len(w.dials))
			d := w.dials[n]
			w.dials = slices.Delete(w.dials, n, n+1)
			w.connect(d)
		}})
	}
	for _, s := range w.shards {
		if s.ready() {
			list = append(list, option{3, func() { w.invokeRelay(s) }})
		}
	}
	if len(w.delivery.visible()) > 0 {
		list = append(list, option{6, w.invokeDeliver})
	}
	if jobs := w.jobs.visible(); len(jobs) > 0 {
		list = append(list, option{6, func() { w.integrator.work(jobs) }})
	}
	return list
}

// pass lets a little time pass, or all that lies before the next thing that is due.
func (w *world) pass() {
	d := time.Duration(1+w.pick(200)) * time.Millisecond
	if w.pick(3) == 0 && len(w.ready()) == 0 {
		d = min(time.Until(w.next()), time.Minute)
	}
	w.advance(max(d, time.Millisecond))
}

func (w *world) advance(d time.Duration) {
	time.Sleep(d)
	w.collect() // deadlines of contexts may have passed
	w.overdue()
	w.collect()
	w.limits()
	w.tick()
}

// next returns when something is due by itself.
func (w *world) next() time.Time {
	now := time.Now()
	d := now.Add(24 * time.Hour)
	at := func(t time.Time) {
		if t.After(now) && t.Before(d) {
			d = t
		}
	}
	for _, t := range w.tabs() {
		at(t.machine.Deadline())
	}
	for _, c := range w.waiting {
		at(c.ready)
	}
	for _, m := range slices.Concat(w.delivery.messages, w.jobs.messages) {
		at(m.visible)
	}
	for _, s := range w.shards {
		at(s.away)
	}
	return d
}

// mischief draws the faults that nothing else leads to.
func (w *world) mischief() {
	var up []*conn
	for _, c := range w.conns {
		if c.up {
			up = append(up, c)
		}
	}
	// The rates are per step; this is asked in about one of 30.
	for range 30 {
		if len(up) > 0 && w.strikes(Drop) {
			w.drop(up[w.pick(len(up))])
			return
		}
		if len(up) > 0 && w.strikes(HalfOpen) {
			w.freeze(up[w.pick(len(up))])
			return
		}
		if w.strikes(Restart) {
			list := w.tabs()
			w.restart(list[w.pick(len(list))])
			return
		}
		if w.strikes(DeviceSleep) {
			d := time.Duration(1+w.pick(150)) * time.Minute
			w.log("everything sleeps for %s", d)
			w.advance(d)
			return
		}
	}
}

// settle ends the faults, lets everything come to rest within restLimit, and checks it.
func (w *world) settle() {
	w.faulty = false
	end := time.Now().Add(restLimit)
	for _, s := range w.shards {
		s.away = time.Time{}
	}
	w.log("faults end")
	for w.violation == "" {
		if w.step() {
			if w.steps > 200_000 {
				w.violate("liveness: does not come to rest within %d steps", w.steps)
			}
			continue
		}
		why := w.unrest()
		if why == "" && !w.epilogue {
			w.speakAgain()
			end = time.Now().Add(restLimit)
			continue
		}
		if why == "" {
			w.checkRest()
			w.checkQuiet()
			return
		}
		if time.Now().After(end) {
			w.violate("liveness: %s after the faults ended, %s", restLimit, why)
			return
		}
		w.advance(max(time.Until(w.next()), time.Millisecond))
	}
}

func sortedFaults() []Fault { return slices.Sorted(maps.Keys(rates)) }
