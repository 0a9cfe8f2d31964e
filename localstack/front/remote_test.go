package front

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/localstack/seam"
)

func remote(t *testing.T, status int, header http.Header, answer string) (*Remote, *http.Request, *string) {
	t.Helper()
	var got http.Request
	var body string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got, body = *r, string(raw)
		for name, values := range header {
			w.Header()[name] = values
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	return NewRemote(RemoteOptions{URL: server.URL}), &got, &body
}

func TestRemoteSignsWithOneKey(t *testing.T) {
	t.Parallel()
	r, got, body := remote(t, 200, nil, `{"ConsumedCapacity":{"TableName":"chat","CapacityUnits":2.0}}`)
	answer := r.Do(t.Context(), seam.Call{Caller: seam.Caller{Function: "SocketFn"}, Service: seam.DynamoDB, Operation: "UpdateItem", Body: []byte(`{"TableName":"chat"}`)})
	if answer.Status != 200 || answer.ErrorType != "" {
		t.Fatalf("answer %+v", answer)
	}
	if a := got.Header.Get("Authorization"); !strings.HasPrefix(a, "AWS4-HMAC-SHA256 Credential=local/") || !strings.Contains(a, "/us-east-1/dynamodb/aws4_request") {
		t.Errorf("signed with %q", a)
	}
	if got.Header.Get("X-Amz-Target") != "DynamoDB_20120810.UpdateItem" || *body != `{"TableName":"chat","ReturnConsumedCapacity":"TOTAL"}` {
		t.Errorf("sent %v %s", got.Header, *body)
	}
	if diff := gocmp.Diff([]seam.Usage{{Resource: "chat", WriteUnits: 2}}, answer.Usage); diff != "" {
		t.Errorf("usage %s", diff)
	}
}

func TestRemoteUsage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		service, operation, body, sent, answer string
		want                                   []seam.Usage
	}{
		{seam.DynamoDB, "Query", `{"ReturnConsumedCapacity":"INDEXES"}`, `{"ReturnConsumedCapacity":"INDEXES"}`, `{"ConsumedCapacity":{"TableName":"a","CapacityUnits":0.5}}`, []seam.Usage{{Resource: "a", ReadUnits: 0.5}}},
		{seam.DynamoDB, "TransactWriteItems", `{"TransactItems":[]}`, `{"TransactItems":[],"ReturnConsumedCapacity":"TOTAL"}`, `{"ConsumedCapacity":[{"TableName":"a","CapacityUnits":4,"WriteCapacityUnits":4},{"TableName":"b","CapacityUnits":2,"WriteCapacityUnits":2}]}`,
			[]seam.Usage{{Resource: "a", WriteUnits: 4}, {Resource: "b", WriteUnits: 2}}},
		{seam.DynamoDB, "DescribeTable", `{"TableName":"a"}`, `{"TableName":"a"}`, `{"Table":{}}`, nil},
		{seam.SQS, "SendMessage", `{"QueueUrl":"http://h/0/q"}`, `{"QueueUrl":"http://h/0/q"}`, `{}`, []seam.Usage{{Resource: "q", Requests: 1}}},
		{seam.SQS, "ReceiveMessage", `{"QueueUrl":"http://h/0/q"}`, `{"QueueUrl":"http://h/0/q"}`, `"` + strings.Repeat("x", 70000) + `"`, []seam.Usage{{Resource: "q", Requests: 2}}},
	} {
		r, _, body := remote(t, 200, nil, c.answer)
		answer := r.Do(t.Context(), seam.Call{Service: c.service, Operation: c.operation, Body: []byte(c.body)})
		if diff := gocmp.Diff(c.want, answer.Usage); diff != "" || *body != c.sent {
			t.Errorf("%s: sent %s, usage (-want +got)\n%s", c.operation, *body, diff)
		}
	}
}

func TestRemoteErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		header       http.Header
		answer, want string
	}{
		{nil, `{"message":"m","__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException"}`, "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException"},
		{http.Header{"X-Amzn-Errortype": {"QueueDoesNotExist"}}, `{}`, "QueueDoesNotExist"},
		{nil, `<html>`, "UnknownError"},
	} {
		r, _, _ := remote(t, 400, c.header, c.answer)
		answer := r.Do(t.Context(), seam.Call{Service: seam.SQS, Operation: "SendMessage", Body: []byte(`{}`)})
		if answer.Status != 400 || answer.ErrorType != c.want || string(answer.Body) != c.answer {
			t.Errorf("answer %+v, want type %s", answer, c.want)
		}
	}
	unreachable := NewRemote(RemoteOptions{URL: "http://127.0.0.1:1"})
	if a := unreachable.Do(t.Context(), seam.Call{Service: seam.SQS, Operation: "SendMessage", Body: []byte(`{}`)}); a.Status != 503 || a.ErrorType == "" {
		t.Errorf("an unreachable server: %+v", a)
	}
}
