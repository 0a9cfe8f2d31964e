package workspace

import (
	"context"

	"github.com/parley-chat/parley/internal/chat"
)

// Limits of runs.
const (
	// MaxRuns is how many runs of a rule are shown.
	MaxRuns = 50
	// RunDays is how long they are kept.
	RunDays = 30
)

// Outcome of a run.
type Outcome string

// The outcomes.
const (
	// RunBegun: its steps are being taken. If it stays so, the job has become a dead letter.
	RunBegun   Outcome = "begun"
	RunApplied Outcome = "applied"
	RunFailed  Outcome = "failed"
	// RunStopped: not begun, since it would have gone round in a circle, or came too late.
	RunStopped Outcome = "stopped"
)

// Run is one time that a rule applied.
type Run struct {
	// ID follows from the rule and the event.
	ID string `json:"id"`
	// Rule by its id.
	Rule string `json:"rule"`
	// At is the time of the event, Unix milliseconds.
	At int64 `json:"at"`
	// Conversation of the event.
	Conversation chat.ConversationID `json:"conversation"`
	// Track and Seq name the event.
	Track chat.Track `json:"track"`
	Seq   uint64     `json:"seq"`
	// Outcome is begun, applied, failed, or stopped: not begun, since it would have gone round in a circle.
	Outcome Outcome `json:"outcome"`
	// Steps that were taken; with failed, the one with this index was not.
	Steps int `json:"steps"`
	// Code and Reason of a failure.
	Code   chat.Code `json:"code,omitempty"`
	Reason string    `json:"reason,omitempty"`
}

// RunStore keeps the runs of rules, for RunDays.
type RunStore interface {
	// PutRun stores a run; the same again replaces it.
	PutRun(ctx context.Context, w chat.WorkspaceID, r Run) error
	// Runs lists the newest runs of a rule.
	Runs(ctx context.Context, w chat.WorkspaceID, rule string, limit int) ([]Run, error)
}

// Outcomes lists the outcomes of runs.
func Outcomes() []Outcome { return []Outcome{RunBegun, RunApplied, RunFailed, RunStopped} }
