package httpapi

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/chat/chattest"
	"github.com/parley-chat/parley/internal/identity"
)

// The generated permission matrix: every route times every kind of caller. What a cell must be follows from the one
// table in package chat (chat.Allowed); a fixture only says how to call the route and what it is about.
// A route without a fixture fails TestPermissions.

// What a request is about: it decides what a scope reaches.
type about int

const (
	// aboutOpen: no session is needed, and callers are not told apart.
	aboutOpen about = iota
	// aboutSelf: what is the caller's own. Whoever may issue the command succeeds.
	aboutSelf
	// aboutConversation: the conversation talk, {id} in the path: it is in salesDepartment, of customerOne, and operatorOne
	// takes part. Out of reach it is 404, as if it were not there.
	aboutConversation
	// aboutDepartment: a thing of salesDepartment that is no conversation. Scope Own reaches the caller's only.
	aboutDepartment
	// aboutWorkspace: a thing, or a list, of the workspace. Any scope will do.
	aboutWorkspace
)

// fixture says how to call a route with valid input.
type fixture struct {
	about about
	// target is the path and the query; "" stands for the route's path with {id} replaced by talk.
	target string
	// body is JSON; fresh %s is not needed: every cell has a world of its own.
	body string
	// headers are pairs, besides Authorization.
	headers []string
	// prepare makes what the request needs, besides what newMatrix makes.
	prepare func(*matrix)
	// reaches overrides what a scope reaches, for routes that check more than the table does (authorship, say).
	reaches func(caller) bool
	// refused is the status of what is out of reach; 0 stands for 404.
	refused int
	// foreign is the status for an admin of another workspace, where it is not derived from about.
	foreign int
	// arrange, when set, makes what the request needs and says target and body.
	arrange arrangement
}

// fixtures by the names of operations.
var fixtures = map[string]fixture{
	"startCustomerSession": {about: aboutOpen, body: `{"widgetKey":"wk_one"}`, headers: []string{"Origin", shop}},
	"signIn":               {about: aboutOpen, body: `{"email":"one@example.com","password":"right"}`, headers: []string{"Origin", desk}},
	"currentSession":       {about: aboutSelf},
	"signOut":              {about: aboutSelf},
	"issueSocketTicket":    {about: aboutSelf, body: "{}"},
	"listConversations":    {about: aboutSelf},
	"conversation":         {about: aboutConversation},
	"listEvents":           {about: aboutConversation},
	"health":               {about: aboutOpen},
	"openapi":              {about: aboutOpen},
	"docs":                 {about: aboutOpen},
	"errorDocs":            {about: aboutOpen},
}

// fixtureOf finds the fixture of an operation.
func fixtureOf(name string) (fixture, bool) {
	f, ok := allFixtures()[name]
	return f, ok
}

func allFixtures() map[string]fixture {
	all := peopleFixtures()
	maps.Copy(all, operatorFixtures())
	maps.Copy(all, liveFixtures())
	maps.Copy(all, workspaceFixtures())
	maps.Copy(all, commandFixtures())
	maps.Copy(all, fixtures)
	maps.Copy(all, contactFixtures())
	return all
}

const (
	salesDepartment = chat.DepartmentID("d_01kaw3v4x0aaaaaaaaaaaaaaaa")
	otherDepartment = chat.DepartmentID("d_01kaw3v4x0bbbbbbbbbbbbbbbb")
	workspaceTwo    = chat.WorkspaceID("w_01kaw3v4x0bbbbbbbbbbbbbbbb")
)

// caller is a column of the matrix.
type caller struct {
	name string
	// principal without its session; a zero role is nobody.
	principal chat.Principal
	// takesPart says that they are in the conversation talk.
	takesPart bool
	// ended says why their session does not hold any more.
	ended identity.Reason
	// lacks says that they hold every grant but the one that the route's command needs, or, without any, none.
	lacks bool
}

