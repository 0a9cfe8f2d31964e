package expr

import (
	"strconv"
	"strings"

	"github.com/parley-chat/parley/localstack/dynamodb/attr"
)

// path is a document path: a name, then names in maps and indexes in lists.
type path []step

// step is one element of a path.
type step struct {
	name  string // a name as written, or "" for a placeholder
	slot  int32  // the placeholder's position, or -1
	index int32  // the index in a list, or -1 for a name
}

func (s step) isIndex() bool { return s.index >= 0 }

// name returns the attribute name that a step stands for.
func (e *env) name(s step) string {
	if s.slot >= 0 {
		return e.boundNames[s.slot]
	}
	return s.name
}

func (e *env) sameStep(a, b step) bool {
	return a.index == b.index && (a.isIndex() || e.name(a) == e.name(b))
}

// checkNames refuses a path with an undefined placeholder.
func (e *env) checkNames(p path) *attr.Error {
	for _, s := range p {
		if s.slot >= 0 && e.boundNames[s.slot] == "" {
			return e.undefinedName(s.slot)
		}
	}
	return nil
}

// lookup returns what lies at the path, or no value.
func (e *env) lookup(item attr.Item, p path) attr.Value {
	v := item[e.name(p[0])]
	for _, s := range p[1:] {
		if s.isIndex() {
			list := v.List()
			if int(s.index) >= len(list) {
				return attr.Value{}
			}
			v = list[s.index]
		} else {
			v = v.Item()[e.name(s)]
		}
	}
	return v
}

// show writes a path as AWS does in messages: "[a, [0], b]".
func (e *env) show(p path) string {
	parts := make([]string, len(p))
	for i, s := range p {
		if s.isIndex() {
			parts[i] = "[" + strconv.Itoa(int(s.index)) + "]"
		} else {
			parts[i] = e.name(s)
		}
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// checkDisjoint refuses paths of which one contains another, or that take the same value for a list and
// for a map.
func (e *env) checkDisjoint(count int, at func(int) path) *attr.Error {
	for i := range count {
		for j := range i {
			if problem := e.clash(at(j), at(i)); problem != "" {
				return e.invalid("Two document paths %s with each other; must remove or rewrite one of these paths; path one: %s, path two: %s",
					problem, e.show(at(j)), e.show(at(i)))
			}
		}
	}
	return nil
}

// clash says how two paths stand in each other's way: "overlap", "conflict" or "".
func (e *env) clash(a, b path) string {
	for i := range min(len(a), len(b)) {
		if a[i].isIndex() != b[i].isIndex() {
			return "conflict"
		}
		if !e.sameStep(a[i], b[i]) {
			return ""
		}
	}
	return "overlap"
}
