package meter

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/localstack/seam"
	"github.com/parley-chat/parley/localstack/template"
)

func newMeter() *Meter {
	return New(Options{Routes: map[string]Route{"send": {"SocketFn", true}, "typing": {"SocketFn", false}}})
}

func call(service, operation, trace string) seam.Call {
	return seam.Call{Caller: seam.Caller{Function: "SocketFn"}, Service: service, Operation: operation, Body: []byte("12345"), Trace: trace}
}

func lines(t *testing.T, u Usage) map[string]Line {
	t.Helper()
	made := map[string]Line{}
	for _, l := range u.Lines() {
		if l.Unit == "" {
			t.Errorf("%s is not in the price table", l.Price)
		}
		made[l.Price] = l
	}
	return made
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*math.Max(math.Abs(a), math.Abs(b)) }

// oneMessage is the traffic of one two-party message.
func oneMessage(m *Meter, trace string) {
	m.Began(trace+";Parent=1", "send")
	m.Frame(true, "send", 200)
	m.AWSCall(call(seam.DynamoDB, "UpdateItem", trace+";Parent=2"), seam.Answer{Status: 200, Usage: []seam.Usage{{Resource: "chat", WriteUnits: 2}}})
	m.AWSCall(call(seam.ExecuteAPI, "PostToConnection", trace), seam.Answer{Status: 200})
	m.Frame(false, "push", 300)
	m.Frame(false, "response", 100)
	m.Invocation("SocketFn", 10*time.Millisecond, 0, 256)
}

func TestPriceOfAMessage(t *testing.T) {
	t.Parallel()
	m := newMeter()
	const n = 1000
	for i := range n {
		oneMessage(m, fmt.Sprint("Root=", i))
	}
	u := m.Snapshot()
	got := lines(t, u)
	for id, want := range map[string]float64{socketMessages: 3 * n, lambdaRequests: n, lambdaTime: n * 0.010 * 0.25, dynamoWrites: 2 * n, dynamoReads: 0, sqsStandard: 0, egressBytes: 400. * n / gigabyte} {
		if !near(got[id].Count, want) {
			t.Errorf("%s: %v, want %v", id, got[id].Count, want)
		}
	}
	// 3 messages $3.00, a request $0.20, 2.5 ms·GB $0.0333335, 2 WRU $1.25 per million, and the egress.
	want := (3.00+0.20+0.0025*13.3334+1.25)/1e6*n + got[egressBytes].USD
	if !near(u.USD(), want) {
		t.Errorf("USD %v, want %v", u.USD(), want)
	}
	report := u.Report()
	planned := want + 0.0000133334*n*(0.025*0.125-0.010*0.25)
	if !near(report.Planned, planned) {
		t.Errorf("planned USD %v, want %v", report.Planned, planned)
	}
	if len(report.Features) != 1 || report.Features[0].Feature != "messages" || !near(report.Features[0].USD, want-got[egressBytes].USD) {
		t.Errorf("features %+v: all but the egress is the messages', %v", report.Features, want)
	}
}

func TestMetering(t *testing.T) {
	t.Parallel()
	m := newMeter()
	for _, size := range []int{0, 1, 32 << 10, 32<<10 + 1, 128 << 10} {
		m.Frame(true, "send", size)
	}
	m.HTTPRequest("GET /", 0, 513<<10)
	m.Invocation("F", 1100*time.Microsecond, 900*time.Microsecond, 1024)
	m.Invocation("F", 1*time.Microsecond, 0, 1024)
	m.LogBytes("F", gigabyte)
	m.Connection(90 * time.Second)
	m.AWSCall(seam.Call{Service: seam.SQS, Operation: "SendMessage"}, seam.Answer{Usage: []seam.Usage{{Resource: "a.fifo", Requests: 2}}})
	m.AWSCall(seam.Call{Service: seam.SQS, Operation: "SendMessage"}, seam.Answer{Usage: []seam.Usage{{Resource: "a", Requests: 3}}})
	got := lines(t, m.Snapshot())
	for id, want := range map[string]float64{socketMessages: 1 + 1 + 1 + 2 + 4, httpRequests: 2, lambdaTime: 0.003, logBytes: 1, connectionMinutes: 1.5, sqsFIFO: 2, sqsStandard: 3} {
		if !near(got[id].Count, want) {
			t.Errorf("%s: %v, want %v", id, got[id].Count, want)
		}
	}
	if f := m.Snapshot().Functions["F"]; f.ColdStarts != 1 || f.Invocations != 2 {
		t.Errorf("functions %+v", f)
	}
}

