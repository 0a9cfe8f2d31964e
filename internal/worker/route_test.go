package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/chat"
)

// drains records what it is asked for, and fails or panics for one workspace.
type drains struct {
	calls  []string
	broken chat.WorkspaceID
	panics bool
}

func (d *drains) Drain(_ context.Context, jobs ...chat.RouteJob) error {
	d.calls = append(d.calls, fmt.Sprint(jobs[0].Workspace, " ", len(jobs)))
	if jobs[0].Workspace != d.broken {
		return nil
	}
	if d.panics {
		panic("broken")
	}
	return errors.New("broken")
}

// The jobs of a workspace are one call; what fails is reported, and holds up no other.
func TestRouteReportsWhatFailed(t *testing.T) {
	t.Parallel()
	const a, b = chat.WorkspaceID("w_01kaw3v4x00123456789abcdef"), chat.WorkspaceID("w_01kaw3v4x0fedcba9876543210")
	body := func(w chat.WorkspaceID, reason string) string {
		return fmt.Sprintf(`{"v":1,"workspace":%q,"reason":%q}`, w, reason)
	}
	e := events.SQSEvent{Records: []events.SQSMessage{
		{MessageId: "1", Body: body(a, "queued")}, {MessageId: "2", Body: `{"v":99}`}, {MessageId: "3", Body: body(b, "freed")}, {MessageId: "4", Body: body(a, "sweep")},
	}}
	for _, panics := range []bool{false, true} {
		d := &drains{broken: a, panics: panics}
		out, err := (&Route{Chat: d, Log: slog.New(slog.DiscardHandler)}).Handle(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		var failed []string
		for _, f := range out.BatchItemFailures {
			failed = append(failed, f.ItemIdentifier)
		}
		if diff := cmp.Diff([]string{"2", "1", "4"}, failed); diff != "" {
			t.Errorf("reported (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{string(a) + " 2", string(b) + " 1"}, d.calls); diff != "" {
			t.Errorf("drained (-want +got):\n%s", diff)
		}
	}
}
