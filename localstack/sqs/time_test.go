package sqs

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/localstack/seam"
)

// memory is an engine without a journal in the virtual time of the bubble.
func memory(t *testing.T) *Engine {
	e := New(Options{Queues: testQueues()})
	t.Cleanup(e.Close)
	return e
}

func send(t *testing.T, e *Engine, queue, body string, more map[string]any) sent {
	t.Helper()
	request := map[string]any{"QueueUrl": url(queue), "MessageBody": body}
	for k, v := range more {
		request[k] = v
	}
	if isFIFO(queue) && request["MessageGroupId"] == nil {
		request["MessageGroupId"] = "g"
	}
	if isFIFO(queue) && request["MessageDeduplicationId"] == nil {
		request["MessageDeduplicationId"] = body
	}
	return do[sent](t, e, "SendMessage", request)
}

func receive(t *testing.T, e *Engine, queue string, more map[string]any) []received {
	t.Helper()
	request := map[string]any{"QueueUrl": url(queue), "MaxNumberOfMessages": 10, "MessageSystemAttributeNames": []string{"All"}}
	for k, v := range more {
		request[k] = v
	}
	return do[receiveMessageAnswer](t, e, "ReceiveMessage", request).Messages
}

func names(messages []received) []string {
	var out []string
	for _, m := range messages {
		out = append(out, m.Body)
	}
	return out
}

// wantError runs an operation that has to fail with the error type.
func wantError(t *testing.T, e *Engine, operation, kind, body string) {
	t.Helper()
	answer := e.Do(context.Background(), seam.Call{Operation: operation, Body: []byte(body)})
	if answer.ErrorType != kind || answer.Status < 400 {
		t.Errorf("%s %s: %d %s, want %s", operation, body, answer.Status, answer.Body, kind)
	}
}

func TestLongPollWakesExactlyWhenSomethingBecomesVisible(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		prepare func(t *testing.T, e *Engine)
		queue   string
		after   time.Duration
	}{
		"delay": {func(t *testing.T, e *Engine) {
			send(t, e, "plain", "m", map[string]any{"DelaySeconds": 7})
		}, "plain", 7 * time.Second},
		"visibility": {func(t *testing.T, e *Engine) {
			send(t, e, "plain", "m", nil)
			receive(t, e, "plain", map[string]any{"VisibilityTimeout": 9})
		}, "plain", 9 * time.Second},
		"FIFO group": {func(t *testing.T, e *Engine) {
			send(t, e, "ordered.fifo", "1", nil)
			send(t, e, "ordered.fifo", "2", nil)
			receive(t, e, "ordered.fifo", map[string]any{"VisibilityTimeout": 4, "MaxNumberOfMessages": 1})
		}, "ordered.fifo", 4 * time.Second},
		"shortened visibility": {func(t *testing.T, e *Engine) {
			send(t, e, "plain", "m", nil)
			m := receive(t, e, "plain", nil)[0]
			time.AfterFunc(3*time.Second, func() {
				do[struct{}](t, e, "ChangeMessageVisibility", map[string]any{"QueueUrl": url("plain"), "ReceiptHandle": m.ReceiptHandle, "VisibilityTimeout": 2})
			})
		}, "plain", 5 * time.Second},
		"retention of the blocking message": {func(t *testing.T, e *Engine) {
			do[struct{}](t, e, "SetQueueAttributes", map[string]any{"QueueUrl": url("ordered.fifo"), "Attributes": map[string]string{"MessageRetentionPeriod": "60"}})
			send(t, e, "ordered.fifo", "1", nil)
			receive(t, e, "ordered.fifo", map[string]any{"VisibilityTimeout": 600})
			time.Sleep(50 * time.Second)
			send(t, e, "ordered.fifo", "2", nil)
		}, "ordered.fifo", 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := memory(t)
				test.prepare(t, e)
				changed := e.Changed(test.queue)
				began := time.Now()
				got := receive(t, e, test.queue, map[string]any{"WaitTimeSeconds": 20})
				if took := time.Since(began); len(got) == 0 || took != test.after {
					t.Errorf("received %q after %v, want %v", names(got), took, test.after)
				}
				select {
				case <-changed:
				default:
					t.Error("Changed did not tell")
				}
			})
		})
	}
}

