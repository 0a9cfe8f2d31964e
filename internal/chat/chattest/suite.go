package chattest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/parley-chat/parley/internal/chat"
)

// Store is every port of the domain that keeps something.
type Store interface {
	chat.Appender
	chat.Reader
	chat.Subscriptions
	chat.ListenerRows
	chat.Directory
	chat.Sockets
	chat.Mover
	chat.SubscriptionSource
	PutSubscription(context.Context, chat.WorkspaceID, chat.Subscription) error
}

// ConformLog runs those tests of the suite that are about appending and reading alone.
func ConformLog(t *testing.T, store Store) {
	run(t, store, map[string]func(*testing.T, *world){
		"create once":                      createOnce,
		"append needs the exact seq":       appendExactSeq,
		"a refusal returns the old image":  refusalImage,
		"rules":                            rules,
		"the cursor rides on an append":    cursorRides,
		"one of many appenders wins":       race,
		"workspaces do not see each other": tenants,
	})
}

// Conform runs the conformance suite of the log's ports. Each test has a workspace of its own, so that one
// store may serve them all.
func Conform(t *testing.T, store Store) {
	ConformLog(t, store)
	run(t, store, map[string]func(*testing.T, *world){
		"desk events note what they follow": deskFollows,
		"subscribe is also a snapshot":      subscribe,
		"listeners beyond the head":         listenersBeyond,
		"expired listeners make room":       expiredListeners,
		"unsubscribe twice":                 unsubscribe,
		"cursors only grow":                 cursorGrows,
		"mute":                              mute,
		"moving a tail loses nothing":       moveTail,
		"moving with a stale image":         moveStale,
		"a big tail":                        bigTail,
		"transitions move memberships":      transitions,
		"a transition needs its version":    transitionVersion,
		"waiting list order":                waitingOrder,
		"directory pages":                   directoryPages,
		"sockets":                           sockets,
		"relayed only rises":                relayed,
		"subscriptions":                     subscriptions,
	})
}

func run(t *testing.T, store Store, tests map[string]func(*testing.T, *world)) {
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newWorld(store))
		})
	}
}

// world is a workspace with a customer and an operator.
type world struct {
	Store
	ref                chat.Ref
	customer, operator chat.UserID
	now                time.Time
	serial             atomic.Int64
}

func newWorld(s Store) *world {
	now := time.Now()
	return &world{
		Store: s, now: now, customer: chat.UserID(chat.NewID(chat.UserPrefix, now)), operator: chat.UserID(chat.NewID(chat.UserPrefix, now)),
		ref: chat.Ref{Workspace: chat.WorkspaceID(chat.NewID(chat.WorkspacePrefix, now)), Conversation: newConversation()},
	}
}

func newConversation() chat.ConversationID {
	return chat.ConversationID(chat.NewID(chat.ConversationPrefix, time.Now()))
}

func (w *world) connection() chat.ConnectionID {
	return chat.ConnectionID(fmt.Sprintf("conn%011d=", w.serial.Add(1)))
}

func (w *world) event(seq uint64, from chat.UserID, text string) chat.Event {
	return chat.Event{
		Seq: seq, ID: chat.EventID(chat.NewID(chat.EventPrefix, w.now)), Type: chat.EventMessage, At: w.now.Truncate(time.Millisecond),
		Sender: from, Role: chat.RoleCustomer, Text: text,
	}
}

func (w *world) create(t *testing.T, texts ...string) []chat.Event {
	t.Helper()
	var events []chat.Event
	for i, text := range texts {
		events = append(events, w.event(uint64(i)+1, w.customer, text))
	}
	must(t, w.Create(t.Context(), chat.Creation{Ref: w.ref, Customer: w.customer, Role: chat.RoleCustomer, Events: events, At: w.now}))
	return events
}

func (w *world) append(after uint64, texts ...string) chat.Append {
	a := chat.Append{Ref: w.ref, Track: chat.Public, After: after, Rule: chat.Rule{Actor: w.customer, Participant: true}}
	for i, text := range texts {
		a.Events = append(a.Events, w.event(after+uint64(i)+1, w.customer, text))
	}
	return a
}

