package identity

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// Lives of sessions that are refreshed.
const (
	// AccessLife is how long an access token works.
	AccessLife = 15 * time.Minute
	// RefreshIdle is how long a session lasts after it was last refreshed: a week's holiday signs people out.
	RefreshIdle = 7 * 24 * time.Hour
	// RefreshLife is how long it lasts at most.
	RefreshLife = 30 * 24 * time.Hour
	// RefreshGrace is how long the refresh token before the present one still gets the present pair although that has
	// been used: two tabs that refresh at once.
	RefreshGrace = 30 * time.Second
	// seenEvery is how often at most the use of a staff session that is not refreshed is written down.
	seenEvery = 15 * time.Minute
	// swapTries is how often a change of a session is tried against others.
	swapTries = 4
)

// Pair is the tokens of a session that is refreshed. Each pair is made from the secret of the refresh token before it
// and from a salt that only storage knows: so whoever sends that refresh token again, because the answer was lost, gets
// the same pair again, while neither a thief of the token nor a reader of the table can make one.
type Pair struct {
	Number uint32
	// Salt makes this pair, Marks the marks of all refresh tokens of the session.
	Salt, Marks [sha256.Size]byte
	// Refresh is the digest of the refresh token's secret, Before that of the one before. The access token's is
	// Session.Digest.
	Refresh, Before Digest
	// Issued is when the pair was first made.
	Issued time.Time
	// Taken says that the access token was used: the answer had arrived.
	Taken bool
	// OldAccess is the digest of the access token before, which works until OldUntil.
	OldAccess Digest
	OldUntil  time.Time
}

// Refreshed says whether the session has a refresh token.
func (s Session) Refreshed() bool { return s.Pair.Number > 0 }

// AccessUntil is when the present access token ends; zero for a session whose token lasts.
func (s Session) AccessUntil() time.Time {
	if !s.Refreshed() {
		return time.Time{}
	}
	until := s.Pair.Issued.Add(AccessLife)
	if !s.Vouched.IsZero() && s.Vouched.Before(until) {
		return s.Vouched
	}
	return until
}

// knows says whether the token is one of the session's, in constant time.
func (s Session) knows(t Token) bool {
	return t.matches(s.Digest) || s.Refreshed() && s.Pair.OldAccess != Digest{} && t.matches(s.Pair.OldAccess)
}

// fresh says why the token, which the session knows, does not work any more.
func (s Session) fresh(t Token, now time.Time) error {
	until := s.Pair.Issued.Add(AccessLife)
	if !t.matches(s.Digest) {
		until = s.Pair.OldUntil
	}
	if s.Refreshed() && !now.Before(until) {
		return refuse(chat.CodeUnauthenticated, ReasonTokenExpired, "the access token has expired: refresh the session")
	}
	return nil
}

// derive makes one of the secrets of the pair that follows a refresh token.
func derive(secret, salt [sha256.Size]byte, what string) [secretSize]byte {
	mac := hmac.New(sha256.New, secret[:])
	mac.Write([]byte("parley " + what + "\x00"))
	mac.Write(salt[:])
	return [secretSize]byte(mac.Sum(nil))
}

// markOf makes the mark of a refresh token.
func (p Pair) markOf(number uint32, secret [secretSize]byte) (mark [markSize]byte) {
	mac := hmac.New(sha256.New, p.Marks[:])
	mac.Write(binary.BigEndian.AppendUint32(nil, number))
	mac.Write(secret[:])
	copy(mark[:], mac.Sum(nil))
	return mark
}

// tokens makes the present pair again from the secret of the refresh token before.
func (s Session) tokens(before [secretSize]byte) (Token, RefreshToken) {
	access := Token{Workspace: s.Workspace, User: s.User, Session: s.ID, secret: derive(before, s.Pair.Salt, "access")}
	refresh := RefreshToken{
		Workspace: s.Workspace, User: s.User, Session: s.ID, Number: s.Pair.Number, secret: derive(before, s.Pair.Salt, "refresh"),
	}
	refresh.mark = s.Pair.markOf(refresh.Number, refresh.secret)
	return access, refresh
}

