// Package workspace is what a business sets for itself: departments, business hours, routing and service levels,
// canned responses, macros, automation rules, forms, saved views and help articles; and what follows from it for a
// conversation. It imports chat and the standard library; storage is a port (Store).
//
// Settings are documents: what a business writes is what is stored, and what is read back. So the types here have the
// JSON names of the HTTP API, one definition in place of three that say the same. Stored documents outlive versions of
// this code: fields are added, never renamed.
package workspace
