package chat

import (
	"context"
	"time"
)

// State is what a conversation holds that no message needs: it lies in an item of its own beside HEAD, and changes
// only with the events that say so, in the same transaction.
type State struct {
	Ref
	Customer UserID
	// Page that the customer was on.
	Page string
	// Status, Assignee, Department and Priority as of the last transition, so that a list of conversations need not
	// read HEADs, which hold the newest messages.
	Status     Status
	Assignee   UserID
	Department DepartmentID
	Priority   int
	// Started, FirstQueued, FirstAssigned and Closed are zero for what never happened; Closed also while the
	// conversation is not over. Changed is when the last transition was.
	Started, FirstQueued, FirstAssigned, Closed, Changed time.Time
	// Engagement counts how often the conversation was taken up again after it was over.
	Engagement int
	// Until is when a snooze ends, while it lasts.
	Until time.Time
	// Revision counts the changes of the fields below.
	Revision uint64
	Tags     []string
	Fields   map[string]string
	Rating   *Rating
	// Link is the conversation that this one was merged into, by link; Linked lists those merged into this one.
	Link   ConversationID
	Linked []ConversationID
}

// Rating is what a customer thought of an engagement.
type Rating struct {
	Score      int // 1 to 5
	Comment    string
	At         time.Time
	Engagement int
	// Operator is who had the conversation.
	Operator UserID
}

// Facts change STATE: everything of New from Tags on is stored, if Old's Revision is still current, and raises it.
type Facts struct {
	Old, New *State
}

// Raises says whether the change raises Asides: it is none of status, but of people or of the queue.
func (c *Change) Raises() bool {
	return c.Aside && (c.Join != "" || len(c.Add)+len(c.Remove)+len(c.Watchers) > 0 || c.Priority != nil)
}

// ShelfKind is by what conversations are listed.
type ShelfKind string

// The kinds of shelf.
const (
	ShelfDepartment ShelfKind = "department"
	ShelfOperator   ShelfKind = "operator" // the assignee; who had it at the end, once it is over
	ShelfCustomer   ShelfKind = "customer"
	ShelfTag        ShelfKind = "tag"
)

// Shelf is a list of conversations in the order of their start. Those that are over stand on shelves of their own, but
// for tags: so that a list of what goes on is no longer than what goes on.
type Shelf struct {
	Workspace WorkspaceID
	Kind      ShelfKind
	// Name is the department ("" for a workspace without any), the user, or the tag.
	Name string
	Over bool
}

// Listed is a conversation's place in a list: by start, then by id. The zero value stands for the newest end.
type Listed struct {
	Started      time.Time
	Conversation ConversationID
}

// States reads what lies beside HEAD.
type States interface {
	// State returns nil when there is no such conversation. Consistent.
	State(context.Context, Ref) (*State, error)
	// Entry returns the waiting entry of the image; nil when it does not wait, or not any more. Consistent.
	Entry(context.Context, *Head) (*Waiting, error)
	// Shelf lists up to limit conversations that started before the place and not before from, newest first. It may
	// lag behind the writes by some moments, but for tags.
	Shelf(ctx context.Context, s Shelf, before Listed, from time.Time, limit int) ([]Listed, error)
	// StatesOf reads the states of up to 100 conversations, in any order; those that do not exist are missing.
	StatesOf(ctx context.Context, w WorkspaceID, ids []ConversationID) ([]State, error)
	Heads
}

// Heads reads many HEADs in one go.
type Heads interface {
	// HeadsOf reads the HEADs of up to 100 conversations, consistently, in any order; those that do not exist are missing.
	HeadsOf(ctx context.Context, w WorkspaceID, ids []ConversationID) ([]*Head, error)
}

// MaxStates is how many states one call reads (Amazon DynamoDB, BatchGetItem: 100 items).
const MaxStates = 100
