package sqs_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

func TestErrorsAreTyped(t *testing.T) {
	c := start(t)
	_, err := c.client.GetQueueUrl(c.ctx, &awssqs.GetQueueUrlInput{QueueName: aws.String("no-such-queue")})
	var missing *types.QueueDoesNotExist
	if !errors.As(err, &missing) {
		t.Fatalf("error = %v, want QueueDoesNotExist", err)
	}
	c.wantCode(err, "AWS.SimpleQueueService.NonExistentQueue")
	url := c.create(false, nil)
	_, err = c.client.SendMessage(c.ctx, &awssqs.SendMessageInput{QueueUrl: aws.String(url + "x"), MessageBody: aws.String("m")})
	if !errors.As(err, &missing) {
		t.Errorf("error = %v, want QueueDoesNotExist", err)
	}
	_, err = c.client.SendMessage(c.ctx, &awssqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("")})
	c.wantCode(err, "MissingParameter")
	_, err = c.client.SendMessage(c.ctx, &awssqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("bell \a")})
	var contents *types.InvalidMessageContents
	if !errors.As(err, &contents) {
		t.Errorf("error = %v, want InvalidMessageContents", err)
	}
}

func TestQueueIsMadeFoundListedAndDeleted(t *testing.T) {
	c := start(t)
	url := c.create(false, map[string]string{"VisibilityTimeout": "45", "MaximumMessageSize": "2048"})
	name := url[strings.LastIndex(url, "/")+1:]
	found := must[*awssqs.GetQueueUrlOutput](c)(c.client.GetQueueUrl(c.ctx, &awssqs.GetQueueUrlInput{QueueName: &name}))
	listed := must[*awssqs.ListQueuesOutput](c)(c.client.ListQueues(c.ctx, &awssqs.ListQueuesInput{QueueNamePrefix: &name}))
	if *found.QueueUrl != url || !slices.Equal(listed.QueueUrls, []string{url}) {
		t.Errorf("found %s, listed %s, want %s", *found.QueueUrl, listed.QueueUrls, url)
	}
	for attribute, want := range map[string]string{
		"VisibilityTimeout": "45", "MaximumMessageSize": "2048", "DelaySeconds": "0", "MessageRetentionPeriod": "345600",
	} {
		if got := c.attribute(url, attribute); got != want {
			t.Errorf("%s = %q, want %q", attribute, got, want)
		}
	}
	must[*awssqs.SetQueueAttributesOutput](c)(c.client.SetQueueAttributes(c.ctx, &awssqs.SetQueueAttributesInput{
		QueueUrl: &url, Attributes: map[string]string{"VisibilityTimeout": "7"},
	}))
	if got := c.attribute(url, "VisibilityTimeout"); got != "7" {
		t.Errorf("after SetQueueAttributes VisibilityTimeout = %q", got)
	}
	must[*awssqs.DeleteQueueOutput](c)(c.client.DeleteQueue(c.ctx, &awssqs.DeleteQueueInput{QueueUrl: &url}))
	_, err := c.client.GetQueueUrl(c.ctx, &awssqs.GetQueueUrlInput{QueueName: &name})
	c.wantCode(err, "AWS.SimpleQueueService.NonExistentQueue")
}

func TestCreateQueueAgain(t *testing.T) {
	c := start(t)
	url := c.create(false, map[string]string{"DelaySeconds": "5"})
	name := url[strings.LastIndex(url, "/")+1:]
	again := must[*awssqs.CreateQueueOutput](c)(c.client.CreateQueue(c.ctx, &awssqs.CreateQueueInput{QueueName: &name, Attributes: map[string]string{"DelaySeconds": "5"}}))
	if *again.QueueUrl != url {
		t.Errorf("made %s again as %s", url, *again.QueueUrl)
	}
	_, err := c.client.CreateQueue(c.ctx, &awssqs.CreateQueueInput{QueueName: &name, Attributes: map[string]string{"DelaySeconds": "6"}})
	c.wantCode(err, "QueueAlreadyExists")
}

func TestVisibilityTimeout(t *testing.T) {
	c := start(t)
	url := c.create(false, nil)
	c.send(url, "m")
	first := c.receiveOne(url, hiddenFor(1))
	c.wantNothing(url)
	if got := c.attribute(url, "ApproximateNumberOfMessagesNotVisible"); got != "1" {
		t.Errorf("in flight: %s, want 1", got)
	}
	second := c.receiveOne(url) // a long poll: the expiry has to wake it
	if *first.MessageId != *second.MessageId || *first.ReceiptHandle == *second.ReceiptHandle {
		t.Errorf("received %s with handle %s, then %s with %s", *first.MessageId, *first.ReceiptHandle, *second.MessageId, *second.ReceiptHandle)
	}
	c.delete(url, second)
	c.wantNothing(url)
}

