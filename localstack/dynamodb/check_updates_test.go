package dynamodb_test

import (
	"testing"

	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func TestReturnValues(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.table()
	before := item("pk", "p", "sk", "s", "a", 1, "b", 2, "m", item("x", 1, "y", 2))
	for want, expected := range map[types.ReturnValue]map[string]types.AttributeValue{
		types.ReturnValueNone:       nil,
		types.ReturnValueAllOld:     before,
		types.ReturnValueAllNew:     item("pk", "p", "sk", "s", "a", 2, "m", item("x", 9, "y", 2), "c", 3),
		types.ReturnValueUpdatedOld: item("a", 1, "b", 2, "m", item("x", 1)),
		types.ReturnValueUpdatedNew: item("a", 2, "m", item("x", 9), "c", 3),
	} {
		s.put(name, before)
		out, err := s.update(name, "SET a = :two, m.x = :nine, c = :three REMOVE b", item(":two", 2, ":nine", 9, ":three", 3),
			func(in *ddb.UpdateItemInput) { in.ReturnValues = want })
		if err != nil {
			t.Fatalf("%s: %v", want, err)
		}
		same(t, out.Attributes, expected)
	}
	s.put(name, before)
	put, err := s.db.PutItem(ctx(), &ddb.PutItemInput{TableName: &name, Item: headKey, ReturnValues: types.ReturnValueAllOld})
	if err != nil {
		t.Fatal(err)
	}
	same(t, put.Attributes, before)
	gone, err := s.db.DeleteItem(ctx(), &ddb.DeleteItemInput{TableName: &name, Key: headKey, ReturnValues: types.ReturnValueAllOld})
	if err != nil {
		t.Fatal(err)
	}
	same(t, gone.Attributes, headKey)
	if gone, err = s.db.DeleteItem(ctx(), &ddb.DeleteItemInput{TableName: &name, Key: headKey, ReturnValues: types.ReturnValueAllOld}); err != nil || gone.Attributes != nil {
		t.Errorf("deleting nothing: %v %v", gone.Attributes, err)
	}
	_, err = s.db.PutItem(ctx(), &ddb.PutItemInput{TableName: &name, Item: headKey, ReturnValues: types.ReturnValueAllNew})
	wantError(t, err, "ValidationException", "ReturnValues can only be ALL_OLD or NONE")
}

func TestUpdateExpressions(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.table()
	start := item("pk", "p", "sk", "s", "n", 1, "a", "A", "b", "B", "l", []types.AttributeValue{value(0), value(1), value(2)}, "m", item("k", item("d", 1)), "ss", strs("x", "y"))
	for _, c := range []struct {
		expression string
		values     map[string]types.AttributeValue
		want       map[string]types.AttributeValue // what differs from start; nil values are gone
	}{
		{"SET a = b, b = a", nil, item("a", "B", "b", "A")},
		{"SET n = n + :v", item(":v", 2), item("n", 3)},
		{"SET n = :v - n", item(":v", 2), item("n", 1)},
		{"ADD n :v", item(":v", -3), item("n", -2)},
		{"ADD fresh :v", item(":v", 4), item("fresh", 4)},
		{"ADD ss :v", item(":v", strs("w", "x")), item("ss", strs("w", "x", "y"))},
		{"DELETE ss :v", item(":v", strs("x")), item("ss", strs("y"))},
		{"DELETE ss :v", item(":v", strs("x", "y")), map[string]types.AttributeValue{"ss": nil}},
		{"REMOVE a, l[1], m.k.d", nil, map[string]types.AttributeValue{"a": nil, "l": value([]types.AttributeValue{value(0), value(2)}), "m": value(item("k", item()))}},
		{"SET l[1] = :v, l[9] = :v", item(":v", "v"), item("l", []types.AttributeValue{value(0), value("v"), value(2), value("v")})},
		{"SET l = list_append(l, :v)", item(":v", []types.AttributeValue{value(3)}), item("l", []types.AttributeValue{value(0), value(1), value(2), value(3)})},
		{"SET l = list_append(:v, l)", item(":v", []types.AttributeValue{value(3)}), item("l", []types.AttributeValue{value(3), value(0), value(1), value(2)})},
		{"SET n = if_not_exists(n, :v), z = if_not_exists(z, :v)", item(":v", 8), item("z", 8)},
		{"SET m.k.e = :v", item(":v", 8), item("m", item("k", item("d", 1, "e", 8)))},
		{"SET n = n + :v REMOVE a ADD m.k.d :v DELETE ss :s", item(":v", 1, ":s", strs("y")),
			map[string]types.AttributeValue{"n": value(2), "a": nil, "m": value(item("k", item("d", 2))), "ss": strs("x")}},
	} {
		s.put(name, start)
		out, err := s.update(name, c.expression, c.values)
		if err != nil {
			t.Errorf("%s: %v", c.expression, err)
			continue
		}
		want := make(map[string]types.AttributeValue)
		for attribute, v := range start {
			want[attribute] = v
		}
		for attribute, v := range c.want {
			want[attribute] = v
			if v == nil {
				delete(want, attribute)
			}
		}
		if !equal(out.Attributes, want) {
			t.Errorf("%s: got %s\nwant %s", c.expression, show(out.Attributes), show(want))
		}
	}
}

func TestUpdateMakesTheItem(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.table()
	out, err := s.update(name, "SET n = if_not_exists(n, :zero) + :one", item(":zero", 0, ":one", 1))
	if err != nil {
		t.Fatal(err)
	}
	same(t, out.Attributes, item("pk", "p", "sk", "s", "n", 1))
	bare, err := s.db.UpdateItem(ctx(), &ddb.UpdateItemInput{TableName: &name, Key: item("pk", "q", "sk", "s"), ReturnValues: types.ReturnValueAllNew})
	if err != nil {
		t.Fatal(err)
	}
	same(t, bare.Attributes, item("pk", "q", "sk", "s"))
}

func TestInvalidWrites(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	name := s.table()
	s.put(name, item("pk", "p", "sk", "s", "n", 1, "str", "x", "l", []types.AttributeValue{}))
	for _, c := range []struct {
		expression string
		values     map[string]types.AttributeValue
		message    string
	}{
		{"SET status = :v", item(":v", 1), "reserved keyword: status"},
		{"SET a = :v, a = :v", item(":v", 1), "overlap"},
		{"SET pk = :v", item(":v", "x"), "Cannot update attribute pk. This attribute is part of the key"},
		{"SET a = :v", nil, ":v"},
		{"SET a = #x", nil, "#x"},
		{"SET a = :v", item(":v", 1, ":w", 2), "unused in expressions"},
		{"SET a = nothing", nil, "does not exist in the item"},
		{"SET str = str + :v", item(":v", 1), "incorrect data type"},
		{"SET nothing.x = :v", item(":v", 1), "invalid for update"},
		{"ADD str :v", item(":v", 1), "incorrect data type"},
		{"SET a = ", nil, "Syntax error"},
		{"", nil, "can not be empty"},
		{"SET l[x] = :v", item(":v", 1), "Syntax error"},
		{"ADD n :v", item(":v", num("1e125")), ""},
	} {
		_, err := s.update(name, c.expression, c.values)
		if err == nil {
			if c.message != "" {
				t.Errorf("%q was accepted", c.expression)
			}
			continue
		}
		wantError(t, err, "ValidationException", c.message)
	}
	same(t, s.get(name, headKey), item("pk", "p", "sk", "s", "n", 1, "str", "x", "l", []types.AttributeValue{}))
}
