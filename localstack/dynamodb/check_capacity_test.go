package dynamodb_test

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/parley-chat/parley/localstack/dynamodb"
	"github.com/parley-chat/parley/localstack/seam"
	"github.com/parley-chat/parley/localstack/template"
)

// sized returns an item under headKey that DynamoDB counts as n bytes.
func sized(n int) map[string]types.AttributeValue {
	return item("pk", "p", "sk", "s", "x", make([]byte, n-len("pkp"+"sks"+"x")))
}

func TestWriteCapacity(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.table()
	for _, c := range []struct {
		bytes int
		units float64
	}{{1024, 1}, {1025, 2}, {100, 2}, {100, 1}, {3072, 3}} { // the larger of before and after
		out, err := s.db.PutItem(ctx(), &ddb.PutItemInput{TableName: &name, Item: sized(c.bytes), ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal})
		if err != nil {
			t.Fatal(err)
		}
		if got := *out.ConsumedCapacity.CapacityUnits; got != c.units {
			t.Errorf("%d bytes took %v units, want %v", c.bytes, got, c.units)
		}
	}
	out, err := s.update(name, "REMOVE x", nil, func(in *ddb.UpdateItemInput) { in.ReturnConsumedCapacity = types.ReturnConsumedCapacityTotal })
	if err != nil || *out.ConsumedCapacity.CapacityUnits != 3 {
		t.Errorf("shrinking: %+v %v", out, err)
	}
	gone, err := s.db.DeleteItem(ctx(), &ddb.DeleteItemInput{TableName: &name, Key: key("none"), ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal})
	if err != nil || *gone.ConsumedCapacity.CapacityUnits != 1 {
		t.Errorf("deleting nothing: %+v %v", gone, err)
	}
}

func TestReadCapacity(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.table()
	s.put(name, sized(4097))
	s.put(name, item("pk", "p", "sk", "t"))
	for _, c := range []struct {
		sk         string
		consistent bool
		units      float64
	}{{"s", true, 2}, {"s", false, 1}, {"t", true, 1}, {"t", false, 0.5}, {"none", true, 1}, {"none", false, 0.5}} {
		out, err := s.db.GetItem(ctx(), &ddb.GetItemInput{TableName: &name, Key: key(c.sk), ConsistentRead: &c.consistent, ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal})
		if err != nil {
			t.Fatal(err)
		}
		if got := *out.ConsumedCapacity.CapacityUnits; got != c.units {
			t.Errorf("%s consistently %v took %v, want %v", c.sk, c.consistent, got, c.units)
		}
	}
	// A query adds up what it evaluates, then rounds; what a filter hides is read all the same.
	out := s.query(&ddb.QueryInput{TableName: &name, KeyConditionExpression: aws.String("pk = :p"), FilterExpression: aws.String("attribute_exists(nothing)"),
		ExpressionAttributeValues: item(":p", "p"), ConsistentRead: aws.Bool(true), ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal})
	if got := *out.ConsumedCapacity.CapacityUnits; got != 2 || out.Count != 0 {
		t.Errorf("a query took %v", got)
	}
}

func TestIndexCapacity(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.indexed(types.ProjectionTypeKeysOnly)
	base := item("pk", "p", "sk", "s", "gh", "x", "gr", 1, "other", 1)
	with := func(change ...any) map[string]types.AttributeValue {
		it := item(change...)
		for attribute, v := range base {
			if _, ok := it[attribute]; !ok {
				it[attribute] = v
			}
		}
		return it
	}
	out := with()
	delete(out, "gh")
	for _, c := range []struct {
		what          string
		item          map[string]types.AttributeValue
		table, global float64
	}{
		{"entering", base, 1, 1},
		{"a change of what is not projected", with("other", 2), 1, 0},
		{"a change of the index key", with("gr", 2), 1, 2},
		{"leaving", out, 1, 1},
		{"staying out", item("pk", "p", "sk", "s"), 1, 0},
	} {
		got, err := s.db.PutItem(ctx(), &ddb.PutItemInput{TableName: &name, Item: c.item, ReturnConsumedCapacity: types.ReturnConsumedCapacityIndexes})
		if err != nil {
			t.Fatal(err)
		}
		capacity := got.ConsumedCapacity
		global := aws.ToFloat64(capacity.GlobalSecondaryIndexes["global"].CapacityUnits)
		if *capacity.Table.CapacityUnits != c.table || global != c.global || *capacity.CapacityUnits != c.table+c.global {
			t.Errorf("%s: %v for the table, %v for the index, %v in all", c.what, *capacity.Table.CapacityUnits, global, *capacity.CapacityUnits)
		}
	}
	in := globalQuery(name, "x")
	in.ReturnConsumedCapacity = types.ReturnConsumedCapacityIndexes
	c := s.query(in).ConsumedCapacity
	if aws.ToFloat64(c.GlobalSecondaryIndexes["global"].CapacityUnits) != 0.5 || aws.ToFloat64(c.Table.CapacityUnits) != 0 || *c.CapacityUnits != 0.5 {
		t.Errorf("a query of an index took %+v", c)
	}
}