// log reads a whole track: the chunks, then the tail of one image.
func (w *world) log(t *testing.T, track chat.Track) []chat.Event {
	t.Helper()
	h, err := w.Head(t.Context(), w.ref)
	must(t, err)
	var out []chat.Event
	for after := uint64(0); after+1 < h.Track(track).From; {
		part, err := w.After(t.Context(), w.ref, track, after, 7)
		must(t, err)
		if len(part) == 0 {
			t.Fatalf("no chunk holds seq %d", after+1)
		}
		out = append(out, part...)
		after = part[len(part)-1].Seq
	}
	return append(out, h.Track(track).Tail...)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refusedBy returns the image of a refusal; anything else fails the test.
func refusedBy(t *testing.T, err error) *chat.Head {
	t.Helper()
	var r *chat.Refused
	if !errors.As(err, &r) {
		t.Fatalf("got %v, want a refusal", err)
	}
	return r.Old
}

func same(t *testing.T, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Fatalf("-want +got\n%s", d)
	}
}

func createOnce(t *testing.T, w *world) {
	events := w.create(t, "hello", "anybody?")
	same(t, w.log(t, chat.Public), events)
	old := refusedBy(t, w.Create(t.Context(), chat.Creation{Ref: w.ref, Customer: w.operator, Role: chat.RoleCustomer, Events: events, At: w.now}))
	if old == nil || old.Public.Last != 2 {
		t.Fatalf("the refusal's image is %+v", old)
	}
	if _, in := old.Participants[w.operator]; in {
		t.Fatal("the second creation changed the conversation")
	}
	h, err := w.Head(t.Context(), chat.Ref{Workspace: w.ref.Workspace, Conversation: newConversation()})
	if h != nil || err != nil {
		t.Fatalf("a conversation that is not there: %v, %v", h, err)
	}
}

func appendExactSeq(t *testing.T, w *world) {
	w.create(t, "1")
	h, err := w.Append(t.Context(), w.append(1, "2", "3"))
	must(t, err)
	if n := len(h.Public.Tail); h.Public.Last != 3 || n < 2 || h.Public.Tail[n-1].Text != "3" || h.Public.From != 4-uint64(n) {
		t.Fatalf("image after: %+v", h.Public)
	}
	for _, after := range []uint64{0, 1, 2, 4, 100} {
		_, err := w.Append(t.Context(), w.append(after, "x"))
		refusedBy(t, err)
	}
	if got := len(w.log(t, chat.Public)); got != 3 {
		t.Fatalf("%d events, want 3", got)
	}
}

func refusalImage(t *testing.T, w *world) {
	w.create(t, "1")
	_, err := w.Append(t.Context(), w.append(7, "x"))
	old := refusedBy(t, err)
	h, err := w.Head(t.Context(), w.ref)
	must(t, err)
	same(t, old, h)
	nowhere := w.append(0, "x")
	nowhere.Conversation = newConversation()
	_, err = w.Append(t.Context(), nowhere)
	if refusedBy(t, err) != nil {
		t.Fatal("an image of a conversation that is not there")
	}
}

func rules(t *testing.T, w *world) {
	w.create(t, "1")
	version, stale := uint64(1), uint64(9)
	must(t, w.Mute(t.Context(), w.ref, w.customer, w.now.Add(time.Minute)))
	for name, c := range map[string]struct {
		rule chat.Rule
		ok   bool
	}{
		"none":               {chat.Rule{}, true},
		"participant":        {chat.Rule{Actor: w.customer, Participant: true}, true},
		"stranger":           {chat.Rule{Actor: w.operator, Participant: true}, false},
		"status":             {chat.Rule{Actor: w.customer, Statuses: []chat.Status{chat.StatusActive, chat.StatusQueued}}, true},
		"other status":       {chat.Rule{Actor: w.customer, Statuses: []chat.Status{chat.StatusClosed}}, false},
		"muted":              {chat.Rule{Actor: w.customer, Participant: true, UnmutedAt: w.now}, false},
		"no longer muted":    {chat.Rule{Actor: w.customer, Participant: true, UnmutedAt: w.now.Add(2 * time.Minute)}, true},
		"stranger is unmute": {chat.Rule{Actor: w.operator, UnmutedAt: w.now}, true},
		"unassigned":         {chat.Rule{Actor: w.operator, Unassigned: true}, true},
		"version":            {chat.Rule{Actor: w.customer, Version: &version}, true},
		"stale version":      {chat.Rule{Actor: w.customer, Version: &stale}, false},
	} {
		h, err := w.Head(t.Context(), w.ref)
		must(t, err)
		if said := c.rule.Check(h) == nil; said != c.ok {
			t.Fatalf("%s: Check says %v", name, said)
		}
		a := w.append(h.Public.Last, name)
		a.Rule = c.rule
		if _, err = w.Append(t.Context(), a); (err == nil) != c.ok {
			t.Fatalf("%s: the write says %v", name, err)
		}
	}
}

