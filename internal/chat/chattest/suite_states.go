package chattest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// act makes a change with an event on the desk track.
func (w *world) act(t *testing.T, actor chat.UserID, typ chat.EventType, c chat.Change) error {
	t.Helper()
	h, err := w.Head(t.Context(), w.ref)
	must(t, err)
	if c.Old == nil {
		c.Old = h
	}
	e := w.event(h.Desk.Last+1, actor, "")
	e.Type, e.Role = typ, chat.RoleOperator
	return w.Transition(t.Context(), chat.Append{
		Ref: w.ref, Track: chat.Desk, After: h.Desk.Last, Events: []chat.Event{e}, Rule: chat.Rule{Actor: actor, Version: &c.Old.Version},
	}, c)
}

func (w *world) state(t *testing.T) *chat.State {
	t.Helper()
	s, err := w.State(t.Context(), w.ref)
	must(t, err)
	if s == nil {
		t.Fatal("no state")
	}
	return s
}

// stateFollows: times and places in STATE are those of the transitions.
func stateFollows(t *testing.T, w *world) {
	if s, err := w.State(t.Context(), w.ref); s != nil || err != nil {
		t.Fatalf("before the start: %+v, %v", s, err)
	}
	begin := w.now.Truncate(time.Millisecond)
	w.create(t, "1")
	w.is(t, chat.State{Status: chat.StatusQueued, FirstQueued: begin, Changed: begin})
	at := func(d time.Duration) time.Time { w.now = begin.Add(d); return w.now }
	assigned := at(time.Second)
	must(t, w.transit(t, w.operator, chat.Change{Status: chat.StatusActive, Assignee: w.operator, Join: chat.RoleOperator, Department: "d_01kaw3v4x0fedcba9876543210"}))
	want := chat.State{Status: chat.StatusActive, Assignee: w.operator, Department: "d_01kaw3v4x0fedcba9876543210", FirstQueued: begin, FirstAssigned: assigned, Changed: assigned}
	w.is(t, want)
	snoozed, until := at(2*time.Second), begin.Add(time.Hour)
	must(t, w.transit(t, w.operator, chat.Change{Status: chat.StatusSnoozed, Until: until}))
	want.Status, want.Changed, want.Until = chat.StatusSnoozed, snoozed, until
	w.is(t, want)
	closed := at(3 * time.Second)
	must(t, w.transit(t, w.operator, chat.Change{Status: chat.StatusClosed}))
	want.Status, want.Changed, want.Closed, want.Until = chat.StatusClosed, closed, closed, time.Time{}
	w.is(t, want)
	again := at(4 * time.Second)
	must(t, w.transit(t, w.operator, chat.Change{Status: chat.StatusQueued, Unassign: true, QueuedAt: begin}))
	want.Status, want.Changed, want.Closed, want.Assignee, want.Engagement = chat.StatusQueued, again, time.Time{}, "", 1
	w.is(t, want)
}

// is compares STATE with what is expected of it beyond what never changes.
func (w *world) is(t *testing.T, want chat.State) {
	t.Helper()
	got := w.state(t)
	want.Ref, want.Customer, want.Started, want.Page = w.ref, w.customer, got.Started, got.Page
	same(t, *got, want)
}

// factsAreKept: facts are stored with their event or not at all, and need the revision.
func factsAreKept(t *testing.T, w *world) {
	w.create(t, "1")
	old := w.state(t)
	next := *old
	next.Tags, next.Fields = []string{"vip", "a#b"}, map[string]string{"order": "17", "größe": "L"}
	next.Rating = &chat.Rating{Score: 4, Comment: "fine", At: w.now.Truncate(time.Millisecond), Engagement: 2, Operator: w.operator}
	next.Link, next.Linked = newConversation(), []chat.ConversationID{newConversation()}
	must(t, w.act(t, w.operator, chat.EventTagged, chat.Change{Aside: true, Facts: &chat.Facts{Old: old, New: &next}}))
	next.Revision = 1
	same(t, w.state(t), &next)
	h, err := w.Head(t.Context(), w.ref)
	must(t, err)
	if h.Version != 1 || h.Asides != 0 || h.Desk.Last != 1 || h.Status != chat.StatusQueued {
		t.Fatalf("facts are no transition: %+v", h)
	}
	if err := w.act(t, w.operator, chat.EventTagged, chat.Change{Aside: true, Facts: &chat.Facts{Old: old, New: old}}); err == nil {
		t.Fatal("facts on a stale revision")
	}
	tagged := func(tag string, want ...chat.ConversationID) {
		t.Helper()
		same(t, w.shelf(t, chat.Shelf{Kind: chat.ShelfTag, Name: tag}), want)
	}
	tagged("vip", w.ref.Conversation)
	tagged("a#b", w.ref.Conversation)
	bare := next
	bare.Tags, bare.Fields, bare.Linked = []string{"a#b"}, nil, nil
	must(t, w.act(t, w.operator, chat.EventTagged, chat.Change{Aside: true, Facts: &chat.Facts{Old: &next, New: &bare}}))
	bare.Revision = 2
	same(t, w.state(t), &bare)
	tagged("vip")
	tagged("a#b", w.ref.Conversation)
}

