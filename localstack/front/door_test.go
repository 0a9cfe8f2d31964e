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
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi"
	agwtypes "github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
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

func TestCallReachesTheEngine(t *testing.T) {
	t.Parallel()
	s := newStand(t, allow("dynamodb:GetItem", chatARN))
	s.engine.answer.Body = []byte(`{"Item":{"pk":{"S":"a"}}}`)
	s.engine.answer.Usage = []seam.Usage{{Resource: "chat", ReadUnits: 0.5}}
	out, err := s.dynamo(s.key).GetItem(t.Context(), &dynamodb.GetItemInput{TableName: aws.String("chat"), Key: key("a")})
	if err != nil {
		t.Fatal(err)
	}
	if out.Item["pk"].(*types.AttributeValueMemberS).Value != "a" {
		t.Errorf("item %v", out.Item)
	}
	call := s.engine.calls[0]
	if call.Caller != (seam.Caller{Function: "SocketFn", Process: "SocketFn-1"}) || call.Service != seam.DynamoDB || call.Operation != "GetItem" || !strings.Contains(string(call.Body), `"chat"`) {
		t.Errorf("call %+v", call)
	}
	counted := s.meter.Snapshot().Calls[meter.CallKey{Service: seam.DynamoDB, Operation: "GetItem", Resource: "chat", Function: "SocketFn"}]
	if counted.Calls != 1 || counted.ReadUnits != 0.5 {
		t.Errorf("metered %+v", s.meter.Snapshot().Calls)
	}
	if e := s.events[0]; e.Operation != "GetItem" || e.Resource != "chat" || e.Status != 200 || e.Caller.Function != "SocketFn" {
		t.Errorf("traced %+v", e)
	}
}

func TestHeadersOfAnswers(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	id, _ := s.door.opts.Keys.Admin()
	post := func(target string) http.Header {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(`{"TableName":"chat","QueueUrl":"http://h/0/q"}`))
		r.Header.Set("X-Amz-Target", target)
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+id+"/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0")
		s.door.ServeHTTP(w, r)
		return w.Result().Header
	}
	h := post("DynamoDB_20120810.GetItem")
	// CRC-32 of "{}" is 2745614147.
	if h.Get("X-Amz-Crc32") != "2745614147" || len(h.Get("X-Amzn-RequestId")) != 52 || h.Get("Content-Type") != "application/x-amz-json-1.0" {
		t.Errorf("headers %v", h)
	}
	if h := post("AmazonSQS.SendMessage"); h.Get("X-Amz-Crc32") != "" || h.Get("X-Amzn-RequestId") == "" {
		t.Errorf("headers of SQS %v", h)
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	s := newStand(t, allow("*", "*"))
	if err := get(t, s, s.admin()); err != nil {
		t.Errorf("the admin key: %v", err)
	}
	if got := code(t, get(t, s, credentials.NewStaticCredentialsProvider("AKIDUNKNOWN", "s", ""))); got != "UnrecognizedClientException" {
		t.Errorf("an unknown key: %q", got)
	}
	if got := code(t, get(t, s, aws.AnonymousCredentials{})); got != "MissingAuthenticationTokenException" {
		t.Errorf("no key: %q", got)
	}
	if err := get(t, s, s.key); err != nil {
		t.Errorf("an issued key: %v", err)
	}
	s.door.opts.Keys.Revoke(seam.Caller{Function: "SocketFn", Process: "another"})
	if err := get(t, s, s.key); err != nil {
		t.Errorf("the key after another's was revoked: %v", err)
	}
	s.door.opts.Keys.Revoke(seam.Caller{Function: "SocketFn", Process: "SocketFn-1"})
	if got := code(t, get(t, s, s.key)); got != "UnrecognizedClientException" {
		t.Errorf("a revoked key: %q", got)
	}
	s.door.opts.Keys.Revoke(seam.Caller{})
	if err := get(t, s, s.admin()); err != nil {
		t.Errorf("the admin key cannot be revoked: %v", err)
	}
	if s.engine.count() != 4 {
		t.Errorf("%d calls reached the engine, want 4", s.engine.count())
	}
}

