package chattest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

func (w *world) transit(t *testing.T, actor chat.UserID, c chat.Change) error {
	t.Helper()
	h, err := w.Head(t.Context(), w.ref)
	must(t, err)
	c.Old = h
	e := w.event(h.Public.Last+1, actor, "")
	e.Type, e.From, e.To, e.Reason, e.Subject = chat.EventAssigned, h.Status, c.Status, "because", c.Assignee
	return w.Transition(t.Context(), chat.Append{
		Ref: w.ref, Track: chat.Public, After: h.Public.Last, Events: []chat.Event{e}, Rule: chat.Rule{Actor: actor, Version: &h.Version},
	}, c)
}

func transitions(t *testing.T, w *world) {
	w.create(t, "1")
	open := func(u chat.UserID, want ...chat.ConversationID) {
		t.Helper()
		got, err := w.Open(t.Context(), w.ref.Workspace, u, "", 10)
		must(t, err)
		same(t, got, want)
	}
	closed := func(u chat.UserID, want ...chat.ConversationID) {
		t.Helper()
		got, err := w.Closed(t.Context(), w.ref.Workspace, u, "", 10)
		must(t, err)
		same(t, got, want)
	}
	waits := func(want int) {
		t.Helper()
		list, err := w.Waiting(t.Context(), w.ref.Workspace, "", 10)
		must(t, err)
		if len(list) != want || want == 1 && (list[0].Conversation != w.ref.Conversation || list[0].Customer != w.customer) {
			t.Fatalf("waiting: %+v", list)
		}
	}
	open(w.customer, w.ref.Conversation)
	waits(1)
	c := w.connection()
	l := chat.Listener{User: w.operator, Role: chat.RoleOperator, Expires: w.now.Add(time.Hour).Truncate(time.Second)}
	must(t, w.transit(t, w.operator, chat.Change{Status: chat.StatusActive, Assignee: w.operator, Join: chat.RoleOperator, Listen: c, Listener: l}))
	open(w.operator, w.ref.Conversation)
	waits(0)
	h, err := w.Head(t.Context(), w.ref)
	must(t, err)
	if h.Status != chat.StatusActive || h.Assignee != w.operator || h.Version != 2 || !h.QueuedAt.IsZero() || h.Participants[w.operator].Role != chat.RoleOperator {
		t.Fatalf("after joining: %+v", h)
	}
	same(t, h.Listeners, map[chat.ConnectionID]chat.Listener{c: l})
	e := h.Public.Tail[1]
	if e.From != chat.StatusQueued || e.To != chat.StatusActive || e.Reason != "because" || e.Subject != w.operator {
		t.Fatalf("the event: %+v", e)
	}
	must(t, w.transit(t, w.customer, chat.Change{Status: chat.StatusClosed}))
	for _, u := range []chat.UserID{w.customer, w.operator} {
		open(u)
		closed(u, w.ref.Conversation)
	}
	must(t, w.transit(t, w.customer, chat.Change{Status: chat.StatusActive}))
	open(w.operator, w.ref.Conversation)
	closed(w.customer)
	must(t, w.transit(t, w.customer, chat.Change{Status: chat.StatusClosed}))
	must(t, w.transit(t, w.customer, chat.Change{Status: chat.StatusQueued, QueuedAt: w.now}))
	waits(1)
	must(t, w.transit(t, w.customer, chat.Change{Status: chat.StatusClosed}))
	waits(0)
}

func transitionVersion(t *testing.T, w *world) {
	w.create(t, "1")
	h, err := w.Head(t.Context(), w.ref)
	must(t, err)
	must(t, w.transit(t, w.customer, chat.Change{Status: chat.StatusClosed}))
	e := w.event(3, w.customer, "x")
	err = w.Transition(t.Context(), chat.Append{Ref: w.ref, Track: chat.Public, After: 2, Events: []chat.Event{e}, Rule: chat.Rule{Actor: w.customer}},
		chat.Change{Old: h, Status: chat.StatusActive})
	if old := refusedBy(t, err); old == nil || old.Status != chat.StatusClosed {
		t.Fatalf("refusal: %+v", old)
	}
	if got, _ := w.Open(t.Context(), w.ref.Workspace, w.customer, "", 10); len(got) != 0 {
		t.Fatal("a refused transition moved a membership")
	}
}

