package sim

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var (
	seeds = flag.Int("seeds", 300, "how many seeds to run")
	first = flag.Uint64("first", 1, "the first of them")
	seed  = flag.Uint64("seed", 0, "run just this seed and print its trace")
	steps = flag.Int("steps", 0, "steps of the schedule while faults happen (default: the seed says)")
	lines = flag.Int("lines", 150, "how much of a trace to print")
)

// play runs one seed in a bubble of its own.
func play(t *testing.T, seed uint64, o Options) (r Result) {
	synctest.Test(t, func(*testing.T) { r = Run(seed, o) })
	return r
}

// totals adds up a set of runs.
type totals struct {
	mu     sync.Mutex
	sum    Result
	runs   int
	failed atomic.Bool
}

func (s *totals) add(r Result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sum.Counts == nil {
		s.sum.Counts = map[Fault]int{}
	}
	s.runs++
	s.sum.Steps += r.Steps
	s.sum.Messages += r.Messages
	s.sum.Events += r.Events
	s.sum.Frames += r.Frames
	s.sum.Virtual += r.Virtual
	for f, c := range r.Counts {
		s.sum.Counts[f] += c
	}
}

// TestSeeds plays many runs. The promises hold in each, and every fault was seen in at least one.
func TestSeeds(t *testing.T) {
	o := Options{Steps: *steps}
	if *seed > 0 {
		o.Trace = true
		r := play(t, *seed, o)
		fmt.Println(strings.Join(r.Trace[max(0, len(r.Trace)-*lines):], "\n"))
		if r.Violation != "" {
			t.Errorf("seed %d: %s", *seed, r.Violation)
		}
		return
	}
	var s totals
	var next atomic.Uint64
	began := time.Now()
	t.Run("run", func(t *testing.T) {
		for n := range max(2, runtime.GOMAXPROCS(0)) {
			t.Run(fmt.Sprint(n), func(t *testing.T) {
				t.Parallel()
				for i := next.Add(1) - 1; i < uint64(*seeds) && !s.failed.Load(); i = next.Add(1) - 1 {
					r := play(t, *first+i, o)
					s.add(r)
					if r.Violation != "" && s.failed.CompareAndSwap(false, true) {
						report(t, r, o)
					}
				}
			})
		}
	})
	t.Logf("%d seeds from %d in %.1fs: %d steps, %d messages written, %d events stored, %d frames, %s of virtual time", s.runs, *first,
		time.Since(began).Seconds(), s.sum.Steps, s.sum.Messages, s.sum.Events, s.sum.Frames, s.sum.Virtual.Round(time.Hour))
	s.checkSeen(t)
}

// checkSeen fails if a fault never happened: the runs would then say nothing about it.
func (s *totals) checkSeen(t *testing.T) {
	list := Faults()
	slices.Sort(list)
	for _, f := range list {
		t.Logf("%8d  %s", s.sum.Counts[f], f)
		if s.sum.Counts[f] == 0 && s.runs >= 300 && !s.failed.Load() {
			t.Errorf("never seen in %d seeds: %s", s.runs, f)
		}
	}
	for f := range s.sum.Counts {
		if !slices.Contains(list, f) {
			t.Errorf("%s is counted and not listed", f)
		}
	}
}

// TestCorpus plays every seed that ever failed.
func TestCorpus(t *testing.T) {
	f, err := os.Open("testdata/seeds.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n := 0
	for sc := bufio.NewScanner(f); sc.Scan(); {
		line, _, _ := strings.Cut(sc.Text(), "#")
		if strings.TrimSpace(line) == "" {
			continue
		}
		var seed uint64
		var o Options
		if _, err := fmt.Sscan(line, &seed, &o.Steps); err != nil {
			t.Fatalf("%q: %v", sc.Text(), err)
		}
		n++
		if r := play(t, seed, o); r.Violation != "" {
			report(t, r, o)
		}
	}
	if n == 0 {
		t.Error("the corpus is empty")
	}
}

// A seed means one run: the same steps at the same times, with and without a trace.
func TestSeedsAreReproducible(t *testing.T) {
	t.Parallel()
	for seed := uint64(1); seed <= 12; seed++ {
		a, b := play(t, seed, Options{Steps: 400}), play(t, seed, Options{Steps: 400, Trace: true})
		if a.Hash != b.Hash || a.Steps != b.Steps || a.Events != b.Events || a.Frames != b.Frames {
			t.Errorf("seed %d: %d steps, %d events, hash %x; then %d steps, %d events, hash %x", seed, a.Steps, a.Events, a.Hash, b.Steps, b.Events, b.Hash)
		}
	}
}
