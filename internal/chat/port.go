package chat

import (
	"context"
	"errors"
	"time"
)

// Refused is the error of a write whose condition failed. Nothing was changed.
type Refused struct {
	// Old is the image that refused the write, nil when there is no such conversation. With NoPlace it may be nil, too:
	// it was not the conversation that refused.
	Old *Head
	// NoPlace names the operator whose load refused a transition: no room left, or not accepting.
	NoPlace UserID
}

func (*Refused) Error() string { return "the write's condition failed" }

// ErrUnknownOutcome wraps what leaves open whether a write happened: throttling, a conflict of transactions, a
// timeout, no answer. The same write may be tried again with the same values; compare-and-append finds out.
var ErrUnknownOutcome = errors.New("the outcome of the write is unknown")

// Rule is what must hold, besides the seq, for a write to happen: checked by the write itself.
type Rule struct {
	Actor UserID
	// Participant demands that Actor takes part.
	Participant bool
	// UnmutedAt demands that Actor's MutedUntil has passed at this time. Zero: not checked.
	UnmutedAt time.Time
	// Statuses lists the statuses that allow the write; empty allows all.
	Statuses []Status
	// Unassigned demands that nobody is assigned.
	Unassigned bool
	// Version, when set, demands this count of state transitions.
	Version *uint64
	// Departments, when set, demands that the conversation is in one of them, or that Actor takes part.
	Departments DepartmentList
	// Epoch, when set, demands this count of changes of control (writes of bots).
	Epoch *uint64
	// Customer, when set, demands that this user takes part as a customer.
	Customer UserID
}

// Append is a conditional append of events to one track.
type Append struct {
	Ref
	Track Track
	// After is the seq that must be the track's last.
	After uint64
	// Events get the seqs After+1 …; their Seq is already set.
	Events []Event
	Rule   Rule
	// Cursor, when set, raises the actor's read cursor to it with the same write.
	Cursor uint64
	// Mute, when set, mutes the rule's Customer, or lets them write again, with the same write.
	Mute *Mute
}

// Mute is until when a participant may not write; the zero time lets them.
type Mute struct {
	User  UserID
	Until time.Time
}

// Change is what a state transition changes besides appending, in the same transaction. The control epoch rises by
// itself when the status has another controller, or the assignee changes.
type Change struct {
	// Old is the image that the transition was decided on; its version must still be current, and the seq of the
	// other track too if Other is not empty.
	Old    *Head
	Status Status
	// Assignee is the new assignee; "" keeps the old one, unless Unassign removes it (it becomes LastOperator).
	Assignee UserID
	Unassign bool
	// OfferedTo is who may accept, with StatusOffered; any other status ends an offer.
	OfferedTo UserID
	// Join adds the actor as a participant with this role; "" adds nobody.
	Join Role
	// Watching marks the actor who joins as a watcher.
	Watching bool
	// Listen subscribes this connection of the actor; "" subscribes none.
	Listen   ConnectionID
	Listener Listener
	// Add makes others participants (or changes their role), Remove ends the part of some: their memberships and
	// their listeners in the image go with the same write.
	Add    map[UserID]Role
	Remove []UserID
	// Watchers turns participants into watchers.
	Watchers []UserID
	// Aside says that this is no transition: status, version, epoch and the time of queueing stay as they are, so that
	// timers hold. Entry is needed only with Priority, and only while the conversation waits. Changes of people and of
	// the priority raise Asides instead, which every transition demands to be as in its image.
	Aside bool
	// Customer, when set, is the conversation's customer from now on: STATE and its shelf follow. Only with Aside; Add and
	// Remove say the same of the participants.
	Customer UserID
	// Facts, when set, are stored in STATE with the same write.
	Facts *Facts
	// Until is when a snooze ends, with StatusSnoozed.
	Until time.Time
	// Department moves the conversation; "" keeps it where it is.
	Department DepartmentID
	// Priority, when set, changes it.
	Priority *int
	// QueuedAt is when the conversation entered the waiting list, if Status.Waits and it did not wait before.
	QueuedAt time.Time
	// Entry is the waiting entry, needed whenever Status.Waits: written anew with the version of this transition.
	// What it says of conversation, department, priority and time is filled in by the write. Skills and Tried that are
	// nil stay as the image has them; an empty list forgets them.
	Entry Waiting
	// Places changes the loads of operators. A place that cannot be taken refuses the transition.
	Places []Place
	// Other holds events for the track that the append is not on, with the seqs after the image's last.
	Other []Event
	// Still demands that nothing was appended to the other track since the image, even if Other is empty.
	Still bool
}

