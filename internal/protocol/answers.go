package protocol

import "github.com/parley-chat/parley/internal/chat"

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
	// Standing is how it stands, for a customer who has come to wait with this command.
	Standing *Standing `json:"standing,omitempty"`
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
	// Read is the user's own read cursor: what was read in another tab is read.
	Read uint64 `json:"read,omitempty"`
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
	RetryAfter int64 `json:"retryAfter,omitempty"`
	// Fields says what is wrong with each answer of a form, or field of the request, by its name; with in_use, what refers to
	// the thing, by kind.
	Fields       map[string]string   `json:"fields,omitempty"`
	Conversation chat.ConversationID `json:"conversation,omitempty"`
}
