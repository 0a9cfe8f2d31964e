package chat_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// deskEncoder writes frames that are easy to compare: "queue:3 colleagues:1".
type deskEncoder struct{}

func (deskEncoder) Desk(f chat.DeskFrame) []byte {
	var parts []string
	if f.Queue != nil {
		parts = append(parts, fmt.Sprintf("queue:%d", len(f.Queue.Entries)))
	}
	if f.Colleagues != nil {
		for _, c := range f.Colleagues.Colleagues {
			parts = append(parts, fmt.Sprintf("%s:%d/%d", c.Duty, c.Load, c.Capacity))
		}
	}
	if f.Visitors != nil {
		parts = append(parts, fmt.Sprintf("visitors:%d", f.Visitors.Total))
	}
	if f.Supervision != nil {
		parts = append(parts, fmt.Sprintf("supervised:%d", len(f.Supervision.Conversations)))
	}
	b, _ := json.Marshal(parts)
	return b
}

type liveWorld struct {
	*world
	live *chat.LiveDesk
}

func newLiveWorld(t *testing.T) *liveWorld {
	t.Helper()
	w := newWorld(t)
	l := &chat.LiveDesk{
		Store: w.store, Dir: w.store, Staff: w.store, States: w.store, Visitors: w.store, Queue: w.desk, Push: w.push, Sockets: w.store,
		Encode: deskEncoder{}, Now: w.clock.Now,
	}
	for _, p := range []chat.Principal{w.operator, w.supervisor} {
		w.hello(p, nil)
	}
	return &liveWorld{w, l}
}

func (w *liveWorld) open(p chat.Principal, views ...chat.DeskView) *chat.DeskFrame {
	w.Helper()
	f, err := w.live.Open(w.Context(), p, views, nil)
	w.must(err)
	return f
}

// work makes a broadcast some time after the last, and returns what was pushed.
func (w *liveWorld) work(after time.Duration) []string {
	w.Helper()
	w.clock.Advance(after)
	w.must(w.live.Work(w.Context(), chat.DeskJob{Workspace: w.operator.Workspace}))
	return w.push.take()
}

func TestBroadcastShowsWhatHasChanged(t *testing.T) {
	t.Parallel()
	w := newLiveWorld(t)
	w.start("hello")
	if f := w.open(w.operator, chat.ViewQueue); len(f.Queue.Entries) != 1 || f.Queue.Departments[0].Waiting != 1 || f.Colleagues != nil {
		t.Fatalf("%+v", f)
	}
	w.same(w.work(3*time.Second), []string{`operator-1 ["queue:1"]`}) // nothing is known of what it has seen
	w.same(len(w.work(3*time.Second)), 0)                             // nothing has changed
	w.conv = w.newConversation()
	w.start("again")
	w.same(w.work(3*time.Second), []string{`operator-1 ["queue:2"]`})
	w.must(w.store.PutOperator(t.Context(), chat.Operator{Workspace: w.operator.Workspace, User: w.operator.User, Duty: chat.DutyAway, Capacity: 4}))
	w.same(len(w.work(3*time.Second)), 0) // nobody looks at that
	w.open(w.supervisor, chat.ViewColleagues, chat.ViewQueue)
	w.same(w.work(3*time.Second), []string{`supervisor-1 ["queue:2","away:0/4"]`})
	w.open(w.operator) // closes
	w.join()
	w.same(w.work(3*time.Second), []string{`supervisor-1 ["queue:1","away:1/4"]`})
}

// Between two broadcasts lies FrameGap; what came too early comes again, and does not get lost.
func TestBroadcastsKeepTheirGap(t *testing.T) {
	t.Parallel()
	w := newLiveWorld(t)
	w.open(w.operator, chat.ViewQueue)
	w.same(len(w.work(3*time.Second)), 1)
	w.desk.take()
	w.start("hello")
	w.desk.take()
	w.same(len(w.work(chat.FrameGap-time.Millisecond)), 0)
	w.same(w.desk.take(), []chat.DeskJob{{Workspace: w.operator.Workspace}})
	w.same(w.work(time.Millisecond), []string{`operator-1 ["queue:1"]`})
	w.same(len(w.desk.take()), 0)
}

