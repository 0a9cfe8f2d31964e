package httpapi

import (
	"net/http"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contact"
)

// ContactIdentity is who a contact is on a channel, by the business's word.
type ContactIdentity struct {
	// Channel is "app" for customers whom the business's own site identifies; 1 to 32 lower-case letters, digits, - or _.
	Channel string `json:"channel"`
	// ExternalID has 1 to 128 bytes.
	ExternalID string `json:"externalId"`
}

// ContactAddress is where a contact can be reached.
type ContactAddress struct {
	// Kind is email or phone.
	Kind  contact.AddressKind `json:"kind"`
	Value string              `json:"value"`
	// Verified addresses have the business's word; what a customer typed has not. Supervisors, admins and API keys may
	// set it.
	Verified bool `json:"verified"`
}

// ContactConsent is what a contact agreed to, or not.
type ContactConsent struct {
	// Purpose has 1 to 64 bytes.
	Purpose string `json:"purpose"`
	Given   bool   `json:"given"`
	// At and Source are the server's.
	At     int64  `json:"at,omitempty"`
	Source string `json:"source,omitempty"`
}

// ContactGoal is something that a contact did which the business counts.
type ContactGoal struct {
	Name  string `json:"name"`
	At    int64  `json:"at"`
	Value string `json:"value,omitempty"`
}

// ContactCard is what is known of one person. Its ETag names its version. Texts are as they were typed, markup
// included: show them as text.
type ContactCard struct {
	Contact contact.ID `json:"contact"`
	// Verified says that the business has said who this is; else everything here is what a visitor typed, or staff.
	Verified   bool              `json:"verified"`
	Name       string            `json:"name"`
	Identities []ContactIdentity `json:"identities"`
	Addresses  []ContactAddress  `json:"addresses"`
	// Fields are the business's own, at most 50.
	Fields      map[string]string `json:"fields"`
	Locale      string            `json:"locale,omitempty"`
	TimeZone    string            `json:"timeZone,omitempty"`
	FirstSeenAt int64             `json:"firstSeenAt,omitempty"`
	// LastSeenAt is up to an hour behind.
	LastSeenAt int64            `json:"lastSeenAt,omitempty"`
	Consents   []ContactConsent `json:"consents"`
	Goals      []ContactGoal    `json:"goals"`
	// Users are the devices and identities of this person, at most 12.
	Users []chat.UserID `json:"users"`
	Notes int           `json:"notes"`
	// Ban that keeps this person out, absent for none; one may be over.
	Ban *Ban `json:"ban,omitempty"`
	// Version is what If-Match names, as "v" and this number in quotes; 0 for one of whom nothing is stored yet.
	Version uint64 `json:"version"`
}

// ContactList answers GET /v1/contacts. With users: their contacts, in no order; who is in none of them is a visitor
// of whom nothing is known.
type ContactList struct {
	Contacts []ContactCard `json:"contacts"`
	// Next, when set, continues the list: the parameter after of the next request.
	Next string `json:"next,omitempty"`
}

// ContactEdit is the body of POST and PATCH; what is absent stays as it is.
type ContactEdit struct {
	// Name has at most 200 bytes. Control characters and marks that reorder text are taken out of it, as of all texts here.
	Name *string `json:"name,omitempty"`
	// Identities, at most 10: those that are known, and more. For supervisors, admins and API keys.
	Identities *[]ContactIdentity `json:"identities,omitempty"`
	// Addresses, at most 10, replace those that are known.
	Addresses *[]ContactAddress `json:"addresses,omitempty"`
	// Fields are set one by one, "" takes one off. Names have at most 64 letters, digits, -, _ or ., values at most 1024
	// bytes.
	Fields map[string]string `json:"fields,omitempty"`
	// Locale is a language tag, such as de-CH.
	Locale *string `json:"locale,omitempty"`
	// TimeZone is a name such as Europe/Zurich.
	TimeZone *string `json:"timeZone,omitempty"`
	// Consents replace older ones for the same purpose.
	Consents []ContactConsent `json:"consents,omitempty"`
}

// MergeRequest is the body of POST /v1/contacts/{id}/merge.
type MergeRequest struct {
	// Into is the contact that stays.
	Into contact.ID `json:"into"`
	// Force merges two that have different ids on one channel. For admins.
	Force bool `json:"force,omitempty"`
}

// ContactConversations answers GET /v1/contacts/{id}/conversations: open ones first, by user, newest first. A page may
// have fewer than asked for, even none, with a next.
type ContactConversations struct {
	Conversations []ContactConversation `json:"conversations"`
	// Next, when set, continues the list: the parameter after of the next request.
	Next string `json:"next,omitempty"`
}

// ContactConversation is one line of the list.
type ContactConversation struct {
	Conversation chat.ConversationID `json:"conversation"`
	// User who the customer was in it.
	User chat.UserID `json:"user"`
	Open bool        `json:"open"`
	Summary
}

// ContactEvents answers GET /v1/contacts/{id}/events: the contact's own log, oldest first.
type ContactEvents struct {
	Events []ContactEvent `json:"events"`
	// Next, when set, continues the list: the parameter after of the next request.
	Next string `json:"next,omitempty"`
}

// ContactEvent is one entry of a contact's own log.
type ContactEvent struct {
	Seq  uint64            `json:"seq"`
	Type contact.EventType `json:"type"`
	At   int64             `json:"at"`
	// Sender who did it, in the role.
	Sender chat.UserID `json:"sender"`
	Role   chat.Role   `json:"role"`
	// Changed names what of the card was changed.
	Changed []string `json:"changed,omitempty"`
	// User is who identified, filled in a form or was banned.
	User chat.UserID `json:"user,omitempty"`
	// Other is the contact that was merged into this one, or that this one was merged into.
	Other  contact.ID `json:"other,omitempty"`
	Reason string     `json:"reason,omitempty"`
}

