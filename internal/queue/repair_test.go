package queue

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/chat"
)

func TestRepairsRoundTrip(t *testing.T) {
	t.Parallel()
	api := &queue{}
	var want []Failure
	var refs []chat.Ref
	for range 23 {
		ref := chat.Ref{Workspace: workspace, Conversation: conversation}
		refs, want = append(refs, ref), append(want, Failure{Conversation: ref})
	}
	var own []chat.OwnSpan
	for i, id := range []string{"u_01kaw3v4x0fedcba9876543210", "ct_01kaw3v4x0fedcba9876543210"} {
		span := chat.OwnSpan{Subject: chat.Subject{Workspace: workspace, ID: id}, From: uint64(i), To: 7}
		own, want = append(own, span), append(want, Failure{Own: &span})
	}
	if err := (&Failures{API: api, URL: "u"}).Enqueue(t.Context(), refs, own); err != nil {
		t.Fatal(err)
	}
	var got []Failure
	for _, body := range api.bodies() {
		f, err := DecodeFailure(body)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, f)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	api.err = errors.New("down")
	if (&Failures{API: api, URL: "u"}).Enqueue(t.Context(), refs, own) == nil {
		t.Error("nothing was taken, and nobody is told")
	}
}

// The mapping's message is Lambda's, with every member that it has.
func TestDecodeFailedBatch(t *testing.T) {
	t.Parallel()
	body, err := os.ReadFile("testdata/failed-batch.json")
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeFailure(string(body))
	if err != nil {
		t.Fatal(err)
	}
	want := Failure{Range: &StreamRange{
		Stream: "arn:aws:dynamodb:us-east-1:123456789012:table/chat/stream/2026-11-01T00:00:00.000", Shard: "shardId-00000001762000000000-7a1c0f5e",
		First: "800000000000001234567", Last: "800000000000001239999",
	}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}

func TestMalformedFailures(t *testing.T) {
	t.Parallel()
	good := `{"v":1,"workspace":"` + string(workspace) + `","conversation":"` + string(conversation) + `"}`
	own := `{"v":1,"workspace":"` + string(workspace) + `","subject":"ct_01kaw3v4x0fedcba9876543210","from":2,"to":3}`
	for _, body := range []string{good, own} {
		if _, err := DecodeFailure(body); err != nil {
			t.Fatal(err)
		}
	}
	for _, body := range []string{
		"", "[]", "{}", `{"v":1}`, strings.Replace(good, `"v":1`, `"v":2`, 1), strings.Replace(good, string(workspace), "w_", 1),
		strings.Replace(good, string(conversation), "c_", 1), `{"DDBStreamBatchInfo":{}}`, `{"DDBStreamBatchInfo":"x"}`,
		`{"DDBStreamBatchInfo":{"shardId":"s","startSequenceNumber":"1","streamArn":"a"}}`,
		strings.Replace(own, `"v":1`, `"v":2`, 1), strings.Replace(own, `"to":3`, `"to":2`, 1), strings.Replace(own, "ct_", "ct_#", 1), strings.Replace(own, "ct_01", "01", 1),
		`{"KinesisBatchInfo":{"shardId":"s","startSequenceNumber":"1","endSequenceNumber":"2","streamArn":"a"}}`,
	} {
		if f, err := DecodeFailure(body); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %+v, %v", body, f, err)
		}
	}
}
