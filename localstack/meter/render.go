package meter

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"text/tabwriter"
	"time"
)

// Path is where Handler expects to be mounted.
const Path = "/_local/usage"

// Handler serves GET /_local/usage (a Report as JSON, or a table with ?format=text) and POST /_local/usage/reset, which
// answers with the Report up to then and starts anew.
func (m *Meter) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+Path, func(w http.ResponseWriter, r *http.Request) {
		report := m.report()
		if r.URL.Query().Get("format") == "text" {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			_ = report.Write(w) // the client may be gone: nobody to tell
			return
		}
		writeReport(w, report)
	})
	mux.HandleFunc("POST "+Path+"/reset", func(w http.ResponseWriter, _ *http.Request) {
		report := m.report()
		m.Reset()
		writeReport(w, report)
	})
	return mux
}

func (m *Meter) report() Report {
	r := m.Snapshot().Report()
	r.Idle = m.opts.Idle
	return r
}

func writeReport(w http.ResponseWriter, report Report) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(report) // the client may be gone: nobody to tell
}

// Write renders the report as tables for a terminal.
func (r Report) Write(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(t, format, args...) } // Flush returns the error
	p("what AWS would bill for %v\t\t\t\n", r.To.Sub(r.From).Round(time.Second))
	p("count\tUSD\t  unit\t\n")
	for _, l := range r.Lines {
		if l.Count != 0 {
			p("%s\t%.8f\t  %s\t\n", round(l.Count), l.USD, l.Unit)
		}
	}
	p("\t%.8f\t  in all (%.8f with invocations of %d ms and %d MB)\t\n\n", r.USD, r.Planned, plannedMS, plannedMB)
	for _, l := range r.Idle {
		if l.Count != 0 {
			p("%s\t%.2f\t  %s, a month in which nothing happens\t\n", round(l.Count), l.USD, l.Unit)
		}
	}
	p("\nfeature\tin\tresponses\tpushes\tinvocations\tRRU\tWRU\tSQS\tUSD\t\n")
	for _, f := range r.Features {
		p("%s\t%d\t%s\t%d\t%d\t%s\t%s\t%s\t%.8f\t\n", f.Feature, f.FramesIn, round(f.Responses), f.Pushes, f.Invocations, round(f.ReadUnits), round(f.WriteUnits), round(f.SQSRequests), f.USD)
	}
	p("\nfunction\truns\tcold\tmean ms\tGB-s\tlog bytes\t\n")
	for _, f := range r.Functions {
		p("%s\t%d\t%d\t%.2f\t%s\t%d\t\n", f.Function, f.Invocations, f.ColdStarts, f.DurationMS/float64(max(1, f.Invocations)), round(f.GBSeconds), f.LogBytes)
	}
	p("\noperation\tresource\tby\tcalls\terrors\tRRU\tWRU\tSQS\t\n")
	for _, c := range r.Calls {
		p("%s\t%s\t%s\t%d\t%d\t%s\t%s\t%s\t\n", c.Operation, c.Resource, c.Function, c.Calls, c.Errors, round(c.ReadUnits), round(c.WriteUnits), round(c.Requests))
	}
	return t.Flush()
}

// round writes a count without needless digits.
func round(f float64) string {
	if f == float64(int64(f)) {
		return fmt.Sprint(int64(f))
	}
	return fmt.Sprintf("%.4g", f)
}
