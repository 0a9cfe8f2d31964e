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

// Other returns the other track.
func (t Track) Other() Track {
	if t == Desk {
		return Public
	}
	return Desk
}

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
	// RoleSystem is that of SystemUser: what routing and timers do by themselves. It is no principal's: no command is
	// allowed to it.
	RoleSystem Role = "system"
)

// SystemUser is the sender of what nobody did: decisions of routing, and what timers bring about.
const SystemUser UserID = "u_00000000000000000000000000"

// Roles lists every role. The order is the storage code: append only.
func Roles() []Role {
	return []Role{RoleCustomer, RoleOperator, RoleSupervisor, RoleAdmin, RoleBot, RoleAPIKey, RoleSystem}
}

// Staff says whether the role belongs to the business: whoever may see the desk track.
func (r Role) Staff() bool { return r != RoleCustomer && r != "" }

// Principal is who issues a command. Every field comes from the authorizer, none from a frame.
type Principal struct {
	Workspace WorkspaceID
	User      UserID
	Role      Role
	Session   SessionID
	// Departments lists where a member of staff works; none means everywhere.
	Departments DepartmentList
	// Grants lists what a bot or an API key was given; people need none.
	Grants GrantList
	// Until, when not 0, is when the socket ends whatever its client does, in Unix milliseconds: an identity provider
	// has vouched for its user until then.
	Until int64
	// Connection is the socket that the command came on, "" for commands that came otherwise.
	Connection ConnectionID
	// Rule, when set, is what acts in the principal's name: a macro's id, or those of automation rules separated by
	// commas, of which each was caused by the one before it. It is stored with what is appended.
	Rule string
}

// Status is where a conversation is in its life.
type Status string

// The statuses.
const (
	StatusBot       Status = "bot"       // a bot leads it
	StatusQueued    Status = "queued"    // waits for an operator
	StatusOffered   Status = "offered"   // waits for one operator to accept it
	StatusActive    Status = "active"    // has an operator
	StatusIdle      Status = "idle"      // has an operator, but nobody writes; it takes no place of theirs
	StatusSnoozed   Status = "snoozed"   // put off until a time
	StatusOffline   Status = "offline"   // nobody was there: a message was left
	StatusAbandoned Status = "abandoned" // the customer left the queue
	StatusClosed    Status = "closed"    // has ended
)

// Statuses lists every status.
func Statuses() []Status {
	return []Status{StatusBot, StatusQueued, StatusOffered, StatusActive, StatusIdle, StatusSnoozed, StatusOffline,
		StatusAbandoned, StatusClosed}
}

// Over says that the conversation has ended, until somebody takes it up again.
func (s Status) Over() bool { return s == StatusClosed || s == StatusAbandoned }

// Waits says that the conversation is in a department's queue: offered ones keep their entry until accepted.
func (s Status) Waits() bool { return s == StatusQueued || s == StatusOffered }

// Loads says that the conversation takes a place of its assignee (of the one it is offered to, while offered).
func (s Status) Loads() bool { return s == StatusActive || s == StatusOffered }

// Shown is the status as customers see it: offers, pauses and snoozes are the business's own affair.
func (s Status) Shown() Status {
	switch s {
	case StatusOffered:
		return StatusQueued
	case StatusIdle, StatusSnoozed:
		return StatusActive
	default:
	}
	return s
}

// Control says who leads a conversation.
type Control string

// The controllers.
const (
	ControlBot      Control = "bot"
	ControlQueue    Control = "queue"
	ControlOperator Control = "operator"
)

// Control of a conversation follows from its status; the epoch in HEAD counts its changes.
func (s Status) Control() Control {
	switch s {
	case StatusBot:
		return ControlBot
	case StatusActive, StatusIdle, StatusSnoozed:
		return ControlOperator
	default:
	}
	return ControlQueue
}

// EventType says what an event tells.
type EventType string

