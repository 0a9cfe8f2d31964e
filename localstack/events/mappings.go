package events

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parley-chat/parley/localstack/seam"
	"github.com/parley-chat/parley/localstack/template"
)

// Options say what to run. Plan and Invoker are required, Queues and Streams when the plan has such mappings.
type Options struct {
	Plan    *template.Plan
	Invoker seam.Invoker
	Queues  seam.Service // SQS
	Streams seam.Service // DynamoDB Streams
	// Positions keeps how far each shard has been read. Default: memory.
	Positions *Positions
	Faults    seam.Faults  // may be nil
	Warn      func(string) // what a developer should know: a stopped loop, a discarded record; may be nil
	Region    string       // default us-east-1
	Account   string       // default 000000000000
	Now       func() time.Time
}

// Mappings are running triggers.
type Mappings struct {
	opts      Options
	functions map[string]template.Function // by logical id
	queues    map[string]template.Queue    // by ARN
	triggers  []trigger

	ctx    context.Context // ends when the triggers must stop taking new events
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// trigger is one mapping or schedule.
type trigger interface {
	run(ctx context.Context)
	state() State
}

// State is a snapshot of one trigger.
type State struct {
	Function string `json:"function"`
	Kind     string `json:"kind"`   // sqs, dynamodb or schedule
	Source   string `json:"source"` // ARN, or the schedule's expression
	Counts
	Next time.Time `json:"next,omitzero"` // of a schedule
}

// Counts are totals of one trigger since its start.
type Counts struct {
	Batches   uint64 `json:"batches"`
	Records   uint64 `json:"records"`
	Failed    uint64 `json:"failed"` // records of failed deliveries
	Filtered  uint64 `json:"filtered"`
	Discarded uint64 `json:"discarded"`
}

// tally is Counts while it grows.
type tally struct {
	batches, records, failed, filtered, discarded atomic.Uint64
}

func (t *tally) counts() Counts {
	return Counts{t.batches.Load(), t.records.Load(), t.failed.Load(), t.filtered.Load(), t.discarded.Load()}
}

// New checks the plan's mappings and schedules. Start runs them. What AWS refuses at deployment is an error
// here: a malformed filter or schedule, a queue whose visibility timeout is shorter than its function's.
func New(o Options) (*Mappings, error) {
	setDefaults(&o)
	m := &Mappings{opts: o, functions: map[string]template.Function{}, queues: map[string]template.Queue{}}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	for _, q := range o.Plan.Queues {
		m.queues[q.ARN] = q
	}
	var problems []error
	for _, f := range o.Plan.Functions {
		m.functions[f.LogicalID] = f
		for _, spec := range f.Queues {
			problems = append(problems, m.add(newQueueMapping(m, f, spec)))
		}
		for _, spec := range f.Streams {
			problems = append(problems, m.add(newStreamMapping(m, f, spec)))
		}
	}
	for _, spec := range o.Plan.Schedules {
		if spec.Enabled {
			problems = append(problems, m.add(newSchedule(m, spec)))
		}
	}
	return m, errors.Join(problems...)
}

func setDefaults(o *Options) {
	if o.Positions == nil {
		o.Positions = NewPositions()
	}
	if o.Warn == nil {
		o.Warn = func(string) {}
	}
	if o.Region == "" {
		o.Region = "us-east-1"
	}
	if o.Account == "" {
		o.Account = "000000000000"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
}

func (m *Mappings) add(t trigger, err error) error {
	if err == nil {
		m.triggers = append(m.triggers, t)
	}
	return err
}

// Start begins to poll. It returns at once.
func (m *Mappings) Start() {
	for _, t := range m.triggers {
		m.wg.Go(func() { t.run(m.ctx) })
	}
}

// Close stops taking new events and waits until the batches in progress are over, or ctx ends.
func (m *Mappings) Close(ctx context.Context) error {
	m.cancel()
	done := make(chan struct{})
	go func() { m.wg.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("events: batches were still in progress: %w", ctx.Err())
	}
}

// State returns a snapshot of every trigger, by function and source.
func (m *Mappings) State() []State {
	states := make([]State, 0, len(m.triggers))
	for _, t := range m.triggers {
		states = append(states, t.state())
	}
	sort.Slice(states, func(i, j int) bool {
		return states[i].Function+states[i].Source < states[j].Function+states[j].Source
	})
	return states
}

func (m *Mappings) warn(format string, args ...any) { m.opts.Warn(fmt.Sprintf(format, args...)) }

// pause waits for d or the end of ctx; it reports whether ctx goes on.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// backoff grows from 100 ms to 2 s with the attempts. AWS backs off too, without saying how.
func backoff(attempt int) time.Duration {
	return min(100*time.Millisecond<<min(attempt, 10), 2*time.Second)
}

// resourceName is the last part of a queue's ARN, or the table's name in a stream's.
func resourceName(arn string) string {
	if _, rest, ok := strings.Cut(arn, ":table/"); ok {
		name, _, _ := strings.Cut(rest, "/")
		return name
	}
	return arn[strings.LastIndexByte(arn, ':')+1:]
}
