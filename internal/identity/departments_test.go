package identity_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

const (
	sales   = chat.DepartmentID("d_01kaw3v4x0aaaaaaaaaaaaaaaa")
	support = chat.DepartmentID("d_01kaw3v4x0bbbbbbbbbbbbbbbb")
	typo    = chat.DepartmentID("d_01kaw3v4x0cccccccccccccccc")
)

// has is a workspace with these departments.
func has(list *[]chat.DepartmentID) identity.Departments {
	return func(context.Context, chat.WorkspaceID) ([]chat.DepartmentID, error) { return *list, nil }
}

// unknown demands the error that names the department under the field.
func unknown(t *testing.T, err error, field string) {
	t.Helper()
	var named *chat.Error
	if !errors.As(err, &named) || named.Code != chat.CodeInvalid || !strings.Contains(named.Fields[field], string(typo)) || strings.Contains(named.Fields[field], string(sales)) {
		t.Errorf("%v, want an error that names %s under %s, and nothing else", err, typo, field)
	}
}

// Nobody is invited to, or moved into, a department that there is not: the error names it, and nothing changes.
func TestUnknownDepartmentsAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	people, boss := w.staffed()
	there := []chat.DepartmentID{sales, support}
	people.Departments = has(&there)
	offer := identity.Offer{Address: "new@example.com", Role: chat.RoleOperator, Departments: []chat.DepartmentID{sales, typo}}
	_, _, err := people.Invite(t.Context(), boss, offer)
	unknown(t, err, "departments")
	if list, err := people.Invitations(t.Context(), boss); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
	offer.Departments = there
	_, token, err := people.Invite(t.Context(), boss, offer)
	w.must(err)
	a, err := people.Accept(t.Context(), token, "New", phrase, "x")
	w.must(err)
	bad, good := []chat.DepartmentID{sales, typo}, []chat.DepartmentID{sales}
	_, err = people.Change(t.Context(), boss, a.User, a.Version, identity.StaffChange{Departments: &bad})
	unknown(t, err, "departments")
	if now, err := people.Account(t.Context(), boss, a.User); err != nil || now != a {
		t.Errorf("%+v, %v", now, err)
	}
	a, err = people.Change(t.Context(), boss, a.User, a.Version, identity.StaffChange{Departments: &good})
	w.must(err)
	there = nil // what somebody has already does not hold up another change
	name := "Grace"
	_, err = people.Change(t.Context(), boss, a.User, a.Version, identity.StaffChange{Name: &name})
	w.must(err)
}

// An invitation to a department that is gone by now leads into the others, and the audit log says so.
func TestAnInvitationToADepartmentThatIsGone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		left []chat.DepartmentID
		want chat.DepartmentList
	}{
		"one is left":                           {[]chat.DepartmentID{sales}, chat.JoinDepartments(sales)},
		"none is left, which is not everywhere": {[]chat.DepartmentID{support}, chat.JoinDepartments(sales, typo)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			people, boss := w.staffed()
			there := []chat.DepartmentID{sales, typo}
			people.Departments = has(&there)
			_, token, err := people.Invite(t.Context(), boss, identity.Offer{Address: "new@example.com", Role: chat.RoleOperator, Departments: there})
			w.must(err)
			there, w.now = c.left, w.now.Add(1e9)
			a, err := people.Accept(t.Context(), token, "New", phrase, "x")
			w.must(err)
			if a.Departments != c.want {
				t.Errorf("works in %q, want %q", a.Departments, c.want)
			}
			if entries, _, err := people.Audit.List(t.Context(), boss, identity.AuditQuery{Limit: 1}); err != nil || !strings.Contains(entries[0].After["unknown departments"], string(typo)) {
				t.Errorf("%+v, %v", entries, err)
			}
		})
	}
}

// A mapping names departments that there are; one that goes later is left out when somebody signs in, and the audit log
// says so. It never makes a list empty, which would stand for everywhere.
func TestMappingsNameDepartmentsThatThereAre(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, boss := w.staffed()
	there := []chat.DepartmentID{sales, support}
	s := &identity.SignOn{
		Providers: &w.store, Issuer: says{identity.Claims{Subject: "grace", Address: "grace@idp.example", Verified: true, Groups: []string{"desk"}}},
		Accounts: &w.store, Roster: &w.store, Workspaces: &w.store, Sessions: w.sessions, Audit: w.sessions.Audit, Departments: has(&there),
	}
	p := identity.Provider{Issuer: "https://idp.example", ClientID: "c", Mappings: []identity.GroupMapping{
		{Group: "leads", Role: chat.RoleSupervisor}, {Group: "desk", Role: chat.RoleOperator, Departments: chat.JoinDepartments(sales, typo)},
	}}
	_, err := s.Configure(t.Context(), boss, 0, p)
	unknown(t, err, "mappings[1].departments")
	if is, err := s.Configured(t.Context(), w.one); err != nil || is {
		t.Errorf("stored: %v, %v", is, err)
	}
	there = append(there, typo)
	_, err = s.Configure(t.Context(), boss, 0, p)
	w.must(err)
	signIn := func() chat.DepartmentList {
		t.Helper()
		sum := sha256.Sum256([]byte("s"))
		state, err := s.Start(t.Context(), w.one, "r", desk+"/in", base64.RawURLEncoding.EncodeToString(sum[:]))
		w.must(err)
		_, _, err = s.Callback(t.Context(), state, "code", "", "x")
		w.must(err)
		list, err := w.store.StaffList(t.Context(), w.one, "", 100)
		w.must(err)
		for _, a := range list {
			if a.Address == "grace@idp.example" {
				return a.Departments
			}
		}
		t.Fatal("nobody has joined")
		return ""
	}
	for _, c := range []struct {
		there []chat.DepartmentID
		want  chat.DepartmentList
		told  string
	}{
		{[]chat.DepartmentID{sales, typo}, chat.JoinDepartments(sales, typo), ""},
		{[]chat.DepartmentID{sales}, chat.JoinDepartments(sales), string(typo)},
		{nil, chat.JoinDepartments(sales, typo), string(chat.JoinDepartments(sales, typo))},
	} {
		there = c.there
		if got := signIn(); got != c.want {
			t.Errorf("of %v: works in %q, want %q", c.there, got, c.want)
		}
		entries, _, err := s.Audit.List(t.Context(), boss, identity.AuditQuery{Limit: 1})
		if err != nil || entries[0].After["unknown departments"] != c.told {
			t.Errorf("of %v: the audit log says %v", c.there, fmt.Sprint(entries))
		}
		w.now = w.now.Add(1e9)
	}
}
