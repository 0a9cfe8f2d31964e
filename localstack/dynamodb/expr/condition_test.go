package expr

import (
	"testing"

	"github.com/parley-chat/parley/localstack/dynamodb/attr"
)

const conditionItem = `{
	"pk":{"S":"p"},"a":{"N":"1"},"b":{"N":"2"},"c":{"N":"3"},"s":{"S":"text"},"s2":{"S":"te"},"uni":{"S":"añ😀"},"bin":{"B":"AQI="},
	"t":{"BOOL":true},"f":{"BOOL":false},"nul":{"NULL":true},"x.y":{"N":"7"},"size":{"N":"4"},"and":{"N":"5"},
	"l":{"L":[{"N":"1"},{"S":"x"},{"L":[{"N":"3"}]},{"SS":["a","b"]}]},"m":{"M":{"k":{"S":"v"},"deep":{"M":{"l":{"L":[{"S":"p"},{"S":"q"}]}}}}},
	"ss":{"SS":["b","a"]},"ns":{"NS":["2.0","1"]},"bs":{"BS":["AQ=="]},"e":{"S":""},"el":{"L":[]}}`

func TestConditionsHold(t *testing.T) {
	t.Parallel()
	it, given := item(t, conditionItem), bindings(t)
	for text, want := range map[string]bool{
		// Comparisons, by kind.
		"a = :1": true, "a = :2": false, ":1 = a": true, "c = :3": true, "s = :s": true, "bin = :b": true, "t = :t": true, "t = :f": false, "nul = :null": true,
		"l = :l": false, "m.k = m.k2": false, "ss = :ss": true, "ns = :ns": true, "bs = :bs": true, "el = :l0": true,
		"a <> :2": true, "a <> :1": false, "a < b": true, "b < a": false, "a <= :1": true, "a >= :1": true, "b > :1": true, "b > :2": false,
		"s > :te": true, "s < :te": false, "bin > :b1": true,
		// Different types, and what does not exist.
		"a = :x": false, "a <> :x": true, "a < :x": false, "a >= :x": false, "s < :1": false, "l >= :1": false, ":1 >= l": false,
		"nope = :1": false, "nope <> :1": true, "nope < :1": false, "nope = nope2": false, "nope <> nope2": true, "NOT nope = :1": true,
		"l[9] = :1": false, "s.k = :1": false, "s[0] = :1": false, "m[0] = :1": false, "l.k = :1": false,
		// Paths.
		"l[0] = :1": true, "l[2][0] = :3": true, "m.k = :x": false, "m.deep.l[1] > m.deep.l[0]": true, "#dot > :3": true, "#size > :3": true, "x.y = :1": false,
		"m . deep . l [ 1 ] > m.deep.l[0]": true, "#m.deep.#l[0] < m.deep.l[1]": true,
		// BETWEEN and IN.
		"b BETWEEN :1 AND :3": true, "b between a and c": true, "a BETWEEN :1 AND :1": true, "a BETWEEN :2 AND :3": false, "s BETWEEN :te AND :x": true,
		"a BETWEEN :te AND :x": false, "nope BETWEEN :1 AND :2": false, "b BETWEEN c AND a": false, "a BETWEEN b AND :s": false, ":2 BETWEEN a AND c": true,
		"a IN (:1)": true, "a IN (:x, :2, c)": false, "a in (:x, :1)": true, "nope IN (:1, nope2)": false, "ss IN (:ss2, :ss)": true, "size(s) IN (#size)": true,
		// Functions.
		"attribute_exists(a)": true, "attribute_exists(nope)": false, "attribute_exists(m.k)": true, "attribute_exists(l[3])": true, "attribute_exists(l[4])": false, "attribute_exists(nul)": true,
		"attribute_not_exists(nope)": true, "attribute_not_exists(a)": false, "attribute_not_exists (m.nope)": true,
		"attribute_type(s, :S)": true, "attribute_type(a, :N)": true, "attribute_type(a, :S)": false, "attribute_type(l, :L)": true, "attribute_type(nope, :S)": false, "attribute_type(:1, :N)": true,
		"begins_with(s, :te)": true, "begins_with(s, :e)": true, "begins_with(s, :x)": false, "begins_with(s2, s)": false, "begins_with(s, s2)": true, "begins_with(:s, s2)": true,
		"begins_with(bin, :b1)": true, "begins_with(s, :b1)": false, "begins_with(a, :te)": false, "begins_with(nope, :e)": false, "begins_with(l, s)": false,
		"contains(s, :te)": true, "contains(s, :y)": false, "contains(s, :e)": true, "contains(bin, :b1)": true, "contains(s, :b1)": false, "contains(ss, :x)": false,
		"contains(ss, s)": false, "contains(:ss, l[3])": false, "contains(ns, :1)": true, "contains(ns, :9)": false, "contains(ns, :x)": false, "contains(bs, :b1)": true,
		"contains(l, :1)": true, "contains(l, :x)": true, "contains(l, :2)": false, "contains(l, :ss)": true, "contains(nope, :1)": false, "contains(s, nope)": false, "contains(l, nope)": false,
		"contains(m, :x)": false, "contains(a, :1)": false, "contains(:l, a)": true,
		"size(s) = #size": true, "size(uni) = :3": true, "size(bin) = :2": true, "size(l) > :3": true, "size(m) = :2": true, "size(ss) = :2": true, "size(ns) = b": true, "size(bs) = :1": true,
		"size(e) = :0": true, "size(a) = :1": false, "size(t) = :1": false, "size(nul) = :1": false, "size(nope) = :0": false, "size(nope) <> :0": true, "size(s) = :s": false,
		"size(:s) > :3": true, "size(l[2]) = :1": true, "size(s) BETWEEN :3 AND :9": true, "size(s) > size(s2)": true,
		// Precedence and parentheses.
		"a < b OR c < b AND b < a": true, "(a < b OR c < b) AND b < a": false, "NOT a < b AND c < b": false, "NOT (a < b AND c < b)": true, "NOT NOT a < b": true, "nOt b < a": true,
		"b BETWEEN a AND c AND a < b": true, "b BETWEEN a AND c OR a = b": true, "(a) = (:1)": true, "((a) = :1)": true, "(a = :1) AND (b = :2)": true, "(a = :1 AND (b = :2))": true,
		"a = :2 Or b = :2 oR c = :2": true, "a = :1 AND b = :2 and c = :2": false, "attribute_exists(a) AND NOT attribute_exists(nope)": true, "(size((s))) = #size": true,
		"a=:1 AND(b=:2)": true, "\ta\n=\r:1 ": true,
	} {
		condition, err := ParseCondition(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		bound, err := condition.Bind(given)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := bound.Eval(it); got != want {
			t.Errorf("%s: got %v", text, got)
		}
	}
}

func TestConditionWithoutItem(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"attribute_not_exists(pk)": true, "attribute_exists(pk)": false, "a = :1": false, "a <> :1": true, "NOT a = :1": true, "attribute_not_exists(m.k[0])": true} {
		condition, err := ParseCondition(text)
		if err != nil {
			t.Fatal(err)
		}
		bound, err := condition.Bind(bindings(t))
		if err != nil {
			t.Fatal(err)
		}
		if bound.Eval(nil) != want || bound.Eval(attr.Item{}) != want {
			t.Errorf("%s is not %v", text, want)
		}
	}
	bound, err := (*Condition)(nil).Bind(Bindings{})
	if err != nil || !bound.Eval(nil) {
		t.Errorf("no condition does not hold: %v", err)
	}
}