func cursorRides(t *testing.T, w *world) {
	w.create(t, "1", "2")
	a := w.append(2, "3")
	a.Cursor = 2
	h, err := w.Append(t.Context(), a)
	must(t, err)
	if got := h.Participants[w.customer].Cursor; got != 2 {
		t.Fatalf("cursor %d, want 2", got)
	}
}

func deskFollows(t *testing.T, w *world) {
	w.create(t, "1", "2")
	note := func(after uint64, texts ...string) {
		a := w.append(after, texts...)
		a.Track = chat.Desk
		h, err := w.Append(t.Context(), a)
		must(t, err)
		if h.Public.Last == 0 || h.Desk.Last != after+uint64(len(texts)) {
			t.Fatalf("tracks mixed: %+v", h)
		}
	}
	note(0, "a", "b")
	_, err := w.Append(t.Context(), w.append(2, "3"))
	must(t, err)
	note(2, "c")
	check := func() {
		t.Helper()
		var follows []uint64
		for _, e := range w.log(t, chat.Desk) {
			follows = append(follows, e.Follows)
		}
		same(t, follows, []uint64{2, 2, 3})
	}
	check()
	for upTo := uint64(1); upTo <= 3; upTo++ { // also between the two of one write
		h, err := w.Head(t.Context(), w.ref)
		must(t, err)
		must(t, w.MoveTail(t.Context(), h, chat.Desk, upTo, 0))
		check()
	}
}

func subscribe(t *testing.T, w *world) {
	w.create(t, "1")
	l := chat.Listener{User: w.customer, Role: chat.RoleCustomer, Expires: w.now.Add(time.Hour).Truncate(time.Second)}
	c := w.connection()
	h, err := w.Subscribe(t.Context(), w.ref, c, l)
	must(t, err)
	if h.Public.Last != 1 || len(h.Public.Tail) != 1 {
		t.Fatalf("the answer holds no snapshot: %+v", h.Public)
	}
	same(t, h.Listeners[c], l)
	_, err = w.Subscribe(t.Context(), w.ref, w.connection(), chat.Listener{User: w.operator, Role: chat.RoleOperator, Expires: l.Expires})
	if old := refusedBy(t, err); old == nil || len(old.Listeners) != 1 {
		t.Fatalf("refusal of a stranger: %+v", old)
	}
	h, err = w.Append(t.Context(), w.append(1, "2"))
	must(t, err)
	same(t, h.Listeners, map[chat.ConnectionID]chat.Listener{c: l})
}

func listenersBeyond(t *testing.T, w *world) {
	w.create(t, "1")
	l := chat.Listener{User: w.customer, Role: chat.RoleCustomer, Expires: w.now.Add(time.Hour).Truncate(time.Second)}
	want := map[chat.ConnectionID]chat.Listener{}
	var h *chat.Head
	for range chat.MaxListeners + 9 {
		c := w.connection()
		want[c] = l
		var err error
		h, err = w.Subscribe(t.Context(), w.ref, c, l)
		must(t, err)
	}
	if len(h.Listeners) != chat.MaxListeners || h.ListenerShards == 0 {
		t.Fatalf("%d listeners in the head, %d shards", len(h.Listeners), h.ListenerShards)
	}
	same(t, allListeners(t, w, h), want)
	for shard := range h.ListenerShards {
		rows, err := w.ListenerRows(t.Context(), w.ref, shard)
		must(t, err)
		for c := range rows {
			must(t, w.DropListenerRow(t.Context(), w.ref, shard, c))
			must(t, w.DropListenerRow(t.Context(), w.ref, shard, c))
		}
	}
	if got := len(allListeners(t, w, h)); got != chat.MaxListeners {
		t.Fatalf("%d listeners after dropping the rows", got)
	}
}

