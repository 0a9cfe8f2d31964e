package stack

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/pprof"
	"net/url"

	"github.com/parley-chat/parley/localstack/console"
	"github.com/parley-chat/parley/localstack/faults"
	"github.com/parley-chat/parley/localstack/front"
	"github.com/parley-chat/parley/localstack/meter"
)

// controlHandler serves /_local/:
//
//	GET  /_local/                      the state page
//	GET  /_local/ready                 console.Addresses, when everything answers (503 before)
//	GET  /_local/state                 console.State
//	GET  /_local/usage                 meter.Report; POST /_local/usage/reset
//	     /_local/faults                rules, see faults.Injector.Handler
//	     /_local/denied                calls that policies did not allow, see front.Door.Handler
//	     /_local/connections           see gateway.Gateway.AdminHandler
//	POST /_local/kill?function=ID      kills its processes; ?process=ID one; neither, all: {"killed": n}
//	POST /_local/expire                deletes expired items now: {"deleted": n}
//	GET  /_local/profile?seconds=10    CPU profile of the stack, for go tool pprof; /_local/heap its memory
func (s *Stack) controlHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /_local/{$}", console.Page(s.State))
	mux.HandleFunc("GET /_local/ready", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, s.Addresses) })
	mux.HandleFunc("GET /_local/state", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, s.State()) })
	mux.HandleFunc("POST /_local/kill", s.kill)
	mux.HandleFunc("POST /_local/expire", s.expire)
	mux.HandleFunc("GET /_local/profile", pprof.Profile)
	mux.Handle("GET /_local/heap", pprof.Handler("heap"))
	for path, handler := range map[string]http.Handler{
		meter.Path: s.meter.Handler(), faults.Path: s.faults.Handler(), front.DeniedPath: s.door.Handler(), "/_local/connections": s.gateway.AdminHandler(),
	} {
		mux.Handle(path, handler)
		mux.Handle(path+"/", handler)
	}
	mux.Handle("GET /_local", http.RedirectHandler("/_local/", http.StatusFound))
	return sameSite(mux)
}

// sameSite keeps web pages of other origins from steering the stack through the developer's browser: the Host must be
// a loopback name (else a DNS name was bent to 127.0.0.1), and an Origin must be of this host.
func sameSite(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(r.Host); err == nil {
			host = h
		}
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			http.Error(w, "only for this machine", http.StatusForbidden)
			return
		}
		if origin := r.Header.Get("Origin"); origin != "" {
			if u, err := url.Parse(origin); err != nil || u.Host != r.Host {
				http.Error(w, "not for other origins", http.StatusForbidden)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Stack) kill(w http.ResponseWriter, r *http.Request) {
	killed := 0
	function, process := r.URL.Query().Get("function"), r.URL.Query().Get("process")
	switch {
	case process != "":
		if s.runner.Kill(process) {
			killed = 1
		}
	case function != "":
		killed = s.runner.KillFunction(function)
	default:
		for _, f := range s.Plan.Functions {
			killed += s.runner.KillFunction(f.LogicalID)
		}
	}
	writeJSON(w, map[string]int{"killed": killed})
}

func (s *Stack) expire(w http.ResponseWriter, _ *http.Request) {
	deleted := 0
	if s.engines.dynamo != nil {
		deleted = s.engines.dynamo.ExpireNow()
	}
	writeJSON(w, map[string]int{"deleted": deleted})
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(v) // the client may be gone
}
