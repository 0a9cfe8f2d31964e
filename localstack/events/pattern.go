package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// pattern is a compiled filter in the language of EventBridge (AWS: "Filter rule syntax", "Comparison operators
// for use in event patterns").
type pattern interface {
	// matches judges a decoded JSON value; found is false when the field is missing.
	matches(value any, found bool) bool
}

// parsePattern compiles one FilterCriteria pattern.
func parsePattern(text string) (pattern, error) {
	value, err := decodeJSON([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("filter %s: %w", text, err)
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("filter %s: not a JSON object", text)
	}
	p, err := compileObject(object)
	if err != nil {
		return nil, fmt.Errorf("filter %s: %w", text, err)
	}
	return p, nil
}

// parsePatterns compiles all filters of a mapping; an event passes when any of them matches.
func parsePatterns(texts []string) (anyOf, error) {
	var all anyOf
	for _, text := range texts {
		p, err := parsePattern(text)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// decodeJSON keeps numbers as written: a literal in a pattern matches the same digits only.
func decodeJSON(text []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errors.New("more than one JSON value")
	}
	return value, nil
}

// anyOf matches when one of its patterns does.
type anyOf []pattern

func (a anyOf) matches(value any, found bool) bool {
	return slices.ContainsFunc(a, func(p pattern) bool { return p.matches(value, found) })
}

// allOf matches when all of its patterns do.
type allOf []pattern

func (a allOf) matches(value any, found bool) bool {
	return !slices.ContainsFunc(a, func(p pattern) bool { return !p.matches(value, found) })
}

// field applies a pattern to one field of an object. In an array it looks at every element, as EventBridge
// does.
type field struct {
	name string
	pattern
}

func (f field) matches(value any, found bool) bool {
	if array, ok := value.([]any); ok {
		return slices.ContainsFunc(array, func(element any) bool { return f.matches(element, true) })
	}
	object, ok := value.(map[string]any)
	if !ok {
		return f.pattern.matches(nil, false)
	}
	inner, has := object[f.name]
	return f.pattern.matches(inner, found && has)
}

// leaf is one comparison. exists applies it to missing fields too.
type leaf struct {
	test   func(any) bool
	absent bool // what a missing field gives
}

func (l leaf) matches(value any, found bool) bool {
	if !found {
		return l.absent
	}
	if array, ok := value.([]any); ok {
		return slices.ContainsFunc(array, func(element any) bool { return l.matches(element, true) })
	}
	return l.test(value)
}

func compileObject(object map[string]any) (pattern, error) {
	if len(object) == 0 {
		return nil, errors.New("empty object")
	}
	var all allOf
	for name, value := range object {
		p, err := compileField(name, value)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

func compileField(name string, value any) (pattern, error) {
	switch v := value.(type) {
	case map[string]any:
		inner, err := compileObject(v)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return field{name, inner}, nil
	case []any:
		if name == "$or" {
			return compileOr(v)
		}
		inner, err := compileRules(v)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return field{name, inner}, nil
	default:
		return nil, fmt.Errorf("%s: a rule must be an array or an object", name)
	}
}

func compileOr(alternatives []any) (pattern, error) {
	var either anyOf
	for _, alternative := range alternatives {
		object, ok := alternative.(map[string]any)
		if !ok {
			return nil, errors.New("$or: not an array of objects")
		}
		p, err := compileObject(object)
		if err != nil {
			return nil, err
		}
		either = append(either, p)
	}
	if len(either) == 0 {
		return nil, errors.New("$or: empty")
	}
	return either, nil
}

func compileRules(rules []any) (pattern, error) {
	if len(rules) == 0 {
		return nil, errors.New("empty rule")
	}
	var either anyOf
	for _, rule := range rules {
		p, err := compileRule(rule)
		if err != nil {
			return nil, err
		}
		either = append(either, p)
	}
	return either, nil
}

func compileRule(rule any) (pattern, error) {
	object, ok := rule.(map[string]any)
	if !ok {
		if _, nested := rule.([]any); nested {
			return nil, errors.New("array in a rule")
		}
		return leaf{test: func(v any) bool { return equalScalar(v, rule) }}, nil
	}
	if len(object) != 1 {
		return nil, errors.New("a comparison has exactly one operator")
	}
	for operator, operand := range object {
		return compileOperator(operator, operand)
	}
	return nil, nil // not reached: the object has one entry
}

func compileOperator(operator string, operand any) (pattern, error) {
	switch operator {
	case "exists":
		want, ok := operand.(bool)
		if !ok {
			return nil, errors.New("exists takes true or false")
		}
		return leaf{test: func(v any) bool { return want == isLeaf(v) }, absent: !want}, nil
	case "prefix", "suffix", "equals-ignore-case":
		test, err := textTest(operator, operand)
		return leaf{test: test}, err
	case "anything-but":
		test, err := anythingBut(operand)
		return leaf{test: test}, err
	case "numeric":
		test, err := numericTest(operand)
		return leaf{test: test}, err
	default:
		return nil, fmt.Errorf("unknown operator %q", operator)
	}
}

// isLeaf: exists works on leaf nodes only (AWS: "Filter rule syntax").
func isLeaf(v any) bool {
	_, object := v.(map[string]any)
	return !object
}

func textTest(operator string, operand any) (func(any) bool, error) {
	want, ok := operand.(string)
	if !ok {
		return nil, fmt.Errorf("%s takes a string", operator)
	}
	return func(v any) bool {
		text, ok := v.(string)
		if !ok {
			return false
		}
		switch operator {
		case "prefix":
			return strings.HasPrefix(text, want)
		case "suffix":
			return strings.HasSuffix(text, want)
		default:
			return strings.EqualFold(text, want)
		}
	}, nil
}

func anythingBut(operand any) (func(any) bool, error) {
	switch o := operand.(type) {
	case []any:
		for _, element := range o {
			if !isText(element) {
				return nil, errors.New("anything-but takes strings and numbers")
			}
		}
		return func(v any) bool {
			return !slices.ContainsFunc(o, func(element any) bool { return equalScalar(v, element) })
		}, nil
	case map[string]any:
		if len(o) == 1 {
			for operator, inner := range o {
				test, err := textTest(operator, inner)
				return func(v any) bool { _, text := v.(string); return text && !test(v) }, err
			}
		}
	default:
		if isText(o) {
			return func(v any) bool { return !equalScalar(v, o) }, nil
		}
	}
	return nil, errors.New("anything-but: unknown operand")
}

func isText(v any) bool {
	switch v.(type) {
	case string, json.Number:
		return true
	}
	return false
}

func equalScalar(a, b any) bool {
	switch b.(type) {
	case nil, string, bool, json.Number:
		return a == b
	}
	return false
}

// numericTest compiles ["=", 1] or [">", 0, "<=", 5].
func numericTest(operand any) (func(any) bool, error) {
	parts, ok := operand.([]any)
	if !ok || len(parts) == 0 || len(parts)%2 != 0 || len(parts) > 4 {
		return nil, errors.New("numeric takes one or two comparisons")
	}
	var tests []func(float64) bool
	for i := 0; i < len(parts); i += 2 {
		operator, _ := parts[i].(string)
		number, ok := toFloat(parts[i+1])
		test := comparison(operator, number)
		if !ok || test == nil {
			return nil, fmt.Errorf("numeric: %v %v", parts[i], parts[i+1])
		}
		tests = append(tests, test)
	}
	return func(v any) bool {
		number, ok := toFloat(v)
		return ok && !slices.ContainsFunc(tests, func(test func(float64) bool) bool { return !test(number) })
	}, nil
}

func comparison(operator string, b float64) func(float64) bool {
	switch operator {
	case "=":
		return func(a float64) bool { return a == b }
	case "<":
		return func(a float64) bool { return a < b }
	case "<=":
		return func(a float64) bool { return a <= b }
	case ">":
		return func(a float64) bool { return a > b }
	case ">=":
		return func(a float64) bool { return a >= b }
	}
	return nil
}

func toFloat(v any) (float64, bool) {
	number, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	f, err := strconv.ParseFloat(number.String(), 64)
	return f, err == nil
}
