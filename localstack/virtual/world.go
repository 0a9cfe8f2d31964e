package virtual

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/dynamo"
	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/internal/queue"
	"github.com/parley-chat/parley/internal/worker"
	tables "github.com/parley-chat/parley/localstack/dynamodb"
	"github.com/parley-chat/parley/localstack/events"
	"github.com/parley-chat/parley/localstack/seam"
	queues "github.com/parley-chat/parley/localstack/sqs"
	"github.com/parley-chat/parley/localstack/template"
)

// Options of a world.
type Options struct {
	// Template is the path of template.yaml.
	Template string
	// Policy is how every department routes; nil stands for the defaults.
	Policy *chat.RoutingPolicy
	// SLA is what every department promises.
	SLA chat.SLAPolicy
	// Hours are every department's; nil stands for always open.
	Hours chat.Hours
	// Stop lets the recursion stop end chains of every function, whatever the template allows.
	Stop bool
	// Fault, when set, is asked before and after every AWS call of a function; an error is the call's answer.
	Fault func(function, operation string, after bool) error
}

// World is the backend, running. It must be made, used and closed within one bubble.
type World struct {
	// Chat is the use cases as the socket function has them, Store what they store.
	Chat  *chat.Service
	Store *dynamo.Store

	opts     Options
	plan     *template.Plan
	tables   *tables.Engine
	queues   *queues.Engine
	mappings *events.Mappings
	// positions outlive an outage.
	positions *events.Positions
	handlers  map[string]lambda.Handler

	mu       sync.Mutex // guards what follows
	warnings []string
	invoked  map[string]int
	pushed   int
	errs     []string
}

// New starts a world.
func New(o Options) (*World, error) {
	plan, err := template.Load(o.Template, template.Options{})
	if err != nil {
		return nil, err
	}
	w := &World{opts: o, plan: plan, invoked: map[string]int{}, positions: events.NewPositions()}
	if w.tables, err = tables.New(tables.Options{Tables: plan.Tables, Now: time.Now}); err != nil {
		return nil, err
	}
	w.queues = queues.New(queues.Options{Queues: plan.Queues, Endpoint: "http://127.0.0.1:4566", Now: time.Now})
	w.wire()
	plan.Functions = slices.DeleteFunc(plan.Functions, func(f template.Function) bool { return w.handlers[f.LogicalID] == nil })
	for i := range plan.Functions {
		f := &plan.Functions[i]
		f.AllowRecursion = f.AllowRecursion && !o.Stop
	}
	return w, w.resume()
}

// resume starts the mappings and the schedule.
func (w *World) resume() (err error) {
	w.mappings, err = events.New(events.Options{
		Plan: w.plan, Invoker: w, Queues: w.queues, Streams: w.tables, Positions: w.positions, Warn: w.warn, Now: time.Now,
	})
	if err == nil {
		w.mappings.Start()
	}
	return err
}

// Outage lets time pass in which no function runs.
func (w *World) Outage(ctx context.Context, d time.Duration) error {
	if err := w.mappings.Close(ctx); err != nil {
		return err
	}
	time.Sleep(d)
	return w.resume()
}

// Close ends it.
func (w *World) Close(ctx context.Context) error {
	err := w.mappings.Close(ctx)
	w.queues.Close()
	return err
}

func (w *World) warn(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.warnings = append(w.warnings, text)
}

// Invoked returns how often a function ran.
func (w *World) Invoked(function string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.invoked[function]
}

// Failures returns what functions answered with an error, and what they logged as one.
func (w *World) Failures() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.errs)
}

// Warnings returns what the stack warned of.
func (w *World) Warnings() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.warnings)
}

type traceKey struct{}

