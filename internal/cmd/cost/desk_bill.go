package main

import (
	"strings"

	"github.com/parley-chat/parley/localstack/meter"
	"github.com/parley-chat/parley/localstack/seam"
)

// The lines of the live desk's bill.
const (
	lineVisits  = "visits"      // pages that visitors' clients tell, and the answers
	lineFrames  = "desk frames" // operators' clients ask for all views once a minute
	linePosts   = "posts"       // frames of broadcasts, one per operator
	lineJobs    = "jobs"        // what asks for broadcasts: queue, invocations, claims
	lineReads   = "reads"       // of broadcasts: viewers, queue, colleagues, visitors
	linePings   = "pings"
	lineMinutes = "minutes"  // of open sockets
	lineOut     = "data out" // of all that the socket sends
	lineElse    = "all else" // conversations, routing, sweeps, logs, pollers
)

func deskLines() []string {
	return []string{lineVisits, lineFrames, linePosts, lineJobs, lineReads, linePings, lineMinutes, lineOut, lineElse}
}

const (
	broadcaster = "DeliverFunction"
	// deskRoute carries visits and desk frames, which have no routes of their own.
	deskRoute = "$default"
)

// deskBill makes a bill of what two reports differ by. Visits is how many were sent meanwhile: the rest of their route
// are desk frames, and invocations and writes of the route are shared by the number of frames.
func deskBill(before, after meter.Report, visits int) *bill {
	b := newBill(after.To.Sub(before.To).Minutes())
	b.addDesk(after, 1)
	b.addDesk(before, -1)
	both := b.rows[lineVisits]
	if sent := both.invocations; sent > 0 {
		part := min(1, float64(visits)/sent)
		b.rows[lineVisits] = both.times(part)
		b.rows[lineFrames] = b.rows[lineFrames].plus(both.times(1 - part))
	}
	b.price()
	return b
}

func (b *bill) change(line string, f func(*row)) {
	x := b.rows[line]
	f(&x)
	b.rows[line] = x
}

// addDesk counts a report in, or out with sign -1. Desk frames' invocations and writes are counted as visits'.
func (b *bill) addDesk(r meter.Report, sign float64) {
	for _, f := range r.Frames {
		n := sign * float64(f.Metered)
		switch {
		case f.Direction == "in":
			line := map[string]string{deskRoute: lineVisits, "ping": linePings}[f.Route]
			if line == "" {
				b.change(lineElse, func(x *row) { x.frames += n; x.invocations += n })
				continue
			}
			// Each is answered by one frame, which is counted here and not among the rest.
			b.change(line, func(x *row) { x.frames += 2 * n; x.invocations += n })
			b.change(lineElse, func(x *row) { x.frames -= n })
		case f.Route == "response":
			b.change(lineElse, func(x *row) { x.frames += n })
		}
		if f.Direction == "out" {
			b.change(lineOut, func(x *row) { x.gigabytesOut += sign * float64(f.Bytes) / (1 << 30) })
		}
	}
	for _, c := range r.Calls {
		b.addDeskCall(c, sign)
	}
	for _, f := range r.Functions {
		b.change(lineElse, func(x *row) { x.gigabytesLogged += sign * float64(f.LogBytes) / (1 << 30) })
		line := lineElse
		if f.Function == broadcaster {
			line = lineJobs
		}
		if ofFunction(f.Function) != "" {
			b.change(line, func(x *row) { x.invocations += sign * float64(f.Invocations) })
		}
	}
	for _, h := range r.HTTP {
		b.change(lineElse, func(x *row) { x.requests += sign * float64(h.Metered) })
	}
}

func (b *bill) addDeskCall(c meter.CallLine, sign float64) {
	line := deskLine(c)
	if line == "" {
		return
	}
	b.change(line, func(x *row) { x.addCall(c, sign) })
}

// deskLine is the line of a call, "" for what nobody pays for.
func deskLine(c meter.CallLine) string {
	reads := c.ReadUnits > 0 && c.WriteUnits == 0
	switch {
	case c.Service == seam.SQS && strings.Contains(strings.ToLower(c.Resource), "desk"):
		return lineJobs
	case c.Function == broadcaster && c.Service == seam.ExecuteAPI:
		return linePosts
	case c.Function == broadcaster && reads:
		return lineReads
	case c.Function == broadcaster:
		return lineJobs
	case c.Function == "" && c.Route == "" && c.Requests == 0:
		return "" // the stack's own looks, and reads of the stream
	case ofFunction(c.Function) != "":
		return lineElse
	case c.Route == deskRoute && reads:
		return lineFrames
	case c.Route == deskRoute:
		return lineVisits
	case c.Route == "ping":
		return linePings
	}
	return lineElse
}
