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

const apiDescription = `All that a widget, a desk, an admin panel or a program of yours does but live talk, which goes over the WebSocket. Bodies are JSON, at most 16 KB of them; times are Unix milliseconds by the server's clock. A session's token goes into the Authorization header; there are no cookies.

Errors are problem documents (RFC 9457) with a code; their type names the code's entry on the page /v1/docs/errors, which says what it means and what to do. Retry-After comes with 429 and 503.

Lists go on with the parameter after: the next of the page before, which is opaque and good for the very list that it came from. Lists that are meant to be polled have an ETag: send it as If-None-Match, and hear 304 when nothing has changed. Things that several people write have an ETag, too: send it as If-Match with a change, and hear 412 when somebody was faster.

Requests that make something take an Idempotency-Key (draft-ietf-httpapi-idempotency-key-header), for a day: the same request with the same key is answered as before, with Idempotency-Replayed: true, and not done again. Refusals (4xx) are not remembered. Answers that hold a secret are not kept: the repetition hears already_done.

Callers may make so many requests a minute: a customer 120, a member of staff 600, a bot or API key 1,200, an address without a session 300. RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers) say what is left; beyond it the answer is 429.

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
		{"tags", tags()},
		{"paths", all},
		{"components", object{
			{"securitySchemes", object{{"session", object{
				{"type", "http"}, {"scheme", "bearer"}, {"description", "The token of a session."}}}}},
			{"schemas", parts.object()},
		}},
	})
}

func tags() (out []object) {
	for _, t := range httpapi.Topics() {
		out = append(out, object{{"name", t.Name}, {"description", t.Summary}})
	}
	return out
}

func httpOperation(op httpapi.Operation, parts *components) object {
	out := object{{"operationId", op.Name}, {"summary", op.Summary}, {"tags", []string{op.Topic}}}
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
	for _, part := range strings.Split(op.Path, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			segment := segmentOf(op, strings.TrimSuffix(name, "}"))
			schema := &jsonschema.Schema{Type: "string"}
			if segment.Prefix != "" {
				schema = idSchema(segment.Prefix)
			}
			out = append(out, object{
				{"name", segment.Name}, {"in", "path"}, {"required", true}, {"description", segment.Summary}, {"schema", schema},
			})
		}
	}
	for _, p := range op.Query {
		out = append(out, object{{"name", p.Name}, {"in", "query"}, {"description", p.Summary}, {"schema", parameterSchema(p)}})
	}
	header := func(name, description string, longest int) {
		out = append(out, object{{"name", name}, {"in", "header"}, {"description", description},
			{"schema", &jsonschema.Schema{Type: "string", MaxLength: count(longest)}}})
	}
	if op.Idempotent {
		header("Idempotency-Key", "Made by the client for this one thing, such as a UUID: the request can be sent again without being done again.",
			httpapi.MaxIdempotencyKey)
	}
	if op.Polled {
		header("If-None-Match", "The ETag of the answer that the client has.", maxTags)
	}
	if op.Versioned {
		header("If-Match", "The ETag of what the change was made from; * for any.", maxTags)
	}
	return out
}

// maxTags is how long a list of ETags is in practice; the server takes what fits the headers of a request (10 KB:
// Amazon API Gateway quotas, HTTP API).
const maxTags = 1024

// segmentOf describes a variable part of a path.
func segmentOf(op httpapi.Operation, name string) httpapi.Segment {
	for _, s := range op.Segments {
		if s.Name == name {
			return s
		}
	}
	return httpapi.Segment{Name: name, Summary: "The conversation.", Prefix: chat.ConversationPrefix}
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
		if headers := answerHeaders(op, status); len(headers) > 0 {
			answer = append(answer, member{"headers", headers})
		}
		switch body := op.Answers[status].(type) {
		case nil:
		case httpapi.Media:
			answer = append(answer, member{"content", object{{string(body), object{{"schema", &jsonschema.Schema{}}}}}})
		default:
			name := reflect.TypeOf(body).Name()
			answer = append(answer, member{"content", object{
				{"application/json", object{{"schema", parts.add(name, parts.schemas.of(body, toClient))}}}}})
		}
		out = append(out, member{strconv.Itoa(status), answer})
	}
	if op.Polled {
		out = append(out, member{"304", object{{"description", "Not Modified: the client has it."}, {"headers", object{{"ETag", tagHeader()}}}}})
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

func tagHeader() object {
	return object{{"description", "Names this state of it (RFC 9110 section 8.8.3)."}, {"schema", &jsonschema.Schema{Type: "string"}}}
}

// answerHeaders are those of an answer of success, besides the limits that every answer tells.
func answerHeaders(op httpapi.Operation, status int) object {
	var out object
	if op.Polled && status == http.StatusOK || op.Versioned {
		out = append(out, member{"ETag", tagHeader()})
	}
	if op.Idempotent {
		out = append(out, member{"Idempotency-Replayed", object{
			{"description", "true: the answer to an earlier request with this key."}, {"schema", &jsonschema.Schema{Type: "string", Const: "true"}}}})
	}
	return out
}
