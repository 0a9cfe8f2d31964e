package expr

import (
	"maps"
	"slices"

	"github.com/parley-chat/parley/localstack/dynamodb/attr"
)

const (
	messageNoAttribute = "The provided expression refers to an attribute that does not exist in the item"
	messageBadPath     = "The document path provided in the update expression is invalid for update"
	messageBadOperand  = "An operand in the update expression has an incorrect data type"
)

// edit puts a value at a path, or takes away what is there (no value).
type edit struct {
	path  path
	value attr.Value
}

// Apply returns the item as the update leaves it. The old item stays as it is, and shares with the new one
// what did not change. All operands are read from the old item, and indexes of lists refer to it. If there
// is none, pass its key attributes, which operands may then read, or nil, and add them yourself. The checks
// of item size, key attributes and index keys are the caller's too.
func (b *BoundUpdate) Apply(old attr.Item) (attr.Item, error) {
	if b == nil {
		return old, nil
	}
	edits := make([]edit, 0, len(b.actions))
	for _, a := range b.actions {
		if old == nil && a.verb == verbRemove {
			continue // AWS takes any path here, though it refuses those that lead nowhere in an item
		}
		value, err := b.env.outcome(a, old)
		if err != nil {
			return nil, err
		}
		edits = append(edits, edit{a.path, value})
	}
	item, err := b.env.editMap(old, edits, 0)
	if err != nil {
		return nil, err
	}
	if err := item.CheckDepth(); err != nil {
		return nil, err
	}
	return item, nil
}

// outcome returns what an action leaves at its path, no value for nothing.
func (e *env) outcome(a action, old attr.Item) (attr.Value, error) {
	switch a.verb {
	case verbSet:
		return e.compute(a.value, old)
	case verbAdd:
		return e.add(e.lookup(old, a.path), e.boundValues[a.value.slot])
	case verbDelete:
		return e.subtract(e.lookup(old, a.path), e.boundValues[a.value.slot])
	default:
		return attr.Value{}, nil
	}
}

// add returns the outcome of ADD: a sum, a union, or the operand if nothing was there.
func (e *env) add(existing, operand attr.Value) (attr.Value, error) {
	switch {
	case !existing.Exists():
		return operand, nil
	case existing.Kind() != operand.Kind():
		return attr.Value{}, attr.Invalid(messageBadOperand)
	case operand.Kind() == attr.N:
		return number(attr.Add(existing.Number(), operand.Number()))
	}
	return attr.Union(existing, operand), nil
}

// subtract returns the outcome of DELETE. A set that becomes empty is no value.
func (e *env) subtract(existing, operand attr.Value) (attr.Value, error) {
	switch {
	case !existing.Exists():
		return existing, nil
	case existing.Kind() != operand.Kind():
		return attr.Value{}, attr.Invalid(messageBadOperand)
	}
	return attr.Difference(existing, operand), nil
}

func number(n attr.Number, err error) (attr.Value, error) {
	if err != nil {
		return attr.Value{}, err
	}
	return attr.Num(n), nil
}

// compute returns the value of a SET action's right side.
func (e *env) compute(n *node, old attr.Item) (attr.Value, error) {
	switch n.op {
	case opPath:
		v := e.lookup(old, n.path)
		if !v.Exists() {
			return v, attr.Invalid(messageNoAttribute)
		}
		return v, nil
	case opValue:
		return e.boundValues[n.slot], nil
	case opIfNotExists:
		if v := e.lookup(old, n.args[0].path); v.Exists() {
			return v, nil
		}
		return e.compute(n.args[1], old)
	default:
		return e.computeBoth(n, old)
	}
}

// computeBoth returns the value of +, - or list_append.
func (e *env) computeBoth(n *node, old attr.Item) (attr.Value, error) {
	left, err := e.compute(n.args[0], old)
	if err != nil {
		return left, err
	}
	right, err := e.compute(n.args[1], old)
	if err != nil {
		return right, err
	}
	return combine(n.op, left, right)
}

