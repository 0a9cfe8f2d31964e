// Package proc measures process trees and pins them to cores. It knows Linux's /proc; elsewhere it measures
// nothing.
package proc

import "time"

// Sample is what a process tree has used.
type Sample struct {
	At time.Time
	// CPU time of all its processes, those that ended included.
	CPU time.Duration
	// PSS is its resident memory, with shared pages divided among those that share them; 0 unless asked for.
	PSS int64
	// Busy and Total are the time of the core that the tree is pinned to, of anybody; zero when not pinned.
	Busy, Total time.Duration
}

// Spent is the difference of two samples.
type Spent struct {
	Wall, CPU time.Duration
	// Others is how much of the core other processes took, 0 to 1: the noise of the measurement.
	Others float64
}

// Since returns what was spent after an earlier sample.
func (s Sample) Since(earlier Sample) Spent {
	spent := Spent{Wall: s.At.Sub(earlier.At), CPU: s.CPU - earlier.CPU}
	if total := s.Total - earlier.Total; total > 0 {
		spent.Others = max(0, float64(s.Busy-earlier.Busy-spent.CPU)/float64(total))
	}
	return spent
}
