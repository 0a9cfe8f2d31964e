package expr

import (
	"slices"
	"testing"

	"github.com/parley-chat/parley/localstack/dynamodb/attr"
)

const projectionItem = `{"pk":{"S":"p"},"a":{"M":{"b":{"S":"bb"},"c":{"M":{"d":{"N":"1"},"e":{"N":"2"}}}}},"x.y":{"N":"7"},
	"l":{"L":[{"S":"l0"},{"S":"l1"},{"M":{"x":{"N":"1"},"y":{"N":"2"}}},{"L":[{"N":"0"},{"N":"1"}]}]},"el":{"L":[]},"em":{"M":{}}}`

func TestProjections(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"pk":                      `{"pk":{"S":"p"}}`,
		"nope":                    `{}`,
		"pk, nope":                `{"pk":{"S":"p"}}`,
		"#dot":                    `{"x.y":{"N":"7"}}`,
		"a":                       `{"a":{"M":{"b":{"S":"bb"},"c":{"M":{"d":{"N":"1"},"e":{"N":"2"}}}}}}`,
		"a.b":                     `{"a":{"M":{"b":{"S":"bb"}}}}`,
		"a.c.d, a.b":              `{"a":{"M":{"b":{"S":"bb"},"c":{"M":{"d":{"N":"1"}}}}}}`,
		"a.c.d, pk, #a.c.e":       `{"pk":{"S":"p"},"a":{"M":{"c":{"M":{"d":{"N":"1"},"e":{"N":"2"}}}}}}`,
		"a.nope":                  `{}`,
		"a.nope, a.b":             `{"a":{"M":{"b":{"S":"bb"}}}}`,
		"a.nope.x, a.c.d":         `{"a":{"M":{"c":{"M":{"d":{"N":"1"}}}}}}`,
		"pk.x":                    `{}`,
		"pk[0]":                   `{}`,
		"a[0]":                    `{}`,
		"l.x":                     `{}`,
		"l[0]":                    `{"l":{"L":[{"S":"l0"}]}}`,
		"l[2], l[0]":              `{"l":{"L":[{"S":"l0"},{"M":{"x":{"N":"1"},"y":{"N":"2"}}}]}}`,
		"l[9]":                    `{}`,
		"l[9], l[1]":              `{"l":{"L":[{"S":"l1"}]}}`,
		"l[2].y, l[3][1], l[2].x": `{"l":{"L":[{"M":{"x":{"N":"1"},"y":{"N":"2"}}},{"L":[{"N":"1"}]}]}}`,
		"l[3][1], l[3][0]":        `{"l":{"L":[{"L":[{"N":"0"},{"N":"1"}]}]}}`,
		"l[0].x":                  `{}`,
		"el":                      `{"el":{"L":[]}}`,
		"em":                      `{"em":{"M":{}}}`,
		"el[0]":                   `{}`,
		"em.x":                    `{}`,
	} {
		p, err := ParseProjection(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		bound, err := p.Bind(bindings(t))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		it := item(t, projectionItem)
		if got := bound.Project(it); got == nil || !attr.EqualItems(got, item(t, want)) {
			t.Errorf("%s: got %s, want %s", text, attr.AppendItem(nil, got), want)
		}
		if !attr.EqualItems(it, item(t, projectionItem)) {
			t.Errorf("%s changed the item", text)
		}
	}
}

func TestProjectionOfNothing(t *testing.T) {
	t.Parallel()
	bound, err := (*Projection)(nil).Bind(Bindings{})
	if err != nil {
		t.Fatal(err)
	}
	if it := item(t, projectionItem); !attr.EqualItems(bound.Project(it), it) || bound.Names() != nil {
		t.Error("no projection leaves something out")
	}
	p, err := ParseProjection("a.b, #dot, a.c")
	if err != nil {
		t.Fatal(err)
	}
	bound, err = p.Bind(bindings(t))
	if err != nil {
		t.Fatal(err)
	}
	if bound.Project(nil) != nil {
		t.Error("an item that does not exist has become one")
	}
	if got := bound.Names(); !slices.Equal(got, []string{"a", "x.y", "a"}) {
		t.Errorf("reads %v", got)
	}
}

func TestProjectionsRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"#none":            "An expression attribute name used in the document path is not defined; attribute name: #none",
		"a, a":             "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [a], path two: [a]",
		"#a.b, pk, a":      "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [a, b], path two: [a]",
		"l[1], l[1].x":     "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [l, [1]], path two: [l, [1], x]",
		"a.b, a[0]":        "Two document paths conflict with each other; must remove or rewrite one of these paths; path one: [a, b], path two: [a, [0]]",
		"l[9999999999999]": "List index is not within the allowable range; index: [9999999999999]",
	} {
		p, err := ParseProjection(text)
		if err == nil {
			_, err = p.Bind(bindings(t))
		}
		if got := message(t, err); got != "Invalid ProjectionExpression: "+want {
			t.Errorf("%s: got %q", text, got)
		}
	}
}
