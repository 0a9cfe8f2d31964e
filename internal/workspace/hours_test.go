package workspace_test

import (
	"math/rand/v2"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/workspace"
)

// nineToFive is Monday to Friday, 9 to 17, with a break at noon on Friday.
func nineToFive(zone string, holidays ...workspace.Holiday) workspace.Hours {
	day := []workspace.Span{{9 * 60, 17 * 60}}
	return workspace.Hours{Zone: zone, Holidays: holidays, Week: &workspace.Week{
		nil, day, day, day, day, {{9 * 60, 12 * 60}, {13 * 60, 17 * 60}}, nil,
	}}
}

func calendar(t *testing.T, h workspace.Hours) *workspace.Calendar {
	t.Helper()
	c, err := workspace.NewCalendar(h)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func at(t *testing.T, text string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestOpenAndNextOpen(t *testing.T) {
	t.Parallel()
	berlin := calendar(t, nineToFive("Europe/Berlin", workspace.Holiday{Date: "2026-12-25"},
		workspace.Holiday{Date: "2026-12-24", Spans: []workspace.Span{{9 * 60, 12 * 60}}}))
	for _, c := range []struct{ at, next string }{
		{"2026-11-23T08:00:00Z", "2026-11-23T08:00:00Z"},      // Monday 9:00 in Berlin: open
		{"2026-11-23T07:59:59Z", "2026-11-23T08:00:00Z"},      // a second before
		{"2026-11-23T16:00:00Z", "2026-11-24T08:00:00Z"},      // 17:00 sharp is closed
		{"2026-11-27T11:30:00Z", "2026-11-27T12:00:00Z"},      // Friday's break
		{"2026-11-27T17:00:00Z", "2026-11-30T08:00:00Z"},      // the weekend
		{"2026-12-24T12:00:00Z", "2026-12-28T08:00:00Z"},      // half a day, a holiday, the weekend
		{"2026-06-01T06:30:00Z", "2026-06-01T07:00:00Z"},      // summer time
		{"2026-11-22T23:30:00+01:00", "2026-11-23T08:00:00Z"}, // Sunday night there
	} {
		got, ok := berlin.NextOpen(at(t, c.at))
		if want := at(t, c.next); !ok || !got.Equal(want) {
			t.Errorf("after %s: %v %v, want %v", c.at, got.UTC(), ok, want)
		}
		if open := berlin.Open(at(t, c.at)); open != (c.at == c.next) {
			t.Errorf("open at %s: %v", c.at, open)
		}
	}
}

func TestNoHoursAreAlwaysOpen(t *testing.T) {
	t.Parallel()
	c := calendar(t, workspace.Hours{})
	now := at(t, "2026-11-22T03:00:00Z")
	if next, ok := c.NextOpen(now); !c.Open(now) || !ok || !next.Equal(now) || c.Between(now, now.Add(time.Hour)) != time.Hour {
		t.Errorf("%v %v", next, ok)
	}
	never := calendar(t, workspace.Hours{Week: &workspace.Week{}})
	if _, ok := never.NextOpen(now); ok || never.Open(now) || never.Between(now, now.Add(time.Hour)) != 0 {
		t.Error("hours without a span are open")
	}
	if _, ok := never.Add(now, time.Minute); ok {
		t.Error("time passes while never open")
	}
}

func TestBetweenAndAdd(t *testing.T) {
	t.Parallel()
	c := calendar(t, nineToFive("Europe/Berlin"))
	for _, x := range []struct {
		from, to string
		want     time.Duration
	}{
		{"2026-11-23T08:00:00Z", "2026-11-23T09:30:00Z", 90 * time.Minute},
		{"2026-11-23T15:00:00Z", "2026-11-24T09:00:00Z", 2 * time.Hour},
		{"2026-11-27T10:00:00Z", "2026-11-30T09:00:00Z", 1*time.Hour + 4*time.Hour + time.Hour},
		{"2026-11-28T00:00:00Z", "2026-11-29T00:00:00Z", 0},
	} {
		if got := c.Between(at(t, x.from), at(t, x.to)); got != x.want {
			t.Errorf("%s to %s: %v, want %v", x.from, x.to, got, x.want)
		}
	}
	if got, ok := c.Add(at(t, "2026-11-27T15:30:00Z"), time.Hour); !ok || !got.Equal(at(t, "2026-11-30T08:30:00Z")) {
		t.Errorf("an hour after half past four on Friday: %v", got.UTC())
	}
}

// A span over the change of clocks is as long as it really was.
func TestChangeOfClocks(t *testing.T) {
	t.Parallel()
	night := []workspace.Span{{0, 6 * 60}}
	c := calendar(t, workspace.Hours{Zone: "Europe/Berlin", Week: &workspace.Week{night, night, night, night, night, night, night}})
	for day, want := range map[string]time.Duration{"2026-03-28T12:00:00Z": 5 * time.Hour, "2026-10-24T12:00:00Z": 7 * time.Hour, "2026-06-01T12:00:00Z": 6 * time.Hour} {
		if got := c.Between(at(t, day), at(t, day).Add(24*time.Hour)); got != want {
			t.Errorf("the night after %s: %v, want %v", day, got, want)
		}
	}
}

// Between is what counting open seconds gives, and Add is its inverse.
func TestBetweenIsWhatCountingGives(t *testing.T) {
	t.Parallel()
	c := calendar(t, nineToFive("America/New_York", workspace.Holiday{Date: "2026-11-26"}))
	r := rand.New(rand.NewPCG(1, 2))
	base := at(t, "2026-10-28T00:00:00Z") // clocks change on November 1
	for range 60 {
		from := base.Add(time.Duration(r.IntN(40*24*60)) * time.Minute)
		to := from.Add(time.Duration(r.IntN(5*24*60)) * time.Minute)
		var want time.Duration
		for m := from; m.Before(to); m = m.Add(time.Minute) {
			if c.Open(m) {
				want += time.Minute
			}
		}
		if got := c.Between(from, to); got != want {
			t.Fatalf("%v to %v: %v, counted %v", from, to, got, want)
		}
		end, ok := c.Add(from, want)
		if !ok || c.Between(from, end) != want || end.After(to) && want > 0 {
			t.Fatalf("%v plus %v: %v %v, beyond %v", from, want, end, ok, to)
		}
	}
}

func TestHoursAreChecked(t *testing.T) {
	t.Parallel()
	week := func(spans ...workspace.Span) *workspace.Week { return &workspace.Week{spans} }
	for name, h := range map[string]workspace.Hours{
		"zone": {Zone: "Mars/Olympus"}, "local zone": {Zone: "Local"}, "backwards": {Week: week(workspace.Span{600, 540})},
		"overlap": {Week: week(workspace.Span{0, 60}, workspace.Span{30, 90})}, "past midnight": {Week: week(workspace.Span{600, 1441})},
		"negative": {Week: week(workspace.Span{-1, 5})}, "date": {Holidays: []workspace.Holiday{{Date: "2026-13-01"}}},
		"spelling": {Holidays: []workspace.Holiday{{Date: "2026-1-1"}}}, "many": {Holidays: make([]workspace.Holiday, workspace.MaxHolidays+1)},
	} {
		if _, err := workspace.NewCalendar(h); chat.CodeOf(err) != chat.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
