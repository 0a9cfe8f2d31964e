package httpapi

import (
	"net/http"
	"strings"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

// Profile is one's own account, and what one may do. Its ETag names its version.
type Profile struct {
	User  chat.UserID `json:"user"`
	Email string      `json:"email"`
	Name  string      `json:"name"`
	// PublicName is what customers see in place of the name.
	PublicName string `json:"publicName,omitempty"`
	// Avatar is the https address of a picture.
	Avatar string `json:"avatar,omitempty"`
	// Locale is the language that the desk speaks; absent for the browser's.
	Locale string `json:"locale,omitempty"`
	// TimeZone is the one in which the desk shows times; absent for the browser's.
	TimeZone string `json:"timeZone,omitempty"`
	// Role and departments are for an admin, or the identity provider, to change.
	Role chat.Role `json:"role"`
	// Departments that one works in; empty for everywhere.
	Departments []chat.DepartmentID `json:"departments"`
	// External accounts sign in at the workspace's identity provider, and have no password here.
	External bool `json:"external,omitempty"`
	// May holds every command that the role may issue, and how far: own, department or workspace. The desk shows what
	// can be done; the server checks it all the same.
	May map[string]string `json:"may"`
	// Workspace that one works for.
	Workspace chat.WorkspaceID `json:"workspace"`
	// WorkspaceName is what it is called.
	WorkspaceName string `json:"workspaceName,omitempty"`
	// Version is what If-Match names, as "v" and this number in quotes.
	Version uint64 `json:"version"`
}

// ProfileChange is the body of PATCH /v1/me; what is absent stays, and "" takes all but the name off.
type ProfileChange struct {
	// Name has 1 to 100 bytes.
	Name *string `json:"name,omitempty"`
	// PublicName has at most 100 bytes.
	PublicName *string `json:"publicName,omitempty"`
	// Avatar is an https address of at most 500 bytes.
	Avatar *string `json:"avatar,omitempty"`
	// Locale is a language tag, such as de-CH.
	Locale *string `json:"locale,omitempty"`
	// TimeZone is a name such as Europe/Zurich.
	TimeZone *string `json:"timeZone,omitempty"`
}

// Preferences are what the desk remembers for somebody: sounds, notifications, layout. Their names and meanings are the
// desk's; the server keeps them. Their ETag names their version.
type Preferences struct {
	// Values by name: at most 100, names of 1 to 64 bytes, values of at most 1024, 16 KiB in all.
	Values map[string]string `json:"values"`
	// Version is what If-Match names, as "v" and this number in quotes; it counts only where it is read.
	Version uint64 `json:"version,omitempty"`
}

// Person is how others see somebody who answers customers.
type Person struct {
	User chat.UserID `json:"user"`
	// Role is that of staff, bot or api_key; to customers all of staff are operators.
	Role chat.Role `json:"role"`
	// Name, or for customers the public one. It may hold markup: show it as text.
	Name string `json:"name"`
	// Avatar is the https address of a picture.
	Avatar string `json:"avatar,omitempty"`
	// PublicName is what customers see in place of the name; customers see it as the name.
	PublicName string `json:"publicName,omitempty"`
	// Disabled people do not come back; customers are not told.
	Disabled bool `json:"disabled,omitempty"`
}

// PersonList answers GET /v1/people: those of the users that there are, in no order; without users the staff, by id.
// Customers, the system, and keys where a customer asks, are in none.
type PersonList struct {
	// People that there are.
	People []Person `json:"people"`
	// Next, when set, continues the list of the staff: the parameter after of the next request.
	Next string `json:"next,omitempty"`
}

func profileRoutes() []route {
	ok := http.StatusOK
	return []route{
		{pattern: "GET /v1/me", command: chat.CommandProfile, serve: (*API).profile, says: says{
			name: "profile", summary: "Read one's own account, and what one may do.", answers: map[int]any{ok: Profile{}}}},
		{pattern: "PATCH /v1/me", command: chat.CommandProfile, serve: (*API).changeProfile, says: says{
			name: "changeProfile", summary: "Change one's own name, picture, language or time zone.", request: ProfileChange{}, answers: map[int]any{ok: Profile{}}, demands: true}},
		{pattern: "GET /v1/me/preferences", command: chat.CommandProfile, serve: (*API).preferences, says: says{
			name: "preferences", summary: "Read what the desk remembers for oneself.", answers: map[int]any{ok: Preferences{}}}},
		{pattern: "PUT /v1/me/preferences", command: chat.CommandProfile, serve: (*API).replacePreferences, says: says{
			name: "replacePreferences", summary: "Have the desk remember something else for oneself. If-Match is needed: the ETag of what was read, or *.",
			request: Preferences{}, answers: map[int]any{ok: Preferences{}}, demands: true}},
		{pattern: "GET /v1/people", command: chat.CommandPeople, polled: true, serve: (*API).people, says: says{
			name: "listPeople", summary: "See who those are that answer: names and pictures of staff and bots, by their ids; or, for staff, all colleagues.", answers: map[int]any{ok: PersonList{}},
			query: []Parameter{
				{Name: "users", Summary: "Up to 100 ids of users, separated by commas: senders of events, participants. Customers need it; without it all of the staff are listed."},
				{Name: "after", Summary: "The next of the page before. Not with users."},
				{Name: "limit", Summary: "How many of the staff, default 100. With users it changes nothing.", Number: true, Min: 1, Max: maxList},
			}, codes: []chat.Code{chat.CodeInvalid}}},
	}
}

// answerProfile tells of one's own account.
func (a *API) answerProfile(c *call, s identity.Account) (int, any, error) {
	w, _, err := a.Staff.Workspaces.Workspace(c.Context(), s.Workspace)
	if err != nil {
		return 0, nil, err
	}
	c.setVersion(s.Version)
	return http.StatusOK, Profile{
		User: s.User, Email: s.Address, Name: s.Name, PublicName: s.PublicName, Avatar: s.Avatar, Locale: s.Locale, TimeZone: s.TimeZone,
		Role: s.Role, Departments: departments(s.Departments), External: s.External != "", May: may(s.Role), Workspace: s.Workspace,
		WorkspaceName: w.Name, Version: s.Version,
	}, nil
}

// may lists what the role may do.
func may(r chat.Role) map[string]string {
	reach := map[chat.Scope]string{chat.Own: "own", chat.Department: "department", chat.Workspace: "workspace"}
	out := map[string]string{}
	for _, c := range chat.Commands() {
		if text := reach[chat.Allowed(r, c)]; text != "" {
			out[string(c)] = text
		}
	}
	return out
}

func (a *API) profile(c *call) (int, any, error) {
	s, err := a.People.Profile(c.Context(), c.actor())
	if err != nil {
		return 0, nil, err
	}
	return a.answerProfile(c, s)
}

func (a *API) changeProfile(c *call) (int, any, error) {
	body, err := decode[ProfileChange](c.Request, false)
	if err != nil {
		return 0, nil, err
	}
	version, err := c.demanded()
	if err != nil {
		return 0, nil, err
	}
	s, err := a.People.ChangeProfile(c.Context(), c.actor(), version, identity.ProfileChange(body))
	if err := a.done(c, err); err != nil {
		return 0, nil, err
	}
	return a.answerProfile(c, s)
}

func (a *API) preferences(c *call) (int, any, error) {
	p, err := a.People.Preferences(c.Context(), c.actor())
	if err != nil {
		return 0, nil, err
	}
	c.setVersion(p.Version)
	return http.StatusOK, Preferences(p), nil
}

func (a *API) replacePreferences(c *call) (int, any, error) {
	body, err := decodeUpTo[Preferences](c.Request, false, MaxDocumentBody)
	if err != nil {
		return 0, nil, err
	}
	version, err := c.demanded()
	if err != nil {
		return 0, nil, err
	}
	if body.Values == nil {
		return 0, nil, chat.Errorf(chat.CodeInvalid, "values: needed; {} for none")
	}
	p, err := a.People.SetPreferences(c.Context(), c.actor(), version, body.Values)
	if err != nil {
		return 0, nil, err
	}
	c.setVersion(p.Version)
	return http.StatusOK, Preferences(p), nil
}

// peopleLife is how long a browser may keep names and pictures: a change shows within it.
const peopleLife = "60" // seconds

func (a *API) people(c *call) (int, any, error) {
	q := queryOf(c.Request, "users", "after", "limit")
	after, limit := c.after(q, 1), q.limit(maxList, maxList)
	if q.err != nil {
		return 0, nil, q.err
	}
	out := PersonList{People: []Person{}}
	var list []identity.Person
	var err error
	switch named := q.values.Has("users"); {
	case named && after != nil:
		err = chat.Errorf(chat.CodeInvalid, "after: not with users")
	case named:
		list, err = a.People.Who(c.Context(), c.actor(), usersOf(q.text("users")))
	default:
		if list, err = a.colleaguesBehind(c, after, limit); err == nil && len(list) == limit {
			out.Next = c.next(string(list[limit-1].User))
		}
	}
	if err != nil {
		return 0, nil, err
	}
	for _, p := range list {
		out.People = append(out.People, Person{User: p.User, Role: p.Role, Name: p.Name, Avatar: p.Avatar, PublicName: p.PublicName, Disabled: p.Disabled})
	}
	c.answer.Set("Cache-Control", "private, max-age="+peopleLife)
	c.answer.Add("Vary", "Authorization, Origin")
	return http.StatusOK, out, nil
}

func (a *API) colleaguesBehind(c *call, after []string, limit int) ([]identity.Person, error) {
	var place chat.UserID
	if after != nil {
		if place = chat.UserID(after[0]); !place.Valid() {
			return nil, badCursor()
		}
	}
	return a.People.Colleagues(c.Context(), c.actor(), place, limit)
}

func usersOf(list string) (users []chat.UserID) {
	for id := range strings.SplitSeq(list, ",") {
		if id != "" {
			users = append(users, chat.UserID(id))
		}
	}
	return users
}
