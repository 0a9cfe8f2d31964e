package world

import "syscall"

// endWithParent lets the kernel end the stack when this process dies, however it dies.
func endWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM} }
