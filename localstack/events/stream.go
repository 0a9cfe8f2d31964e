package events

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/parley-chat/parley/localstack/seam"
	"github.com/parley-chat/parley/localstack/template"
)

const (
	defaultStreamBatch = 100
	maxGetRecords      = 1000                   // DynamoDB Streams: "GetRecords", Limit
	pollInterval       = 250 * time.Millisecond // Lambda polls each shard four times a second
	readPause          = 10 * time.Millisecond  // between two reads of a busy shard, so that batches form
	shardInterval      = 10 * time.Second       // between two looks for new shards
	streamRetention    = 24 * time.Hour         // records expire after that: the end of endless retries
)

// streamMapping is a DynamoDB stream's event source mapping: one reader per shard, parents before children.
type streamMapping struct {
	m         *Mappings
	spec      template.StreamMapping
	function  template.Function
	filters   anyOf
	wanted    *wanted // what the filters look at
	onFailure *template.Queue
	tally     tally

	mu       sync.Mutex
	finished map[string]bool // shards read to their end
}

func newStreamMapping(m *Mappings, f template.Function, spec template.StreamMapping) (*streamMapping, error) {
	filters, err := parsePatterns(spec.Filters)
	if err != nil {
		return nil, fmt.Errorf("function %s: stream %s: %w", f.LogicalID, spec.StreamARN, err)
	}
	s := &streamMapping{m: m, spec: spec, function: f, filters: filters, wanted: wantedBy(filters), finished: map[string]bool{}}
	if spec.OnFailureQueueARN != "" {
		queue, ok := m.queues[spec.OnFailureQueueARN]
		if !ok {
			return nil, fmt.Errorf("function %s: no queue %s in the template for failed batches", f.LogicalID, spec.OnFailureQueueARN)
		}
		s.onFailure = &queue
	}
	if s.spec.BatchSize <= 0 {
		s.spec.BatchSize = defaultStreamBatch
	}
	if s.spec.Parallelization <= 0 {
		s.spec.Parallelization = 1
	}
	return s, nil
}

func (s *streamMapping) state() State {
	return State{Function: s.function.LogicalID, Kind: "dynamodb", Source: s.spec.StreamARN, Counts: s.tally.counts()}
}

// run looks for shards and reads each until ctx ends.
func (s *streamMapping) run(ctx context.Context) {
	var readers sync.WaitGroup
	defer readers.Wait()
	reading := map[string]bool{}
	first := true
	for attempt := 0; ; {
		shards, err := s.describe(ctx)
		if err != nil && ctx.Err() == nil {
			if attempt++; attempt == 1 {
				s.m.warn("mapping of stream %s to %s: %v; retrying", s.spec.StreamARN, s.function.LogicalID, err)
			}
			if !pause(ctx, backoff(attempt)) {
				return
			}
			continue
		}
		attempt = 0
		for _, shard := range shards {
			if reading[shard.ShardID] || !s.parentDone(shard, shards) {
				continue
			}
			reading[shard.ShardID] = true
			reader := newShardReader(s, shard.ShardID, first)
			readers.Go(func() { reader.run(ctx) })
		}
		first = false
		if !pause(ctx, shardInterval) {
			return
		}
	}
}

// shard is one shard of DescribeStream.
type shard struct {
	ShardID       string `json:"ShardId"`
	ParentShardID string `json:"ParentShardId"`
}

// parentDone: a child's records come after its parent's, so it waits for the parent, if that still exists.
func (s *streamMapping) parentDone(child shard, all []shard) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, other := range all {
		if other.ShardID == child.ParentShardID {
			return s.finished[other.ShardID]
		}
	}
	return true
}

func (s *streamMapping) finish(shardID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finished[shardID] = true
}

func (s *streamMapping) describe(ctx context.Context) ([]shard, error) {
	var shards []shard
	start := ""
	for {
		request := map[string]any{"StreamArn": s.spec.StreamARN}
		if start != "" {
			request["ExclusiveStartShardId"] = start
		}
		var result struct {
			StreamDescription struct {
				Shards               []shard
				LastEvaluatedShardID string `json:"LastEvaluatedShardId"`
			}
		}
		if err := s.call(ctx, "DescribeStream", request, &result); err != nil {
			return nil, err
		}
		shards = append(shards, result.StreamDescription.Shards...)
		if start = result.StreamDescription.LastEvaluatedShardID; start == "" {
			return shards, nil
		}
	}
}

// call makes one DynamoDB Streams call.
func (s *streamMapping) call(ctx context.Context, operation string, request, result any) error {
	return decodeAnswer(s.do(ctx, operation, request), result)
}

func (s *streamMapping) do(ctx context.Context, operation string, request any) seam.Answer {
	return s.m.opts.Streams.Do(ctx, seam.Call{Service: seam.DynamoDBStreams, Operation: operation, Body: appendJSON(nil, request)})
}

// passes says whether the filters let a record through.
func (s *streamMapping) passes(record []byte) bool {
	if len(s.filters) == 0 {
		return true
	}
	value, err := s.wanted.decode(record)
	return err == nil && s.filters.matches(value, true)
}
