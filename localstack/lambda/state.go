package lambda

import (
	"sort"
	"strconv"
	"time"
)

// FunctionState is a snapshot of one function's pool.
type FunctionState struct {
	Function  string         `json:"function"`
	Limit     int            `json:"limit"`   // of processes
	Waiting   int            `json:"waiting"` // invocations that wait for a process
	Processes []ProcessState `json:"processes"`
	Counts    Counts         `json:"counts"`
}

// ProcessState is a snapshot of one process.
type ProcessState struct {
	ID          string        `json:"id"`
	PID         int           `json:"pid"`
	State       string        `json:"state"`               // starting, busy, returning (answered, not yet asking for more), idle, frozen, ending
	RequestID   string        `json:"requestId,omitempty"` // of the invocation in progress
	Invocations int           `json:"invocations"`
	Init        time.Duration `json:"initNs"`
	Born        time.Time     `json:"born"`
	PeakMemory  int64         `json:"peakMemory"` // resident bytes, sampled while it works; 0 where not measured
}

// State returns a snapshot of every function, by name.
func (r *Runner) State() []FunctionState {
	states := make([]FunctionState, 0, len(r.functions))
	for _, f := range r.functions {
		states = append(states, f.state())
	}
	sort.Slice(states, func(i, j int) bool { return states[i].Function < states[j].Function })
	return states
}

func (f *function) state() FunctionState {
	f.mu.Lock()
	defer f.mu.Unlock()
	state := FunctionState{Function: f.spec.LogicalID, Processes: []ProcessState{}, Limit: f.limit, Waiting: len(f.waiters), Counts: f.counts}
	for p := range f.processes {
		state.Processes = append(state.Processes, p.state())
	}
	sort.Slice(state.Processes, func(i, j int) bool { return state.Processes[i].Born.Before(state.Processes[j].Born) })
	return state
}

func (p *process) state() ProcessState {
	s := ProcessState{ID: p.id, Invocations: p.served, Init: p.init, Born: p.born, PeakMemory: p.peak.Load(), State: "idle"}
	if p.child != nil {
		s.PID = p.child.Pid
	}
	switch {
	case p.killed:
		s.State = "ending"
	case p.starting:
		s.State = "starting"
	case p.inv != nil && p.inv.answered:
		s.State, s.RequestID = "returning", p.inv.id
	case p.inv != nil:
		s.State, s.RequestID = "busy", p.inv.id
	case p.frozen:
		s.State = "frozen"
	}
	return s
}

// seconds formats a timeout as Lambda's message has it: "3.00".
func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 2, 64) }
