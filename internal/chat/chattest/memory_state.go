package chattest

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// newState is the STATE of a conversation that begins.
func newState(c chat.Creation, status chat.Status) *chat.State {
	at := millis(c.At)
	s := &chat.State{
		Ref: c.Ref, Customer: c.Customer, Page: c.Page, Status: status, Department: c.Department, Priority: c.Priority,
		Started: at, Changed: at, Fields: maps.Clone(c.Fields),
	}
	if status.Waits() {
		s.FirstQueued = at
	}
	return s
}

// aside changes people and the priority, and nothing of the status.
func (m *Memory) aside(h *chat.Head, actor chat.UserID, c chat.Change) {
	if c.Raises() {
		h.Asides++
	}
	m.participants(h, actor, c)
	if c.Priority != nil {
		h.Priority = *c.Priority
		if h.Status.Waits() {
			m.waiting[h.Ref] = entry(h, c.Entry.Keep(h))
		}
	}
}

func (m *Memory) factsHold(ref chat.Ref, f *chat.Facts) bool {
	return f == nil || m.states[ref].Revision == f.Old.Revision
}

// state follows a transition, whose image h is the new one, and stores the facts.
func (m *Memory) state(h *chat.Head, a chat.Append, c chat.Change) {
	s := m.states[a.Ref]
	if f := c.Facts; f != nil {
		s.Tags, s.Fields, s.Rating = slices.Clone(f.New.Tags), maps.Clone(f.New.Fields), f.New.Rating
		s.Link, s.Linked = f.New.Link, slices.Clone(f.New.Linked)
		if s.Rating != nil {
			r := *s.Rating
			r.At = millis(r.At)
			s.Rating = &r
		}
		s.Revision++
	}
	s.Priority = h.Priority
	if c.Customer != "" {
		s.Customer = c.Customer
	}
	if c.Aside {
		return
	}
	at := millis(m.Now())
	if len(a.Events) > 0 {
		at = millis(a.Events[0].At)
	}
	was := s.Status.Over()
	s.Status, s.Assignee, s.Department, s.Changed, s.Until = h.Status, h.Assignee, h.Department, at, time.Time{}
	if h.Status == chat.StatusSnoozed {
		s.Until = millis(c.Until)
	}
	if h.Status.Waits() && s.FirstQueued.IsZero() {
		s.FirstQueued = h.QueuedAt
	}
	if c.Assignee != "" && s.FirstAssigned.IsZero() {
		s.FirstAssigned = at
	}
	switch is := h.Status.Over(); {
	case is && !was:
		s.Closed = at
	case was && !is:
		s.Closed = time.Time{}
		s.Engagement++
	}
}

// State implements chat.States.
func (m *Memory) State(_ context.Context, ref chat.Ref) (*chat.State, error) {
	var out *chat.State
	err := m.do("State", func() error {
		if s := m.states[ref]; s != nil {
			c := cloneState(s)
			out = &c
		}
		return nil
	})
	return out, err
}

func cloneState(s *chat.State) chat.State {
	c := *s
	c.Tags, c.Fields, c.Linked = slices.Clone(s.Tags), maps.Clone(s.Fields), slices.Clone(s.Linked)
	return c
}

// Entry implements chat.States.
func (m *Memory) Entry(_ context.Context, h *chat.Head) (*chat.Waiting, error) {
	var out *chat.Waiting
	err := m.do("Entry", func() error {
		if e, ok := m.waiting[h.Ref]; ok && e.Department == h.Department && e.Since.Equal(h.QueuedAt) && e.Priority == h.Priority {
			out = &e
		}
		return nil
	})
	return out, err
}

// Shelf implements chat.States.
func (m *Memory) Shelf(_ context.Context, shelf chat.Shelf, before chat.Listed, from time.Time, limit int) ([]chat.Listed, error) {
	var out []chat.Listed
	err := m.do("Shelf", func() error {
		for _, s := range m.states {
			at := chat.Listed{Started: s.Started, Conversation: s.Conversation}
			if stands(s, shelf) && (before.Conversation == "" || byStart(at, before) > 0) && !s.Started.Before(from) {
				out = append(out, at)
			}
		}
		return nil
	})
	slices.SortFunc(out, byStart)
	return out[:min(len(out), limit)], err
}

// byStart sorts the newest first.
func byStart(a, b chat.Listed) int {
	return cmp.Or(b.Started.Compare(a.Started), cmp.Compare(b.Conversation, a.Conversation))
}

func stands(s *chat.State, shelf chat.Shelf) bool {
	if s.Workspace != shelf.Workspace || shelf.Kind != chat.ShelfTag && s.Status.Over() != shelf.Over {
		return false
	}
	switch shelf.Kind {
	case chat.ShelfDepartment:
		return string(s.Department) == shelf.Name
	case chat.ShelfOperator:
		return s.Assignee != "" && string(s.Assignee) == shelf.Name
	case chat.ShelfCustomer:
		return string(s.Customer) == shelf.Name
	case chat.ShelfTag:
		return slices.Contains(s.Tags, shelf.Name)
	}
	return false
}

// HeadsOf implements chat.States.
func (m *Memory) HeadsOf(_ context.Context, w chat.WorkspaceID, ids []chat.ConversationID) ([]*chat.Head, error) {
	var out []*chat.Head
	err := m.do("HeadsOf", func() error {
		for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
			if h := m.heads[chat.Ref{Workspace: w, Conversation: id}]; h != nil {
				out = append(out, clone(h))
			}
		}
		return nil
	})
	return out, err
}

// StatesOf implements chat.States.
func (m *Memory) StatesOf(_ context.Context, w chat.WorkspaceID, ids []chat.ConversationID) ([]chat.State, error) {
	var out []chat.State
	err := m.do("StatesOf", func() error {
		for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
			if s := m.states[chat.Ref{Workspace: w, Conversation: id}]; s != nil {
				out = append(out, cloneState(s))
			}
		}
		return nil
	})
	return out, err
}

func (m *Memory) stateList() []chat.State {
	var out []chat.State
	for _, s := range m.states {
		out = append(out, cloneState(s))
	}
	slices.SortFunc(out, func(a, b chat.State) int {
		return cmp.Or(cmp.Compare(a.Workspace, b.Workspace), cmp.Compare(a.Conversation, b.Conversation))
	})
	return out
}

// ForgetWait makes HEAD one of a version that kept no wait.
func (m *Memory) ForgetWait(ref chat.Ref) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.heads[ref].Wait = chat.Wait{}
}

// KnowWait makes it one that does.
func (m *Memory) KnowWait(ref chat.Ref, since time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.heads[ref].Wait = chat.Wait{Since: since, Known: true}
}
