// Package httpapi is the HTTP API: sessions, socket tickets, reading conversations, health. Bodies are JSON,
// errors are problem documents (RFC 9457), a session is an "Authorization: Bearer" header; there are no cookies.
//
// Cross-origin requests. API Gateway answers preflights itself and sets the CORS headers of every answer; the
// template's CorsConfiguration allows every origin, without credentials, since a preflight carries neither the
// widget key nor the session that would say which workspace's list of origins to look at, and since a page can
// do nothing here that the token in its hands does not allow. What the lists of origins protect is enforced on
// the requests themselves: no customer session and no socket ticket for a page that the workspace does not
// allow. (API Gateway ignores CORS headers that an integration returns once CorsConfiguration is set: API
// Gateway Developer Guide, "Configure CORS for HTTP APIs".)
package httpapi
