package identity

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// Lifetimes of sessions.
const (
	// CustomerLife is how long a customer's device is remembered after its last use.
	CustomerLife = 180 * 24 * time.Hour
	// CustomerRenewal is how often at most using a customer's session extends it: a write a day, not one a request.
	CustomerRenewal = 24 * time.Hour
	// StaffLife is how long a staff session lasts, used or not: a working day with its breaks.
	StaffLife = 12 * time.Hour
)

// Session is one sign-in of one user.
type Session struct {
	Workspace chat.WorkspaceID
	User      chat.UserID
	ID        chat.SessionID
	Role      chat.Role
	Name      string // staff only
	// Departments lists where a member of staff works; none means everywhere.
	Departments chat.DepartmentList
	// Grants of a bot or an API key, which have no session: Keys makes up one per request and nobody stores it.
	Grants chat.GrantList
	// Widget is the key that a customer's session began with; its origins govern the session.
	Widget  string
	Digest  Digest
	Created time.Time
	// Renewed is when Expires was last set.
	Renewed time.Time
	Expires time.Time
	// Revoked is when the session was signed out; zero while it holds.
	Revoked time.Time

	// Agent is the User-Agent that the session was opened with, Source the network address: staff only, so that people
	// can tell their sessions apart.
	Agent, Source string
	// Used is when the session was last seen in use, some minutes behind: staff only.
	Used time.Time
	// Version counts the changes by SwapSession.
	Version uint64
	// Pair is the present pair of tokens of a session that is refreshed; its Number is 0 for one whose token lasts.
	Pair Pair
	// Vouched says until when an identity provider has vouched for the user; zero for sessions without one.
	Vouched time.Time
	// Asking is until when a refresh may be asking the provider: another one waits.
	Asking time.Time
	// Keepsake is what the provider is asked with again, sealed under the refresh token.
	Keepsake []byte
}

// Principal returns the session's user as the issuer of commands.
func (s Session) Principal() chat.Principal {
	var until int64
	if !s.Vouched.IsZero() {
		until = s.Vouched.UnixMilli()
	}
	return chat.Principal{
		Until: until, Workspace: s.Workspace, User: s.User, Role: s.Role, Session: s.ID, Departments: s.Departments, Grants: s.Grants,
	}
}

// stands says why the session does not stand for its user at the time: it does not hold, or its identity provider must
// be asked again first.
func (s Session) stands(now time.Time) error {
	if err := s.holds(now); err != nil {
		return err
	}
	if !s.Vouched.IsZero() && !now.Before(s.Vouched) {
		return refuse(chat.CodeUnauthenticated, ReasonRecheckNeeded, "the identity provider must be asked again: refresh the session")
	}
	return nil
}

// holds says why the session does not hold at the time; nil when it does.
func (s Session) holds(now time.Time) error {
	switch {
	case !s.Revoked.IsZero():
		return refuse(chat.CodeUnauthenticated, ReasonSessionRevoked, "the session was signed out; sign in again")
	case !now.Before(s.Expires):
		return refuse(chat.CodeUnauthenticated, ReasonSessionExpired, "the session has expired; sign in again")
	}
	return nil
}

// SessionStore keeps sessions, with millisecond precision. Reads are consistent. Rows vanish some days after
// they expire.
type SessionStore interface {
	// PutSession stores a new session.
	PutSession(context.Context, Session) error
	// Session returns false when there is no such session.
	Session(context.Context, chat.WorkspaceID, chat.UserID, chat.SessionID) (Session, bool, error)
	// RenewSession sets Renewed and Expires of a session that is not revoked and whose Renewed is older;
	// otherwise it changes nothing.
	RenewSession(ctx context.Context, s Session, renewed, expires time.Time) error
	// RevokeSession sets Revoked; revoking again keeps the first time, and no session is no error.
	RevokeSession(ctx context.Context, s Session, at time.Time) error
	// SwapSession replaces a session that still has the version old.Version and is not revoked, and counts the version
	// up. ErrConflict.
	SwapSession(ctx context.Context, old, next Session) error
	// SessionsOf lists a user's sessions, those that ended some days ago included, newest first.
	SessionsOf(context.Context, chat.WorkspaceID, chat.UserID) ([]Session, error)
}

// Sockets ends live sockets.
type Sockets interface {
	// EndSession says bye to every live socket of the session and deletes it. Clients come back with a new ticket unless
	// the reason is chat.CodeUnauthenticated. A socket that is gone already
	// is no error; one that could not be deleted now is found out by the check at its next ping.
	EndSession(ctx context.Context, p chat.Principal, reason chat.Code) error
}

// Desk has those who take conversations follow the staff, as chat.Service does. Both do nothing for somebody who never
// took any, and may be repeated. by may lack a user: then it is the system. Errors: those of chat.Service.
type Desk interface {
	// FollowAccount has what routing knows of somebody follow their account.
	FollowAccount(ctx context.Context, by chat.Principal, p chat.Posting) error
	// Dismiss takes somebody off duty who belongs to the staff no more, and hands their conversations back.
	Dismiss(ctx context.Context, by chat.Principal, u chat.UserID, reason string) error
}

// ErrSocketsLeft wraps what went wrong when a session was revoked but not all its sockets could be ended: they
// end at their next ping.
var ErrSocketsLeft = errors.New("the session is revoked, but sockets of it may be open until their next ping")

