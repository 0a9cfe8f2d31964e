package gateway

import (
	"bytes"
	"context"
	"log"
	"net"
	"net/http"
	"net/textproto"
	"strings"
	"sync"
	"time"
)

// ServeSockets serves SocketHandler on l until the server is shut down or l closes. Unlike a plain
// http.Server it hands functions the header names in the case in which the client sent them, as AWS does;
// net/http alone knows only canonical names. It returns the server's error, http.ErrServerClosed after
// Shutdown.
func (g *Gateway) ServeSockets(l net.Listener) error {
	server := &http.Server{
		Handler:           g.SocketHandler(),
		ReadHeaderTimeout: 10 * time.Second,
		// 10,240 bytes is AWS's limit on the headers of a request (quotas: total combined size).
		MaxHeaderBytes: 10240,
		ConnContext:    rememberConn,
		ErrorLog:       log.New(discard{}, "", 0),
	}
	stop := context.AfterFunc(g.background, func() { _ = server.Close() })
	defer stop()
	return server.Serve(recordingListener{l})
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// recordingListener keeps the head of each connection's first request.
type recordingListener struct{ net.Listener }

func (l recordingListener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &recordingConn{Conn: nc}, nil
}

// recordingConn remembers what was read until the end of the current request's headers.
type recordingConn struct {
	net.Conn
	mu   sync.Mutex
	head []byte
}

// maxRecorded bounds what is kept of a connection: request line and headers.
const maxRecorded = maxURL + 10240 + 1024

func (c *recordingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	if n > 0 && len(c.head)+n <= maxRecorded {
		c.head = append(c.head, p[:n]...)
	}
	return n, err
}

// take returns the recorded bytes up to the end of the first request's headers and forgets them, so that a
// later request on the same connection is recorded afresh.
func (c *recordingConn) take() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	head, rest, found := bytes.Cut(c.head, []byte("\r\n\r\n"))
	if !found {
		return nil
	}
	c.head = bytes.Clone(rest)
	return head
}

type connKey struct{}

func rememberConn(ctx context.Context, nc net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, nc)
}

// unwrap returns the connection under the recording one.
func unwrap(nc net.Conn) net.Conn {
	if rc, ok := nc.(*recordingConn); ok {
		return rc.Conn
	}
	return nc
}

// headerNames maps canonical header names to the names as sent.
type headerNames map[string]string

// sentNames recovers the case of header names. Without a recording it knows none.
func sentNames(r *http.Request) headerNames {
	rc, ok := r.Context().Value(connKey{}).(*recordingConn)
	if !ok {
		return nil
	}
	lines := strings.Split(string(rc.take()), "\r\n")
	names := make(headerNames, len(lines))
	for _, line := range lines[1:] {
		if name, _, ok := strings.Cut(line, ":"); ok {
			names[textproto.CanonicalMIMEHeaderKey(name)] = name
		}
	}
	return names
}

// of returns the name as sent; when that is not known, as a browser would send it.
func (n headerNames) of(canonical string) string {
	if name, ok := n[canonical]; ok {
		return name
	}
	if rest, ok := strings.CutPrefix(canonical, "Sec-Websocket-"); ok {
		return "Sec-WebSocket-" + rest
	}
	return canonical
}
