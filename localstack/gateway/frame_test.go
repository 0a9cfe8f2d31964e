package gateway

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

// Every frame that ends a connection, with its close code and what $disconnect is told.
func TestFrameRules(t *testing.T) {
	t.Parallel()
	unmasked := appendFrame(nil, true, opText, []byte("{}"))
	cases := []struct {
		name   string
		frames []byte
		code   int
		reason string
	}{
		{"unmasked", unmasked, 1002, "Frames must be masked"},
		{"compressed", append([]byte{0x80 | 0x40 | opText}, clientFrame(true, opText, []byte("{}"))[1:]...), 1002, "Malformed frame"},
		{"opcode 3", clientFrame(true, 3, []byte("{}")), 1002, "Unknown opcode"},
		{"opcode 11", clientFrame(true, 11, nil), 1002, "Unknown opcode"},
		{"length not minimal", []byte{0x81, 0xfe, 0, 2, 0, 0, 0, 0, '{', '}'}, 1002, "Malformed frame"},
		{"stray continuation", clientFrame(true, opContinuation, nil), 1002, "Unexpected fragment"},
		{"text within a message", append(clientFrame(false, opText, []byte("a")), clientFrame(true, opText, []byte("b"))...), 1002, "Unexpected fragment"},
		{"fragmented ping", clientFrame(false, opPing, nil), 1002, "Malformed control frame"},
		{"long ping", clientFrame(true, opPing, make([]byte, 126)), 1002, "Malformed control frame"},
		{"binary", clientFrame(true, opBinary, []byte("{}")), 1003, "Binary is not supported"},
		{"fragmented binary", clientFrame(false, opBinary, []byte("{}")), 1003, "Binary is not supported"},
		{"invalid UTF-8", clientFrame(true, opText, []byte("a\xffb")), 1007, "Invalid UTF-8"},
		{"frame over 32 KB", clientFrame(true, opText, make([]byte, maxFrame+1)), 1009, "Message too long"},
		{"message over 128 KB", fragments(5, maxFrame), 1009, "Message too long"},
		{"close code 1005", clientFrame(true, opClose, []byte{0x03, 0xed}), 1002, "Malformed close frame"},
		{"close code 2000", clientFrame(true, opClose, []byte{0x07, 0xd0}), 1002, "Malformed close frame"},
		{"half a close code", clientFrame(true, opClose, []byte{0x03}), 1002, "Malformed close frame"},
		{"close reason not UTF-8", clientFrame(true, opClose, []byte{0x03, 0xe8, 0xff}), 1007, "Invalid UTF-8"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, nil)
			c := s.dial()
			c.send(tc.frames)
			c.wantClose(tc.code, tc.reason)
			rc := s.event("Disconnect", 0)["requestContext"].(map[string]any)
			if rc["disconnectStatusCode"] != float64(tc.code) || rc["disconnectReason"] != tc.reason {
				t.Errorf("$disconnect says %v %v", rc["disconnectStatusCode"], rc["disconnectReason"])
			}
			for _, name := range []string{"Send", "Default"} {
				if n := len(s.fns.eventsOf(name)); n != 0 {
					t.Errorf("%s ran %d times", name, n)
				}
			}
		})
	}
}

// fragments builds one message of n fragments.
func fragments(n, size int) []byte {
	var b []byte
	for i := range n {
		op := byte(opContinuation)
		if i == 0 {
			op = opText
		}
		b = append(b, clientFrame(i == n-1, op, bytes.Repeat([]byte("x"), size))...)
	}
	return b
}

// Messages of every size that the buffers treat differently arrive whole, with control frames in between.
func TestMessageSizes(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	c := s.dial()
	for i, n := range []int{0, 1, 125, 126, readBuffer - 8, readBuffer, readBuffer + 1, 4096, maxFrame} {
		body := strings.Repeat("é", n/2) + strings.Repeat("x", n%2)
		c.text(body)
		if got := s.event("Default", i)["body"]; got != body {
			t.Fatalf("message of %d bytes arrived as %d", n, len(got.(string)))
		}
	}
	var b []byte
	b = append(b, clientFrame(false, opText, bytes.Repeat([]byte("a"), maxFrame))...)
	b = append(b, clientFrame(true, opPing, []byte("still here?"))...)
	for range 2 {
		b = append(b, clientFrame(false, opContinuation, bytes.Repeat([]byte("b"), maxFrame))...)
	}
	b = append(b, clientFrame(true, opContinuation, bytes.Repeat([]byte("c"), maxFrame))...)
	c.send(b)
	if _, op, p, err := c.read(); op != opPong || string(p) != "still here?" || err != nil {
		t.Fatalf("got opcode %d %q %v, want the pong", op, p, err)
	}
	want := strings.Repeat("a", maxFrame) + strings.Repeat("b", 2*maxFrame) + strings.Repeat("c", maxFrame)
	if got := s.event("Default", 9)["body"]; got != want {
		t.Fatalf("fragmented message of 128 KB arrived as %d bytes", len(got.(string)))
	}
}

// A character may be cut by the edge of a fragment, and bytes may come one at a time.
func TestMessageByteByByte(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	c := s.dial()
	frames := append(clientFrame(false, opText, []byte("caf\xc3")), clientFrame(true, opContinuation, []byte("\xa9"))...)
	for i := range frames {
		c.send(frames[i : i+1])
	}
	if got := s.event("Default", 0)["body"]; got != "café" {
		t.Errorf("got %q", got)
	}
}

