package gateway

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// ConnectionState is one open connection as tests see it.
type ConnectionState struct {
	ID           string    `json:"id"`
	SourceIP     string    `json:"sourceIp"`
	UserAgent    string    `json:"userAgent,omitempty"`
	ConnectedAt  time.Time `json:"connectedAt"`
	LastActiveAt time.Time `json:"lastActiveAt"`
	BytesIn      int64     `json:"bytesIn"`  // payload of messages received
	BytesOut     int64     `json:"bytesOut"` // payload of messages accepted for sending
	Waiting      int       `json:"waiting"`  // bytes queued for a slow reader
	Running      int       `json:"running"`  // MESSAGE invocations
	// Authorizer is the frozen context, a JSON object; nil without an authorizer.
	Authorizer json.RawMessage `json:"authorizer,omitempty"`
}

// Cut says how Gateway.Cut ends a connection.
type Cut string

// The ways to cut a connection.
const (
	CutReset Cut = "reset" // TCP reset, no close frame; $disconnect says 1006
	CutClose Cut = "close" // close frame 1001 "Going away", as at the idle timeout
)

// Connections lists the open connections, oldest first.
func (g *Gateway) Connections() []ConnectionState {
	g.mu.RLock()
	open := make([]*conn, 0, len(g.conns))
	for _, c := range g.conns {
		open = append(open, c)
	}
	g.mu.RUnlock()
	states := make([]ConnectionState, len(open))
	for i, c := range open {
		states[i] = c.state()
	}
	slices.SortFunc(states, func(a, b ConnectionState) int {
		if n := a.ConnectedAt.Compare(b.ConnectedAt); n != 0 {
			return n
		}
		return strings.Compare(a.ID, b.ID)
	})
	return states
}

func (c *conn) state() ConnectionState {
	c.mu.Lock()
	waiting := len(c.pending) + c.inFlight
	c.mu.Unlock()
	return ConnectionState{
		ID: c.id, SourceIP: c.sourceIP, UserAgent: c.userAgent,
		ConnectedAt: c.connectedAt, LastActiveAt: time.UnixMilli(c.lastActive.Load()),
		BytesIn: c.bytesIn.Load(), BytesOut: c.bytesOut.Load(),
		Waiting: waiting, Running: len(c.slots),
		Authorizer: slices.Clone(c.authorizer),
	}
}

// Cut ends a connection from the outside, as the network or the service may at any time. It returns false if
// there is no such connection.
func (g *Gateway) Cut(connectionID string, how Cut) bool {
	c := g.lookup(connectionID)
	if c == nil {
		return false
	}
	if how == CutClose {
		return c.terminate(ending{code: 1001, reason: "Going away", frame: true})
	}
	e := g.lost()
	e.reset = true
	return c.terminate(e)
}

// AdminHandler serves tests: GET /_local/connections lists the open connections as JSON, DELETE
// /_local/connections/{id}?how=reset|close cuts one (204, or 404 if it is not open; reset by default).
func (g *Gateway) AdminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_local/connections", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(g.Connections()); err != nil {
			g.Logger.Warn("listing connections", "error", err)
		}
	})
	mux.HandleFunc("DELETE /_local/connections/{id}", func(w http.ResponseWriter, r *http.Request) {
		how := Cut(orDefault(r.URL.Query().Get("how"), string(CutReset)))
		switch {
		case how != CutReset && how != CutClose:
			http.Error(w, "how is reset or close", http.StatusBadRequest)
		case !g.Cut(r.PathValue("id"), how):
			http.Error(w, "no such connection", http.StatusNotFound)
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	})
	return mux
}
