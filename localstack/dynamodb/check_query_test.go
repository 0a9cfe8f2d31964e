package dynamodb_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// sortKeys returns the sk of items.
func sortKeys(items []map[string]types.AttributeValue) []string {
	out := []string{}
	for _, it := range items {
		out = append(out, it["sk"].(*types.AttributeValueMemberS).Value)
	}
	return out
}

// filled returns a table with the sort keys in partition p, and one item before and behind it.
func (s *suite) filled(sks ...string) string {
	name := s.table()
	for _, sk := range sks {
		s.put(name, item("pk", "p", "sk", sk, "len", len(sk)))
	}
	s.put(name, item("pk", "o", "sk", "a"))
	s.put(name, item("pk", "q", "sk", "z"))
	return name
}

func (s *suite) query(in *ddb.QueryInput) *ddb.QueryOutput {
	s.t.Helper()
	out, err := s.db.Query(ctx(), in)
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

func TestKeyConditions(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.filled("a", "aa", "ab", "b", "ba", "c", "a\x00", "é", "😀", "\uffff")
	values := item(":p", "p", ":a", "a", ":aa", "aa", ":b", "b")
	for condition, want := range map[string][]string{
		"pk = :p":                               {"a", "a\x00", "aa", "ab", "b", "ba", "c", "é", "\uffff", "😀"}, // UTF-8 bytes
		"pk = :p AND sk = :a":                   {"a"},
		"pk = :p AND sk < :b":                   {"a", "a\x00", "aa", "ab"},
		"pk = :p AND sk <= :b":                  {"a", "a\x00", "aa", "ab", "b"},
		"pk = :p AND sk > :aa":                  {"ab", "b", "ba", "c", "é", "\uffff", "😀"},
		":aa <= sk AND :p = pk":                 {"aa", "ab", "b", "ba", "c", "é", "\uffff", "😀"},
		"pk = :p AND sk BETWEEN :aa AND :b":     {"aa", "ab", "b"},
		"begins_with(sk, :a) AND pk = :p":       {"a", "a\x00", "aa", "ab"},
		"(pk = :p) AND (begins_with(sk, :aa))":  {"aa"},
		"pk = :b":                               {},
		"pk = :p AND sk BETWEEN :a AND :a":      {"a"},
		"#k = :p AND begins_with(#s, :aa)":      {"aa"},
		"pk = :p and sk between :aa and :aa":    {"aa"},
		"pk = :p AND begins_with(sk, :b)":       {"b", "ba"},
		"pk = :aa AND sk BETWEEN :a AND :b":     {},
		"pk = :p AND sk > :b AND pk = :p /* */": nil,
	} {
		for _, backward := range []bool{false, true} {
			in := &ddb.QueryInput{TableName: &name, KeyConditionExpression: &condition, ScanIndexForward: aws.Bool(!backward), ExpressionAttributeValues: map[string]types.AttributeValue{}}
			for placeholder, v := range values {
				if strings.Contains(condition+" ", placeholder+" ") || strings.Contains(condition, placeholder+")") {
					in.ExpressionAttributeValues[placeholder] = v
				}
			}
			if strings.Contains(condition, "#") {
				in.ExpressionAttributeNames = map[string]string{"#k": "pk", "#s": "sk"}
			}
			if want == nil {
				_, err := s.db.Query(ctx(), in)
				wantError(t, err, "ValidationException")
				continue
			}
			expected := slices.Clone(want)
			if backward {
				slices.Reverse(expected)
			}
			if got := sortKeys(s.query(in).Items); !slices.Equal(got, expected) {
				t.Errorf("%s (backward %v): got %q, want %q", condition, backward, got, expected)
			}
		}
	}
}

func TestInvalidKeyConditions(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.filled("a")
	for condition, values := range map[string]map[string]types.AttributeValue{
		"sk = :a":                          item(":a", "a"),
		"pk > :a":                          item(":a", "a"),
		"pk = :a AND other = :a":           item(":a", "a"),
		"pk = :a OR sk = :a":               item(":a", "a"),
		"pk = :a AND sk <> :a":             item(":a", "a"),
		"pk = :a AND contains(sk, :a)":     item(":a", "a"),
		"pk = :n":                          item(":n", 1),
		"pk = :a AND sk = :n":              item(":a", "a", ":n", 1),
		"pk = :a AND sk BETWEEN :z AND :a": item(":a", "a", ":z", "z"),
		"pk = :e":                          item(":e", ""),
		"pk = :a AND sk > :a AND sk < :a":  item(":a", "a"),
		"pk = :a AND begins_with(sk, :n)":  item(":a", "a", ":n", 1),
	} {
		_, err := s.db.Query(ctx(), &ddb.QueryInput{TableName: &name, KeyConditionExpression: &condition, ExpressionAttributeValues: values})
		if err == nil {
			t.Errorf("%s was accepted", condition)
			continue
		}
		wantError(t, err, "ValidationException")
	}
	_, err := s.db.Query(ctx(), &ddb.QueryInput{TableName: &name})
	wantError(t, err, "ValidationException", "KeyConditionExpression")
}

func TestQueryPages(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	var want []string
	for i := range 10 {
		want = append(want, fmt.Sprintf("k%02d", i))
	}
	name := s.filled(want...)
	for _, backward := range []bool{false, true} {
		in := &ddb.QueryInput{TableName: &name, KeyConditionExpression: aws.String("pk = :p"), ExpressionAttributeValues: item(":p", "p"), Limit: aws.Int32(5), ScanIndexForward: aws.Bool(!backward)}
		var got []string
		rounds := 0
		for ; rounds == 0 || in.ExclusiveStartKey != nil; rounds++ {
			out := s.query(in)
			got = append(got, sortKeys(out.Items)...)
			in.ExclusiveStartKey = out.LastEvaluatedKey
		}
		expected := slices.Clone(want)
		if backward {
			slices.Reverse(expected)
		}
		// Ten items in pages of five: AWS tells only on the third page that there is no more.
		if !slices.Equal(got, expected) || rounds != 3 {
			t.Errorf("backward %v: %d rounds, %v", backward, rounds, got)
		}
	}
}

func TestStartKeyNeedNotExist(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.filled("a", "b", "c", "d")
	if _, err := s.db.DeleteItem(ctx(), &ddb.DeleteItemInput{TableName: &name, Key: key("b")}); err != nil {
		t.Fatal(err)
	}
	in := &ddb.QueryInput{TableName: &name, KeyConditionExpression: aws.String("pk = :p"), ExpressionAttributeValues: item(":p", "p"), ExclusiveStartKey: key("b")}
	if got := sortKeys(s.query(in).Items); !slices.Equal(got, []string{"c", "d"}) {
		t.Errorf("forward: %v", got)
	}
	in.ScanIndexForward = aws.Bool(false)
	if got := sortKeys(s.query(in).Items); !slices.Equal(got, []string{"a"}) {
		t.Errorf("backward: %v", got)
	}
	for _, bad := range []map[string]types.AttributeValue{item("pk", "p"), item("pk", "other", "sk", "b"), item("pk", "p", "sk", 1), item("pk", "p", "x", "b")} {
		in.ExclusiveStartKey = bad
		_, err := s.db.Query(ctx(), in)
		wantError(t, err, "ValidationException")
	}
}

func TestFilterComesAfterTheLimit(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.filled("a", "bb", "c", "dd", "e", "ff")
	in := &ddb.QueryInput{TableName: &name, KeyConditionExpression: aws.String("pk = :p"), FilterExpression: aws.String("len = :two"),
		ExpressionAttributeValues: item(":p", "p", ":two", 2), Limit: aws.Int32(3)}
	out := s.query(in)
	if got := sortKeys(out.Items); !slices.Equal(got, []string{"bb"}) || out.Count != 1 || out.ScannedCount != 3 || out.LastEvaluatedKey == nil {
		t.Errorf("got %v, %d of %d", got, out.Count, out.ScannedCount)
	}
	same(t, out.LastEvaluatedKey, key("c")) // the last one evaluated, not the last that passed
	in.Limit = nil
	in.Select = types.SelectCount
	if out = s.query(in); out.Count != 3 || out.ScannedCount != 6 || out.Items != nil || out.LastEvaluatedKey != nil {
		t.Errorf("counted %d of %d, %v", out.Count, out.ScannedCount, out.Items)
	}
}

func TestFilterMayNotNameTheKey(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.indexed(types.ProjectionTypeAll)
	s.put(name, item("pk", "p", "sk", "s", "m", item("sk", "s"), "lr", "s", "gh", "s", "gr", 1))
	for filter, refused := range map[string]bool{
		"sk = :v":                           true,
		"attribute_exists( #k )":            true,
		"lr = :v":                           false,
		"m.sk = :v OR contains(lr,:v)":      false,
		"m . sk = :v AND size(pk)>size(lr)": true,
	} {
		in := &ddb.QueryInput{TableName: &name, KeyConditionExpression: aws.String("pk = :p"), FilterExpression: &filter, ExpressionAttributeValues: item(":p", "p")}
		if strings.Contains(filter, ":v") {
			in.ExpressionAttributeValues[":v"] = value("s")
		}
		if strings.Contains(filter, "#k") {
			in.ExpressionAttributeNames = map[string]string{"#k": "pk"}
		}
		if _, err := s.db.Query(ctx(), in); refused {
			wantError(t, err, "ValidationException", "Filter Expression can only contain non-primary key attributes")
		} else if err != nil {
			t.Errorf("%s: %v", filter, err)
		}
	}
	onIndex := globalQuery(name, "s")
	onIndex.FilterExpression = aws.String("pk = :h OR sk = :h")
	s.eventually(onIndex, "s")
	onIndex.FilterExpression = aws.String("gr > :h")
	_, err := s.db.Query(ctx(), onIndex)
	wantError(t, err, "ValidationException", "Primary key attribute: gr")
}

func TestQueryProjection(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.filled("a")
	in := &ddb.QueryInput{TableName: &name, KeyConditionExpression: aws.String("pk = :p"), ExpressionAttributeValues: item(":p", "p"), ProjectionExpression: aws.String("len")}
	same(t, s.query(in).Items[0], item("len", 1))
	in.Select = types.SelectAllAttributes
	_, err := s.db.Query(ctx(), in)
	wantError(t, err, "ValidationException", "Cannot specify the ProjectionExpression when choosing to get ALL_ATTRIBUTES")
	in.Select, in.ProjectionExpression = types.SelectSpecificAttributes, nil
	_, err = s.db.Query(ctx(), in)
	wantError(t, err, "ValidationException")
	in.Select = types.SelectAllProjectedAttributes
	_, err = s.db.Query(ctx(), in)
	wantError(t, err, "ValidationException", "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName")
	in.Select, in.Limit = "", aws.Int32(0)
	_, err = s.db.Query(ctx(), in)
	wantError(t, err, "ValidationException")
}

func TestPagesOfOneMegabyte(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.table()
	const count, size = 30, 100 << 10
	for i := range count {
		s.put(name, item("pk", "p", "sk", fmt.Sprintf("%02d", i), "x", make([]byte, size)))
	}
	in := &ddb.QueryInput{TableName: &name, KeyConditionExpression: aws.String("pk = :p"), ExpressionAttributeValues: item(":p", "p"), ProjectionExpression: aws.String("sk")}
	seen, rounds := 0, 0
	for ; rounds == 0 || in.ExclusiveStartKey != nil; rounds++ {
		out := s.query(in)
		if n := len(out.Items); n > 11 { // the projection does not make pages longer
			t.Errorf("a page of %d items", n)
		}
		seen += len(out.Items)
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
	if seen != count || rounds < 3 {
		t.Errorf("%d items in %d pages", seen, rounds)
	}
}

func TestScan(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.table()
	want := make(map[string]bool)
	for i := range 200 {
		s.put(name, item("pk", fmt.Sprint(i%50), "sk", fmt.Sprint(i), "odd", i%2))
		if i%2 == 1 {
			want[fmt.Sprint(i)] = true
		}
	}
	in := &ddb.ScanInput{TableName: &name, Limit: aws.Int32(7), FilterExpression: aws.String("odd = :one"), ExpressionAttributeValues: item(":one", 1)}
	scanned := int32(0)
	for round := 0; round == 0 || in.ExclusiveStartKey != nil; round++ {
		out, err := s.db.Scan(ctx(), in)
		if err != nil {
			t.Fatal(err)
		}
		scanned += out.ScannedCount
		for _, sk := range sortKeys(out.Items) {
			if !want[sk] {
				t.Errorf("%s came twice or should not have", sk)
			}
			delete(want, sk)
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
	if len(want) > 0 || scanned != 200 {
		t.Errorf("%d evaluated, missing %v", scanned, want)
	}
}

func TestNumericSortKeys(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.create(&ddb.CreateTableInput{AttributeDefinitions: defined("pk S", "n N"), KeySchema: keySchema("pk", "n")})
	want := []string{"-1000", "-99.5", "-2", "-0.001", "0", "0.0000001", "1", "2", "10", "99.9", "1000"}
	for _, i := range []int{5, 2, 8, 0, 10, 3, 7, 1, 9, 4, 6} {
		s.put(name, item("pk", "p", "n", num(want[i])))
	}
	out := s.query(&ddb.QueryInput{TableName: &name, KeyConditionExpression: aws.String("pk = :p"), ExpressionAttributeValues: item(":p", "p")})
	var got []string
	for _, it := range out.Items {
		got = append(got, it["n"].(*types.AttributeValueMemberN).Value)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	s.put(name, item("pk", "p", "n", num("1.0e1"), "again", true)) // the same key as 10
	out = s.query(&ddb.QueryInput{TableName: &name, KeyConditionExpression: aws.String("pk = :p AND n BETWEEN :a AND :b"), ExpressionAttributeValues: item(":p", "p", ":a", 3, ":b", num("99.90"))})
	if len(out.Items) != 2 || out.Items[0]["again"] == nil {
		t.Errorf("got %d items", len(out.Items))
	}
}
