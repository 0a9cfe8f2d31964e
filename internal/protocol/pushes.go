package protocol

import "github.com/parley-chat/parley/internal/chat"

// Events pushes what was appended. Apply in seq order, hold back what comes early, drop what is known,
// fetch what is missing.
type Events struct {
	Type         string              `json:"type"`
	Conversation chat.ConversationID `json:"conversation"`
	Track        chat.Track          `json:"track"`
	Gen          uint32              `json:"gen"`
	Events       []Event             `json:"events"`
	// Read is, with messages, the public seq up to which their sender has read: a send moves the read cursor of its sender.
	Read uint64 `json:"read,omitempty"`
}

// TypingPush tells that somebody types.
type TypingPush struct {
	Type         string              `json:"type"`
	Conversation chat.ConversationID `json:"conversation"`
	User         chat.UserID         `json:"user"`
	Role         chat.Role           `json:"role"`
	Until        int64               `json:"until"` // Unix milliseconds
}

// ReadPush tells how far somebody has read.
type ReadPush struct {
	Type         string              `json:"type"`
	Conversation chat.ConversationID `json:"conversation"`
	User         chat.UserID         `json:"user"`
	Seq          uint64              `json:"seq"`
}

// WaitingEntry is a conversation that waits for an operator.
type WaitingEntry struct {
	Conversation chat.ConversationID `json:"conversation"`
	Customer     chat.UserID         `json:"customer"`
	Since        int64               `json:"since"` // Unix milliseconds
	Department   chat.DepartmentID   `json:"department,omitempty"`
	Priority     int                 `json:"priority,omitempty"`
	// Offered says that somebody is asked to take it at the moment.
	Offered bool `json:"offered,omitempty"`
}

// WaitingPush told operators about a change of the waiting list. It is not sent any more: open the view queue of the
// live desk instead.
type WaitingPush struct {
	Type    string                `json:"type"`
	Added   []WaitingEntry        `json:"added,omitempty"`
	Removed []chat.ConversationID `json:"removed,omitempty"`
}

// Bye comes before the server deletes a socket: API Gateway cannot send a close reason of our own.
type Bye struct {
	Type   string    `json:"type"`
	Reason chat.Code `json:"reason"`
	// Reconnect says whether opening a new socket (with a new ticket) makes sense.
	Reconnect bool `json:"reconnect"`
}