// pair gives the session its next pair, made from the secret of the refresh token before. again makes the pair of the
// same number anew.
func (s *Session) pair(before [secretSize]byte, now time.Time, again bool) {
	p := &s.Pair
	if !again {
		p.OldAccess, p.OldUntil = s.Digest, p.Issued.Add(AccessLife)
		if p.Number == 0 {
			p.OldAccess, p.OldUntil = Digest{}, time.Time{}
			rand.Read(p.Marks[:]) // never fails: crypto/rand crashes the program instead (Go 1.24)
		}
		p.Number++
		p.Before = sha256.Sum256(before[:])
	}
	rand.Read(p.Salt[:])
	p.Issued, p.Taken = now, false
	access, refresh := s.tokens(before)
	s.Digest, p.Refresh = access.Digest(), sha256.Sum256(refresh.secret[:])
	s.Renewed = now
	s.Expires = earlier(now.Add(RefreshIdle), s.Created.Add(RefreshLife))
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// openStaff opens a session of an account. It reads the account once more behind the session's row: a change of the
// account lists the sessions after it was stored, so one of the two sees the other.
func (s *Sessions) openStaff(ctx context.Context, a Account, d Device, refreshed bool) (Opened, error) {
	session := Session{
		Workspace: a.Workspace, User: a.User, Role: a.Role, Name: a.Name, Departments: a.Departments,
		Agent: d.agent(), Source: d.Source,
	}
	opened, err := s.openRefreshed(ctx, session, refreshed)
	if err != nil {
		return Opened{}, err
	}
	return opened, s.confirm(ctx, opened.Session, a)
}

func (s *Sessions) openRefreshed(ctx context.Context, session Session, refreshed bool) (Opened, error) {
	session.Used = s.now().Truncate(time.Millisecond)
	if !refreshed {
		return s.open(ctx, session, StaffLife)
	}
	now := session.Used
	session.ID = chat.SessionID(chat.NewID(chat.SessionPrefix, now))
	session.Created = now
	var nobody [secretSize]byte
	rand.Read(nobody[:])
	session.pair(nobody, now, false)
	access, refresh := session.tokens(nobody)
	if len(session.Keepsake) > 0 {
		session.Keepsake = seal(refresh.secret, session.Keepsake)
	}
	if err := s.Store.PutSession(ctx, session); err != nil {
		return Opened{}, fmt.Errorf("storing a session: %w", err)
	}
	return Opened{Session: session, Token: access, Refresh: refresh}, nil
}

// confirm ends what the new session leaves no room for, and refuses a session whose account changed while it was opened.
func (s *Sessions) confirm(ctx context.Context, session Session, a Account) error {
	if err := s.displace(ctx, session); err != nil {
		return err
	}
	if s.Accounts == nil {
		return nil
	}
	now, ok, err := s.Accounts.Account(ctx, a.Workspace, a.User)
	if err != nil {
		return fmt.Errorf("reading an account: %w", err)
	}
	if ok && now.Version == a.Version && now.Disabled == a.Disabled && now.Role == a.Role && now.Departments == a.Departments {
		return nil
	}
	if err := s.Revoke(ctx, session); err != nil && !errors.Is(err, ErrSocketsLeft) {
		return err
	}
	return chat.Errorf(chat.CodeUnavailable, "the account was changed in this moment; sign in again")
}

// seen writes down that the session is in use: for the first use of a pair at once, since it says that the answer with
// the pair has arrived, else every quarter of an hour. That another change comes first is no harm: it says the same.
func (s *Sessions) seen(ctx context.Context, session Session, t Token, now time.Time) (Session, error) {
	first := session.Refreshed() && !session.Pair.Taken && t.matches(session.Digest)
	if session.Role == chat.RoleCustomer || !first && now.Sub(session.Used) < seenEvery {
		return session, nil
	}
	next := session
	next.Used, next.Pair.Taken = now, session.Refreshed() && (session.Pair.Taken || first)
	err := s.Store.SwapSession(ctx, session, next)
	switch {
	case err == nil:
		next.Version++
		return next, nil
	case errors.Is(err, ErrConflict) || !first:
		return session, nil
	default:
		return session, fmt.Errorf("noting the use of a session: %w", err)
	}
}

// Refresh returns the next pair of tokens. Sent again because the answer was lost it returns a pair again, as long as
// nobody used the first one, and for RefreshGrace in any case. A refresh token that comes back when its successor has
// been used is in two hands: the session is signed out, and the audit log says so. The account is read again: whoever
// was disabled is out, whoever has another role gets it. Where an identity provider vouches for the user, it is asked.
// Errors: *Refusal with CodeUnauthenticated, CodeUnavailable (the provider does not answer, or another refresh is under
// way: try again), or the store's.
func (s *Sessions) Refresh(ctx context.Context, text, source string) (Opened, error) {
	token, err := ParseRefreshToken(text)
	if err != nil {
		return Opened{}, err
	}
	for range swapTries {
		session, ok, err := s.Store.Session(ctx, token.Workspace, token.User, token.Session)
		if err != nil {
			return Opened{}, fmt.Errorf("reading a session: %w", err)
		}
		own := session.Pair.markOf(token.Number, token.secret)
		if subtle.ConstantTimeCompare(own[:], token.mark[:]) != 1 || !ok || !session.Refreshed() {
			return Opened{}, sessionUnknown()
		}
		now := s.now().Truncate(time.Millisecond)
		if err := session.holds(now); err != nil {
			return Opened{}, err
		}
		opened, err := s.rotate(ctx, session, token, source, now)
		if !errors.Is(err, ErrConflict) {
			return opened, err
		}
	}
	return Opened{}, chat.Errorf(chat.CodeUnavailable, "the session is being refreshed by others; try again")
}

func (s *Sessions) rotate(ctx context.Context, session Session, t RefreshToken, source string, now time.Time) (Opened, error) {
	p := session.Pair
	digest := Digest(sha256.Sum256(t.secret[:]))
	switch {
	case t.Number == p.Number && digest == p.Refresh:
		return s.next(ctx, session, t, now, false)
	case t.Number+1 == p.Number && digest == p.Before && (!p.Taken || now.Before(p.Issued.Add(RefreshGrace))):
		if session.AccessUntil().Sub(now) < time.Minute { // the answer was lost long ago: its access token is no use
			return s.next(ctx, session, t, now, true)
		}
		access, refresh := session.tokens(t.secret)
		return Opened{Session: session, Token: access, Refresh: refresh}, nil
	}
	if s.Audit != nil {
		by := By{chat.Principal{Workspace: session.Workspace, User: session.User, Role: session.Role}, source}
		if err := s.Audit.Record(ctx, by, ActRefreshReused, string(session.ID), nil, nil); err != nil {
			return Opened{}, err
		}
	}
	if err := s.Revoke(ctx, session); err != nil && !errors.Is(err, ErrSocketsLeft) {
		return Opened{}, err
	}
	return Opened{}, refuse(chat.CodeUnauthenticated, ReasonRefreshReused, "this refresh token was used before: the session is signed out; sign in again")
}

// next stores the next pair, under the account as it is now.
func (s *Sessions) next(ctx context.Context, session Session, t RefreshToken, now time.Time, again bool) (Opened, error) {
	next := session
	if s.Accounts != nil {
		account, ok, err := s.Accounts.Account(ctx, session.Workspace, session.User)
		if err != nil {
			return Opened{}, fmt.Errorf("reading an account: %w", err)
		}
		if !ok || account.Disabled {
			return Opened{}, s.turnOut(ctx, session)
		}
		next.Role, next.Departments, next.Name = account.Role, account.Departments, account.Name
	}
	if !session.Vouched.IsZero() {
		holder := t.secret
		if again { // the present refresh token, which the lost answer held
			_, lost := session.tokens(t.secret)
			holder = lost.secret
		}
		if err := s.recheck(ctx, &session, &next, holder, now); err != nil {
			return Opened{}, err
		}
	}
	next.pair(t.secret, now, again)
	next.Used = now
	access, refresh := next.tokens(t.secret)
	if len(next.Keepsake) > 0 {
		next.Keepsake = seal(refresh.secret, next.Keepsake)
	}
	if err := s.Store.SwapSession(ctx, session, next); err != nil {
		return Opened{}, fmt.Errorf("storing the next tokens: %w", err)
	}
	next.Version = session.Version + 1
	if next.Role != session.Role || next.Departments != session.Departments {
		if err := s.endSockets(ctx, session, chat.CodeConflict); err != nil && !errors.Is(err, ErrSocketsLeft) {
			return Opened{}, err
		}
	}
	return Opened{Session: next, Token: access, Refresh: refresh}, nil
}

// turnOut revokes a session whose account must not be used any more.
func (s *Sessions) turnOut(ctx context.Context, session Session) error {
	if err := s.Revoke(ctx, session); err != nil && !errors.Is(err, ErrSocketsLeft) {
		return err
	}
	return refuse(chat.CodeUnauthenticated, ReasonSessionRevoked, "the session was signed out; sign in again")
}
