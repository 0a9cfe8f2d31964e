package front

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/parley-chat/parley/localstack/policy"
	"github.com/parley-chat/parley/localstack/seam"
	"github.com/parley-chat/parley/localstack/template"
)

// maxBody is the largest request that AWS takes: 16 MB, of DynamoDB's batches (DynamoDB API reference, BatchWriteItem).
const maxBody = 16 << 20

// Options is what a Door needs. Keys and Services are required.
type Options struct {
	Keys     *Keys
	Services map[string]seam.Service // by seam.DynamoDB, seam.DynamoDBStreams, seam.SQS
	// Connections is the gateway's handler of /{stage}/@connections/{id}; nil answers 403.
	Connections http.Handler

	// Plan says what functions are allowed, and which API a stage belongs to.
	Plan            *template.Plan
	Region, Account string // default us-east-1, 000000000000

	Faults seam.Faults // may be nil
	Meter  seam.Meter  // may be nil
	// Kill ends a process for a kill fault; the caller's connection is cut in any case.
	Kill func(process string)
	// QueryError gives the header x-amzn-query-error for an error type of SQS; "" sends none.
	QueryError func(errorType string) string
	// Trace, when set, sees every call. It must not keep the bodies.
	Trace func(Event)
}

// Event is one call as Trace sees it.
type Event struct {
	Caller             seam.Caller
	Service, Operation string
	Resource           string // table, queue or connection
	Status             int    // 0 when the connection was cut
	ErrorType          string
	Request, Response  []byte
	Took               time.Duration
}

// Door is the front door. It is an http.Handler.
type Door struct {
	opts        Options
	policies    *policy.Set
	tablePrefix string // arn:aws:dynamodb:...:table/
	queuePrefix string
	apis        map[string]string // ARN of a stage, by stage
	hashes      map[string]string // partition key, by table + \x00 + index

	mu     sync.Mutex
	denied map[Denial]int // Count is 0 in the keys
}

// Denial is a call that a policy did not allow. A test run that has any has failed: the template lacks a permission, or
// a function does what it should not.
type Denial struct {
	Function string `json:"function"`
	Action   string `json:"action"`
	Resource string `json:"resource"`
	Count    int    `json:"count"`
}

// New checks the policies of the plan and returns the door. The error names each statement that cannot be enforced.
func New(o Options) (*Door, error) {
	if o.Keys == nil || len(o.Services) == 0 {
		return nil, errors.New("front: Options.Keys and Options.Services are required")
	}
	if o.Plan == nil {
		o.Plan = &template.Plan{}
	}
	if o.Region == "" {
		o.Region = "us-east-1"
	}
	if o.Account == "" {
		o.Account = "000000000000"
	}
	if o.Kill == nil {
		o.Kill = func(string) {}
	}
	if o.QueryError == nil {
		o.QueryError = func(string) string { return "" }
	}
	policies, err := policy.Compile(o.Plan.Functions)
	if err != nil {
		return nil, err
	}
	where := o.Region + ":" + o.Account + ":"
	d := &Door{opts: o, policies: policies, tablePrefix: "arn:aws:dynamodb:" + where + "table/", queuePrefix: "arn:aws:sqs:" + where,
		apis: map[string]string{}, hashes: map[string]string{}, denied: map[Denial]int{}}
	for _, api := range o.Plan.Sockets {
		d.apis[api.Stage] = "arn:aws:execute-api:" + where + api.APIID + "/" + api.Stage
	}
	for _, t := range o.Plan.Tables {
		d.hashes[t.Name+"\x00"] = t.Hash.Name
		for _, i := range t.Indexes {
			d.hashes[t.Name+"\x00"+i.Name] = i.Hash.Name
		}
	}
	return d, nil
}

// ServeHTTP serves one AWS call.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.Contains(r.URL.Path, "/@connections/") {
		d.serveConnection(w, r)
		return
	}
	prefix, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	service := targets[prefix]
	engine := d.opts.Services[service]
	if engine == nil || r.Method != http.MethodPost {
		d.write(w, seam.DynamoDB, failure(http.StatusBadRequest, "com.amazon.coral.service#UnknownOperationException",
			"The local stack serves the JSON 1.0 protocol of DynamoDB, DynamoDB Streams and SQS"))
		return
	}
	caller, known, signed := d.opts.Keys.caller(r.Header.Get("Authorization"))
	if !known {
		d.write(w, service, unauthenticated(service, signed))
		return
	}
	body, err := read(r, maxBody)
	if err != nil {
		d.write(w, service, failure(http.StatusRequestEntityTooLarge, "com.amazon.coral.service#SerializationException", err.Error()))
		return
	}
	d.serveCall(w, r, engine, seam.Call{Caller: caller, Service: service, Operation: operation, Body: body, Trace: r.Header.Get("X-Amzn-Trace-Id")})
}

