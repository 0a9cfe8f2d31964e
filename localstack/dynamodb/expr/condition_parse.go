package expr

// Condition is a parsed condition or filter expression.
type Condition struct {
	symbols
	root *node
}

// ParseCondition parses a ConditionExpression.
func ParseCondition(text string) (*Condition, error) {
	return parseCondition("ConditionExpression", text)
}

// ParseFilter parses a FilterExpression.
func ParseFilter(text string) (*Condition, error) { return parseCondition("FilterExpression", text) }

func parseCondition(kind, text string) (*Condition, error) {
	p, err := newParser(kind, text)
	if err != nil {
		return nil, err
	}
	root := p.condition(p.parseOr())
	if err := p.finish(); err != nil {
		return nil, err
	}
	return &Condition{symbols: p.symbols, root: root}, nil
}

func (c *Condition) uses() *symbols {
	if c == nil {
		return nil
	}
	return &c.symbols
}

// The grammar is read with one sort of node for conditions and operands, since an opening parenthesis may
// begin either; condition and operand then insist on one of them.

func (p *parser) parseOr() *node {
	first := p.parseAnd()
	if !p.keyword("OR") {
		return first
	}
	n := &node{op: opOr, args: []*node{p.condition(first)}}
	for p.takeKeyword("OR") {
		n.args = append(n.args, p.condition(p.parseAnd()))
	}
	return n
}

func (p *parser) parseAnd() *node {
	first := p.parseNot()
	if !p.keyword("AND") {
		return first
	}
	n := &node{op: opAnd, args: []*node{p.condition(first)}}
	for p.takeKeyword("AND") {
		n.args = append(n.args, p.condition(p.parseNot()))
	}
	return n
}

func (p *parser) parseNot() *node {
	if p.takeKeyword("NOT") {
		return &node{op: opNot, args: []*node{p.condition(p.parseNot())}}
	}
	return p.parsePredicate()
}

// parsePredicate reads a comparison, BETWEEN or IN, or what else stands alone.
func (p *parser) parsePredicate() *node {
	left := p.parseUnit()
	if o := comparator(p.peek().kind); o != opInvalid {
		p.next()
		p.operators++
		return &node{op: o, args: []*node{p.operand(left), p.parseOperand()}}
	}
	switch {
	case p.takeKeyword("BETWEEN"):
		p.operators++
		n := &node{op: opBetween, args: []*node{p.operand(left), p.parseOperand()}}
		if !p.takeKeyword("AND") {
			p.syntaxError()
		}
		n.args = append(n.args, p.parseOperand())
		return n
	case p.takeKeyword("IN"):
		p.operators++
		n := &node{op: opIn, args: []*node{p.operand(left)}}
		n.args = append(n.args, p.parseArguments(p.parseOperand)...)
		if count := len(n.args) - 1; count > MaxInOperands {
			p.refuse(rankOperands, "The IN operator is provided with too many operands; number of operands: %d", count)
		}
		return n
	}
	return left
}

func comparator(kind tokenKind) op {
	switch kind {
	case '=':
		return opEqual
	case notEqual:
		return opNotEqual
	case '<':
		return opLess
	case atMost:
		return opAtMost
	case '>':
		return opGreater
	case atLeast:
		return opAtLeast
	default:
		return opInvalid
	}
}

// parseUnit reads what cannot be split by operators: a function, an operand, or anything in parentheses.
func (p *parser) parseUnit() *node {
	switch {
	case p.take('('):
		return p.close(p.parseOr())
	case p.peek().kind == valueRef:
		return p.parseValueRef()
	case p.isConditionKeyword():
		p.syntaxError()
		return &node{}
	case p.atFunction():
		return p.parseConditionFunction()
	case p.startsPath():
		return &node{op: opPath, path: p.parsePath()}
	}
	p.syntaxError()
	return &node{}
}

func (p *parser) isConditionKeyword() bool {
	return p.keyword("AND") || p.keyword("OR") || p.keyword("NOT") || p.keyword("BETWEEN") || p.keyword("IN")
}

func (p *parser) parseConditionFunction() *node {
	p.operators++
	name := p.source(p.next())
	operator, arity := conditionFunction(name)
	n := &node{op: operator, args: p.parseArguments(p.parseOperand)}
	switch {
	case operator != opInvalid:
		p.checkArity(n, arity)
	case name == "if_not_exists" || name == "list_append":
		p.refuse(rankFunction, "The function is not allowed in a condition expression; function: %s", name)
	default:
		p.refuse(rankFunction, "Invalid function name; function: %s", name)
	}
	return n
}

func conditionFunction(name string) (operator op, arity int) {
	switch name {
	case "attribute_exists":
		return opExists, 1
	case "attribute_not_exists":
		return opNotExists, 1
	case "attribute_type":
		return opType, 2
	case "begins_with":
		return opBeginsWith, 2
	case "contains":
		return opContains, 2
	case "size":
		return opSize, 1
	}
	return opInvalid, 0
}

func (p *parser) parseOperand() *node { return p.operand(p.parseUnit()) }

// operand insists that n is a value.
func (p *parser) operand(n *node) *node {
	switch {
	case n.op >= opExists:
		p.refuseUse(n)
	case n.op.isCondition():
		p.syntaxError()
	}
	return n
}

// condition insists that n is a condition.
func (p *parser) condition(n *node) *node {
	if n.op == opSize {
		p.refuseUse(n)
	}
	if n.op == opPath || n.op == opValue {
		p.syntaxError()
	}
	return n
}

func (p *parser) refuseUse(n *node) {
	p.refuse(rankMisuse, "The function is not allowed to be used this way in an expression; function: %s", n.op)
}
