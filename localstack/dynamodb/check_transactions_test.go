package dynamodb_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/parley-chat/parley/localstack/dynamodb"
	"github.com/parley-chat/parley/localstack/dynamodb/attr"
)

func key(sk string) map[string]types.AttributeValue { return item("pk", "p", "sk", sk) }

// transact runs a transaction of the given items.
func (s *suite) transact(items ...types.TransactWriteItem) error {
	_, err := s.db.TransactWriteItems(ctx(), &ddb.TransactWriteItemsInput{TransactItems: items})
	return err
}

func putOf(table string, it map[string]types.AttributeValue) types.TransactWriteItem {
	return types.TransactWriteItem{Put: &types.Put{TableName: &table, Item: it}}
}

// wantReasons fails unless the transaction was cancelled with these codes.
func wantReasons(t testing.TB, err error, codes ...string) []types.CancellationReason {
	t.Helper()
	var canceled *types.TransactionCanceledException
	if !errors.As(err, &canceled) {
		t.Fatalf("got %v, want TransactionCanceledException %v", err, codes)
	}
	for i, r := range canceled.CancellationReasons {
		if len(codes) != len(canceled.CancellationReasons) || aws.ToString(r.Code) != codes[i] {
			t.Fatalf("reasons are %s, want %v", canceled.ErrorMessage(), codes)
		}
	}
	return canceled.CancellationReasons
}

func TestTransactionMixed(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name, other := s.table(), s.table()
	s.put(name, item("pk", "p", "sk", "update", "n", 1))
	s.put(name, item("pk", "p", "sk", "delete"))
	s.put(other, item("pk", "p", "sk", "check", "ok", true))
	err := s.transact(
		putOf(name, item("pk", "p", "sk", "put", "n", 1)),
		types.TransactWriteItem{Update: &types.Update{TableName: &name, Key: key("update"), UpdateExpression: aws.String("SET n = n + :one"), ExpressionAttributeValues: item(":one", 1)}},
		types.TransactWriteItem{Delete: &types.Delete{TableName: &name, Key: key("delete")}},
		types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{TableName: &other, Key: key("check"), ConditionExpression: aws.String("ok = :t"), ExpressionAttributeValues: item(":t", true)}},
	)
	if err != nil {
		t.Fatal(err)
	}
	same(t, s.get(name, key("put")), item("pk", "p", "sk", "put", "n", 1))
	same(t, s.get(name, key("update")), item("pk", "p", "sk", "update", "n", 2))
	if got := s.get(name, key("delete")); got != nil {
		t.Errorf("not deleted: %v", got)
	}
}

func TestTransactionReasons(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.table()
	old := item("pk", "p", "sk", "there", "n", 1)
	s.put(name, old)
	absent := aws.String("attribute_not_exists(pk)")
	err := s.transact(
		putOf(name, item("pk", "p", "sk", "new")),
		types.TransactWriteItem{Put: &types.Put{TableName: &name, Item: key("there"), ConditionExpression: absent, ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld}},
		types.TransactWriteItem{Update: &types.Update{TableName: &name, Key: key("none"), UpdateExpression: aws.String("SET n = n + :one"), ExpressionAttributeValues: item(":one", 1)}},
		types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{TableName: &name, Key: key("missing"), ConditionExpression: aws.String("attribute_exists(pk)"),
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld}},
	)
	reasons := wantReasons(t, err, "None", "ConditionalCheckFailed", "ValidationError", "ConditionalCheckFailed")
	same(t, reasons[1].Item, old)
	if aws.ToString(reasons[1].Message) != "The conditional request failed" || reasons[0].Message != nil || len(reasons[3].Item) != 0 {
		t.Errorf("reasons are %+v", reasons)
	}
	if got := s.get(name, key("new")); got != nil {
		t.Errorf("half a transaction was made: %v", got)
	}
}

func TestTransactionIsAtomicAfterRuntimeErrors(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.table()
	s.put(name, item("pk", "p", "sk", "text", "v", "not a number"))
	err := s.transact(
		putOf(name, key("first")),
		types.TransactWriteItem{Update: &types.Update{TableName: &name, Key: key("text"), UpdateExpression: aws.String("ADD v :one"), ExpressionAttributeValues: item(":one", 1)}},
		types.TransactWriteItem{Put: &types.Put{TableName: &name, Item: item("pk", "p", "sk", 1)}},
	)
	wantReasons(t, err, "None", "ValidationError", "ValidationError")
	if got := s.get(name, key("first")); got != nil {
		t.Errorf("half a transaction was made: %v", got)
	}
}