func TestLongPollEndsWithItsContextAndWithTheEngine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := memory(t)
		poll := seam.Call{Operation: "ReceiveMessage", Body: []byte(`{"QueueUrl":"` + url("plain") + `","WaitTimeSeconds":20}`)}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		began := time.Now()
		if a := e.Do(ctx, poll); a.ErrorType != "" || time.Since(began) != time.Second {
			t.Errorf("cancelled poll: %s after %v", a.Body, time.Since(began))
		}
		time.AfterFunc(time.Second, e.Close)
		if a := e.Do(context.Background(), poll); a.ErrorType != "" || time.Since(began) != 2*time.Second {
			t.Errorf("poll at Close: %s after %v", a.Body, time.Since(began))
		}
	})
}

func TestDeduplicationEndsFiveMinutesAfterTheFirstSend(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := memory(t)
		same := map[string]any{"MessageDeduplicationId": "d"}
		first := send(t, e, "ordered.fifo", "m", same)
		time.Sleep(dedupWindow - time.Second)
		if again := send(t, e, "ordered.fifo", "m", same); again.MessageID != first.MessageID {
			t.Error("a duplicate was accepted within the window")
		}
		time.Sleep(time.Second)
		if later := send(t, e, "ordered.fifo", "m", same); later.MessageID == first.MessageID {
			t.Error("the duplicate extended the window")
		}
		if got := receive(t, e, "ordered.fifo", nil); len(got) != 2 {
			t.Errorf("received %q", names(got))
		}
	})
}

func TestRetention(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := memory(t)
		send(t, e, "plain", "old", nil)
		time.Sleep(defaultRetention - time.Second)
		send(t, e, "plain", "new", nil)
		if s := stateOf(t, e, "plain"); s.Visible != 2 || s.OldestAge != defaultRetention-time.Second {
			t.Errorf("state = %+v", s)
		}
		time.Sleep(time.Second)
		if got := receive(t, e, "plain", nil); !slices.Equal(names(got), []string{"new"}) {
			t.Errorf("received %q", names(got))
		}
	})
}

func stateOf(t *testing.T, e *Engine, name string) QueueState {
	t.Helper()
	for _, s := range e.State() {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no queue %s", name)
	return QueueState{}
}

// In a standard queue a dead letter's age counts from its first send, in a FIFO queue from the move.
func TestRetentionOfDeadLetters(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := memory(t)
		send(t, e, "plain", "m", nil)
		send(t, e, "ordered.fifo", "m", nil)
		time.Sleep(time.Hour)
		for range maxReceivesOfModel + 1 {
			receive(t, e, "plain", map[string]any{"VisibilityTimeout": 0})
			receive(t, e, "ordered.fifo", map[string]any{"VisibilityTimeout": 0})
		}
		if got := stateOf(t, e, "plain-dead").OldestAge; got != time.Hour {
			t.Errorf("age of the standard dead letter %v, want 1h", got)
		}
		if s := stateOf(t, e, "ordered-dead.fifo"); s.OldestAge != 0 || s.Visible != 1 {
			t.Errorf("FIFO dead letters: %+v, want one of age 0", s)
		}
	})
}

func TestVisibilityEndsTwelveHoursAfterTheReceive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := memory(t)
		send(t, e, "plain", "m", nil)
		m := receive(t, e, "plain", map[string]any{"VisibilityTimeout": 43200})[0]
		time.Sleep(time.Hour)
		change := func(seconds int) string {
			return fmt.Sprintf(`{"QueueUrl":%q,"ReceiptHandle":%q,"VisibilityTimeout":%d}`, url("plain"), m.ReceiptHandle, seconds)
		}
		wantError(t, e, "ChangeMessageVisibility", coralNamespace+"InvalidParameterValueException", change(11*3600+1))
		if a := e.Do(context.Background(), seam.Call{Operation: "ChangeMessageVisibility", Body: []byte(change(11 * 3600))}); a.ErrorType != "" {
			t.Errorf("11 more hours: %s", a.Body)
		}
	})
}

