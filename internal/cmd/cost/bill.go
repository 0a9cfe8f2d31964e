package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/parley-chat/parley/localstack/meter"
	"github.com/parley-chat/parley/localstack/seam"
)

const (
	// conversationMinutes is how long a customer's socket is open for one conversation.
	conversationMinutes = 10
	idleOperators       = 100
	month30             = 30 * 24 * 60 // minutes
	// Functions as bench prices them: this machine's CPU is not Lambda's.
	seconds, gigabytes = 0.025, 0.125
)

// features in the order of the table.
func features() []string {
	return []string{"messages", "signals", "http", "routing", "timers", "delivery", "relay", "logs", "connection"}
}

// row is what a feature came to.
type row struct {
	frames, invocations, calls, writes, reads, queue, requests, gigabytesLogged, gigabytesOut, minutes, usd float64
}

// addCall counts the calls of a line, or takes them off with sign -1.
func (x *row) addCall(c meter.CallLine, sign float64) {
	if c.Service == seam.ExecuteAPI {
		x.frames += sign * float64(c.Calls-c.Errors)
		return
	}
	x.calls += sign * float64(c.Calls)
	x.writes += sign * c.WriteUnits
	x.reads += sign * c.ReadUnits
	x.queue += sign * c.Requests
}

// bill is a table of rows by feature.
type bill struct {
	minutes float64 // that were measured
	rows    map[string]row
	prices  map[string]meter.Price
}

func newBill(minutes float64) *bill {
	b := &bill{minutes: minutes, rows: map[string]row{}, prices: map[string]meter.Price{}}
	for _, p := range meter.Prices() {
		b.prices[p.ID] = p
	}
	return b
}

func (b *bill) usd(price string, n float64) float64 {
	p := b.prices[price]
	return n * p.USD / p.Per
}

// ofRoute is the feature of a socket's route.
func ofRoute(route string) string {
	switch meter.DefaultFeatures()[route] {
	case "signals":
		return "signals"
	case "connect":
		return "connection"
	}
	if route == "duty" {
		return "connection"
	}
	return "messages"
}

// ofFunction is the feature of a function that serves no route of the socket's; "" for one that does.
func ofFunction(name string) string {
	return map[string]string{
		"ApiFunction": "http", "RouteFunction": "routing", "TimerFunction": "timers", "DeliverFunction": "delivery", "RelayFunction": "relay",
		"AutomateFunction": "relay", "AuthorizerFunction": "connection", "DeskFunction": "delivery",
	}[name]
}

// ofQueue is the feature of a queue, by its name.
func ofQueue(name string) string {
	lower := strings.ToLower(name)
	for _, f := range []struct{ word, feature string }{{"routing", "routing"}, {"timer", "timers"}, {"delivery", "delivery"}, {"desk", "delivery"}} {
		if strings.Contains(lower, f.word) {
			return f.feature
		}
	}
	return "relay"
}

// add counts a report in, or out with sign -1.
func (b *bill) add(r meter.Report, sign float64) {
	change := func(feature string, f func(*row)) {
		x := b.rows[feature]
		f(&x)
		b.rows[feature] = x
	}
	socket := map[string]float64{} // inbound frames by feature: each is an invocation
	all := 0.0
	responses := 0.0
	for _, f := range r.Frames {
		n := sign * float64(f.Metered)
		switch {
		case f.Direction == "in":
			socket[ofRoute(f.Route)] += n
			all += n
		case f.Route == "response":
			responses += n
		}
		if f.Direction == "out" {
			change("connection", func(x *row) { x.gigabytesOut += sign * float64(f.Bytes) / (1 << 30) })
		}
	}
	for feature, n := range socket {
		change(feature, func(x *row) { x.frames += n + responses*n/all; x.invocations += n })
	}
	for _, c := range r.Calls {
		var feature string
		switch {
		case ofFunction(c.Function) != "": // also where a frame has led to it, through a queue
			feature = ofFunction(c.Function)
		case c.Route != "":
			feature = ofRoute(c.Route)
		case c.Function != "":
			feature = "connection" // connect and disconnect, whose trace led nowhere
		case c.Requests > 0:
			feature = ofQueue(c.Resource)
		default:
			continue // the stack's own looks, and reads of the stream, which Lambda does not pay for
		}
		change(feature, func(x *row) { x.addCall(c, sign) })
	}
	for _, f := range r.Functions {
		change("logs", func(x *row) { x.gigabytesLogged += sign * float64(f.LogBytes) / (1 << 30) })
		if feature := ofFunction(f.Function); feature != "" {
			change(feature, func(x *row) { x.invocations += sign * float64(f.Invocations) })
		}
	}
	for _, h := range r.HTTP {
		change("http", func(x *row) { x.requests += sign * float64(h.Metered) })
	}
	b.price()
}

