package chattest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// openViews: only a socket that has said hello has views, and it loses them with the next hello or its end.
func openViews(t *testing.T, w *world) {
	unique := func() chat.ConnectionID { return chat.ConnectionID(chat.NewID("", w.now)) }
	o := chat.Principal{Workspace: w.ref.Workspace, User: w.operator, Role: chat.RoleOperator, Session: "s_y", Connection: unique()}
	v := chat.Viewer{Principal: o, Views: []chat.DeskView{chat.ViewQueue, chat.ViewSupervision}}
	v.Departments = "d_01kaw3v4x0fedcba9876543210,d_01kaw3v4x0fedcba9876543211"
	open := func(want ...chat.Viewer) {
		t.Helper()
		got, err := w.Viewers(t.Context(), w.ref.Workspace)
		must(t, err)
		same(t, got, append([]chat.Viewer{}, want...))
	}
	if err := w.OpenViews(t.Context(), v); !errors.Is(err, chat.ErrGone) {
		t.Fatalf("before the hello: %v", err)
	}
	w.opened(t, o, false)
	open()
	must(t, w.OpenViews(t.Context(), v))
	open(v)
	closed := v
	closed.Views = nil
	must(t, w.OpenViews(t.Context(), closed))
	open()
	v.Views, v.Departments = []chat.DeskView{chat.ViewColleagues}, ""
	must(t, w.OpenViews(t.Context(), v))
	open(v)
	w.opened(t, o, true)
	open()
	must(t, w.OpenViews(t.Context(), v))
	must(t, w.SocketEnded(t.Context(), o))
	open()
	if err := w.OpenViews(t.Context(), v); !errors.Is(err, chat.ErrGone) {
		t.Fatalf("after the end: %v", err)
	}
	must(t, w.SocketEnded(t.Context(), o)) // twice: a tombstone
	if err := w.OpenViews(t.Context(), v); !errors.Is(err, chat.ErrGone) {
		t.Fatalf("of a tombstone: %v", err)
	}
}

// broadcasts: two claims lie apart, revisions grow, and what was shown is noted by the last claim alone.
func broadcasts(t *testing.T, w *world) {
	const gap = 2 * time.Second
	begin := w.now.Truncate(time.Millisecond)
	claim := func(after time.Duration) *chat.DeskClaim {
		t.Helper()
		c, err := w.ClaimDesk(t.Context(), w.ref.Workspace, begin.Add(after), gap)
		must(t, err)
		n, err := w.DeskRevision(t.Context(), w.ref.Workspace)
		must(t, err)
		if c != nil && n != c.Revision {
			t.Fatalf("revision %d after a claim of %d", n, c.Revision)
		}
		return c
	}
	if n, err := w.DeskRevision(t.Context(), w.ref.Workspace); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	first := claim(0)
	same(t, *first, chat.DeskClaim{Revision: uint64(begin.UnixMilli())})
	for _, early := range []time.Duration{0, time.Second, gap - time.Millisecond, -time.Hour} {
		if c := claim(early); c != nil {
			t.Fatalf("a claim after %s: %+v", early, c)
		}
	}
	must(t, w.DeskShown(t.Context(), w.ref.Workspace, first.Revision, []byte("one"), begin))
	second := claim(gap)
	same(t, *second, chat.DeskClaim{Revision: first.Revision + 2000, Before: first.Revision, ShownBy: first.Revision, Shown: []byte("one"), Visitors: begin})
	third := claim(3 * gap)
	must(t, w.DeskShown(t.Context(), w.ref.Workspace, second.Revision, []byte("two"), begin)) // overtaken
	must(t, w.DeskShown(t.Context(), w.ref.Workspace, third.Revision, []byte("three"), begin.Add(time.Second)))
	fourth := claim(4 * gap)
	same(t, *fourth, chat.DeskClaim{
		Revision: first.Revision + 8000, Before: third.Revision, ShownBy: third.Revision, Shown: []byte("three"), Visitors: begin.Add(time.Second),
	})
}