// Place is a change of an operator's load: a conversation takes a place of theirs, or leaves it.
type Place struct {
	User UserID
	// Take takes a place, if the operator has room; else one is freed.
	Take bool
	// Eligible demands besides that the operator accepts conversations and has a lease that lasted until At, less
	// DisconnectGrace.
	Eligible bool
	// At becomes the time of the last assignment, with Take.
	At time.Time
	// Missed counts an offer that the operator missed, when a place is freed; Away sets the operator away with it.
	Missed, Away bool
}

// Creation is a new conversation.
type Creation struct {
	Ref
	Customer UserID
	Role     Role
	// Status is StatusQueued (then Entry is written), StatusBot or StatusOffline; "" stands for StatusQueued.
	Status     Status
	Department DepartmentID
	Priority   int
	Entry      Waiting
	// Bot is the participant that leads, with StatusBot.
	Bot UserID
	// Fields are the answers of the form before the chat.
	Fields   map[string]string
	Events   []Event // seqs 1 … of the public track
	Listen   ConnectionID
	Listener Listener
	At       time.Time
	Page     string
}

// Appender writes the log. Every method is atomic, and safe to repeat: a repetition is refused.
// Errors: *Refused, or one that wraps ErrUnknownOutcome.
type Appender interface {
	// Create makes the conversation, its membership and its waiting entry, if no conversation has this id.
	Create(context.Context, Creation) error
	// Append appends if the track's last seq is After and the rule holds, and returns the image after it.
	Append(context.Context, Append) (*Head, error)
	// Transition appends under the same condition and changes the state, the memberships of all participants
	// and the waiting list in one transaction. It returns no image: read it afterwards.
	Transition(context.Context, Append, Change) error
}

// Reader reads the log consistently: what was committed before the call is seen.
type Reader interface {
	// Head returns nil when there is no such conversation.
	Head(context.Context, Ref) (*Head, error)
	// After returns up to limit events with seq > after that lie in chunks, without a hole, oldest first; it
	// may return fewer, but none only if no chunk holds the seq after+1.
	After(ctx context.Context, ref Ref, t Track, after uint64, limit int) ([]Event, error)
}

// Subscriptions changes what is hot but not logged.
type Subscriptions interface {
	// Subscribe adds the listener if its user takes part, and returns the image after it: nothing can fall
	// between. Beyond MaxListeners it writes a row of its own first and then reads the image. *Refused when
	// the user has no part.
	Subscribe(context.Context, Ref, ConnectionID, Listener) (*Head, error)
	// Unsubscribe removes the connection; removing it again changes nothing.
	Unsubscribe(context.Context, Ref, ConnectionID) error
	// MoveCursor raises the read cursor, if the user takes part and the log reaches that far, and returns
	// the image; *Refused with an image whose cursor is already there means that it had nothing to do.
	MoveCursor(context.Context, Ref, UserID, uint64) (*Head, error)
	// Mute raises MutedUntil of a participant. *Refused when the user has no part, or is muted for longer: who writes
	// too fast is muted for seconds, and must not by that end what an operator has decided.
	Mute(context.Context, Ref, UserID, time.Time) error
}

// ListenerRows reads the listeners that lie outside HEAD.
type ListenerRows interface {
	// ListenerRows returns the listeners of one shard, consistently.
	ListenerRows(ctx context.Context, ref Ref, shard int) (map[ConnectionID]Listener, error)
	// DropListenerRow removes one; removing it again changes nothing.
	DropListenerRow(ctx context.Context, ref Ref, shard int, c ConnectionID) error
}

