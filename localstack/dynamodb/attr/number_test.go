package attr

import (
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseNumber(t *testing.T) {
	t.Parallel()
	zeros := func(n int) string { return strings.Repeat("0", n) }
	nines := strings.Repeat("9", 38)
	for text, want := range map[string]string{
		"0":                                      "0",
		"-0":                                     "0",
		"+0":                                     "0",
		"0.000":                                  "0",
		"0e125":                                  "0",
		"0e-130":                                 "0",
		"000":                                    "0",
		"-0.0e5":                                 "0",
		"1":                                      "1",
		"+1":                                     "1",
		"-1":                                     "-1",
		"007":                                    "7",
		"100":                                    "100",
		"1.50":                                   "1.5",
		".5":                                     "0.5",
		"5.":                                     "5",
		"-.25":                                   "-0.25",
		"1e2":                                    "100",
		"1E+2":                                   "100",
		"1e-2":                                   "0.01",
		"12.5e1":                                 "125",
		"0042.1200":                              "42.12",
		"-17.4E3":                                "-17400",
		"9223372036854775808":                    "9223372036854775808",
		"18446744073709551616":                   "18446744073709551616",
		"10000000000000000000000000000000000001": "10000000000000000000000000000000000001",
		nines:                                    nines,
		"-" + nines:                              "-" + nines,
		nines + zeros(88):                        nines + zeros(88),
		zeros(50) + "1" + zeros(3):               "1000",
		"1e125":                                  "1" + zeros(125),
		"1e-130":                                 "0." + zeros(129) + "1",
		"1" + zeros(200) + "e-200":               "1",
		"0." + zeros(200) + "1e201":              "1",
		"9." + strings.Repeat("9", 37) + "e125":  nines + zeros(88),
	} {
		n, err := ParseNumber(text)
		if err != nil || n.String() != want {
			t.Errorf("%s: got %s, %v; want %s", text, n, err, want)
		}
	}
}

func TestParseNumberRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                  messageNotNumber + ": ",
		" 1":                                messageNotNumber + ":  1",
		"1 ":                                messageNotNumber + ": 1 ",
		"abc":                               messageNotNumber + ": abc",
		"-":                                 messageNotNumber + ": -",
		".":                                 messageNotNumber + ": .",
		"1.2.3":                             messageNotNumber + ": 1.2.3",
		"1e":                                messageNotNumber + ": 1e",
		"1e+":                               messageNotNumber + ": 1e+",
		"0x10":                              messageNotNumber + ": 0x10",
		"NaN":                               messageNotNumber + ": NaN",
		"--1":                               messageNotNumber + ": --1",
		"e5":                                messageNotNumber + ": e5",
		"1_0":                               messageNotNumber + ": 1_0",
		"Infinity":                          messageNotNumber + ": Infinity",
		"1e9223372036854775808":             messageNotNumber + ": 1e9223372036854775808",
		"1e126":                             messageOverflow,
		"10e125":                            messageOverflow,
		"-1e126":                            messageOverflow,
		"0e126":                             messageOverflow,
		"1e9223372036854775807":             messageOverflow,
		"1e-131":                            messageUnderflow,
		"0.1e-130":                          messageUnderflow,
		"0e-131":                            messageUnderflow,
		"1e-9223372036854775807":            messageUnderflow,
		"1" + strings.Repeat("0", 126):      messageOverflow,
		"1" + strings.Repeat("0", 37) + "1": messageDigits,
		"0.1" + strings.Repeat("2", 38):     messageDigits,
		"1" + strings.Repeat("0", 40) + "1" + strings.Repeat("0", 84): messageDigits,
		strings.Repeat("9", 39): messageDigits,
	} {
		n, err := ParseNumber(text)
		if err == nil || err.Error() != want {
			t.Errorf("%s: got %s, %v; want %s", text, n, err, want)
			continue
		}
		if e := new(Error); !errors.As(err, &e) || e.Type != ValidationException {
			t.Errorf("%s: %T %v is no ValidationException", text, err, err)
		}
	}
}

func TestNumberOfText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := numbers().Draw(t, "n")
		back, err := ParseNumber(n.AppendText(nil))
		if err != nil || back != n {
			t.Fatalf("%s came back as %s, %v", n, back, err)
		}
		if n.Digits() > MaxDigits || n.check() != nil {
			t.Fatalf("%s is not storable", n)
		}
	})
}

