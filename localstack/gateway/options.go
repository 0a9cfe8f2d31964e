package gateway

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/parley-chat/parley/localstack/seam"
	"github.com/parley-chat/parley/localstack/template"
)

// Options is everything a Gateway needs. Invoker and at least one of Socket and HTTP are required.
type Options struct {
	// Socket is the WebSocket API; nil serves none (SocketHandler answers 403).
	Socket *template.SocketAPI
	// HTTP is the HTTP API; nil serves none (HTTPHandler answers 404).
	HTTP *template.HTTPAPI

	Invoker seam.Invoker
	Faults  seam.Faults // nil never strikes
	Meter   seam.Meter  // nil counts nothing

	// Switches decide what AWS's documentation leaves open; nil is DefaultSwitches().
	Switches *Switches

	// Region and Account stand in ARNs and in requestContext.accountId; default us-east-1, 123456789012.
	Region, Account string
	// CustomDomain serves the API as behind a custom domain mapped to the stage: paths carry no stage.
	CustomDomain bool
	// StageVariables appear in CONNECT and authorizer events.
	StageVariables map[string]string

	// Idle closes a connection without messages in either direction with 1001; default 10 min, as the
	// quotas for WebSocket APIs say. Negative: never.
	Idle time.Duration
	// MaxAge closes any connection with 1001; default 2 h, from the same table. Negative: never.
	MaxAge time.Duration
	// PerConnection bounds the MESSAGE invocations of one connection that run at a time; default 64.
	PerConnection int

	// AccountLimit throttles messages, posts and HTTP requests together, and ConnectLimit new connections.
	// AWS's defaults are 10,000/s with a burst of 5,000 and 500/s; the zero value here is no limit, so that a
	// load test measures the program and not a quota.
	AccountLimit, ConnectLimit template.Throttle

	Now    func() time.Time // default time.Now
	NewID  func() string    // request, message and connection ids; default 11 random bytes in base64
	Logger *slog.Logger     // default discards
	// Trace, when set, sees every frame, handshake and request. It must not keep Payload.
	Trace func(TraceEvent)
}

// TraceEvent is one thing that went over the wire.
type TraceEvent struct {
	// Kind is "handshake", "in", "push", "response", "error", "close", "post" or "http".
	Kind         string
	ConnectionID string
	RequestID    string
	Route        string
	Status       int // HTTP status or close code
	Payload      []byte
	Took         time.Duration
}

func (o Options) withDefaults() (Options, error) {
	if o.Invoker == nil {
		return o, errors.New("gateway: Options.Invoker is required")
	}
	if o.Socket == nil && o.HTTP == nil {
		return o, errors.New("gateway: neither a WebSocket nor an HTTP API given")
	}
	if o.Switches == nil {
		s := DefaultSwitches()
		o.Switches = &s
	}
	if o.Meter == nil {
		o.Meter = noMeter{}
	}
	o.Region = orDefault(o.Region, "us-east-1")
	o.Account = orDefault(o.Account, "123456789012")
	o.Idle = orDefault(o.Idle, 10*time.Minute)
	o.MaxAge = orDefault(o.MaxAge, 2*time.Hour)
	o.PerConnection = orDefault(o.PerConnection, 64)
	if o.PerConnection < 0 {
		return o, fmt.Errorf("gateway: PerConnection %d is negative", o.PerConnection)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.NewID == nil {
		o.NewID = randomID
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

func orDefault[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

// noMeter counts nothing.
type noMeter struct{}

func (noMeter) AWSCall(seam.Call, seam.Answer)                       {}
func (noMeter) Invocation(string, time.Duration, time.Duration, int) {}
func (noMeter) Frame(bool, string, int)                              {}
func (noMeter) Connection(time.Duration)                             {}
func (noMeter) HTTPRequest(string, int, int)                         {}
func (noMeter) LogBytes(string, int)                                 {}