func TestConditionsRefused(t *testing.T) {
	t.Parallel()
	const (
		undefinedName  = "An expression attribute name used in the document path is not defined; attribute name: "
		undefinedValue = "An expression attribute value used in expression is not defined; attribute value: "
		operandType    = "Incorrect operand type for operator or function; operator or function: "
		misuse         = "The function is not allowed to be used this way in an expression; function: "
		arity          = "Incorrect number of operands for operator or function; operator or function: "
		distinct       = "The first operand must be distinct from the remaining operands for this operator or function; operator: "
		redundant      = "The expression has redundant parentheses;"
	)
	for text, want := range map[string]string{
		"#none = :1": undefinedName + "#none", "a = :none": undefinedValue + ":none", "a = b AND m.#none[0] = :1": undefinedName + "#none",
		"a = :none AND #none = :1": undefinedValue + ":none", "size(#none) = :1": undefinedName + "#none", "a IN (:1, :none)": undefinedValue + ":none", "NOT (a = b OR a = :none)": undefinedValue + ":none",
		"begins_with(a, :1)": operandType + "begins_with, operand type: N", "begins_with(:t, a)": operandType + "begins_with, operand type: BOOL",
		"a < :t": operandType + "<, operand type: BOOL", ":null <= a": operandType + "<=, operand type: NULL", "a > :l": operandType + ">, operand type: L", "a >= :ss": operandType + ">=, operand type: SS",
		"a BETWEEN :l AND :l0": operandType + "BETWEEN, operand type: L", "a BETWEEN :1 AND :t": operandType + "BETWEEN, operand type: BOOL",
		"size(:1) = :1": operandType + "size, operand type: N", "size(:t) = :1": operandType + "size, operand type: BOOL", "size(:null) = :1": operandType + "size, operand type: NULL",
		"attribute_type(a, :1)": operandType + "attribute_type, operand type: N", "attribute_type(a, b)": operandType + "attribute_type, operand type: {NS,SS,L,BS,N,M,B,BOOL,NULL,S}",
		"attribute_type(a, :wrong)": "Invalid attribute type name found; type: STRING, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}",
		"a BETWEEN :2 AND :1":       "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: AttributeValue: {N:2}, upper bound operand: AttributeValue: {N:1}",
		"a BETWEEN :2 AND :s":       "The BETWEEN operator requires same data type for lower and upper bounds; lower bound operand: AttributeValue: {N:2}, upper bound operand: AttributeValue: {S:text}",
		"attribute_exists(:1)":      "Operator or function requires a document path; operator or function: attribute_exists", "attribute_not_exists(size(a))": "Operator or function requires a document path; operator or function: attribute_not_exists",
		"attribute_exists(a, b)": arity + "attribute_exists, number of operands: 2", "contains(a)": arity + "contains, number of operands: 1", "size(a, b) = :1": arity + "size, number of operands: 2", "begins_with(a, b, c)": arity + "begins_with, number of operands: 3",
		"foo(a)": "Invalid function name; function: foo", "SIZE(a) = :1": "Invalid function name; function: SIZE", "foo(a) = :1": "Invalid function name; function: foo",
		"if_not_exists(a, b) = :1": "The function is not allowed in a condition expression; function: if_not_exists", "list_append(a, b) = :1": "The function is not allowed in a condition expression; function: list_append",
		"size(a)": misuse + "size", "size(a) AND a = b": misuse + "size", "NOT size(a)": misuse + "size", "attribute_exists(a) = :1": misuse + "attribute_exists", "a IN (contains(a, b))": misuse + "contains", "size(begins_with(a, b)) = :1": misuse + "begins_with",
		"((a = b))": redundant, "((a)) = b": redundant, "a = ((b))": redundant, "(((a = b)))": redundant, "c = a AND ((a = b OR a = c))": redundant,
		"a = a": distinct + "=, first operand: [a]", "#a < a": distinct + "<, first operand: [a]", "contains(m.k[0], #m.k[0])": distinct + "contains, first operand: [m, k, [0]]", "a IN (b, a)": distinct + "IN, first operand: [a]",
		"a[99999999999] = :1": "List index is not within the allowable range; index: [99999999999]",
		// Several at once: the order in which AWS looks.
		"((a = :none)) AND foo(a)": redundant, "foo(a) AND status = :1": "Invalid function name; function: foo", "status = :none": "Attribute name is a reserved keyword; reserved keyword: status",
		"begins_with(a, :1) AND a = :none": operandType + "begins_with, operand type: N",
	} {
		condition, err := ParseFilter(text)
		if err == nil {
			_, err = condition.Bind(bindings(t))
		}
		if got := message(t, err); got != "Invalid FilterExpression: "+want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}
