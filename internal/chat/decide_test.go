package chat_test

import (
	"fmt"
	"math/big"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/parley-chat/parley/internal/chat"
)

var noon = time.UnixMilli(1_790_000_000_000)

func user(i int) chat.UserID {
	return chat.UserID(chat.FormatID(chat.UserPrefix, [16]byte{15: byte(i)}))
}

// standing is an operator who takes anything.
func standing(i, load, capacity int) chat.Operator {
	return chat.Operator{User: user(i), Duty: chat.DutyAccepting, Lease: noon, Load: load, Capacity: capacity}
}

func TestDecideOrder(t *testing.T) {
	t.Parallel()
	ago := func(o chat.Operator, d time.Duration) chat.Operator { o.LastAssigned = noon.Add(-d); return o }
	tests := map[string]struct {
		w      chat.Waiting
		among  []chat.Operator
		want   int
		policy string
	}{
		"nobody":                      {policy: "none"},
		"share, not number":           {among: []chat.Operator{standing(1, 6, 10), standing(2, 1, 2)}, want: 2, policy: "spare_capacity"},
		"equal shares, never first":   {among: []chat.Operator{ago(standing(1, 1, 2), time.Hour), standing(2, 2, 4)}, want: 2, policy: "spare_capacity"},
		"equal shares, longest first": {among: []chat.Operator{ago(standing(1, 1, 2), time.Minute), ago(standing(2, 2, 4), time.Hour)}, want: 2, policy: "spare_capacity"},
		"all equal, by id":            {among: []chat.Operator{standing(3, 0, 2), standing(2, 0, 2)}, want: 2, policy: "spare_capacity"},
		"the last operator":           {w: chat.Waiting{Preferred: user(1)}, among: []chat.Operator{standing(1, 3, 4), standing(2, 0, 4)}, want: 1, policy: "last_operator"},
		"wait for the last operator": {
			w: chat.Waiting{Preferred: user(1), PreferredUntil: noon.Add(1)}, among: []chat.Operator{standing(1, 4, 4), standing(2, 0, 4)}, policy: "wait",
		},
		"wait no longer": {
			w: chat.Waiting{Preferred: user(1), PreferredUntil: noon}, among: []chat.Operator{standing(1, 4, 4), standing(2, 0, 4)}, want: 2, policy: "spare_capacity",
		},
		"wait for nobody who was tried": {
			w:     chat.Waiting{Preferred: user(1), PreferredUntil: noon.Add(1), Tried: []chat.UserID{user(1)}},
			among: []chat.Operator{standing(1, 4, 4), standing(2, 0, 4)}, want: 2, policy: "spare_capacity",
		},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, d := chat.Decide(c.w, c.among, noon)
			want := chat.UserID("")
			if c.want > 0 {
				want = user(c.want)
			}
			if got != want || d.Policy != c.policy {
				t.Errorf("%s by %s, want %s by %s", got, d.Policy, want, c.policy)
			}
		})
	}
}

func TestDecideExcludes(t *testing.T) {
	t.Parallel()
	sales, other := chat.DepartmentID(chat.NewID(chat.DepartmentPrefix, noon)), chat.DepartmentID(chat.NewID(chat.DepartmentPrefix, noon))
	with := func(i int, change func(*chat.Operator)) chat.Operator {
		o := standing(i, 0, 2)
		o.Skills, o.Departments = []string{"french", "tax"}, chat.JoinDepartments(sales)
		change(&o)
		return o
	}
	among := []chat.Operator{
		with(1, func(o *chat.Operator) { o.Duty = chat.DutyAway }),
		with(2, func(o *chat.Operator) { o.Duty = chat.DutyOff }),
		with(3, func(o *chat.Operator) { o.Duty = "" }),
		with(4, func(o *chat.Operator) { o.Lease = noon.Add(-chat.DisconnectGrace) }),
		with(5, func(o *chat.Operator) { o.Skills = []string{"french"} }),
		with(6, func(*chat.Operator) {}), // tried
		with(7, func(o *chat.Operator) { o.Load = 2 }),
		with(8, func(o *chat.Operator) { o.Departments = chat.JoinDepartments(other) }),
		with(9, func(o *chat.Operator) { o.Lease = noon.Add(time.Millisecond - chat.DisconnectGrace) }),
		with(10, func(o *chat.Operator) { o.Departments = ""; o.Load = 1 }),
	}
	w := chat.Waiting{Department: sales, Skills: []string{"tax", "french"}, Tried: []chat.UserID{user(6)}}
	got, d := chat.Decide(w, among, noon)
	want := map[string]int{"away": 1, "off": 2, "disconnected": 1, "skills": 1, "tried": 1, "full": 1}
	if got != user(9) || d.Eligible != 2 {
		t.Errorf("%s of %d", got, d.Eligible)
	}
	same(t, d.Excluded, want)
	w.Department = "" // from before there were departments: anybody's
	if _, d := chat.Decide(w, among, noon); d.Eligible != 3 {
		t.Errorf("%d eligible without a department", d.Eligible)
	}
}

