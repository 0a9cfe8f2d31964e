package chattest

import (
	"cmp"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// TimerStore is every port that keeps something for timers.
type TimerStore interface {
	chat.Dues
	chat.Active
	chat.PositionTurns
}

// ConformTimers runs the conformance suite of the timers' ports. The store must be empty: how far the rows were swept
// belongs to no workspace.
func ConformTimers(t *testing.T, store TimerStore) {
	now := time.Now().Truncate(time.Millisecond)
	w := chat.WorkspaceID(chat.NewID(chat.WorkspacePrefix, now))
	for name, test := range map[string]func(*testing.T, TimerStore, chat.WorkspaceID, time.Time){
		"rows": dueRows, "swept": sweptMoves, "active": activeWorkspaces, "turns": turns, "one turn of many": turnRace,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, store, w, now)
		})
	}
}

func dueRows(t *testing.T, s TimerStore, w chat.WorkspaceID, now time.Time) {
	minute := now.Truncate(time.Minute).Add(time.Hour)
	full := chat.Timer{
		Ref: chat.Ref{Workspace: w, Conversation: newConversation()}, Kind: chat.TimerSLA, Version: 3, User: chat.UserID(chat.NewID(chat.UserPrefix, now)),
		Department: chat.DepartmentID(chat.NewID(chat.DepartmentPrefix, now)), Clock: chat.ClockResolution, Due: minute.Add(time.Second),
		Until: minute.Add(time.Minute), After: 7, Desk: 2,
	}
	timers := []chat.Timer{full}
	for i := range 6 {
		timers = append(timers, chat.Timer{Ref: chat.Ref{Workspace: w, Conversation: newConversation()}, Kind: chat.TimerSnooze, Version: uint64(i + 1), Due: minute})
	}
	for range 2 { // the same timer again changes nothing
		for _, timer := range timers {
			must(t, s.PutDue(t.Context(), minute, timer))
		}
	}
	must(t, s.PutDue(t.Context(), minute.Add(time.Minute), full))
	list := func() (all []chat.Timer) {
		t.Helper()
		for shard := range chat.DueShards {
			some, err := s.Due(t.Context(), minute, shard, 100)
			must(t, err)
			all = append(all, some...)
		}
		slices.SortFunc(all, func(a, b chat.Timer) int { return cmp.Compare(nameOf(a), nameOf(b)) })
		return all
	}
	want := slices.Clone(timers)
	slices.SortFunc(want, func(a, b chat.Timer) int { return cmp.Compare(nameOf(a), nameOf(b)) })
	same(t, list(), want)
	for range 2 {
		must(t, s.DropDue(t.Context(), minute, full))
	}
	same(t, list(), slices.DeleteFunc(want, func(t chat.Timer) bool { return t.Kind == chat.TimerSLA }))
	limited := 0
	for shard := range chat.DueShards {
		some, err := s.Due(t.Context(), minute, shard, 1)
		must(t, err)
		limited = max(limited, len(some))
	}
	if limited != 1 {
		t.Errorf("%d rows of a limit of 1", limited)
	}
}

func sweptMoves(t *testing.T, s TimerStore, _ chat.WorkspaceID, now time.Time) {
	first, second := now.Truncate(time.Minute), now.Truncate(time.Minute).Add(time.Minute)
	at, err := s.Swept(t.Context())
	must(t, err)
	if !at.IsZero() {
		t.Fatalf("swept up to %s before the first sweep", at)
	}
	refused := func(err error) {
		t.Helper()
		var r *chat.Refused
		if !errors.As(err, &r) {
			t.Errorf("not refused: %v", err)
		}
	}
	refused(s.SetSwept(t.Context(), first, second))
	must(t, s.SetSwept(t.Context(), time.Time{}, first))
	refused(s.SetSwept(t.Context(), time.Time{}, second))
	must(t, s.SetSwept(t.Context(), first, second))
	refused(s.SetSwept(t.Context(), first, second))
	if at, err = s.Swept(t.Context()); err != nil || !at.Equal(second) {
		t.Errorf("%s, %v", at, err)
	}
}

func activeWorkspaces(t *testing.T, s TimerStore, w chat.WorkspaceID, now time.Time) {
	find := func() *chat.ActiveWorkspace {
		t.Helper()
		for shard := range chat.ActiveShards {
			list, err := s.ActiveWorkspaces(t.Context(), shard)
			must(t, err)
			for _, a := range list {
				if a.Workspace == w {
					return &a
				}
			}
		}
		return nil
	}
	must(t, s.Retire(t.Context(), chat.ActiveWorkspace{Workspace: w, Stamped: now}))
	must(t, s.Stamp(t.Context(), w, now))
	seen := find()
	if seen == nil || !seen.Stamped.Equal(now) {
		t.Fatalf("%+v", seen)
	}
	must(t, s.Stamp(t.Context(), w, now.Add(time.Second)))
	must(t, s.Retire(t.Context(), *seen)) // it was stamped since
	if seen = find(); seen == nil {
		t.Fatal("a workspace that was stamped since is gone")
	}
	must(t, s.Retire(t.Context(), *seen))
	if find() != nil {
		t.Error("still there")
	}
}

func turns(t *testing.T, s TimerStore, w chat.WorkspaceID, now time.Time) {
	take := func(passed, due time.Time, want bool) {
		t.Helper()
		mine, err := s.TakeTurn(t.Context(), w, "", passed, due)
		must(t, err)
		if mine != want {
			t.Errorf("%v for what passed at %s", mine, passed.Sub(now))
		}
	}
	due := now.Add(15 * time.Second)
	take(now, due, true)
	take(now, due.Add(time.Second), false)
	take(due, due.Add(15*time.Second), true)  // the timer itself goes on
	take(due, due.Add(30*time.Second), false) // but not its repetition
	must(t, s.EndTurn(t.Context(), w, "", due))
	take(due, due.Add(time.Hour), false)
	must(t, s.EndTurn(t.Context(), w, "", due.Add(15*time.Second)))
	take(now, due, true)
}

func turnRace(t *testing.T, s TimerStore, w chat.WorkspaceID, now time.Time) {
	d := chat.DepartmentID(chat.NewID(chat.DepartmentPrefix, now))
	var won atomic.Int32
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			mine, err := s.TakeTurn(t.Context(), w, d, now, now.Add(time.Duration(i+1)*time.Second))
			if err != nil {
				t.Error(err)
			}
			if mine {
				won.Add(1)
			}
		})
	}
	wg.Wait()
	if n := won.Load(); n != 1 {
		t.Errorf("%d took the turn", n)
	}
}
