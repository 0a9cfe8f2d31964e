package dynamodb_test

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func puts(items ...map[string]types.AttributeValue) []types.WriteRequest {
	var out []types.WriteRequest
	for _, it := range items {
		out = append(out, types.WriteRequest{PutRequest: &types.PutRequest{Item: it}})
	}
	return out
}

func TestBatchWriteAndGet(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name, other := s.table(), s.table()
	s.put(name, key("old"))
	wrote, err := s.db.BatchWriteItem(ctx(), &ddb.BatchWriteItemInput{ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal, RequestItems: map[string][]types.WriteRequest{
		name:  append(puts(item("pk", "p", "sk", "a", "n", 1, "m", 2)), types.WriteRequest{DeleteRequest: &types.DeleteRequest{Key: key("old")}}),
		other: puts(key("b"), key("c")),
	}})
	if err != nil {
		t.Fatal(err)
	}
	if len(wrote.UnprocessedItems) != 0 || len(wrote.ConsumedCapacity) != 2 || *wrote.ConsumedCapacity[0].CapacityUnits != 2 {
		t.Errorf("answered %+v", wrote)
	}
	got, err := s.db.BatchGetItem(ctx(), &ddb.BatchGetItemInput{ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal, RequestItems: map[string]types.KeysAndAttributes{
		name:  {Keys: []map[string]types.AttributeValue{key("a"), key("old")}, ProjectionExpression: aws.String("#n"), ExpressionAttributeNames: map[string]string{"#n": "n"}, ConsistentRead: aws.Bool(true)},
		other: {Keys: []map[string]types.AttributeValue{key("b"), key("c"), key("d")}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Responses[name]) != 1 || len(got.Responses[other]) != 2 || len(got.UnprocessedKeys) != 0 {
		t.Fatalf("got %+v", got.Responses)
	}
	same(t, got.Responses[name][0], item("n", 1))
	for _, c := range got.ConsumedCapacity {
		if want := map[string]float64{name: 2, other: 1.5}[*c.TableName]; *c.CapacityUnits != want {
			t.Errorf("%v units, want %v", *c.CapacityUnits, want)
		}
	}
}

func TestBatchLimits(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.table()
	var items, keys []map[string]types.AttributeValue
	for i := range 101 {
		keys = append(keys, key(fmt.Sprint(i)))
		if i < 26 {
			items = append(items, key(fmt.Sprint(i)))
		}
	}
	write := func(requests []types.WriteRequest) error {
		_, err := s.db.BatchWriteItem(ctx(), &ddb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{name: requests}})
		return err
	}
	read := func(table string, keys ...map[string]types.AttributeValue) error {
		_, err := s.db.BatchGetItem(ctx(), &ddb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{table: {Keys: keys}}})
		return err
	}
	wantError(t, write(puts(items...)), "ValidationException")
	if err := write(puts(items[:25]...)); err != nil {
		t.Errorf("25 items: %v", err)
	}
	wantError(t, read(name, keys...), "ValidationException")
	if err := read(name, keys[:100]...); err != nil {
		t.Errorf("100 keys: %v", err)
	}
	wantError(t, write(puts(key("a"), key("a"))), "ValidationException", "Provided list of item keys contains duplicates")
	wantError(t, read(name, key("a"), key("a")), "ValidationException", "Provided list of item keys contains duplicates")
	wantError(t, read(s.prefix+"nowhere", key("a")), "ResourceNotFoundException")
	wantError(t, read(name, item("pk", "p")), "ValidationException", "does not match the schema")
	wantError(t, write(puts(key("fresh"), item("pk", "p"))), "ValidationException", "The provided key element does not match the schema")
	if got := s.get(name, key("fresh")); got != nil {
		t.Error("a batch with an invalid item was made in part")
	}
}

// An answer holds 16 MB at most: the rest of the keys come back unprocessed, and can be sent again as they are.
func TestBatchGetLeavesWhatIsTooMuch(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.table()
	const count, size = 45, 390 << 10
	var keys []map[string]types.AttributeValue
	for i := range count {
		s.put(name, item("pk", "p", "sk", fmt.Sprint(i), "x", make([]byte, size)))
		keys = append(keys, key(fmt.Sprint(i)))
	}
	left := map[string]types.KeysAndAttributes{name: {Keys: keys, ProjectionExpression: aws.String("#s"), ExpressionAttributeNames: map[string]string{"#s": "sk"}, ConsistentRead: aws.Bool(true)}}
	seen, rounds := 0, 0
	for ; len(left) > 0; rounds++ {
		out, err := s.db.BatchGetItem(ctx(), &ddb.BatchGetItemInput{RequestItems: left})
		if err != nil {
			t.Fatal(err)
		}
		seen += len(out.Responses[name])
		left = out.UnprocessedKeys
	}
	if seen != count || rounds < 2 {
		t.Errorf("%d items in %d rounds", seen, rounds)
	}
}
