package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/parley-chat/parley/internal/chat"
)

const (
	workspace    = chat.WorkspaceID("w_01kaw3v4x00123456789abcdef")
	conversation = chat.ConversationID("c_01kaw3v4x0c0nversat10n0001")
	customer     = chat.UserID("u_01kaw3v4x0fedcba9876543210")
)

// queue is a fake of SQS: it takes batches as SQS does, entry by entry, and refuses as it is told.
type queue struct {
	batches [][]types.SendMessageBatchRequestEntry
	// refuse says whether an entry is not taken.
	refuse func(types.SendMessageBatchRequestEntry) bool
	err    error
}

func (q *queue) SendMessageBatch(_ context.Context, in *sqs.SendMessageBatchInput, _ ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error) {
	if q.err != nil {
		return nil, q.err
	}
	var taken []types.SendMessageBatchRequestEntry
	out := &sqs.SendMessageBatchOutput{}
	for _, e := range in.Entries {
		if q.refuse != nil && q.refuse(e) {
			out.Failed = append(out.Failed, types.BatchResultErrorEntry{Id: e.Id, Code: aws.String("ServiceUnavailable")})
			continue
		}
		taken = append(taken, e)
		out.Successful = append(out.Successful, types.SendMessageBatchResultEntry{Id: e.Id})
	}
	q.batches = append(q.batches, taken)
	return out, nil
}

func (q *queue) bodies() []string {
	var out []string
	for _, b := range q.batches {
		for _, e := range b {
			out = append(out, *e.MessageBody)
		}
	}
	return out
}

func sampleJobs() []chat.Job {
	ref := chat.Ref{Workspace: workspace, Conversation: conversation}
	since := time.UnixMilli(1_790_000_000_123)
	return []chat.Job{
		{Ref: ref, Track: chat.Public, From: 1, To: 1, Connections: []chat.ConnectionID{"TXzPWdnOjoECGjA=", "b"}},
		{Ref: ref, Track: chat.Desk, From: 3, To: 9, Shard: 8, Except: "x", Attempt: 6},
		{Ref: ref, Waiting: &chat.WaitingChange{Removed: conversation}},
		{Ref: ref, Waiting: &chat.WaitingChange{Added: &chat.Waiting{Conversation: conversation, Customer: customer, Since: since}}, Attempt: 1},
	}
}

func TestDeliveryJobsRoundTrip(t *testing.T) {
	t.Parallel()
	api := &queue{}
	if err := (&Delivery{API: api, URL: "u"}).Enqueue(t.Context(), 90*time.Second, sampleJobs()...); err != nil {
		t.Fatal(err)
	}
	for i, body := range api.bodies() {
		got, err := DecodeDelivery(body)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(sampleJobs()[i], got, cmpopts.EquateEmpty()); d != "" {
			t.Error(d)
		}
		if e := api.batches[0][i]; e.DelaySeconds != 90 || e.MessageGroupId != nil {
			t.Errorf("%+v", e)
		}
	}
	want := `{"v":1,"workspace":"w_01kaw3v4x00123456789abcdef","conversation":"c_01kaw3v4x0c0nversat10n0001","track":"desk","from":3,"to":9,"shard":8,"except":"x","attempt":6}`
	if got := api.bodies()[1]; got != want { // jobs are stored data: old and new code share the queue during a deployment
		t.Errorf("%s", got)
	}
}

func TestDeliveryTakesAllOrFails(t *testing.T) {
	t.Parallel()
	var many []chat.Job
	for range 23 {
		many = append(many, sampleJobs()[0])
	}
	api := &queue{}
	d := &Delivery{API: api, URL: "u"}
	if err := d.Enqueue(t.Context(), 0, many...); err != nil {
		t.Fatal(err)
	}
	var sizes []int
	for _, b := range api.batches {
		ids := map[string]bool{}
		for _, e := range b {
			ids[*e.Id] = true
		}
		if len(ids) != len(b) {
			t.Error("ids of a batch must differ")
		}
		sizes = append(sizes, len(b))
	}
	if fmt.Sprint(sizes) != "[10 10 3]" {
		t.Error(sizes)
	}
	n := 0
	api.refuse = func(types.SendMessageBatchRequestEntry) bool { n++; return n == 15 }
	if err := d.Enqueue(t.Context(), 0, many...); err == nil || !strings.Contains(err.Error(), "ServiceUnavailable") {
		t.Errorf("a message was not taken, and yet %v", err)
	}
	api.err = errors.New("no answer")
	if err := d.Enqueue(t.Context(), 0, many...); !errors.Is(err, api.err) {
		t.Error(err)
	}
	if err := d.Enqueue(t.Context(), 0); err != nil {
		t.Errorf("nothing to send: %v", err)
	}
}

