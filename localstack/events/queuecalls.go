package events

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/parley-chat/parley/localstack/seam"
)

// message is a message as ReceiveMessage returns it. Body stays the JSON string that the engine wrote, so it
// is copied into the event without being decoded.
type message struct {
	MessageID              string                  `json:"MessageId"`
	ReceiptHandle          string                  `json:"ReceiptHandle"`
	MD5OfBody              string                  `json:"MD5OfBody"`
	MD5OfMessageAttributes string                  `json:"MD5OfMessageAttributes"`
	Body                   json.RawMessage         `json:"Body"`
	Attributes             map[string]string       `json:"Attributes"`
	MessageAttributes      map[string]typedElement `json:"MessageAttributes"`
}

// typedElement is a message attribute in the SQS API.
type typedElement struct {
	DataType    string  `json:"DataType"`
	StringValue *string `json:"StringValue,omitempty"`
	BinaryValue *string `json:"BinaryValue,omitempty"` // base64
}

func (msg *message) group() string { return msg.Attributes["MessageGroupId"] }
func (msg *message) trace() string { return msg.Attributes["AWSTraceHeader"] }

// size is about what the message takes in an event.
func (msg *message) size() int { return len(msg.Body) + 1024 }

// filterView is the message as filters see it: a body that is JSON is looked into.
func (msg *message) filterView() map[string]any {
	var text string
	if json.Unmarshal(msg.Body, &text) != nil {
		return nil
	}
	view := map[string]any{"messageId": msg.MessageID, "body": text, "eventSource": "aws:sqs"}
	if body, err := decodeJSON([]byte(text)); err == nil {
		view["body"] = body
	}
	return view
}

// receive long-polls once for up to n messages.
func (q *queueMapping) receive(ctx context.Context, wait, n int) ([]message, error) {
	body, err := json.Marshal(map[string]any{
		"QueueUrl":                    q.queue.URL,
		"MaxNumberOfMessages":         min(n, maxReceive),
		"WaitTimeSeconds":             wait,
		"MessageSystemAttributeNames": []string{"All"},
		"MessageAttributeNames":       []string{"All"},
	})
	if err != nil {
		return nil, err
	}
	answer := q.m.opts.Queues.Do(ctx, seam.Call{Service: seam.SQS, Operation: "ReceiveMessage", Body: body})
	if ctx.Err() != nil && answer.ErrorType != "" {
		return nil, ctx.Err()
	}
	var result struct{ Messages []message }
	err = decodeAnswer(answer, &result)
	return result.Messages, err
}

// decodeAnswer reads a successful answer into result, or makes an error of a failed one.
func decodeAnswer(answer seam.Answer, result any) error {
	if answer.ErrorType != "" || answer.Status >= 300 {
		return &awsError{kind: answer.ErrorType, status: answer.Status, body: answer.Body}
	}
	if len(answer.Body) == 0 {
		return nil
	}
	return json.Unmarshal(answer.Body, result)
}

// awsError is a failed AWS call.
type awsError struct {
	kind   string
	status int
	body   []byte
}

func (e *awsError) Error() string {
	return fmt.Sprintf("%s (status %d): %.300s", e.kind, e.status, e.body)
}

// removeAttempts bounds how often a failed deletion is tried; after that the messages come back, which is
// what AWS promises too: at least once.
const removeAttempts = 4

// remove deletes messages, ten to a call.
func (q *queueMapping) remove(ctx context.Context, done []message) {
	for len(done) > 0 {
		n := min(len(done), maxReceive)
		if err := q.removeTen(ctx, done[:n]); err != nil {
			q.m.warn("mapping of queue %s to %s: processed messages could not be deleted and will come again: %v",
				q.queue.Name, q.function.LogicalID, err)
		}
		done = done[n:]
	}
}

func (q *queueMapping) removeTen(ctx context.Context, done []message) error {
	type entry struct {
		ID            string `json:"Id"`
		ReceiptHandle string
	}
	entries := make([]entry, len(done))
	for i := range done {
		entries[i] = entry{strconv.Itoa(i), done[i].ReceiptHandle}
	}
	body, err := json.Marshal(map[string]any{"QueueUrl": q.queue.URL, "Entries": entries})
	if err != nil {
		return err
	}
	for attempt := range removeAttempts {
		answer := q.m.opts.Queues.Do(ctx, seam.Call{Service: seam.SQS, Operation: "DeleteMessageBatch", Body: body})
		var result struct {
			Failed []struct{ Code, Message string }
		}
		if err = decodeAnswer(answer, &result); err == nil {
			if len(result.Failed) > 0 {
				return errors.New(result.Failed[0].Code + ": " + result.Failed[0].Message)
			}
			return nil
		}
		pause(ctx, backoff(attempt))
	}
	return err
}

// appendQueueEvent writes the event that Lambda makes of a batch.
func appendQueueEvent(out []byte, batch []message, arn, region string) []byte {
	out = append(out, `{"Records":[`...)
	for i := range batch {
		if i > 0 {
			out = append(out, ',')
		}
		out = batch[i].appendRecord(out, arn, region)
	}
	return append(out, `]}`...)
}

func (msg *message) appendRecord(out []byte, arn, region string) []byte {
	out = append(out, `{"messageId":`...)
	out = appendString(out, msg.MessageID)
	out = append(out, `,"receiptHandle":`...)
	out = appendString(out, msg.ReceiptHandle)
	out = append(out, `,"body":`...)
	if len(msg.Body) == 0 {
		out = append(out, `""`...)
	}
	out = append(out, msg.Body...)
	out = append(out, `,"attributes":`...)
	out = appendJSON(out, msg.Attributes)
	out = append(out, `,"messageAttributes":`...)
	out = appendJSON(out, msg.lambdaAttributes())
	out = append(out, `,"md5OfBody":`...)
	out = appendString(out, msg.MD5OfBody)
	if msg.MD5OfMessageAttributes != "" {
		out = append(out, `,"md5OfMessageAttributes":`...)
		out = appendString(out, msg.MD5OfMessageAttributes)
	}
	out = append(out, `,"eventSource":"aws:sqs","eventSourceARN":`...)
	out = appendString(out, arn)
	out = append(out, `,"awsRegion":`...)
	out = appendString(out, region)
	return append(out, '}')
}

// lambdaElement is a message attribute in a Lambda event.
type lambdaElement struct {
	StringValue      *string  `json:"stringValue,omitempty"`
	BinaryValue      *string  `json:"binaryValue,omitempty"`
	StringListValues []string `json:"stringListValues"`
	BinaryListValues []string `json:"binaryListValues"`
	DataType         string   `json:"dataType"`
}

func (msg *message) lambdaAttributes() map[string]lambdaElement {
	elements := make(map[string]lambdaElement, len(msg.MessageAttributes))
	for name, a := range msg.MessageAttributes {
		elements[name] = lambdaElement{StringValue: a.StringValue, BinaryValue: a.BinaryValue, DataType: a.DataType,
			StringListValues: []string{}, BinaryListValues: []string{}}
	}
	return elements
}

// appendString writes s as a JSON string.
func appendString(out []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' || c >= 0x7f {
			return appendJSON(out, s)
		}
	}
	out = append(out, '"')
	out = append(out, s...)
	return append(out, '"')
}

// appendJSON writes a value that always marshals: strings, and maps and structs of strings.
func appendJSON(out []byte, v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		return append(out, "null"...)
	}
	return append(out, text...)
}
