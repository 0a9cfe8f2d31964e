package front

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"

	"github.com/parley-chat/parley/localstack/faults"
	"github.com/parley-chat/parley/localstack/meter"
	"github.com/parley-chat/parley/localstack/seam"
	"github.com/parley-chat/parley/localstack/template"
)

// engine is a service that notes its calls and gives one answer.
type engine struct {
	mu     sync.Mutex
	calls  []seam.Call
	answer seam.Answer
}

func (e *engine) Do(_ context.Context, call seam.Call) seam.Answer {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.calls = append(e.calls, call)
	return e.answer
}

func (e *engine) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.calls)
}

// stand is a door with all that it needs, served over HTTP.
type stand struct {
	door   *Door
	engine *engine
	faults *faults.Injector
	meter  *meter.Meter
	posts  *posts
	url    string
	key    aws.CredentialsProvider // of SocketFn

	mu     sync.Mutex
	killed []string
	events []Event
}

// posts is a gateway that notes what reaches it.
type posts struct {
	mu   sync.Mutex
	seen []string
	gone bool
}

func (p *posts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen = append(p.seen, fmt.Sprintf("%s %s %s %v", r.Method, r.URL.Path, body, err))
	if p.gone {
		w.Header()["x-amzn-errortype"] = []string{"GoneException"}
		w.WriteHeader(http.StatusGone)
	}
}

func (p *posts) list() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.seen)
}

const (
	chatARN = "arn:aws:dynamodb:us-east-1:000000000000:table/chat"
	apiARN  = "arn:aws:execute-api:us-east-1:000000000000:chatapi/dev"
)

func allow(actions, resources string) template.Statement {
	return template.Statement{Effect: "Allow", Actions: strings.Fields(actions), Resources: strings.Fields(resources)}
}

func newStand(t testing.TB, statements ...template.Statement) *stand {
	t.Helper()
	s := &stand{engine: &engine{answer: seam.Answer{Status: 200, Body: []byte(`{}`)}}, faults: &faults.Injector{}, meter: meter.New(meter.Options{}), posts: &posts{}}
	keys := NewKeys("", "")
	plan := &template.Plan{
		Functions: []template.Function{{LogicalID: "SocketFn", Statements: statements}},
		Sockets:   []template.SocketAPI{{LogicalID: "ChatApi", APIID: "chatapi", Stage: "dev"}},
		Tables: []template.Table{{Name: "chat", Hash: template.Key{Name: "pk", Type: "S"}, Indexes: []template.Index{{Name: "g1", Hash: template.Key{Name: "g", Type: "S"}}}},
			{Name: "conns", Hash: template.Key{Name: "pk", Type: "S"}}},
	}
	door, err := New(Options{
		Keys: keys, Plan: plan, Connections: s.posts, Faults: s.faults, Meter: s.meter,
		Services: map[string]seam.Service{seam.DynamoDB: s.engine, seam.DynamoDBStreams: s.engine, seam.SQS: s.engine},
		Kill: func(process string) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.killed = append(s.killed, process)
		},
		QueryError: func(errorType string) string {
			if errorType == "com.amazonaws.sqs#QueueDoesNotExist" {
				return "AWS.SimpleQueueService.NonExistentQueue;Sender"
			}
			return ""
		},
		Trace: func(e Event) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.events = append(s.events, e)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(door)
	t.Cleanup(server.Close)
	s.door, s.url = door, server.URL
	s.key = credentials.NewStaticCredentialsProvider(issue(keys, seam.Caller{Function: "SocketFn", Process: "SocketFn-1"}))
	return s
}

func issue(k *Keys, c seam.Caller) (id, secret, token string) {
	id, secret = k.Issue(c)
	return id, secret, ""
}

func (s *stand) dynamo(key aws.CredentialsProvider) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{Region: "us-east-1", BaseEndpoint: &s.url, Credentials: key, Retryer: aws.NopRetryer{}})
}

func (s *stand) queues(key aws.CredentialsProvider) *sqs.Client {
	return sqs.New(sqs.Options{Region: "us-east-1", BaseEndpoint: &s.url, Credentials: key, Retryer: aws.NopRetryer{}})
}

func (s *stand) sockets(key aws.CredentialsProvider) *apigatewaymanagementapi.Client {
	return apigatewaymanagementapi.New(apigatewaymanagementapi.Options{Region: "us-east-1", BaseEndpoint: aws.String(s.url + "/dev"), Credentials: key, Retryer: aws.NopRetryer{}})
}

func (s *stand) admin() aws.CredentialsProvider {
	id, secret := s.door.opts.Keys.Admin()
	return credentials.NewStaticCredentialsProvider(id, secret, "")
}

// code is the error code of an AWS error, "" for nil.
func code(t *testing.T, err error) string {
	t.Helper()
	var api smithy.APIError
	if err == nil {
		return ""
	}
	if !errors.As(err, &api) {
		t.Fatalf("not an AWS error: %v", err)
	}
	return api.ErrorCode()
}

func text(v string) types.AttributeValue { return &types.AttributeValueMemberS{Value: v} }

func key(pk string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{"pk": text(pk), "sk": text("x")}
}

func get(t *testing.T, s *stand, credentials aws.CredentialsProvider) error {
	t.Helper()
	_, err := s.dynamo(credentials).GetItem(t.Context(), &dynamodb.GetItemInput{TableName: aws.String("chat"), Key: key("a")})
	return err
}
