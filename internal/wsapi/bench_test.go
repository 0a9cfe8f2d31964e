package wsapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/chat/chattest"
	"github.com/parley-chat/parley/internal/dynamo"
	"github.com/parley-chat/parley/internal/gateway"
	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/internal/wsauth"
	engine "github.com/parley-chat/parley/localstack/dynamodb"
	"github.com/parley-chat/parley/localstack/seam"
)

// BenchmarkSend measures the handler of one message of 128 bytes in a conversation of two, from the event's JSON to the
// answer's: without HTTP servers, sockets or processes.
//
//	memory  the domain alone, on the in-memory store
//	aws     the real SDK clients and the DynamoDB adapter, on an engine in this process
//
// Beside time and allocations it reports what a message makes AWS do, by the engine's own metering: calls and write
// units of the handler, and of the relay that moves the tail into chunks behind it (not part of the time).
func BenchmarkSend(b *testing.B) {
	b.Run("memory", func(b *testing.B) {
		s := chattest.NewMemory()
		benchmarkSend(b, s, &pusher{}, nil)
	})
	b.Run("aws", func(b *testing.B) {
		wire := newWire(b)
		store := &dynamo.Store{API: wire.dynamoDB(b), Chat: "chat", Connections: "connections", Moves: &dynamo.Moves{}}
		benchmarkSend(b, store, gateway.Pusher{API: wire.connections()}, wire)
	})
}

// ports is what the handler needs of a store.
type ports interface {
	chat.Appender
	chat.Reader
	chat.Subscriptions
	chat.ListenerRows
	chat.Directory
	chat.Sockets
	chat.Mover
	chat.SubscriptionSource
}

func benchmarkSend(b *testing.B, s ports, push chat.Pusher, wire *wire) {
	delivery := &chat.Delivery{Push: push, Queue: &jobs{}, Reader: s, Rows: s, Subs: s, Sockets: s, Encode: protocol.Encoder{}}
	h := &Handler{
		Chat: &chat.Service{Log: s, Reader: s, Subs: s, Dir: s, Sockets: s, Sessions: &sessions{}, Tails: s, Delivery: delivery,
			Rate: chat.DefaultRate, SizeOf: protocol.EventSize},
		Delivery: delivery, Principal: wsauth.Principal, Log: slog.New(slog.DiscardHandler),
	}
	relay := &chat.Relay{Reader: s, Tails: s, Subscriptions: s}
	ref := chat.Ref{Workspace: workspace, Conversation: conversation}
	meet(b, s, ref)
	after, moved := uint64(2), uint64(1)
	var sent, relayed tally
	wire.count(&sent)
	b.ReportAllocs()
	for b.Loop() {
		answer, err := h.Invoke(b.Context(), event(after))
		if err != nil || !bytes.Contains(answer, []byte(`\"type\":\"ack\"`)) {
			b.Fatalf("%s, %v", answer, err)
		}
		if after++; after%4 != 0 { // the tail has outgrown its bound: the relay moves it
			continue
		}
		b.StopTimer()
		wire.count(nil)
		head, err := s.Head(b.Context(), ref)
		if err != nil {
			b.Fatal(err)
		}
		wire.count(&relayed)
		if err := relay.Trim(b.Context(), head); err != nil {
			b.Fatal(err)
		}
		moved = head.Public.Last
		if p, ok := push.(*pusher); ok {
			p.take()
		}
		wire.count(&sent)
		b.StartTimer()
	}
	if moved == 1 && b.N > 4 {
		b.Error("the tail was never moved")
	}
	if wire != nil {
		wire.report(b, "", sent)
		wire.report(b, "relay-", relayed)
	}
}

// meet makes a conversation of a customer and an operator, both listening, that ends at seq 2.
func meet(b *testing.B, s ports, ref chat.Ref) {
	b.Helper()
	now := time.Now()
	listener := func(u chat.UserID, r chat.Role) chat.Listener {
		return chat.Listener{User: u, Role: r, Expires: now.Add(2 * time.Hour)}
	}
	first := chat.Event{Seq: 1, ID: "m_01kaw3v4x0mmmmmmmmm0000001", Type: chat.EventMessage, At: now, Sender: customer, Role: chat.RoleCustomer, Text: "hello"}
	err := s.Create(b.Context(), chat.Creation{Ref: ref, Customer: customer, Role: chat.RoleCustomer, Events: []chat.Event{first},
		Listen: customerConnection, Listener: listener(customer, chat.RoleCustomer), At: now})
	if err != nil {
		b.Fatal(err)
	}
	old, err := s.Head(b.Context(), ref)
	if err != nil {
		b.Fatal(err)
	}
	joined := chat.Event{Seq: 2, ID: "m_01kaw3v4x0mmmmmmmmm0000002", Type: chat.EventAssigned, At: now, Sender: operator, Role: chat.RoleOperator}
	err = s.Transition(b.Context(), chat.Append{Ref: ref, Track: chat.Public, After: 1, Events: []chat.Event{joined}, Rule: chat.Rule{Actor: operator}},
		chat.Change{Old: old, Status: chat.StatusActive, Assignee: operator, Join: chat.RoleOperator, Listen: operatorConnection, Listener: listener(operator, chat.RoleOperator)})
	if err != nil {
		b.Fatal(err)
	}
}

const operatorConnection = chat.ConnectionID("TXzQa2nOjoECHuw=")