func TestCallsOnSeveralTablesAreOneCall(t *testing.T) {
	t.Parallel()
	m := newMeter()
	m.AWSCall(call(seam.DynamoDB, "TransactWriteItems", ""), seam.Answer{Usage: []seam.Usage{{Resource: "a", WriteUnits: 2}, {Resource: "b", WriteUnits: 4}}})
	m.AWSCall(call(seam.DynamoDB, "TransactWriteItems", ""), seam.Answer{Status: 400, ErrorType: "X"})
	calls, failed, units := 0, 0, 0.0
	for _, c := range m.Snapshot().Calls {
		calls, failed, units = calls+c.Calls, failed+c.Errors, units+c.WriteUnits
	}
	if calls != 2 || failed != 1 || units != 6 {
		t.Errorf("%d calls, %d failed, %v units", calls, failed, units)
	}
}

func TestSignalsAreToldFromMessages(t *testing.T) {
	t.Parallel()
	m := newMeter()
	oneMessage(m, "Root=1")
	m.Began("Root=2", "typing")
	m.Frame(true, "typing", 10)
	m.AWSCall(call(seam.DynamoDB, "GetItem", "Root=2"), seam.Answer{Usage: []seam.Usage{{Resource: "chat", ReadUnits: 0.5}}})
	m.AWSCall(call(seam.ExecuteAPI, "PostToConnection", "Root=2"), seam.Answer{Status: 410, ErrorType: "GoneException"})
	m.AWSCall(call(seam.DynamoDB, "GetItem", "Root=unknown"), seam.Answer{Usage: []seam.Usage{{Resource: "chat", ReadUnits: 9}}})
	m.Frame(true, "assign", 10)
	got := map[string]FeatureLine{}
	for _, f := range m.Snapshot().Report().Features {
		got[f.Feature] = f
	}
	if f := got["messages"]; f.FramesIn != 1 || f.Pushes != 1 || f.Responses != 1 || f.WriteUnits != 2 || f.Invocations != 1 {
		t.Errorf("messages %+v", f)
	}
	if f := got["signals"]; f.FramesIn != 1 || f.Pushes != 0 || f.Responses != 0 || f.ReadUnits != 0.5 {
		t.Errorf("signals %+v: a push that failed costs nothing, typing is one-way", f)
	}
	if got["other"].FramesIn != 1 {
		t.Errorf("features %+v", got)
	}
}

func TestSub(t *testing.T) {
	t.Parallel()
	m := newMeter()
	oneMessage(m, "Root=1")
	m.Invocation("Other", time.Millisecond, 0, 128)
	before := m.Snapshot()
	oneMessage(m, "Root=2")
	m.Connection(time.Minute)
	d := m.Snapshot().Sub(before)
	if len(d.Functions) != 1 || d.Functions["SocketFn"].Invocations != 1 {
		t.Errorf("functions %+v: what did not change is left out", d.Functions)
	}
	if d.Frames[FrameKey{true, "send"}].Frames != 1 || d.Connections != (ConnectionCount{1, time.Minute}) || d.From != before.To {
		t.Errorf("difference %+v", d)
	}
	if before.Frames[FrameKey{true, "send"}].Frames != 1 {
		t.Error("a snapshot changes with its meter")
	}
}

func TestOpenConnectionsCount(t *testing.T) {
	t.Parallel()
	open := 3 * time.Minute
	m := New(Options{OpenConnections: func() time.Duration { return open }})
	if got := m.Snapshot().Connections.Time; got != 3*time.Minute {
		t.Errorf("open connections count %v", got)
	}
	m.Reset()
	open = time.Minute // one of them, now 4 minutes old, ends; the other is as old as a minute
	m.Connection(4 * time.Minute)
	if got := m.Snapshot().Connections.Time; got != 2*time.Minute {
		t.Errorf("after Reset 4 - 3 + 1 minutes have passed, not %v", got)
	}
}

func TestTracesAreBounded(t *testing.T) {
	t.Parallel()
	m := newMeter()
	for i := range tracesKept + 1 {
		m.Began(fmt.Sprint("Root=", i), "send")
	}
	if len(m.traces.routes) != tracesKept {
		t.Errorf("%d traces kept", len(m.traces.routes))
	}
	if m.traces.get("Root=0") != "" || m.traces.get("Root=1") != "send" {
		t.Error("it is the oldest trace that must go")
	}
}

