package sqs_test

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

func TestChecksums(t *testing.T) {
	c := start(t)
	url := c.create(false, nil)
	body := "héllo <world> & \u2028 👋"
	out := c.send(url, body, func(in *awssqs.SendMessageInput) {
		in.MessageAttributes = map[string]types.MessageAttributeValue{
			"text":   {DataType: aws.String("String"), StringValue: aws.String("a")},
			"number": {DataType: aws.String("Number.int"), StringValue: aws.String("12")},
			"binary": {DataType: aws.String("Binary"), BinaryValue: []byte{0, 255}},
		}
	})
	sum := md5.Sum([]byte(body))
	if *out.MD5OfMessageBody != hex.EncodeToString(sum[:]) {
		t.Errorf("MD5OfMessageBody = %s", *out.MD5OfMessageBody)
	}
	// Computed from the documented layout by a few lines of Python.
	if want := "d9037908cf339e609fc086d4d0ed81b7"; *out.MD5OfMessageAttributes != want {
		t.Errorf("MD5OfMessageAttributes = %s, want %s", *out.MD5OfMessageAttributes, want)
	}
	m := c.receiveOne(url)
	if *m.Body != body || *m.MD5OfMessageAttributes != *out.MD5OfMessageAttributes || len(m.MessageAttributes) != 3 {
		t.Errorf("received %+v", m)
	}
	if got := m.MessageAttributes["binary"]; string(got.BinaryValue) != "\x00\xff" || *got.DataType != "Binary" {
		t.Errorf("binary attribute = %+v", got)
	}
}

// The digest of a known set of attributes was recorded from AWS (published by the LocalStack project).
func TestMessageAttributeFilters(t *testing.T) {
	c := start(t)
	url := c.create(false, map[string]string{"VisibilityTimeout": "0"})
	text := func(s string) types.MessageAttributeValue {
		return types.MessageAttributeValue{DataType: aws.String("String"), StringValue: &s}
	}
	out := c.send(url, "msg", func(in *awssqs.SendMessageInput) {
		in.MessageAttributes = map[string]types.MessageAttributeValue{"Hello": text("There"), "General": text("Kenobi"), "Help.Me": text("Me")}
	})
	if *out.MD5OfMessageAttributes != "4c360f3fdafd970e05fae2f149d997f5" {
		t.Errorf("MD5OfMessageAttributes = %s", *out.MD5OfMessageAttributes)
	}
	for _, test := range []struct {
		filter []string
		names  int
		md5    string
	}{
		{nil, 0, ""},
		{[]string{"All"}, 3, "4c360f3fdafd970e05fae2f149d997f5"},
		{[]string{".*"}, 3, "4c360f3fdafd970e05fae2f149d997f5"},
		{[]string{"Hello", "General"}, 2, "fca026605781cb4126a1e9044df24232"},
		{[]string{"Hello", "Foo"}, 1, "a311262e065454b75da111d535b8dacd"},
		{[]string{"Hel.*"}, 2, "83fee93c1bcd8b9a5a923ffacdc636c7"},
		{[]string{"Foo"}, 0, ""},
	} {
		m := c.receiveOne(url, func(in *awssqs.ReceiveMessageInput) { in.MessageAttributeNames = test.filter })
		if len(m.MessageAttributes) != test.names || aws.ToString(m.MD5OfMessageAttributes) != test.md5 {
			t.Errorf("%q: %d attributes, MD5 %s", test.filter, len(m.MessageAttributes), aws.ToString(m.MD5OfMessageAttributes))
		}
	}
}

func TestSystemAttributes(t *testing.T) {
	c := start(t)
	url := c.create(false, map[string]string{"VisibilityTimeout": "0"})
	const trace = "Root=1-5e3d83c1-e6a0db584850d61342823d4c;Parent=53995c3f42cd8ad8;Sampled=1"
	before := time.Now().Add(-time.Second).UnixMilli()
	c.send(url, "m", func(in *awssqs.SendMessageInput) {
		in.MessageSystemAttributes = map[string]types.MessageSystemAttributeValue{
			"AWSTraceHeader": {DataType: aws.String("String"), StringValue: aws.String(trace)},
		}
	})
	first, second := c.receiveOne(url), c.receiveOne(url)
	if first.Attributes["AWSTraceHeader"] != trace || first.Attributes["SenderId"] == "" {
		t.Errorf("attributes = %v", first.Attributes)
	}
	if first.Attributes["ApproximateReceiveCount"] != "1" || second.Attributes["ApproximateReceiveCount"] != "2" {
		t.Errorf("receive counts %v, %v", first.Attributes, second.Attributes)
	}
	if sent := first.Attributes["SentTimestamp"]; sent < fmt.Sprint(before) || sent != second.Attributes["SentTimestamp"] {
		t.Errorf("SentTimestamp %s, then %s", sent, second.Attributes["SentTimestamp"])
	}
	if received := first.Attributes["ApproximateFirstReceiveTimestamp"]; received < first.Attributes["SentTimestamp"] || received != second.Attributes["ApproximateFirstReceiveTimestamp"] {
		t.Errorf("ApproximateFirstReceiveTimestamp %s, then %v", received, second.Attributes)
	}
	only := c.receiveOne(url, func(in *awssqs.ReceiveMessageInput) {
		in.MessageSystemAttributeNames = []types.MessageSystemAttributeName{"SenderId"}
	})
	if len(only.Attributes) != 1 {
		t.Errorf("asked for SenderId, got %v", only.Attributes)
	}
	none := c.receiveOne(url, func(in *awssqs.ReceiveMessageInput) { in.MessageSystemAttributeNames = nil })
	if len(none.Attributes) != 0 {
		t.Errorf("asked for nothing, got %v", none.Attributes)
	}
}

func TestOneMebibyte(t *testing.T) {
	c := start(t)
	url := c.create(false, nil)
	c.send(url, strings.Repeat("x", 1<<20))
	if m := c.receiveOne(url); len(*m.Body) != 1<<20 {
		t.Errorf("received %d bytes", len(*m.Body))
	}
	_, err := c.client.SendMessage(c.ctx, &awssqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String(strings.Repeat("x", 1<<20+1))})
	c.wantCode(err, "InvalidParameterValue")
	_, err = c.client.SendMessage(c.ctx, &awssqs.SendMessageInput{
		QueueUrl: &url, MessageBody: aws.String(strings.Repeat("x", 1<<20-10)),
		MessageAttributes: map[string]types.MessageAttributeValue{"name": {DataType: aws.String("String"), StringValue: aws.String("v")}},
	})
	c.wantCode(err, "InvalidParameterValue") // attributes count
}
