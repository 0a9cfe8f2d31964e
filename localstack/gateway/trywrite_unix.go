//go:build unix

package gateway

import (
	"errors"
	"syscall"
)

// tryWrite writes what the kernel takes at once and returns how much that was. It never waits.
func (c *conn) tryWrite(b []byte) (n int, err error) {
	if c.rc == nil {
		return 0, nil
	}
	attempt := func(fd uintptr) bool {
		for {
			n, err = syscall.Write(int(fd), b)
			if !errors.Is(err, syscall.EINTR) {
				return true // done whatever came of it: do not wait until the socket is writable
			}
		}
	}
	if werr := c.rc.Write(attempt); werr != nil {
		return 0, werr
	}
	if errors.Is(err, syscall.EAGAIN) {
		return 0, nil
	}
	return max(n, 0), err
}