// The types of event. Those that are shown to customers lie on the public track, the others on the desk track.
const (
	EventMessage     EventType = "message"
	EventEdited      EventType = "message.edited"
	EventDeleted     EventType = "message.deleted"
	EventNote        EventType = "note"                      // desk
	EventStarted     EventType = "conversation.started"      // public
	EventAssigned    EventType = "conversation.assigned"     // public; Subject is the operator
	EventClosed      EventType = "conversation.closed"       // public
	EventReopened    EventType = "conversation.reopened"     // public
	EventQueued      EventType = "conversation.queued"       // public: from a bot, an operator or an offer back into the queue
	EventTransferred EventType = "conversation.transferred"  // public; Subject, or Detail.Department, is where to
	EventAbandoned   EventType = "conversation.abandoned"    // public
	EventOffline     EventType = "conversation.offline"      // public
	EventRated       EventType = "conversation.rated"        // public; Detail.Score, Text is the comment
	EventForm        EventType = "form.submitted"            // public; Detail.Fields
	EventPromise     EventType = "conversation.waiting"      // public: told so after ten seconds without an answer
	EventBotEngaged  EventType = "bot.engaged"               // public; Subject is the bot
	EventHandedOff   EventType = "bot.handed_off"            // public
	EventOffered     EventType = "conversation.offered"      // desk; Subject is the operator
	EventOfferMissed EventType = "conversation.offer_missed" // desk; Subject is the operator
	EventIdle        EventType = "conversation.idle"         // desk
	EventResumed     EventType = "conversation.resumed"      // desk: from idle or snoozed
	EventSnoozed     EventType = "conversation.snoozed"      // desk; Detail.Until
	EventTagged      EventType = "conversation.tagged"       // desk; Detail.Tags, Detail.Untagged
	EventPriority    EventType = "conversation.priority"     // desk; Detail.Priority
	EventFields      EventType = "conversation.fields"       // desk; Detail.Fields
	EventLinked      EventType = "conversation.linked"       // desk; Detail.Link
	EventRouted      EventType = "routing.decided"           // desk; Detail.Decision
	EventAlerted     EventType = "supervisor.alerted"        // desk; Reason says why
	EventMuted       EventType = "participant.muted"         // desk; Subject, Detail.Until
	EventWatched     EventType = "participant.watching"      // desk; Subject
	EventLeft        EventType = "participant.left"          // desk; Subject
	EventAtRisk      EventType = "sla.at_risk"               // desk; Detail.Clock, Detail.Until
	EventBreached    EventType = "sla.breached"              // desk; Detail.Clock, Detail.Until
	EventAutomated   EventType = "automation.applied"        // desk; Detail.Rule
	EventAutoFailed  EventType = "automation.failed"         // desk; Detail.Rule, Reason says why
	EventIdentified  EventType = "customer.identified"       // desk; the sender takes the place of Subject, an anonymous visitor
	EventUnreachable EventType = "operator.unreachable"      // desk; Subject: their lease ended
)

// EventTypes lists every type. The order is the storage code: append only.
func EventTypes() []EventType {
	return []EventType{EventMessage, EventEdited, EventDeleted, EventNote, EventStarted, EventAssigned, EventClosed, EventReopened,
		EventQueued, EventTransferred, EventAbandoned, EventOffline, EventRated, EventForm, EventPromise, EventBotEngaged,
		EventHandedOff, EventOffered, EventOfferMissed, EventIdle, EventResumed, EventSnoozed, EventTagged, EventPriority,
		EventFields, EventLinked, EventRouted, EventAlerted, EventMuted, EventWatched, EventLeft, EventAtRisk, EventBreached,
		EventAutomated, EventAutoFailed, EventUnreachable, EventIdentified}
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
	// Detail holds what only some types have; nil for most. It is never changed once set.
	Detail *Detail
}

// SameContent says whether two events with one id were meant to be the same: a retry, not a reuse of the id.
func (e Event) SameContent(o Event) bool {
	return e.Type == o.Type && e.Text == o.Text && e.Target == o.Target && sameReason(e.Reason, o.Reason) && e.Subject == o.Subject &&
		e.Detail.Equal(o.Detail)
}

// Participant is somebody who takes part in a conversation.
type Participant struct {
	Role Role
	// Cursor is the public seq up to which this participant has read; it only grows.
	Cursor uint64
	// MutedUntil is when this participant may write again; zero means now.
	MutedUntil time.Time
	// Watching marks staff who follow the conversation without being its operator.
	Watching bool
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
	Asides   uint64 // counts changes of people and priority that are no transition
	Assignee UserID
	// QueuedAt is when the conversation first entered the waiting list: what its place in the queue counts from,
	// also when it comes back; zero when it does not wait (HEAD then does not hold it).
	QueuedAt time.Time
	// Department is where the conversation belongs; "" for a workspace without departments.
	Department DepartmentID
	// Priority orders the queue, -2 (lowest) to 3 (urgent), 0 is normal.
	Priority int
	// OfferedTo is the operator who may accept, while Status is StatusOffered.
	OfferedTo UserID
	// LastOperator is who had the conversation before it went back into the queue.
	LastOperator UserID
	// FirstQueued is QueuedAt of the last time that it waited, kept while an operator has it; zero if it never did.
	FirstQueued time.Time
	// Wait is how the customer's wait for a person's answer stands.
	Wait Wait
	// Skills that an operator must have, Tried, the operators who let it pass, and TriedAt, when the last of them did: as
	// in its last waiting entry, kept for the next one.
	Skills  []string
	Tried   []UserID
	TriedAt time.Time
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
