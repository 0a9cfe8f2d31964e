package compat_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/cmd/contract/compat"
)

// base is a schema with one of each thing that can break.
const base = `{
  "$defs": {
    "Open": {"type": "string", "anyOf": [{"enum": ["a", "b"]}, {"type": "string"}]},
    "Closed": {"type": "string", "enum": ["x", "y"]},
    "Node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}, "n": {"type": "integer"}}, "required": ["n"]}
  },
  "type": "object",
  "properties": {
    "type": {"type": "string", "const": "frame"},
    "text": {"type": "string", "minLength": 1, "maxLength": 10, "pattern": "^a"},
    "when": {"type": "string", "format": "date-time"},
    "open": {"$ref": "#/$defs/Open"},
    "closed": {"$ref": "#/$defs/Closed", "description": "d"},
    "list": {"type": "array", "items": {"$ref": "#/$defs/Node"}, "minItems": 1, "maxItems": 5},
    "map": {"type": "object", "additionalProperties": {"type": "integer"}, "propertyNames": {"pattern": "^k"}, "maxProperties": 3},
    "number": {"type": "integer", "minimum": 1, "maximum": 9},
    "any": {}
  },
  "required": ["type", "text"]
}`

// change is an edit of base and what it breaks: for those who write such documents, and for those who read them.
type change struct {
	name, old, new        string
	breaksWritten, breaks []string
}

func changes() []change {
	both := func(name, old, new, broken string) change {
		return change{name, old, new, []string{broken}, []string{broken}}
	}
	c := func(name, old, new string, written, read []string) change {
		return change{name, old, new, written, read}
	}
	return []change{
		both("removed property", `,
    "number": {"type": "integer", "minimum": 1, "maximum": 9}`, ``, ".number: removed"),
		both("renamed property", `"when":`, `"then":`, ".when: removed"),
		both("other type", `"number": {"type": "integer"`, `"number": {"type": "string"`, ".number: type was integer, is string"),
		c("wider type", `"number": {"type": "integer"`, `"number": {"type": ["integer", "null"]`, nil,
			[]string{".number: type was integer, is [integer null]"}),
		c("number instead of integer", `"number": {"type": "integer"`, `"number": {"type": "number"`, nil, []string{".number: type was integer, is number"}),
		c("no type any more", `"map": {"type": "object", `, `"map": {`, nil, []string{".map: type was object, is <nil>"}),
		c("a type where there was none", `"any": {}`, `"any": {"type": "string"}`, []string{".any: type was <nil>, is string"}, nil),
		both("other constant", `"const": "frame"`, `"const": "other"`, `.type: was always "frame", is "other"`),
		c("no constant any more", `, "const": "frame"`, ``, nil, []string{`.type: was always "frame", is anything`}),
		c("a constant where there was none", `"any": {}`, `"any": {"const": 1}`, []string{".any: may only be 1"}, nil),
		c("required", `"required": ["type", "text"]`, `"required": ["type", "text", "when"]`, []string{".when: is required now"}, nil),
		c("a new required property", `"any": {}`, `"any": {}, "new": {}`, nil, nil),
		c("not required any more", `"required": ["type", "text"]`, `"required": ["type"]`, nil, []string{".text: was always there, may be absent now"}),
		c("shorter", `"maxLength": 10`, `"maxLength": 9`, []string{".text: maxLength was 10, is 9"}, nil),
		c("longer", `"maxLength": 10`, `"maxLength": 11`, nil, nil),
		c("no limit any more", `, "maxLength": 10`, ``, nil, nil),
		c("a limit where there was none", `"any": {}`, `"any": {"maximum": 3}`, []string{".any: maximum was none, is 3"}, nil),
		c("longer at least", `"minLength": 1`, `"minLength": 2`, []string{".text: minLength was 1, is 2"}, nil),
		c("empty allowed", `"minLength": 1, `, ``, nil, []string{".text: minLength was 1, is none"}),
		c("fewer items", `"maxItems": 5`, `"maxItems": 4`, []string{".list: maxItems was 5, is 4"}, nil),
		c("lower least number", `"minimum": 1`, `"minimum": 0`, nil, []string{".number: minimum was 1, is 0"}),
		both("other pattern", `"pattern": "^a"`, `"pattern": "^b"`, `.text: pattern was "^a", is "^b"`),
		c("no pattern any more", `, "pattern": "^a"`, ``, nil, []string{`.text: pattern was "^a", is none`}),
		c("no format any more", `, "format": "date-time"`, ``, nil, []string{`.when: format was "date-time", is none`}),
		c("excluded together", `"required": ["type", "text"]`, `"required": ["type", "text"], "not": {"required": ["when"]}`,
			[]string{`: not was none, is {"required":["when"]}`}, nil),
		both("value of an open list removed", `{"enum": ["a", "b"]}`, `{"enum": ["a"]}`, `.open: value "b" removed`),
		c("value of an open list added", `{"enum": ["a", "b"]}`, `{"enum": ["a", "b", "c"]}`, nil, nil),
		c("value of a closed list removed", `"enum": ["x", "y"]`, `"enum": ["x"]`, []string{`.closed: value "y" removed`}, []string{`.closed: value "y" removed`}),
		c("value of a closed list added", `"enum": ["x", "y"]`, `"enum": ["x", "y", "z"]`, nil, []string{`.closed: value "z" added to a closed list`}),
		c("a closed list opened", `"type": "string", "enum": ["x", "y"]`, `"type": "string", "anyOf": [{"enum": ["x", "y"]}, {"type": "string"}]`,
			nil, []string{".closed: was a closed list, is open"}),
		c("an open list closed", `"anyOf": [{"enum": ["a", "b"]}, {"type": "string"}]`, `"enum": ["a", "b"]`, []string{".open: is a closed list now"}, nil),
		c("no list any more", `, "enum": ["x", "y"]`, ``, nil, []string{`.closed: value "x" removed`, `.closed: value "y" removed`}),
		both("deep in a reference", `"n": {"type": "integer"}}, "required": ["n"]`, `"m": {"type": "integer"}}, "required": []`, ".list[items].n: removed"),
		c("values of a map", `"additionalProperties": {"type": "integer"}`, `"additionalProperties": {"type": "string"}`,
			[]string{".map[additionalProperties]: type was integer, is string"}, []string{".map[additionalProperties]: type was integer, is string"}),
		c("a map closed", `"additionalProperties": {"type": "integer"}`, `"additionalProperties": false`,
			[]string{".map: additionalProperties is bounded now"}, []string{".map: additionalProperties was bounded, is not"}),
		c("nothing unknown any more", `"required": ["type", "text"]`, `"required": ["type", "text"], "additionalProperties": false`,
			[]string{": additionalProperties is bounded now"}, nil),
		c("keys of a map", `, "propertyNames": {"pattern": "^k"}`, ``, nil, []string{".map: propertyNames was bounded, is not"}),
		c("another description", `"description": "d"`, `"description": "e"`, nil, nil),
	}
}

