package meter

import (
	"maps"
	"time"
)

// Usage is what was counted between two moments.
type Usage struct {
	From, To    time.Time
	Calls       map[CallKey]CallCount
	Functions   map[string]FunctionCount // by logical id
	Frames      map[FrameKey]FrameCount
	HTTP        map[string]HTTPCount // by route
	Connections ConnectionCount

	opts *Options // of the Meter; nil in a Usage made by hand
}

// CallKey tells AWS calls apart.
type CallKey struct {
	Service, Operation string
	Resource           string // table or queue, "" for others
	Function           string // "" for the stack itself and for tools
	Route              string // of the frame that caused the call, "" when unknown
}

// CallCount is what AWS calls came to.
type CallCount struct {
	Calls, Errors         int
	ReadUnits, WriteUnits float64
	Requests              float64 // of SQS, in started 64 KB
	BytesIn, BytesOut     int     // bodies of requests and answers
}

// FunctionCount is what invocations came to.
type FunctionCount struct {
	Invocations, ColdStarts int
	Duration, Init          time.Duration
	GBSeconds               float64 // billed: started milliseconds × memory
	LogBytes                int
}

// FrameKey tells WebSocket messages apart. Route is the route key of inbound frames, else "push", "response" or "error".
type FrameKey struct {
	Inbound bool
	Route   string
}

// FrameCount is what WebSocket messages came to.
type FrameCount struct {
	Frames, Metered, Bytes int
}

// HTTPCount is what HTTP API requests came to.
type HTTPCount struct {
	Requests, Metered, BytesIn, BytesOut int
}

// ConnectionCount is what connections came to.
type ConnectionCount struct {
	Ended int
	Time  time.Duration // of ended and, in a snapshot, of open connections
}

func newUsage(from time.Time) Usage {
	return Usage{From: from, To: from, Calls: map[CallKey]CallCount{}, Functions: map[string]FunctionCount{}, Frames: map[FrameKey]FrameCount{}, HTTP: map[string]HTTPCount{}}
}

func (u Usage) clone() Usage {
	u.Calls, u.Functions, u.Frames, u.HTTP = maps.Clone(u.Calls), maps.Clone(u.Functions), maps.Clone(u.Frames), maps.Clone(u.HTTP)
	return u
}

// Sub returns what was counted after the earlier snapshot: u must be a later one of the same Meter, with no Reset between.
// What did not change is left out.
func (u Usage) Sub(earlier Usage) Usage {
	return Usage{
		From: earlier.To, To: u.To, opts: u.opts,
		Calls: difference(u.Calls, earlier.Calls), Functions: difference(u.Functions, earlier.Functions),
		Frames: difference(u.Frames, earlier.Frames), HTTP: difference(u.HTTP, earlier.HTTP),
		Connections: ConnectionCount{u.Connections.Ended - earlier.Connections.Ended, u.Connections.Time - earlier.Connections.Time},
	}
}

type count[C any] interface {
	comparable
	plus(C) C
	negative() C
}

func difference[K comparable, C count[C]](now, then map[K]C) map[K]C {
	made := map[K]C{}
	for k, c := range now {
		var zero C
		if d := c.plus(then[k].negative()); d != zero {
			made[k] = d
		}
	}
	return made
}

func (c CallCount) plus(d CallCount) CallCount {
	return CallCount{c.Calls + d.Calls, c.Errors + d.Errors, c.ReadUnits + d.ReadUnits, c.WriteUnits + d.WriteUnits, c.Requests + d.Requests,
		c.BytesIn + d.BytesIn, c.BytesOut + d.BytesOut}
}

func (c CallCount) negative() CallCount {
	return CallCount{-c.Calls, -c.Errors, -c.ReadUnits, -c.WriteUnits, -c.Requests, -c.BytesIn, -c.BytesOut}
}

func (c FunctionCount) plus(d FunctionCount) FunctionCount {
	return FunctionCount{c.Invocations + d.Invocations, c.ColdStarts + d.ColdStarts, c.Duration + d.Duration, c.Init + d.Init, c.GBSeconds + d.GBSeconds, c.LogBytes + d.LogBytes}
}

func (c FunctionCount) negative() FunctionCount {
	return FunctionCount{-c.Invocations, -c.ColdStarts, -c.Duration, -c.Init, -c.GBSeconds, -c.LogBytes}
}

func (c FrameCount) plus(d FrameCount) FrameCount {
	return FrameCount{c.Frames + d.Frames, c.Metered + d.Metered, c.Bytes + d.Bytes}
}

func (c FrameCount) negative() FrameCount { return FrameCount{-c.Frames, -c.Metered, -c.Bytes} }

func (c HTTPCount) plus(d HTTPCount) HTTPCount {
	return HTTPCount{c.Requests + d.Requests, c.Metered + d.Metered, c.BytesIn + d.BytesIn, c.BytesOut + d.BytesOut}
}

func (c HTTPCount) negative() HTTPCount {
	return HTTPCount{-c.Requests, -c.Metered, -c.BytesIn, -c.BytesOut}
}
