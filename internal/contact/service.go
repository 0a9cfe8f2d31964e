package contact

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

// Service is what may be done with contacts. Whether the principal may is checked here.
type Service struct {
	Store         Store
	Customers     *identity.Customers
	Verifier      Verifier
	Accounts      identity.Accounts
	Directory     chat.Directory
	Conversations Conversations
	// Audit may be nil: then nothing is written down.
	Audit *identity.Audit
	// Fields checks what fields of a contact are to hold against the workspace's definitions: chat.CodeInvalid, whose Fields
	// name what is wrong. Nil lets everything pass. Answer from memory.
	Fields func(context.Context, chat.WorkspaceID, map[string]string) error
	// Log is told what went wrong without being worth a refusal; nil for nobody.
	Log *slog.Logger
	// Now is the clock, time.Now if nil.
	Now func() time.Time
}

func (s *Service) now() time.Time {
	if s.Now != nil {
		return s.Now().Truncate(time.Millisecond)
	}
	return time.Now().Truncate(time.Millisecond)
}

// fit returns chat.CodeInvalid, whose Fields name what is wrong, unless the values are of their fields' kinds.
func (s *Service) fit(ctx context.Context, w chat.WorkspaceID, fields map[string]string) error {
	if s.Fields == nil || len(fields) == 0 {
		return nil
	}
	return s.Fields(ctx, w, fields)
}

// tries is how often a change is decided again that somebody else came before.
const tries = 8

