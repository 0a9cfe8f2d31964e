//go:build unix && !linux

package lambda

import "syscall"

const (
	stopSignal     = syscall.SIGSTOP
	continueSignal = syscall.SIGCONT
)

// childAttributes gives the child a process group of its own. When this program dies, a child that waits or
// works loses its connection to the Runtime API and exits by itself; a frozen one becomes a stopped member of
// an orphaned process group, to which POSIX sends SIGHUP and SIGCONT (System Interfaces, _exit).
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// residentPages is not known here without cgo: the memory limit is enforced on Linux only.
func residentPages(int) int64 { return 0 }

// yieldPriority does nothing here: a priority is the whole program's.
func yieldPriority() {}
