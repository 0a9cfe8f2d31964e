package worker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/queue"
)

// retry notes what is brought back.
type retry struct {
	back []queue.Returning
	err  error
}

func (r *retry) Return(_ context.Context, back []queue.Returning) error {
	r.back = append(r.back, back...)
	return r.err
}

// What fails for the first, second or third time comes back soon; what fails again, or worked, is left alone.
func TestFailuresComeBackSoon(t *testing.T) {
	t.Parallel()
	var e events.SQSEvent
	for _, receives := range []string{"1", "2", "3", "4", "", "ok"} {
		e.Records = append(e.Records, events.SQSMessage{MessageId: "id" + receives, ReceiptHandle: "r" + receives, EventSourceARN: "arn:q", Body: receives,
			Attributes: map[string]string{"ApproximateReceiveCount": receives}})
	}
	for _, unheard := range []error{nil, errors.New("SQS is away")} {
		r, logged := &retry{err: unheard}, &bytes.Buffer{}
		b := batch{ctx: t.Context(), log: slog.New(slog.NewJSONHandler(logged, nil)), work: "work", retry: r}
		out := b.oneByOne(e, func(_ context.Context, body string) error {
			if body == "ok" {
				return nil
			}
			return errors.New("throttled")
		})
		var failed []string
		for _, f := range out.BatchItemFailures {
			failed = append(failed, f.ItemIdentifier)
		}
		if diff := cmp.Diff([]string{"id1", "id2", "id3", "id4", "id"}, failed); diff != "" {
			t.Error(diff)
		}
		want := []queue.Returning{{Source: "arn:q", Receipt: "r1", After: time.Second}, {Source: "arn:q", Receipt: "r2", After: 5 * time.Second}, {Source: "arn:q", Receipt: "r3", After: 15 * time.Second}}
		if diff := cmp.Diff(want, r.back); diff != "" {
			t.Error(diff)
		}
		if told := strings.Contains(logged.String(), "SQS is away"); told != (unheard != nil) {
			t.Errorf("%v: %s", unheard, logged)
		}
	}
}

// The rest of a conversation comes back together with the job that failed: SQS holds a group back while one of its
// messages is in flight.
func TestAutomateBringsAGroupBackTogether(t *testing.T) {
	t.Parallel()
	r := &retry{}
	a := &Automate{Rules: &rules{}, Retry: r, Log: slog.New(slog.DiscardHandler)}
	var e events.SQSEvent
	for i, group := range []string{"a", "a", "b", "b"} {
		e.Records = append(e.Records, events.SQSMessage{
			MessageId: fmt.Sprint(i), ReceiptHandle: fmt.Sprint(group, i), Attributes: map[string]string{"MessageGroupId": group, "ApproximateReceiveCount": fmt.Sprint(2 - i%2)},
			Body: fmt.Sprintf(`{"v":1,"subscription":"#automation","workspace":"w_01kaw3v4x00123456789abcdef","conversation":"c_01kaw3v4x0aaaaaaaaaaaaaaaa","track":"public","seq":%d,"type":"message"}`, 2+i/2*3),
		})
	}
	if _, err := a.Handle(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	want := []queue.Returning{{Receipt: "a0", After: 5 * time.Second}, {Receipt: "a1", After: 5 * time.Second}}
	if diff := cmp.Diff(want, r.back); diff != "" {
		t.Error(diff)
	}
}
