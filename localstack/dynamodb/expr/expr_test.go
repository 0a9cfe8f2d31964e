package expr

import (
	"errors"
	"strings"
	"testing"

	"github.com/parley-chat/parley/localstack/dynamodb/attr"
)

// item reads an item in its wire form; "" is nil.
func item(t testing.TB, text string) attr.Item {
	t.Helper()
	if text == "" {
		return nil
	}
	it, err := attr.ParseItem([]byte(text))
	if err != nil {
		t.Fatalf("item %s: %v", text, err)
	}
	return it
}

// bindings are what the tests' expressions refer to.
func bindings(t testing.TB) Bindings {
	t.Helper()
	return Bindings{
		Names: map[string]string{"#a": "a", "#b": "b", "#dot": "x.y", "#size": "size", "#m": "m", "#l": "l", "#n": "n", "#pk": "pk", "#sk": "sk", "#1": "1"},
		Values: item(t, `{
			":s":{"S":"text"},":e":{"S":""},":te":{"S":"te"},":x":{"S":"x"},":y":{"S":"y"},
			":0":{"N":"0"},":1":{"N":"1"},":2":{"N":"2"},":3":{"N":"3.0"},":9":{"N":"9"},":big":{"N":"9e125"},
			":b":{"B":"AQI="},":b1":{"B":"AQ=="},":t":{"BOOL":true},":f":{"BOOL":false},":null":{"NULL":true},
			":l":{"L":[{"N":"1"},{"S":"x"}]},":l0":{"L":[]},":m":{"M":{"k":{"S":"v"}}},":m0":{"M":{}},
			":ss":{"SS":["a","b"]},":ss2":{"SS":["b","c"]},":ns":{"NS":["1","2"]},":ns2":{"NS":["2","3"]},":bs":{"BS":["AQ=="]},
			":S":{"S":"S"},":N":{"S":"N"},":L":{"S":"L"},":wrong":{"S":"STRING"}}`),
	}
}

// message returns an error's message, "" for none; it fails unless the error is a ValidationException.
func message(t testing.TB, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	var e *attr.Error
	if !errors.As(err, &e) || e.Type != attr.ValidationException {
		t.Fatalf("%T %v is no ValidationException", err, err)
	}
	return e.Message
}

func TestPlaceholderKeys(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		bindings Bindings
		want     string
	}{
		{Bindings{}, ""},
		{Bindings{Names: map[string]string{"#a": "a", "#_1": "b", "#9": "c"}, Values: attr.Item{":v": attr.Null()}}, ""},
		{Bindings{Names: map[string]string{}}, "ExpressionAttributeNames must not be empty"},
		{Bindings{Values: attr.Item{}}, "ExpressionAttributeValues must not be empty"},
		{Bindings{Names: map[string]string{"a": "a"}}, `ExpressionAttributeNames contains invalid key: Syntax error; key: "a"`},
		{Bindings{Names: map[string]string{"#": "a"}}, `ExpressionAttributeNames contains invalid key: Syntax error; key: "#"`},
		{Bindings{Names: map[string]string{"": "a"}}, `ExpressionAttributeNames contains invalid key: Syntax error; key: ""`},
		{Bindings{Names: map[string]string{"#a-b": "a"}}, `ExpressionAttributeNames contains invalid key: Syntax error; key: "#a-b"`},
		{Bindings{Values: attr.Item{"#v": attr.Null()}}, `ExpressionAttributeValues contains invalid key: Syntax error; key: "#v"`},
		{Bindings{Values: attr.Item{":v!": attr.Null()}}, `ExpressionAttributeValues contains invalid key: Syntax error; key: ":v!"`},
	} {
		if got := message(t, c.bindings.Check()); got != c.want {
			t.Errorf("%v: got %q, want %q", c.bindings, got, c.want)
		}
	}
}

