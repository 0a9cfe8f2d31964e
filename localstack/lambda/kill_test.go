package lambda

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/parley-chat/parley/localstack/seam"
	"github.com/parley-chat/parley/localstack/template"
)

func TestFaults(t *testing.T) {
	t.Parallel()
	const exit, lost = "Runtime.ExitError", "ServiceException"
	tests := []struct {
		name  string
		phase seam.Phase
		fault seam.Fault
		want  string // error type, "" for success
		runs  int64  // how often the handler finished
	}{
		{"error before", seam.Before, seam.Fault{Kind: seam.FaultError, ErrorType: "Custom", Message: "m"}, "Custom", 0},
		{"error after", seam.After, seam.Fault{Kind: seam.FaultError, ErrorType: "Custom", Message: "m"}, "Custom", 1},
		{"lose before", seam.Before, seam.Fault{Kind: seam.FaultLose}, lost, 0},
		{"lose after", seam.After, seam.Fault{Kind: seam.FaultLose}, lost, 1},
		{"kill before", seam.Before, seam.Fault{Kind: seam.FaultKill}, exit, 0},
		{"kill after", seam.After, seam.Fault{Kind: seam.FaultKill}, exit, 1},
		{"duplicate before", seam.Before, seam.Fault{Kind: seam.FaultDuplicate}, "", 2},
		{"duplicate after", seam.After, seam.Fault{Kind: seam.FaultDuplicate}, "", 2},
		{"delay before", seam.Before, seam.Fault{Kind: seam.FaultDelay, Delay: 60 * time.Millisecond}, "", 1},
		{"delay after", seam.After, seam.Fault{Kind: seam.FaultDelay, Delay: 60 * time.Millisecond}, "", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			faults := &rule{phase: tt.phase, fault: tt.fault}
			f := newFixture(t, func(o *Options) { o.Faults = faults })
			f.ok(order{})
			faults.mu.Lock()
			faults.n = 1
			faults.mu.Unlock()
			mark := filepath.Join(t.TempDir(), "mark")
			start := time.Now()
			result := f.call(order{"mark": mark})
			if took := time.Since(start); took < tt.fault.Delay {
				t.Errorf("took %v, delayed by %v", took, tt.fault.Delay)
			}
			got := ""
			if result.Error != nil {
				got = result.Error.Type
			}
			if got != tt.want {
				t.Errorf("error %q, want %q", got, tt.want)
			}
			if n := marks(mark); n != tt.runs {
				t.Errorf("the handler finished %d times, want %d", n, tt.runs)
			}
			f.ok(order{})
			died := func() bool { f.mu.Lock(); defer f.mu.Unlock(); return len(f.retired) > 0 }
			if tt.fault.Kind == seam.FaultKill {
				eventually(t, "the process dies", died)
			} else if died() {
				t.Error("a process died")
			}
		})
	}
}

func TestThrottleFault(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) {
		o.Faults = &rule{phase: seam.Before, n: 1, fault: seam.Fault{Kind: seam.FaultError, ErrorType: "TooManyRequestsException"}}
	})
	if _, err := f.Invoke(t.Context(), "Probe", []byte("{}"), seam.InvokeOptions{}); !errors.Is(err, ErrThrottled) {
		t.Errorf("got %v", err)
	}
}

func TestKillOfABusyProcess(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.ok(order{})
	result := make(chan seam.InvokeResult, 1)
	go func() { result <- f.call(order{"op": "sleep", "ms": 3000}) }()
	eventually(t, "it runs", func() bool { return f.State()[0].Processes[0].State == "busy" })
	p := f.State()[0].Processes[0]
	if !f.Kill(p.ID) {
		t.Error("Kill says it was dead")
	}
	got := <-result
	if got.Error == nil || got.Error.Type != "Runtime.ExitError" ||
		got.Error.Message != "RequestId: "+got.RequestID+" Error: Runtime exited with error: signal: killed" {
		t.Errorf("got %+v", got.Error)
	}
	if f.Kill(p.ID) {
		t.Error("Kill of a dead process says it was alive")
	}
	f.ok(order{})
}

func TestIdleProcessIsFrozenAndThawed(t *testing.T) {
	t.Parallel()
	for name, after := range map[string]time.Duration{"at once": -1, "soon": FreezeDelay} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mark := filepath.Join(t.TempDir(), "mark") // before the fixture, which must be closed before it goes
			f := newFixture(t, func(o *Options) { o.FreezeAfter = after })
			pid := f.ok(order{"op": "linger", "text": mark}).PID
			eventually(t, "it is frozen", func() bool { return f.State()[0].Processes[0].State == "frozen" })
			n := settled(t, mark)
			if got := f.ok(order{"op": "sleep", "ms": 30}).PID; got != pid {
				t.Errorf("pid %d, want the thawed %d", got, pid)
			}
			if marks(mark) == n {
				t.Error("the lingering goroutine did not go on with the next invocation")
			}
		})
	}
}

// settled waits until the file stops growing for 50 ms and returns its size.
func settled(t *testing.T, file string) int64 {
	last, since := marks(file), time.Now()
	eventually(t, "the lingering goroutine stands still", func() bool {
		if n := marks(file); n != last {
			last, since = n, time.Now()
		}
		return time.Since(since) > 50*time.Millisecond
	})
	return last
}

func TestNoFreeze(t *testing.T) {
	t.Parallel()
	mark := filepath.Join(t.TempDir(), "mark")
	f := newFixture(t, func(o *Options) { o.NoFreeze = true })
	f.ok(order{"op": "linger", "text": mark})
	n := marks(mark)
	eventually(t, "it goes on", func() bool { return marks(mark) > n+100 })
}

func TestIdleProcessIsRetired(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) { o.IdleAfter = 50 * time.Millisecond })
	f.ok(order{})
	eventually(t, "it ends", func() bool { return len(f.State()[0].Processes) == 0 })
	f.ok(order{})
}

func marks(file string) int64 {
	stat, err := os.Stat(file)
	if err != nil {
		return 0
	}
	return stat.Size()
}

// runAsParent is the program that TestNoOrphans kills: a runner with one frozen and one busy process.
func runAsParent() {
	r, err := New(Options{Functions: []template.Function{probe("Probe"), probe("Busy")}, BinDir: os.Getenv("RUNNER_UNDER_TEST"), FreezeAfter: -1,
		Credentials: func(seam.Caller) Credentials { return Credentials{} }})
	if err != nil {
		panic(err)
	}
	say := func(function string) {
		result, err := r.Invoke(context.Background(), function, []byte("{}"), seam.InvokeOptions{})
		var got report
		if err == nil {
			err = json.Unmarshal(result.Payload, &got)
		}
		if err != nil {
			panic(err)
		}
		fmt.Println(got.PID)
	}
	say("Probe")
	say("Busy")
	_, _ = r.Invoke(context.Background(), "Busy", []byte(`{"op":"sleep","ms":4000}`), seam.InvokeOptions{})
}

func TestNoOrphans(t *testing.T) {
	t.Parallel()
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), "RUNNER_UNDER_TEST="+binaries)
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	var pids []int
	lines := bufio.NewScanner(out)
	for len(pids) < 2 && lines.Scan() {
		pid, err := strconv.Atoi(lines.Text())
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	for _, pid := range pids {
		eventually(t, "child "+strconv.Itoa(pid)+" is gone", func() bool { return gone(pid) })
	}
}

// gone is true for a process that does not exist or is a zombie nobody reaps.
func gone(pid int) bool {
	return syscall.Kill(pid, 0) != nil || residentPages(pid) == 0
}
