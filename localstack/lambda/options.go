package lambda

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/parley-chat/parley/localstack/seam"
	"github.com/parley-chat/parley/localstack/template"
)

// Errors of Invoke when the function was not started at all.
var (
	ErrUnknownFunction = errors.New("lambda: no such function")
	// ErrThrottled is TooManyRequestsException: all processes stayed busy for Options.QueueWait.
	ErrThrottled = fmt.Errorf("lambda: %w", seam.ErrThrottled)
	ErrClosed    = errors.New("lambda: the runner is shutting down")
	// ErrTooLarge: the event exceeds the 6 MB of a synchronous invocation (AWS: "Lambda quotas").
	ErrTooLarge = errors.New("lambda: RequestEntityTooLargeException: the event exceeds 6291456 bytes")
)

// Limits of AWS Lambda (AWS: "Lambda quotas", "Lambda execution environment").
const (
	maxEvent = 6 << 20 // bytes of a synchronous request
	// maxResponse is the limit that the service's own error message states, slightly above 6 MB.
	maxResponse = 6291556
	initLimit   = 10 * time.Second // of the Init phase
)

// Credentials are the AWS keys of one process.
type Credentials struct {
	AccessKeyID, SecretAccessKey, SessionToken string
}

// Options configure a Runner. Functions, BinDir and Credentials are required.
type Options struct {
	Functions []template.Function
	BinDir    string // the outDir of Build
	Region    string // default us-east-1
	Endpoint  string // base URL of the AWS front door, for every service
	// LogFormat is AWS_LAMBDA_LOG_FORMAT: Text or JSON. Default JSON.
	LogFormat string

	// Credentials makes the keys of a process that is about to start; Retired says that the process is gone
	// and its keys must not work any more. Both may be called concurrently.
	Credentials func(seam.Caller) Credentials
	Retired     func(seam.Caller)

	// MaxProcesses caps the processes of one function, default 8; a lower ReservedConcurrentExecutions wins.
	MaxProcesses int
	// Parallel is how many processes of a function may be at work before an invocation waits a moment for one of them
	// instead of waking or starting another. Default: one more than this program may use cores, since one of them may
	// wait for the disk.
	Parallel int
	// QueueWait is how long an invocation waits for a process before ErrThrottled, default 10 s.
	QueueWait time.Duration
	// IdleAfter ends processes that had nothing to do for so long, default 10 minutes.
	IdleAfter time.Duration
	// NoFreeze leaves idle processes running. On AWS nothing of a function runs between invocations.
	NoFreeze bool
	// FreezeAfter is how long a process must have been idle before it is stopped, default FreezeDelay.
	// A negative value freezes at once.
	FreezeAfter time.Duration

	Faults seam.Faults // may be nil
	Meter  seam.Meter  // may be nil
	Log    func(Line)  // may be nil; called from many goroutines
	// Reports logs a line for each invocation.
	Reports bool
	Now     func() time.Time
}

// FreezeDelay is the default of Options.FreezeAfter: long enough that a process that is used ten times a second is not
// stopped between two requests (stopping and waking one costs about 50 µs of latency and of the stack's CPU), short
// enough that a goroutine left behind by a handler does not get far.
const FreezeDelay = 100 * time.Millisecond

// Line is one line that a process wrote, or that the runner has to say about it.
type Line struct {
	Function  string // logical id
	Process   string
	RequestID string // of the invocation in progress, "" between two
	Text      string
	Platform  bool // said by the runner, not by the function
	Problem   bool // of the platform: a timeout, a crash, a failed start
}

func (o *Options) setDefaults() {
	if o.Region == "" {
		o.Region = "us-east-1"
	}
	if o.LogFormat == "" {
		o.LogFormat = "JSON"
	}
	if o.MaxProcesses <= 0 {
		o.MaxProcesses = 8
	}
	if o.Parallel <= 0 {
		o.Parallel = runtime.NumCPU() + 1
	}
	if o.QueueWait <= 0 {
		o.QueueWait = 10 * time.Second
	}
	if o.IdleAfter <= 0 {
		o.IdleAfter = 10 * time.Minute
	}
	if o.FreezeAfter == 0 {
		o.FreezeAfter = FreezeDelay
	}
	if o.Retired == nil {
		o.Retired = func(seam.Caller) {}
	}
	if o.Log == nil {
		o.Log = func(Line) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
}
