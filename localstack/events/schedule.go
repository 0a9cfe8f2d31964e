package events

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/parley-chat/parley/localstack/seam"
	"github.com/parley-chat/parley/localstack/template"
	"github.com/parley-chat/parley/localstack/uuid"
)

// schedule invokes a function at the times of its expression, in UTC. A failed invocation is repeated after one
// and after two more minutes, as Lambda repeats asynchronous ones (AWS: "How Lambda handles errors and retries with
// asynchronous invocation").
type schedule struct {
	m     *Mappings
	spec  template.Schedule
	next  func(time.Time) time.Time // the first time after
	tally tally

	mu sync.Mutex
	at time.Time
}

func newSchedule(m *Mappings, spec template.Schedule) (*schedule, error) {
	if _, ok := m.functions[spec.Function]; !ok {
		return nil, fmt.Errorf("schedule %s: no function %s", spec.LogicalID, spec.Function)
	}
	next, err := parseExpression(spec.Expression)
	if err != nil {
		return nil, fmt.Errorf("schedule %s: %w", spec.LogicalID, err)
	}
	return &schedule{m: m, spec: spec, next: next}, nil
}

func (s *schedule) state() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return State{Function: s.spec.Function, Kind: "schedule", Source: s.spec.Expression, Counts: s.tally.counts(), Next: s.at}
}

func (s *schedule) run(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	at := s.m.opts.Now()
	for {
		at = s.next(at)
		if at.IsZero() {
			return // a year that is over
		}
		s.mu.Lock()
		s.at = at
		s.mu.Unlock()
		if !pause(ctx, at.Sub(s.m.opts.Now())) {
			return
		}
		due := at
		running.Go(func() { s.fire(ctx, due) })
	}
}

// retryDelays are those of asynchronous invocations.
var retryDelays = [...]time.Duration{time.Minute, 2 * time.Minute}

func (s *schedule) fire(ctx context.Context, due time.Time) {
	event := s.event(due)
	for attempt := 0; ; attempt++ {
		s.tally.batches.Add(1)
		result, err := s.m.opts.Invoker.Invoke(context.WithoutCancel(ctx), s.spec.Function, event, seam.InvokeOptions{})
		if err == nil && result.Error != nil {
			err = result.Error
		}
		if err == nil {
			return
		}
		s.tally.failed.Add(1)
		s.m.warn("schedule %s of %s failed: %v", s.spec.Expression, s.spec.Function, err)
		if attempt >= len(retryDelays) || !pause(ctx, retryDelays[attempt]) {
			return
		}
	}
}

// event is the Input of the schedule, or EventBridge's own.
func (s *schedule) event(due time.Time) []byte {
	if len(s.spec.Input) > 0 {
		return s.spec.Input
	}
	o := s.m.opts
	return appendJSON(nil, map[string]any{
		"version": "0", "id": uuid.New(), "detail-type": "Scheduled Event", "source": "aws.events", "account": o.Account,
		"time": due.UTC().Format(time.RFC3339), "region": o.Region, "detail": json.RawMessage(`{}`),
		"resources": []string{"arn:aws:events:" + o.Region + ":" + o.Account + ":rule/" + s.spec.LogicalID},
	})
}

// parseExpression compiles rate(...) or cron(...) to the next time after a given one.
func parseExpression(text string) (func(time.Time) time.Time, error) {
	if inner, ok := strings.CutPrefix(text, "rate("); ok && strings.HasSuffix(inner, ")") {
		period, err := parseRate(strings.TrimSuffix(inner, ")"))
		return func(t time.Time) time.Time { return t.Add(period) }, err
	}
	if inner, ok := strings.CutPrefix(text, "cron("); ok && strings.HasSuffix(inner, ")") {
		c, err := parseCron(strings.TrimSuffix(inner, ")"))
		return c.next, err
	}
	return nil, fmt.Errorf("%q is neither rate(...) nor cron(...)", text)
}

// parseRate reads "5 minutes". AWS wants the singular for 1 and the plural otherwise.
func parseRate(text string) (time.Duration, error) {
	number, unit, _ := strings.Cut(text, " ")
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("rate(%s): not a positive number", text)
	}
	singular, plural := strings.CutSuffix(unit, "s")
	period, ok := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}[singular]
	if !ok || plural != (n > 1) {
		return 0, errors.New("rate(" + text + "): the unit is minute, hour or day for 1, else minutes, hours or days")
	}
	return time.Duration(n) * period, nil
}