// Directory finds conversations without knowing their ids.
type Directory interface {
	// Open lists the open conversations of a user, newest id first, consistently; after continues behind an id.
	Open(ctx context.Context, w WorkspaceID, u UserID, after ConversationID, limit int) ([]ConversationID, error)
	// Closed lists the closed ones likewise.
	Closed(ctx context.Context, w WorkspaceID, u UserID, after ConversationID, limit int) ([]ConversationID, error)
	// Waiting lists the conversations that wait in a department ("" for a workspace without departments), in the
	// order of the queue, consistently.
	Waiting(ctx context.Context, w WorkspaceID, d DepartmentID, limit int) ([]Waiting, error)
}

// Waiting is a conversation that waits for an operator: what routing must know to choose, so that it reads the
// queue and no conversation that it does not assign.
type Waiting struct {
	Conversation ConversationID
	Customer     UserID
	Department   DepartmentID
	Priority     int
	// Since is when it first entered the queue.
	Since time.Time
	// Version of the conversation when the entry was written: another one means that the entry is stale.
	Version uint64
	// Offered says that it is offered to somebody at the moment.
	Offered bool
	// Skills that the operator must have.
	Skills []string
	// Preferred is the operator to wait for until PreferredUntil, if they are connected but full.
	Preferred      UserID
	PreferredUntil time.Time
	// Tried lists the operators who have declined or missed it, and TriedAt is when the last of them did: none of them is
	// asked again before the policy's AskAgain has passed since, unless they come on duty anew.
	Tried   []UserID
	TriedAt time.Time
	// Again is when those of Tried are asked again, while nobody else is left to ask; else zero. A transition forgets it.
	Again time.Time
	// Told is the position that the customer was told last, 0 for none yet, and ToldAt when. They are written beside
	// the transitions, and a transition forgets them.
	Told   int
	ToldAt time.Time
}

// Keep completes an entry by what the image before knows of its skills and of who was tried.
func (w Waiting) Keep(h *Head) Waiting {
	if w.Skills == nil {
		w.Skills = h.Skills
	}
	if w.Tried == nil {
		w.Tried, w.TriedAt = h.Tried, h.TriedAt
	}
	return w
}

// PriorityStep is how much waiting time one step of priority is worth: an urgent conversation overtakes those that
// came up to so much earlier, and nobody is overtaken for ever.
const PriorityStep = 5 * time.Minute

// Priorities of a conversation.
const (
	MinPriority = -2
	MaxPriority = 3
)

// Rank is the place in the queue, lowest first: the time of the first queueing, moved by the priority. It never
// changes while the conversation waits, so that the queue is a sorted list, and ageing costs no write.
func (w Waiting) Rank() time.Time { return w.Since.Add(-time.Duration(w.Priority) * PriorityStep) }

// Sockets knows the live sockets. Rows expire by themselves; an absent row is not an error.
type Sockets interface {
	// Opened records the socket of a principal (and, for staff, among the workspace's desk sockets), and says whether it
	// was known already. ErrGone when SocketEnded came first.
	Opened(context.Context, Principal, time.Time) (known bool, err error)
	// SocketClosed forgets it.
	SocketClosed(context.Context, Principal) error
	// SocketEnded forgets a socket that has closed for good: if it was not known, a hello that was under way does
	// not make it known any more.
	SocketEnded(context.Context, Principal) error
	// OfUser lists a user's sockets, consistently.
	OfUser(context.Context, WorkspaceID, UserID) ([]ConnectionID, error)
	// OfDesk lists the workspace's staff sockets with their principals.
	OfDesk(context.Context, WorkspaceID) ([]Principal, error)
}

// SessionChecker says whether the principal's session still holds: nil, or CodeUnauthenticated.
type SessionChecker interface {
	Check(context.Context, Principal) error
}
