package lambda

import (
	"syscall"
	"testing"
	"time"

	"github.com/parley-chat/parley/localstack/seam"
	"github.com/parley-chat/parley/localstack/template"
)

// BenchmarkInvokeParallel keeps four processes busy: the stack's share when the machine is loaded.
func BenchmarkInvokeParallel(b *testing.B) {
	benchmark(b, FreezeDelay, func(invoke func()) {
		b.SetParallelism(4)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				invoke()
			}
		})
	})
}

// BenchmarkInvoke reports the stack's own CPU per invocation (stack-µs) apart from the function's (child-µs).
// Frozen at once, each invocation pays for stopping and waking the process.
func BenchmarkInvoke(b *testing.B) {
	for name, after := range map[string]time.Duration{"FreezeDelay": FreezeDelay, "FreezeAtOnce": -1} {
		b.Run(name, func(b *testing.B) {
			benchmark(b, after, func(invoke func()) {
				for b.Loop() {
					invoke()
				}
			})
		})
	}
}

func benchmark(b *testing.B, freezeAfter time.Duration, run func(invoke func())) {
	r, err := New(Options{Functions: []template.Function{probe("Probe")}, BinDir: binaries, FreezeAfter: freezeAfter,
		Credentials: func(seam.Caller) Credentials { return Credentials{} }})
	if err != nil {
		b.Fatal(err)
	}
	event := []byte(`{"text":"hello","mark":""}`)
	before := cpu(syscall.RUSAGE_SELF)
	run(func() {
		result, err := r.Invoke(b.Context(), "Probe", event, seam.InvokeOptions{Trace: "Root=1-2"})
		if err != nil || result.Error != nil {
			b.Error(err, result.Error)
		}
	})
	b.StopTimer()
	own := cpu(syscall.RUSAGE_SELF) - before
	children := cpu(syscall.RUSAGE_CHILDREN)
	if err := r.Close(b.Context()); err != nil {
		b.Fatal(err)
	}
	children = cpu(syscall.RUSAGE_CHILDREN) - children
	b.ReportMetric(float64(own.Nanoseconds())/1e3/float64(b.N), "stack-µs/op")
	b.ReportMetric(float64(children.Nanoseconds())/1e3/float64(b.N), "child-µs/op")
}

func cpu(who int) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(who, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
