package expr

import (
	"cmp"
	"slices"

	"github.com/parley-chat/parley/localstack/dynamodb/attr"
)

// Projection is a parsed ProjectionExpression.
type Projection struct {
	symbols
	paths []path
}

// BoundProjection is a Projection with a request's names.
type BoundProjection struct {
	paths []path
	env   env
}

// ParseProjection parses a ProjectionExpression.
func ParseProjection(text string) (*Projection, error) {
	p, err := newParser("ProjectionExpression", text)
	if err != nil {
		return nil, err
	}
	paths := []path{p.parsePath()}
	for p.take(',') {
		paths = append(paths, p.parsePath())
	}
	if err := p.finish(); err != nil {
		return nil, err
	}
	return &Projection{symbols: p.symbols, paths: paths}, nil
}

func (p *Projection) uses() *symbols {
	if p == nil {
		return nil
	}
	return &p.symbols
}

// Bind resolves the placeholders and checks the paths. Binding a nil Projection gives a nil
// BoundProjection, which keeps everything.
func (p *Projection) Bind(b Bindings) (*BoundProjection, error) {
	if p == nil {
		return nil, nil
	}
	bound := &BoundProjection{paths: p.paths, env: p.bind(b)}
	for _, path := range p.paths {
		if err := bound.env.checkNames(path); err != nil {
			return nil, err
		}
	}
	if err := bound.env.checkDisjoint(len(p.paths), func(i int) path { return p.paths[i] }); err != nil {
		return nil, err
	}
	return bound, nil
}

// Names returns the top-level attributes that the projection reads, possibly twice: what an index must
// hold to answer it.
func (b *BoundProjection) Names() []string {
	if b == nil {
		return nil
	}
	names := make([]string, len(b.paths))
	for i, path := range b.paths {
		names[i] = b.env.name(path[0])
	}
	return names
}

// Project returns the part of the item that the projection names: maps with those names only, lists with
// those elements only, in their order. What does not exist is left out, an item of nothing is empty.
func (b *BoundProjection) Project(item attr.Item) attr.Item {
	if b == nil || item == nil {
		return item
	}
	return b.env.projectMap(item, b.paths, 0)
}

// projectMap projects a map onto paths that go through it up to depth.
func (e *env) projectMap(item attr.Item, paths []path, depth int) attr.Item {
	out := make(attr.Item, len(paths))
	for i, p := range paths {
		name := e.name(p[depth])
		if _, done := out[name]; done {
			continue
		}
		v := item[name]
		if len(p) > depth+1 {
			v = e.projectChild(v, paths[i:], depth)
		}
		if v.Exists() {
			out[name] = v
		}
	}
	return out
}

// projectList is projectMap for a list.
func (e *env) projectList(list []attr.Value, paths []path, depth int) []attr.Value {
	inOrder := slices.Clone(paths)
	slices.SortStableFunc(inOrder, func(a, b path) int { return cmp.Compare(a[depth].index, b[depth].index) })
	var out []attr.Value
	last := int32(-1)
	for i, p := range inOrder {
		index := p[depth].index
		if index == last || int(index) >= len(list) {
			continue
		}
		last = index
		v := list[index]
		if len(p) > depth+1 {
			v = e.projectChild(v, inOrder[i:], depth)
		}
		if v.Exists() {
			out = append(out, v)
		}
	}
	return out
}

// projectChild projects a child onto all paths that go through it, of which paths[0] is the first. A
// child of which nothing is left is no value.
func (e *env) projectChild(child attr.Value, paths []path, depth int) attr.Value {
	var group []path
	for _, p := range paths {
		if e.sameStep(p[depth], paths[0][depth]) {
			group = append(group, p)
		}
	}
	if paths[0][depth+1].isIndex() {
		if list := e.projectList(child.List(), group, depth+1); len(list) > 0 {
			return attr.List(list)
		}
	} else if item := e.projectMap(child.Item(), group, depth+1); len(item) > 0 {
		return attr.Map(item)
	}
	return attr.Value{}
}
