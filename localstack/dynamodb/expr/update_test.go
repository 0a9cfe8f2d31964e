package expr

import (
	"slices"
	"strings"
	"testing"

	"github.com/parley-chat/parley/localstack/dynamodb/attr"
)

// apply parses, binds and applies an update.
func apply(t testing.TB, text string, old attr.Item) (attr.Item, error) {
	t.Helper()
	u, err := ParseUpdate(text)
	if err != nil {
		return nil, err
	}
	bound, err := u.Bind(bindings(t))
	if err != nil {
		return nil, err
	}
	return bound.Apply(old)
}

const updateItem = `{"pk":{"S":"p"},"a":{"N":"1"},"b":{"N":"2"},"s":{"S":"text"},"l":{"L":[{"N":"0"},{"N":"1"},{"N":"2"},{"N":"3"}]},
	"m":{"M":{"k":{"S":"v"},"n":{"N":"5"},"l":{"L":[{"M":{"x":{"N":"1"},"y":{"N":"2"}}}]}}},"ss":{"SS":["a","b"]},"ns":{"NS":["1","2"]},"bs":{"BS":["AQ=="]},"el":{"L":[]}}`

// with returns the wire form of updateItem with other values for some names; "" takes one away.
func with(t testing.TB, changes map[string]string) attr.Item {
	t.Helper()
	it := item(t, updateItem)
	for name, text := range changes {
		if text == "" {
			delete(it, name)
			continue
		}
		v, err := attr.ParseValue([]byte(text))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		it[name] = v
	}
	return it
}

// n and list write values in their wire form.
func n(number string) string { return `{"N":"` + number + `"}` }

func list(elems ...string) string { return `{"L":[` + strings.Join(elems, ",") + `]}` }

// checkUpdates applies each update to updateItem and expects the changes, as with makes them.
func checkUpdates(t *testing.T, updates map[string]map[string]string) {
	t.Helper()
	for text, changes := range updates {
		old := item(t, updateItem)
		got, err := apply(t, text, old)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if want := with(t, changes); !attr.EqualItems(got, want) {
			t.Errorf("%s: got %s, want %s", text, attr.AppendItem(nil, got), attr.AppendItem(nil, want))
		}
		if !attr.EqualItems(old, item(t, updateItem)) {
			t.Errorf("%s changed the old item: %s", text, attr.AppendItem(nil, old))
		}
	}
}

func TestSet(t *testing.T) {
	t.Parallel()
	checkUpdates(t, map[string]map[string]string{
		"SET z = :s":                   {"z": `{"S":"text"}`},
		"SET a = :l":                   {"a": list(n("1"), `{"S":"x"}`)},
		"set #dot = :1":                {"x.y": n("1")},
		"sEt z = a":                    {"z": n("1")},
		"SET a = a":                    {},
		"SET a = b, b = a":             {"a": n("2"), "b": n("1")},
		"SET z = m.l[0].y":             {"z": n("2")},
		"SET z = l[3], y=l[2]":         {"z": n("3"), "y": n("2")},
		"SET a = a + :1":               {"a": n("2")},
		"SET a = :9 - a":               {"a": n("8")},
		"SET a=b+a,z=(a - b)":          {"a": n("3"), "z": n("-1")},
		"SET a = (a) + (b)":            {"a": n("3")},
		"SET z = if_not_exists(z, :9)": {"z": n("9")},
		"SET a = if_not_exists(a, :9)": {},
		"SET z = if_not_exists(z, if_not_exists(a, :9))":      {"z": n("1")},
		"SET z = if_not_exists(z, :1) + :2":                   {"z": n("3")},
		"SET a = if_not_exists(a, nope)":                      {},
		"SET z = if_not_exists(m.nope.x, :1)":                 {"z": n("1")},
		"SET z = if_not_exists(z, :0) - if_not_exists(b, :0)": {"z": n("-2")},
		"SET el = list_append(el, :l)":                        {"el": list(n("1"), `{"S":"x"}`)},
		"SET el = list_append(:l, l)":                         {"el": list(n("1"), `{"S":"x"}`, n("0"), n("1"), n("2"), n("3"))},
		"SET z = list_append(if_not_exists(z, :l0), :l)":      {"z": list(n("1"), `{"S":"x"}`)},
		"SET z = :e, y = :l0, x = :m0":                        {"z": `{"S":""}`, "y": `{"L":[]}`, "x": `{"M":{}}`},
		"SET z = (:1)":                                        {"z": n("1")},
	})
}

