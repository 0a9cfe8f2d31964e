package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/parley-chat/parley/localstack/seam"
	"github.com/parley-chat/parley/localstack/template"
)

// Route keys that the service reserves.
const (
	routeConnect    = "$connect"
	routeDisconnect = "$disconnect"
	routeDefault    = "$default"
)

// socketTimeout is the longest integration timeout of a WebSocket API (quotas), and the default.
const socketTimeout = 29 * time.Second

// Gateway serves one WebSocket API and one HTTP API. It is safe for concurrent use and implements
// seam.Connections.
type Gateway struct {
	Options
	sw      Switches
	socket  *socketAPI // nil without a WebSocket API
	http    *httpAPI   // nil without an HTTP API
	account *bucket
	buffers buffers

	// background outlives requests: functions go on when a client or caller leaves. Cancelled at the end of
	// Shutdown.
	background context.Context
	cancel     context.CancelFunc
	work       sync.WaitGroup // connections, messages and $disconnect invocations

	mu       sync.RWMutex
	conns    map[string]*conn
	stopping bool
}

// socketAPI is template.SocketAPI compiled.
type socketAPI struct {
	id, stage             string
	connectARN            string // methodArn of the authorizer event
	selection             *selection
	routes                map[string]*socketRoute // without $connect and $disconnect
	connect, disconnect   *socketRoute            // nil without an integration
	authorizer            *template.Authorizer
	connectLimit          *bucket // of the route
	newConnections        *bucket // of the account
	stageVariables        []field
	connectStageVariables bool
}

// socketRoute is one route with its integration.
type socketRoute struct {
	key, function string
	twoWay        bool
	timeout       time.Duration
	limit         *bucket
}

// New checks the options and builds a gateway. It starts nothing.
func New(o Options) (*Gateway, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	g := &Gateway{Options: o, sw: *o.Switches, account: newBucket(o.AccountLimit), conns: map[string]*conn{}}
	if o.Socket != nil {
		if g.socket, err = newSocketAPI(&o); err != nil {
			return nil, err
		}
	}
	if o.HTTP != nil {
		if g.http, err = newHTTPAPI(o.HTTP); err != nil {
			return nil, err
		}
	}
	g.background, g.cancel = context.WithCancel(context.Background())
	return g, nil
}

func newSocketAPI(o *Options) (*socketAPI, error) {
	sel, err := parseSelection(o.Socket.RouteSelection)
	if err != nil {
		return nil, fmt.Errorf("gateway: %s: %w", o.Socket.LogicalID, err)
	}
	a := &socketAPI{
		id:                    o.Socket.APIID,
		stage:                 o.Socket.Stage,
		connectARN:            fmt.Sprintf("arn:aws:execute-api:%s:%s:%s/%s/$connect", o.Region, o.Account, o.Socket.APIID, o.Socket.Stage),
		selection:             sel,
		routes:                map[string]*socketRoute{},
		authorizer:            o.Socket.Authorizer,
		connectLimit:          newBucket(o.Socket.Throttle),
		newConnections:        newBucket(o.ConnectLimit),
		stageVariables:        sortedFields(o.StageVariables),
		connectStageVariables: o.Switches.ConnectStageVariables,
	}
	for _, r := range o.Socket.Routes {
		if err := a.addRoute(r, o.Socket.Throttle); err != nil {
			return nil, fmt.Errorf("gateway: %s: %w", o.Socket.LogicalID, err)
		}
	}
	return a, nil
}

func (a *socketAPI) addRoute(r template.SocketRoute, byDefault template.Throttle) error {
	limit := orDefault(r.Throttle, byDefault)
	route := &socketRoute{
		key: r.Key, function: r.Function, twoWay: r.TwoWay,
		timeout: orDefault(r.Timeout, socketTimeout),
		limit:   newBucket(limit),
	}
	switch {
	case r.Function == "":
		return fmt.Errorf("route %q has no function", r.Key)
	case r.Key == routeConnect:
		a.connect, a.connectLimit = route, route.limit
	case r.Key == routeDisconnect:
		a.disconnect = route
	case strings.HasPrefix(r.Key, "$") && r.Key != routeDefault:
		return fmt.Errorf("route key %q: keys that begin with $ are reserved", r.Key)
	default:
		a.routes[r.Key] = route
	}
	return nil
}