func (w *world) shelf(t *testing.T, s chat.Shelf) []chat.ConversationID {
	t.Helper()
	s.Workspace = w.ref.Workspace
	list, err := w.Shelf(t.Context(), s, chat.Listed{}, time.Time{}, 50)
	must(t, err)
	var ids []chat.ConversationID
	for _, l := range list {
		ids = append(ids, l.Conversation)
	}
	return ids
}

// asides: people and priority change beside the version; whoever decided on an older image decides again.
func asides(t *testing.T, w *world) {
	w.create(t, "1")
	before, err := w.Head(t.Context(), w.ref)
	must(t, err)
	supervisor := chat.UserID(chat.NewID(chat.UserPrefix, w.now))
	must(t, w.act(t, supervisor, chat.EventWatched, chat.Change{Aside: true, Join: chat.RoleSupervisor, Watching: true}))
	h, err := w.Head(t.Context(), w.ref)
	must(t, err)
	if h.Version != 1 || h.Epoch != before.Epoch || h.Asides != 1 || !h.Participants[supervisor].Watching || !h.QueuedAt.Equal(before.QueuedAt) {
		t.Fatalf("after watching: %+v", h)
	}
	open, err := w.Open(t.Context(), w.ref.Workspace, supervisor, "", 9)
	must(t, err)
	same(t, open, []chat.ConversationID{w.ref.Conversation})
	refusedBy(t, w.act(t, w.operator, chat.EventClosed, chat.Change{Old: before, Status: chat.StatusClosed}))

	high := 2
	old, err := w.Entry(t.Context(), h)
	must(t, err)
	old.Preferred, old.PreferredUntil = w.operator, w.now.Add(time.Minute)
	must(t, w.act(t, supervisor, chat.EventPriority, chat.Change{Aside: true, Priority: &high, Entry: *old}))
	list, err := w.Waiting(t.Context(), w.ref.Workspace, "", 9)
	must(t, err)
	if len(list) != 1 || list[0].Priority != 2 || list[0].Version != 1 || !list[0].Since.Equal(before.QueuedAt) || list[0].Preferred != w.operator {
		t.Fatalf("the entry: %+v", list)
	}
	refusedBy(t, w.act(t, w.operator, chat.EventClosed, chat.Change{Old: h, Status: chat.StatusClosed}))
	must(t, w.act(t, supervisor, chat.EventLeft, chat.Change{Aside: true, Remove: []chat.UserID{supervisor}}))
	must(t, w.transit(t, w.operator, chat.Change{Status: chat.StatusActive, Assignee: w.operator, Join: chat.RoleOperator}))
	must(t, w.transit(t, supervisor, chat.Change{Status: chat.StatusActive, Assignee: supervisor, Add: map[chat.UserID]chat.Role{supervisor: chat.RoleSupervisor}, Watchers: []chat.UserID{w.operator}}))
	h, err = w.Head(t.Context(), w.ref)
	must(t, err)
	if h.Asides != 3 || !h.Participants[w.operator].Watching || h.Participants[supervisor].Watching || h.Assignee != supervisor || h.Priority != 2 {
		t.Fatalf("after the takeover: %+v", h)
	}
	if s := w.state(t); s.Priority != 2 || s.Assignee != supervisor {
		t.Fatalf("state: %+v", s)
	}
	waits, err := w.Waiting(t.Context(), w.ref.Workspace, "", 9)
	must(t, err)
	same(t, len(waits), 0)
	if e, err := w.Entry(t.Context(), h); e != nil || err != nil {
		t.Fatalf("an entry of what does not wait: %+v, %v", e, err)
	}
}