func combine(operator op, left, right attr.Value) (attr.Value, error) {
	want := attr.N
	if operator == opListAppend {
		want = attr.L
	}
	if left.Kind() != want || right.Kind() != want {
		return attr.Value{}, attr.Invalid(messageBadOperand)
	}
	switch operator {
	case opListAppend:
		return attr.List(slices.Concat(left.List(), right.List())), nil
	case opMinus:
		return number(attr.Sub(left.Number(), right.Number()))
	default:
		return number(attr.Add(left.Number(), right.Number()))
	}
}

// editMap returns a copy of a map with the edits, whose paths go through it up to depth.
func (e *env) editMap(old attr.Item, edits []edit, depth int) (attr.Item, error) {
	out := make(attr.Item, len(old)+len(edits))
	maps.Copy(out, old)
	for i, ed := range edits {
		name := e.name(ed.path[depth])
		switch {
		case len(ed.path) > depth+1:
			if e.seen(edits[:i], ed.path[depth], depth) {
				continue
			}
			child, err := e.editChild(old[name], edits[i:], depth)
			if err != nil {
				return nil, err
			}
			out[name] = child
		case ed.value.Exists():
			out[name] = ed.value
		default:
			delete(out, name)
		}
	}
	return out, nil
}

// editList is editMap for a list. Values beyond its end are appended in the order of their indexes.
func (e *env) editList(old []attr.Value, edits []edit, depth int) ([]attr.Value, error) {
	out := append(make([]attr.Value, 0, len(old)+len(edits)), old...)
	var beyond []edit
	for i, ed := range edits {
		index := int(ed.path[depth].index)
		switch {
		case len(ed.path) > depth+1:
			if e.seen(edits[:i], ed.path[depth], depth) {
				continue
			}
			if index >= len(old) {
				return nil, attr.Invalid(messageBadPath)
			}
			child, err := e.editChild(old[index], edits[i:], depth)
			if err != nil {
				return nil, err
			}
			out[index] = child
		case index < len(old):
			out[index] = ed.value
		case ed.value.Exists():
			beyond = append(beyond, ed)
		}
	}
	out = slices.DeleteFunc(out, func(v attr.Value) bool { return !v.Exists() })
	slices.SortFunc(beyond, func(a, b edit) int { return int(a.path[depth].index) - int(b.path[depth].index) })
	for _, ed := range beyond {
		out = append(out, ed.value)
	}
	return out, nil
}

// editChild applies to a child all edits that go through it, of which edits[0] is the first.
func (e *env) editChild(child attr.Value, edits []edit, depth int) (attr.Value, error) {
	group := edits[:1:1]
	for _, ed := range edits[1:] {
		if e.sameStep(ed.path[depth], edits[0].path[depth]) {
			group = append(group, ed)
		}
	}
	intoList := edits[0].path[depth+1].isIndex()
	switch {
	case intoList && child.Kind() == attr.L:
		list, err := e.editList(child.List(), group, depth+1)
		return attr.List(list), err
	case !intoList && child.Kind() == attr.M:
		item, err := e.editMap(child.Item(), group, depth+1)
		return attr.Map(item), err
	}
	return attr.Value{}, attr.Invalid(messageBadPath)
}

// seen reports whether an earlier edit went through the step already, and took the later ones with it.
func (e *env) seen(edits []edit, s step, depth int) bool {
	return slices.ContainsFunc(edits, func(ed edit) bool { return e.sameStep(ed.path[depth], s) })
}

// Touched returns the part of an item at the update's paths: of the old item for UPDATED_OLD, of the new
// one for UPDATED_NEW.
func (b *BoundUpdate) Touched(item attr.Item) attr.Item {
	if b == nil {
		return nil
	}
	paths := make([]path, len(b.actions))
	for i, a := range b.actions {
		paths[i] = a.path
	}
	return b.env.projectMap(item, paths, 0)
}
