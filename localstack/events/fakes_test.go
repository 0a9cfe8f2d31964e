package events

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/localstack/seam"
	"github.com/parley-chat/parley/localstack/template"
)

const (
	queueARN  = "arn:aws:sqs:us-east-1:000000000000:jobs"
	deadARN   = "arn:aws:sqs:us-east-1:000000000000:dead"
	streamARN = "arn:aws:dynamodb:us-east-1:000000000000:table/chat/stream/2026-01-01T00:00:00.000"
)

// fakeQueues is as much of SQS as a mapping needs: visibility, FIFO group blocking, long polls.
type fakeQueues struct {
	mu       sync.Mutex
	messages []*fakeMessage
	sent     map[string][]string // bodies by queue URL, of SendMessage
	fifo     bool
	visible  time.Duration
	fail     map[string]int // how many calls of an operation fail
	received int
	next     int
	slow     time.Duration // until the answer of a deletion is back
}

type fakeMessage struct {
	id, body, group, trace, handle string
	until                          time.Time
	count                          int
}

func newFakeQueues() *fakeQueues {
	return &fakeQueues{visible: 30 * time.Second, sent: map[string][]string{}, fail: map[string]int{}}
}

func (q *fakeQueues) put(group string, bodies ...string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, body := range bodies {
		q.next++
		q.messages = append(q.messages, &fakeMessage{id: "m" + strconv.Itoa(q.next), body: body, group: group})
	}
}

// deadLetters are the bodies sent to the queue "dead".
func (q *fakeQueues) deadLetters() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.sent["http://dead"])
}

func (q *fakeQueues) taken() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.received
}

func (q *fakeQueues) left() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	bodies := []string{}
	for _, m := range q.messages {
		bodies = append(bodies, m.body)
	}
	return bodies
}

func (q *fakeQueues) Do(ctx context.Context, call seam.Call) seam.Answer {
	q.mu.Lock()
	if q.fail[call.Operation] > 0 {
		q.fail[call.Operation]--
		q.mu.Unlock()
		return seam.Answer{Status: 500, ErrorType: "InternalFailure"}
	}
	q.mu.Unlock()
	switch call.Operation {
	case "ReceiveMessage":
		return q.receive(ctx, call.Body)
	case "DeleteMessageBatch":
		defer pause(ctx, q.slow)
		return q.remove(call.Body)
	case "SendMessage":
		var in struct{ QueueURL, MessageBody string }
		mustDecode(call.Body, &in)
		q.mu.Lock()
		defer q.mu.Unlock()
		q.sent[in.QueueURL] = append(q.sent[in.QueueURL], in.MessageBody)
		return seam.Answer{Status: 200, Body: []byte("{}")}
	}
	return seam.Answer{Status: 400, ErrorType: "InvalidAction"}
}

func (q *fakeQueues) receive(ctx context.Context, body []byte) seam.Answer {
	var in struct{ MaxNumberOfMessages, WaitTimeSeconds int }
	mustDecode(body, &in)
	deadline := time.Now().Add(time.Duration(in.WaitTimeSeconds) * time.Second)
	for {
		if out := q.take(in.MaxNumberOfMessages); len(out) > 0 || !time.Now().Before(deadline) || ctx.Err() != nil {
			return seam.Answer{Status: 200, Body: mustEncode(map[string]any{"Messages": out})}
		}
		pause(ctx, 50*time.Millisecond)
	}
}

func (q *fakeQueues) take(n int) []message {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	blocked := map[string]bool{}
	for _, m := range q.messages {
		if q.fifo && m.until.After(now) {
			blocked[m.group] = true
		}
	}
	var out []message
	for _, m := range q.messages {
		if len(out) == n || m.until.After(now) || blocked[m.group] {
			continue
		}
		m.count++
		q.received++
		m.until = now.Add(q.visible)
		m.handle = m.id + "/" + strconv.Itoa(m.count)
		attributes := map[string]string{"ApproximateReceiveCount": strconv.Itoa(m.count)}
		if m.group != "" {
			attributes["MessageGroupId"] = m.group
		}
		if m.trace != "" {
			attributes["AWSTraceHeader"] = m.trace
		}
		out = append(out, message{MessageID: m.id, ReceiptHandle: m.handle, Body: mustEncode(m.body), Attributes: attributes})
	}
	return out
}