func TestTransactionToken(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.table()
	s.put(name, item("pk", "p", "sk", "s", "n", 0))
	add := func(token string, n int) (*ddb.TransactWriteItemsOutput, error) {
		return s.db.TransactWriteItems(ctx(), &ddb.TransactWriteItemsInput{ClientRequestToken: &token, ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
			TransactItems: []types.TransactWriteItem{{Update: &types.Update{TableName: &name, Key: headKey, UpdateExpression: aws.String("SET n = n + :n, x = :x"),
				ExpressionAttributeValues: item(":n", n, ":x", item("a", 1, "b", 2, "c", 3))}}}})
	}
	for i := range 5 {
		out, err := add("token", 1)
		if err != nil {
			t.Fatal(err)
		}
		if i > 0 && (len(out.ConsumedCapacity) != 1 || aws.ToFloat64(out.ConsumedCapacity[0].CapacityUnits) == 0) {
			t.Errorf("a repetition costs reads, not %+v", out.ConsumedCapacity)
		}
	}
	if got := s.get(name, headKey)["n"].(*types.AttributeValueMemberN).Value; got != "1" {
		t.Errorf("made %s times", got)
	}
	_, err := add("token", 2)
	var mismatch *types.IdempotentParameterMismatchException
	if !errors.As(err, &mismatch) {
		t.Errorf("another request under the token: %v", err)
	}
	if _, err := add("another", 1); err != nil {
		t.Error(err)
	}
	if got := s.get(name, headKey)["n"].(*types.AttributeValueMemberN).Value; got != "2" {
		t.Errorf("another token: %s", got)
	}
}

func TestTransactionTokenExpires(t *testing.T) {
	t.Parallel()
	s := ownSuite(t, dynamodb.Options{})
	name := s.table()
	in := &ddb.TransactWriteItemsInput{ClientRequestToken: aws.String("token"), TransactItems: []types.TransactWriteItem{
		{Update: &types.Update{TableName: &name, Key: headKey, UpdateExpression: aws.String("ADD n :one"), ExpressionAttributeValues: item(":one", 1)}}}}
	for _, step := range []struct {
		wait time.Duration
		want string
	}{{0, "1"}, {9 * time.Minute, "1"}, {61 * time.Second, "2"}} {
		s.clock.advance(step.wait)
		if _, err := s.db.TransactWriteItems(ctx(), in); err != nil {
			t.Fatal(err)
		}
		if got := s.get(name, headKey)["n"].(*types.AttributeValueMemberN).Value; got != step.want {
			t.Errorf("after %v: n = %s, want %s", step.wait, got, step.want)
		}
	}
}

func TestTransactionTokenOfAFailureIsFree(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.table()
	in := &ddb.TransactWriteItemsInput{ClientRequestToken: aws.String("token"), TransactItems: []types.TransactWriteItem{
		{Put: &types.Put{TableName: &name, Item: item("pk", "p", "sk", "s", "done", true), ConditionExpression: aws.String("attribute_exists(pk)")}}}}
	_, err := s.db.TransactWriteItems(ctx(), in)
	wantReasons(t, err, "ConditionalCheckFailed")
	s.put(name, headKey)
	if _, err := s.db.TransactWriteItems(ctx(), in); err != nil {
		t.Fatal(err)
	}
	same(t, s.get(name, headKey), item("pk", "p", "sk", "s", "done", true))
}

func TestTransactionLimits(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.table()
	err := s.transact(putOf(name, key("a")), types.TransactWriteItem{Delete: &types.Delete{TableName: &name, Key: key("a")}})
	wantError(t, err, "ValidationException", "Transaction request cannot include multiple operations on one item")
	var many []types.TransactWriteItem
	for i := range 101 {
		many = append(many, putOf(name, key(fmt.Sprint(i))))
	}
	wantError(t, s.transact(many...), "ValidationException")
	if err := s.transact(many[:100]...); err != nil {
		t.Errorf("100 items: %v", err)
	}
	if s.get(name, key("99")) == nil {
		t.Error("item 100 is missing")
	}
	var large []types.TransactWriteItem
	for i := range 11 {
		large = append(large, putOf(name, item("pk", "large", "sk", fmt.Sprint(i), "x", make([]byte, 399*1024))))
	}
	wantError(t, s.transact(large...), "ValidationException")
	if got := s.get(name, item("pk", "large", "sk", "0")); got != nil {
		t.Error("a part of a transaction over 4 MB was made")
	}
	_, err = s.db.TransactWriteItems(ctx(), &ddb.TransactWriteItemsInput{})
	if err == nil {
		t.Error("an empty transaction was accepted")
	}
}

func TestTransactionErrorsOfTheRequest(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.table()
	wantError(t, s.transact(putOf(s.prefix+"nowhere", key("a"))), "ResourceNotFoundException")
	wantError(t, s.transact(types.TransactWriteItem{Put: &types.Put{TableName: &name, Item: key("a"), ConditionExpression: aws.String("attribute_exists(")}}),
		"ValidationException", "Syntax error")
	wantError(t, s.transact(types.TransactWriteItem{Put: &types.Put{TableName: &name, Item: key("a")}, Delete: &types.Delete{TableName: &name, Key: key("b")}}),
		"ValidationException")
}

