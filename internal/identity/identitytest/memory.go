// Package identitytest holds an in-memory double of the ports of package identity, and the conformance suite
// that the double and every real adapter must pass, so that the double cannot lie.
package identitytest

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

// Memory implements every storage port of package identity. The zero value is empty and ready.
type Memory struct {
	mu         sync.Mutex
	workspaces map[chat.WorkspaceID]identity.Workspace
	widgets    map[string]identity.Widget
	credential map[string]identity.Credential
	accounts   map[user]identity.Account
	sessions   map[session]identity.Session
	tickets    map[ticket]identity.Ticket
	attempts   map[string]int
	roster     map[chat.WorkspaceID]uint64
	invited    map[string]identity.Invitation
	keys       map[principal]identity.Key
	audit      []identity.AuditEntry
	providers  map[chat.WorkspaceID]identity.Provider
	flows      map[ticket]identity.Flow
	handovers  map[ticket]identity.Handover
	links      map[ticket]chat.UserID
	preferred  map[user]identity.Preferences
	failure    error
}

type (
	user struct {
		workspace chat.WorkspaceID
		user      chat.UserID
	}
	session struct {
		user
		id chat.SessionID
	}
	principal struct {
		user
		role chat.Role
	}
	ticket struct {
		workspace chat.WorkspaceID
		hash      string
	}
)

// Fail makes every later call return err, until it is called with nil: an outage.
func (m *Memory) Fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failure = err
}

// Tickets returns how many tickets are stored.
func (m *Memory) Tickets() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.tickets)
}

// Sessions returns the stored sessions, for tests that look for secrets in them.
func (m *Memory) Sessions() []identity.Session {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Collect(maps.Values(m.sessions))
}

// begin locks and makes the maps; the caller unlocks.
func (m *Memory) begin() error {
	m.mu.Lock()
	if m.sessions == nil {
		m.workspaces = map[chat.WorkspaceID]identity.Workspace{}
		m.widgets = map[string]identity.Widget{}
		m.credential = map[string]identity.Credential{}
		m.accounts = map[user]identity.Account{}
		m.sessions = map[session]identity.Session{}
		m.tickets = map[ticket]identity.Ticket{}
		m.attempts = map[string]int{}
		m.roster = map[chat.WorkspaceID]uint64{}
		m.invited = map[string]identity.Invitation{}
		m.keys = map[principal]identity.Key{}
		m.providers = map[chat.WorkspaceID]identity.Provider{}
		m.flows = map[ticket]identity.Flow{}
		m.handovers = map[ticket]identity.Handover{}
		m.links = map[ticket]chat.UserID{}
		m.preferred = map[user]identity.Preferences{}
	}
	return m.failure
}

// Workspace implements identity.Workspaces.
func (m *Memory) Workspace(_ context.Context, w chat.WorkspaceID) (identity.Workspace, bool, error) {
	err := m.begin()
	defer m.mu.Unlock()
	out, ok := m.workspaces[w]
	return out, ok, err
}

// Widget implements identity.Workspaces.
func (m *Memory) Widget(_ context.Context, key string) (identity.Widget, bool, error) {
	err := m.begin()
	defer m.mu.Unlock()
	out, ok := m.widgets[key]
	return out, ok, err
}

// Credential implements identity.Accounts.
func (m *Memory) Credential(_ context.Context, address string) (identity.Credential, bool, error) {
	err := m.begin()
	defer m.mu.Unlock()
	out, ok := m.credential[address]
	return out, ok, err
}

// Account implements identity.Accounts.
func (m *Memory) Account(_ context.Context, w chat.WorkspaceID, u chat.UserID) (identity.Account, bool, error) {
	err := m.begin()
	defer m.mu.Unlock()
	out, ok := m.accounts[user{w, u}]
	return out, ok, err
}

// PutWorkspace implements identity.Registry.
func (m *Memory) PutWorkspace(_ context.Context, w identity.Workspace) error {
	err := m.begin()
	defer m.mu.Unlock()
	if err == nil {
		m.workspaces[w.ID] = w
	}
	return err
}

// PutWidget implements identity.Registry.
func (m *Memory) PutWidget(_ context.Context, w identity.Widget) error {
	err := m.begin()
	defer m.mu.Unlock()
	if err != nil {
		return err
	}
	if old, ok := m.widgets[w.Key]; ok && old.Workspace != w.Workspace {
		return chat.Errorf(chat.CodeForbidden, "the widget key belongs to another workspace")
	}
	m.widgets[w.Key] = w
	return nil
}

