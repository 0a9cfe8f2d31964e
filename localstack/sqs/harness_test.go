package sqs_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/parley-chat/parley/localstack/seam"
	"github.com/parley-chat/parley/localstack/sqs"
)

// endpointVariable names another engine to run the conformance tests against.
const endpointVariable = "PARLEY_SQS_ENDPOINT"

// serve is the least HTTP front that the SDK needs.
func serve(service seam.Service) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the client has gone
		}
		answer := service.Do(r.Context(), seam.Call{
			Service:   seam.SQS,
			Operation: strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS."),
			Body:      body,
			Trace:     r.Header.Get("X-Amzn-Trace-Id"),
		})
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		if answer.ErrorType != "" {
			w.Header().Set("X-Amzn-Query-Error", sqs.QueryError(answer.ErrorType))
		}
		w.WriteHeader(answer.Status)
		_, _ = w.Write(answer.Body) // nothing to do when the client has gone
	})
}

// conformance is a service under test behind the real SDK.
type conformance struct {
	*testing.T
	ctx    context.Context
	client *awssqs.Client
}

// start runs the test in parallel against an engine of its own, or against the one that the environment names.
func start(t *testing.T) *conformance {
	t.Helper()
	t.Parallel()
	endpoint := os.Getenv(endpointVariable)
	if endpoint == "" {
		engine := sqs.New(sqs.Options{Endpoint: "http://sqs.local"})
		server := httptest.NewServer(serve(engine))
		t.Cleanup(server.Close)
		t.Cleanup(engine.Close)
		endpoint = server.URL
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	return &conformance{t, ctx, client(endpoint)}
}

func client(endpoint string) *awssqs.Client {
	return awssqs.New(awssqs.Options{
		Region:           "us-east-1",
		BaseEndpoint:     aws.String(endpoint),
		Credentials:      credentials.NewStaticCredentialsProvider("local", "local", ""),
		RetryMaxAttempts: 1,
	})
}

func must[T any](c *conformance) func(T, error) T {
	return func(v T, err error) T {
		c.Helper()
		if err != nil {
			c.Fatal(err)
		}
		return v
	}
}

var queuesMade atomic.Int64

// create makes a queue with a fresh name; fifo ones get their suffix.
func (c *conformance) create(fifo bool, attributes map[string]string) string {
	c.Helper()
	name := fmt.Sprintf("check-%d-%d", time.Now().UnixNano(), queuesMade.Add(1))
	all := map[string]string{}
	for k, v := range attributes {
		all[k] = v
	}
	if fifo {
		name += ".fifo"
		all["FifoQueue"] = "true"
	}
	out := must[*awssqs.CreateQueueOutput](c)(c.client.CreateQueue(c.ctx, &awssqs.CreateQueueInput{QueueName: &name, Attributes: all}))
	c.Cleanup(func() {
		_, _ = c.client.DeleteQueue(context.Background(), &awssqs.DeleteQueueInput{QueueUrl: out.QueueUrl}) // a test may have done it
	})
	return *out.QueueUrl
}

func (c *conformance) attribute(url, name string) string {
	c.Helper()
	out := must[*awssqs.GetQueueAttributesOutput](c)(c.client.GetQueueAttributes(c.ctx, &awssqs.GetQueueAttributesInput{
		QueueUrl: &url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeName(name)},
	}))
	return out.Attributes[name]
}

func (c *conformance) arn(url string) string { return c.attribute(url, "QueueArn") }

// withDeadLetters makes a queue and its dead-letter queue.
func (c *conformance) withDeadLetters(fifo bool, maxReceives int, attributes map[string]string) (url, dead string) {
	c.Helper()
	dead = c.create(fifo, nil)
	all := map[string]string{"RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":%d}`, c.arn(dead), maxReceives)}
	for k, v := range attributes {
		all[k] = v
	}
	return c.create(fifo, all), dead
}

func (c *conformance) send(url, body string, options ...func(*awssqs.SendMessageInput)) *awssqs.SendMessageOutput {
	c.Helper()
	in := &awssqs.SendMessageInput{QueueUrl: &url, MessageBody: &body}
	for _, o := range options {
		o(in)
	}
	return must[*awssqs.SendMessageOutput](c)(c.client.SendMessage(c.ctx, in))
}

func inGroup(group, dedup string) func(*awssqs.SendMessageInput) {
	return func(in *awssqs.SendMessageInput) {
		in.MessageGroupId = &group
		if dedup != "" {
			in.MessageDeduplicationId = &dedup
		}
	}
}

func (c *conformance) receive(url string, options ...func(*awssqs.ReceiveMessageInput)) []types.Message {
	c.Helper()
	in := &awssqs.ReceiveMessageInput{
		QueueUrl: &url, MaxNumberOfMessages: 10,
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"}, MessageAttributeNames: []string{"All"},
	}
	for _, o := range options {
		o(in)
	}
	return must[*awssqs.ReceiveMessageOutput](c)(c.client.ReceiveMessage(c.ctx, in)).Messages
}

func hiddenFor(seconds int32) func(*awssqs.ReceiveMessageInput) {
	return func(in *awssqs.ReceiveMessageInput) { in.VisibilityTimeout = seconds }
}

func waiting(seconds int32) func(*awssqs.ReceiveMessageInput) {
	return func(in *awssqs.ReceiveMessageInput) { in.WaitTimeSeconds = seconds }
}

func atMost(n int32) func(*awssqs.ReceiveMessageInput) {
	return func(in *awssqs.ReceiveMessageInput) { in.MaxNumberOfMessages = n }
}

// receiveOne receives exactly one message, waiting for it up to 10 s.
func (c *conformance) receiveOne(url string, options ...func(*awssqs.ReceiveMessageInput)) types.Message {
	c.Helper()
	got := c.receive(url, append([]func(*awssqs.ReceiveMessageInput){waiting(10), atMost(1)}, options...)...)
	if len(got) != 1 {
		c.Fatalf("received %d messages, want 1", len(got))
	}
	return got[0]
}

func (c *conformance) delete(url string, m types.Message) {
	c.Helper()
	must[*awssqs.DeleteMessageOutput](c)(c.client.DeleteMessage(c.ctx, &awssqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle}))
}

func (c *conformance) changeVisibility(url string, m types.Message, seconds int32) error {
	_, err := c.client.ChangeMessageVisibility(c.ctx, &awssqs.ChangeMessageVisibilityInput{
		QueueUrl: &url, ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: seconds,
	})
	return err
}

func bodies(messages []types.Message) []string {
	var out []string
	for _, m := range messages {
		out = append(out, *m.Body)
	}
	return out
}

// wantCode fails unless err carries the code, as the SDK reports it.
func (c *conformance) wantCode(err error, code string) {
	c.Helper()
	var api interface{ ErrorCode() string }
	if !errors.As(err, &api) || api.ErrorCode() != code {
		c.Errorf("error = %v, want the code %s", err, code)
	}
}

// wantNothing fails if there is a message to receive.
func (c *conformance) wantNothing(url string) {
	c.Helper()
	if got := c.receive(url); len(got) > 0 {
		c.Errorf("received %q, want nothing", bodies(got))
	}
}