func TestInt64(t *testing.T) {
	t.Parallel()
	for _, i := range []int64{0, 1, -1, 10, 1000, 1e18, -1e18, 123456789, math.MaxInt64, math.MinInt64, math.MaxInt64 - 7, math.MinInt64 + 8} {
		n := IntNumber(i)
		if back, ok := n.Int64(); !ok || back != i {
			t.Errorf("%d came back as %d, %v", i, back, ok)
		}
		if want := big.NewInt(i).String(); n.String() != want {
			t.Errorf("%d is written %s", i, n)
		}
	}
	for _, text := range []string{"0.5", "9223372036854775808", "-9223372036854775809", "1e19", "1e125", "1e-130", "18446744073709551616", "99999999999999999999"} {
		if i, ok := mustNumber(t, text).Int64(); ok {
			t.Errorf("%s became %d", text, i)
		}
	}
}

func TestAddExactly(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := numbers().Draw(t, "a"), numbers().Draw(t, "b")
		checkSum(t, a, b, new(big.Rat).Add(a.rat(t), b.rat(t)), Add)
		checkSum(t, a, b, new(big.Rat).Sub(a.rat(t), b.rat(t)), Sub)
	})
}

// checkSum holds an operation against the exact outcome: equal, or refused because it cannot be stored.
func checkSum(t *rapid.T, a, b Number, exact *big.Rat, operation func(a, b Number) (Number, error)) {
	got, err := operation(a, b)
	want, storable := ParseNumber(exact.FloatString(170)) // the last digit of a number is at 10^-167 at least
	if (err == nil) != (storable == nil) {
		t.Fatalf("%s, %s: got %s, %v; want %s, %v", a, b, got, err, exact, storable)
	}
	if err == nil && got != want {
		t.Fatalf("%s, %s: got %s, want %s", a, b, got, want)
	}
}

func TestAddAtTheLimits(t *testing.T) {
	t.Parallel()
	nines := strings.Repeat("9", 38)
	for _, c := range []struct{ a, b, want string }{
		{"1e38", "-1", nines},
		{"-1e38", "1", "-" + nines},
		{"1e38", "1", messageOverflow},
		{nines, "1", "1" + strings.Repeat("0", 38)},
		{nines, nines, messageOverflow}, // 39 digits
		{"5", "5", "10"},
		{"0.1", "0.2", "0.3"},
		{"1e125", "0", "1" + strings.Repeat("0", 125)},
		{"9e125", "9e125", messageOverflow},
		{"9e125", "-9e125", "0"},
		{"1e50", "1", messageOverflow},
		{"1e-130", "-1e-130", "0"},
		{"1.1e-129", "-1e-129", "0." + strings.Repeat("0", 129) + "1"},
		{"1.01e-129", "-1e-129", messageUnderflow},
		{"10000000000000000000000", "1", "10000000000000000000001"},
		{"18446744073709551615", "1", "18446744073709551616"},
	} {
		got, err := Add(mustNumber(t, c.a), mustNumber(t, c.b))
		text := got.String()
		if err != nil {
			text = err.Error()
		}
		if text != c.want {
			t.Errorf("%s + %s: got %s, want %s", c.a, c.b, text, c.want)
		}
	}
}

func TestCompareNumbers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := numbers().Draw(t, "a"), numbers().Draw(t, "b")
		if got, want := a.Compare(b), a.rat(t).Cmp(b.rat(t)); got != want || (a == b) != (want == 0) {
			t.Fatalf("%s with %s: got %d, want %d", a, b, got, want)
		}
	})
}

// The literals and their sizes were measured at the 400 KB limit of AWS: paritysuite/dynamodb-conformance,
// "A number's byte cost".
func TestNumberSize(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"0":                                      1,
		"1":                                      2,
		"12":                                     2,
		"123":                                    3,
		"1234":                                   3,
		"12345678901234567890123456789012345678": 20,
		"0042":                                   2,
		"100":                                    2,
		"1010":                                   3,
		"0.0000001":                              2,
		"1E125":                                  2,
		"1E-100":                                 2,
		"1.5":                                    3,
		"15":                                     2,
		"1.2":                                    3,
		"1.200":                                  3,
		"1.234":                                  4,
		"3.14159":                                5,
		"123456":                                 4,
		"100.5":                                  4,
		"0.15":                                   2,
		"-42":                                    3,
		"-0":                                     1,
	} {
		if got := Num(mustNumber(t, text)).Size(); got != want {
			t.Errorf("%s: got %d bytes, want %d", text, got, want)
		}
	}
}
