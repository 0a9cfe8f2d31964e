// Package protocol defines the frames of the socket, both ways. The structs are the source of the contract:
// events/ holds the AsyncAPI document and the JSON Schemas generated from them.
//
// A client sends one JSON object per frame, at most 32 KB, with an "action". Every action has exactly one
// answer with the same "ref": its reply, or an error. Pushes have no ref. A frame that names neither an
// answer's ref nor a type (it has "message", "connectionId" and "requestId") is the gateway's own: it means
// that the outcome of every unanswered frame of this socket is unknown; send those again, unchanged.
package protocol

import "github.com/parley-chat/parley/internal/chat"

// Version of the protocol, announced in welcome. Within a version fields are only added.
const Version = 1

// MaxRef is the longest ref in bytes.
const MaxRef = 64

// Actions that a client may send: the route keys of the WebSocket API.
const (
	ActionHello  = "hello"
	ActionStart  = "start"
	ActionSend   = "send"
	ActionEdit   = "edit"
	ActionDelete = "delete"
	ActionPage   = "page"
	ActionTyping = "typing"
	ActionRead   = "read"
	ActionPing   = "ping"
	ActionJoin   = "join"
	ActionClose  = "close"
	ActionReopen = "reopen"
)

// Types of frames that the server sends.
const (
	TypeWelcome = "welcome"
	TypeAck     = "ack"
	TypePage    = "page"
	TypePong    = "pong"
	TypeDone    = "done"
	TypeError   = "error"
	TypeEvents  = "events"
	TypeTyping  = "typing"
	TypeRead    = "read"
	TypeWaiting = "waiting"
	TypeBye     = "bye"
)

// Cursor is how much of one conversation a client has applied.
type Cursor struct {
	// Gen is the generation of the view; when it differs from the log's, the view must be reloaded.
	Gen    uint32 `json:"gen,omitempty"`
	Public uint64 `json:"public"`
	// Desk is the seq applied of the desk track; staff only.
	Desk uint64 `json:"desk,omitempty"`
	// Read, when set, moves this participant's read cursor (a read signal that rides along).
	Read uint64 `json:"read,omitempty"`
}

// Event is one entry of a conversation's log as clients see it.
type Event struct {
	Seq    uint64         `json:"seq"`
	ID     chat.EventID   `json:"id"`
	Type   chat.EventType `json:"type"`
	At     int64          `json:"at"` // Unix milliseconds, the server's clock
	Sender chat.UserID    `json:"sender"`
	Role   chat.Role      `json:"role"`
	// Follows is, on the desk track, the public seq after which the event comes.
	Follows uint64      `json:"follows,omitempty"`
	Target  uint64      `json:"target,omitempty"`
	Text    string      `json:"text,omitempty"`
	From    chat.Status `json:"from,omitempty"`
	To      chat.Status `json:"to,omitempty"`
	Reason  string      `json:"reason,omitempty"`
	Subject chat.UserID `json:"subject,omitempty"`
	// Detail holds what only some types have.
	Detail *Detail `json:"detail,omitempty"`
}

// Participant of a conversation.
type Participant struct {
	User chat.UserID `json:"user"`
	Role chat.Role   `json:"role"`
	// Read is the public seq up to which the participant has read.
	Read uint64 `json:"read,omitempty"`
	// Watching marks staff who follow the conversation without being its operator.
	Watching bool `json:"watching,omitempty"`
}

// TrackView is the newest part of a track.
type TrackView struct {
	// Head is the seq of the newest event.
	Head uint64 `json:"head"`
	// Events follow the client's cursor without a hole, unless Limited.
	Events []Event `json:"events,omitempty"`
	// Limited says that Events does not connect to the client's cursor: drop the view of this track, take
	// Events as its newest page, and page back with "before" at will.
	Limited bool `json:"limited,omitempty"`
}

// Snapshot is a conversation as hello finds it.
type Snapshot struct {
	Conversation chat.ConversationID `json:"conversation"`
	Gen          uint32              `json:"gen"`
	// Status as this reader may know it: customers do not see offers, pauses and snoozes.
	Status  chat.Status `json:"status"`
	Version uint64      `json:"version"`
	// Epoch counts changes of control; a bot's writes carry it. Staff and bots only.
	Epoch    uint64      `json:"epoch,omitempty"`
	Assignee chat.UserID `json:"assignee,omitempty"`
	// Department where the conversation belongs.
	Department chat.DepartmentID `json:"department,omitempty"`
	// Priority is shown to staff only, absent for 0.
	Priority int `json:"priority,omitempty"`
	// OfferedTo is the operator who may accept; staff only.
	OfferedTo chat.UserID `json:"offeredTo,omitempty"`
	// QueuedAt is when the conversation first entered the queue, while it waits: Unix milliseconds.
	QueuedAt int64 `json:"queuedAt,omitempty"`
	// WaitingSince is when the customer wrote the first message that no person has answered; absent when there is none, and
	// for customers. A person's message ends it, and so does the end of the conversation; the customer's next one begins it.
	WaitingSince int64 `json:"waitingSince,omitempty"`
	// Unread counts the customer's messages behind the reader's read cursor, up to 100. Staff only.
	Unread int `json:"unread,omitempty"`
	// Standing is how it stands, for a customer who waits.
	Standing     *Standing     `json:"standing,omitempty"`
	Participants []Participant `json:"participants"`
	Public       TrackView     `json:"public"`
	Desk         *TrackView    `json:"desk,omitempty"` // staff only
}
