package front

import (
	"encoding/json"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/localstack/seam"
)

func TestNeeds(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	const tables, queues = "arn:aws:dynamodb:us-east-1:000000000000:table/", "arn:aws:sqs:us-east-1:000000000000:"
	for _, c := range []struct {
		service, operation, body string
		want                     string // "action resource" in lines
		resource                 string
	}{
		{seam.DynamoDB, "UpdateItem", `{"Key":{"pk":{"S":"TableName"}},"TableName":"chat"}`, "dynamodb:UpdateItem " + tables + "chat", "chat"},
		{seam.DynamoDB, "UpdateItem", ` { "TableName" : "chat" , "Key" : { "a\"}": [1, {"TableName":"no"}] } }`, "dynamodb:UpdateItem " + tables + "chat", "chat"},
		{seam.DynamoDB, "GetItem", `{"TableName":"arn:aws:dynamodb:us-east-1:000000000000:table/chat"}`, "dynamodb:GetItem " + tables + "chat", "chat"},
		{seam.DynamoDB, "GetItem", `{"\u0054ableName":"ch\u0061t"}`, "dynamodb:GetItem " + tables + "chat", "chat"},
		{seam.DynamoDB, "Query", `{"TableName":"chat","IndexName":"g1"}`, "dynamodb:Query " + tables + "chat/index/g1", "chat"},
		{seam.DynamoDB, "Query", `{"IndexName":"g1","TableName":"chat"}`, "dynamodb:Query " + tables + "chat/index/g1", "chat"},
		{seam.DynamoDB, "BatchGetItem", `{"RequestItems":{"chat":{"Keys":[]},"conns":{"Keys":[]}}}`, "dynamodb:BatchGetItem " + tables + "chat\ndynamodb:BatchGetItem " + tables + "conns", "chat"},
		{seam.DynamoDB, "TransactWriteItems", `{"TransactItems":[{"Put":{"TableName":"chat","Item":{}}},{"Update":{"TableName":"chat"}},{"Delete":{"TableName":"conns"}},{"ConditionCheck":{"TableName":"chat"}},{"Put":{"TableName":"chat"}}],"ClientRequestToken":"t"}`,
			"dynamodb:PutItem " + tables + "chat\ndynamodb:UpdateItem " + tables + "chat\ndynamodb:DeleteItem " + tables + "conns\ndynamodb:ConditionCheckItem " + tables + "chat", "chat"},
		{seam.DynamoDB, "TransactGetItems", `{"TransactItems":[{"Get":{"TableName":"chat"}}]}`, "dynamodb:GetItem " + tables + "chat", "chat"},
		{seam.DynamoDB, "ListTables", `{}`, "dynamodb:ListTables *", ""},
		{seam.DynamoDB, "GetItem", `not json`, "dynamodb:GetItem *", ""},
		{seam.DynamoDBStreams, "GetShardIterator", `{"StreamArn":"` + tables + `chat/stream/x"}`, "dynamodb:GetShardIterator " + tables + "chat/stream/x", "chat"},
		{seam.DynamoDBStreams, "GetRecords", `{"ShardIterator":"x"}`, "dynamodb:GetRecords *", ""},
		{seam.DynamoDBStreams, "GetRecords", `{"ShardIterator":"` + tables + `chat/stream/x|1|AAAA=="}`, "dynamodb:GetRecords " + tables + "chat/stream/x", "chat"},
		{seam.SQS, "SendMessage", `{"QueueUrl":"http://127.0.0.1:1/000000000000/q.fifo"}`, "sqs:SendMessage " + queues + "q.fifo", "q.fifo"},
		{seam.SQS, "SendMessageBatch", `{"QueueUrl":"http://127.0.0.1:1/000000000000/q"}`, "sqs:SendMessage " + queues + "q", "q"},
		{seam.SQS, "GetQueueUrl", `{"QueueName":"q"}`, "sqs:GetQueueUrl " + queues + "q", "q"},
		{seam.SQS, "StartMessageMoveTask", `{"SourceArn":"` + queues + `q"}`, "sqs:StartMessageMoveTask " + queues + "q", "q"},
		{seam.SQS, "ListQueues", `{}`, "sqs:ListQueues *", ""},
	} {
		needs, resource := s.door.needs(&seam.Call{Service: c.service, Operation: c.operation, Body: []byte(c.body)}, nil)
		var got []string
		for _, n := range needs {
			got = append(got, n.action+" "+n.resource)
		}
		if diff := gocmp.Diff(c.want, strings.Join(got, "\n")); diff != "" || resource != c.resource {
			t.Errorf("%s %s: resource %q, needs (-want +got)\n%s", c.operation, c.body, resource, diff)
		}
	}
}

