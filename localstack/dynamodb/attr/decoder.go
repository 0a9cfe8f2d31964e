package attr

import (
	"iter"
	"strings"
	"unicode/utf8"
)

// maxNesting bounds the recursion of the scanner. An item of 32 levels takes 66 levels of JSON, and the
// operations put a handful around it.
const maxNesting = 256

// Decoder reads one JSON document, front to back, without reflection. What does not have the expected
// shape is a SerializationException worded as AWS words it; the first one sticks: from then on every
// method returns zero values, loops end, and Err and Finish return it. So a reader checks once, at the
// end. As in AWS's own reader, a member that is null is an absent member, and numbers are not strings.
type Decoder struct {
	buf     []byte
	pos     int
	nesting int
	err     *Error
	invalid *Error // first refusal of an attribute value, taken by Value and Item
	scratch []byte // unescaped text
}

// NewDecoder returns a Decoder of the document, which must not change while it is read. Nothing that
// the Decoder returns refers to it later, except where a method says so.
func NewDecoder(document []byte) *Decoder {
	d := &Decoder{buf: document}
	if !utf8.Valid(document) {
		d.fail("")
	}
	return d
}

// Err returns the first error of shape or syntax, a SerializationException.
func (d *Decoder) Err() error {
	if d.err == nil {
		return nil
	}
	return d.err
}

// Finish checks that nothing but white space follows, and returns Err.
func (d *Decoder) Finish() error {
	if d.err == nil && d.next() != 0 {
		d.fail("")
	}
	return d.Err()
}

func (d *Decoder) fail(message string) {
	if d.err == nil {
		d.err = Malformed(message)
	}
}

// Members ranges over the names of the object that comes next. The loop's body must consume each
// member's value (Skip does that for what is not wanted) and the name is valid only until it does.
// Members that are null are left out.
func (d *Decoder) Members() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		if !d.enter('{', "Unexpected field type", "Unrecognized collection type") {
			return
		}
		for first := true; d.more('}', first); first = false {
			name := d.member()
			if d.err != nil {
				return
			}
			if d.Null() {
				continue
			}
			if !yield(name) {
				return
			}
		}
	}
}

// Elements ranges over the indexes of the array that comes next. The loop's body must consume each element.
func (d *Decoder) Elements() iter.Seq[int] {
	return func(yield func(int) bool) {
		if !d.enter('[', "Unexpected field type", "Start of structure or map found where not expected") {
			return
		}
		for i := 0; d.more(']', i == 0); i++ {
			if !yield(i) {
				return
			}
		}
	}
}

// enter consumes the opening bracket. Another kind of value is refused with the message for scalars or
// the one for the other kind of collection.
func (d *Decoder) enter(open byte, scalar, collection string) bool {
	c := d.next()
	switch {
	case d.err != nil:
		return false
	case c == open:
		d.pos++
		d.nesting++
		if d.nesting > maxNesting {
			d.fail("")
		}
		return d.err == nil
	case c == '{' || c == '[':
		d.fail(collection)
	case c != 0 && strings.IndexByte(`"-0123456789tfn`, c) >= 0:
		d.fail(scalar)
	default:
		d.fail("")
	}
	return false
}

// more reports whether another member or element follows, past its comma; else it consumes the closing bracket.
func (d *Decoder) more(closing byte, first bool) bool {
	c := d.next()
	switch {
	case d.err != nil:
		return false
	case c == closing:
		d.pos++
		d.nesting--
		return false
	case first:
		return true
	case c != ',':
		d.fail("")
		return false
	}
	d.pos++
	return true
}

// member consumes a member's name and colon.
func (d *Decoder) member() []byte {
	if d.next() != '"' {
		d.fail("")
		return nil
	}
	name := d.text()
	if d.next() != ':' {
		d.fail("")
		return nil
	}
	d.pos++
	return name
}

// next skips white space and returns the next byte without consuming it, 0 at the end or after an error.
func (d *Decoder) next() byte {
	if d.err != nil {
		return 0
	}
	for d.pos < len(d.buf) {
		switch c := d.buf[d.pos]; c {
		case ' ', '\t', '\n', '\r':
			d.pos++
		case 0:
			d.fail("")
			return 0
		default:
			return c
		}
	}
	return 0
}

// Null consumes a null, if that comes next.
func (d *Decoder) Null() bool { return d.next() == 'n' && d.literal("null") }