func TestTransactGet(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name, other := s.table(), s.table()
	s.put(name, item("pk", "p", "sk", "a", "n", 1, "m", 2))
	s.put(other, item("pk", "p", "sk", "b", "big", make([]byte, 5000)))
	out, err := s.db.TransactGetItems(ctx(), &ddb.TransactGetItemsInput{ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal, TransactItems: []types.TransactGetItem{
		{Get: &types.Get{TableName: &name, Key: key("a"), ProjectionExpression: aws.String("n")}},
		{Get: &types.Get{TableName: &name, Key: key("none")}},
		{Get: &types.Get{TableName: &other, Key: key("b")}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	same(t, out.Responses[0].Item, item("n", 1))
	if out.Responses[1].Item != nil || len(out.Responses[2].Item) != 3 {
		t.Errorf("got %+v", out.Responses)
	}
	for _, c := range out.ConsumedCapacity {
		if *c.CapacityUnits != 4 || c.ReadCapacityUnits == nil {
			t.Errorf("%s took %v", *c.TableName, *c.CapacityUnits)
		}
	}
}

func TestTransactionCapacityIsDouble(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.table()
	out, err := s.db.TransactWriteItems(ctx(), &ddb.TransactWriteItemsInput{ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal, TransactItems: []types.TransactWriteItem{
		putOf(name, key("a")), putOf(name, item("pk", "p", "sk", "b", "x", make([]byte, 1500)))}})
	if err != nil {
		t.Fatal(err)
	}
	if c := out.ConsumedCapacity; len(c) != 1 || aws.ToFloat64(c[0].CapacityUnits) != 6 || aws.ToFloat64(c[0].WriteCapacityUnits) != 6 {
		t.Errorf("1 + 2 units, doubled, are %+v", c)
	}
}

func TestConflictsCanBeForced(t *testing.T) {
	t.Parallel()
	var forced sync.Map
	s := ownSuite(t, dynamodb.Options{Conflicts: func(_ string, key attr.Item) bool {
		_, ok := forced.Load(key["sk"].Str())
		return ok
	}})
	name := s.table()
	forced.Store("held", true)
	_, err := s.db.PutItem(ctx(), &ddb.PutItemInput{TableName: &name, Item: key("held")})
	var conflict *types.TransactionConflictException
	if !errors.As(err, &conflict) {
		t.Errorf("a put: %v", err)
	}
	wantReasons(t, s.transact(putOf(name, key("free")), putOf(name, key("held"))), "None", "TransactionConflict")
	_, err = s.db.TransactGetItems(ctx(), &ddb.TransactGetItemsInput{TransactItems: []types.TransactGetItem{
		{Get: &types.Get{TableName: &name, Key: key("held")}}, {Get: &types.Get{TableName: &name, Key: key("free")}}}})
	wantReasons(t, err, "TransactionConflict", "None")
	if got := s.get(name, key("free")); got != nil {
		t.Errorf("a cancelled transaction wrote %v", got)
	}
	forced.Delete("held")
	s.put(name, key("held"))
}

// While a transaction is under way, other writes of its items conflict, reads see the state before, and what
// touches other items goes on.
func TestOngoingTransactionHoldsItsItems(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}), make(chan struct{})
	s := ownSuite(t, dynamodb.Options{Prepared: func(token string) {
		if token == "slow" {
			close(entered)
			<-leave
		}
	}})
	name := s.table()
	s.put(name, item("pk", "p", "sk", "s", "n", 1))
	done := make(chan error, 1)
	slow := &ddb.TransactWriteItemsInput{ClientRequestToken: aws.String("slow"), TransactItems: []types.TransactWriteItem{
		putOf(name, item("pk", "p", "sk", "s", "n", 2)), {ConditionCheck: &types.ConditionCheck{TableName: &name, Key: key("checked"), ConditionExpression: aws.String("attribute_not_exists(pk)")}}}}
	go func() {
		_, err := s.db.TransactWriteItems(ctx(), slow)
		done <- err
	}()
	<-entered
	var conflict *types.TransactionConflictException
	if _, err := s.update(name, "ADD n :one", item(":one", 1)); !errors.As(err, &conflict) {
		t.Errorf("an update of a held item: %v", err)
	}
	if _, err := s.db.PutItem(ctx(), &ddb.PutItemInput{TableName: &name, Item: key("checked")}); !errors.As(err, &conflict) {
		t.Errorf("a put of a checked item: %v", err)
	}
	wantReasons(t, s.transact(putOf(name, key("other")), putOf(name, key("s"))), "None", "TransactionConflict")
	_, err := s.db.TransactWriteItems(ctx(), slow)
	var running *types.TransactionInProgressException
	if !errors.As(err, &running) {
		t.Errorf("the same token meanwhile: %v", err)
	}
	same(t, s.get(name, headKey), item("pk", "p", "sk", "s", "n", 1))
	s.put(name, key("unrelated"))
	close(leave)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	same(t, s.get(name, headKey), item("pk", "p", "sk", "s", "n", 2))
	if _, err := s.update(name, "ADD n :one", item(":one", 1)); err != nil {
		t.Errorf("after the transaction: %v", err)
	}
}