// AWS lets the latest handle of a standard queue hide its message anew; a FIFO queue's handle is over.
func TestHandlesAfterTheVisibilityTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := memory(t)
		for _, queue := range []string{"plain", "ordered.fifo"} {
			send(t, e, queue, "m", nil)
			m := receive(t, e, queue, map[string]any{"VisibilityTimeout": 1})[0]
			time.Sleep(2 * time.Second)
			body := fmt.Sprintf(`{"QueueUrl":%q,"ReceiptHandle":%q`, url(queue), m.ReceiptHandle)
			if queue == "plain" {
				do[struct{}](t, e, "ChangeMessageVisibility", map[string]any{"QueueUrl": url(queue), "ReceiptHandle": m.ReceiptHandle, "VisibilityTimeout": 60})
				if got := receive(t, e, queue, nil); len(got) > 0 {
					t.Errorf("received %q", names(got))
				}
				do[struct{}](t, e, "DeleteMessage", map[string]any{"QueueUrl": url(queue), "ReceiptHandle": m.ReceiptHandle})
				continue
			}
			wantError(t, e, "ChangeMessageVisibility", coralNamespace+"InvalidParameterValueException", body+`,"VisibilityTimeout":60}`)
			wantError(t, e, "DeleteMessage", coralNamespace+"InvalidParameterValueException", body+`}`)
		}
		if s := e.State(); s[3].Visible+s[3].InFlight+s[2].Visible+s[2].InFlight != 0 {
			t.Errorf("standard queues hold %+v", s[2:])
		}
	})
}

func TestMoveTaskWithARate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := memory(t)
		for i := range 5 {
			send(t, e, "ordered.fifo", fmt.Sprint(i), nil)
		}
		for range maxReceivesOfModel + 1 {
			receive(t, e, "ordered.fifo", map[string]any{"VisibilityTimeout": 0})
		}
		source := "arn:aws:sqs:eu-central-1:123456789012:ordered-dead.fifo"
		start := fmt.Sprintf(`{"SourceArn":%q,"MaxNumberOfMessagesPerSecond":2}`, source)
		if a := e.Do(context.Background(), seam.Call{Operation: "StartMessageMoveTask", Body: []byte(start)}); a.ErrorType != "" {
			t.Fatalf("StartMessageMoveTask: %s", a.Body)
		}
		wantError(t, e, "StartMessageMoveTask", coralNamespace+"InvalidParameterValueException", start)
		changed := e.Changed("ordered.fifo")
		began := time.Now()
		<-changed // nobody touches the queues: the timer has to move the first one
		if took := time.Since(began); took != 500*time.Millisecond {
			t.Errorf("the first message moved after %v", took)
		}
		time.Sleep(time.Second)
		task := do[listMessageMoveTasksAnswer](t, e, "ListMessageMoveTasks", map[string]any{"SourceArn": source}).Results[0]
		if task.Status != taskRunning || task.ApproximateNumberOfMessagesMoved != 3 || task.ApproximateNumberOfMessagesToMove != 5 || task.TaskHandle == "" {
			t.Errorf("after 1.5 s: %+v", task)
		}
		time.Sleep(time.Second)
		task = do[listMessageMoveTasksAnswer](t, e, "ListMessageMoveTasks", map[string]any{"SourceArn": source}).Results[0]
		if task.Status != taskCompleted || task.ApproximateNumberOfMessagesMoved != 5 || task.TaskHandle != "" {
			t.Errorf("after 2.5 s: %+v", task)
		}
		got := receive(t, e, "ordered.fifo", nil)
		if !slices.Equal(names(got), []string{"0", "1", "2", "3", "4"}) || got[0].Attributes["ApproximateReceiveCount"] != "1" {
			t.Errorf("redriven: %q %v", names(got), got[0].Attributes)
		}
	})
}

