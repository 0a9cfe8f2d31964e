package identity

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/parley-chat/parley/internal/chat"
)

// Limits of what staff may sign in with.
const (
	// MaxAddress is the longest e-mail address in bytes (RFC 5321 section 4.5.3.1.3, less the angle brackets).
	MaxAddress = 254
	// MaxPassword bounds the work that a request can cause, in bytes.
	MaxPassword = 256
)

// Failed attempts to sign in that are allowed per window. A right password gives its attempt back, so people
// who know theirs are not slowed down.
const (
	// AttemptWindow is how long failures count; windows start at multiples of it.
	AttemptWindow = 15 * time.Minute
	// PairAttempts is for one address from one network address: somebody who guesses.
	PairAttempts = 10
	// SourceAttempts is for one network address whatever it tries: somebody who tries one password on many.
	SourceAttempts = 100
	// AddressAttempts is for one address from anywhere: many who guess together. It also bounds how cheaply
	// somebody else can be kept from signing in, hence it is high; sessions that exist go on.
	AddressAttempts = 100
)

// Passwords hashes and verifies passwords.
type Passwords interface {
	// Hash returns a salted hash with its parameters.
	Hash(password string) (string, error)
	// Verify says whether hash was made from password. For "" and for what is not a hash it does the same
	// work as for a hash and returns false.
	Verify(hash, password string) bool
}

// Attempts counts, and forgets.
type Attempts interface {
	// AddAttempts adds n, which may be negative, to the counter and returns the sum; atomic. A counter that
	// does not exist is 0, and it is forgotten some time after expires.
	AddAttempts(ctx context.Context, counter string, n int, expires time.Time) (int, error)
}

// Staff signs members of staff in.
type Staff struct {
	Accounts   Accounts
	Workspaces Workspaces
	Passwords  Passwords
	Attempts   Attempts
	Sessions   *Sessions
	// Audit may be nil: then throttled attempts are not written down.
	Audit *Audit
}

// Device is what is told of the program that somebody signs in with.
type Device struct {
	// Source is the caller's network address as the gateway saw it.
	Source string
	// Origin is the Origin header, "" for callers that are not web pages.
	Origin string
	// Agent is the User-Agent header.
	Agent string
}

// MaxAgent is how much of a User-Agent header is kept, in bytes.
const MaxAgent = 200

func (d Device) agent() string {
	agent := strings.ToValidUTF8(d.Agent, "")
	return strings.ToValidUTF8(agent[:min(len(agent), MaxAgent)], "")
}

// NormalizeAddress returns the one spelling of an e-mail address under which it is stored; false when it is none.
// It lower-cases the whole address: no mail provider of note tells cases apart, and people type them as they like. What
// would become another's address by that is none: the signs of Kelvin and of the dotted I are k and i in lower case, and
// somebody else's mailbox. So is what shows nothing.
func NormalizeAddress(address string) (string, bool) {
	a := strings.ToLower(strings.TrimSpace(address))
	at := strings.LastIndexByte(a, '@')
	if at < 1 || at == len(a)-1 || len(a) > MaxAddress || strings.ContainsFunc(address, becomesASCII) {
		return "", false
	}
	bad := strings.IndexFunc(a, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || r == unicode.ReplacementChar || Invisible(r)
	})
	return a, bad < 0
}

func becomesASCII(r rune) bool { return r > unicode.MaxASCII && unicode.ToLower(r) <= unicode.MaxASCII }

// SignIn opens a session for the member of staff with this address and password: with one token for StaffLife, or,
// if refreshed, with a pair of tokens that Sessions.Refresh replaces. Every sign-in makes a new session: nothing that
// the caller had before becomes one.
// An unknown address costs the same reads and the same hash as a wrong password and gets the same answer.
// Errors: chat.CodeInvalid for malformed fields, *Refusal (CodeUnauthenticated, CodeTooFast, CodeForbidden),
// or the store's.
func (s *Staff) SignIn(ctx context.Context, address, password string, d Device, refreshed bool) (Opened, error) {
	address, ok := NormalizeAddress(address)
	switch {
	case !ok:
		return Opened{}, chat.Errorf(chat.CodeInvalid, "email: not an e-mail address")
	case password == "" || len(password) > MaxPassword:
		return Opened{}, chat.Errorf(chat.CodeInvalid, "password: 1 to %d bytes", MaxPassword)
	}
	reserved, err := s.reserve(ctx, address, d.Source)
	if err != nil {
		return Opened{}, err
	}
	account, err := s.verify(ctx, address, password)
	if err != nil {
		return Opened{}, err
	}
	s.giveBack(ctx, reserved)
	if err := s.checkOrigin(ctx, account.Workspace, d.Origin); err != nil {
		return Opened{}, err
	}
	return s.Sessions.openStaff(ctx, account, d, refreshed)
}

