package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/client"
	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/localstack/e2e/rig"
	"github.com/parley-chat/parley/localstack/e2e/world"
	"github.com/parley-chat/parley/localstack/faults"
	"github.com/parley-chat/parley/localstack/seam"
)

// fire is a run of routing under load and faults.
type fire struct {
	t         *testing.T
	rig       *rig.Rig
	ws        world.Workspace
	operators []*world.Party
	customers []*world.Party
	capacity  map[chat.UserID]int
	size      fireSize

	mu     sync.Mutex
	ids    []chat.ConversationID
	closed map[chat.ConversationID]bool
	above  atomic.Int64 // loads above capacity that were seen
	looks  atomic.Int64
}

// TestRoutingUnderFire lets many conversations come in at once while functions die, messages come twice and storage
// throttles, and then recounts everything from the logs. With -full it is 200 operators and 5,000 conversations.
func TestRoutingUnderFire(t *testing.T) {
	seed, size := seedOf(t), sizeOfFire()
	f := &fire{t: t, rig: ownRig(t, rig.Options{Patience: size.redeliver}), size: size, capacity: map[chat.UserID]int{}, closed: map[chat.ConversationID]bool{}}
	ctx := limit(t, size.patience)
	f.people(ctx)
	rules := f.burn(ctx, seed)
	working, stop := context.WithCancel(ctx)
	var crew sync.WaitGroup
	for i, o := range f.operators {
		crew.Go(func() { f.serve(working, o, rand.New(rand.NewPCG(seed, uint64(i)))) })
	}
	crew.Go(func() { f.kill(working, seed) })
	crew.Go(func() { f.watch(working) })
	must(t, f.rig.ResetUsage(ctx))
	begin := time.Now()
	f.start(ctx)
	err := f.served(ctx)
	took := time.Since(begin)
	usage, failed := f.rig.Usage(ctx)
	must(t, failed)
	t.Log(callsPerAssignment(usage, size.conversations))
	stop()
	crew.Wait()
	must(t, err)
	for what, id := range rules {
		hits, err := f.rig.Hits(ctx, id)
		must(t, err)
		if hits == 0 {
			t.Errorf("the fault %q did not strike", what)
		}
	}
	must(t, f.rig.Mend(ctx))
	f.recount(ctx, took)
}

// people come: operators on duty with capacities of 1 to 5, and customers.
func (f *fire) people(ctx context.Context) {
	var err error
	f.ws, err = f.rig.Seed(ctx, f.size.operators)
	must(f.t, err)
	for i, m := range f.ws.Operators[:f.size.operators] {
		o, err := f.rig.Operator(ctx, f.ws, m, f.size.client)
		must(f.t, err)
		f.t.Cleanup(o.Close)
		f.operators = append(f.operators, o)
		f.capacity[m.User] = i%5 + 1 + f.size.extra
		duty(f.t, o, chat.DutyAccepting)
		stands, err := f.rig.Store.Operator(ctx, f.ws.ID, m.User)
		must(f.t, err)
		next := *stands
		next.Capacity = f.capacity[m.User]
		must(f.t, f.rig.Store.ChangeOperator(ctx, stands, next))
	}
	for range f.size.customers {
		c, err := f.rig.Customer(ctx, f.ws, f.size.client)
		must(f.t, err)
		f.t.Cleanup(c.Close)
		f.customers = append(f.customers, c)
	}
}