func TestChangeVisibility(t *testing.T) {
	c := start(t)
	url := c.create(false, nil)
	c.send(url, "m")
	m := c.receiveOne(url)
	if err := c.changeVisibility(url, m, 0); err != nil {
		t.Fatal(err)
	}
	m = c.receiveOne(url, hiddenFor(1))
	if err := c.changeVisibility(url, m, 3600); err != nil {
		t.Fatal(err)
	}
	if got := c.receive(url, waiting(2)); len(got) != 0 {
		t.Errorf("an extended message came back: %q", bodies(got))
	}
	c.wantCode(c.changeVisibility(url, m, 43201), "InvalidParameterValue")
	c.delete(url, m)
	c.wantCode(c.changeVisibility(url, m, 10), "InvalidParameterValue")
}

func TestChangeVisibilityBatch(t *testing.T) {
	c := start(t)
	url := c.create(false, nil)
	c.send(url, "a")
	c.send(url, "b")
	a, b := c.receiveOne(url), c.receiveOne(url)
	out := must[*awssqs.ChangeMessageVisibilityBatchOutput](c)(c.client.ChangeMessageVisibilityBatch(c.ctx, &awssqs.ChangeMessageVisibilityBatchInput{
		QueueUrl: &url,
		Entries: []types.ChangeMessageVisibilityBatchRequestEntry{
			{Id: aws.String("a"), ReceiptHandle: a.ReceiptHandle, VisibilityTimeout: 0},
			{Id: aws.String("bad"), ReceiptHandle: aws.String("bad")},
			{Id: aws.String("b"), ReceiptHandle: b.ReceiptHandle, VisibilityTimeout: 3600},
		},
	}))
	if len(out.Successful) != 2 || len(out.Failed) != 1 || *out.Failed[0].Id != "bad" || *out.Failed[0].Code != "ReceiptHandleIsInvalid" || !out.Failed[0].SenderFault {
		t.Errorf("answer = %+v", out)
	}
	if got := bodies(c.receive(url)); !slices.Equal(got, bodies([]types.Message{a})) {
		t.Errorf("received %q", got)
	}
}

func TestLongPollWakesOnSend(t *testing.T) {
	c := start(t)
	url := c.create(false, nil)
	got := make(chan []types.Message, 1)
	go func() { got <- c.receive(url, waiting(20)) }()
	time.Sleep(200 * time.Millisecond) // the poll should be waiting; the test holds if it is not
	began := time.Now()
	c.send(url, "m")
	if messages := <-got; len(messages) != 1 || time.Since(began) > 5*time.Second {
		t.Errorf("received %q after %v", bodies(messages), time.Since(began))
	}
}

func TestLongPollTimesOut(t *testing.T) {
	c := start(t)
	url := c.create(false, map[string]string{"ReceiveMessageWaitTimeSeconds": "1"})
	for _, options := range [][]func(*awssqs.ReceiveMessageInput){{waiting(1)}, nil} {
		began := time.Now()
		got := c.receive(url, options...)
		if took := time.Since(began); len(got) != 0 || took < 900*time.Millisecond || took > 10*time.Second {
			t.Errorf("received %q after %v", bodies(got), took)
		}
	}
}

func TestDelay(t *testing.T) {
	c := start(t)
	url := c.create(false, map[string]string{"DelaySeconds": "1"})
	c.send(url, "queue's delay")
	c.send(url, "own delay", func(in *awssqs.SendMessageInput) { in.DelaySeconds = 2 })
	c.wantNothing(url)
	if got := c.attribute(url, "ApproximateNumberOfMessagesDelayed"); got != "2" {
		t.Errorf("delayed: %s, want 2", got)
	}
	if first, second := c.receiveOne(url), c.receiveOne(url); *first.Body != "queue's delay" || *second.Body != "own delay" {
		t.Errorf("received %q, then %q", *first.Body, *second.Body)
	}
	_, err := c.client.SendMessage(c.ctx, &awssqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("m"), DelaySeconds: 901})
	c.wantCode(err, "InvalidParameterValue")
}

