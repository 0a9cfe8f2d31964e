package stack

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/parley-chat/parley/localstack/console"
	"github.com/parley-chat/parley/localstack/front"
	"github.com/parley-chat/parley/localstack/gateway"
	"github.com/parley-chat/parley/localstack/lambda"
	"github.com/parley-chat/parley/localstack/meter"
	"github.com/parley-chat/parley/localstack/seam"
	"github.com/parley-chat/parley/localstack/sqs"
	"github.com/parley-chat/parley/localstack/template"
)

func (s *Stack) startFunctions(context.Context) (err error) {
	s.runner, err = lambda.New(lambda.Options{
		Functions: s.Plan.Functions, BinDir: s.opts.BinDir, Region: Region, Endpoint: "http://" + s.internal.Addr().String(),
		Credentials: func(caller seam.Caller) lambda.Credentials {
			id, secret := s.keys.Issue(caller)
			return lambda.Credentials{AccessKeyID: id, SecretAccessKey: secret}
		},
		Retired: s.keys.Revoke, MaxProcesses: s.opts.MaxProcesses, NoFreeze: s.opts.NoFreeze,
		Faults: s.faults, Meter: s.meter, Log: s.console.Function, Reports: s.opts.Verbose, Now: s.opts.Now,
	})
	return err
}

func (s *Stack) startGateway(context.Context) (err error) {
	o := gateway.Options{Invoker: routed{s.runner, s.meter}, Faults: s.faults, Meter: s.meter, Switches: s.opts.Switches,
		Region: Region, Account: Account, Idle: s.opts.Idle, MaxAge: s.opts.MaxAge, Now: s.opts.Now, Logger: slog.New(slog.DiscardHandler)}
	if len(s.Plan.Sockets) > 0 {
		o.Socket = &s.Plan.Sockets[0]
	}
	if len(s.Plan.HTTPAPIs) > 0 {
		o.HTTP = &s.Plan.HTTPAPIs[0]
	}
	if o.Socket == nil && o.HTTP == nil { // only triggers: an API without routes answers 404
		o.HTTP = &template.HTTPAPI{Stage: "$default"}
	}
	if s.opts.Verbose {
		o.Trace = s.traceGateway
	}
	if s.gateway, err = gateway.New(o); err != nil {
		return err
	}
	s.wg.Go(func() { _ = s.gateway.ServeSockets(s.splitter.sockets) }) // ends with Shutdown
	return nil
}

func (s *Stack) startDoor(context.Context) (err error) {
	o := front.Options{
		Keys: s.keys, Connections: s.gateway.ConnectionsHandler(), Plan: s.Plan, Region: Region, Account: Account,
		Services: map[string]seam.Service{seam.DynamoDB: s.engines.tables, seam.DynamoDBStreams: s.engines.tables, seam.SQS: s.engines.queues},
		Faults:   s.faults, Meter: s.meter, Kill: func(process string) { s.runner.Kill(process) }, QueryError: sqs.QueryError,
	}
	if s.opts.Verbose {
		o.Trace = s.traceDoor
	}
	if s.door, err = front.New(o); err != nil {
		return err
	}
	s.calls = newCallServer(s.door)
	s.wg.Go(func() { s.calls.Serve(s.internal) }) // ends with Close
	return nil
}

// routed tells the meter which invocations serve which route of the socket, so that what they cause is counted for
// the route.
type routed struct {
	seam.Invoker
	meter *meter.Meter
}

func (r routed) Invoke(ctx context.Context, function string, event []byte, opts seam.InvokeOptions) (seam.InvokeResult, error) {
	if route, ok := routeOf(event); ok && opts.Trace != "" {
		r.meter.Began(opts.Trace, route)
	}
	return r.Invoker.Invoke(ctx, function, event, opts)
}

// routeOf finds the route key of a socket's event. Events of the HTTP API begin with their version.
func routeOf(event []byte) (string, bool) {
	if bytes.HasPrefix(event, []byte(`{"version"`)) {
		return "", false
	}
	_, rest, ok := bytes.Cut(event, []byte(`"routeKey":"`))
	if !ok {
		return "", false
	}
	route, _, ok := bytes.Cut(rest, []byte(`"`))
	return string(route), ok
}

func (s *Stack) openConnections() time.Duration {
	if s.gateway == nil {
		return 0
	}
	var total time.Duration
	now := s.opts.Now()
	for _, c := range s.gateway.Connections() {
		total += now.Sub(c.ConnectedAt)
	}
	return total
}

// maxTraced is how much of a payload a trace shows.
const maxTraced = 600

func (s *Stack) traceGateway(e gateway.TraceEvent) {
	s.console.Say("%-9s %s %s %d %.1f ms %.*s", e.Kind, e.ConnectionID, e.Route, e.Status, e.Took.Seconds()*1000, maxTraced, e.Payload)
}

func (s *Stack) traceDoor(e front.Event) {
	s.console.Say("%-9s %s %s %s %d %s %.1f ms\n→ %.*s\n← %.*s", "aws", e.Caller.Function, e.Operation, e.Resource, e.Status, e.ErrorType,
		e.Took.Seconds()*1000, maxTraced, e.Request, maxTraced, e.Response)
}

func (s *Stack) addresses() console.Addresses {
	id, secret := s.keys.Admin()
	public := s.public.Addr().String()
	a := console.Addresses{AWS: "http://" + s.internal.Addr().String(), Region: Region, Account: Account, AccessKeyID: id, SecretAccessKey: secret,
		Tables: map[string]string{}, Queues: map[string]string{}, Outputs: s.Plan.Outputs, State: "http://" + public + "/_local/", Durable: s.opts.Data != "", Try: s.opts.Try}
	if len(s.Plan.Sockets) > 0 {
		a.WebSocket = "ws://" + public + "/" + s.Plan.Sockets[0].Stage
	}
	if len(s.Plan.HTTPAPIs) > 0 {
		a.HTTP = "http://" + public
	}
	for _, t := range s.Plan.Tables {
		a.Tables[t.LogicalID] = t.Name
	}
	for _, q := range s.Plan.Queues {
		a.Queues[q.LogicalID] = q.URL
	}
	for _, f := range s.Plan.Functions {
		a.Functions = append(a.Functions, f.LogicalID)
	}
	return a
}

// publicHandler serves the HTTP API, handshakes that did not come on a connection of their own, and /_local/.
func (s *Stack) publicHandler() http.Handler {
	control := s.controlHandler()
	sockets, plain := s.gateway.SocketHandler(), s.gateway.HTTPHandler()
	stage := "\x00" // no path
	if len(s.Plan.Sockets) > 0 {
		stage = "/" + s.Plan.Sockets[0].Stage
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case len(r.URL.Path) >= len("/_local") && r.URL.Path[:len("/_local")] == "/_local":
			control.ServeHTTP(w, r)
		case r.URL.Path == stage || r.Header.Get("Upgrade") != "":
			sockets.ServeHTTP(w, r)
		default:
			plain.ServeHTTP(w, r)
		}
	})
}