func (q *fakeQueues) remove(body []byte) seam.Answer {
	var in struct {
		Entries []struct{ ReceiptHandle string }
	}
	mustDecode(body, &in)
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, entry := range in.Entries {
		q.messages = slices.DeleteFunc(q.messages, func(m *fakeMessage) bool { return m.handle == entry.ReceiptHandle })
	}
	return seam.Answer{Status: 200, Body: []byte(`{"Successful":[]}`)}
}

// fakeStream is one or more shards of records.
type fakeStream struct {
	mu      sync.Mutex
	shards  []fakeShard
	records map[string][]string // by shard, raw
	expire  int                 // how many GetRecords answer ExpiredIteratorException
}

type fakeShard struct {
	id, parent string
	closed     bool
}

func newFakeStream() *fakeStream {
	return &fakeStream{shards: []fakeShard{{id: "s1"}}, records: map[string][]string{}}
}

func (s *fakeStream) put(shard string, keys ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range keys {
		n := len(s.records[shard]) + 1
		s.records[shard] = append(s.records[shard], fmt.Sprintf(
			`{"eventID":"e","eventName":"INSERT","eventVersion":"1.1","eventSource":"aws:dynamodb","awsRegion":"us-east-1","dynamodb":{"ApproximateCreationDateTime":%d,"Keys":{"pk":{"S":%q}},"NewImage":{"pk":{"S":%q},"n":{"N":"%d"}},"SequenceNumber":"%s-%05d","SizeBytes":9,"StreamViewType":"NEW_IMAGE"}}`,
			time.Now().Unix(), key, key, n, shard, n))
	}
}

func (s *fakeStream) Do(_ context.Context, call seam.Call) seam.Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	var in struct {
		ShardID, ShardIteratorType, SequenceNumber, ShardIterator string
		Limit                                                     int
	}
	mustDecode(call.Body, &in)
	switch call.Operation {
	case "DescribeStream":
		var shards []shard
		for _, s := range s.shards {
			shards = append(shards, shard{s.id, s.parent})
		}
		return ok(map[string]any{"StreamDescription": map[string]any{"Shards": shards}})
	case "GetShardIterator":
		at := 0
		switch in.ShardIteratorType {
		case "LATEST":
			at = len(s.records[in.ShardID])
		case "AFTER_SEQUENCE_NUMBER":
			_, err := fmt.Sscanf(in.SequenceNumber[len(in.ShardID)+1:], "%d", &at)
			if err != nil {
				return seam.Answer{Status: 400, ErrorType: "ValidationException"}
			}
		}
		return ok(map[string]any{"ShardIterator": in.ShardID + " " + strconv.Itoa(at)})
	case "GetRecords":
		return s.get(in.ShardIterator, in.Limit)
	}
	return seam.Answer{Status: 400, ErrorType: "UnknownOperationException"}
}

func (s *fakeStream) get(iterator string, limit int) seam.Answer {
	if s.expire > 0 {
		s.expire--
		return seam.Answer{Status: 400, ErrorType: "com.amazonaws.dynamodb.v20120810#ExpiredIteratorException"}
	}
	var id string
	var at int
	if _, err := fmt.Sscanf(iterator, "%s %d", &id, &at); err != nil {
		return seam.Answer{Status: 400, ErrorType: "ValidationException"}
	}
	end := min(at+limit, len(s.records[id]))
	out := []json.RawMessage{}
	for _, raw := range s.records[id][at:end] {
		out = append(out, json.RawMessage(raw))
	}
	result := map[string]any{"Records": out, "NextShardIterator": id + " " + strconv.Itoa(end)}
	for _, shard := range s.shards {
		if shard.id == id && shard.closed && end == len(s.records[id]) {
			delete(result, "NextShardIterator")
		}
	}
	return ok(result)
}

