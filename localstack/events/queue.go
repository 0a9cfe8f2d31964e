package events

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/parley-chat/parley/localstack/seam"
	"github.com/parley-chat/parley/localstack/template"
)

const (
	// standardConcurrency is how many batches of a queue run at once when the mapping sets no
	// MaximumConcurrency. AWS starts with five and adds up to 300 a minute; five suit one machine.
	standardConcurrency = 5
	maxReceive          = 10      // messages of one ReceiveMessage
	maxPayload          = 6 << 20 // bytes of an event
	longPoll            = 20      // seconds, the most that SQS waits
)

// queueMapping is an SQS event source mapping. One goroutine receives; each batch runs in its own, at most
// concurrency at once, and nothing is received before there is room for it: a received message counts as an
// attempt.
type queueMapping struct {
	m        *Mappings
	spec     template.QueueMapping
	queue    template.Queue
	function template.Function
	filters  anyOf
	lineage  string

	slots  chan struct{}
	tally  tally
	mu     sync.Mutex
	groups map[string]int // FIFO groups in progress
}

func newQueueMapping(m *Mappings, f template.Function, spec template.QueueMapping) (*queueMapping, error) {
	queue, ok := m.queues[spec.QueueARN]
	if !ok {
		return nil, fmt.Errorf("function %s: no queue %s in the template", f.LogicalID, spec.QueueARN)
	}
	// AWS: InvalidParameterValueException "Queue visibility timeout: 5 seconds is less than Function timeout: 30 seconds".
	if queue.Visibility < f.Timeout {
		return nil, fmt.Errorf("function %s: queue %s: visibility timeout %v is less than the function's timeout %v",
			f.LogicalID, queue.Name, queue.Visibility, f.Timeout)
	}
	filters, err := parsePatterns(spec.Filters)
	if err != nil {
		return nil, fmt.Errorf("function %s: queue %s: %w", f.LogicalID, queue.Name, err)
	}
	if spec.BatchSize <= 0 {
		spec.BatchSize = maxReceive
	}
	concurrency := spec.MaxConcurrency
	if concurrency <= 0 {
		concurrency = standardConcurrency
	}
	return &queueMapping{m: m, spec: spec, queue: queue, function: f, filters: filters, lineage: lineageID(f.ARN),
		slots: make(chan struct{}, concurrency), groups: map[string]int{}}, nil
}

func (q *queueMapping) state() State {
	return State{Function: q.function.LogicalID, Kind: "sqs", Source: q.queue.ARN, Counts: q.tally.counts()}
}