func TestUnusedPlaceholders(t *testing.T) {
	t.Parallel()
	condition, err := ParseCondition("#a = :a OR size(#b[0].#c) > :b")
	if err != nil {
		t.Fatal(err)
	}
	update, err := ParseUpdate("SET #d = if_not_exists(#e, :c) REMOVE #f ADD g :d")
	if err != nil {
		t.Fatal(err)
	}
	projection, err := ParseProjection("#p, q.#q")
	if err != nil {
		t.Fatal(err)
	}
	key, err := ParseKeyCondition("#k = :k")
	if err != nil {
		t.Fatal(err)
	}
	all := Bindings{Names: map[string]string{}, Values: attr.Item{}}
	for _, name := range strings.Fields("#a #b #c #d #e #f #p #q #k") {
		all.Names[name] = name
	}
	for _, value := range strings.Fields(":a :b :c :d :k") {
		all.Values[value] = attr.Null()
	}
	if err := all.CheckUsed(condition, update, projection, key, (*Condition)(nil), (*Update)(nil), (*Projection)(nil), (*KeyCondition)(nil)); err != nil {
		t.Error(err)
	}
	if got, want := message(t, all.CheckUsed(condition, projection, key)), "Value provided in ExpressionAttributeNames unused in expressions: keys: {#d, #e, #f}"; got != want {
		t.Errorf("got %q", got)
	}
	all.Names = nil
	if got, want := message(t, all.CheckUsed(update, key)), "Value provided in ExpressionAttributeValues unused in expressions: keys: {:a, :b}"; got != want {
		t.Errorf("got %q", got)
	}
}

// Limits hold for every sort of expression.
func TestLimits(t *testing.T) {
	t.Parallel()
	pad := func(text string, size int) string { return text + strings.Repeat(" ", size-len(text)) }
	comparisons := func(n int) string { return strings.Repeat("a<b AND ", n-1) + "a<b" }
	for _, c := range []struct {
		kind, text, want string
	}{
		{"ConditionExpression", "", "The expression can not be empty;"},
		{"UpdateExpression", "", "The expression can not be empty;"},
		{"ProjectionExpression", "", "The expression can not be empty;"},
		{"KeyConditionExpression", "", "The expression can not be empty;"},
		{"FilterExpression", "", "The expression can not be empty;"},
		{"ConditionExpression", pad("a = b", MaxSize), ""},
		{"ConditionExpression", pad("a = b", MaxSize+1), "Expression size has exceeded the maximum allowed size; expression size: 4097"},
		{"UpdateExpression", pad("REMOVE a", MaxSize+1), "Expression size has exceeded the maximum allowed size; expression size: 4097"},
		{"ProjectionExpression", pad("a", MaxSize+1), "Expression size has exceeded the maximum allowed size; expression size: 4097"},
		{"ConditionExpression", comparisons(300), ""},
		{"ConditionExpression", comparisons(301), "The expression contains too many operators; operator count: 301"},
		{"UpdateExpression", "SET " + strings.Repeat("a=b+c,", 300) + "d=e+f", "The expression contains too many operators; operator count: 301"},
		{"FilterExpression", "a IN (" + strings.Repeat("b,", 99) + "b)", ""},
		{"FilterExpression", "a IN (" + strings.Repeat("b,", 100) + "b)", "The IN operator is provided with too many operands; number of operands: 101"},
		{"ConditionExpression", strings.Repeat("(", 2000) + "a = b" + strings.Repeat(")", 2000), "The expression has redundant parentheses;"},
		{"ConditionExpression", strings.Repeat("NOT ", 1000) + "a = b", ""},
	} {
		want := c.want
		if want != "" {
			want = "Invalid " + c.kind + ": " + want
		}
		if got := message(t, parseKind(c.kind, c.text)); got != want {
			t.Errorf("%s %.60s: got %q, want %q", c.kind, c.text, got, want)
		}
	}
}

// parseKind parses an expression of the kind and returns the error only.
func parseKind(kind, text string) (err error) {
	switch kind {
	case "ConditionExpression":
		_, err = ParseCondition(text)
	case "FilterExpression":
		_, err = ParseFilter(text)
	case "UpdateExpression":
		_, err = ParseUpdate(text)
	case "ProjectionExpression":
		_, err = ParseProjection(text)
	case "KeyConditionExpression":
		_, err = ParseKeyCondition(text)
	}
	return err
}

func TestReservedWords(t *testing.T) {
	t.Parallel()
	if !isSortedDistinct(reservedWords[:]) || len(reservedWords) != 573 {
		t.Errorf("%d words, not 573 sorted ones", len(reservedWords))
	}
	for _, name := range []string{"name", "Status", "TTL", "user", "abort", "ZONE", "year", "data", "Hash"} {
		if !isReserved(name) {
			t.Errorf("%s is not reserved", name)
		}
	}
	for _, name := range []string{"pk", "sk", "statuss", "conversation", "a", ""} {
		if isReserved(name) {
			t.Errorf("%s is reserved", name)
		}
	}
	const want = "Attribute name is a reserved keyword; reserved keyword: "
	for kind, text := range map[string]string{
		"ConditionExpression": "a = b AND Status = :x", "FilterExpression": "attribute_exists(m.Status)", "UpdateExpression": "SET a = Status",
		"ProjectionExpression": "a, b[0].Status", "KeyConditionExpression": "Status = :x",
	} {
		if got := message(t, parseKind(kind, text)); got != "Invalid "+kind+": "+want+"Status" {
			t.Errorf("%s: got %q", text, got)
		}
	}
}