func (d *Decoder) literal(word string) bool {
	end := d.pos + len(word)
	if end > len(d.buf) || string(d.buf[d.pos:end]) != word {
		d.fail("")
		return false
	}
	d.pos = end
	return true
}

// Bool consumes true or false.
func (d *Decoder) Bool() bool {
	switch d.next() {
	case 't':
		return d.literal("true")
	case 'f':
		d.literal("false")
	case '"':
		d.fail("Unexpected token received from parser")
	default:
		d.mismatch("Boolean")
	}
	return false
}

// Int consumes a whole number. A fraction is cut off, as AWS does; exponents and what exceeds 18 digits are refused.
func (d *Decoder) Int() int64 {
	if c := d.next(); c != '-' && (c < '0' || c > '9') {
		if c == '"' {
			d.fail("STRING_VALUE cannot be converted to Integer")
		}
		d.mismatch("Integer")
		return 0
	}
	text := d.number()
	whole := text
	for i, c := range text {
		if c == '.' {
			whole = text[:i]
			break
		}
	}
	n, ok := parseSmall(whole)
	i, fits := n.Int64()
	if d.err != nil || !ok || !fits {
		d.fail("")
		return 0
	}
	return i
}

// Text consumes a string.
func (d *Decoder) Text() string { return string(d.Bytes()) }

// Bytes consumes a string. The text is valid until the next call of any method and must not be changed.
func (d *Decoder) Bytes() []byte {
	if d.next() != '"' {
		d.mismatch("String")
		return nil
	}
	return d.text()
}

// mismatch words the refusal of what comes next where the given Java type was expected.
func (d *Decoder) mismatch(class string) {
	switch c := d.next(); {
	case c == 't' && d.literal("true"):
		d.fail("TRUE_VALUE cannot be converted to " + class)
	case c == 'f' && d.literal("false"):
		d.fail("FALSE_VALUE cannot be converted to " + class)
	case c == '{':
		d.fail("Start of structure or map found where not expected")
	case c == '[':
		d.fail("Unrecognized collection type class java.lang." + class)
	case c == '-' || c >= '0' && c <= '9':
		kind := "NUMBER_VALUE"
		for _, b := range d.number() {
			if b == '.' {
				kind = "DECIMAL_VALUE"
			}
		}
		d.fail(kind + " cannot be converted to " + class)
	default:
		d.fail("")
	}
}

// number consumes a JSON number and returns its text.
func (d *Decoder) number() []byte {
	start := d.pos
	d.accept("-")
	whole := d.pos
	ok := d.digits() > 0 && (d.buf[whole] != '0' || d.pos == whole+1)
	if ok && d.accept(".") {
		ok = d.digits() > 0
	}
	if ok && d.accept("eE") {
		d.accept("+-")
		ok = d.digits() > 0
	}
	if !ok {
		d.fail("")
		return nil
	}
	return d.buf[start:d.pos]
}

func (d *Decoder) accept(set string) bool {
	for i := range len(set) {
		if d.pos < len(d.buf) && d.buf[d.pos] == set[i] {
			d.pos++
			return true
		}
	}
	return false
}

func (d *Decoder) digits() int {
	start := d.pos
	for d.pos < len(d.buf) && d.buf[d.pos]-'0' <= 9 {
		d.pos++
	}
	return d.pos - start
}

// Skip consumes any value.
func (d *Decoder) Skip() {
	switch d.next() {
	case '{':
		d.enter('{', "", "")
		for first := true; d.more('}', first); first = false {
			d.member()
			d.Skip()
		}
	case '[':
		for range d.Elements() {
			d.Skip()
		}
	case '"':
		d.text()
	case 't':
		d.literal("true")
	case 'f':
		d.literal("false")
	case 'n':
		d.literal("null")
	case 0:
		d.fail("")
	default:
		d.number()
	}
}

// Raw consumes any value and returns its bytes in the document.
func (d *Decoder) Raw() []byte {
	d.next()
	start := d.pos
	d.Skip()
	if d.err != nil {
		return nil
	}
	return d.buf[start:d.pos]
}

// Names consumes an object of strings, such as ExpressionAttributeNames.
func (d *Decoder) Names() map[string]string {
	names := make(map[string]string)
	for name := range d.Members() {
		key := string(name)
		names[key] = d.Text()
	}
	return names
}
