package gateway

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// selection is a compiled route selection expression (developer guide,
// websocket-api-route-selection-expressions).
type selection struct {
	parts []selectionPart
}

// selectionPart is literal text, or the value at a path of the message.
type selectionPart struct {
	literal string
	path    []step
}

const requestBody = "request.body"

// parseSelection compiles the forms that the service knows: $request.body.action,
// ${request.body.service}/${request.body.action}, static text, and \$default for a literal dollar.
func parseSelection(expr string) (*selection, error) {
	s := &selection{}
	for rest := expr; rest != ""; {
		at := strings.IndexAny(rest, `$\`)
		if at != 0 {
			if at < 0 {
				at = len(rest)
			}
			s.addLiteral(rest[:at])
			rest = rest[at:]
			continue
		}
		if rest[0] == '\\' {
			n := min(2, len(rest))
			s.addLiteral(rest[1:n])
			rest = rest[n:]
			continue
		}
		ref, after := cutReference(rest[1:])
		path, err := parseReference(ref)
		if err != nil {
			return nil, fmt.Errorf("route selection expression %q: %w", expr, err)
		}
		s.parts = append(s.parts, selectionPart{path: path})
		rest = after
	}
	return s, nil
}

func (s *selection) addLiteral(text string) {
	s.parts = append(s.parts, selectionPart{literal: text})
}

// cutReference splits what follows a dollar into the reference and the rest.
func cutReference(s string) (ref, rest string) {
	if strings.HasPrefix(s, "{") {
		ref, rest, _ = strings.Cut(s[1:], "}")
		return ref, rest
	}
	end := strings.IndexFunc(s, func(r rune) bool {
		return !strings.ContainsRune("._-[]", r) && (r < '0' || '9' < r) && (r < 'A' || 'Z' < r) && (r < 'a' || 'z' < r)
	})
	if end < 0 {
		end = len(s)
	}
	return s[:end], s[end:]
}

// parseReference turns request.body.a[0].b into a path.
func parseReference(ref string) ([]step, error) {
	tail, ok := strings.CutPrefix(ref, requestBody+".")
	if !ok || tail == "" {
		return nil, fmt.Errorf("$%s does not begin with $%s", ref, requestBody)
	}
	var path []step
	for _, name := range strings.Split(tail, ".") {
		name, indexes, _ := strings.Cut(name, "[")
		if name == "" {
			return nil, fmt.Errorf("$%s has an empty name", ref)
		}
		path = append(path, step{name: name})
		for indexes != "" {
			digits, rest, closed := strings.Cut(indexes, "]")
			n, err := strconv.Atoi(digits)
			if !closed || err != nil || n < 0 {
				return nil, fmt.Errorf("$%s has a bad index", ref)
			}
			path = append(path, step{index: n})
			indexes = strings.TrimPrefix(rest, "[")
		}
	}
	return path, nil
}

// key evaluates the expression on a message. ok is false when the message is not JSON, which selects $default
// whatever the expression says. The result is appended to dst.
func (s *selection) key(dst, body []byte) (key []byte, ok bool) {
	checked := false
	for _, p := range s.parts {
		if p.path == nil {
			dst = append(dst, p.literal...)
			continue
		}
		value, found, valid := jsonFind(body, p.path)
		if !valid {
			return dst, false
		}
		checked = true
		if found {
			dst = appendPlain(dst, value)
		}
	}
	return dst, checked || jsonValid(body)
}

// appendPlain appends a JSON value as the expression language prints it: strings without quotes, null as
// nothing, arrays as [item1, item2], anything else as written.
func appendPlain(dst, value []byte) []byte {
	switch value[0] {
	case '"':
		return unescape(dst, value[1:len(value)-1])
	case 'n':
		return dst
	case '[':
		return appendPlainArray(dst, value)
	}
	return append(dst, value...)
}

func appendPlainArray(dst, value []byte) []byte {
	dst = append(dst, '[')
	s := scanner{b: value, i: 1}
	for first := true; ; first = false {
		s.space()
		if s.eat(']') {
			return append(dst, ']')
		}
		if !first {
			s.eat(',')
			s.space()
			dst = append(dst, ", "...)
		}
		start := s.i
		s.any(-1)
		dst = appendPlain(dst, bytes.TrimSpace(value[start:s.i]))
	}
}
