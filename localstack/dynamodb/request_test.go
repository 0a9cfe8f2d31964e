package dynamodb_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/parley-chat/parley/localstack/seam"
)

func decode(t testing.TB, body []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(body, into); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
}

var operations = []string{"GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan", "BatchGetItem", "BatchWriteItem", "TransactWriteItems", "TransactGetItems",
	"CreateTable", "DescribeTable", "DeleteTable", "ListTables", "UpdateTimeToLive", "DescribeTimeToLive"}

var streamOperations = []string{"ListStreams", "DescribeStream", "GetShardIterator", "GetRecords"}

// FuzzRequest sends anything to any operation: the answer is always one of AWS's, and valid JSON.
func FuzzRequest(f *testing.F) {
	for i, body := range []string{
		`{"TableName":"bank","Key":{"pk":{"S":"a"}},"ProjectionExpression":"a.b[0]"}`,
		`{"TableName":"bank","Item":{"pk":{"S":"a"},"m":{"M":{"x":{"L":[{"N":"1"}]}}}},"ConditionExpression":"attribute_not_exists(pk)","ReturnValues":"ALL_OLD"}`,
		`{"TableName":"bank","Key":{"pk":{"S":"a"}},"UpdateExpression":"SET #n = if_not_exists(#n, :z) + :z","ExpressionAttributeNames":{"#n":"n"},"ExpressionAttributeValues":{":z":{"N":"1"}}}`,
		`{"TableName":"bank","Key":{"pk":{"S":"a"}},"ReturnConsumedCapacity":"INDEXES"}`,
		`{"TableName":"bank","KeyConditionExpression":"pk = :p","ExpressionAttributeValues":{":p":{"S":"a"}},"Limit":1,"ExclusiveStartKey":{"pk":{"S":"a"}}}`,
		`{"TableName":"bank","IndexName":"by-owner","Select":"COUNT"}`,
		`{"RequestItems":{"bank":{"Keys":[{"pk":{"S":"a"}}]}}}`,
		`{"RequestItems":{"bank":[{"PutRequest":{"Item":{"pk":{"S":"a"}}}},{"DeleteRequest":{"Key":{"pk":{"S":"b"}}}}]}}`,
		`{"ClientRequestToken":"t","TransactItems":[{"Put":{"TableName":"bank","Item":{"pk":{"S":"a"}}}},{"ConditionCheck":{"TableName":"bank","Key":{"pk":{"S":"c"}},"ConditionExpression":"size(pk) > :n","ExpressionAttributeValues":{":n":{"N":"1"}}}}]}`,
		`{"TransactItems":[{"Get":{"TableName":"bank","Key":{"pk":{"S":"a"}}}}]}`,
		`{"TableName":"more","BillingMode":"PAY_PER_REQUEST","AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"}],"KeySchema":[{"AttributeName":"pk","KeyType":"HASH"}]}`,
		`{"TableName":"bank"}`, `{}`, `{"Limit":3}`,
		`{"TableName":"bank","TimeToLiveSpecification":{"AttributeName":"x","Enabled":true}}`, `null`,
		`{"TableName":"bank","Limit":2}`, `{"StreamArn":"arn:aws:dynamodb:us-east-1:000000000000:table/bank/stream/1"}`,
		`{"StreamArn":"arn:aws:dynamodb:us-east-1:000000000000:table/bank/stream/1","ShardId":"shardId-00000000000000000001-00000001","ShardIteratorType":"LATEST"}`,
		`{"ShardIterator":"arn|1|MSAwIGFybg==","Limit":10}`,
	} {
		f.Add(uint8(i), body)
	}
	f.Fuzz(func(t *testing.T, which uint8, body string) {
		l := newLocal(t, newClock(), bankTable())
		l.do("PutItem", `{"TableName":"bank","Item":{"pk":{"S":"a"},"n":{"N":"1"},"owner":{"S":"x"}}}`)
		service, names := seam.DynamoDB, operations
		i := int(which) % (len(operations) + len(streamOperations))
		if i >= len(operations) {
			service, names, i = seam.DynamoDBStreams, streamOperations, i-len(operations)
		}
		answer := l.call(service, names[i], "%s", body)
		var document map[string]any
		decode(t, answer.Body, &document)
		switch {
		case answer.Status == 200 && answer.ErrorType == "":
		case answer.Status == 400 && document["__type"] == answer.ErrorType && strings.Contains(answer.ErrorType, "#"):
		default:
			t.Errorf("%s %s: %d %s %s", names[i], body, answer.Status, answer.ErrorType, answer.Body)
		}
	})
}

func TestMalformedRequests(t *testing.T) {
	t.Parallel()
	l := newLocal(t, newClock(), bankTable())
	const serialization, validation = "com.amazon.coral.service#SerializationException", "com.amazon.coral.validate#ValidationException"
	for _, operation := range operations {
		for body, want := range map[string]string{
			``:                          serialization,
			`{`:                         serialization,
			`[]`:                        serialization,
			`{"TableName":`:             serialization,
			`{} {}`:                     serialization,
			"{\"TableName\":\"\xff\"}":  serialization,
			`{"Nonsense":1}`:            validation,
			`{"Nonsense":{"deep":[1]}}`: validation,
		} {
			if answer := l.call(seam.DynamoDB, operation, "%s", body); answer.ErrorType != want || answer.Status != 400 {
				t.Errorf("%s %q: %d %s", operation, body, answer.Status, answer.Body)
			}
		}
	}
	for body, want := range map[string]string{
		`{"TableName":1}`:                                                                 serialization,
		`{"TableName":"bank","Key":[]}`:                                                   serialization,
		`{"TableName":"bank","Key":{"pk":"a"}}`:                                           serialization,
		`{"TableName":"bank","Key":{"pk":{"S":1}}}`:                                       serialization,
		`{"TableName":"bank","Key":{"pk":{"S":"a"}},"ConsistentRead":"yes"}`:              serialization,
		`{"TableName":"bank","Key":{"pk":{}}}`:                                            validation,
		`{"TableName":"bank","Key":{"pk":{"S":"a","N":"1"}}}`:                             validation,
		`{"TableName":"bank"}`:                                                            validation,
		`{"Key":{"pk":{"S":"a"}}}`:                                                        validation,
		`{"TableName":"bank","Key":{"pk":{"S":"a"}},"AttributesToGet":["a"]}`:             validation,
		`{"TableName":"bank","Key":{"pk":{"S":"a"}},"ExpressionAttributeNames":{}}`:       validation,
		`{"TableName":"bank","Key":{"pk":{"S":"a"}},"ProjectionExpression":""}`:           validation,
		`{"TableName":"bank","Key":{"pk":{"S":"a"}},"ReturnConsumedCapacity":"whatever"}`: validation,
	} {
		if answer := l.call(seam.DynamoDB, "GetItem", "%s", body); answer.ErrorType != want {
			t.Errorf("GetItem %s: %s", body, answer.Body)
		}
	}
	for _, operation := range []string{"", "CreateBackup", "ExecuteStatement", "getItem"} {
		answer := l.call(seam.DynamoDB, operation, "{}")
		if answer.ErrorType != "com.amazon.coral.service#UnknownOperationException" || answer.Status != 400 {
			t.Errorf("%q: %s", operation, answer.Body)
		}
	}
	if answer := l.call(seam.DynamoDBStreams, "GetItem", "{}"); answer.ErrorType == "" {
		t.Error("the streams service knows no GetItem")
	}
}