func FuzzDecodeDelivery(f *testing.F) {
	for _, j := range sampleJobs() {
		b, err := json.Marshal(encodeJob(j))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(b))
	}
	head := `{"v":1,"workspace":"` + string(workspace) + `","conversation":"` + string(conversation) + `"`
	for _, s := range []string{
		``, `null`, `{}`, `[]`, `{"v":2}`, head + `}`, head + `,"from":2,"to":1,"track":"public"}`, head + `,"from":1,"to":1,"track":"x"}`,
		head + `,"from":1,"to":1,"track":"public","attempt":-5}`, head + `,"from":1,"to":1,"track":"public","shard":-1}`, head + `,"waiting":{}}`, head + `,"waiting":{"added":{}}}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		j, err := DecodeDelivery(body)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		if !j.Workspace.Valid() || !j.Conversation.Valid() || j.Attempt < 0 || j.Shard < 0 || j.Waiting == nil && (j.From == 0 || j.To < j.From) ||
			j.Waiting != nil && j.Waiting.Added == nil && j.Waiting.Removed == "" {
			t.Fatalf("%s is taken: %+v", body, j)
		}
		b, err := json.Marshal(encodeJob(j))
		if err != nil {
			t.Fatal(err)
		}
		again, err := DecodeDelivery(string(b))
		if err != nil || !cmp.Equal(j, again, cmpopts.EquateEmpty()) {
			t.Fatalf("%v: %s", err, cmp.Diff(j, again))
		}
	})
}

func TestMalformedJobs(t *testing.T) {
	t.Parallel()
	good, err := json.Marshal(encodeJob(sampleJobs()[0]))
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range [][2]string{
		{`"v":1`, `"v":2`}, {`"from":1`, `"from":0`}, {`"to":1`, `"to":0`}, {`"public"`, `"x"`}, {`w_01`, `w_0`}, {`c_01`, `c_#1`},
		{`"from":1`, `"attempt":-1,"from":1`}, {`"from":1`, `"shard":-1,"from":1`}, {`"from":1`, `"waiting":{},"from":1`}, {`{"v"`, `{{"v"`},
	} {
		body := strings.Replace(string(good), change[0], change[1], 1)
		if _, err := DecodeDelivery(body); !errors.Is(err, ErrMalformed) || body == string(good) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func anyJobs(t *rapid.T) []chat.IntegrationJob {
	jobs := make([]chat.IntegrationJob, rapid.IntRange(0, 60).Draw(t, "jobs"))
	for i := range jobs {
		c := chat.ConversationID(fmt.Sprintf("c_01kaw3v4x0c0nversat10n000%d", rapid.IntRange(0, 3).Draw(t, "conversation")))
		jobs[i] = chat.IntegrationJob{
			Ref: chat.Ref{Workspace: workspace, Conversation: c}, Subscription: rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "subscription"),
			Track: chat.Public, Seq: uint64(i) + 1, Type: chat.EventMessage,
		}
	}
	return jobs
}

// FIFO: within a group the order is kept, whatever SQS refuses; no batch holds two of a group; an error stops all.
func TestRoundsKeepOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		jobs := anyJobs(t)
		at := rapid.IntRange(0, 80).Draw(t, "refused entry")
		n := 0
		api := &queue{refuse: func(types.SendMessageBatchRequestEntry) bool { n++; return n == at }}
		err := (&Integration{API: api, URL: "u"}).Enqueue(t.Context(), jobs)
		refused := n >= at && at > 0
		if (err != nil) != refused {
			t.Fatalf("%d entries, refused the %dth: %v", n, at, err)
		}
		sent, last := 0, map[string]uint64{}
		for i, batch := range api.batches {
			groups := map[string]bool{}
			for _, e := range batch {
				sent++
				var m IntegrationMessage
				if json.Unmarshal([]byte(*e.MessageBody), &m) != nil || *e.MessageGroupId != string(m.Workspace)+"."+m.Subscription+"."+string(m.Conversation) {
					t.Fatalf("%s in group %s", *e.MessageBody, *e.MessageGroupId)
				}
				if groups[*e.MessageGroupId] {
					t.Fatalf("two of group %s in batch %d", *e.MessageGroupId, i)
				}
				groups[*e.MessageGroupId] = true
				if m.Seq <= last[*e.MessageGroupId] {
					t.Fatalf("group %s: %d after %d", *e.MessageGroupId, m.Seq, last[*e.MessageGroupId])
				}
				last[*e.MessageGroupId] = m.Seq
			}
			if len(batch) > batchSize {
				t.Fatalf("%d entries in a batch", len(batch))
			}
		}
		if !refused && sent != len(jobs) {
			t.Fatalf("%d of %d jobs were sent", sent, len(jobs))
		}
	})
}

