package chat_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// routes records the jobs of routing.
type routes struct {
	mu   sync.Mutex
	list []chat.RouteJob
}

func (r *routes) Route(_ context.Context, jobs ...chat.RouteJob) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, jobs...)
	return nil
}

func (r *routes) take() []chat.RouteJob {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.list
	r.list = nil
	return out
}

// routed is a world with routing.
type routed struct {
	*world
	routes *routes
	policy chat.RoutingPolicy
}

func newRouted(t *testing.T) *routed {
	t.Helper()
	r := &routed{world: newWorld(t), routes: &routes{}, policy: chat.DefaultRoutingPolicy()}
	r.svc.Staff, r.svc.Entries, r.svc.Routing = r.store, r.store, r.routes
	r.delivery.Routing = r.routes
	r.svc.Policies = func(context.Context, chat.WorkspaceID, chat.DepartmentID) (chat.RoutingPolicy, error) {
		return r.policy, nil
	}
	return r
}

// onDuty makes an operator with a socket who accepts up to so many conversations.
func (r *routed) onDuty(capacity int) chat.Principal {
	r.Helper()
	p := r.principal(r.customer.Workspace, chat.RoleOperator, chat.ConnectionID(fmt.Sprint("desk-", r.serial)))
	_, err := r.svc.Hello(r.Context(), p, nil, "")
	r.must(err)
	_, err = r.svc.Duty(r.Context(), p, chat.DutyAccepting)
	r.must(err)
	_, err = r.svc.Supervise(r.Context(), r.supervisor, p.User, chat.Supervision{Capacity: &capacity})
	r.must(err)
	return p
}

// arrive starts a conversation of a new customer.
func (r *routed) arrive() chat.ConversationID {
	r.Helper()
	r.clock.Advance(time.Second)
	id := r.newConversation()
	c := r.principal(r.customer.Workspace, chat.RoleCustomer, chat.ConnectionID("web-"+id))
	out, err := r.begin(r.Context(), c, id, "", r.messages("hello"))
	r.must(err)
	r.must(r.delivery.Committed(r.Context(), c, out))
	return id
}

func (r *routed) drain() {
	r.Helper()
	r.must(r.svc.Drain(r.Context(), chat.RouteJob{Workspace: r.customer.Workspace}))
}

// work drains until there are no jobs left.
func (r *routed) work() {
	r.Helper()
	for jobs := r.routes.take(); len(jobs) > 0; jobs = r.routes.take() {
		for _, j := range jobs {
			r.must(r.svc.Drain(r.Context(), j))
		}
	}
}

func (r *routed) of(id chat.ConversationID) *chat.Head {
	r.Helper()
	h, err := r.store.Head(context.Background(), chat.Ref{Workspace: r.customer.Workspace, Conversation: id})
	r.must(err)
	return h
}

func (r *routed) standing(u chat.UserID) chat.Operator {
	r.Helper()
	o, err := r.store.Operator(context.Background(), r.customer.Workspace, u)
	r.must(err)
	if o == nil {
		r.Fatal("no such operator")
	}
	return *o
}

// sound checks what must hold whatever was done: loads equal a recount, never above capacity, and each decision is
// made again from its record.
func (r *routed) sound(ids ...chat.ConversationID) {
	r.Helper()
	loads := map[chat.UserID]int{}
	for _, id := range ids {
		h := r.of(id)
		switch h.Status {
		case chat.StatusActive:
			loads[h.Assignee]++
		case chat.StatusOffered:
			loads[h.OfferedTo]++
		default:
		}
		for _, e := range readLog(r.T, r.store, h.Ref, chat.Desk) {
			if e.Detail != nil && e.Detail.Decision != nil && chat.Replay(e.Detail.Decision) != e.Subject {
				r.Errorf("%s: the decision %+v is another's when made again", id, e.Detail.Decision)
			}
		}
	}
	operators, err := r.store.Operators(context.Background(), r.customer.Workspace)
	r.must(err)
	for _, o := range operators {
		if o.Load != loads[o.User] {
			r.Errorf("%s has load %d, recounted %d", o.User, o.Load, loads[o.User])
		}
		if o.Capacity > 0 && o.Load > o.Capacity {
			r.Errorf("%s has load %d above capacity %d", o.User, o.Load, o.Capacity)
		}
	}
}

