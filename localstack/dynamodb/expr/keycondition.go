package expr

import (
	"slices"

	"github.com/parley-chat/parley/localstack/dynamodb/attr"
)

// KeyCondition is a parsed KeyConditionExpression.
type KeyCondition struct {
	symbols
	root *node
}

// BoundKeyCondition is a KeyCondition with a request's names and values, not yet held against a key.
type BoundKeyCondition struct {
	clauses []keyClause
}

// keyClause is a condition on one key attribute: attribute op a, or between a and b.
type keyClause struct {
	attribute string
	op        op
	a, b      attr.Value
}

// ParseKeyCondition parses a KeyConditionExpression.
func ParseKeyCondition(text string) (*KeyCondition, error) {
	c, err := parseCondition("KeyConditionExpression", text)
	if err != nil {
		return nil, err
	}
	return &KeyCondition{symbols: c.symbols, root: c.root}, nil
}

func (k *KeyCondition) uses() *symbols {
	if k == nil {
		return nil
	}
	return &k.symbols
}

// Bind resolves the placeholders and checks what can be checked without a table: AWS does so before it
// looks for the table.
func (k *KeyCondition) Bind(b Bindings) (*BoundKeyCondition, error) {
	e := k.bind(b)
	if err := e.checkCondition(k.root); err != nil {
		return nil, err
	}
	bound := &BoundKeyCondition{}
	if err := bound.collect(&e, k.root); err != nil {
		return nil, err
	}
	return bound, nil
}

// collect adds the clauses at n, which AND connects.
func (b *BoundKeyCondition) collect(e *env, n *node) *attr.Error {
	if n.op == opAnd {
		for _, arg := range n.args {
			if err := b.collect(e, arg); err != nil {
				return err
			}
		}
		return nil
	}
	clause, err := e.keyClause(n)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(b.clauses, func(c keyClause) bool { return c.attribute == clause.attribute }) {
		return e.invalid("KeyConditionExpressions must only contain one condition per key")
	}
	b.clauses = append(b.clauses, clause)
	return nil
}

// keyClause reads one condition, with the attribute on either side.
func (e *env) keyClause(n *node) (keyClause, *attr.Error) {
	c := keyClause{op: n.op}
	if err := checkKeyOperator(n); err != nil {
		return c, err
	}
	operands := make([]attr.Value, 0, 2)
	for i, arg := range n.args {
		switch {
		case arg.op == opValue:
			operands = append(operands, e.boundValues[arg.slot])
		case arg.op != opPath:
			return c, attr.Invalid("KeyConditionExpressions cannot contain nested operations")
		case c.attribute != "":
			return c, attr.Invalid("Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition")
		case len(arg.path) > 1:
			return c, attr.Invalid("KeyConditionExpressions cannot have conditions on nested attributes")
		default:
			c.attribute = e.name(arg.path[0])
			if i == 1 {
				c.op = mirrored(n.op)
			}
		}
	}
	if c.attribute == "" {
		return c, attr.Invalid("Invalid condition in KeyConditionExpression: No key attribute specified")
	}
	c.a, c.b = operands[0], operands[len(operands)-1]
	return c, nil
}

// checkKeyOperator refuses operators that no key condition may have.
func checkKeyOperator(n *node) *attr.Error {
	switch n.op {
	case opOr, opNot, opIn, opNotEqual, opExists, opNotExists, opType, opContains:
		return attr.Invalid("Invalid operator used in KeyConditionExpression: %s", n.op)
	case opBetween, opBeginsWith:
		if n.args[0].op != opPath {
			return attr.Invalid("Invalid condition in KeyConditionExpression: %s operator must have the key attribute as its first operand", n.op)
		}
		return nil
	default:
		return nil
	}
}

// mirrored returns the operator for exchanged operands.
func mirrored(o op) op {
	switch o {
	case opLess:
		return opGreater
	case opAtMost:
		return opAtLeast
	case opGreater:
		return opLess
	case opAtLeast:
		return opAtMost
	default:
		return o
	}
}
