package chattest

import (
	"context"
	"errors"
	"fmt"
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
	chat.States
	chat.Sockets
	chat.Mover
	chat.SubscriptionSource
	chat.DeskStore
	chat.VisitorStore
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
		"moving a tail prunes listeners":    moveTailPrunes,
		"unsubscribe twice":                 unsubscribe,
		"cursors only grow":                 cursorGrows,
		"mute":                              mute,
		"waits for an answer":               waits,
		"heads side by side":                headsSideBySide,
		"moving a tail loses nothing":       moveTail,
		"moving with a stale image":         moveStale,
		"a big tail":                        bigTail,
		"transitions move memberships":      transitions,
		"a transition needs its version":    transitionVersion,
		"state follows the transitions":     stateFollows,
		"facts are kept":                    factsAreKept,
		"asides":                            asides,
		"a customer takes another's place":  passes,
		"shelves":                           shelves,
		"waiting list order":                waitingOrder,
		"directory pages":                   directoryPages,
		"sockets":                           sockets,
		"sockets that ended":                socketsThatEnded,
		"open views":                        openViews,
		"broadcasts":                        broadcasts,
		"visitors":                          visitors,
		"pages of visitors":                 visitorPages,
		"relayed only rises":                relayed,
		"subscriptions":                     subscriptions,
		"repair tells what is not noted":    repair,
		"repairs side by side":              repairsSideBySide,
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
		"customer":           {chat.Rule{Actor: w.operator, Customer: w.customer}, true},
		"no customer":        {chat.Rule{Actor: w.customer, Customer: w.operator}, false},
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
