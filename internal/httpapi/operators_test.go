package httpapi

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/chat"
)

// operatorFixtures are about operatorOne, who works in salesDepartment.
func operatorFixtures() map[string]fixture {
	of := func(path string) string { return strings.ReplaceAll(path, "{id}", string(operatorOne)) }
	return map[string]fixture{
		"setDuty":               {about: aboutSelf, body: `{"status":"accepting"}`, prepare: (*matrix).staff},
		"listOwnOperatorEvents": {about: aboutSelf, prepare: (*matrix).staff},
		"ownOperator":           {about: aboutSelf, target: "/v1/operators/me", prepare: (*matrix).staff},
		"operator":              {about: aboutDepartment, target: of("/v1/operators/{id}"), prepare: (*matrix).staff},
		"changeOperator":        {about: aboutDepartment, target: of("/v1/operators/{id}"), body: `{"capacity":7,"skills":["tax"]}`, prepare: (*matrix).staff},
		"listOperatorEvents":    {about: aboutDepartment, target: of("/v1/operators/{id}/events"), prepare: (*matrix).staff},
	}
}

// staff makes operatorOne an operator of salesDepartment.
func (m *matrix) staff() {
	m.t.Helper()
	clock := func() time.Time { return m.now }
	m.api.Chat = &chat.Service{Staff: m.memory, Sockets: m.memory, Now: clock}
	m.must(m.memory.PutOperator(m.t.Context(), chat.Operator{
		Workspace: workspaceOne, User: operatorOne, Role: chat.RoleOperator, Departments: chat.JoinDepartments(salesDepartment),
		Duty: chat.DutyAway, Capacity: 4, Lease: m.now.Add(time.Minute),
	}))
}

func TestOperators(t *testing.T) {
	t.Parallel()
	var supervisor, self caller
	for _, c := range callers() {
		switch c.name {
		case "a supervisor of the department":
			supervisor = c
		case "its operator":
			self = c
		}
	}
	m := newMatrix(t, supervisor)
	m.staff()
	own := "Bearer " + m.signIn(self)
	path := "/v1/operators/" + string(operatorOne)
	as := func(token, method, path, body string, status int) answer {
		t.Helper()
		a := m.do(method, path, body, "Authorization", token, "Origin", desk)
		if a.StatusCode != status {
			t.Fatalf("%s %s %s: %d %s", method, path, body, a.StatusCode, a.body)
		}
		return a
	}
	got := decodeAs[Operator](t, as(m.token, "PUT", path, `{"capacity":7,"skills":["tax","french","tax"]}`, 200))
	if got.Capacity != 7 || len(got.Skills) != 2 || got.Status != chat.DutyAway || got.Since != 0 || !got.Connected {
		t.Errorf("%+v", got)
	}
	got = decodeAs[Operator](t, as(own, "PUT", "/v1/operators/me/duty", `{"status":"accepting"}`, 200))
	if got.Status != chat.DutyAccepting || got.Capacity != 7 || got.Since != m.now.UnixMilli() {
		t.Errorf("%+v", got)
	}
	as(m.token, "PUT", path, `{"status":"off"}`, 200)
	page := decodeAs[OperatorEventPage](t, as(own, "GET", "/v1/operators/me/events?after=1", "", 200))
	if len(page.Events) != 2 || page.More || page.Events[1].To != chat.DutyOff || page.Events[1].Reason != "supervised" || page.Events[1].Role != chat.RoleSupervisor {
		t.Errorf("%+v", page)
	}
	if first := decodeAs[OperatorEventPage](t, as(m.token, "GET", path+"/events?limit=1", "", 200)); len(first.Events) != 1 || !first.More || first.Events[0].Seq != 1 {
		t.Errorf("%+v", first)
	}
	for _, bad := range []string{`{"capacity":0}`, `{"capacity":101}`, `{"status":"asleep"}`, `{"departments":["sales"]}`, `{"skills":[""]}`, `{"skills":["` + strings.Repeat("x", 65) + `"]}`} {
		as(m.token, "PUT", path, bad, 400)
	}
	as(own, "PUT", "/v1/operators/me/duty", `{"status":"asleep"}`, 400)
	as(m.token, "PUT", path, `{"departments":["`+string(otherDepartment)+`"]}`, 403) // not theirs to give
	as(m.token, "PUT", path, `{"departments":[]}`, 403)
	as(m.token, "PUT", "/v1/operators/u_01kaw3v4x0zzzzzzzzzzzzzzzz", `{"capacity":3}`, 404)
}

// TestOperatorsAreSetUpBeforeTheirFirstDay: somebody who was never on duty stands as their account says, can be given
// capacity and skills, and keeps them; who is no colleague does not stand at all.
func TestOperatorsAreSetUpBeforeTheirFirstDay(t *testing.T) {
	t.Parallel()
	var supervisor caller
	for _, c := range callers() {
		if c.name == "a supervisor of the department" {
			supervisor = c
		}
	}
	m := newMatrix(t, supervisor)
	m.staff()
	person := func(n int) chat.UserID { return chat.UserID(fmt.Sprintf("u_01kaw3v4x0nnnnnnnn%08d", n)) }
	here, elsewhere, disabled := person(1), person(2), person(3)
	m.api.Chat.Colleague = func(_ context.Context, _ chat.WorkspaceID, u chat.UserID) (*chat.Colleague, error) {
		departments := map[chat.UserID]chat.DepartmentID{here: salesDepartment, elsewhere: otherDepartment}
		if d, known := departments[u]; known {
			return &chat.Colleague{User: u, Role: chat.RoleOperator, Departments: chat.JoinDepartments(d)}, nil
		}
		return nil, nil //nolint:nilnil // what the hook says of who is no colleague
	}
	ask := func(method string, u chat.UserID, body string, status int) Operator {
		t.Helper()
		a := m.do(method, "/v1/operators/"+string(u), body, "Authorization", m.token, "Origin", desk)
		if a.StatusCode != status {
			t.Fatalf("%s %s: %d %s", method, u, a.StatusCode, a.body)
		}
		if status != 200 {
			return Operator{}
		}
		return decodeAs[Operator](t, a)
	}
	want := Operator{User: here, Status: chat.DutyOff, Capacity: chat.DefaultCapacity, Departments: []chat.DepartmentID{salesDepartment}}
	if diff := cmp.Diff(want, ask("GET", here, "", 200)); diff != "" {
		t.Errorf("before (-want +got):\n%s", diff)
	}
	ask("PUT", here, `{"capacity":9,"skills":["tax"]}`, 200)
	want.Capacity, want.Skills = 9, []string{"tax"}
	want.Since = m.now.UnixMilli()
	if diff := cmp.Diff(want, ask("GET", here, "", 200)); diff != "" {
		t.Errorf("after (-want +got):\n%s", diff)
	}
	for _, u := range []chat.UserID{elsewhere, disabled} {
		ask("GET", u, "", 404)
		ask("PUT", u, `{"capacity":9}`, 404)
	}
}
