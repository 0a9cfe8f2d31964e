package chat

import (
	"context"
	"slices"
	"strings"
)

// CheckDepartments returns CodeInvalid, with the field, unless all that are named are among those that there are.
func CheckDepartments(field string, named, there []DepartmentID) error {
	var unknown []string
	for _, d := range named {
		if !slices.Contains(there, d) {
			unknown = append(unknown, string(d))
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	why := "the workspace has no department " + strings.Join(unknown, ", ")
	return &Error{Code: CodeInvalid, Message: field + ": " + why, Fields: map[string]string{field: why}}
}

// checkDepartment demands that the workspace has the department.
func (s *Service) checkDepartment(ctx context.Context, w WorkspaceID, d DepartmentID) error {
	return s.checkDepartments(ctx, w, "department", d)
}

func (s *Service) checkDepartments(ctx context.Context, w WorkspaceID, field string, named ...DepartmentID) error {
	var all []DepartmentID
	if s.Departments != nil {
		var err error
		if all, err = s.Departments(ctx, w); err != nil {
			return err
		}
	}
	for _, d := range named {
		if s.NewDepartment == nil || slices.Contains(all, d) {
			continue
		}
		if is, err := s.NewDepartment(ctx, w, d); err != nil {
			return err
		} else if is {
			all = append(slices.Clone(all), d)
		}
	}
	return CheckDepartments(field, named, all)
}

// moved is the department in whose queue a conversation waits next: the default one in place of one that was removed,
// since nobody looks after the queue of that; "" for where it is. What a workspace without departments has stays there.
func (s *Service) moved(ctx context.Context, h *Head) (DepartmentID, error) {
	if h.Department == "" || s.Departments == nil || s.DefaultDepartment == nil {
		return "", nil
	}
	all, err := s.Departments(ctx, h.Workspace)
	if err != nil || len(all) == 0 || slices.Contains(all, h.Department) {
		return "", err
	}
	return s.DefaultDepartment(ctx, h.Workspace)
}
