package protocol

import "github.com/parley-chat/parley/internal/chat"

// Actions of a conversation's life beyond talking. They are rare: the WebSocket API has no routes of their own for them,
// $default serves them.
const (
	ActionTransfer = "transfer"
	ActionAssign   = "assign"
	ActionWatch    = "watch"
	ActionUnwatch  = "unwatch"
	ActionTakeOver = "takeover"
	ActionLeave    = "leave"
	ActionPerson   = "person"
	ActionSnooze   = "snooze"
	ActionWake     = "wake"
	ActionRate     = "rate"
	ActionForm     = "form"
	ActionTag      = "tag"
	ActionFields   = "fields"
	ActionPriority = "priority"
	ActionLink     = "link"
	ActionMute     = "mute"
)

// Types of frames that tell one user something, whether their sockets listen to the conversation or not.
const (
	TypeMention = "mention"
	TypeGone    = "gone"
)

// Transfer passes a conversation on: to an operator (and into a department, if both are named), a department, or the
// workspace's bot. Who had it takes part no more.
type Transfer struct {
	Action       string              `json:"action"`
	Ref          string              `json:"ref,omitempty"`
	Conversation chat.ConversationID `json:"conversation"`
	After        uint64              `json:"after"`
	ID           chat.EventID        `json:"id"`
	// Operator who gets it, if they have room: else the answer is at_capacity.
	Operator chat.UserID `json:"operator,omitempty"`
	// Department in whose queue it waits, by the time of its first queueing.
	Department chat.DepartmentID `json:"department,omitempty"`
	// Bot gives it to the workspace's bot.
	Bot bool `json:"bot,omitempty"`
	// Note for the desk, stored with the same write: at most 8 KB.
	Note   string `json:"note,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// Assign gives a conversation to an operator who has room, whoever had it.
type Assign struct {
	Action       string              `json:"action"`
	Ref          string              `json:"ref,omitempty"`
	Conversation chat.ConversationID `json:"conversation"`
	After        uint64              `json:"after"`
	ID           chat.EventID        `json:"id"`
	Operator     chat.UserID         `json:"operator"`
	Reason       string              `json:"reason,omitempty"`
}

// Watch lets a supervisor follow a conversation, unseen by the customer. After counts the desk track.
type Watch struct {
	Action       string              `json:"action"`
	Ref          string              `json:"ref,omitempty"`
	Conversation chat.ConversationID `json:"conversation"`
	After        uint64              `json:"after"`
	ID           chat.EventID        `json:"id"`
}

// Unwatch ends watching. After counts the desk track.
type Unwatch struct {
	Action       string              `json:"action"`
	Ref          string              `json:"ref,omitempty"`
	Conversation chat.ConversationID `json:"conversation"`
	After        uint64              `json:"after"`
	ID           chat.EventID        `json:"id"`
}

// TakeOver makes a supervisor the operator of a conversation in place of another.
type TakeOver struct {
	Action       string              `json:"action"`
	Ref          string              `json:"ref,omitempty"`
	Conversation chat.ConversationID `json:"conversation"`
	After        uint64              `json:"after"`
	ID           chat.EventID        `json:"id"`
	// Keep lets who had the conversation watch on; else they leave.
	Keep   bool   `json:"keep,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// Leave takes a customer out of the queue, or away from a bot.
type Leave struct {
	Action       string              `json:"action"`
	Ref          string              `json:"ref,omitempty"`
	Conversation chat.ConversationID `json:"conversation"`
	After        uint64              `json:"after"`
	ID           chat.EventID        `json:"id"`
	Reason       string              `json:"reason,omitempty"`
}

// Person asks for a person in place of a bot. It always works; where a person is on the way already, the ack names no
// event.
type Person struct {
	Action       string              `json:"action"`
	Ref          string              `json:"ref,omitempty"`
	Conversation chat.ConversationID `json:"conversation"`
	After        uint64              `json:"after"`
	ID           chat.EventID        `json:"id"`
}

// Snooze puts a conversation off until a time, or until the customer writes. After counts the desk track.
type Snooze struct {
	Action       string              `json:"action"`
	Ref          string              `json:"ref,omitempty"`
	Conversation chat.ConversationID `json:"conversation"`
	After        uint64              `json:"after"`
	ID           chat.EventID        `json:"id"`
	// Until is Unix milliseconds, at most 366 days from now.
	Until  int64  `json:"until"`
	Reason string `json:"reason,omitempty"`
}

// Wake takes up a conversation that is snoozed or idle. After counts the desk track.
type Wake struct {
	Action       string              `json:"action"`
	Ref          string              `json:"ref,omitempty"`
	Conversation chat.ConversationID `json:"conversation"`
	After        uint64              `json:"after"`
	ID           chat.EventID        `json:"id"`
	Reason       string              `json:"reason,omitempty"`
}

// Rate says what the customer thought. Rating again replaces the rating; it works for 30 days after the end.
type Rate struct {
	Action       string              `json:"action"`
	Ref          string              `json:"ref,omitempty"`
	Conversation chat.ConversationID `json:"conversation"`
	After        uint64              `json:"after"`
	ID           chat.EventID        `json:"id"`
	// Score is 1 to 5.
	Score int `json:"score"`
	// Comment is at most 2,000 bytes.
	Comment string `json:"comment,omitempty"`
}

// Form hands in the answers of a form, or an address to be answered at.
type Form struct {
	Action       string              `json:"action"`
	Ref          string              `json:"ref,omitempty"`
	Conversation chat.ConversationID `json:"conversation"`
	After        uint64              `json:"after"`
	ID           chat.EventID        `json:"id"`
	// Fields are the answers by name: at most 50, names of 40 and values of 1,000 bytes.
	Fields map[string]string `json:"fields,omitempty"`
	// Form is the id of the workspace's form that was filled in, as the widget's configuration has it; without it, the one
	// that is due: before a chat, or while nobody is there. Mail and Phone alone are no form.
	Form string `json:"form,omitempty"`
	// Mail and Phone are where the customer can be reached.
	Mail  string `json:"mail,omitempty"`
	Phone string `json:"phone,omitempty"`
}

// Tag puts tags on a conversation and takes others off. After counts the desk track.
type Tag struct {
	Action       string              `json:"action"`
	Ref          string              `json:"ref,omitempty"`
	Conversation chat.ConversationID `json:"conversation"`
	After        uint64              `json:"after"`
	ID           chat.EventID        `json:"id"`
	// Tags to put on: of at most 50 bytes; a conversation has at most 30.
	Tags []string `json:"tags,omitempty"`
	// Untagged are to be taken off.
	Untagged []string `json:"untagged,omitempty"`
}

// Fields sets fields of a conversation; an empty value takes one off. After counts the desk track.
type Fields struct {
	Action       string              `json:"action"`
	Ref          string              `json:"ref,omitempty"`
	Conversation chat.ConversationID `json:"conversation"`
	After        uint64              `json:"after"`
	ID           chat.EventID        `json:"id"`
	// Fields by name: names of at most 40 bytes, values of 1,000; a conversation has at most 50.
	Fields map[string]string `json:"fields"`
}

// Priority sets the priority, and with it the place in the queue. After counts the desk track.
type Priority struct {
	Action       string              `json:"action"`
	Ref          string              `json:"ref,omitempty"`
	Conversation chat.ConversationID `json:"conversation"`
	After        uint64              `json:"after"`
	ID           chat.EventID        `json:"id"`
	// Priority is -2 (lowest) to 3 (urgent); 0 is normal.
	Priority int `json:"priority"`
}

// Link merges a conversation into another by link, and closes it. After counts the desk track.
type Link struct {
	Action       string              `json:"action"`
	Ref          string              `json:"ref,omitempty"`
	Conversation chat.ConversationID `json:"conversation"`
	After        uint64              `json:"after"`
	ID           chat.EventID        `json:"id"`
	// Into is the conversation that goes on.
	Into   chat.ConversationID `json:"into"`
	Reason string              `json:"reason,omitempty"`
}

// Mute keeps a customer from writing for a while. After counts the desk track.
type Mute struct {
	Action       string              `json:"action"`
	Ref          string              `json:"ref,omitempty"`
	Conversation chat.ConversationID `json:"conversation"`
	After        uint64              `json:"after"`
	ID           chat.EventID        `json:"id"`
	User         chat.UserID         `json:"user"`
	// Until is Unix milliseconds, at most 24 hours from now; absent to let them write again.
	Until  int64  `json:"until,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// MentionPush tells a colleague that a note mentions them. It holds nothing of the note.
type MentionPush struct {
	Type         string              `json:"type"`
	Conversation chat.ConversationID `json:"conversation"`
	Track        chat.Track          `json:"track"`
	Seq          uint64              `json:"seq"`
	// By is who wrote the note.
	By chat.UserID `json:"by"`
}

// GonePush tells somebody that they take part in the conversation no more: drop it.
type GonePush struct {
	Type         string              `json:"type"`
	Conversation chat.ConversationID `json:"conversation"`
	// By is who took it from them.
	By chat.UserID `json:"by,omitempty"`
}

// Notice writes what is told to one user.
func (Encoder) Notice(ref chat.Ref, n chat.Notice) []byte {
	if n.Kind == chat.NoticeGone {
		return Encode(GonePush{Type: TypeGone, Conversation: ref.Conversation, By: n.By})
	}
	return Encode(MentionPush{Type: TypeMention, Conversation: ref.Conversation, Track: n.Track, Seq: n.Seq, By: n.By})
}
