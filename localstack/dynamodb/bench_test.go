package dynamodb_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/parley-chat/parley/localstack/dynamodb"
	"github.com/parley-chat/parley/localstack/seam"
	"github.com/parley-chat/parley/localstack/template"
)

// benchmarkTable has a stream and a sparse index, like the chat table.
func benchmarkTable() template.Table {
	return template.Table{
		Name: "chat", Hash: template.Key{Name: "pk", Type: "S"}, Range: &template.Key{Name: "sk", Type: "S"},
		Indexes:    []template.Index{{Name: "by-status", Hash: template.Key{Name: "gpk", Type: "S"}, Range: &template.Key{Name: "gsk", Type: "N"}, Projection: "KEYS_ONLY"}},
		StreamView: "NEW_AND_OLD_IMAGES", TTL: "ttl",
	}
}

// BenchmarkUpdateItem appends an event to a conversation's head of 1 KB: a condition, a list_append and the
// whole new item as the answer.
func BenchmarkUpdateItem(b *testing.B) {
	engine, err := dynamodb.New(dynamodb.Options{Tables: []template.Table{benchmarkTable()}})
	if err != nil {
		b.Fatal(err)
	}
	tail := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", 100)))
	head := fmt.Sprintf(`{"pk":{"S":"w1#c1"},"sk":{"S":"HEAD"},"seq":{"N":"0"},"st":{"S":"open"},"t":{"L":[%s{"B":%q}]},`+
		`"l":{"M":{"conn1":{"M":{"u":{"S":"user1"},"r":{"S":"c"},"x":{"N":"1790000000"}}},"conn2":{"M":{"u":{"S":"user2"},"r":{"S":"o"},"x":{"N":"1790000000"}}}}}}`,
		strings.Repeat(`{"B":"`+tail+`"},`, 4), tail)
	do := func(operation, body string) []byte {
		a := engine.Do(context.Background(), seam.Call{Service: seam.DynamoDB, Operation: operation, Body: []byte(body)})
		if a.ErrorType != "" {
			b.Fatal(string(a.Body))
		}
		return a.Body
	}
	do("PutItem", `{"TableName":"chat","Item":`+head+`}`)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		do("UpdateItem", fmt.Sprintf(`{"TableName":"chat","Key":{"pk":{"S":"w1#c1"},"sk":{"S":"HEAD"}},`+
			`"ConditionExpression":"seq = :after AND attribute_exists(l.#c) AND st = :open","UpdateExpression":"SET seq = :next, t[0] = :event",`+
			`"ExpressionAttributeNames":{"#c":"conn1"},"ExpressionAttributeValues":{":after":{"N":"%d"},":next":{"N":"%d"},":open":{"S":"open"},":event":{"B":"%s"}},`+
			`"ReturnValues":"ALL_NEW","ReturnValuesOnConditionCheckFailure":"ALL_OLD"}`, n, n+1, tail))
		n++
	}
}
