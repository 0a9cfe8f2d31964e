package contact

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/parley-chat/parley/internal/chat"
)

// Query asks for contacts. Exactly one field is set but After and Limit.
type Query struct {
	// Email is exact, and finds contacts for which it is verified.
	Email string
	// Identity is exact.
	Identity Identity
	// Name is the beginning of a name or of one of its first words.
	Name string
	// After continues behind a Found.Place.
	After string
	Limit int
}

// Find looks contacts up by what they are indexed by. next continues the list, "" at its end; a page may have fewer
// than Limit. Errors: chat.CodeInvalid.
func (s *Service) Find(ctx context.Context, p chat.Principal, q Query) (list []Contact, next string, err error) {
	if _, err := chat.Authorize(p, chat.CommandContacts); err != nil {
		return nil, "", err
	}
	found, err := s.look(ctx, p.Workspace, q)
	if err != nil {
		return nil, "", err
	}
	if len(found) == q.Limit && q.Identity.External == "" {
		next = found[len(found)-1].Place
	}
	var ids []ID
	for _, f := range found {
		if !slices.Contains(ids, f.ID) {
			ids = append(ids, f.ID)
		}
	}
	if len(ids) == 0 {
		return nil, next, nil
	}
	cards, err := s.Store.Contacts(ctx, p.Workspace, ids)
	if err != nil {
		return nil, "", fmt.Errorf("reading contacts: %w", err)
	}
	slices.SortFunc(cards, func(a, b Contact) int { return slices.Index(ids, a.ID) - slices.Index(ids, b.ID) })
	return slices.DeleteFunc(cards, func(c Contact) bool { return c.MergedInto != "" }), next, nil
}

func (s *Service) look(ctx context.Context, w chat.WorkspaceID, q Query) ([]Found, error) {
	switch {
	case q.Limit < 1 || q.Limit > MaxBatch:
		return nil, chat.Errorf(chat.CodeInvalid, "limit: 1 to %d", MaxBatch)
	case q.Email != "":
		address, err := CleanAddress(Email, q.Email)
		if err != nil {
			return nil, err
		}
		return s.Store.OfAddress(ctx, w, Email, address, q.After, q.Limit)
	case q.Identity.External != "":
		if err := cleanIdentity(q.Identity); err != nil {
			return nil, err
		}
		id, err := s.Store.OfIdentity(ctx, w, q.Identity)
		if err != nil || id == "" {
			return nil, err
		}
		return []Found{{ID: id}}, nil
	}
	if len(q.Name) > MaxName {
		return nil, tooLong("query", MaxName)
	}
	prefix := FoldName(q.Name)
	if prefix == "" {
		return nil, chat.Errorf(chat.CodeInvalid, "query: an e-mail address, or the beginning of a name; or externalId")
	}
	return s.Store.Named(ctx, w, prefix, q.After, q.Limit)
}

// Talk is a conversation of a contact.
type Talk struct {
	Conversation chat.ConversationID
	User         chat.UserID
	Open         bool
}

// TalkPlace continues a list of conversations behind one: as a text, for a cursor.
type TalkPlace struct {
	Closed bool
	User   chat.UserID
	After  chat.ConversationID
}

// maxLists bounds the reads of one page of conversations.
const maxLists = 10

// Talks lists the conversations of a contact's users: open ones first, then by user, newest first. next continues the
// list, nil at its end; a page may have fewer than limit, even none. What is said in them is for those who may read
// them: this tells only that there are any.
func (s *Service) Talks(ctx context.Context, p chat.Principal, id string, from *TalkPlace, limit int) (list []Talk, next *TalkPlace, err error) {
	c, err := s.Get(ctx, p, id)
	if err != nil {
		return nil, nil, err
	}
	places := places(c)
	if from != nil {
		at := slices.IndexFunc(places, func(t TalkPlace) bool { return t.Closed == from.Closed && t.User == from.User })
		if at < 0 {
			return nil, nil, chat.Errorf(chat.CodeInvalid, "after: the contact has changed; begin anew without it")
		}
		places = places[at:]
		places[0].After = from.After
	}
	for n, place := range places {
		if n == maxLists || len(list) == limit {
			return list, &place, nil
		}
		read := s.Directory.Open
		if place.Closed {
			read = s.Directory.Closed
		}
		ids, err := read(ctx, p.Workspace, place.User, place.After, limit-len(list))
		if err != nil {
			return nil, nil, fmt.Errorf("listing conversations: %w", err)
		}
		for _, id := range ids {
			list = append(list, Talk{id, place.User, !place.Closed})
		}
		if len(list) == limit {
			place.After = ids[len(ids)-1]
			return list, &place, nil
		}
	}
	return list, nil, nil
}

// places are the lists that make up a contact's conversations, in order.
func places(c Contact) []TalkPlace {
	users := slices.Clone(c.Users)
	slices.SortFunc(users, func(a, b chat.UserID) int { return strings.Compare(string(a), string(b)) })
	var out []TalkPlace
	for _, closed := range []bool{false, true} {
		for _, u := range users {
			out = append(out, TalkPlace{Closed: closed, User: u})
		}
	}
	return out
}

// Events returns a part of a contact's own log, oldest first.
func (s *Service) Events(ctx context.Context, p chat.Principal, id string, after uint64, limit int) ([]Event, error) {
	c, err := s.Get(ctx, p, id)
	if err != nil {
		return nil, err
	}
	list, err := s.Store.Events(ctx, p.Workspace, c.ID, after, limit)
	if err != nil {
		return nil, fmt.Errorf("reading the events of a contact: %w", err)
	}
	return list, nil
}