func TestDenied(t *testing.T) {
	t.Parallel()
	s := newStand(t, allow("dynamodb:Query", chatARN))
	for range 2 {
		err := get(t, s, s.key)
		if code(t, err) != "AccessDeniedException" {
			t.Fatalf("error %v", err)
		}
		want := "User: arn:aws:sts::000000000000:assumed-role/SocketFnRole/SocketFn is not authorized to perform: dynamodb:GetItem on resource: " + chatARN +
			" because no identity-based policy allows the dynamodb:GetItem action"
		if !strings.Contains(err.Error(), want) {
			t.Errorf("message %v\nlacks %s", err, want)
		}
	}
	if got := s.door.Denied(); len(got) != 1 || got[0] != (Denial{"SocketFn", "dynamodb:GetItem", chatARN, 2}) {
		t.Errorf("denied %+v", got)
	}
	if s.engine.count() != 0 {
		t.Error("a denied call reached the engine")
	}
	w := httptest.NewRecorder()
	s.door.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, DeniedPath, nil))
	if !strings.Contains(w.Body.String(), `"action":"dynamodb:GetItem"`) || !strings.Contains(w.Body.String(), `"count":2`) {
		t.Errorf("handler answers %s", w.Body)
	}
	s.door.Handler().ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodDelete, DeniedPath, nil))
	if len(s.door.Denied()) != 0 {
		t.Error("DELETE leaves denials")
	}
	explicit := newStand(t, allow("*", "*"), template.Statement{Effect: "Deny", Actions: []string{"dynamodb:GetItem"}, Resources: []string{"*"}})
	if err := get(t, explicit, explicit.key); err == nil || !strings.Contains(err.Error(), "with an explicit deny") {
		t.Errorf("explicit deny: %v", err)
	}
}

func TestUnknownTargets(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	for _, target := range []string{"", "AWSStepFunctions.StartExecution", "DynamoDB"} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("{}"))
		r.Header.Set("X-Amz-Target", target)
		s.door.ServeHTTP(w, r)
		if w.Code != 400 || !strings.Contains(w.Body.String(), "UnknownOperationException") {
			t.Errorf("%q: %d %s", target, w.Code, w.Body)
		}
	}
}

func TestQueryErrorHeader(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	s.engine.answer = seam.Answer{Status: 400, ErrorType: "com.amazonaws.sqs#QueueDoesNotExist", Body: []byte(`{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"m"}`)}
	_, err := s.queues(s.admin()).SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: aws.String(s.url + "/000000000000/q"), MessageBody: aws.String("b")})
	var missing *sqstypes.QueueDoesNotExist
	if !errors.As(err, &missing) || missing.ErrorCode() != "AWS.SimpleQueueService.NonExistentQueue" {
		t.Errorf("error %v", err)
	}
}

func TestConnections(t *testing.T) {
	t.Parallel()
	s := newStand(t, allow("execute-api:ManageConnections", apiARN+"/POST/@connections/*"))
	client := s.sockets(s.key)
	post := func(c *apigatewaymanagementapi.Client) error {
		_, err := c.PostToConnection(t.Context(), &apigatewaymanagementapi.PostToConnectionInput{ConnectionId: aws.String("L0SM9cOFvHcCIhw="), Data: []byte("hi")})
		return err
	}
	if err := post(client); err != nil {
		t.Fatal(err)
	}
	if got := s.posts.list(); len(got) != 1 || got[0] != "POST /dev/@connections/L0SM9cOFvHcCIhw= hi <nil>" {
		t.Errorf("the gateway got %q", got)
	}
	_, err := client.DeleteConnection(t.Context(), &apigatewaymanagementapi.DeleteConnectionInput{ConnectionId: aws.String("x")})
	if got := code(t, err); got != "AccessDeniedException" || !strings.Contains(err.Error(), apiARN+"/DELETE/@connections/*") {
		t.Errorf("a DELETE that is not allowed: %v", err)
	}
	if len(s.door.Denied()) != 1 {
		t.Errorf("denied %+v", s.door.Denied())
	}
	if got := code(t, post(s.sockets(credentials.NewStaticCredentialsProvider("AKIDUNKNOWN", "s", "")))); got != "ForbiddenException" {
		t.Errorf("an unknown key: %q", got)
	}
	s.posts.gone = true
	var gone *agwtypes.GoneException
	if err := post(s.sockets(s.admin())); !errors.As(err, &gone) {
		t.Errorf("gone: %v", err)
	}
	calls := s.meter.Snapshot().Calls
	if c := calls[meter.CallKey{Service: seam.ExecuteAPI, Operation: "PostToConnection"}]; c.Calls != 1 || c.Errors != 1 {
		t.Errorf("metered %+v", calls)
	}
}

