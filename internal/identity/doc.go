// Package identity says who somebody is: workspaces and their widgets, anonymous customers, staff who sign in
// with a password, the sessions of both, and the one-time tickets that open a socket.
//
// A session is a row under its user, found by the bearer token alone: the token carries workspace, user,
// session and a 256-bit secret of which only the SHA-256 is stored. Nothing about a principal is ever taken
// from a request besides that token. The package imports the standard library and internal/chat only.
package identity
