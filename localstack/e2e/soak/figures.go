package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/parley-chat/parley/localstack/e2e/history"
	"github.com/parley-chat/parley/localstack/e2e/rig"
)

// Figures are what a soak prints.
type Figures struct {
	// These must be 0.
	Lost            int `json:"lost"`            // acknowledged and not in history
	Duplicates      int `json:"duplicates"`      // in history twice, or acknowledged at two seqs
	OrderViolations int `json:"orderViolations"` // a sender's messages, or an integrator's jobs, in another order
	SeqGaps         int `json:"seqGaps"`
	ViewMismatches  int `json:"viewMismatches"` // what a client shows and the log differ
	OtherFindings   int `json:"otherFindings"`  // see Findings
	Unacknowledged  int `json:"unacknowledged"` // sent, and never acknowledged nor refused
	Refused         int `json:"refused"`
	Findings        string

	Clients        int     `json:"clients"`
	Messages       int     `json:"messages"`
	Acknowledged   int     `json:"acknowledged"`
	ResentAndFound int     `json:"resentAndFound"` // acknowledgements that said: this was here already
	Applied        int     `json:"applied"`        // events shown, by all clients together
	Jobs           int     `json:"jobs"`           // integration jobs received, without repetitions
	SendSeconds    float64 `json:"sendSeconds"`
	SettleSeconds  float64 `json:"settleSeconds"` // from the last send until all was acknowledged and shown

	FunctionKills   int `json:"functionKills"`
	ProcessesKilled int `json:"processesKilled"`
	StackKills      int `json:"stackKills"`
	ClientDeaths    int `json:"clientDeaths"`
	// Milliseconds from a kill to the next acknowledgement of anybody's message, at worst.
	WorstFunctionKillToAck float64        `json:"worstFunctionKillToAckMs"`
	WorstStackKillToAck    float64        `json:"worstStackKillToAckMs"`
	Faults                 map[string]int `json:"faults"` // by kind and place, while the stacks lived
}

// soak runs one.
func soak(ctx context.Context, c config) (*Figures, error) {
	r, err := start(ctx, c)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }() // what it is about has been said by then
	sc := r.Scene()
	defer sc.Close()
	l := &load{config: c}
	if l.pairs, err = cast(ctx, sc, c); err != nil {
		return nil, err
	}
	if err := l.begin(ctx); err != nil {
		return nil, err
	}
	killer := &killer{rig: r, scene: sc, restarts: c.restarts, every: time.Duration(float64(c.messages) / c.rate / float64(c.restarts+1) * float64(time.Second))}
	loading, stop := context.WithCancel(ctx)
	killed := make(chan error, 1)
	go func() { killed <- killer.run(loading) }()
	begun := time.Now()
	err = l.run(ctx)
	sending := time.Since(begun)
	stop()
	if killErr := <-killed; err == nil {
		err = killErr
	}
	if err != nil {
		return nil, err
	}
	f := &Figures{Clients: len(l.people()), SendSeconds: sending.Seconds(), ClientDeaths: int(l.reborn.Load())}
	if err := f.judge(ctx, sc); err != nil {
		return nil, err
	}
	killer.count(f)
	return f, nil
}

// judge waits for rest and fills in what was found.
func (f *Figures) judge(ctx context.Context, sc *rig.Scene) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	begun := time.Now()
	if err := sc.Rig.Mend(ctx); err != nil {
		return err
	}
	if err := sc.Rest(ctx); err != nil {
		return err
	}
	f.SettleSeconds = time.Since(begun).Seconds()
	dead, err := sc.Farewell(ctx)
	if err != nil {
		return err
	}
	patience, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	found, logs, err := sc.Judge(patience)
	if err != nil {
		return err
	}
	stack, err := sc.Rig.JudgeStack(ctx)
	if err != nil {
		return err
	}
	f.sort(slices.Concat(found, dead, sc.JudgeJobs(patience, logs), stack))
	counts := sc.Counts()
	f.Messages, f.Acknowledged, f.ResentAndFound = counts.Appends, counts.Acked, counts.Duplicate
	f.Refused, f.Unacknowledged, f.Applied, f.Jobs = counts.Refused, counts.Unknown, counts.Applied, sc.Told()
	return nil
}

