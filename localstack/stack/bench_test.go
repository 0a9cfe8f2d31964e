package stack

import (
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// BenchmarkMessage sends messages over 32 sockets through every part: frame in, function, UpdateItem, SendMessage,
// answer; behind it the stream mapping, the queue mapping, and a push. self-µs is the CPU of the stack and of the
// clients, which share this process; functions are not in it.
func BenchmarkMessage(b *testing.B) {
	s, err := Start(b.Context(), Options{Template: "testdata/template.yaml", BinDir: binaries})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // the numbers are in
	const sockets = 32
	before := cpu()
	var sent atomic.Int64
	b.SetParallelism(sockets / 2)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		c, _, err := websocket.Dial(b.Context(), s.Addresses.WebSocket, nil)
		if err != nil {
			b.Error(err)
			return
		}
		defer c.CloseNow() //nolint:errcheck // a benchmark's client
		for pb.Next() {
			if err := c.Write(b.Context(), websocket.MessageText, []byte(`{"op":"say","text":"x"}`)); err != nil {
				b.Error(err)
				return
			}
			for {
				_, frame, err := c.Read(b.Context())
				if err != nil {
					b.Error(err)
					return
				}
				if strings.HasPrefix(string(frame), `{"count"`) {
					break
				}
			}
			sent.Add(1)
		}
	})
	b.StopTimer()
	b.ReportMetric(float64((cpu()-before).Nanoseconds())/1e3/float64(sent.Load()), "self-µs/op")
	b.ReportMetric(float64(sent.Load())/b.Elapsed().Seconds(), "messages/s")
}

func cpu() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