func batch(ids ...string) []types.SendMessageBatchRequestEntry {
	var out []types.SendMessageBatchRequestEntry
	for _, id := range ids {
		out = append(out, types.SendMessageBatchRequestEntry{Id: &id, MessageBody: aws.String("body " + id)})
	}
	return out
}

func TestBatchPartialFailure(t *testing.T) {
	c := start(t)
	url := c.create(false, nil)
	entries := batch("a", "b", "c")
	entries[1].MessageBody = aws.String("not allowed: \x01")
	out := must[*awssqs.SendMessageBatchOutput](c)(c.client.SendMessageBatch(c.ctx, &awssqs.SendMessageBatchInput{QueueUrl: &url, Entries: entries}))
	if len(out.Successful) != 2 || len(out.Failed) != 1 || *out.Failed[0].Id != "b" || *out.Failed[0].Code != "InvalidMessageContents" || !out.Failed[0].SenderFault {
		t.Fatalf("send: %+v", out)
	}
	got := append(c.receive(url, waiting(5)), c.receive(url)...)
	if names := bodies(got); len(names) != 2 {
		t.Fatalf("received %q", names)
	}
	deleted := must[*awssqs.DeleteMessageBatchOutput](c)(c.client.DeleteMessageBatch(c.ctx, &awssqs.DeleteMessageBatchInput{
		QueueUrl: &url,
		Entries: []types.DeleteMessageBatchRequestEntry{
			{Id: aws.String("1"), ReceiptHandle: got[0].ReceiptHandle},
			{Id: aws.String("2"), ReceiptHandle: aws.String("AQEBnonsense")},
			{Id: aws.String("3"), ReceiptHandle: got[1].ReceiptHandle},
		},
	}))
	if len(deleted.Successful) != 2 || len(deleted.Failed) != 1 || *deleted.Failed[0].Id != "2" || *deleted.Failed[0].Code != "ReceiptHandleIsInvalid" {
		t.Errorf("delete: %+v", deleted)
	}
}

func TestBatchRules(t *testing.T) {
	c := start(t)
	url := c.create(false, nil)
	big := batch("a", "b")
	for i := range big {
		big[i].MessageBody = aws.String(strings.Repeat("x", 600_000))
	}
	for code, entries := range map[string][]types.SendMessageBatchRequestEntry{
		"AWS.SimpleQueueService.EmptyBatchRequest":            {},
		"AWS.SimpleQueueService.TooManyEntriesInBatchRequest": batch("1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"),
		"AWS.SimpleQueueService.BatchEntryIdsNotDistinct":     batch("same", "same"),
		"AWS.SimpleQueueService.InvalidBatchEntryId":          batch("not:allowed"),
		"AWS.SimpleQueueService.BatchRequestTooLong":          big,
	} {
		_, err := c.client.SendMessageBatch(c.ctx, &awssqs.SendMessageBatchInput{QueueUrl: &url, Entries: entries})
		c.wantCode(err, code)
	}
	c.wantNothing(url)
}

func TestRedriveToDeadLetterQueue(t *testing.T) {
	c := start(t)
	url, dead := c.withDeadLetters(false, 2, map[string]string{"VisibilityTimeout": "0"})
	sent := c.send(url, "poison")
	c.receiveOne(url)
	c.receiveOne(url)
	c.wantNothing(url)
	m := c.receiveOne(dead)
	if *m.MessageId != *sent.MessageId || *m.Body != "poison" {
		t.Errorf("dead letter %s %q", *m.MessageId, *m.Body)
	}
	if m.Attributes["DeadLetterQueueSourceArn"] != c.arn(url) || m.Attributes["ApproximateReceiveCount"] != "3" {
		t.Errorf("attributes = %v", m.Attributes)
	}
}

