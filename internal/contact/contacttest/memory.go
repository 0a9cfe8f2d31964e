// Package contacttest holds an in-memory double of the storage ports of package contact, with those for customers'
// tokens, and the conformance suite that the double and every real adapter must pass.
package contacttest

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contact"
	"github.com/parley-chat/parley/internal/identity"
)

// Memory implements contact.Store and identity.CustomerTokenStore. The zero value is empty and ready.
type Memory struct {
	mu       sync.Mutex
	contacts map[place]contact.Contact
	events   map[place][]contact.Event
	bans     map[string]contact.Ban // of network addresses, by workspace and hash
	keys     map[string]identity.IdentityKey
	tokens   map[string]bool
	failure  error
	before   func()
}

type place struct {
	workspace chat.WorkspaceID
	id        contact.ID
}

var (
	_ contact.Store               = (*Memory)(nil)
	_ identity.CustomerTokenStore = (*Memory)(nil)
)

// Fail makes every later call return err, until it is called with nil: an outage.
func (m *Memory) Fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failure = err
}

// BeforeCommit has f called once, before the next Commit: somebody who comes between.
func (m *Memory) BeforeCommit(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.before = f
}

// begin locks and makes the maps; the caller unlocks.
func (m *Memory) begin() error {
	m.mu.Lock()
	if m.contacts == nil {
		m.contacts, m.events = map[place]contact.Contact{}, map[place][]contact.Event{}
		m.bans, m.keys, m.tokens = map[string]contact.Ban{}, map[string]identity.IdentityKey{}, map[string]bool{}
	}
	return m.failure
}

// clone copies by way of JSON, so that nobody shares what is stored.
func clone[T any](v T) T {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	var out T
	if err := json.Unmarshal(raw, &out); err != nil {
		panic(err)
	}
	return out
}

// Contact implements contact.Store.
func (m *Memory) Contact(_ context.Context, w chat.WorkspaceID, id contact.ID) (*contact.Contact, error) {
	err := m.begin()
	defer m.mu.Unlock()
	c, ok := m.contacts[place{w, id}]
	if err != nil || !ok {
		return nil, err
	}
	c = clone(c)
	return &c, nil
}

// Contacts implements contact.Store.
func (m *Memory) Contacts(_ context.Context, w chat.WorkspaceID, ids []contact.ID) ([]contact.Contact, error) {
	err := m.begin()
	defer m.mu.Unlock()
	var out []contact.Contact
	for _, id := range ids {
		if c, ok := m.contacts[place{w, id}]; ok {
			out = append(out, clone(c))
		}
	}
	return out, err
}

// owner finds the live contact of which the function holds.
func (m *Memory) owner(w chat.WorkspaceID, is func(contact.Contact) bool) contact.ID {
	for at, c := range m.contacts {
		if at.workspace == w && c.MergedInto == "" && is(c) {
			return c.ID
		}
	}
	return ""
}

// OfUsers implements contact.Store.
func (m *Memory) OfUsers(_ context.Context, w chat.WorkspaceID, users []chat.UserID) (map[chat.UserID]contact.ID, error) {
	err := m.begin()
	defer m.mu.Unlock()
	out := map[chat.UserID]contact.ID{}
	for _, u := range users {
		if id := m.owner(w, func(c contact.Contact) bool { return slices.Contains(c.Users, u) }); id != "" {
			out[u] = id
		}
	}
	return out, err
}

// OfUser implements contact.Store.
func (m *Memory) OfUser(_ context.Context, w chat.WorkspaceID, u chat.UserID) (contact.ID, error) {
	err := m.begin()
	defer m.mu.Unlock()
	return m.owner(w, func(c contact.Contact) bool { return slices.Contains(c.Users, u) }), err
}

// OfIdentity implements contact.Store.
func (m *Memory) OfIdentity(_ context.Context, w chat.WorkspaceID, i contact.Identity) (contact.ID, error) {
	err := m.begin()
	defer m.mu.Unlock()
	return m.owner(w, func(c contact.Contact) bool { return slices.Contains(c.Identities, i) }), err
}

