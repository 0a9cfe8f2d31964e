package dynamodb_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// same fails unless both items are equal.
func same(t testing.TB, got, want map[string]types.AttributeValue) {
	t.Helper()
	if !equal(got, want) {
		t.Fatalf("got  %s\nwant %s", show(got), show(want))
	}
}

// equal compares items; string sets have no order.
func equal(a, b map[string]types.AttributeValue) bool {
	return reflect.DeepEqual(ordered(a), ordered(b))
}

func ordered(it map[string]types.AttributeValue) map[string]types.AttributeValue {
	out := maps.Clone(it)
	for name, v := range out {
		if set, ok := v.(*types.AttributeValueMemberSS); ok {
			out[name] = strs(slices.Sorted(slices.Values(set.Value))...)
		}
	}
	return out
}

func show(it map[string]types.AttributeValue) string {
	var b strings.Builder
	for name, v := range it {
		fmt.Fprintf(&b, "%s=%T%+v ", name, v, reflect.ValueOf(v).Elem().Field(0))
	}
	return b.String()
}

var headKey = item("pk", "p", "sk", "s")

// update runs an UpdateItem on headKey.
func (s *suite) update(table, expression string, values map[string]types.AttributeValue, change ...func(*ddb.UpdateItemInput)) (*ddb.UpdateItemOutput, error) {
	in := &ddb.UpdateItemInput{TableName: &table, Key: headKey, UpdateExpression: &expression, ExpressionAttributeValues: values, ReturnValues: types.ReturnValueAllNew}
	for _, c := range change {
		c(in)
	}
	return s.db.UpdateItem(ctx(), in)
}

func TestAllTypesRoundTrip(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.table()
	want := item("pk", "p", "sk", "s", "str", "grüße 😀 \" \\ \n", "empty", "", "num", num("-12.5"), "bin", []byte{0, 1, 255}, "none", []byte{},
		"yes", true, "no", false, "null", nil, "ss", strs("a", "b"), "ns", nums("1", "2.5"),
		"bs", &types.AttributeValueMemberBS{Value: [][]byte{{0}, {1, 2}}},
		"list", []types.AttributeValue{value("x"), value(1), value([]types.AttributeValue{})},
		"map", item("deep", item("deeper", item("n", 1))), "emptymap", item())
	s.put(name, want)
	got := s.get(name, headKey)
	if ss, ok := got["bin"].(*types.AttributeValueMemberB); !ok || !bytes.Equal(ss.Value, []byte{0, 1, 255}) {
		t.Errorf("bin is %v", got["bin"])
	}
	if n := got["num"].(*types.AttributeValueMemberN).Value; n != "-12.5" {
		t.Errorf("num is %s", n)
	}
	if len(got) != len(want) {
		t.Errorf("%d attributes of %d", len(got), len(want))
	}
	for attribute := range want {
		if attribute != "emptymap" && attribute != "list" && attribute != "none" && !reflect.DeepEqual(got[attribute], want[attribute]) {
			t.Errorf("%s is %+v, want %+v", attribute, got[attribute], want[attribute])
		}
	}
	if l := got["list"].(*types.AttributeValueMemberL).Value; len(l) != 3 {
		t.Errorf("list is %v", l)
	}
}

func TestDecimalsAreExact(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.table()
	for in, want := range map[string]string{
		"12345678901234567890123456789012345678":   "12345678901234567890123456789012345678",
		"0.12345678901234567890123456789012345678": "0.12345678901234567890123456789012345678",
		"1e2":   "100",
		"-0":    "0",
		"1.500": "1.5",
		"007":   "7",
	} {
		s.put(name, item("pk", "p", "sk", "s", "n", num(in)))
		if got := s.get(name, headKey)["n"].(*types.AttributeValueMemberN).Value; got != want {
			t.Errorf("%s came back as %s", in, got)
		}
	}
	out, err := s.update(name, "SET n = :a + :b", item(":a", num("99999999999999999999999999999999999999"), ":b", num("-1")))
	if err != nil {
		t.Fatal(err)
	}
	if got := out.Attributes["n"].(*types.AttributeValueMemberN).Value; got != "99999999999999999999999999999999999998" {
		t.Errorf("the difference is %s", got)
	}
	for _, bad := range []string{"1e126", "-1e126", "1e-131", "123456789012345678901234567890123456789", "x", "", "1_0", "NaN", "Infinity"} {
		_, err := s.db.PutItem(ctx(), &ddb.PutItemInput{TableName: &name, Item: item("pk", "p", "sk", "s", "n", num(bad))})
		if err == nil {
			t.Errorf("%q was stored", bad)
			continue
		}
		wantError(t, err, "ValidationException")
	}
}