// sort counts the findings under their figures.
func (f *Figures) sort(found history.Findings) {
	f.Lost = found.Count(history.Lost, history.JobLost)
	f.Duplicates = found.Count(history.Doubled, history.Reacked)
	f.OrderViolations = found.Count(history.Disorder, history.JobDisorder)
	f.SeqGaps = found.Count(history.Gap)
	f.ViewMismatches = found.Count(history.ViewMismatch)
	f.OtherFindings = len(found) - f.Lost - f.Duplicates - f.OrderViolations - f.SeqGaps - f.ViewMismatches
	f.Findings = found.String()
}

// killer kills functions every second, and the stack now and then.
type killer struct {
	rig      *rig.Rig
	scene    *rig.Scene
	restarts int
	every    time.Duration // between two kills of the stack

	functionKills []kill // of the socket function
	stackKills    []kill
	kills         int
	processes     int
	faults        map[string]int // of the stacks that are gone
	living        map[string]int // of this one
}

// kill is from its beginning until it was done, or all was up again, by the recorder's clock. Acknowledgements in
// between are of before: they were on their way.
type kill struct{ begun, done time.Duration }

// victims are the functions to kill in turn.
var victims = []string{"SocketFunction", "RelayFunction", "SocketFunction", "DeliverFunction", "SocketFunction", "ApiFunction", "SocketFunction", "DisconnectFunction"}

func (k *killer) run(ctx context.Context) error {
	k.faults, k.living = map[string]int{}, map[string]int{}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	next := time.Now().Add(k.every)
	for turn := 0; ; turn++ {
		select {
		case <-ctx.Done():
			k.look(context.WithoutCancel(ctx))
			return nil
		case <-tick.C:
		}
		k.look(ctx)
		if len(k.stackKills) < k.restarts && time.Now().After(next) {
			if err := k.restart(context.WithoutCancel(ctx)); err != nil {
				return err
			}
			next = next.Add(k.every)
			continue
		}
		k.killFunction(ctx, victims[turn%len(victims)])
	}
}

func (k *killer) killFunction(ctx context.Context, function string) {
	begun := k.scene.Elapsed()
	n, err := k.rig.World.Kill(ctx, function)
	if err != nil || n == 0 { // nothing ran
		return
	}
	k.kills++
	k.processes += n
	if function == "SocketFunction" {
		k.functionKills = append(k.functionKills, kill{begun, k.scene.Elapsed()})
	}
}

func (k *killer) restart(ctx context.Context) error {
	for what, n := range k.living {
		k.faults[what] += n
	}
	k.living = map[string]int{}
	begun := k.scene.Elapsed()
	err := k.rig.RestartAfterKill(ctx)
	k.stackKills = append(k.stackKills, kill{begun, k.scene.Elapsed()})
	return err
}

// look keeps the counts of faults: they go with the stack.
func (k *killer) look(ctx context.Context) {
	status, err := k.rig.Faults(ctx)
	if err != nil {
		return
	}
	for _, n := range status.Counts {
		k.living[fmt.Sprintf("%s %s %s", n.Service, n.Operation, n.Kind)] = n.Hits
	}
}

// count fills in what was done.
func (k *killer) count(f *Figures) {
	f.FunctionKills, f.ProcessesKilled, f.StackKills = k.kills, k.processes, len(k.stackKills)
	f.WorstFunctionKillToAck, f.WorstStackKillToAck = k.worst(k.functionKills), k.worst(k.stackKills)
	f.Faults = k.faults
	for what, n := range k.living {
		f.Faults[what] += n
	}
}

func (k *killer) worst(kills []kill) (ms float64) {
	for _, x := range kills {
		if d, ok := k.scene.FirstAckAfter(x.done); ok {
			ms = max(ms, float64(x.done-x.begun+d)/float64(time.Millisecond))
		}
	}
	return ms
}
