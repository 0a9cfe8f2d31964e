package expr

import (
	"testing"

	"github.com/parley-chat/parley/localstack/dynamodb/attr"
)

// item reads an item in its wire form.
func item(t testing.TB, text string) attr.Item {
	t.Helper()
	it, err := attr.ParseItem([]byte(text))
	if err != nil {
		t.Fatalf("item %s: %v", text, err)
	}
	return it
}

func TestUpdateSmoke(t *testing.T) {
	t.Parallel()
	u, err := ParseUpdate("SET a = b, b = a, l[5] = :v REMOVE l[0], m.#x ADD n :one")
	if err != nil {
		t.Fatal(err)
	}
	b, err := u.Bind(Bindings{Names: map[string]string{"#x": "x"}, Values: item(t, `{":v":{"S":"v"},":one":{"N":"1"}}`)})
	if err != nil {
		t.Fatal(err)
	}
	old := item(t, `{"a":{"S":"A"},"b":{"S":"B"},"l":{"L":[{"N":"0"},{"N":"1"}]},"m":{"M":{"x":{"N":"1"},"y":{"N":"2"}}},"n":{"N":"41"}}`)
	got, err := b.Apply(old)
	if err != nil {
		t.Fatal(err)
	}
	want := item(t, `{"a":{"S":"B"},"b":{"S":"A"},"l":{"L":[{"N":"1"},{"S":"v"}]},"m":{"M":{"y":{"N":"2"}}},"n":{"N":"42"}}`)
	if !attr.EqualItems(got, want) {
		t.Fatalf("got %s", attr.AppendItem(nil, got))
	}
}
