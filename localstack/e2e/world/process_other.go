//go:build !linux

package world

import "syscall"

// endWithParent is Linux's; elsewhere the stack ends with Stop.
func endWithParent() *syscall.SysProcAttr { return nil }
