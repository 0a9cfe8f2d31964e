package meter

import (
	"fmt"
	"strings"
	"time"

	"github.com/parley-chat/parley/localstack/template"
)

// An idle month: what a deployed stack costs while nobody uses it.
const (
	month = 30 * 24 * time.Hour
	// pollsPerMonth of one SQS event source mapping: about 5 pollers that wait 20 s each time. An estimate from AWS's
	// description of polling; measure it on a deployed stage (CloudWatch NumberOfEmptyReceives).
	pollsPerMonth = 5 * int(month/(20*time.Second))
)

// Idle prices a month in which nothing happens, without free tiers: the polling of every SQS event source mapping, the
// alarms, and the schedules with a rate. alarms < 0 takes the plan's own count. Tables cost their storage only, streams
// and HTTP and WebSocket APIs nothing.
func Idle(plan *template.Plan, alarms int) []Line {
	if alarms < 0 {
		alarms = plan.Alarms
	}
	standard, fifo := 0, 0
	for _, f := range plan.Functions {
		for _, m := range f.Queues {
			if strings.HasSuffix(m.QueueARN, ".fifo") {
				fifo++
			} else {
				standard++
			}
		}
	}
	runs := 0
	for _, s := range plan.Schedules {
		if s.Enabled {
			runs += runsPerMonth(s.Expression)
		}
	}
	prices := priceByID()
	var made []Line
	for _, l := range []Line{
		{Price: sqsStandard, Unit: fmt.Sprintf("polls of %d standard queues", standard), Count: float64(standard * pollsPerMonth)},
		{Price: sqsFIFO, Unit: fmt.Sprintf("polls of %d FIFO queues", fifo), Count: float64(fifo * pollsPerMonth)},
		{Price: alarmMonths, Unit: "alarms", Count: float64(alarms)},
		{Price: schedulerCalls, Unit: "runs of schedules with a rate", Count: float64(runs)},
		{Price: lambdaRequests, Unit: "invocations by schedules", Count: float64(runs)},
		{Price: lambdaTime, Unit: fmt.Sprintf("GB-seconds of these at %d ms and %d MB", plannedMS, plannedMB), Count: float64(runs) * plannedMS / 1000 * plannedMB / 1024},
	} {
		l.USD = prices[l.Price].of(l.Count)
		made = append(made, l)
	}
	return made
}

// runsPerMonth of rate(n minutes|hours|days); 0 for cron, which runs rarely in comparison.
func runsPerMonth(expression string) int {
	var n int
	var unit string
	if _, err := fmt.Sscanf(strings.TrimSuffix(expression, ")"), "rate(%d %s", &n, &unit); err != nil || n <= 0 {
		return 0
	}
	each, ok := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}[strings.TrimSuffix(unit, "s")]
	if !ok {
		return 0
	}
	return int(month / (time.Duration(n) * each))
}
