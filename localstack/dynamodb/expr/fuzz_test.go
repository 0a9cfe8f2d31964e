package expr

import (
	"testing"

	"github.com/parley-chat/parley/localstack/dynamodb/attr"
)

// A parser may refuse a text, but only by a ValidationException; what it takes can be bound and evaluated.

func FuzzCondition(f *testing.F) {
	for _, seed := range []string{"a = :1", "NOT (a < b OR #n IN (:1, l[0])) AND begins_with(s, :te)", "size(m.k) BETWEEN :1 AND :2", "attribute_type(a, :S)", "((a))", "a=b=c", "contains(l,:x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseCondition(text)
		if message(t, err) != "" {
			return
		}
		bound, err := c.Bind(bindings(t))
		if message(t, err) != "" {
			return
		}
		it := item(t, conditionItem)
		bound.Eval(it)
		bound.Eval(nil)
		if !attr.EqualItems(it, item(t, conditionItem)) {
			t.Fatalf("%q changed the item", text)
		}
	})
}

func FuzzUpdate(f *testing.F) {
	for _, seed := range []string{"SET a = b, b = a", "SET l[9] = list_append(l, :l) REMOVE l[0], m.k ADD a :1 DELETE ss :ss", "SET #m.n = if_not_exists(m.n, :0) + :1", "set a=(b", "REMOVE m.l[0].x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		old := item(t, updateItem)
		got, err := apply(t, text, old)
		if !attr.EqualItems(old, item(t, updateItem)) {
			t.Fatalf("%q changed the old item", text)
		}
		if message(t, err) != "" {
			return
		}
		back, err := attr.ParseItem(attr.AppendItem(nil, got))
		if err != nil || !attr.EqualItems(got, back) {
			t.Fatalf("%q left %s, %v", text, attr.AppendItem(nil, got), err)
		}
		if got.Size() != back.Size() {
			t.Fatalf("%q left %d bytes that are %d", text, got.Size(), back.Size())
		}
	})
}

func FuzzProjection(f *testing.F) {
	for _, seed := range []string{"a.b, l[0]", "#dot,a.c.d , l[2].y,l[2].x", "l[3][1]", "a,,b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParseProjection(text)
		if message(t, err) != "" {
			return
		}
		bound, err := p.Bind(bindings(t))
		if message(t, err) != "" {
			return
		}
		it := item(t, projectionItem)
		once := bound.Project(it)
		if once.Size() > it.Size() {
			t.Fatalf("%q: %s is larger than the item", text, attr.AppendItem(nil, once))
		}
	})
}

func FuzzKeyCondition(f *testing.F) {
	for _, seed := range []string{"pk = :x AND sk > :1", "begins_with(sk, :te) AND :x = pk", "(pk=:x) AND sk BETWEEN :1 AND :2", "pk = :x OR sk = :1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, kind := range []attr.Kind{attr.None, attr.S, attr.N, attr.B} {
			r, err := resolve(text, bindings(t), kind)
			if message(t, err) == "" {
				r.Holds(attr.String("x"))
				r.Interval(attr.AppendKey(nil, r.Hash))
			}
		}
	})
}
