package expr

import (
	"testing"

	"github.com/parley-chat/parley/localstack/dynamodb/attr"
)

const (
	appendUpdate    = "SET n = :n, T = list_append(T, :e), P.#u.c = :a, k = :k"
	appendCondition = "n = :after AND attribute_exists(P.#u) AND st IN (:open, :queued)"
)

// headItem is a conversation's HEAD of about 1 KB.
func headItem(t testing.TB) attr.Item {
	const event = `{"M":{"i":{"B":"AAECAwQFBgcICQoLDA0ODw=="},"t":{"N":"1763904000000"},"u":{"S":"u#1"},"b":{"S":"Hello, how can I help you today?"}}}`
	const listener = `{"M":{"u":{"S":"u#1"},"r":{"S":"c"},"e":{"N":"1763904000"}}}`
	return item(t, `{"pk":{"S":"w#01j9z8c#c#01j9z8d5k2v7"},"sk":{"S":"HEAD"},"n":{"N":"41"},"f":{"N":"35"},"v":{"N":"3"},"g":{"N":"0"},"st":{"S":"o"},"k":{"S":"msg"},
		"P":{"M":{"u1":{"M":{"r":{"S":"c"},"c":{"N":"40"}}},"u2":{"M":{"r":{"S":"o"},"c":{"N":"41"}}}}},
		"T":{"L":[`+event+`,`+event+`,`+event+`,`+event+`,`+event+`,`+event+`]},
		"L":{"M":{"L0SM9cOFvHcCIhw1=":`+listener+`,"L0SM9cOFvHcCIhw2=":`+listener+`,"L0SM9cOFvHcCIhw3=":`+listener+`}}}`)
}

func appendBindings(t testing.TB) Bindings {
	return Bindings{
		Names: map[string]string{"#u": "u1"},
		Values: item(t, `{":n":{"N":"42"},":after":{"N":"41"},":a":{"N":"42"},":k":{"S":"msg"},":open":{"S":"o"},":queued":{"S":"q"},
			":e":{"L":[{"M":{"i":{"B":"AAECAwQFBgcICQoLDA0ODw=="},"t":{"N":"1763904000001"},"u":{"S":"u#2"},"b":{"S":"Where is my parcel?"}}}]}}`),
	}
}

// BenchmarkAppend is the work on a chat message whose expressions are cached: bind both, check, apply.
func BenchmarkAppend(b *testing.B) {
	u, err := ParseUpdate(appendUpdate)
	if err != nil {
		b.Fatal(err)
	}
	c, err := ParseCondition(appendCondition)
	if err != nil {
		b.Fatal(err)
	}
	it, given := headItem(b), appendBindings(b)
	b.ReportAllocs()
	for b.Loop() {
		update, err := u.Bind(given)
		if err != nil {
			b.Fatal(err)
		}
		condition, err := c.Bind(given)
		if err != nil {
			b.Fatal(err)
		}
		if err := given.CheckUsed(u, c); err != nil {
			b.Fatal(err)
		}
		if !condition.Eval(it) {
			b.Fatal("the condition does not hold")
		}
		if got, err := update.Apply(it); err != nil || got["T"].Len() != 7 {
			b.Fatal(err)
		}
	}
}

// BenchmarkParse is what the cache saves.
func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseUpdate(appendUpdate); err != nil {
			b.Fatal(err)
		}
		if _, err := ParseCondition(appendCondition); err != nil {
			b.Fatal(err)
		}
	}
}
