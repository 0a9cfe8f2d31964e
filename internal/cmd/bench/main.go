// Command bench measures the whole server side as people deploy it: the local stack with its functions as real
// processes, on one core, and the load generator on another. It prints a table and writes JSON.
//
// Latencies count from when a message was due (Poisson arrivals), so that a stall is not hidden by a generator
// that waits for it. "Durable" means that a message was fsynced before it was acknowledged; "memory" leaves the
// disk out. What the machine's other processes took of the server's core is reported as noise.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/parley-chat/parley/internal/cmd/bench/proc"
	"github.com/parley-chat/parley/localstack/e2e/world"
)

// The cores. On a machine with one only nothing is pinned, and the figures say so.
const (
	serverCore    = 0
	generatorCore = 1
)

func main() {
	quick := flag.Bool("quick", false, "a small run of about 20 s that shows that it works: its figures mean little")
	out := flag.String("out", "", "write the figures as JSON to this `file`")
	dir := flag.String("dir", "", "`directory` for the durable run's files (default: the temporary one); its disk is what is measured")
	modes := flag.String("modes", "memory,durable", "comma-separated `list` of what to run")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, options{quick: *quick, out: *out, dir: *dir, modes: *modes})
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type options struct {
	quick           bool
	out, dir, modes string
}

func run(ctx context.Context, o options) error {
	plan := fullPlan()
	if o.quick {
		plan = quickPlan()
	}
	ctx, cancel := context.WithTimeout(ctx, plan.patience)
	defer cancel()
	b := &bench{plan: plan, dir: o.dir, core: -1, progress: os.Stderr}
	pinned := proc.Cores() > 1
	if pinned {
		if err := proc.PinSelf(generatorCore); err != nil {
			return err
		}
		b.core = serverCore
	}
	r := newReport(o.quick, pinned)
	err := b.run(ctx, o.modes, &r)
	r.print(os.Stdout)
	if o.out != "" {
		err = errors.Join(err, r.write(o.out))
	}
	return err
}

// write keeps the figures as JSON.
func (r *report) write(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// build compiles the local stack once for all modes.
func build(ctx context.Context) (root, dir, binary string, err error) {
	if root, err = world.Root(); err != nil {
		return "", "", "", err
	}
	if dir, err = os.MkdirTemp("", "parley-bench-"); err != nil {
		return "", "", "", err
	}
	binary, err = world.Build(ctx, root, dir)
	return root, dir, binary, err
}

// plan says how much is measured.
type plan struct {
	patience time.Duration // for everything
	pairs    int           // conversations of two
	rates    []float64     // messages per second
	each     time.Duration // of each rate, and of the saturation
	inFlight int
	connect  int // sockets
	fanout   []int
	messages int // of each fan-out
	storm    int // clients that come back at once
	missed   int // messages that each of them missed
	// What the durable run repeats: the rest does not depend on the disk.
	durableRates []float64
	hasty        bool // does not wait between measurements until the stack is at rest
}

func fullPlan() plan {
	return plan{patience: 20 * time.Minute, pairs: 500, rates: []float64{300, 600, 1000}, each: 10 * time.Second, inFlight: 256,
		connect: 5000, fanout: []int{1000, 5000}, messages: 5, storm: 2000, missed: 20, durableRates: []float64{300, 1000}}
}

func quickPlan() plan {
	return plan{patience: 4 * time.Minute, pairs: 50, rates: []float64{200}, each: time.Second, inFlight: 50, hasty: true,
		connect: 100, fanout: []int{100}, messages: 3, storm: 50, missed: 20, durableRates: []float64{200}}
}