// Every pair of small operators: the choice is that of exact fractions.
func TestDecideExhaustively(t *testing.T) {
	t.Parallel()
	var all []chat.Operator
	for capacity := 1; capacity <= 4; capacity++ {
		for load := 0; load <= capacity+1; load++ {
			for _, last := range []time.Time{{}, noon.Add(-time.Minute), noon} {
				o := standing(0, load, capacity)
				o.LastAssigned = last
				all = append(all, o)
			}
		}
	}
	for _, a := range all {
		for _, b := range all {
			for _, preferred := range []int{0, 1, 2} {
				a.User, b.User = user(1), user(2)
				w := chat.Waiting{}
				if preferred > 0 {
					w.Preferred = user(preferred)
				}
				got, d := chat.Decide(w, []chat.Operator{b, a}, noon)
				if want := slow(w, a, b); got != want || chat.Replay(d) != want {
					t.Fatalf("%+v or %+v, preferred %d: %s, again %s, want %s", a, b, preferred, got, chat.Replay(d), want)
				}
			}
		}
	}
}

// slow chooses by sorting with fractions.
func slow(w chat.Waiting, among ...chat.Operator) chat.UserID {
	among = slices.DeleteFunc(slices.Clone(among), func(o chat.Operator) bool { return o.Load >= o.Capacity })
	spare := func(o chat.Operator) *big.Rat { return big.NewRat(int64(o.Capacity-o.Load), int64(o.Capacity)) }
	best := chat.UserID("")
	var chosen chat.Operator
	for _, o := range among {
		better := best == ""
		if !better {
			switch c := spare(o).Cmp(spare(chosen)); {
			case (o.User == w.Preferred) != (best == w.Preferred):
				better = o.User == w.Preferred
			case c != 0:
				better = c > 0
			case !o.LastAssigned.Equal(chosen.LastAssigned):
				better = o.LastAssigned.Before(chosen.LastAssigned)
			default:
				better = o.User < best
			}
		}
		if better {
			best, chosen = o.User, o
		}
	}
	return best
}

// Whatever the operators: the choice does not depend on their order, is eligible, is the record's, and survives a
// change of anybody who was not eligible.
func TestDecideProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var among []chat.Operator
		for i := range rapid.IntRange(0, 9).Draw(t, "operators") {
			label := func(what string) string { return fmt.Sprint(what, i) }
			o := standing(i+1, rapid.IntRange(0, 5).Draw(t, label("load")), rapid.IntRange(1, 5).Draw(t, label("capacity")))
			o.Duty = rapid.SampledFrom(append(chat.Duties(), chat.DutyAccepting, "")).Draw(t, label("duty"))
			o.Lease = noon.Add(time.Duration(rapid.IntRange(-90, 90).Draw(t, label("lease"))) * time.Second)
			if ago := rapid.IntRange(0, 3).Draw(t, label("ago")); ago > 0 {
				o.LastAssigned = noon.Add(-time.Duration(ago) * time.Second)
			}
			among = append(among, o)
		}
		w := chat.Waiting{Preferred: user(rapid.IntRange(0, 9).Draw(t, "preferred")), PreferredUntil: noon.Add(time.Duration(rapid.IntRange(-1, 1).Draw(t, "until")))}
		if tried := rapid.IntRange(0, 9).Draw(t, "tried"); tried > 0 {
			w.Tried = []chat.UserID{user(tried)}
		}
		got, d := chat.Decide(w, among, noon)
		if chat.Replay(d) != got {
			t.Fatalf("%s, again %s: %+v", got, chat.Replay(d), d)
		}
		other, d2 := chat.Decide(w, rapid.Permutation(among).Draw(t, "order"), noon)
		if other != got || !(&chat.Detail{Decision: d}).Equal(&chat.Detail{Decision: d2}) {
			t.Fatalf("%s in another order, not %s", other, got)
		}
		excluded := 0
		for _, n := range d.Excluded {
			excluded += n
		}
		if excluded+d.Eligible != len(among) || len(d.Candidates) != min(d.Eligible, chat.MaxCandidates) {
			t.Fatalf("%d excluded and %d eligible of %d", excluded, d.Eligible, len(among))
		}
		if (got == "") != (d.Eligible == 0 || d.Policy == "wait") {
			t.Fatalf("%q of %d by %s", got, d.Eligible, d.Policy)
		}
		for _, o := range among {
			if o.User == got && (o.Load >= o.Capacity || o.Duty != chat.DutyAccepting || !o.Connected(noon) || slices.Contains(w.Tried, o.User)) {
				t.Fatalf("%+v was chosen", o)
			}
		}
	})
}