// again runs f until it does not end with ErrConflict.
func again(f func() error) error {
	var err error
	for range tries {
		if err = f(); !errors.Is(err, ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("%w: %w", chat.Errorf(chat.CodeUnavailable, "many change this contact at once; try again"), err)
}

// maxHops bounds how many merges are followed from an id that somebody kept.
const maxHops = 16

// find reads a contact, and what it was merged into; nil when nothing is stored.
func (s *Service) find(ctx context.Context, w chat.WorkspaceID, id ID) (*Contact, error) {
	for range maxHops {
		c, err := s.Store.Contact(ctx, w, id)
		if err != nil {
			return nil, fmt.Errorf("reading a contact: %w", err)
		}
		if c == nil || c.MergedInto == "" {
			return c, nil
		}
		id = c.MergedInto
	}
	return nil, nil
}

// ofUser reads the contact of a user, stored or not: what is not stored has version 0.
func (s *Service) ofUser(ctx context.Context, w chat.WorkspaceID, u chat.UserID) (Contact, error) {
	id, err := s.Store.OfUser(ctx, w, u)
	if err != nil {
		return Contact{}, fmt.Errorf("reading the contact of a user: %w", err)
	}
	if id != "" {
		c, err := s.find(ctx, w, id)
		if err != nil || c != nil {
			return deref(c), err
		}
	}
	return fresh(w, OfUser(u), u), nil
}

func deref(c *Contact) Contact {
	if c == nil {
		return Contact{}
	}
	return *c
}

// fresh is the contact of a user of whom nothing is known but when they came, which their id says.
func fresh(w chat.WorkspaceID, id ID, u chat.UserID) Contact {
	c := Contact{Workspace: w, ID: id, Users: []chat.UserID{u}}
	if raw, ok := chat.IDBytes(chat.UserPrefix, string(u)); ok {
		var ms int64
		for _, b := range raw[:6] {
			ms = ms<<8 | int64(b)
		}
		c.FirstSeen = time.UnixMilli(ms).UTC()
	}
	return c
}

// change is a Change of a contact that may not be stored yet.
func change(old, next Contact, events ...Event) Change {
	c := Change{New: next, Events: events}
	if old.Version > 0 {
		c.Old = &old
	}
	return c
}

// Get returns a contact by its id, by the id of one that was merged into it, or by that of one of its users: one of
// whom nothing is stored has version 0. Errors: chat.CodeNotFound.
func (s *Service) Get(ctx context.Context, p chat.Principal, id string) (Contact, error) {
	if _, err := chat.Authorize(p, chat.CommandContacts); err != nil {
		return Contact{}, err
	}
	return s.get(ctx, p.Workspace, id)
}

func (s *Service) get(ctx context.Context, w chat.WorkspaceID, id string) (Contact, error) {
	if u := chat.UserID(id); u.Valid() {
		return s.customer(ctx, w, u)
	}
	if !ID(id).Valid() {
		return Contact{}, notFound()
	}
	c, err := s.find(ctx, w, ID(id))
	if err != nil || c != nil {
		return deref(c), err
	}
	return s.customer(ctx, w, ID(id).User())
}

// customer returns the contact of a user, if it is stored or the user is a customer who has said something: nobody
// learns which ids exist otherwise, and no card is made for a colleague.
func (s *Service) customer(ctx context.Context, w chat.WorkspaceID, u chat.UserID) (Contact, error) {
	c, err := s.ofUser(ctx, w, u)
	if err != nil || c.Version > 0 {
		return c, err
	}
	if _, staff, err := s.Accounts.Account(ctx, w, u); err != nil || staff {
		return Contact{}, errors.Join(err, notFoundIf(staff))
	}
	for _, list := range []func(context.Context, chat.WorkspaceID, chat.UserID, chat.ConversationID, int) ([]chat.ConversationID, error){s.Directory.Open, s.Directory.Closed} {
		some, err := list(ctx, w, u, "", 1)
		if err != nil {
			return Contact{}, fmt.Errorf("listing conversations: %w", err)
		}
		if len(some) > 0 {
			return c, nil
		}
	}
	return Contact{}, notFound()
}

func notFound() error {
	return chat.Errorf(chat.CodeNotFound, "there is no such contact")
}

func notFoundIf(yes bool) error {
	if yes {
		return notFound()
	}
	return nil
}

// OfUsers returns the stored contacts of up to MaxBatch users, for lists of conversations: two reads, whatever their
// number. Who is not in the answer is a visitor of whom nothing is known.
func (s *Service) OfUsers(ctx context.Context, p chat.Principal, users []chat.UserID) (map[chat.UserID]Contact, error) {
	if _, err := chat.Authorize(p, chat.CommandContacts); err != nil {
		return nil, err
	}
	if len(users) == 0 || len(users) > MaxBatch {
		return nil, chat.Errorf(chat.CodeInvalid, "users: 1 to %d ids, separated by commas", MaxBatch)
	}
	for _, u := range users {
		if !u.Valid() {
			return nil, chat.Errorf(chat.CodeInvalid, "users: %.40q is no id of a user", string(u))
		}
	}
	slices.Sort(users)
	users = slices.Compact(users)
	ids, err := s.Store.OfUsers(ctx, p.Workspace, users)
	if err != nil {
		return nil, fmt.Errorf("reading the contacts of users: %w", err)
	}
	cards, err := s.cards(ctx, p.Workspace, ids)
	if err != nil {
		return nil, err
	}
	out := map[chat.UserID]Contact{}
	for u, id := range ids {
		if c, ok := cards[id]; ok {
			out[u] = c
		}
	}
	return out, nil
}

func (s *Service) cards(ctx context.Context, w chat.WorkspaceID, ids map[chat.UserID]ID) (map[ID]Contact, error) {
	var wanted []ID
	for _, id := range ids {
		if !slices.Contains(wanted, id) {
			wanted = append(wanted, id)
		}
	}
	if len(wanted) == 0 {
		return nil, nil
	}
	list, err := s.Store.Contacts(ctx, w, wanted)
	if err != nil {
		return nil, fmt.Errorf("reading contacts: %w", err)
	}
	out := map[ID]Contact{}
	for _, c := range list {
		out[c.ID] = c
	}
	return out, nil
}

// record writes the audit log, if there is one. What was done is done: a failure is told to the log of errors.
func (s *Service) record(ctx context.Context, by identity.By, act identity.Act, subject string, before, after map[string]string) {
	if s.Audit == nil {
		return
	}
	if err := s.Audit.Record(ctx, by, act, subject, before, after); err != nil {
		s.warn(ctx, "not in the audit log", err)
	}
}

func (s *Service) warn(ctx context.Context, what string, err error) {
	if s.Log != nil && err != nil {
		s.Log.WarnContext(ctx, what, "error", err)
	}
}
