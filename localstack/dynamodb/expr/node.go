package expr

import "github.com/parley-chat/parley/localstack/dynamodb/attr"

// op is the operator, function or sort of operand at a node.
type op uint8

const (
	opInvalid op = iota
	// Operands.
	opPath
	opValue
	opSize
	opPlus
	opMinus
	opIfNotExists
	opListAppend
	// Conditions.
	opAnd
	opOr
	opNot
	opEqual
	opNotEqual
	opLess
	opAtMost
	opGreater
	opAtLeast
	opBetween
	opIn
	opExists
	opNotExists
	opType
	opBeginsWith
	opContains
)

// String returns the operator as AWS names it in messages.
func (o op) String() string {
	return [...]string{"", "path", "value", "size", "+", "-", "if_not_exists", "list_append", "AND", "OR", "NOT",
		"=", "<>", "<", "<=", ">", ">=", "BETWEEN", "IN",
		"attribute_exists", "attribute_not_exists", "attribute_type", "begins_with", "contains"}[o]
}

// isCondition reports whether o yields true or false rather than a value.
func (o op) isCondition() bool { return o >= opAnd }

// node is an operand or a condition.
type node struct {
	op     op
	parens bool // stands in parentheses
	slot   int32
	path   path
	args   []*node
}

// checkOperand refuses an operand that names a placeholder which the request does not define.
func (e *env) checkOperand(n *node) *attr.Error {
	if n.op == opPath {
		return e.checkNames(n.path)
	}
	if n.op == opValue && !e.boundValues[n.slot].Exists() {
		return e.undefinedValue(n.slot)
	}
	return nil
}

// literal returns the kind of a node that is a :value, None for others.
func (e *env) literal(n *node) attr.Kind {
	if n.op != opValue {
		return attr.None
	}
	return e.boundValues[n.slot].Kind()
}

// kinds is a set of attribute kinds.
type kinds uint16

func kindsOf(list ...attr.Kind) kinds {
	var k kinds
	for _, kind := range list {
		k |= 1 << kind
	}
	return k
}

// checkKind refuses a :value that the operator can never take.
func (e *env) checkKind(operator op, n *node, allowed kinds) *attr.Error {
	kind := e.literal(n)
	if kind == attr.None || allowed&(1<<kind) != 0 {
		return nil
	}
	return e.invalid("Incorrect operand type for operator or function; operator or function: %s, operand type: %s", operator, kind)
}