// list collects what the contacts of a workspace are found by, sorted, behind after.
func (m *Memory) list(w chat.WorkspaceID, after string, limit int, places func(contact.Contact) []string) []contact.Found {
	var all []contact.Found
	for at, c := range m.contacts {
		if at.workspace != w || c.MergedInto != "" {
			continue
		}
		for _, p := range places(c) {
			if p > after {
				all = append(all, contact.Found{ID: c.ID, Place: p})
			}
		}
	}
	slices.SortFunc(all, func(a, b contact.Found) int { return cmp.Compare(a.Place, b.Place) })
	return all[:min(limit, len(all))]
}

// OfAddress implements contact.Store.
func (m *Memory) OfAddress(_ context.Context, w chat.WorkspaceID, kind contact.AddressKind, value, after string, limit int) ([]contact.Found, error) {
	err := m.begin()
	defer m.mu.Unlock()
	return m.list(w, after, limit, func(c contact.Contact) []string {
		if slices.Contains(c.Addresses, contact.Address{Kind: kind, Value: value, Verified: true}) {
			return []string{string(c.ID)}
		}
		return nil
	}), err
}

// Named implements contact.Store.
func (m *Memory) Named(_ context.Context, w chat.WorkspaceID, prefix, after string, limit int) ([]contact.Found, error) {
	err := m.begin()
	defer m.mu.Unlock()
	return m.list(w, after, limit, func(c contact.Contact) []string {
		var out []string
		for _, name := range contact.NameKeys(c.Name) {
			if strings.HasPrefix(name, prefix) {
				out = append(out, name+"#"+string(c.ID))
			}
		}
		return out
	}), err
}

// Commit implements contact.Store.
func (m *Memory) Commit(_ context.Context, changes ...contact.Change) error {
	m.mu.Lock()
	before := m.before
	m.before = nil
	m.mu.Unlock()
	if before != nil {
		before()
	}
	err := m.begin()
	defer m.mu.Unlock()
	if err != nil {
		return err
	}
	after := maps.Clone(m.contacts)
	for _, c := range changes {
		at := place{c.New.Workspace, c.New.ID}
		stored, there := m.contacts[at]
		if there != (c.Old != nil) || there && stored.Version != c.Old.Version {
			return contact.ErrConflict
		}
		next := clone(c.New)
		next.Version, next.Events = stored.Version+1, stored.Events+uint64(len(c.Events))
		after[at] = next
	}
	if shared(after) {
		return contact.ErrConflict
	}
	for _, c := range changes {
		at := place{c.New.Workspace, c.New.ID}
		for _, e := range c.Events {
			e.Seq = uint64(len(m.events[at])) + 1
			m.events[at] = append(m.events[at], clone(e))
		}
	}
	m.contacts = after
	return nil
}

// shared says whether two contacts have a user or an identity in common.
func shared(all map[place]contact.Contact) bool {
	seen := map[string]bool{}
	for at, c := range all {
		if c.MergedInto != "" {
			continue
		}
		var own []string
		for _, u := range c.Users {
			own = append(own, string(at.workspace)+" "+string(u))
		}
		for _, i := range c.Identities {
			own = append(own, string(at.workspace)+" "+i.Channel+" "+i.External)
		}
		for _, o := range own {
			if seen[o] {
				return true
			}
			seen[o] = true
		}
	}
	return false
}

// Events implements contact.Store.
func (m *Memory) Events(_ context.Context, w chat.WorkspaceID, id contact.ID, after uint64, limit int) ([]contact.Event, error) {
	err := m.begin()
	defer m.mu.Unlock()
	all := m.events[place{w, id}]
	all = all[min(after, uint64(len(all))):]
	return slices.Clone(all[:min(limit, len(all))]), err
}

// PutAddressBan implements contact.Store.
func (m *Memory) PutAddressBan(_ context.Context, w chat.WorkspaceID, b contact.Ban) error {
	err := m.begin()
	defer m.mu.Unlock()
	if err == nil {
		m.bans[string(w)+"#"+b.Address] = b
	}
	return err
}

