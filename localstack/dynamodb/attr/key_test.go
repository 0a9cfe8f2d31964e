package attr

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// keyValues draws values of one key kind, alike enough for ties and common prefixes.
func keyValues(kind Kind) *rapid.Generator[Value] {
	switch kind {
	case N:
		return rapid.Map(numbers(), Num)
	case B:
		return rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 2, 'a', 0xFE, 0xFF}), 0, 4), func(b []byte) Value { return Binary(string(b)) })
	default:
		return rapid.Map(rapid.OneOf(rapid.String(), rapid.StringMatching("[\x00\x01ab😀]{0,4}")), String)
	}
}

func TestKeyOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]Kind{S, N, B}).Draw(t, "kind")
		a, b := keyValues(kind).Draw(t, "a"), keyValues(kind).Draw(t, "b")
		want, ok := Compare(a, b)
		ka, kb := AppendKey(nil, a), AppendKey(nil, b)
		if got := bytes.Compare(ka, kb); !ok || got != want {
			t.Fatalf("%#v, %#v: got %d, want %d", a, b, got, want)
		}
		if want != 0 && bytes.HasPrefix(ka, kb) {
			t.Fatalf("the key of %#v begins with that of %#v", a, b)
		}
	})
}

// Two keys of hash and range sort by hash, then range, whatever bytes they hold.
func TestKeyPairs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		hashKind, sortKind := rapid.SampledFrom([]Kind{S, N, B}).Draw(t, "hash"), rapid.SampledFrom([]Kind{S, N, B}).Draw(t, "sort")
		h1, h2 := keyValues(hashKind).Draw(t, "h1"), keyValues(hashKind).Draw(t, "h2")
		r1, r2 := keyValues(sortKind).Draw(t, "r1"), keyValues(sortKind).Draw(t, "r2")
		want, _ := Compare(h1, h2)
		if want == 0 {
			want, _ = Compare(r1, r2)
		}
		if got := bytes.Compare(AppendKey(AppendKey(nil, h1), r1), AppendKey(AppendKey(nil, h2), r2)); got != want {
			t.Fatalf("(%#v, %#v), (%#v, %#v): got %d, want %d", h1, r1, h2, r2, got, want)
		}
	})
}

func TestKeyPrefix(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]Kind{S, B}).Draw(t, "kind")
		v, prefix := keyValues(kind).Draw(t, "v"), keyValues(kind).Draw(t, "prefix")
		want := len(v.Str()) >= len(prefix.Str()) && v.Str()[:len(prefix.Str())] == prefix.Str()
		if got := bytes.HasPrefix(AppendKey(nil, v), AppendKeyPrefix(nil, prefix)); got != want {
			t.Fatalf("%#v begins with %#v: got %v", v, prefix, got)
		}
	})
}

// Numbers whose digits begin alike, in ascending order.
func TestNumberKeys(t *testing.T) {
	t.Parallel()
	var last []byte
	for _, text := range []string{
		"-9.9e125", "-1e38", "-101", "-100.01", "-100", "-10.1", "-10", "-1.0001", "-1", "-0.1", "-1e-130", "0",
		"1e-130", "0.01", "0.1", "0.100001", "1", "1.0001", "1.01", "1.1", "9.9", "10", "10.1", "12", "123", "1234", "12340000001", "1e38", "9.9e125",
	} {
		key := AppendKey(nil, Num(mustNumber(t, text)))
		if bytes.Compare(last, key) >= 0 || last != nil && bytes.HasPrefix(key, last) {
			t.Errorf("%s has the key %x, behind %x", text, key, last)
		}
		last = key
	}
}

func TestKeyOfOtherKinds(t *testing.T) {
	t.Parallel()
	for _, v := range []Value{{}, Bool(true), Null(), List(nil), Map(nil), StringSet("a")} {
		if key := AppendKey(nil, v); len(key) != 0 {
			t.Errorf("%#v has the key %x", v, key)
		}
	}
}
