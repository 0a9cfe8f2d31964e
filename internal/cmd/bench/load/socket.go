// Package load generates messages over raw sockets and measures them. It is leaner than the reference client, so
// that thousands of people fit into one process on one core: it neither resends nor repairs, it counts.
package load

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"net"

	"github.com/gobwas/ws"

	"github.com/parley-chat/parley/internal/chat"
)

// Socket is a WebSocket connection. One goroutine may read, any may send.
type Socket struct {
	conn net.Conn
	r    *bufio.Reader

	mu  sync.Mutex // guards writing
	out []byte
}

// readBuffer is enough for most frames; larger ones are read past it.
const readBuffer = 1 << 10

// Dial opens a socket from an origin.
func Dial(ctx context.Context, address, origin string) (*Socket, error) {
	d := ws.Dialer{Timeout: 30 * time.Second, ReadBufferSize: readBuffer, WriteBufferSize: readBuffer,
		Header: ws.HandshakeHeaderHTTP(http.Header{"Origin": {origin}})}
	conn, early, _, err := d.Dial(ctx, address)
	if err != nil {
		return nil, err
	}
	s := &Socket{conn: conn, r: early}
	if early == nil {
		s.r = bufio.NewReaderSize(conn, readBuffer)
	}
	return s, nil
}

// Close cuts the connection.
func (s *Socket) Close() { _ = s.conn.Close() } // nobody waits for it

// Send writes a text frame.
func (s *Socket) Send(payload []byte) error { return s.write(ws.OpText, payload) }

func (s *Socket) write(op ws.OpCode, payload []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out = appendFrame(s.out[:0], op, payload)
	_, err := s.conn.Write(s.out)
	return err
}

// appendFrame appends a masked frame (RFC 6455, 5.2). The mask is constant: it hides nothing on loopback.
func appendFrame(b []byte, op ws.OpCode, payload []byte) []byte {
	mask := [4]byte{0x12, 0x34, 0x56, 0x78}
	b = append(b, 0x80|byte(op))
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	default: // a frame is at most 32 KB
		b = append(b, 0x80|126, byte(n>>8), byte(n))
	}
	b = append(b, mask[:]...)
	start := len(b)
	b = append(b, payload...)
	ws.Cipher(b[start:], mask, 0)
	return b
}

// Read returns the next text frame in buf, which grows when it must, and answers pings on the way.
func (s *Socket) Read(buf []byte) ([]byte, error) {
	for {
		h, err := ws.ReadHeader(s.r)
		if err != nil {
			return buf, err
		}
		if h.Length > chat.MaxFrame || h.Masked {
			return buf, fmt.Errorf("load: a frame of %d bytes, masked %v", h.Length, h.Masked)
		}
		if int64(cap(buf)) < h.Length {
			buf = make([]byte, h.Length)
		}
		buf = buf[:h.Length]
		if _, err := io.ReadFull(s.r, buf); err != nil {
			return buf, err
		}
		switch h.OpCode {
		case ws.OpText:
			return buf, nil
		case ws.OpPing:
			if err := s.write(ws.OpPong, buf); err != nil {
				return buf, err
			}
		case ws.OpClose:
			return buf, io.EOF
		default:
			return buf, fmt.Errorf("load: a frame with opcode %d", h.OpCode)
		}
	}
}