func TestDrainGivesOutInOrder(t *testing.T) {
	t.Parallel()
	r := newRouted(t)
	var ids []chat.ConversationID
	for range 5 {
		ids = append(ids, r.arrive())
	}
	r.work()
	for _, id := range ids {
		r.same(r.of(id).Status, chat.StatusQueued)
	}
	a, b := r.onDuty(2), r.onDuty(1)
	r.work()
	var got []chat.UserID
	for _, id := range ids {
		got = append(got, r.of(id).Assignee)
	}
	// a comes first with a place free of two and the lower id; then b, all free; then a again.
	if got[3] != "" || got[4] != "" || slices.Contains(got[:3], "") {
		t.Fatalf("the first three and no others: %v", got)
	}
	r.same(r.standing(a.User).Load, 2)
	r.same(r.standing(b.User).Load, 1)
	r.sound(ids...)
	h := r.of(ids[0])
	e := h.Public.Tail[len(h.Public.Tail)-1]
	if e.Type != chat.EventAssigned || e.Sender != chat.SystemUser || e.Role != chat.RoleSystem || e.Subject != h.Assignee || e.From != chat.StatusQueued || e.To != chat.StatusActive {
		t.Fatalf("%+v", e)
	}
	if d := h.Desk.Tail[0]; d.Type != chat.EventRouted || d.Subject != h.Assignee || d.Detail.Decision.Policy != "spare_capacity" || d.Follows != e.Seq {
		t.Fatalf("%+v", d)
	}
	r.clock.Advance(time.Second)
	out, err := r.svc.Close(t.Context(), a, chat.Step{Conversation: ids[slices.Index(got, a.User)], ID: r.eventID()})
	r.must(err)
	r.must(r.delivery.Committed(t.Context(), a, out))
	r.work()
	r.same(r.of(ids[3]).Assignee, a.User)
	r.same(r.of(ids[4]).Status, chat.StatusQueued)
	r.sound(ids...)
}

// The assigned operator's sockets hear of it, though they do not listen yet; a hello subscribes them.
func TestAssignmentShowsOnTheDesk(t *testing.T) {
	t.Parallel()
	r := newRouted(t)
	p := r.onDuty(4)
	id := r.arrive()
	r.push.take()
	r.work()
	want := []string{string(p.Connection) + " public 3", "web-" + string(id) + " public 3"}
	r.same(r.push.take(), want)
	w, err := r.svc.Hello(t.Context(), p, nil, "")
	r.must(err)
	if len(w.Conversations) != 1 || w.Conversations[0].Head.Assignee != p.User || w.Operator == nil || w.Operator.Load != 1 {
		t.Fatalf("%+v", w)
	}
}

func TestDrainAgainst(t *testing.T) {
	t.Parallel()
	for _, call := range []string{"Transition", "Head", "Operators", "Waiting", "OfUser"} {
		for _, after := range []bool{false, true} {
			for nth := 1; nth <= 3; nth++ {
				t.Run(fmt.Sprint(call, after, nth), func(t *testing.T) {
					t.Parallel()
					r := newRouted(t)
					r.onDuty(2)
					ids := []chat.ConversationID{r.arrive(), r.arrive(), r.arrive()}
					r.fault(call, nth, after)
					job := chat.RouteJob{Workspace: r.customer.Workspace}
					if err := r.svc.Drain(t.Context(), job); err != nil {
						r.must(r.svc.Drain(t.Context(), job)) // redelivered
					}
					r.store.Fault = nil
					r.drain()
					r.sound(ids...)
					assigned := 0
					for _, id := range ids {
						if r.of(id).Assignee != "" {
							assigned++
						}
					}
					r.same(assigned, 2)
				})
			}
		}
	}
}

// Between the choice and the commit the operator fills up by hand: the next one gets it.
func TestDrainMeetsAFullOperator(t *testing.T) {
	t.Parallel()
	r := newRouted(t)
	a, b := r.onDuty(1), r.onDuty(1)
	first, second := r.arrive(), r.arrive()
	once := false
	r.store.Fault = func(call string, after bool) error {
		if call == "Operators" && after && !once {
			once = true
			_, err := r.svc.Join(context.Background(), a, chat.Step{Conversation: second, ID: r.eventID()})
			return err
		}
		return nil
	}
	r.drain()
	r.store.Fault = nil
	r.same(r.of(second).Assignee, a.User)
	r.same(r.of(first).Assignee, b.User)
	r.sound(first, second)
}

