package events

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/localstack/template"
)

var errThrottled = errors.New("throttled")

func mapQueue(spec template.QueueMapping) func(*template.Function, *template.Plan) {
	return func(f *template.Function, _ *template.Plan) {
		spec.QueueARN = queueARN
		f.Queues = []template.QueueMapping{spec}
	}
}

// TestQueueOutcomes checks what stays in the queue after one delivery of the messages a, b, c (ids m1, m2, m3),
// and that what stays comes back when the visibility timeout ends, not before.
func TestQueueOutcomes(t *testing.T) {
	t.Parallel()
	all := []string{"a", "b", "c"}
	tests := []struct {
		name    string
		partial bool
		payload string
		err     error
		left    []string
	}{
		{"success", false, `null`, nil, []string{}},
		{"function error", false, ``, errors.New("boom"), all},
		{"throttled", false, ``, errThrottled, all},
		{"failures are ignored without the response type", false, `{"batchItemFailures":[{"itemIdentifier":"m2"}]}`, nil, []string{}},
		{"partial failure", true, `{"batchItemFailures":[{"itemIdentifier":"m2"}]}`, nil, []string{"b"}},
		{"all failed", true, `{"batchItemFailures":[{"itemIdentifier":"m1"},{"itemIdentifier":"m2"},{"itemIdentifier":"m3"}]}`, nil, all},
		{"empty list", true, `{"batchItemFailures":[]}`, nil, []string{}},
		{"null list", true, `{"batchItemFailures":null}`, nil, []string{}},
		{"empty document", true, `{}`, nil, []string{}},
		{"null document", true, `null`, nil, []string{}},
		{"no document", true, ``, nil, []string{}},
		{"invalid JSON", true, `{"batchItemFailures"`, nil, all},
		{"not an object", true, `"done"`, nil, all},
		{"empty identifier", true, `{"batchItemFailures":[{"itemIdentifier":""}]}`, nil, all},
		{"null identifier", true, `{"batchItemFailures":[{"itemIdentifier":null}]}`, nil, all},
		{"wrong key", true, `{"batchItemFailures":[{"id":"m2"}]}`, nil, all},
		{"unknown identifier", true, `{"batchItemFailures":[{"itemIdentifier":"m9"}]}`, nil, all},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.queues.put("", all...)
				w.function.answer = func(n int, _ []string, _ []byte) (string, error) {
					if n > 1 {
						return "null", nil
					}
					return tt.payload, tt.err
				}
				w.start(mapQueue(template.QueueMapping{PartialFailures: tt.partial}))
				defer w.stop()
				time.Sleep(w.queues.visible - time.Second)
				if diff := cmp.Diff(tt.left, w.queues.left()); diff != "" {
					t.Error("left after one delivery:", diff)
				}
				want := [][]string{all}
				if diff := cmp.Diff(want, w.function.got()); diff != "" {
					t.Error("before the visibility timeout:", diff)
				}
				time.Sleep(3 * time.Second)
				if len(tt.left) > 0 {
					want = append(want, tt.left)
				}
				if diff := cmp.Diff(want, w.function.got()); diff != "" {
					t.Error("after the visibility timeout:", diff)
				}
			})
		})
	}
}

func TestQueueEvent(t *testing.T) {
	t.Parallel()
	text := "say \"hi\"\n"
	binary := "AQI="
	msg := message{MessageID: "id", ReceiptHandle: "h", MD5OfBody: "md5", MD5OfMessageAttributes: "md6", Body: mustEncode(text),
		Attributes:        map[string]string{"ApproximateReceiveCount": "1", "MessageGroupId": "g"},
		MessageAttributes: map[string]typedElement{"k": {DataType: "String", StringValue: &text}, "b": {DataType: "Binary", BinaryValue: &binary}}}
	var got events.SQSEvent
	if err := json.Unmarshal(appendQueueEvent(nil, []message{msg, msg}, queueARN, "us-east-1"), &got); err != nil {
		t.Fatal(err)
	}
	want := events.SQSMessage{MessageId: "id", ReceiptHandle: "h", Md5OfBody: "md5", Md5OfMessageAttributes: "md6", Body: text,
		Attributes: msg.Attributes, EventSource: "aws:sqs", EventSourceARN: queueARN, AWSRegion: "us-east-1",
		MessageAttributes: map[string]events.SQSMessageAttribute{
			"k": {StringValue: &text, DataType: "String", StringListValues: []string{}, BinaryListValues: [][]byte{}},
			"b": {BinaryValue: []byte{1, 2}, DataType: "Binary", StringListValues: []string{}, BinaryListValues: [][]byte{}}}}
	if diff := cmp.Diff(events.SQSEvent{Records: []events.SQSMessage{want, want}}, got); diff != "" {
		t.Error(diff)
	}
}