func TestBreaksOfSchemas(t *testing.T) {
	t.Parallel()
	for _, c := range changes() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			changed := strings.Replace(base, c.old, c.new, 1)
			if changed == base {
				t.Fatal("the change changes nothing")
			}
			for name, want := range map[string][]string{"schemas/client.x.json": c.breaksWritten, "schemas/server.x.json": c.breaks} {
				got := breaks(t, compat.Contract{name: []byte(base)}, compat.Contract{name: []byte(changed)})
				for i := range got {
					got[i] = strings.TrimPrefix(got[i], name)
				}
				if !slices.Equal(got, want) {
					t.Errorf("got  %q\nwant %q", got, want)
				}
			}
		})
	}
}

func breaks(t *testing.T, before, after compat.Contract) []string {
	t.Helper()
	out, err := compat.Breaks(before, after)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestTheSameBreaksNothing(t *testing.T) {
	t.Parallel()
	spaced := strings.ReplaceAll(base, "  ", "    ")
	for _, name := range []string{"schemas/client.x.json", "schemas/event.x.json"} {
		if got := breaks(t, compat.Contract{name: []byte(base)}, compat.Contract{name: []byte(spaced)}); len(got) > 0 {
			t.Errorf("%q", got)
		}
	}
}

func TestARemovedDocument(t *testing.T) {
	t.Parallel()
	before := compat.Contract{"schemas/server.old.json": []byte(base), "errors.json": []byte(`{}`)}
	after := compat.Contract{"schemas/server.new.json": []byte(base), "errors.json": []byte(`{}`)}
	if got := breaks(t, before, after); !slices.Equal(got, []string{"schemas/server.old.json: removed"}) {
		t.Errorf("%q", got)
	}
}

func TestMalformedDocuments(t *testing.T) {
	t.Parallel()
	good, bad := compat.Contract{"errors.json": []byte(`{"a":1}`)}, compat.Contract{"errors.json": []byte(`{`)}
	if _, err := compat.Breaks(good, bad); err == nil {
		t.Error("a malformed new document is no error")
	}
	if _, err := compat.Breaks(bad, good); err == nil {
		t.Error("a malformed old document is no error")
	}
}

func TestBreaksOfErrors(t *testing.T) {
	t.Parallel()
	before := compat.Contract{"errors.json": []byte(`{"codes": [{"code": "a", "retryable": true, "outcome": "unknown"},
		{"code": "b", "retryable": false, "outcome": "refused"}, {"code": "c"}], "reasons": [{"reason": "r"}]}`)}
	after := compat.Contract{"errors.json": []byte(`{"codes": [{"code": "a", "retryable": false, "outcome": "unknown"},
		{"code": "b", "retryable": false, "outcome": "unknown", "meaning": "m"}, {"code": "d"}], "reasons": []}`)}
	want := []string{"errors.json: code a: retryable changed", "errors.json: code b: outcome changed", "errors.json: code c: removed", "errors.json: reason r: removed"}
	if got := breaks(t, before, after); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestBreaksOfTheSocket(t *testing.T) {
	t.Parallel()
	before := compat.Contract{"socket.asyncapi.json": []byte(`{"channels": {"socket": {}}, "operations": {"send": {}, "ping": {}}, "components": {"messages": {"Ack": {}}}}`)}
	after := compat.Contract{"socket.asyncapi.json": []byte(`{"channels": {"socket": {}}, "operations": {"send": {}, "pong": {}}, "components": {"messages": {}}}`)}
	want := []string{"socket.asyncapi.json operations ping: removed", "socket.asyncapi.json messages Ack: removed"}
	if got := breaks(t, before, after); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

const api = `{"components": {"schemas": {"T": {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}}},
"paths": {
  "/a": {
    "get": {"parameters": [{"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 9}}],
      "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/T"}}}}, "404": {}}},
    "post": {"requestBody": {"required": false, "content": {"application/json": {"schema": {"type": "object", "properties": {"x": {}}}}}},
      "responses": {"201": {}}}
  },
  "/b": {"get": {"responses": {"200": {}}}}
}}`

func TestBreaksOfTheHTTPAPI(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, old, new string
		want           []string
	}{
		{"route", `,
  "/b": {"get": {"responses": {"200": {}}}}`, ``, []string{"openapi.json GET /b: removed"}},
		{"method", `"/b": {"get"`, `"/b": {"put"`, []string{"openapi.json GET /b: removed"}},
		{"parameter", `"name": "limit"`, `"name": "most"`, []string{"openapi.json GET /a ?limit: removed"}},
		{"smaller parameter", `"maximum": 9`, `"maximum": 8`, []string{"openapi.json GET /a ?limit: maximum was 9, is 8"}},
		{"required parameter", `"in": "query"`, `"in": "query", "required": true`, []string{"openapi.json GET /a ?limit: is required now"}},
		{"required body", `"required": false`, `"required": true`, []string{"openapi.json POST /a body: is required now"}},
		{"stricter body", `"properties": {"x": {}}`, `"properties": {"x": {}}, "required": ["x"]`, []string{"openapi.json POST /a body.x: is required now"}},
		{"poorer answer", `"required": ["id"]`, `"required": []`, []string{"openapi.json GET /a 200.id: was always there, may be absent now"}},
		{"other status", `"201"`, `"200"`, []string{"openapi.json POST /a 201: removed"}},
		{"other media type", `"content": {"application/json": {"schema": {"$ref"`, `"content": {"text/json": {"schema": {"$ref"`, []string{"openapi.json GET /a 200: application/json removed"}},
		{"another problem", `"404": {}`, `"409": {}`, nil},
		{"an added route", `"/b": {`, `"/c": {}, "/b": {`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			changed := strings.Replace(api, c.old, c.new, 1)
			if changed == api {
				t.Fatal("the change changes nothing")
			}
			if got := breaks(t, compat.Contract{"openapi.json": []byte(api)}, compat.Contract{"openapi.json": []byte(changed)}); !slices.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}
