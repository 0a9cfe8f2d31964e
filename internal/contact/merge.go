package contact

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

// Acts of this package.
const (
	ActMerged   identity.Act = "contact.merged"
	ActBanned   identity.Act = "ban.made"
	ActUnbanned identity.Act = "ban.lifted"
)

// Merge makes one contact part of another: its identities, addresses, devices, consents and goals pass over, and its id
// leads to the other from now on. What both say, the other one's holds. Merging again changes nothing.
//
// Two verified contacts that have different ids on one channel are two people by the business's own word: only an
// admin merges them, with force. Errors: chat.CodeInvalid, CodeForbidden, CodeNotFound; CodeConflict for one that was
// merged into a third.
func (s *Service) Merge(ctx context.Context, by identity.By, from, into ID, force bool) (Contact, error) {
	if _, err := chat.Authorize(by.Principal, chat.CommandMergeContact); err != nil {
		return Contact{}, err
	}
	if !from.Valid() || !into.Valid() || from == into {
		return Contact{}, chat.Errorf(chat.CodeInvalid, "into: the id of another contact")
	}
	var out Contact
	done := false
	err := again(func() error {
		pair, err := s.pair(ctx, by.Workspace, from, into)
		if err != nil {
			return err
		}
		if pair[0].ID == pair[1].ID {
			out, done = pair[1], true
			return nil
		}
		if out, err = s.mergePair(ctx, by, pair[0], pair[1], force); err != nil {
			return err
		}
		return nil
	})
	if err != nil {
		return Contact{}, err
	}
	if !done {
		s.record(ctx, by, ActMerged, string(from), nil, map[string]string{"into": string(out.ID), "forced": fmt.Sprint(force)})
	}
	return out, nil
}

// pair reads both, the same one twice if they are one already.
func (s *Service) pair(ctx context.Context, w chat.WorkspaceID, from, into ID) (pair [2]Contact, err error) {
	if pair[1], err = s.get(ctx, w, string(into)); err != nil {
		return pair, err
	}
	stored, err := s.Store.Contact(ctx, w, from)
	if err != nil {
		return pair, fmt.Errorf("reading a contact: %w", err)
	}
	if pair[0], err = s.get(ctx, w, string(from)); err != nil {
		return pair, err
	}
	if stored != nil && stored.MergedInto != "" && pair[0].ID != pair[1].ID {
		return pair, chat.Errorf(chat.CodeConflict, "it was merged into %s since you read it", pair[0].ID)
	}
	return pair, nil
}

func (s *Service) mergePair(ctx context.Context, by identity.By, from, into Contact, force bool) (Contact, error) {
	if clash(from, into) && (!force || by.Role != chat.RoleAdmin) {
		return Contact{}, chat.Errorf(chat.CodeForbidden, "both are verified, as different people: only an admin merges them, with force")
	}
	next, err := merged(from, into)
	if err != nil {
		return Contact{}, err
	}
	at := Event{Type: EventMerged, At: s.now(), Sender: by.User, Role: by.Role}
	there, here := at, at
	there.Other, here.Other = into.ID, from.ID
	if err := s.Store.Commit(ctx, tombstone(from, into.ID, there), change(into, next, here)); err != nil {
		return Contact{}, err
	}
	next.Version++
	return next, nil
}

// clash says whether two contacts have different ids on one channel.
func clash(a, b Contact) bool {
	for _, i := range a.Identities {
		if slices.Contains(b.Identities, i) {
			continue
		}
		if slices.ContainsFunc(b.Identities, func(j Identity) bool { return i.Channel == j.Channel }) {
			return true
		}
	}
	return false
}

// tombstone is what is left of a contact that was merged.
func tombstone(from Contact, into ID, event Event) Change {
	rest := Contact{Workspace: from.Workspace, ID: from.ID, MergedInto: into, FirstSeen: from.FirstSeen}
	rest.Version, rest.Events = from.Version, from.Events
	return change(from, rest, event)
}

// merged is into with what from adds.
func merged(from, into Contact) (Contact, error) {
	next := into.clone()
	next.Name = cmp.Or(into.Name, from.Name)
	next.Locale, next.TimeZone = cmp.Or(into.Locale, from.Locale), cmp.Or(into.TimeZone, from.TimeZone)
	for _, i := range from.Identities {
		next.identify(i)
	}
	for _, a := range from.Addresses {
		next.reach(a)
	}
	for _, u := range from.Users {
		next.link(u)
	}
	for _, consent := range from.Consents {
		next.agree(consent)
	}
	missing := map[string]string{}
	for name, value := range from.Fields {
		if _, is := next.Fields[name]; !is {
			missing[name] = value
		}
	}
	next.setFields(missing)
	next.Goals = append(next.Goals, from.Goals...)
	slices.SortStableFunc(next.Goals, func(a, b Goal) int { return a.At.Compare(b.At) })
	next.Goals = next.Goals[max(0, len(next.Goals)-MaxGoals):]
	next.Notes += from.Notes
	if next.Ban == nil {
		next.Ban = from.Ban
	}
	if !from.FirstSeen.IsZero() && (next.FirstSeen.IsZero() || from.FirstSeen.Before(next.FirstSeen)) {
		next.FirstSeen = from.FirstSeen
	}
	if from.LastSeen.After(next.LastSeen) {
		next.LastSeen = from.LastSeen
	}
	return next, next.check()
}

// check holds the limits of a contact.
func (c Contact) check() error {
	for _, limit := range []struct {
		what    string
		n, most int
	}{
		{"identities", len(c.Identities), MaxIdentities}, {"addresses", len(c.Addresses), MaxAddresses},
		{"fields", len(c.Fields), MaxFields}, {"consents", len(c.Consents), MaxConsents},
	} {
		if limit.n > limit.most {
			return chat.Errorf(chat.CodeInvalid, "%s: a contact has at most %d", limit.what, limit.most)
		}
	}
	return nil
}
