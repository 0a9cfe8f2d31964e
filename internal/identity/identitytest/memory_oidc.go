package identitytest

import (
	"context"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

// Provider implements identity.ProviderStore.
func (m *Memory) Provider(_ context.Context, w chat.WorkspaceID) (identity.Provider, bool, error) {
	err := m.begin()
	defer m.mu.Unlock()
	p, ok := m.providers[w]
	return p, ok, err
}

// PutProvider implements identity.ProviderStore.
func (m *Memory) PutProvider(_ context.Context, p identity.Provider, before uint64, entry identity.AuditEntry) error {
	err := m.begin()
	defer m.mu.Unlock()
	if err == nil && m.providers[p.Workspace].Version != before {
		return identity.ErrConflict
	}
	if err == nil {
		m.providers[p.Workspace] = p
		m.audit = append(m.audit, entry)
	}
	return err
}

// DropProvider implements identity.ProviderStore.
func (m *Memory) DropProvider(_ context.Context, p identity.Provider, entry identity.AuditEntry) error {
	err := m.begin()
	defer m.mu.Unlock()
	if there, ok := m.providers[p.Workspace]; err == nil && (!ok || there.Version != p.Version) {
		return identity.ErrConflict
	}
	if err == nil {
		delete(m.providers, p.Workspace)
		m.audit = append(m.audit, entry)
	}
	return err
}

// PutFlow implements identity.ProviderStore.
func (m *Memory) PutFlow(_ context.Context, hash string, f identity.Flow) error {
	err := m.begin()
	defer m.mu.Unlock()
	if err == nil {
		m.flows[ticket{f.Workspace, hash}] = f
	}
	return err
}

// TakeFlow implements identity.ProviderStore.
func (m *Memory) TakeFlow(_ context.Context, w chat.WorkspaceID, hash string) (identity.Flow, bool, error) {
	err := m.begin()
	defer m.mu.Unlock()
	f, ok := m.flows[ticket{w, hash}]
	delete(m.flows, ticket{w, hash})
	return f, ok, err
}

// PutHandover implements identity.ProviderStore.
func (m *Memory) PutHandover(_ context.Context, hash string, h identity.Handover) error {
	err := m.begin()
	defer m.mu.Unlock()
	if err == nil {
		m.handovers[ticket{h.Workspace, hash}] = h
	}
	return err
}

// TakeHandover implements identity.ProviderStore.
func (m *Memory) TakeHandover(_ context.Context, w chat.WorkspaceID, hash string) (identity.Handover, bool, error) {
	err := m.begin()
	defer m.mu.Unlock()
	h, ok := m.handovers[ticket{w, hash}]
	delete(m.handovers, ticket{w, hash})
	return h, ok, err
}

// Linked implements identity.ProviderStore.
func (m *Memory) Linked(_ context.Context, w chat.WorkspaceID, external string) (chat.UserID, bool, error) {
	err := m.begin()
	defer m.mu.Unlock()
	u, ok := m.links[ticket{w, external}]
	return u, ok, err
}

// Provision implements identity.ProviderStore.
func (m *Memory) Provision(_ context.Context, a identity.Account, entry identity.AuditEntry) error {
	err := m.begin()
	defer m.mu.Unlock()
	if err != nil {
		return err
	}
	if _, linked := m.links[ticket{a.Workspace, a.External}]; linked {
		return identity.ErrConflict
	}
	if err := m.make(a, "", entry); err != nil {
		return err
	}
	m.links[ticket{a.Workspace, a.External}] = a.User
	return nil
}

// Link implements identity.ProviderStore.
func (m *Memory) Link(_ context.Context, before, after identity.Account, entry identity.AuditEntry) error {
	err := m.begin()
	defer m.mu.Unlock()
	if err != nil {
		return err
	}
	_, linked := m.links[ticket{after.Workspace, after.External}]
	stored, ok := m.accounts[user{before.Workspace, before.User}]
	if linked || !ok || stored.Version != before.Version {
		return identity.ErrConflict
	}
	m.links[ticket{after.Workspace, after.External}] = after.User
	m.accounts[user{after.Workspace, after.User}] = after
	credential := m.credential[after.Address]
	credential.PasswordHash = ""
	m.credential[after.Address] = credential
	m.audit = append(m.audit, entry)
	return nil
}
