package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/dynamo"
	"github.com/parley-chat/parley/internal/protocol"
	engine "github.com/parley-chat/parley/localstack/dynamodb"
	"github.com/parley-chat/parley/localstack/seam"
	"github.com/parley-chat/parley/localstack/template"
)

const dataModelPath = "docs/data-model.md"

// metered carries the SDK's requests to an engine in this process and adds up the capacity that they consume.
type metered struct {
	engine *engine.Engine

	mu            sync.Mutex // handlers read side by side
	reads, writes float64
}

// RoundTrip implements http.RoundTripper.
func (m *metered) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	body = append([]byte(`{"ReturnConsumedCapacity":"TOTAL",`), body[1:]...)
	answer := m.engine.Do(r.Context(), seam.Call{Service: seam.DynamoDB, Operation: operation, Body: body})
	m.count(operation, answer.Body)
	header := http.Header{"Content-Type": {"application/x-amz-json-1.0"}}
	header.Set("X-Amz-Crc32", strconv.FormatUint(uint64(crc32.ChecksumIEEE(answer.Body)), 10))
	return &http.Response{StatusCode: answer.Status, Header: header, Body: io.NopCloser(bytes.NewReader(answer.Body)), Request: r}, nil
}

func (m *metered) count(operation string, body []byte) {
	type capacity struct{ CapacityUnits float64 }
	var one struct{ ConsumedCapacity capacity }
	var many struct{ ConsumedCapacity []capacity }
	units := 0.0
	if json.Unmarshal(body, &one) == nil {
		units = one.ConsumedCapacity.CapacityUnits
	} else if json.Unmarshal(body, &many) == nil {
		for _, c := range many.ConsumedCapacity {
			units += c.CapacityUnits
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	switch operation {
	case "GetItem", "Query", "BatchGetItem":
		m.reads += units
	default:
		m.writes += units
	}
}

// take returns what was consumed since the last call.
func (m *metered) take() (reads, writes float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	reads, writes = m.reads, m.writes
	m.reads, m.writes = 0, 0
	return reads, writes
}

// measure runs a conversation on the real adapter and the local engine.
type measure struct {
	*stage
	metered *metered
	client  *dynamodb.Client
	store   *dynamo.Store
	relay   *chat.Relay
	rows    []string
}

func newMeasure(t *testing.T) *measure {
	t.Helper()
	plan, err := template.Load(filepath.Join(root, "template.yaml"), template.Options{})
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.New(engine.Options{Tables: plan.Tables})
	if err != nil {
		t.Fatal(err)
	}
	m := &measure{stage: newStage(t), metered: &metered{engine: e}}
	m.client = dynamodb.New(dynamodb.Options{
		Region: "us-east-1", BaseEndpoint: aws.String("http://engine.invalid"), HTTPClient: &http.Client{Transport: m.metered},
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
	name := map[string]string{}
	for _, table := range plan.Tables {
		name[table.LogicalID] = table.Name
	}
	m.store = &dynamo.Store{API: m.client, Chat: name["ChatTable"], Connections: name["ConnectionTable"], Now: func() time.Time { return m.now }}
	d, c := m.handler.Delivery, m.handler.Chat
	d.Reader, d.Rows, d.Subs, d.Sockets = m.store, m.store, m.store, m.store
	c.Log, c.Reader, c.Subs, c.Dir, c.Sockets, c.Tails = m.store, m.store, m.store, m.store, m.store, m.store
	m.relay = &chat.Relay{Reader: m.store, Tails: m.store, Subscriptions: m.store, Queue: nil}
	return m
}

func (m *measure) head() *chat.Head {
	m.t.Helper()
	h, err := m.store.Head(context.Background(), chat.Ref{Workspace: workspace, Conversation: conversation})
	if err != nil || h == nil {
		m.t.Fatalf("head: %v, %v", h, err)
	}
	return h
}

// items reads all items of a partition, or those whose sort key begins with sk.
func (m *measure) items(table, pk, sk string) []map[string]types.AttributeValue {
	m.t.Helper()
	out, err := m.client.Query(context.Background(), &dynamodb.QueryInput{
		TableName: &table, KeyConditionExpression: aws.String("pk = :p AND begins_with(sk, :s)"), ConsistentRead: aws.Bool(true),
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":p": &types.AttributeValueMemberS{Value: pk}, ":s": &types.AttributeValueMemberS{Value: sk}},
	})
	if err != nil || len(out.Items) == 0 {
		m.t.Fatalf("%s %s: %d items, %v", pk, sk, len(out.Items), err)
	}
	return out.Items
}

// bytesOf is an item's size by "DynamoDB item sizes and formats" of the developer guide.
func bytesOf(v types.AttributeValue) int {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return len(v.Value)
	case *types.AttributeValueMemberB:
		return len(v.Value)
	case *types.AttributeValueMemberN:
		return 1 + (len(strings.TrimRight(v.Value, "0"))+1)/2
	case *types.AttributeValueMemberL:
		n := 3
		for _, e := range v.Value {
			n += 1 + bytesOf(e)
		}
		return n
	case *types.AttributeValueMemberM:
		return 3 + len(v.Value) + itemBytes(v.Value)
	}
	return 1
}

func itemBytes(it map[string]types.AttributeValue) int {
	n := 0
	for name, v := range it {
		n += len(name) + bytesOf(v)
	}
	return n
}

func (m *measure) row(format string, args ...any) {
	m.rows = append(m.rows, fmt.Sprintf(format, args...))
}

// cost notes what was consumed since the last call.
func (m *measure) cost(what string) {
	reads, writes := m.metered.take()
	m.row("| %s | %g | %g |", what, writes, reads)
}

// typed is a message of 60 bytes.
func typed(n byte) []protocol.NewMessage {
	return []protocol.NewMessage{{ID: eventID(n), Text: strings.Repeat("sixty bytes ", 5)}}
}

// sends appends n messages, the two sides in turn. With relay the tail moves as soon as the relay would move it;
// returned are the largest HEAD, the number of events in it, and the write units of appends and of moves.
func (m *measure) sends(n int) (largest, tail int, appends, moves float64) {
	for i := range n {
		user := customer
		if i%2 == 1 {
			user = operator
		}
		m.metered.take()
		m.send(user, protocol.Send{Action: "send", Conversation: conversation, After: m.head().Public.Last, Messages: typed(byte(40 + i))}, "", "", "")
		_, w := m.metered.take()
		appends += w
		h := m.head()
		if size := itemBytes(m.items(m.store.Chat, partition(), "H")[0]); size > largest && i > 10 { // the first tail holds smaller events too
			largest, tail = size, len(h.Public.Tail)
		}
		m.metered.take()
		if err := m.relay.Trim(context.Background(), h); err != nil {
			m.t.Fatal(err)
		}
		_, w = m.metered.take()
		moves += w
	}
	return largest, tail, appends, moves
}

func partition() string { return string(workspace) + "#" + string(conversation) }

func (m *measure) run() string {
	const table = "| | write units | read units |\n|---|---|---|\n"
	m.send(operator, protocol.Hello{Action: "hello"}, "", "", "")
	m.send(customer, protocol.Hello{Action: "hello"}, "", "", "")
	m.metered.take()
	m.send(customer, protocol.Start{Action: "start", Conversation: conversation, Messages: typed(10)}, "", "", "")
	m.cost("`start` with one message, and the news of it to the desk")
	waiting := itemBytes(m.waitingEntry())
	m.metered.take()
	m.send(operator, protocol.Join{Action: "join", Conversation: conversation, ID: eventID(11)}, "", "", "")
	m.cost("`join`, and the news of it to the desk")
	largest, tail, appends, moves := m.sends(120)
	m.row("| `send`, mean of 120 messages | %.2f | 0 |", appends/120)
	m.row("| moving tails, mean for each of those messages | %.2f | 0 |", moves/120)
	m.metered.take()
	last := m.head().Public.Last
	m.metered.take()
	m.send(customer, protocol.Read{Action: "read", Conversation: conversation, Seq: last}, "", "", "")
	m.cost("`read`")
	m.send(operator, protocol.Typing{Action: "typing", Conversation: conversation}, "", "", "")
	m.cost("`typing`")
	cursors := map[chat.ConversationID]protocol.Cursor{conversation: {Public: last}}
	m.send(customer, protocol.Ping{Action: "ping", Cursors: cursors}, "", "", "")
	m.cost("`ping` of a customer with one conversation (besides one read of the session)")
	m.send(customer, protocol.Hello{Action: "hello", Cursors: cursors}, "", "", "")
	m.cost("`hello` of a customer with one conversation, nothing missed (besides one read of the session)")
	m.send(operator, protocol.Close{Action: "close", Conversation: conversation, After: last, ID: eventID(12)}, "", "", "")
	m.cost("`close`")
	costs := table + strings.Join(m.rows, "\n")
	return m.sizes(largest, tail, waiting) + "\n\n" + costs
}

func (m *measure) waitingEntry() map[string]types.AttributeValue {
	return m.items(m.store.Chat, string(workspace)+"#waiting#", "")[0]
}

func (m *measure) sizes(largest, tail, waiting int) string {
	head := m.items(m.store.Chat, partition(), "H")[0]
	list, _ := head["T"].(*types.AttributeValueMemberL)
	packed, _ := list.Value[0].(*types.AttributeValueMemberB)
	chunk := m.items(m.store.Chat, partition(), "P")[1]
	events, _ := chunk["E"].(*types.AttributeValueMemberL)
	rows := []string{
		fmt.Sprintf("| HEAD without its tails: a customer, an operator, a socket each | %d |", itemBytes(head)-bytesOf(head["T"])-bytesOf(head["D"])),
		fmt.Sprintf("| an event of 60 bytes of text, packed | %d |", len(packed.Value)),
		fmt.Sprintf("| the same event as JSON in a frame | %d |", len(protocol.Encode(protocol.EventOf(m.head().Public.Tail[0])))),
		fmt.Sprintf("| HEAD at its largest: %d such events in the tail | %d |", tail, largest),
		fmt.Sprintf("| a chunk of %d such events | %d |", len(events.Value), itemBytes(chunk)),
		fmt.Sprintf("| STATE | %d |", itemBytes(m.items(m.store.Chat, partition(), "S")[0])),
		fmt.Sprintf("| membership | %d |", itemBytes(m.items(m.store.Chat, string(workspace)+"#"+string(customer), "C")[0])),
		fmt.Sprintf("| waiting conversation | %d |", waiting),
		fmt.Sprintf("| socket of a customer | %d |", itemBytes(m.items(m.store.Connections, string(workspace)+"#"+string(customer), "")[0])),
	}
	return "| item | bytes |\n|---|---|\n" + strings.Join(rows, "\n")
}

// TestSizesInTheDataModelAreMeasured measures what docs/data-model.md says of sizes and units. With -update it
// writes them.
func TestSizesInTheDataModelAreMeasured(t *testing.T) {
	t.Parallel()
	m := newMeasure(t)
	name := filepath.Join(root, filepath.FromSlash(dataModelPath))
	doc, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	measured := m.run()
	for _, sk := range []string{"H", "S", "P"} {
		for name := range m.items(m.store.Chat, partition(), sk)[0] {
			if !bytes.Contains(doc, []byte("`"+name+"`")) {
				t.Errorf("%s does not name the attribute %s", dataModelPath, name)
			}
		}
	}
	want, err := replacePart(doc, "sizes", measured)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(name, want, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(doc, want) {
		t.Errorf("%s: %s", dataModelPath, strings.Join(differences(dataModelPath, doc, want), "\n"))
	}
}
