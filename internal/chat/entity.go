package chat

import "time"

// Limits of a frame and of a conversation.
const (
	// MaxText is the longest text of one message, in bytes of UTF-8.
	MaxText = 8 << 10
	// MaxMessages is how many messages one frame may carry.
	MaxMessages = 20
	// MaxFrame is the largest frame in bytes, both ways: API Gateway closes a socket that sends a larger one
	// (Amazon API Gateway quotas, WebSocket: frame size 32 KB).
	MaxFrame = 32 << 10
	// MaxReason is the longest reason of a state change, in bytes.
	MaxReason = 256
	// MaxSubscriptions is how many conversations one hello subscribes to; the rest follow by its cursor.
	MaxSubscriptions = 25
	// MaxListeners is how many listeners HEAD itself holds; more lie in rows of their own.
	MaxListeners = 32
	// MaxTailBytes is where a handler moves the tail itself instead of waiting for the relay.
	MaxTailBytes = 64 << 10
	// ListenerLife is how long a subscription lasts: a socket's 2 hours and some slack.
	ListenerLife = 2*time.Hour + 10*time.Minute
)

// Track is one of a conversation's two sequences.
type Track string

// The tracks.
const (
	Public Track = "public" // everyone in the conversation
	Desk   Track = "desk"   // staff only
)

// Tracks lists both.
func Tracks() []Track { return []Track{Public, Desk} }

// Role of a principal.
type Role string

// The roles.
const (
	RoleCustomer   Role = "customer"
	RoleOperator   Role = "operator"
	RoleSupervisor Role = "supervisor"
	RoleAdmin      Role = "admin"
	RoleBot        Role = "bot"
	RoleAPIKey     Role = "apikey"
)

// Roles lists every role.
func Roles() []Role {
	return []Role{RoleCustomer, RoleOperator, RoleSupervisor, RoleAdmin, RoleBot, RoleAPIKey}
}

// Staff says whether the role belongs to the business: whoever may see the desk track.
func (r Role) Staff() bool { return r != RoleCustomer && r != "" }

// Principal is who issues a command. Every field comes from the authorizer, none from a frame.
type Principal struct {
	Workspace WorkspaceID
	User      UserID
	Role      Role
	Session   SessionID
	// Connection is the socket that the command came on, "" for commands that came otherwise.
	Connection ConnectionID
}

// Status is where a conversation is in its life.
type Status string

// The statuses.
const (
	StatusQueued Status = "queued" // waits for an operator
	StatusActive Status = "active" // has one
	StatusClosed Status = "closed"
)

// EventType says what an event tells.
type EventType string

// The types of event.
const (
	EventMessage  EventType = "message"
	EventEdited   EventType = "message.edited"
	EventDeleted  EventType = "message.deleted"
	EventNote     EventType = "note"
	EventStarted  EventType = "conversation.started"
	EventAssigned EventType = "conversation.assigned"
	EventClosed   EventType = "conversation.closed"
	EventReopened EventType = "conversation.reopened"
)

// EventTypes lists every type. The order is the storage code: append only.
func EventTypes() []EventType {
	return []EventType{EventMessage, EventEdited, EventDeleted, EventNote, EventStarted, EventAssigned, EventClosed, EventReopened}
}

// Event is one entry of a log. It never changes, except that an erasure may blank its content.
type Event struct {
	Seq    uint64
	ID     EventID
	Type   EventType
	Gen    uint32 // the generation under which it was appended
	At     time.Time
	Sender UserID
	Role   Role // of the sender, when it was sent
	// Follows is, on the desk track, the public seq after which this event comes.
	Follows uint64
	// Target is the seq that an edit or a deletion is about.
	Target uint64
	// Text of a message, a note or an edit.
	Text string
	// From, To and Reason of a state change.
	From, To Status
	Reason   string
	// Subject is the user that a state change is about, such as the new assignee.
	Subject UserID
}

// SameContent says whether two events with one id were meant to be the same: a retry, not a reuse of the id.
func (e Event) SameContent(o Event) bool {
	return e.Type == o.Type && e.Text == o.Text && e.Target == o.Target && e.Reason == o.Reason && e.Subject == o.Subject
}

// Participant is somebody who takes part in a conversation.
type Participant struct {
	Role Role
	// Cursor is the public seq up to which this participant has read; it only grows.
	Cursor uint64
	// MutedUntil is when this participant may write again; zero means now.
	MutedUntil time.Time
}

// Listener is a subscription of a socket to a conversation.
type Listener struct {
	User    UserID
	Role    Role
	Expires time.Time
}

// Ref names a conversation together with its tenant.
type Ref struct {
	Workspace    WorkspaceID
	Conversation ConversationID
}

// TrackHead is the hot part of one track.
type TrackHead struct {
	// Last is the seq of the newest event, 0 before the first.
	Last uint64
	// From is the seq of the tail's first event (Last+1 when the tail is empty). Older events lie in chunks.
	From uint64
	// Relayed is the seq up to which integrations are known to have been told; it may lag.
	Relayed uint64
	// Tail holds the events From..Last.
	Tail []Event
}

// Head is the hot item of a conversation: what a command must check, change and return.
type Head struct {
	Ref
	Status   Status
	Version  uint64 // counts state transitions
	Epoch    uint64 // counts changes of control
	Assignee UserID
	// QueuedAt is when the conversation entered the waiting list; zero when it does not wait.
	QueuedAt time.Time
	// Gen is the generation of the whole log: the deployment's restore epoch in the upper 16 bits, the count
	// of erasures below.
	Gen          uint32
	Public, Desk TrackHead
	Participants map[UserID]Participant
	Listeners    map[ConnectionID]Listener
	// ListenerShards is how many shards of listener rows exist beside Listeners; 0 for nearly all.
	ListenerShards int
}

// Track returns the head of one track.
func (h *Head) Track(t Track) *TrackHead {
	if t == Desk {
		return &h.Desk
	}
	return &h.Public
}
