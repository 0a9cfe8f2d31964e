package dynamodb_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// indexed creates a table with a global index g (gh S, gr N) and a local index (lr S) of the given projection.
func (s *suite) indexed(kind types.ProjectionType, extra ...string) string {
	p := &types.Projection{ProjectionType: kind, NonKeyAttributes: extra}
	return s.create(&ddb.CreateTableInput{
		AttributeDefinitions:   defined("pk S", "sk S", "gh S", "gr N", "lr S"),
		KeySchema:              keySchema("pk", "sk"),
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{IndexName: aws.String("global"), KeySchema: keySchema("gh", "gr"), Projection: p}},
		LocalSecondaryIndexes:  []types.LocalSecondaryIndex{{IndexName: aws.String("local"), KeySchema: keySchema("pk", "lr"), Projection: p}},
	})
}

func globalQuery(table, hash string) *ddb.QueryInput {
	return &ddb.QueryInput{TableName: &table, IndexName: aws.String("global"), KeyConditionExpression: aws.String("gh = :h"), ExpressionAttributeValues: item(":h", hash)}
}

// eventually queries a global index until it shows the sort keys: on AWS it lags.
func (s *suite) eventually(in *ddb.QueryInput, want ...string) {
	s.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		got := sortKeys(s.query(in).Items)
		if slices.Equal(got, want) {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("the index shows %v, want %v", got, want)
		}
	}
}

func TestGlobalIndexIsSparseAndOrdered(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.indexed(types.ProjectionTypeAll)
	s.put(name, item("pk", "1", "sk", "ten", "gh", "x", "gr", 10))
	s.put(name, item("pk", "2", "sk", "nine", "gh", "x", "gr", 9))
	s.put(name, item("pk", "3", "sk", "half", "gh", "x", "gr", num("9.5")))
	s.put(name, item("pk", "4", "sk", "no range key", "gh", "x"))
	s.put(name, item("pk", "5", "sk", "no hash key", "gr", 1))
	s.put(name, item("pk", "6", "sk", "elsewhere", "gh", "y", "gr", 1))
	s.eventually(globalQuery(name, "x"), "nine", "half", "ten")
	backward := globalQuery(name, "x")
	backward.ScanIndexForward = aws.Bool(false)
	s.eventually(backward, "ten", "half", "nine")
}

func TestLeavingAndMovingInAnIndex(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.indexed(types.ProjectionTypeAll)
	s.put(name, item("pk", "p", "sk", "s", "gh", "x", "gr", 1))
	s.eventually(globalQuery(name, "x"), "s")
	change := func(expression string, values map[string]types.AttributeValue) {
		t.Helper()
		if _, err := s.update(name, expression, values); err != nil {
			t.Fatal(err)
		}
	}
	change("SET gh = :y", item(":y", "y"))
	s.eventually(globalQuery(name, "x"))
	s.eventually(globalQuery(name, "y"), "s")
	change("REMOVE gr", nil)
	s.eventually(globalQuery(name, "y"))
	change("SET gr = :n, aside = :n", item(":n", 2))
	s.eventually(globalQuery(name, "y"), "s")
	if got := s.query(globalQuery(name, "y")).Items[0]["aside"]; got == nil {
		t.Error("the index shows an old item")
	}
	if _, err := s.db.DeleteItem(ctx(), &ddb.DeleteItemInput{TableName: &name, Key: headKey}); err != nil {
		t.Fatal(err)
	}
	s.eventually(globalQuery(name, "y"))
}

func TestEqualIndexKeysPage(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.indexed(types.ProjectionTypeKeysOnly)
	for i := range 9 {
		s.put(name, item("pk", fmt.Sprint(i%3), "sk", fmt.Sprint(i), "gh", "x", "gr", 1))
	}
	all := globalQuery(name, "x")
	deadline := time.Now().Add(10 * time.Second)
	for s.query(all).Count < 9 && time.Now().Before(deadline) {
	}
	for _, backward := range []bool{false, true} {
		in := globalQuery(name, "x")
		in.Limit, in.ScanIndexForward = aws.Int32(2), aws.Bool(!backward)
		var got []string
		for round := 0; round == 0 || in.ExclusiveStartKey != nil; round++ {
			out := s.query(in)
			if out.LastEvaluatedKey != nil && len(out.LastEvaluatedKey) != 4 {
				t.Fatalf("a position in an index has both keys: %v", out.LastEvaluatedKey)
			}
			got = append(got, sortKeys(out.Items)...)
			in.ExclusiveStartKey = out.LastEvaluatedKey
		}
		slices.Sort(got)
		if !slices.Equal(got, []string{"0", "1", "2", "3", "4", "5", "6", "7", "8"}) {
			t.Errorf("backward %v: %v", backward, got)
		}
	}
}

