package gateway

import "sync"

// maxPooled keeps the odd giant out of the pool: a message of the largest size with its headers fits.
const maxPooled = maxMessage + 1024

// pool holds byte slices of any capacity up to maxPooled. It is the package's one variable: a cache, not
// state.
var pool = sync.Pool{New: func() any { b := make([]byte, 0, 2048); return &b }}

func takeBuffer() *[]byte {
	b := pool.Get().(*[]byte)
	*b = (*b)[:0]
	return b
}

func giveBuffer(b *[]byte) {
	if cap(*b) <= maxPooled {
		pool.Put(b)
	}
}
