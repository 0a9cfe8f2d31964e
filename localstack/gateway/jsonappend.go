package gateway

import (
	"strings"
	"time"
)

const hexDigits = "0123456789abcdef"

// appendString appends s, which must be valid UTF-8, as a JSON string. Text outside ASCII stays as it is.
func appendString[T string | []byte](b []byte, s T) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[start:i]...)
		b = appendEscape(b, c)
		start = i + 1
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

// appendText is appendString for bytes that came from elsewhere (headers, queries): what is not UTF-8 becomes
// U+FFFD.
func appendText(b []byte, s string) []byte {
	return appendString(b, strings.ToValidUTF8(s, "\ufffd"))
}

func appendEscape(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\n':
		return append(b, '\\', 'n')
	case '\r':
		return append(b, '\\', 'r')
	case '\t':
		return append(b, '\\', 't')
	case '\b':
		return append(b, '\\', 'b')
	case '\f':
		return append(b, '\\', 'f')
	}
	return append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}

// field is a name with all its values, as headers and query parameters are.
type field struct {
	name   string
	values []string
}

// appendFields appends fields as an object of the last value of each.
func appendFields(b []byte, fields []field) []byte {
	b = append(b, '{')
	for i, f := range fields {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, f.name)
		b = append(b, ':')
		b = appendText(b, f.values[len(f.values)-1])
	}
	return append(b, '}')
}

// appendMultiFields appends fields as an object of lists.
func appendMultiFields(b []byte, fields []field) []byte {
	b = append(b, '{')
	for i, f := range fields {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, f.name)
		b = append(b, ':', '[')
		for j, v := range f.values {
			if j > 0 {
				b = append(b, ',')
			}
			b = appendText(b, v)
		}
		b = append(b, ']')
	}
	return append(b, '}')
}

// appendTime appends a time as requestContext has it: "19/Feb/2024:07:11:42 +0000".
func appendTime(b []byte, t time.Time) []byte {
	b = append(b, '"')
	b = t.UTC().AppendFormat(b, "02/Jan/2006:15:04:05 -0700")
	return append(b, '"')
}
