// Package workspacetest has the double of workspace's storage, and the conformance suite that holds it and the real
// adapter together.
package workspacetest

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/workspace"
)

// Memory keeps everything in memory. The zero value is empty.
type Memory struct {
	// Fail, when set, is asked before every call: an error is returned in place of what the call would do.
	Fail func(call string) error

	mu       sync.Mutex
	entries  map[workspace.Place]map[string]workspace.Entry
	articles map[chat.WorkspaceID]map[string]workspace.Article
	runs     map[runsOf][]workspace.Run
	acts     []workspace.Act
	calls    map[string]int
}

type runsOf struct {
	workspace chat.WorkspaceID
	rule      string
}

var _ interface {
	workspace.Store
	workspace.ArticleStore
	workspace.RunStore
} = (*Memory)(nil)

func (m *Memory) begin(call string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.calls == nil {
		m.calls = map[string]int{}
	}
	m.calls[call]++
	if m.Fail != nil {
		return m.Fail(call)
	}
	return nil
}

// Calls returns how often the method was called.
func (m *Memory) Calls(method string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calls[method]
}

// Acts returns the acts that were stored, in order.
func (m *Memory) Acts() []workspace.Act {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.acts)
}

// Entry implements workspace.Store.
func (m *Memory) Entry(_ context.Context, p workspace.Place, id string) (*workspace.Entry, error) {
	if err := m.begin("Entry"); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.entries[p][id]
	if !ok {
		return nil, nil
	}
	return &e, nil
}

// Entries implements workspace.Store.
func (m *Memory) Entries(_ context.Context, p workspace.Place) ([]workspace.Entry, error) {
	if err := m.begin("Entries"); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return sorted(m.entries[p], func(e workspace.Entry) string { return e.ID }), nil
}

func sorted[T any](all map[string]T, id func(T) string) []T {
	var out []T
	for _, v := range all {
		out = append(out, v)
	}
	slices.SortFunc(out, func(a, b T) int { return cmp.Compare(id(a), id(b)) })
	return out
}

// Config implements workspace.Store.
func (m *Memory) Config(_ context.Context, w chat.WorkspaceID) ([]workspace.Entry, error) {
	if err := m.begin("Config"); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []workspace.Entry
	for place, entries := range m.entries {
		if place.Workspace == w && place.Shelf() == workspace.ShelfConfig {
			out = append(out, sorted(entries, func(e workspace.Entry) string { return e.ID })...)
		}
	}
	return out, nil
}

// PutEntry implements workspace.Store.
func (m *Memory) PutEntry(_ context.Context, e workspace.Entry, act workspace.Act) (bool, error) {
	if err := m.begin("PutEntry"); err != nil {
		return false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.entries[e.Place][e.ID].Version+1 != e.Version {
		return false, nil
	}
	if m.entries == nil {
		m.entries = map[workspace.Place]map[string]workspace.Entry{}
	}
	if m.entries[e.Place] == nil {
		m.entries[e.Place] = map[string]workspace.Entry{}
	}
	m.entries[e.Place][e.ID] = e
	m.acts = append(m.acts, act)
	return true, nil
}

// DropEntry implements workspace.Store.
func (m *Memory) DropEntry(_ context.Context, p workspace.Place, id string, version uint64, act workspace.Act) (bool, error) {
	if err := m.begin("DropEntry"); err != nil {
		return false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if e, ok := m.entries[p][id]; !ok || e.Version != version {
		return false, nil
	}
	delete(m.entries[p], id)
	m.acts = append(m.acts, act)
	return true, nil
}

// Cards implements workspace.ArticleStore.
func (m *Memory) Cards(_ context.Context, w chat.WorkspaceID, _ bool) ([]workspace.Card, error) {
	if err := m.begin("Cards"); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []workspace.Card
	for _, a := range sorted(m.articles[w], func(a workspace.Article) string { return a.ID }) {
		out = append(out, a.Card)
	}
	return out, nil
}

// Article implements workspace.ArticleStore.
func (m *Memory) Article(_ context.Context, w chat.WorkspaceID, id string) (*workspace.Article, error) {
	if err := m.begin("Article"); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	a, ok := m.articles[w][id]
	if !ok {
		return nil, nil
	}
	return &a, nil
}

// PutArticle implements workspace.ArticleStore.
func (m *Memory) PutArticle(_ context.Context, w chat.WorkspaceID, a workspace.Article, act workspace.Act) (bool, error) {
	if err := m.begin("PutArticle"); err != nil {
		return false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.articles[w][a.ID].Version+1 != a.Version {
		return false, nil
	}
	if m.articles == nil {
		m.articles = map[chat.WorkspaceID]map[string]workspace.Article{}
	}
	if m.articles[w] == nil {
		m.articles[w] = map[string]workspace.Article{}
	}
	m.articles[w][a.ID] = a
	m.acts = append(m.acts, act)
	return true, nil
}

// DropArticle implements workspace.ArticleStore.
func (m *Memory) DropArticle(_ context.Context, w chat.WorkspaceID, id string, version uint64, act workspace.Act) (bool, error) {
	if err := m.begin("DropArticle"); err != nil {
		return false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if a, ok := m.articles[w][id]; !ok || a.Version != version {
		return false, nil
	}
	delete(m.articles[w], id)
	m.acts = append(m.acts, act)
	return true, nil
}

// PutRun implements workspace.RunStore.
func (m *Memory) PutRun(_ context.Context, w chat.WorkspaceID, r workspace.Run) error {
	if err := m.begin("PutRun"); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.runs == nil {
		m.runs = map[runsOf][]workspace.Run{}
	}
	at := runsOf{w, r.Rule}
	list := slices.DeleteFunc(m.runs[at], func(o workspace.Run) bool { return o.ID == r.ID })
	list = append(list, r)
	slices.SortFunc(list, func(a, b workspace.Run) int { return cmp.Or(cmp.Compare(b.At, a.At), cmp.Compare(b.ID, a.ID)) })
	m.runs[at] = list
	return nil
}

// Runs implements workspace.RunStore.
func (m *Memory) Runs(_ context.Context, w chat.WorkspaceID, rule string, limit int) ([]workspace.Run, error) {
	if err := m.begin("Runs"); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	list := m.runs[runsOf{w, rule}]
	return slices.Clone(list[:min(limit, len(list))]), nil
}