func allListeners(t *testing.T, w *world, h *chat.Head) map[chat.ConnectionID]chat.Listener {
	t.Helper()
	out := map[chat.ConnectionID]chat.Listener{}
	for c, l := range h.Listeners {
		out[c] = l
	}
	for shard := range h.ListenerShards {
		rows, err := w.ListenerRows(t.Context(), w.ref, shard)
		must(t, err)
		for c, l := range rows {
			out[c] = l
		}
	}
	return out
}

func expiredListeners(t *testing.T, w *world) {
	w.create(t, "1")
	for i := range chat.MaxListeners {
		expires := w.now.Add(time.Hour)
		if i < 3 {
			expires = w.now.Add(-time.Minute)
		}
		_, err := w.Subscribe(t.Context(), w.ref, w.connection(), chat.Listener{User: w.customer, Role: chat.RoleCustomer, Expires: expires.Truncate(time.Second)})
		must(t, err)
	}
	h, err := w.Subscribe(t.Context(), w.ref, w.connection(), chat.Listener{User: w.customer, Role: chat.RoleCustomer, Expires: w.now.Add(time.Hour).Truncate(time.Second)})
	must(t, err)
	if h.ListenerShards != 0 || len(h.Listeners) != chat.MaxListeners-2 {
		t.Fatalf("%d listeners, %d shards: the expired ones were not pruned", len(h.Listeners), h.ListenerShards)
	}
}

func unsubscribe(t *testing.T, w *world) {
	w.create(t, "1")
	c := w.connection()
	_, err := w.Subscribe(t.Context(), w.ref, c, chat.Listener{User: w.customer, Role: chat.RoleCustomer, Expires: w.now.Add(time.Hour)})
	must(t, err)
	for range 2 {
		must(t, w.Unsubscribe(t.Context(), w.ref, c))
	}
	h, err := w.Head(t.Context(), w.ref)
	must(t, err)
	if len(h.Listeners) != 0 {
		t.Fatalf("still listening: %v", h.Listeners)
	}
	must(t, w.Unsubscribe(t.Context(), chat.Ref{Workspace: w.ref.Workspace, Conversation: newConversation()}, c))
}

func cursorGrows(t *testing.T, w *world) {
	w.create(t, "1", "2")
	_, err := w.Append(t.Context(), w.append(2, "3", "4", "5"))
	must(t, err)
	h, err := w.MoveCursor(t.Context(), w.ref, w.customer, 4)
	must(t, err)
	if h.Participants[w.customer].Cursor != 4 {
		t.Fatalf("cursor %+v", h.Participants)
	}
	for _, seq := range []uint64{4, 3, 6} { // there already, backwards, beyond the log
		_, err := w.MoveCursor(t.Context(), w.ref, w.customer, seq)
		if old := refusedBy(t, err); old.Participants[w.customer].Cursor != 4 {
			t.Fatalf("cursor moved to %d", old.Participants[w.customer].Cursor)
		}
	}
	_, err = w.MoveCursor(t.Context(), w.ref, w.operator, 1)
	refusedBy(t, err)
}

func mute(t *testing.T, w *world) {
	w.create(t, "1")
	until := w.now.Add(time.Minute)
	must(t, w.Mute(t.Context(), w.ref, w.customer, until))
	h, err := w.Head(t.Context(), w.ref)
	must(t, err)
	if got := h.Participants[w.customer].MutedUntil; !got.Equal(until.Truncate(time.Millisecond)) {
		t.Fatalf("muted until %v, want %v", got, until)
	}
	refusedBy(t, w.Mute(t.Context(), w.ref, w.operator, until))
}

