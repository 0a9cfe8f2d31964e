package queue

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// VisibilityAPI is what Retry needs of the SQS client.
type VisibilityAPI interface {
	ChangeMessageVisibilityBatch(context.Context, *sqs.ChangeMessageVisibilityBatchInput, ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityBatchOutput, error)
}

// Retry brings messages back before their visibility timeout ends. An event source mapping leaves the visibility of
// what a function reports as failed as it is (AWS Lambda developer guide, "Handling errors for an SQS event source").
type Retry struct {
	API VisibilityAPI
	// URLs of the queues. A message's is the one that ends with the name in its event source's ARN.
	URLs []string
}

// Returning is a message that failed.
type Returning struct {
	// Source is the ARN of the queue that it came from, Receipt the handle of this receipt.
	Source, Receipt string
	// After is when it becomes visible again, in whole seconds.
	After time.Duration
}

// Return makes the messages visible again. Those that an error is about come back when their visibility timeout ends.
func (r *Retry) Return(ctx context.Context, messages []Returning) error {
	var errs []error
	for _, url := range r.URLs {
		var entries []types.ChangeMessageVisibilityBatchRequestEntry
		for i, m := range messages {
			if nameIn(m.Source, ":") == nameIn(url, "/") {
				entries = append(entries, types.ChangeMessageVisibilityBatchRequestEntry{
					Id: ptr(strconv.Itoa(i)), ReceiptHandle: &messages[i].Receipt, VisibilityTimeout: int32(m.After / time.Second),
				})
			}
		}
		errs = append(errs, r.change(ctx, url, entries))
	}
	return errors.Join(errs...)
}

func (r *Retry) change(ctx context.Context, url string, entries []types.ChangeMessageVisibilityBatchRequestEntry) error {
	for len(entries) > 0 {
		n := min(len(entries), batchSize)
		out, err := r.API.ChangeMessageVisibilityBatch(ctx, &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &url, Entries: entries[:n]})
		if err != nil {
			return err
		}
		if len(out.Failed) > 0 {
			return fmt.Errorf("%d of %d messages keep their visibility timeout: %s", len(out.Failed), n, deref(out.Failed[0].Code))
		}
		entries = entries[n:]
	}
	return nil
}

// nameIn is what follows the last separator: the queue's name.
func nameIn(address, separator string) string {
	return address[strings.LastIndex(address, separator)+1:]
}
