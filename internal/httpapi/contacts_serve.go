package httpapi

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contact"
)

func (a *API) findContacts(c *call) (int, any, error) {
	q := queryOf(c.Request, "query", "externalId", "channel", "users", "after", "limit")
	limit, after := q.limit(25, maxList), c.after(q, 1)
	ways := 0
	for _, name := range []string{"query", "externalId", "users"} {
		if q.text(name) != "" {
			ways++
		}
	}
	if q.err == nil && (ways != 1 || q.text("channel") != "" && q.text("externalId") == "") {
		q.err = chat.Errorf(chat.CodeInvalid, "exactly one of query, externalId and users is needed")
	}
	if q.err != nil {
		return 0, nil, q.err
	}
	if q.text("users") != "" {
		return a.contactsOf(c, q.text("users"))
	}
	ask := contact.Query{Limit: limit}
	if after != nil {
		ask.After = after[0]
	}
	switch text := q.text("query"); {
	case strings.Contains(text, "@"):
		ask.Email = text
	case text != "":
		ask.Name = text
	default:
		ask.Identity = contact.Identity{Channel: contact.ChannelApp, External: q.text("externalId")}
		if q.text("channel") != "" {
			ask.Identity.Channel = q.text("channel")
		}
	}
	list, next, err := a.Contacts.Find(c.Context(), c.principal(), ask)
	if err != nil {
		return 0, nil, err
	}
	out := ContactList{Contacts: cardsOf(list)}
	if next != "" {
		out.Next = c.next(next)
	}
	return http.StatusOK, out, nil
}

func cardsOf(list []contact.Contact) []ContactCard {
	out := []ContactCard{}
	for _, found := range list {
		out = append(out, cardOf(found))
	}
	return out
}

func (a *API) contactsOf(c *call, text string) (int, any, error) {
	var users []chat.UserID
	for u := range strings.SplitSeq(text, ",") {
		users = append(users, chat.UserID(u))
	}
	found, err := a.Contacts.OfUsers(c.Context(), c.principal(), users)
	if err != nil {
		return 0, nil, err
	}
	seen, list := map[contact.ID]bool{}, []contact.Contact{}
	for _, card := range found {
		if !seen[card.ID] {
			seen[card.ID] = true
			list = append(list, card)
		}
	}
	return http.StatusOK, ContactList{Contacts: cardsOf(list)}, nil
}

func (a *API) makeContact(c *call) (int, any, error) {
	body, err := decode[ContactEdit](c.Request, false)
	if err != nil {
		return 0, nil, err
	}
	made, err := a.Contacts.Create(c.Context(), c.principal(), contact.ID(a.newID(c, contact.Prefix, "contact")), body.edit())
	if err != nil {
		return 0, nil, err
	}
	c.setVersion(made.Version)
	c.answer.Set("Location", "/v1/contacts/"+string(made.ID))
	return http.StatusCreated, cardOf(made), nil
}

func (a *API) contact(c *call) (int, any, error) {
	if err := queryOf(c.Request).err; err != nil {
		return 0, nil, err
	}
	found, err := a.Contacts.Get(c.Context(), c.principal(), c.PathValue("id"))
	if err != nil {
		return 0, nil, err
	}
	c.setVersion(found.Version)
	return http.StatusOK, cardOf(found), nil
}

func (a *API) changeContact(c *call) (int, any, error) {
	version, named, err := c.needVersion()
	if err != nil {
		return 0, nil, err
	}
	body, err := decode[ContactEdit](c.Request, false)
	if err != nil {
		return 0, nil, err
	}
	changed, err := a.Contacts.Update(c.Context(), c.principal(), c.PathValue("id"), version, !named, body.edit())
	if err != nil {
		return 0, nil, err
	}
	c.setVersion(changed.Version)
	return http.StatusOK, cardOf(changed), nil
}

func (a *API) mergeContact(c *call) (int, any, error) {
	body, err := decode[MergeRequest](c.Request, false)
	if err != nil {
		return 0, nil, err
	}
	merged, err := a.Contacts.Merge(c.Context(), c.actor(), contact.ID(c.PathValue("id")), body.Into, body.Force)
	if err != nil {
		return 0, nil, err
	}
	c.setVersion(merged.Version)
	return http.StatusOK, cardOf(merged), nil
}

func (a *API) contactConversations(c *call) (int, any, error) {
	q := queryOf(c.Request, "after", "limit")
	limit, after := q.limit(25, maxList), c.after(q, 3)
	var from *contact.TalkPlace
	if after != nil {
		from = &contact.TalkPlace{Closed: after[0] == "closed", User: chat.UserID(after[1]), After: chat.ConversationID(after[2])}
		if after[2] != "" && !from.After.Valid() {
			q.err = badCursor()
		}
	}
	if q.err != nil {
		return 0, nil, q.err
	}
	list, next, err := a.Contacts.Talks(c.Context(), c.principal(), c.PathValue("id"), from, limit)
	if err != nil {
		return 0, nil, err
	}
	out := ContactConversations{Conversations: []ContactConversation{}}
	var ids []chat.ConversationID
	for _, t := range list {
		ids = append(ids, t.Conversation)
	}
	summaries, err := a.Conversations.Summaries(c.Context(), c.principal(), ids)
	if err != nil {
		return 0, nil, err
	}
	for _, t := range list {
		line := ContactConversation{Conversation: t.Conversation, User: t.User, Open: t.Open}
		if found, readable := summaries[t.Conversation]; readable {
			line.Summary = summaryOf(found, c.principal().Role)
		}
		out.Conversations = append(out.Conversations, line)
	}
	if next != nil {
		kind := "open"
		if next.Closed {
			kind = "closed"
		}
		out.Next = c.next(kind, string(next.User), string(next.After))
	}
	return http.StatusOK, out, nil
}

func (a *API) contactEvents(c *call) (int, any, error) {
	q := queryOf(c.Request, "after", "limit")
	limit, after := q.limit(25, maxList), c.after(q, 1)
	var seq uint64
	if after != nil {
		var err error
		if seq, err = strconv.ParseUint(after[0], 10, 63); err != nil {
			q.err = badCursor()
		}
	}
	if q.err != nil {
		return 0, nil, q.err
	}
	list, err := a.Contacts.Events(c.Context(), c.principal(), c.PathValue("id"), seq, limit)
	if err != nil {
		return 0, nil, err
	}
	out := ContactEvents{Events: []ContactEvent{}}
	for _, e := range list {
		out.Events = append(out.Events, ContactEvent{e.Seq, e.Type, e.At.UnixMilli(), e.Sender, e.Role, e.Changed, e.User, e.Other, e.Reason})
	}
	if len(list) == limit {
		out.Next = c.next(strconv.FormatUint(list[len(list)-1].Seq, 10))
	}
	return http.StatusOK, out, nil
}

// timeOf reads Unix milliseconds; 0 is the zero time.
func timeOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