func contactRoutes() []route {
	ok, made := http.StatusOK, http.StatusCreated
	one := []Segment{{Name: "id", Summary: "The contact (ct_…), or one of its users (u_…)."}}
	invalid, missing := chat.CodeInvalid, chat.CodeNotFound
	paged := []Parameter{
		{Name: "after", Summary: "The next of the page before."},
		{Name: "limit", Summary: "How many, default 25.", Number: true, Min: 1, Max: maxList},
	}
	return []route{
		{pattern: "GET /v1/contacts", command: chat.CommandContacts, serve: (*API).findContacts, says: says{
			name: "findContacts", summary: "Look contacts up: by what they are found by, or those of some users at once.", answers: map[int]any{ok: ContactList{}},
			query: append([]Parameter{
				{Name: "query", Summary: "A verified e-mail address as a whole, or the beginning of a name or of one of its first three words."},
				{Name: "externalId", Summary: "The business's id of the customer, as a whole."},
				{Name: "channel", Summary: "The channel of externalId, default app."},
				{Name: "users", Summary: "Up to 100 ids of users, separated by commas: those of a list of conversations."},
			}, paged...), codes: []chat.Code{invalid}}},
		{pattern: "POST /v1/contacts", command: chat.CommandEditContact, idempotent: true, serve: (*API).makeContact, says: says{
			name: "makeContact", summary: "Make a contact of somebody who has not written yet.", request: ContactEdit{}, answers: map[int]any{made: ContactCard{}},
			codes: []chat.Code{chat.CodeConflict}}},
		{pattern: "GET /v1/contacts/{id}", command: chat.CommandContacts, serve: (*API).contact, says: says{
			name: "contact", summary: "Read a contact; of a visitor, what there is.", answers: map[int]any{ok: ContactCard{}}, segments: one, codes: []chat.Code{missing}}},
		{pattern: "PATCH /v1/contacts/{id}", command: chat.CommandEditContact, serve: (*API).changeContact, says: says{
			name: "changeContact", summary: "Change a contact.", request: ContactEdit{}, answers: map[int]any{ok: ContactCard{}}, segments: one, demands: true, codes: []chat.Code{missing}}},
		{pattern: "POST /v1/contacts/{id}/merge", command: chat.CommandMergeContact, serve: (*API).mergeContact, says: says{
			name: "mergeContact", summary: "Make a contact part of another one; its id leads there from now on.", request: MergeRequest{},
			answers: map[int]any{ok: ContactCard{}}, segments: one, codes: []chat.Code{missing, chat.CodeConflict}}},
		{pattern: "GET /v1/contacts/{id}/conversations", command: chat.CommandContacts, serve: (*API).contactConversations, says: says{
			name: "contactConversations", summary: "List a contact's conversations.", answers: map[int]any{ok: ContactConversations{}}, segments: one, query: paged,
			codes: []chat.Code{missing, invalid}}},
		{pattern: "GET /v1/contacts/{id}/events", command: chat.CommandContacts, serve: (*API).contactEvents, says: says{
			name: "contactEvents", summary: "Read what was done to a contact.", answers: map[int]any{ok: ContactEvents{}}, segments: one, query: paged,
			codes: []chat.Code{missing, invalid}}},
	}
}

func cardOf(c contact.Contact) ContactCard {
	out := ContactCard{
		Contact: c.ID, Verified: c.Verified(), Name: c.Name, Identities: []ContactIdentity{}, Addresses: []ContactAddress{}, Fields: c.Fields,
		Locale: c.Locale, TimeZone: c.TimeZone, FirstSeenAt: millis(c.FirstSeen), LastSeenAt: millis(c.LastSeen),
		Consents: []ContactConsent{}, Goals: []ContactGoal{}, Users: c.Users, Notes: c.Notes, Version: c.Version,
	}
	if out.Fields == nil {
		out.Fields = map[string]string{}
	}
	if out.Users == nil {
		out.Users = []chat.UserID{}
	}
	for _, i := range c.Identities {
		out.Identities = append(out.Identities, ContactIdentity{i.Channel, i.External})
	}
	for _, a := range c.Addresses {
		out.Addresses = append(out.Addresses, ContactAddress{a.Kind, a.Value, a.Verified})
	}
	for _, o := range c.Consents {
		out.Consents = append(out.Consents, ContactConsent{o.Purpose, o.Given, millis(o.At), o.Source})
	}
	for _, g := range c.Goals {
		out.Goals = append(out.Goals, ContactGoal{g.Name, millis(g.At), g.Value})
	}
	if c.Ban != nil {
		ban := banOf(*c.Ban)
		out.Ban = &ban
	}
	return out
}

// edit reads a ContactEdit as the domain has it.
func (e ContactEdit) edit() contact.Edit {
	out := contact.Edit{Name: e.Name, Fields: e.Fields, Locale: e.Locale, TimeZone: e.TimeZone}
	if e.Identities != nil {
		list := []contact.Identity{}
		for _, i := range *e.Identities {
			list = append(list, contact.Identity{Channel: i.Channel, External: i.ExternalID})
		}
		out.Identities = &list
	}
	if e.Addresses != nil {
		list := []contact.Address{}
		for _, a := range *e.Addresses {
			list = append(list, contact.Address{Kind: a.Kind, Value: a.Value, Verified: a.Verified})
		}
		out.Addresses = &list
	}
	for _, o := range e.Consents {
		out.Consents = append(out.Consents, contact.Consent{Purpose: o.Purpose, Given: o.Given})
	}
	return out
}
