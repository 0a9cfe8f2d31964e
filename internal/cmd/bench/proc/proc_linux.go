package proc

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// tick is the unit of times in /proc: USER_HZ, which is 100 on every architecture that Go runs on.
const tick = 10 * time.Millisecond

// Take samples the tree under a process; core is the one that it is pinned to, or -1.
func Take(root, core int, memory bool) (Sample, error) {
	s := Sample{At: time.Now()}
	pids, err := tree(root)
	if err != nil {
		return s, err
	}
	for _, pid := range pids {
		s.CPU += cpu(pid)
		if memory {
			s.PSS += pss(pid)
		}
	}
	if core >= 0 {
		s.Busy, s.Total = coreTimes(core)
	}
	return s, nil
}

// tree lists a process and its descendants.
func tree(root int) ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	children := map[int][]int{}
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			if f := stat(pid); len(f) > 1 {
				parent, _ := strconv.Atoi(f[1])
				children[parent] = append(children[parent], pid)
			}
		}
	}
	pids := []int{root}
	for i := 0; i < len(pids); i++ {
		pids = append(pids, children[pids[i]]...)
	}
	if stat(root) == nil {
		return nil, fmt.Errorf("proc: there is no process %d", root)
	}
	return pids, nil
}

// stat returns the fields of /proc/pid/stat behind the name: state, parent, … (proc_pid_stat(5)).
func stat(pid int) []string {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return nil
	}
	return strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
}

// cpu is utime, stime, cutime and cstime: fields 14 to 17, of which two come before the name's end.
func cpu(pid int) (total time.Duration) {
	f := stat(pid)
	if len(f) < 15 {
		return 0 // it has ended; its parent counts it
	}
	for _, x := range f[11:15] {
		n, _ := strconv.ParseInt(x, 10, 64)
		total += time.Duration(n) * tick
	}
	return total
}

func pss(pid int) int64 {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "smaps_rollup"))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "Pss:" {
			kb, _ := strconv.ParseInt(f[1], 10, 64)
			return kb << 10
		}
	}
	return 0
}

// coreTimes reads the times of one core from /proc/stat: user nice system idle iowait irq softirq steal.
func coreTimes(core int) (busy, total time.Duration) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if f[0] != "cpu"+strconv.Itoa(core) || len(f) < 9 {
			continue
		}
		for i, x := range f[1:9] {
			n, _ := strconv.ParseInt(x, 10, 64)
			total += time.Duration(n) * tick
			if i != 3 && i != 4 {
				busy += time.Duration(n) * tick
			}
		}
	}
	return busy, total
}

// Cores is how many cores this process may use now.
func Cores() int { return runtime.NumCPU() }

// PinSelf binds all threads of this process to a core; threads and processes that they start stay there.
func PinSelf(core int) error {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, t := range tasks {
		if tid, err := strconv.Atoi(t.Name()); err == nil {
			if err := setAffinity(tid, core); err != nil {
				return err
			}
		}
	}
	runtime.GOMAXPROCS(1)
	return nil
}

// StartOn calls start, which starts a child process, on a thread that is bound to a core: the child inherits it.
// It must be called after PinSelf(back).
func StartOn(core, back int, start func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := setAffinity(0, core); err != nil {
		return err
	}
	err := start()
	if e := setAffinity(0, back); err == nil {
		err = e
	}
	return err
}

func setAffinity(tid, core int) error {
	var mask [16]uint64 // 1,024 cores, as the kernel's cpu_set_t
	mask[core/64] = 1 << (core % 64)
	_, _, e := syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, uintptr(tid), unsafe.Sizeof(mask), uintptr(unsafe.Pointer(&mask[0])))
	if e != 0 && e != syscall.ESRCH { // a thread may have ended meanwhile
		return fmt.Errorf("proc: pinning to core %d: %w", core, e)
	}
	return nil
}
