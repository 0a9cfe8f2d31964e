// Package attr holds DynamoDB's attribute values: a compact immutable Value, exact decimals, the JSON
// wire form with a scanner for whole requests, key bytes that sort as DynamoDB sorts, and sizes as
// DynamoDB bills them. It knows nothing of tables, expressions or HTTP.
//
// Values and Items are immutable by convention: nobody changes a map, a slice or a set that a Value
// holds, so old and new images of an item may share what did not change.
package attr

import "strings"

// Kind is the type of a Value, the tag in the wire form.
type Kind uint8

// The kinds. None is the kind of the zero Value: no value at all.
const (
	None Kind = iota
	S
	N
	B
	BOOL
	NULL
	M
	L
	SS
	NS
	BS
)

// String returns the tag as DynamoDB writes it, "S" or "BOOL"; "" for None.
func (k Kind) String() string {
	if k > BS {
		return ""
	}
	return [...]string{"", "S", "N", "B", "BOOL", "NULL", "M", "L", "SS", "NS", "BS"}[k]
}

// IsSet reports whether k is one of the three set kinds.
func (k Kind) IsSet() bool { return k >= SS && k <= BS }

// KindNamed returns the kind with the given tag.
func KindNamed(tag string) (Kind, bool) {
	for k := S; k <= BS; k++ {
		if k.String() == tag {
			return k, true
		}
	}
	return None, false
}

// Item is an item, or the content of a map value: attribute names and their values.
type Item map[string]Value

// Value is one attribute value. The zero Value is no value: its Kind is None. Copying is cheap; the
// accessors return the zero of their type when the kind is another one.
//
// Invariant: two values that are equal have the same fields (numbers normalised, sets sorted).
type Value struct {
	kind Kind
	flag bool   // BOOL: its truth; N: negative
	exp  int16  // N: exponent; M and L: levels below this one
	size uint32 // M, L and sets: billed size, so that Size costs nothing
	lo   uint64 // N: low half of the coefficient
	text string // S; B as raw bytes
	item Item   // M
	many *many  // L, sets, and N with more than 64 bits
}

// many holds what only some kinds need.
type many struct {
	list    []Value  // L
	strings []string // SS and BS, sorted
	numbers []Number // NS, sorted
	hi      uint64   // N: high half of the coefficient
}

// String returns an S value.
func String(s string) Value { return Value{kind: S, text: s} }

// Binary returns a B value of the raw bytes in s.
func Binary(s string) Value { return Value{kind: B, text: s} }

// Bool returns a BOOL value.
func Bool(b bool) Value { return Value{kind: BOOL, flag: b} }

// Null returns the NULL value.
func Null() Value { return Value{kind: NULL} }

// Int returns an N value.
func Int(i int64) Value { return Num(IntNumber(i)) }

// Num returns an N value.
func Num(n Number) Value {
	v := Value{kind: N, flag: n.neg, exp: n.exp, lo: n.lo}
	if n.hi != 0 {
		v.many = &many{hi: n.hi}
	}
	return v
}

// Map returns an M value that holds m; the caller may not change m any more.
func Map(m Item) Value {
	v := Value{kind: M, item: m}
	size := containerOverhead
	for name, e := range m {
		size += elementOverhead + len(name) + e.Size()
		v.exp = max(v.exp, e.levels())
	}
	v.size = uint32(size)
	return v
}

// List returns an L value that holds elems; the caller may not change elems any more.
func List(elems []Value) Value {
	v := Value{kind: L, many: &many{list: elems}}
	size := containerOverhead
	for i := range elems {
		size += elementOverhead + elems[i].Size()
		v.exp = max(v.exp, elems[i].levels())
	}
	v.size = uint32(size)
	return v
}

// Kind returns the type of v.
func (v Value) Kind() Kind { return v.kind }

// Exists reports whether v is a value at all.
func (v Value) Exists() bool { return v.kind != None }

// Str returns the text of an S or the raw bytes of a B.
func (v Value) Str() string { return v.text }

// Bool returns the truth of a BOOL.
func (v Value) Bool() bool { return v.kind == BOOL && v.flag }

// Number returns the number of an N.
func (v Value) Number() Number {
	if v.kind != N {
		return Number{}
	}
	n := Number{lo: v.lo, exp: v.exp, neg: v.flag}
	if v.many != nil {
		n.hi = v.many.hi
	}
	return n
}

// Item returns the content of an M. Do not change it.
func (v Value) Item() Item { return v.item }

// List returns the elements of an L. Do not change them.
func (v Value) List() []Value {
	if v.kind != L {
		return nil
	}
	return v.many.list
}

// Strings returns the elements of an SS, or of a BS as raw bytes, sorted. Do not change them.
func (v Value) Strings() []string {
	if v.kind != SS && v.kind != BS {
		return nil
	}
	return v.many.strings
}

// Numbers returns the elements of an NS, sorted. Do not change them.
func (v Value) Numbers() []Number {
	if v.kind != NS {
		return nil
	}
	return v.many.numbers
}

// Len returns the number of elements of a list, map or set and the length in bytes of an S or B.
// DynamoDB's size() counts the characters of a string instead: see expr.
func (v Value) Len() int {
	switch v.kind {
	case S, B:
		return len(v.text)
	case M:
		return len(v.item)
	case L:
		return len(v.many.list)
	case SS, BS:
		return len(v.many.strings)
	case NS:
		return len(v.many.numbers)
	default:
		return 0
	}
}

// levels returns how deep v is: 1 for a scalar, a set or an empty list, 2 for a list of scalars.
func (v Value) levels() int16 {
	if v.kind == M || v.kind == L {
		return v.exp + 1
	}
	return 1
}

// GoString shows the value in its wire form, for failed tests.
func (v Value) GoString() string {
	var b strings.Builder
	b.Write(AppendJSON(nil, v))
	return b.String()
}
