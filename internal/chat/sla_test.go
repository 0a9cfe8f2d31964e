package chat_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// promising is a clockwork whose departments promise something.
func promising(t *testing.T, targets chat.SLATargets, hours chat.Hours) *clockwork {
	t.Helper()
	c := newClockwork(t)
	sla := func(context.Context, chat.WorkspaceID, chat.DepartmentID) (chat.SLAPolicy, error) {
		return chat.SLAPolicy{Targets: map[int]chat.SLATargets{0: targets}, Hours: hours}, nil
	}
	c.arming.SLA, c.keeper.SLA = sla, sla
	return c
}

// told lists what the desk was told of clocks: the type, the clock, and when, in seconds since a time.
func (c *clockwork) told(since time.Time) []string {
	c.Helper()
	var out []string
	for _, e := range c.log(chat.Desk) {
		if e.Type == chat.EventAtRisk || e.Type == chat.EventBreached {
			out = append(out, fmt.Sprint(e.Type, " ", e.Detail.Clock, " ", int(e.At.Sub(since).Round(time.Second).Seconds())))
		}
	}
	return out
}

func TestFirstResponseClock(t *testing.T) {
	t.Parallel()
	c := promising(t, chat.SLATargets{FirstResponse: 100 * time.Second}, nil)
	since := c.clock.Now()
	c.start("hello")
	c.stream()
	c.run(10 * time.Minute)
	c.same(c.told(since), []string{"sla.at_risk first_response 80", "sla.breached first_response 100"})
	e := c.log(chat.Desk)[0]
	if e.Sender != chat.SystemUser || !e.Detail.Until.Equal(since.Add(100*time.Second)) {
		t.Errorf("%+v", e)
	}
}

func TestAnAnswerStopsTheFirstResponse(t *testing.T) {
	t.Parallel()
	c := promising(t, chat.SLATargets{FirstResponse: 100 * time.Second}, nil)
	since := c.clock.Now()
	c.active()
	c.run(time.Hour)
	c.same(c.told(since), []string(nil))
}

func TestResolutionClock(t *testing.T) {
	t.Parallel()
	c := promising(t, chat.SLATargets{Resolution: 1000 * time.Second}, nil)
	since := c.clock.Now()
	c.active()
	c.run(900 * time.Second)
	c.close(c.operator)
	c.stream()
	c.run(time.Hour)
	c.same(c.told(since), []string{"sla.at_risk resolution 800"})
}

// TestNextResponseClock: no message arms a timer, and yet the oldest unanswered one is told of to the second, once.
func TestNextResponseClock(t *testing.T) {
	t.Parallel()
	c := promising(t, chat.SLATargets{NextResponse: 100 * time.Second}, nil)
	since := c.clock.Now()
	c.active()
	c.run(130 * time.Second) // the timer has looked, and found nothing
	armed := c.queue.sent
	c.say(c.customer, "first") // at 130
	c.say(c.customer, "second")
	c.stream()
	if c.queue.sent != armed {
		t.Error("a message armed a timer")
	}
	c.run(90 * time.Second) // at risk at 210
	c.say(c.operator, "answer")
	c.run(100 * time.Second)
	c.say(c.customer, "third") // at 320
	c.run(400 * time.Second)
	got := c.told(since)
	want := []string{"sla.at_risk next_response 210", "sla.at_risk next_response 400", "sla.breached next_response 420"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// nineToFive is open for eight hours of each day, in UTC.
type nineToFive struct{}

func (nineToFive) Open(at time.Time) bool { return at.UTC().Hour() >= 9 && at.UTC().Hour() < 17 }

func (n nineToFive) NextOpen(at time.Time) (time.Time, bool) {
	for !n.Open(at) {
		at = at.Truncate(time.Hour).Add(time.Hour)
	}
	return at, true
}

func (n nineToFive) Add(at time.Time, d time.Duration) (time.Time, bool) {
	for {
		at, _ = n.NextOpen(at)
		left := at.UTC().Truncate(24 * time.Hour).Add(17 * time.Hour).Sub(at)
		if d < left {
			return at.Add(d), true
		}
		at, d = at.Add(left), d-left
	}
}

func (n nineToFive) Between(from, to time.Time) (sum time.Duration) {
	for at, _ := n.NextOpen(from); at.Before(to); at, _ = n.NextOpen(at) {
		closes := at.UTC().Truncate(24 * time.Hour).Add(17 * time.Hour)
		if closes.After(to) {
			closes = to
		}
		sum, at = sum+closes.Sub(at), closes
	}
	return sum
}

func TestClocksOfBusinessHours(t *testing.T) {
	t.Parallel()
	c := promising(t, chat.SLATargets{FirstResponse: 10 * time.Hour}, nineToFive{})
	hours := func(context.Context, chat.WorkspaceID, chat.DepartmentID) (chat.Hours, error) {
		return nineToFive{}, nil
	}
	c.arming.Hours, c.keeper.Hours = hours, hours
	evening := c.clock.Now().UTC().Truncate(24 * time.Hour).Add(42 * time.Hour) // 18:00 of the next day
	c.advanceTo(evening)
	c.swept = evening
	c.start("hello")
	c.stream()
	c.run(15*time.Hour - time.Minute)
	if slices.ContainsFunc(c.routed, func(j chat.RouteJob) bool { return j.Reason == "hours" }) {
		t.Error("routed before the business opened")
	}
	c.run(2 * time.Minute)
	if !slices.ContainsFunc(c.routed, func(j chat.RouteJob) bool { return j.Reason == "hours" }) {
		t.Error("not routed when the business opened")
	}
	i := slices.IndexFunc(c.log(chat.Public), func(e chat.Event) bool { return e.Type == chat.EventPromise })
	if told := c.log(chat.Public)[i].Detail.Fields[chat.PromiseOpens]; told != evening.Add(15*time.Hour).Format(time.RFC3339) {
		t.Errorf("opens at %q", told)
	}
	c.run(48 * time.Hour)
	// 8 h on the first day and 2 h on the second: at risk after 8 h, which is the second day's opening.
	c.same(c.told(evening), []string{
		fmt.Sprint("sla.at_risk first_response ", int((39 * time.Hour).Seconds())), fmt.Sprint("sla.breached first_response ", int((41 * time.Hour).Seconds())),
	})
}

// TestNextResponseOfTheEngagement: a thanks that nobody answered before the end is no breach when the customer is back.
func TestNextResponseOfTheEngagement(t *testing.T) {
	t.Parallel()
	c := promising(t, chat.SLATargets{NextResponse: 100 * time.Second}, nil)
	c.active()
	c.say(c.customer, "thanks")
	c.close(c.operator)
	c.stream()
	c.run(24 * time.Hour)
	since := c.clock.Now()
	c.say(c.customer, "one more thing") // its operator has it again
	c.stream()
	c.run(150 * time.Second)
	c.same(c.told(since), []string{"sla.at_risk next_response 80", "sla.breached next_response 100"})
}
