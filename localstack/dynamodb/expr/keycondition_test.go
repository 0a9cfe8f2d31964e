package expr

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/parley-chat/parley/localstack/dynamodb/attr"
)

// resolve parses, binds and resolves a key condition on pk and sk.
func resolve(text string, b Bindings, sortKind attr.Kind) (KeyRange, error) {
	k, err := ParseKeyCondition(text)
	if err != nil {
		return KeyRange{}, err
	}
	bound, err := k.Bind(b)
	if err != nil {
		return KeyRange{}, err
	}
	sort := KeyAttribute{Name: "sk", Kind: sortKind}
	if sortKind == attr.None {
		sort.Name = ""
	}
	return bound.Resolve(KeyAttribute{Name: "pk", Kind: attr.S}, sort)
}

func TestKeyConditions(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{ // the sort keys of 0, 1, 2, 3, 9 in the range
		"pk = :x":                              "0 1 2 3 9",
		"#pk = :x":                             "0 1 2 3 9",
		":x = pk":                              "0 1 2 3 9",
		"(pk = :x)":                            "0 1 2 3 9",
		"pk = :x AND sk = :2":                  "2",
		"sk = :2 AND pk = :x":                  "2",
		"pk = :x and #sk < :2":                 "0 1",
		"pk = :x AND sk <= :2":                 "0 1 2",
		"pk = :x AND sk > :2":                  "3 9",
		"pk = :x AND sk >= :2":                 "2 3 9",
		"pk = :x AND :2 < sk":                  "3 9",
		"pk = :x AND :2 <= sk":                 "2 3 9",
		"pk = :x AND :2 > sk":                  "0 1",
		"pk = :x AND :2 >= sk":                 "0 1 2",
		"pk = :x AND :2 = sk":                  "2",
		"pk = :x AND sk BETWEEN :1 AND :3":     "1 2 3",
		"(pk = :x) AND (sk BETWEEN :2 AND :2)": "2",
		"(pk = :x AND sk = :9)":                "9",
	} {
		r, err := resolve(text, bindings(t), attr.N)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var in []string
		for _, n := range []int64{0, 1, 2, 3, 9} {
			if r.Holds(attr.Int(n)) {
				in = append(in, attr.IntNumber(n).String())
			}
		}
		if got := strings.Join(in, " "); got != want || !attr.Equal(r.Hash, attr.String("x")) {
			t.Errorf("%s: got %#v, %s", text, r.Hash, got)
		}
	}
	if _, err := resolve("pk = :x AND sk = :b", Bindings{Values: attr.Item{":x": attr.String("x"), ":b": attr.Binary("")}}, attr.B); !strings.Contains(message(t, err), "an empty binary value. Key: sk") {
		t.Errorf("an empty binary key: %v", err)
	}
	r, err := resolve("pk = :x AND begins_with(sk, :te)", bindings(t), attr.S)
	if err != nil || !r.Holds(attr.String("text")) || !r.Holds(attr.String("te")) || r.Holds(attr.String("t")) || r.Holds(attr.String("tf")) {
		t.Errorf("begins_with: %v", err)
	}
}

func TestKeyConditionsRefused(t *testing.T) {
	t.Parallel()
	const (
		kind   = "Invalid KeyConditionExpression: "
		typed  = kind + "Incorrect operand type for operator or function; operator or function: "
		schema = "One or more parameter values were invalid: Condition parameter type does not match schema type"
	)
	for _, c := range []struct {
		sort       attr.Kind
		text, want string
	}{
		{attr.N, "sk = :1", "Query condition missed key schema element: pk"},
		{attr.N, "extra = :x", "Query condition missed key schema element: pk"},
		{attr.N, "pk = :x AND extra = :x", "Query condition missed key schema element: sk"},
		{attr.N, "pk > :x", "Query key condition not supported"},
		{attr.N, "begins_with(pk, :x)", "Query key condition not supported"},
		{attr.N, "pk BETWEEN :x AND :y", "Query key condition not supported"},
		{attr.N, "pk = :1", schema},
		{attr.N, "pk = :x AND sk = :x", schema},
		{attr.N, "pk = :x AND sk = :t", schema},
		{attr.N, "pk = :x AND begins_with(sk, :x)", schema},
		{attr.S, "pk = :x AND sk BETWEEN :1 AND :2", schema},
		{attr.N, "pk = :x AND begins_with(sk, :1)", typed + "begins_with, operand type: N"},
		{attr.N, "pk = :x AND sk < :t", typed + "<, operand type: BOOL"},
		{attr.N, "pk = :x AND :t >= sk", typed + ">=, operand type: BOOL"},
		{attr.N, "pk = :x AND sk BETWEEN :f AND :t", typed + "BETWEEN, operand type: BOOL"},
		{attr.N, "pk = :x AND sk BETWEEN :2 AND :1", kind + "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: AttributeValue: {N:2}, upper bound operand: AttributeValue: {N:1}"},
		{attr.N, "pk = :x AND sk > :1 AND sk < :9", kind + "KeyConditionExpressions must only contain one condition per key"},
		{attr.N, "pk = :x AND sk > :1 AND extra = :2", "The number of query conditions (3) exceeds the number of key attributes defined in the schema (2)"},
		{attr.None, "pk = :x AND sk > :1", "The number of query conditions (2) exceeds the number of key attributes defined in the schema (1)"},
		{attr.N, "pk = :x OR sk = :1", "Invalid operator used in KeyConditionExpression: OR"},
		{attr.N, "NOT pk = :x", "Invalid operator used in KeyConditionExpression: NOT"},
		{attr.N, "pk = :x AND sk <> :1", "Invalid operator used in KeyConditionExpression: <>"},
		{attr.N, "pk IN (:x)", "Invalid operator used in KeyConditionExpression: IN"},
		{attr.N, "attribute_exists(pk)", "Invalid operator used in KeyConditionExpression: attribute_exists"},
		{attr.N, "pk = :x AND contains(sk, :1)", "Invalid operator used in KeyConditionExpression: contains"},
		{attr.N, "pk = :x AND size(sk) = :1", "KeyConditionExpressions cannot contain nested operations"},
		{attr.N, "pk = :x AND sk.k = :1", "KeyConditionExpressions cannot have conditions on nested attributes"},
		{attr.N, "pk = sk", "Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition"},
		{attr.N, ":x = :y", "Invalid condition in KeyConditionExpression: No key attribute specified"},
		{attr.N, ":x BETWEEN :x AND pk", "Invalid condition in KeyConditionExpression: BETWEEN operator must have the key attribute as its first operand"},
		{attr.N, "begins_with(:x, pk)", "Invalid condition in KeyConditionExpression: begins_with operator must have the key attribute as its first operand"},
		{attr.N, "((pk = :x))", kind + "The expression has redundant parentheses;"},
		{attr.N, "pk = :none AND begins_with(sk, :1)", kind + "An expression attribute value used in expression is not defined; attribute value: :none"},
		{attr.N, "begins_with(sk, :1) AND pk = :none", typed + "begins_with, operand type: N"},
		{attr.S, "pk = :e", "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: pk"},
		{attr.S, "pk = :x AND sk = :e", "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: sk"},
	} {
		r, err := resolve(c.text, bindings(t), c.sort)
		if got := message(t, err); got != c.want {
			t.Errorf("%s: got %v, %q; want %q", c.text, r, got, c.want)
		}
	}
}

