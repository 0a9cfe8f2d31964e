package events

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"hash/fnv"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/jsonscan"
	"github.com/parley-chat/parley/localstack/seam"
)

// shardReader reads one shard in order and deals its records out to lanes by partition key: a key's records
// stay in order, and up to ParallelizationFactor batches run at once.
type shardReader struct {
	s     *streamMapping
	shard string
	first bool // the shard existed when the mapping started: StartingPosition applies
	lanes []*lane

	mu      sync.Mutex
	pending []*streamRecord // in shard order, not yet checkpointed
	room    chan struct{}   // signalled when pending shrinks
}

// maxPending bounds how far a shard is read ahead of its slowest lane, in batches of each lane.
const maxPending = 4

func newShardReader(s *streamMapping, shard string, first bool) *shardReader {
	r := &shardReader{s: s, shard: shard, first: first, room: make(chan struct{}, 1)}
	for range s.spec.Parallelization {
		r.lanes = append(r.lanes, newLane(r))
	}
	return r
}

// streamRecord is one record on its way through a lane.
type streamRecord struct {
	raw      []byte // as the event has it
	sequence string
	created  time.Time
	done     bool // guarded by shardReader.mu
}

// run reads until the shard ends or ctx does, and waits for the lanes.
func (r *shardReader) run(ctx context.Context) {
	var lanes sync.WaitGroup
	for _, l := range r.lanes {
		lanes.Go(func() { l.run(ctx) })
	}
	ended := r.read(ctx)
	for _, l := range r.lanes {
		l.close()
	}
	lanes.Wait()
	if ended && ctx.Err() == nil {
		r.s.finish(r.shard)
	}
}

// read feeds the lanes; it reports whether the shard came to its end.
func (r *shardReader) read(ctx context.Context) bool {
	iterator := ""
	for attempt := 0; ctx.Err() == nil; {
		changed := r.changed()
		records, next, err := r.poll(ctx, iterator)
		if err != nil {
			if attempt++; attempt == 1 && ctx.Err() == nil && iterator == "" {
				r.s.m.warn("shard %s of %s: %v; retrying", r.shard, r.s.spec.StreamARN, err)
			}
			iterator = "" // it may have expired (15 minutes): make a new one from the position
			pause(ctx, backoff(attempt-1))
			continue
		}
		attempt = 0
		if iterator = next; iterator == "" && len(records) == 0 {
			return true
		}
		if !r.deal(ctx, records) {
			return false
		}
		if iterator == "" {
			return true
		}
		if len(records) == 0 {
			wait(ctx, changed)
		} else {
			pause(ctx, readPause)
		}
	}
	return false
}

// changed is closed at the table's next change, if the engine tells.
func (r *shardReader) changed() <-chan struct{} {
	if notifier, ok := r.s.m.opts.Streams.(seam.Notifier); ok {
		return notifier.Changed(resourceName(r.s.spec.StreamARN))
	}
	return nil
}

// wait ends at a change, after the poll interval, or with ctx. An engine that tells of changes is still asked
// now and then: a shard may have been closed without a record.
func wait(ctx context.Context, changed <-chan struct{}) {
	interval := pollInterval
	if changed != nil {
		interval = shardInterval
	}
	timer := time.NewTimer(interval)
	defer timer.Stop()
	select {
	case <-changed:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// poll reads once; without an iterator it makes one first. next is "" at the end of the shard.
func (r *shardReader) poll(ctx context.Context, iterator string) (records []json.RawMessage, next string, err error) {
	if iterator == "" {
		if iterator, err = r.iterator(ctx); err != nil {
			return nil, "", err
		}
	}
	answer := r.s.do(ctx, "GetRecords", map[string]any{"ShardIterator": iterator, "Limit": min(r.s.spec.BatchSize, maxGetRecords)})
	if err := decodeAnswer(seam.Answer{Status: answer.Status, ErrorType: answer.ErrorType}, nil); err != nil {
		return nil, "", err
	}
	jsonscan.Members(answer.Body, func(key string, value []byte) bool {
		switch key {
		case "Records":
			jsonscan.Elements(value, func(record []byte) { records = append(records, record) })
		case "NextShardIterator":
			next = jsonscan.Unquote(value)
		}
		return true
	})
	return records, next, nil
}

// iterator starts after what was read last, else after the saved position, else where StartingPosition says.
func (r *shardReader) iterator(ctx context.Context) (string, error) {
	request := map[string]any{"StreamArn": r.s.spec.StreamARN, "ShardId": r.shard, "ShardIteratorType": "TRIM_HORIZON"}
	if last := r.lastRead(); last != "" {
		request["ShardIteratorType"], request["SequenceNumber"] = "AFTER_SEQUENCE_NUMBER", last
	} else if saved, ok := r.s.m.opts.Positions.load(r.s.spec.LogicalID, r.shard); ok {
		if saved != "" {
			request["ShardIteratorType"], request["SequenceNumber"] = "AFTER_SEQUENCE_NUMBER", saved
		}
	} else if r.first && r.s.spec.StartingPosition == "LATEST" {
		return r.latest(ctx, request)
	}
	return r.getIterator(ctx, request)
}

// latest makes the iterator of a mapping that starts with LATEST. If the shard is still empty, that is its
// beginning, and it is noted: after a restart the mapping goes on from there, not from the new end.
func (r *shardReader) latest(ctx context.Context, request map[string]any) (string, error) {
	begin, err := r.getIterator(ctx, request)
	if err != nil {
		return "", err
	}
	var result struct{ Records []json.RawMessage }
	if err := r.s.call(ctx, "GetRecords", map[string]any{"ShardIterator": begin, "Limit": 1}, &result); err != nil {
		return "", err
	}
	if len(result.Records) == 0 {
		r.s.m.opts.Positions.save(r.s.spec.LogicalID, r.shard, "")
		return begin, nil
	}
	request["ShardIteratorType"] = "LATEST"
	return r.getIterator(ctx, request)
}

func (r *shardReader) getIterator(ctx context.Context, request map[string]any) (string, error) {
	var result struct{ ShardIterator string }
	err := r.s.call(ctx, "GetShardIterator", request, &result)
	var trimmed *awsError
	if errors.As(err, &trimmed) && strings.HasSuffix(trimmed.kind, "TrimmedDataAccessException") {
		delete(request, "SequenceNumber")
		request["ShardIteratorType"] = "TRIM_HORIZON"
		err = r.s.call(ctx, "GetShardIterator", request, &result)
	}
	return result.ShardIterator, err
}

func (r *shardReader) lastRead() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.pending); n > 0 {
		return r.pending[n-1].sequence
	}
	return ""
}

