package attr

import (
	"math/bits"
	"strconv"
)

// Limits of a DynamoDB number ("Data types" in the developer guide's page on supported data types and
// naming rules): 38 significant digits, magnitudes from 1E-130 to 9.99…E+125.
const (
	MaxDigits   = 38
	maxExponent = 125
	minExponent = -130
)

// Number is an exact decimal: coefficient × 10^exp. The zero Number is 0. Numbers are comparable with
// ==: equal values have equal fields, since the coefficient never ends in a zero digit.
//
// Invariant: the coefficient hi·2^64+lo is below 10^38 (which is below 2^127).
type Number struct {
	hi, lo uint64
	exp    int16
	neg    bool
}

const (
	messageOverflow  = "Number overflow. Attempting to store a number with magnitude larger than supported range"
	messageUnderflow = "Number underflow. Attempting to store a number with magnitude smaller than supported range"
	messageDigits    = "Attempting to store more than 38 significant digits in a Number"
	messageNotNumber = "The parameter cannot be converted to a numeric value"
)

// IntNumber returns the number i.
func IntNumber(i int64) Number {
	n := Number{neg: i < 0, lo: uint64(i)}
	if i < 0 {
		n.lo = -n.lo
	}
	return n.normal()
}

// Int64 returns n as an integer, if it is one in that range.
func (n Number) Int64() (int64, bool) {
	if n.hi != 0 || n.exp < 0 || n.exp > 18 {
		return 0, false
	}
	hi, lo := bits.Mul64(n.lo, pow10(int(n.exp)))
	if hi != 0 || lo > 1<<63 || (lo == 1<<63 && !n.neg) {
		return 0, false
	}
	if n.neg {
		return int64(-lo), true
	}
	return int64(lo), true
}

// IsZero reports whether n is 0.
func (n Number) IsZero() bool { return n.hi|n.lo == 0 }

// Digits returns the number of significant digits, 0 for zero.
func (n Number) Digits() int {
	if n.hi == 0 {
		return digits64(n.lo)
	}
	// hi < 10^38/2^64 < 10^19, so the quotient fits in 64 bits.
	q, _ := bits.Div64(n.hi, n.lo, pow10(19))
	return 19 + digits64(q)
}

// magnitude returns the exponent of the first digit: 0 for 1 to 9.99…, 2 for 100.
func (n Number) magnitude() int { return n.Digits() - 1 + int(n.exp) }

// check refuses what DynamoDB cannot store.
func (n Number) check() error {
	switch m := n.magnitude(); {
	case n.IsZero():
		return nil
	case m > maxExponent:
		return Invalid(messageOverflow)
	case m < minExponent:
		return Invalid(messageUnderflow)
	}
	return nil
}

// normal moves trailing zeros of the coefficient into the exponent.
func (n Number) normal() Number {
	if n.IsZero() {
		return Number{}
	}
	for n.hi != 0 {
		hi, r := bits.Div64(0, n.hi, 10)
		lo, r := bits.Div64(r, n.lo, 10)
		if r != 0 {
			return n
		}
		n.hi, n.lo, n.exp = hi, lo, n.exp+1
	}
	for n.lo%10 == 0 {
		n.lo /= 10
		n.exp++
	}
	return n
}

// times10 multiplies the coefficient by 10 and adds d.
func (n *Number) times10(d uint64) {
	carry, lo := bits.Mul64(n.lo, 10)
	lo, c := bits.Add64(lo, d, 0)
	n.hi, n.lo = n.hi*10+carry+c, lo
}

// scaled returns the coefficient times 10^k; the product must stay below 2^128.
func (n Number) scaled(k int) (hi, lo uint64) {
	hi, lo = n.hi, n.lo
	for k > 0 {
		step := min(k, 19)
		carry, l := bits.Mul64(lo, pow10(step))
		hi, lo = hi*pow10(step)+carry, l
		k -= step
	}
	return hi, lo
}

// AppendText appends n as DynamoDB returns it: no exponent, no superfluous zeros, "-0.5".
func (n Number) AppendText(dst []byte) []byte {
	if n.IsZero() {
		return append(dst, '0')
	}
	if n.neg {
		dst = append(dst, '-')
	}
	if n.hi == 0 && n.exp == 0 {
		return strconv.AppendUint(dst, n.lo, 10)
	}
	var buf [MaxDigits]byte
	digits := n.appendDigits(buf[:0])
	point := len(digits) + int(n.exp) // digits before the decimal point
	if point <= 0 {
		dst = append(dst, "0."...)
		dst = appendZeros(dst, -point)
		return append(dst, digits...)
	}
	if point >= len(digits) {
		dst = append(dst, digits...)
		return appendZeros(dst, point-len(digits))
	}
	dst = append(dst, digits[:point]...)
	dst = append(dst, '.')
	return append(dst, digits[point:]...)
}

// String returns the text of AppendText.
func (n Number) String() string { return string(n.AppendText(nil)) }

// appendDigits appends the coefficient's digits.
func (n Number) appendDigits(dst []byte) []byte {
	if n.hi == 0 {
		return strconv.AppendUint(dst, n.lo, 10)
	}
	q, r := bits.Div64(n.hi, n.lo, pow10(19))
	dst = strconv.AppendUint(dst, q, 10)
	dst = appendZeros(dst, 19-digits64(r))
	if r == 0 {
		return dst
	}
	return strconv.AppendUint(dst, r, 10)
}

func appendZeros(dst []byte, k int) []byte {
	for ; k > 0; k-- {
		dst = append(dst, '0')
	}
	return dst
}

// digits64 counts the decimal digits of u, 0 for 0.
func digits64(u uint64) int {
	// 1233/4096 approximates log10(2) closely enough for 64 bits.
	d := bits.Len64(u) * 1233 >> 12
	if u >= pow10(d) && d < 20 {
		d++
	}
	if u == 0 {
		return 0
	}
	return d
}

// pow10 returns 10^k for k up to 19.
func pow10(k int) uint64 {
	return powersOf10[k]
}

var powersOf10 = [...]uint64{
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9,
	1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
}
