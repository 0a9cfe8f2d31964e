package httpapi

import (
	"errors"
	"net/http"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

// StaffMember is an account. Its ETag names its version.
type StaffMember struct {
	User  chat.UserID `json:"user"`
	Email string      `json:"email"`
	Name  string      `json:"name"`
	// PublicName is what customers see in place of the name.
	PublicName string `json:"publicName,omitempty"`
	// Avatar is the https address of a picture.
	Avatar string    `json:"avatar,omitempty"`
	Role   chat.Role `json:"role"`
	// Departments that they work in; empty for everywhere.
	Departments []chat.DepartmentID `json:"departments"`
	Disabled    bool                `json:"disabled"`
	// External accounts sign in at the workspace's identity provider, whose groups say their role and departments.
	External bool `json:"external,omitempty"`
	// Version is what If-Match names, as "v" and this number in quotes.
	Version   uint64 `json:"version"`
	CreatedAt int64  `json:"createdAt,omitempty"`
}

// StaffList answers GET /v1/staff: by id, disabled accounts included.
type StaffList struct {
	Staff []StaffMember `json:"staff"`
	// Next, when set, continues the list: the parameter after of the next request.
	Next string `json:"next,omitempty"`
}

// StaffChange is the body of PATCH /v1/staff/{id}; what is absent stays. Whoever is disabled is signed out everywhere;
// another role or other departments close the sockets, which are opened again with a new ticket.
type StaffChange struct {
	// Name has at most 100 bytes.
	Name *string `json:"name,omitempty"`
	// PublicName has at most 100 bytes; "" takes it off.
	PublicName *string `json:"publicName,omitempty"`
	// Avatar is an https address of at most 500 bytes; "" takes it off.
	Avatar *string `json:"avatar,omitempty"`
	// Role is operator, supervisor or admin.
	Role *chat.Role `json:"role,omitempty"`
	// Departments, at most 50; an empty list stands for everywhere.
	Departments *[]chat.DepartmentID `json:"departments,omitempty"`
	Disabled    *bool                `json:"disabled,omitempty"`
}

// InvitationRequest is the body of POST /v1/invitations.
type InvitationRequest struct {
	Email string    `json:"email"`
	Role  chat.Role `json:"role"`
	// Name that the invited may change.
	Name        string              `json:"name,omitempty"`
	Departments []chat.DepartmentID `json:"departments,omitempty"`
}

// Invitation is one that can still be accepted.
type Invitation struct {
	Invitation  string              `json:"invitation"`
	Email       string              `json:"email"`
	Role        chat.Role           `json:"role"`
	Name        string              `json:"name,omitempty"`
	Departments []chat.DepartmentID `json:"departments"`
	// By is who invited.
	By        chat.UserID `json:"by"`
	CreatedAt int64       `json:"createdAt"`
	ExpiresAt int64       `json:"expiresAt"`
}

// InvitationList answers GET /v1/invitations.
type InvitationList struct {
	Invitations []Invitation `json:"invitations"`
}

// Link answers what makes a one-time link: the desk's page for it is given the token. It cannot be had again.
type Link struct {
	Invitation string `json:"invitation"`
	Token      string `json:"token"`
	ExpiresAt  int64  `json:"expiresAt"`
}

// AcceptRequest is the body of POST /v1/invitations/accept.
type AcceptRequest struct {
	Token string `json:"token"`
	// Name replaces the one in the invitation.
	Name string `json:"name,omitempty"`
	// Password has 10 to 256 bytes, and is none of those that are guessed first.
	Password string `json:"password"`
}

// ResetRequest is the body of POST /v1/password-resets/accept.
type ResetRequest struct {
	Token    string `json:"token"`
	Password string `json:"password"`
}

// PasswordChange is the body of POST /v1/password. All other sessions of the account are signed out.
type PasswordChange struct {
	Current  string `json:"current"`
	Password string `json:"password"`
}

func peopleRoutes() []route {
	ok, made, none := http.StatusOK, http.StatusCreated, http.StatusNoContent
	member := []Segment{{Name: "id", Summary: "The member of staff.", Prefix: chat.UserPrefix}}
	list := []Parameter{
		{Name: "after", Summary: "The next of the page before."},
		{Name: "limit", Summary: "How many, default 25.", Number: true, Min: 1, Max: maxList},
	}
	invalid, missing := chat.CodeInvalid, chat.CodeNotFound
	return []route{
		{pattern: "GET /v1/staff", command: chat.CommandStaff, polled: true, serve: (*API).listStaff,
			says: says{name: "listStaff", summary: "List the members of staff.", answers: map[int]any{ok: StaffList{}}, query: list, codes: []chat.Code{invalid}}},
		{pattern: "GET /v1/staff/{id}", command: chat.CommandStaff, serve: (*API).staffMember,
			says: says{name: "staffMember", summary: "Read a member of staff.", answers: map[int]any{ok: StaffMember{}}, segments: member, codes: []chat.Code{missing}}},
		{pattern: "PATCH /v1/staff/{id}", command: chat.CommandEditStaff, serve: (*API).changeStaff,
			says: says{name: "changeStaff", summary: "Change or disable a member of staff; the last admin stays one.", request: StaffChange{},
				answers: map[int]any{ok: StaffMember{}}, segments: member, demands: true, codes: []chat.Code{missing}}},
		{pattern: "GET /v1/staff/{id}/sessions", command: chat.CommandEditStaff, serve: (*API).staffSessions,
			says: says{name: "staffSessions", summary: "List the sessions of a member of staff.", answers: map[int]any{ok: SessionList{}}, segments: member, codes: []chat.Code{missing}}},
		{pattern: "DELETE /v1/staff/{id}/sessions", command: chat.CommandEditStaff, serve: (*API).signOutEverywhere,
			says: says{name: "signOutEverywhere", summary: "Sign a member of staff out everywhere, and close their sockets.", answers: map[int]any{none: nil}, segments: member, codes: []chat.Code{missing}}},
		{pattern: "POST /v1/staff/{id}/password-reset", command: chat.CommandEditStaff, idempotent: true, secret: true, serve: (*API).issueReset,
			says: says{name: "issuePasswordReset", summary: "Make a link by which a member of staff can set a new password, for 24 hours, once.",
				answers: map[int]any{made: Link{}}, segments: member, codes: []chat.Code{missing, invalid}}},
		{pattern: "GET /v1/invitations", command: chat.CommandStaff, serve: (*API).listInvitations,
			says: says{name: "listInvitations", summary: "List the invitations that can still be accepted.", answers: map[int]any{ok: InvitationList{}}}},
		{pattern: "POST /v1/invitations", command: chat.CommandEditStaff, idempotent: true, secret: true, serve: (*API).invite,
			says: says{name: "invite", summary: "Invite somebody to the staff: makes a link that works once, for 7 days.", request: InvitationRequest{}, answers: map[int]any{made: Link{}}}},
		{pattern: "DELETE /v1/invitations/{id}", command: chat.CommandEditStaff, serve: (*API).withdraw,
			says: says{name: "withdrawInvitation", summary: "Take an invitation, or a password reset, back.", answers: map[int]any{none: nil},
				segments: []Segment{{Name: "id", Summary: "The invitation.", Prefix: identity.InvitationPrefix}}, codes: []chat.Code{missing}}},
		{pattern: "POST /v1/invitations/accept", open: true, serve: (*API).accept,
			says: says{name: "acceptInvitation", summary: "Accept an invitation: makes the account; sign in next.", request: AcceptRequest{},
				answers: map[int]any{made: StaffMember{}}, codes: []chat.Code{chat.CodeUnauthenticated, chat.CodeForbidden}}},
		{pattern: "POST /v1/password-resets/accept", open: true, serve: (*API).reset,
			says: says{name: "resetPassword", summary: "Set a new password by a link; all sessions of the account are signed out.", request: ResetRequest{},
				answers: map[int]any{none: nil}, codes: []chat.Code{chat.CodeUnauthenticated}}},
		{pattern: "POST /v1/password", command: chat.CommandOwnSessions, serve: (*API).changePassword,
			says: says{name: "changePassword", summary: "Set a new password for oneself; other sessions are signed out.", request: PasswordChange{},
				answers: map[int]any{none: nil}, codes: []chat.Code{chat.CodeUnauthenticated, chat.CodeForbidden}}},
	}
}

// actor is who asks, and from where.
func (c *call) actor() identity.By {
	return identity.By{Principal: c.principal(), Source: source(c.Request)}
}

// done forgives sockets that are left for their next ping to end: what was asked for is done.
func (a *API) done(c *call, err error) error {
	if errors.Is(err, identity.ErrSocketsLeft) {
		a.Log.WarnContext(c.Context(), "sockets left", "user", c.principal().User, "error", err)
		return nil
	}
	return err
}

func memberOf(s identity.Account) StaffMember {
	return StaffMember{
		User: s.User, Email: s.Address, Name: s.Name, PublicName: s.PublicName, Avatar: s.Avatar, Role: s.Role, Departments: departments(s.Departments), Disabled: s.Disabled,
		External: s.External != "", Version: s.Version, CreatedAt: s.Created,
	}
}

// departments lists them, never null.
func departments(list chat.DepartmentList) []chat.DepartmentID {
	return append([]chat.DepartmentID{}, list.All()...)
}

func (a *API) listStaff(c *call) (int, any, error) {
	q := queryOf(c.Request, "after", "limit")
	limit := q.limit(listLimit, maxList)
	var after chat.UserID
	if keys := c.after(q, 1); keys != nil {
		if after = chat.UserID(keys[0]); !after.Valid() {
			q.err = badCursor()
		}
	}
	if q.err != nil {
		return 0, nil, q.err
	}
	list, err := a.People.List(c.Context(), c.actor(), after, limit)
	if err != nil {
		return 0, nil, err
	}
	out := StaffList{Staff: []StaffMember{}}
	for _, s := range list {
		out.Staff = append(out.Staff, memberOf(s))
	}
	if len(list) == limit {
		out.Next = c.next(string(list[limit-1].User))
	}
	return http.StatusOK, out, nil
}

func (a *API) staffMember(c *call) (int, any, error) {
	s, err := a.People.Account(c.Context(), c.actor(), chat.UserID(c.PathValue("id")))
	if err != nil {
		return 0, nil, err
	}
	c.setVersion(s.Version)
	return http.StatusOK, memberOf(s), nil
}

func (a *API) changeStaff(c *call) (int, any, error) {
	version, found, err := c.needVersion()
	if err != nil {
		return 0, nil, err
	}
	body, err := decode[StaffChange](c.Request, false)
	if err != nil {
		return 0, nil, err
	}
	u := chat.UserID(c.PathValue("id"))
	if !found {
		s, err := a.People.Account(c.Context(), c.actor(), u)
		if err != nil {
			return 0, nil, err
		}
		version = s.Version
	}
	s, err := a.People.Change(c.Context(), c.actor(), u, version, identity.StaffChange(body))
	if err := a.done(c, err); err != nil {
		return 0, nil, err
	}
	c.setVersion(s.Version)
	return http.StatusOK, memberOf(s), nil
}

func (a *API) staffSessions(c *call) (int, any, error) {
	list, err := a.People.AdminSessions(c.Context(), c.actor(), chat.UserID(c.PathValue("id")))
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, c.sessionList(list), nil
}

func (a *API) signOutEverywhere(c *call) (int, any, error) {
	err := a.People.SignOutEverywhere(c.Context(), c.actor(), chat.UserID(c.PathValue("id")))
	return http.StatusNoContent, nil, a.done(c, err)
}

func linkOf(i identity.Invitation, token string) Link {
	return Link{Invitation: i.ID, Token: token, ExpiresAt: i.Expires.UnixMilli()}
}

func (a *API) issueReset(c *call) (int, any, error) {
	i, token, err := a.People.IssueReset(c.Context(), c.actor(), chat.UserID(c.PathValue("id")), a.newID(c, identity.InvitationPrefix, "reset"))
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, linkOf(i, token), nil
}

func (a *API) listInvitations(c *call) (int, any, error) {
	list, err := a.People.Invitations(c.Context(), c.actor())
	out := InvitationList{Invitations: []Invitation{}}
	for _, i := range list {
		out.Invitations = append(out.Invitations, Invitation{
			Invitation: i.ID, Email: i.Address, Role: i.Role, Name: i.Name, Departments: departments(i.Departments), By: i.By,
			CreatedAt: i.Created.UnixMilli(), ExpiresAt: i.Expires.UnixMilli(),
		})
	}
	return http.StatusOK, out, err
}

func (a *API) invite(c *call) (int, any, error) {
	body, err := decode[InvitationRequest](c.Request, false)
	if err != nil {
		return 0, nil, err
	}
	i, token, err := a.People.Invite(c.Context(), c.actor(), identity.Offer{
		ID: a.newID(c, identity.InvitationPrefix, "invitation"), Address: body.Email, Name: body.Name, Role: body.Role, Departments: body.Departments,
	})
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, linkOf(i, token), nil
}

func (a *API) withdraw(c *call) (int, any, error) {
	return http.StatusNoContent, nil, a.People.Withdraw(c.Context(), c.actor(), c.PathValue("id"))
}

func (a *API) accept(c *call) (int, any, error) {
	body, err := decode[AcceptRequest](c.Request, false)
	if err != nil {
		return 0, nil, err
	}
	s, err := a.People.Accept(c.Context(), body.Token, body.Name, body.Password, source(c.Request))
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, memberOf(s), nil
}

func (a *API) reset(c *call) (int, any, error) {
	body, err := decode[ResetRequest](c.Request, false)
	if err != nil {
		return 0, nil, err
	}
	err = a.People.Reset(c.Context(), body.Token, body.Password, source(c.Request))
	return http.StatusNoContent, nil, a.done(c, err)
}

func (a *API) changePassword(c *call) (int, any, error) {
	body, err := decode[PasswordChange](c.Request, false)
	if err != nil {
		return 0, nil, err
	}
	err = a.Staff.ChangePassword(c.Context(), a.People, c.actor(), body.Current, body.Password)
	return http.StatusNoContent, nil, a.done(c, err)
}