func (q *queueMapping) run(ctx context.Context) {
	var batches sync.WaitGroup
	defer batches.Wait()
	for attempt := 0; ; {
		select {
		case q.slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		batch, err := q.collect(ctx)
		if len(batch) > 0 {
			batches.Go(func() {
				defer func() { <-q.slots }()
				q.process(context.WithoutCancel(ctx), batch)
			})
		} else {
			<-q.slots
		}
		if err == nil {
			attempt = 0
			continue
		}
		if attempt++; attempt == 1 && ctx.Err() == nil {
			q.m.warn("mapping of queue %s to %s: %v; retrying", q.queue.Name, q.function.LogicalID, err)
		}
		if !pause(ctx, backoff(attempt)) {
			return
		}
	}
}

// collect receives a batch: what one call returns, or with a window what arrives until it ends, the batch is full or its
// payload is. What it returns with an error has been received all the same.
func (q *queueMapping) collect(ctx context.Context) ([]message, error) {
	batch, err := q.receive(ctx, longPoll, q.spec.BatchSize)
	if err != nil || len(batch) == 0 || q.spec.Window <= 0 {
		return batch, err
	}
	deadline := q.m.opts.Now().Add(q.spec.Window)
	for len(batch) < q.spec.BatchSize && payloadSize(batch) < maxPayload && ctx.Err() == nil {
		left := deadline.Sub(q.m.opts.Now())
		wait := min(longPoll, int(left/time.Second))
		if wait == 0 { // SQS waits whole seconds; a call cut short could lose what it received
			pause(ctx, left)
		}
		more, err := q.receive(ctx, wait, q.spec.BatchSize-len(batch))
		batch = append(batch, more...)
		if err != nil || wait == 0 {
			return batch, err
		}
	}
	return batch, nil
}

func payloadSize(batch []message) int {
	n := 0
	for i := range batch {
		n += batch[i].size()
	}
	return n
}

// process runs one batch to its end. Its groups are free here before its messages are deleted: a deletion frees the
// group in the engine, and the group's next message, received before the deletion's answer is back, must find room.
func (q *queueMapping) process(ctx context.Context, batch []message) {
	claimed := q.claimGroups(batch)
	pass, done := q.filter(claimed)
	pass, stopped := q.stopRecursion(ctx, pass)
	done = append(done, stopped...)
	for len(pass) > 0 {
		n := fitting(pass)
		done = append(done, q.deliver(ctx, pass[:n])...)
		pass = pass[n:]
	}
	q.releaseGroups(claimed)
	q.remove(ctx, done)
}

// fitting is how many messages from the front make an event of at most 6 MB; at least one.
func fitting(batch []message) int {
	size := 0
	for i := range batch {
		if size += batch[i].size(); size > maxPayload && i > 0 {
			return i
		}
	}
	return len(batch)
}

// filter splits the batch into what a filter lets pass, and what is to delete, as SQS mappings do.
func (q *queueMapping) filter(batch []message) (pass, drop []message) {
	if len(q.filters) == 0 {
		return batch, nil
	}
	for _, msg := range batch {
		if q.filters.matches(msg.filterView(), true) {
			pass = append(pass, msg)
		} else {
			drop = append(drop, msg)
		}
	}
	q.tally.filtered.Add(uint64(len(drop)))
	return pass, drop
}

// deliver invokes the function with one event, with the faults that rules want, and returns what succeeded, to be
// deleted. What fails, or is never heard of, becomes visible again.
func (q *queueMapping) deliver(ctx context.Context, batch []message) []message {
	done, ok := struck(ctx, q.strike, func() []message { return q.invoke(ctx, batch) })
	if !ok {
		return nil
	}
	return done
}

func (q *queueMapping) strike(phase seam.Phase) (seam.Fault, bool) {
	return seam.Strike(q.m.opts.Faults, seam.FaultPoint{Service: "sqs-mapping", Operation: "Deliver",
		Function: q.function.LogicalID, Resource: q.queue.Name, Phase: phase})
}

// invoke runs the function once and returns the messages to delete. The others become visible again when
// their visibility timeout ends.
func (q *queueMapping) invoke(ctx context.Context, batch []message) []message {
	q.tally.batches.Add(1)
	q.tally.records.Add(uint64(len(batch)))
	event := appendQueueEvent(nil, batch, q.queue.ARN, q.m.opts.Region)
	result, err := q.m.opts.Invoker.Invoke(ctx, q.function.LogicalID, event, seam.InvokeOptions{Trace: q.trace(batch)})
	if err != nil || result.Error != nil {
		q.tally.failed.Add(uint64(len(batch)))
		return nil
	}
	if !q.spec.PartialFailures {
		return batch
	}
	failed, ok := failures(result.Payload)
	if ok {
		ok = !slices.ContainsFunc(failed, func(id string) bool {
			return !slices.ContainsFunc(batch, func(msg message) bool { return msg.MessageID == id })
		})
	}
	if !ok {
		q.m.warn("%s: the batch item failures that it returned are invalid, so the whole batch counts as failed: %.200s",
			q.function.LogicalID, result.Payload)
		q.tally.failed.Add(uint64(len(batch)))
		return nil
	}
	q.tally.failed.Add(uint64(len(failed)))
	q.warnOutOfOrder(batch, failed)
	return slices.DeleteFunc(slices.Clone(batch), func(msg message) bool { return slices.Contains(failed, msg.MessageID) })
}

// warnOutOfOrder tells when a FIFO function reports a failure but not the later messages of the same group:
// those are deleted, and the failed one comes after them.
func (q *queueMapping) warnOutOfOrder(batch []message, failed []string) {
	if !q.queue.FIFO || len(failed) == 0 {
		return
	}
	broken := map[string]bool{}
	for _, msg := range batch {
		switch {
		case slices.Contains(failed, msg.MessageID):
			broken[msg.group()] = true
		case broken[msg.group()]:
			q.m.warn("%s: message %s of group %s succeeded after a failed one of the same group: order is lost; report every later message of the group too",
				q.function.LogicalID, msg.MessageID, msg.group())
			return
		}
	}
}

// claimGroups drops messages of FIFO groups that another batch has in progress: the engine holds a group back as long as
// one of its messages is in flight, so this happens only when a batch outlives its visibility timeout. They come back by
// themselves.
func (q *queueMapping) claimGroups(batch []message) []message {
	if !q.queue.FIFO {
		return batch
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	var mine []message
	for _, msg := range batch {
		if q.groups[msg.group()] == 0 {
			mine = append(mine, msg)
		}
	}
	for _, msg := range mine {
		q.groups[msg.group()]++
	}
	return mine
}

func (q *queueMapping) releaseGroups(batch []message) {
	if !q.queue.FIFO {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, msg := range batch {
		if q.groups[msg.group()]--; q.groups[msg.group()] <= 0 {
			delete(q.groups, msg.group())
		}
	}
}

// trace is the trace header of an invocation: that of the message with the fewest rounds, one round further.
// A batch may mix chains; counting by the longest would stop innocent ones.
func (q *queueMapping) trace(batch []message) string {
	least, trace := -1, ""
	for i := range batch {
		if n := rounds(batch[i].trace(), q.lineage); least < 0 || n < least {
			least, trace = n, batch[i].trace()
		}
	}
	return withRound(trace, q.lineage, max(least, 0)+1)
}

// stopRecursion takes out messages whose chain has come through this function too often: to the dead-letter
// queue if there is one, else away. It returns what goes on, and what is to delete.
func (q *queueMapping) stopRecursion(ctx context.Context, batch []message) (pass, stop []message) {
	if q.function.AllowRecursion {
		return batch, nil
	}
	for _, msg := range batch {
		if rounds(msg.trace(), q.lineage) < maxRounds {
			pass = append(pass, msg)
		} else {
			stop = append(stop, msg)
		}
	}
	for i := range stop {
		q.m.warn("recursion stopped: %s has triggered itself through queue %s %d times in a row (message %s); AWS stops it too, unless RecursiveLoop is Allow",
			q.function.LogicalID, q.queue.Name, maxRounds, stop[i].MessageID)
		if !q.toDeadLetters(ctx, &stop[i]) {
			stop[i].ReceiptHandle = "" // stays: it will come back
		}
	}
	q.tally.discarded.Add(uint64(len(stop)))
	return pass, slices.DeleteFunc(stop, func(msg message) bool { return msg.ReceiptHandle == "" })
}

// toDeadLetters sends a copy to the queue's dead-letter queue; true when there is none.
func (q *queueMapping) toDeadLetters(ctx context.Context, msg *message) bool {
	target, ok := q.m.queues[q.queue.DeadLetterARN]
	if !ok {
		return true
	}
	send := map[string]any{"QueueUrl": target.URL, "MessageBody": msg.Body}
	if len(msg.MessageAttributes) > 0 {
		send["MessageAttributes"] = msg.MessageAttributes
	}
	if target.FIFO {
		send["MessageGroupId"] = msg.group()
		send["MessageDeduplicationId"] = msg.MessageID
	}
	body, err := json.Marshal(send)
	if err != nil {
		return false
	}
	answer := q.m.opts.Queues.Do(ctx, seam.Call{Service: seam.SQS, Operation: "SendMessage", Body: body})
	return answer.ErrorType == ""
}