func waitingOrder(t *testing.T, w *world) {
	var want []chat.ConversationID
	base := w.now
	for i := range 9 {
		w.ref.Conversation = newConversation()
		w.now = base.Add(time.Duration((i*4)%9) * time.Second)
		w.create(t, "1")
	}
	list, err := w.Waiting(t.Context(), w.ref.Workspace, "", 20)
	must(t, err)
	if len(list) != 9 || !slices.IsSortedFunc(list, func(a, b chat.Waiting) int { return a.Since.Compare(b.Since) }) {
		t.Fatalf("%d in the list: %+v", len(list), list)
	}
	for _, e := range list[:4] {
		want = append(want, e.Conversation)
	}
	short, err := w.Waiting(t.Context(), w.ref.Workspace, "", 4)
	must(t, err)
	var got []chat.ConversationID
	for _, e := range short {
		got = append(got, e.Conversation)
	}
	same(t, got, want)
}

func directoryPages(t *testing.T, w *world) {
	var all []chat.ConversationID
	for i := range 7 {
		id := chat.ConversationID(chat.NewID(chat.ConversationPrefix, w.now.Add(time.Duration(i)*time.Millisecond)))
		w.ref.Conversation = id
		w.create(t, "1")
		all = append([]chat.ConversationID{id}, all...)
	}
	var got []chat.ConversationID
	for after := chat.ConversationID(""); ; {
		page, err := w.Open(t.Context(), w.ref.Workspace, w.customer, after, 3)
		must(t, err)
		got = append(got, page...)
		if len(page) < 3 {
			break
		}
		after = page[len(page)-1]
	}
	same(t, got, all)
}

func relayed(t *testing.T, w *world) {
	w.create(t, "1", "2", "3")
	for _, c := range []struct{ set, want uint64 }{{2, 2}, {1, 2}, {3, 3}, {3, 3}} {
		must(t, w.SetRelayed(t.Context(), w.ref, chat.Public, c.set))
		h, err := w.Head(t.Context(), w.ref)
		must(t, err)
		if h.Public.Relayed != c.want || h.Desk.Relayed != 0 {
			t.Fatalf("relayed %d and %d after setting %d", h.Public.Relayed, h.Desk.Relayed, c.set)
		}
	}
}

func subscriptions(t *testing.T, w *world) {
	a := chat.Subscription{ID: "a", Kind: "sqs", Types: []chat.EventType{chat.EventMessage}}
	b := chat.Subscription{ID: "b", Kind: "sqs"}
	for _, s := range []chat.Subscription{a, b, a} {
		must(t, w.PutSubscription(t.Context(), w.ref.Workspace, s))
	}
	got, err := w.Subscriptions(t.Context(), w.ref.Workspace)
	must(t, err)
	slices.SortFunc(got, func(x, y chat.Subscription) int { return strings.Compare(x.ID, y.ID) })
	same(t, got, []chat.Subscription{a, b})
}

// tenants uses the same conversation and user ids in two workspaces.
func tenants(t *testing.T, w *world) {
	mine := w.create(t, "mine")
	first := w.ref
	w.ref.Workspace = chat.WorkspaceID(chat.NewID(chat.WorkspacePrefix, w.now))
	if h, err := w.Head(t.Context(), w.ref); h != nil || err != nil {
		t.Fatalf("seen from another workspace: %v, %v", h, err)
	}
	_, err := w.Append(t.Context(), w.append(1, "x"))
	if refusedBy(t, err) != nil {
		t.Fatal("an image of another workspace")
	}
	if got, _ := w.Open(t.Context(), w.ref.Workspace, w.customer, "", 10); len(got) != 0 {
		t.Fatal("memberships of another workspace")
	}
	w.create(t, "theirs")
	w.ref = first
	same(t, w.log(t, chat.Public), mine)
}
