package sqs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/parley-chat/parley/localstack/journal"
	"github.com/parley-chat/parley/localstack/seam"
	"github.com/parley-chat/parley/localstack/template"
)

// Component is the name under which the engine appends to the journal.
const Component = "sqs"

// maxInFlight is how many messages of a queue can be in flight (Developer Guide, "Quotas related to messages").
const maxInFlight = 120_000

// Options configure an Engine.
type Options struct {
	// Queues are those of template.yaml.
	Queues []template.Queue
	// Endpoint begins the URLs of queues that CreateQueue makes: "http://127.0.0.1:4566".
	Endpoint string
	// Region and Account stand in the ARNs of queues that CreateQueue makes. Defaults: those of the first
	// of Queues, else us-east-1 and 000000000000.
	Region, Account string
	// Now is the clock, default time.Now. One that jumps has to be followed by Tick.
	Now func() time.Time
}

// Engine is the SQS service. It implements seam.Service, seam.Notifier and journal.Component.
type Engine struct {
	endpoint, region, account string
	now                       func() time.Time
	inFlightLimit             int
	operations                map[string]operation

	mu       sync.Mutex
	queues   map[string]*queue // by name
	deleted  map[string]time.Time
	messages map[uint64]*message
	last     uint64 // number of the newest message
	changed  map[string]chan struct{}
	journal  *journal.Journal
	position uint64 // of the newest record in the journal
	scratch  []byte // for encoding records
	closed   bool
}

// operation executes one decoded call. It returns the value to encode, nil for an empty answer.
type operation func(ctx context.Context, call seam.Call) (any, []seam.Usage, error)

// New builds an engine with the queues of the template, empty. To make it durable, hand it to journal.Open as
// Component and then Attach the journal, before the first Do.
func New(o Options) *Engine {
	e := &Engine{
		endpoint: strings.TrimSuffix(o.Endpoint, "/"), region: o.Region, account: o.Account,
		now:           o.Now,
		inFlightLimit: maxInFlight,
		queues:        map[string]*queue{},
		deleted:       map[string]time.Time{},
		messages:      map[uint64]*message{},
		changed:       map[string]chan struct{}{},
	}
	if e.now == nil {
		e.now = time.Now
	}
	e.adoptNames(o.Queues)
	now := e.now()
	for _, t := range o.Queues {
		q := newQueue(t.Name, templateSettings(t), now)
		q.baseline, q.arn, q.url = q.settings, t.ARN, t.URL
		e.install(q)
	}
	e.operations = map[string]operation{
		"CreateQueue":                  bind(e.createQueue),
		"GetQueueUrl":                  bind(e.getQueueURL),
		"GetQueueAttributes":           bind(e.getQueueAttributes),
		"SetQueueAttributes":           bind(e.setQueueAttributes),
		"ListQueues":                   bind(e.listQueues),
		"DeleteQueue":                  bind(e.deleteQueue),
		"PurgeQueue":                   bind(e.purgeQueue),
		"SendMessage":                  bind(e.sendMessage),
		"SendMessageBatch":             bind(e.sendMessageBatch),
		"ReceiveMessage":               bind(e.receiveMessage),
		"DeleteMessage":                bind(e.deleteMessage),
		"DeleteMessageBatch":           bind(e.deleteMessageBatch),
		"ChangeMessageVisibility":      bind(e.changeMessageVisibility),
		"ChangeMessageVisibilityBatch": bind(e.changeMessageVisibilityBatch),
		"StartMessageMoveTask":         bind(e.startMessageMoveTask),
		"ListMessageMoveTasks":         bind(e.listMessageMoveTasks),
	}
	return e
}

// adoptNames fills in region and account from the first queue's ARN, arn:aws:sqs:region:account:name.
func (e *Engine) adoptNames(queues []template.Queue) {
	region, account := "us-east-1", "000000000000"
	if len(queues) > 0 {
		if parts := strings.Split(queues[0].ARN, ":"); len(parts) == 6 {
			region, account = parts[3], parts[4]
		}
	}
	if e.region == "" {
		e.region = region
	}
	if e.account == "" {
		e.account = account
	}
}

// install makes the queue reachable. It fills in ARN and URL where they are not given.
func (e *Engine) install(q *queue) {
	if q.arn == "" {
		q.arn = strings.Join([]string{"arn:aws:sqs", e.region, e.account, q.name}, ":")
	}
	if q.url == "" {
		q.url = strings.Join([]string{e.endpoint, e.account, q.name}, "/")
	}
	q.hash = queueHash(q.arn)
	q.onVisible = func() { e.notify(q.name) }
	e.queues[q.name] = q
}

// Attach makes all further changes durable in j, which journal.Open has replayed into this engine.
func (e *Engine) Attach(j *journal.Journal) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.journal = j
	for number, m := range e.messages {
		if m.queue == nil { // of a queue that the template has no more
			delete(e.messages, number)
		}
	}
	for _, q := range e.queues {
		e.settle(q, e.now())
	}
}

// Close stops the timers and wakes the long polls, which then answer with nothing.
func (e *Engine) Close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	for _, q := range e.queues {
		if q.timer != nil {
			q.timer.Stop()
		}
		e.notify(q.name)
	}
}

// Tick settles every queue at the present time: what is due becomes visible, what is too old goes.
func (e *Engine) Tick() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, q := range e.queues {
		e.settle(q, e.now())
	}
}

// Changed returns a channel that is closed the next time a message of the named queue becomes receivable:
// sent, back after its visibility time-out or delay, or freed by its FIFO group. Ask before receiving, so
// that nothing falls in between. The queue need not exist yet.
func (e *Engine) Changed(resource string) <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.subscribe(resource)
}

