package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/localstack/e2e/rig"
	"github.com/parley-chat/parley/localstack/faults"
	"github.com/parley-chat/parley/localstack/seam"
)

const (
	randomTime      = 20 * time.Second
	randomSpaces    = 2
	randomCustomers = 5 // in each workspace; every other one has a second tab
	randomOperators = 3
	// leastOps is how many operations a run must have seen to count.
	leastOps = 500
)

// TestRandomHistories has people do at random what people do, while functions die and everything that can fail
// fails at random, and judges the history. The seed decides what each of them tries, and which faults are set
// when; how it all falls together is up to the machine.
func TestRandomHistories(t *testing.T) {
	t.Parallel()
	seed := seedOf(t)
	r := ownRig(t, rig.Options{})
	sc, actors := cast(t, r, seed)
	ctx := limit(t, 3*time.Minute)
	playing, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	for _, a := range actors {
		wg.Go(func() { a.act(playing) })
	}
	monkey := &chaos{rig: r, rng: rand.New(rand.NewPCG(seed, 0)), pauses: rand.New(rand.NewPCG(seed, 1<<32))}
	wg.Go(func() { monkey.rage(playing) })
	wg.Go(func() {
		defer stop()
		monkey.enough(ctx, sc)
	})
	wg.Wait()
	must(t, r.Mend(ctx))
	for _, a := range actors {
		a.p.MutePushes(false)
	}
	judgeRandom(ctx, t, r, sc)
	monkey.judge(ctx, t)
	c := sc.Counts()
	t.Logf("%d clients, %d conversations; %+v; %s", len(actors), len(sc.Conversations()), c, monkey)
	if c.Appends+c.Reads < leastOps {
		t.Errorf("only %d operations", c.Appends+c.Reads)
	}
}

func judgeRandom(ctx context.Context, t *testing.T, r *rig.Rig, sc *rig.Scene) {
	t.Helper()
	patience, cancel := context.WithTimeout(ctx, 4*time.Minute)
	defer cancel()
	must(t, sc.Rest(patience))
	dead, err := sc.Farewell(patience)
	must(t, err)
	report(t, dead)
	found, logs, err := sc.Judge(patience)
	must(t, err)
	report(t, found)
	// not_found: routing gave it to somebody else, since its operator seemed to be gone.
	for code, n := range sc.Refusals() {
		if !slices.Contains([]chat.Code{chat.CodeClosed, chat.CodeNotClosed, chat.CodeAlreadyAssigned, chat.CodeAtCapacity, chat.CodeNotFound}, code) {
			t.Errorf("%d commands were refused: %s", n, code)
		}
	}
	desks, err := sc.JudgeDesks(patience)
	must(t, err)
	report(t, desks)
	report(t, sc.JudgeJobs(patience, logs))
	sc.Close()
	must(t, r.Settled(patience))
	_, found, err = r.DeadRows(ctx)
	must(t, err)
	report(t, found)
	found, err = r.JudgeStack(ctx)
	must(t, err)
	report(t, found)
}

// cast makes the people and their first conversations, before anything breaks.
func cast(t *testing.T, r *rig.Rig, seed uint64) (*rig.Scene, []*actor) {
	t.Helper()
	ctx := limit(t, time.Minute)
	sc := r.Scene()
	t.Cleanup(sc.Close)
	settings := rig.Pinging(700 * time.Millisecond)
	settings.Read = 300 * time.Millisecond
	var actors []*actor
	add := func(p *rig.Person, err error) *rig.Person {
		must(t, err)
		actors = append(actors, &actor{p: p, rng: rand.New(rand.NewPCG(seed, uint64(len(actors)+1)))})
		return p
	}
	for range randomSpaces {
		space, err := sc.Space(ctx, randomOperators)
		must(t, err)
		for i := range randomOperators {
			add(sc.Operator(ctx, space, i, settings, nil)).Watch(chat.ViewQueue, chat.ViewColleagues)
		}
		for i := range randomCustomers {
			p := add(sc.Customer(ctx, space, settings, nil))
			if i%2 == 0 {
				add(sc.Tab(ctx, p, settings))
			}
			_, err := p.Start("hello")
			must(t, err)
		}
	}
	return sc, actors
}

