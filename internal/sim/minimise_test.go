package sim

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// minimise looks for a shorter run with fewer kinds of fault that still breaks a promise of the same kind: with each
// class switched off in turn, then with fewer steps.
func minimise(t *testing.T, r Result, o Options) (Result, Options) {
	still := func(o Options) bool {
		x := play(t, r.Seed, o)
		if kindOf(x.Violation) != kindOf(r.Violation) {
			return false
		}
		r = x
		return true
	}
	o.Without = map[Fault]bool{}
	for _, f := range sortedFaults() {
		o.Without[f] = true
		if !still(o) {
			delete(o.Without, f)
		}
	}
	for n := o.steps(r.Seed); n > 20; {
		next := o
		next.Steps = n / 2
		if !still(next) {
			break
		}
		o, n = next, n/2
	}
	return r, o
}

// kindOf is the part of a violation that says what sort it is: its first words, without ids and numbers.
func kindOf(violation string) string {
	words := strings.Fields(violation)
	words = slices.DeleteFunc(words, func(w string) bool { return strings.ContainsAny(w, "0123456789=") })
	return strings.Join(words[:min(len(words), 3)], " ")
}

// report prints a failure so that it can be read and run again.
func report(t *testing.T, r Result, o Options) {
	again := play(t, r.Seed, o)
	if again.Violation != r.Violation || again.Hash != r.Hash {
		t.Errorf("seed %d is not reproducible: %q, then %q", r.Seed, r.Violation, again.Violation)
	}
	small, so := minimise(t, r, o)
	so.Trace = true
	small = play(t, small.Seed, so)
	var kinds []string
	for _, f := range sortedFaults() {
		if small.Counts[f] > 0 {
			kinds = append(kinds, fmt.Sprintf("%s (%d)", f, small.Counts[f]))
		}
	}
	t.Errorf("seed %d, step %d: %s\nrun it again: go test ./internal/sim -run TestSeeds -args -seed %d -steps %d\n"+
		"smaller, %d steps with %s: %s\n%s",
		r.Seed, r.Steps, r.Violation, r.Seed, o.Steps, small.Steps, strings.Join(kinds, ", "), small.Violation,
		strings.Join(small.Trace[max(0, len(small.Trace)-*lines):], "\n"))
}
