package console

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"time"

	"github.com/parley-chat/parley/localstack/events"
	"github.com/parley-chat/parley/localstack/front"
	"github.com/parley-chat/parley/localstack/gateway"
	"github.com/parley-chat/parley/localstack/lambda"
	"github.com/parley-chat/parley/localstack/meter"
)

// State is a snapshot of the stack: the JSON of /_local/state, and what the page shows.
type State struct {
	At          time.Time                 `json:"at"`
	Started     time.Time                 `json:"started"`
	Template    string                    `json:"template"`
	Connections []gateway.ConnectionState `json:"connections"`
	Functions   []lambda.FunctionState    `json:"functions"`
	Triggers    []events.State            `json:"triggers"`
	Queues      []Queue                   `json:"queues"`
	Tables      []Table                   `json:"tables"`
	Problems    []Problem                 `json:"problems"`
	Denied      []front.Denial            `json:"denied"` // by the functions' policies
	Usage       []meter.Line              `json:"usage"`
	USD         float64                   `json:"usd"`
	FaultRules  int                       `json:"faultRules"`
}

// Queue is one queue.
type Queue struct {
	LogicalID string `json:"logicalId"`
	Name      string `json:"name"`
	Visible   int    `json:"visible"`
	Delayed   int    `json:"delayed"`
	InFlight  int    `json:"inFlight"`
	// DeadLettersOf names the queues whose dead letters come here.
	DeadLettersOf []string `json:"deadLettersOf,omitempty"`
	// Sample holds the oldest messages of a dead-letter queue.
	Sample []Letter `json:"sample,omitempty"`
	Error  string   `json:"error,omitempty"`
}

// Letter is a message that nobody could process.
type Letter struct {
	ID    string    `json:"id"`
	Group string    `json:"group,omitempty"`
	Sent  time.Time `json:"sent"`
	Body  string    `json:"body"`
}

// Table is one table.
type Table struct {
	LogicalID string `json:"logicalId"`
	Name      string `json:"name"`
	Items     int64  `json:"items"`
	Bytes     int64  `json:"bytes"`
	Stream    bool   `json:"stream"`
	Error     string `json:"error,omitempty"`
}

//go:embed page.html
var pageSource string

// Page serves the state page. It reloads its content by itself.
func Page(snapshot func() State) http.Handler {
	page := template.Must(template.New("page").Funcs(template.FuncMap{
		"bytes": formatBytes, "ago": formatAge, "usd": formatUSD, "clock": func(t time.Time) string { return t.Format("15:04:05") },
		"ms": func(d time.Duration) string { return fmt.Sprintf("%.0f ms", float64(d.Microseconds())/1000) },
	}).Parse(pageSource))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body bytes.Buffer
		if err := page.Execute(&body, snapshot()); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'")
		_, _ = w.Write(body.Bytes()) // the reader may be gone
	})
}

func formatBytes(n int64) string {
	const unit = 1024
	switch {
	case n < unit:
		return fmt.Sprintf("%d B", n)
	case n < unit*unit:
		return fmt.Sprintf("%.1f KB", float64(n)/unit)
	default:
		return fmt.Sprintf("%.1f MB", float64(n)/unit/unit)
	}
}

func formatAge(since, now time.Time) string {
	d := now.Sub(since).Round(time.Second)
	if d < 0 {
		d = 0
	}
	return d.String()
}

func formatUSD(v float64) string { return fmt.Sprintf("$%.6f", v) }
