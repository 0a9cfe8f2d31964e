package sqs

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/parley-chat/parley/localstack/template"
)

// Limits and defaults of queue attributes (API Reference, CreateQueue).
const (
	maxMessageBytes   = 1 << 20
	minMessageBytes   = 1 << 10
	maxDelay          = 15 * time.Minute
	maxVisibility     = 12 * time.Hour
	defaultVisibility = 30 * time.Second
	minRetention      = time.Minute
	maxRetention      = 14 * 24 * time.Hour
	defaultRetention  = 4 * 24 * time.Hour
	maxWait           = 20 * time.Second
	maxReceiveCount   = 1000
)

// settings are the attributes of a queue that can be chosen. The exported, tagged form is what the journal
// keeps.
type settings struct {
	fifo           bool
	visibility     time.Duration
	delay          time.Duration
	retention      time.Duration
	maxBytes       int
	wait           time.Duration
	contentDedup   bool
	dedupPerGroup  bool // DeduplicationScope: messageGroup
	limitPerGroup  bool // FifoThroughputLimit: perMessageGroupId
	deadLetterARN  string
	maxReceives    int
	deadLetterText string // RedrivePolicy as it is returned
}

func defaultSettings(fifo bool) *settings {
	return &settings{fifo: fifo, visibility: defaultVisibility, retention: defaultRetention, maxBytes: maxMessageBytes}
}

// templateSettings takes the plan at its word, save that a zero retention or size means the default: the
// loader has checked the ranges. A zero visibility time-out is a legal value and kept.
func templateSettings(t template.Queue) *settings {
	s := &settings{
		fifo:          t.FIFO,
		visibility:    t.Visibility,
		delay:         t.Delay,
		retention:     cmp.Or(t.Retention, defaultRetention),
		maxBytes:      cmp.Or(t.MaxBytes, maxMessageBytes),
		contentDedup:  t.ContentDeduplication,
		dedupPerGroup: t.HighThroughput,
		limitPerGroup: t.HighThroughput,
	}
	if t.DeadLetterARN != "" {
		s.setDeadLetter(t.DeadLetterARN, t.MaxReceives)
	}
	return s
}

func (s *settings) setDeadLetter(arn string, max int) {
	s.deadLetterARN, s.maxReceives = arn, max
	s.deadLetterText = fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":%d}`, arn, max)
}

// text returns the settable attributes as the API spells them.
func (s *settings) text() map[string]string {
	out := map[string]string{
		"VisibilityTimeout":             seconds(s.visibility),
		"DelaySeconds":                  seconds(s.delay),
		"MessageRetentionPeriod":        seconds(s.retention),
		"MaximumMessageSize":            strconv.Itoa(s.maxBytes),
		"ReceiveMessageWaitTimeSeconds": seconds(s.wait),
	}
	if s.deadLetterText != "" {
		out["RedrivePolicy"] = s.deadLetterText
	}
	if s.fifo {
		out["FifoQueue"] = "true"
		out["ContentBasedDeduplication"] = strconv.FormatBool(s.contentDedup)
		out["DeduplicationScope"] = choose(s.dedupPerGroup, "messageGroup", "queue")
		out["FifoThroughputLimit"] = choose(s.limitPerGroup, "perMessageGroupId", "perQueue")
	}
	return out
}

func choose(yes bool, ifSo, ifNot string) string {
	if yes {
		return ifSo
	}
	return ifNot
}

func seconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }

// fifoOnly are the attributes that a standard queue does not know.
var fifoOnly = map[string]bool{
	"FifoQueue": true, "ContentBasedDeduplication": true, "DeduplicationScope": true, "FifoThroughputLimit": true,
}

// refusedAttributes exist on AWS; the local stack has nothing behind them.
var refusedAttributes = map[string]bool{
	"Policy": true, "RedriveAllowPolicy": true, "KmsMasterKeyId": true, "KmsDataKeyReusePeriodSeconds": true,
	"SqsManagedSseEnabled": true,
}

