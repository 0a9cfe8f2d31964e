package attr

import (
	"slices"
	"strings"
)

// StringSet returns an SS of the elements, each once; without elements no value.
func StringSet(elems ...string) Value { return textSet(SS, elems) }

// BinarySet returns a BS of the elements' raw bytes, each once; without elements no value.
func BinarySet(elems ...string) Value { return textSet(BS, elems) }

// NumberSet returns an NS of the elements, each once; without elements no value.
func NumberSet(elems ...Number) Value {
	if len(elems) == 0 {
		return Value{}
	}
	sorted := slices.Clone(elems)
	slices.SortFunc(sorted, Number.Compare)
	return numberSet(slices.Compact(sorted))
}

func textSet(kind Kind, elems []string) Value {
	if len(elems) == 0 {
		return Value{}
	}
	sorted := slices.Clone(elems)
	slices.Sort(sorted)
	return sortedSet(kind, slices.Compact(sorted))
}

// sortedSet returns the set of elements that are sorted and distinct, or no value.
func sortedSet(kind Kind, elems []string) Value {
	if len(elems) == 0 {
		return Value{}
	}
	v := Value{kind: kind, many: &many{strings: elems}}
	for _, s := range elems {
		v.size += uint32(len(s))
	}
	return v
}

func numberSet(elems []Number) Value {
	if len(elems) == 0 {
		return Value{}
	}
	v := Value{kind: NS, many: &many{numbers: elems}}
	for _, n := range elems {
		v.size += uint32(n.Size())
	}
	return v
}

// Union returns the set of the elements of a and b, which are sets of one kind.
func Union(a, b Value) Value {
	if a.kind == NS {
		return numberSet(merge(a.many.numbers, b.many.numbers, Number.Compare, true))
	}
	return sortedSet(a.kind, merge(a.many.strings, b.many.strings, strings.Compare, true))
}

// Difference returns the set of the elements of a that are not in b, sets of one kind; no value if none is left.
func Difference(a, b Value) Value {
	if a.kind == NS {
		return numberSet(merge(a.many.numbers, b.many.numbers, Number.Compare, false))
	}
	return sortedSet(a.kind, merge(a.many.strings, b.many.strings, strings.Compare, false))
}

// merge walks two sorted slices: their union, or what is in a alone.
func merge[T any](a, b []T, compare func(T, T) int, union bool) []T {
	out := make([]T, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		c := compare(a[0], b[0])
		switch {
		case c < 0:
			out, a = append(out, a[0]), a[1:]
		case c > 0:
			if union {
				out = append(out, b[0])
			}
			b = b[1:]
		default:
			if union {
				out = append(out, a[0])
			}
			a, b = a[1:], b[1:]
		}
	}
	out = append(out, a...)
	if union {
		out = append(out, b...)
	}
	return out
}

// Has reports whether the set v contains elem, a value of the set's element kind.
func (v Value) Has(elem Value) bool {
	var found bool
	switch {
	case v.kind == SS && elem.kind == S, v.kind == BS && elem.kind == B:
		_, found = slices.BinarySearch(v.many.strings, elem.text)
	case v.kind == NS && elem.kind == N:
		_, found = slices.BinarySearchFunc(v.many.numbers, elem.Number(), Number.Compare)
	}
	return found
}
