package main

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/localstack/meter"
	"github.com/parley-chat/parley/localstack/seam"
)

// TestBillSplitsWhatWasMetered: every call, invocation and frame is in one feature, a queue's own requests too, and the
// sum is what the meter bills.
func TestBillSplitsWhatWasMetered(t *testing.T) {
	t.Parallel()
	m := meter.New(meter.Options{Routes: map[string]meter.Route{"send": {Function: "SocketFunction", TwoWay: true}, "typing": {Function: "SocketFunction"}}})
	before := m.Snapshot().Report()
	m.Began("Root=1", "send")
	m.Frame(true, "send", 100)
	m.Frame(false, "response", 100)
	m.Frame(true, "typing", 50)
	units := func(name string, writes, requests float64) seam.Answer {
		return seam.Answer{Status: 200, Usage: []seam.Usage{{Resource: name, WriteUnits: writes, Requests: requests}}}
	}
	m.AWSCall(seam.Call{Service: seam.DynamoDB, Operation: "UpdateItem", Caller: seam.Caller{Function: "SocketFunction"}, Trace: "Root=1"}, units("chat", 2, 0))
	m.AWSCall(seam.Call{Service: seam.DynamoDB, Operation: "TransactWriteItems", Caller: seam.Caller{Function: "RouteFunction"}, Trace: "Root=1"}, units("chat", 8, 0))
	m.AWSCall(seam.Call{Service: seam.SQS, Operation: "ReceiveMessage"}, units("parley-routing.fifo", 0, 3))
	m.Invocation("SocketFunction", 25*time.Millisecond, 0, 128)
	m.Invocation("SocketFunction", 25*time.Millisecond, 0, 128)
	m.Invocation("RouteFunction", 25*time.Millisecond, 0, 128)
	b := between(before, m.Snapshot().Report())
	for name, want := range map[string]row{
		"messages": {frames: 1.5, invocations: 1, calls: 1, writes: 2}, "signals": {frames: 1.5, invocations: 1}, "routing": {invocations: 1, calls: 2, writes: 8, queue: 3},
	} {
		got := b.rows[name]
		if got.usd <= 0 {
			t.Errorf("%s costs nothing", name)
		}
		if got.usd, want.usd = 0, 0; got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
	sum := 0.0
	for _, x := range b.rows {
		sum += x.usd
	}
	after := m.Snapshot().Report()
	if open := b.usd("websocket.minutes", after.Connections.Minutes); math.Abs(sum-(after.Planned-before.Planned-open)) > 1e-9 {
		t.Errorf("the rows make $%g, the meter $%g", sum, after.Planned-before.Planned)
	}
	var out bytes.Buffer
	b.scaled(0.5).plus(b.scaled(0.5)).print(&out, 1000, "$ per 1,000")
	if lines := strings.Count(out.String(), "\n"); lines != len(features())+2 {
		t.Errorf("%d lines:\n%s", lines, &out)
	}
	if none := b.less(b); math.Abs(none.rows["routing"].usd) > 1e-12 {
		t.Errorf("%+v", none.rows)
	}
}