// After a refusal nothing more of any group may go: the record is relayed again, and what went is deduplicated.
func TestRefusalStopsTheRounds(t *testing.T) {
	t.Parallel()
	jobs := make([]chat.IntegrationJob, 5)
	for i := range jobs {
		jobs[i] = chat.IntegrationJob{Ref: chat.Ref{Workspace: workspace, Conversation: conversation}, Subscription: "a", Track: chat.Public, Seq: uint64(i) + 1}
	}
	api := &queue{refuse: func(e types.SendMessageBatchRequestEntry) bool { return strings.Contains(*e.MessageBody, `"seq":2`) }}
	if err := (&Integration{API: api, URL: "u"}).Enqueue(t.Context(), jobs); err == nil {
		t.Fatal("no error")
	}
	if got := len(api.bodies()); got != 1 || len(api.batches) != 2 {
		t.Fatalf("%d jobs went in %d batches", got, len(api.batches))
	}
}

func TestDeduplicationIDs(t *testing.T) {
	t.Parallel()
	base := chat.IntegrationJob{Ref: chat.Ref{Workspace: workspace, Conversation: conversation}, Subscription: "a", Track: chat.Public, Seq: 7, Gen: 1, Type: chat.EventMessage}
	id := func(j chat.IntegrationJob) string {
		e, err := integrationEntry("0", j)
		if err != nil {
			t.Fatal(err)
		}
		if len(*e.MessageDeduplicationId) > 128 || len(*e.MessageGroupId) > 128 { // limits of SQS
			t.Errorf("%+v", e)
		}
		return *e.MessageDeduplicationId
	}
	if again := base; id(again) != id(base) {
		t.Error("the same job has two ids")
	}
	for _, change := range []func(*chat.IntegrationJob){
		func(j *chat.IntegrationJob) { j.Subscription = "b" }, func(j *chat.IntegrationJob) { j.Seq++ }, func(j *chat.IntegrationJob) { j.Gen++ }, func(j *chat.IntegrationJob) { j.Track = chat.Desk },
	} {
		other := base
		change(&other)
		if id(other) == id(base) {
			t.Errorf("%+v would be dropped as a duplicate", other)
		}
	}
	own := chat.IntegrationJob{Ref: chat.Ref{Workspace: workspace}, Subject: "u_01kaw3v4x0fedcba9876543210", Subscription: "a", Seq: 7, Gen: 65536, Type: "operator.status"}
	contact := own
	contact.Subject = "ct_01kaw3v4x0fedcba9876543210"
	if id(contact) == id(own) || groupOf(contact) == groupOf(own) {
		t.Error("an operator and a contact are told as one")
	}
	e, _ := integrationEntry("0", own)
	want := `{"v":2,"event":"w_01kaw3v4x00123456789abcdef.u_01kaw3v4x0fedcba9876543210.65536.7","subscription":"a","workspace":"w_01kaw3v4x00123456789abcdef","subject":"u_01kaw3v4x0fedcba9876543210","seq":7,"gen":65536,"type":"operator.status"}`
	if *e.MessageBody != want {
		t.Errorf("%s", *e.MessageBody)
	}
	if _, err := DecodeIntegration(*e.MessageBody); !errors.Is(err, ErrMalformed) {
		t.Errorf("rules of conversations took %s: %v", *e.MessageBody, err)
	}
	e, _ = integrationEntry("0", base)
	want = `{"v":1,"event":"w_01kaw3v4x00123456789abcdef.c_01kaw3v4x0c0nversat10n0001.1.public.7","subscription":"a","workspace":"w_01kaw3v4x00123456789abcdef","conversation":"c_01kaw3v4x0c0nversat10n0001","track":"public","seq":7,"gen":1,"type":"message"}`
	if *e.MessageBody != want {
		t.Errorf("%s", *e.MessageBody)
	}
}
