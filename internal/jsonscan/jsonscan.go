// Package jsonscan finds members of JSON documents without decoding the rest: for whoever needs one attribute out of a
// document whose other 99 % concern somebody else.
package jsonscan

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// scanner walks over JSON without decoding it. It accepts some texts that are not JSON.
type scanner struct {
	b []byte
	i int
}

func (s *scanner) space() {
	for s.i < len(s.b) && (s.b[s.i] == ' ' || s.b[s.i] == '\n' || s.b[s.i] == '\t' || s.b[s.i] == '\r') {
		s.i++
	}
}

// next skips white space and returns the next byte without taking it; 0 at the end.
func (s *scanner) next() byte {
	s.space()
	if s.i < len(s.b) {
		return s.b[s.i]
	}
	return 0
}

// take takes a byte that must be c.
func (s *scanner) take(c byte) bool {
	if s.next() != c {
		return false
	}
	s.i++
	return true
}

// str takes a string and returns it with its quotes; nil if there is none.
func (s *scanner) str() []byte {
	if s.next() != '"' {
		return nil
	}
	start := s.i
	for s.i++; s.i < len(s.b); s.i++ {
		rest := s.b[s.i:]
		quote := bytes.IndexByte(rest, '"')
		if quote < 0 {
			break
		}
		escape := bytes.IndexByte(rest[:quote], '\\')
		if escape < 0 {
			s.i += quote + 1
			return s.b[start:s.i]
		}
		s.i += escape + 1 // on the escaped byte; the loop goes past it
	}
	s.i = len(s.b)
	return nil
}

// value takes any value and returns its text; nil at the end of the input.
func (s *scanner) value() []byte {
	switch s.next() {
	case 0:
		return nil
	case '"':
		return s.str()
	case '{', '[':
		return s.nested()
	}
	start := s.i
	for s.i < len(s.b) && bytes.IndexByte([]byte(",]} \n\r\t"), s.b[s.i]) < 0 {
		s.i++
	}
	if s.i == start {
		return nil
	}
	return s.b[start:s.i]
}

// nested takes an object or array by counting brackets.
func (s *scanner) nested() []byte {
	start, depth := s.i, 0
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case '"':
			if s.str() == nil {
				return nil
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		s.i++
		if depth == 0 {
			return s.b[start:s.i]
		}
	}
	return nil
}

// Members calls visit for each member of the object b, until one returns false. The key comes without quotes, the value
// as it is written; it is a part of b. What is no object has no members, and a malformed document ends early: whoever
// needs to refuse it decodes it.
func Members(b []byte, visit func(key string, value []byte) bool) {
	s := scanner{b: b}
	if !s.take('{') {
		return
	}
	for s.next() == '"' {
		key := s.str()
		if key == nil || !s.take(':') {
			return
		}
		value := s.value()
		if value == nil || !visit(Unquote(key), value) || !s.take(',') {
			return
		}
	}
}

// Elements calls visit for each element of the array b, under the same conditions.
func Elements(b []byte, visit func(value []byte)) {
	s := scanner{b: b}
	if !s.take('[') {
		return
	}
	for s.next() != ']' {
		value := s.value()
		if value == nil {
			return
		}
		visit(value)
		if !s.take(',') {
			return
		}
	}
}

// Unquote decodes a string; "" for anything else.
func Unquote(quoted []byte) string {
	if len(quoted) < 2 || quoted[0] != '"' {
		return ""
	}
	if bytes.IndexByte(quoted, '\\') < 0 && utf8.Valid(quoted) {
		return string(quoted[1 : len(quoted)-1])
	}
	var s string
	if json.Unmarshal(quoted, &s) != nil {
		return ""
	}
	return s
}
