package dynamo

import (
	"context"
	"slices"
	"strconv"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/workspace"
)

// WorkspaceKnows is workspace.Knows: what documents refer to outside the workspace's own partitions.
type WorkspaceKnows struct{ Store *Store }

var _ workspace.Knows = WorkspaceKnows{}

// Staff implements workspace.Knows, by one read.
func (k WorkspaceKnows) Staff(ctx context.Context, w chat.WorkspaceID, u chat.UserID) (bool, error) {
	found, err := Identity(k).Colleague(ctx, w, u)
	return found != nil, err
}

// Bot implements workspace.Knows, by one read.
func (k WorkspaceKnows) Bot(ctx context.Context, w chat.WorkspaceID, u chat.UserID) (bool, error) {
	key, found, err := Identity(k).Key(ctx, w, chat.RoleBot, u)
	return found && !key.Disabled, err
}

// usesPage is how many accounts a query reads.
const usesPage = 200

// waitingShown is how many of those who wait in a queue are looked at.
const waitingShown = 100

// UsesOf implements workspace.Knows: the staff, what routing knows of it, the invitations, the identity provider and the
// queue of the workspace are read, a query each; a department is seldom removed.
func (k WorkspaceKnows) UsesOf(ctx context.Context, w chat.WorkspaceID, d chat.DepartmentID) (map[string][]string, error) {
	uses := map[string][]string{}
	steps := []func(context.Context, chat.WorkspaceID, chat.DepartmentID, map[string][]string) error{k.staff, k.operators, k.invitations, k.provider, k.waiting}
	for _, step := range steps {
		if err := step(ctx, w, d, uses); err != nil {
			return nil, err
		}
	}
	return uses, nil
}

// works says whether a list of departments names it: one that stands for all does not.
func works(list chat.DepartmentList, d chat.DepartmentID) bool { return slices.Contains(list.All(), d) }

func (k WorkspaceKnows) staff(ctx context.Context, w chat.WorkspaceID, d chat.DepartmentID, uses map[string][]string) error {
	var after chat.UserID
	for {
		list, err := Identity(k).StaffList(ctx, w, after, usesPage)
		if err != nil {
			return err
		}
		for _, a := range list {
			if works(a.Departments, d) {
				uses["staff"] = append(uses["staff"], string(a.User)+" ("+a.Name+")")
			}
		}
		if len(list) < usesPage {
			return nil
		}
		after = list[len(list)-1].User
	}
}

func (k WorkspaceKnows) operators(ctx context.Context, w chat.WorkspaceID, d chat.DepartmentID, uses map[string][]string) error {
	list, err := k.Store.Operators(ctx, w)
	for _, o := range list {
		if works(o.Departments, d) {
			uses["operators"] = append(uses["operators"], string(o.User))
		}
	}
	return err
}

func (k WorkspaceKnows) invitations(ctx context.Context, w chat.WorkspaceID, d chat.DepartmentID, uses map[string][]string) error {
	list, err := Identity(k).Invitations(ctx, w)
	for _, i := range list {
		if works(i.Departments, d) {
			uses["invitations"] = append(uses["invitations"], i.ID)
		}
	}
	return err
}

func (k WorkspaceKnows) provider(ctx context.Context, w chat.WorkspaceID, d chat.DepartmentID, uses map[string][]string) error {
	p, _, err := Identity(k).Provider(ctx, w)
	for i, m := range p.Mappings {
		if works(m.Departments, d) {
			uses["oidc"] = append(uses["oidc"], "mappings["+strconv.Itoa(i)+"]")
		}
	}
	return err
}

func (k WorkspaceKnows) waiting(ctx context.Context, w chat.WorkspaceID, d chat.DepartmentID, uses map[string][]string) error {
	list, err := k.Store.Waiting(ctx, w, d, waitingShown)
	for _, e := range list {
		uses["waiting"] = append(uses["waiting"], string(e.Conversation))
	}
	return err
}