// callers are the columns.
func callers() []caller {
	one := func(name string, role chat.Role, u chat.UserID) caller {
		return caller{name: name, principal: chat.Principal{Workspace: workspaceOne, User: u, Role: role}}
	}
	user := func(n int) chat.UserID { return chat.UserID(fmt.Sprintf("u_01kaw3v4x0%016d", n)) }
	in := func(c caller, d ...chat.DepartmentID) caller {
		c.principal.Departments = chat.JoinDepartments(d...)
		return c
	}
	granted := func(c caller, g ...chat.Grant) caller {
		c.principal.Grants = chat.JoinGrants(g...)
		return c
	}
	part := func(c caller) caller { c.takesPart = true; return c }
	lacking := func(c caller) caller { c.lacks = true; return c }
	ended := func(c caller, r identity.Reason) caller { c.ended = r; return c }
	foreign := one("admin of another workspace", chat.RoleAdmin, user(1))
	foreign.principal.Workspace = workspaceTwo
	return []caller{
		{name: "nobody"},
		part(one("customer of the conversation", chat.RoleCustomer, customerOne)),
		one("another customer", chat.RoleCustomer, user(2)),
		in(part(one("its operator", chat.RoleOperator, operatorOne)), salesDepartment),
		in(one("an operator of the department", chat.RoleOperator, user(3)), salesDepartment),
		in(one("an operator of another department", chat.RoleOperator, user(4)), otherDepartment),
		one("an operator of all departments", chat.RoleOperator, user(5)),
		in(one("a supervisor of the department", chat.RoleSupervisor, user(6)), salesDepartment),
		in(one("a supervisor of another department", chat.RoleSupervisor, user(7)), otherDepartment),
		one("an admin", chat.RoleAdmin, user(8)),
		granted(part(one("a bot of the conversation", chat.RoleBot, user(9))), chat.Grants()...),
		granted(one("a bot of others", chat.RoleBot, user(10)), chat.Grants()...),
		lacking(part(one("a bot of the conversation without grants", chat.RoleBot, user(11)))),
		granted(one("an API key with all grants", chat.RoleAPIKey, user(12)), chat.Grants()...),
		lacking(one("an API key without grants", chat.RoleAPIKey, user(13))),
		lacking(granted(one("an API key with all grants but the one", chat.RoleAPIKey, user(16)), chat.Grants()...)),
		foreign,
		ended(one("an admin whose session has expired", chat.RoleAdmin, user(14)), identity.ReasonSessionExpired),
		ended(one("an admin whose session was revoked", chat.RoleAdmin, user(15)), identity.ReasonSessionRevoked),
	}
}

// without takes the one grant off that the command needs, of those who lack it.
func (c caller) without(command chat.Command) caller {
	if c.lacks {
		c.principal.Grants = chat.JoinGrants(slices.DeleteFunc(chat.Grants(), func(g chat.Grant) bool {
			return !c.principal.Grants.Has(g) || chat.Principal{Role: c.principal.Role, Grants: chat.JoinGrants(g)}.Granted(command)
		})...)
	}
	return c
}

// matrix is the world of one cell.
type matrix struct {
	*world
	memory *chattest.Memory
	token  string
}

// newMatrix makes a world with the conversation talk, in which the caller is signed in.
func newMatrix(t *testing.T, c caller) *matrix {
	t.Helper()
	m := &matrix{world: newWorld(t), memory: chattest.NewMemory()}
	clock := func() time.Time { return m.now }
	m.memory.Now = clock
	m.api.Conversations = &chat.Service{
		Log: m.memory, Reader: m.memory, Subs: m.memory, Dir: m.memory, States: m.memory, Sockets: m.memory, Now: clock,
		Deadline: time.Nanosecond, Sleep: func(context.Context, time.Duration) {},
	}
	m.api.Directory = m.memory
	m.must(m.store.PutWorkspace(t.Context(), identity.Workspace{ID: workspaceTwo, Name: "Two", Origins: []string{desk}}))
	m.converse(c)
	if c.principal.Role != "" {
		m.token = "Bearer " + m.signIn(c)
	}
	return m
}

// converse makes the conversation of customerOne, with operatorOne, and with the caller if they take part.
func (m *matrix) converse(c caller) {
	m.t.Helper()
	ref := chat.Ref{Workspace: workspaceOne, Conversation: talk}
	m.must(m.memory.Create(m.t.Context(), chat.Creation{
		Ref: ref, Customer: customerOne, Role: chat.RoleCustomer, Department: salesDepartment, At: m.now,
		Events: []chat.Event{{Seq: 1, ID: m.id(), Type: chat.EventStarted, At: m.now, Sender: customerOne, Role: chat.RoleCustomer, To: chat.StatusQueued}},
	}))
	m.join(ref, operatorOne, chat.RoleOperator, 1)
	if u := c.principal.User; c.takesPart && u != customerOne && u != operatorOne {
		m.join(ref, u, c.principal.Role, 2)
	}
}

