package gateway

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// rawClient speaks WebSocket by hand, so that it can break every rule.
type rawClient struct {
	t    testing.TB
	nc   net.Conn
	r    *bufio.Reader
	resp *http.Response
	body string
}

const handshakeKey = "dGhlIHNhbXBsZSBub25jZQ=="

// handshake sends an upgrade request with extra header lines and returns the client whatever the answer was.
func (s *stage) handshake(target string, lines ...string) *rawClient {
	s.t.Helper()
	return s.handshakeAnd(nil, target, lines...)
}

// handshakeAnd sends early bytes along with the upgrade request.
func (s *stage) handshakeAnd(early []byte, target string, lines ...string) *rawClient {
	s.t.Helper()
	nc, err := net.Dial("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(patience))
	req := "GET " + target + " HTTP/1.1\r\nHost: abcd123.execute-api.us-east-1.amazonaws.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + handshakeKey + "\r\n"
	for _, l := range lines {
		req += l + "\r\n"
	}
	if _, err := nc.Write(append([]byte(req+"\r\n"), early...)); err != nil {
		s.t.Fatal(err)
	}
	c := &rawClient{t: s.t, nc: nc, r: bufio.NewReader(nc)}
	if c.resp, err = http.ReadResponse(c.r, nil); err != nil {
		s.t.Fatal(err)
	}
	if c.resp.StatusCode != http.StatusSwitchingProtocols {
		b, _ := io.ReadAll(c.resp.Body)
		c.body = string(b)
	}
	return c
}

// dial opens a connection or fails the test.
func (s *stage) dial(lines ...string) *rawClient {
	s.t.Helper()
	c := s.handshake("/prod", lines...)
	if c.resp.StatusCode != http.StatusSwitchingProtocols {
		s.t.Fatalf("handshake: %d %s", c.resp.StatusCode, c.body)
	}
	return c
}

// only returns the id of the one open connection.
func (s *stage) only() string {
	s.t.Helper()
	eventually(s.t, "one connection", func() bool { return len(s.g.Connections()) == 1 })
	return s.g.Connections()[0].ID
}

// frame writes one frame; a masked one unless told otherwise.
func (c *rawClient) frame(fin bool, opcode byte, payload []byte) {
	c.send(clientFrame(fin, opcode, payload))
}

func (c *rawClient) text(s string) { c.frame(true, opText, []byte(s)) }

func (c *rawClient) send(b []byte) {
	c.t.Helper()
	if _, err := c.nc.Write(b); err != nil {
		c.t.Fatal(err)
	}
}

// clientFrame builds a masked frame.
func clientFrame(fin bool, opcode byte, payload []byte) []byte {
	b := appendFrame(nil, fin, opcode, nil)[:1]
	switch n := len(payload); {
	case n <= 125:
		b = append(b, 0x80|byte(n))
	case n <= 0xffff:
		b = append(b, 0x80|126, byte(n>>8), byte(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	mask := [4]byte{0x12, 0x34, 0x56, 0x78}
	b = append(b, mask[:]...)
	at := len(b)
	b = append(b, payload...)
	unmask(b[at:], mask)
	return b
}

// read reads one frame.
func (c *rawClient) read() (fin bool, opcode byte, payload []byte, err error) {
	var head [2]byte
	if _, err = io.ReadFull(c.r, head[:]); err != nil {
		return
	}
	n := uint64(head[1] & 0x7f)
	switch n {
	case 126:
		var b [2]byte
		_, err = io.ReadFull(c.r, b[:])
		n = uint64(binary.BigEndian.Uint16(b[:]))
	case 127:
		var b [8]byte
		_, err = io.ReadFull(c.r, b[:])
		n = binary.BigEndian.Uint64(b[:])
	}
	if err != nil {
		return
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(c.r, payload)
	return head[0]&0x80 != 0, head[0] & 0xf, payload, err
}

// wantText reads a whole text message.
func (c *rawClient) wantText(want string) {
	c.t.Helper()
	if got := c.readText(); got != want {
		c.t.Fatalf("got message %q, want %q", got, want)
	}
}

func (c *rawClient) readText() string {
	c.t.Helper()
	fin, op, p, err := c.read()
	if err != nil || !fin || op != opText {
		c.t.Fatalf("got fin=%v opcode=%d %q %v, want a text message", fin, op, p, err)
	}
	return string(p)
}

// wantClose reads a close frame, answers it, and expects the server to close TCP.
func (c *rawClient) wantClose(code int, reason string) {
	c.t.Helper()
	_, op, p, err := c.read()
	if err != nil || op != opClose {
		c.t.Fatalf("got opcode %d %q %v, want close %d", op, p, err, code)
	}
	got, gotReason := 1005, ""
	if len(p) >= 2 {
		got, gotReason = int(binary.BigEndian.Uint16(p)), string(p[2:])
	}
	if got != code || gotReason != reason {
		c.t.Fatalf("closed with %d %q, want %d %q", got, gotReason, code, reason)
	}
	_, _ = c.nc.Write(clientFrame(true, opClose, p))
	if _, _, _, err := c.read(); err == nil {
		c.t.Fatal("a frame after the close frame")
	}
}