func ok(v any) seam.Answer { return seam.Answer{Status: 200, Body: mustEncode(v)} }

// fakeFunction answers by script and remembers what it got.
type fakeFunction struct {
	mu     sync.Mutex
	calls  []invocation
	answer func(n int, keys []string, event []byte) (string, error) // payload, or a function error
	now    int
	most   int // concurrent
	block  time.Duration
}

type invocation struct {
	keys  []string // record bodies or sequence numbers
	event []byte
	trace string
	at    time.Time
}

func (f *fakeFunction) Invoke(_ context.Context, _ string, event []byte, opts seam.InvokeOptions) (seam.InvokeResult, error) {
	var e struct {
		Records []struct {
			Body     string
			DynamoDB struct{ SequenceNumber string }
		}
	}
	mustDecode(event, &e)
	var keys []string
	for _, r := range e.Records {
		keys = append(keys, r.Body+r.DynamoDB.SequenceNumber)
	}
	f.mu.Lock()
	f.calls = append(f.calls, invocation{keys, event, opts.Trace, time.Now()})
	n := len(f.calls)
	f.now++
	f.most = max(f.most, f.now)
	f.mu.Unlock()
	time.Sleep(f.block)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now--
	payload, err := "null", error(nil)
	if f.answer != nil {
		payload, err = f.answer(n, keys, event)
	}
	if errors.Is(err, errThrottled) {
		return seam.InvokeResult{}, err
	}
	if err != nil {
		return seam.InvokeResult{RequestID: "r", Error: &seam.FunctionError{Type: "errorString", Message: err.Error()}}, nil
	}
	return seam.InvokeResult{RequestID: "r", Payload: []byte(payload)}, nil
}

// peak is how many invocations ran at once.
func (f *fakeFunction) peak() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.most
}

func (f *fakeFunction) got() [][]string {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := [][]string{}
	for _, c := range f.calls {
		all = append(all, c.keys)
	}
	return all
}

// world is a running mapping with its fakes.
type world struct {
	t        *testing.T
	queues   *fakeQueues
	stream   *fakeStream
	function *fakeFunction
	faults   seam.Faults
	mu       sync.Mutex
	warnings []string
	*Mappings
}

// start runs a plan with one function. It must be called inside a synctest bubble; the caller closes it.
func (w *world) start(change func(*template.Function, *template.Plan)) {
	w.t.Helper()
	f := template.Function{LogicalID: "Fn", ARN: "arn:aws:lambda:us-east-1:000000000000:function:fn", Timeout: 5 * time.Second}
	plan := &template.Plan{Queues: []template.Queue{
		{Name: "jobs", ARN: queueARN, URL: "http://jobs", Visibility: w.queues.visible, FIFO: w.queues.fifo, DeadLetterARN: deadARN},
		{Name: "dead", ARN: deadARN, URL: "http://dead", Visibility: 30 * time.Second},
	}}
	change(&f, plan)
	plan.Functions = []template.Function{f}
	m, err := New(Options{Plan: plan, Invoker: w.function, Queues: w.queues, Streams: w.stream, Faults: w.faults,
		Warn: func(s string) { w.mu.Lock(); w.warnings = append(w.warnings, s); w.mu.Unlock() }})
	if err != nil {
		w.t.Fatal(err)
	}
	w.Mappings = m
	m.Start()
}

func (w *world) stop() {
	w.t.Helper()
	if err := w.Close(context.Background()); err != nil {
		w.t.Error(err)
	}
}

func newWorld(t *testing.T) *world {
	return &world{t: t, queues: newFakeQueues(), stream: newFakeStream(), function: &fakeFunction{}}
}

func mustEncode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

func mustDecode(b []byte, v any) {
	if err := json.Unmarshal(b, v); err != nil {
		panic(fmt.Sprintf("%v: %s", err, b))
	}
}
