package chat

import (
	"cmp"
	"context"
	"slices"
)

// Waiting lists what waits in the departments of the principal, in the order of the queues: by rank, then by id.
func (s *Service) Waiting(ctx context.Context, p Principal, limit int) ([]Waiting, error) {
	scope, err := authorize(p, CommandWaiting)
	if err != nil {
		return nil, err
	}
	departments, err := s.departments(ctx, p, scope)
	if err != nil {
		return nil, err
	}
	lists, err := parallel(ctx, departments, func(ctx context.Context, d DepartmentID) (list []Waiting, err error) {
		err = s.retry(ctx, func() (err error) {
			list, err = s.Dir.Waiting(ctx, p.Workspace, d, limit)
			return err
		})
		return list, err
	})
	if err != nil {
		return nil, err
	}
	all := slices.Concat(lists...)
	slices.SortFunc(all, byRank)
	return all[:min(len(all), limit)], nil
}

func byRank(a, b Waiting) int {
	return cmp.Or(a.Rank().Compare(b.Rank()), cmp.Compare(a.Conversation, b.Conversation))
}

// departments lists those that the principal sees. What came before the workspace had any lies under "".
func (s *Service) departments(ctx context.Context, p Principal, scope Scope) ([]DepartmentID, error) {
	if scope == Department && p.Departments != "" {
		return p.Departments.All(), nil
	}
	all := []DepartmentID{""}
	if s.Departments == nil {
		return all, nil
	}
	more, err := s.Departments(ctx, p.Workspace)
	return append(all, more...), err
}
