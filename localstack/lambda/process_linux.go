package lambda

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
)

const (
	stopSignal     = syscall.SIGSTOP
	continueSignal = syscall.SIGCONT
)

// childAttributes makes the kernel kill the child when the thread that started it ends, that is with this
// program however it ends; see starter. Its own process group keeps the terminal's Ctrl-C for the stack,
// which then stops the children in order.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// residentPages reads the second field of /proc/PID/statm (proc(5)); 0 when the process is gone.
func residentPages(pid int) int64 {
	statm, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
	if err != nil {
		return 0
	}
	fields := bytes.Fields(statm)
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(string(fields[1]), 10, 64)
	return pages
}

// backgroundNice is how far functions that nobody waits for stand back: on a busy core they get about a third of what
// another process does, so a relay keeps up, and what a second brings to it does not hold up a message.
const backgroundNice = 5

// yieldPriority makes the children of this thread stand back. Linux has a priority per thread (setpriority(2)).
func yieldPriority() {
	_ = syscall.Setpriority(syscall.PRIO_PROCESS, 0, backgroundNice) // lowering it is always allowed
}
