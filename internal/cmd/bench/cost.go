package main

import (
	"cmp"
	"slices"

	"github.com/parley-chat/parley/localstack/meter"
)

// cost is what one message came to, by the stack's meter.
type cost struct {
	Messages    int     `json:"messages"`
	Frames      float64 `json:"meteredFrames"`
	Invocations float64 `json:"invocations"`
	WriteUnits  float64 `json:"writeUnits"`
	ReadUnits   float64 `json:"readUnits"`
	SQSRequests float64 `json:"sqsRequests"`
	BytesOut    float64 `json:"frameBytesOut"`
	// Calls are the AWS calls by operation.
	Calls []callsPerMessage `json:"calls"`
	// USDPerMillion is the list price of a million, without connection minutes, with functions of 128 MB that run
	// 25 ms: this machine's CPU is not Lambda's. Measured is the same with the times measured here.
	USDPerMillion      float64 `json:"usdPerMillion"`
	MeasuredPerMillion float64 `json:"usdPerMillionMeasured"`
}

type callsPerMessage struct {
	Operation string  `json:"operation"`
	Function  string  `json:"function,omitempty"`
	Calls     float64 `json:"calls"`
}

// minutes is the price id of connection time, which is nobody's message.
const minutes = "websocket.minutes"

// costOf divides what was metered between two reports by a number of messages.
func costOf(before, after meter.Report, messages int) *cost {
	if messages == 0 {
		return nil
	}
	n := float64(messages)
	lines := difference(before, after)
	c := &cost{Messages: messages, Frames: lines["websocket.messages"].Count / n, Invocations: lines["lambda.requests"].Count / n,
		WriteUnits: lines["dynamodb.writes"].Count / n, ReadUnits: lines["dynamodb.reads"].Count / n,
		SQSRequests: (lines["sqs.standard"].Count + lines["sqs.fifo"].Count) / n, Calls: callsOf(before, after, n)}
	for _, f := range after.Frames {
		if f.Direction == "out" {
			c.BytesOut += float64(f.Bytes) / n
		}
	}
	for _, f := range before.Frames {
		if f.Direction == "out" {
			c.BytesOut -= float64(f.Bytes) / n
		}
	}
	c.USDPerMillion = (after.Planned - before.Planned - lines[minutes].USD) / n * 1e6
	c.MeasuredPerMillion = (after.USD - before.USD - lines[minutes].USD) / n * 1e6
	return c
}

func difference(before, after meter.Report) map[string]meter.Line {
	lines := map[string]meter.Line{}
	for _, l := range after.Lines {
		lines[l.Price] = l
	}
	for _, l := range before.Lines {
		d := lines[l.Price]
		d.Count, d.USD = d.Count-l.Count, d.USD-l.USD
		lines[l.Price] = d
	}
	return lines
}

// callsOf counts the AWS calls by operation and calling function.
func callsOf(before, after meter.Report, n float64) (list []callsPerMessage) {
	counts := map[[2]string]int{}
	for _, c := range after.Calls {
		counts[[2]string{c.Operation, c.Function}] += c.Calls
	}
	for _, c := range before.Calls {
		counts[[2]string{c.Operation, c.Function}] -= c.Calls
	}
	for k, calls := range counts {
		if calls > 0 && k[1] != "" {
			list = append(list, callsPerMessage{k[0], k[1], float64(calls) / n})
		}
	}
	slices.SortFunc(list, func(a, b callsPerMessage) int {
		return cmp.Or(cmp.Compare(b.Calls, a.Calls), cmp.Compare(a.Operation+a.Function, b.Operation+b.Function))
	})
	return list
}
