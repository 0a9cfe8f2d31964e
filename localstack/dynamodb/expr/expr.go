// Package expr is DynamoDB's expression language: condition, filter, key condition, update and projection
// expressions over attr.Item.
//
// Work is split by how often it must be done. Parse* depends on the text alone, so its results may be
// cached by text and shared by goroutines. Bind resolves a request's #names and :values and makes every
// check that needs no item; it is done once per request. Evaluation then cannot fail, except for updates,
// whose operands come from the item.
//
// Errors are *attr.Error, ValidationExceptions in AWS's words.
package expr

import (
	"slices"
	"strings"

	"github.com/parley-chat/parley/localstack/dynamodb/attr"
)

// Limits ("Constraints", expression parameters, and "Condition and filter expressions, operators, and
// functions" in the developer guide).
const (
	MaxSize       = 4096 // bytes of an expression as sent
	MaxOperators  = 300  // comparisons, sums and functions in one expression; AND, OR and NOT do not count
	MaxInOperands = 100
)

// Bindings are a request's ExpressionAttributeNames and ExpressionAttributeValues; nil if not given.
type Bindings struct {
	Names  map[string]string
	Values attr.Item
}

// Expression is a parsed expression of any sort. A nil pointer is an expression that was not given.
type Expression interface {
	uses() *symbols
}

// Check refuses maps that are given but empty, and placeholders that no expression could name. AWS does
// this before it looks at any expression.
func (b Bindings) Check() error {
	if err := checkPlaceholders("ExpressionAttributeNames", '#', b.Names); err != nil {
		return err
	}
	return checkPlaceholders("ExpressionAttributeValues", ':', b.Values)
}

func checkPlaceholders[V any](parameter string, sigil byte, given map[string]V) error {
	if given != nil && len(given) == 0 {
		return attr.Invalid("%s must not be empty", parameter)
	}
	for key := range given {
		if len(key) < 2 || key[0] != sigil || wordEnd(key, 1) != len(key) {
			return attr.Invalid(`%s contains invalid key: Syntax error; key: "%s"`, parameter, key)
		}
	}
	return nil
}

// CheckUsed refuses placeholders that none of the request's expressions uses. AWS does this when all of
// them have been bound.
func (b Bindings) CheckUsed(expressions ...Expression) error {
	var names, values [8][]string // of the expressions, which are two or three
	n := 0
	for _, e := range expressions {
		if s := e.uses(); s != nil && n < len(names) {
			names[n], values[n] = s.names, s.values
			n++
		}
	}
	if err := checkUsed("ExpressionAttributeNames", b.Names, names[:n]); err != nil {
		return err
	}
	return checkUsed("ExpressionAttributeValues", b.Values, values[:n])
}

func checkUsed[V any](parameter string, given map[string]V, used [][]string) error {
	var unused []string
	for key := range given {
		if !slices.ContainsFunc(used, func(keys []string) bool { return slices.Contains(keys, key) }) {
			unused = append(unused, key)
		}
	}
	if len(unused) == 0 {
		return nil
	}
	slices.Sort(unused)
	return attr.Invalid("Value provided in %s unused in expressions: keys: {%s}", parameter, strings.Join(unused, ", "))
}

// symbols are the placeholders of one expression; the tree refers to them by position.
type symbols struct {
	kind   string // the request's parameter, "ConditionExpression"
	names  []string
	values []string
}

// intern returns the position of a placeholder, new or not.
func intern(list *[]string, placeholder string) int32 {
	i := slices.Index(*list, placeholder)
	if i < 0 {
		i = len(*list)
		*list = append(*list, placeholder)
	}
	return int32(i)
}

// invalid returns an error that names the expression.
func (s *symbols) invalid(format string, args ...any) *attr.Error {
	return attr.Invalid("Invalid "+s.kind+": "+format, args...)
}

// env is what a request gives for the symbols: "" and no value for what it does not define.
type env struct {
	*symbols
	boundNames  []string
	boundValues []attr.Value
}

func (s *symbols) bind(b Bindings) env {
	e := env{symbols: s}
	if len(s.names) > 0 {
		e.boundNames = make([]string, len(s.names))
		for i, name := range s.names {
			e.boundNames[i] = b.Names[name]
		}
	}
	if len(s.values) > 0 {
		e.boundValues = make([]attr.Value, len(s.values))
		for i, value := range s.values {
			e.boundValues[i] = b.Values[value]
		}
	}
	return e
}

func (e *env) undefinedName(slot int32) *attr.Error {
	return e.invalid("An expression attribute name used in the document path is not defined; attribute name: %s", e.names[slot])
}

func (e *env) undefinedValue(slot int32) *attr.Error {
	return e.invalid("An expression attribute value used in expression is not defined; attribute value: %s", e.values[slot])
}
