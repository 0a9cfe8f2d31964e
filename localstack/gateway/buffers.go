package gateway

import "sync"

// maxPooled keeps the odd giant out of the pool: a message of the largest size with its headers fits.
const maxPooled = maxMessage + 1024

// buffers is a cache of byte slices of any capacity up to maxPooled. The zero value is ready.
type buffers struct{ pool sync.Pool }

// take returns an empty slice; give it back when nothing refers to it any more.
func (p *buffers) take() *[]byte {
	b, ok := p.pool.Get().(*[]byte)
	if !ok {
		fresh := make([]byte, 0, 2048)
		return &fresh
	}
	*b = (*b)[:0]
	return b
}

func (p *buffers) give(b *[]byte) {
	if cap(*b) <= maxPooled {
		p.pool.Put(b)
	}
}
