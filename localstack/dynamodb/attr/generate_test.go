package attr

import (
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// rat returns n for comparison with arithmetic that is exact by other means.
func (n Number) rat(t interface{ Fatalf(string, ...any) }) *big.Rat {
	r, ok := new(big.Rat).SetString(n.String())
	if !ok {
		t.Fatalf("%q is no number", n.String())
	}
	return r
}

func mustNumber(t testing.TB, text string) Number {
	t.Helper()
	n, err := ParseNumber(text)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return n
}

// numbers draws storable numbers, with many small ones and many at the limits of precision.
func numbers() *rapid.Generator[Number] {
	return rapid.Custom(func(t *rapid.T) Number {
		digits := rapid.OneOf(rapid.StringMatching(`[0-9]{1,3}`), rapid.StringMatching(`10{0,5}[01]{0,3}`), rapid.StringMatching(`[1-9][0-9]{0,37}`), rapid.Just(strings.Repeat("9", 38))).Draw(t, "digits")
		low := max(minExponent, -rapid.SampledFrom([]int{0, 3, 40, 130}).Draw(t, "spread"))
		exp := rapid.IntRange(low, min(-low+1, maxExponent-len(digits)+1)).Draw(t, "exp")
		sign := rapid.SampledFrom([]string{"", "-"}).Draw(t, "sign")
		n, err := ParseNumber(sign + digits + "e" + Number{lo: uint64(max(exp, -exp)), neg: exp < 0}.normal().String())
		if err != nil {
			t.Fatalf("%s e%d: %v", digits, exp, err)
		}
		return n
	})
}

// values draws values of every kind that nest up to depth levels below.
func values(depth int) *rapid.Generator[Value] {
	text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[ab\x00\xff"\\]{0,3}`))
	bytes := rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 6), func(b []byte) string { return string(b) })
	generators := []*rapid.Generator[Value]{
		rapid.Map(text, String),
		rapid.Map(numbers(), Num),
		rapid.Map(bytes, Binary),
		rapid.Map(rapid.Bool(), Bool),
		rapid.Just(Null()),
		rapid.Map(rapid.SliceOfN(rapid.StringN(1, 4, -1), 1, 5), func(s []string) Value { return StringSet(s...) }),
		rapid.Map(rapid.SliceOfN(numbers(), 1, 5), func(n []Number) Value { return NumberSet(n...) }),
		rapid.Map(rapid.SliceOfN(rapid.StringN(1, 4, -1), 1, 5), func(s []string) Value { return BinarySet(s...) }),
	}
	if depth > 0 {
		generators = append(generators,
			rapid.Map(rapid.SliceOfN(values(depth-1), 0, 4), List),
			rapid.Map(items(depth-1), Map))
	}
	return rapid.OneOf(generators...)
}

func items(depth int) *rapid.Generator[Item] {
	return rapid.Custom(func(t *rapid.T) Item {
		return Item(rapid.MapOfN(rapid.StringN(0, 3, -1), values(depth), 0, 4).Draw(t, "item"))
	})
}
