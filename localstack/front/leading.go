package front

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"

	"github.com/parley-chat/parley/localstack/seam"
)

// leadingKeys returns the partition keys of a table that a call names, for the condition dynamodb:LeadingKeys. It is
// slow, and asked only for statements that have such a condition. A query of an index has the index's partition key.
func (d *Door) leadingKeys(call *seam.Call, table string) []string {
	var body itemRequest
	if json.Unmarshal(call.Body, &body) != nil {
		return nil
	}
	found := map[string]bool{}
	d.gather(&body, table, found)
	for name, raw := range body.RequestItems {
		d.gatherBatch(name, raw, table, found)
	}
	for _, item := range body.TransactItems {
		for _, part := range item {
			d.gather(&part, table, found)
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// itemRequest holds the members of DynamoDB's requests that name keys.
type itemRequest struct {
	TableName, IndexName      string
	Key, Item                 map[string]map[string]any
	KeyConditionExpression    string
	ExpressionAttributeNames  map[string]string
	ExpressionAttributeValues map[string]map[string]any
	RequestItems              map[string]json.RawMessage
	TransactItems             []map[string]itemRequest
}

func (d *Door) gather(r *itemRequest, table string, into map[string]bool) {
	if name := d.table(nil, "", r.TableName, ""); name[0].table != table {
		return
	}
	hash := d.hashes[table+"\x00"+r.IndexName]
	for _, attributes := range []map[string]map[string]any{r.Key, r.Item} {
		if v, ok := attributes[d.hashes[table+"\x00"]]; ok {
			into[scalar(v)] = true
		}
	}
	for _, equal := range equality.FindAllStringSubmatch(r.KeyConditionExpression, -1) {
		name := equal[1]
		if alias, ok := r.ExpressionAttributeNames[name]; ok {
			name = alias
		}
		if v, ok := r.ExpressionAttributeValues[equal[2]]; ok && name == hash {
			into[scalar(v)] = true
		}
	}
}

// equality is the form that a partition key has in every key condition.
var equality = regexp.MustCompile(`(#?[\w.-]+)\s*=\s*(:\w+)`)

// gatherBatch reads one table of a batch: {"Keys": [...]} of gets, [{"PutRequest": {"Item": ...}}, ...] of writes.
func (d *Door) gatherBatch(name string, raw json.RawMessage, table string, into map[string]bool) {
	var gets struct{ Keys []map[string]map[string]any }
	if json.Unmarshal(raw, &gets) == nil {
		for _, key := range gets.Keys {
			d.gather(&itemRequest{TableName: name, Key: key}, table, into)
		}
		return
	}
	var writes []map[string]itemRequest
	if json.Unmarshal(raw, &writes) != nil {
		return
	}
	for _, write := range writes {
		for _, r := range write {
			r.TableName = name
			d.gather(&r, table, into)
		}
	}
}

// scalar is the text of a key attribute, {"S": "x"}.
func scalar(v map[string]any) string {
	for _, text := range v {
		if s, ok := text.(string); ok {
			return s
		}
	}
	return ""
}
