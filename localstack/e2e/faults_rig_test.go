package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/localstack/e2e/history"
	"github.com/parley-chat/parley/localstack/e2e/rig"
	"github.com/parley-chat/parley/localstack/e2e/world"
	"github.com/parley-chat/parley/localstack/faults"
)

var (
	seedFlag = flag.Uint64("seed", 0, "replay the schedule of the fault tests that printed this seed")
	fullFlag = flag.Bool("full", false, "TestSoak and the fault table at full size")
)

// seedOf returns the run's seed and prints it.
func seedOf(t *testing.T) uint64 {
	t.Helper()
	seed := *seedFlag
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("go test -run '^%s$' ./localstack/e2e -args -seed %d", t.Name(), seed)
	return seed
}

// ownRoot is the repository, and where the fault tests keep what they build.
var ownRoot = sync.OnceValues(world.Root)

// ownBinary builds the local stack once per run. It is not thrown away: the next run finds it up to date.
var ownBinary = sync.OnceValues(func() (string, error) {
	root, err := ownRoot()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(root, ".cache", "e2e")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	return world.Build(ctx, root, dir)
})

// ownRig starts a stack that only this test breaks. The end of its log is shown when the test fails; all of it is kept
// in the directory that PARLEY_FAULTS_LOG names.
func ownRig(t *testing.T, o rig.Options) *rig.Rig {
	t.Helper()
	if suite.Control == "" {
		t.Skip("faults are made in the local stack, and this run is against another system")
	}
	var err error
	o.Root, err = ownRoot()
	must(t, err)
	o.Binary, err = ownBinary()
	must(t, err)
	path := filepath.Join(t.TempDir(), "log")
	if dir := os.Getenv("PARLEY_FAULTS_LOG"); dir != "" {
		path = filepath.Join(dir, filepath.Base(t.Name())+".log")
	}
	log, err := os.Create(path)
	must(t, err)
	o.Log = log
	r, err := rig.Start(limit(t, 2*time.Minute), o)
	must(t, err)
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if err := log.Close(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the end of the stack's log:\n%s", rig.Tail(path))
		}
	})
	return r
}

// slack multiplies the limits of tests: they are for what never comes, and are met on a machine with two busy cores, too.
// Where the time itself is promised, the test has a limit of its own.
const slack = 3

func limit(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), slack*d)
	t.Cleanup(cancel)
	return ctx
}

// broken sets rules and returns their ids.
func broken(t *testing.T, r *rig.Rig, rules ...faults.Rule) (ids []string) {
	t.Helper()
	for _, rule := range rules {
		set, err := r.Break(limit(t, 5*time.Second), rule)
		must(t, err)
		ids = append(ids, set.ID)
	}
	return ids
}

// missing says which of the rules have not struck yet, "" when all have.
func missing(ctx context.Context, r *rig.Rig, ids []string) (string, error) {
	status, err := r.Faults(ctx)
	if err != nil {
		return "", err
	}
	hits := map[string]faults.Rule{}
	for _, rule := range status.Rules {
		hits[rule.ID] = rule
	}
	for _, id := range ids {
		if rule := hits[id]; rule.Hits == 0 {
			return fmt.Sprintf("%s %s of %s %s: %d passings, no hit", rule.Phase, rule.Operation, rule.Function, rule.Kind, rule.Passed), nil
		}
	}
	return "", nil
}

// report fails the test with what was found.
func report(t *testing.T, found history.Findings) {
	t.Helper()
	if len(found) > 0 {
		t.Errorf("%d findings:\n%s", len(found), found)
	}
}