// Invoke implements seam.Invoker: a function's handler runs here, with the trace that its AWS calls bear on.
func (w *World) Invoke(ctx context.Context, function string, event []byte, o seam.InvokeOptions) (seam.InvokeResult, error) {
	w.mu.Lock()
	w.invoked[function]++
	w.mu.Unlock()
	h := w.handlers[function]
	if h == nil {
		return seam.InvokeResult{}, fmt.Errorf("virtual: no function %s", function)
	}
	payload, err := h.Invoke(context.WithValue(ctx, traceKey{}, o.Trace), event)
	if err != nil {
		w.mu.Lock()
		w.errs = append(w.errs, function+": "+err.Error())
		w.mu.Unlock()
		return seam.InvokeResult{Error: &seam.FunctionError{Type: "errorString", Message: err.Error()}}, nil //nolint:nilerr // a function that fails is an answer of Lambda's, not a failure to ask it
	}
	return seam.InvokeResult{Payload: payload}, nil
}

// Write implements io.Writer for the functions' logs of errors.
func (w *World) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.errs = append(w.errs, string(line))
	return len(line), nil
}

// wire builds the functions as their mains do.
func (w *World) wire() {
	log := slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelError}))
	w.Chat, w.Store = w.service("SocketFunction")
	w.handlers = map[string]lambda.Handler{}
	routing, _ := w.service("RouteFunction")
	w.handlers["RouteFunction"] = lambda.NewHandler((&worker.Route{Chat: routing, Log: log}).Handle)
	deliver, _ := w.service("DeliverFunction")
	w.handlers["DeliverFunction"] = lambda.NewHandler((&worker.Deliver{Delivery: deliver.Delivery, Log: log}).Handle)
	timers, store := w.service("TimerFunction")
	arming := chat.Arming{Timers: timers.Timers, Active: store, States: store, Policies: timers.Policies, SLA: w.sla, Hours: w.hours, Now: time.Now}
	w.handlers["TimerFunction"] = &worker.Timer{
		Timers: &chat.Timekeeper{
			Chat: timers, Actions: timers, Timers: timers.Timers, Routing: timers.Routing, Staff: store, Turns: store, Active: store,
			Arming: &arming, SLA: w.sla, Hours: w.hours, Now: time.Now,
		},
		Sweep: &chat.Sweep{Dues: store, Queue: timers.Timers.(*chat.Timetable).Queue, Active: store, Now: time.Now},
		Log:   log,
	}
	relayed, store := w.service("RelayFunction")
	relayArming := chat.Arming{Timers: relayed.Timers, Active: store, States: store, Policies: relayed.Policies, SLA: w.sla, Hours: w.hours, Now: time.Now}
	w.handlers["RelayFunction"] = &worker.Relay{
		Relay: &chat.Relay{
			Reader: store, Tails: store, Own: store, Subscriptions: store, Arming: &relayArming,
			Queue: &queue.Integration{API: w.sqs("RelayFunction"), URL: w.url("IntegrationQueue")},
		},
		Head: store.HeadOfImage, Ends: store.EndsOfImage, Own: store.OwnOfImages, Log: log,
	}
}

func (w *World) sla(context.Context, chat.WorkspaceID, chat.DepartmentID) (chat.SLAPolicy, error) {
	return w.opts.SLA, nil
}

func (w *World) hours(context.Context, chat.WorkspaceID, chat.DepartmentID) (chat.Hours, error) {
	return w.opts.Hours, nil
}

// service is the use cases as one function has them.
func (w *World) service(function string) (*chat.Service, *dynamo.Store) {
	store := &dynamo.Store{API: w.dynamo(function), Chat: w.table("ChatTable"), Connections: w.table("ConnectionTable"), Now: time.Now}
	routing := &queue.Routing{API: w.sqs(function), URL: w.url("RoutingQueue")}
	s := &chat.Service{
		Log: store, Reader: store, Subs: store, Dir: store, Sockets: store, Tails: store, Staff: store, Entries: store, States: store, Routing: routing, Now: time.Now,
		Timers: &chat.Timetable{Queue: &queue.Timers{API: w.sqs(function), URL: w.url("TimerQueue")}, Dues: store, Now: time.Now},
		Delivery: &chat.Delivery{
			Push: w, Queue: &queue.Delivery{API: w.sqs(function), URL: w.url("DeliveryQueue")},
			Reader: store, Rows: store, Subs: store, Sockets: store, Encode: protocol.Encoder{}, Routing: routing, Now: time.Now,
		},
	}
	if w.opts.Policy != nil {
		s.Policies = func(context.Context, chat.WorkspaceID, chat.DepartmentID) (chat.RoutingPolicy, error) {
			return *w.opts.Policy, nil
		}
	}
	return s, store
}

