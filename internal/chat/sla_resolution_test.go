package chat_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// streams lets time pass, with the relay seeing the conversation every so often.
func (c *clockwork) streams(d, every time.Duration) {
	c.Helper()
	for end := c.clock.Now().Add(d); c.clock.Now().Before(end); {
		c.run(min(every, end.Sub(c.clock.Now())))
		c.stream()
	}
}

func (c *clockwork) wake() {
	c.Helper()
	_, err := c.svc.Wake(c.Context(), c.operator, c.step())
	c.must(err)
	c.stream()
}

// seconds is a clock event as told writes it.
func seconds(typ chat.EventType, at time.Duration) string {
	return fmt.Sprint(typ, " ", chat.ClockResolution, " ", int(at.Seconds()))
}

// TestResolutionStandsStillWhileSnoozed: neither is told during the snooze, and both as much later as it lasted, however
// it ended; and what the timer of before the snooze finds, it does not tell.
func TestResolutionStandsStillWhileSnoozed(t *testing.T) {
	t.Parallel()
	for name, wake := range map[string]func(*clockwork){
		"by its timer":     func(c *clockwork) { c.run(time.Second) },
		"by its operator":  (*clockwork).wake,
		"by the customer":  func(c *clockwork) { c.say(c.customer, "hello?"); c.stream() },
		"taken over in it": func(c *clockwork) { c.takeOver() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := promising(t, chat.SLATargets{Resolution: 1000 * time.Second}, nil)
			since := c.clock.Now()
			c.active()
			c.streams(700*time.Second, 100*time.Second)
			c.snooze(c.clock.Now().Add(5000 * time.Second))
			c.streams(5000*time.Second-time.Second, 500*time.Second)
			c.same(c.told(since), []string(nil))
			wake(c)
			c.stream()
			if h := c.head(); h.Status == chat.StatusSnoozed {
				t.Fatal("still snoozed")
			}
			slept := c.clock.Now().Sub(since) - 700*time.Second
			c.streams(time.Hour, 50*time.Second)
			c.same(c.told(since), []string{seconds(chat.EventAtRisk, 800*time.Second+slept), seconds(chat.EventBreached, 1000*time.Second+slept)})
		})
	}
}

// takeOver gives the conversation to a supervisor.
func (c *clockwork) takeOver() {
	c.Helper()
	boss := c.colleague("boss", 5)
	boss.Role = chat.RoleSupervisor
	_, err := c.svc.TakeOver(c.Context(), boss, c.step(), false)
	c.must(err)
}

// TestResolutionIsToldOnce: what was told before a snooze is not told again after it, and timers that come twice tell
// nothing twice.
func TestResolutionIsToldOnce(t *testing.T) {
	t.Parallel()
	c := promising(t, chat.SLATargets{Resolution: 1000 * time.Second}, nil)
	since := c.clock.Now()
	c.active()
	c.streams(900*time.Second, 100*time.Second)
	c.snooze(c.clock.Now().Add(time.Hour))
	c.streams(time.Hour, time.Minute)
	c.arm(&chat.Head{Ref: c.ref(), Status: chat.StatusSnoozed}, c.head()) // the record of the wake, once more
	c.streams(time.Hour, time.Minute)
	c.same(c.told(since), []string{seconds(chat.EventAtRisk, 800*time.Second), seconds(chat.EventBreached, 1000*time.Second+time.Hour)})
}

// TestResolutionOfEachEngagement: the clock of a conversation that was taken up again starts anew, and pauses of before
// count for nothing.
func TestResolutionOfEachEngagement(t *testing.T) {
	t.Parallel()
	c := promising(t, chat.SLATargets{Resolution: 1000 * time.Second}, nil)
	c.active()
	c.snooze(c.clock.Now().Add(time.Hour))
	c.streams(time.Hour, time.Minute)
	c.close(c.operator)
	c.stream()
	c.streams(time.Hour, 10*time.Minute)
	since := c.clock.Now()
	c.say(c.customer, "once more")
	c.stream()
	c.streams(time.Hour, time.Minute)
	c.same(c.told(since), []string{seconds(chat.EventAtRisk, 800*time.Second), seconds(chat.EventBreached, 1000*time.Second)})
}

// TestResolutionByReplay: whatever is snoozed and woken when, in business hours or around the clock, what the desk was
// told of is what counting the seconds of its log gives.
func TestResolutionByReplay(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			var hours chat.Hours
			target := 3 * time.Hour
			if seed%2 == 1 {
				hours, target = nineToFive{}, 10*time.Hour
			}
			c := promising(t, chat.SLATargets{Resolution: target}, hours)
			since := c.clock.Now()
			c.active()
			dice := rand.New(rand.NewPCG(seed, 1))
			for range 12 {
				switch c.streams(time.Duration(dice.IntN(90))*time.Minute, time.Minute); c.head().Status {
				case chat.StatusActive:
					c.snooze(c.clock.Now().Add(time.Duration(1+dice.IntN(300)) * time.Minute))
				case chat.StatusSnoozed:
					c.wake()
				default:
				}
			}
			c.streams(3*24*time.Hour, 10*time.Minute)
			if got, want := c.told(since), c.replayed(since, target, hours); fmt.Sprint(got) != fmt.Sprint(want) || len(got) != 2 {
				t.Errorf("told %q, the log says %q", got, want)
			}
		})
	}
}

// replayed counts the seconds of the log during which the conversation was not snoozed, and the business open.
func (c *clockwork) replayed(since time.Time, target time.Duration, hours chat.Hours) (out []string) {
	c.Helper()
	steps := append(c.log(chat.Desk), c.log(chat.Public)...)
	ran := time.Duration(0)
	for at := since; len(out) < 2; at = at.Add(time.Second) {
		for _, told := range []struct {
			typ chat.EventType
			at  time.Duration
		}{{chat.EventAtRisk, target * 80 / 100}, {chat.EventBreached, target}} {
			if ran == told.at {
				out = append(out, seconds(told.typ, at.Sub(since)))
			}
		}
		snoozed, changed := false, time.Time{}
		for _, e := range steps {
			if e.To != "" && !e.At.After(at) && !e.At.Before(changed) {
				snoozed, changed = e.To == chat.StatusSnoozed, e.At
			}
		}
		if !snoozed && (hours == nil || hours.Open(at)) {
			ran += time.Second
		}
		if at.Sub(since) > 10*24*time.Hour {
			c.Fatal("the clock never ran out")
		}
	}
	return out
}
