package main

import (
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/httpapi"
)

const apiDescription = `Sessions, socket tickets, and reading conversations. Bodies are JSON, at most 16 KB of them; times are Unix milliseconds by the server's clock. A session's token goes into the Authorization header; there are no cookies.

Errors are problem documents (RFC 9457) of type about:blank with a code; events/errors.json says what each means and what to do. Retry-After comes with 429 and 503.

Within /v1 fields, parameters and codes are only added.`

// openAPI writes the OpenAPI document of the HTTP API (OpenAPI 3.1.1), from the table that its mux is built from.
func openAPI(s schemas) json.RawMessage {
	parts := newComponents(s)
	parts.add("Problem", s.of(httpapi.Problem{}, toClient))
	paths := map[string]object{}
	var order []string
	for _, op := range httpapi.Operations() {
		if _, seen := paths[op.Path]; !seen {
			order = append(order, op.Path)
		}
		paths[op.Path] = append(paths[op.Path], member{strings.ToLower(op.Method), httpOperation(op, parts)})
	}
	var all object
	for _, p := range order {
		all = append(all, member{p, paths[p]})
	}
	return relocated(object{
		{"openapi", "3.1.1"},
		{"info", object{{"title", "Parley HTTP API"}, {"version", contractVersion}, {"description", apiDescription}}},
		{"jsonSchemaDialect", jsonschema.Version},
		{"servers", []object{
			{{"url", "http://127.0.0.1:8080"}, {"description", "The local stack: make run."}},
			{{"url", "https://{api}.execute-api.{region}.amazonaws.com"}, {"description", "A deployed stack: the output HttpUrl."},
				{"variables", object{{"api", object{{"default", "abcdef1234"}}}, {"region", object{{"default", "eu-central-1"}}}}}},
		}},
		{"security", []object{{{"session", []string{}}}}},
		{"paths", all},
		{"components", object{
			{"securitySchemes", object{{"session", object{
				{"type", "http"}, {"scheme", "bearer"}, {"description", "The token of a session."}}}}},
			{"schemas", parts.object()},
		}},
	})
}

func httpOperation(op httpapi.Operation, parts *components) object {
	out := object{{"operationId", op.Name}, {"summary", op.Summary}}
	if op.Open {
		// A session may be presented all the same: it is kept, or lets one see more.
		out = append(out, member{"security", []object{{}, {{"session", []string{}}}}})
	}
	if list := parameters(op); len(list) > 0 {
		out = append(out, member{"parameters", list})
	}
	if op.Request != nil {
		name := reflect.TypeOf(op.Request).Name()
		out = append(out, member{"requestBody", object{
			{"required", !op.Optional},
			{"content", object{{"application/json", object{{"schema", parts.add(name, parts.schemas.of(op.Request, toServer))}}}}},
		}})
	}
	return append(out, member{"responses", responses(op, parts)})
}

func parameters(op httpapi.Operation) []object {
	var out []object
	for _, segment := range strings.Split(op.Path, "/") {
		if name, ok := strings.CutPrefix(segment, "{"); ok {
			out = append(out, object{
				{"name", strings.TrimSuffix(name, "}")}, {"in", "path"}, {"required", true},
				{"description", "The conversation."}, {"schema", idSchema(chat.ConversationPrefix)},
			})
		}
	}
	for _, p := range op.Query {
		out = append(out, object{{"name", p.Name}, {"in", "query"}, {"description", p.Summary}, {"schema", parameterSchema(p)}})
	}
	return out
}

func parameterSchema(p httpapi.Parameter) *jsonschema.Schema {
	if !p.Number {
		return &jsonschema.Schema{Type: "string", Enum: values(p.Values)}
	}
	s := &jsonschema.Schema{Type: "integer"}
	between(p.Min, p.Max)(s)
	if p.Max == 0 {
		s.Maximum = json.Number(strconv.Itoa(maxSafe))
	}
	return s
}

func responses(op httpapi.Operation, parts *components) object {
	var out object
	for _, status := range slices.Sorted(maps.Keys(op.Answers)) {
		answer := object{{"description", http.StatusText(status) + "."}}
		if body := op.Answers[status]; body != nil {
			name := reflect.TypeOf(body).Name()
			answer = append(answer, member{"content", object{
				{"application/json", object{{"schema", parts.add(name, parts.schemas.of(body, toClient))}}}}})
		}
		out = append(out, member{strconv.Itoa(status), answer})
	}
	for _, status := range slices.Sorted(maps.Keys(op.Problems)) {
		var codes []string
		for _, c := range op.Problems[status] {
			codes = append(codes, string(c))
		}
		answer := object{{"description", http.StatusText(status) + ": " + strings.Join(codes, ", ") + "."}}
		if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
			answer = append(answer, member{"headers", object{{"Retry-After", object{
				{"description", "Seconds to wait (RFC 9110 section 10.2.3)."}, {"schema", &jsonschema.Schema{Type: "integer", Minimum: "1"}}}}}})
		}
		answer = append(answer, member{"content", object{{"application/problem+json", object{{"schema", ref("#/components/schemas/Problem")}}}}})
		out = append(out, member{strconv.Itoa(status), answer})
	}
	return out
}
