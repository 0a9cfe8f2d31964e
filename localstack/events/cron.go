package events

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// cron is a schedule of six fields: minutes, hours, day of month, month, day of week, year (AWS: "Cron
// expressions" of EventBridge).
type cron struct {
	minutes, hours, months, years [256]bool // years from 1970
	dayOfMonth                    func(time.Time) bool
	dayOfWeek                     func(time.Time) bool
}

const firstYear, lastYear = 1970, 2199

func parseCron(text string) (*cron, error) {
	fields := strings.Fields(text)
	if len(fields) != 6 {
		return nil, fmt.Errorf("cron(%s): six fields are needed", text)
	}
	if (fields[2] == "?") == (fields[4] == "?") {
		return nil, fmt.Errorf("cron(%s): exactly one of day-of-month and day-of-week must be ?", text)
	}
	c := &cron{}
	var err error
	parse := func(set *[256]bool, field string, low, high int, names string) {
		if err == nil {
			err = parseSet(set, field, low, high, names, 0)
		}
	}
	parse(&c.minutes, fields[0], 0, 59, "")
	parse(&c.hours, fields[1], 0, 23, "")
	parse(&c.months, fields[3], 1, 12, "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC")
	if err == nil {
		err = parseSet(&c.years, fields[5], firstYear, lastYear, "", firstYear)
	}
	if err == nil {
		c.dayOfMonth, err = parseDayOfMonth(fields[2])
	}
	if err == nil {
		c.dayOfWeek, err = parseDayOfWeek(fields[4])
	}
	if err != nil {
		return nil, fmt.Errorf("cron(%s): %w", text, err)
	}
	return c, nil
}

// next is the first matching minute after t, or the zero time when there is none.
func (c *cron) next(t time.Time) time.Time {
	t = t.UTC().Truncate(time.Minute).Add(time.Minute)
	for t.Year() <= lastYear {
		switch {
		case !c.years[t.Year()-firstYear]:
			t = time.Date(t.Year()+1, 1, 1, 0, 0, 0, 0, time.UTC)
		case !c.months[t.Month()]:
			t = time.Date(t.Year(), t.Month()+1, 1, 0, 0, 0, 0, time.UTC)
		case !c.dayOfMonth(t) || !c.dayOfWeek(t):
			t = time.Date(t.Year(), t.Month(), t.Day()+1, 0, 0, 0, 0, time.UTC)
		case !c.hours[t.Hour()]:
			t = t.Truncate(time.Hour).Add(time.Hour)
		case !c.minutes[t.Minute()]:
			t = t.Add(time.Minute)
		default:
			return t
		}
	}
	return time.Time{}
}

// parseSet reads lists of values, ranges and steps. names holds three letters for each value from low.
func parseSet(set *[256]bool, field string, low, high int, names string, offset int) error {
	for part := range strings.SplitSeq(field, ",") {
		from, to, step, err := parseRange(part, low, high, names)
		if err != nil {
			return err
		}
		for v := from; v <= to; v += step {
			set[v-offset] = true
		}
	}
	return nil
}

func parseRange(part string, low, high int, names string) (from, to, step int, err error) {
	span, every, stepped := strings.Cut(part, "/")
	step = 1
	if stepped {
		if step, err = strconv.Atoi(every); err != nil || step < 1 {
			return 0, 0, 0, fmt.Errorf("step %q", part)
		}
	}
	first, last, ranged := strings.Cut(span, "-")
	switch {
	case span == "*":
		return low, high, step, nil
	case ranged:
		from, err = parseValue(first, low, high, names)
		if err == nil {
			to, err = parseValue(last, low, high, names)
		}
	default:
		from, err = parseValue(span, low, high, names)
		to = from
		if stepped {
			to = high
		}
	}
	if err == nil && from > to {
		err = fmt.Errorf("range %q", part)
	}
	return from, to, step, err
}

func parseValue(text string, low, high int, names string) (int, error) {
	if len(text) == 3 {
		if i := strings.Index(names, strings.ToUpper(text)); i >= 0 && i%3 == 0 {
			return low + i/3, nil
		}
	}
	v, err := strconv.Atoi(text)
	if err != nil || v < low || v > high {
		return 0, fmt.Errorf("value %q is not in %d-%d", text, low, high)
	}
	return v, nil
}

// parseDayOfMonth reads a set, L (the last day) or nW (the weekday nearest to the n-th).
func parseDayOfMonth(field string) (func(time.Time) bool, error) {
	if field == "?" {
		return func(time.Time) bool { return true }, nil
	}
	if field == "L" {
		return func(t time.Time) bool { return t.Day() == daysIn(t) }, nil
	}
	if number, ok := strings.CutSuffix(field, "W"); ok {
		n, err := parseValue(number, 1, 31, "")
		return func(t time.Time) bool { return t.Day() == nearestWeekday(t, n) }, err
	}
	var set [256]bool
	err := parseSet(&set, field, 1, 31, "", 0)
	return func(t time.Time) bool { return set[t.Day()] }, err
}

// parseDayOfWeek reads a set (1 or SUN is Sunday), nL (the last such day of the month) or n#k (the k-th).
func parseDayOfWeek(field string) (func(time.Time) bool, error) {
	const names = "SUNMONTUEWEDTHUFRISAT"
	if field == "?" {
		return func(time.Time) bool { return true }, nil
	}
	if field == "L" { // the last day of the week
		field = "7"
	}
	if day, ok := strings.CutSuffix(field, "L"); ok {
		n, err := parseValue(day, 1, 7, names)
		return func(t time.Time) bool { return weekday(t) == n && t.Day()+7 > daysIn(t) }, err
	}
	if day, ordinal, ok := strings.Cut(field, "#"); ok {
		n, err := parseValue(day, 1, 7, names)
		k, err2 := parseValue(ordinal, 1, 5, "")
		if err == nil {
			err = err2
		}
		return func(t time.Time) bool { return weekday(t) == n && (t.Day()+6)/7 == k }, err
	}
	var set [256]bool
	err := parseSet(&set, field, 1, 7, names, 0)
	return func(t time.Time) bool { return set[weekday(t)] }, err
}

// weekday counts from Sunday as 1.
func weekday(t time.Time) int { return int(t.Weekday()) + 1 }

func daysIn(t time.Time) int { return time.Date(t.Year(), t.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day() }

// nearestWeekday is the working day nearest to the n-th, within the month.
func nearestWeekday(t time.Time, n int) int {
	n = min(n, daysIn(t))
	switch time.Date(t.Year(), t.Month(), n, 0, 0, 0, 0, time.UTC).Weekday() {
	case time.Saturday:
		if n == 1 {
			return 3
		}
		return n - 1
	case time.Sunday:
		if n == daysIn(t) {
			return n - 2
		}
		return n + 1
	default:
		return n
	}
}
