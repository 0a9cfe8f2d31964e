package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// API calls the HTTP API, as one origin. It is safe for concurrent use.
type API struct {
	// Base is the address of the API, without a slash at its end.
	Base string
	// Origin is the Origin header of every request and handshake: the site that the client runs on.
	Origin string
	// HTTP defaults to http.DefaultClient.
	HTTP *http.Client
}

// Session is a signed-in principal.
type Session struct {
	Token     string           `json:"token"`
	Session   chat.SessionID   `json:"session"`
	Workspace chat.WorkspaceID `json:"workspace"`
	User      chat.UserID      `json:"user"`
	Role      chat.Role        `json:"role"`
	ExpiresAt int64            `json:"expiresAt"` // Unix milliseconds
	// RefreshToken gets the next token, once; TokenExpiresAt is when the token ends, in Unix milliseconds. Both are absent
	// where the token lasts as long as the session.
	RefreshToken   string `json:"refreshToken,omitempty"`
	TokenExpiresAt int64  `json:"tokenExpiresAt,omitempty"`
}

// Ticket opens one socket, once, within seconds.
type Ticket struct {
	Ticket    string `json:"ticket"`
	ExpiresAt int64  `json:"expiresAt"` // Unix milliseconds
	URL       string `json:"url"`       // of the socket, without the ticket
}

// Address is where to open the socket.
func (t Ticket) Address() string { return t.URL + "?ticket=" + url.QueryEscape(t.Ticket) }

// EventPage is a range of a track.
type EventPage struct {
	Gen    uint32           `json:"gen"`
	Head   uint64           `json:"head"`
	Events []protocol.Event `json:"events"`
	More   bool             `json:"more"`
}

// maxAnswer bounds what is read of an answer: pages hold at most 512 KB of events.
const maxAnswer = 4 << 20

// StartCustomer makes a new anonymous customer, or takes up the session of a token.
func (a *API) StartCustomer(ctx context.Context, widgetKey, token string) (s Session, err error) {
	err = a.call(ctx, http.MethodPost, "/v1/customer-sessions", token, map[string]string{"widgetKey": widgetKey}, &s)
	return s, err
}

// SignIn signs a member of staff in.
func (a *API) SignIn(ctx context.Context, email, password string) (s Session, err error) {
	err = a.call(ctx, http.MethodPost, "/v1/staff-sessions", "", map[string]string{"email": email, "password": password}, &s)
	return s, err
}

// SignInRefreshed signs a member of staff in to a session whose tokens a Keeper exchanges.
func (a *API) SignInRefreshed(ctx context.Context, email, password string) (s Session, err error) {
	body := map[string]any{"email": email, "password": password, "refresh": true}
	err = a.call(ctx, http.MethodPost, "/v1/staff-sessions", "", body, &s)
	return s, err
}

// Refresh exchanges a refresh token. When the answer is lost the same token gets it again.
func (a *API) Refresh(ctx context.Context, refreshToken string) (s Session, err error) {
	err = a.call(ctx, http.MethodPost, "/v1/staff-sessions/refresh", "", map[string]string{"refreshToken": refreshToken}, &s)
	return s, err
}

// Call makes any request of the HTTP API (events/openapi.json): body and answer as JSON, nil for none. An answer that is
// an error is returned as *chat.Error.
func (a *API) Call(ctx context.Context, method, path, token string, body, out any) error {
	return a.call(ctx, method, path, token, body, out)
}

// SignOut revokes the session and closes its sockets.
func (a *API) SignOut(ctx context.Context, token string) error {
	return a.call(ctx, http.MethodDelete, "/v1/sessions/current", token, nil, nil)
}

// Ticket gets a ticket for one socket.
func (a *API) Ticket(ctx context.Context, token string) (t Ticket, err error) {
	err = a.call(ctx, http.MethodPost, "/v1/socket-tickets", token, struct{}{}, &t)
	return t, err
}

// Waiting lists the conversations that wait for an operator, longest first; staff only.
func (a *API) Waiting(ctx context.Context, token string) ([]protocol.WaitingEntry, error) {
	var list struct{ Waiting []protocol.WaitingEntry }
	err := a.call(ctx, http.MethodGet, "/v1/conversations?status=waiting&limit=100", token, nil, &list)
	return list.Waiting, err
}

// Events returns the events of a track behind a seq, as many as one page holds.
func (a *API) Events(ctx context.Context, token string, id chat.ConversationID, t chat.Track, after uint64) (p EventPage, err error) {
	q := url.Values{"track": {string(t)}, "after": {strconv.FormatUint(after, 10)}, "limit": {strconv.Itoa(maxPage)}}
	err = a.call(ctx, http.MethodGet, "/v1/conversations/"+url.PathEscape(string(id))+"/events?"+q.Encode(), token, nil, &p)
	return p, err
}

// Log returns a whole track: what every view must be equal to.
func (a *API) Log(ctx context.Context, token string, id chat.ConversationID, t chat.Track) ([]protocol.Event, error) {
	var events []protocol.Event
	for {
		p, err := a.Events(ctx, token, id, t, uint64(len(events)))
		if err != nil {
			return nil, err
		}
		events = append(events, p.Events...)
		if !p.More || len(p.Events) == 0 {
			return events, nil
		}
	}
}

// call makes one request. An answer that is an error is returned as *chat.Error.
func (a *API) call(ctx context.Context, method, path, token string, body, out any) error {
	var payload io.Reader
	if body != nil {
		payload = bytes.NewReader(encode(body))
	}
	req, err := http.NewRequestWithContext(ctx, method, a.Base+path, payload)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Origin", a.Origin)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	h := a.HTTP
	if h == nil {
		h = http.DefaultClient
	}
	res, err := h.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }() // it was read to its end
	b, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return err
	}
	return answer(res, b, out)
}

func answer(res *http.Response, b []byte, out any) error {
	if res.StatusCode/100 != 2 {
		return problem(res.Status, b)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(b, out); err != nil {
		return fmt.Errorf("client: the answer of %s: %w", res.Request.URL.Path, err)
	}
	return nil
}

// problem reads an error's body (RFC 9457), or makes do with the status: the gateway's own errors have no code.
func problem(status string, b []byte) error {
	var p struct {
		Detail     string    `json:"detail"`
		Code       chat.Code `json:"code"`
		RetryAfter int64     `json:"retryAfter"`
	}
	if json.Unmarshal(b, &p) != nil || p.Code == "" {
		return chat.Errorf(chat.CodeUnavailable, "%s: %s", status, strings.TrimSpace(string(b[:min(len(b), 200)])))
	}
	e := chat.Errorf(p.Code, "%s", p.Detail)
	e.RetryAfter = time.Duration(p.RetryAfter) * time.Millisecond
	return e
}