func sortedFields(m map[string]string) []field {
	fields := make([]field, 0, len(m))
	for k, v := range m {
		fields = append(fields, field{k, []string{v}})
	}
	sortFields(fields)
	return fields
}

// sortFields sorts by name without regard to case, as the headers of recorded events are.
func sortFields(fields []field) {
	slices.SortFunc(fields, func(a, b field) int {
		if c := strings.Compare(strings.ToLower(a.name), strings.ToLower(b.name)); c != 0 {
			return c
		}
		return strings.Compare(a.name, b.name)
	})
}

// Shutdown refuses new handshakes, closes every connection with 1012 (service restart), and waits until
// running functions, $disconnect among them, have answered or ctx ends; then it stops waiting for them and
// returns ctx's error.
func (g *Gateway) Shutdown(ctx context.Context) error {
	g.mu.Lock()
	g.stopping = true
	open := make([]*conn, 0, len(g.conns))
	for _, c := range g.conns {
		open = append(open, c)
	}
	g.mu.Unlock()
	for _, c := range open {
		c.terminate(ending{code: 1012, reason: "Service restart", frame: true})
	}
	done := make(chan struct{})
	go func() {
		g.work.Wait()
		close(done)
	}()
	defer g.cancel()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		for _, c := range open {
			_ = c.nc.Close()
		}
		return ctx.Err()
	}
}

// register makes a connection known to posts; it fails when the gateway is stopping.
func (g *Gateway) register(c *conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopping {
		return false
	}
	g.conns[c.id] = c
	return true
}

func (g *Gateway) unregister(id string) {
	g.mu.Lock()
	delete(g.conns, id)
	g.mu.Unlock()
}

func (g *Gateway) lookup(id string) *conn {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.conns[id]
}

// begin counts one piece of work in, unless the gateway is stopping.
func (g *Gateway) begin() bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if g.stopping {
		return false
	}
	g.work.Add(1)
	return true
}

// outcome is how an invocation ended, as the integration sees it.
type outcome int

const (
	answered   outcome = iota
	failed             // the function returned an error, crashed or timed out by its own limit
	timedOut           // the integration timeout passed; the function goes on
	throttled          // Lambda refused: the function's processes are all busy
	notStarted         // there was no function to run
)

// invoke runs a function for at most timeout. The client's leaving does not end it.
func (g *Gateway) invoke(function string, event []byte, trace string, timeout time.Duration) (seam.InvokeResult, outcome) {
	ctx, cancel := context.WithTimeout(g.background, timeout)
	defer cancel()
	res, err := g.Invoker.Invoke(ctx, function, event, seam.InvokeOptions{Trace: trace})
	switch {
	case err != nil && (errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil):
		return res, timedOut
	case errors.Is(err, seam.ErrThrottled):
		g.Logger.Warn("function throttled", "function", function)
		return res, throttled
	case err != nil:
		g.Logger.Warn("function not started", "function", function, "error", err)
		return res, notStarted
	case res.Error != nil:
		return res, failed
	}
	return res, answered
}

func (g *Gateway) trace(e TraceEvent) {
	if g.Trace != nil {
		g.Trace(e)
	}
}

// writeJSON answers with an error document of the gateway.
func writeJSON(w http.ResponseWriter, status int, errorType, body string) {
	h := w.Header()
	h["Content-Type"] = []string{"application/json"}
	h["x-amzn-requestid"] = []string{newUUID()}
	if errorType != "" {
		h["x-amzn-errortype"] = []string{errorType}
	}
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}
