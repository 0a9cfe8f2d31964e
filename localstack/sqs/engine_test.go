package sqs

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/parley-chat/parley/localstack/journal"
	"github.com/parley-chat/parley/localstack/seam"
)

var (
	_ seam.Service      = (*Engine)(nil)
	_ seam.Notifier     = (*Engine)(nil)
	_ journal.Component = (*Engine)(nil)
)

func TestRefusals(t *testing.T) {
	t.Parallel()
	e := memory(t)
	const (
		parameter   = coralNamespace + "InvalidParameterValueException"
		missing     = coralNamespace + "MissingRequiredParameterException"
		serial      = coralNamespace + "SerializationException"
		attrName    = sqsNamespace + "InvalidAttributeName"
		attrValue   = sqsNamespace + "InvalidAttributeValue"
		unsupported = sqsNamespace + "UnsupportedOperation"
		noQueue     = sqsNamespace + "QueueDoesNotExist"
	)
	plain, fifo := fmt.Sprintf(`"QueueUrl":%q`, url("plain")), fmt.Sprintf(`"QueueUrl":%q`, url("ordered.fifo"))
	attribute := func(name, value string) string {
		return fmt.Sprintf(`{%s,"MessageBody":"m","MessageAttributes":{%q:%s}}`, plain, name, value)
	}
	create := func(name, value string) string {
		return fmt.Sprintf(`{"QueueName":"q","Attributes":{%q:%q}}`, name, value)
	}
	for _, test := range []struct{ operation, kind, body string }{
		{"Nonsense", coralNamespace + "UnknownOperationException", `{}`},
		{"TagQueue", unsupported, `{}`},
		{"CancelMessageMoveTask", unsupported, `{}`},
		{"SendMessage", serial, `[]`},
		{"SendMessage", serial, `{`},
		{"SendMessage", serial, `{} {}`},
		{"SendMessage", serial, `{"MessageBody":7}`},
		{"SendMessage", serial, "{\"MessageBody\":\"\xff\"}"},
		{"SendMessage", serial, `{` + plain + `,"MessageBody":"m","Unknown":1}`},
		{"SendMessage", noQueue, `{"MessageBody":"m"}`},
		{"SendMessage", noQueue, `{"QueueUrl":"http://h/999999999999/plain","MessageBody":"m"}`},
		{"SendMessage", missing, `{` + plain + `}`},
		{"SendMessage", parameter, `{` + plain + `,"MessageBody":"m","DelaySeconds":-1}`},
		{"SendMessage", parameter, `{` + plain + `,"MessageBody":"m","MessageGroupId":""}`},
		{"SendMessage", parameter, `{` + plain + `,"MessageBody":"m","MessageGroupId":"` + strings.Repeat("g", 129) + `"}`},
		{"SendMessage", parameter, `{` + plain + `,"MessageBody":"m","MessageSystemAttributes":{"Other":{"DataType":"String","StringValue":"v"}}}`},
		{"SendMessage", parameter, `{` + plain + `,"MessageBody":"m","MessageSystemAttributes":{"AWSTraceHeader":{"DataType":"Number","StringValue":"1"}}}`},
		{"SendMessage", missing, `{` + fifo + `,"MessageBody":"m"}`},
		{"SendMessage", parameter, attribute("AWS.reserved", `{"DataType":"String","StringValue":"v"}`)},
		{"SendMessage", parameter, attribute("amazon.x", `{"DataType":"String","StringValue":"v"}`)},
		{"SendMessage", parameter, attribute(".dot", `{"DataType":"String","StringValue":"v"}`)},
		{"SendMessage", parameter, attribute("a..b", `{"DataType":"String","StringValue":"v"}`)},
		{"SendMessage", parameter, attribute("a b", `{"DataType":"String","StringValue":"v"}`)},
		{"SendMessage", parameter, attribute("", `{"DataType":"String","StringValue":"v"}`)},
		{"SendMessage", parameter, attribute(strings.Repeat("n", 257), `{"DataType":"String","StringValue":"v"}`)},
		{"SendMessage", parameter, attribute("a", `{"DataType":"String","StringValue":""}`)},
		{"SendMessage", parameter, attribute("a", `{"StringValue":"v"}`)},
		{"SendMessage", parameter, attribute("a", `{"DataType":"Boolean","StringValue":"v"}`)},
		{"SendMessage", parameter, attribute("a", `{"DataType":"Number","StringValue":"seven"}`)},
		{"SendMessage", parameter, attribute("a", `{"DataType":"Binary","StringValue":"v"}`)},
		{"SendMessage", parameter, attribute("a", `{"DataType":"String","BinaryValue":"dg=="}`)},
		{"SendMessage", unsupported, attribute("a", `{"DataType":"String","StringListValues":["v"]}`)},
		{"SendMessage", sqsNamespace + "InvalidMessageContents", attribute("a", `{"DataType":"String","StringValue":"\u0001"}`)},
		{"SendMessageBatch", parameter, `{` + fifo + `,"Entries":[{"Id":"1","MessageBody":"m"}]}`},
		{"ReceiveMessage", parameter, `{` + plain + `,"MaxNumberOfMessages":0}`},
		{"ReceiveMessage", parameter, `{` + plain + `,"MaxNumberOfMessages":11}`},
		{"ReceiveMessage", parameter, `{` + plain + `,"WaitTimeSeconds":21}`},
		{"ReceiveMessage", parameter, `{` + plain + `,"VisibilityTimeout":43201}`},
		{"ReceiveMessage", attrName, `{` + plain + `,"AttributeNames":["Nonsense"]}`},
		{"ReceiveMessage", unsupported, `{` + fifo + `,"ReceiveRequestAttemptId":"a"}`},
		{"DeleteMessage", missing, `{` + plain + `}`},
		{"ChangeMessageVisibility", missing, `{` + plain + `,"ReceiptHandle":"x"}`},
		{"GetQueueUrl", parameter, `{}`},
		{"GetQueueUrl", noQueue, `{"QueueName":"plain","QueueOwnerAWSAccountId":"999999999999"}`},
		{"GetQueueAttributes", attrName, `{` + plain + `,"AttributeNames":["Nonsense"]}`},
		{"SetQueueAttributes", missing, `{` + plain + `}`},
		{"SetQueueAttributes", attrName, `{` + plain + `,"Attributes":{"FifoQueue":"true"}}`},
		{"SetQueueAttributes", attrValue, `{` + fifo + `,"Attributes":{"FifoQueue":"false"}}`},
		{"SetQueueAttributes", parameter, `{` + fifo + `,"Attributes":{"FifoThroughputLimit":"perMessageGroupId"}}`},
		{"SetQueueAttributes", parameter, `{` + plain + `,"Attributes":{"RedrivePolicy":"{\"deadLetterTargetArn\":\"arn:aws:sqs:eu-central-1:123456789012:ordered.fifo\",\"maxReceiveCount\":1}"}}`},
		{"ListQueues", parameter, `{"MaxResults":1001}`},
		{"ListQueues", parameter, `{"NextToken":"?"}`},
		{"StartMessageMoveTask", missing, `{}`},
		{"StartMessageMoveTask", parameter, `{"SourceArn":"a","MaxNumberOfMessagesPerSecond":501}`},
		{"ListMessageMoveTasks", parameter, `{"SourceArn":"a","MaxResults":11}`},
		{"CreateQueue", parameter, `{"QueueName":"` + strings.Repeat("q", 81) + `"}`},
		{"CreateQueue", unsupported, `{"QueueName":"q","tags":{"a":"b"}}`},
		{"CreateQueue", unsupported, create("Policy", "{}")},
		{"CreateQueue", attrName, create("Nonsense", "1")},
		{"CreateQueue", attrValue, create("VisibilityTimeout", "43201")},
		{"CreateQueue", attrValue, create("VisibilityTimeout", "-1")},
		{"CreateQueue", attrValue, create("DelaySeconds", "901")},
		{"CreateQueue", attrValue, create("MessageRetentionPeriod", "59")},
		{"CreateQueue", attrValue, create("MaximumMessageSize", "1048577")},
		{"CreateQueue", attrValue, create("ReceiveMessageWaitTimeSeconds", "21")},
		{"CreateQueue", parameter, create("RedrivePolicy", "nonsense")},
		{"CreateQueue", parameter, create("RedrivePolicy", `{"deadLetterTargetArn":"a"}`)},
		{"CreateQueue", parameter, create("RedrivePolicy", `{"deadLetterTargetArn":"a","maxReceiveCount":0}`)},
		{"CreateQueue", parameter, create("RedrivePolicy", `{"deadLetterTargetArn":"a","maxReceiveCount":5}`)},
	} {
		wantError(t, e, test.operation, test.kind, test.body)
	}
	for _, s := range e.State() {
		if s.Visible+s.Delayed+s.InFlight > 0 {
			t.Errorf("a refused call left something: %+v", s)
		}
	}
	if len(e.State()) != len(testQueues()) {
		t.Errorf("a refused call made a queue: %+v", e.State())
	}
}

