package expr

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/parley-chat/parley/localstack/dynamodb/attr"
)

// Eval reports whether the item meets the condition. An item that does not exist is nil. A nil condition
// is always met. Values of different types are unequal and have no order; a path that leads nowhere is
// unequal to everything.
func (b *BoundCondition) Eval(item attr.Item) bool {
	return b == nil || b.env.holds(b.root, item)
}

func (e *env) holds(n *node, item attr.Item) bool {
	switch n.op {
	case opAnd:
		return !slices.ContainsFunc(n.args, func(arg *node) bool { return !e.holds(arg, item) })
	case opOr:
		return slices.ContainsFunc(n.args, func(arg *node) bool { return e.holds(arg, item) })
	case opNot:
		return !e.holds(n.args[0], item)
	default:
		return e.predicate(n, item)
	}
}

// predicate decides what neither AND, OR nor NOT connects.
func (e *env) predicate(n *node, item attr.Item) bool {
	v := e.value(n.args[0], item)
	switch n.op {
	case opExists:
		return v.Exists()
	case opNotExists:
		return !v.Exists()
	case opBetween:
		low, fromOK := attr.Compare(e.value(n.args[1], item), v)
		high, toOK := attr.Compare(v, e.value(n.args[2], item))
		return fromOK && toOK && low <= 0 && high <= 0
	case opIn:
		return slices.ContainsFunc(n.args[1:], func(arg *node) bool { return equal(v, e.value(arg, item)) })
	default:
		return holdsBetween(n.op, v, e.value(n.args[1], item))
	}
}

// holdsBetween decides the predicates of two operands.
func holdsBetween(operator op, v, w attr.Value) bool {
	switch operator {
	case opEqual:
		return equal(v, w)
	case opNotEqual:
		return !equal(v, w)
	case opType:
		return v.Exists() && v.Kind().String() == w.Str()
	case opBeginsWith:
		return isText(v) && v.Kind() == w.Kind() && strings.HasPrefix(v.Str(), w.Str())
	case opContains:
		return contains(v, w)
	default:
		order, ok := attr.Compare(v, w)
		return ok && inOrder(operator, order)
	}
}

// inOrder reports whether operands that compare as order satisfy <, <=, > or >=.
func inOrder(operator op, order int) bool {
	switch operator {
	case opLess:
		return order < 0
	case opAtMost:
		return order <= 0
	case opGreater:
		return order > 0
	case opAtLeast:
		return order >= 0
	default:
		return false
	}
}

func equal(v, w attr.Value) bool { return v.Exists() && attr.Equal(v, w) }

func isText(v attr.Value) bool { return v.Kind() == attr.S || v.Kind() == attr.B }

func contains(v, w attr.Value) bool {
	switch {
	case isText(v):
		return v.Kind() == w.Kind() && strings.Contains(v.Str(), w.Str())
	case v.Kind() == attr.L:
		return slices.ContainsFunc(v.List(), func(elem attr.Value) bool { return equal(elem, w) })
	}
	return v.Has(w)
}

// value returns the value of an operand, or no value.
func (e *env) value(n *node, item attr.Item) attr.Value {
	switch n.op {
	case opPath:
		return e.lookup(item, n.path)
	case opValue:
		return e.boundValues[n.slot]
	case opSize:
		return size(e.value(n.args[0], item))
	default:
		return attr.Value{}
	}
}

// size returns the size of text or a collection as a number; no value for other kinds, and for none.
func size(v attr.Value) attr.Value {
	switch v.Kind() {
	case attr.S:
		return attr.Int(int64(utf8.RuneCountInString(v.Str())))
	case attr.B, attr.M, attr.L, attr.SS, attr.NS, attr.BS:
		return attr.Int(int64(v.Len()))
	default:
		return attr.Value{}
	}
}