// The interval of stored keys holds exactly the sort keys that the range holds, whatever follows them,
// and no other partition's.
func TestKeyInterval(t *testing.T) {
	t.Parallel()
	operators := map[attr.Kind][]string{
		attr.S: {"", " AND sk = :a", " AND sk < :a", " AND sk <= :a", " AND sk > :a", " AND sk >= :a", " AND sk BETWEEN :a AND :b", " AND begins_with(sk, :a)"},
		attr.N: {"", " AND sk = :a", " AND sk < :a", " AND sk <= :a", " AND sk > :a", " AND sk >= :a", " AND sk BETWEEN :a AND :b"},
	}
	hashes := rapid.StringMatching("[\x00a\U0010FFFF]{1,2}")
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]attr.Kind{attr.S, attr.N}).Draw(t, "kind")
		a, b, c := sortKey(kind).Draw(t, "a"), sortKey(kind).Draw(t, "b"), sortKey(kind).Draw(t, "c")
		if order, _ := attr.Compare(a, b); order > 0 {
			a, b = b, a
		}
		hash, other := hashes.Draw(t, "hash"), hashes.Draw(t, "other")
		suffix := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 'x', 0xFE, 0xFF}), 0, 2).Draw(t, "suffix")
		for _, operator := range operators[kind] {
			r, err := resolve("pk = :h"+operator, Bindings{Values: attr.Item{":h": attr.String(hash), ":a": a, ":b": b}}, kind)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range []attr.Value{a, b, c} {
				checkInterval(t, r, hash, v, suffix, r.Holds(v))
				checkInterval(t, r, other, v, suffix, hash == other && r.Holds(v))
			}
		}
	})
}

func checkInterval(t *rapid.T, r KeyRange, hash string, v attr.Value, suffix []byte, want bool) {
	low, high := r.Interval(attr.AppendKey([]byte("table"), r.Hash))
	key := append(attr.AppendKey(attr.AppendKey([]byte("table"), attr.String(hash)), v), suffix...)
	if in := bytes.Compare(low, key) <= 0 && (high == nil || bytes.Compare(key, high) < 0); in != want {
		t.Fatalf("%+v: %#v in %q: got %v", r, v, hash, in)
	}
}

func sortKey(kind attr.Kind) *rapid.Generator[attr.Value] {
	if kind == attr.S {
		return rapid.Map(rapid.StringMatching("[\x00\x01a\U0010FFFF]{1,3}"), attr.String)
	}
	return rapid.OneOf(
		rapid.Map(rapid.Int64Range(-20, 20), attr.Int),
		rapid.Map(rapid.Int64(), attr.Int))
}

func TestSuccessor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ b, want []byte }{
		{[]byte{1, 2}, []byte{1, 3}}, {[]byte{1, 0xFF}, []byte{2}}, {[]byte{0xFE, 0xFF, 0xFF}, []byte{0xFF}}, {[]byte{0xFF, 0xFF}, nil}, {nil, nil},
	} {
		if got := successor(c.b); !bytes.Equal(got, c.want) || (got == nil) != (c.want == nil) {
			t.Errorf("%x: got %x", c.b, got)
		}
	}
}