func (s *Staff) verify(ctx context.Context, address, password string) (Account, error) {
	wrong := refuse(chat.CodeUnauthenticated, ReasonWrongCredentials, "the address or the password is wrong")
	credential, known, err := s.Accounts.Credential(ctx, address)
	if err != nil {
		return Account{}, fmt.Errorf("reading a credential: %w", err)
	}
	// Verify runs for unknown addresses too, on an empty hash.
	if !s.Passwords.Verify(credential.PasswordHash, password) || !known {
		return Account{}, wrong
	}
	account, ok, err := s.Accounts.Account(ctx, credential.Workspace, credential.User)
	if err != nil {
		return Account{}, fmt.Errorf("reading an account: %w", err)
	}
	if !ok || account.Disabled || staffRole(account.Role) != nil || account.Address != address || account.External != "" ||
		account.Passwords != credential.Passwords { // it was set while this one was verified
		return Account{}, wrong
	}
	return account, nil
}

// checkOrigin refuses a desk on a page that the workspace does not know. Callers that are not web pages send no
// Origin; the password is what lets them in.
func (s *Staff) checkOrigin(ctx context.Context, w chat.WorkspaceID, origin string) error {
	if origin == "" {
		return nil
	}
	workspace, _, err := s.Workspaces.Workspace(ctx, w)
	if err != nil {
		return fmt.Errorf("reading a workspace: %w", err)
	}
	if !AllowsOrigin(workspace.Origins, origin) {
		return originNotAllowed(origin)
	}
	return nil
}

// attempt is one counter with its limit.
type attempt struct {
	counter string
	limit   int
}

// reserve counts the attempt before the password is looked at, so that guesses made at once cannot all pass.
// It stops at the first counter that refuses: one source that is over its limit for an address does not use up
// the address's own.
func (s *Staff) reserve(ctx context.Context, address, source string) ([]attempt, error) {
	now := s.Sessions.now()
	start := now.Truncate(AttemptWindow)
	end := start.Add(AttemptWindow)
	network := Network(source) // else a line with IPv6 has 2^64 sources
	attempts := []attempt{
		{counterName("pair", start, address, network), PairAttempts},
		{counterName("source", start, network), SourceAttempts},
		{counterName("address", start, address), AddressAttempts},
	}
	for _, a := range attempts {
		n, err := s.Attempts.AddAttempts(ctx, a.counter, 1, end)
		if err != nil {
			return nil, fmt.Errorf("counting an attempt: %w", err)
		}
		if n > a.limit {
			if n == a.limit+1 {
				s.recordThrottle(ctx, address, source)
			}
			return nil, throttled(end.Sub(now))
		}
	}
	return attempts, nil
}

// recordThrottle writes down, once per counter and window, that attempts at an address that has an account are refused.
// It is not worth refusing anybody else for.
func (s *Staff) recordThrottle(ctx context.Context, address, source string) {
	if s.Audit == nil {
		return
	}
	credential, known, err := s.Accounts.Credential(ctx, address)
	if err != nil || !known {
		return
	}
	_ = s.Audit.Record(ctx, By{chat.Principal{Workspace: credential.Workspace}, source}, ActSignInThrottled, string(credential.User), nil, nil)
}

// giveBack takes a successful attempt out of the counters. If that fails the counter forgets by itself.
func (s *Staff) giveBack(ctx context.Context, attempts []attempt) {
	end := s.Sessions.now().Truncate(AttemptWindow).Add(AttemptWindow)
	for _, a := range attempts {
		_, _ = s.Attempts.AddAttempts(ctx, a.counter, -1, end)
	}
}

// counterName hashes what is counted, so that storage holds no addresses of people who only tried.
func counterName(kind string, window time.Time, parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	sum := base64.RawURLEncoding.EncodeToString(h.Sum(nil))
	return kind + "#" + strconv.FormatInt(window.Unix(), 10) + "#" + sum
}
