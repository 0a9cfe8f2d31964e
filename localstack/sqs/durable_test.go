package sqs

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/localstack/journal"
	"github.com/parley-chat/parley/localstack/seam"
	"github.com/parley-chat/parley/localstack/template"
)

// durable opens an engine on the journal in dir.
func durable(t testing.TB, dir string, queues []template.Queue) (*Engine, *journal.Journal) {
	t.Helper()
	e := New(Options{Queues: queues, Endpoint: "http://127.0.0.1:1"})
	j, err := journal.Open(dir, map[string]journal.Component{Component: e})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	e.Attach(j)
	t.Cleanup(func() {
		e.Close()
		_ = j.Close() // closed by most tests
	})
	return e, j
}

func stop(t *testing.T, e *Engine, j *journal.Journal) {
	t.Helper()
	e.Close()
	if err := j.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
}

func TestRestartKeepsMessagesWholeAndHandlesValid(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e, j := durable(t, dir, testQueues())
	send(t, e, "plain", "body", map[string]any{
		"MessageGroupId":    "tenant",
		"MessageAttributes": map[string]any{"n": map[string]any{"DataType": "Number", "StringValue": "1"}, "b": map[string]any{"DataType": "Binary", "BinaryValue": []byte{1, 2}}},
		"MessageSystemAttributes": map[string]any{
			"AWSTraceHeader": map[string]any{"DataType": "String", "StringValue": "Root=1-2-3"},
		},
	})
	before := receive(t, e, "plain", map[string]any{"MessageAttributeNames": []string{"All"}})[0]
	stop(t, e, j)

	e, _ = durable(t, dir, testQueues())
	after := receive(t, e, "plain", map[string]any{"MessageAttributeNames": []string{"All"}})
	if len(after) != 1 {
		t.Fatalf("received %q", names(after))
	}
	if after[0].Attributes["ApproximateReceiveCount"] != "2" {
		t.Errorf("receive count %s, want 2", after[0].Attributes["ApproximateReceiveCount"])
	}
	for _, m := range []*received{&before, &after[0]} {
		m.ReceiptHandle = ""
		delete(m.Attributes, "ApproximateReceiveCount")
	}
	if diff := cmp.Diff(before, after[0]); diff != "" {
		t.Errorf("the restart changed the message: %s", diff)
	}
}

func TestRestartKeepsReceiptHandles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e, j := durable(t, dir, testQueues())
	send(t, e, "plain", "m", nil)
	m := receive(t, e, "plain", nil)[0]
	stop(t, e, j)
	e, _ = durable(t, dir, testQueues())
	do[struct{}](t, e, "DeleteMessage", map[string]any{"QueueUrl": url("plain"), "ReceiptHandle": m.ReceiptHandle})
	if s := stateOf(t, e, "plain"); s.Visible != 0 {
		t.Errorf("state = %+v", s)
	}
}

func TestRestartKeepsDeduplicationAndSequence(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e, j := durable(t, dir, testQueues())
	first := send(t, e, "ordered.fifo", "m", nil)
	m := receive(t, e, "ordered.fifo", nil)[0]
	do[struct{}](t, e, "DeleteMessage", map[string]any{"QueueUrl": url("ordered.fifo"), "ReceiptHandle": m.ReceiptHandle})
	stop(t, e, j)
	e, _ = durable(t, dir, testQueues())
	if again := send(t, e, "ordered.fifo", "m", nil); again.MessageID != first.MessageID || again.SequenceNumber != first.SequenceNumber {
		t.Errorf("sent again as %+v, first as %+v", again, first)
	}
	if next := send(t, e, "ordered.fifo", "n", nil); next.SequenceNumber <= first.SequenceNumber {
		t.Errorf("sequence number %s after %s", next.SequenceNumber, first.SequenceNumber)
	}
}

