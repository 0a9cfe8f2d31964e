package identity

import (
	"context"
	"errors"
	"fmt"

	"github.com/parley-chat/parley/internal/chat"
)

// ChangePassword sets a new password for somebody who knows the old one, and signs out their other sessions. Attempts
// are throttled with those to sign in. Errors: CodeInvalid, *Refusal (CodeUnauthenticated: wrong_credentials;
// CodeTooFast), CodeForbidden for an account without a password, or the store's; ErrSocketsLeft as for Sessions.Revoke.
func (s *Staff) ChangePassword(ctx context.Context, p *People, by By, current, password string) error {
	if !by.Role.Staff() || by.Session == "" {
		return chat.Errorf(chat.CodeForbidden, "a %s has no password", by.Role)
	}
	a, err := p.account(ctx, by.Workspace, by.User)
	if err != nil {
		return err
	}
	if a.External != "" {
		return chat.Errorf(chat.CodeForbidden, "you sign in at your identity provider: change the password there")
	}
	hash, err := s.replacement(ctx, p, a, current, password, by.Source)
	if err != nil {
		return err
	}
	if err := p.setPassword(ctx, a, hash, nil, p.Audit.Entry(by, ActPasswordChanged, string(a.User), nil, nil)); err != nil {
		return err
	}
	return p.Sessions.RevokeAll(ctx, a.Workspace, a.User, by.Session)
}

// replacement verifies the current password and hashes the new one.
func (s *Staff) replacement(ctx context.Context, p *People, a Account, current, password, source string) (string, error) {
	if current == "" || len(current) > MaxPassword {
		return "", chat.Errorf(chat.CodeInvalid, "current: 1 to %d bytes", MaxPassword)
	}
	if err := CheckPassword(password, a.Address); err != nil {
		return "", err
	}
	reserved, err := s.reserve(ctx, a.Address, source)
	if err != nil {
		return "", err
	}
	if _, err := s.verify(ctx, a.Address, current); err != nil {
		return "", err
	}
	s.giveBack(ctx, reserved)
	return p.hash(password, a.Address)
}

// setPassword changes the account too: a sign-in with the old password that is under way finds that it has changed, and
// links to set another one end.
func (p *People) setPassword(ctx context.Context, a Account, hash string, used *Invitation, entry AuditEntry) error {
	after := a
	after.Version++
	after.Passwords++
	err := p.Roster.SetPassword(ctx, a, after, hash, used, entry)
	switch {
	case errors.Is(err, ErrConflict) && used != nil:
		return linkInvalid()
	case errors.Is(err, ErrConflict):
		return conflict()
	case err != nil:
		return fmt.Errorf("setting a password: %w", err)
	}
	return nil
}

// IssueReset makes a link by which somebody can set a new password, and returns its token. The old password works
// until then. A second one of the same id takes the place of the first, for whoever made it and did not hear of it; ""
// makes an id.
func (p *People) IssueReset(ctx context.Context, by By, u chat.UserID, id string) (Invitation, string, error) {
	if _, err := chat.Authorize(by.Principal, chat.CommandEditStaff); err != nil {
		return Invitation{}, "", err
	}
	a, err := p.account(ctx, by.Workspace, u)
	if err != nil {
		return Invitation{}, "", err
	}
	if a.External != "" {
		return Invitation{}, "", chat.Errorf(chat.CodeInvalid, "this account signs in at an identity provider: it has no password here")
	}
	inv := Invitation{ID: id, User: a.User, Address: a.Address, Name: a.Name, Role: a.Role, Passwords: a.Passwords}
	pending, err := p.pending(ctx, by.Workspace)
	if err != nil {
		return Invitation{}, "", err
	}
	made, token, err := p.issue(ctx, by, inv, ResetLife, func(Invitation) AuditEntry { return p.Audit.Entry(by, ActResetIssued, string(u), nil, nil) })
	if err != nil {
		return Invitation{}, "", err
	}
	return made, token, p.supersede(ctx, by, made, pending)
}

// Reset sets a new password by a link, and signs every session of the account out. The link works once, and none of its
// siblings does after it.
// Errors: as of Accept; ErrSocketsLeft as for Sessions.Revoke.
func (p *People) Reset(ctx context.Context, token, password, source string) error {
	inv, err := p.link(ctx, token, source)
	if err != nil {
		return err
	}
	if inv.User == "" {
		return linkInvalid()
	}
	a, ok, err := p.Accounts.Account(ctx, inv.Workspace, inv.User)
	if err != nil {
		return fmt.Errorf("reading an account: %w", err)
	}
	if !ok || a.External != "" || a.Disabled || a.Passwords != inv.Passwords {
		return linkInvalid()
	}
	hash, err := p.hash(password, a.Address)
	if err != nil {
		return err
	}
	by := By{chat.Principal{Workspace: a.Workspace, User: a.User, Role: a.Role}, source}
	if err := p.setPassword(ctx, a, hash, &inv, p.Audit.Entry(by, ActPasswordReset, string(a.User), nil, nil)); err != nil {
		return err
	}
	return p.Sessions.RevokeAll(ctx, a.Workspace, a.User, "")
}
