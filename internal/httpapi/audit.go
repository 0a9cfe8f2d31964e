package httpapi

import (
	"net/http"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

// AuditList answers GET /v1/audit: newest first.
type AuditList struct {
	Entries []AuditEntry `json:"entries"`
	// Next, when set, continues the list: there may be more even if this page is empty, since one request looks at a
	// bounded part of the log.
	Next string `json:"next,omitempty"`
}

// AuditEntry is one administrative act.
type AuditEntry struct {
	Entry string `json:"entry"`
	At    int64  `json:"at"`
	// Actor is who did it; absent for somebody who did not prove who they are.
	Actor chat.UserID `json:"actor,omitempty"`
	Role  chat.Role   `json:"role,omitempty"`
	// Address is the network address that it came from.
	Address string       `json:"address,omitempty"`
	Act     identity.Act `json:"act"`
	// Subject is what it was done to.
	Subject string `json:"subject,omitempty"`
	// Before and After sum up what changed.
	Before map[string]string `json:"before,omitempty"`
	After  map[string]string `json:"after,omitempty"`
}

func auditRoutes() []route {
	return []route{
		{pattern: "GET /v1/audit", command: chat.CommandAudit, serve: (*API).listAudit, says: says{
			name: "listAudit", summary: "Read the audit log, newest first.", answers: map[int]any{http.StatusOK: AuditList{}},
			query: []Parameter{
				{Name: "actor", Summary: "Only what this user did."},
				{Name: "act", Summary: "Only this act; with a dot at its end all that begin so, such as staff."},
				{Name: "subject", Summary: "Only what was done to this."},
				{Name: "from", Summary: "Only from this time on, in Unix milliseconds.", Number: true},
				{Name: "until", Summary: "Only before this time, in Unix milliseconds.", Number: true},
				{Name: "after", Summary: "The next of the page before."},
				{Name: "limit", Summary: "How many, default 25.", Number: true, Min: 1, Max: identity.MaxAudit},
			}, codes: []chat.Code{chat.CodeInvalid}}},
	}
}

func (a *API) listAudit(c *call) (int, any, error) {
	q := queryOf(c.Request, "actor", "act", "subject", "from", "until", "after", "limit")
	ask := identity.AuditQuery{
		Actor: chat.UserID(q.text("actor")), Act: identity.Act(q.text("act")), Subject: q.text("subject"),
		From: q.time("from"), Until: q.time("until"), Limit: q.limit(listLimit, identity.MaxAudit),
	}
	if keys := c.after(q, 1); keys != nil {
		ask.After = keys[0]
	}
	if q.err != nil {
		return 0, nil, q.err
	}
	list, next, err := a.Audit.List(c.Context(), c.actor(), ask)
	if err != nil {
		return 0, nil, err
	}
	out := AuditList{Entries: []AuditEntry{}}
	for _, e := range list {
		out.Entries = append(out.Entries, AuditEntry{
			Entry: e.ID, At: e.At.UnixMilli(), Actor: e.Actor, Role: e.Role, Address: e.Source, Act: e.Act, Subject: e.Subject,
			Before: e.Before, After: e.After,
		})
	}
	if next != "" {
		out.Next = c.next(next)
	}
	return http.StatusOK, out, nil
}

// time reads Unix milliseconds; the zero time when the parameter is absent.
func (q *query) time(name string) time.Time {
	ms := q.seq(name)
	if ms == nil || *ms > 1<<47 {
		return time.Time{}
	}
	return time.UnixMilli(int64(*ms))
}