// price makes the dollars anew. SQS requests are priced as FIFO ones, which are the dearer.
func (b *bill) price() {
	for name, x := range b.rows {
		x.usd = b.usd("websocket.messages", x.frames) + b.usd("lambda.requests", x.invocations) + b.usd("lambda.gbseconds", x.invocations*seconds*gigabytes) +
			b.usd("dynamodb.writes", x.writes) + b.usd("dynamodb.reads", x.reads) + b.usd("sqs.fifo", x.queue) + b.usd("httpapi.requests", x.requests) +
			b.usd("logs.ingested", x.gigabytesLogged) + b.usd("egress", x.gigabytesOut) + b.usd("websocket.minutes", x.minutes)
		b.rows[name] = x
	}
}

func (b *bill) addConnection(minutes float64) {
	x := b.rows["connection"]
	x.minutes += minutes
	b.rows["connection"] = x
	b.price()
}

func (x row) times(n float64) row {
	return row{x.frames * n, x.invocations * n, x.calls * n, x.writes * n, x.reads * n, x.queue * n, x.requests * n, x.gigabytesLogged * n, x.gigabytesOut * n, x.minutes * n, 0}
}

func (x row) plus(y row) row {
	return row{x.frames + y.frames, x.invocations + y.invocations, x.calls + y.calls, x.writes + y.writes, x.reads + y.reads, x.queue + y.queue,
		x.requests + y.requests, x.gigabytesLogged + y.gigabytesLogged, x.gigabytesOut + y.gigabytesOut, x.minutes + y.minutes, 0}
}

func (b *bill) scaled(n float64) *bill {
	out := newBill(b.minutes * n)
	for name, x := range b.rows {
		out.rows[name] = x.times(n)
	}
	out.price()
	return out
}

func (b *bill) plus(o *bill) *bill {
	out := b.scaled(1)
	for name, x := range o.rows {
		out.rows[name] = out.rows[name].plus(x)
	}
	out.price()
	return out
}

func (b *bill) less(o *bill) *bill { return b.plus(o.scaled(-1)) }

// split parts what goes on however few operators there are (the minute's sweep and what follows from it) from what each
// operator adds.
func (b *bill) split() (sweep, own *bill) {
	sweep, own = newBill(b.minutes), newBill(b.minutes)
	for name, x := range b.rows {
		switch name {
		case "signals", "connection", "messages", "http":
			own.rows[name] = x
		default: // the sweep, and pollers that find nothing
			sweep.rows[name] = x
		}
	}
	sweep.price()
	own.price()
	return sweep, own
}

// print shows the bill by feature; the last column is for so many of what was measured.
func (b *bill) print(w io.Writer, of float64, dollars string) {
	b.printLines(w, features(), of, dollars)
}

// sum is the whole bill in dollars.
func (b *bill) sum() (usd float64) {
	for _, x := range b.rows {
		usd += x.usd
	}
	return usd
}

func (b *bill) printLines(w io.Writer, names []string, of float64, dollars string) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(t, "feature\tframes\tinvocations\tAWS calls\twrite units\tread units\tSQS requests\tHTTP requests\t"+dollars+"\t")
	var sum row
	usd := 0.0
	line := func(name string, x row, usd float64) {
		_, _ = fmt.Fprintf(t, "%s\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%.4f\t\n", name, x.frames, x.invocations, x.calls, x.writes, x.reads, x.queue, x.requests, usd*of)
	}
	for _, name := range names {
		x := b.rows[name]
		line(name, x, x.usd)
		sum = sum.plus(x)
		usd += x.usd
	}
	line("all", sum, usd)
	_ = t.Flush() // to a terminal or a buffer
}