func TestEveryErrorTypeHasAQueryCode(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]string{
		sqsNamespace + "QueueDoesNotExist":                   "AWS.SimpleQueueService.NonExistentQueue;Sender",
		coralNamespace + "InvalidParameterValueException":    "InvalidParameterValue;Sender",
		coralNamespace + "MissingRequiredParameterException": "MissingParameter;Sender",
		coralNamespace + "InternalFailure":                   "InternalFailure;Receiver",
		"com.amazonaws.dynamodb.v20120810#Anything":          "",
	} {
		if got := QueryError(kind); got != want {
			t.Errorf("QueryError(%s) = %q, want %q", kind, got, want)
		}
	}
}

func TestUsageCountsChunksOf64KB(t *testing.T) {
	t.Parallel()
	e := memory(t)
	call := func(operation, body string) []seam.Usage {
		a := e.Do(context.Background(), seam.Call{Operation: operation, Body: []byte(body)})
		if a.ErrorType != "" {
			t.Fatalf("%s: %s", operation, a.Body)
		}
		return a.Usage
	}
	queue := fmt.Sprintf(`"QueueUrl":%q`, url("plain"))
	for size, want := range map[int]float64{1: 1, 64 << 10: 1, 64<<10 + 1: 2, 1 << 20: 16} {
		usage := call("SendMessage", fmt.Sprintf(`{%s,"MessageBody":%q}`, queue, strings.Repeat("x", size)))
		if len(usage) != 1 || usage[0] != (seam.Usage{Resource: "plain", Requests: want}) {
			t.Errorf("sending %d bytes: %+v, want %v requests", size, usage, want)
		}
	}
	if usage := call("ReceiveMessage", `{`+queue+`,"MaxNumberOfMessages":10}`); usage[0].Requests != 19 {
		t.Errorf("receiving 1 MiB and 128 KiB: %+v, want 19 requests", usage)
	}
	if usage := call("ReceiveMessage", `{`+queue+`}`); usage[0].Requests != 1 {
		t.Errorf("receiving nothing: %+v, want 1 request", usage)
	}
}