// Sessions opens, checks and ends sessions.
type Sessions struct {
	Store SessionStore
	// Sockets may be nil: then sockets of a revoked session end at their next ping.
	Sockets Sockets
	// Accounts is read for staff: by sign-in and refresh, so that no session outlives a change of its account.
	Accounts Accounts
	// Providers asks identity providers again; nil where there are none.
	Providers Rechecker
	// Desk may be nil: then routing knows of changes of accounts only what it is told otherwise.
	Desk Desk
	// Audit may be nil: then nothing is written of refresh tokens that come again.
	Audit *Audit
	// Now is the clock, time.Now if nil.
	Now func() time.Time
}

func (s *Sessions) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

// Opened is a session with its token, which is not stored and cannot be had again.
type Opened struct {
	Session Session
	Token   Token
	// Refresh gets the next pair of tokens; zero for sessions whose token lasts.
	Refresh RefreshToken
}

// open starts a session for the user named in it.
func (s *Sessions) open(ctx context.Context, session Session, life time.Duration) (Opened, error) {
	now := s.now().Truncate(time.Millisecond)
	session.ID = chat.SessionID(chat.NewID(chat.SessionPrefix, now))
	token := newToken(session.Workspace, session.User, session.ID)
	session.Digest = token.Digest()
	session.Created, session.Renewed, session.Expires = now, now, now.Add(life)
	if err := s.Store.PutSession(ctx, session); err != nil {
		return Opened{}, fmt.Errorf("storing a session: %w", err)
	}
	return Opened{Session: session, Token: token}, nil
}

// Authenticate returns the session that the token's text proves, by one consistent read. Using a customer's
// session extends it, at most once a day. Errors: *Refusal with CodeUnauthenticated, or the store's.
func (s *Sessions) Authenticate(ctx context.Context, text string) (Opened, error) {
	token, err := ParseToken(text)
	if err != nil {
		return Opened{}, err
	}
	session, ok, err := s.Store.Session(ctx, token.Workspace, token.User, token.Session)
	if err != nil {
		return Opened{}, fmt.Errorf("reading a session: %w", err)
	}
	// Whether it expired or was revoked is told to the holder of the secret only.
	if !session.knows(token) || !ok {
		return Opened{}, sessionUnknown()
	}
	now := s.now().Truncate(time.Millisecond)
	if err := session.stands(now); err != nil {
		return Opened{}, err
	}
	if err := session.fresh(token, now); err != nil {
		return Opened{}, err
	}
	if session, err = s.seen(ctx, session, token, now); err != nil {
		return Opened{}, err
	}
	return Opened{Session: s.renew(ctx, session, now), Token: token}, nil
}

// renew extends a customer's session. Failing to is no reason to refuse its holder: the next use tries again.
func (s *Sessions) renew(ctx context.Context, session Session, now time.Time) Session {
	if session.Role != chat.RoleCustomer || now.Sub(session.Renewed) < CustomerRenewal {
		return session
	}
	if err := s.Store.RenewSession(ctx, session, now, now.Add(CustomerLife)); err == nil {
		session.Renewed, session.Expires = now, now.Add(CustomerLife)
	}
	return session
}

// Check says whether the principal's session still holds, by one consistent read: nil, a *Refusal with
// CodeUnauthenticated, or the store's error. The socket's handlers ask at hello and ping, since the authorizer's
// context is frozen for a socket's life.
func (s *Sessions) Check(ctx context.Context, p chat.Principal) error {
	session, ok, err := s.Store.Session(ctx, p.Workspace, p.User, p.Session)
	if err != nil {
		return fmt.Errorf("reading a session: %w", err)
	}
	return session.vouches(ok, p, s.now())
}

// vouches says why the session, if it was found, does not stand for the principal now; nil when it does.
func (s Session) vouches(found bool, p chat.Principal, now time.Time) error {
	if !found || s.Role != p.Role || s.Departments != p.Departments {
		return sessionUnknown()
	}
	return s.stands(now)
}

// ArrivalStore reads a principal's session together with what a hello must know besides.
type ArrivalStore interface {
	// Arrival reads both consistently, as SessionStore.Session and chat.Directory.Open do; false when there is no
	// such session. Its errors are those of chat.Directory.
	Arrival(ctx context.Context, p chat.Principal, limit int) (Session, bool, []chat.ConversationID, error)
}

// Arrivals implements chat.Arrivals: the check of a hello costs no call of its own.
type Arrivals struct {
	Store ArrivalStore
	// Now is the clock, time.Now if nil.
	Now func() time.Time
}

// Arrive lists the user's newest open conversations if the principal's session holds; its refusals are Sessions.Check's.
func (a Arrivals) Arrive(ctx context.Context, p chat.Principal, limit int) ([]chat.ConversationID, error) {
	session, found, open, err := a.Store.Arrival(ctx, p, limit)
	if err != nil {
		return nil, fmt.Errorf("reading an arrival: %w", err)
	}
	now := time.Now
	if a.Now != nil {
		now = a.Now
	}
	if err := session.vouches(found, p, now()); err != nil {
		return nil, err
	}
	return open, nil
}

// Revoke signs the session out and then ends its sockets. An error that wraps ErrSocketsLeft means that the
// session is revoked all the same.
func (s *Sessions) Revoke(ctx context.Context, session Session) error {
	if err := s.Store.RevokeSession(ctx, session, s.now().Truncate(time.Millisecond)); err != nil {
		return fmt.Errorf("revoking a session: %w", err)
	}
	return s.endSockets(ctx, session, chat.CodeUnauthenticated)
}