func TestRestartKeepsQueuesThatCallsMade(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e, j := durable(t, dir, testQueues())
	create := func(name string, attributes map[string]string) string {
		return do[queueURLAnswer](t, e, "CreateQueue", map[string]any{"QueueName": name, "Attributes": attributes}).QueueURL
	}
	own := create("own.fifo", map[string]string{"FifoQueue": "true", "VisibilityTimeout": "77"})
	gone := create("gone", nil)
	do[struct{}](t, e, "SetQueueAttributes", map[string]any{"QueueUrl": url("plain"), "Attributes": map[string]string{"VisibilityTimeout": "78"}})
	do[struct{}](t, e, "SetQueueAttributes", map[string]any{"QueueUrl": url("plain-dead"), "Attributes": map[string]string{"VisibilityTimeout": "79"}})
	send(t, e, "plain", "purged", nil)
	do[struct{}](t, e, "PurgeQueue", map[string]any{"QueueUrl": url("plain")})
	do[struct{}](t, e, "DeleteQueue", map[string]any{"QueueUrl": gone})
	do[sent](t, e, "SendMessage", map[string]any{"QueueUrl": own, "MessageBody": "m", "MessageGroupId": "g", "MessageDeduplicationId": "d"})
	stop(t, e, j)

	changed := testQueues()
	changed[1].Retention = time.Hour // a new deployment of plain-dead overrides what was set by hand
	e, j = durable(t, dir, changed)
	visibility := func(queue string) string {
		return do[attributesAnswer](t, e, "GetQueueAttributes", map[string]any{"QueueUrl": queue, "AttributeNames": []string{"VisibilityTimeout"}}).Attributes["VisibilityTimeout"]
	}
	if a, b, c := visibility(own), visibility(url("plain")), visibility(url("plain-dead")); a != "77" || b != "78" || c != "30" {
		t.Errorf("visibility time-outs %s, %s, %s; want 77, 78, 30", a, b, c)
	}
	if len(e.State()) != 5 || stateOf(t, e, "own.fifo").Visible != 1 || stateOf(t, e, "plain").Visible != 0 {
		t.Errorf("state = %+v", e.State())
	}
	stop(t, e, j)

	// A queue that left the template takes its messages along and leaves the others alone.
	e, _ = durable(t, dir, changed[1:])
	if len(e.State()) != 4 || stateOf(t, e, "own.fifo").Visible != 1 {
		t.Errorf("without plain: %+v", e.State())
	}
}

func TestCompactedLogHoldsTheSame(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e, j := durable(t, dir, testQueues())
	own := do[queueURLAnswer](t, e, "CreateQueue", map[string]any{"QueueName": "own"}).QueueURL
	do[sent](t, e, "SendMessage", map[string]any{"QueueUrl": own, "MessageBody": "in own"})
	for range 30 {
		send(t, e, "plain", strings.Repeat("x", 100_000), nil)
	}
	do[struct{}](t, e, "PurgeQueue", map[string]any{"QueueUrl": url("plain")})
	first := send(t, e, "ordered.fifo", "kept", nil)
	stop(t, e, j)
	size := func() int64 {
		stat, err := os.Stat(filepath.Join(dir, "journal"))
		if err != nil {
			t.Fatal(err)
		}
		return stat.Size()
	}
	if size() < 3_000_000 {
		t.Fatalf("the log has %d bytes: too few to be compacted", size())
	}
	_, j = durable(t, dir, testQueues()) // compacts
	if err := j.Close(); err != nil || size() > 10_000 {
		t.Fatalf("after compaction the log has %d bytes (%v)", size(), err)
	}
	e, _ = durable(t, dir, testQueues())
	if again := send(t, e, "ordered.fifo", "kept", nil); again != first {
		t.Errorf("sent again as %+v, first as %+v", again, first)
	}
	if s := stateOf(t, e, "own"); s.Visible != 1 || stateOf(t, e, "ordered.fifo").Visible != 1 || stateOf(t, e, "plain").Visible != 0 {
		t.Errorf("state = %+v", e.State())
	}
}

// answered is what callers have been told.
type answered struct {
	sync.Mutex
	sent, deleted map[string]bool
}

func (a *answered) note(to map[string]bool, body string) {
	a.Lock()
	defer a.Unlock()
	to[body] = true
}

// copies returns both sets as they are now.
func (a *answered) copies() (sent, deleted map[string]bool) {
	a.Lock()
	defer a.Unlock()
	return maps.Clone(a.sent), maps.Clone(a.deleted)
}

// keeps reports whether nobody ever deletes the message.
func keeps(body string) bool { return strings.HasSuffix(body, "0") || strings.HasSuffix(body, "5") }

// produceAndConsume works until stop is closed, one message at a time.
func (a *answered) produceAndConsume(t *testing.T, e *Engine, name int, stop <-chan struct{}) {
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		default:
		}
		body := fmt.Sprintf("%d/%d", name, i)
		send(t, e, "plain", body, nil)
		a.note(a.sent, body)
		for _, m := range receive(t, e, "plain", nil) {
			if keeps(m.Body) {
				continue
			}
			do[struct{}](t, e, "DeleteMessage", map[string]any{"QueueUrl": url("plain"), "ReceiptHandle": m.ReceiptHandle})
			a.note(a.deleted, m.Body)
		}
	}
}