func TestNestedPaths(t *testing.T) {
	t.Parallel()
	checkUpdates(t, map[string]map[string]string{
		"SET m.k = :1": {"m": `{"M":{"k":{"N":"1"},"n":{"N":"5"},"l":{"L":[{"M":{"x":{"N":"1"},"y":{"N":"2"}}}]}}}`},
		"SET m.l[0].x = m.n, m.l[0].z = :1 REMOVE m.k ADD m.n :1": {"m": `{"M":{"n":{"N":"6"},"l":{"L":[{"M":{"x":{"N":"5"},"y":{"N":"2"},"z":{"N":"1"}}}]}}}`},
		"SET #m.#l[0] = :x, #m.fresh = m":                         {"m": `{"M":{"k":{"S":"v"},"n":{"N":"5"},"l":{"L":[{"S":"x"}]},"fresh":{"M":{"k":{"S":"v"},"n":{"N":"5"},"l":{"L":[{"M":{"x":{"N":"1"},"y":{"N":"2"}}}]}}}}}`},
		"REMOVE m.l, m.n, m.k":                                    {"m": `{"M":{}}`},
	})
}

// Indexes are those of the old item, and what is beyond the end goes to the end.
func TestListElements(t *testing.T) {
	t.Parallel()
	checkUpdates(t, map[string]map[string]string{
		"SET l[1] = :x":                         {"l": list(n("0"), `{"S":"x"}`, n("2"), n("3"))},
		"SET l[4] = :x":                         {"l": list(n("0"), n("1"), n("2"), n("3"), `{"S":"x"}`)},
		"SET l[99] = :x, l[50] = :y, l[0] = :9": {"l": list(n("9"), n("1"), n("2"), n("3"), `{"S":"y"}`, `{"S":"x"}`)},
		"REMOVE l[1] SET l[3] = :x":             {"l": list(n("0"), n("2"), `{"S":"x"}`)},
		"REMOVE l[0], l[2], l[9]":               {"l": list(n("1"), n("3"))},
		"REMOVE l[0] SET l[9] = :x ADD l[1] :9": {"l": list(n("10"), n("2"), n("3"), `{"S":"x"}`)},
		"SET el[0] = :x":                        {"el": list(`{"S":"x"}`)},
		"REMOVE l[3],l[2],l[1],l[0]":            {"l": `{"L":[]}`},
		"REMOVE m.l[0].x, m.l[0].y":             {"m": `{"M":{"k":{"S":"v"},"n":{"N":"5"},"l":{"L":[{"M":{}}]}}}`},
		"ADD el[7] :1":                          {"el": list(n("1"))},
	})
}

func TestRemove(t *testing.T) {
	t.Parallel()
	checkUpdates(t, map[string]map[string]string{
		"REMOVE a":           {"a": ""},
		"REMOVE nope, b":     {"b": ""},
		"REMOVE m.nope":      {},
		"REMOVE l[9]":        {},
		"REMOVE a SET z = a": {"a": "", "z": n("1")},
	})
}

func TestAddAndDelete(t *testing.T) {
	t.Parallel()
	checkUpdates(t, map[string]map[string]string{
		"ADD a :9":                  {"a": n("10")},
		"ADD z :9":                  {"z": n("9")},
		"ADD ss :ss2":               {"ss": `{"SS":["a","b","c"]}`},
		"ADD ns :ns2, bs :bs":       {"ns": `{"NS":["1","2","3"]}`},
		"ADD z :ss":                 {"z": `{"SS":["a","b"]}`},
		"ADD m.z :1 DELETE ss :ss2": {"m": `{"M":{"k":{"S":"v"},"n":{"N":"5"},"z":{"N":"1"},"l":{"L":[{"M":{"x":{"N":"1"},"y":{"N":"2"}}}]}}}`, "ss": `{"SS":["a"]}`},
		"DELETE ss :ss2":            {"ss": `{"SS":["a"]}`},
		"DELETE ss :ss":             {"ss": ""},
		"DELETE z :ss":              {},
		"DELETE ns :ns2, bs :bs":    {"ns": `{"NS":["1"]}`, "bs": ""},
	})
}