// PutStaff implements identity.Registry.
func (m *Memory) PutStaff(_ context.Context, a identity.Account, hash string) error {
	err := m.begin()
	defer m.mu.Unlock()
	if err != nil {
		return err
	}
	if old, ok := m.credential[a.Address]; ok && (old.Workspace != a.Workspace || old.User != a.User) {
		return chat.Errorf(chat.CodeForbidden, "the address belongs to another user")
	}
	m.credential[a.Address] = identity.Credential{
		Address: a.Address, Workspace: a.Workspace, User: a.User, PasswordHash: hash, Passwords: a.Passwords,
	}
	m.accounts[user{a.Workspace, a.User}] = a
	return nil
}

// PutSession implements identity.SessionStore.
func (m *Memory) PutSession(_ context.Context, s identity.Session) error {
	err := m.begin()
	defer m.mu.Unlock()
	if err == nil {
		m.sessions[session{user{s.Workspace, s.User}, s.ID}] = s
	}
	return err
}

// Session implements identity.SessionStore.
func (m *Memory) Session(_ context.Context, w chat.WorkspaceID, u chat.UserID, id chat.SessionID) (identity.Session, bool, error) {
	err := m.begin()
	defer m.mu.Unlock()
	out, ok := m.sessions[session{user{w, u}, id}]
	return out, ok, err
}

// RenewSession implements identity.SessionStore.
func (m *Memory) RenewSession(_ context.Context, s identity.Session, renewed, expires time.Time) error {
	return m.changeSession(s, func(stored *identity.Session) {
		if stored.Revoked.IsZero() && stored.Renewed.Before(renewed) {
			stored.Renewed, stored.Expires = renewed, expires
		}
	})
}

// RevokeSession implements identity.SessionStore.
func (m *Memory) RevokeSession(_ context.Context, s identity.Session, at time.Time) error {
	return m.changeSession(s, func(stored *identity.Session) {
		if stored.Revoked.IsZero() {
			stored.Revoked = at
		}
	})
}

func (m *Memory) changeSession(s identity.Session, change func(*identity.Session)) error {
	err := m.begin()
	defer m.mu.Unlock()
	key := session{user{s.Workspace, s.User}, s.ID}
	if stored, ok := m.sessions[key]; ok && err == nil {
		change(&stored)
		m.sessions[key] = stored
	}
	return err
}

// PutTicket implements identity.TicketStore.
func (m *Memory) PutTicket(_ context.Context, w chat.WorkspaceID, hash string, t identity.Ticket, _ time.Time) error {
	err := m.begin()
	defer m.mu.Unlock()
	if err == nil {
		m.tickets[ticket{w, hash}] = t
	}
	return err
}

// Ticket implements identity.TicketStore.
func (m *Memory) Ticket(_ context.Context, w chat.WorkspaceID, hash string) (identity.Ticket, bool, error) {
	err := m.begin()
	defer m.mu.Unlock()
	t, ok := m.tickets[ticket{w, hash}]
	return t, ok, err
}

// TakeTicket implements identity.TicketStore.
func (m *Memory) TakeTicket(_ context.Context, w chat.WorkspaceID, hash string, now time.Time) (identity.Ticket, error) {
	err := m.begin()
	defer m.mu.Unlock()
	t, ok := m.tickets[ticket{w, hash}]
	switch {
	case err != nil:
		return identity.Ticket{}, err
	case !ok:
		return identity.Ticket{}, identity.ErrTicketGone
	case !now.Before(t.Expires):
		return identity.Ticket{}, identity.ErrTicketExpired
	}
	delete(m.tickets, ticket{w, hash})
	return t, nil
}

// AddAttempts implements identity.Attempts.
func (m *Memory) AddAttempts(_ context.Context, counter string, n int, _ time.Time) (int, error) {
	err := m.begin()
	defer m.mu.Unlock()
	if err != nil {
		return 0, err
	}
	m.attempts[counter] += n
	return m.attempts[counter], nil
}

// SwapSession implements identity.SessionStore.
func (m *Memory) SwapSession(_ context.Context, old, next identity.Session) error {
	err := m.begin()
	defer m.mu.Unlock()
	key := session{user{old.Workspace, old.User}, old.ID}
	stored, ok := m.sessions[key]
	switch {
	case err != nil:
		return err
	case !ok || stored.Version != old.Version || !stored.Revoked.IsZero():
		return identity.ErrConflict
	}
	next.Version = old.Version + 1
	m.sessions[key] = next
	return nil
}

// SessionsOf implements identity.SessionStore.
func (m *Memory) SessionsOf(_ context.Context, w chat.WorkspaceID, u chat.UserID) ([]identity.Session, error) {
	err := m.begin()
	defer m.mu.Unlock()
	var out []identity.Session
	for key, s := range m.sessions {
		if key.user == (user{w, u}) {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b identity.Session) int { return strings.Compare(string(b.ID), string(a.ID)) })
	return out, err
}