// shelves: every conversation stands where it belongs, newest first, page by page.
func shelves(t *testing.T, w *world) {
	const dept = chat.DepartmentID("d_01kaw3v4x0fedcba9876543210")
	base := w.now
	var all []chat.ConversationID
	for i := range 7 {
		w.ref.Conversation, w.now = newConversation(), base.Add(time.Duration(i)*time.Minute)
		w.create(t, "1")
		all = append([]chat.ConversationID{w.ref.Conversation}, all...)
	}
	here := chat.Shelf{Workspace: w.ref.Workspace, Kind: chat.ShelfDepartment}
	same(t, w.shelf(t, here), all)
	same(t, w.shelf(t, chat.Shelf{Kind: chat.ShelfCustomer, Name: string(w.customer)}), all)
	same(t, len(w.shelf(t, chat.Shelf{Kind: chat.ShelfOperator, Name: string(w.operator)})), 0)

	var got []chat.ConversationID
	for place := (chat.Listed{}); ; {
		page, err := w.Shelf(t.Context(), here, place, time.Time{}, 3)
		must(t, err)
		for _, l := range page {
			got = append(got, l.Conversation)
		}
		if len(page) < 3 {
			break
		}
		place = page[2]
	}
	same(t, got, all)
	page, err := w.Shelf(t.Context(), here, chat.Listed{}, base.Add(5*time.Minute).Truncate(time.Millisecond), 9)
	must(t, err)
	same(t, len(page), 2)

	w.ref.Conversation = all[2]
	must(t, w.transit(t, w.operator, chat.Change{Status: chat.StatusActive, Assignee: w.operator, Join: chat.RoleOperator, Department: dept}))
	one := []chat.ConversationID{all[2]}
	same(t, w.shelf(t, here), slices.Delete(slices.Clone(all), 2, 3))
	same(t, w.shelf(t, chat.Shelf{Kind: chat.ShelfDepartment, Name: string(dept)}), one)
	same(t, w.shelf(t, chat.Shelf{Kind: chat.ShelfOperator, Name: string(w.operator)}), one)
	must(t, w.transit(t, w.operator, chat.Change{Status: chat.StatusClosed}))
	for _, s := range []chat.Shelf{{Kind: chat.ShelfDepartment, Name: string(dept)}, {Kind: chat.ShelfOperator, Name: string(w.operator)}} {
		same(t, len(w.shelf(t, s)), 0)
		s.Over = true
		same(t, w.shelf(t, s), one)
	}
	must(t, w.transit(t, w.operator, chat.Change{Status: chat.StatusQueued, Unassign: true, QueuedAt: base}))
	same(t, len(w.shelf(t, chat.Shelf{Kind: chat.ShelfOperator, Name: string(w.operator)})), 0)
	same(t, w.shelf(t, chat.Shelf{Kind: chat.ShelfDepartment, Name: string(dept)}), one)

	states, err := w.StatesOf(t.Context(), w.ref.Workspace, append(all, newConversation(), all[0]))
	must(t, err)
	var names []string
	for _, s := range states {
		names = append(names, fmt.Sprint(s.Conversation, s.Status, s.Department))
	}
	if len(states) != 7 || !slices.Contains(names, fmt.Sprint(all[2], chat.StatusQueued, dept)) {
		t.Fatal(names)
	}
}

// passes: a customer takes another's place: in the conversation, its STATE and shelf, and the queue; and back.
func passes(t *testing.T, w *world) {
	w.create(t, "1")
	h, err := w.Head(t.Context(), w.ref)
	must(t, err)
	old, err := w.Entry(t.Context(), h)
	must(t, err)
	old.Preferred, old.PreferredUntil = w.operator, w.now.Add(time.Minute)
	known, high := chat.UserID(chat.NewID(chat.UserPrefix, w.now)), 2
	for _, c := range [][2]chat.UserID{{w.customer, known}, {known, w.customer}} {
		must(t, w.act(t, w.operator, chat.EventIdentified, chat.Change{
			Aside: true, Customer: c[1], Add: map[chat.UserID]chat.Role{c[1]: chat.RoleCustomer}, Remove: []chat.UserID{c[0]}, Priority: &high, Entry: *old,
		}))
		same(t, w.state(t).Customer, c[1])
		same(t, w.shelf(t, chat.Shelf{Kind: chat.ShelfCustomer, Name: string(c[1])}), []chat.ConversationID{w.ref.Conversation})
		same(t, len(w.shelf(t, chat.Shelf{Kind: chat.ShelfCustomer, Name: string(c[0])})), 0)
		list, err := w.Waiting(t.Context(), w.ref.Workspace, "", 9)
		must(t, err)
		if len(list) != 1 || list[0].Customer != c[1] || list[0].Preferred != old.Preferred {
			t.Fatalf("the entry: %+v", list)
		}
	}
}