func TestUpdateOfMissingItem(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"SET a = :1": `{"a":{"N":"1"}}`,
		"ADD n :1":   `{"n":{"N":"1"}}`,
		"REMOVE a":   `{}`,
		"REMOVE a.b, c[0] SET d = if_not_exists(d, :1)": `{"d":{"N":"1"}}`,
		"DELETE s :ss": `{}`,
	} {
		got, err := apply(t, text, nil)
		if err != nil || got == nil || !attr.EqualItems(got, item(t, want)) {
			t.Errorf("%s: got %s, %v", text, attr.AppendItem(nil, got), err)
		}
	}
	for text, want := range map[string]string{"SET a = b": messageNoAttribute, "SET a.b = :1": messageBadPath, "SET a[0] = :1": messageBadPath} {
		if _, err := apply(t, text, nil); message(t, err) != want {
			t.Errorf("%s: got %v", text, err)
		}
	}
	bound, err := (*Update)(nil).Bind(Bindings{})
	if err != nil {
		t.Fatal(err)
	}
	if old := item(t, updateItem); bound.Writes("a") || bound.Touched(old) != nil {
		t.Error("no update touches something")
	} else if got, err := bound.Apply(old); err != nil || !attr.EqualItems(got, old) {
		t.Errorf("no update: got %v, %v", got, err)
	}
}

// What goes wrong with the item's values has no prefix.
func TestUpdatesFail(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"SET z = nope":                   messageNoAttribute,
		"SET z = a + nope":               messageNoAttribute,
		"SET z = list_append(nope, :l)":  messageNoAttribute,
		"SET z = m.nope":                 messageNoAttribute,
		"SET z = l[9]":                   messageNoAttribute,
		"SET x = :1, z = x":              messageNoAttribute,
		"SET z = if_not_exists(y, nope)": messageNoAttribute,
		"SET nope.x = :1":                messageBadPath,
		"SET s.x = :1":                   messageBadPath,
		"SET l.x = :1":                   messageBadPath,
		"SET m[0] = :1":                  messageBadPath,
		"SET s[0] = :1":                  messageBadPath,
		"SET l[9].x = :1":                messageBadPath,
		"SET m.nope.x = :1":              messageBadPath,
		"REMOVE nope.x":                  messageBadPath,
		"REMOVE s.x":                     messageBadPath,
		"REMOVE s[0]":                    messageBadPath,
		"REMOVE nope[0]":                 messageBadPath,
		"ADD nope.x :1":                  messageBadPath,
		"DELETE nope.x :ss":              messageBadPath,
		"SET a = a + s":                  messageBadOperand,
		"SET a = s - a":                  messageBadOperand,
		"SET l = list_append(l, s)":      messageBadOperand,
		"SET l = list_append(a, :l)":     messageBadOperand,
		"ADD s :1":                       messageBadOperand,
		"ADD a :ss":                      messageBadOperand,
		"ADD ns :ss":                     messageBadOperand,
		"ADD l :ns":                      messageBadOperand,
		"DELETE ss :ns":                  messageBadOperand,
		"DELETE a :ns":                   messageBadOperand,
		"ADD a :big":                     "Number overflow. Attempting to store a number with magnitude larger than supported range",
		"SET a = :big + :big":            "Number overflow. Attempting to store a number with magnitude larger than supported range",
	} {
		if got, err := apply(t, text, item(t, updateItem)); message(t, err) != want {
			t.Errorf("%s: got %s, %v; want %s", text, attr.AppendItem(nil, got), err, want)
		}
	}
}

