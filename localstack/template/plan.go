// Package template reads template.yaml (the SAM and CloudFormation subset that this project uses) into a
// typed Plan. Whatever the loader does not know, type or property, is an error that names the line.
package template

import (
	"encoding/json"
	"time"
)

// Plan is everything the local stack runs.
type Plan struct {
	Tables    []Table
	Queues    []Queue
	Functions []Function
	Sockets   []SocketAPI
	HTTPAPIs  []HTTPAPI
	Schedules []Schedule
	// Outputs holds the resolved stack outputs.
	Outputs map[string]string
	// Skipped lists logical ids of resources that only matter on AWS (alarms, dashboards, log groups).
	Skipped []string
	// Alarms counts the CloudWatch alarms among them, for the idle price.
	Alarms int
	// Warnings names what is allowed but unwise, or known and without effect locally, each with its line.
	Warnings []string
}

// Key is one attribute of a key schema.
type Key struct {
	Name string
	Type string // S, N or B
}

// Index is a global or local secondary index.
type Index struct {
	Name       string
	Local      bool
	Hash       Key
	Range      *Key
	Projection string   // ALL, KEYS_ONLY or INCLUDE
	NonKey     []string // of INCLUDE
}

// Table is an AWS::DynamoDB::Table.
type Table struct {
	LogicalID string
	Name      string
	ARN       string
	Hash      Key
	Range     *Key
	Indexes   []Index
	// StreamView is "", KEYS_ONLY, NEW_IMAGE, OLD_IMAGE or NEW_AND_OLD_IMAGES.
	StreamView string
	StreamARN  string // "" without a stream
	TTL        string // attribute name, "" without
	// PITR, deletion protection and the like are checked and dropped.
}

// Queue is an AWS::SQS::Queue.
type Queue struct {
	LogicalID  string
	Name       string
	ARN        string
	URL        string // resolved against the stack's AWS endpoint
	FIFO       bool
	Visibility time.Duration // default 30 s
	Delay      time.Duration
	Wait       time.Duration // ReceiveMessageWaitTimeSeconds, default 0
	Retention  time.Duration // default 4 days
	MaxBytes   int           // default 1 MiB
	// ContentDeduplication is ContentBasedDeduplication.
	ContentDeduplication bool
	// HighThroughput: DeduplicationScope messageGroup and FifoThroughputLimit perMessageGroupId.
	HighThroughput bool
	DeadLetterARN  string // "" without a redrive policy
	MaxReceives    int
}

// Function is an AWS::Serverless::Function.
type Function struct {
	LogicalID   string
	Name        string
	ARN         string
	CodeURI     string // directory of the main package, as in the template
	MemoryMB    int
	Timeout     time.Duration
	Environment map[string]string
	Statements  []Statement
	Queues      []QueueMapping
	Streams     []StreamMapping
	// Reserved is ReservedConcurrentExecutions, -1 without.
	Reserved int
	// AllowRecursion is RecursiveLoop: Allow; without it the recursion stop ends a chain at 16 rounds.
	AllowRecursion bool
}

// Statement is one inline policy statement with resolved ARNs.
type Statement struct {
	Sid       string
	Effect    string // Allow or Deny
	Actions   []string
	Resources []string
	// Condition is kept as written; the front door evaluates the operators it knows and refuses others.
	Condition json.RawMessage
}

// QueueMapping is an SQS event of a function.
type QueueMapping struct {
	LogicalID       string
	QueueARN        string
	BatchSize       int           // default 10
	Window          time.Duration // MaximumBatchingWindowInSeconds
	PartialFailures bool          // FunctionResponseTypes: [ReportBatchItemFailures]
	MaxConcurrency  int           // ScalingConfig.MaximumConcurrency, 0 = no limit
	Filters         []string      // FilterCriteria patterns (JSON)
}

// StreamMapping is a DynamoDB event of a function.
type StreamMapping struct {
	LogicalID         string
	StreamARN         string
	BatchSize         int // default 100
	Window            time.Duration
	StartingPosition  string // TRIM_HORIZON or LATEST
	PartialFailures   bool
	Bisect            bool
	MaxRetries        int           // -1 = until the record expires
	MaxAge            time.Duration // 0 = until the record expires
	Parallelization   int           // default 1
	OnFailureQueueARN string
	Filters           []string
}

// SocketAPI is an AWS::Serverless::WebSocketApi, or the raw ApiGatewayV2 resources of protocol WEBSOCKET.
type SocketAPI struct {
	LogicalID      string
	APIID          string // stands in ARNs and host names
	Stage          string
	RouteSelection string // $request.body.action
	Routes         []SocketRoute
	Authorizer     *Authorizer // of $connect; nil without
	Throttle       Throttle    // DefaultRouteSettings
}

// SocketRoute is one route key.
type SocketRoute struct {
	Key      string // $connect, $disconnect, $default or an action
	Function string // logical id
	// TwoWay is true when the route has RouteResponseSelectionExpression $default and a RouteResponse
	// resource: the function's body goes back to the caller. With only one of the two nothing is sent.
	TwoWay   bool
	Timeout  time.Duration // integration timeout, default 29 s
	Throttle Throttle
}

// Throttle is a rate limit of a route, 0 = the account's.
type Throttle struct {
	Rate  float64
	Burst int
}

// Authorizer is a Lambda REQUEST authorizer.
type Authorizer struct {
	Name     string
	Function string   // logical id
	Identity []string // route.request.querystring.ticket, ...
}

// HTTPAPI is an AWS::Serverless::HttpApi with the routes that functions declare as events.
type HTTPAPI struct {
	LogicalID string
	APIID     string
	Stage     string // $default
	Routes    []HTTPRoute
	CORS      *CORS
}

// HTTPRoute is one route of an HTTP API, payload format 2.0.
type HTTPRoute struct {
	Method   string // GET, ..., ANY
	Path     string // /v1/conversations/{id}/events, /v1/{proxy+}, $default
	Function string
	Timeout  time.Duration
}

// CORS is CorsConfiguration of an HTTP API.
type CORS struct {
	Origins, Methods, Headers, Expose []string
	Credentials                       bool
	MaxAge                            time.Duration
}

// Schedule is a Schedule or ScheduleV2 event of a function.
type Schedule struct {
	LogicalID string
	Function  string
	// Expression is rate(...) or cron(...).
	Expression string
	Input      json.RawMessage
	Enabled    bool
}
