package chattest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// OperatorStore is every port of routing that keeps something.
type OperatorStore interface {
	Store
	chat.OperatorStore
	chat.Entries
}

// ConformOperators runs the conformance suite of routing's ports.
func ConformOperators(t *testing.T, store OperatorStore) {
	for name, test := range map[string]func(*testing.T, *world, OperatorStore){
		"places have a limit at any concurrency":   places,
		"a place that is refused changes nothing":  placeRefused,
		"changes of an operator and their own log": operatorLog,
		"leases":                            leases,
		"entries are mended by version":     entries,
		"skills and who was tried are kept": keptByTheEntry,
		"still":                             still,
		"assignments":                       assignments,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newWorld(store), store)
		})
	}
}

func (w *world) operatorItem(t *testing.T, s OperatorStore, capacity int) chat.Operator {
	t.Helper()
	next := chat.Operator{
		Workspace: w.ref.Workspace, User: w.operator, Role: chat.RoleOperator, Capacity: capacity, Duty: chat.DutyAccepting,
		Lease: w.now.Add(time.Minute).Truncate(time.Millisecond),
	}
	must(t, s.ChangeOperator(t.Context(), nil, next))
	return next
}

func (w *world) read(t *testing.T, s OperatorStore) chat.Operator {
	t.Helper()
	o, err := s.Operator(t.Context(), w.ref.Workspace, w.operator)
	must(t, err)
	if o == nil {
		t.Fatal("no such operator")
	}
	return *o
}

func (w *world) take() chat.Change {
	return chat.Change{
		Status: chat.StatusActive, Assignee: w.operator, Add: map[chat.UserID]chat.Role{w.operator: chat.RoleOperator},
		Places: []chat.Place{{User: w.operator, Take: true, Eligible: true, At: w.now}},
	}
}

func places(t *testing.T, w *world, s OperatorStore) {
	w.operatorItem(t, s, 3)
	refs := make([]chat.Ref, 9)
	for i := range refs {
		w.ref.Conversation = newConversation()
		w.create(t, "1")
		refs[i] = w.ref
	}
	var wg sync.WaitGroup
	for _, ref := range refs {
		one := &world{Store: w.Store, ref: ref, customer: w.customer, operator: w.operator, now: w.now}
		wg.Go(func() {
			for range 50 { // conflicts are tried again
				h, err := one.Head(context.Background(), ref)
				if err != nil || h.Status != chat.StatusQueued {
					return
				}
				c := one.take()
				c.Old = h
				e := one.event(h.Public.Last+1, chat.SystemUser, "")
				e.Type, e.To, e.Role = chat.EventAssigned, chat.StatusActive, chat.RoleSystem
				err = one.Transition(context.Background(), chat.Append{
					Ref: ref, Track: chat.Public, After: h.Public.Last, Events: []chat.Event{e}, Rule: chat.Rule{Actor: chat.SystemUser, Version: &h.Version},
				}, c)
				if err == nil {
					return
				}
			}
		})
	}
	wg.Wait()
	if o := w.read(t, s); o.Load != 3 || o.LastAssigned.UnixMilli() != w.now.UnixMilli() {
		t.Errorf("%+v", o)
	}
	owned := 0
	for _, ref := range refs {
		h, err := w.Head(t.Context(), ref)
		must(t, err)
		if h.Assignee == w.operator {
			owned++
		}
	}
	same(t, owned, 3)
}