func TestFaultsOfConnections(t *testing.T) {
	t.Parallel()
	s := newStand(t, allow("*", "*"))
	post := func() error {
		_, err := s.sockets(s.key).PostToConnection(t.Context(), &apigatewaymanagementapi.PostToConnectionInput{ConnectionId: aws.String("x"), Data: []byte("hi")})
		return err
	}
	s.rule(t, faults.Rule{Service: seam.ExecuteAPI, Operation: "PostToConnection", Resource: "x", Kind: seam.FaultError, ErrorType: "GoneException", Times: 1})
	var gone *agwtypes.GoneException
	if err := post(); !errors.As(err, &gone) || len(s.posts.list()) != 0 {
		t.Errorf("gone before the effect: %v, %d posts", err, len(s.posts.list()))
	}
	s.rule(t, faults.Rule{Kind: seam.FaultError, Phase: seam.After, ErrorType: "LimitExceededException", Message: "slow", Times: 1})
	if got := code(t, post()); got != "LimitExceededException" || len(s.posts.list()) != 1 {
		t.Errorf("an error after the effect: %q, %d posts", got, len(s.posts.list()))
	}
	s.rule(t, faults.Rule{Kind: seam.FaultLose, Phase: seam.After, Times: 1})
	if err := post(); err == nil || len(s.posts.list()) != 2 {
		t.Errorf("a lost answer: %v, %d posts", err, len(s.posts.list()))
	}
	s.rule(t, faults.Rule{Kind: seam.FaultDuplicate, Times: 1})
	if err := post(); err != nil || len(s.posts.list()) != 4 || s.posts.list()[3] != "POST /dev/@connections/x hi <nil>" {
		t.Errorf("twice: %v, %q", err, s.posts.list())
	}
}

func (s *stand) rule(t *testing.T, r faults.Rule) {
	t.Helper()
	if _, err := s.faults.Add(r); err != nil {
		t.Fatal(err)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rule    faults.Rule
		effects int
		want    string // error code, "cut" for none, "" for success
		killed  bool
	}{
		"error before":     {faults.Rule{Kind: seam.FaultError, ErrorType: "ProvisionedThroughputExceededException"}, 0, "ProvisionedThroughputExceededException", false},
		"error after":      {faults.Rule{Kind: seam.FaultError, Phase: seam.After, ErrorType: "InternalServerError"}, 1, "InternalServerError", false},
		"lost before":      {faults.Rule{Kind: seam.FaultLose}, 0, "cut", false},
		"lost after":       {faults.Rule{Kind: seam.FaultLose, Phase: seam.After}, 1, "cut", false},
		"killed before":    {faults.Rule{Kind: seam.FaultKill}, 0, "cut", true},
		"killed after":     {faults.Rule{Kind: seam.FaultKill, Phase: seam.After}, 1, "cut", true},
		"delayed before":   {faults.Rule{Kind: seam.FaultDelay, DelayMS: 30}, 1, "", false},
		"delayed after":    {faults.Rule{Kind: seam.FaultDelay, DelayMS: 30, Phase: seam.After}, 1, "", false},
		"twice":            {faults.Rule{Kind: seam.FaultDuplicate}, 2, "", false},
		"twice, after":     {faults.Rule{Kind: seam.FaultDuplicate, Phase: seam.After}, 2, "", false},
		"another table":    {faults.Rule{Kind: seam.FaultLose, Resource: "conns"}, 1, "", false},
		"another function": {faults.Rule{Kind: seam.FaultLose, Function: "DeliverFn"}, 1, "", false},
		"this call": {faults.Rule{Kind: seam.FaultLose, Service: seam.DynamoDB, Operation: "GetItem", Function: "SocketFn", Resource: "chat"},
			0, "cut", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStand(t, allow("*", "*"))
			s.rule(t, c.rule)
			start := time.Now()
			err := get(t, s, s.key)
			var api smithy.APIError
			switch {
			case c.want == "cut":
				if err == nil || errors.As(err, &api) {
					t.Errorf("error %v, want a connection that was cut", err)
				}
			case code(t, err) != c.want:
				t.Errorf("error %v, want %q", err, c.want)
			}
			if s.engine.count() != c.effects {
				t.Errorf("%d effects, want %d", s.engine.count(), c.effects)
			}
			if took := time.Since(start); took < time.Duration(c.rule.DelayMS)*time.Millisecond {
				t.Errorf("took %v", took)
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			if killed := slices.Equal(s.killed, []string{"SocketFn-1"}); killed != c.killed {
				t.Errorf("killed %v", s.killed)
			}
		})
	}
}

func TestPoliciesThatCannotBeEnforcedAreRefused(t *testing.T) {
	t.Parallel()
	st := allow("*", "*")
	st.Condition = []byte(`{"Bool":{"aws:SecureTransport":"true"}}`)
	_, err := New(Options{Keys: NewKeys("", ""), Services: map[string]seam.Service{seam.SQS: &engine{}}, Plan: &template.Plan{Functions: []template.Function{{LogicalID: "SocketFn", Statements: []template.Statement{st}}}}})
	if err == nil || !strings.Contains(err.Error(), "SocketFn") {
		t.Errorf("error %v", err)
	}
}
