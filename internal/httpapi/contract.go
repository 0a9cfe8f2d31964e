package httpapi

import (
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
	"github.com/parley-chat/parley/internal/protocol"
)

// The bodies of the API. Within /v1 fields are only added. Times are Unix milliseconds, the server's clock.

// MaxBody is the largest request body in bytes.
const MaxBody = 16 << 10

// CustomerSessionRequest is the body of POST /v1/customer-sessions. With an Authorization header the session of
// that token is returned (200) and kept alive, else a new anonymous customer is made (201). With an identity the
// session is that of the customer whom the business's token names: a new one (201), in which case the one before is
// revoked, or the same (200), if it is theirs already.
//
// Errors: invalid; not_found (widget_unknown); forbidden (origin_not_allowed: the Origin header is absent or not
// among the widget's); unauthenticated (session_unknown, session_expired, session_revoked: forget the token; ask
// again without one to be a new customer).
type CustomerSessionRequest struct {
	// WidgetKey says whose widget this is: "wk_…", at most 64 bytes.
	WidgetKey string `json:"widgetKey"`
	// Identity is the business's token that says who this is: a JWT, at most 8 KiB, good for once.
	Identity string `json:"identity,omitempty"`
}

// StaffSessionRequest is the body of POST /v1/staff-sessions (201).
//
// Errors: invalid; unauthenticated (wrong_credentials); too_fast (throttled; Retry-After says how long); forbidden
// (origin_not_allowed, only with a right password).
type StaffSessionRequest struct {
	Email string `json:"email"`
	// Password is at most 256 bytes.
	Password string `json:"password"`
	// Refresh asks for a pair of tokens: an access token of 15 minutes, and a refresh token that gets the next pair.
	// Without it the session has one token, for 12 hours.
	Refresh bool `json:"refresh,omitempty"`
}

// Session answers both of the above and GET /v1/sessions/current. DELETE /v1/sessions/current signs it out (204)
// and closes its sockets after a bye.
type Session struct {
	// Token authenticates further requests: "Authorization: Bearer <token>". It cannot be had again; absent from
	// GET /v1/sessions/current.
	Token     string           `json:"token,omitempty"`
	Session   chat.SessionID   `json:"session"`
	Workspace chat.WorkspaceID `json:"workspace"`
	User      chat.UserID      `json:"user"`
	Role      chat.Role        `json:"role"`
	// Name of a member of staff.
	Name string `json:"name,omitempty"`
	// ExpiresAt is 12 hours after sign-in for staff, or 7 days after the last refresh and at most 30 after sign-in; for
	// customers 180 days after the last use, counted in days.
	ExpiresAt int64 `json:"expiresAt"`
	// Departments that a member of staff works in; absent for everywhere.
	Departments []chat.DepartmentID `json:"departments,omitempty"`
	// TokenExpiresAt is when Token ends, for sessions that are refreshed: refresh them before.
	TokenExpiresAt int64 `json:"tokenExpiresAt,omitempty"`
	// RefreshToken gets the next Token, once. It cannot be had again.
	RefreshToken string `json:"refreshToken,omitempty"`
}

// TicketRequest is the body of POST /v1/socket-tickets (201); an empty body is the same as {}.
//
// Errors: unauthenticated (session_unknown, session_expired, session_revoked); forbidden (origin_not_allowed).
type TicketRequest struct {
	// Previous is the ticket of a handshake that failed: browsers cannot read why, the answer says.
	Previous string `json:"previous,omitempty"`
}

// Ticket answers POST /v1/socket-tickets: open url + "?ticket=" + ticket, once, before expiresAt (30 s), from the
// same origin. Subprotocol parley.v1 may be offered.
type Ticket struct {
	Ticket    string `json:"ticket"`
	ExpiresAt int64  `json:"expiresAt"`
	// URL of the socket, without the ticket.
	URL string `json:"url"`
	// Previous says what became of the previous ticket, if one was named: "used" (it has opened a socket),
	// "expired", "invalid" (not issued to this session) or "unused" (still good: the trouble is elsewhere).
	Previous identity.Fate `json:"previous,omitempty"`
}

