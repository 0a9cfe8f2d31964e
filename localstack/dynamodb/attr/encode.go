package attr

import "encoding/base64"

// AppendItem appends the wire form of an item, an object of values by name, in no particular order.
func AppendItem(dst []byte, it Item) []byte {
	dst = append(dst, '{')
	for name, v := range it {
		dst = AppendMember(dst, name)
		dst = AppendJSON(dst, v)
	}
	return append(dst, '}')
}

// AppendJSON appends the wire form of a value, {"S":"text"}; null for no value.
func AppendJSON(dst []byte, v Value) []byte {
	switch v.kind {
	case None:
		return append(dst, "null"...)
	case S:
		dst = append(dst, `{"S":`...)
		dst = AppendString(dst, v.text)
	case N:
		dst = append(dst, `{"N":`...)
		dst = appendQuotedNumber(dst, v.Number())
	case B:
		dst = append(dst, `{"B":`...)
		dst = appendBlob(dst, v.text)
	case BOOL:
		if v.flag {
			return append(dst, `{"BOOL":true}`...)
		}
		return append(dst, `{"BOOL":false}`...)
	case NULL:
		return append(dst, `{"NULL":true}`...)
	case M:
		dst = append(dst, `{"M":`...)
		dst = AppendItem(dst, v.item)
	case L:
		dst = append(dst, `{"L":`...)
		dst = AppendArray(dst, v.many.list, AppendJSON)
	case SS:
		dst = append(dst, `{"SS":`...)
		dst = AppendArray(dst, v.many.strings, AppendString)
	case NS:
		dst = append(dst, `{"NS":`...)
		dst = AppendArray(dst, v.many.numbers, appendQuotedNumber)
	case BS:
		dst = append(dst, `{"BS":`...)
		dst = AppendArray(dst, v.many.strings, appendBlob)
	}
	return append(dst, '}')
}

// AppendArray appends an array.
func AppendArray[T any](dst []byte, elems []T, element func([]byte, T) []byte) []byte {
	dst = append(dst, '[')
	for i, e := range elems {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = element(dst, e)
	}
	return append(dst, ']')
}

func appendQuotedNumber(dst []byte, n Number) []byte {
	dst = append(dst, '"')
	dst = n.AppendText(dst)
	return append(dst, '"')
}

func appendBlob(dst []byte, raw string) []byte {
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, []byte(raw))
	return append(dst, '"')
}

// AppendMember appends the name of an object's next member and its colon, behind a comma unless the
// object has just been opened.
func AppendMember(dst []byte, name string) []byte {
	if len(dst) > 0 && dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	dst = AppendString(dst, name)
	return append(dst, ':')
}

// AppendString appends s, which is valid UTF-8, as a JSON string.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[start:i]...)
		dst = appendEscaping(dst, c)
		start = i + 1
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

func appendEscaping(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	}
	const hex = "0123456789abcdef"
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}