func TestTraceOfTheSenderIsDelivered(t *testing.T) {
	t.Parallel()
	e := memory(t)
	body := fmt.Appendf(nil, `{"QueueUrl":%q,"MessageBody":"m"}`, url("plain"))
	caller := seam.Caller{Function: "SendFn"}
	if a := e.Do(context.Background(), seam.Call{Operation: "SendMessage", Body: body, Trace: "Root=1-a-b", Caller: caller}); a.ErrorType != "" {
		t.Fatalf("%s", a.Body)
	}
	got := receive(t, e, "plain", map[string]any{"MessageSystemAttributeNames": []string{"AWSTraceHeader", "SenderId"}})
	if got[0].Attributes["AWSTraceHeader"] != "Root=1-a-b" || !strings.HasSuffix(got[0].Attributes["SenderId"], ":SendFn") {
		t.Errorf("attributes = %v", got[0].Attributes)
	}
	if s, _ := e.Peek("plain", 1); len(s) != 1 || s[0].Trace != "Root=1-a-b" || s[0].State != "in flight" || s[0].Receives != 1 {
		t.Errorf("Peek = %+v", s)
	}
}

func TestListQueuesInPages(t *testing.T) {
	t.Parallel()
	e := memory(t)
	var got []string
	request := map[string]any{"MaxResults": 3}
	for pages := 1; ; pages++ {
		page := do[listQueuesAnswer](t, e, "ListQueues", request)
		got = append(got, page.QueueURLs...)
		if page.NextToken == "" {
			if pages != 2 {
				t.Errorf("%d pages, want 2", pages)
			}
			break
		}
		request["NextToken"] = page.NextToken
	}
	if len(got) != 4 || !strings.HasSuffix(got[0], "/ordered-dead.fifo") || !strings.HasSuffix(got[3], "/plain-dead") {
		t.Errorf("listed %q", got)
	}
}