func isSortedDistinct(words []string) bool {
	for i := 1; i < len(words); i++ {
		if words[i-1] >= words[i] {
			return false
		}
	}
	return true
}

func TestSyntaxErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ kind, text, want string }{
		{"UpdateExpression", "INVALID SYNTAX HERE", `token: "INVALID", near: "INVALID SYNTAX"`},
		{"UpdateExpression", "SET _123 = :v", `token: "_", near: "SET _123"`},
		{"UpdateExpression", "SET a = :v, SET b = :v", `token: "b", near: "SET b ="`},
		{"UpdateExpression", "SET a", `token: "<EOF>", near: "a"`},
		{"UpdateExpression", "SET a = ", `token: "<EOF>", near: "= "`},
		{"UpdateExpression", "SET", `token: "<EOF>", near: "SET"`},
		{"UpdateExpression", "  ", `token: "<EOF>", near: ""`},
		{"UpdateExpression", "SET a = b + c + d", `token: "+", near: "c + d"`},
		{"UpdateExpression", "SET a = (b + c) + d", `token: "+", near: ") + d"`},
		{"UpdateExpression", "SET a = if_not_exists(b, c + d)", `token: "+", near: "c + d"`},
		{"UpdateExpression", "SET a = if_not_exists(b, (c + d))", `token: "+", near: "c + d"`},
		{"UpdateExpression", "SET :v = b", `token: ":v", near: "SET :v ="`},
		{"UpdateExpression", "SET a = :", `token: ":", near: "= :"`},
		{"UpdateExpression", "SET hi-there = :v", `token: "-", near: "hi-there"`},
		{"UpdateExpression", "SET a[:x] = :v", `token: ":x", near: "[:x]"`},
		{"UpdateExpression", "SET a[#x] = :v", `token: "#x", near: "[#x]"`},
		{"UpdateExpression", "SET a[-1] = :v", `token: "-", near: "[-1"`},
		{"UpdateExpression", "REMOVE a b", `token: "b", near: "a b"`},
		{"UpdateExpression", "ADD a b", `token: "b", near: "a b"`},
		{"UpdateExpression", "DELETE a", `token: "<EOF>", near: "a"`},
		{"ConditionExpression", "a", `token: "<EOF>", near: "a"`},
		{"ConditionExpression", ":v", `token: "<EOF>", near: ":v"`},
		{"ConditionExpression", "a == b", `token: "=", near: "== b"`},
		{"ConditionExpression", "a = b c", `token: "c", near: "b c"`},
		{"ConditionExpression", "a IN ()", `token: ")", near: "()"`},
		{"ConditionExpression", "a IN b", `token: "b", near: "IN b"`},
		{"ConditionExpression", "a BETWEEN b", `token: "<EOF>", near: "b"`},
		{"ConditionExpression", "a = b AND", `token: "<EOF>", near: "AND"`},
		{"ConditionExpression", "a = NOT b", `token: "NOT", near: "= NOT b"`},
		{"ConditionExpression", "(a = b", `token: "<EOF>", near: "b"`},
		{"ConditionExpression", "a = b)", `token: ")", near: "b)"`},
		{"ConditionExpression", "(a = b) = c", `token: "c", near: "= c"`},
		{"ConditionExpression", "a = b = c", `token: "=", near: "b = c"`},
		{"ConditionExpression", "a.[0] = b", `token: "[", near: ".[0"`},
		{"ConditionExpression", "a ! b", `token: "!", near: "a ! b"`},
		{"ConditionExpression", "size() = :v", `token: ")", near: "() ="`},
		{"ProjectionExpression", "a,", `token: "<EOF>", near: ","`},
		{"ProjectionExpression", "a, :v", `token: ":v", near: ", :v"`},
		{"ProjectionExpression", "1a", `token: "1", near: "1a"`},
	} {
		if got, want := message(t, parseKind(c.kind, c.text)), "Invalid "+c.kind+": Syntax error; "+c.want; got != want {
			t.Errorf("%s: got %q, want %q", c.text, got, want)
		}
	}
}
