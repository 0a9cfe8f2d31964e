package gateway

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unicode/utf8"
)

// readBuffer is what an idle connection holds for reading. Frames whose payload fits are never copied;
// longer ones are read into a pooled buffer.
const readBuffer = 512

// errOver ends a read loop whose connection has outlived its closing handshake.
var errOver = errors.New("gateway: connection is over")

// conn is one open connection. Its read side belongs to the goroutine in serve; everything under mu to
// whoever holds it.
type conn struct {
	session
	g  *Gateway
	nc net.Conn
	rc syscall.RawConn // nil when nc is not a socket

	buf     []byte // unread bytes are buf[r:w]
	r, w    int
	message *[]byte // the fragments so far, pooled; nil between messages

	slots chan struct{} // one taken per running MESSAGE invocation
	done  chan struct{} // closed by terminate

	lastActive        atomic.Int64 // Unix ms of the last message either way
	bytesIn, bytesOut atomic.Int64
	throttled         int

	mu       sync.Mutex
	ended    bool   // terminate has run: no more messages either way
	closeNow bool   // close the socket as soon as nothing waits to be written
	flushing bool   // a goroutine is writing backlog
	pending  []byte // what the kernel did not take yet
	inFlight int    // bytes that the flushing goroutine holds
}

func newConn(g *Gateway, nc net.Conn, s session, early []byte) *conn {
	c := &conn{
		session: s, g: g, nc: nc,
		buf:   make([]byte, max(readBuffer, len(early))),
		slots: make(chan struct{}, g.PerConnection),
		done:  make(chan struct{}),
	}
	c.w = copy(c.buf, early)
	c.lastActive.Store(s.connectedAt.UnixMilli())
	if sc, ok := nc.(syscall.Conn); ok {
		c.rc, _ = sc.SyscallConn()
	}
	if tcp, ok := nc.(*net.TCPConn); ok && g.sw.KernelBuffer > 0 {
		_ = tcp.SetWriteBuffer(g.sw.KernelBuffer)
	}
	return c
}

// serve reads frames until the connection is over.
func (c *conn) serve() {
	defer c.g.work.Done()
	defer c.finish()
	if !c.arm() {
		c.terminate(c.g.lost())
		return
	}
	for {
		h, err := c.nextHeader()
		if err == nil {
			err = c.handle(&h)
		}
		if err != nil {
			c.terminate(c.g.lost())
			return
		}
	}
}

// handle reads the payload of one frame and acts on it. An error means that nothing more can be read.
func (c *conn) handle(h *frameHeader) error {
	if c.isEnded() {
		return c.drain(h)
	}
	if bad := h.check(c.message != nil, c.messageSize()); bad.code != 0 {
		c.terminate(ending{code: bad.code, reason: bad.reason, frame: true})
		return c.drain(h)
	}
	if h.control() {
		return c.control(h)
	}
	return c.data(h)
}

// drain skips a frame after the end; the client's close frame is the last that matters.
func (c *conn) drain(h *frameHeader) error {
	if err := c.skip(h.length); err != nil {
		return err
	}
	if h.opcode == opClose {
		return errOver
	}
	return nil
}

func (c *conn) messageSize() int {
	if c.message == nil {
		return 0
	}
	return len(*c.message)
}

func (c *conn) control(h *frameHeader) error {
	payload, err := c.peek(int(h.length)) // at most 125 bytes, which the buffer holds
	if err != nil {
		return err
	}
	unmask(payload, h.mask)
	c.r += len(payload)
	switch h.opcode {
	case opPing:
		_ = c.send(appendFrame(nil, true, opPong, payload), true) // a pong may be left out
		if c.g.sw.PingResetsIdle {
			c.touch()
		}
	case opClose:
		code, reason, bad := parseClose(payload)
		if bad.code != 0 {
			code, reason = bad.code, bad.reason
		}
		c.terminate(ending{code: code, reason: reason, frame: true, silent: bad.code == 0})
		return errOver
	}
	return nil
}

