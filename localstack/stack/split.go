package stack

import (
	"bytes"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// splitter shares one address between the HTTP server and the gateway's server of sockets, which must own its
// connections from the first byte to see header names as the client wrote them. It looks at the head of a
// connection's first request without taking it off the socket (MSG_PEEK), so the winner gets the plain connection.
type splitter struct {
	net.Listener
	sockets *handedListener
	plain   *handedListener
	split   atomic.Bool // before, everything is plain
}

// headTimeout is how long a connection may take to send its first head.
const headTimeout = 10 * time.Second

func newSplitter(l net.Listener) *splitter {
	return &splitter{Listener: l, sockets: newHandedListener(l.Addr()), plain: newHandedListener(l.Addr())}
}

// run hands out connections until the listener closes.
func (s *splitter) run() {
	defer s.sockets.end()
	defer s.plain.end()
	for {
		conn, err := s.Accept()
		if err != nil {
			return
		}
		if !s.split.Load() {
			s.plain.hand(conn)
			continue
		}
		go func() {
			if wantsSocket(conn) {
				s.sockets.hand(conn)
			} else {
				s.plain.hand(conn)
			}
		}()
	}
}

// maxHead is as much of a head as is looked at.
const maxHead = 16 << 10

// wantsSocket looks whether the connection's first request asks for a WebSocket. When in doubt it does not: the HTTP
// server serves handshakes too.
func wantsSocket(conn net.Conn) bool {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return false
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return false
	}
	deadline := time.Now().Add(headTimeout)
	_ = conn.SetReadDeadline(deadline)
	defer conn.SetReadDeadline(time.Time{}) //nolint:errcheck // a closed connection shows at the next read
	head := make([]byte, 2048)
	for known := 0; time.Now().Before(deadline); {
		n := peek(raw, head)
		if n <= 0 {
			return false
		}
		if end := bytes.Index(head[:n], []byte("\r\n\r\n")); end >= 0 {
			return isHandshake(head[:end])
		}
		if n == len(head) {
			if n >= maxHead {
				return false
			}
			head = make([]byte, 2*n)
		}
		if n == known { // the rest has not come yet; the socket stays readable, so a wait on it would spin
			time.Sleep(time.Millisecond)
		}
		known = n
	}
	return false
}

// peek waits for bytes and copies them without consuming them.
func peek(raw syscall.RawConn, into []byte) int {
	n := 0
	err := raw.Read(func(fd uintptr) bool {
		var err error
		n, _, err = syscall.Recvfrom(int(fd), into, syscall.MSG_PEEK)
		return err != syscall.EAGAIN && err != syscall.EINTR
	})
	if err != nil {
		return 0
	}
	return n
}

func isHandshake(head []byte) bool {
	if !bytes.HasPrefix(head, []byte("GET ")) {
		return false
	}
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		name, value, ok := bytes.Cut(line, []byte(":"))
		if ok && bytes.EqualFold(name, []byte("Upgrade")) && bytes.EqualFold(bytes.TrimSpace(value), []byte("websocket")) {
			return true
		}
	}
	return false
}

// handedListener is a listener of connections that somebody else accepted.
type handedListener struct {
	addr  net.Addr
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newHandedListener(addr net.Addr) *handedListener {
	return &handedListener{addr: addr, conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *handedListener) hand(conn net.Conn) {
	select {
	case l.conns <- conn:
	case <-l.done:
		_ = conn.Close()
	}
}

func (l *handedListener) end() { l.once.Do(func() { close(l.done) }) }

// Accept implements net.Listener.
func (l *handedListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.done:
		return nil, http.ErrServerClosed
	}
}

// Close implements net.Listener.
func (l *handedListener) Close() error { l.end(); return nil }

// Addr implements net.Listener.
func (l *handedListener) Addr() net.Addr { return l.addr }
