package attr

import (
	"slices"
	"strings"
)

// Equal reports whether two values are of the same kind and equal: numbers by value, sets in any order.
func Equal(a, b Value) bool {
	if a.kind != b.kind {
		return false
	}
	switch a.kind {
	case M:
		return a.size == b.size && EqualItems(a.item, b.item)
	case L:
		return a.size == b.size && slices.EqualFunc(a.many.list, b.many.list, Equal)
	case SS, BS:
		return slices.Equal(a.many.strings, b.many.strings)
	case NS:
		return slices.Equal(a.many.numbers, b.many.numbers)
	case N:
		return a.Number() == b.Number()
	default:
		return a.text == b.text && a.flag == b.flag
	}
}

// EqualItems reports whether two items have the same names with equal values.
func EqualItems(a, b Item) bool {
	if len(a) != len(b) {
		return false
	}
	for name, v := range a {
		w, ok := b[name]
		if !ok || !Equal(v, w) {
			return false
		}
	}
	return true
}

// Compare orders two values of one kind S (by UTF-8 bytes), N or B (by unsigned bytes). ok is false for
// other kinds and for different ones: they have no order.
func Compare(a, b Value) (order int, ok bool) {
	if a.kind != b.kind {
		return 0, false
	}
	switch a.kind {
	case S, B:
		return strings.Compare(a.text, b.text), true
	case N:
		return a.Number().Compare(b.Number()), true
	default:
		return 0, false
	}
}