func (e *Engine) subscribe(name string) <-chan struct{} {
	ch := e.changed[name]
	if ch == nil {
		ch = make(chan struct{})
		e.changed[name] = ch
	}
	return ch
}

func (e *Engine) notify(name string) {
	if ch := e.changed[name]; ch != nil {
		close(ch)
		delete(e.changed, name)
	}
}

// serviceOperations are the operations of SQS that the engine refuses.
var serviceOperations = map[string]bool{
	"AddPermission": true, "RemovePermission": true, "CancelMessageMoveTask": true,
	"ListDeadLetterSourceQueues": true, "ListQueueTags": true, "TagQueue": true, "UntagQueue": true,
}

// Do executes one call of the AWS JSON 1.0 protocol. Cancelling ctx ends a long poll.
func (e *Engine) Do(ctx context.Context, call seam.Call) seam.Answer {
	run, ok := e.operations[call.Operation]
	if !ok {
		if serviceOperations[call.Operation] {
			return errUnsupported(call.Operation).answer()
		}
		return coralError("UnknownOperationException", "The operation %s is not valid.", call.Operation).answer()
	}
	result, usage, err := run(ctx, call)
	if err == nil {
		return success(result, usage)
	}
	var api *apiError
	if !errors.As(err, &api) {
		api = coralError("InternalFailure", "%s", err)
	}
	return api.answer()
}

func success(result any, usage []seam.Usage) seam.Answer {
	body := []byte("{}")
	if result != nil {
		var err error
		if body, err = json.Marshal(result); err != nil {
			return coralError("InternalFailure", "%s", err).answer()
		}
	}
	return seam.Answer{Status: http.StatusOK, Body: body, Usage: usage}
}

// bind makes an operation of a method that takes its decoded request.
func bind[Request any](run func(ctx context.Context, call seam.Call, request *Request) (any, []seam.Usage, error)) operation {
	return func(ctx context.Context, call seam.Call) (any, []seam.Usage, error) {
		request := new(Request)
		if err := decode(call.Body, request); err != nil {
			return nil, nil, err
		}
		return run(ctx, call, request)
	}
}

// decode reads a request strictly: an unknown member is an error, so that none is ignored.
func decode(body []byte, request any) error {
	body = bytes.TrimSpace(body)
	if len(body) == 0 {
		return nil
	}
	if body[0] != '{' || !utf8.Valid(body) {
		return coralError("SerializationException", "The request body is not a JSON object in UTF-8.")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(request); err != nil {
		return coralError("SerializationException", "%s", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return coralError("SerializationException", "There is something behind the request's JSON object.")
	}
	return nil
}

// oneRequest is the usage of a call without a payload.
func oneRequest(q *queue) []seam.Usage { return payload(q, 0) }

// payload is the usage of a call that carried n bytes of messages: every started 64 KB is a request (Amazon
// SQS pricing).
func payload(q *queue, n int) []seam.Usage {
	const chunk = 64 << 10
	return []seam.Usage{{Resource: q.name, Requests: float64(max(1, (n+chunk-1)/chunk))}}
}

// lookup finds a queue by its URL and settles it. The host is not looked at: a queue is known by several.
// Call with the lock.
func (e *Engine) lookup(url string, now time.Time) (*queue, *apiError) {
	rest, name, ok := cutLast(url, "/")
	if !ok {
		return nil, errQueueDoesNotExist()
	}
	if _, account, _ := cutLast(rest, "/"); account != e.account {
		return nil, errQueueDoesNotExist()
	}
	q := e.queues[name]
	if q == nil {
		return nil, errQueueDoesNotExist()
	}
	e.settle(q, now)
	return q, nil
}

func cutLast(s, separator string) (before, after string, found bool) {
	i := strings.LastIndex(s, separator)
	if i < 0 {
		return "", s, false
	}
	return s[:i], s[i+len(separator):], true
}

func (e *Engine) byARN(arn string) *queue {
	_, name, _ := cutLast(arn, ":")
	if q := e.queues[name]; q != nil && q.arn == arn {
		return q
	}
	return nil
}

// settle brings a queue up to the present: retention, delays, visibility, deduplication, moves.
func (e *Engine) settle(q *queue, now time.Time) {
	for m := q.expired(now); m != nil; m = q.expired(now) {
		e.drop(m)
	}
	q.surface(now)
	q.forget(now)
	e.runTasks(q, now)
	e.arm(q, now)
}

// arm sees to it that the queue is settled when it next has to be.
func (e *Engine) arm(q *queue, now time.Time) {
	next := q.next()
	if next.IsZero() || e.closed || q.deleted || !q.armed.IsZero() && !next.Before(q.armed) {
		return
	}
	q.armed = next
	wait := max(next.Sub(now), time.Millisecond)
	if q.timer == nil {
		q.timer = time.AfterFunc(wait, func() { e.wake(q) })
		return
	}
	q.timer.Reset(wait)
}

func (e *Engine) wake(q *queue) {
	e.mu.Lock()
	defer e.mu.Unlock()
	q.armed = time.Time{}
	if !q.deleted {
		e.settle(q, e.now())
	}
}

// drop removes a message for good. It writes no record: retention needs none, the others write their own.
func (e *Engine) drop(m *message) {
	m.queue.remove(m)
	delete(e.messages, m.number)
}

// durable waits until everything that the caller saw or did is on disk.
func (e *Engine) durable(position uint64) error {
	e.mu.Lock()
	j := e.journal
	e.mu.Unlock()
	return j.Wait(position)
}
