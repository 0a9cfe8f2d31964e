package stack

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// callServer serves AWS calls: HTTP/1.1 on connections that stay open, one short request after the other, on loopback.
// net/http's server takes as long for such a request as the engine behind it, most of it for what is not needed here:
// a goroutine beside each request that watches for its client's leaving, deadlines, an answer written in parts. This one
// reads with net/http's parser, watches only calls that take long, and writes an answer in one piece.
type callServer struct {
	handler http.Handler
	ctx     context.Context // of all calls
	cancel  context.CancelFunc

	mu     sync.Mutex
	conns  map[net.Conn]struct{}
	closed bool
	wg     sync.WaitGroup
}

// longCall is after how long a call's client is watched: a receive from a queue may wait 20 s, and what it takes for a
// client that has left is out of sight for the visibility timeout.
const longCall = 50 * time.Millisecond

func newCallServer(handler http.Handler) *callServer {
	s := &callServer{handler: handler, conns: map[net.Conn]struct{}{}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// maxKept keeps one large answer from pinning its buffers.
const maxKept = 64 << 10

// Serve accepts until the listener closes.
func (s *callServer) Serve(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		if !s.add(conn) {
			_ = conn.Close()
			return
		}
		s.wg.Go(func() {
			defer s.remove(conn)
			s.serve(conn)
		})
	}
}

func (s *callServer) add(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.conns[conn] = struct{}{}
	return true
}

func (s *callServer) remove(conn net.Conn) {
	s.mu.Lock()
	delete(s.conns, conn)
	s.mu.Unlock()
	_ = conn.Close() // the client may have done so
}

// Close cuts all connections and waits for their calls. The listener must be closed first.
func (s *callServer) Close() {
	s.cancel()
	s.mu.Lock()
	s.closed = true
	for conn := range s.conns {
		_ = conn.Close() // cut, whatever it does
	}
	s.mu.Unlock()
	s.wg.Wait()
}

// serve answers requests until the client leaves or one breaks the protocol.
func (s *callServer) serve(conn net.Conn) {
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	c := &callConn{Conn: conn, in: bufio.NewReaderSize(conn, 8<<10), ctx: ctx, cancel: cancel}
	for c.next(s.handler) { //nolint:revive // the work is in the condition
	}
}

// callConn is one connection.
type callConn struct {
	net.Conn
	in     *bufio.Reader
	ctx    context.Context
	cancel context.CancelFunc
	answer callAnswer
	out    []byte
}

// next serves one request; it reports whether another may follow.
func (c *callConn) next(handler http.Handler) bool {
	r, err := http.ReadRequest(c.in)
	if err != nil {
		if !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
			_, _ = io.WriteString(c.Conn, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
		}
		return false
	}
	if strings.EqualFold(r.Header.Get("Expect"), "100-continue") {
		if _, err := io.WriteString(c.Conn, "HTTP/1.1 100 Continue\r\n\r\n"); err != nil {
			return false
		}
	}
	r.RemoteAddr = c.RemoteAddr().String()
	answer := &c.answer
	answer.reset()
	unwatch := c.watch()
	complete := answer.fill(handler, r.WithContext(c.ctx))
	unwatch()
	if !complete || !c.write(answer, r) {
		return false
	}
	if _, err := io.Copy(io.Discard, r.Body); err != nil { // what the handler did not read comes before the next request
		return false
	}
	return !r.Close && c.ctx.Err() == nil
}

// watch cancels the context when the client leaves during a long call. The returned function ends the watch.
func (c *callConn) watch() (unwatch func()) {
	tcp, ok := c.Conn.(*net.TCPConn)
	if !ok {
		return func() {}
	}
	over := make(chan struct{})
	timer := time.AfterFunc(longCall, func() {
		defer close(over)
		if raw, err := tcp.SyscallConn(); err == nil && left(raw) {
			c.cancel()
		}
	})
	return func() {
		if timer.Stop() {
			return
		}
		_ = c.SetReadDeadline(time.Unix(1, 0)) // wakes the watcher
		<-over
		_ = c.SetReadDeadline(time.Time{})
	}
}

// left waits for bytes or the end, and says whether it was the end. A deadline is neither.
func left(raw syscall.RawConn) bool {
	var one [1]byte
	n, failed := 0, error(nil)
	err := raw.Read(func(fd uintptr) bool {
		n, _, failed = syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK)
		return failed != syscall.EAGAIN && failed != syscall.EINTR //nolint:errorlint // a bare errno
	})
	return err == nil && n <= 0
}

// callAnswer is an http.ResponseWriter that keeps what is written until the handler returns.
type callAnswer struct {
	status int
	header http.Header
	body   []byte
}

// reset prepares for the next answer with the buffers of the last.
func (a *callAnswer) reset() {
	a.status = http.StatusOK
	if a.header == nil {
		a.header = make(http.Header, 8)
	}
	clear(a.header)
	if a.body = a.body[:0]; cap(a.body) > maxKept {
		a.body = nil
	}
}

func (a *callAnswer) Header() http.Header { return a.header }

func (a *callAnswer) WriteHeader(status int) { a.status = status }

func (a *callAnswer) Write(b []byte) (int, error) {
	a.body = append(a.body, b...)
	return len(b), nil
}

// fill runs the handler. It reports false when the handler wants the connection cut; any other panic is a bug of the
// stack's own and must show.
func (a *callAnswer) fill(handler http.Handler, r *http.Request) (complete bool) {
	defer func() {
		if v := recover(); v != nil && v != http.ErrAbortHandler { //nolint:errorlint // net/http compares it so
			panic(v)
		}
	}()
	handler.ServeHTTP(a, r)
	return true
}

// write sends an answer in one piece.
func (c *callConn) write(a *callAnswer, r *http.Request) bool {
	out := c.out[:0]
	out = append(out, "HTTP/1.1 "...)
	out = strconv.AppendInt(out, int64(a.status), 10)
	out = append(append(append(out, ' '), http.StatusText(a.status)...), "\r\n"...)
	for name, values := range a.header {
		if name == "Content-Length" {
			continue
		}
		for _, v := range values {
			out = append(append(append(append(out, name...), ": "...), v...), "\r\n"...)
		}
	}
	if r.Close {
		out = append(out, "Connection: close\r\n"...)
	}
	if a.status != http.StatusNoContent {
		out = append(strconv.AppendInt(append(out, "Content-Length: "...), int64(len(a.body)), 10), "\r\n"...)
	}
	out = append(out, "\r\n"...)
	if r.Method != http.MethodHead {
		out = append(out, a.body...)
	}
	_, err := c.Write(out)
	if c.out = out; cap(out) > maxKept {
		c.out = nil
	}
	return err == nil
}
