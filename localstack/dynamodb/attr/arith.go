package attr

import (
	"cmp"
	"math/big"
	"math/bits"
)

// Add returns a + b exactly, or the ValidationException for a sum that DynamoDB cannot store. Of a sum
// with more than 38 digits DynamoDB says that it overflows, whatever its magnitude.
func Add(a, b Number) (Number, error) {
	if a.exp < b.exp {
		a, b = b, a
	}
	shift := int(a.exp) - int(b.exp)
	digits := a.Digits() + shift
	switch {
	case a.IsZero():
		return b, nil
	case b.IsZero():
		return a, nil
	case digits <= MaxDigits:
		return addAligned(a, b, shift)
	case digits > MaxDigits+1:
		// The last digit of b stays, and a borrow takes at most one digit away in front.
		return Number{}, Invalid(messageOverflow)
	}
	return addBig(a, b, shift)
}

// Sub returns a - b exactly, like Add.
func Sub(a, b Number) (Number, error) { return Add(a, b.Neg()) }

// Neg returns -n.
func (n Number) Neg() Number {
	n.neg = !n.neg && !n.IsZero()
	return n
}

// addAligned adds when a's coefficient shifted to b's exponent has at most 38 digits: both stay below
// 10^38, and their sum below 2^128.
func addAligned(a, b Number, shift int) (Number, error) {
	sum := Number{exp: b.exp, neg: a.neg}
	ahi, alo := a.scaled(shift)
	var c uint64
	switch {
	case a.neg == b.neg:
		sum.lo, c = bits.Add64(alo, b.lo, 0)
		sum.hi, _ = bits.Add64(ahi, b.hi, c)
	case ahi > b.hi || ahi == b.hi && alo >= b.lo:
		sum.lo, c = bits.Sub64(alo, b.lo, 0)
		sum.hi, _ = bits.Sub64(ahi, b.hi, c)
	default:
		sum.neg = b.neg
		sum.lo, c = bits.Sub64(b.lo, alo, 0)
		sum.hi, _ = bits.Sub64(b.hi, ahi, c)
	}
	return sum.stored()
}

// addBig adds when 128 bits may not hold the sum: a difference of just over 38 digits.
func addBig(a, b Number, shift int) (Number, error) {
	x := a.big()
	x.Mul(x, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(shift)), nil))
	x.Add(x, b.big())
	sum := Number{neg: x.Sign() < 0, exp: b.exp}
	x.Abs(x)
	if len(x.String()) > MaxDigits { // the last digit is b's, which is no zero
		return Number{}, Invalid(messageOverflow)
	}
	sum.lo = new(big.Int).And(x, new(big.Int).SetUint64(^uint64(0))).Uint64()
	sum.hi = new(big.Int).Rsh(x, 64).Uint64()
	return sum.stored()
}

func (n Number) big() *big.Int {
	x := new(big.Int).SetUint64(n.hi)
	x.Lsh(x, 64).Or(x, new(big.Int).SetUint64(n.lo))
	if n.neg {
		x.Neg(x)
	}
	return x
}

// stored normalises the outcome of an addition and checks that DynamoDB can store it.
func (n Number) stored() (Number, error) {
	n = n.normal()
	if hi, lo := bits.Mul64(pow10(19), pow10(19)); n.hi > hi || n.hi == hi && n.lo >= lo { // 10^38
		return Number{}, Invalid(messageOverflow)
	}
	return n, n.check()
}

// Compare returns -1, 0 or 1 as n is less than, equal to or greater than o.
func (n Number) Compare(o Number) int {
	if s := cmp.Compare(n.sign(), o.sign()); s != 0 || n.IsZero() {
		return s
	}
	c := n.compareMagnitude(o)
	if n.neg {
		return -c
	}
	return c
}

func (n Number) sign() int {
	switch {
	case n.IsZero():
		return 0
	case n.neg:
		return -1
	}
	return 1
}

func (n Number) compareMagnitude(o Number) int {
	if n.exp != o.exp {
		if c := cmp.Compare(n.magnitude(), o.magnitude()); c != 0 {
			return c
		}
		// The same magnitude: shifted to the smaller exponent, both have at most 38 digits.
		if n.exp < o.exp {
			o.hi, o.lo = o.scaled(int(o.exp) - int(n.exp))
		} else {
			n.hi, n.lo = n.scaled(int(n.exp) - int(o.exp))
		}
	}
	if c := cmp.Compare(n.hi, o.hi); c != 0 {
		return c
	}
	return cmp.Compare(n.lo, o.lo)
}
