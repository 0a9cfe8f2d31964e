package protocol

import "github.com/parley-chat/parley/internal/chat"

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
