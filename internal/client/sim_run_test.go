package client

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/parley-chat/parley/internal/chat"
)

var (
	simSeed = flag.Uint64("sim.seed", 0, "run this one seed of the simulation, with its trace")
	simRuns = flag.Int("sim.runs", 250, "schedules per plan")
)

func desk3() []chat.Role {
	return []chat.Role{chat.RoleCustomer, chat.RoleOperator, chat.RoleSupervisor}
}

// strict: everything but lost pushes; nothing may need a ping, as in the model.
func strictPlan() plan {
	return plan{roles: desk3(), messages: 4, steps: 150,
		faults: faults{crashes: 3, drops: 2, lostAnswers: 2, duplicates: 3, refusals: 1, dialFailures: 1, restarts: 1}}
}

// lossy: pushes get lost, sockets die unnoticed, generations change; pings repair it.
func lossyPlan() plan {
	return plan{roles: desk3(), messages: 4, steps: 200, pings: true,
		faults: faults{crashes: 2, drops: 2, halfOpen: 2, lostAnswers: 2, lostPushes: 3, duplicates: 2, refusals: 1, dialFailures: 1, gens: 1, restarts: 1}}
}

func seeded(seed uint64) func(int) int {
	return rand.New(rand.NewPCG(seed, 7)).IntN
}

// TestSimulation runs thousands of schedules; a failing one prints its seed.
func TestSimulation(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]plan{"strict": strictPlan(), "lossy": lossyPlan()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := uint64(time.Now().UnixNano())
			runs := *simRuns
			if *simSeed != 0 {
				first, runs = *simSeed, 1
			}
			t.Logf("seeds %d … %d", first, first+uint64(runs)-1)
			counts := map[string]int{}
			for seed := first; seed < first+uint64(runs); seed++ {
				s := newSim(p, seed, seeded(seed))
				s.verbose = *simSeed != 0
				err := s.run()
				if s.verbose {
					t.Log(strings.Join(s.trace, "\n"))
				}
				if err != nil {
					t.Fatalf("-sim.seed=%d: %v", seed, err)
				}
				for what, n := range s.counts {
					counts[what] += n
				}
			}
			if runs > 1 {
				checkFaultsHappened(t, p, counts)
			}
			t.Log(counts)
		})
	}
}

// checkFaultsHappened fails a run in which a fault that was to be injected never was.
func checkFaultsHappened(t *testing.T, p plan, counts map[string]int) {
	t.Helper()
	want := []string{"crash", "drop", "lost answer", "duplicate push", "refusal", "failed dial", "restart", "410", "duplicate", "grown retry", "limited",
		string(Resent), string(Fetched), string(Acked)}
	if p.pings {
		want = append(want, "half open", "lost push", "generation", string(Reloaded))
	}
	for _, what := range want {
		if counts[what] == 0 {
			t.Errorf("%s never happened", what)
		}
	}
}

// TestSimulationShrinks draws the schedules from rapid, which shrinks a failing one.
func TestSimulationShrinks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		p := strictPlan()
		p.messages, p.steps = 2, 60
		choice := rapid.Uint32()
		s := newSim(p, 1, func(n int) int { return int(choice.Draw(rt, "choice")) % n })
		if err := s.run(); err != nil {
			rt.Fatal(err)
		}
	})
}

// TestSimulationFindsPlantedBugs shows that the simulation can see: the planted bugs of the model and more,
// each in the client or in the server half, must be found.
func TestSimulationFindsPlantedBugs(t *testing.T) {
	t.Parallel()
	client := map[string]mutant{"raise-after": raiseAfter, "learn-is-ack": learnIsAck, "drop-early": dropEarly, "apply-twice": applyTwice,
		"apply-unseen": applyUnseen, "never-resend": neverResend, "two-in-flight": twoInFlight, "ignore-pong": ignorePong,
		"never-fetch": neverFetch, "forget-strange": forgetStrange}
	plans := map[string]plan{}
	for name, m := range client {
		p := strictPlan()
		p.silent = m == learnIsAck // found by what the others see, not by the missing ack
		if m == ignorePong || m == neverFetch {
			p = lossyPlan()
		}
		p.mutant = m
		plans[name] = p
	}
	for _, bug := range []string{"ack-first", "no-dedupe", "no-repush", "read-then-listen"} {
		p := strictPlan()
		p.bug = bug
		plans[bug] = p
	}
	for name, p := range plans {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seed, err := firstViolation(p, 3000)
			if err == nil {
				t.Fatalf("not found in 3000 schedules")
			}
			t.Logf("found by schedule %d: %v", seed, err)
		})
	}
}

func firstViolation(p plan, runs uint64) (uint64, error) {
	for seed := uint64(1); seed <= runs; seed++ {
		if err := newSim(p, seed, seeded(seed)).run(); err != nil {
			return seed, fmt.Errorf("%.200s", err.Error())
		}
	}
	return runs, nil
}