// event is the MESSAGE event of the operator's next message.
func event(after uint64) []byte {
	frame := fmt.Sprintf(`{"action":"send","ref":"r","conversation":%q,"after":%d,"messages":[{"id":"m_01kaw3v4x1%016d","text":%q}]}`,
		conversation, after, after, strings.Repeat("x", 128))
	return fmt.Appendf(nil, `{"requestContext":{"routeKey":"send","authorizer":{"principalId":%[1]q,"workspace":%[2]q,"user":%[1]q,"role":"operator",`+
		`"session":"s_01kaw3v4x0aaaabbbbccccdddd"},"messageId":"PJqCF05yKRcCHlw=","eventType":"MESSAGE","extendedRequestId":"PJqCF05yKRcCHlw=",`+
		`"requestTime":"02/Nov/2026:09:30:05 +0000","messageDirection":"IN","stage":"live","connectedAt":1793611800121,"requestTimeEpoch":1793611806000,`+
		`"identity":{"sourceIp":"192.0.2.1"},"requestId":"PJqCF05yKRcCHlw=","domainName":"abcdef1234.execute-api.eu-central-1.amazonaws.com",`+
		`"connectionId":%[3]q,"apiId":"abcdef1234"},"body":%[4]q,"isBase64Encoded":false}`, operator, workspace, operatorConnection, frame)
}

// wire carries the SDK's requests to an engine in this process, and counts what AWS would bill. Posts are taken by
// nobody. The zero tally counts nothing.
type wire struct {
	engine *engine.Engine
	into   *tally
}

type tally struct{ calls, writeUnits, readUnits float64 }

func newWire(b *testing.B) *wire {
	b.Helper()
	e, err := engine.New(engine.Options{})
	if err != nil {
		b.Fatal(err)
	}
	return &wire{engine: e}
}

// count has everything from now on counted into a tally, or nowhere.
func (w *wire) count(into *tally) {
	if w != nil {
		w.into = into
	}
}

func (w *wire) report(b *testing.B, name string, t tally) {
	n := float64(b.N)
	b.ReportMetric(t.calls/n, name+"calls/msg")
	b.ReportMetric(t.writeUnits/n, name+"WU/msg")
	if t.readUnits > 0 {
		b.ReportMetric(t.readUnits/n, name+"RU/msg")
	}
}

func (w *wire) options() (*http.Client, aws.CredentialsProvider, *string) {
	return &http.Client{Transport: w}, credentials.NewStaticCredentialsProvider("bench", "secret", ""), aws.String("http://engine.invalid")
}

func (w *wire) dynamoDB(b *testing.B) *dynamodb.Client {
	b.Helper()
	client, keys, url := w.options()
	api := dynamodb.New(dynamodb.Options{Region: "us-east-1", BaseEndpoint: url, HTTPClient: client, Credentials: keys})
	s := types.ScalarAttributeTypeS
	for _, name := range []string{"chat", "connections"} {
		_, err := api.CreateTable(b.Context(), &dynamodb.CreateTableInput{
			TableName: &name, BillingMode: types.BillingModePayPerRequest,
			AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("pk"), AttributeType: s}, {AttributeName: aws.String("sk"), AttributeType: s}},
			KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("pk"), KeyType: types.KeyTypeHash}, {AttributeName: aws.String("sk"), KeyType: types.KeyTypeRange}},
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	waiter := dynamodb.NewTableExistsWaiter(api, func(o *dynamodb.TableExistsWaiterOptions) { o.MinDelay, o.MaxDelay = time.Millisecond, time.Second })
	if err := waiter.Wait(b.Context(), &dynamodb.DescribeTableInput{TableName: aws.String("connections")}, time.Minute); err != nil {
		b.Fatal(err)
	}
	return api
}

func (w *wire) connections() *apigatewaymanagementapi.Client {
	client, keys, url := w.options()
	return apigatewaymanagementapi.New(apigatewaymanagementapi.Options{Region: "us-east-1", BaseEndpoint: url, HTTPClient: client, Credentials: keys, Retryer: aws.NopRetryer{}})
}

// RoundTrip implements http.RoundTripper.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	answer := seam.Answer{Status: http.StatusOK}
	header := http.Header{"Content-Type": {"application/json"}}
	if _, operation, table := strings.Cut(r.Header.Get("X-Amz-Target"), "."); table {
		answer = w.do(r.Context(), operation, body)
		header = http.Header{"Content-Type": {"application/x-amz-json-1.0"}, "X-Amz-Crc32": {strconv.FormatUint(uint64(crc32.ChecksumIEEE(answer.Body)), 10)}}
	} else if !json.Valid(body) {
		return nil, fmt.Errorf("a push of %q", body)
	}
	if w.into != nil {
		w.into.calls++
		for _, u := range answer.Usage {
			w.into.writeUnits += u.WriteUnits
			w.into.readUnits += u.ReadUnits
		}
	}
	return &http.Response{StatusCode: answer.Status, Header: header, Body: io.NopCloser(bytes.NewReader(answer.Body)),
		ContentLength: int64(len(answer.Body)), Request: r, ProtoMajor: 1, ProtoMinor: 1}, nil
}

func (w *wire) do(ctx context.Context, operation string, body []byte) seam.Answer {
	return w.engine.Do(ctx, seam.Call{Service: seam.DynamoDB, Operation: operation, Body: body})
}
