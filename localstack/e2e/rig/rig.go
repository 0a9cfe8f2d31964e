// Package rig is a local stack with everything around it that the fault suite needs: workspaces whose texts can be
// told apart, people whose clients write down what they do and see, an integrator who receives every job, and a
// judgement of all of it once the system has come to rest.
package rig

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/dynamo"
	"github.com/parley-chat/parley/internal/queue"
	"github.com/parley-chat/parley/localstack/e2e/world"
)

// Rig is a stack of its own with an integrator. Its methods may be called side by side, but those that restart it by
// nobody else.
type Rig struct {
	*world.Stack
	Store *dynamo.Store

	table  *dynamodb.Client
	queues *sqs.Client
	end    context.CancelFunc
	done   sync.WaitGroup

	mu   sync.Mutex // guards jobs
	jobs map[chat.WorkspaceID][]queue.IntegrationMessage
	own  map[chat.WorkspaceID][]queue.SubjectMessage
}

// Options of a rig.
type Options struct {
	Binary, Root string
	// Data keeps tables and queues over a Restart; "" keeps them in memory.
	Data string
	Log  io.Writer
	Args []string
	// Patience multiplies the visibility timeouts, for loads under which a function takes seconds; 0 stands for 1.
	Patience int
}

// redeliverAfter are visibility timeouts of queues in a rig, in seconds: with the template's, of minutes, a test would
// wait that long for a job whose function died.
func redeliverAfter() map[string]int {
	return map[string]int{"DeliveryQueue": 2, "RoutingQueue": 2, "TimerQueue": 2, "DeskQueue": 2, "AutomationQueue": 4}
}

// Start starts the stack and the integrator.
func Start(ctx context.Context, o Options) (*Rig, error) {
	const id, secret = "ASIARIGRIGRIGRIGRIGR", "rig"
	args := append([]string{"-access-key", id, "-secret-key", secret}, o.Args...)
	s, err := world.Start(ctx, world.StackOptions{Binary: o.Binary, Root: o.Root, Data: o.Data, Log: o.Log, Args: args})
	if err != nil {
		return nil, err
	}
	r := &Rig{Stack: s, jobs: map[chat.WorkspaceID][]queue.IntegrationMessage{}, own: map[chat.WorkspaceID][]queue.SubjectMessage{}}
	keys := credentials.NewStaticCredentialsProvider(id, secret, "")
	r.table = dynamodb.New(dynamodb.Options{Region: s.Local.Region, Credentials: keys, BaseEndpoint: &s.Local.AWS})
	r.queues = sqs.New(sqs.Options{Region: s.Local.Region, Credentials: keys, BaseEndpoint: &s.Local.AWS})
	r.Store = &dynamo.Store{API: r.table, Chat: s.Local.Tables["ChatTable"], Connections: s.Local.Tables["ConnectionTable"]}
	for name, seconds := range redeliverAfter() {
		url := s.Local.Queues[name]
		_, err = r.queues.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: &url, Attributes: map[string]string{"VisibilityTimeout": strconv.Itoa(seconds * max(1, o.Patience))}})
		if err != nil {
			s.Kill()
			return nil, err
		}
	}
	background, end := context.WithCancel(context.Background())
	r.end = end
	r.done.Go(func() { r.integrate(background, s.Local.Queues["IntegrationQueue"]) })
	return r, nil
}

// Close ends the stack.
func (r *Rig) Close() error {
	r.end()
	err := r.Stop()
	r.done.Wait()
	return err
}

// integrate is the integrator: it receives jobs and notes them in the order in which they come.
func (r *Rig) integrate(ctx context.Context, url string) {
	for ctx.Err() == nil {
		// The visibility timeout is for answers that a killed stack took with it.
		out, err := r.queues.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 10, WaitTimeSeconds: 1, VisibilityTimeout: 2})
		if err != nil {
			pause(ctx, 50*time.Millisecond) // the stack is being restarted
			continue
		}
		if len(out.Messages) > 0 {
			r.take(ctx, url, out.Messages)
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func (r *Rig) take(ctx context.Context, url string, messages []types.Message) {
	entries := make([]types.DeleteMessageBatchRequestEntry, len(messages))
	for i, m := range messages {
		r.note([]byte(*m.Body))
		id := strconv.Itoa(i)
		entries[i] = types.DeleteMessageBatchRequestEntry{Id: &id, ReceiptHandle: m.ReceiptHandle}
	}
	// If it is not done, the messages come again: that is what integrators deduplicate for.
	_, _ = r.queues.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: &url, Entries: entries})
}

// note keeps a job with those of its kind: of a conversation, or of the own log of an operator or a contact.
func (r *Rig) note(body []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var own queue.SubjectMessage
	if json.Unmarshal(body, &own) == nil && own.Subject != "" {
		r.own[own.Workspace] = append(r.own[own.Workspace], own)
		return
	}
	var j queue.IntegrationMessage
	if json.Unmarshal(body, &j) == nil {
		r.jobs[j.Workspace] = append(r.jobs[j.Workspace], j)
	}
}

// OwnJobs returns what the integrator was told of the own logs of a workspace's operators and contacts, in the order in
// which it came.
func (r *Rig) OwnJobs(w chat.WorkspaceID) []queue.SubjectMessage {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.own[w])
}

// RestartAfterKill kills the stack as a power cut would, and starts it again.
func (r *Rig) RestartAfterKill(ctx context.Context) error {
	if r.Local.Durable {
		r.Kill()
		return r.Restart(ctx)
	}
	return errors.New("rig: this stack would forget everything")
}

// tailBytes is how much of a log Tail returns at most.
const tailBytes = 16 << 10

// Tail returns the end of a log; of a stack that panicked, from the panic on.
func Tail(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	if i := bytes.LastIndex(b, []byte("\npanic: ")); i >= 0 {
		return string(b[i:min(i+tailBytes, len(b))])
	}
	if i := bytes.LastIndex(b, []byte("\nfatal error: ")); i >= 0 {
		return string(b[i:min(i+tailBytes, len(b))])
	}
	return string(b[max(0, len(b)-tailBytes):])
}
