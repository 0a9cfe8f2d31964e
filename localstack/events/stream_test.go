package events

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/localstack/template"
)

func mapStream(spec template.StreamMapping) func(*template.Function, *template.Plan) {
	return func(f *template.Function, _ *template.Plan) {
		spec.StreamARN = streamARN
		spec.LogicalID = "FnStream"
		if spec.StartingPosition == "" {
			spec.StartingPosition = "TRIM_HORIZON"
		}
		f.Streams = []template.StreamMapping{spec}
	}
}

// seq names the n-th record of shard s1.
func seq(numbers ...int) []string {
	var all []string
	for _, n := range numbers {
		all = append(all, fmt.Sprintf("s1-%05d", n))
	}
	return all
}

func TestStreamEvent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.stream.put("s1", "a")
		w.start(mapStream(template.StreamMapping{MaxRetries: -1}))
		time.Sleep(time.Second)
		w.stop()
		var got events.DynamoDBEvent
		if err := json.Unmarshal(w.function.calls[0].event, &got); err != nil || len(got.Records) != 1 {
			t.Fatalf("%v: %s", err, w.function.calls[0].event)
		}
		r := got.Records[0]
		if r.EventSourceArn != streamARN || r.EventName != "INSERT" || r.EventVersion != "1.1" || r.AWSRegion != "us-east-1" ||
			r.Change.NewImage["pk"].String() != "a" || r.Change.SequenceNumber != "s1-00001" || r.Change.StreamViewType != "NEW_IMAGE" ||
			r.Change.ApproximateCreationDateTime.IsZero() {
			t.Errorf("got %+v", r)
		}
	})
}

// TestStreamFailures runs five records, a b c d e, through a function that fails in one way, and checks every
// delivery and what the on-failure destination was told.
func TestStreamFailures(t *testing.T) {
	t.Parallel()
	fails := func(times int) func(int, []string, []byte) (string, error) {
		return func(n int, _ []string, _ []byte) (string, error) {
			if n <= times {
				return "", errors.New("boom")
			}
			return "null", nil
		}
	}
	poison := func(_ int, keys []string, _ []byte) (string, error) {
		if slices.Contains(keys, "s1-00003") {
			return "", errors.New("poison")
		}
		return "null", nil
	}
	partial := func(_ int, keys []string, _ []byte) (string, error) {
		if slices.Contains(keys, "s1-00003") {
			return `{"batchItemFailures":[{"itemIdentifier":"s1-00004"},{"itemIdentifier":"s1-00003"}]}`, nil
		}
		return "null", nil
	}
	once := func(n int, keys []string, event []byte) (string, error) {
		if n == 1 {
			return partial(n, keys, event)
		}
		return "null", nil
	}
	all := seq(1, 2, 3, 4, 5)
	tests := []struct {
		name   string
		spec   template.StreamMapping
		answer func(int, []string, []byte) (string, error)
		want   [][]string
		dead   []string // start-end sequence numbers and condition
	}{
		{"retries until it works", template.StreamMapping{MaxRetries: -1}, fails(3), [][]string{all, all, all, all}, nil},
		{"gives up", template.StreamMapping{MaxRetries: 1}, fails(9), [][]string{all, all}, []string{"s1-00001 s1-00005 RetryAttemptsExhausted 2"}},
		{"no retries", template.StreamMapping{MaxRetries: 0}, fails(9), [][]string{all}, []string{"s1-00001 s1-00005 RetryAttemptsExhausted 1"}},
		{"bisects down to the poison", template.StreamMapping{MaxRetries: 1, Bisect: true}, poison,
			[][]string{all, seq(1, 2), seq(3, 4, 5), seq(3), seq(3), seq(4, 5)}, []string{"s1-00003 s1-00003 RetryAttemptsExhausted 2"}},
		{"partial failure goes on from the lowest", template.StreamMapping{MaxRetries: -1, PartialFailures: true}, once,
			[][]string{all, seq(3, 4, 5)}, nil},
		{"partial failures need the response type", template.StreamMapping{MaxRetries: -1}, partial, [][]string{all}, nil},
		{"partial and bisect", template.StreamMapping{MaxRetries: 0, PartialFailures: true, Bisect: true}, partial,
			[][]string{all, seq(3, 4, 5), seq(3), seq(4, 5)}, []string{"s1-00003 s1-00003 RetryAttemptsExhausted 1"}},
		{"throttling is no attempt", template.StreamMapping{MaxRetries: 0}, func(n int, _ []string, _ []byte) (string, error) {
			if n < 4 {
				return "", errThrottled
			}
			return "null", nil
		}, [][]string{all, all, all, all}, nil},
		{"invalid answer fails the batch", template.StreamMapping{MaxRetries: 0, PartialFailures: true}, func(int, []string, []byte) (string, error) {
			return `{"batchItemFailures":[{"itemIdentifier":""}]}`, nil
		}, [][]string{all}, []string{"s1-00001 s1-00005 RetryAttemptsExhausted 1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.stream.put("s1", "a", "b", "c", "d", "e")
				w.function.answer = tt.answer
				tt.spec.OnFailureQueueARN = deadARN
				w.start(mapStream(tt.spec))
				time.Sleep(time.Minute)
				w.stop()
				if diff := cmp.Diff(tt.want, w.function.got()); diff != "" {
					t.Error(diff)
				}
				var dead []string
				for _, text := range w.queues.deadLetters() {
					var f failedBatch
					mustDecode([]byte(text), &f)
					dead = append(dead, fmt.Sprintf("%s %s %s %d", f.Batch.StartSequence, f.Batch.EndSequence, f.RequestContext.Condition, f.RequestContext.ApproximateInvokeCount))
				}
				if diff := cmp.Diff(tt.dead, dead); diff != "" {
					t.Error(diff)
				}
				if at, _ := w.opts.Positions.load("FnStream", "s1"); at != "s1-00005" {
					t.Errorf("checkpoint %q", at)
				}
			})
		})
	}
}