func TestUpdatesRefused(t *testing.T) {
	t.Parallel()
	overlap := func(one, two string) string {
		return "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: " + one + ", path two: " + two
	}
	conflict := func(one, two string) string {
		return strings.Replace(overlap(one, two), "overlap", "conflict", 1)
	}
	const (
		operandType = "Incorrect operand type for operator or function; operator or function: "
		arity       = "Incorrect number of operands for operator or function; operator or function: "
		misuse      = "The function is not allowed to be used this way in an expression; function: "
	)
	for text, want := range map[string]string{
		"SET a = :none":                                   "An expression attribute value used in expression is not defined; attribute value: :none",
		"ADD a :none":                                     "An expression attribute value used in expression is not defined; attribute value: :none",
		"SET #none = :1":                                  "An expression attribute name used in the document path is not defined; attribute name: #none",
		"SET a = m.#none":                                 "An expression attribute name used in the document path is not defined; attribute name: #none",
		"SET a = if_not_exists(#none, :1)":                "An expression attribute name used in the document path is not defined; attribute name: #none",
		"SET a = :1 SET b = :1":                           `The "SET" section can only be used once in an update expression;`,
		"REMOVE a SET b = :1 REMOVE c":                    `The "REMOVE" section can only be used once in an update expression;`,
		"ADD a :1 add b :1":                               `The "ADD" section can only be used once in an update expression;`,
		"SET a = :1, a = :2":                              overlap("[a]", "[a]"),
		"SET a = :1 REMOVE a":                             overlap("[a]", "[a]"),
		"SET #a = :1, a = :2":                             overlap("[a]", "[a]"),
		"SET a.b = :1, a = :2":                            overlap("[a, b]", "[a]"),
		"SET a = :1, a.b.c = :2":                          overlap("[a]", "[a, b, c]"),
		"SET a[1] = :1, a[1][0] = :2":                     overlap("[a, [1]]", "[a, [1], [0]]"),
		"ADD #m.n :1 DELETE m.#n :ss":                     overlap("[m, n]", "[m, n]"),
		"SET a.b = :1, a[1] = :2":                         conflict("[a, b]", "[a, [1]]"),
		"SET a.b[0] = :1 REMOVE a.b.c":                    conflict("[a, b, [0]]", "[a, b, c]"),
		"SET a = :s + :1":                                 operandType + "+, operand type: S",
		"SET a = b - :l":                                  operandType + "-, operand type: L",
		"SET a = list_append(:l, :s)":                     operandType + "list_append, operand type: S",
		"SET a = list_append(b, :ss)":                     operandType + "list_append, operand type: SS",
		"SET a = if_not_exists(a, :1) + :null":            operandType + "+, operand type: NULL",
		"SET a = list_append(:l)":                         arity + "list_append, number of operands: 1",
		"SET a = if_not_exists(a, b, c)":                  arity + "if_not_exists, number of operands: 3",
		"SET a = if_not_exists(:1, :2)":                   "Operator or function requires a document path; operator or function: if_not_exists",
		"SET a = if_not_exists(if_not_exists(a, :1), :2)": "Operator or function requires a document path; operator or function: if_not_exists",
		"SET a = list_append(list_append(:l, :l), :l)":    misuse + "list_append",
		"SET a = if_not_exists(a, list_append(:l, :l))":   misuse + "list_append",
		"SET a = foo(b)":                                  "Invalid function name; function: foo",
		"SET a = LIST_APPEND(:l, :l)":                     "Invalid function name; function: LIST_APPEND",
		"SET a = size(b)":                                 "The function is not allowed in an update expression; function: size",
		"SET a = attribute_exists(b)":                     "The function is not allowed in an update expression; function: attribute_exists",
		"ADD a :s":                                        "Incorrect operand type for operator or function; operator: ADD, operand type: STRING, typeSet: ALLOWED_FOR_ADD_OPERAND",
		"ADD a :l":                                        "Incorrect operand type for operator or function; operator: ADD, operand type: LIST, typeSet: ALLOWED_FOR_ADD_OPERAND",
		"ADD a :t":                                        "Incorrect operand type for operator or function; operator: ADD, operand type: BOOLEAN, typeSet: ALLOWED_FOR_ADD_OPERAND",
		"DELETE a :null":                                  "Incorrect operand type for operator or function; operator: DELETE, operand type: NULL, typeSet: ALLOWED_FOR_DELETE_OPERAND",
		"DELETE a :1":                                     "Incorrect operand type for operator or function; operator: DELETE, operand type: NUMBER, typeSet: ALLOWED_FOR_DELETE_OPERAND",
		"DELETE a :m":                                     "Incorrect operand type for operator or function; operator: DELETE, operand type: MAP, typeSet: ALLOWED_FOR_DELETE_OPERAND",
		"DELETE a :b":                                     "Incorrect operand type for operator or function; operator: DELETE, operand type: BINARY, typeSet: ALLOWED_FOR_DELETE_OPERAND",
		"SET a = ((b + c))":                               "The expression has redundant parentheses;",
		"SET a = ((b))":                                   "The expression has redundant parentheses;",
		"SET status = :1":                                 "Attribute name is a reserved keyword; reserved keyword: status",
		"SET l[2147483648] = :1":                          "List index is not within the allowable range; index: [2147483648]",
	} {
		if _, err := apply(t, text, item(t, updateItem)); message(t, err) != "Invalid UpdateExpression: "+want {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

func TestUpdateDepth(t *testing.T) {
	t.Parallel()
	v := attr.String("leaf")
	for range attr.MaxDepth - 2 {
		v = attr.List([]attr.Value{v})
	}
	old := attr.Item{"deep": v, "m": attr.Map(attr.Item{"m": attr.Map(attr.Item{})})}
	if _, err := apply(t, "SET m.x = deep", old); err != nil {
		t.Errorf("32 levels: %v", err)
	}
	if _, err := apply(t, "SET m.m.x = deep", old); !strings.HasPrefix(message(t, err), "Nesting Levels have exceeded supported limits") {
		t.Errorf("33 levels: %v", err)
	}
}

// An update copies what lies on its paths, and shares the rest.
func TestUpdateShares(t *testing.T) {
	t.Parallel()
	old := item(t, `{"m":{"M":{"x":{"N":"1"},"rest":{"L":[{"S":"a"}]}}},"l":{"L":[{"L":[{"S":"b"}]},{"L":[{"S":"c"}]}]},"other":{"L":[{"S":"d"}]}}`)
	got, err := apply(t, "SET m.x = :9, l[0][0] = :x", old)
	if err != nil {
		t.Fatal(err)
	}
	same := func(a, b attr.Value) bool { return &a.List()[0] == &b.List()[0] }
	if !same(got["other"], old["other"]) || !same(got["m"].Item()["rest"], old["m"].Item()["rest"]) || !same(got["l"].List()[1], old["l"].List()[1]) {
		t.Error("copied what did not change")
	}
	if same(got["l"], old["l"]) || same(got["l"].List()[0], old["l"].List()[0]) {
		t.Error("did not copy what changed")
	}
	if want := item(t, `{"m":{"M":{"x":{"N":"1"},"rest":{"L":[{"S":"a"}]}}},"l":{"L":[{"L":[{"S":"b"}]},{"L":[{"S":"c"}]}]},"other":{"L":[{"S":"d"}]}}`); !attr.EqualItems(old, want) {
		t.Errorf("the old item became %s", attr.AppendItem(nil, old))
	}
}

func TestUpdateTouched(t *testing.T) {
	t.Parallel()
	u, err := ParseUpdate("SET a = :9, m.k = :1, l[3] = :x REMOVE b, m.l[0].x ADD z :1 DELETE ss :ss")
	if err != nil {
		t.Fatal(err)
	}
	bound, err := u.Bind(bindings(t))
	if err != nil {
		t.Fatal(err)
	}
	old := item(t, updateItem)
	got, err := bound.Apply(old)
	if err != nil {
		t.Fatal(err)
	}
	if touched, want := bound.Touched(old), item(t, `{"a":{"N":"1"},"b":{"N":"2"},"ss":{"SS":["a","b"]},"l":{"L":[{"N":"3"}]},"m":{"M":{"k":{"S":"v"},"l":{"L":[{"M":{"x":{"N":"1"}}}]}}}}`); !attr.EqualItems(touched, want) {
		t.Errorf("of the old item: %s", attr.AppendItem(nil, touched))
	}
	if touched, want := bound.Touched(got), item(t, `{"a":{"N":"9"},"z":{"N":"1"},"l":{"L":[{"S":"x"}]},"m":{"M":{"k":{"N":"1"}}}}`); !attr.EqualItems(touched, want) {
		t.Errorf("of the new item: %s", attr.AppendItem(nil, touched))
	}
	var written []string
	for _, name := range []string{"pk", "a", "b", "l", "m", "s", "ss", "z", "k", "x"} {
		if bound.Writes(name) {
			written = append(written, name)
		}
	}
	if want := []string{"a", "b", "l", "m", "ss", "z"}; !slices.Equal(written, want) {
		t.Errorf("writes %v", written)
	}
}
