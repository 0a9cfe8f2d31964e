package events

import (
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/localstack/template"
)

func onSchedule(spec template.Schedule) func(*template.Function, *template.Plan) {
	return func(_ *template.Function, p *template.Plan) {
		spec.LogicalID, spec.Function = "FnTick", "Fn"
		p.Schedules = []template.Schedule{spec}
	}
}

func TestScheduleFires(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.start(onSchedule(template.Schedule{Expression: "rate(5 minutes)", Enabled: true}))
		time.Sleep(11 * time.Minute)
		if next := w.State()[0].Next; !next.Equal(time.Date(2000, 1, 1, 0, 15, 0, 0, time.UTC)) {
			t.Errorf("next at %v", next)
		}
		w.stop()
		if len(w.function.calls) != 2 {
			t.Fatalf("fired %d times in 11 minutes", len(w.function.calls))
		}
		var e events.CloudWatchEvent
		mustDecode(w.function.calls[1].event, &e)
		want := events.CloudWatchEvent{Version: "0", ID: e.ID, DetailType: "Scheduled Event", Source: "aws.events", AccountID: "000000000000",
			Time: time.Date(2000, 1, 1, 0, 10, 0, 0, time.UTC), Region: "us-east-1", Detail: json.RawMessage("{}"),
			Resources: []string{"arn:aws:events:us-east-1:000000000000:rule/FnTick"}}
		if diff := cmp.Diff(want, e); diff != "" {
			t.Error(diff)
		}
	})
}

func TestScheduleRepeatsAFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.function.answer = func(int, []string, []byte) (string, error) { return "", errors.New("boom") }
		w.start(onSchedule(template.Schedule{Expression: "rate(1 hour)", Enabled: true, Input: json.RawMessage(`{"job":"sweep"}`)}))
		time.Sleep(time.Hour + 30*time.Minute)
		w.stop()
		var at []time.Duration
		for _, c := range w.function.calls {
			if string(c.event) != `{"job":"sweep"}` {
				t.Errorf("event %s", c.event)
			}
			at = append(at, c.at.Sub(w.function.calls[0].at))
		}
		if diff := cmp.Diff([]time.Duration{0, time.Minute, 3 * time.Minute}, at); diff != "" {
			t.Error(diff)
		}
	})
}

func TestDisabledScheduleDoesNotFire(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.start(onSchedule(template.Schedule{Expression: "rate(1 minute)"}))
		time.Sleep(time.Hour)
		w.stop()
		if len(w.function.calls) > 0 {
			t.Error("it fired")
		}
	})
}