func TestFailedBatchMessage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.stream.put("s1", "a")
		w.function.answer = func(int, []string, []byte) (string, error) { return "", errors.New("boom") }
		w.start(mapStream(template.StreamMapping{OnFailureQueueARN: deadARN}))
		time.Sleep(time.Second)
		w.stop()
		want := `{"requestContext":{"requestId":"r","functionArn":"arn:aws:lambda:us-east-1:000000000000:function:fn","condition":"RetryAttemptsExhausted","approximateInvokeCount":1},` +
			`"responseContext":{"statusCode":200,"executedVersion":"$LATEST","functionError":"Unhandled"},"version":"1.0","timestamp":"2000-01-01T00:00:00.000Z",` +
			`"DDBStreamBatchInfo":{"shardId":"s1","startSequenceNumber":"s1-00001","endSequenceNumber":"s1-00001","approximateArrivalOfFirstRecord":"2000-01-01T00:00:00Z",` +
			`"approximateArrivalOfLastRecord":"2000-01-01T00:00:00Z","batchSize":1,"streamArn":"` + streamARN + `"}}`
		if diff := cmp.Diff([]string{want}, w.queues.deadLetters()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestOldRecordsAreGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.stream.put("s1", "a")
		w.function.answer = func(int, []string, []byte) (string, error) { return "", errors.New("boom") }
		w.start(mapStream(template.StreamMapping{MaxRetries: -1, MaxAge: time.Minute, OnFailureQueueARN: deadARN}))
		time.Sleep(50 * time.Second)
		if len(w.queues.deadLetters()) > 0 {
			t.Error("given up before its time")
		}
		time.Sleep(20 * time.Second)
		w.stop()
		if dead := w.queues.deadLetters(); len(dead) != 1 || !strings.Contains(dead[0], "RecordAgeExceeded") {
			t.Errorf("dead letters %q", dead)
		}
	})
}

func TestStreamWindow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.start(mapStream(template.StreamMapping{BatchSize: 3, Window: 5 * time.Second, MaxRetries: -1}))
		time.Sleep(time.Second)
		begin := time.Now()
		w.stream.put("s1", "a", "b", "c", "d")
		time.Sleep(20 * time.Second)
		w.stop()
		if diff := cmp.Diff([][]string{seq(1, 2, 3), seq(4)}, w.function.got()); diff != "" {
			t.Fatal(diff)
		}
		if full := w.function.calls[0].at.Sub(begin); full > time.Second {
			t.Errorf("a full batch waited %v", full)
		}
		if rest := w.function.calls[1].at.Sub(begin); rest < 5*time.Second || rest > 7*time.Second {
			t.Errorf("the rest waited %v, the window is 5 s", rest)
		}
	})
}

func TestParallelizationKeepsKeysInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for i := range 200 {
			w.stream.put("s1", fmt.Sprintf("key%d", i%10))
		}
		w.function.block = 100 * time.Millisecond
		w.start(mapStream(template.StreamMapping{BatchSize: 5, Parallelization: 4, MaxRetries: -1}))
		time.Sleep(5 * time.Minute)
		w.stop()
		last := map[string]string{}
		total := 0
		for _, c := range w.function.calls {
			var e events.DynamoDBEvent
			mustDecode(c.event, &e)
			for _, r := range e.Records {
				total++
				key := r.Change.Keys["pk"].String()
				if r.Change.SequenceNumber <= last[key] {
					t.Errorf("%s: %s after %s", key, r.Change.SequenceNumber, last[key])
				}
				last[key] = r.Change.SequenceNumber
			}
		}
		if total != 200 || w.function.peak() < 2 || w.function.peak() > 4 {
			t.Errorf("%d records, %d at once", total, w.function.peak())
		}
	})
}