// TestCrashLosesNothingAcknowledged copies the log at a moment when many calls are under way, which is what a
// kill would leave, and looks for everything that had been answered by then.
func TestCrashLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	dir, crashed := t.TempDir(), t.TempDir()
	e, _ := durable(t, dir, testQueues())
	told := &answered{sent: map[string]bool{}, deleted: map[string]bool{}}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() { told.produceAndConsume(t, e, g, stop) })
	}
	sent, deleted := told.copies()
	for deadline := time.Now().Add(30 * time.Second); len(sent)+len(deleted) < 2000 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
		sent, deleted = told.copies()
	}
	log, err := os.ReadFile(filepath.Join(dir, "journal"))
	close(stop)
	wg.Wait()
	if err == nil {
		err = os.WriteFile(filepath.Join(crashed, "journal"), log, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	after, _ := durable(t, crashed, testQueues())
	found := map[string]bool{}
	messages, _ := after.Peek("plain", 1<<20)
	for _, m := range messages {
		found[m.Body] = true
		if deleted[m.Body] {
			t.Errorf("%s came back after its delete was answered", m.Body)
		}
		if m.State != "visible" {
			t.Errorf("%s is %s after the crash", m.Body, m.State)
		}
	}
	kept := 0
	for body := range sent {
		if !keeps(body) {
			continue // its delete may have been under way
		}
		if kept++; !found[body] {
			t.Errorf("%s was acknowledged and is lost", body)
		}
	}
	if kept < 100 || len(deleted) < 100 {
		t.Errorf("only %d messages and %d deletes were checked", kept, len(deleted))
	}
}

// Every call that changes something has to wait for the journal, so with a broken one it must fail.
func TestFailedJournalFailsCalls(t *testing.T) {
	t.Parallel()
	e, j := durable(t, t.TempDir(), testQueues())
	for i := range 4 {
		send(t, e, "plain", fmt.Sprint(i), nil)
	}
	got := receive(t, e, "plain", map[string]any{"MaxNumberOfMessages": 2})
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	queue := fmt.Sprintf(`"QueueUrl":%q`, url("plain"))
	for _, call := range [][2]string{
		{"SendMessage", `{` + queue + `,"MessageBody":"m"}`},
		{"SendMessageBatch", `{` + queue + `,"Entries":[{"Id":"1","MessageBody":"m"}]}`},
		{"ReceiveMessage", `{` + queue + `}`},
		{"DeleteMessage", `{` + queue + `,"ReceiptHandle":"` + got[0].ReceiptHandle + `"}`},
		{"DeleteMessageBatch", `{` + queue + `,"Entries":[{"Id":"1","ReceiptHandle":"` + got[1].ReceiptHandle + `"}]}`},
		{"StartMessageMoveTask", `{"SourceArn":"arn:aws:sqs:eu-central-1:123456789012:plain-dead"}`},
		{"SetQueueAttributes", `{` + queue + `,"Attributes":{"DelaySeconds":"1"}}`},
		{"CreateQueue", `{"QueueName":"new"}`},
		{"PurgeQueue", `{` + queue + `}`},
		{"DeleteQueue", `{` + queue + `}`},
	} {
		a := e.Do(t.Context(), seam.Call{Operation: call[0], Body: []byte(call[1])})
		if a.Status != 500 || a.ErrorType != coralNamespace+"InternalFailure" {
			t.Errorf("%s with a broken journal: %d %s", call[0], a.Status, a.Body)
		}
	}
}

func TestReplayRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	e := memory(t)
	good := slices.Clone(mustSnapshot(t))
	for _, record := range [][]byte{nil, {'?'}, {kindMessage, 5, 'p'}, {kindQueue, '{'}, append(good, 0)} {
		if err := e.Replay(record); !errors.Is(err, errRecord) {
			t.Errorf("Replay(%q) = %v, want errRecord", record, err)
		}
	}
}

// mustSnapshot returns the record of one message.
func mustSnapshot(t testing.TB) []byte {
	b := encoder{kindMessage}
	b.text("plain")
	b.message(&message{content: content{id: "i", body: "b", attributes: attributes{{name: "a", kind: "String", value: "v"}}}, number: 3, sent: time.Unix(1_798_761_600, 0)})
	b.flag(false)
	if err := New(Options{Queues: testQueues()}).Replay(b); err != nil {
		t.Fatal(err)
	}
	return b
}
