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

// Hello introduces the socket: nothing is pushed before it. It may be repeated.
type Hello struct {
	Action string `json:"action"`
	Ref    string `json:"ref,omitempty"`
	// Cursors holds what the client has, per conversation; at most 25.
	Cursors map[chat.ConversationID]Cursor `json:"cursors,omitempty"`
	// More continues a welcome that had more conversations than fit: the value of its "more".
	More string `json:"more,omitempty"`
}

// NewMessage is a message to append. Its id is made by the client before the first try and never changes.
type NewMessage struct {
	ID   chat.EventID `json:"id"`
	Text string       `json:"text"`
	// Mentions lists the colleagues whom a note mentions, at most 20. They are told, wherever they are.
	Mentions []chat.UserID `json:"mentions,omitempty"`
}

// Start begins a conversation with its first messages.
type Start struct {
	Action       string              `json:"action"`
	Ref          string              `json:"ref,omitempty"`
	Conversation chat.ConversationID `json:"conversation"`
	Messages     []NewMessage        `json:"messages"`
	// Page is the address of the page that the customer is on, at most 2,048 bytes.
	Page string `json:"page,omitempty"`
	// Department to go to, one of the workspace's.
	Department chat.DepartmentID `json:"department,omitempty"`
	// Fields are the answers of the form before the chat, as in form.
	Fields map[string]string `json:"fields,omitempty"`
	// Mail and Phone are where the customer can be reached.
	Mail  string `json:"mail,omitempty"`
	Phone string `json:"phone,omitempty"`
}

// Send appends messages (public track) or notes (desk track).
type Send struct {
	Action       string              `json:"action"`
	Ref          string              `json:"ref,omitempty"`
	Conversation chat.ConversationID `json:"conversation"`
	// Track defaults to public.
	Track chat.Track `json:"track,omitempty"`
	// After is the highest seq of the track that the client had applied when it FIRST tried to send the
	// first of these messages. A retry repeats it and never raises it.
	After    uint64       `json:"after"`
	Messages []NewMessage `json:"messages"`
}

// Edit replaces the text of one's own message.
type Edit struct {
	Action       string              `json:"action"`
	Ref          string              `json:"ref,omitempty"`
	Conversation chat.ConversationID `json:"conversation"`
	Track        chat.Track          `json:"track,omitempty"`
	After        uint64              `json:"after"`
	ID           chat.EventID        `json:"id"`
	// Target is the seq of the message on the same track.
	Target uint64 `json:"target"`
	Text   string `json:"text"`
}

// Delete withdraws a message: one's own, or as a supervisor anybody's.
type Delete struct {
	Action       string              `json:"action"`
	Ref          string              `json:"ref,omitempty"`
	Conversation chat.ConversationID `json:"conversation"`
	Track        chat.Track          `json:"track,omitempty"`
	After        uint64              `json:"after"`
	ID           chat.EventID        `json:"id"`
	Target       uint64              `json:"target"`
}

// Page asks for a range of the log: the events after a seq, or the newest before one.
type Page struct {
	Action       string              `json:"action"`
	Ref          string              `json:"ref,omitempty"`
	Conversation chat.ConversationID `json:"conversation"`
	Track        chat.Track          `json:"track,omitempty"`
	// After asks for events with a higher seq, oldest first.
	After *uint64 `json:"after,omitempty"`
	// Before asks for the newest events with a lower seq. Without After and Before: the newest.
	Before *uint64 `json:"before,omitempty"`
	// Limit is the number of events wanted, 1 to 200, default 50. A page ends earlier at 32 KB.
	Limit int `json:"limit,omitempty"`
}

// Typing tells the others that this participant types. It expires after 15 s.
type Typing struct {
	Action       string              `json:"action"`
	Ref          string              `json:"ref,omitempty"`
	Conversation chat.ConversationID `json:"conversation"`
	// Read, when set, moves the read cursor too.
	Read uint64 `json:"read,omitempty"`
}

// Read moves this participant's read cursor on the public track. It only grows.
type Read struct {
	Action       string              `json:"action"`
	Ref          string              `json:"ref,omitempty"`
	Conversation chat.ConversationID `json:"conversation"`
	Seq          uint64              `json:"seq"`
}

// Ping keeps the socket open, and is answered with the heads of what the client should know.
type Ping struct {
	Action  string                         `json:"action"`
	Ref     string                         `json:"ref,omitempty"`
	Cursors map[chat.ConversationID]Cursor `json:"cursors,omitempty"`
}

// Join takes an unassigned conversation.
type Join struct {
	Action       string              `json:"action"`
	Ref          string              `json:"ref,omitempty"`
	Conversation chat.ConversationID `json:"conversation"`
	After        uint64              `json:"after"`
	ID           chat.EventID        `json:"id"`
}

// Close ends a conversation. A customer who writes again reopens it.
type Close struct {
	Action       string              `json:"action"`
	Ref          string              `json:"ref,omitempty"`
	Conversation chat.ConversationID `json:"conversation"`
	After        uint64              `json:"after"`
	ID           chat.EventID        `json:"id"`
	Reason       string              `json:"reason,omitempty"`
}

