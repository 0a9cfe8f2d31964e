package httpapi

import (
	"slices"
	"strings"
)

// Topic groups operations for readers: a tag of the OpenAPI document, a heading of the page.
type Topic struct {
	Name, Summary string
	roots         []string // the first segments of its paths after /v1
}

// Topics lists the topics in the order in which they are shown. Every operation has one.
func Topics() []Topic {
	return []Topic{
		{"Conversations", "What is said and done in a conversation, and lists of them.", []string{"conversations", "team"}},
		{"Sessions and sockets", "Signing in and out, and tickets that open a WebSocket.",
			[]string{"customer-sessions", "staff-sessions", "sessions", "oidc", "socket-tickets", "password", "password-resets", "sign-in"}},
		{"Widget", "What a widget needs before anybody has written, the leads it captures, and the keys that name it.", []string{"widget", "widgets", "leads"}},
		{"Desk", "Operators and their load, the queue, and who is on the site.", []string{"operators", "desk", "visitors"}},
		{"Contacts", "People who write: their cards, their history, and bans.", []string{"contacts", "bans"}},
		{"Staff", "People who answer, one's own account, and invitations.", []string{"staff", "people", "me", "invitations"}},
		{"Programs", "API keys, bots, and keys of the business's identity tokens.", []string{"api-keys", "bots", "identity-keys"}},
		{"Workspace", "Its name and pages, settings, departments, fields, forms, tags and greetings.",
			[]string{"workspace", "settings", "departments", "fields", "forms", "tags", "greetings"}},
		{"Library", "Canned responses, macros, views, articles and automation rules.",
			[]string{"canned", "macros", "views", "own", "articles", "rules"}},
		{"Audit", "Administrative acts.", []string{"audit"}},
		{"Service", "Health, and this description.", []string{"health", "openapi.json", "docs"}},
	}
}

// topicOf returns the topic of a path, "" if none has its first segment.
func topicOf(path string) string {
	root, _, _ := strings.Cut(strings.TrimPrefix(path, "/v1/"), "/")
	for _, t := range Topics() {
		if slices.Contains(t.roots, root) {
			return t.Name
		}
	}
	return ""
}