func TestManyDrainsAtOnce(t *testing.T) {
	t.Parallel()
	r := newRouted(t)
	for range 4 {
		r.onDuty(3)
	}
	var ids []chat.ConversationID
	for range 20 {
		ids = append(ids, r.arrive())
	}
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			if err := r.svc.Drain(context.Background(), chat.RouteJob{Workspace: r.customer.Workspace}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	r.drain()
	r.sound(ids...)
	for i, id := range ids {
		if given := r.of(id).Assignee != ""; given != (i < 12) {
			t.Errorf("there are places for the first 12: the one at %d, given out: %v", i, given)
		}
	}
}

// One of two operators fills up by hand, at every moment of a look. The first gets the only place that is left, not the
// second, unless it was seen to have the other one, which went in that very moment: then the second, whose transaction was
// under way, keeps its place, and the first is the next.
func TestPlacesThatGoWhileALookIsUnderWay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		call  string
		after bool
		gets  int
	}{{"Waiting", false, 0}, {"Waiting", true, 0}, {"Operators", false, 0}, {"Operators", true, 1}} {
		t.Run(fmt.Sprint(c.call, c.after), func(t *testing.T) {
			t.Parallel()
			r := newRouted(t)
			a, b := r.onDuty(2), r.onDuty(1)
			ids := []chat.ConversationID{r.arrive(), r.arrive(), r.arrive(), r.arrive()}
			r.routes.take()
			once := false
			r.store.Fault = func(call string, after bool) error {
				if once || call != c.call || after != c.after {
					return nil
				}
				once = true
				for _, id := range ids[2:] {
					_, err := r.svc.Join(context.Background(), a, r.stepOn(id))
					r.must(err)
				}
				return nil
			}
			r.drain()
			r.store.Fault = nil
			for i, id := range ids {
				want := map[bool]chat.UserID{i >= 2: a.User, i == c.gets: b.User}[true]
				if h := r.of(id); h.Assignee != want {
					t.Errorf("%d is with %q, want %q", i, h.Assignee, want)
				}
			}
			_, err := r.svc.Close(t.Context(), b, r.stepOn(ids[c.gets]))
			r.must(err)
			r.drain()
			r.same(r.of(ids[1-c.gets]).Assignee, b.User) // whoever was overtaken comes before everybody else
			r.sound(ids...)
		})
	}
}

// One that nobody can take does not hold back those behind it.
func TestWaitingForSkillsBlocksNobody(t *testing.T) {
	t.Parallel()
	r := newRouted(t)
	id := r.newConversation()
	ref := chat.Ref{Workspace: r.customer.Workspace, Conversation: id}
	r.must(r.store.Create(t.Context(), chat.Creation{
		Ref: ref, Customer: r.customer.User, Role: chat.RoleCustomer, At: r.clock.Now(), Entry: chat.Waiting{Skills: []string{"french"}},
		Events: []chat.Event{{Seq: 1, ID: r.eventID(), Type: chat.EventStarted, Sender: r.customer.User, Role: chat.RoleCustomer, To: chat.StatusQueued}},
	}))
	behind := r.arrive()
	p := r.onDuty(4)
	r.work()
	r.same(r.of(id).Status, chat.StatusQueued)
	r.same(r.of(behind).Assignee, p.User)
	skills := []string{"french", "german"}
	_, err := r.svc.Supervise(t.Context(), r.supervisor, p.User, chat.Supervision{Skills: &skills})
	r.must(err)
	r.work()
	r.same(r.of(id).Assignee, p.User)
	r.must(r.svc.Missed(t.Context(), ref, r.of(id).Version, p.User, "no answer"))
	r.same(r.of(id).Skills, []string{"french"})
	r.sound(id, behind)
}

func TestStaleEntriesAreMended(t *testing.T) {
	t.Parallel()
	r := newRouted(t)
	id := r.arrive()
	entry := r.store.Entries(r.customer.Workspace)[0]
	r.onDuty(1)
	r.work()
	left := entry
	left.Version = entry.Version + 9 // as a restore of the item alone would leave it
	r.must(r.store.PutEntry(t.Context(), r.customer.Workspace, left))
	r.onDuty(1)
	r.work()
	r.same(len(r.store.Entries(r.customer.Workspace)), 0)
	r.same(r.of(id).Version, uint64(2))
}

func TestBoundedJobGoesOn(t *testing.T) {
	t.Parallel()
	r := newRouted(t)
	for range 3 {
		r.onDuty(100)
	}
	var ids []chat.ConversationID
	for range 230 {
		ids = append(ids, r.arrive())
	}
	r.routes.take()
	r.onDuty(1)
	r.routes.take()
	for _, e := range r.store.Entries(r.customer.Workspace) {
		if e.Version != 1 {
			t.Fatal(e)
		}
	}
	// Leases last 150 s: these conversations came in over 230.
	for _, p := range must(r.store.Operators(t.Context(), r.customer.Workspace)) {
		_, err := r.store.RenewLease(t.Context(), p.Workspace, p.User, r.clock.Now().Add(time.Hour))
		r.must(err)
	}
	r.drain()
	r.same(r.routes.take(), []chat.RouteJob{{Workspace: r.customer.Workspace, Reason: "more"}})
	r.drain()
	r.same(len(r.store.Entries(r.customer.Workspace)), 0)
	r.sound(ids...)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