// burn sets the faults, and returns their rules' ids.
func (f *fire) burn(ctx context.Context, seed uint64) map[string]string {
	ids := map[string]string{}
	for name, r := range map[string]faults.Rule{
		"jobs delivered twice":              {Service: "sqs-mapping", Operation: "Deliver", Kind: seam.FaultDuplicate, Probability: 0.2},
		"jobs done and forgotten":           {Service: "sqs-mapping", Operation: "Deliver", Phase: seam.After, Kind: seam.FaultLose, Skip: 20, Times: 2},
		"stream records twice":              {Service: "stream-mapping", Operation: "Deliver", Phase: seam.After, Kind: seam.FaultDuplicate, Probability: 0.3},
		"transactions done, answer lost":    {Service: seam.DynamoDB, Operation: "TransactWriteItems", Phase: seam.After, Kind: seam.FaultLose, Probability: 0.03},
		"transactions in conflict":          {Service: seam.DynamoDB, Operation: "TransactWriteItems", Kind: seam.FaultError, ErrorType: "TransactionConflictException", Probability: 0.05},
		"storage throttled":                 {Service: seam.DynamoDB, Function: "RouteFunction", Kind: seam.FaultError, ErrorType: "ProvisionedThroughputExceededException", Probability: 0.03},
		"route killed before a transaction": {Service: seam.DynamoDB, Operation: "TransactWriteItems", Function: "RouteFunction", Kind: seam.FaultKill, Skip: 30, Times: 2},
		"route killed after a transaction":  {Service: seam.DynamoDB, Operation: "TransactWriteItems", Function: "RouteFunction", Phase: seam.After, Kind: seam.FaultKill, Skip: 60, Times: 2},
	} {
		r.Seed = seed + uint64(len(ids))
		made, err := f.rig.Break(ctx, r)
		must(f.t, err)
		ids[name] = made.ID
	}
	return ids
}

// kill ends a function's processes now and then.
func (f *fire) kill(ctx context.Context, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 99))
	for sleep(ctx, 2*time.Second) {
		functions := []string{"RouteFunction", "RelayFunction", "SocketFunction", "DeliverFunction", "TimerFunction"}
		_, _ = f.rig.World.Kill(ctx, functions[rng.IntN(len(functions))]) // one that does not run has nothing to lose
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// watch looks at the loads all the time: none may ever be above its capacity.
func (f *fire) watch(ctx context.Context) {
	for sleep(ctx, 50*time.Millisecond) {
		list, err := f.rig.Store.Operators(ctx, f.ws.ID)
		if err != nil {
			continue // throttled
		}
		f.looks.Add(1)
		for _, o := range list {
			if o.Capacity > 0 && (o.Load > o.Capacity || o.Load < 0) {
				f.above.Add(1)
			}
		}
	}
}

// start begins the conversations, all customers side by side, up to so many at once.
func (f *fire) start(ctx context.Context) {
	for i := range f.size.conversations {
		for i-f.done() >= f.size.open && sleep(ctx, 20*time.Millisecond) {
		}
		c := f.customers[i%len(f.customers)]
		var id chat.ConversationID
		var err error
		c.Do(func(m *client.Machine) { id, _, err = m.Start("", fmt.Sprint("conversation ", i)) })
		must(f.t, err)
		f.mu.Lock()
		f.ids = append(f.ids, id)
		f.mu.Unlock()
	}
}

// serve answers what comes to the operator's own screen, and closes it a moment later: what the desk does not show is
// never closed, and fails the run.
func (f *fire) serve(ctx context.Context, o *world.Party, rng *rand.Rand) {
	handled := map[chat.ConversationID]bool{}
	for sleep(ctx, time.Duration(20+rng.IntN(60))*time.Millisecond) {
		var mine []chat.ConversationID
		o.Do(func(m *client.Machine) {
			for _, v := range m.Views() {
				if v.Assignee == o.Session.User && v.Status == chat.StatusActive && !handled[v.Conversation] {
					mine = append(mine, v.Conversation)
				}
			}
		})
		for _, id := range mine {
			handled[id] = true
			o.Do(func(m *client.Machine) {
				if _, err := m.Send(id, chat.Public, "at your service"); err == nil {
					_, _ = m.Close(id, "done")
				}
			})
			f.mu.Lock()
			f.closed[id] = true
			f.mu.Unlock()
		}
	}
}

func (f *fire) done() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.closed)
}