func moveTail(t *testing.T, w *world) {
	want := w.create(t, "1")
	for i := range 20 {
		a := w.append(uint64(i)+1, fmt.Sprint(i+2))
		want = append(want, a.Events...)
		_, err := w.Append(t.Context(), a)
		must(t, err)
		if i%3 == 0 {
			h, err := w.Head(t.Context(), w.ref)
			must(t, err)
			must(t, w.MoveTail(t.Context(), h, chat.Public, h.Public.Last-uint64(i%2), h.Public.Last))
		}
		same(t, w.log(t, chat.Public), want)
	}
	h, err := w.Head(t.Context(), w.ref)
	must(t, err)
	if h.Public.Relayed == 0 || h.Public.From < 15 {
		t.Fatalf("tail from %d, relayed %d", h.Public.From, h.Public.Relayed)
	}
	for after := range uint64(22) {
		part, err := w.After(t.Context(), w.ref, chat.Public, after, 5)
		must(t, err)
		if after+1 < h.Public.From && (len(part) == 0 || part[0].Seq != after+1) {
			t.Fatalf("after %d: %v", after, part)
		}
	}
}

func moveStale(t *testing.T, w *world) {
	want := w.create(t, "1", "2", "3")
	old, err := w.Head(t.Context(), w.ref)
	must(t, err)
	a := w.append(3, "4", "5")
	want = append(want, a.Events...)
	_, err = w.Append(t.Context(), a)
	must(t, err)
	fresh, err := w.Head(t.Context(), w.ref)
	must(t, err)
	for _, m := range []struct {
		head *chat.Head
		upTo uint64
	}{{old, 2}, {old, 3}, {fresh, 5}, {fresh, 4}, {old, 2}} {
		must(t, w.MoveTail(t.Context(), m.head, chat.Public, m.upTo, 0))
		same(t, w.log(t, chat.Public), want)
	}
}

func bigTail(t *testing.T, w *world) {
	want := w.create(t, "1")
	for i := range 12 {
		a := w.append(uint64(i)+1, strings.Repeat("x", chat.MaxText))
		want = append(want, a.Events...)
		_, err := w.Append(t.Context(), a)
		must(t, err)
	}
	h, err := w.Head(t.Context(), w.ref)
	must(t, err)
	must(t, w.MoveTail(t.Context(), h, chat.Public, h.Public.Last-1, 0))
	same(t, w.log(t, chat.Public), want)
}

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
		list, err := w.Waiting(t.Context(), w.ref.Workspace, 10)
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
	list, err := w.Waiting(t.Context(), w.ref.Workspace, 20)
	must(t, err)
	if len(list) != 9 || !slices.IsSortedFunc(list, func(a, b chat.Waiting) int { return a.Since.Compare(b.Since) }) {
		t.Fatalf("%d in the list: %+v", len(list), list)
	}
	for _, e := range list[:4] {
		want = append(want, e.Conversation)
	}
	short, err := w.Waiting(t.Context(), w.ref.Workspace, 4)
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

func sockets(t *testing.T, w *world) {
	c := chat.Principal{Workspace: w.ref.Workspace, User: w.customer, Role: chat.RoleCustomer, Session: "s_x", Connection: w.connection()}
	o := chat.Principal{Workspace: w.ref.Workspace, User: w.operator, Role: chat.RoleOperator, Session: "s_y", Connection: w.connection()}
	for _, p := range []chat.Principal{c, o, o} {
		must(t, w.Opened(t.Context(), p, w.now.Add(time.Hour)))
	}
	got, err := w.OfUser(t.Context(), w.ref.Workspace, w.customer)
	must(t, err)
	same(t, got, []chat.ConnectionID{c.Connection})
	desk, err := w.OfDesk(t.Context(), w.ref.Workspace)
	must(t, err)
	same(t, desk, []chat.Principal{o})
	for range 2 {
		must(t, w.SocketClosed(t.Context(), o))
	}
	desk, err = w.OfDesk(t.Context(), w.ref.Workspace)
	must(t, err)
	same(t, desk, []chat.Principal{})
}

func race(t *testing.T, w *world) {
	w.create(t, "1")
	const writers, rounds = 8, 5
	for round := range uint64(rounds) {
		var wg sync.WaitGroup
		var won atomic.Int32
		for range writers {
			wg.Go(func() {
				if _, err := w.Append(t.Context(), w.append(round+1, "x")); err == nil {
					won.Add(1)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Fatalf("%d appenders won seq %d", won.Load(), round+2)
		}
	}
	for i, e := range w.log(t, chat.Public) {
		if e.Seq != uint64(i)+1 {
			t.Fatalf("seq %d at place %d", e.Seq, i)
		}
	}
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
