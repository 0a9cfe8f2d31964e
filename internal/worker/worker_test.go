package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/chat/chattest"
	"github.com/parley-chat/parley/internal/protocol"
)

const (
	workspace = chat.WorkspaceID("w_01kaw3v4x00123456789abcdef")
	customer  = chat.UserID("u_01kaw3v4x0fedcba9876543210")
)

func conversation(n int) chat.ConversationID {
	return chat.ConversationID(fmt.Sprintf("c_01kaw3v4x0c0nversat10n000%d", n))
}

func ref(n int) chat.Ref { return chat.Ref{Workspace: workspace, Conversation: conversation(n)} }

// store holds conversations 0 to 4, each with two messages and a listener.
func newStore(t *testing.T) *chattest.Memory {
	t.Helper()
	s := chattest.NewMemory()
	for n := range 5 {
		var list []chat.Event
		for seq := range uint64(2) {
			list = append(list, chat.Event{
				Seq: seq + 1, ID: chat.EventID(fmt.Sprintf("m_01kaw3v4x0mmmmmmmmm000000%d", seq)), Type: chat.EventMessage, Sender: customer, Role: chat.RoleCustomer, Text: strings.Repeat("x", 400),
			})
		}
		err := s.Create(t.Context(), chat.Creation{
			Ref: ref(n), Customer: customer, Role: chat.RoleCustomer, Events: list, At: time.Now(),
			Listen: chat.ConnectionID(fmt.Sprint("c", n)), Listener: chat.Listener{User: customer, Role: chat.RoleCustomer, Expires: time.Now().Add(time.Hour)},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return s
}

type pusher struct{ posts []string }

func (p *pusher) Post(_ context.Context, c chat.ConnectionID, _ []byte) error {
	if c == "c3" {
		panic("boom")
	}
	p.posts = append(p.posts, string(c))
	return nil
}

func (p *pusher) Disconnect(context.Context, chat.ConnectionID) error { return nil }

type noQueue struct{}

func (noQueue) Enqueue(context.Context, time.Duration, ...chat.Job) error {
	return errors.New("no queue")
}

func job(n int) string {
	return fmt.Sprintf(`{"v":1,"workspace":%q,"conversation":%q,"track":"public","from":1,"to":2,"connections":["c%d"]}`, workspace, conversation(n), n)
}

// One job's failure, of whatever kind, is reported alone: the batch's others are done and not repeated.
func TestDeliverReportsWhatFailed(t *testing.T) {
	t.Parallel()
	s, p, logged := newStore(t), &pusher{}, &bytes.Buffer{}
	d := &Deliver{
		Delivery: &chat.Delivery{Push: p, Queue: noQueue{}, Reader: failFor{s, ref(1)}, Rows: s, Subs: s, Sockets: s, Encode: protocol.Encoder{}},
		Log:      slog.New(slog.NewJSONHandler(logged, nil)),
	}
	batch := []string{job(0), job(1), "not a job", job(2), `{"v":9}`, job(3), job(4)}
	var e events.SQSEvent
	for i, body := range batch {
		e.Records = append(e.Records, events.SQSMessage{MessageId: fmt.Sprint("id", i), Body: body, Attributes: map[string]string{"ApproximateReceiveCount": "3"}})
	}
	out, err := d.Handle(t.Context(), e)
	if err != nil {
		t.Fatal("an error for the batch would repeat what succeeded:", err)
	}
	var failed []string
	for _, f := range out.BatchItemFailures {
		failed = append(failed, f.ItemIdentifier)
	}
	if !slices.Equal(failed, []string{"id1", "id2", "id4", "id5"}) { // storage, malformed, of another version, a panic
		t.Errorf("%v", failed)
	}
	if !slices.Equal(p.posts, []string{"c0", "c2", "c4"}) {
		t.Errorf("%v", p.posts)
	}
	if n := strings.Count(logged.String(), `"receives":"3"`); n != 4 {
		t.Errorf("%d failures are logged: %s", n, logged)
	}
	out, err = d.Handle(t.Context(), events.SQSEvent{})
	if err != nil || len(out.BatchItemFailures) != 0 {
		t.Error(out, err)
	}
}

// failFor reads all conversations but one.
type failFor struct {
	chat.Reader
	ref chat.Ref
}

func (f failFor) Head(ctx context.Context, ref chat.Ref) (*chat.Head, error) {
	if ref == f.ref {
		return nil, errors.New("throttled")
	}
	return f.Reader.Head(ctx, ref)
}

// integrations takes jobs but those of one conversation.
type integrations struct {
	jobs   []string
	refuse chat.ConversationID
}

func (q *integrations) Enqueue(_ context.Context, jobs []chat.IntegrationJob) error {
	for _, j := range jobs {
		log := string(j.Conversation) + j.Subject
		if log == string(q.refuse) {
			return errors.New("not taken")
		}
		q.jobs = append(q.jobs, fmt.Sprint(log[len(log)-1:], j.Seq))
	}
	return nil
}

// images stands for the table's stream: an image's "n" names the conversation, its "last" what was appended.
func (w *relayWorld) image(n int, last uint64) []byte {
	return fmt.Appendf(nil, `{"n":%d,"last":%d}`, n, last)
}

type relayWorld struct {
	*Relay
	store  *chattest.Memory
	queue  *integrations
	logged bytes.Buffer
}

func newRelayWorld(t *testing.T) *relayWorld {
	t.Helper()
	s, q := newStore(t), &integrations{}
	if err := s.PutSubscription(t.Context(), workspace, chat.Subscription{ID: "a"}); err != nil {
		t.Fatal(err)
	}
	w := &relayWorld{store: s, queue: q}
	read := func(image []byte) (*chat.Head, bool, error) {
		if image == nil {
			return nil, false, nil
		}
		var fields struct{ N, Last int }
		if json.Unmarshal(image, &fields) != nil {
			return nil, false, errors.New("damaged")
		}
		h, err := s.Head(context.Background(), ref(fields.N))
		h.Public.Last, h.Public.Tail = uint64(fields.Last), h.Public.Tail[:fields.Last]
		return h, true, err
	}
	w.Relay = &Relay{
		Relay: &chat.Relay{Reader: s, Tails: s, Subscriptions: s, Queue: q},
		Head:  read, Ends: read, Log: slog.New(slog.NewJSONHandler(&w.logged, nil)),
	}
	return w
}

func record(n int, before, after []byte) StreamRecord {
	return StreamRecord{SequenceNumber: fmt.Sprint("s", n), OldImage: before, NewImage: after}
}

// handle passes the records as Lambda does.
func (w *relayWorld) handle(t *testing.T, records ...StreamRecord) []string {
	t.Helper()
	var e struct{ Records []map[string]any }
	for _, r := range records {
		change := map[string]any{"Keys": map[string]any{"pk": "}"}, "SequenceNumber": r.SequenceNumber}
		for name, image := range map[string][]byte{"NewImage": r.NewImage, "OldImage": r.OldImage} {
			if image != nil {
				change[name] = json.RawMessage(image)
			}
		}
		e.Records = append(e.Records, map[string]any{"eventID": "x", "dynamodb": change, "eventName": "MODIFY"})
	}
	payload, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := w.Invoke(t.Context(), payload)
	if err != nil {
		t.Fatal(err)
	}
	var out events.DynamoDBEventResponse
	if err := json.Unmarshal(answer, &out); err != nil {
		t.Fatal(err)
	}
	var failed []string
	for _, f := range out.BatchItemFailures {
		failed = append(failed, f.ItemIdentifier)
	}
	return failed
}

// The event is Lambda's: names as in its documentation, images in DynamoDB's JSON.
func TestRelayReadsStreamEvents(t *testing.T) {
	t.Parallel()
	w := newRelayWorld(t)
	w.queue.refuse = conversation(1)
	var read []string
	w.Head = func(image []byte) (*chat.Head, bool, error) {
		read = append(read, string(image))
		if image == nil {
			return nil, false, nil
		}
		h, err := w.store.Head(context.Background(), ref(len(read)-1))
		return h, true, err
	}
	w.Ends = func(image []byte) (*chat.Head, bool, error) {
		read[len(read)-1] += " after " + string(image)
		return nil, false, nil
	}
	payload := `{"Records":[
	  {"eventID":"1","eventName":"INSERT","eventVersion":"1.1","eventSource":"aws:dynamodb","awsRegion":"us-east-1",
	   "dynamodb":{"ApproximateCreationDateTime":1479499740,"Keys":{"pk":{"S":"x"}},"NewImage":{"a":{"S":"}\"]"}},"SequenceNumber":"111","SizeBytes":26,"StreamViewType":"NEW_AND_OLD_IMAGES"},
	   "eventSourceARN":"arn:aws:dynamodb:us-east-1:123456789012:table/x/stream/2016"},
	  {"eventName":"MODIFY","dynamodb":{"OldImage":{"n":{"N":"1"}},"NewImage":{"n":{"N":"2"}},"SequenceNumber":"222"}}]}`
	out, err := w.Invoke(t.Context(), []byte(payload))
	if err != nil || string(out) != `{"batchItemFailures":[{"itemIdentifier":"222"}]}` {
		t.Errorf("%s, %v", out, err)
	}
	if want := []string{`{"a":{"S":"}\"]"}} after `, `{"n":{"N":"2"}} after {"n":{"N":"1"}}`}; !slices.Equal(read, want) {
		t.Errorf("%q", read)
	}
}

func TestRelayStopsAtTheFirstFailure(t *testing.T) {
	t.Parallel()
	w := newRelayWorld(t)
	w.queue.refuse = conversation(2)
	records := []StreamRecord{
		record(0, nil, w.image(0, 1)), record(1, w.image(0, 1), w.image(0, 2)), record(2, nil, nil), record(3, nil, w.image(1, 2)), record(4, nil, w.image(2, 2)), record(5, nil, w.image(3, 2)),
	}
	if failed := w.handle(t, records...); !slices.Equal(failed, []string{"s4"}) {
		t.Fatalf("%v", failed)
	}
	if !slices.Equal(w.queue.jobs, []string{"01", "02", "11", "12"}) {
		t.Fatalf("%v: what comes behind a failure must wait for it", w.queue.jobs)
	}
	for n, want := range []uint64{3, 3, 1, 1} { // those that were handled are trimmed, the others not
		h, err := w.store.Head(t.Context(), ref(n))
		if err != nil || h.Public.From != want {
			t.Errorf("conversation %d: the tail begins at %d, want %d (%v)", n, h.Public.From, want, err)
		}
	}
	w.queue.refuse = ""
	if failed := w.handle(t, records[4:]...); failed != nil {
		t.Fatalf("%v", failed)
	}
	if !slices.Equal(w.queue.jobs, []string{"01", "02", "11", "12", "21", "22", "31", "32"}) {
		t.Fatalf("%v", w.queue.jobs)
	}
}

// Records of operators and contacts are relayed in the order of the stream, with those of conversations, and stop it like
// them.
func TestRelayTellsOfOwnLogs(t *testing.T) {
	t.Parallel()
	w := newRelayWorld(t)
	w.Relay.Relay.Own = ownLog{}
	head := w.Head
	w.Head = func(image []byte) (*chat.Head, bool, error) {
		if bytes.Contains(image, []byte("own")) {
			return nil, false, nil
		}
		return head(image)
	}
	w.Own = func(before, after []byte) (chat.OwnSpan, bool, error) {
		var was, is struct{ Own uint64 }
		_ = json.Unmarshal(before, &was)
		if json.Unmarshal(after, &is) != nil {
			return chat.OwnSpan{}, false, errors.New("damaged")
		}
		return ownSpan(was.Own, is.Own), was.Own < is.Own, nil
	}
	own := func(n int) []byte { return fmt.Appendf(nil, `{"own":%d}`, n) }
	records := []StreamRecord{
		record(0, nil, own(2)), record(1, own(2), own(2)), record(2, nil, w.image(1, 1)), record(3, own(2), own(3)), record(4, nil, w.image(2, 1)),
	}
	w.queue.refuse = ownOperator
	if failed := w.handle(t, records...); !slices.Equal(failed, []string{"s0"}) || len(w.queue.jobs) != 0 {
		t.Fatalf("%v, %v: what comes behind a failure must wait for it", failed, w.queue.jobs)
	}
	w.queue.refuse = ""
	if failed := w.handle(t, records...); failed != nil || !slices.Equal(w.queue.jobs, []string{"01", "02", "11", "03", "21"}) {
		t.Errorf("%v, %v", failed, w.queue.jobs)
	}
	if failed := w.handle(t, record(5, nil, []byte(`{"own":"x"}`))); !slices.Equal(failed, []string{"s5"}) {
		t.Errorf("damage: %v", failed)
	}
}

func TestRelayReportsDamage(t *testing.T) {
	t.Parallel()
	w := newRelayWorld(t)
	damaged := []byte(`{"n":"damaged"}`)
	if failed := w.handle(t, record(0, nil, damaged)); !slices.Equal(failed, []string{"s0"}) {
		t.Errorf("%v", failed)
	}
	if failed := w.handle(t, record(1, damaged, w.image(0, 2))); !slices.Equal(failed, []string{"s1"}) {
		t.Errorf("old image: %v", failed)
	}
	if !strings.Contains(w.logged.String(), `"sequence":"s0"`) || len(w.queue.jobs) != 0 {
		t.Errorf("%s %v", &w.logged, w.queue.jobs)
	}
}

// A trim that fails is made by the next append: its record is done and must not be repeated.
func TestFailedTrimIsNotTheRecords(t *testing.T) {
	t.Parallel()
	w := newRelayWorld(t)
	w.store.Fault = func(call string, _ bool) error {
		if call == "MoveTail" {
			return errors.New("throttled")
		}
		return nil
	}
	if failed := w.handle(t, record(0, nil, w.image(0, 2))); failed != nil {
		t.Errorf("%v", failed)
	}
	if !strings.Contains(w.logged.String(), "trim failed") || len(w.queue.jobs) != 2 {
		t.Errorf("%s %v", &w.logged, w.queue.jobs)
	}
}
