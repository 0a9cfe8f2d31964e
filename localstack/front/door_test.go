package front

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/parley-chat/parley/localstack/meter"
	"github.com/parley-chat/parley/localstack/seam"
	"github.com/parley-chat/parley/localstack/template"
)

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

func TestPoliciesThatCannotBeEnforcedAreRefused(t *testing.T) {
	t.Parallel()
	st := allow("*", "*")
	st.Condition = []byte(`{"Bool":{"aws:SecureTransport":"true"}}`)
	_, err := New(Options{Keys: NewKeys("", ""), Services: map[string]seam.Service{seam.SQS: &engine{}}, Plan: &template.Plan{Functions: []template.Function{{LogicalID: "SocketFn", Statements: []template.Statement{st}}}}})
	if err == nil || !strings.Contains(err.Error(), "SocketFn") {
		t.Errorf("error %v", err)
	}
}
