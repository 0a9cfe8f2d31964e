package gateway

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"
)

// BenchmarkEcho is one message in, a function call in process, one response out.
func BenchmarkEcho(b *testing.B) {
	s := start(b, func(s *stage) { s.options.Invoker = instant{} })
	c := s.dial()
	_ = c.nc.SetDeadline(time.Time{})
	frame := clientFrame(true, opText, []byte(`{"action":"send","conversation":"c-0123456789","after":41,"messages":[{"id":"m-0123456789","text":"`+strings.Repeat("x", 128)+`"}]}`))
	b.ReportAllocs()
	for b.Loop() {
		c.send(frame)
		if _, _, _, err := c.read(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkEchoPipelined keeps 32 messages in flight on one connection: throughput rather than latency.
func BenchmarkEchoPipelined(b *testing.B) {
	s := start(b, func(s *stage) { s.options.Invoker = instant{} })
	c := s.dial()
	_ = c.nc.SetDeadline(time.Time{})
	frame := clientFrame(true, opText, []byte(`{"action":"send","text":"`+strings.Repeat("x", 256)+`"}`))
	window := make(chan struct{}, 32)
	go func() {
		for range b.N {
			window <- struct{}{}
			_, _ = c.nc.Write(frame)
		}
	}()
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		if _, _, _, err := c.read(); err != nil {
			b.Fatal(err)
		}
		<-window
	}
}

// BenchmarkPost is one post in process, its frame read by the client.
func BenchmarkPost(b *testing.B) {
	s := start(b, nil)
	c := s.dial()
	_ = c.nc.SetDeadline(time.Time{})
	id := s.only()
	go func() { _, _ = io.Copy(io.Discard, c.r) }()
	payload := []byte(strings.Repeat("x", 300))
	b.ReportAllocs()
	for b.Loop() {
		for s.g.Post(b.Context(), id, payload) != nil {
			runtime.Gosched()
		}
	}
}

// BenchmarkPostHTTP is the same over HTTP on a kept-alive connection.
func BenchmarkPostHTTP(b *testing.B) {
	s := start(b, nil)
	c := s.dial()
	_ = c.nc.SetDeadline(time.Time{})
	id := s.only()
	go func() { _, _ = io.Copy(io.Discard, c.r) }()
	nc, err := net.Dial("tcp", s.conns.Listener.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = nc.Close() }()
	r := bufio.NewReader(nc)
	req := []byte("POST /prod/@connections/" + strings.ReplaceAll(id, "=", "%3D") + " HTTP/1.1\r\nHost: x\r\nContent-Length: 300\r\n\r\n" + strings.Repeat("x", 300))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := nc.Write(req); err != nil {
			b.Fatal(err)
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil || resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusTooManyRequests {
			b.Fatal(resp, err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
	}
}

// BenchmarkHandshake is TCP connect, $connect, 101, reset by the client and $disconnect; no authorizer.
func BenchmarkHandshake(b *testing.B) {
	s := start(b, func(s *stage) { s.options.Invoker = instant{} })
	for b.Loop() {
		c := s.dial()
		_ = c.nc.(*net.TCPConn).SetLinger(0)
		_ = c.nc.Close()
	}
}

// BenchmarkIdleMemory reports what 5,000 idle connections hold, the test's end of the socket included.
func BenchmarkIdleMemory(b *testing.B) {
	const connections = 5000
	for b.Loop() {
		s := start(b, func(s *stage) { s.options.Invoker = instant{} })
		conns := make([]net.Conn, 0, connections)
		before := inUse()
		for range connections {
			c := s.dial()
			conns = append(conns, c.nc)
		}
		eventually(b, "all connected", func() bool { return len(s.g.Connections()) == connections })
		b.ReportMetric(float64(inUse()-before)/connections, "B/conn")
		for _, nc := range conns {
			_ = nc.Close()
		}
		eventually(b, "all gone", func() bool { return len(s.g.Connections()) == 0 })
	}
}

func inUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

// BenchmarkMessageEvent is selecting the route and building the event.
func BenchmarkMessageEvent(b *testing.B) {
	api, err := newSocketAPI(&Options{Socket: chatAPI(), Switches: &Switches{}})
	if err != nil {
		b.Fatal(err)
	}
	s := &session{id: strangerID, domain: "localhost", sourceIP: "127.0.0.1", connectedAt: fixedClock(), authorizer: []byte(`{"principalId":"u"}`)}
	body := []byte(`{"action":"send","conversation":"c-0123456789","after":41,"text":"` + strings.Repeat("x", 128) + `"}`)
	b.ReportAllocs()
	for b.Loop() {
		route := api.route(body)
		m := moment{route: route.key, event: "MESSAGE", requestID: strangerID, messageID: strangerID, at: fixedClock()}
		if len(api.messageEvent(s, &m, body)) < len(body) {
			b.Fatal("short")
		}
	}
}