// TestCheckpointWaitsForTheSlowestLane: a restart must repeat what was not done, whatever else was.
func TestCheckpointWaitsForTheSlowestLane(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.stream.put("s1", "stuck")
		for i := range 8 {
			w.stream.put("s1", fmt.Sprintf("key%d", i))
		}
		w.function.answer = func(_ int, keys []string, event []byte) (string, error) {
			if slices.Contains(keys, "s1-00001") {
				return "", errors.New("stuck")
			}
			return "null", nil
		}
		w.start(mapStream(template.StreamMapping{BatchSize: 1, Parallelization: 10, MaxRetries: -1}))
		time.Sleep(time.Minute)
		w.stop()
		if at, ok := w.opts.Positions.load("FnStream", "s1"); ok {
			t.Errorf("checkpoint %q although the first record is not done", at)
		}
	})
}

func TestStreamStartsAndResumes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.stream.put("s1", "before")
		w.start(mapStream(template.StreamMapping{StartingPosition: "LATEST", MaxRetries: -1}))
		time.Sleep(time.Second)
		w.stream.put("s1", "during")
		time.Sleep(time.Second)
		w.stop()
		if diff := cmp.Diff([][]string{seq(2)}, w.function.got()); diff != "" {
			t.Error("LATEST:", diff)
		}

		// A new program with the positions of the journal goes on where the old one stopped.
		w.stream.put("s1", "while down")
		restored := NewPositions()
		if err := w.opts.Positions.Snapshot(restored.Replay); err != nil {
			t.Fatal(err)
		}
		again, err := New(Options{Plan: w.opts.Plan, Invoker: w.function, Streams: w.stream, Positions: restored})
		if err != nil {
			t.Fatal(err)
		}
		w.Mappings = again
		again.Start()
		time.Sleep(time.Second)
		w.stop()
		if diff := cmp.Diff([][]string{seq(2), seq(3)}, w.function.got()); diff != "" {
			t.Error("resumed:", diff)
		}
	})
}

func TestLatestOnAnEmptyShardLosesNothingAcrossARestart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.start(mapStream(template.StreamMapping{StartingPosition: "LATEST", MaxRetries: -1}))
		time.Sleep(time.Second)
		w.stop()
		w.stream.put("s1", "while down")
		again, err := New(w.opts)
		if err != nil {
			t.Fatal(err)
		}
		w.Mappings = again
		again.Start()
		time.Sleep(time.Second)
		w.stop()
		if diff := cmp.Diff([][]string{seq(1)}, w.function.got()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestPositionsAppendToTheJournal(t *testing.T) {
	t.Parallel()
	p, copied := NewPositions(), NewPositions()
	p.Attach(func(component string, record []byte) uint64 {
		if component != Component {
			t.Errorf("component %q", component)
		}
		if err := copied.Replay(record); err != nil {
			t.Error(err)
		}
		return 1
	})
	p.save("m", "s", "1")
	p.save("m", "s", "2")
	if at, ok := copied.load("m", "s"); !ok || at != "2" {
		t.Errorf("replayed %q", at)
	}
}

func TestChildShardsFollowTheirParents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.stream.shards = []fakeShard{{id: "s2", parent: "s1"}, {id: "s1", parent: "gone", closed: true}}
		w.stream.put("s1", "a", "b")
		w.stream.put("s2", "a")
		w.function.block = time.Second
		w.start(mapStream(template.StreamMapping{BatchSize: 1, MaxRetries: -1}))
		time.Sleep(time.Minute)
		w.stop()
		if diff := cmp.Diff([][]string{{"s1-00001"}, {"s1-00002"}, {"s2-00001"}}, w.function.got()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestExpiredIteratorIsRenewed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.start(mapStream(template.StreamMapping{MaxRetries: -1}))
		w.stream.put("s1", "a")
		time.Sleep(time.Second)
		w.stream.mu.Lock()
		w.stream.expire = 2
		w.stream.mu.Unlock()
		w.stream.put("s1", "b")
		time.Sleep(5 * time.Second)
		w.stop()
		if diff := cmp.Diff([][]string{seq(1), seq(2)}, w.function.got()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestStreamFilters(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.stream.put("s1", "conv#1", "user#1", "conv#2", "user#2")
		w.start(mapStream(template.StreamMapping{MaxRetries: -1, Filters: []string{`{"dynamodb":{"NewImage":{"pk":{"S":[{"prefix":"conv#"}]}}}}`}}))
		time.Sleep(time.Second)
		w.stop()
		if diff := cmp.Diff([][]string{seq(1, 3)}, w.function.got()); diff != "" {
			t.Error(diff)
		}
		if at, _ := w.opts.Positions.load("FnStream", "s1"); at != "s1-00004" {
			t.Errorf("checkpoint %q: records that are filtered out are done", at)
		}
	})
}
