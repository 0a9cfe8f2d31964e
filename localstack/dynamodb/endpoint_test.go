package dynamodb_test

import (
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/parley-chat/parley/localstack/dynamodb"
	"github.com/parley-chat/parley/localstack/seam"
)

// endpointVariable names a DynamoDB that somebody else wrote, "http://127.0.0.1:8000". With it the checks run
// there; without it they run against this package's engine behind an HTTP server of the test's own.
const endpointVariable = "PARLEY_DYNAMODB_ENDPOINT"

// suite is an endpoint with the SDK's clients. Tables of a suite have names of their own, so that tests can
// share a foreign endpoint.
type suite struct {
	t       testing.TB
	db      *ddb.Client
	streams *dynamodbstreams.Client
	// engine is nil on a foreign endpoint.
	engine *dynamodb.Engine
	clock  *clock
	prefix string
}

// clock is the engine's; it moves only when told.
type clock struct{ nanos atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.nanos.Store(time.Now().UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.nanos.Load()) }
func (c *clock) advance(d time.Duration) { c.nanos.Add(int64(d)) }

var suites atomic.Int64

// newSuite returns a suite on the foreign endpoint, if one is set, else on a fresh engine.
func newSuite(t testing.TB) *suite {
	t.Helper()
	if foreign := os.Getenv(endpointVariable); foreign != "" {
		s := &suite{t: t, clock: newClock(), prefix: fmt.Sprintf("t%d-%d-", time.Now().UnixNano(), suites.Add(1))}
		s.connect(foreign)
		return s
	}
	return ownSuite(t, dynamodb.Options{})
}

// ownSuite returns a suite on this package's engine, for what cannot be done to a foreign one: moving its
// clock, forcing conflicts.
func ownSuite(t testing.TB, o dynamodb.Options) *suite {
	t.Helper()
	s := &suite{t: t, clock: newClock()}
	o.Now = s.clock.now
	var err error
	if s.engine, err = dynamodb.New(o); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler(s.engine))
	t.Cleanup(server.Close)
	s.connect(server.URL)
	return s
}

func (s *suite) connect(url string) {
	keys := credentials.NewStaticCredentialsProvider("parleytest", "secret", "")
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	s.t.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{Transport: transport}
	s.db = ddb.New(ddb.Options{Region: "us-east-1", Credentials: keys, BaseEndpoint: &url, HTTPClient: client, RetryMaxAttempts: 1})
	s.streams = dynamodbstreams.New(dynamodbstreams.Options{Region: "us-east-1", Credentials: keys, BaseEndpoint: &url, HTTPClient: client, RetryMaxAttempts: 1})
}

// handler speaks JSON 1.0 for a service.
func handler(service seam.Service) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		target, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		call := seam.Call{Service: seam.DynamoDB, Operation: operation, Body: body}
		if strings.HasPrefix(target, "DynamoDBStreams") {
			call.Service = seam.DynamoDBStreams
		}
		answer := service.Do(r.Context(), call)
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.Header().Set("X-Amz-Crc32", fmt.Sprint(crc32.ChecksumIEEE(answer.Body)))
		w.Header().Set("X-Amzn-Requestid", "TEST")
		w.WriteHeader(answer.Status)
		_, _ = w.Write(answer.Body)
	})
}

func ctx() context.Context { return context.Background() }

// item builds an item from names and values: string, int, []byte, bool, nil, or a types.AttributeValue.
func item(pairs ...any) map[string]types.AttributeValue {
	out := make(map[string]types.AttributeValue)
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i].(string)] = value(pairs[i+1])
	}
	return out
}

func value(v any) types.AttributeValue {
	switch v := v.(type) {
	case string:
		return &types.AttributeValueMemberS{Value: v}
	case int:
		return &types.AttributeValueMemberN{Value: fmt.Sprint(v)}
	case []byte:
		return &types.AttributeValueMemberB{Value: v}
	case bool:
		return &types.AttributeValueMemberBOOL{Value: v}
	case nil:
		return &types.AttributeValueMemberNULL{Value: true}
	case types.AttributeValue:
		return v
	case map[string]types.AttributeValue:
		return &types.AttributeValueMemberM{Value: v}
	case []types.AttributeValue:
		return &types.AttributeValueMemberL{Value: v}
	}
	panic(fmt.Sprintf("no attribute value for %T", v))
}

func num(text string) types.AttributeValue { return &types.AttributeValueMemberN{Value: text} }

func strs(s ...string) types.AttributeValue { return &types.AttributeValueMemberSS{Value: s} }

func nums(s ...string) types.AttributeValue { return &types.AttributeValueMemberNS{Value: s} }

// defined writes attribute definitions: "pk S", "n N".
func defined(list ...string) []types.AttributeDefinition {
	var out []types.AttributeDefinition
	for _, d := range list {
		name, kind, _ := strings.Cut(d, " ")
		out = append(out, types.AttributeDefinition{AttributeName: aws.String(name), AttributeType: types.ScalarAttributeType(kind)})
	}
	return out
}

func keySchema(names ...string) []types.KeySchemaElement {
	out := []types.KeySchemaElement{{AttributeName: &names[0], KeyType: types.KeyTypeHash}}
	if len(names) > 1 {
		out = append(out, types.KeySchemaElement{AttributeName: &names[1], KeyType: types.KeyTypeRange})
	}
	return out
}

// table creates a table with pk and sk, both strings, and returns its name.
func (s *suite) table() string {
	return s.create(&ddb.CreateTableInput{AttributeDefinitions: defined("pk S", "sk S"), KeySchema: keySchema("pk", "sk")})
}

// create creates a table under a fresh name and waits until it can be used.
func (s *suite) create(in *ddb.CreateTableInput) string {
	s.t.Helper()
	name := fmt.Sprintf("%stable%d", s.prefix, suites.Add(1))
	in.TableName, in.BillingMode = &name, types.BillingModePayPerRequest
	if _, err := s.db.CreateTable(ctx(), in); err != nil {
		s.t.Fatal(err)
	}
	if err := ddb.NewTableExistsWaiter(s.db, func(o *ddb.TableExistsWaiterOptions) { o.MinDelay, o.MaxDelay = 10*time.Millisecond, time.Second }).Wait(ctx(), &ddb.DescribeTableInput{TableName: &name}, time.Minute); err != nil {
		s.t.Fatal(err)
	}
	return name
}

func (s *suite) put(table string, it map[string]types.AttributeValue) {
	s.t.Helper()
	if _, err := s.db.PutItem(ctx(), &ddb.PutItemInput{TableName: &table, Item: it}); err != nil {
		s.t.Fatal(err)
	}
}

// get reads consistently; nil if there is no item.
func (s *suite) get(table string, key map[string]types.AttributeValue) map[string]types.AttributeValue {
	s.t.Helper()
	out, err := s.db.GetItem(ctx(), &ddb.GetItemInput{TableName: &table, Key: key, ConsistentRead: aws.Bool(true)})
	if err != nil {
		s.t.Fatal(err)
	}
	return out.Item
}
