package workspace

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// Limits of business hours.
const (
	// MaxSpans is how many spans a day may have.
	MaxSpans = 6
	// MaxHolidays is how many holidays may be listed.
	MaxHolidays = 200
	// horizon bounds the search for the next opening: hours that do not open within it count as never open.
	horizon = 400 // days, more than a year of holidays
	dayEnd  = 24 * 60
)

// Hours are a business's hours in its own time zone. The zero value is always open.
type Hours struct {
	// Zone is an IANA time zone, such as "Europe/Berlin"; "" stands for UTC.
	Zone string `json:"zone,omitempty"`
	// Week holds the spans of each day, Sunday first. Without it the business is always open; with empty days, never.
	Week *Week `json:"week,omitempty"`
	// Holidays are closed, or have hours of their own, whatever the weekday. At most 200.
	Holidays []Holiday `json:"holidays,omitempty"`
}

// Week is the spans of each day, Sunday first.
type Week [7][]Span

// UnmarshalJSON demands all seven days: Go's own reading would take fewer, and close the rest.
func (w *Week) UnmarshalJSON(raw []byte) error {
	var days [][]Span
	if err := json.Unmarshal(raw, &days); err != nil {
		return err
	}
	if len(days) != len(w) {
		return fmt.Errorf("a week has 7 days, Sunday first, not %d", len(days))
	}
	for i, spans := range days {
		w[i] = append([]Span{}, spans...) // written back as [], not as null
	}
	return nil
}

// Span is a time of day, in minutes after midnight by the wall clock.
type Span struct {
	// From is included: 0 to 1439.
	From int `json:"from"`
	// To is excluded: 1 to 1440, which is 24:00.
	To int `json:"to"`
}

// Holiday is one date with its own hours; none means closed.
type Holiday struct {
	// Date by the business's calendar, such as "2026-12-25".
	Date string `json:"date"`
	// Name for people, at most 100 bytes.
	Name string `json:"name,omitempty"`
	// Spans are the hours of the date.
	Spans []Span `json:"spans,omitempty"`
}

// Calendar is checked hours, ready to be asked.
type Calendar struct {
	hours    Hours
	zone     *time.Location
	holidays map[string][]Span
}

// NewCalendar checks the hours. The error is CodeInvalid and names the field.
func NewCalendar(h Hours) (*Calendar, error) {
	zone, err := time.LoadLocation(h.Zone)
	if err != nil || h.Zone == "Local" {
		return nil, chat.Errorf(chat.CodeInvalid, "hours.zone: not an IANA time zone")
	}
	c := &Calendar{hours: h, zone: zone, holidays: map[string][]Span{}}
	if h.Week != nil {
		for day, spans := range h.Week {
			if err := checkSpans(spans); err != nil {
				return nil, chat.Errorf(chat.CodeInvalid, "hours.week[%d]: %v", day, err)
			}
		}
	}
	if len(h.Holidays) > MaxHolidays {
		return nil, chat.Errorf(chat.CodeInvalid, "hours.holidays: at most %d", MaxHolidays)
	}
	for i, d := range h.Holidays {
		if at, err := time.Parse(time.DateOnly, d.Date); err != nil || at.Format(time.DateOnly) != d.Date {
			return nil, chat.Errorf(chat.CodeInvalid, "hours.holidays[%d].date: not a date such as 2026-12-25", i)
		}
		if len(d.Name) > MaxName {
			return nil, chat.Errorf(chat.CodeInvalid, "hours.holidays[%d].name: at most %d bytes", i, MaxName)
		}
		if err := checkSpans(d.Spans); err != nil {
			return nil, chat.Errorf(chat.CodeInvalid, "hours.holidays[%d]: %v", i, err)
		}
		c.holidays[d.Date] = d.Spans
	}
	return c, nil
}

func checkSpans(spans []Span) error {
	if len(spans) > MaxSpans {
		return fmt.Errorf("at most %d spans a day", MaxSpans)
	}
	last := -1
	for _, s := range spans {
		if s.From < 0 || s.To > dayEnd || s.From >= s.To {
			return fmt.Errorf("a span is from 0 to %d minutes after midnight, and ends after it begins", dayEnd)
		}
		if s.From < last {
			return fmt.Errorf("spans are in order and do not overlap")
		}
		last = s.To
	}
	return nil
}

// always says that no hours are set.
func (c *Calendar) always() bool { return c == nil || c.hours.Week == nil }

// spans returns the spans of the local date that holds day.
func (c *Calendar) spans(day time.Time) []Span {
	if own, ok := c.holidays[day.Format(time.DateOnly)]; ok {
		return own
	}
	return c.hours.Week[day.Weekday()]
}

// opening and closing of a span on a local date. Minutes are of the wall clock: on the days when clocks change, a
// span that holds the change is an hour shorter or longer, and a time that does not exist is the first that does.
func (c *Calendar) interval(day time.Time, s Span) (from, to time.Time) {
	y, m, d := day.Date()
	return time.Date(y, m, d, 0, s.From, 0, 0, c.zone), time.Date(y, m, d, 0, s.To, 0, 0, c.zone)
}

// Open says whether the business is open at the time.
func (c *Calendar) Open(at time.Time) bool {
	if c.always() {
		return true
	}
	local := at.In(c.zone)
	return slices.ContainsFunc(c.spans(local), func(s Span) bool {
		from, to := c.interval(local, s)
		return !at.Before(from) && at.Before(to)
	})
}

// NextOpen returns when the business is open, at or after the time; false when it is not within 400 days.
func (c *Calendar) NextOpen(at time.Time) (time.Time, bool) {
	if c.Open(at) {
		return at, true
	}
	for from, to := range c.intervals(at) {
		if to.After(at) {
			return from, true
		}
	}
	return time.Time{}, false
}

// intervals goes over the open intervals from the local date of at on, for 400 days.
func (c *Calendar) intervals(at time.Time) func(yield func(from, to time.Time) bool) {
	return func(yield func(from, to time.Time) bool) {
		y, m, d := at.In(c.zone).Date()
		for i := range horizon {
			day := time.Date(y, m, d+i, 12, 0, 0, 0, c.zone) // noon: no clock change moves it to another date
			for _, s := range c.spans(day) {
				if from, to := c.interval(day, s); from.Before(to) && !yield(from, to) {
					return
				}
			}
		}
	}
}

// Add returns when so much open time has passed after at; false when it does not within 400 days.
func (c *Calendar) Add(at time.Time, d time.Duration) (time.Time, bool) {
	if c.always() {
		return at.Add(d), true
	}
	for from, to := range c.intervals(at) {
		if from.Before(at) {
			from = at
		}
		if !from.Before(to) {
			continue
		}
		if span := to.Sub(from); d <= span {
			return from.Add(d), true
		} else {
			d -= span
		}
	}
	return time.Time{}, false
}

// Between returns how much open time lies between two times; 0 when to is not after from.
func (c *Calendar) Between(from, to time.Time) time.Duration {
	if !to.After(from) {
		return 0
	}
	if c.always() {
		return to.Sub(from)
	}
	var sum time.Duration
	for opens, closes := range c.intervals(from) {
		if !opens.Before(to) {
			break
		}
		if opens.Before(from) {
			opens = from
		}
		if closes.After(to) {
			closes = to
		}
		sum += max(closes.Sub(opens), 0)
	}
	return sum
}
