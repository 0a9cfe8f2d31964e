package e2e

import (
	"cmp"
	"flag"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/client"
	"github.com/parley-chat/parley/localstack/meter"
)

var burstFlag = flag.Bool("burst", false, "TestRoutingUnderFire in between: 50 operators, 800 conversations at once")

// fireSize is how much comes at once.
type fireSize struct {
	operators, customers, conversations int
	open                                int           // conversations at once, at most
	extra                               int           // capacity beyond 1 to 5
	redeliver                           int           // rig.Options.Patience
	patience, bound                     time.Duration // for all of it, and for the wait of one while there is capacity
	client                              client.Options
}

func sizeOfFire() fireSize {
	switch {
	case *fullFlag: // clients that ask again after a second would be most of the load
		return fireSize{200, 200, 5000, 2000, 5, 3, 14 * time.Minute, assignedWithin, client.Options{}}
	case *burstFlag:
		return fireSize{50, 60, 800, 800, 5, 3, 5 * time.Minute, assignedWithin, client.Options{}}
	}
	return fireSize{20, 30, 300, 300, 0, 1, 4 * time.Minute, assignedWithin, fast()}
}

// callsPerAssignment writes what the functions did, by function and operation, in calls, failed ones, and units for each
// of n assignments: the figures of a run that do not depend on the machine. The clients' messages are among it.
func callsPerAssignment(u meter.Report, n int) string {
	type line struct {
		name                 string
		calls, errors        int
		reads, writes, queue float64
	}
	sums := map[string]*line{}
	for _, c := range u.Calls {
		if c.Function == "" {
			continue
		}
		for _, name := range []string{c.Function + " " + c.Operation, c.Function, "all"} {
			l := sums[name]
			if l == nil {
				l = &line{name: name}
				sums[name] = l
			}
			l.calls, l.errors = l.calls+c.Calls, l.errors+c.Errors
			l.reads, l.writes, l.queue = l.reads+c.ReadUnits, l.writes+c.WriteUnits, l.queue+c.Requests
		}
	}
	lines := make([]*line, 0, len(sums))
	for _, l := range sums {
		lines = append(lines, l)
	}
	slices.SortFunc(lines, func(a, b *line) int { return cmp.Compare(a.name, b.name) })
	var out strings.Builder
	per := float64(n)
	fmt.Fprintf(&out, "for each of %d assignments:\n%-46s %8s %8s %8s %8s %8s\n", n, "", "calls", "failed", "reads", "writes", "sqs")
	for _, l := range lines {
		fmt.Fprintf(&out, "%-46s %8.2f %8.3f %8.2f %8.2f %8.2f\n", l.name, float64(l.calls)/per, float64(l.errors)/per, l.reads/per, l.writes/per, l.queue/per)
	}
	for _, f := range u.Functions {
		fmt.Fprintf(&out, "%-32s invocations %6.2f, %7.1f ms each\n", f.Function, float64(f.Invocations)/per, f.DurationMS/float64(max(1, f.Invocations)))
	}
	return out.String()
}

// perSecond counts what happened in each second since the first.
func perSecond(times []int64) []int {
	first := slices.Min(times)
	out := make([]int, (slices.Max(times)-first)/1000+1)
	for _, t := range times {
		out[(t-first)/1000]++
	}
	return out
}