// DropAddressBan implements contact.Store.
func (m *Memory) DropAddressBan(_ context.Context, w chat.WorkspaceID, b contact.Ban) error {
	err := m.begin()
	defer m.mu.Unlock()
	if at := string(w) + "#" + b.Address; err == nil && m.bans[at].ID == b.ID {
		delete(m.bans, at)
	}
	return err
}

// all collects the bans of a workspace, newest first.
func (m *Memory) all(w chat.WorkspaceID) []contact.Ban {
	var out []contact.Ban
	for at, b := range m.bans {
		if strings.HasPrefix(at, string(w)+"#") {
			out = append(out, b)
		}
	}
	for at, c := range m.contacts {
		if at.workspace == w && c.Ban != nil && c.MergedInto == "" {
			out = append(out, *c.Ban)
		}
	}
	slices.SortFunc(out, func(a, b contact.Ban) int { return cmp.Compare(b.ID, a.ID) })
	return out
}

// Ban implements contact.Store.
func (m *Memory) Ban(_ context.Context, w chat.WorkspaceID, id string) (*contact.Ban, error) {
	err := m.begin()
	defer m.mu.Unlock()
	for _, b := range m.all(w) {
		if b.ID == id {
			return &b, err
		}
	}
	return nil, err
}

// Bans implements contact.Store.
func (m *Memory) Bans(_ context.Context, w chat.WorkspaceID, after string, limit int) ([]contact.Ban, error) {
	err := m.begin()
	defer m.mu.Unlock()
	list := slices.DeleteFunc(m.all(w), func(b contact.Ban) bool { return after != "" && b.ID >= after })
	return list[:min(limit, len(list))], err
}

// Banned implements contact.Store.
func (m *Memory) Banned(_ context.Context, w chat.WorkspaceID, u chat.UserID, address string) ([]contact.Ban, error) {
	err := m.begin()
	defer m.mu.Unlock()
	var out []contact.Ban
	if b, ok := m.bans[string(w)+"#"+address]; ok && address != "" {
		out = append(out, b)
	}
	for at, c := range m.contacts {
		if at.workspace == w && c.MergedInto == "" && c.Ban != nil && slices.Contains(c.Users, u) {
			out = append(out, *c.Ban)
		}
	}
	return out, err
}

// PutIdentityKey implements identity.CustomerTokenStore.
func (m *Memory) PutIdentityKey(_ context.Context, k identity.IdentityKey) error {
	err := m.begin()
	defer m.mu.Unlock()
	if err == nil {
		m.keys[string(k.Workspace)+k.ID] = k
	}
	return err
}

// IdentityKey implements identity.CustomerTokenStore.
func (m *Memory) IdentityKey(_ context.Context, w chat.WorkspaceID, id string) (identity.IdentityKey, bool, error) {
	err := m.begin()
	defer m.mu.Unlock()
	k, ok := m.keys[string(w)+id]
	return k, ok, err
}

// IdentityKeys implements identity.CustomerTokenStore.
func (m *Memory) IdentityKeys(_ context.Context, w chat.WorkspaceID) ([]identity.IdentityKey, error) {
	err := m.begin()
	defer m.mu.Unlock()
	var out []identity.IdentityKey
	for _, k := range m.keys {
		if k.Workspace == w {
			out = append(out, k)
		}
	}
	slices.SortFunc(out, func(a, b identity.IdentityKey) int { return cmp.Compare(a.ID, b.ID) })
	return out, err
}

// DropIdentityKey implements identity.CustomerTokenStore.
func (m *Memory) DropIdentityKey(_ context.Context, w chat.WorkspaceID, id string) (bool, error) {
	err := m.begin()
	defer m.mu.Unlock()
	_, ok := m.keys[string(w)+id]
	if err == nil {
		delete(m.keys, string(w)+id)
	}
	return ok, err
}

// UseToken implements identity.CustomerTokenStore.
func (m *Memory) UseToken(_ context.Context, s identity.TokenSeal) (bool, error) {
	err := m.begin()
	defer m.mu.Unlock()
	at := string(s.Workspace) + s.Hash
	used := m.tokens[at]
	if err == nil {
		m.tokens[at] = true
	}
	return !used, err
}