func (d *Door) serveCall(w http.ResponseWriter, r *http.Request, engine seam.Service, call seam.Call) {
	var start time.Time
	if d.opts.Trace != nil {
		start = time.Now()
	}
	var space [4]access
	needs, resource := d.needs(&call, space[:0])
	answer, refused := d.refuse(&call, needs)
	answered := true
	if !refused {
		answer, answered = d.withFaults(r.Context(), call.Caller, point(&call, resource), func() seam.Answer {
			a := engine.Do(r.Context(), call)
			if d.opts.Meter != nil {
				d.opts.Meter.AWSCall(call, a)
			}
			return a
		})
	}
	if d.opts.Trace != nil {
		d.trace(call, resource, answer, answered, time.Since(start))
	}
	if !answered {
		panic(http.ErrAbortHandler) // net/http cuts the connection, without an answer
	}
	d.write(w, call.Service, answer)
}

func point(call *seam.Call, resource string) seam.FaultPoint {
	return seam.FaultPoint{Service: call.Service, Operation: call.Operation, Function: call.Caller.Function, Resource: resource}
}

func (d *Door) trace(call seam.Call, resource string, answer seam.Answer, answered bool, took time.Duration) {
	e := Event{Caller: call.Caller, Service: call.Service, Operation: call.Operation, Resource: resource,
		Status: answer.Status, ErrorType: answer.ErrorType, Request: call.Body, Response: answer.Body, Took: took}
	if !answered {
		e.Status = 0
	}
	d.opts.Trace(e)
}

// refuse checks the caller's policy for everything that a call needs.
func (d *Door) refuse(call *seam.Call, needs []access) (seam.Answer, bool) {
	if call.Caller.Function == "" {
		return seam.Answer{}, false
	}
	for i := range needs {
		n := &needs[i]
		verdict := d.policies.Decide(call.Caller.Function, n.action, n.resource, func() []string { return d.leadingKeys(call, n.table) })
		if verdict != policy.Allowed {
			return d.deny(call, n, verdict), true
		}
	}
	return seam.Answer{}, false
}

// deny counts a denial and words it as IAM does ("Troubleshoot access denied error messages").
func (d *Door) deny(call *seam.Call, n *access, verdict policy.Verdict) seam.Answer {
	d.mu.Lock()
	d.denied[Denial{Function: call.Caller.Function, Action: n.action, Resource: n.resource}]++
	d.mu.Unlock()
	status := http.StatusForbidden
	if call.Service == seam.DynamoDB || call.Service == seam.DynamoDBStreams {
		status = http.StatusBadRequest // DynamoDB developer guide, "Error handling": AccessDeniedException is a 400
	}
	return failure(status, "com.amazon.coral.service#AccessDeniedException", d.denialMessage(call.Caller.Function, n, verdict))
}

func (d *Door) denialMessage(function string, n *access, verdict policy.Verdict) string {
	because := "because no identity-based policy allows the " + n.action + " action"
	if verdict == policy.Denied {
		because = "with an explicit deny in an identity-based policy"
	}
	return "User: arn:aws:sts::" + d.opts.Account + ":assumed-role/" + function + "Role/" + function +
		" is not authorized to perform: " + n.action + " on resource: " + n.resource + " " + because
}

// withFaults performs a call with what the rules want before and after its effect. answered is false when the caller is
// to hear nothing.
func (d *Door) withFaults(ctx context.Context, caller seam.Caller, p seam.FaultPoint, do func() seam.Answer) (answer seam.Answer, answered bool) {
	p.Phase = seam.Before
	if f, hit := seam.Strike(d.opts.Faults, p); hit {
		switch f.Kind {
		case seam.FaultError:
			return faultAnswer(p.Service, f), true
		case seam.FaultLose:
			return seam.Answer{}, false
		case seam.FaultKill:
			d.opts.Kill(caller.Process)
			return seam.Answer{}, false
		case seam.FaultDelay:
			wait(ctx, f.Delay)
		case seam.FaultDuplicate:
			do()
		}
	}
	answer = do()
	p.Phase = seam.After
	f, hit := seam.Strike(d.opts.Faults, p)
	if !hit {
		return answer, true
	}
	switch f.Kind {
	case seam.FaultError:
		return faultAnswer(p.Service, f), true
	case seam.FaultLose:
		return answer, false
	case seam.FaultKill:
		d.opts.Kill(caller.Process)
		return answer, false
	case seam.FaultDelay:
		wait(ctx, f.Delay)
	case seam.FaultDuplicate:
		return do(), true
	}
	return answer, true
}

// wait waits, but not for a caller that has gone.
func wait(ctx context.Context, delay time.Duration) {
	t := time.NewTimer(delay)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