func TestConditions(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.table()
	s.put(name, item("pk", "p", "sk", "s", "n", 5, "str", "hello", "l", []types.AttributeValue{value(1), value("two")}, "m", item("a", item("b", 7)), "ss", strs("x", "y"), "t", true))
	for condition, want := range map[string]bool{
		"n = :five":                                   true,
		"n <> :five":                                  false,
		"n < :five OR n > :five OR n = :five":         true,
		"n = :five OR n = :five AND n = :six":         true, // AND binds tighter
		"(n = :five OR n = :five) AND n = :six":       false,
		"NOT n = :six AND n = :five":                  true,
		"n BETWEEN :five AND :six":                    true,
		"n IN (:six, :five)":                          true,
		"attribute_exists(m.a.b)":                     true,
		"attribute_exists(m.a.c)":                     false,
		"attribute_not_exists(nothing)":               true,
		"attribute_type(m, :map)":                     true,
		"attribute_type(m, :string)":                  false,
		"begins_with(str, :he)":                       true,
		"contains(str, :ell)":                         true,
		"contains(ss, :x)":                            true,
		"contains(l, :two)":                           true,
		"size(str) = :five":                           true,
		"size(l) < :five AND size(ss) < :five":        true,
		"l[1] = :two":                                 true,
		"l[9] = :two":                                 false,
		"m.a.b > n":                                   true,
		"n = str":                                     false,
		"nothing = :five":                             false,
		"nothing <> :five":                            true,
		"str < :five":                                 false, // different types have no order
		"#n = :five AND m.#a.b > #n":                  true,
		"attribute_not_exists(pk)":                    false,
		"size(nothing) = :five":                       false,
		"n >= :five and n <= :five AnD NOT (n=:six)":  true,
		"contains(str, :ell) AND NOT contains(l, :x)": true,
	} {
		in := &ddb.UpdateItemInput{TableName: &name, Key: headKey, UpdateExpression: aws.String("SET touched = :touch"),
			ConditionExpression: &condition, ExpressionAttributeValues: item(":touch", true)}
		for placeholder, v := range item(":five", 5, ":six", 6, ":he", "he", ":ell", "ell", ":x", "x", ":two", "two", ":map", "M", ":string", "S") {
			if strings.Contains(condition+" ", placeholder) {
				in.ExpressionAttributeValues[placeholder] = v
			}
		}
		if strings.Contains(condition, "#") {
			in.ExpressionAttributeNames = map[string]string{"#n": "n", "#a": "a"}
		}
		_, err := s.db.UpdateItem(ctx(), in)
		var failed *types.ConditionalCheckFailedException
		switch {
		case want && err != nil:
			t.Errorf("%s: %v", condition, err)
		case !want && !errors.As(err, &failed):
			t.Errorf("%s held, or: %v", condition, err)
		}
	}
}

func TestFailedConditionShowsTheOldItem(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.table()
	old := item("pk", "p", "sk", "s", "n", 1)
	s.put(name, old)
	wanted := types.ReturnValuesOnConditionCheckFailureAllOld
	var failed *types.ConditionalCheckFailedException
	_, err := s.db.PutItem(ctx(), &ddb.PutItemInput{TableName: &name, Item: headKey, ConditionExpression: aws.String("attribute_not_exists(pk)"), ReturnValuesOnConditionCheckFailure: wanted})
	if !errors.As(err, &failed) {
		t.Fatal(err)
	}
	same(t, failed.Item, old)
	_, err = s.db.DeleteItem(ctx(), &ddb.DeleteItemInput{TableName: &name, Key: headKey, ConditionExpression: aws.String("n = :n"), ExpressionAttributeValues: item(":n", 2), ReturnValuesOnConditionCheckFailure: wanted})
	if !errors.As(err, &failed) {
		t.Fatal(err)
	}
	same(t, failed.Item, old)
	_, err = s.update(name, "SET n = :n", item(":n", 2), func(in *ddb.UpdateItemInput) { in.ConditionExpression = aws.String("n = :n") })
	if !errors.As(err, &failed) || failed.Item != nil {
		t.Errorf("not asked for: %v %v", err, failed.Item)
	}
	_, err = s.db.UpdateItem(ctx(), &ddb.UpdateItemInput{TableName: &name, Key: item("pk", "none", "sk", "s"), UpdateExpression: aws.String("SET n = :n"),
		ConditionExpression: aws.String("attribute_exists(pk)"), ExpressionAttributeValues: item(":n", 2), ReturnValuesOnConditionCheckFailure: wanted})
	if !errors.As(err, &failed) || len(failed.Item) != 0 {
		t.Errorf("there is no old item: %v %v", err, failed.Item)
	}
}

