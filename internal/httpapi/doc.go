// Package httpapi is the HTTP API. Bodies are JSON, errors are problem documents (RFC 9457), a session is an
// "Authorization: Bearer" header; there are no cookies.
//
// Adding a route. A feature has a file with the structs of its bodies, its handlers, and func <feature>Routes()
// []route, which routes() names in one line. A handler gets a call and returns status, body and error:
//
//   - c.principal() is who asks. The route's command has been checked by role and grants; how far it reaches is
//     checked where the thing is read. Errors are chat.Errorf or *identity.Refusal; problemOf makes the document.
//   - decode[T] reads a body, queryOf the parameters, c.after and c.next the cursor of a list: sort keys only, never
//     parts of a partition key, and checked like any input.
//   - idempotent: true for a POST that makes something; its ids come from a.newID, and it puts them on condition that
//     they are new, taking its own id for success. secret: true besides, when the answer holds a token or a key.
//   - polled: true for a GET that is asked again and again: ETag and 304 come by themselves.
//   - A thing with a version: c.setVersion in its GET and after its write; c.expected (If-Match may be absent) or
//     c.needVersion (428 without) in its PUT, PATCH and DELETE, and says.versioned or says.demands.
//   - says names, summarizes and documents it: answers, parameters, codes, and says.segments for parts of the path
//     other than a conversation's {id}. Every field has a doc comment.
//   - Then: a line in fixtures (permission_test.go: every kind of caller is tried), one in bodies (operation_test.go)
//     if it has a body, and make contract (after it events/ and the documents served are current). Goldens:
//     go test ./internal/httpapi -run TestReplay -update.
//
// Limits of requests are in ratelimit.go, with what they guarantee.
//
// Cross-origin requests. API Gateway answers preflights itself and sets the CORS headers of every answer; the
// template's CorsConfiguration allows every origin, without credentials, since a preflight carries neither the
// widget key nor the session that would say which workspace's list of origins to look at, and since a page can
// do nothing here that the token in its hands does not allow. What the lists of origins protect is enforced on
// the requests themselves: no customer session and no socket ticket for a page that the workspace does not
// allow. (API Gateway ignores CORS headers that an integration returns once CorsConfiguration is set: API
// Gateway Developer Guide, "Configure CORS for HTTP APIs".)
package httpapi
