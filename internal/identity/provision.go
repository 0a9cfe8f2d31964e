package identity

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// Rechecker asks the identity provider of a session about its user again.
type Rechecker interface {
	// Recheck returns the account as the provider says it now, and what it can be asked with next time. A *Refusal says
	// that the provider does not vouch for the user any more; any other error that it did not answer.
	Recheck(ctx context.Context, session Session, keepsake []byte, source string) (Account, []byte, error)
}

// arrive finds the account of somebody whom the provider vouches for, or makes it, and has it follow their groups.
func (s *SignOn) arrive(ctx context.Context, p Provider, c Claims, source string) (Account, error) {
	address, err := p.admits(c)
	if err != nil {
		return Account{}, err
	}
	to, err := s.posting(ctx, p, c.Groups)
	if err != nil {
		return Account{}, err
	}
	if to.role == "" {
		return Account{}, refuse(chat.CodeForbidden, ReasonNoRole, "none of your groups has a role here; ask an admin")
	}
	external := link(p.Issuer, c.Subject)
	for range lostTries {
		a, err := s.settle(ctx, p, external, address, c, to, source)
		if !errors.Is(err, ErrConflict) {
			return a, err
		}
	}
	return Account{}, chat.Errorf(chat.CodeUnavailable, "the account is being changed by others; try again")
}

// posting is what somebody's groups give them.
type posting struct {
	role chat.Role // "" for none
	in   chat.DepartmentList
	// unknown departments are mapped, but the workspace does not have them any more.
	unknown chat.DepartmentList
}

func (s *SignOn) posting(ctx context.Context, p Provider, groups []string) (posting, error) {
	role, in := p.place(groups)
	in, unknown, err := s.Departments.known(ctx, p.Workspace, in)
	return posting{role, in, unknown}, err
}

func (s *SignOn) settle(ctx context.Context, p Provider, external, address string, c Claims, to posting, source string) (Account, error) {
	u, linked, err := s.Providers.Linked(ctx, p.Workspace, external)
	if err != nil {
		return Account{}, fmt.Errorf("reading a link: %w", err)
	}
	if linked {
		a, ok, err := s.Accounts.Account(ctx, p.Workspace, u)
		if err != nil {
			return Account{}, fmt.Errorf("reading an account: %w", err)
		}
		if !ok || a.Disabled || a.External != external {
			return Account{}, providerRefused("the account is disabled here")
		}
		return s.adapt(ctx, a, to, source, "")
	}
	credential, taken, err := s.Accounts.Credential(ctx, address)
	if err != nil {
		return Account{}, fmt.Errorf("reading a credential: %w", err)
	}
	if taken {
		return s.adopt(ctx, p, credential, external, c, to, source)
	}
	name, err := cleanName(c.Name)
	if err != nil {
		name = address[:min(len(address), MaxName)]
	}
	now := s.Sessions.now().Truncate(time.Millisecond)
	a := Account{
		Workspace: p.Workspace, User: chat.UserID(chat.NewID(chat.UserPrefix, now)), Address: address, Name: name, Role: to.role,
		Departments: to.in, External: external, Version: 1, Created: now.UnixMilli(),
	}
	by := By{chat.Principal{Workspace: a.Workspace, User: a.User, Role: a.Role}, source}
	return a, s.Providers.Provision(ctx, a, s.Audit.Entry(by, ActJoined, string(a.User), nil, lacking(map[string]string{"address": address, "role": string(to.role), "issuer": p.Issuer}, to.unknown)))
}

// adopt links an account that had a password, if its address was verified by the provider: then it is the same person,
// and whoever is disabled there must not come in by a password. An account that was disabled here stays so.
func (s *SignOn) adopt(ctx context.Context, p Provider, cr Credential, external string, c Claims, to posting, source string) (Account, error) {
	before, ok, err := s.Accounts.Account(ctx, cr.Workspace, cr.User)
	if err != nil {
		return Account{}, fmt.Errorf("reading an account: %w", err)
	}
	if !ok || cr.Workspace != p.Workspace || !c.Verified || before.External != "" || before.Disabled || before.Address != cr.Address {
		return Account{}, providerRefused("somebody else has an account with this address")
	}
	after := before
	after.External, after.Role, after.Departments = external, to.role, to.in
	after.Version++
	by := By{chat.Principal{Workspace: after.Workspace, User: after.User, Role: after.Role}, source}
	was, is := changed(before.summary(), after.summary())
	is["issuer"] = p.Issuer
	is = lacking(is, to.unknown)
	if err := s.Providers.Link(ctx, before, after, s.Audit.Entry(by, ActStaffChanged, string(after.User), was, lacking(is, to.unknown))); err != nil {
		return Account{}, err
	}
	// Sessions of the password that is gone.
	if err := s.Sessions.dropped(s.Sessions.RevokeAll(ctx, after.Workspace, after.User, "")); err != nil {
		return after, err
	}
	return after, s.Sessions.Follow(ctx, by.Principal, after, "")
}