func TestIndexProjections(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	full := item("pk", "p", "sk", "s", "gh", "x", "gr", 1, "lr", "l", "a", 1, "b", 2)
	local := func(table string) *ddb.QueryInput {
		return &ddb.QueryInput{TableName: &table, IndexName: aws.String("local"), KeyConditionExpression: aws.String("pk = :p AND lr = :l"),
			ExpressionAttributeValues: item(":p", "p", ":l", "l"), ConsistentRead: aws.Bool(true)}
	}
	only := s.indexed(types.ProjectionTypeKeysOnly)
	s.put(only, full)
	s.eventually(globalQuery(only, "x"), "s")
	same(t, s.query(globalQuery(only, "x")).Items[0], item("pk", "p", "sk", "s", "gh", "x", "gr", 1))
	same(t, s.query(local(only)).Items[0], item("pk", "p", "sk", "s", "lr", "l"))
	include := s.indexed(types.ProjectionTypeInclude, "a")
	s.put(include, full)
	s.eventually(globalQuery(include, "x"), "s")
	same(t, s.query(globalQuery(include, "x")).Items[0], item("pk", "p", "sk", "s", "gh", "x", "gr", 1, "a", 1))

	in := globalQuery(include, "x")
	in.ProjectionExpression = aws.String("b")
	_, err := s.db.Query(ctx(), in)
	wantError(t, err, "ValidationException", "does not project")
	in.ProjectionExpression, in.Select = nil, types.SelectAllAttributes
	_, err = s.db.Query(ctx(), in)
	wantError(t, err, "ValidationException", "ALL_ATTRIBUTES")
	in.Select, in.ConsistentRead = "", aws.Bool(true)
	_, err = s.db.Query(ctx(), in)
	wantError(t, err, "ValidationException", "Consistent reads are not supported on global secondary indexes")

	fetching := local(include)
	fetching.ProjectionExpression = aws.String("a, b")
	same(t, s.query(fetching).Items[0], item("a", 1, "b", 2))
	fetching.ProjectionExpression, fetching.Select = nil, types.SelectAllAttributes
	same(t, s.query(fetching).Items[0], full)
}

func TestLocalIndexOrder(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.indexed(types.ProjectionTypeAll)
	for sk, lr := range map[string]string{"1": "c", "2": "a", "3": "b", "4": "ab"} {
		s.put(name, item("pk", "p", "sk", sk, "lr", lr))
	}
	s.put(name, item("pk", "p", "sk", "5"))
	in := &ddb.QueryInput{TableName: &name, IndexName: aws.String("local"), KeyConditionExpression: aws.String("pk = :p"), ExpressionAttributeValues: item(":p", "p"), ConsistentRead: aws.Bool(true)}
	if got := sortKeys(s.query(in).Items); !slices.Equal(got, []string{"2", "4", "3", "1"}) {
		t.Errorf("got %v", got)
	}
	in.ExclusiveStartKey = item("pk", "p", "sk", "2", "lr", "a")
	if got := sortKeys(s.query(in).Items); !slices.Equal(got, []string{"4", "3", "1"}) {
		t.Errorf("from the second on: %v", got)
	}
}

func TestIndexKeysMustFit(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.indexed(types.ProjectionTypeAll)
	_, err := s.db.PutItem(ctx(), &ddb.PutItemInput{TableName: &name, Item: item("pk", "p", "sk", "s", "gh", 1)})
	wantError(t, err, "ValidationException", "Type mismatch for Index Key gh Expected: S Actual: N IndexName: global")
	_, err = s.update(name, "SET gr = :v", item(":v", "text"))
	wantError(t, err, "ValidationException", "Type mismatch for Index Key gr")
	_, err = s.db.PutItem(ctx(), &ddb.PutItemInput{TableName: &name, Item: item("pk", "p", "sk", "s", "gh", "")})
	wantError(t, err, "ValidationException", "empty string value")
	wantReasons(t, s.transact(putOf(name, item("pk", "p", "sk", "s", "gh", 1))), "ValidationError")
}

func TestScanOfAnIndex(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.indexed(types.ProjectionTypeKeysOnly)
	for i := range 40 {
		it := item("pk", fmt.Sprint(i), "sk", "s", "gr", i)
		if i%2 == 0 {
			it["gh"] = value(fmt.Sprint("h", i%6))
		}
		s.put(name, it)
	}
	deadline := time.Now().Add(10 * time.Second)
	for {
		in := &ddb.ScanInput{TableName: &name, IndexName: aws.String("global"), Limit: aws.Int32(3)}
		seen := make(map[string]bool)
		for round := 0; round == 0 || in.ExclusiveStartKey != nil; round++ {
			out, err := s.db.Scan(ctx(), in)
			if err != nil {
				t.Fatal(err)
			}
			for _, it := range out.Items {
				seen[it["pk"].(*types.AttributeValueMemberS).Value] = true
			}
			in.ExclusiveStartKey = out.LastEvaluatedKey
		}
		if len(seen) == 20 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of 20 items", len(seen))
		}
	}
}