// The meter sees what a call cost whether or not the caller asked, failures included.
func TestUsageIsAlwaysMetered(t *testing.T) {
	t.Parallel()
	engine, err := dynamodb.New(dynamodb.Options{Tables: []template.Table{{Name: "chat", Hash: template.Key{Name: "pk", Type: "S"}}, {Name: "other", Hash: template.Key{Name: "pk", Type: "S"}}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		operation, body string
		want            []seam.Usage
	}{
		{"PutItem", `{"TableName":"chat","Item":{"pk":{"S":"a"}}}`, []seam.Usage{{Resource: "chat", WriteUnits: 1}}},
		{"PutItem", `{"TableName":"chat","Item":{"pk":{"S":"a"}},"ConditionExpression":"attribute_not_exists(pk)"}`, []seam.Usage{{Resource: "chat", WriteUnits: 1}}},
		{"PutItem", `{"TableName":"chat","Item":{"no":{"S":"a"}}}`, nil},
		{"GetItem", `{"TableName":"chat","Key":{"pk":{"S":"a"}},"ReturnConsumedCapacity":"NONE"}`, []seam.Usage{{Resource: "chat", ReadUnits: 0.5}}},
		{"Scan", `{"TableName":"chat"}`, []seam.Usage{{Resource: "chat", ReadUnits: 0.5}}},
		{"TransactWriteItems", `{"TransactItems":[{"Put":{"TableName":"chat","Item":{"pk":{"S":"b"}}}},{"Delete":{"TableName":"other","Key":{"pk":{"S":"b"}}}}]}`,
			[]seam.Usage{{Resource: "chat", WriteUnits: 2}, {Resource: "other", WriteUnits: 2}}},
		{"TransactWriteItems", `{"TransactItems":[{"Put":{"TableName":"chat","Item":{"pk":{"S":"b"}},"ConditionExpression":"attribute_not_exists(pk)"}}]}`,
			[]seam.Usage{{Resource: "chat", WriteUnits: 2}}},
		{"TransactGetItems", `{"TransactItems":[{"Get":{"TableName":"chat","Key":{"pk":{"S":"b"}}}}]}`, []seam.Usage{{Resource: "chat", ReadUnits: 2}}},
		{"ListTables", `{}`, nil},
	} {
		answer := engine.Do(ctx(), seam.Call{Service: seam.DynamoDB, Operation: c.operation, Body: []byte(c.body)})
		if len(answer.Usage) != len(c.want) {
			t.Errorf("%s %s: metered %v, want %v", c.operation, c.body, answer.Usage, c.want)
			continue
		}
		for i, u := range answer.Usage {
			if u != c.want[i] {
				t.Errorf("%s %s: metered %v, want %v", c.operation, c.body, answer.Usage, c.want)
			}
		}
	}
}

func TestNoCapacityUnlessAsked(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.table()
	out, err := s.db.PutItem(ctx(), &ddb.PutItemInput{TableName: &name, Item: headKey})
	if err != nil || out.ConsumedCapacity != nil {
		t.Errorf("got %+v, %v", out.ConsumedCapacity, err)
	}
	_, err = s.db.PutItem(ctx(), &ddb.PutItemInput{TableName: &name, Item: headKey, ReturnConsumedCapacity: "SOME"})
	if err == nil {
		t.Error("an unknown value was accepted")
	}
	var failed *types.ConditionalCheckFailedException
	if errors.As(err, &failed) {
		t.Error(err)
	}
}