func (w *World) table(id string) string {
	return w.plan.Tables[slices.IndexFunc(w.plan.Tables, func(t template.Table) bool { return t.LogicalID == id })].Name
}

func (w *World) url(id string) string {
	return w.plan.Queues[slices.IndexFunc(w.plan.Queues, func(q template.Queue) bool { return q.LogicalID == id })].URL
}

// Post implements chat.Pusher: sockets take everything.
func (w *World) Post(context.Context, chat.ConnectionID, []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pushed++
	return nil
}

// Disconnect implements chat.Pusher.
func (w *World) Disconnect(context.Context, chat.ConnectionID) error { return nil }

const endpoint = "http://engine.invalid"

var keys = credentials.NewStaticCredentialsProvider("virtual", "secret", "")

func (w *World) dynamo(function string) dynamo.API {
	base := endpoint
	return impatient{w, dynamodb.New(dynamodb.Options{Region: "us-east-1", BaseEndpoint: &base, HTTPClient: client{w, function}, Credentials: keys})}
}

func (w *World) sqs(function string) *sqs.Client {
	base := endpoint
	return sqs.New(sqs.Options{Region: "us-east-1", BaseEndpoint: &base, HTTPClient: client{w, function}, Credentials: keys})
}

// impatient asks the engine itself whether a partition is empty: nearly all of a month's queries find nothing, and the
// SDK takes most of their time.
type impatient struct {
	*World
	*dynamodb.Client
}

func (c impatient) Query(ctx context.Context, in *dynamodb.QueryInput, options ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	partition, plain := in.ExpressionAttributeValues[":p"].(*types.AttributeValueMemberS)
	if c.opts.Fault == nil && plain && len(in.ExpressionAttributeValues) == 1 && aws.ToString(in.KeyConditionExpression) == "pk = :p" && in.IndexName == nil {
		body := fmt.Appendf(nil, `{"TableName":%q,"KeyConditionExpression":"pk = :p","ExpressionAttributeValues":{":p":{"S":%q}},"ConsistentRead":true,"Limit":1,"Select":"COUNT"}`,
			*in.TableName, partition.Value)
		answer := c.tables.Do(ctx, seam.Call{Service: seam.DynamoDB, Operation: "Query", Body: body})
		if bytes.Contains(answer.Body, []byte(`"Count":0`)) {
			return &dynamodb.QueryOutput{}, nil
		}
	}
	return c.Client.Query(ctx, in, options...)
}

// client takes the SDK's requests of one function to the engines, without a network.
type client struct {
	*World
	function string
}

func (c client) Do(r *http.Request) (*http.Response, error) {
	target, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	if c.opts.Fault != nil {
		if err := c.opts.Fault(c.function, operation, false); err != nil {
			return nil, err
		}
	}
	trace, _ := r.Context().Value(traceKey{}).(string)
	call := seam.Call{Caller: seam.Caller{Function: c.function}, Service: seam.DynamoDB, Operation: operation, Body: body, Trace: trace}
	engine := seam.Service(c.tables)
	if target == "AmazonSQS" {
		call.Service, engine = seam.SQS, c.queues
	}
	answer := engine.Do(r.Context(), call)
	if c.opts.Fault != nil {
		if err := c.opts.Fault(c.function, operation, true); err != nil {
			return nil, err
		}
	}
	header := http.Header{"Content-Type": {"application/x-amz-json-1.0"}}
	if call.Service == seam.DynamoDB {
		header.Set("X-Amz-Crc32", strconv.FormatUint(uint64(crc32.ChecksumIEEE(answer.Body)), 10))
	}
	return &http.Response{
		StatusCode: answer.Status, Header: header, Body: io.NopCloser(bytes.NewReader(answer.Body)), ContentLength: int64(len(answer.Body)), Request: r,
	}, nil
}

// ErrLost is a fault: no answer came.
var ErrLost = errors.New("virtual: no answer")
