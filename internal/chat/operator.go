package chat

import (
	"context"
	"time"
)

// Duty is whether an operator takes conversations, as they or their supervisor have set it.
type Duty string

// The duties. Whether an operator is connected is another matter: their lease says it.
const (
	DutyOff       Duty = "off"       // not at work
	DutyAway      Duty = "away"      // at work, but gets nothing new
	DutyAccepting Duty = "accepting" // gets conversations
)

// Duties lists every duty.
func Duties() []Duty { return []Duty{DutyOff, DutyAway, DutyAccepting} }

// Limits of an operator's work.
const (
	// DefaultCapacity is how many conversations an operator has at once unless set otherwise.
	DefaultCapacity = 4
	// MaxCapacity bounds what may be set.
	MaxCapacity = 100
	// DutyLease is how long an operator counts as connected after a hello or ping; pings come every 60 s.
	DutyLease = 150 * time.Second
	// DisconnectGrace is how long after the end of the lease an operator still counts as there.
	DisconnectGrace = 60 * time.Second
)

// Operator is how a member of staff stands to routing: one item, changed by the same transactions as the
// conversations that load it.
type Operator struct {
	Workspace   WorkspaceID
	User        UserID
	Name        string
	Role        Role
	Departments DepartmentList
	Skills      []string
	// Capacity is how many conversations may load the operator at once; 0 means that it was never set: then only
	// conversations that are taken by hand come, without a limit.
	Capacity int
	// Load is how many do.
	Load int
	Duty Duty
	// DutySince is when Duty was last changed.
	DutySince time.Time
	// Lease is until when the operator counts as connected.
	Lease time.Time
	// LastAssigned is when a conversation was last given to them.
	LastAssigned time.Time
	// Missed counts the offers and first replies that were missed in a row.
	Missed int
	// TypingUntil is until when they type in a conversation that they have not answered yet.
	TypingUntil time.Time
	// Online is since when they are connected, as their own log has it; zero while they are not.
	Online time.Time
	// Events is how many events their own log has.
	Events uint64
}

// Connected says whether the operator is there, or within grace.
func (o Operator) Connected(now time.Time) bool { return o.Lease.Add(DisconnectGrace).After(now) }

// OnDuty says whether the operator is at work: accepting or away.
func (o Operator) OnDuty() bool { return o.Duty == DutyAccepting || o.Duty == DutyAway }

// OperatorEventType says what an event of an operator's own log tells.
type OperatorEventType string

// The types of event of an operator's own log.
const (
	OperatorStatus       OperatorEventType = "operator.status"
	OperatorConnected    OperatorEventType = "operator.connected"
	OperatorDisconnected OperatorEventType = "operator.disconnected"
)

// OperatorEventTypes lists every type. The order is the storage code: append only.
func OperatorEventTypes() []OperatorEventType {
	return []OperatorEventType{OperatorStatus, OperatorConnected, OperatorDisconnected}
}

// OperatorEvent is one entry of an operator's own log: what their occupancy is counted from. It never changes.
type OperatorEvent struct {
	Seq  uint64
	Type OperatorEventType
	At   time.Time
	// Sender is who did it: the operator, a supervisor, or SystemUser.
	Sender UserID
	Role   Role
	// From and To of OperatorStatus.
	From, To Duty
	Reason   string
}

// OperatorStore keeps how operators stand. Errors: *Refused, or one that wraps ErrUnknownOutcome.
type OperatorStore interface {
	Operators
	// ChangeOperator changes what differs between the image old (nil: there is no such item, or nothing in it but a
	// load) and next, but for load and last assignment, and appends the events to the operator's log, in one
	// transaction. *Refused when the log, or what is to change, is not as in old any more. Seqs of the events are set.
	ChangeOperator(ctx context.Context, old *Operator, next Operator, events ...OperatorEvent) error
	// RenewLease moves the lease of an operator on duty on, and returns the image after it; nil for one who is not.
	RenewLease(ctx context.Context, w WorkspaceID, u UserID, until time.Time) (*Operator, error)
	// EndLease moves the lease back to until, if it is still at was. *Refused: it is not; they are there again.
	EndLease(ctx context.Context, w WorkspaceID, u UserID, was, until time.Time) error
	// OperatorTypes notes until when an operator on duty types; for others it does nothing.
	OperatorTypes(ctx context.Context, w WorkspaceID, u UserID, until time.Time) error
	// OperatorAnswers forgets what the operator has missed in a row.
	OperatorAnswers(context.Context, WorkspaceID, UserID) error
	// OperatorEvents returns up to limit events with seq > after, oldest first, consistently.
	OperatorEvents(ctx context.Context, w WorkspaceID, u UserID, after uint64, limit int) ([]OperatorEvent, error)
}

// MaxAssignments is how many assignments of a department are kept for estimates.
const MaxAssignments = 20

// Entries mends the queue. Only transitions write entries otherwise.
type Entries interface {
	// DropEntry removes the entry if it still has its version.
	DropEntry(context.Context, WorkspaceID, Waiting) error
	// PutEntry stores the entry if there is none, or one of an earlier version.
	PutEntry(context.Context, WorkspaceID, Waiting) error
	// Assigned notes when conversations of the department were given out, and keeps the newest MaxAssignments;
	// Assignments lists them, oldest first. They are for estimates only: of two writers at once one may win.
	Assigned(ctx context.Context, w WorkspaceID, d DepartmentID, at time.Time, n int) error
	Assignments(context.Context, WorkspaceID, DepartmentID) ([]time.Time, error)
	// ToldPosition notes in the entry what the customer was told, if it still has its version.
	ToldPosition(context.Context, WorkspaceID, Waiting) error
}

// Operators reads how operators stand, consistently.
type Operators interface {
	// Operators lists those of the workspace who have ever been on duty.
	Operators(context.Context, WorkspaceID) ([]Operator, error)
	// Operator returns nil for one who has not.
	Operator(context.Context, WorkspaceID, UserID) (*Operator, error)
}
