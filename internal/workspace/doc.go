// Package workspace is what a business sets for itself: departments, business hours, canned responses, macros,
// automation rules, forms, SLA policies, saved views and help articles. Nothing here talks to storage or to clients.
package workspace