// cycles sends, receives and deletes until the benchmark is over, in goroutines that share the work.
func cycles(b *testing.B, e *Engine, goroutines int) {
	sendBody := fmt.Appendf(nil, `{"QueueUrl":%q,"MessageBody":%q}`, url("plain"), strings.Repeat("x", 400))
	receiveBody := fmt.Appendf(nil, `{"QueueUrl":%q,"MaxNumberOfMessages":1,"MessageSystemAttributeNames":["All"]}`, url("plain"))
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	for range goroutines {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				e.Do(context.Background(), seam.Call{Operation: "SendMessage", Body: sendBody})
				var got receiveMessageAnswer
				a := e.Do(context.Background(), seam.Call{Operation: "ReceiveMessage", Body: receiveBody})
				if err := json.Unmarshal(a.Body, &got); err != nil || len(got.Messages) != 1 {
					b.Errorf("%s: %v", a.Body, err)
					return
				}
				e.Do(context.Background(), seam.Call{Operation: "DeleteMessage", Body: fmt.Appendf(nil, `{"QueueUrl":%q,"ReceiptHandle":%q}`, url("plain"), got.Messages[0].ReceiptHandle)})
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

func BenchmarkSendReceiveDelete(b *testing.B) {
	for _, goroutines := range []int{1, 32} {
		b.Run(fmt.Sprintf("memory/goroutines=%d", goroutines), func(b *testing.B) {
			e := New(Options{Queues: testQueues()})
			defer e.Close()
			cycles(b, e, goroutines)
		})
		b.Run(fmt.Sprintf("durable/goroutines=%d", goroutines), func(b *testing.B) {
			e, _ := durable(b, b.TempDir(), testQueues())
			cycles(b, e, goroutines)
		})
	}
}

// A receive must not get slower with the number of messages that wait or are in flight.
func BenchmarkReceiveBehindABacklog(b *testing.B) {
	e := New(Options{Queues: testQueues()})
	defer e.Close()
	body := fmt.Appendf(nil, `{"QueueUrl":%q,"MessageBody":"m"}`, url("plain"))
	for range 100_000 {
		e.Do(context.Background(), seam.Call{Operation: "SendMessage", Body: body})
	}
	hide := fmt.Appendf(nil, `{"QueueUrl":%q,"MaxNumberOfMessages":10,"VisibilityTimeout":43200}`, url("plain"))
	for range 5_000 {
		e.Do(context.Background(), seam.Call{Operation: "ReceiveMessage", Body: hide})
	}
	cycles(b, e, 1)
}
