package policy

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/parley-chat/parley/localstack/template"
)

const chat = "arn:aws:dynamodb:us-east-1:000000000000:table/chat"

func allow(actions, resources string) template.Statement {
	return template.Statement{Effect: "Allow", Actions: strings.Fields(actions), Resources: strings.Fields(resources)}
}

func deny(actions, resources string) template.Statement {
	s := allow(actions, resources)
	s.Effect = "Deny"
	return s
}

func when(s template.Statement, condition string) template.Statement {
	s.Condition = json.RawMessage(condition)
	return s
}

func compiled(t *testing.T, statements ...template.Statement) *Set {
	t.Helper()
	s, err := Compile([]template.Function{{LogicalID: "F", Statements: statements}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDecide(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		statements       []template.Statement
		action, resource string
		want             Verdict
	}{
		"no statement":            {nil, "dynamodb:GetItem", chat, NotAllowed},
		"exact":                   {[]template.Statement{allow("dynamodb:GetItem", chat)}, "dynamodb:GetItem", chat, Allowed},
		"action in another case":  {[]template.Statement{allow("DynamoDB:getitem", chat)}, "dynamodb:GetItem", chat, Allowed},
		"another action":          {[]template.Statement{allow("dynamodb:GetItem", chat)}, "dynamodb:Scan", chat, NotAllowed},
		"action wildcard":         {[]template.Statement{allow("dynamodb:*Item", chat)}, "dynamodb:PutItem", chat, Allowed},
		"action wildcard misses":  {[]template.Statement{allow("dynamodb:*Item", chat)}, "dynamodb:Query", chat, NotAllowed},
		"all":                     {[]template.Statement{allow("*", "*")}, "sqs:SendMessage", "arn:aws:sqs:us-east-1:0:q", Allowed},
		"the table, not an index": {[]template.Statement{allow("dynamodb:Query", chat)}, "dynamodb:Query", chat + "/index/g1", NotAllowed},
		"index wildcard":          {[]template.Statement{allow("dynamodb:Query", chat+"/index/*")}, "dynamodb:Query", chat + "/index/g1", Allowed},
		"index wildcard, table":   {[]template.Statement{allow("dynamodb:Query", chat+"/index/*")}, "dynamodb:Query", chat, NotAllowed},
		"resource is exact case":  {[]template.Statement{allow("dynamodb:Query", strings.ToUpper(chat))}, "dynamodb:Query", chat, NotAllowed},
		"deny wins":               {[]template.Statement{allow("*", "*"), deny("dynamodb:Scan", "*")}, "dynamodb:Scan", chat, Denied},
		"deny before allow":       {[]template.Statement{deny("dynamodb:Scan", "*"), allow("*", "*")}, "dynamodb:Scan", chat, Denied},
		"deny of another":         {[]template.Statement{deny("dynamodb:Scan", "*"), allow("*", "*")}, "dynamodb:Query", chat, Allowed},
		"a prefix is no match":    {[]template.Statement{allow("dynamodb:GetItem", chat)}, "dynamodb:GetItem", chat + "2", NotAllowed},
	} {
		s := compiled(t, c.statements...)
		for range 2 { // the second time from the cache
			if got := s.Decide("F", c.action, c.resource, nil); got != c.want {
				t.Errorf("%s: verdict %d, want %d", name, got, c.want)
			}
		}
		if got := IsAllowed(c.statements, c.action, c.resource); got != (c.want == Allowed) {
			t.Errorf("%s: IsAllowed = %v", name, got)
		}
	}
}

func TestFunctionsHaveTheirOwnStatements(t *testing.T) {
	t.Parallel()
	s, err := Compile([]template.Function{{LogicalID: "A", Statements: []template.Statement{allow("*", "*")}}, {LogicalID: "B"}})
	if err != nil {
		t.Fatal(err)
	}
	if s.Decide("A", "x:Y", "*", nil) != Allowed || s.Decide("B", "x:Y", "*", nil) != NotAllowed || s.Decide("C", "x:Y", "*", nil) != NotAllowed {
		t.Error("statements of one function apply to another")
	}
}

func TestLeadingKeys(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		condition string
		keys      []string
		want      Verdict
	}{
		"equal":               {`{"StringEquals":{"dynamodb:LeadingKeys":"w1"}}`, []string{"w1"}, Allowed},
		"not equal":           {`{"StringEquals":{"dynamodb:LeadingKeys":["w1","w2"]}}`, []string{"w3"}, NotAllowed},
		"no key":              {`{"StringEquals":{"dynamodb:LeadingKeys":"w1"}}`, nil, NotAllowed},
		"like":                {`{"StringLike":{"dynamodb:LeadingKeys":"w1#*"}}`, []string{"w1#c"}, Allowed},
		"equals is not like":  {`{"StringEquals":{"dynamodb:LeadingKeys":"w1#*"}}`, []string{"w1#c"}, NotAllowed},
		"for all":             {`{"ForAllValues:StringLike":{"dynamodb:LeadingKeys":["w1#*","w2#*"]}}`, []string{"w1#c", "w2#c"}, Allowed},
		"for all, one is not": {`{"ForAllValues:StringLike":{"dynamodb:LeadingKeys":["w1#*"]}}`, []string{"w1#c", "w2#c"}, NotAllowed},
		"for all, none":       {`{"ForAllValues:StringEquals":{"dynamodb:LeadingKeys":["w1"]}}`, nil, Allowed},
		"for any":             {`{"ForAnyValue:StringEquals":{"dynamodb:LeadingKeys":["w1"]}}`, []string{"w1", "w2"}, Allowed},
		"for any, none":       {`{"ForAnyValue:StringEquals":{"dynamodb:LeadingKeys":["w1"]}}`, nil, NotAllowed},
	} {
		keys := func() []string { return c.keys }
		if got := compiled(t, when(allow("*", "*"), c.condition)).Decide("F", "dynamodb:GetItem", chat, keys); got != c.want {
			t.Errorf("%s: verdict %d, want %d", name, got, c.want)
		}
		want := Allowed
		if c.want == Allowed {
			want = Denied
		}
		if got := compiled(t, allow("*", "*"), when(deny("*", "*"), c.condition)).Decide("F", "dynamodb:GetItem", chat, keys); got != want {
			t.Errorf("%s, as Deny: verdict %d, want %d", name, got, want)
		}
	}
}

// TestVerdictsOfConditionsAreNotCached asks twice with different keys.
func TestVerdictsOfConditionsAreNotCached(t *testing.T) {
	t.Parallel()
	s := compiled(t, when(allow("*", "*"), `{"StringEquals":{"dynamodb:LeadingKeys":"w1"}}`))
	for _, key := range []string{"w1", "w2", "w1"} {
		want := map[bool]Verdict{true: Allowed, false: NotAllowed}[key == "w1"]
		if got := s.Decide("F", "dynamodb:GetItem", chat, func() []string { return []string{key} }); got != want {
			t.Errorf("key %s: verdict %d, want %d", key, got, want)
		}
	}
}

func TestUnknownConditionsAreRefused(t *testing.T) {
	t.Parallel()
	for condition, want := range map[string]string{
		`{"ForAllValues:StringEquals":{"dynamodb:Attributes":["a"]}}`: `condition key "dynamodb:Attributes"`,
		`{"Bool":{"aws:SecureTransport":"true"}}`:                     `condition operator "Bool"`,
		`{"StringNotEquals":{"dynamodb:LeadingKeys":"a"}}`:            `condition operator "StringNotEquals"`,
		`{"ForNoValue:StringEquals":{"dynamodb:LeadingKeys":"a"}}`:    `condition operator "ForNoValue:StringEquals"`,
		`{"StringEquals":{"dynamodb:LeadingKeys":1}}`:                 "is not a string",
		`[]`: "condition",
	} {
		_, err := Compile([]template.Function{{LogicalID: "SocketFn", Statements: []template.Statement{when(allow("*", "*"), condition)}}})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "SocketFn") {
			t.Errorf("%s: error %v, want %q and the function", condition, err, want)
		}
		if IsAllowed([]template.Statement{when(allow("*", "*"), condition)}, "x:Y", "*") {
			t.Errorf("%s: allowed by a condition that nobody understood", condition)
		}
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", true}, {"?", "", false}, {"?", "a", true}, {"a*c", "abbc", true}, {"a*c", "abbd", false},
		{"*a*b*", "xaxbx", true}, {"*a*b", "abab", true}, {"a**b", "ab", true}, {"ab?", "ab", false}, {"*ab", "aab", true},
	} {
		if got := Match(c.pattern, c.s); got != c.want {
			t.Errorf("Match(%q, %q) = %v", c.pattern, c.s, got)
		}
	}
}

// FuzzMatch compares with the definition by recursion.
func FuzzMatch(f *testing.F) {
	f.Add("a*b?c", "aXXbYc")
	f.Fuzz(func(t *testing.T, pattern, s string) {
		if len(pattern) > 12 || len(s) > 12 {
			return
		}
		if got, want := Match(pattern, s), slow(pattern, s); got != want {
			t.Errorf("Match(%q, %q) = %v, want %v", pattern, s, got, want)
		}
	})
}

func slow(pattern, s string) bool {
	switch {
	case pattern == "":
		return s == ""
	case pattern[0] == '*':
		return slow(pattern[1:], s) || (s != "" && slow(pattern, s[1:]))
	}
	return s != "" && (pattern[0] == '?' || pattern[0] == s[0]) && slow(pattern[1:], s[1:])
}

func BenchmarkDecide(b *testing.B) {
	s, err := Compile([]template.Function{{LogicalID: "F", Statements: []template.Statement{allow("dynamodb:*", chat)}}})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if s.Decide("F", "dynamodb:UpdateItem", chat, nil) != Allowed {
			b.Fatal("not allowed")
		}
	}
}
