package httpapi

import (
	"errors"
	"net"
	"net/http"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

func (a *API) signIn(c *call) (int, any, error) {
	body, err := decode[StaffSessionRequest](c.Request, false)
	if err != nil {
		return 0, nil, err
	}
	c.session, err = a.Staff.SignIn(c.Context(), body.Email, body.Password, c.device(), body.Refresh)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, sessionOf(c.session, true), nil
}

// device tells of the program that signs in.
func (c *call) device() identity.Device {
	return identity.Device{Source: source(c.Request), Origin: c.Header.Get("Origin"), Agent: c.Header.Get("User-Agent")}
}

func (a *API) currentSession(c *call) (int, any, error) {
	return http.StatusOK, sessionOf(c.session, false), nil
}

// signOut succeeds when the session is revoked, even if a socket of it is left for its next ping to end.
func (a *API) signOut(c *call) (int, any, error) {
	err := a.Sessions.Revoke(c.Context(), c.session.Session)
	if errors.Is(err, identity.ErrSocketsLeft) {
		a.Log.WarnContext(c.Context(), "signed out", "session", c.session.Session.ID, "error", err)
		err = nil
	}
	return http.StatusNoContent, nil, err
}

func (a *API) issueTicket(c *call) (int, any, error) {
	body, err := decode[TicketRequest](c.Request, true)
	if err != nil {
		return 0, nil, err
	}
	if err := a.welcome(c); err != nil {
		return 0, nil, err
	}
	issued, err := a.Tickets.Issue(c.Context(), c.session, c.Header.Get("Origin"))
	if err != nil {
		return 0, nil, err
	}
	out := Ticket{Ticket: issued.Text, ExpiresAt: issued.Expires.UnixMilli(), URL: a.SocketURL}
	if body.Previous != "" {
		if out.Previous, err = a.Tickets.Explain(c.Context(), c.session.Token, body.Previous); err != nil {
			return 0, nil, err
		}
	}
	return http.StatusCreated, out, nil
}

func (a *API) health(c *call) (int, any, error) {
	q := queryOf(c.Request, "deep")
	if q.err != nil {
		return 0, nil, q.err
	}
	if q.text("deep") != "" {
		if err := a.checkTable(c); err != nil {
			return 0, nil, err
		}
	}
	return http.StatusOK, Health{Status: "ok", Version: a.Version, Region: a.Region}, nil
}

// checkTable reads the table twice, for staff: the session and the workspace's settings.
func (a *API) checkTable(c *call) error {
	if err := a.authenticate(c, ""); err != nil {
		return err
	}
	if !c.session.Session.Role.Staff() {
		return chat.Errorf(chat.CodeForbidden, "deep: for staff")
	}
	_, _, err := a.Workspaces.Workspace(c.Context(), c.session.Session.Workspace)
	return err
}

func sessionOf(o identity.Opened, withToken bool) Session {
	s := o.Session
	out := Session{
		Session: s.ID, Workspace: s.Workspace, User: s.User, Role: s.Role, Name: s.Name, Departments: s.Departments.All(),
		ExpiresAt: s.Expires.UnixMilli(), TokenExpiresAt: millis(s.AccessUntil()),
	}
	if withToken {
		out.Token, out.RefreshToken = o.Token.Text(), o.Refresh.Text()
	}
	return out
}

// source is the caller's network address as the gateway saw it: the peer of its TCP connection, which the caller
// cannot choose. Behind a CDN it is the CDN's.
func source(r *http.Request) string {
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		return host
	}
	return r.RemoteAddr
}
