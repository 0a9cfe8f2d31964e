package expr

import "github.com/parley-chat/parley/localstack/dynamodb/attr"

// BoundUpdate is an Update with a request's names and values.
type BoundUpdate struct {
	actions []action
	env     env
}

// Bind resolves the placeholders and checks what can be checked without an item. Binding a nil Update
// gives a nil BoundUpdate, which changes nothing.
func (u *Update) Bind(b Bindings) (*BoundUpdate, error) {
	if u == nil {
		return nil, nil
	}
	bound := &BoundUpdate{actions: u.actions, env: u.bind(b)}
	if err := bound.check(); err != nil {
		return nil, err
	}
	return bound, nil
}

// Writes reports whether the update changes the attribute or something in it. Key attributes must not be
// changed; AWS refuses that with a message of its own.
func (b *BoundUpdate) Writes(attribute string) bool {
	if b == nil {
		return false
	}
	for _, a := range b.actions {
		if b.env.name(a.path[0]) == attribute {
			return true
		}
	}
	return false
}

// check makes the checks in AWS's order: placeholders, then paths against one another, then operand types.
func (b *BoundUpdate) check() *attr.Error {
	for _, a := range b.actions {
		if err := b.env.checkNames(a.path); err != nil {
			return err
		}
		if err := b.env.walk(a.value, (*env).checkOperand); err != nil {
			return err
		}
	}
	if err := b.env.checkDisjoint(len(b.actions), func(i int) path { return b.actions[i].path }); err != nil {
		return err
	}
	for _, a := range b.actions {
		if err := b.env.checkAction(a); err != nil {
			return err
		}
	}
	return nil
}

// walk checks a value and all that it is made of, from left to right; nil is no value.
func (e *env) walk(n *node, check func(*env, *node) *attr.Error) *attr.Error {
	if n == nil {
		return nil
	}
	for _, arg := range n.args {
		if err := e.walk(arg, check); err != nil {
			return err
		}
	}
	return check(e, n)
}

func (e *env) checkAction(a action) *attr.Error {
	switch a.verb {
	case verbSet:
		return e.walk(a.value, (*env).checkUpdateFunction)
	case verbAdd:
		return e.checkSetOperand(a, kindsOf(attr.N, attr.SS, attr.NS, attr.BS))
	case verbDelete:
		return e.checkSetOperand(a, kindsOf(attr.SS, attr.NS, attr.BS))
	default:
		return nil
	}
}

func (e *env) checkUpdateFunction(n *node) *attr.Error {
	switch n.op {
	case opIfNotExists:
		return e.checkIsPath(n.op, n.args[0])
	case opListAppend:
		return e.checkKinds(n, kindsOf(attr.L))
	case opPlus, opMinus:
		return e.checkKinds(n, kindsOf(attr.N))
	default:
		return nil
	}
}

// checkSetOperand checks the value of ADD or DELETE, where AWS has other words than elsewhere.
func (e *env) checkSetOperand(a action, allowed kinds) *attr.Error {
	kind := e.literal(a.value)
	if allowed&(1<<kind) != 0 {
		return nil
	}
	return e.invalid("Incorrect operand type for operator or function; operator: %s, operand type: %s, typeSet: ALLOWED_FOR_%s_OPERAND",
		a.verb, longKind(kind), a.verb)
}

// longKind is the name that AWS gives a kind in the messages of ADD and DELETE.
func longKind(kind attr.Kind) string {
	switch kind {
	case attr.S:
		return "STRING"
	case attr.N:
		return "NUMBER"
	case attr.B:
		return "BINARY"
	case attr.BOOL:
		return "BOOLEAN"
	case attr.M:
		return "MAP"
	case attr.L:
		return "LIST"
	default:
		return kind.String()
	}
}
