package sqs

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/parley-chat/parley/localstack/seam"
)

// FuzzDo sends arbitrary requests to an engine that has messages in every state. Whatever comes, the answer
// is JSON of a known kind, and the books balance.
func FuzzDo(f *testing.F) {
	seeds := map[string]string{
		"CreateQueue":                  `{"QueueName":"q.fifo","Attributes":{"FifoQueue":"true","DelaySeconds":"3"}}`,
		"GetQueueAttributes":           `{"QueueUrl":"%s","AttributeNames":["All"]}`,
		"SetQueueAttributes":           `{"QueueUrl":"%s","Attributes":{"RedrivePolicy":"{\"deadLetterTargetArn\":\"a\",\"maxReceiveCount\":1}"}}`,
		"ListQueues":                   `{"MaxResults":1,"NextToken":"cGxhaW4"}`,
		"PurgeQueue":                   `{"QueueUrl":"%s"}`,
		"SendMessage":                  `{"QueueUrl":"%s","MessageBody":"b","DelaySeconds":1,"MessageGroupId":"g","MessageAttributes":{"a":{"DataType":"Number","StringValue":"1e3"}}}`,
		"SendMessageBatch":             `{"QueueUrl":"%s","Entries":[{"Id":"1","MessageBody":"b"},{"Id":"2","MessageBody":"\u0001"}]}`,
		"ReceiveMessage":               `{"QueueUrl":"%s","MaxNumberOfMessages":10,"VisibilityTimeout":0,"AttributeNames":["All"]}`,
		"DeleteMessage":                `{"QueueUrl":"%s","ReceiptHandle":"AQEB"}`,
		"DeleteMessageBatch":           `{"QueueUrl":"%s","Entries":[{"Id":"1","ReceiptHandle":"x"}]}`,
		"ChangeMessageVisibilityBatch": `{"QueueUrl":"%s","Entries":[{"Id":"1","ReceiptHandle":"x","VisibilityTimeout":1}]}`,
		"StartMessageMoveTask":         `{"SourceArn":"arn:aws:sqs:eu-central-1:123456789012:plain-dead"}`,
		"NoSuchOperation":              `null`,
	}
	for operation, body := range seeds {
		f.Add(operation, fmt.Appendf(nil, body, url("plain")))
		f.Add(operation, fmt.Appendf(nil, body, url("ordered.fifo")))
	}
	f.Fuzz(func(t *testing.T, operation string, body []byte) {
		e := New(Options{Queues: testQueues()})
		defer e.Close()
		send(t, e, "plain", "flying", nil)
		send(t, e, "plain-dead", "dead", nil)
		send(t, e, "ordered.fifo", "waiting", nil)
		receive(t, e, "plain", nil)
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // no long polls
		for range 2 {
			answer := e.Do(ctx, seam.Call{Operation: operation, Body: body})
			if !json.Valid(answer.Body) {
				t.Fatalf("answer %q", answer.Body)
			}
			if failed := answer.ErrorType != ""; failed != (answer.Status >= 400) || failed != (QueryError(answer.ErrorType) != "") || answer.Status >= 500 {
				t.Fatalf("status %d with the error type %q", answer.Status, answer.ErrorType)
			}
		}
		for _, s := range e.State() {
			messages, ok := e.Peek(s.Name, 1000)
			if !ok || len(messages) != s.Visible+s.Delayed+s.InFlight || s.Visible < 0 || s.Delayed < 0 || s.InFlight < 0 {
				t.Fatalf("%+v holds %d messages", s, len(messages))
			}
		}
	})
}

// FuzzReplay reads arbitrary records: an error or a state whose books balance, never a panic.
func FuzzReplay(f *testing.F) {
	f.Add(mustSnapshot(f))
	f.Add([]byte{kindReceive, 3, 1, 1})
	f.Add([]byte{kindDelete, 3})
	f.Add([]byte("Q{\"Name\":\"n\",\"Settings\":{\"FifoQueue\":\"true\"}}"))
	f.Add([]byte("P\x05plain"))
	f.Fuzz(func(t *testing.T, record []byte) {
		e := New(Options{Queues: testQueues()})
		defer e.Close()
		for range 2 {
			if err := e.Replay(mustSnapshot(t)); err != nil {
				t.Fatal(err)
			}
			_ = e.Replay(record) // most records are malformed
		}
		e.Attach(nil)
		for _, s := range e.State() {
			if messages, _ := e.Peek(s.Name, 1000); len(messages) != s.Visible+s.Delayed+s.InFlight {
				t.Fatalf("%+v holds %d messages", s, len(messages))
			}
		}
	})
}

// FuzzReceiptHandle checks that no invented handle is taken for a real one.
func FuzzReceiptHandle(f *testing.F) {
	e := New(Options{Queues: testQueues()})
	q := e.queues["plain"]
	real := receiptHandle(q, &message{number: 7, receives: 2})
	f.Add(real)
	f.Add("AQEB")
	f.Add("")
	f.Fuzz(func(t *testing.T, handle string) {
		r, ok := parseHandle(handle)
		if ok && r.queue == q.hash && handle != receiptHandle(q, &message{number: r.number, receives: int(r.receives)}) {
			t.Fatalf("%q was taken for %+v", handle, r)
		}
	})
}
