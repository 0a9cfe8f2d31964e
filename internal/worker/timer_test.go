package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/parley-chat/parley/internal/chat"
)

// firing fails for one conversation and panics for another.
type firing struct {
	fired  []chat.ConversationID
	sweeps int
	fail   error
}

func (f *firing) Fire(_ context.Context, t chat.Timer) error {
	switch t.Conversation {
	case conversation(1):
		return errors.New("throttled")
	case conversation(2):
		panic("boom")
	}
	f.fired = append(f.fired, t.Conversation)
	return nil
}

func (f *firing) Run(context.Context) error {
	f.sweeps++
	return f.fail
}

func timerMessage(n int) string {
	return fmt.Sprintf(`{"v":1,"kind":"idle","workspace":%q,"conversation":%q,"version":2,"due":1790000000123}`, workspace, conversation(n))
}

// One timer's failure, of whatever kind, is reported alone.
func TestTimerReportsWhatFailed(t *testing.T) {
	t.Parallel()
	f, logged := &firing{}, &bytes.Buffer{}
	w := &Timer{Timers: f, Sweep: f, Log: slog.New(slog.NewJSONHandler(logged, nil))}
	var e events.SQSEvent
	for i, body := range []string{timerMessage(0), timerMessage(1), "nothing", timerMessage(2), timerMessage(3)} {
		e.Records = append(e.Records, events.SQSMessage{MessageId: fmt.Sprint("id", i), Body: body})
	}
	payload, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := w.Invoke(t.Context(), payload)
	if err != nil {
		t.Fatal("an error for the batch would repeat what succeeded:", err)
	}
	var out events.SQSEventResponse
	if err := json.Unmarshal(answer, &out); err != nil {
		t.Fatal(err)
	}
	var failed []string
	for _, i := range out.BatchItemFailures {
		failed = append(failed, i.ItemIdentifier)
	}
	if !slices.Equal(failed, []string{"id1", "id2", "id3"}) || !slices.Equal(f.fired, []chat.ConversationID{conversation(0), conversation(3)}) {
		t.Errorf("failed %v, fired %v: %s", failed, f.fired, logged)
	}
}

// The schedule's event has no records; a sweep that fails is an error, for the alarm.
func TestScheduleSweeps(t *testing.T) {
	t.Parallel()
	f := &firing{}
	w := &Timer{Timers: f, Sweep: f, Log: slog.New(slog.DiscardHandler)}
	event := []byte(`{"version":"0","id":"e","detail-type":"Scheduled Event","source":"aws.events","account":"000000000000","time":"2026-11-23T17:00:00Z","region":"us-east-1","resources":[],"detail":{}}`)
	if _, err := w.Invoke(t.Context(), event); err != nil || f.sweeps != 1 || len(f.fired) > 0 {
		t.Errorf("%d sweeps, %v", f.sweeps, err)
	}
	f.fail = errors.New("throttled")
	if _, err := w.Invoke(t.Context(), event); err == nil {
		t.Error("nobody learns that the sweep failed")
	}
	if _, err := w.Invoke(t.Context(), []byte("{")); err == nil {
		t.Error("an event that cannot be read is no error")
	}
}

// arming refuses to arm until it is told otherwise.
type arming struct {
	calls, armed int
	fail         error
}

func (a *arming) Arm(_ context.Context, timers ...chat.Timer) error {
	a.calls++
	if a.fail == nil {
		a.armed += len(timers)
	}
	return a.fail
}

// The timers of a batch are armed together; if they cannot be, the batch comes again from the first record that called
// for one.
func TestRelayArmsTheTimersOfABatch(t *testing.T) {
	t.Parallel()
	timers := &arming{}
	handle := func(from, to int) []string {
		w := newRelayWorld(t)
		w.Relay.Relay.Arming = &chat.Arming{Timers: timers}
		return w.handle(t, []StreamRecord{
			record(0, w.image(0, 1), w.image(0, 2)), // a message: the version is the same
			record(1, nil, w.image(1, 2)),
			record(2, nil, w.image(2, 2)),
		}[from:to]...)
	}
	if failed := handle(0, 3); len(failed) > 0 || timers.calls != 1 || timers.armed != 2 {
		t.Errorf("failed %v, %d timers in %d calls", failed, timers.armed, timers.calls)
	}
	if failed := handle(0, 1); len(failed) > 0 || timers.calls != 1 {
		t.Errorf("failed %v, %d calls: a message arms nothing", failed, timers.calls)
	}
	timers.fail = errors.New("throttled")
	if failed := handle(0, 3); !slices.Equal(failed, []string{"s1"}) {
		t.Errorf("failed %v", failed)
	}
}
