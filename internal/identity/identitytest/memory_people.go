package identitytest

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

// StaffList implements identity.Roster.
func (m *Memory) StaffList(_ context.Context, w chat.WorkspaceID, after chat.UserID, limit int) ([]identity.Account, error) {
	err := m.begin()
	defer m.mu.Unlock()
	var out []identity.Account
	for key, a := range m.accounts {
		if key.workspace == w && key.user > after {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, func(a, b identity.Account) int { return strings.Compare(string(a.User), string(b.User)) })
	return out[:min(limit, len(out))], err
}

// Admins implements identity.Roster.
func (m *Memory) Admins(_ context.Context, w chat.WorkspaceID) (admins []chat.UserID, version uint64, err error) {
	err = m.begin()
	defer m.mu.Unlock()
	for key, a := range m.accounts {
		if key.workspace == w && a.Role == chat.RoleAdmin && !a.Disabled {
			admins = append(admins, a.User)
		}
	}
	slices.Sort(admins)
	return admins, m.roster[w], err
}

// ChangeAccount implements identity.Roster.
func (m *Memory) ChangeAccount(_ context.Context, before, after identity.Account, roster *uint64, entry identity.AuditEntry) error {
	err := m.begin()
	defer m.mu.Unlock()
	stored, ok := m.accounts[user{before.Workspace, before.User}]
	switch {
	case err != nil:
		return err
	case !ok || stored.Version != before.Version || roster != nil && m.roster[before.Workspace] != *roster:
		return identity.ErrConflict
	}
	if roster != nil {
		m.roster[before.Workspace]++
	}
	m.accounts[user{after.Workspace, after.User}] = after
	m.audit = append(m.audit, entry)
	return nil
}

// SetPassword implements identity.Roster.
func (m *Memory) SetPassword(_ context.Context, before, a identity.Account, hash string, used *identity.Invitation, entry identity.AuditEntry) error {
	err := m.begin()
	defer m.mu.Unlock()
	stored, ok := m.accounts[user{a.Workspace, a.User}]
	if err != nil {
		return err
	}
	if !ok || stored.Version != before.Version || used != nil && !m.invitedHas(*used) || m.credential[a.Address].User != a.User {
		return identity.ErrConflict
	}
	if used != nil {
		delete(m.invited, used.ID)
	}
	credential := m.credential[a.Address]
	credential.PasswordHash, credential.Passwords = hash, a.Passwords
	m.credential[a.Address] = credential
	m.accounts[user{a.Workspace, a.User}] = a
	m.audit = append(m.audit, entry)
	return nil
}

func (m *Memory) invitedHas(i identity.Invitation) bool {
	stored, ok := m.invited[i.ID]
	return ok && stored.Workspace == i.Workspace
}

// PutInvitation implements identity.Roster.
func (m *Memory) PutInvitation(_ context.Context, i identity.Invitation, entry identity.AuditEntry) error {
	err := m.begin()
	defer m.mu.Unlock()
	if err == nil {
		m.invited[i.ID] = i
		m.audit = append(m.audit, entry)
	}
	return err
}

// Invitation implements identity.Roster.
func (m *Memory) Invitation(_ context.Context, w chat.WorkspaceID, id string) (identity.Invitation, bool, error) {
	err := m.begin()
	defer m.mu.Unlock()
	i, ok := m.invited[id]
	if !ok || i.Workspace != w {
		return identity.Invitation{}, false, err
	}
	return i, true, err
}

// Invitations implements identity.Roster.
func (m *Memory) Invitations(_ context.Context, w chat.WorkspaceID) (out []identity.Invitation, err error) {
	err = m.begin()
	defer m.mu.Unlock()
	for _, i := range m.invited {
		if i.Workspace == w {
			out = append(out, i)
		}
	}
	slices.SortFunc(out, func(a, b identity.Invitation) int { return strings.Compare(a.ID, b.ID) })
	return out, err
}

// DropInvitation implements identity.Roster.
func (m *Memory) DropInvitation(_ context.Context, i identity.Invitation, entry identity.AuditEntry) error {
	err := m.begin()
	defer m.mu.Unlock()
	if err == nil && !m.invitedHas(i) {
		return identity.ErrConflict
	}
	if err == nil {
		delete(m.invited, i.ID)
		m.audit = append(m.audit, entry)
	}
	return err
}

// Join implements identity.Roster.
func (m *Memory) Join(_ context.Context, used identity.Invitation, a identity.Account, hash string, entry identity.AuditEntry) error {
	err := m.begin()
	defer m.mu.Unlock()
	if err != nil {
		return err
	}
	if !m.invitedHas(used) {
		return identity.ErrConflict
	}
	if err := m.make(a, hash, entry); err != nil {
		return err
	}
	delete(m.invited, used.ID)
	return nil
}

// make adds an account whose address must be free.
func (m *Memory) make(a identity.Account, hash string, entry identity.AuditEntry) error {
	if _, taken := m.credential[a.Address]; taken {
		return &identity.Refusal{Reason: identity.ReasonAddressTaken, Err: chat.Errorf(chat.CodeForbidden, "the address belongs to another user")}
	}
	m.credential[a.Address] = identity.Credential{Address: a.Address, Workspace: a.Workspace, User: a.User, PasswordHash: hash, Passwords: a.Passwords}
	m.accounts[user{a.Workspace, a.User}] = a
	m.audit = append(m.audit, entry)
	return nil
}

// PutKey implements identity.KeyStore.
func (m *Memory) PutKey(_ context.Context, k identity.Key, before uint64, entry identity.AuditEntry) error {
	err := m.begin()
	defer m.mu.Unlock()
	at := principal{user{k.Workspace, k.ID}, k.Role}
	if err == nil && m.keys[at].Version != before {
		return identity.ErrConflict
	}
	if err == nil {
		m.keys[at] = k
		m.audit = append(m.audit, entry)
	}
	return err
}

// DropKey implements identity.KeyStore.
func (m *Memory) DropKey(_ context.Context, k identity.Key, entry identity.AuditEntry) error {
	err := m.begin()
	defer m.mu.Unlock()
	at := principal{user{k.Workspace, k.ID}, k.Role}
	if _, ok := m.keys[at]; err == nil && !ok {
		return identity.ErrConflict
	}
	if err == nil {
		delete(m.keys, at)
		m.audit = append(m.audit, entry)
	}
	return err
}

// Key implements identity.KeyStore.
func (m *Memory) Key(_ context.Context, w chat.WorkspaceID, role chat.Role, id chat.UserID) (identity.Key, bool, error) {
	err := m.begin()
	defer m.mu.Unlock()
	k, ok := m.keys[principal{user{w, id}, role}]
	return k, ok, err
}

// Keys implements identity.KeyStore.
func (m *Memory) Keys(_ context.Context, w chat.WorkspaceID, role chat.Role) (out []identity.Key, err error) {
	err = m.begin()
	defer m.mu.Unlock()
	for at, k := range m.keys {
		if at.workspace == w && at.role == role {
			out = append(out, k)
		}
	}
	slices.SortFunc(out, func(a, b identity.Key) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return out, err
}

// UseKey implements identity.KeyStore.
func (m *Memory) UseKey(_ context.Context, k identity.Key, day time.Time) error {
	err := m.begin()
	defer m.mu.Unlock()
	at := principal{user{k.Workspace, k.ID}, k.Role}
	if stored, ok := m.keys[at]; err == nil && ok && stored.Used.Before(day) {
		stored.Used = day
		m.keys[at] = stored
	}
	return err
}

// AppendAudit implements identity.AuditStore.
func (m *Memory) AppendAudit(_ context.Context, e identity.AuditEntry) error {
	err := m.begin()
	defer m.mu.Unlock()
	for _, there := range m.audit {
		if there.ID == e.ID {
			return err
		}
	}
	if err == nil {
		m.audit = append(m.audit, e)
	}
	return err
}

// AuditEntries implements identity.AuditStore.
func (m *Memory) AuditEntries(_ context.Context, w chat.WorkspaceID, q identity.AuditQuery) (list []identity.AuditEntry, next string, err error) {
	err = m.begin()
	defer m.mu.Unlock()
	all := slices.Clone(m.audit)
	slices.SortFunc(all, func(a, b identity.AuditEntry) int { return strings.Compare(b.ID, a.ID) })
	for _, e := range all {
		if e.Workspace != w || !q.Matches(e) || q.After != "" && e.ID >= q.After {
			continue
		}
		if list = append(list, e); len(list) == q.Limit {
			return list, e.ID, err
		}
	}
	return list, "", err
}
