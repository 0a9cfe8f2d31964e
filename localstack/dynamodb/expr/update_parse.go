package expr

// Update is a parsed UpdateExpression.
type Update struct {
	symbols
	actions []action
}

// verb is the section of an update expression that an action stands in.
type verb uint8

const (
	verbSet verb = iota
	verbRemove
	verbAdd
	verbDelete
	verbs
)

func (v verb) String() string { return [...]string{"SET", "REMOVE", "ADD", "DELETE"}[v] }

// action changes what lies at one path.
type action struct {
	verb  verb
	path  path
	value *node // nil for REMOVE
}

// ParseUpdate parses an UpdateExpression.
func ParseUpdate(text string) (*Update, error) {
	p, err := newParser("UpdateExpression", text)
	if err != nil {
		return nil, err
	}
	u := updateParser{parser: p}
	for u.section() {
	}
	if err := p.finish(); err != nil {
		return nil, err
	}
	return &Update{symbols: p.symbols, actions: u.actions}, nil
}

func (u *Update) uses() *symbols {
	if u == nil {
		return nil
	}
	return &u.symbols
}

type updateParser struct {
	*parser
	actions []action
	seen    [verbs]bool
}

// section reads one section, and reports whether another may follow. There has to be at least one.
func (p *updateParser) section() bool {
	v := verbSet
	for ; v < verbs && !p.keyword(v.String()); v++ {
	}
	if v == verbs {
		p.syntaxError()
		return false
	}
	p.next()
	if p.seen[v] {
		p.refuse(rankSection, `The "%s" section can only be used once in an update expression;`, v)
	}
	p.seen[v] = true
	p.actions = append(p.actions, p.parseAction(v))
	for p.take(',') {
		p.actions = append(p.actions, p.parseAction(v))
	}
	return p.peek().kind != endOfText
}

func (p *updateParser) parseAction(v verb) action {
	a := action{verb: v, path: p.parsePath()}
	switch v {
	case verbSet:
		p.expect('=')
		a.value = p.parseSum()
	case verbAdd, verbDelete:
		a.value = p.parseValueRef()
	case verbRemove, verbs: // nothing follows
	}
	return a
}

// parseSum reads an operand, or the sum or difference of two. Only a whole sum may stand in parentheses:
// AWS adds two operands, never three.
func (p *updateParser) parseSum() *node {
	left := p.parseParenthesised(p.parseSum)
	if left.op == opPlus || left.op == opMinus {
		return left
	}
	o := opPlus
	if !p.take('+') {
		if !p.take('-') {
			return left
		}
		o = opMinus
	}
	p.operators++
	return &node{op: o, args: []*node{left, p.parseOperand()}}
}

// parseOperand reads a path, a :value, a function, or one of them in parentheses.
func (p *updateParser) parseOperand() *node { return p.parseParenthesised(p.parseOperand) }

// parseParenthesised reads what inner reads in parentheses, or an operand.
func (p *updateParser) parseParenthesised(inner func() *node) *node {
	switch {
	case p.take('('):
		return p.close(inner())
	case p.peek().kind == valueRef:
		return p.parseValueRef()
	case p.atFunction():
		return p.parseFunction()
	}
	return &node{op: opPath, path: p.parsePath()}
}

func (p *updateParser) parseFunction() *node {
	p.operators++
	name := p.source(p.next())
	n := &node{args: p.parseArguments(p.parseOperand)}
	for _, arg := range n.args {
		if arg.op == opListAppend { // if_not_exists alone may be an operand of a function
			p.refuseUse(arg)
		}
	}
	switch name {
	case "if_not_exists":
		n.op = opIfNotExists
	case "list_append":
		n.op = opListAppend
	default:
		if o, _ := conditionFunction(name); o != opInvalid {
			p.refuse(rankFunction, "The function is not allowed in an update expression; function: %s", name)
		} else {
			p.refuse(rankFunction, "Invalid function name; function: %s", name)
		}
		return n
	}
	p.checkArity(n, 2)
	return n
}