// ConversationList answers GET /v1/conversations: one's own, open ones first, newest first.
//
// Parameters: status (open, closed; default both), after (next of the page before), limit (1 to 100, default 25).
// With status=waiting, for staff: those that wait for an operator, longest first.
// Errors: invalid; unauthenticated; forbidden.
type ConversationList struct {
	Conversations []ConversationEntry `json:"conversations"`
	// Waiting is set with status=waiting.
	Waiting []protocol.WaitingEntry `json:"waiting,omitempty"`
	// Next, when set, continues the list: the parameter after of the next request.
	Next string `json:"next,omitempty"`
}

// ConversationEntry is one line of the list.
type ConversationEntry struct {
	Conversation chat.ConversationID `json:"conversation"`
	Open         bool                `json:"open"`
	Summary
	// WaitingSince is when the customer wrote the first message that no person has answered: Unix milliseconds, absent when
	// there is none. Staff only, of open conversations, as Unread.
	WaitingSince int64 `json:"waitingSince,omitempty"`
	// Unread counts the customer's messages behind one's own read cursor, up to 100.
	Unread int `json:"unread,omitempty"`
}

// Summary is how a conversation shows in a list. All of it is absent where the caller may not read the conversation.
type Summary struct {
	// Status of the conversation, as the caller may know it.
	Status chat.Status `json:"status,omitempty"`
	// Customer whose conversation it is.
	Customer chat.UserID `json:"customer,omitempty"`
	// Assignee is its operator.
	Assignee chat.UserID `json:"assignee,omitempty"`
	// Department where it belongs.
	Department chat.DepartmentID `json:"department,omitempty"`
	// Priority is shown to staff only, absent for 0.
	Priority int `json:"priority,omitempty"`
	// Last is the newest message that both sides see and nobody has withdrawn; absent when the newest 50 events hold none.
	Last *Excerpt `json:"last,omitempty"`
}

// Excerpt is the beginning of a message: one line of a list.
type Excerpt struct {
	// Seq of the message on the public track.
	Seq uint64 `json:"seq"`
	// At is when it was stored: Unix milliseconds.
	At     int64       `json:"at"`
	Sender chat.UserID `json:"sender"`
	Role   chat.Role   `json:"role"`
	// Text as last edited, cut after at most 160 bytes.
	Text string `json:"text"`
}

// Conversation answers GET /v1/conversations/{id}: the state of play and the newest events, as a socket's welcome
// has them. Errors: invalid; unauthenticated; not_found (also for conversations of others).
type Conversation = protocol.Snapshot

// EventPage answers GET /v1/conversations/{id}/events: a range of a track, oldest first, without a hole.
//
// Parameters: track (public, or desk for staff), after or before (a seq; with neither the newest), limit (1 to
// 200, default 50). Errors: invalid; unauthenticated; forbidden (desk); not_found.
type EventPage struct {
	Conversation chat.ConversationID `json:"conversation"`
	Track        chat.Track          `json:"track"`
	Gen          uint32              `json:"gen"`
	// Head is the seq of the track's newest event.
	Head   uint64           `json:"head"`
	Events []protocol.Event `json:"events"`
	// More says that there are further events in the direction asked for.
	More bool `json:"more,omitempty"`
}

// Health answers GET /v1/health (200). With deep=1, for staff, the table is read too: unavailable (503) if it
// does not answer.
type Health struct {
	Status  string `json:"status"` // "ok"
	Version string `json:"version"`
	Region  string `json:"region"`
}

// Problem is the body of every error, with content type application/problem+json (RFC 9457).
type Problem struct {
	// Type names the code's entry in the page of errors, relative to the API's address: "/v1/docs/errors#too_fast".
	Type string `json:"type"`
	// Title is the name of the HTTP status.
	Title  string `json:"title"`
	Status int    `json:"status"`
	// Detail says, for developers, what to do. It is not meant for end users.
	Detail string    `json:"detail"`
	Code   chat.Code `json:"code"`
	// Reason is more exact than Code, where there is something to tell apart.
	Reason identity.Reason `json:"reason,omitempty"`
	// Retryable says that the same request may be sent again unchanged.
	Retryable bool `json:"retryable,omitempty"`
	// RetryAfter is how many milliseconds to wait first.
	RetryAfter int64 `json:"retryAfter,omitempty"`
	// Fields says what is wrong with each answer of a form, or field of the request, by its name; with in_use, what refers to
	// the thing, by kind.
	Fields map[string]string `json:"fields,omitempty"`
}
