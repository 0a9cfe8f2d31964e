package attr

// Bytes of the key encoding. Text ends in 0x00 0x01, and a zero byte within becomes 0x00 0xFF, which
// sorts behind the end: so every encoded value is its own length, and two in a row are unambiguous.
const (
	keyEscape     = 0x00
	keyEnd        = 0x01
	keyZero       = 0xFF
	keyNegative   = 0x01
	keyNumberZero = 0x02
	keyPositive   = 0x03
)

// AppendKey appends bytes for an S, N or B value that compare, among values of one kind, as DynamoDB
// orders them, and that no other value's bytes begin with. Other kinds append nothing. Numbers come
// back as themselves: equal numbers have equal bytes.
func AppendKey(dst []byte, v Value) []byte {
	switch v.kind {
	case S, B:
		return append(appendEscaped(dst, v.text), keyEscape, keyEnd)
	case N:
		return appendNumberKey(dst, v.Number())
	default:
		return dst
	}
}

// AppendKeyPrefix appends the bytes with which the keys of all S or B values begin that begin with v.
func AppendKeyPrefix(dst []byte, v Value) []byte { return appendEscaped(dst, v.text) }

func appendEscaped(dst []byte, text string) []byte {
	for i := range len(text) {
		dst = append(dst, text[i])
		if text[i] == keyEscape {
			dst = append(dst, keyZero)
		}
	}
	return dst
}

// appendNumberKey writes the sign, the magnitude in one byte, then pairs of digits (1 to 100) up to a 0.
// A negative number has all bits after the sign flipped.
func appendNumberKey(dst []byte, n Number) []byte {
	if n.IsZero() {
		return append(dst, keyNumberZero)
	}
	sign, flip := byte(keyPositive), byte(0)
	if n.neg {
		sign, flip = keyNegative, 0xFF
	}
	dst = append(dst, sign, byte(n.magnitude()-minExponent)^flip)
	var buf [MaxDigits + 1]byte
	digits := n.appendDigits(buf[:0])
	if len(digits)%2 == 1 {
		digits = append(digits, '0')
	}
	for i := 0; i < len(digits); i += 2 {
		pair := (digits[i]-'0')*10 + digits[i+1] - '0'
		dst = append(dst, (pair+1)^flip)
	}
	return append(dst, flip)
}