func TestLeadingKeys(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	for _, c := range []struct{ operation, body, table, want string }{
		{"GetItem", `{"TableName":"chat","Key":{"pk":{"S":"w1"},"sk":{"S":"no"}}}`, "chat", "w1"},
		{"PutItem", `{"TableName":"chat","Item":{"pk":{"S":"w1"},"l":{"L":[]}}}`, "chat", "w1"},
		{"PutItem", `{"TableName":"chat","Item":{"pk":{"S":"w1"}}}`, "conns", ""},
		{"Query", `{"TableName":"chat","KeyConditionExpression":"#p = :p AND sk > :s","ExpressionAttributeNames":{"#p":"pk"},"ExpressionAttributeValues":{":p":{"S":"w1"},":s":{"S":"x"}}}`, "chat", "w1"},
		{"Query", `{"TableName":"chat","KeyConditionExpression":"sk = :s AND pk = :p","ExpressionAttributeValues":{":p":{"S":"w1"},":s":{"S":"x"}}}`, "chat", "w1"},
		{"Query", `{"TableName":"chat","IndexName":"g1","KeyConditionExpression":"g=:g","ExpressionAttributeValues":{":g":{"S":"w2"}}}`, "chat", "w2"},
		{"BatchGetItem", `{"RequestItems":{"chat":{"Keys":[{"pk":{"S":"w1"}},{"pk":{"S":"w2"}}]},"conns":{"Keys":[{"pk":{"S":"w3"}}]}}}`, "chat", "w1 w2"},
		{"BatchWriteItem", `{"RequestItems":{"chat":[{"PutRequest":{"Item":{"pk":{"S":"w1"}}}},{"DeleteRequest":{"Key":{"pk":{"S":"w2"}}}}]}}`, "chat", "w1 w2"},
		{"TransactWriteItems", `{"TransactItems":[{"Put":{"TableName":"chat","Item":{"pk":{"S":"w1"}}}},{"Delete":{"TableName":"chat","Key":{"pk":{"S":"w2"}}}},{"Update":{"TableName":"conns","Key":{"pk":{"S":"w3"}}}}]}`, "chat", "w1 w2"},
		{"GetItem", `{`, "chat", ""},
	} {
		got := strings.Join(s.door.leadingKeys(&seam.Call{Service: seam.DynamoDB, Operation: c.operation, Body: []byte(c.body)}, c.table), " ")
		if got != c.want {
			t.Errorf("%s %s: keys %q, want %q", c.operation, c.body, got, c.want)
		}
	}
}

// TestLeadingKeysAreEnforced goes through the whole door.
func TestLeadingKeysAreEnforced(t *testing.T) {
	t.Parallel()
	st := allow("dynamodb:GetItem", chatARN)
	st.Condition = []byte(`{"ForAllValues:StringLike":{"dynamodb:LeadingKeys":["b*"]}}`)
	s := newStand(t, st)
	if got := code(t, get(t, s, s.key)); got != "AccessDeniedException" {
		t.Errorf("key a: %q, want a denial", got)
	}
	st.Condition = []byte(`{"ForAllValues:StringLike":{"dynamodb:LeadingKeys":["a*"]}}`)
	s = newStand(t, st)
	if err := get(t, s, s.key); err != nil {
		t.Errorf("key a: %v", err)
	}
}

// FuzzScan holds that the scanner finds what encoding/json finds, and never panics.
func FuzzScan(f *testing.F) {
	for _, seed := range []string{`{"TableName":"chat"}`, `{"a":[{"b":"\"}"}],"TableName":"x"}`, `{"a":1,"b":null , "TableName":"\u0041"}`, `{"TableName"`, `{{`, `{"a":}`, `{"RequestItems":{"x":[]}}`} {
		f.Add([]byte(seed))
	}
	door := newStand(f).door
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, operation := range []string{"GetItem", "TransactWriteItems", "BatchGetItem"} {
			call := &seam.Call{Service: seam.DynamoDB, Operation: operation, Body: body}
			needs, _ := door.needs(call, nil)
			if len(needs) == 0 {
				t.Fatal("a call that needs nothing")
			}
			door.leadingKeys(call, "chat")
		}
		if name, ok := tableByJSON(body); ok {
			needs, _ := door.needs(&seam.Call{Service: seam.DynamoDB, Operation: "DescribeTable", Body: body}, nil)
			if last := needs[len(needs)-1]; name != "" && last.table != name[strings.LastIndex(":table/"+name, ":table/"):] {
				t.Fatalf("%s: table %q, encoding/json says %q", body, last.table, name)
			}
		}
	})
}

// tableByJSON is the reference for the scanner: the last TableName, spelled exactly.
func tableByJSON(body []byte) (string, bool) {
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) != nil {
		return "", false
	}
	for _, other := range []string{"RequestItems", "TransactItems", "ResourceArn", "IndexName"} {
		if members[other] != nil {
			return "", false
		}
	}
	var name string
	if members["TableName"] == nil || json.Unmarshal(members["TableName"], &name) != nil || strings.Count(string(body), "able") != 1 {
		return "", false
	}
	return name, true
}