func TestMoveTaskFailures(t *testing.T) {
	t.Parallel()
	e := memory(t)
	send(t, e, "plain-dead", "sent here directly", nil)
	source := map[string]any{"SourceArn": "arn:aws:sqs:eu-central-1:123456789012:plain-dead"}
	do[struct{}](t, e, "StartMessageMoveTask", source)
	task := do[listMessageMoveTasksAnswer](t, e, "ListMessageMoveTasks", source).Results[0]
	if task.Status != taskFailed || task.FailureReason != "CouldNotDetermineMessageSource" {
		t.Errorf("task = %+v", task)
	}
	source["DestinationArn"] = "arn:aws:sqs:eu-central-1:123456789012:plain"
	do[struct{}](t, e, "StartMessageMoveTask", source)
	if got := receive(t, e, "plain", nil); len(got) != 1 {
		t.Errorf("received %q", names(got))
	}
}

func TestNamesAndPurgesRestForAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := memory(t)
		create := map[string]any{"QueueName": "own"}
		queue := do[queueURLAnswer](t, e, "CreateQueue", create).QueueURL
		purge := map[string]any{"QueueUrl": queue}
		do[struct{}](t, e, "PurgeQueue", purge)
		wantError(t, e, "PurgeQueue", sqsNamespace+"PurgeQueueInProgress", fmt.Sprintf(`{"QueueUrl":%q}`, queue))
		time.Sleep(time.Minute)
		do[struct{}](t, e, "PurgeQueue", purge)
		do[struct{}](t, e, "DeleteQueue", purge)
		wantError(t, e, "CreateQueue", sqsNamespace+"QueueDeletedRecently", `{"QueueName":"own"}`)
		time.Sleep(time.Minute)
		do[queueURLAnswer](t, e, "CreateQueue", create)
	})
}

func TestInFlightLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := memory(t)
		e.inFlightLimit = 2
		for _, queue := range []string{"plain", "ordered.fifo"} {
			for i := range 3 {
				send(t, e, queue, fmt.Sprint(i), map[string]any{"MessageGroupId": fmt.Sprint("g", i)})
			}
			if got := receive(t, e, queue, nil); len(got) != 2 {
				t.Errorf("%s: received %q", queue, names(got))
			}
		}
		wantError(t, e, "ReceiveMessage", sqsNamespace+"OverLimit", fmt.Sprintf(`{"QueueUrl":%q}`, url("plain")))
		if got := receive(t, e, "ordered.fifo", nil); len(got) != 0 {
			t.Errorf("received %q beyond the limit", names(got))
		}
		if got := receive(t, e, "plain", map[string]any{"WaitTimeSeconds": 20}); len(got) != 0 {
			t.Errorf("received %q beyond the limit", names(got))
		}
	})
}

// A queue may name itself as its dead-letter queue; a receive must end all the same.
func TestQueueThatIsItsOwnDeadLetterQueue(t *testing.T) {
	t.Parallel()
	e := memory(t)
	for _, queue := range []string{"plain", "ordered.fifo"} {
		policy := fmt.Sprintf(`{"deadLetterTargetArn":"arn:aws:sqs:eu-central-1:123456789012:%s","maxReceiveCount":"1"}`, queue)
		do[struct{}](t, e, "SetQueueAttributes", map[string]any{"QueueUrl": url(queue), "Attributes": map[string]string{"RedrivePolicy": policy}})
		send(t, e, queue, "a", nil)
		send(t, e, queue, "b", nil)
		receive(t, e, queue, map[string]any{"VisibilityTimeout": 0})
		if got := receive(t, e, queue, nil); len(got) != 0 {
			t.Errorf("received %q", names(got))
		}
		if s := stateOf(t, e, queue); s.Visible != 2 {
			t.Errorf("state = %+v", s)
		}
	}
}
