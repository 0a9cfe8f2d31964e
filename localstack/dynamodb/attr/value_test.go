package attr

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestKinds(t *testing.T) {
	t.Parallel()
	for _, k := range []Kind{S, N, B, BOOL, NULL, M, L, SS, NS, BS} {
		if got, ok := KindNamed(k.String()); !ok || got != k {
			t.Errorf("%s: got %s, %v", k, got, ok)
		}
	}
	for _, name := range []string{"", "s", "STRING", "None"} {
		if k, ok := KindNamed(name); ok {
			t.Errorf("%q is %s", name, k)
		}
	}
	if !SS.IsSet() || !NS.IsSet() || !BS.IsSet() || L.IsSet() || S.IsSet() {
		t.Error("IsSet is wrong")
	}
}

// Each accessor answers for its own kind only.
func TestAccessors(t *testing.T) {
	t.Parallel()
	big := mustNumber(t, "12345678901234567890123456789012345678")
	for _, v := range []Value{{}, String("x"), Num(big), Binary("x"), Bool(true), Null(), Map(Item{"a": Null()}), List([]Value{Null()}),
		StringSet("x"), NumberSet(big), BinarySet("x")} {
		k := v.Kind()
		for name, has := range map[string][2]bool{
			"Str":     {v.Str() != "", k == S || k == B},
			"Bool":    {v.Bool(), k == BOOL},
			"Number":  {v.Number() == big, k == N},
			"Item":    {len(v.Item()) == 1, k == M},
			"List":    {len(v.List()) == 1, k == L},
			"Strings": {len(v.Strings()) == 1, k == SS || k == BS},
			"Numbers": {len(v.Numbers()) == 1, k == NS},
			"Len":     {v.Len() == 1, k == S || k == B || k == M || k == L || k.IsSet()},
			"Exists":  {v.Exists(), k != None},
		} {
			if has[0] != has[1] {
				t.Errorf("%s of %#v is %v", name, v, has[0])
			}
		}
	}
	if v := Num(Number{}.Neg()); v.Bool() || v.Number() != (Number{}) {
		t.Error("zero has a sign")
	}
	if Int(-1).Bool() {
		t.Error("a number is true")
	}
}

func TestSizes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		v    Value
		want int
	}{
		{String(""), 0}, {String("añ"), 3}, {Binary("\x00\x01"), 2}, {Bool(false), 1}, {Null(), 1}, {Int(100), 2},
		{List(nil), 3}, {Map(nil), 3},
		{List([]Value{String("ab"), Null()}), 3 + 1 + 2 + 1 + 1},
		{Map(Item{"key": String("ab")}), 3 + 1 + 3 + 2},
		{Map(Item{"k": List([]Value{Int(1)})}), 3 + 1 + 1 + (3 + 1 + 2)},
		{StringSet("a", "bc", "a"), 3}, {BinarySet("a", "bc"), 3}, {NumberSet(IntNumber(1), IntNumber(123)), 2 + 3},
	} {
		if got := c.v.Size(); got != c.want {
			t.Errorf("%#v: got %d bytes, want %d", c.v, got, c.want)
		}
	}
	if got := (Item{"id": String("abc"), "n": Int(7)}).Size(); got != 2+3+1+2 {
		t.Errorf("item: got %d bytes", got)
	}
}

func TestDepth(t *testing.T) {
	t.Parallel()
	v := String("leaf")
	for range MaxDepth - 1 {
		v = Map(Item{"n": List([]Value{v}).List()[0]})
	}
	if err := (Item{"a": v}).CheckDepth(); err != nil {
		t.Errorf("31 maps around a leaf: %v", err)
	}
	for name, deeper := range map[string]Value{"a map": Map(Item{"n": v}), "a list": List([]Value{Null(), v})} {
		if err := (Item{"b": Null(), "a": deeper}).CheckDepth(); err == nil || err.Error() != tooDeep().Message {
			t.Errorf("32 levels around a leaf, the last %s: %v", name, err)
		}
	}
}

func TestSets(t *testing.T) {
	t.Parallel()
	small := rapid.SliceOfN(rapid.SampledFrom([]string{"1", "2", "3", "4", "5", "0.5"}), 1, 6)
	rapid.Check(t, func(t *rapid.T) {
		a, b := small.Draw(t, "a"), small.Draw(t, "b")
		for _, set := range []func(...string) Value{StringSet, BinarySet, numberSetOf} {
			checkSets(t, set, a, b)
		}
	})
	if StringSet().Exists() || BinarySet().Exists() || NumberSet().Exists() {
		t.Error("an empty set exists")
	}
}

