package gateway

import (
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth is how deep JSON may nest before it counts as not JSON; Jackson, which reads such documents on the
// JVM, stops at 1000 by default.
const maxDepth = 1000

// step is one element of a JSON path: a member name, or an array index when name is "".
type step struct {
	name  string
	index int
}

// jsonValid reports whether b is one JSON text.
func jsonValid(b []byte) bool {
	s := scanner{b: b}
	return s.document(-1)
}

// jsonFind returns the raw value at path in the JSON text b: found says whether it is there, valid whether b
// is JSON at all. Of members with the same name the last counts, as for most parsers.
func jsonFind(b []byte, path []step) (value []byte, found, valid bool) {
	s := scanner{b: b, path: path}
	valid = s.document(0)
	return s.value, s.found && valid, valid
}

// scanner walks a JSON text once, checking it and picking out the value at path, without allocating.
type scanner struct {
	b     []byte
	i     int
	depth int
	path  []step
	value []byte
	found bool
}

func (s *scanner) document(at int) bool {
	s.space()
	if !s.any(at) {
		return false
	}
	s.space()
	return s.i == len(s.b)
}

func (s *scanner) space() {
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return
		}
	}
}

// any reads one value. at is how many steps of the path lead here, or -1 off the path.
func (s *scanner) any(at int) bool {
	if s.i >= len(s.b) {
		return false
	}
	start := s.i
	var ok bool
	switch s.b[s.i] {
	case '{':
		ok = s.object(at)
	case '[':
		ok = s.array(at)
	case '"':
		ok = s.str()
	case 't':
		ok = s.literal("true")
	case 'f':
		ok = s.literal("false")
	case 'n':
		ok = s.literal("null")
	default:
		ok = s.number()
	}
	if ok && at >= 0 && at == len(s.path) {
		s.value, s.found = s.b[start:s.i], true
	}
	return ok
}

func (s *scanner) object(at int) bool {
	if !s.open() {
		return false
	}
	for first := true; ; first = false {
		s.space()
		if first && s.eat('}') {
			break
		}
		start := s.i
		if !s.eatPeek('"') || !s.str() {
			return false
		}
		next := s.follow(at, s.b[start+1:s.i-1])
		s.space()
		if !s.eat(':') {
			return false
		}
		s.space()
		if !s.any(next) {
			return false
		}
		s.space()
		if s.eat('}') {
			break
		}
		if !s.eat(',') {
			return false
		}
	}
	s.depth--
	return true
}

// follow returns the position on the path below a member with this raw name, or -1. An earlier member of the
// same name no longer counts.
func (s *scanner) follow(at int, rawName []byte) int {
	if at < 0 || at >= len(s.path) || s.path[at].name == "" || !sameName(rawName, s.path[at].name) {
		return -1
	}
	s.found, s.value = false, nil
	return at + 1
}

func sameName(raw []byte, name string) bool {
	for _, c := range raw {
		if c == '\\' {
			return string(unescape(nil, raw)) == name
		}
	}
	return string(raw) == name
}

func (s *scanner) array(at int) bool {
	if !s.open() {
		return false
	}
	for n := 0; ; n++ {
		s.space()
		if n == 0 && s.eat(']') {
			break
		}
		next := -1
		if at >= 0 && at < len(s.path) && s.path[at].name == "" && s.path[at].index == n {
			next = at + 1
		}
		if !s.any(next) {
			return false
		}
		s.space()
		if s.eat(']') {
			break
		}
		if !s.eat(',') {
			return false
		}
	}
	s.depth--
	return true
}

func (s *scanner) open() bool {
	s.i++
	s.depth++
	return s.depth <= maxDepth
}

func (s *scanner) eat(c byte) bool {
	if s.eatPeek(c) {
		s.i++
		return true
	}
	return false
}

func (s *scanner) eatPeek(c byte) bool { return s.i < len(s.b) && s.b[s.i] == c }

func (s *scanner) literal(word string) bool {
	if len(s.b)-s.i < len(word) || string(s.b[s.i:s.i+len(word)]) != word {
		return false
	}
	s.i += len(word)
	return true
}

// str reads a string, s.i on its opening quote.
func (s *scanner) str() bool {
	for s.i++; s.i < len(s.b); s.i++ {
		switch c := s.b[s.i]; {
		case c == '"':
			s.i++
			return true
		case c < 0x20:
			return false
		case c == '\\':
			if !s.escape() {
				return false
			}
		}
	}
	return false
}

// escape checks the escape whose backslash s.i is on and leaves s.i on its last byte.
func (s *scanner) escape() bool {
	s.i++
	if s.i >= len(s.b) {
		return false
	}
	switch s.b[s.i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	case 'u':
		_, ok := hex4(s.b[s.i+1:])
		s.i += 4
		return ok
	}
	return false
}

func (s *scanner) number() bool {
	s.eat('-')
	if !s.eat('0') && !s.digits() {
		return false
	}
	if s.eat('.') && !s.digits() {
		return false
	}
	if s.eat('e') || s.eat('E') {
		if !s.eat('+') {
			s.eat('-')
		}
		return s.digits()
	}
	return true
}

func (s *scanner) digits() bool {
	start := s.i
	for s.i < len(s.b) && '0' <= s.b[s.i] && s.b[s.i] <= '9' {
		s.i++
	}
	return s.i > start
}

func hex4(b []byte) (rune, bool) {
	if len(b) < 4 {
		return 0, false
	}
	var r rune
	for _, c := range b[:4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// unescape appends to dst what the inside of a valid JSON string stands for. Half a surrogate pair becomes
// U+FFFD.
func unescape(dst, raw []byte) []byte {
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c != '\\' {
			dst = append(dst, c)
			continue
		}
		i++
		switch c := raw[i]; c {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r, used := codePoint(raw[i+1:])
			dst = utf8.AppendRune(dst, r)
			i += used
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// codePoint reads the four digits after \u, and a second \uXXXX when the two are a surrogate pair.
func codePoint(raw []byte) (r rune, used int) {
	r, _ = hex4(raw)
	if !utf16.IsSurrogate(r) {
		return r, 4
	}
	if len(raw) >= 10 && raw[4] == '\\' && raw[5] == 'u' {
		low, _ := hex4(raw[6:])
		if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
			return pair, 10
		}
	}
	return utf8.RuneError, 4
}
