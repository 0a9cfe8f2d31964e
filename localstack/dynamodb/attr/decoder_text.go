package attr

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// text consumes a string, whose quote is next, and returns it unescaped: a part of the document if it
// has no escapes, else the scratch buffer.
func (d *Decoder) text() []byte {
	rest := d.buf[d.pos+1:]
	for i, c := range rest {
		switch {
		case c == '"':
			d.pos += i + 2
			return rest[:i]
		case c == '\\':
			return d.escapedText(rest, i)
		case c < ' ':
			d.fail("")
			return nil
		}
	}
	d.fail("")
	return nil
}

// escapedText unescapes rest, of which the first n bytes are plain.
func (d *Decoder) escapedText(rest []byte, n int) []byte {
	d.scratch = append(d.scratch[:0], rest[:n]...)
	for n < len(rest) {
		switch c := rest[n]; {
		case c == '"':
			d.pos += n + 2
			return d.scratch
		case c < ' ':
			d.fail("")
			return nil
		case c == '\\':
			var size int
			d.scratch, size = appendEscape(d.scratch, rest[n:])
			if size == 0 {
				d.fail("")
				return nil
			}
			n += size
		default:
			d.scratch = append(d.scratch, c)
			n++
		}
	}
	d.fail("")
	return nil
}

// appendEscape appends what the escape sequence at the start of esc stands for, and returns its length
// in bytes, 0 if it is none.
func appendEscape(dst, esc []byte) ([]byte, int) {
	if len(esc) < 2 {
		return dst, 0
	}
	if esc[1] == 'u' {
		return appendUnicodeEscape(dst, esc)
	}
	i := bytes.IndexByte([]byte(`"\/bfnrt`), esc[1])
	if i < 0 {
		return dst, 0
	}
	return append(dst, "\"\\/\b\f\n\r\t"[i]), 2
}

// appendUnicodeEscape reads \uXXXX, or two of them that form a surrogate pair. Half a pair is no text.
func appendUnicodeEscape(dst, esc []byte) ([]byte, int) {
	r, ok := hexRune(esc)
	if !ok {
		return dst, 0
	}
	if !utf16.IsSurrogate(r) {
		return utf8.AppendRune(dst, r), 6
	}
	low, ok := hexRune(esc[6:])
	if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
		return dst, 0
	}
	return utf8.AppendRune(dst, r), 12
}

// hexRune reads \uXXXX.
func hexRune(esc []byte) (rune, bool) {
	if len(esc) < 6 || esc[0] != '\\' || esc[1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range esc[2:6] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