func numberSetOf(texts ...string) Value {
	var numbers []Number
	for _, text := range texts {
		n, _ := ParseNumber(text)
		numbers = append(numbers, n)
	}
	return NumberSet(numbers...)
}

func checkSets(t *rapid.T, set func(...string) Value, a, b []string) {
	onlyA := slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
	if got, want := Union(set(a...), set(b...)), set(append(slices.Clone(b), a...)...); !Equal(got, want) {
		t.Fatalf("union of %v and %v: %#v", a, b, got)
	}
	if got, want := Difference(set(a...), set(b...)), set(onlyA...); !Equal(got, want) {
		t.Fatalf("%v without %v: %#v", a, b, got)
	}
	for _, elem := range append(a, b...) {
		one := set(elem)
		member := String(elem)
		if one.Kind() == BS {
			member = Binary(elem)
		} else if one.Kind() == NS {
			member = Num(one.Numbers()[0])
		}
		if set(a...).Has(member) != slices.Contains(a, elem) {
			t.Fatalf("%v has %s is wrong", a, elem)
		}
		if set(a...).Has(Bool(true)) || set(a...).Has(one) {
			t.Fatalf("%v has what it cannot have", a)
		}
	}
}

func TestEqual(t *testing.T) {
	t.Parallel()
	parse := func(text string) Value {
		v, err := ParseValue([]byte(text))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		return v
	}
	for _, pair := range [][2]string{
		{`{"N":"1.0"}`, `{"N":"1"}`}, {`{"N":"100"}`, `{"N":"1e2"}`}, {`{"SS":["a","b"]}`, `{"SS":["b","a"]}`},
		{`{"NS":["1","2"]}`, `{"NS":["2.0","1"]}`}, {`{"BS":["AA==","AQ=="]}`, `{"BS":["AQ==","AA=="]}`},
		{`{"L":[{"M":{"a":{"N":"1"},"b":{"NULL":true}}}]}`, `{"L":[{"M":{"b":{"NULL":true},"a":{"N":"1.00"}}}]}`},
		{`{"NULL":true}`, `{"NULL":false}`},
	} {
		if !Equal(parse(pair[0]), parse(pair[1])) {
			t.Errorf("%s is not %s", pair[0], pair[1])
		}
	}
	for _, pair := range [][2]string{
		{`{"S":"1"}`, `{"N":"1"}`}, {`{"S":"a"}`, `{"B":"YQ=="}`}, {`{"BOOL":true}`, `{"BOOL":false}`}, {`{"N":"1"}`, `{"N":"-1"}`},
		{`{"SS":["a"]}`, `{"BS":["YQ=="]}`}, {`{"SS":["a"]}`, `{"L":[{"S":"a"}]}`}, {`{"L":[{"S":"a"},{"S":"b"}]}`, `{"L":[{"S":"b"},{"S":"a"}]}`},
		{`{"M":{"a":{"S":"x"}}}`, `{"M":{"b":{"S":"x"}}}`}, {`{"M":{"a":{"S":"x"}}}`, `{"M":{"a":{"S":"y"}}}`}, {`{"M":{}}`, `{"L":[]}`},
		{`{"N":"10000000000000000000000000000000000001"}`, `{"N":"10000000000000000000000000000000000002"}`},
		{`{"NS":["1","2"]}`, `{"NS":["1","3"]}`},
	} {
		if Equal(parse(pair[0]), parse(pair[1])) {
			t.Errorf("%s is %s", pair[0], pair[1])
		}
	}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	for _, pair := range [][2]Value{{String("a"), Binary("a")}, {Int(1), String("1")}, {Bool(true), Bool(true)}, {Null(), Null()}, {List(nil), List(nil)}, {{}, {}}} {
		if _, ok := Compare(pair[0], pair[1]); ok {
			t.Errorf("%#v and %#v have an order", pair[0], pair[1])
		}
	}
	for _, pair := range [][2]Value{{String("a"), String("ab")}, {String("Z"), String("a")}, {String("\uffff"), String("😀")}, {Binary("\x7f"), Binary("\x80")}, {Int(9), Int(10)}, {Int(-10), Int(-9)}} {
		if order, ok := Compare(pair[0], pair[1]); !ok || order != -1 {
			t.Errorf("%#v before %#v: got %d, %v", pair[0], pair[1], order, ok)
		}
	}
}
