package queue

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"
)

// visibility notes what becomes visible again, and when, by queue. It refuses the receipt "old", and fails for a queue
// that is away.
type visibility map[string][]string

func (v visibility) ChangeMessageVisibilityBatch(_ context.Context, in *sqs.ChangeMessageVisibilityBatchInput, _ ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityBatchOutput, error) {
	if len(in.Entries) == 0 || len(in.Entries) > 10 {
		return nil, fmt.Errorf("%d entries", len(in.Entries))
	}
	if strings.HasSuffix(*in.QueueUrl, "away") {
		return nil, errors.New("away")
	}
	out := &sqs.ChangeMessageVisibilityBatchOutput{}
	ids := map[string]bool{}
	for _, e := range in.Entries {
		if ids[*e.Id] {
			return nil, errors.New("BatchEntryIdsNotDistinct")
		}
		if ids[*e.Id] = true; *e.ReceiptHandle == "old" {
			out.Failed = append(out.Failed, types.BatchResultErrorEntry{Id: e.Id, Code: aws.String("ReceiptHandleIsInvalid")})
			continue
		}
		v[*in.QueueUrl] = append(v[*in.QueueUrl], fmt.Sprint(*e.ReceiptHandle, " ", e.VisibilityTimeout))
	}
	return out, nil
}

func TestRetryReturnsToTheQueueThatItCameFrom(t *testing.T) {
	t.Parallel()
	v := visibility{}
	r := Retry{API: v, URLs: []string{"https://sqs.example.com/1/chat-Jobs", "https://sqs.example.com/1/chat-Jobs.fifo"}}
	arn := "arn:aws:sqs:eu-west-1:000000000000:"
	messages := []Returning{{arn + "chat-Jobs.fifo", "f", 5 * time.Second}, {arn + "other", "x", time.Second}}
	want := visibility{r.URLs[1]: {"f 5"}}
	for i := range 12 {
		messages = append(messages, Returning{arn + "chat-Jobs", fmt.Sprint("j", i), time.Second})
		want[r.URLs[0]] = append(want[r.URLs[0]], fmt.Sprintf("j%d 1", i))
	}
	if err := r.Return(t.Context(), messages); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, v); diff != "" {
		t.Error(diff)
	}
}

// What one queue refuses is told, and another queue's messages return all the same.
func TestRetryTellsOfWhatStays(t *testing.T) {
	t.Parallel()
	for _, bad := range []Returning{{Source: "arn:a", Receipt: "old"}, {Source: "arn:away", Receipt: "r"}} {
		v := visibility{}
		r := Retry{API: v, URLs: []string{"https://x/a", "https://x/away", "https://x/b"}}
		if err := r.Return(t.Context(), []Returning{bad, {Source: "arn:b", Receipt: "r"}}); err == nil {
			t.Errorf("%+v: no error", bad)
		}
		if len(v["https://x/b"]) != 1 {
			t.Errorf("%+v held back another queue's: %v", bad, v)
		}
	}
}