func TestQueueBatches(t *testing.T) {
	t.Parallel()
	var many []string
	for i := range 25 {
		many = append(many, fmt.Sprintf("%02d", i))
	}
	tests := []struct {
		name   string
		spec   template.QueueMapping
		counts []int
		after  time.Duration // no delivery before
	}{
		{"default", template.QueueMapping{MaxConcurrency: 2}, []int{10, 10, 5}, 0},
		{"size 3", template.QueueMapping{BatchSize: 3, MaxConcurrency: 2}, []int{3, 3, 3, 3, 3, 3, 3, 3, 1}, 0},
		{"window fills over several receives", template.QueueMapping{BatchSize: 100, Window: 3 * time.Second, MaxConcurrency: 2}, []int{25}, 3 * time.Second},
		{"window ends early when full", template.QueueMapping{BatchSize: 20, Window: 3 * time.Second, MaxConcurrency: 2}, []int{20, 5}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.queues.put("", many...)
				w.start(mapQueue(tt.spec))
				begin := time.Now()
				time.Sleep(10 * time.Second)
				w.stop()
				var counts []int
				for _, c := range w.function.got() {
					counts = append(counts, len(c))
				}
				slices.SortFunc(counts, func(a, b int) int { return b - a })
				if diff := cmp.Diff(tt.counts, counts); diff != "" {
					t.Error(diff)
				}
				if first := w.function.calls[0].at.Sub(begin); first < tt.after {
					t.Errorf("delivered after %v, the window is %v", first, tt.after)
				}
			})
		})
	}
}

func TestQueueConcurrency(t *testing.T) {
	t.Parallel()
	for limit, want := range map[int]int{0: standardConcurrency, 2: 2, 7: 7} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			for i := range 40 {
				w.queues.put("", fmt.Sprint(i))
			}
			w.function.block = time.Second
			w.start(mapQueue(template.QueueMapping{BatchSize: 1, MaxConcurrency: limit}))
			time.Sleep(500 * time.Millisecond)
			if w.function.peak() != want || w.queues.taken() != want {
				t.Errorf("limit %d: %d at once, %d received; want %d of both: nothing is received before there is room", limit, w.function.peak(), w.queues.taken(), want)
			}
			time.Sleep(30 * time.Second)
			if left := w.queues.left(); len(left) > 0 {
				t.Errorf("left: %v", left)
			}
			w.stop()
		})
	}
}

func TestFIFOKeepsGroupsInOrderAndApart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.queues.fifo = true
		for i := range 30 {
			w.queues.put(string(rune('A'+i%3)), fmt.Sprintf("%c%02d", 'A'+i%3, i))
		}
		var mu sync.Mutex
		busy := map[byte]bool{}
		seen := map[byte][]string{}
		failed := false
		w.function.block = 10 * time.Millisecond
		w.function.answer = func(_ int, keys []string, event []byte) (string, error) {
			mu.Lock()
			defer mu.Unlock()
			for _, k := range keys {
				if k == "B04" && !failed { // fail from here on, once
					failed = true
					return "", errors.New("once")
				}
			}
			for _, k := range keys {
				if busy[k[0]] {
					t.Errorf("group %c is in two batches", k[0])
				}
				seen[k[0]] = append(seen[k[0]], k)
			}
			return "null", nil
		}
		w.start(mapQueue(template.QueueMapping{BatchSize: 4}))
		time.Sleep(3 * time.Minute)
		w.stop()
		for group, keys := range seen {
			if !slices.IsSorted(keys) || len(keys) != 10 {
				t.Errorf("group %c: %v", group, keys)
			}
		}
	})
}

func TestFIFOGroupIsNotProcessedTwiceAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.queues.fifo = true
		w.queues.visible = 6 * time.Second
		w.queues.put("g", "one")
		w.function.block = 10 * time.Second // waits for a process longer than the message stays invisible
		w.start(mapQueue(template.QueueMapping{}))
		defer w.stop()
		time.Sleep(9 * time.Second)
		if got := w.function.got(); len(got) != 1 {
			t.Errorf("invoked %d times at once for one group", len(got))
		}
	})
}

