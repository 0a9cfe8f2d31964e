package stack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parley-chat/parley/localstack/console"
	"github.com/parley-chat/parley/localstack/events"
	"github.com/parley-chat/parley/localstack/faults"
	"github.com/parley-chat/parley/localstack/front"
	"github.com/parley-chat/parley/localstack/gateway"
	"github.com/parley-chat/parley/localstack/lambda"
	"github.com/parley-chat/parley/localstack/meter"
	"github.com/parley-chat/parley/localstack/template"
)

// Stack is a running local stack.
type Stack struct {
	// Addresses are what clients need.
	Addresses console.Addresses
	// Plan is what runs. It must not be changed.
	Plan *template.Plan

	opts     Options
	root     string // directory of the template
	started  time.Time
	console  *console.Console
	faults   *faults.Injector
	meter    *meter.Meter
	keys     *front.Keys
	engines  *engines
	runner   *lambda.Runner
	gateway  *gateway.Gateway
	door     *front.Door
	mappings *events.Mappings

	public, internal net.Listener
	splitter         *splitter
	servers          []*http.Server
	calls            *callServer                  // of the internal address
	handler          atomic.Pointer[http.Handler] // of the public address, once ready
	ctx              context.Context              // of background work
	cancel           context.CancelFunc
	wg               sync.WaitGroup
	closing          sync.Once
	closed           error
}

// Start runs a stack. It returns when everything answers; ctx ends the starting, not the stack. The error of a
// template that cannot run is template.Errors, or names the part that refuses it.
func Start(ctx context.Context, o Options) (*Stack, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	s := &Stack{opts: o, started: o.Now(), console: console.New(o.Out, o.Colour), faults: &faults.Injector{},
		keys: front.NewKeys(o.AccessKeyID, o.SecretAccessKey)}
	s.console.Now = o.Now
	s.ctx, s.cancel = context.WithCancel(context.Background())
	if err := s.start(ctx); err != nil {
		_ = s.Close() // what is running so far
		return nil, err
	}
	s.console.Banner(s.Addresses, o.Now().Sub(s.started), s.keeps())
	return s, nil
}

func (s *Stack) start(ctx context.Context) error {
	if err := s.listen(ctx); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{s.load, s.build, s.startEngines, s.startFunctions, s.startGateway, s.startDoor, s.startMappings} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	s.Addresses = s.addresses()
	handler := s.publicHandler()
	s.handler.Store(&handler)
	s.splitter.split.Store(true)
	s.mappings.Start()
	if s.opts.Watch {
		return s.watch()
	}
	return nil
}

// listen opens both addresses. Until the stack is ready the public one answers 503.
func (s *Stack) listen(ctx context.Context) (err error) {
	var config net.ListenConfig
	if s.public, err = config.Listen(ctx, "tcp", s.opts.Addr); err != nil {
		return err
	}
	if s.internal, err = config.Listen(ctx, "tcp", s.opts.AWSAddr); err != nil {
		return fmt.Errorf("%w (another address for AWS calls can be given with -aws)", err)
	}
	s.splitter = newSplitter(s.public)
	s.wg.Go(s.splitter.run)
	s.serve(s.splitter.plain, http.HandlerFunc(s.servePublic))
	return nil
}

func (s *Stack) serve(l net.Listener, handler http.Handler) {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: headTimeout}
	s.servers = append(s.servers, server)
	s.wg.Go(func() { _ = server.Serve(l) }) // ends with Close
}

func (s *Stack) servePublic(w http.ResponseWriter, r *http.Request) {
	if handler := s.handler.Load(); handler != nil {
		(*handler).ServeHTTP(w, r)
		return
	}
	w.Header().Set("Retry-After", "1")
	http.Error(w, "the local stack is starting", http.StatusServiceUnavailable)
}

func (s *Stack) load(context.Context) error {
	path, err := filepath.Abs(s.opts.Template)
	if err != nil {
		return err
	}
	s.root = filepath.Dir(path)
	public := s.public.Addr().String()
	s.Plan, err = template.Load(path, template.Options{Parameters: s.opts.Parameters, Region: Region, Account: Account,
		AWSEndpoint: "http://" + s.internal.Addr().String(), SocketURL: "ws://" + public, HTTPURL: "http://" + public})
	if err != nil {
		return err
	}
	for _, warning := range s.Plan.Warnings {
		s.console.Warn(warning)
	}
	if len(s.Plan.Sockets) > 1 || len(s.Plan.HTTPAPIs) > 1 {
		return errors.New("the local stack runs one WebSocket API and one HTTP API, the template has more")
	}
	return nil
}

func (s *Stack) build(ctx context.Context) error {
	if len(s.Plan.Functions) == 0 {
		return nil
	}
	s.console.Say("building %d functions", len(s.Plan.Functions))
	return lambda.Build(ctx, s.root, s.opts.BinDir, s.Plan.Functions)
}

func (s *Stack) startEngines(ctx context.Context) (err error) {
	s.meter = meter.New(meter.Options{Routes: meter.RoutesOf(s.Plan), Now: s.opts.Now, OpenConnections: s.openConnections, Idle: meter.Idle(s.Plan, -1)})
	if len(s.opts.FaultRules) > 0 {
		var rules []faults.Rule
		if err := json.Unmarshal(s.opts.FaultRules, &rules); err != nil {
			return fmt.Errorf("fault rules: %w", err)
		}
		for _, rule := range rules {
			if _, err := s.faults.Add(rule); err != nil {
				return fmt.Errorf("fault rules: %w", err)
			}
		}
	}
	if s.engines, err = newEngines(ctx, &s.opts, s.Plan, "http://"+s.internal.Addr().String()); err != nil {
		return err
	}
	if s.engines.dynamo != nil {
		s.wg.Go(func() { s.engines.expire(s.ctx) })
	}
	return nil
}

func (s *Stack) startMappings(context.Context) (err error) {
	s.mappings, err = events.New(events.Options{Plan: s.Plan, Invoker: s.runner, Positions: s.engines.positions,
		Queues: meter.Metered(s.engines.queues, s.meter), Streams: meter.Metered(s.engines.tables, s.meter),
		Faults: s.faults, Warn: s.console.Warn, Region: Region, Account: Account, Now: s.opts.Now})
	return err
}

// Close stops the stack in order: no new work, then what is in progress to its end (at most Options.Drain), then the
// processes, then the engines. No process is left behind. It may be called more than once.
func (s *Stack) Close() error {
	s.closing.Do(func() { s.closed = s.close() })
	return s.closed
}

func (s *Stack) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), s.opts.Drain)
	defer cancel()
	s.cancel()
	var problems []error
	if s.mappings != nil && s.handler.Load() != nil {
		problems = append(problems, s.mappings.Close(ctx))
	}
	if s.gateway != nil {
		problems = append(problems, s.gateway.Shutdown(ctx))
	}
	if s.runner != nil {
		problems = append(problems, s.runner.Close(ctx))
	}
	for _, l := range []net.Listener{s.public, s.internal} {
		if l != nil {
			_ = l.Close() // closed once more by its server
		}
	}
	for _, server := range s.servers {
		_ = server.Close()
	}
	if s.calls != nil {
		s.calls.Close()
	}
	s.wg.Wait()
	if s.engines != nil {
		problems = append(problems, s.engines.close())
	}
	return errors.Join(problems...)
}

func (s *Stack) keeps() string {
	if s.opts.Data == "" {
		return "everything in memory; it is gone when the stack stops (-data DIR keeps it)"
	}
	return "tables, queues and stream positions in " + s.opts.Data
}

func shortHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:6])
}