func placeRefused(t *testing.T, w *world, s OperatorStore) {
	w.create(t, "1")
	for name, change := range map[string]func(*chat.Operator){
		"full":         func(o *chat.Operator) { o.Capacity = 0; o.Duty = chat.DutyOff },
		"away":         func(o *chat.Operator) { o.Duty = chat.DutyAway },
		"disconnected": func(o *chat.Operator) { o.Lease = w.now.Add(-chat.DisconnectGrace) },
	} {
		w.operator = chat.UserID(chat.NewID(chat.UserPrefix, w.now))
		o := w.operatorItem(t, s, 1)
		next := o
		change(&next)
		must(t, s.ChangeOperator(t.Context(), &o, next))
		err := w.transit(t, w.customer, w.take())
		var refused *chat.Refused
		if !errors.As(err, &refused) || refused.NoPlace != w.operator {
			t.Errorf("%s: %v", name, err)
		}
		h, err := w.Head(t.Context(), w.ref)
		must(t, err)
		if h.Status != chat.StatusQueued || h.Version != 1 || h.Public.Last != 1 || w.read(t, s).Load != 0 {
			t.Errorf("%s: something was changed: %+v", name, h)
		}
	}
}

func operatorLog(t *testing.T, w *world, s OperatorStore) {
	at := w.now.Truncate(time.Millisecond)
	old := w.operatorItem(t, s, 4)
	next := old
	next.Duty, next.DutySince, next.Skills = chat.DutyAway, at, []string{"a", "b"}
	event := chat.OperatorEvent{Type: chat.OperatorStatus, At: at, Sender: w.operator, Role: chat.RoleOperator, From: chat.DutyAccepting, To: chat.DutyAway, Reason: "lunch"}
	must(t, s.ChangeOperator(t.Context(), &old, next, event))
	refusedBy(t, s.ChangeOperator(t.Context(), &old, next, event)) // the log has moved on
	next.Events = 1
	same(t, w.read(t, s), next)
	again := next
	again.Duty, again.Skills = chat.DutyOff, nil
	must(t, s.ChangeOperator(t.Context(), &next, again, event, event))
	log, err := s.OperatorEvents(t.Context(), w.ref.Workspace, w.operator, 0, 2)
	must(t, err)
	event.Seq = 1
	second := event
	second.Seq = 2
	same(t, log, []chat.OperatorEvent{event, second})
	log, err = s.OperatorEvents(t.Context(), w.ref.Workspace, w.operator, 2, 9)
	must(t, err)
	if len(log) != 1 || log[0].Seq != 3 {
		t.Errorf("%+v", log)
	}
	other, err := s.Operator(t.Context(), w.ref.Workspace, w.customer)
	must(t, err)
	if other != nil {
		t.Errorf("%+v", other)
	}
}

func leases(t *testing.T, w *world, s OperatorStore) {
	until := w.now.Add(time.Hour).Truncate(time.Millisecond)
	if o, err := s.RenewLease(t.Context(), w.ref.Workspace, w.operator, until); o != nil || err != nil {
		t.Errorf("who was never on duty: %+v, %v", o, err)
	}
	old := w.operatorItem(t, s, 4)
	o, err := s.RenewLease(t.Context(), w.ref.Workspace, w.operator, until)
	must(t, err)
	same(t, o.Lease.UnixMilli(), until.UnixMilli())
	refusedBy(t, s.EndLease(t.Context(), w.ref.Workspace, w.operator, old.Lease, w.now))
	must(t, s.EndLease(t.Context(), w.ref.Workspace, w.operator, until, w.now))
	must(t, s.OperatorTypes(t.Context(), w.ref.Workspace, w.operator, until))
	now := w.read(t, s)
	same(t, []int64{now.Lease.UnixMilli(), now.TypingUntil.UnixMilli()}, []int64{w.now.UnixMilli(), until.UnixMilli()})
	off := now
	off.Duty = chat.DutyOff
	must(t, s.ChangeOperator(t.Context(), &now, off))
	if o, err := s.RenewLease(t.Context(), w.ref.Workspace, w.operator, until); o != nil || err != nil {
		t.Errorf("who is off duty: %+v, %v", o, err)
	}
}