func TestKeyRules(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.table()
	long := func(n int) string { return strings.Repeat("k", n) }
	for what, key := range map[string]map[string]types.AttributeValue{
		"no sort key":           item("pk", "p"),
		"an attribute too many": item("pk", "p", "sk", "s", "x", "x"),
		"another type":          item("pk", "p", "sk", 1),
		"an empty string":       item("pk", "p", "sk", ""),
		"2049 bytes":            item("pk", long(2049), "sk", "s"),
		"1025 bytes":            item("pk", "p", "sk", long(1025)),
	} {
		_, err := s.db.GetItem(ctx(), &ddb.GetItemInput{TableName: &name, Key: key})
		if err == nil {
			t.Errorf("GetItem with %s was accepted", what)
			continue
		}
		wantError(t, err, "ValidationException")
		if what == "an attribute too many" {
			continue
		}
		_, err = s.db.PutItem(ctx(), &ddb.PutItemInput{TableName: &name, Item: key})
		if err == nil {
			t.Errorf("PutItem with %s was accepted", what)
			continue
		}
		wantError(t, err, "ValidationException")
	}
	s.put(name, item("pk", long(2048), "sk", long(1024)))
	_, err := s.db.PutItem(ctx(), &ddb.PutItemInput{TableName: &name, Item: item("pk", "p")})
	wantError(t, err, "ValidationException", "Missing the key sk in the item")
	_, err = s.db.PutItem(ctx(), &ddb.PutItemInput{TableName: &name, Item: item("pk", "p", "sk", 1)})
	wantError(t, err, "ValidationException", "Type mismatch for key sk expected: S actual: N")
	_, err = s.db.PutItem(ctx(), &ddb.PutItemInput{TableName: &name, Item: item("pk", "p", "sk", "s", "ss", strs())})
	wantError(t, err, "ValidationException", "may not be empty")
	_, err = s.db.PutItem(ctx(), &ddb.PutItemInput{TableName: &name, Item: item("pk", "p", "sk", "s", "ss", strs("a", "a"))})
	wantError(t, err, "ValidationException", "duplicates")
}

func TestItemSizeLimit(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.table()
	const limit = 400 * 1024
	fits := item("pk", "p", "sk", "s", "x", strings.Repeat("x", limit-len("pkp"+"sks"+"x")))
	s.put(name, fits)
	fits["x"] = value(fits["x"].(*types.AttributeValueMemberS).Value + "x")
	_, err := s.db.PutItem(ctx(), &ddb.PutItemInput{TableName: &name, Item: fits})
	wantError(t, err, "ValidationException", "Item size has exceeded the maximum allowed size")
	_, err = s.update(name, "SET y = :y", item(":y", "y"))
	wantError(t, err, "ValidationException", "Item size to update has exceeded the maximum allowed size")
}

func TestProjectionOfGet(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.table()
	s.put(name, item("pk", "p", "sk", "s", "a", 1, "m", item("x", 1, "y", 2), "l", []types.AttributeValue{value(0), value(1), value(2)}))
	out, err := s.db.GetItem(ctx(), &ddb.GetItemInput{TableName: &name, Key: headKey, ProjectionExpression: aws.String("#a, m.y, l[2], l[0], nothing"),
		ExpressionAttributeNames: map[string]string{"#a": "a"}})
	if err != nil {
		t.Fatal(err)
	}
	same(t, out.Item, item("a", 1, "m", item("y", 2), "l", []types.AttributeValue{value(0), value(2)}))
	none, err := s.db.GetItem(ctx(), &ddb.GetItemInput{TableName: &name, Key: item("pk", "p", "sk", "none")})
	if err != nil || none.Item != nil {
		t.Errorf("no item: %v %v", none.Item, err)
	}
}

func TestUnsupportedParametersAreRefused(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	if s.engine == nil {
		return // AWS takes the legacy parameters, this engine does not
	}
	name := s.table()
	_, err := s.db.UpdateItem(ctx(), &ddb.UpdateItemInput{TableName: &name, Key: headKey,
		AttributeUpdates: map[string]types.AttributeValueUpdate{"a": {Action: types.AttributeActionPut, Value: value(1)}}})
	wantError(t, err, "ValidationException", "AttributeUpdates")
	_, err = s.db.PutItem(ctx(), &ddb.PutItemInput{TableName: &name, Item: headKey, Expected: map[string]types.ExpectedAttributeValue{"a": {Exists: aws.Bool(false)}}})
	wantError(t, err, "ValidationException", "Expected")
	_, err = s.db.Scan(ctx(), &ddb.ScanInput{TableName: &name, Segment: aws.Int32(0), TotalSegments: aws.Int32(2)})
	wantError(t, err, "ValidationException", "egment")
	_, err = s.db.ListBackups(ctx(), &ddb.ListBackupsInput{})
	wantError(t, err, "UnknownOperationException")
}