// chaos breaks things at random.
type chaos struct {
	rig *rig.Rig
	rng *rand.Rand
	// pauses are those of another goroutine than rng's.
	pauses *rand.Rand

	sets int // rules set
	dead int // processes killed
	cuts int // connections cut
}

// rage sets a rule or kills something every now and then. What it asks for may be gone; then nothing happens.
func (c *chaos) rage(ctx context.Context) {
	for pace(ctx, c.rng, 120*time.Millisecond) {
		switch n := c.rng.IntN(10); {
		case n < 7:
			rule := c.rule()
			if _, err := c.rig.Break(ctx, rule); err == nil {
				c.sets++
			}
		case n < 9:
			c.kill(ctx)
		default:
			c.cut(ctx)
		}
		if c.rng.IntN(40) == 0 {
			_ = c.rig.Mend(ctx) // rules that never strike must not pile up
		}
	}
}

func (c *chaos) kill(ctx context.Context) {
	functions := c.rig.Local.Functions
	if n, err := c.rig.World.Kill(ctx, functions[c.rng.IntN(len(functions))]); err == nil {
		c.dead += n
	}
}

func (c *chaos) cut(ctx context.Context) {
	open, err := c.rig.Connections(ctx)
	if err != nil || len(open) == 0 {
		return
	}
	if c.rig.Cut(ctx, open[c.rng.IntN(len(open))].ID) == nil {
		c.cuts++
	}
}

func (c *chaos) String() string {
	return fmt.Sprintf("%d rules set, %d processes killed, %d connections cut", c.sets, c.dead, c.cuts)
}

// enough waits until randomTime is over, and as much has happened as a run must have seen: that takes longer on a machine
// with other things to do.
func (c *chaos) enough(ctx context.Context, sc *rig.Scene) {
	begun := time.Now()
	for ctx.Err() == nil && time.Since(begun) < 6*randomTime {
		n := sc.Counts()
		if time.Since(begun) >= randomTime && n.Appends+n.Reads >= leastOps && c.complete(ctx) {
			return
		}
		pace(ctx, c.pauses, 100*time.Millisecond)
	}
}

// complete says whether every kind of fault has happened.
func (c *chaos) complete(ctx context.Context) bool {
	hits, err := c.hits(ctx, func(faults.Count) {})
	return err == nil && !slices.ContainsFunc(kinds(), func(k seam.FaultKind) bool { return hits[k] == 0 })
}

// hits counts the faults by kind, and tells of each.
func (c *chaos) hits(ctx context.Context, tell func(faults.Count)) (map[seam.FaultKind]int, error) {
	status, err := c.rig.Faults(ctx)
	hits := map[seam.FaultKind]int{}
	for _, n := range status.Counts {
		hits[n.Kind] += n.Hits
		tell(n)
	}
	return hits, err
}

func kinds() []seam.FaultKind {
	return []seam.FaultKind{seam.FaultKill, seam.FaultError, seam.FaultLose, seam.FaultDelay, seam.FaultDuplicate}
}

// judge fails a run in which a kind of fault did not happen.
func (c *chaos) judge(ctx context.Context, t *testing.T) {
	t.Helper()
	hits, err := c.hits(ctx, func(n faults.Count) { t.Logf("%4d × %s of %s %s", n.Hits, n.Kind, n.Service, n.Operation) })
	must(t, err)
	for _, kind := range kinds() {
		if hits[kind] == 0 {
			t.Errorf("no fault of kind %s happened", kind)
		}
	}
	if c.dead == 0 || c.cuts == 0 {
		t.Errorf("%s", c)
	}
}

// pace waits for a random time around the mean; false when ctx ends.
func pace(ctx context.Context, rng *rand.Rand, mean time.Duration) bool {
	timer := time.NewTimer(time.Duration(rng.Int64N(int64(2 * mean))))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