// join makes the user the conversation's operator, and so a participant.
func (m *matrix) join(ref chat.Ref, u chat.UserID, role chat.Role, after uint64) {
	m.t.Helper()
	head, err := m.memory.Head(m.t.Context(), ref)
	m.must(err)
	m.must(m.memory.Transition(m.t.Context(), chat.Append{
		Ref: ref, Track: chat.Public, After: after, Rule: chat.Rule{Actor: u, Version: &head.Version},
		Events: []chat.Event{{Seq: after + 1, ID: m.id(), Type: chat.EventAssigned, At: m.now, Sender: u, Role: role, Subject: u,
			From: head.Status, To: chat.StatusActive}},
	}, chat.Change{Old: head, Status: chat.StatusActive, Assignee: u, Join: role}))
}

func (m *matrix) id() chat.EventID { return chat.EventID(chat.NewID(chat.EventPrefix, m.now)) }

// signIn opens a session and makes it the caller's: of any role, with departments and grants, or ended.
func (m *matrix) signIn(c caller) string {
	m.t.Helper()
	token, err := identity.ParseToken(strings.TrimPrefix(m.sessionOf(c), "Bearer "))
	m.must(err)
	s, _, err := m.store.Session(m.t.Context(), token.Workspace, token.User, token.Session)
	m.must(err)
	p := c.principal
	s.Role, s.Departments, s.Grants = p.Role, p.Departments, p.Grants
	if p.Role == chat.RoleCustomer {
		s.Widget = "wk_one"
	}
	switch c.ended {
	case identity.ReasonSessionExpired:
		s.Expires = m.now
	case identity.ReasonSessionRevoked:
		s.Revoked = m.now.Add(-time.Second)
	default:
	}
	m.must(m.store.PutSession(m.t.Context(), s))
	return token.Text()
}

// sessionOf signs in with an account of the caller's id.
func (m *matrix) sessionOf(c caller) string {
	m.t.Helper()
	address := string(c.principal.User) + "@example.com"
	m.must(m.store.PutStaff(m.t.Context(), identity.Account{
		Workspace: c.principal.Workspace, User: c.principal.User, Address: address, Role: chat.RoleOperator,
	}, "hash:right"))
	return decodeAs[Session](m.t, m.do("POST", "/v1/staff-sessions", `{"email":"`+address+`","password":"right"}`, "Origin", desk)).Token
}

// want is what a cell must be.
type want struct {
	allowed bool
	status  int // when refused
	code    chat.Code
}

// wanted derives the cell from the table.
func wanted(op Operation, f fixture, c caller) want {
	p := c.principal
	switch {
	case op.Open:
		return want{allowed: true}
	case p.Role == "" || c.ended != "":
		return want{status: 401, code: chat.CodeUnauthenticated}
	case op.Command == "":
		return want{allowed: true}
	case chat.Allowed(p.Role, op.Command) == chat.Denied || c.lacks:
		return want{status: 403, code: chat.CodeForbidden}
	case f.within(chat.Allowed(p.Role, op.Command), c):
		return want{allowed: true}
	case p.Workspace != workspaceOne && f.foreign != 0:
		return want{status: f.foreign}
	case f.refused != 0:
		return want{status: f.refused}
	}
	return want{status: 404, code: chat.CodeNotFound}
}

// within says whether the scope reaches what the request is about.
func (f fixture) within(scope chat.Scope, c caller) bool {
	p := c.principal
	if f.about == aboutSelf || f.about == aboutWorkspace && f.foreign == 0 {
		return f.reaches == nil || f.reaches(c)
	}
	switch {
	case p.Workspace != workspaceOne:
		return false
	case f.reaches != nil:
		return f.reaches(c)
	case f.about == aboutConversation && c.takesPart, scope == chat.Workspace, f.about == aboutWorkspace:
		return true
	}
	return scope == chat.Department && p.WorksIn(salesDepartment)
}