func TestMoveTask(t *testing.T) {
	c := start(t)
	url, dead := c.withDeadLetters(false, 1, map[string]string{"VisibilityTimeout": "0"})
	for i := range 3 {
		c.send(url, fmt.Sprint("m", i))
	}
	c.receive(url, waiting(5))
	c.wantNothing(url) // moves them
	_, err := c.client.StartMessageMoveTask(c.ctx, &awssqs.StartMessageMoveTaskInput{SourceArn: aws.String(c.arn(url))})
	c.wantCode(err, "InvalidParameterValue") // not a dead-letter queue
	_, err = c.client.StartMessageMoveTask(c.ctx, &awssqs.StartMessageMoveTaskInput{SourceArn: aws.String(c.arn(dead) + "x")})
	c.wantCode(err, "ResourceNotFoundException")
	source := c.arn(dead)
	must[*awssqs.StartMessageMoveTaskOutput](c)(c.client.StartMessageMoveTask(c.ctx, &awssqs.StartMessageMoveTaskInput{SourceArn: &source}))
	for deadline := time.Now().Add(30 * time.Second); ; {
		list := must[*awssqs.ListMessageMoveTasksOutput](c)(c.client.ListMessageMoveTasks(c.ctx, &awssqs.ListMessageMoveTasksInput{SourceArn: &source}))
		if len(list.Results) == 1 && *list.Results[0].Status == "COMPLETED" {
			if moved := list.Results[0].ApproximateNumberOfMessagesMoved; moved != 3 {
				t.Errorf("moved %d messages, want 3", moved)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("tasks: %+v", list.Results)
		}
		time.Sleep(50 * time.Millisecond)
	}
	got := c.receive(url, waiting(5), hiddenFor(30))
	slices.SortFunc(got, func(a, b types.Message) int { return strings.Compare(*a.Body, *b.Body) })
	if !slices.Equal(bodies(got), []string{"m0", "m1", "m2"}) || got[0].Attributes["ApproximateReceiveCount"] != "1" {
		t.Errorf("redriven: %q %v", bodies(got), got[0].Attributes)
	}
}

func TestInvalidHandle(t *testing.T) {
	c := start(t)
	url, other := c.create(false, nil), c.create(false, nil)
	c.send(url, "m")
	m := c.receiveOne(url)
	for queue, handle := range map[string]string{url: "garbage", other: *m.ReceiptHandle} {
		_, err := c.client.DeleteMessage(c.ctx, &awssqs.DeleteMessageInput{QueueUrl: &queue, ReceiptHandle: &handle})
		var invalid *types.ReceiptHandleIsInvalid
		if !errors.As(err, &invalid) {
			t.Errorf("DeleteMessage with %s: %v, want ReceiptHandleIsInvalid", handle, err)
		}
	}
	if err := c.changeVisibility(url, types.Message{ReceiptHandle: aws.String("garbage")}, 1); err == nil {
		t.Error("ChangeMessageVisibility took a garbage handle")
	} else {
		c.wantCode(err, "ReceiptHandleIsInvalid")
	}
}

func TestStaleHandleDeletesNothing(t *testing.T) {
	c := start(t)
	url := c.create(false, nil)
	c.send(url, "m")
	stale := c.receiveOne(url)
	if err := c.changeVisibility(url, stale, 0); err != nil {
		t.Fatal(err)
	}
	current := c.receiveOne(url)
	c.delete(url, stale)
	if err := c.changeVisibility(url, current, 0); err != nil {
		t.Fatalf("the message is gone: %v", err)
	}
	last := c.receiveOne(url)
	c.delete(url, last)
	c.delete(url, last) // idempotent
	c.wantNothing(url)
}

func TestPurge(t *testing.T) {
	c := start(t)
	url := c.create(false, nil)
	c.send(url, "a")
	must[*awssqs.PurgeQueueOutput](c)(c.client.PurgeQueue(c.ctx, &awssqs.PurgeQueueInput{QueueUrl: &url}))
	c.wantNothing(url)
	_, err := c.client.PurgeQueue(c.ctx, &awssqs.PurgeQueueInput{QueueUrl: &url})
	var busy *types.PurgeQueueInProgress
	if !errors.As(err, &busy) {
		t.Errorf("second purge: %v, want PurgeQueueInProgress", err)
	}
}

// A tenant that floods a standard queue must not keep another one waiting.
func TestFairQueue(t *testing.T) {
	c := start(t)
	url := c.create(false, nil)
	for i := range 30 {
		c.send(url, fmt.Sprint("noisy ", i), inGroup("noisy", ""))
	}
	c.send(url, "quiet", inGroup("quiet", ""))
	got := c.receive(url, waiting(5))
	if !slices.Contains(bodies(got), "quiet") {
		t.Errorf("the first ten are %q", bodies(got))
	}
	for _, m := range got {
		if group := m.Attributes["MessageGroupId"]; !strings.HasPrefix(*m.Body, group) {
			t.Errorf("%q has the group %q", *m.Body, group)
		}
	}
	_, err := c.client.SendMessage(c.ctx, &awssqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("m"), MessageDeduplicationId: aws.String("d")})
	c.wantCode(err, "InvalidParameterValue")
}