// data handles a text frame or a fragment.
func (c *conn) data(h *frameHeader) error {
	if h.fin && c.message == nil && int(h.length) <= len(c.buf) {
		payload, err := c.peek(int(h.length))
		if err != nil {
			return err
		}
		unmask(payload, h.mask)
		c.r += len(payload)
		c.receive(payload)
		return nil
	}
	if c.message == nil {
		c.message = c.g.buffers.take()
	}
	have := len(*c.message)
	*c.message = append(*c.message, make([]byte, h.length)...)
	payload := (*c.message)[have:]
	if err := c.readFull(payload); err != nil {
		return err
	}
	unmask(payload, h.mask)
	if h.fin {
		c.receive(*c.message)
		c.dropMessage()
	}
	return nil
}

func (c *conn) dropMessage() {
	if c.message != nil {
		c.g.buffers.give(c.message)
		c.message = nil
	}
}

// receive takes one complete message; body is only valid during the call.
func (c *conn) receive(body []byte) {
	if !utf8.Valid(body) {
		c.terminate(ending{code: 1007, reason: "Invalid UTF-8", frame: true})
		return
	}
	c.touch()
	c.bytesIn.Add(int64(len(body)))
	c.dispatch(body)
}

func (c *conn) touch() { c.lastActive.Store(c.g.Now().UnixMilli()) }

// nextHeader reads a frame header.
func (c *conn) nextHeader() (frameHeader, error) {
	for {
		h, size := parseFrameHeader(c.buf[c.r:c.w])
		if size > 0 {
			c.r += size
			return h, nil
		}
		if err := c.fill(); err != nil {
			return h, err
		}
	}
}

// peek returns the next n bytes without consuming them; n is at most len(c.buf).
func (c *conn) peek(n int) ([]byte, error) {
	for c.w-c.r < n {
		if err := c.fill(); err != nil {
			return nil, err
		}
	}
	return c.buf[c.r : c.r+n], nil
}

func (c *conn) readFull(p []byte) error {
	n := copy(p, c.buf[c.r:c.w])
	c.r += n
	for n < len(p) {
		m, err := c.read(p[n:])
		if err != nil {
			return err
		}
		n += m
	}
	return nil
}

func (c *conn) skip(n uint64) error {
	for {
		have := uint64(c.w - c.r)
		if have >= n {
			c.r += int(n)
			return nil
		}
		n -= have
		c.r = c.w
		if err := c.fill(); err != nil {
			return err
		}
	}
}

// fill reads more into the buffer, moving what is unread to its front.
func (c *conn) fill() error {
	if c.r > 0 {
		c.w = copy(c.buf, c.buf[c.r:c.w])
		c.r = 0
	}
	n, err := c.read(c.buf[c.w:])
	c.w += n
	return err
}

// read reads at least one byte. A passed deadline is looked into here: mostly there was activity since, and
// it is moved on.
func (c *conn) read(p []byte) (int, error) {
	for {
		n, err := c.nc.Read(p)
		switch {
		case n > 0:
			return n, nil
		case err == nil:
			return 0, io.ErrNoProgress
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return 0, err
		case !c.arm():
			return 0, errOver
		}
	}
}

// arm sets the read deadline to the moment at which the connection is to be closed unless something happens,
// and closes it if that has come. It returns false when the time for the closing handshake is over too.
func (c *conn) arm() bool {
	c.mu.Lock()
	if c.ended {
		c.mu.Unlock()
		return false
	}
	limit, bounded := c.expiry()
	left := limit.Sub(c.g.Now())
	if !bounded || left > 0 {
		deadline := time.Time{}
		if bounded {
			deadline = time.Now().Add(left)
		}
		err := c.nc.SetReadDeadline(deadline)
		c.mu.Unlock()
		return err == nil
	}
	c.mu.Unlock()
	c.terminate(ending{code: 1001, reason: "Going away", frame: true})
	return true
}

// expiry is when the connection becomes idle or too old, whichever is first.
func (c *conn) expiry() (limit time.Time, bounded bool) {
	if c.g.MaxAge > 0 {
		limit, bounded = c.connectedAt.Add(c.g.MaxAge), true
	}
	if c.g.Idle > 0 {
		idle := time.UnixMilli(c.lastActive.Load()).Add(c.g.Idle)
		if !bounded || idle.Before(limit) {
			limit, bounded = idle, true
		}
	}
	return limit, bounded
}

func (c *conn) isEnded() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended
}