func (w *world) visitor(n int, after time.Duration) chat.Visitor {
	at := w.now.Truncate(time.Millisecond).Add(after)
	return chat.Visitor{
		User: chat.UserID(fmt.Sprintf("u_01kaw3v4x0%016d", n)), Page: fmt.Sprintf("https://shop.example/%d", n), First: at, Since: at, Until: at.Add(time.Minute),
	}
}

func (w *world) onSite(t *testing.T, after time.Duration) []chat.Visitor {
	t.Helper()
	list, more, err := w.Visitors(t.Context(), w.ref.Workspace, w.now.Add(after), 1000)
	must(t, err)
	if more {
		t.Fatal("there are no more")
	}
	slices.SortFunc(list, func(a, b chat.Visitor) int { return a.First.Compare(b.First) })
	return append([]chat.Visitor{}, list...)
}

// visitors stay as long as they say so, and begin anew after that.
func visitors(t *testing.T, w *world) {
	put := func(v chat.Visitor) error { return w.PutVisit(t.Context(), w.ref.Workspace, v, time.Second) }
	one, two := w.visitor(1, 0), w.visitor(2, time.Second)
	one.Title, one.Referrer, one.Conversation = "Shoes", "https://search.example/", w.ref.Conversation
	must(t, put(one))
	must(t, put(two))
	same(t, w.onSite(t, 2*time.Second), []chat.Visitor{one, two})
	hasty := w.visitor(1, 999*time.Millisecond)
	refusedBy(t, put(hasty))
	next := w.visitor(1, 2*time.Second)
	next.Page = "https://shop.example/cart"
	must(t, put(next))
	next.First = one.First
	same(t, w.onSite(t, 3*time.Second), []chat.Visitor{next, two})

	stay := func(u chat.UserID, now, until time.Duration) error {
		return w.StayOn(t.Context(), w.ref.Workspace, u, w.now.Add(now), w.now.Add(until))
	}
	must(t, stay(two.User, 50*time.Second, 100*time.Second))
	two.Until = w.now.Truncate(time.Millisecond).Add(100 * time.Second)
	same(t, w.onSite(t, 65*time.Second), []chat.Visitor{two})
	same(t, w.onSite(t, 101*time.Second), []chat.Visitor{})
	refusedBy(t, stay(two.User, 101*time.Second, 200*time.Second))
	refusedBy(t, stay(w.operator, 0, time.Minute))

	again := w.visitor(1, 120*time.Second)
	must(t, put(again))
	same(t, w.onSite(t, 121*time.Second), []chat.Visitor{again})
}

// visitorPages: whoever stays is on exactly one page, whatever its size; another workspace sees none of them.
func visitorPages(t *testing.T, w *world) {
	var all []chat.UserID
	for i := range 25 {
		v := w.visitor(i, 0)
		if i%5 == 4 {
			v.Until = v.Since.Add(-time.Second) // gone
		} else {
			all = append(all, v.User)
		}
		must(t, w.PutVisit(t.Context(), w.ref.Workspace, v, time.Second))
	}
	for _, limit := range []int{1, 3, 7, 20, 100} {
		var found []chat.UserID
		for place, rounds := "", 0; ; rounds++ {
			list, next, err := w.VisitorPage(t.Context(), w.ref.Workspace, w.now, place, limit)
			must(t, err)
			if len(list) > limit || rounds > 50 {
				t.Fatalf("%d on a page of %d, round %d", len(list), limit, rounds)
			}
			for _, v := range list {
				found = append(found, v.User)
			}
			if place = next; next == "" {
				break
			}
		}
		slices.Sort(found)
		same(t, found, all)
	}
	list, _, err := w.VisitorPage(t.Context(), "w_01kaw3v4x0fedcba9876543210", w.now, "", 10)
	must(t, err)
	same(t, append([]chat.Visitor{}, list...), []chat.Visitor{})
	if _, more, err := w.Visitors(t.Context(), w.ref.Workspace, w.now, 8); err != nil || !more {
		t.Fatalf("more %v, %v", more, err)
	}
}