func entries(t *testing.T, w *world, s OperatorStore) {
	w.create(t, "1")
	first := func() []chat.Waiting {
		t.Helper()
		list, err := s.Waiting(t.Context(), w.ref.Workspace, "", 9)
		must(t, err)
		return list
	}
	e := first()[0]
	stale := e
	stale.Version++
	must(t, s.DropEntry(t.Context(), w.ref.Workspace, stale))
	same(t, len(first()), 1)
	e.Told, e.ToldAt = 3, w.now.Truncate(time.Millisecond)
	must(t, s.ToldPosition(t.Context(), w.ref.Workspace, e))
	same(t, first()[0].Told, 3)
	must(t, s.DropEntry(t.Context(), w.ref.Workspace, e))
	must(t, s.ToldPosition(t.Context(), w.ref.Workspace, e)) // brings nothing back
	same(t, len(first()), 0)
	must(t, s.PutEntry(t.Context(), w.ref.Workspace, e))
	older := e
	older.Version, older.Told = 0, 9
	must(t, s.PutEntry(t.Context(), w.ref.Workspace, older))
	same(t, first()[0].Told, 3)
}

func keptByTheEntry(t *testing.T, w *world, s OperatorStore) {
	w.create(t, "1")
	again := func(e chat.Waiting) *chat.Head {
		t.Helper()
		must(t, w.transit(t, w.customer, chat.Change{Status: chat.StatusActive}))
		must(t, w.transit(t, w.customer, chat.Change{Status: chat.StatusQueued, QueuedAt: w.now, Entry: e}))
		h, err := w.Head(t.Context(), w.ref)
		must(t, err)
		list, err := s.Waiting(t.Context(), w.ref.Workspace, "", 9)
		must(t, err)
		same(t, list[0].Skills, h.Skills)
		same(t, list[0].Tried, h.Tried)
		same(t, list[0].TriedAt.UnixMilli(), h.TriedAt.UnixMilli())
		return h
	}
	at := w.now.Truncate(time.Millisecond)
	again(chat.Waiting{Skills: []string{"a", "b"}, Tried: []chat.UserID{w.operator, w.customer}, TriedAt: at, Again: at.Add(time.Minute)})
	list, err := s.Waiting(t.Context(), w.ref.Workspace, "", 9)
	must(t, err)
	same(t, list[0].Again.UnixMilli(), at.Add(time.Minute).UnixMilli())
	h := again(chat.Waiting{})
	same(t, h.TriedAt.UnixMilli(), at.UnixMilli())
	same(t, h.Skills, []string{"a", "b"})
	same(t, h.Tried, []chat.UserID{w.operator, w.customer})
	h = again(chat.Waiting{Tried: []chat.UserID{}})
	same(t, len(h.Tried), 0)
	same(t, h.Skills, []string{"a", "b"})
}

func still(t *testing.T, w *world, _ OperatorStore) {
	w.create(t, "1")
	h, err := w.Head(t.Context(), w.ref)
	must(t, err)
	if _, err := w.Append(t.Context(), w.append(1, "in between")); err != nil {
		t.Fatal(err)
	}
	e := w.event(1, chat.SystemUser, "")
	e.Type, e.To, e.Role = chat.EventIdle, chat.StatusIdle, chat.RoleSystem
	a := chat.Append{Ref: w.ref, Track: chat.Desk, Events: []chat.Event{e}, Rule: chat.Rule{Actor: chat.SystemUser}}
	refusedBy(t, w.Transition(t.Context(), a, chat.Change{Old: h, Status: chat.StatusIdle, Still: true}))
	must(t, w.Transition(t.Context(), a, chat.Change{Old: h, Status: chat.StatusIdle}))
}

func assignments(t *testing.T, w *world, s OperatorStore) {
	at := w.now.Truncate(time.Millisecond)
	must(t, s.Assigned(t.Context(), w.ref.Workspace, "", at, 3))
	must(t, s.Assigned(t.Context(), w.ref.Workspace, "", at.Add(time.Second), chat.MaxAssignments-1))
	list, err := s.Assignments(t.Context(), w.ref.Workspace, "")
	must(t, err)
	if len(list) != chat.MaxAssignments || !list[0].Equal(at) || !list[1].Equal(at.Add(time.Second)) {
		t.Errorf("%v", list)
	}
}