// served waits until every conversation was seen by its operator, and everybody is through with the outbox.
func (f *fire) served(ctx context.Context) error {
	for {
		n := f.done()
		if n >= len(f.ids) {
			break
		}
		if !sleep(ctx, 100*time.Millisecond) {
			return fmt.Errorf("stuck: %d of %d conversations came to a desk", n, len(f.ids))
		}
	}
	for _, p := range slices.Concat(f.customers, f.operators) {
		if err := p.Acked(ctx); err != nil {
			return err
		}
	}
	return nil
}

// given is one assignment as the log has it.
type given struct {
	id                       chat.ConversationID
	queued, assigned, closed int64 // Unix milliseconds
}

// recount checks everything from the logs.
func (f *fire) recount(ctx context.Context, took time.Duration) {
	t := f.t
	var all []given
	for _, id := range f.ids {
		all = append(all, f.owners(id, f.log(ctx, id, chat.Public)))
		f.decisions(id, f.log(ctx, id, chat.Desk))
	}
	if n := f.above.Load(); n > 0 || f.looks.Load() == 0 {
		t.Errorf("%d loads outside of 0 to capacity, in %d looks", n, f.looks.Load())
	}
	list, err := f.rig.Store.Operators(ctx, f.ws.ID)
	must(t, err)
	for _, o := range list {
		if o.Load != 0 {
			t.Errorf("%s has load %d, and no conversation", o.User, o.Load)
		}
	}
	left, err := f.rig.Store.Waiting(ctx, f.ws.ID, "", 10)
	must(t, err)
	if len(left) > 0 {
		t.Errorf("entries are left behind: %+v", left)
	}
	f.inOrder(all)
	places := 0
	for _, n := range f.capacity {
		places += n
	}
	total := make([]time.Duration, len(all))
	for i, g := range all {
		total[i] = time.Duration(g.assigned-g.queued) * time.Millisecond
	}
	able := passedOver(all, places)
	var assigned []int64
	for _, g := range all {
		assigned = append(assigned, g.assigned)
	}
	t.Logf("assignments in each second: %d", perSecond(assigned))
	t.Logf("%d conversations, %d operators with %d places, %s", len(all), len(f.operators), places, took.Round(time.Millisecond))
	t.Logf("time to assignment since capacity existed for it: %s", spread(able))
	t.Logf("time to assignment since it was queued, most of it for want of capacity: %s", spread(total))
	if longest := slices.Max(able); longest > f.size.bound {
		t.Errorf("one waited for %s while there was capacity for it: at most %s", longest, f.size.bound)
	}
}

// assignedWithin bounds the time to assignment while there is capacity, whatever dies meanwhile: the next job heals what
// a dead one left undone, and where none comes, the dead one's redelivery; at the latest the minute's sweep. Two full runs
// had 6 s and 14 s at worst.
const assignedWithin = 30 * time.Second

func spread(d []time.Duration) string {
	slices.Sort(d)
	return fmt.Sprintf("p50 %s, p99 %s, longest %s", d[len(d)/2], d[len(d)*99/100], d[len(d)-1])
}

// passedOver is how long each conversation waited while there was a free place for it: more places than others wait
// before it in the queue. The rest of its wait is for want of capacity.
func passedOver(all []given, places int) []time.Duration {
	type change struct {
		at    int64
		i     int
		waits int // +1 comes to wait, -1 was assigned
		free  int
	}
	var changes []change
	for i, g := range all {
		changes = append(changes, change{g.queued, i, 1, 0}, change{g.assigned, i, -1, -1}, change{g.closed, i, 0, 1})
	}
	slices.SortStableFunc(changes, func(a, b change) int { return int(a.at - b.at) })
	out := make([]time.Duration, len(all))
	var queue []int // indices of all, first come first
	for n, c := range changes {
		places += c.free
		switch c.waits {
		case 1:
			queue = append(queue, c.i)
		case -1:
			queue = slices.DeleteFunc(queue, func(i int) bool { return i == c.i })
		}
		if n+1 < len(changes) {
			for _, i := range queue[:max(0, min(places, len(queue)))] {
				out[i] += time.Duration(changes[n+1].at-c.at) * time.Millisecond
			}
		}
	}
	return out
}