// TestPermissions asserts every cell.
func TestPermissions(t *testing.T) {
	t.Parallel()
	for _, op := range Operations() {
		f, ok := fixtureOf(op.Name)
		if !ok {
			t.Errorf("%s %s (%s) has no fixture in permission_test.go", op.Method, op.Path, op.Name)
			continue
		}
		for _, c := range callers() {
			if op.Open && c.name != "nobody" { // it may take a token, and then judges it by itself: its own tests say how
				continue
			}
			t.Run(op.Name+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				c := c.without(op.Command)
				newMatrix(t, c).cell(op, f, c)
			})
		}
	}
}

// request makes the request as the caller.
func (m *matrix) request(op Operation, f fixture, c caller, query string) answer {
	m.t.Helper()
	if f.prepare != nil {
		f.prepare(m)
	}
	target := f.target
	body := f.body
	if f.arrange != nil {
		target, body = f.arrange(m.world, m.token)
	}
	if target == "" {
		target = strings.ReplaceAll(op.Path, "{id}", string(talk))
	}
	switch {
	case query != "" && strings.Contains(target, "?"):
		target += "&" + query
	case query != "":
		target += "?" + query
	}
	headers := slices.Clone(f.headers)
	if m.token != "" {
		headers = append(headers, "Authorization", m.token, "Origin", m.origin(c))
	}
	return m.do(op.Method, target, body, headers...)
}

// cell makes the request and judges the answer.
func (m *matrix) cell(op Operation, f fixture, c caller) {
	m.t.Helper()
	a := m.request(op, f, c, "")
	w := wanted(op, f, c)
	switch {
	case w.allowed && a.StatusCode >= 400:
		m.t.Errorf("refused: %d %s", a.StatusCode, a.body)
	case !w.allowed && a.StatusCode != w.status:
		m.t.Errorf("%d %s; want %d", a.StatusCode, a.body, w.status)
	case !w.allowed && w.code != "":
		if p := decodeAs[Problem](m.t, a); p.Code != w.code || c.ended != "" && p.Reason != c.ended {
			m.t.Errorf("%s %s; want %s %s", p.Code, p.Reason, w.code, c.ended)
		}
	}
	if a.Header.Get("Set-Cookie") != "" || a.Header.Get("X-Content-Type-Options") != "nosniff" {
		m.t.Errorf("a cookie, which other pages could use, or a body that browsers may take for another kind: %v", a.Header)
	}
	if c.principal.Workspace == workspaceTwo && strings.Contains(string(a.body), string(workspaceOne)) {
		m.t.Errorf("another workspace shows: %s", a.body)
	}
}

// origin is a page that the caller's session allows.
func (m *matrix) origin(c caller) string {
	if c.principal.Role == chat.RoleCustomer {
		return shop
	}
	return desk
}

// TestTheMatrixHasTeeth: fixtures name operations that there are, every command of a route is told apart by some
// column, and a route that forgot its command would be seen.
func TestTheMatrixHasTeeth(t *testing.T) {
	t.Parallel()
	names := map[string]Operation{}
	for _, op := range Operations() {
		names[op.Name] = op
	}
	for name, f := range allFixtures() {
		op, ok := names[name]
		if !ok {
			t.Errorf("a fixture for %s, which is no operation", name)
			continue
		}
		if op.Open != (f.about == aboutOpen) {
			t.Errorf("%s: the route is open: %v; the fixture says otherwise", name, op.Open)
		}
		if strings.Contains(op.Path, "/conversations/{id}") && f.about != aboutConversation {
			t.Errorf("%s is about a conversation", name)
		}
		if op.Command == "" && f.about != aboutSelf && f.about != aboutOpen {
			t.Errorf("%s needs a command: it is about more than the caller", name)
		}
	}
	var allowed, refused int
	page := Operation{Method: http.MethodGet, Command: chat.CommandPage}
	for _, c := range callers() {
		if wanted(page, fixture{about: aboutConversation}, c).allowed {
			allowed++
		} else {
			refused++
		}
	}
	if allowed < 5 || refused < 8 {
		t.Errorf("reading a conversation: %d may, %d may not", allowed, refused)
	}
}