// deal gives records to their lanes; it waits while too many are unfinished. It reports whether ctx goes on.
func (r *shardReader) deal(ctx context.Context, records []json.RawMessage) bool {
	for _, raw := range records {
		record, key, pass := r.decode(raw)
		if record == nil {
			continue
		}
		if !r.waitForRoom(ctx) {
			return false
		}
		r.mu.Lock()
		r.pending = append(r.pending, record)
		r.mu.Unlock()
		if !pass {
			r.s.tally.filtered.Add(1)
			r.finish(record)
			continue
		}
		r.lanes[key%uint32(len(r.lanes))].put(record)
	}
	return true
}

func (r *shardReader) waitForRoom(ctx context.Context) bool {
	for {
		r.mu.Lock()
		full := len(r.pending) >= maxPending*r.s.spec.BatchSize*len(r.lanes)
		r.mu.Unlock()
		if !full {
			return true
		}
		select {
		case <-r.room:
		case <-ctx.Done():
			return false
		}
	}
}

// decode makes a record of what GetRecords returned: the event's record is the same with the stream's ARN. key
// hashes the item's keys; pass is false when filters hold it back.
func (r *shardReader) decode(raw json.RawMessage) (record *streamRecord, key uint32, pass bool) {
	var keys []byte
	var seconds float64
	record = &streamRecord{}
	jsonscan.Members(raw, func(key string, value []byte) bool {
		if key != "dynamodb" {
			return true
		}
		missing := 3
		jsonscan.Members(value, func(key string, value []byte) bool {
			switch key {
			case "Keys":
				keys = value
			case "SequenceNumber":
				record.sequence = jsonscan.Unquote(value)
			case "ApproximateCreationDateTime":
				seconds, _ = strconv.ParseFloat(string(value), 64) // 0 is what an engine that does not say gives
			default:
				return true
			}
			missing--
			return missing > 0 // the images may come behind: they are most of the record
		})
		return false
	})
	if record.sequence == "" {
		r.s.m.warn("shard %s: a record without a sequence number was left out: %.200s", r.shard, raw)
		return nil, 0, false
	}
	end := bytes.LastIndexByte(raw, '}')
	full := make([]byte, 0, len(raw)+len(r.s.spec.StreamARN)+24)
	full = append(append(full, raw[:end]...), `,"eventSourceARN":`...)
	full = append(appendString(full, r.s.spec.StreamARN), '}')
	hash := fnv.New32a()
	_, _ = hash.Write(keys)
	record.raw, record.created = full, time.UnixMilli(int64(seconds*1000))
	if seconds == 0 {
		record.created = r.s.m.opts.Now()
	}
	return record, hash.Sum32(), r.s.passes(full)
}

// finish marks records as dealt with and moves the checkpoint over all that are done from the front.
func (r *shardReader) finish(records ...*streamRecord) {
	r.mu.Lock()
	for _, record := range records {
		record.done = true
	}
	n := 0
	for n < len(r.pending) && r.pending[n].done {
		n++
	}
	if n > 0 {
		// Saved under the lock, so that checkpoints cannot overtake each other.
		r.s.m.opts.Positions.save(r.s.spec.LogicalID, r.shard, r.pending[n-1].sequence)
		r.pending = append(r.pending[:0], r.pending[n:]...)
	}
	r.mu.Unlock()
	if n > 0 {
		select {
		case r.room <- struct{}{}:
		default:
		}
	}
}
