package httpapi

import (
	"context"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// liveFixtures are lists: whoever may see any of them sees what is in their departments.
func liveFixtures() map[string]fixture {
	return map[string]fixture{
		"deskQueue":     {about: aboutWorkspace, prepare: (*matrix).live},
		"listOperators": {about: aboutWorkspace, prepare: (*matrix).live},
		"listVisitors":  {about: aboutWorkspace, prepare: (*matrix).live},
	}
}

// live makes a conversation that waits in otherDepartment, an operator and three visitors.
func (m *matrix) live() {
	m.t.Helper()
	m.staff()
	m.api.Live = &chat.LiveDesk{
		Store: m.memory, Dir: m.memory, Staff: m.memory, Visitors: m.memory, Now: func() time.Time { return m.now },
		Departments: liveDepartments,
	}
	m.must(m.memory.Create(m.t.Context(), chat.Creation{
		Ref:      chat.Ref{Workspace: workspaceOne, Conversation: "c_01kaw3v4x0bbbbbbbbbbbbbbbb"},
		Customer: customerOne, Role: chat.RoleCustomer, Department: otherDepartment, At: m.now,
		Events: []chat.Event{{Seq: 1, ID: m.id(), Type: chat.EventStarted, At: m.now, Sender: customerOne, Role: chat.RoleCustomer, To: chat.StatusQueued}},
	}))
	for _, u := range []chat.UserID{"u_01kaw3v4x0aaaaaaaaaaaaaaaa", "u_01kaw3v4x0bbbbbbbbbbbbbbbb", customerOne} {
		v := chat.Visitor{User: u, Page: "/shoes", First: m.now, Since: m.now, Until: m.now.Add(time.Minute)}
		m.must(m.memory.PutVisit(m.t.Context(), workspaceOne, v, time.Second))
	}
}

// TestLiveLists: operators see their own departments' queues, everybody's colleagues, and visitors page by page.
func TestLiveLists(t *testing.T) {
	t.Parallel()
	var own, other, admin caller
	for _, c := range callers() {
		switch c.name {
		case "an operator of the department":
			own = c
		case "an operator of another department":
			other = c
		case "an admin":
			admin = c
		}
	}
	m := newMatrix(t, own)
	m.live()
	get := func(token, path string, status int, headers ...string) answer {
		t.Helper()
		a := m.do("GET", path, "", append([]string{"Authorization", token, "Origin", desk}, headers...)...)
		if a.StatusCode != status {
			t.Fatalf("%s: %d %s", path, a.StatusCode, a.body)
		}
		return a
	}
	mine := decodeAs[DeskQueue](t, get(m.token, "/v1/desk/queue", 200))
	if len(mine.Departments) != 1 || mine.Departments[0].Department != salesDepartment || mine.Departments[0].Waiting != 0 || len(mine.Entries) != 0 {
		t.Errorf("%+v", mine)
	}
	get(m.token, "/v1/desk/queue?department="+string(otherDepartment), 403)
	get(m.token, "/v1/desk/queue?department=sales", 400)
	theirs := "Bearer " + m.signIn(other)
	if q := decodeAs[DeskQueue](t, get(theirs, "/v1/desk/queue", 200)); len(q.Entries) != 1 || q.Departments[0].Waiting != 1 || q.Departments[0].Oldest != m.now.UnixMilli() {
		t.Errorf("%+v", q)
	}
	all := "Bearer " + m.signIn(admin)
	if q := decodeAs[DeskQueue](t, get(all, "/v1/desk/queue", 200)); len(q.Departments) != 3 || len(q.Entries) != 1 {
		t.Errorf("%+v", q)
	}
	a := get(theirs, "/v1/operators", 200)
	if c := decodeAs[Colleagues](t, a); len(c.Operators) != 1 || c.Operators[0].User != operatorOne || !c.Operators[0].Connected || c.Operators[0].Capacity != 4 {
		t.Errorf("%+v", c)
	}
	get(theirs, "/v1/operators", 304, "If-None-Match", a.Header.Get("ETag"))
	seen := map[chat.UserID]bool{}
	for path := "/v1/visitors?limit=1"; path != ""; {
		page := decodeAs[VisitorList](t, get(m.token, path, 200))
		for _, v := range page.Visitors {
			seen[v.User] = true
		}
		if path = ""; page.Next != "" {
			path = "/v1/visitors?limit=1&after=" + page.Next
		}
	}
	if len(seen) != 3 {
		t.Errorf("visitors: %v", seen)
	}
	get(m.token, "/v1/visitors?after=x", 400)
	m.now = m.now.Add(2 * time.Minute)
	if page := decodeAs[VisitorList](t, get(m.token, "/v1/visitors", 200)); len(page.Visitors) != 0 {
		t.Errorf("gone: %+v", page)
	}
}

func liveDepartments(context.Context, chat.WorkspaceID) ([]chat.DepartmentID, error) {
	return []chat.DepartmentID{salesDepartment, otherDepartment}, nil
}
