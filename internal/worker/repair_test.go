package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/parley-chat/parley/internal/chat"
)

// failures is the failure queue.
type failures struct {
	taken  []chat.Ref
	own    []chat.OwnSpan
	refuse error
}

func (q *failures) Enqueue(_ context.Context, conversations []chat.Ref, own []chat.OwnSpan) error {
	if q.refuse == nil {
		q.taken, q.own = append(q.taken, conversations...), append(q.own, own...)
	}
	return q.refuse
}

// giveUp hands messages of the failure queue to the relay, as Lambda does, and returns those that are to come again.
func (w *relayWorld) giveUp(t *testing.T, bodies ...string) []string {
	t.Helper()
	var e events.SQSEvent
	for i, body := range bodies {
		e.Records = append(e.Records, events.SQSMessage{MessageId: fmt.Sprint("id", i), Body: body, EventSource: "aws:sqs", EventSourceARN: "arn:aws:sqs:us-east-1:1:q"})
	}
	payload, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := w.Invoke(t.Context(), payload)
	if err != nil {
		t.Fatal(err)
	}
	var out events.SQSEventResponse
	if err := json.Unmarshal(answer, &out); err != nil {
		t.Fatal(err)
	}
	var failed []string
	for _, f := range out.BatchItemFailures {
		failed = append(failed, f.ItemIdentifier)
	}
	return failed
}

func lost(n int) string {
	return fmt.Sprintf(`{"v":1,"workspace":%q,"conversation":%q}`, workspace, conversation(n))
}

const lostRange = `{"requestContext":{"condition":"RetryAttemptsExhausted"},"DDBStreamBatchInfo":{"shardId":"s1","startSequenceNumber":"11","endSequenceNumber":"19","batchSize":2,"streamArn":"arn"}}`

// A range of the stream becomes one message per conversation. Nothing is repaired with it: what cannot be repaired is
// to hold back no other.
func TestRangeIsTakenApart(t *testing.T) {
	t.Parallel()
	w, q := newRelayWorld(t), &failures{}
	w.Failures = q
	var asked string
	w.Appended = func(_ context.Context, stream, shard, first, last string) ([]chat.Ref, []chat.OwnSpan, error) {
		asked = strings.Join([]string{stream, shard, first, last}, " ")
		return []chat.Ref{ref(1), ref(3)}, []chat.OwnSpan{ownSpan(2, 5)}, nil
	}
	if failed := w.giveUp(t, lostRange); failed != nil {
		t.Fatal(failed)
	}
	if asked != "arn s1 11 19" || !slices.Equal(q.taken, []chat.Ref{ref(1), ref(3)}) || !slices.Equal(q.own, []chat.OwnSpan{ownSpan(2, 5)}) || len(w.queue.jobs) != 0 {
		t.Errorf("asked for %q, queued %v and %v, jobs %v", asked, q.taken, q.own, w.queue.jobs)
	}
	q.refuse = errors.New("not taken")
	if failed := w.giveUp(t, lostRange); !slices.Equal(failed, []string{"id0"}) {
		t.Errorf("conversations that were not taken: %v", failed)
	}
	w.Appended = func(context.Context, string, string, string, string) ([]chat.Ref, []chat.OwnSpan, error) {
		return nil, nil, errors.New("TrimmedDataAccessException")
	}
	if failed := w.giveUp(t, lostRange); !slices.Equal(failed, []string{"id0"}) {
		t.Errorf("a range that cannot be read: %v", failed)
	}
	w.Appended = func(context.Context, string, string, string, string) ([]chat.Ref, []chat.OwnSpan, error) {
		return nil, nil, nil
	}
	if failed := w.giveUp(t, lostRange); failed != nil {
		t.Errorf("a range without appends: %v", failed)
	}
}

// Each conversation is repaired by itself, and its failure reported alone.
func TestLostConversationsAreRepaired(t *testing.T) {
	t.Parallel()
	w := newRelayWorld(t)
	w.queue.refuse = conversation(1)
	batch := []string{lost(0), lost(1), "not a job", lost(2), `{"v":9}`, strings.Replace(lost(0), string(conversation(0)), "c_01kaw3v4x0c0nversat10nzzzz", 1)}
	if failed := w.giveUp(t, batch...); !slices.Equal(failed, []string{"id1", "id2", "id4"}) {
		t.Fatalf("%v", failed)
	}
	if !slices.Equal(w.queue.jobs, []string{"01", "02", "21", "22"}) {
		t.Errorf("%v", w.queue.jobs)
	}
	if !strings.Contains(w.logged.String(), `"message":"id1"`) {
		t.Errorf("%s", &w.logged)
	}
	w.queue.refuse = ""
	if failed := w.giveUp(t, lost(1), lost(1)); failed != nil {
		t.Fatal(failed)
	}
	if !slices.Equal(w.queue.jobs[4:], []string{"11", "12"}) {
		t.Errorf("%v", w.queue.jobs)
	}
}

const ownOperator = "u_01kaw3v4x0fedcba9876543210"

func ownSpan(from, to uint64) chat.OwnSpan {
	return chat.OwnSpan{Subject: chat.Subject{Workspace: workspace, ID: ownOperator}, From: from, To: to}
}

// ownLog has every event that it is asked for.
type ownLog struct{}

func (ownLog) OwnEvents(_ context.Context, span chat.OwnSpan) (out []chat.OwnEvent, err error) {
	for seq := span.From + 1; seq <= span.To; seq++ {
		out = append(out, chat.OwnEvent{Seq: seq, Type: chat.EventType(chat.OperatorStatus)})
	}
	return out, nil
}

// What an operator's own log lost is told again from the message, which says what it was.
func TestLostPartsOfOwnLogsAreRepaired(t *testing.T) {
	t.Parallel()
	w := newRelayWorld(t)
	w.Relay.Relay.Own = ownLog{}
	body := fmt.Sprintf(`{"v":1,"workspace":%q,"subject":%q,"from":2,"to":5}`, workspace, ownOperator)
	w.queue.refuse = ownOperator
	if failed := w.giveUp(t, body, lost(0)); !slices.Equal(failed, []string{"id0"}) {
		t.Fatalf("%v", failed)
	}
	w.queue.refuse, w.queue.jobs = "", nil
	if failed := w.giveUp(t, body); failed != nil || !slices.Equal(w.queue.jobs, []string{"03", "04", "05"}) {
		t.Errorf("%v %v", failed, w.queue.jobs)
	}
}
