package chat

import (
	"context"
	"time"
)

// RouteJob asks routing to look at a department again: somebody came to wait, or a place came free.
type RouteJob struct {
	Workspace  WorkspaceID
	Department DepartmentID
	// Operator, when set, is whose place came free or who came on duty: every department they work in is looked at.
	Operator UserID
	// Reason is for the logs: "queued", "freed", "duty", "timer", "sweep", "hours".
	Reason string
	// Sent is when the queue took the job; zero when that is not known. It is the queue's to say.
	Sent time.Time
}

// RoutingQueue takes jobs for routing. At least once; jobs of one workspace and department that come at about the same
// time stay in order, so that few workers look at one queue at once. Correctness never depends on it: assignment is one transaction.
type RoutingQueue interface {
	Route(ctx context.Context, jobs ...RouteJob) error
}

// TimerKind says what a timer is for.
type TimerKind string

// The kinds of timer. One of each is armed per conversation (or operator) at a time.
const (
	TimerOffer     TimerKind = "offer"     // an offer was not accepted
	TimerNoAnswer  TimerKind = "answer"    // the assigned operator has not written
	TimerPreferred TimerKind = "preferred" // the wait for the customer's last operator is over
	TimerAgain     TimerKind = "again"     // those who let a conversation pass may be asked again
	TimerIdle      TimerKind = "idle"      // nobody wrote
	TimerBot       TimerKind = "bot"       // the bot that leads may have fallen silent
	TimerSnooze    TimerKind = "snooze"    // wake
	TimerPromise   TimerKind = "promise"   // the customer has waited for ten seconds
	TimerGrace     TimerKind = "grace"     // an operator's lease and grace are over
	TimerPosition  TimerKind = "position"  // tell those who wait how it stands
	TimerSLA       TimerKind = "sla"       // a clock is at risk or breached
	TimerHours     TimerKind = "hours"     // business hours open
	TimerSweep     TimerKind = "sweep"     // look after a workspace: nothing may stick
	TimerLink      TimerKind = "link"      // finish a merge whose first half is stored
)

// TimerKinds lists every kind.
func TimerKinds() []TimerKind {
	return []TimerKind{TimerOffer, TimerNoAnswer, TimerPreferred, TimerAgain, TimerIdle, TimerBot, TimerSnooze, TimerPromise, TimerGrace,
		TimerPosition, TimerSLA, TimerHours, TimerSweep, TimerLink}
}

// Timer comes back when it is due, at least once. It carries the version it was set for: a timer of another version
// is stale and does nothing.
type Timer struct {
	Ref
	Kind    TimerKind
	Version uint64
	// User is the operator that the timer is about; Department whose queue.
	User       UserID
	Department DepartmentID
	// Clock is the SLA clock.
	Clock string
	Due   time.Time
	// Until is the end of what the timer is about: when an SLA clock is breached, or typing puts off no longer.
	Until time.Time
	// After and Desk are the last seqs of the two tracks when the timer was armed: what it asks for came later.
	After, Desk uint64
	// Round counts how often the timer was re-armed in a row.
	Round int
}

// Timers arms timers: those due within MaxDelay as delayed messages, later ones as rows that the minute's sweep finds.
type Timers interface {
	Arm(ctx context.Context, timers ...Timer) error
}

// MaxDelay is the longest delay of an SQS message (Amazon SQS quotas: delay of a message 15 minutes).
const MaxDelay = 15 * time.Minute