// Frames sent together with the handshake, before the 101, are not lost.
func TestEarlyFrames(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	var early []byte
	for range 40 {
		early = append(early, clientFrame(true, opText, []byte(`{"action":"note","text":"sent before the answer to the handshake"}`))...)
	}
	c := s.handshakeAnd(early[:len(early)-2], "/prod")
	c.send(early[len(early)-2:])
	eventually(t, "40 notes", func() bool { return len(s.fns.eventsOf("Note")) == 40 })
}

func TestServerFramesAreCutAt32KB(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	c := s.dial()
	body := bytes.Repeat([]byte("y"), maxMessage)
	if err := s.g.Post(t.Context(), s.only(), body); err != nil {
		t.Fatal(err)
	}
	var got []byte
	for n := 0; ; n++ {
		fin, op, p, err := c.read()
		if err != nil || len(p) > maxFrame || (op == opText) != (n == 0) {
			t.Fatalf("frame %d: opcode %d, %d bytes, %v", n, op, len(p), err)
		}
		got = append(got, p...)
		if fin {
			break
		}
	}
	if !bytes.Equal(got, body) {
		t.Errorf("got %d bytes", len(got))
	}
}

func FuzzFrames(f *testing.F) {
	f.Add(clientFrame(true, opText, []byte(`{"action":"send"}`)))
	f.Add(fragments(3, 700))
	f.Add(append(clientFrame(true, opPing, []byte("p")), clientFrame(true, opClose, []byte{3, 232})...))
	f.Add(appendFrame(nil, true, opText, []byte("unmasked")))
	f.Fuzz(func(t *testing.T, stream []byte) {
		h, n := parseFrameHeader(stream)
		if n == 0 {
			if len(stream) >= maxFrameHeader {
				t.Fatal("no header in enough bytes")
			}
			return
		}
		if n > maxFrameHeader || n > len(stream) {
			t.Fatalf("header of %d bytes in %d", n, len(stream))
		}
		bad := h.check(false, 0)
		if bad.code == 0 && (!h.masked || h.length > maxFrame || h.opcode == opBinary || h.rsv != 0) {
			t.Fatalf("passed: %+v", h)
		}
		if bad.code != 0 && bad.reason == "" {
			t.Fatalf("no reason for %d", bad.code)
		}
		payload := bytes.Clone(stream[n:])
		unmask(payload, h.mask)
		for i := range payload {
			if payload[i] != stream[n+i]^h.mask[i&3] {
				t.Fatalf("byte %d unmasked wrongly", i)
			}
		}
		if uint64(len(payload)) >= h.length && bad.code == 0 && h.opcode == opText {
			back := clientFrame(h.fin, h.opcode, payload[:h.length])
			h2, n2 := parseFrameHeader(back)
			if h2.length != h.length || h2.fin != h.fin || n2 != n {
				t.Fatalf("%+v became %+v", h, h2)
			}
		}
	})
}

// FuzzConnection feeds a whole connection: whatever comes, it ends without a panic, and only messages that a
// second, simpler reader finds reach the function.
func FuzzConnection(f *testing.F) {
	f.Add(clientFrame(true, opText, []byte("hello")))
	f.Add(append(fragments(3, 300), clientFrame(true, opClose, nil)...))
	f.Add(append(clientFrame(false, opText, []byte("a")), clientFrame(true, opPing, nil)...))
	f.Add([]byte("\x81\x8500A000")) // a frame that is completed by what follows
	shared := start(f, nil)
	f.Fuzz(func(t *testing.T, stream []byte) {
		if len(stream) > 4096 {
			return
		}
		own := *shared
		own.t = t
		s := &own
		before := len(s.fns.eventsOf("Default"))
		ended := s.meter.connections.Load()
		c := s.dial()
		stream = append(bytes.Clone(stream), clientFrame(true, opClose, []byte{0x03, 0xe8})...)
		_, _ = c.nc.Write(stream)
		if cw, ok := c.nc.(interface{ CloseWrite() error }); ok {
			_ = cw.CloseWrite()
		}
		_, _ = io.Copy(io.Discard, c.r)
		eventually(t, "the end", func() bool { return s.meter.connections.Load() == ended+1 })
		_ = c.nc.Close()
		want := messagesIn(stream)
		eventually(t, "all messages", func() bool { return len(s.fns.eventsOf("Default"))-before >= want })
		if got := len(s.fns.eventsOf("Default")) - before; got != want {
			t.Fatalf("%d messages reached the function, want %d", got, want)
		}
	})
}

// messagesIn counts the valid text messages at the start of a stream, up to the first violation.
func messagesIn(stream []byte) (n int) {
	var message []byte
	open := false
	for {
		h, size := parseFrameHeader(stream)
		if size == 0 || h.check(open, len(message)).code != 0 || uint64(len(stream)-size) < h.length {
			return n
		}
		payload := bytes.Clone(stream[size : size+int(h.length)])
		unmask(payload, h.mask)
		stream = stream[size+int(h.length):]
		if h.opcode == opClose {
			return n
		}
		if h.control() {
			continue
		}
		message, open = append(message, payload...), !h.fin
		if h.fin {
			if strings.ToValidUTF8(string(message), "") != string(message) {
				return n
			}
			n, message = n+1, nil
		}
	}
}
