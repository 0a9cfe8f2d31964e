package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/cmd/bench/load"
)

// report is everything that was measured.
type report struct {
	At     time.Time  `json:"at"`
	Go     string     `json:"go"`
	CPU    string     `json:"cpu"`
	Cores  int        `json:"cores"`
	Pinned bool       `json:"pinned"` // server on core 0, generator on core 1
	Quick  bool       `json:"quick"`
	Frame  int        `json:"frameBytes"` // of a message's frame
	Modes  []*figures `json:"modes"`
}

// figures are those of one mode.
type figures struct {
	Mode      string   `json:"mode"`
	AtRest    int64    `json:"bytesAtRest"` // PSS of the process tree before the first request
	Rates     []talk   `json:"rates"`
	Saturated *talk    `json:"saturated,omitempty"`
	Connect   *connect `json:"connect,omitempty"`
	Fanout    []fanout `json:"fanout,omitempty"`
	Storm     *storm   `json:"storm,omitempty"`
	Cost      *cost    `json:"costPerMessage,omitempty"`
}

// talk is messages at a rate, or saturation when Rate is 0.
type talk struct {
	Rate float64 `json:"rate,omitempty"`
	load.Result
	CPUPerMessage float64 `json:"cpuMicrosPerMessage"`
	Noise         float64 `json:"noise"` // share of the server's core that others took
}

type connect struct {
	Sockets   int     `json:"sockets"`
	PerSecond float64 `json:"perSecond"`
	CPU       float64 `json:"cpuMillisEach"`
	BytesEach float64 `json:"bytesEach"` // PSS
	Noise     float64 `json:"noise"`
}

type fanout struct {
	load.FanoutResult
	CPUPerDelivery float64 `json:"cpuMicrosPerDelivery"`
	Noise          float64 `json:"noise"`
}

type storm struct {
	load.StormResult
	Noise float64 `json:"noise"`
}

func newReport(quick, pinned bool) report {
	return report{At: time.Now().UTC().Truncate(time.Second), Go: runtime.Version(), CPU: cpuModel(), Cores: runtime.NumCPU(), Pinned: pinned, Quick: quick, Frame: load.Bytes()}
}

// cpuModel is what /proc/cpuinfo says; "" where there is none.
func cpuModel() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }() // only read
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// row is a line of the table: a section has no values.
type row struct{ label, value string }

// print writes the table, one column per mode.
func (r *report) print(w io.Writer) {
	var b strings.Builder
	where := "nothing pinned"
	if r.Pinned {
		where = "whole server side on core 0, generator on core 1"
	}
	fmt.Fprintf(&b, "\nParley bench, %s, %s, %s, %d cores: %s\n", r.At.Format("2006-01-02"), r.Go, r.CPU, r.Cores, where)
	if r.Quick {
		fmt.Fprintf(&b, "A quick run: it shows that the bench works, its figures mean little.\n")
	}
	columns := make([]map[string]string, len(r.Modes))
	var labels []string
	fmt.Fprintf(&b, "\n%-46s", "")
	for i, f := range r.Modes {
		columns[i] = map[string]string{}
		for _, x := range f.rows() {
			if i == 0 {
				labels = append(labels, x.label)
			}
			columns[i][x.label] = x.value
		}
		fmt.Fprintf(&b, "%-26s", f.Mode)
	}
	b.WriteByte('\n')
	for _, l := range labels {
		fmt.Fprintf(&b, "%-46s", l)
		for _, c := range columns {
			fmt.Fprintf(&b, "%-26s", c[l])
		}
		b.WriteByte('\n')
	}
	_, _ = io.WriteString(w, trimLines(b.String())) // a terminal that is gone is no reason to fail
}

func trimLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " ")
	}
	return strings.Join(lines, "\n")
}

func (f *figures) rows() []row {
	var rows []row
	add := func(label, format string, args ...any) { rows = append(rows, row{label, fmt.Sprintf(format, args...)}) }
	for _, t := range f.Rates {
		f.rateRows(t, add)
	}
	if t := f.Saturated; t != nil {
		add("saturation, messages/s on one core", "%.0f", t.Result.Rate)
		add("  CPU per message", "%.0f µs", t.CPUPerMessage)
		add("  end to end p50 / p99", "%.1f / %.1f ms", t.EndToEnd.P50, t.EndToEnd.P99)
		add("  failed; noise", "%s; %.0f %%", failures(t.Result), t.Noise*100)
	}
	if c := f.Connect; c != nil {
		add(fmt.Sprintf("connect, %d sockets", c.Sockets), "%.0f /s, %.2f ms CPU each", c.PerSecond, c.CPU)
		add("  memory per idle connection (PSS)", "%.1f KB", c.BytesEach/1024)
	}
	add("  memory at rest (PSS)", "%.0f MB", float64(f.AtRest)/(1<<20))
	for _, x := range f.Fanout {
		add(fmt.Sprintf("fan-out 1 → %d, last reader p50", x.Listeners), "%.0f ms", x.Last.P50)
		add(fmt.Sprintf("  to %d: any reader p50; CPU per delivery", x.Listeners), "%.0f ms; %.0f µs", x.Each.P50, x.CPUPerDelivery)
		add(fmt.Sprintf("  to %d: not delivered", x.Listeners), "%d", x.Missed)
	}
	if s := f.Storm; s != nil {
		add(fmt.Sprintf("storm, %d clients that missed %d each", s.Clients, s.Missed), "all caught up in %.2f s", s.All)
		add("  each p50 / p99; incomplete; retries", "%.0f / %.0f ms; %d; %d", s.Each.P50, s.Each.P99, s.Holes, s.Retries)
	}
	if f.Cost != nil {
		f.costRows(add)
	}
	return rows
}

func (f *figures) rateRows(t talk, add func(string, string, ...any)) {
	at := fmt.Sprintf("%.0f/s", t.Rate)
	add(at+", end to end p50 / p99 / p99.9", "%s", quantiles(t.EndToEnd))
	add("  "+at+", ack p50 / p99 / p99.9", "%s", quantiles(t.Ack))
	add("  "+at+", CPU per message", "%.0f µs", t.CPUPerMessage)
	add("  "+at+", failed; noise", "%s; %.0f %%", failures(t.Result), t.Noise*100)
}

func (f *figures) costRows(add func(string, string, ...any)) {
	c := f.Cost
	add("a message: metered frames, invocations", "%.2f, %.2f", c.Frames, c.Invocations)
	add("  write units, read units, SQS requests", "%.2f, %.2f, %.2f", c.WriteUnits, c.ReadUnits, c.SQSRequests)
	for _, x := range c.Calls {
		if x.Calls >= 0.01 {
			add(fmt.Sprintf("  %s by %s", x.Operation, strings.TrimSuffix(x.Function, "Function")), "%.2f", x.Calls)
		}
	}
	add("  a million, AWS list price", "$%.2f", c.USDPerMillion)
}

func quantiles(q load.Quantiles) string {
	return fmt.Sprintf("%.1f / %.1f / %.1f ms", q.P50, q.P99, q.P999)
}

// failures says what was not acknowledged or not received.
func failures(r load.Result) string {
	if r.Acked == r.Sent && r.Seen == r.Sent && len(r.Errors) == 0 {
		return "none"
	}
	return fmt.Sprintf("%d unacknowledged, %d unseen %v", r.Sent-r.Acked, r.Sent-r.Seen, r.Errors)
}
