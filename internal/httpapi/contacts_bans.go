package httpapi

import (
	"net/http"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contact"
)

// BanRequest is the body of POST /v1/bans: exactly one of user, contact and ip. A customer is kept out with every
// device and identity of theirs; their sessions and sockets end at once. Who comes from a banned network address (of
// IPv6, the first 64 bits) is refused at the next session or ticket; only a hash of it is kept.
type BanRequest struct {
	User    chat.UserID `json:"user,omitempty"`
	Contact contact.ID  `json:"contact,omitempty"`
	IP      string      `json:"ip,omitempty"`
	// Until is when the ban ends, at most a year ahead; absent for never.
	Until int64 `json:"until,omitempty"`
	// Reason is for colleagues, at most 256 bytes; the visitor does not see it.
	Reason string `json:"reason,omitempty"`
}

// Ban keeps somebody out.
type Ban struct {
	Ban string `json:"ban"`
	// Contact who is banned; absent for a network address.
	Contact contact.ID `json:"contact,omitempty"`
	// Address is the hash of a network address.
	Address string `json:"address,omitempty"`
	Until   int64  `json:"until,omitempty"`
	Reason  string `json:"reason,omitempty"`
	// By is who banned.
	By chat.UserID `json:"by"`
	At int64       `json:"at"`
}

// BanList answers GET /v1/bans: newest first, those that are over included for 30 days.
type BanList struct {
	Bans []Ban `json:"bans"`
	// Next, when set, continues the list: the parameter after of the next request.
	Next string `json:"next,omitempty"`
}

func banRoutes() []route {
	return []route{
		{pattern: "GET /v1/bans", command: chat.CommandBan, polled: true, serve: (*API).listBans, says: says{
			name: "listBans", summary: "List who is kept out.", answers: map[int]any{http.StatusOK: BanList{}}, codes: []chat.Code{chat.CodeInvalid},
			query: []Parameter{
				{Name: "after", Summary: "The next of the page before."},
				{Name: "limit", Summary: "How many, default 25.", Number: true, Min: 1, Max: maxList},
			}}},
		{pattern: "POST /v1/bans", command: chat.CommandBan, idempotent: true, serve: (*API).ban, says: says{
			name: "ban", summary: "Keep a customer or a network address out; sessions and sockets of the customer end.",
			request: BanRequest{}, answers: map[int]any{http.StatusCreated: Ban{}}, codes: []chat.Code{chat.CodeNotFound}}},
		{pattern: "DELETE /v1/bans/{id}", command: chat.CommandBan, serve: (*API).unban, says: says{
			name: "unban", summary: "Let somebody in again.", answers: map[int]any{http.StatusNoContent: nil}, codes: []chat.Code{chat.CodeNotFound},
			segments: []Segment{{Name: "id", Summary: "The ban.", Prefix: contact.BanPrefix}}}},
	}
}

func banOf(b contact.Ban) Ban {
	return Ban{Ban: b.ID, Contact: b.Contact, Address: b.Address, Until: millis(b.Until), Reason: b.Reason, By: b.By, At: millis(b.At)}
}

func (a *API) listBans(c *call) (int, any, error) {
	q := queryOf(c.Request, "after", "limit")
	limit, after := q.limit(25, maxList), c.after(q, 1)
	if q.err != nil {
		return 0, nil, q.err
	}
	behind := ""
	if after != nil {
		if _, ok := chat.IDBytes(contact.BanPrefix, after[0]); !ok {
			return 0, nil, badCursor()
		}
		behind = after[0]
	}
	list, err := a.Contacts.Bans(c.Context(), c.principal(), behind, limit)
	if err != nil {
		return 0, nil, err
	}
	out := BanList{Bans: []Ban{}}
	for _, b := range list {
		out.Bans = append(out.Bans, banOf(b))
	}
	if len(list) == limit {
		out.Next = c.next(list[len(list)-1].ID)
	}
	return http.StatusOK, out, nil
}

func (a *API) ban(c *call) (int, any, error) {
	body, err := decode[BanRequest](c.Request, false)
	if err != nil {
		return 0, nil, err
	}
	if body.Until < 0 {
		return 0, nil, chat.Errorf(chat.CodeInvalid, "until: milliseconds since 1970")
	}
	made, err := a.Contacts.Ban(c.Context(), c.actor(), contact.Banning{
		ID: a.newID(c, contact.BanPrefix, "ban"), User: body.User, Contact: body.Contact, Address: body.IP, Until: timeOf(body.Until), Reason: body.Reason,
	})
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, banOf(made), nil
}

func (a *API) unban(c *call) (int, any, error) {
	return http.StatusNoContent, nil, a.Contacts.Unban(c.Context(), c.actor(), c.PathValue("id"))
}
