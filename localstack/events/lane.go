package events

import (
	"context"
	"sync"
	"time"

	"github.com/parley-chat/parley/localstack/seam"
)

// lane processes its share of a shard, one batch after the other.
type lane struct {
	r *shardReader

	mu     sync.Mutex
	queue  []*streamRecord
	closed bool
	signal chan struct{} // something was put, or the lane closed
}

func newLane(r *shardReader) *lane { return &lane{r: r, signal: make(chan struct{}, 1)} }

func (l *lane) put(record *streamRecord) {
	l.mu.Lock()
	l.queue = append(l.queue, record)
	l.mu.Unlock()
	l.wake()
}

func (l *lane) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.wake()
}

func (l *lane) wake() {
	select {
	case l.signal <- struct{}{}:
	default:
	}
}

// run processes batches until the lane is closed and empty, or ctx ends. A batch in progress is finished, but
// not retried, after ctx has ended.
func (l *lane) run(ctx context.Context) {
	for {
		batch := l.take(ctx)
		if len(batch) == 0 || !l.process(ctx, batch) {
			return
		}
	}
}

// take waits for records, then for the batch window, and returns at most a batch. None means the end.
func (l *lane) take(ctx context.Context) []*streamRecord {
	var window <-chan time.Time
	for ctx.Err() == nil {
		l.mu.Lock()
		full := len(l.queue) >= l.r.s.spec.BatchSize
		ready := len(l.queue) > 0 && (full || l.closed || l.r.s.spec.Window <= 0)
		if ready || (l.closed && len(l.queue) == 0) {
			batch := l.cut()
			l.mu.Unlock()
			return batch
		}
		if len(l.queue) > 0 && window == nil {
			timer := time.NewTimer(l.r.s.spec.Window)
			defer timer.Stop()
			window = timer.C
		}
		l.mu.Unlock()
		select {
		case <-l.signal:
		case <-window:
			l.mu.Lock()
			batch := l.cut()
			l.mu.Unlock()
			return batch
		case <-ctx.Done():
		}
	}
	return nil
}

// cut takes the next batch off the queue: at most BatchSize records and 6 MB. l.mu is held.
func (l *lane) cut() []*streamRecord {
	n, size := 0, 0
	for n < len(l.queue) && n < l.r.s.spec.BatchSize {
		if size += len(l.queue[n].raw) + 1; size > maxPayload-64 && n > 0 {
			break
		}
		n++
	}
	batch := l.queue[:n:n]
	l.queue = l.queue[n:]
	return batch
}

// process brings a batch to its end: processed, or given up as retries and age allow. It reports false when ctx
// ended first; the batch is then not checkpointed and comes again after a restart.
func (l *lane) process(ctx context.Context, batch []*streamRecord) bool {
	s := l.r.s
	for attempts, failures := 0, 0; len(batch) > 0; failures++ {
		if failures > 0 && !pause(ctx, backoff(failures-1)) {
			return false
		}
		if batch = l.dropExpired(batch, attempts); len(batch) == 0 {
			return true
		}
		outcome := l.deliver(context.WithoutCancel(ctx), batch)
		if outcome.succeeded > 0 {
			l.r.finish(batch[:outcome.succeeded]...)
			batch, attempts, failures = batch[outcome.succeeded:], 0, 0
		}
		if len(batch) == 0 {
			return true
		}
		s.tally.failed.Add(uint64(len(batch)))
		if outcome.throttled { // not an attempt: the function did not run
			continue
		}
		if s.spec.Bisect && outcome.succeeded > 0 { // split where the function said
			continue
		}
		if s.spec.Bisect && len(batch) > 1 { // splitting does not count as a retry
			half := len(batch) / 2
			if !l.process(ctx, batch[:half]) {
				return false
			}
			batch, attempts, failures = batch[half:], 0, -1
			continue
		}
		if attempts++; s.spec.MaxRetries >= 0 && attempts > s.spec.MaxRetries {
			l.discard(batch, "RetryAttemptsExhausted", attempts, outcome.requestID)
			return true
		}
	}
	return true
}

// attempt is the outcome of one delivery.
type attempt struct {
	succeeded int // records from the front
	throttled bool
	requestID string
}

// deliver makes one attempt, with the faults that rules want.
func (l *lane) deliver(ctx context.Context, batch []*streamRecord) attempt {
	outcome, ok := struck(ctx, l.strike, func() attempt { return l.invoke(ctx, batch) })
	if !ok {
		return attempt{throttled: true}
	}
	return outcome
}

func (l *lane) strike(phase seam.Phase) (seam.Fault, bool) {
	s := l.r.s
	return seam.Strike(s.m.opts.Faults, seam.FaultPoint{Service: "stream-mapping", Operation: "Deliver",
		Function: s.function.LogicalID, Resource: resourceName(s.spec.StreamARN), Phase: phase})
}

func (l *lane) invoke(ctx context.Context, batch []*streamRecord) attempt {
	s := l.r.s
	s.tally.batches.Add(1)
	s.tally.records.Add(uint64(len(batch)))
	event := append([]byte(nil), `{"Records":[`...)
	for i, record := range batch {
		if i > 0 {
			event = append(event, ',')
		}
		event = append(event, record.raw...)
	}
	event = append(event, `]}`...)
	result, err := s.m.opts.Invoker.Invoke(ctx, s.function.LogicalID, event, seam.InvokeOptions{})
	outcome := attempt{requestID: result.RequestID, throttled: err != nil}
	if err == nil && result.Error == nil {
		outcome.succeeded = s.succeeded(batch, result.Payload)
	}
	return outcome
}

// succeeded is how many records from the front were processed: with ReportBatchItemFailures those before the
// lowest sequence number that the function reports.
func (s *streamMapping) succeeded(batch []*streamRecord, payload []byte) int {
	if !s.spec.PartialFailures {
		return len(batch)
	}
	failed, ok := failures(payload)
	if !ok {
		s.m.warn("%s: the batch item failures that it returned are invalid, so the whole batch counts as failed: %.200s",
			s.function.LogicalID, payload)
		return 0
	}
	reported := map[string]bool{}
	for _, sequence := range failed {
		reported[sequence] = true
	}
	for i, record := range batch {
		if reported[record.sequence] {
			return i
		}
	}
	if len(failed) > 0 { // none of the batch: nothing says where to go on
		return 0
	}
	return len(batch)
}

// dropExpired discards records that are older than the mapping allows.
func (l *lane) dropExpired(batch []*streamRecord, attempts int) []*streamRecord {
	limit := l.r.s.spec.MaxAge
	if limit <= 0 || limit > streamRetention {
		limit = streamRetention
	}
	oldest := l.r.s.m.opts.Now().Add(-limit)
	n := 0
	for n < len(batch) && batch[n].created.Before(oldest) {
		n++
	}
	if n > 0 {
		l.discard(batch[:n], "RecordAgeExceeded", attempts, "")
	}
	return batch[n:]
}
