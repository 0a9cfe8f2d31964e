package proc

import (
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestTree: a child's time and memory count, also when it has ended.
func TestTree(t *testing.T) {
	before, err := Take(os.Getpid(), 0, true)
	if err != nil {
		t.Fatal(err)
	}
	if before.PSS < 1<<20 || before.Total == 0 {
		t.Errorf("%+v", before)
	}
	// About 0.2 s of work in a grandchild.
	busy := exec.CommandContext(t.Context(), "sh", "-c", "sh -c 'i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done'; true")
	if out, err := busy.CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	after, err := Take(os.Getpid(), 0, false)
	if err != nil {
		t.Fatal(err)
	}
	spent := after.Since(before)
	used := busy.ProcessState.UserTime() + busy.ProcessState.SystemTime()
	if spent.CPU < used-2*tick || spent.Wall <= 0 {
		t.Errorf("%v of CPU, the child used %v", spent.CPU, used)
	}
	if _, err := Take(1<<30, -1, false); err == nil {
		t.Error("a process that does not exist was sampled")
	}
}

func TestNoiseIsWhatOthersTook(t *testing.T) {
	t.Parallel()
	a := Sample{At: time.Unix(0, 0), CPU: time.Second, Busy: 2 * time.Second, Total: 10 * time.Second}
	b := Sample{At: time.Unix(10, 0), CPU: 4 * time.Second, Busy: 7 * time.Second, Total: 20 * time.Second}
	if got := b.Since(a); got != (Spent{Wall: 10 * time.Second, CPU: 3 * time.Second, Others: 0.2}) {
		t.Errorf("%+v", got)
	}
}

// TestStartOn: the child inherits the core, the thread gets its own back.
func TestStartOn(t *testing.T) {
	if runtime.NumCPU() < 2 {
		t.Log("one core: a child can only be on it")
	}
	back := runtime.NumCPU() - 1
	var out []byte
	err := StartOn(0, back, func() (err error) {
		out, err = exec.CommandContext(t.Context(), "grep", "Cpus_allowed_list", "/proc/self/status").Output()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Fields(string(out)); len(got) != 2 || got[1] != strconv.Itoa(0) {
		t.Errorf("the child may run on %q", out)
	}
}
