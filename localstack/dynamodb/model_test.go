package dynamodb_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parley-chat/parley/localstack/dynamodb"
	"github.com/parley-chat/parley/localstack/seam"
	"github.com/parley-chat/parley/localstack/template"
	"pgregory.net/rapid"
)

// modelItem is an item in its wire form.
type modelItem map[string]map[string]string

func (m modelItem) text(name string) string {
	for _, v := range m[name] {
		return v
	}
	return ""
}

// model is a table as a newcomer would write it: a map, sorted when asked.
type model struct {
	engine *dynamodb.Engine
	items  map[string]modelItem
	folded map[string]modelItem // what the stream says
	reader string               // shard iterator
}

func modelTable() template.Table {
	return template.Table{Name: "model", Hash: template.Key{Name: "pk", Type: "S"}, Range: &template.Key{Name: "sk", Type: "S"},
		StreamView: "NEW_AND_OLD_IMAGES", StreamARN: "arn:aws:dynamodb:us-east-1:000000000000:table/model/stream/1",
		Indexes: []template.Index{
			{Name: "global", Hash: template.Key{Name: "gh", Type: "S"}, Range: &template.Key{Name: "gr", Type: "N"}, Projection: "ALL"},
			{Name: "local", Local: true, Hash: template.Key{Name: "pk", Type: "S"}, Range: &template.Key{Name: "lr", Type: "S"}, Projection: "ALL"},
		}}
}

var (
	partitions = rapid.SampledFrom([]string{"a", "b"})
	sorts      = rapid.SampledFrom([]string{"1", "2", "10", "11", "\x00", "1\x00"})
)

func drawKey(t *rapid.T) modelItem {
	return modelItem{"pk": {"S": partitions.Draw(t, "pk")}, "sk": {"S": sorts.Draw(t, "sk")}}
}

func drawItem(t *rapid.T) modelItem {
	it := drawKey(t)
	if rapid.Bool().Draw(t, "has gh") {
		it["gh"] = map[string]string{"S": partitions.Draw(t, "gh")}
	}
	if rapid.Bool().Draw(t, "has gr") {
		it["gr"] = map[string]string{"N": fmt.Sprint(rapid.IntRange(-2, 12).Draw(t, "gr"))}
	}
	if rapid.Bool().Draw(t, "has lr") {
		it["lr"] = map[string]string{"S": sorts.Draw(t, "lr")}
	}
	it["n"] = map[string]string{"N": fmt.Sprint(rapid.IntRange(0, 3).Draw(t, "n"))}
	return it
}

func (m modelItem) id() string { return m.text("pk") + "/" + m.text("sk") }

// do calls the engine; the answer is unmarshalled into out unless it is an error, whose type is returned.
func (m *model) do(t *rapid.T, service, operation string, request map[string]any, out any) string {
	if service == seam.DynamoDB {
		request["TableName"] = "model"
	}
	if operation == "TransactWriteItems" {
		delete(request, "TableName")
	}
	body, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	answer := m.engine.Do(ctx(), seam.Call{Service: service, Operation: operation, Body: body})
	if answer.ErrorType != "" {
		return answer.ErrorType[strings.IndexByte(answer.ErrorType, '#')+1:]
	}
	if err := json.Unmarshal(answer.Body, out); err != nil {
		t.Fatal(err)
	}
	return ""
}

// drawWrite returns a put, an update or a deletion, and what it makes of the model if its condition holds.
func (m *model) drawWrite(t *rapid.T) (kind string, request map[string]any, held bool, apply func()) {
	it := drawItem(t)
	old, there := m.items[it.id()]
	request, held = map[string]any{}, true
	if rapid.Bool().Draw(t, "conditional") {
		request["ConditionExpression"] = "attribute_exists(pk)"
		held = there
	}
	key := modelItem{"pk": it["pk"], "sk": it["sk"]}
	switch kind = rapid.SampledFrom([]string{"Put", "Update", "Delete"}).Draw(t, "kind"); kind {
	case "Put":
		request["Item"] = it
		return kind, request, held, func() { m.items[it.id()] = it }
	case "Delete":
		request["Key"] = key
		return kind, request, held, func() { delete(m.items, it.id()) }
	}
	request["Key"] = key
	request["UpdateExpression"] = "SET n = :n REMOVE gh"
	request["ExpressionAttributeValues"] = modelItem{":n": it["n"]}
	return kind, request, held, func() {
		next := maps.Clone(old)
		if next == nil {
			next = maps.Clone(key)
		}
		delete(next, "gh")
		next["n"] = it["n"]
		m.items[it.id()] = next
	}
}

func (m *model) write(t *rapid.T) {
	kind, request, held, apply := m.drawWrite(t)
	var out struct{}
	failed := m.do(t, seam.DynamoDB, kind+"Item", request, &out)
	switch {
	case held && failed == "":
		apply()
	case held || failed != "ConditionalCheckFailedException":
		t.Fatalf("%s %v: %q, condition held: %v", kind, request, failed, held)
	}
}

