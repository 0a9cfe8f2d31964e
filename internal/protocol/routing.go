package protocol

import "github.com/parley-chat/parley/internal/chat"

// Actions of operators.
const (
	ActionDuty    = "duty"
	ActionAccept  = "accept"
	ActionDecline = "decline"
)

// Types of frames about routing.
const (
	TypeDuty     = "duty"
	TypePosition = "position"
)

// Duty says whether one takes conversations. On duty, ping every 60 s: the lease that it renews lasts 150 s.
type Duty struct {
	Action string `json:"action"`
	Ref    string `json:"ref,omitempty"`
	// Status is off, away or accepting.
	Status chat.Duty `json:"status"`
}

// Accept takes a conversation that is offered to one.
type Accept struct {
	Action       string              `json:"action"`
	Ref          string              `json:"ref,omitempty"`
	Conversation chat.ConversationID `json:"conversation"`
	After        uint64              `json:"after"`
	ID           chat.EventID        `json:"id"`
}

// Decline lets an offer go to somebody else.
type Decline struct {
	Action       string              `json:"action"`
	Ref          string              `json:"ref,omitempty"`
	Conversation chat.ConversationID `json:"conversation"`
	// After is a seq of the desk track.
	After  uint64       `json:"after"`
	ID     chat.EventID `json:"id"`
	Reason string       `json:"reason,omitempty"`
}

// Operator is how a member of staff stands to routing.
type Operator struct {
	User chat.UserID `json:"user"`
	Name string      `json:"name,omitempty"`
	// Status is whether they take conversations, Since when they last changed it: Unix milliseconds.
	Status chat.Duty `json:"status"`
	Since  int64     `json:"since,omitempty"`
	// Connected says that they are there, or were a moment ago.
	Connected bool `json:"connected"`
	// Lease is until when they count as connected without another ping: Unix milliseconds.
	Lease int64 `json:"lease,omitempty"`
	// Load is how many conversations they have, Capacity how many they may be given.
	Load     int `json:"load"`
	Capacity int `json:"capacity"`
	// Departments that they work in; none means all.
	Departments []chat.DepartmentID `json:"departments,omitempty"`
	Skills      []string            `json:"skills,omitempty"`
	// Missed counts the offers and first replies that they missed in a row.
	Missed int `json:"missed,omitempty"`
}

// DutyReply answers duty.
type DutyReply struct {
	Type     string   `json:"type"`
	Ref      string   `json:"ref,omitempty"`
	Operator Operator `json:"operator"`
}

// Standing is how it stands for a customer who waits, from the first answer on.
type Standing struct {
	// Position in the queue, from 1.
	Position int `json:"position"`
	// Estimate is how many seconds the wait may still take; absent when nothing is known.
	Estimate int `json:"estimate,omitempty"`
	// Basis says what the estimate goes by: rate (how fast the queue moved lately) or none.
	Basis string `json:"basis"`
}

func standingOf(s *chat.Standing) *Standing {
	if s == nil {
		return nil
	}
	return &Standing{Position: s.Position, Estimate: int(s.Estimate.Seconds()), Basis: s.Basis}
}

// PositionPush tells a customer who waits how it stands: when the position changes, at most once in 15 s.
type PositionPush struct {
	Type         string              `json:"type"`
	Conversation chat.ConversationID `json:"conversation"`
	// Position in the queue, from 1.
	Position int `json:"position"`
	// Estimate is how many seconds the wait may still take; absent when nothing is known.
	Estimate int `json:"estimate,omitempty"`
	// Basis says what the estimate goes by: rate (how fast the queue moved lately) or none.
	Basis string `json:"basis"`
}

// OperatorOf turns an operator into their form for clients.
func OperatorOf(o chat.Operator, connected bool) Operator {
	out := Operator{
		User: o.User, Name: o.Name, Status: o.Duty, Since: millis(o.DutySince), Connected: connected, Lease: millis(o.Lease),
		Load: o.Load, Capacity: o.Capacity, Departments: o.Departments.All(), Skills: o.Skills, Missed: o.Missed,
	}
	if out.Status == "" {
		out.Status = chat.DutyOff
	}
	return out
}

// Position tells a customer who waits how it stands.
func (Encoder) Position(s chat.Standing) []byte {
	return Encode(PositionPush{
		Type: TypePosition, Conversation: s.Conversation, Position: s.Position, Estimate: int(s.Estimate.Seconds()), Basis: s.Basis,
	})
}