// adapt has the account, and its sessions but one, follow the groups.
func (s *SignOn) adapt(ctx context.Context, before Account, to posting, source string, but chat.SessionID) (Account, error) {
	if before.Role == to.role && before.Departments == to.in {
		return before, nil
	}
	after := before
	after.Role, after.Departments = to.role, to.in
	after.Version++
	was, is := changed(before.summary(), after.summary())
	by := By{chat.Principal{Workspace: after.Workspace, User: after.User, Role: after.Role}, source}
	if err := s.Roster.ChangeAccount(ctx, before, after, nil, s.Audit.Entry(by, ActStaffChanged, string(after.User), was, lacking(is, to.unknown))); err != nil {
		return Account{}, err
	}
	return after, s.Sessions.dropped(s.Sessions.Follow(ctx, by.Principal, after, but))
}

// Recheck implements Rechecker.
func (s *SignOn) Recheck(ctx context.Context, session Session, keepsake []byte, source string) (Account, []byte, error) {
	p, ok, err := s.Providers.Provider(ctx, session.Workspace)
	if err != nil {
		return Account{}, nil, fmt.Errorf("reading a provider: %w", err)
	}
	if !ok {
		return Account{}, nil, providerRefused("the workspace has no identity provider any more")
	}
	claims, next, err := s.Issuer.Recheck(ctx, p, keepsake)
	if err != nil {
		return Account{}, nil, err
	}
	a, ok, err := s.Accounts.Account(ctx, session.Workspace, session.User)
	if err != nil {
		return Account{}, nil, fmt.Errorf("reading an account: %w", err)
	}
	if !ok || a.Disabled || a.External == "" || a.External != link(p.Issuer, claims.Subject) {
		return Account{}, nil, providerRefused("the identity provider speaks of somebody else")
	}
	if _, err := p.admits(claims); err != nil {
		return Account{}, nil, err
	}
	to, err := s.posting(ctx, p, claims.Groups)
	if err != nil {
		return Account{}, nil, err
	}
	if to.role == "" {
		return Account{}, nil, refuse(chat.CodeUnauthenticated, ReasonNoRole, "none of your groups has a role here any more")
	}
	a, err = s.adapt(ctx, a, to, source, session.ID)
	return a, next, err
}

// recheck asks the provider of the session, one refresh at a time, and has next follow what it says. Whoever it does
// not vouch for any more is signed out everywhere.
func (s *Sessions) recheck(ctx context.Context, session, next *Session, secret [secretSize]byte, now time.Time) error {
	keepsake, ok := unseal(secret, session.Keepsake)
	if !ok || s.Providers == nil {
		return s.turnOut(ctx, *session)
	}
	if now.Before(session.Asking) {
		return chat.Errorf(chat.CodeUnavailable, "another refresh is asking the identity provider; try again in a second")
	}
	asking := *session
	asking.Asking = now.Add(askingLife)
	if err := s.Store.SwapSession(ctx, *session, asking); err != nil {
		return fmt.Errorf("changing a session: %w", err)
	}
	asking.Version++
	*session = asking
	a, keepsake, err := s.Providers.Recheck(ctx, asking, keepsake, asking.Source)
	var no *Refusal
	if errors.As(err, &no) {
		return s.disown(ctx, asking, no)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", chat.Errorf(chat.CodeUnavailable, "the identity provider does not answer; try again"), err)
	}
	next.Role, next.Departments, next.Name = a.Role, a.Departments, a.Name
	next.Vouched, next.Keepsake, next.Asking = now.Add(VouchLife), keepsake, time.Time{}
	return nil
}

// disown signs somebody out everywhere whom the provider does not vouch for any more, hands their conversations back, and
// writes it down.
func (s *Sessions) disown(ctx context.Context, session Session, no *Refusal) error {
	err := s.dismiss(ctx, chat.Principal{Workspace: session.Workspace}, session.User, "", "the identity provider does not vouch for them")
	if err := s.dropped(err); err != nil {
		return err
	}
	if s.Audit != nil {
		by := By{chat.Principal{Workspace: session.Workspace, User: session.User, Role: session.Role}, session.Source}
		if err := s.Audit.Record(ctx, by, ActSessionRechecked, string(session.User), nil, map[string]string{"why": no.Err.Message}); err != nil {
			return err
		}
	}
	return no
}

// dropped forgives sockets that are left for their next ping to end.
func (*Sessions) dropped(err error) error {
	if errors.Is(err, ErrSocketsLeft) {
		return nil
	}
	return err
}