func TestConcurrentCounting(t *testing.T) {
	t.Parallel()
	m := newMeter()
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 250 {
				oneMessage(m, fmt.Sprint("Root=", g, "-", i))
				m.Snapshot()
			}
		})
	}
	wg.Wait()
	if u := m.Snapshot(); u.Frames[FrameKey{true, "send"}].Frames != 1000 || u.Functions["SocketFn"].Invocations != 1000 {
		t.Errorf("lost counts: %+v", u.Frames)
	}
}

func TestHandler(t *testing.T) {
	t.Parallel()
	m := newMeter()
	oneMessage(m, "Root=1")
	get := func(method, path string) string {
		w := httptest.NewRecorder()
		m.Handler().ServeHTTP(w, httptest.NewRequest(method, path, nil))
		if w.Code != 200 {
			t.Fatalf("%s %s: %d", method, path, w.Code)
		}
		return w.Body.String()
	}
	var report Report
	if err := json.Unmarshal([]byte(get("GET", Path)), &report); err != nil {
		t.Fatal(err)
	}
	if report.USD == 0 || len(report.Frames) != 3 || len(report.Prices) != len(Prices()) {
		t.Errorf("report %+v", report)
	}
	table := get("GET", Path+"?format=text")
	for _, want := range []string{"messages", "SocketFn", "UpdateItem", "write request units", "in all"} {
		if !strings.Contains(table, want) {
			t.Errorf("the table lacks %q:\n%s", want, table)
		}
	}
	get("POST", Path+"/reset")
	if m.Snapshot().USD() != 0 {
		t.Error("reset leaves counts")
	}
}

func TestPricesHaveDateAndSource(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, p := range Prices() {
		if _, err := time.Parse(time.DateOnly, p.Date); err != nil || p.Source == "" || p.Unit == "" || p.USD <= 0 || p.Per <= 0 || seen[p.ID] {
			t.Errorf("price %+v", p)
		}
		seen[p.ID] = true
	}
}

func TestIdle(t *testing.T) {
	t.Parallel()
	plan := &template.Plan{
		Alarms: 4,
		Functions: []template.Function{{Queues: []template.QueueMapping{{QueueARN: "arn:aws:sqs:r:a:q"}, {QueueARN: "arn:aws:sqs:r:a:q.fifo"}}},
			{Queues: []template.QueueMapping{{QueueARN: "arn:aws:sqs:r:a:p"}}}},
		Schedules: []template.Schedule{{Expression: "rate(5 minutes)", Enabled: true}, {Expression: "rate(1 minute)"}, {Expression: "cron(0 3 * * ? *)", Enabled: true}},
	}
	got := map[string]Line{}
	for _, l := range Idle(plan, -1) {
		got[l.Price] = l
	}
	for id, want := range map[string]float64{sqsStandard: 2 * 648000, sqsFIFO: 648000, alarmMonths: 4, schedulerCalls: 8640, lambdaRequests: 8640} {
		if got[id].Count != want {
			t.Errorf("%s: %v, want %v", id, got[id].Count, want)
		}
	}
	if !near(got[sqsStandard].USD, 2*648000*0.4e-6) || !near(got[alarmMonths].USD, 0.4) {
		t.Errorf("prices %+v", got)
	}
	if Idle(plan, 7)[2].Count != 7 {
		t.Error("a given number of alarms is not used")
	}
}

type engine struct{ changed chan struct{} }

func (engine) Do(context.Context, seam.Call) seam.Answer {
	return seam.Answer{Status: 200, Usage: []seam.Usage{{Resource: "q", Requests: 1}}}
}

func (e engine) Changed(string) <-chan struct{} { return e.changed }

func TestMetered(t *testing.T) {
	t.Parallel()
	m := newMeter()
	e := engine{make(chan struct{})}
	counted := Metered(e, m)
	counted.Do(t.Context(), seam.Call{Service: seam.SQS, Operation: "ReceiveMessage"})
	if got := lines(t, m.Snapshot())[sqsStandard].Count; got != 1 {
		t.Errorf("%v requests counted", got)
	}
	if n, ok := counted.(seam.Notifier); !ok || n.Changed("q") != e.changed {
		t.Error("the engine's notifications are lost")
	}
	if _, ok := Metered(struct{ seam.Service }{e}, m).(seam.Notifier); ok {
		t.Error("a service without notifications gets some")
	}
}

func BenchmarkMessage(b *testing.B) {
	m := newMeter()
	traces := make([]string, 1024)
	for i := range traces {
		traces[i] = fmt.Sprint("Root=", i)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		oneMessage(m, traces[i%len(traces)])
	}
}
