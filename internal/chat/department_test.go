package chat_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
)

// departments gives the workspace these, of which the first is the default.
func (w *world) departments(list ...chat.DepartmentID) {
	w.svc.Departments = func(context.Context, chat.WorkspaceID) ([]chat.DepartmentID, error) { return list, nil }
	w.svc.DefaultDepartment = func(context.Context, chat.WorkspaceID) (chat.DepartmentID, error) { return list[0], nil }
}

// Nobody looks after the queue of a department that was removed: whatever would go back into it waits in the default one.
func TestARemovedDepartmentsConversationsGoOn(t *testing.T) {
	t.Parallel()
	for name, back := range map[string]func(w *world) (*chat.Outcome, error){
		"it is taken up again": func(w *world) (*chat.Outcome, error) {
			w.close(w.customer)
			return w.svc.Reopen(w.Context(), w.supervisor, w.step())
		},
		"it leaves the bot": func(w *world) (*chat.Outcome, error) { return w.svc.Person(w.Context(), w.customer, w.step()) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			general, gone := chat.DepartmentID(w.id(chat.DepartmentPrefix)), chat.DepartmentID(w.id(chat.DepartmentPrefix))
			w.departments(gone)
			if name == "it leaves the bot" {
				w.greets(w.principal(w.customer.Workspace, chat.RoleBot, ""))
			}
			w.start("hello")
			w.same(w.head().Department, gone)
			w.departments(general)
			_, err := back(w)
			w.must(err)
			h := w.head()
			w.same(h.Department, general)
			list, err := w.store.Waiting(t.Context(), w.customer.Workspace, general, 10)
			w.must(err)
			if len(list) != 1 || list[0].Conversation != w.conv {
				t.Errorf("the queue of the default department: %+v", list)
			}
			list, err = w.store.Waiting(t.Context(), w.customer.Workspace, gone, 10)
			w.must(err)
			if len(list) != 0 {
				t.Errorf("the queue of the removed department: %+v", list)
			}
		})
	}
}

// A supervisor's departments for an operator exist; the error names the one that does not, and nothing changes.
func TestSuperviseNamesUnknownDepartments(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.svc.Staff = w.store
	sales, typo := chat.DepartmentID(w.id(chat.DepartmentPrefix)), chat.DepartmentID(w.id(chat.DepartmentPrefix))
	w.departments(sales)
	_, err := w.svc.Duty(t.Context(), w.operator, chat.DutyAway)
	w.must(err)
	both, one := chat.JoinDepartments(sales, typo), chat.JoinDepartments(sales)
	_, err = w.svc.Supervise(t.Context(), w.supervisor, w.operator.User, chat.Supervision{Departments: &both})
	var named *chat.Error
	if !errors.As(err, &named) || named.Code != chat.CodeInvalid || !strings.Contains(named.Fields["departments"], string(typo)) {
		t.Fatal(err)
	}
	o, err := w.store.Operator(t.Context(), w.operator.Workspace, w.operator.User)
	w.must(err)
	w.same(o.Departments, chat.DepartmentList(""))
	o, err = w.svc.Supervise(t.Context(), w.supervisor, w.operator.User, chat.Supervision{Departments: &one})
	w.must(err)
	w.same(o.Departments, one)
}

// A socket that could not be closed brings nobody back on duty who was signed out.
func TestNobodySignedOutComesOnDuty(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.svc.Staff = w.store
	w.sessions.answers = []error{chat.Errorf(chat.CodeUnauthenticated, "the session was revoked")}
	_, err := w.svc.Duty(t.Context(), w.operator, chat.DutyAccepting)
	w.refused(err, chat.CodeUnauthenticated)
	if o, err := w.store.Operator(t.Context(), w.operator.Workspace, w.operator.User); err != nil || o != nil {
		t.Errorf("%+v, %v", o, err)
	}
	_, err = w.svc.Duty(t.Context(), w.operator, chat.DutyAccepting)
	w.must(err)
}
