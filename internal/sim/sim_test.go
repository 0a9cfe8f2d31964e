package sim

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var (
	seeds = flag.Int("seeds", 0, "how many seeds to run (default 300)")
	first = flag.Uint64("first", 1, "the first of them")
	seed  = flag.Uint64("seed", 0, "run just this seed, with a trace")
	steps = flag.Int("steps", 0, "steps of the schedule while faults happen (default: the seed says)")
	lines = flag.Int("lines", 150, "how much of a failure's trace to print")
)

// play runs one seed in a bubble of its own.
func play(t *testing.T, seed uint64, o Options) (r Result) {
	synctest.Test(t, func(*testing.T) { r = Run(seed, o) })
	return r
}

// report prints a failure so that it can be read and run again.
func report(t *testing.T, r Result) {
	o := Options{Steps: *steps, Trace: true}
	again := play(t, r.Seed, o)
	if again.Violation != r.Violation || again.Hash != r.Hash {
		t.Errorf("seed %d is not reproducible: %q, then %q", r.Seed, r.Violation, again.Violation)
	}
	t.Errorf("seed %d, step %d: %s\nrun it again: go test ./internal/sim -run TestSeeds -args -seed %d -steps %d\n%s", r.Seed, r.Steps, r.Violation,
		r.Seed, *steps, strings.Join(again.Trace[max(0, len(again.Trace)-*lines):], "\n"))
}

// The promises hold in every run, and every fault was seen.
func TestSeeds(t *testing.T) {
	if *seed > 0 {
		r := play(t, *seed, Options{Steps: *steps, Trace: true})
		fmt.Println(strings.Join(r.Trace[max(0, len(r.Trace)-*lines):], "\n"))
		if r.Violation != "" {
			t.Errorf("seed %d: %s", *seed, r.Violation)
		}
		return
	}
	n := *seeds
	if n == 0 {
		n = 300
	}
	var (
		mu     sync.Mutex
		total  = Result{Counts: map[Fault]int{}}
		next   atomic.Uint64
		failed int
	)
	began := time.Now()
	t.Run("run", func(t *testing.T) {
		for range 2 {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				for {
					i := next.Add(1) - 1
					if i >= uint64(n) {
						return
					}
					r := play(t, *first+i, Options{Steps: *steps})
					mu.Lock()
					total.Steps += r.Steps
					total.Messages += r.Messages
					total.Events += r.Events
					total.Frames += r.Frames
					total.Virtual += r.Virtual
					for f, c := range r.Counts {
						total.Counts[f] += c
					}
					stop := failed > 0
					if r.Violation != "" {
						failed++
					}
					mu.Unlock()
					if stop {
						return
					}
					if r.Violation != "" {
						report(t, r)
						return
					}
				}
			})
		}
	})
	t.Logf("%d seeds in %.1fs: %d steps, %d messages written, %d events stored, %d frames, %s of virtual time", n, time.Since(began).Seconds(),
		total.Steps, total.Messages, total.Events, total.Frames, total.Virtual.Round(time.Hour))
	list := Faults()
	slices.Sort(list)
	for _, f := range list {
		if total.Counts[f] == 0 && n >= 100 && failed == 0 {
			t.Errorf("never seen in %d seeds: %s", n, f)
		}
		t.Logf("%8d  %s", total.Counts[f], f)
	}
	for f := range maps.Keys(total.Counts) {
		if !slices.Contains(list, f) {
			t.Errorf("%s is not listed", f)
		}
	}
}
