package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/parley-chat/parley/internal/chat"
)

// rules fail, or panic, at some seqs.
type rules struct{ seen []uint64 }

func (r *rules) Handle(_ context.Context, j chat.IntegrationJob) error {
	r.seen = append(r.seen, j.Seq)
	switch j.Seq {
	case 2:
		return errors.New("storage is away")
	case 4:
		panic("a bug")
	}
	return nil
}

// A job that fails holds back those of its conversation only, and comes again.
func TestAutomateReportsWhatFailed(t *testing.T) {
	t.Parallel()
	job := func(id string, seq int) events.SQSMessage {
		return events.SQSMessage{MessageId: id, Attributes: map[string]string{"MessageGroupId": id[:1]}, Body: fmt.Sprintf(
			`{"v":1,"subscription":"#automation","workspace":"w_01kaw3v4x00123456789abcdef","conversation":"c_01kaw3v4x0aaaaaaaaaaaaaaaa","track":"public","seq":%d,"type":"message"}`, seq)}
	}
	done := &rules{}
	a := &Automate{Rules: done, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	out, err := a.Handle(t.Context(), events.SQSEvent{Records: []events.SQSMessage{job("a1", 1), job("a2", 2), job("a3", 3), job("b4", 4), job("c5", 5), {MessageId: "d6", Body: "{"}}})
	if err != nil {
		t.Fatal(err)
	}
	var failed []string
	for _, f := range out.BatchItemFailures {
		failed = append(failed, f.ItemIdentifier)
	}
	if want := []string{"a2", "a3", "b4", "d6"}; !slices.Equal(failed, want) {
		t.Errorf("%v come again, want %v", failed, want)
	}
	if want := []uint64{1, 2, 4, 5}; !slices.Equal(done.seen, want) {
		t.Errorf("%v were tried, want %v", done.seen, want)
	}
}
