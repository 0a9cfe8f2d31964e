package identitytest

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

// ChangeWorkspace implements identity.SiteStore.
func (m *Memory) ChangeWorkspace(_ context.Context, before, after identity.Workspace, entry identity.AuditEntry) error {
	err := m.begin()
	defer m.mu.Unlock()
	stored, ok := m.workspaces[before.ID]
	if err == nil && (!ok || stored.Version != before.Version) {
		return identity.ErrConflict
	}
	if err == nil {
		m.workspaces[after.ID] = after
		m.audit = append(m.audit, entry)
	}
	return err
}

// Widgets implements identity.SiteStore.
func (m *Memory) Widgets(_ context.Context, w chat.WorkspaceID) (out []identity.Widget, err error) {
	err = m.begin()
	defer m.mu.Unlock()
	for _, widget := range m.widgets {
		if widget.Workspace == w {
			out = append(out, widget)
		}
	}
	slices.SortFunc(out, func(a, b identity.Widget) int { return strings.Compare(a.Key, b.Key) })
	return out, err
}

// ChangeWidget implements identity.SiteStore.
func (m *Memory) ChangeWidget(_ context.Context, w identity.Widget, before uint64, entry identity.AuditEntry) error {
	err := m.begin()
	defer m.mu.Unlock()
	stored, ok := m.widgets[w.Key]
	switch {
	case err != nil:
		return err
	case ok && stored.Workspace != w.Workspace:
		return chat.Errorf(chat.CodeForbidden, "the widget key belongs to another workspace")
	case stored.Version != before:
		return identity.ErrConflict
	}
	m.widgets[w.Key] = w
	m.audit = append(m.audit, entry)
	return nil
}

// DropWidget implements identity.SiteStore.
func (m *Memory) DropWidget(_ context.Context, w identity.Widget, entry identity.AuditEntry) error {
	err := m.begin()
	defer m.mu.Unlock()
	if stored, ok := m.widgets[w.Key]; err == nil && (!ok || stored.Workspace != w.Workspace) {
		return identity.ErrConflict
	}
	if err == nil {
		delete(m.widgets, w.Key)
		m.audit = append(m.audit, entry)
	}
	return err
}

// People implements identity.ProfileStore.
func (m *Memory) People(_ context.Context, w chat.WorkspaceID, users []chat.UserID) (out []identity.Person, err error) {
	err = m.begin()
	defer m.mu.Unlock()
	for _, u := range users {
		if a, ok := m.accounts[user{w, u}]; ok {
			out = append(out, identity.Person{User: u, Role: a.Role, Name: a.Name, PublicName: a.PublicName, Avatar: a.Avatar, Disabled: a.Disabled})
			continue
		}
		for _, role := range []chat.Role{chat.RoleBot, chat.RoleAPIKey} {
			if k, ok := m.keys[principal{user{w, u}, role}]; ok {
				out = append(out, identity.Person{User: u, Role: role, Name: k.Name, Disabled: k.Disabled})
			}
		}
	}
	return out, err
}

// Preferences implements identity.ProfileStore.
func (m *Memory) Preferences(_ context.Context, w chat.WorkspaceID, u chat.UserID) (identity.Preferences, error) {
	err := m.begin()
	defer m.mu.Unlock()
	p := m.preferred[user{w, u}]
	out := identity.Preferences{Version: p.Version, Values: map[string]string{}}
	maps.Copy(out.Values, p.Values)
	return out, err
}

// PutPreferences implements identity.ProfileStore.
func (m *Memory) PutPreferences(_ context.Context, w chat.WorkspaceID, u chat.UserID, before uint64, values map[string]string) error {
	err := m.begin()
	defer m.mu.Unlock()
	at := user{w, u}
	if err == nil && m.preferred[at].Version != before {
		return identity.ErrConflict
	}
	if err == nil {
		m.preferred[at] = identity.Preferences{Values: maps.Clone(values), Version: before + 1}
	}
	return err
}
