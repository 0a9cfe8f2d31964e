package attr

import "math"

// ParseNumber reads a decimal such as "-12.50e3". The error is the ValidationException that DynamoDB
// gives for text that is no number, and for numbers out of its range or precision; zeros at both ends
// are no significant digits. Zero is in range if its exponent is.
func ParseNumber[T ~string | ~[]byte](text T) (Number, error) {
	n, err := parseNumber(text)
	if err != nil {
		return Number{}, err
	}
	return n, nil
}

func parseNumber[T ~string | ~[]byte](text T) (Number, *Error) {
	if n, ok := parseSmall(text); ok {
		return n, nil
	}
	p := numberParser[T]{text: text}
	if !p.parse() {
		return Number{}, Invalid("%s: %s", messageNotNumber, string(text))
	}
	return p.number()
}

// parseSmall reads an integer of up to 18 digits, which nearly every number is.
func parseSmall[T ~string | ~[]byte](text T) (Number, bool) {
	n, i := Number{}, 0
	if len(text) > 0 && text[0] == '-' {
		n.neg, i = true, 1
	}
	if len(text)-i > 18 || len(text) == i {
		return Number{}, false
	}
	for ; i < len(text); i++ {
		d := text[i] - '0'
		if d > 9 {
			return Number{}, false
		}
		n.lo = n.lo*10 + uint64(d)
	}
	return n.normal(), true
}

type numberParser[T ~string | ~[]byte] struct {
	text     T
	pos      int
	n        Number
	digits   int // significant digits in n, which stops growing at 38
	zeros    int // zeros read since the last other digit
	fraction int // digits read after the point
	exponent int64
}

// parse reads the whole text, and reports whether it is a number.
func (p *numberParser[T]) parse() bool {
	if c := p.peek(); c == '-' || c == '+' {
		p.n.neg = c == '-'
		p.pos++
	}
	whole := p.run(p.digit)
	part := 0
	if p.peek() == '.' {
		p.pos++
		part = p.run(p.digit)
		p.fraction = part
	}
	if whole+part == 0 {
		return false
	}
	if c := p.peek(); c == 'e' || c == 'E' {
		p.pos++
		if !p.parseExponent() {
			return false
		}
	}
	return p.pos == len(p.text)
}

func (p *numberParser[T]) parseExponent() bool {
	sign := int64(1)
	if c := p.peek(); c == '-' || c == '+' {
		if c == '-' {
			sign = -1
		}
		p.pos++
	}
	fits := true // AWS reads it as a 64-bit integer
	count := p.run(func(d uint64) {
		fits = fits && p.exponent <= (math.MaxInt64-int64(d))/10
		p.exponent = p.exponent*10 + int64(d)
	})
	p.exponent *= sign
	return count > 0 && fits
}

func (p *numberParser[T]) peek() byte {
	if p.pos < len(p.text) {
		return p.text[p.pos]
	}
	return 0
}

// run passes the digits from here on to each and returns how many there were.
func (p *numberParser[T]) run(each func(uint64)) int {
	start := p.pos
	for p.pos < len(p.text) {
		d := p.text[p.pos] - '0'
		if d > 9 {
			break
		}
		each(uint64(d))
		p.pos++
	}
	return p.pos - start
}

// digit takes one digit of the coefficient. Zeros wait until another digit shows that they count.
func (p *numberParser[T]) digit(d uint64) {
	if d == 0 {
		if p.digits > 0 {
			p.zeros++
		}
		return
	}
	p.digits += p.zeros + 1
	if p.digits <= MaxDigits {
		for ; p.zeros > 0; p.zeros-- {
			p.n.times10(0)
		}
		p.n.times10(d)
	}
	p.zeros = 0
}

// number checks the range and returns the number.
func (p *numberParser[T]) number() (Number, *Error) {
	shift := int64(p.zeros - p.fraction)
	if p.digits > 0 {
		shift += int64(p.digits - 1) // from the last digit's magnitude to the first's
	} else {
		shift = 0
	}
	switch {
	case p.exponent > maxExponent-shift:
		return Number{}, Invalid(messageOverflow)
	case p.exponent < minExponent-shift:
		return Number{}, Invalid(messageUnderflow)
	case p.digits > MaxDigits:
		return Number{}, Invalid(messageDigits)
	case p.digits == 0:
		return Number{}, nil
	}
	p.n.exp = int16(p.exponent + int64(p.zeros-p.fraction))
	return p.n, nil
}