// Reopen takes up a closed conversation again.
type Reopen struct {
	Action       string              `json:"action"`
	Ref          string              `json:"ref,omitempty"`
	Conversation chat.ConversationID `json:"conversation"`
	After        uint64              `json:"after"`
	ID           chat.EventID        `json:"id"`
	Reason       string              `json:"reason,omitempty"`
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
	QueuedAt     int64         `json:"queuedAt,omitempty"`
	Participants []Participant `json:"participants"`
	Public       TrackView     `json:"public"`
	Desk         *TrackView    `json:"desk,omitempty"` // staff only
}

// Welcome answers hello.
type Welcome struct {
	Type          string      `json:"type"`
	Ref           string      `json:"ref,omitempty"`
	Version       int         `json:"version"`
	User          chat.UserID `json:"user"`
	Role          chat.Role   `json:"role"`
	Now           int64       `json:"now"`
	Conversations []Snapshot  `json:"conversations"`
	// Gone lists conversations in the client's cursors that it has no part in (any more).
	Gone []chat.ConversationID `json:"gone,omitempty"`
	// Waiting lists unassigned conversations; staff only.
	Waiting []WaitingEntry `json:"waiting,omitempty"`
	// More, when set, is to be sent in another hello: there are further conversations.
	More string `json:"more,omitempty"`
	// Operator is how one stands to routing: members of staff who are on duty only.
	Operator *Operator `json:"operator,omitempty"`
}

// Acked is the outcome for one id.
type Acked struct {
	ID  chat.EventID `json:"id"`
	Seq uint64       `json:"seq"`
	At  int64        `json:"at"`
	// Duplicate says that an earlier try had already appended it.
	Duplicate bool `json:"duplicate,omitempty"`
}

// Ack answers start, send, edit, delete, join, close and reopen: the events are stored at these seqs for
// good, and pushed, or queued to be pushed, to every live listener. Only an ack ends an outbox entry.
type Ack struct {
	Type         string              `json:"type"`
	Ref          string              `json:"ref,omitempty"`
	Conversation chat.ConversationID `json:"conversation"`
	Track        chat.Track          `json:"track"`
	Gen          uint32              `json:"gen"`
	Head         uint64              `json:"head"`
	Acks         []Acked             `json:"acks"`
	// Events holds, where they fit, what the sender cannot know of the range from the frame's "after" to its last
	// event: what others appended in between, and those of its own events that the server completed (notes, which
	// follow a public event, and steps from one state to another). With it the sender's view is complete without
	// another round trip. Absent when there is nothing of the kind.
	Events []Event `json:"events,omitempty"`
	// Snapshot is the conversation after join.
	Snapshot *Snapshot `json:"snapshot,omitempty"`
}

// PageReply answers page.
type PageReply struct {
	Type         string              `json:"type"`
	Ref          string              `json:"ref,omitempty"`
	Conversation chat.ConversationID `json:"conversation"`
	Track        chat.Track          `json:"track"`
	Gen          uint32              `json:"gen"`
	Head         uint64              `json:"head"`
	Events       []Event             `json:"events"`
	// More says that the range holds more events than are here.
	More bool `json:"more,omitempty"`
}

// TrackHeads are the newest seqs of a conversation.
type TrackHeads struct {
	Gen    uint32 `json:"gen"`
	Public uint64 `json:"public"`
	Desk   uint64 `json:"desk,omitempty"`
}

// Pong answers ping.
type Pong struct {
	Type string `json:"type"`
	Ref  string `json:"ref,omitempty"`
	Now  int64  `json:"now"`
	// Heads holds the conversations that this user should know. A client that lacks one, or has less of one,
	// says hello again with its cursors (or pages).
	Heads map[chat.ConversationID]TrackHeads `json:"heads,omitempty"`
}

// Done answers typing and read.
type Done struct {
	Type string `json:"type"`
	Ref  string `json:"ref,omitempty"`
}

// Error answers any frame that could not be carried out.
type Error struct {
	Type string `json:"type"`
	Ref  string `json:"ref,omitempty"`
	// Code is one of the documented codes.
	Code chat.Code `json:"code"`
	// Message says, for developers, what to do. It is not meant for end users.
	Message string `json:"message"`
	// Retryable says that the same frame may be sent again unchanged.
	Retryable bool `json:"retryable,omitempty"`
	// RetryAfter is how many milliseconds to wait first.
	RetryAfter   int64               `json:"retryAfter,omitempty"`
	Conversation chat.ConversationID `json:"conversation,omitempty"`
}

// Events pushes what was appended. Apply in seq order, hold back what comes early, drop what is known,
// fetch what is missing.
type Events struct {
	Type         string              `json:"type"`
	Conversation chat.ConversationID `json:"conversation"`
	Track        chat.Track          `json:"track"`
	Gen          uint32              `json:"gen"`
	Events       []Event             `json:"events"`
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
