// Package seam holds the narrow interfaces between the parts of the local stack: invoking a function,
// posting to a connection, calling an AWS service. Each part depends on these and on nothing of its
// neighbours, so that another engine, or a test double, can stand in for any of them.
package seam

import (
	"context"
	"errors"
	"time"
)

// Services that the front door knows.
const (
	DynamoDB        = "dynamodb"
	DynamoDBStreams = "streams.dynamodb"
	SQS             = "sqs"
	ExecuteAPI      = "execute-api"
)

// Caller says which process makes an AWS call. The stack itself calls with Function "".
type Caller struct {
	// Function is the logical id of the function in template.yaml, or "" for the stack's own calls and for
	// tools (seeding, tests) that use the stack's admin key.
	Function string
	// Process names one child process of the function, for killing it.
	Process string
}

// Call is one AWS API call as it enters the front door.
type Call struct {
	Caller    Caller
	Service   string
	Operation string // as in X-Amz-Target, without its prefix: "UpdateItem"
	Body      []byte // the JSON request
	Trace     string // X-Amzn-Trace-Id header, or ""
}

// Answer is the outcome of a Call.
type Answer struct {
	Status int // HTTP status
	// ErrorType is empty on success; else the type as AWS writes it in __type,
	// "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException".
	ErrorType string
	Body      []byte // the JSON answer, on errors with __type and message
	Usage     []Usage
}

// Usage is what AWS would bill for a call on one table or queue.
type Usage struct {
	Resource   string // table or queue name
	ReadUnits  float64
	WriteUnits float64
	// Requests counts SQS requests of 64 KB chunks.
	Requests float64
}

// Service is an engine, or a client of one that runs elsewhere.
type Service interface {
	// Do executes one call. It never returns an error of its own: what goes wrong is an Answer with AWS's
	// error type. It is safe for concurrent use.
	Do(ctx context.Context, call Call) Answer
}

// Notifier is a Service that can say when a resource changed, so that pollers need not poll.
type Notifier interface {
	// Changed returns a channel that is closed at the next change of the named queue (a message became
	// visible) or table (a stream record was written).
	Changed(resource string) <-chan struct{}
}

// InvokeResult is what a function answered.
type InvokeResult struct {
	RequestID string
	Payload   []byte // the response, or the error document when Error is set
	// Error is set when the function returned an error, crashed, ran out of memory or timed out.
	Error    *FunctionError
	Duration time.Duration // of the handler
	Init     time.Duration // of the cold start, 0 on a warm one
}

// FunctionError is the error of a function that ran, as the Runtime API reports it.
type FunctionError struct {
	Type    string // "errorString", "Runtime.ExitError", "Sandbox.Timedout", ...
	Message string
}

func (e *FunctionError) Error() string { return e.Type + ": " + e.Message }

// InvokeOptions carry what a trigger adds to an invocation.
type InvokeOptions struct {
	Trace string // X-Amzn-Trace-Id; its Lineage part counts rounds for the recursion stop
}

// ErrThrottled is wrapped by the error of an invocation that Lambda refused because the function's processes are all
// busy (TooManyRequestsException): gateways answer it otherwise than a function that cannot be started.
var ErrThrottled = errors.New("TooManyRequestsException: rate exceeded")

// Invoker runs functions.
type Invoker interface {
	// Invoke runs the function once and waits for its answer. The error is non-nil only when the function
	// could not be started at all (unknown name, stack shutting down, throttled). Cancelling ctx stops the
	// waiting, not the function: on AWS a function outlives the gateway's 29 s.
	Invoke(ctx context.Context, function string, event []byte, opts InvokeOptions) (InvokeResult, error)
}

// Connections is the @connections API behind its HTTP form.
type Connections interface {
	// Post sends data as one text frame. It returns *PostError.
	Post(ctx context.Context, connectionID string, data []byte) error
}

// PostError is why an @connections call failed, as its HTTP form reports it.
type PostError struct {
	Status  int    // 400, 403, 410, 413, 429, or 5xx of an injected fault; 0 when the answer was lost
	Type    string // of the x-amzn-errortype header: "GoneException", "LimitExceededException", ...
	Message string // "" for GoneException, whose body is empty
}

func (e *PostError) Error() string { return e.Type + ": " + e.Message }

// Phase says when, relative to its effect, a fault happens.
type Phase string

// The phases of a fault.
const (
	Before Phase = "before" // nothing has happened yet
	After  Phase = "after"  // the effect is done, the answer not yet given
)

// FaultPoint is a place where a rule may strike.
type FaultPoint struct {
	Service   string // a service above, "lambda", "gateway", "sqs-mapping", "stream-mapping"
	Operation string // "UpdateItem", "Invoke", "Post", "Push", "Disconnect", "Deliver", ...
	Function  string // calling or called function, "" if none
	Resource  string // table, queue, route or connection, "" if none
	Route     string // of a gateway's Response: the route that is answered
	Phase     Phase
}

// FaultKind is what a fault does.
type FaultKind string

// The kinds of fault.
const (
	FaultError     FaultKind = "error"     // answer with ErrorType and Status
	FaultDelay     FaultKind = "delay"     // wait Delay, then go on
	FaultLose      FaultKind = "lose"      // cut the connection without an answer (or drop the frame)
	FaultKill      FaultKind = "kill"      // kill -9 the calling (or running) process
	FaultDuplicate FaultKind = "duplicate" // do it twice (push, queue message, stream record)
)

// Fault is what a rule decided for a point.
type Fault struct {
	Kind      FaultKind
	ErrorType string
	Message   string
	Status    int
	Delay     time.Duration
}

// Faults decides. A nil Faults never strikes; use At.
type Faults interface {
	// Strike returns the fault for this passing of the point, if a rule hits. Counting happens inside.
	Strike(FaultPoint) (Fault, bool)
}

// Strike asks f, which may be nil.
func Strike(f Faults, p FaultPoint) (Fault, bool) {
	if f == nil {
		return Fault{}, false
	}
	return f.Strike(p)
}

// Meter counts what AWS would bill. Implementations are safe for concurrent use and cheap.
type Meter interface {
	AWSCall(call Call, answer Answer)
	Invocation(function string, duration, init time.Duration, memoryMB int)
	// Frame counts one WebSocket message; AWS meters each started 32 KB. route is the route key for inbound
	// frames, "push" for posts, "response" for route responses and "error" for the gateway's own.
	Frame(inbound bool, route string, bytes int)
	Connection(connected time.Duration) // one connection that ended, for connection minutes
	HTTPRequest(route string, in, out int)
	LogBytes(function string, n int)
}
