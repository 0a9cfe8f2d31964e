package contact

import (
	"context"
	"errors"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

// EventType says what an event of a contact's own log tells.
type EventType string

// The types of event of a contact's own log. None is called as one of a conversation's: that a conversation's customer
// has proved who they are is another event, and is in that conversation's log.
const (
	EventIdentified EventType = "contact.identified"
	EventUpdated    EventType = "contact.updated"
	EventMerged     EventType = "contact.merged"
	EventBanned     EventType = "contact.banned"
	EventUnbanned   EventType = "contact.unbanned"
	EventLead       EventType = "lead.captured"
)

// EventTypes lists every type. The order is the storage code: append only.
func EventTypes() []EventType {
	return []EventType{EventIdentified, EventUpdated, EventMerged, EventBanned, EventUnbanned, EventLead}
}

// Event is one entry of a contact's own log. It never changes.
type Event struct {
	Seq  uint64
	Type EventType
	At   time.Time
	// Sender is who did it: the customer, a member of staff or an API key.
	Sender chat.UserID
	Role   chat.Role
	// Changed names what was changed, without values: they are on the card.
	Changed []string
	// User is the user that the event is about: the one that identified, or was banned.
	User chat.UserID
	// Other is the contact that was merged into this one, or, in its own log, the one it was merged into.
	Other  ID
	Reason string
}

// Change replaces one contact, and appends to its log.
type Change struct {
	// Old is the image that the change was decided on; nil for a contact that is not stored yet.
	Old *Contact
	// New has Old's workspace and id. Its Version and Events are counted up by the store.
	New    Contact
	Events []Event
}

// ErrConflict says that a contact has changed since it was read, or that an identity or a user belongs to another.
var ErrConflict = errors.New("a contact has changed in between")

// Found is a contact in a list, with what continues the list behind it.
type Found struct {
	ID    ID
	Place string
}

// Store keeps contacts with what finds them. Reads are consistent unless they say otherwise. Errors: ErrConflict, a
// *chat.Error with chat.CodeUnavailable, or what cannot be healed.
type Store interface {
	// Contact returns nil when there is none. One that was merged has MergedInto set.
	Contact(context.Context, chat.WorkspaceID, ID) (*Contact, error)
	// Contacts reads up to MaxBatch at once, in no order, without those that are not there. It may be some milliseconds
	// behind.
	Contacts(context.Context, chat.WorkspaceID, []ID) ([]Contact, error)
	// OfUsers returns the contacts of up to MaxBatch users, without those that have none stored. It may be some
	// milliseconds behind.
	OfUsers(context.Context, chat.WorkspaceID, []chat.UserID) (map[chat.UserID]ID, error)
	// OfUser returns the stored contact of a user; "" for none.
	OfUser(context.Context, chat.WorkspaceID, chat.UserID) (ID, error)
	// OfIdentity returns the contact of an identity; "" for none.
	OfIdentity(context.Context, chat.WorkspaceID, Identity) (ID, error)
	// OfAddress lists contacts that have the verified address, by id.
	OfAddress(ctx context.Context, w chat.WorkspaceID, kind AddressKind, value string, after string, limit int) ([]Found, error)
	// Named lists contacts of whom one of the NameKeys begins with the prefix, by name; a contact may come twice.
	Named(ctx context.Context, w chat.WorkspaceID, prefix, after string, limit int) ([]Found, error)
	// Commit makes the changes, with all that finds the contacts, in one transaction.
	Commit(context.Context, ...Change) error
	// Events returns up to limit events with seq > after, oldest first.
	Events(ctx context.Context, w chat.WorkspaceID, id ID, after uint64, limit int) ([]Event, error)

	// PutAddressBan stores a ban of a network address, in place of one that is there.
	PutAddressBan(context.Context, chat.WorkspaceID, Ban) error
	// DropAddressBan removes it; one that is gone is no error.
	DropAddressBan(context.Context, chat.WorkspaceID, Ban) error
	// Ban returns a ban; nil when there is none.
	Ban(ctx context.Context, w chat.WorkspaceID, id string) (*Ban, error)
	// Bans lists bans, newest first, those that are over included until they are forgotten.
	Bans(ctx context.Context, w chat.WorkspaceID, after string, limit int) ([]Ban, error)
	// Banned returns the bans that the user or the hash of a network address are under; "" asks for neither. One read.
	Banned(ctx context.Context, w chat.WorkspaceID, u chat.UserID, address string) ([]Ban, error)
}

// MaxBatch is how many are read at once: as many as one BatchGetItem returns.
const MaxBatch = 100

// Conversations is what contacts need of the log.
type Conversations interface {
	// Adopt makes the one user's conversations the other's: the newest ones, the open ones first.
	Adopt(ctx context.Context, from, to chat.Principal) error
	// Silence keeps the user from writing in their open conversations until then.
	Silence(ctx context.Context, w chat.WorkspaceID, u chat.UserID, until time.Time) error
}

// Verifier checks the business's tokens.
type Verifier interface {
	// Verify returns what a token says whose signature, key, audience and times hold, and which was not used before.
	// *identity.Refusal otherwise.
	Verify(ctx context.Context, w chat.WorkspaceID, token string) (identity.CustomerClaims, error)
}