// TestPassedOver recounts a queue by hand: two come at 0 for one place, which is given to the first at 3; the first ends
// at 10, and the second gets the place at 14.
func TestPassedOver(t *testing.T) {
	t.Parallel()
	got := passedOver([]given{{queued: 0, assigned: 3, closed: 10}, {queued: 0, assigned: 14, closed: 20}}, 1)
	if want := []time.Duration{3 * time.Millisecond, 4 * time.Millisecond}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// log reads a track from storage: over HTTP it would be more than one may ask for in a minute.
func (f *fire) log(ctx context.Context, id chat.ConversationID, track chat.Track) []protocol.Event {
	ref := chat.Ref{Workspace: f.ws.ID, Conversation: id}
	h, err := f.rig.Store.Head(ctx, ref)
	must(f.t, err)
	var older []chat.Event
	if first := h.Track(track).From; first > 1 {
		older, err = f.rig.Store.After(ctx, ref, track, 0, int(first)-1)
		must(f.t, err)
	}
	log := protocol.EventsOf(slices.Concat(older, h.Track(track).Tail))
	if uint64(len(log)) != h.Track(track).Last {
		f.t.Errorf("%s: %d events are stored of %d", id, len(log), h.Track(track).Last)
	}
	return log
}

// owners checks that a conversation had one owner at a time, and ended.
func (f *fire) owners(id chat.ConversationID, log []protocol.Event) given {
	g := given{id: id}
	owner := chat.UserID("")
	status := chat.StatusQueued
	for _, e := range log {
		switch e.Type {
		case chat.EventStarted:
			g.queued = e.At
		case chat.EventAssigned:
			if owner != "" || e.Subject == "" || status != chat.StatusQueued {
				f.t.Errorf("%s: seq %d assigns it to %s, and %s has it", id, e.Seq, e.Subject, owner)
			}
			if owner = e.Subject; g.assigned == 0 {
				g.assigned = e.At
			}
		case chat.EventQueued:
			owner = ""
		case chat.EventClosed:
			g.closed = e.At
		default:
		}
		if e.To != "" {
			status = e.To
		}
	}
	if status != chat.StatusClosed || g.assigned == 0 {
		f.t.Errorf("%s ends as %s, assigned at %d", id, status, g.assigned)
	}
	return g
}

// decisions makes every recorded decision again.
func (f *fire) decisions(id chat.ConversationID, log []protocol.Event) {
	found := 0
	for _, e := range log {
		if e.Detail == nil || e.Detail.Decision == nil {
			continue
		}
		found++
		d := chat.Decision{Policy: e.Detail.Decision.Policy, Preferred: e.Detail.Decision.Preferred}
		for _, c := range e.Detail.Decision.Candidates {
			one := chat.Candidate{User: c.User, Load: c.Load, Capacity: c.Capacity}
			if c.LastAssigned > 0 {
				one.LastAssigned = time.UnixMilli(c.LastAssigned)
			}
			d.Candidates = append(d.Candidates, one)
		}
		if again := chat.Replay(&d); again != e.Subject {
			f.t.Errorf("%s: seq %d chose %s, made again %s", id, e.Seq, e.Subject, again)
		}
	}
	if found == 0 {
		f.t.Errorf("%s: no decision is recorded", id)
	}
}

// committed is how long after the time in its event a start may be in the queue: the commit may be tried again for the
// 5 s that a command has.
const committed = 5 * time.Second

// inOrder checks that nobody was overtaken by who came so much later that both were in the queue.
func (f *fire) inOrder(all []given) {
	slices.SortFunc(all, func(a, b given) int { return int(a.assigned - b.assigned) })
	latest := int64(0) // arrival among those assigned so far
	for _, g := range all {
		if latest-g.queued > committed.Milliseconds() {
			f.t.Errorf("%s came at %d and was overtaken by one that came %d ms later", g.id, g.queued, latest-g.queued)
		}
		latest = max(latest, g.queued)
	}
}