// A broadcast that died before it noted what it had shown is no ground for the next one to keep anything back: the queue
// goes A, B (pushed, not noted), A.
func TestBroadcastAfterOneThatDied(t *testing.T) {
	t.Parallel()
	w := newLiveWorld(t)
	w.open(w.operator, chat.ViewQueue)
	w.same(w.work(3*time.Second), []string{`operator-1 ["queue:0"]`})
	w.start("hello")
	w.store.Fault = func(call string, after bool) error {
		if call == "DeskShown" && !after {
			return errThrottled
		}
		return nil
	}
	w.clock.Advance(3 * time.Second)
	if w.live.Work(t.Context(), chat.DeskJob{Workspace: w.operator.Workspace}) == nil {
		t.Fatal("a broadcast that could not be noted is to come again")
	}
	w.same(w.push.take(), []string{`operator-1 ["queue:1"]`})
	w.store.Fault = nil
	w.join()
	w.push.take()
	w.same(w.work(3*time.Second), []string{`operator-1 ["queue:0"]`})
}

// A socket that does not take a frame gets a whole one later, without the others; in the end it is closed.
func TestBroadcastToSlowSockets(t *testing.T) {
	t.Parallel()
	w := newLiveWorld(t)
	w.open(w.operator, chat.ViewQueue)
	w.open(w.supervisor, chat.ViewQueue)
	w.push.answers["operator-1"] = errThrottled
	w.same(w.work(3*time.Second), []string{`supervisor-1 ["queue:0"]`})
	jobs := w.desk.take()
	w.same(len(jobs), 1)
	w.same(jobs[0].Connections, []chat.ConnectionID{"operator-1"})
	for range chat.MaxDeskAttempts - 1 {
		w.must(w.live.Work(t.Context(), jobs[0]))
		if jobs = w.desk.take(); len(jobs) != 1 {
			t.Fatalf("%+v", jobs)
		}
	}
	w.start("hello")
	delete(w.push.answers, "operator-1")
	w.must(w.live.Work(t.Context(), jobs[0]))
	w.same(w.push.take(), []string{`operator-1 ["queue:1"]`})
	w.push.answers["operator-1"] = errThrottled
	w.must(w.live.Work(t.Context(), jobs[0]))
	w.same(w.push.closed, []chat.ConnectionID{"operator-1"})
	w.push.answers["supervisor-1"] = chat.ErrGone
	w.work(3 * time.Second)
	viewers, err := w.store.Viewers(t.Context(), w.operator.Workspace)
	w.must(err)
	if slices.ContainsFunc(viewers, func(v chat.Viewer) bool { return v.Connection == "supervisor-1" }) {
		t.Fatal("a socket that is gone is still known")
	}
}

// While the visitors are open, each look calls for the next; nobody looks more often than VisitorsEvery, nor any more
// when the view is closed.
func TestVisitorsAreFollowed(t *testing.T) {
	t.Parallel()
	w := newLiveWorld(t)
	visits := &chat.Visits{Store: w.store, Now: w.clock.Now, Policy: func(context.Context, chat.WorkspaceID) (chat.VisitPolicy, error) {
		return chat.VisitPolicy{Tell: true}, nil
	}}
	w.open(w.operator, chat.ViewVisitors)
	job := []chat.DeskJob{{Workspace: w.operator.Workspace}}
	w.same(w.desk.take(), job)
	w.same(w.work(3*time.Second), []string{`operator-1 ["visitors:0"]`})
	w.same(w.desk.take(), job)
	_, err := visits.Tell(t.Context(), w.customer, chat.Visit{Page: "https://shop.example/cart?token=1#top"})
	w.must(err)
	w.same(len(w.work(3*time.Second)), 0) // too early
	w.same(w.desk.take(), job)
	w.same(w.work(3*time.Second), []string{`operator-1 ["visitors:1"]`})
	w.same(len(w.work(chat.VisitLease/2)), 0)
	w.same(w.work(chat.VisitLease), []string{`operator-1 ["visitors:0"]`})
	w.desk.take()
	w.open(w.operator, chat.ViewQueue)
	w.work(3 * time.Second)
	w.same(len(w.desk.take()), 0)
}

