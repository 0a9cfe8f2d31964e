package main

import (
	"math"
	"testing"
	"time"

	"github.com/parley-chat/parley/localstack/meter"
	"github.com/parley-chat/parley/localstack/seam"
)

// TestDeskBill: visits and desk frames share a route and are told apart, and the lines make what the meter bills.
func TestDeskBill(t *testing.T) {
	t.Parallel()
	m := meter.New(meter.Options{})
	before := m.Snapshot().Report()
	for _, route := range []string{"$default", "$default", "$default", "$default", "ping"} { // three visits, one desk frame
		m.Frame(true, route, 100)
		m.Frame(false, "response", 100)
		m.Invocation("SocketFunction", 25*time.Millisecond, 0, 128)
	}
	m.Began("Root=1", "$default")
	call := func(service, operation, function, resource string, writes, reads, requests float64) {
		m.AWSCall(seam.Call{Service: service, Operation: operation, Caller: seam.Caller{Function: function}, Trace: "Root=1"},
			seam.Answer{Status: 200, Usage: []seam.Usage{{Resource: resource, WriteUnits: writes, ReadUnits: reads, Requests: requests}}})
	}
	call(seam.DynamoDB, "UpdateItem", "SocketFunction", "chat", 4, 0, 0)
	call(seam.DynamoDB, "Query", "SocketFunction", "chat", 0, 6, 0)
	call(seam.SQS, "SendMessage", "SocketFunction", "parley-DeskQueue.fifo", 0, 0, 1)
	call(seam.DynamoDB, "Query", broadcaster, "chat", 0, 30, 0)
	call(seam.DynamoDB, "UpdateItem", broadcaster, "chat", 2, 0, 0)
	m.Frame(false, "push", 5000)
	m.AWSCall(seam.Call{Service: seam.ExecuteAPI, Operation: "PostToConnection", Caller: seam.Caller{Function: broadcaster}}, seam.Answer{Status: 200})
	m.Invocation(broadcaster, 25*time.Millisecond, 0, 128)
	after := m.Snapshot().Report()
	b := deskBill(before, after, 3)
	for name, want := range map[string]row{
		lineVisits: {frames: 6, invocations: 3, writes: 3}, lineFrames: {frames: 2, invocations: 1, writes: 1, reads: 6}, linePosts: {frames: 1},
		lineJobs: {invocations: 1, writes: 2, queue: 1}, lineReads: {reads: 30}, linePings: {frames: 2, invocations: 1}, lineElse: {},
	} {
		got := b.rows[name]
		if got.usd, got.calls = 0, 0; got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
	if want := after.Planned - before.Planned; math.Abs(b.sum()-want) > 1e-9 {
		t.Errorf("the lines make $%g, the meter $%g", b.sum(), want)
	}
}
