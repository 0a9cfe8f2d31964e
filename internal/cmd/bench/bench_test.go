package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/cmd/bench/load"
	"github.com/parley-chat/parley/localstack/meter"
)

func TestCostPerMessage(t *testing.T) {
	t.Parallel()
	line := func(price string, count, usd float64) meter.Line {
		return meter.Line{Price: price, Count: count, USD: usd}
	}
	before := meter.Report{USD: 1, Planned: 1, Lines: []meter.Line{line("websocket.messages", 100, 0.5), line("websocket.minutes", 10, 0.1)},
		Calls:  []meter.CallLine{{Operation: "UpdateItem", Function: "SocketFunction", Calls: 50}},
		Frames: []meter.FrameLine{{Direction: "out", Bytes: 1000}}}
	after := meter.Report{USD: 1.4, Planned: 1.5, Lines: []meter.Line{line("websocket.messages", 400, 0.8), line("websocket.minutes", 20, 0.2), line("dynamodb.writes", 200, 0.1)},
		Calls: []meter.CallLine{{Operation: "UpdateItem", Function: "SocketFunction", Route: "send", Calls: 100},
			{Operation: "UpdateItem", Function: "SocketFunction", Calls: 50}, {Operation: "PutItem", Calls: 9}},
		Frames: []meter.FrameLine{{Direction: "out", Bytes: 11000}, {Direction: "in", Bytes: 5}}}
	c := costOf(before, after, 100)
	if c.Frames != 3 || c.WriteUnits != 2 || c.BytesOut != 100 {
		t.Errorf("%+v", c)
	}
	if len(c.Calls) != 1 || c.Calls[0] != (callsPerMessage{"UpdateItem", "SocketFunction", 1}) {
		t.Errorf("calls %+v", c.Calls)
	}
	if got := c.USDPerMillion; got < 3999 || got > 4001 { // (0.5 − 0.1 of connection time) / 100 messages
		t.Errorf("$%.2f per million", got)
	}
	if costOf(before, after, 0) != nil {
		t.Error("the cost of no message")
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	r := newReport(true, true)
	r.Modes = []*figures{
		{Mode: "memory", Rates: []talk{{Rate: 300, Result: load.Result{Sent: 10, Acked: 9, Seen: 10, Errors: map[string]int{"too_fast": 1}, EndToEnd: load.Quantiles{P50: 1.23, P99: 4.5, P999: 6}}}},
			Connect: &connect{Sockets: 5000, PerSecond: 321}, Fanout: []fanout{{FanoutResult: load.FanoutResult{Listeners: 1000}}}, Storm: &storm{}, Cost: &cost{USDPerMillion: 3.95}},
		{Mode: "durable", Rates: []talk{{Rate: 300}}},
	}
	var out strings.Builder
	r.print(&out)
	for _, want := range []string{"300/s, end to end p50 / p99 / p99.9           1.2 / 4.5 / 6.0 ms", "1 unacknowledged, 0 unseen map[too_fast:1]", "connect, 5000 sockets", "fan-out 1 → 1000", "$3.95", "its figures mean little"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	path := filepath.Join(t.TempDir(), "bench.json")
	if err := r.write(path); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var back report
	if err := json.Unmarshal(text, &back); err != nil || len(back.Modes) != 2 || back.Modes[0].Connect.PerSecond != 321 {
		t.Errorf("%v %+v", err, back)
	}
}
