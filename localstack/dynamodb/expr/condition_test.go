package expr

import (
	"strings"
	"testing"

	"github.com/parley-chat/parley/localstack/dynamodb/attr"
)

const conditionItem = `{
	"pk":{"S":"p"},
	"a":{"N":"1"},
	"b":{"N":"2"},
	"c":{"N":"3"},
	"s":{"S":"text"},
	"s2":{"S":"te"},
	"uni":{"S":"añ😀"},
	"bin":{"B":"AQI="},
	"t":{"BOOL":true},
	"f":{"BOOL":false},
	"nul":{"NULL":true},
	"x.y":{"N":"7"},
	"size":{"N":"4"},
	"and":{"N":"5"},
	"l":{"L":[{"N":"1"},{"S":"x"},{"L":[{"N":"3"}]},{"SS":["a","b"]}]},
	"m":{"M":{"k":{"S":"v"},"deep":{"M":{"l":{"L":[{"S":"p"},{"S":"q"}]}}}}},
	"ss":{"SS":["b","a"]},"ns":{"NS":["2.0","1"]},"bs":{"BS":["AQ=="]},"e":{"S":""},"el":{"L":[]}}`

// checkConditions expects the conditions, one a line, to hold for conditionItem or not to.
func checkConditions(t *testing.T, want bool, lines string) {
	t.Helper()
	it, given := item(t, conditionItem), bindings(t)
	for text := range strings.Lines(strings.TrimSpace(lines)) {
		text = strings.TrimSpace(text)
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

func TestComparisons(t *testing.T) {
	t.Parallel()
	checkConditions(t, true, `
		a = :1
		:1 = a
		c = :3
		s = :s
		bin = :b
		t = :t
		nul = :null
		ss = :ss
		ns = :ns
		bs = :bs
		el = :l0
		a <> :2
		a < b
		a <= :1
		a >= :1
		b > :1
		s > :te
		bin > :b1`)
	checkConditions(t, false, `
		a = :2
		t = :f
		l = :l
		m.k = m.k2
		a <> :1
		b < a
		b > :2
		s < :te`)
}

func TestTypesAndMissingValues(t *testing.T) {
	t.Parallel()
	checkConditions(t, true, `
		a <> :x
		nope <> :1
		nope <> nope2
		NOT nope = :1`)
	checkConditions(t, false, `
		a = :x
		a < :x
		a >= :x
		s < :1
		l >= :1
		:1 >= l
		nope = :1
		nope < :1
		nope = nope2
		l[9] = :1
		s.k = :1
		s[0] = :1
		m[0] = :1
		l.k = :1`)
}

func TestPathsInConditions(t *testing.T) {
	t.Parallel()
	checkConditions(t, true, `
		l[0] = :1
		l[2][0] = :3
		m.deep.l[1] > m.deep.l[0]
		#dot > :3
		#size > :3
		m . deep . l [ 1 ] > m.deep.l[0]
		#m.deep.#l[0] < m.deep.l[1]`)
	checkConditions(t, false, `
		m.k = :x
		x.y = :1`)
}

func TestBetweenAndIn(t *testing.T) {
	t.Parallel()
	checkConditions(t, true, `
		b BETWEEN :1 AND :3
		b between a and c
		a BETWEEN :1 AND :1
		s BETWEEN :te AND :x
		:2 BETWEEN a AND c
		a IN (:1)
		a in (:x, :1)
		ss IN (:ss2, :ss)
		size(s) IN (#size)`)
	checkConditions(t, false, `
		a BETWEEN :2 AND :3
		a BETWEEN :te AND :x
		nope BETWEEN :1 AND :2
		b BETWEEN c AND a
		a BETWEEN b AND :s
		a IN (:x, :2, c)
		nope IN (:1, nope2)`)
}

func TestAttributeFunctions(t *testing.T) {
	t.Parallel()
	checkConditions(t, true, `
		attribute_exists(a)
		attribute_exists(m.k)
		attribute_exists(l[3])
		attribute_exists(nul)
		attribute_not_exists(nope)
		attribute_not_exists (m.nope)
		attribute_type(s, :S)
		attribute_type(a, :N)
		attribute_type(l, :L)
		attribute_type(:1, :N)`)
	checkConditions(t, false, `
		attribute_exists(nope)
		attribute_exists(l[4])
		attribute_not_exists(a)
		attribute_type(a, :S)
		attribute_type(nope, :S)`)
}

func TestBeginsWithAndContains(t *testing.T) {
	t.Parallel()
	checkConditions(t, true, `
		begins_with(s, :te)
		begins_with(s, :e)
		begins_with(s, s2)
		begins_with(:s, s2)
		begins_with(bin, :b1)
		contains(s, :te)
		contains(s, :e)
		contains(bin, :b1)
		contains(ns, :1)
		contains(bs, :b1)
		contains(l, :1)
		contains(l, :x)
		contains(l, :ss)
		contains(:l, a)`)
	checkConditions(t, false, `
		begins_with(s, :x)
		begins_with(s2, s)
		begins_with(s, :b1)
		begins_with(a, :te)
		begins_with(nope, :e)
		begins_with(l, s)
		contains(s, :y)
		contains(s, :b1)
		contains(ss, :x)
		contains(ss, s)
		contains(:ss, l[3])
		contains(ns, :9)
		contains(ns, :x)
		contains(l, :2)
		contains(nope, :1)
		contains(s, nope)
		contains(l, nope)
		contains(m, :x)
		contains(a, :1)`)
}

func TestSize(t *testing.T) {
	t.Parallel()
	checkConditions(t, true, `
		size(s) = #size
		size(uni) = :3
		size(bin) = :2
		size(l) > :3
		size(m) = :2
		size(ss) = :2
		size(ns) = b
		size(bs) = :1
		size(e) = :0
		size(nope) <> :0
		size(:s) > :3
		size(l[2]) = :1
		size(s) BETWEEN :3 AND :9
		size(s) > size(s2)`)
	checkConditions(t, false, `
		size(a) = :1
		size(t) = :1
		size(nul) = :1
		size(nope) = :0
		size(s) = :s`)
}

func TestPrecedence(t *testing.T) {
	t.Parallel()
	checkConditions(t, true, `
		a < b OR c < b AND b < a
		NOT (a < b AND c < b)
		NOT NOT a < b
		nOt b < a
		b BETWEEN a AND c AND a < b
		b BETWEEN a AND c OR a = b
		(a) = (:1)
		((a) = :1)
		(a = :1) AND (b = :2)
		(a = :1 AND (b = :2))
		a = :2 Or b = :2 oR c = :2
		attribute_exists(a) AND NOT attribute_exists(nope)
		(size((s))) = #size
		a=:1 AND(b=:2)`)
	checkConditions(t, false, `
		(a < b OR c < b) AND b < a
		NOT a < b AND c < b
		a = :1 AND b = :2 and c = :2`)
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
		"#none = :1":                    undefinedName + "#none",
		"a = :none":                     undefinedValue + ":none",
		"a = b AND m.#none[0] = :1":     undefinedName + "#none",
		"a = :none AND #none = :1":      undefinedValue + ":none",
		"size(#none) = :1":              undefinedName + "#none",
		"a IN (:1, :none)":              undefinedValue + ":none",
		"NOT (a = b OR a = :none)":      undefinedValue + ":none",
		"begins_with(a, :1)":            operandType + "begins_with, operand type: N",
		"begins_with(:t, a)":            operandType + "begins_with, operand type: BOOL",
		"a < :t":                        operandType + "<, operand type: BOOL",
		":null <= a":                    operandType + "<=, operand type: NULL",
		"a > :l":                        operandType + ">, operand type: L",
		"a >= :ss":                      operandType + ">=, operand type: SS",
		"a BETWEEN :l AND :l0":          operandType + "BETWEEN, operand type: L",
		"a BETWEEN :1 AND :t":           operandType + "BETWEEN, operand type: BOOL",
		"size(:1) = :1":                 operandType + "size, operand type: N",
		"size(:t) = :1":                 operandType + "size, operand type: BOOL",
		"size(:null) = :1":              operandType + "size, operand type: NULL",
		"attribute_type(a, :1)":         operandType + "attribute_type, operand type: N",
		"attribute_type(a, b)":          operandType + "attribute_type, operand type: {NS,SS,L,BS,N,M,B,BOOL,NULL,S}",
		"attribute_type(a, :wrong)":     "Invalid attribute type name found; type: STRING, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}",
		"a BETWEEN :2 AND :1":           "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: AttributeValue: {N:2}, upper bound operand: AttributeValue: {N:1}",
		"a BETWEEN :2 AND :s":           "The BETWEEN operator requires same data type for lower and upper bounds; lower bound operand: AttributeValue: {N:2}, upper bound operand: AttributeValue: {S:text}",
		"attribute_exists(:1)":          "Operator or function requires a document path; operator or function: attribute_exists",
		"attribute_not_exists(size(a))": "Operator or function requires a document path; operator or function: attribute_not_exists",
		"attribute_exists(a, b)":        arity + "attribute_exists, number of operands: 2",
		"contains(a)":                   arity + "contains, number of operands: 1",
		"size(a, b) = :1":               arity + "size, number of operands: 2",
		"begins_with(a, b, c)":          arity + "begins_with, number of operands: 3",
		"foo(a)":                        "Invalid function name; function: foo",
		"SIZE(a) = :1":                  "Invalid function name; function: SIZE",
		"foo(a) = :1":                   "Invalid function name; function: foo",
		"if_not_exists(a, b) = :1":      "The function is not allowed in a condition expression; function: if_not_exists",
		"list_append(a, b) = :1":        "The function is not allowed in a condition expression; function: list_append",
		"size(a)":                       misuse + "size",
		"size(a) AND a = b":             misuse + "size",
		"NOT size(a)":                   misuse + "size",
		"attribute_exists(a) = :1":      misuse + "attribute_exists",
		"a IN (contains(a, b))":         misuse + "contains",
		"size(begins_with(a, b)) = :1":  misuse + "begins_with",
		"((a = b))":                     redundant,
		"((a)) = b":                     redundant,
		"a = ((b))":                     redundant,
		"(((a = b)))":                   redundant,
		"c = a AND ((a = b OR a = c))":  redundant,
		"a = a":                         distinct + "=, first operand: [a]",
		"#a < a":                        distinct + "<, first operand: [a]",
		"contains(m.k[0], #m.k[0])":     distinct + "contains, first operand: [m, k, [0]]",
		"a IN (b, a)":                   distinct + "IN, first operand: [a]",
		"a[99999999999] = :1":           "List index is not within the allowable range; index: [99999999999]",
		// Several at once: the order in which AWS looks.
		"((a = :none)) AND foo(a)":         redundant,
		"foo(a) AND status = :1":           "Invalid function name; function: foo",
		"status = :none":                   "Attribute name is a reserved keyword; reserved keyword: status",
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