// with returns a copy of s with the given attributes set. Targets of redrive policies are not looked up.
func (s *settings) with(given map[string]string) (*settings, *apiError) {
	out := *s
	for name, value := range given {
		if err := out.set(name, value); err != nil {
			return nil, err
		}
	}
	if out.limitPerGroup && !out.dedupPerGroup {
		return nil, errParameter("The perMessageGroupId value of FifoThroughputLimit is allowed only when DeduplicationScope is messageGroup.")
	}
	return &out, nil
}

func (s *settings) set(name, value string) *apiError {
	if refusedAttributes[name] {
		return errUnsupported("The queue attribute " + name)
	}
	if fifoOnly[name] && !s.fifo {
		return serviceError("InvalidAttributeName", "Unknown Attribute %s.", name)
	}
	switch name {
	case "VisibilityTimeout":
		return setSeconds(&s.visibility, name, value, 0, maxVisibility)
	case "DelaySeconds":
		return setSeconds(&s.delay, name, value, 0, maxDelay)
	case "MessageRetentionPeriod":
		return setSeconds(&s.retention, name, value, minRetention, maxRetention)
	case "ReceiveMessageWaitTimeSeconds":
		return setSeconds(&s.wait, name, value, 0, maxWait)
	case "MaximumMessageSize":
		return setNumber(&s.maxBytes, name, value, minMessageBytes, maxMessageBytes)
	case "RedrivePolicy":
		return s.setRedrivePolicy(value)
	case "FifoQueue":
		if value != "true" {
			return serviceError("InvalidAttributeValue", "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.")
		}
		return nil
	case "ContentBasedDeduplication":
		return setChoice(&s.contentDedup, name, value, "true", "false")
	case "DeduplicationScope":
		return setChoice(&s.dedupPerGroup, name, value, "messageGroup", "queue")
	case "FifoThroughputLimit":
		return setChoice(&s.limitPerGroup, name, value, "perMessageGroupId", "perQueue")
	}
	return serviceError("InvalidAttributeName", "Unknown Attribute %s.", name)
}

func setNumber(to *int, name, value string, low, high int) *apiError {
	n, err := strconv.Atoi(value)
	if err != nil || n < low || n > high {
		return serviceError("InvalidAttributeValue", "Invalid value for the parameter %s.", name)
	}
	*to = n
	return nil
}

func setSeconds(to *time.Duration, name, value string, low, high time.Duration) *apiError {
	var n int
	if err := setNumber(&n, name, value, int(low/time.Second), int(high/time.Second)); err != nil {
		return err
	}
	*to = time.Duration(n) * time.Second
	return nil
}

func setChoice(to *bool, name, value, yes, no string) *apiError {
	if value != yes && value != no {
		return serviceError("InvalidAttributeValue", "Invalid value for the parameter %s.", name)
	}
	*to = value == yes
	return nil
}

// setRedrivePolicy takes maxReceiveCount as a number or as a string of digits, as AWS does. An empty value
// removes the policy.
func (s *settings) setRedrivePolicy(value string) *apiError {
	if value == "" {
		s.deadLetterARN, s.maxReceives, s.deadLetterText = "", 0, ""
		return nil
	}
	var policy struct {
		Target string          `json:"deadLetterTargetArn"`
		Max    json.RawMessage `json:"maxReceiveCount"`
	}
	if json.Unmarshal([]byte(value), &policy) != nil {
		return errValue(value, "RedrivePolicy", "Redrive policy is not a valid JSON map.")
	}
	if policy.Target == "" {
		return errValue(value, "RedrivePolicy", "Redrive policy does not contain mandatory attribute: deadLetterTargetArn.")
	}
	if policy.Max == nil {
		return errValue(value, "RedrivePolicy", "Redrive policy does not contain mandatory attribute: maxReceiveCount.")
	}
	digits := string(policy.Max)
	if unquoted, err := strconv.Unquote(digits); err == nil {
		digits = unquoted
	}
	max, err := strconv.Atoi(digits)
	if err != nil || max < 1 || max > maxReceiveCount {
		return errValue(value, "RedrivePolicy", "Invalid value for maxReceiveCount: must be an integer between 1 and 1000.")
	}
	s.setDeadLetter(policy.Target, max)
	return nil
}
