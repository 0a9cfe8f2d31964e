package meter

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/parley-chat/parley/localstack/seam"
)

// Report is a Usage with prices, in the form of GET /_local/usage.
type Report struct {
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	Lines   []Line    `json:"lines"`
	USD     float64   `json:"usd"`
	Planned float64   `json:"usdPlanned"` // with invocations of 25 ms and 128 MB in place of the measured ones

	Features    []FeatureLine    `json:"features"`
	Calls       []CallLine       `json:"calls"`
	Functions   []FunctionLine   `json:"functions"`
	Frames      []FrameLine      `json:"frames"`
	HTTP        []HTTPLine       `json:"http"`
	Connections ConnectionCounts `json:"connections"`
	Prices      []Price          `json:"prices"`
	// Idle is the price of a month in which nothing happens, without free tiers.
	Idle []Line `json:"idle"`
}

// Line is one thing that AWS bills.
type Line struct {
	Price string  `json:"price"` // id in the price table
	Unit  string  `json:"unit"`
	Count float64 `json:"count"`
	USD   float64 `json:"usd"`
}

// FeatureLine is what the routes of a feature came to. Inbound frames are exact. Pushes, units and requests are those of
// calls whose trace led to a route. Responses are shared out among two-way routes by their inbound frames, and time by
// the mean of the function. What no route caused (workers, HTTP, connection minutes, logs) is in no feature.
type FeatureLine struct {
	Feature     string  `json:"feature"`
	FramesIn    int     `json:"framesIn"`
	Responses   float64 `json:"responses"`
	Pushes      int     `json:"pushes"`
	Invocations int     `json:"invocations"`
	ReadUnits   float64 `json:"readUnits"`
	WriteUnits  float64 `json:"writeUnits"`
	SQSRequests float64 `json:"sqsRequests"`
	USD         float64 `json:"usd"`
}

// CallLine is a row of Usage.Calls.
type CallLine struct {
	Service    string  `json:"service"`
	Operation  string  `json:"operation"`
	Resource   string  `json:"resource,omitempty"`
	Function   string  `json:"function,omitempty"`
	Route      string  `json:"route,omitempty"`
	Calls      int     `json:"calls"`
	Errors     int     `json:"errors"`
	ReadUnits  float64 `json:"readUnits"`
	WriteUnits float64 `json:"writeUnits"`
	Requests   float64 `json:"requests"`
	BytesIn    int     `json:"bytesIn"`
	BytesOut   int     `json:"bytesOut"`
}

// FunctionLine is a row of Usage.Functions.
type FunctionLine struct {
	Function    string  `json:"function"`
	Invocations int     `json:"invocations"`
	ColdStarts  int     `json:"coldStarts"`
	DurationMS  float64 `json:"durationMs"`
	InitMS      float64 `json:"initMs"`
	GBSeconds   float64 `json:"gbSeconds"`
	LogBytes    int     `json:"logBytes"`
}

// FrameLine is a row of Usage.Frames.
type FrameLine struct {
	Direction string `json:"direction"` // in or out
	Route     string `json:"route"`
	Frames    int    `json:"frames"`
	Metered   int    `json:"metered"`
	Bytes     int    `json:"bytes"`
}

// HTTPLine is a row of Usage.HTTP.
type HTTPLine struct {
	Route    string `json:"route"`
	Requests int    `json:"requests"`
	Metered  int    `json:"metered"`
	BytesIn  int    `json:"bytesIn"`
	BytesOut int    `json:"bytesOut"`
}

// ConnectionCounts is Usage.Connections in minutes.
type ConnectionCounts struct {
	Ended   int     `json:"ended"`
	Minutes float64 `json:"minutes"`
}

// Invocations as a plan prices them, to compare with what this machine measured: its CPU is not Lambda's.
const (
	plannedMS = 25
	plannedMB = 128
)

// quantities are what the price table bills.
type quantities struct {
	metered                int
	minutes                float64
	invocations            int
	gbSeconds              float64
	writes, reads          float64
	standard, fifo         float64
	logged, egress, httpIn int
}

func (u Usage) quantities() quantities {
	q := quantities{minutes: u.Connections.Time.Minutes()}
	for k, c := range u.Frames {
		q.metered += c.Metered
		if !k.Inbound {
			q.egress += c.Bytes
		}
	}
	for _, c := range u.HTTP {
		q.httpIn += c.Metered
		q.egress += c.BytesOut
	}
	for _, c := range u.Functions {
		q.invocations += c.Invocations
		q.gbSeconds += c.GBSeconds
		q.logged += c.LogBytes
	}
	for k, c := range u.Calls {
		q.reads += c.ReadUnits
		q.writes += c.WriteUnits
		if strings.HasSuffix(k.Resource, ".fifo") {
			q.fifo += c.Requests
		} else {
			q.standard += c.Requests
		}
	}
	return q
}

// Lines prices a usage, one line per price.
func (u Usage) Lines() []Line {
	q, prices := u.quantities(), priceByID()
	var made []Line
	for _, l := range []Line{
		{Price: socketMessages, Count: float64(q.metered)}, {Price: connectionMinutes, Count: q.minutes},
		{Price: httpRequests, Count: float64(q.httpIn)}, {Price: lambdaRequests, Count: float64(q.invocations)}, {Price: lambdaTime, Count: q.gbSeconds},
		{Price: dynamoWrites, Count: q.writes}, {Price: dynamoReads, Count: q.reads}, {Price: sqsStandard, Count: q.standard}, {Price: sqsFIFO, Count: q.fifo},
		{Price: logBytes, Count: float64(q.logged) / gigabyte}, {Price: egressBytes, Count: float64(q.egress) / gigabyte},
	} {
		price := prices[l.Price]
		l.Unit, l.USD = price.Unit, price.of(l.Count)
		made = append(made, l)
	}
	return made
}