// TestFIFOGroupGoesOnBeforeADeletionIsAnswered: the engine gives out a group's next message as soon as the one before is
// deleted, also when the deletion's answer is still on its way.
func TestFIFOGroupGoesOnBeforeADeletionIsAnswered(t *testing.T) {
	t.Parallel()
	specs := map[string]template.QueueMapping{
		"delivered": {BatchSize: 1},
		"filtered":  {BatchSize: 1, Filters: []string{`{"body":{"kind":["chat"]}}`}},
	}
	for name, spec := range specs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.queues.fifo, w.queues.slow = true, 200*time.Millisecond
				for range 10 {
					w.queues.put("g", `{"kind":"mail"}`, `{"kind":"chat"}`)
				}
				w.start(mapQueue(spec))
				time.Sleep(10 * time.Second) // a third of the visibility timeout
				w.stop()
				if left := w.queues.left(); len(left) > 0 || w.queues.taken() != 20 {
					t.Errorf("%d left, %d taken: a message was received and put aside", len(left), w.queues.taken())
				}
			})
		})
	}
}

func TestFIFOFailureOutOfOrderIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.queues.fifo = true
		w.queues.put("g", "one", "two", "three")
		w.function.answer = func(n int, _ []string, _ []byte) (string, error) {
			if n == 1 {
				return `{"batchItemFailures":[{"itemIdentifier":"m2"}]}`, nil
			}
			return "null", nil
		}
		w.start(mapQueue(template.QueueMapping{PartialFailures: true}))
		time.Sleep(time.Minute)
		w.stop()
		if len(w.warnings) != 1 || !strings.Contains(w.warnings[0], "order is lost") {
			t.Errorf("warnings %q", w.warnings)
		}
	})
}

func TestQueueFiltersDeleteTheRest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.queues.put("", `{"kind":"chat"}`, `{"kind":"mail"}`, `plain`, `{"kind":"chat","n":2}`)
		w.start(mapQueue(template.QueueMapping{Filters: []string{`{"body":{"kind":["chat"]}}`}}))
		time.Sleep(time.Minute)
		w.stop()
		if diff := cmp.Diff([][]string{{`{"kind":"chat"}`, `{"kind":"chat","n":2}`}}, w.function.got()); diff != "" {
			t.Error(diff)
		}
		if left := w.queues.left(); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
		if c := w.State()[0]; c.Filtered != 2 || c.Records != 2 {
			t.Errorf("state %+v", c)
		}
	})
}

func TestLargeBatchesAreSplitAt6MB(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for range 8 {
			w.queues.put("", strings.Repeat("x", 1<<20))
		}
		w.start(mapQueue(template.QueueMapping{}))
		time.Sleep(time.Minute)
		w.stop()
		if got := w.function.got(); len(got) != 2 || len(got[0]) != 5 || len(got[1]) != 3 {
			t.Errorf("%d events", len(got))
		}
		for _, c := range w.function.calls {
			if len(c.event) > maxPayload {
				t.Errorf("event of %d bytes", len(c.event))
			}
		}
	})
}

func TestFailingEngineIsRetried(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.queues.put("", "a")
		w.queues.fail = map[string]int{"ReceiveMessage": 3, "DeleteMessageBatch": 2}
		w.start(mapQueue(template.QueueMapping{}))
		time.Sleep(20 * time.Second)
		w.stop()
		if diff := cmp.Diff([][]string{{"a"}}, w.function.got()); diff != "" || len(w.queues.left()) > 0 {
			t.Error(diff, w.queues.left())
		}
		if len(w.warnings) != 1 {
			t.Errorf("warnings %q", w.warnings)
		}
	})
}

func TestRecursionStops(t *testing.T) {
	t.Parallel()
	for allowed, want := range map[bool]int{false: maxRounds, true: 40} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.queues.put("", "start")
			w.function.answer = func(n int, _ []string, _ []byte) (string, error) {
				if n < 40 { // sends to its own queue, as the SDK does: with the trace of the invocation
					w.queues.put("", "again")
					w.queues.mu.Lock()
					w.queues.messages[len(w.queues.messages)-1].trace = strings.ReplaceAll(w.function.calls[n-1].trace, "|", "%7C")
					w.queues.mu.Unlock()
				}
				return "null", nil
			}
			w.start(func(f *template.Function, p *template.Plan) {
				mapQueue(template.QueueMapping{})(f, p)
				f.AllowRecursion = allowed
			})
			time.Sleep(time.Minute)
			w.stop()
			if got := len(w.function.got()); got != want {
				t.Errorf("allowed %v: %d invocations, want %d", allowed, got, want)
			}
			dead := w.queues.deadLetters()
			if (len(dead) == 1 && dead[0] == "again") == allowed || len(w.queues.left()) > 0 {
				t.Errorf("allowed %v: dead letters %q, left %q", allowed, dead, w.queues.left())
			}
		})
	}
}
