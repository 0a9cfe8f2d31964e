package httpapi

import (
	"net/http"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

// RefreshRequest is the body of POST /v1/staff-sessions/refresh. The answer is a session with the next pair of tokens.
// When the answer is lost the same request gets a pair again; a refresh token that comes back after its successor was
// used signs the session out: somebody else has it.
//
// Errors: unauthenticated (session_unknown, session_expired, session_revoked, refresh_reused, provider_refused,
// no_role: sign in again); unavailable (the identity provider does not answer: try again).
type RefreshRequest struct {
	RefreshToken string `json:"refreshToken"`
}

// SessionList answers GET /v1/sessions and GET /v1/staff/{id}/sessions: those that hold, newest first.
type SessionList struct {
	Sessions []SessionEntry `json:"sessions"`
}

// SessionEntry is one sign-in.
type SessionEntry struct {
	Session chat.SessionID `json:"session"`
	// Current says that it is the one that asks.
	Current   bool  `json:"current,omitempty"`
	CreatedAt int64 `json:"createdAt"`
	// UsedAt is when it was last seen in use, up to 15 minutes behind.
	UsedAt    int64 `json:"usedAt,omitempty"`
	ExpiresAt int64 `json:"expiresAt"`
	// Agent is the User-Agent that it was opened with, Address the network address.
	Agent   string `json:"agent,omitempty"`
	Address string `json:"address,omitempty"`
}

func sessionRoutes() []route {
	ok := http.StatusOK
	return []route{
		{pattern: "POST /v1/staff-sessions/refresh", open: true, serve: (*API).refresh,
			says: says{name: "refreshSession", summary: "Get the next pair of tokens of a session.", request: RefreshRequest{},
				answers: map[int]any{ok: Session{}}, codes: []chat.Code{chat.CodeUnauthenticated}}},
		{pattern: "GET /v1/sessions", command: chat.CommandOwnSessions, serve: (*API).ownSessions,
			says: says{name: "listSessions", summary: "List one's own sessions.", answers: map[int]any{ok: SessionList{}}}},
		{pattern: "DELETE /v1/sessions/{id}", command: chat.CommandOwnSessions, serve: (*API).revokeSession,
			says: says{name: "revokeSession", summary: "Sign one of one's own sessions out, and close its sockets.", answers: map[int]any{http.StatusNoContent: nil},
				segments: []Segment{{Name: "id", Summary: "The session.", Prefix: chat.SessionPrefix}}, codes: []chat.Code{chat.CodeNotFound}}},
	}
}

func (a *API) refresh(c *call) (int, any, error) {
	body, err := decode[RefreshRequest](c.Request, false)
	if err != nil {
		return 0, nil, err
	}
	c.session, err = a.Sessions.Refresh(c.Context(), body.RefreshToken, source(c.Request))
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, sessionOf(c.session, true), nil
}

func (a *API) ownSessions(c *call) (int, any, error) {
	p := c.principal()
	list, err := a.Sessions.List(c.Context(), p.Workspace, p.User)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, c.sessionList(list), nil
}

func (c *call) sessionList(list []identity.Session) SessionList {
	out := SessionList{Sessions: []SessionEntry{}}
	for _, s := range list {
		out.Sessions = append(out.Sessions, SessionEntry{
			Session: s.ID, Current: s.ID == c.principal().Session && s.User == c.principal().User, CreatedAt: s.Created.UnixMilli(),
			UsedAt: millis(s.Used), ExpiresAt: s.Expires.UnixMilli(), Agent: s.Agent, Address: s.Source,
		})
	}
	return out
}

func (a *API) revokeSession(c *call) (int, any, error) {
	p := c.principal()
	err := a.Sessions.RevokeOne(c.Context(), p.Workspace, p.User, chat.SessionID(c.PathValue("id")))
	return http.StatusNoContent, nil, a.done(c, err)
}