// USD is the price of a usage.
func (u Usage) USD() float64 {
	total := 0.0
	for _, l := range u.Lines() {
		total += l.USD
	}
	return total
}

// Report prices a usage and sorts its counts.
func (u Usage) Report() Report {
	made := Report{From: u.From, To: u.To, Lines: u.Lines(), USD: u.USD(), Features: u.features(), Prices: Prices(),
		Connections: ConnectionCounts{u.Connections.Ended, u.Connections.Time.Minutes()}}
	q, prices := u.quantities(), priceByID()
	planned := float64(q.invocations) * plannedMS / 1000 * plannedMB / 1024
	made.Planned = made.USD + prices[lambdaTime].of(planned-q.gbSeconds)
	made.Calls = rows(u.Calls, func(k CallKey, c CallCount) CallLine {
		return CallLine{k.Service, k.Operation, k.Resource, k.Function, k.Route, c.Calls, c.Errors, c.ReadUnits, c.WriteUnits, c.Requests, c.BytesIn, c.BytesOut}
	}, func(l CallLine) string {
		return strings.Join([]string{l.Service, l.Operation, l.Resource, l.Function, l.Route}, "\x00")
	})
	made.Functions = rows(u.Functions, func(name string, c FunctionCount) FunctionLine {
		return FunctionLine{name, c.Invocations, c.ColdStarts, milliseconds(c.Duration), milliseconds(c.Init), c.GBSeconds, c.LogBytes}
	}, func(l FunctionLine) string { return l.Function })
	made.Frames = rows(u.Frames, func(k FrameKey, c FrameCount) FrameLine {
		direction := "out"
		if k.Inbound {
			direction = "in"
		}
		return FrameLine{direction, k.Route, c.Frames, c.Metered, c.Bytes}
	}, func(l FrameLine) string { return l.Direction + l.Route })
	made.HTTP = rows(u.HTTP, func(route string, c HTTPCount) HTTPLine {
		return HTTPLine{route, c.Requests, c.Metered, c.BytesIn, c.BytesOut}
	}, func(l HTTPLine) string { return l.Route })
	return made
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// rows turns a map into a sorted list, never nil.
func rows[K comparable, C, R any](from map[K]C, row func(K, C) R, by func(R) string) []R {
	made := []R{}
	for k, c := range from {
		made = append(made, row(k, c))
	}
	slices.SortFunc(made, func(a, b R) int { return cmp.Compare(by(a), by(b)) })
	return made
}

// other is the feature of routes that no feature names.
const other = "other"

// features splits a usage by feature.
func (u Usage) features() []FeatureLine {
	opts := u.opts
	if opts == nil {
		opts = &Options{Features: DefaultFeatures()}
	}
	lines := map[string]*FeatureLine{}
	line := func(route string) *FeatureLine {
		name := cmp.Or(opts.Features[route], other)
		if lines[name] == nil {
			lines[name] = &FeatureLine{Feature: name}
		}
		return lines[name]
	}
	prices := priceByID()
	u.inbound(opts, line, prices)
	for k, c := range u.Calls {
		if k.Route == "" {
			continue
		}
		l := line(k.Route)
		l.ReadUnits += c.ReadUnits
		l.WriteUnits += c.WriteUnits
		l.SQSRequests += c.Requests
		queue := sqsStandard
		if strings.HasSuffix(k.Resource, ".fifo") {
			queue = sqsFIFO
		}
		l.USD += prices[dynamoReads].of(c.ReadUnits) + prices[dynamoWrites].of(c.WriteUnits) + prices[queue].of(c.Requests)
		if k.Service == seam.ExecuteAPI && k.Operation == postOperation {
			l.Pushes += c.Calls - c.Errors
			l.USD += prices[socketMessages].of(float64(c.Calls - c.Errors))
		}
	}
	return rows(lines, func(_ string, l *FeatureLine) FeatureLine { return *l }, func(l FeatureLine) string { return l.Feature })
}

// postOperation is what the front door calls a POST to @connections.
const postOperation = "PostToConnection"

// inbound adds frames, and the invocations and responses that each frame has.
func (u Usage) inbound(opts *Options, line func(string) *FeatureLine, prices map[string]Price) {
	twoWay := 0
	for k, c := range u.Frames {
		if k.Inbound && opts.Routes[k.Route].TwoWay {
			twoWay += c.Frames
		}
	}
	responses := u.Frames[FrameKey{Route: "response"}]
	for k, c := range u.Frames {
		if !k.Inbound || k.Route == "" {
			continue
		}
		l, route := line(k.Route), opts.Routes[k.Route]
		l.FramesIn += c.Frames
		metered := float64(c.Metered)
		if route.TwoWay {
			share := float64(c.Frames) / float64(twoWay)
			l.Responses += share * float64(responses.Frames)
			metered += share * float64(responses.Metered)
		}
		l.USD += prices[socketMessages].of(metered)
		if f := u.Functions[route.Function]; f.Invocations > 0 {
			l.Invocations += c.Frames
			l.USD += prices[lambdaRequests].of(float64(c.Frames)) + prices[lambdaTime].of(f.GBSeconds/float64(f.Invocations)*float64(c.Frames))
		}
	}
}
