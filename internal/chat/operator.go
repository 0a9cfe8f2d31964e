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
	// Events is how many events their own log has.
	Events uint64
}

// Connected says whether the operator is there, or within grace.
func (o Operator) Connected(now time.Time) bool { return o.Lease.Add(DisconnectGrace).After(now) }

// Operators reads how operators stand, consistently.
type Operators interface {
	// Operators lists those of the workspace who have ever been on duty.
	Operators(context.Context, WorkspaceID) ([]Operator, error)
	// Operator returns nil for one who has not.
	Operator(context.Context, WorkspaceID, UserID) (*Operator, error)
}
