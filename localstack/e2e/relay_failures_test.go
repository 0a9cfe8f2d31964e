package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/localstack/console"
	"github.com/parley-chat/parley/localstack/e2e/history"
	"github.com/parley-chat/parley/localstack/e2e/rig"
	"github.com/parley-chat/parley/localstack/faults"
	"github.com/parley-chat/parley/localstack/seam"
)

// impatient is the template with a relay that gives up after two tries instead of a hundred, and a repair that is
// tried that often.
func impatient(t *testing.T, repairs int) string {
	t.Helper()
	root, err := ownRoot()
	must(t, err)
	_, err = ownBinary() // makes the directory
	must(t, err)
	source, err := os.ReadFile(filepath.Join(root, "template.yaml"))
	must(t, err)
	text := string(source)
	for _, change := range [][2]string{
		{"MaximumRetryAttempts: 100", "MaximumRetryAttempts: 1"},
		{"deadLetterTargetArn: !GetAtt RelayDeadLetters.Arn, maxReceiveCount: 10", "deadLetterTargetArn: !GetAtt RelayDeadLetters.Arn, maxReceiveCount: " + strconv.Itoa(repairs)},
		{"CodeUri: ./functions/", "CodeUri: ../../../functions/"},
	} {
		if !strings.Contains(text, change[0]) {
			t.Fatalf("the template has no %q", change[0])
		}
		text = strings.ReplaceAll(text, change[0], change[1])
	}
	dir, err := os.MkdirTemp(filepath.Join(root, ".cache", "e2e"), "template-")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) }) // a directory of our own
	path := filepath.Join(dir, "template.yaml")
	must(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// failureRig is a stack with an impatient relay, whose failure queue delivers again after a second.
type failureRig struct {
	*rig.Rig
	queues *sqs.Client
}

func newFailureRig(t *testing.T, repairs int) *failureRig {
	t.Helper()
	r := ownRig(t, rig.Options{Args: []string{"-template", impatient(t, repairs)}})
	keys := credentials.NewStaticCredentialsProvider(r.Local.AccessKeyID, r.Local.SecretAccessKey, "")
	f := &failureRig{Rig: r, queues: sqs.New(sqs.Options{Region: r.Local.Region, Credentials: keys, BaseEndpoint: &r.Local.AWS})}
	url := r.Local.Queues["RelayFailures"]
	_, err := f.queues.SetQueueAttributes(t.Context(), &sqs.SetQueueAttributesInput{QueueUrl: &url, Attributes: map[string]string{"VisibilityTimeout": "1"}})
	must(t, err)
	return f
}

// until waits for a state of the stack.
func (f *failureRig) until(t *testing.T, what string, ok func(console.State) bool) {
	t.Helper()
	ctx := limit(t, 60*time.Second)
	for {
		state, err := f.State(ctx)
		if err == nil && ok(state) {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("waiting for %s: %v, queues %+v, triggers %+v", what, err, state.Queues, state.Triggers)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// discarded is how many records the relay's stream mapping has given up on.
func discarded(s console.State) (n uint64) {
	for _, trigger := range s.Triggers {
		if trigger.Function == "RelayFunction" && trigger.Kind == "dynamodb" {
			n += trigger.Discarded
		}
	}
	return n
}

func queueOf(s console.State, id string) console.Queue {
	i := slices.IndexFunc(s.Queues, func(q console.Queue) bool { return q.LogicalID == id })
	return s.Queues[i]
}

// poison makes every batch of jobs that the relay writes fail, until the rules are mended.
func (f *failureRig) poison(t *testing.T) []string {
	t.Helper()
	return broken(t, f.Rig, faults.Rule{Service: seam.SQS, Operation: "SendMessageBatch", Function: "RelayFunction", Resource: "*IntegrationQueue*",
		Kind: seam.FaultError, ErrorType: "ServiceUnavailable"})
}

// killReadBack kills the relay before and after the effect of each call with which it reads back.
func (f *failureRig) killReadBack(t *testing.T) (ids []string) {
	t.Helper()
	for _, call := range []faults.Rule{
		{Service: seam.DynamoDBStreams, Operation: "GetShardIterator"}, {Service: seam.DynamoDBStreams, Operation: "GetRecords"},
		{Service: seam.SQS, Operation: "SendMessageBatch", Resource: "*RelayFailures*"}, {Service: seam.DynamoDB, Operation: "GetItem"},
	} {
		for _, phase := range []seam.Phase{seam.Before, seam.After} {
			call.Function, call.Phase, call.Kind, call.Times = "RelayFunction", phase, seam.FaultKill, 1
			ids = append(ids, broken(t, f.Rig, call)...)
		}
	}
	return ids
}

// sayMore has both sides say something on both tracks.
func (s *script) sayMore(t *testing.T, id chat.ConversationID, what string) {
	t.Helper()
	ctx := limit(t, 20*time.Second)
	must(t, s.customer.Send(id, chat.Public, what))
	must(t, s.operator.Send(id, chat.Public, what+filler))
	must(t, s.operator.Send(id, chat.Desk, what))
	must(t, s.acked(ctx, s.customer))
	must(t, s.acked(ctx, s.operator))
}

// allTold judges the jobs: everything once after deduplication. What a repair tells is late, so order is not asked for.
func (s *script) allTold(t *testing.T) {
	t.Helper()
	ctx := limit(t, 40*time.Second)
	logs, err := s.Logs(ctx)
	must(t, err)
	found := s.JudgeJobs(ctx, logs)
	report(t, slices.DeleteFunc(found, func(f history.Finding) bool { return f.Kind == history.JobDisorder }))
}

// TestRelayFailuresAreReadBack: the mapping gives up on records, and the relay dies at every call with which it makes up
// for that. What they appended reaches the integrations all the same, with nobody doing anything, while the conversation
// stays open.
func TestRelayFailuresAreReadBack(t *testing.T) {
	t.Parallel()
	f := newFailureRig(t, 50)
	s := newScript(t, f.Rig, rig.Fast())
	id := s.begun(t)
	s.allTold(t)
	rules := append(f.poison(t), f.killReadBack(t)...)
	s.sayMore(t, id, "given up on")
	f.until(t, "every fault", func(console.State) bool {
		left, err := missing(t.Context(), f.Rig, rules)
		return left == "" && err == nil
	})
	f.until(t, "the mapping to give up", func(st console.State) bool { return discarded(st) > 0 })
	must(t, f.Mend(t.Context()))
	s.sayMore(t, id, "relayed as ever")
	s.allTold(t)
	f.until(t, "an empty failure queue", func(st console.State) bool {
		q := queueOf(st, "RelayFailures")
		return q.Visible+q.InFlight+q.Delayed == 0
	})
	head, err := f.Store.Head(t.Context(), chat.Ref{Workspace: s.Conversations()[id].ID, Conversation: id})
	must(t, err)
	if head.Status != chat.StatusActive || head.Public.Relayed == 0 || head.Desk.Relayed == 0 {
		t.Errorf("%s, %d of %d public and %d of %d desk events are known to be relayed: nothing was repaired",
			head.Status, head.Public.Relayed, head.Public.Last, head.Desk.Relayed, head.Desk.Last)
	}
	found, err := f.JudgeStack(limit(t, 5*time.Second))
	must(t, err)
	report(t, found)
}

// TestRepairsThatFailAreDeadLetters: what cannot be repaired either is kept, conversation by conversation, for as long
// as a queue keeps it, and a redrive repairs it.
func TestRepairsThatFailAreDeadLetters(t *testing.T) {
	t.Parallel()
	f := newFailureRig(t, 2)
	s := newScript(t, f.Rig, rig.Fast())
	id := s.begun(t)
	s.allTold(t)
	f.poison(t)
	s.sayMore(t, id, "given up on twice")
	f.until(t, "a dead letter", func(st console.State) bool {
		dead, failures := queueOf(st, "RelayDeadLetters"), queueOf(st, "RelayFailures")
		return discarded(st) > 0 && dead.Visible > 0 && failures.Visible+failures.InFlight == 0
	})
	state, err := f.State(t.Context())
	must(t, err)
	for _, letter := range queueOf(state, "RelayDeadLetters").Sample {
		if !strings.Contains(letter.Body, string(id)) {
			t.Errorf("a dead letter that names no conversation: %s", letter.Body)
		}
	}
	must(t, f.Mend(t.Context()))
	must(t, f.redrive(t.Context(), "RelayDeadLetters"))
	s.allTold(t)
	f.until(t, "empty queues", func(st console.State) bool {
		n := 0
		for _, id := range []string{"RelayDeadLetters", "RelayFailures"} {
			q := queueOf(st, id)
			n += q.Visible + q.InFlight + q.Delayed
		}
		return n == 0
	})
}

func (f *failureRig) redrive(ctx context.Context, queue string) error {
	url := f.Local.Queues[queue]
	out, err := f.queues.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn}})
	if err != nil {
		return err
	}
	arn := out.Attributes["QueueArn"]
	if _, err = f.queues.StartMessageMoveTask(ctx, &sqs.StartMessageMoveTaskInput{SourceArn: &arn}); err != nil {
		return fmt.Errorf("redrive of %s: %w", queue, err)
	}
	return nil
}