func TestWhoMayOpenWhat(t *testing.T) {
	t.Parallel()
	w := newLiveWorld(t)
	const sales, tech = chat.DepartmentID("d_01kaw3v4x0aaaaaaaaaaaaaaaa"), chat.DepartmentID("d_01kaw3v4x0bbbbbbbbbbbbbbbb")
	w.operator.Departments = chat.JoinDepartments(sales)
	stranger := w.operator
	stranger.Connection = "never said hello"
	for name, c := range map[string]struct {
		p           chat.Principal
		views       []chat.DeskView
		departments []chat.DepartmentID
		code        chat.Code
	}{
		"a customer":             {w.customer, []chat.DeskView{chat.ViewQueue}, nil, chat.CodeForbidden},
		"an operator supervises": {w.operator, []chat.DeskView{chat.ViewQueue, chat.ViewSupervision}, nil, chat.CodeForbidden},
		"no such view":           {w.operator, []chat.DeskView{"secrets"}, nil, chat.CodeInvalid},
		"another department":     {w.operator, []chat.DeskView{chat.ViewQueue}, []chat.DepartmentID{sales, tech}, chat.CodeForbidden},
		"no department":          {w.operator, []chat.DeskView{chat.ViewQueue}, []chat.DepartmentID{"sales"}, chat.CodeInvalid},
		"too many departments":   {w.supervisor, []chat.DeskView{chat.ViewQueue}, slices.Repeat([]chat.DepartmentID{sales}, 51), chat.CodeInvalid},
		"before the hello":       {stranger, []chat.DeskView{chat.ViewQueue}, nil, chat.CodeHelloFirst},
		"an operator":            {w.operator, []chat.DeskView{chat.ViewQueue, chat.ViewColleagues, chat.ViewVisitors}, []chat.DepartmentID{sales}, ""},
		"a supervisor":           {w.supervisor, chat.DeskViews(), []chat.DepartmentID{tech}, ""},
	} {
		_, err := w.live.Open(t.Context(), c.p, c.views, c.departments)
		if chat.CodeOf(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestVisits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("hello")
	policy := chat.VisitPolicy{Tell: true}
	var broken error
	visits := &chat.Visits{Store: w.store, Chat: w.svc, Now: w.clock.Now, Policy: func(context.Context, chat.WorkspaceID) (chat.VisitPolicy, error) {
		return policy, broken
	}}
	tell := func(p chat.Principal, v chat.Visit) chat.Code {
		t.Helper()
		w.clock.Advance(2 * time.Second)
		until, err := visits.Tell(t.Context(), p, v)
		if err == nil && !until.Equal(w.clock.Now().Add(chat.VisitLease).Truncate(time.Millisecond)) {
			t.Errorf("until %s", until)
		}
		return chat.CodeOf(err)
	}
	page := func() string {
		list, _, err := w.store.Visitors(t.Context(), w.customer.Workspace, w.clock.Now(), 10)
		w.must(err)
		if len(list) == 0 {
			return ""
		}
		return list[0].Page
	}
	w.same(tell(w.customer, chat.Visit{}), chat.CodeNotFound) // no stay yet
	for in, want := range map[string]string{
		"https://ada:pw@shop.example/cart?token=1#top": "https://shop.example/cart",
		"/cart?x": "/cart", "http://shop.example": "http://shop.example",
	} {
		w.same(tell(w.customer, chat.Visit{Page: in, Title: "Cart", Referrer: "https://search.example/?q=1", Conversation: w.conv}), chat.Code(""))
		w.same(page(), want)
	}
	w.same(tell(w.customer, chat.Visit{}), chat.Code(""))
	for _, bad := range []string{"javascript:alert(1)", "javascript://shop.example/%0aalert(1)", "ftp://shop.example/x", "cart", "https:///x", "file:///etc/passwd", "//", "https://shop.example/" + string(make([]byte, 3000)), "\xff"} {
		w.same(tell(w.customer, chat.Visit{Page: bad}), chat.CodeInvalid)
	}
	w.same(tell(w.customer, chat.Visit{Page: "/", Conversation: w.newConversation()}), chat.CodeNotFound)
	w.same(tell(w.operator, chat.Visit{Page: "/"}), chat.CodeForbidden)
	if _, err := visits.Tell(t.Context(), w.customer, chat.Visit{Page: "/"}); err != nil {
		t.Fatal(err)
	}
	_, err := visits.Tell(t.Context(), w.customer, chat.Visit{Page: "/again"})
	w.same(chat.CodeOf(err), chat.CodeTooFast)
	policy.Consent = true
	w.same(tell(w.customer, chat.Visit{Page: "/"}), chat.CodeForbidden)
	w.same(tell(w.customer, chat.Visit{}), chat.CodeForbidden)
	policy.KeepQuery = true
	w.same(tell(w.customer, chat.Visit{Page: "/a?b=c", Consent: true}), chat.Code(""))
	w.same(page(), "/a?b=c")
	policy.Tell = false
	w.same(tell(w.customer, chat.Visit{Page: "/", Consent: true}), chat.CodeForbidden)
	broken = errors.New("no answer")
	w.same(tell(w.customer, chat.Visit{Page: "/"}), chat.CodeUnavailable)
}