func (m *model) transact(t *rapid.T) {
	var items []map[string]any
	var applies []func()
	all := true
	seen := make(map[string]bool)
	duplicate := false
	for range rapid.IntRange(1, 4).Draw(t, "items") {
		kind, request, held, apply := m.drawWrite(t)
		request["TableName"] = "model"
		items = append(items, map[string]any{kind: request})
		applies = append(applies, apply)
		all = all && held
		key, _ := request["Key"].(modelItem)
		if key == nil {
			key = request["Item"].(modelItem)
		}
		duplicate = duplicate || seen[key.id()]
		seen[key.id()] = true
	}
	var out struct{}
	failed := m.do(t, seam.DynamoDB, "TransactWriteItems", map[string]any{"TransactItems": items}, &out)
	switch {
	case duplicate && failed == "ValidationException":
	case !duplicate && !all && failed == "TransactionCanceledException":
	case !duplicate && all && failed == "":
		for _, apply := range applies {
			apply()
		}
	default:
		t.Fatalf("%v: %q", items, failed)
	}
}

// query reads a partition of the table or of an index in pages and compares it with the model.
func (m *model) query(t *rapid.T) {
	index := rapid.SampledFrom([]string{"", "global", "local"}).Draw(t, "index")
	hash, sort := "pk", map[string]string{"": "sk", "global": "gr", "local": "lr"}[index]
	if index == "global" {
		hash = "gh"
	}
	partition := partitions.Draw(t, "partition")
	var want []modelItem
	for _, it := range m.items {
		if it.text(hash) == partition && it[sort] != nil {
			want = append(want, it)
		}
	}
	slices.SortFunc(want, func(a, b modelItem) int {
		c := strings.Compare(a.text(sort), b.text(sort))
		if sort == "gr" {
			var x, y int
			_, _ = fmt.Sscan(a.text(sort), &x)
			_, _ = fmt.Sscan(b.text(sort), &y)
			c = x - y
		}
		if c == 0 {
			c = strings.Compare(a.id(), b.id())
		}
		return c
	})
	request := map[string]any{"KeyConditionExpression": hash + " = :p", "ExpressionAttributeValues": modelItem{":p": {"S": partition}}, "Limit": rapid.IntRange(1, 5).Draw(t, "limit")}
	if index != "" {
		request["IndexName"] = index
	}
	if rapid.Bool().Draw(t, "backward") {
		request["ScanIndexForward"] = false
		slices.Reverse(want)
	}
	m.compare(t, "Query", request, want)
}

func (m *model) scan(t *rapid.T) {
	got := m.pages(t, "Scan", map[string]any{"Limit": rapid.IntRange(1, 5).Draw(t, "limit")})
	byID := make(map[string]modelItem)
	for _, it := range got {
		byID[it.id()] = it
	}
	if diff := cmp.Diff(m.items, byID); diff != "" || len(got) != len(byID) {
		t.Fatalf("scan: %d items, %s", len(got), diff)
	}
}

func (m *model) compare(t *rapid.T, operation string, request map[string]any, want []modelItem) {
	if diff := cmp.Diff(want, m.pages(t, operation, request)); diff != "" {
		t.Fatalf("%s %v: %s", operation, request, diff)
	}
}

// pages reads all pages.
func (m *model) pages(t *rapid.T, operation string, request map[string]any) []modelItem {
	var all []modelItem
	for {
		var out struct {
			Items            []modelItem
			LastEvaluatedKey modelItem
		}
		if failed := m.do(t, seam.DynamoDB, operation, request, &out); failed != "" {
			t.Fatalf("%s %v: %s", operation, request, failed)
		}
		all = append(all, out.Items...)
		if out.LastEvaluatedKey == nil {
			return all
		}
		request["ExclusiveStartKey"] = out.LastEvaluatedKey
	}
}

// follow folds the new stream records: each old image is what the fold has, and the fold becomes the table.
func (m *model) follow(t *rapid.T) {
	var out struct {
		NextShardIterator string
		Records           []struct {
			DynamoDB struct{ Keys, OldImage, NewImage modelItem }
		}
	}
	if failed := m.do(t, seam.DynamoDBStreams, "GetRecords", map[string]any{"ShardIterator": m.reader}, &out); failed != "" {
		t.Fatal(failed)
	}
	m.reader = out.NextShardIterator
	for _, r := range out.Records {
		id := r.DynamoDB.Keys.id()
		if diff := cmp.Diff(m.folded[id], r.DynamoDB.OldImage); diff != "" {
			t.Fatalf("the old image of %s: %s", id, diff)
		}
		if r.DynamoDB.NewImage == nil {
			delete(m.folded, id)
		} else {
			m.folded[id] = r.DynamoDB.NewImage
		}
	}
	if diff := cmp.Diff(m.items, m.folded); diff != "" {
		t.Fatalf("the stream says otherwise: %s", diff)
	}
}

// Any sequence of writes and transactions leaves the table, its indexes and its stream as the model says.
func TestEngineIsTheModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		engine, err := dynamodb.New(dynamodb.Options{Tables: []template.Table{modelTable()}})
		if err != nil {
			t.Fatal(err)
		}
		m := &model{engine: engine, items: make(map[string]modelItem), folded: make(map[string]modelItem)}
		var out struct{ ShardIterator string }
		if failed := m.do(t, seam.DynamoDBStreams, "GetShardIterator", map[string]any{"StreamArn": modelTable().StreamARN,
			"ShardId": "shardId-00000000000000000001-00000001", "ShardIteratorType": "TRIM_HORIZON"}, &out); failed != "" {
			t.Fatal(failed)
		}
		m.reader = out.ShardIterator
		t.Repeat(map[string]func(*rapid.T){"write": m.write, "transact": m.transact, "query": m.query, "scan": m.scan, "follow": m.follow})
	})
}
