package expr

import "github.com/parley-chat/parley/localstack/dynamodb/attr"

// BoundCondition is a Condition with a request's names and values.
type BoundCondition struct {
	root *node
	env  env
}

// Bind resolves the placeholders and checks what can be checked without an item. Binding a nil Condition
// gives a nil BoundCondition, which every item meets.
func (c *Condition) Bind(b Bindings) (*BoundCondition, error) {
	if c == nil {
		return nil, nil
	}
	bound := &BoundCondition{root: c.root, env: c.bind(b)}
	if err := bound.env.checkCondition(c.root); err != nil {
		return nil, err
	}
	return bound, nil
}

// checkCondition checks predicate by predicate in the order of the text, as AWS does.
func (e *env) checkCondition(n *node) *attr.Error {
	if n.op == opAnd || n.op == opOr || n.op == opNot {
		for _, arg := range n.args {
			if err := e.checkCondition(arg); err != nil {
				return err
			}
		}
		return nil
	}
	for _, arg := range n.args {
		if err := e.checkConditionOperand(arg); err != nil {
			return err
		}
	}
	if err := e.checkDistinct(n); err != nil {
		return err
	}
	return e.checkPredicate(n)
}

// checkConditionOperand checks a path, a value, or size() of one.
func (e *env) checkConditionOperand(n *node) *attr.Error {
	if n.op != opSize {
		return e.checkOperand(n)
	}
	if err := e.checkConditionOperand(n.args[0]); err != nil {
		return err
	}
	return e.checkKind(opSize, n.args[0], kindsOf(attr.S, attr.B, attr.SS, attr.NS, attr.BS, attr.L, attr.M))
}

// checkDistinct refuses a predicate that compares a path with itself.
func (e *env) checkDistinct(n *node) *attr.Error {
	first := n.args[0]
	for _, arg := range n.args[1:] {
		if first.op == opPath && arg.op == opPath && len(first.path) == len(arg.path) && e.clash(first.path, arg.path) == "overlap" {
			return e.invalid("The first operand must be distinct from the remaining operands for this operator or function; operator: %s, first operand: %s",
				n.op, e.show(first.path))
		}
	}
	return nil
}

func (e *env) checkPredicate(n *node) *attr.Error {
	switch n.op {
	case opLess, opAtMost, opGreater, opAtLeast:
		return e.checkKinds(n, kindsOf(attr.S, attr.N, attr.B))
	case opBetween:
		if err := e.checkKinds(n, kindsOf(attr.S, attr.N, attr.B)); err != nil {
			return err
		}
		return e.checkBounds(n.args[1], n.args[2])
	case opBeginsWith:
		return e.checkKinds(n, kindsOf(attr.S, attr.B))
	case opExists, opNotExists:
		return e.checkIsPath(n.op, n.args[0])
	case opType:
		return e.checkTypeName(n.args[1])
	default:
		return nil // the others take anything
	}
}

// checkIsPath refuses an operand that is no document path where the operator needs one.
func (e *env) checkIsPath(operator op, n *node) *attr.Error {
	if n.op == opPath {
		return nil
	}
	return e.invalid("Operator or function requires a document path; operator or function: %s", operator)
}

func (e *env) checkKinds(n *node, allowed kinds) *attr.Error {
	for _, arg := range n.args {
		if err := e.checkKind(n.op, arg, allowed); err != nil {
			return err
		}
	}
	return nil
}

// checkBounds refuses bounds of BETWEEN that no value can lie between, if both are given as :values.
func (e *env) checkBounds(low, high *node) *attr.Error {
	if low.op != opValue || high.op != opValue {
		return nil
	}
	a, b := e.boundValues[low.slot], e.boundValues[high.slot]
	var problem string
	switch order, comparable := attr.Compare(a, b); {
	case !comparable:
		problem = "requires same data type for lower and upper bounds"
	case order > 0:
		problem = "requires upper bound to be greater than or equal to lower bound"
	default:
		return nil
	}
	return e.invalid("The BETWEEN operator %s; lower bound operand: AttributeValue: {%s}, upper bound operand: AttributeValue: {%s}",
		problem, showScalar(a), showScalar(b))
}

// showScalar writes an S, N or B as AWS does in messages: "N:5".
func showScalar(v attr.Value) string {
	text := v.Str()
	if v.Kind() == attr.N {
		text = v.Number().String()
	}
	return v.Kind().String() + ":" + text
}

// checkTypeName checks the second operand of attribute_type.
func (e *env) checkTypeName(n *node) *attr.Error {
	if n.op != opValue {
		return e.invalid("Incorrect operand type for operator or function; operator or function: attribute_type, operand type: {NS,SS,L,BS,N,M,B,BOOL,NULL,S}")
	}
	if err := e.checkKind(opType, n, kindsOf(attr.S)); err != nil {
		return err
	}
	name := e.boundValues[n.slot].Str()
	if _, ok := attr.KindNamed(name); !ok {
		return e.invalid("Invalid attribute type name found; type: %s, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}", name)
	}
	return nil
}
