package identity

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

const (
	// InvitationLife is how long an invitation can be accepted.
	InvitationLife = 7 * 24 * time.Hour
	// ResetLife is how long a link to set a new password works.
	ResetLife = 24 * time.Hour
	// MinPassword is the shortest password in bytes that can be set.
	MinPassword = 10
	// LinkAttempts is how many links that do not hold may come from one network address in an AttemptWindow.
	LinkAttempts = 20

	invitationPrefix = "pin_"
	invitationBytes  = 2*idSize + secretSize
	// InvitationPrefix begins the ids of invitations.
	InvitationPrefix = "i_"
)

// Invitation is a one-time link: to join, or, with User set, to set a new password.
type Invitation struct {
	Workspace chat.WorkspaceID
	ID        string
	// User whose password the link resets; "" for an invitation to join.
	User        chat.UserID
	Address     string
	Name        string
	Role        chat.Role
	Departments chat.DepartmentList
	// Passwords is how many the account of User had when the link was made.
	Passwords uint64
	Digest    Digest
	// By is who made it: once they are no admin any more it does not work.
	By      chat.UserID
	Created time.Time
	Expires time.Time
}

// Offer is what an invitation offers.
type Offer struct {
	// ID of the invitation: a second one takes the place of the first, for whoever made it and did not hear of it. ""
	// makes one.
	ID          string
	Address     string
	Name        string
	Role        chat.Role
	Departments []chat.DepartmentID
}

// Invite makes an invitation and returns the token of its link, which is not stored and cannot be had again. It takes the
// place of those that the address had before: who asks for the link again is given a new one.
// Whether the address has an account already is told: an admin may know, and accepting would fail.
func (p *People) Invite(ctx context.Context, by By, o Offer) (Invitation, string, error) {
	if _, err := chat.Authorize(by.Principal, chat.CommandEditStaff); err != nil {
		return Invitation{}, "", err
	}
	inv, err := o.invitation()
	if err != nil {
		return Invitation{}, "", err
	}
	if err := p.Departments.check(ctx, by.Workspace, "departments", o.Departments); err != nil {
		return Invitation{}, "", err
	}
	_, taken, err := p.Accounts.Credential(ctx, inv.Address)
	if err != nil {
		return Invitation{}, "", fmt.Errorf("reading a credential: %w", err)
	}
	if taken {
		return Invitation{}, "", &Refusal{ReasonAddressTaken, chat.Errorf(chat.CodeForbidden, "somebody has an account with this address")}
	}
	pending, err := p.pending(ctx, by.Workspace)
	if err != nil {
		return Invitation{}, "", err
	}
	after := map[string]string{"address": inv.Address, "role": string(inv.Role), "departments": string(inv.Departments)}
	made, token, err := p.issue(ctx, by, inv, InvitationLife, func(i Invitation) AuditEntry { return p.Audit.Entry(by, ActInvited, i.ID, nil, after) })
	if err != nil {
		return Invitation{}, "", err
	}
	return made, token, p.supersede(ctx, by, made, pending)
}

// pending lists the links of the workspace; CodeInvalid when there is no room for another.
func (p *People) pending(ctx context.Context, w chat.WorkspaceID) ([]Invitation, error) {
	list, err := p.Roster.Invitations(ctx, w)
	if err != nil {
		return nil, fmt.Errorf("listing invitations: %w", err)
	}
	if len(list) >= MaxInvitations {
		return nil, chat.Errorf(chat.CodeInvalid, "there are %d invitations and password links: withdraw some, or wait until they are over", MaxInvitations)
	}
	return list, nil
}

// supersede takes back what was offered to the same address, or for the same account, before: of two links the newer one
// is meant.
func (p *People) supersede(ctx context.Context, by By, made Invitation, before []Invitation) error {
	for _, old := range before {
		if old.ID == made.ID || old.Address != made.Address || old.User != made.User {
			continue
		}
		entry := p.Audit.Entry(by, ActWithdrawn, old.ID, map[string]string{"address": old.Address}, map[string]string{"superseded by": made.ID})
		if err := p.Roster.DropInvitation(ctx, old, entry); err != nil && !errors.Is(err, ErrConflict) {
			return fmt.Errorf("withdrawing an invitation: %w", err)
		}
	}
	return nil
}

func (o Offer) invitation() (inv Invitation, err error) {
	var ok bool
	if inv.Address, ok = NormalizeAddress(o.Address); !ok {
		return inv, chat.Errorf(chat.CodeInvalid, "email: not an e-mail address")
	}
	if o.Name != "" {
		if inv.Name, err = cleanName(o.Name); err != nil {
			return inv, err
		}
	}
	if err := staffRole(o.Role); err != nil {
		return inv, err
	}
	inv.ID, inv.Role = o.ID, o.Role
	inv.Departments, err = departmentList(o.Departments)
	return inv, err
}

// issue completes an invitation, stores it and returns its token.
func (p *People) issue(ctx context.Context, by By, inv Invitation, life time.Duration, entry func(Invitation) AuditEntry) (Invitation, string, error) {
	now := p.now().Truncate(time.Millisecond)
	inv.Workspace, inv.ID, inv.By = by.Workspace, cmp.Or(inv.ID, chat.NewID(InvitationPrefix, now)), by.User
	inv.Created, inv.Expires = now, now.Add(life)
	var secret [secretSize]byte
	rand.Read(secret[:]) // never fails: crypto/rand crashes the program instead (Go 1.24)
	inv.Digest = sha256.Sum256(secret[:])
	if err := p.Roster.PutInvitation(ctx, inv, entry(inv)); err != nil {
		return Invitation{}, "", fmt.Errorf("storing an invitation: %w", err)
	}
	raw := appendID(nil, chat.WorkspacePrefix, string(inv.Workspace))
	raw = appendID(raw, InvitationPrefix, inv.ID)
	return inv, invitationPrefix + spelling.EncodeToString(append(raw, secret[:]...)), nil
}

// Invitations lists the invitations to join that can still be accepted.
func (p *People) Invitations(ctx context.Context, by By) ([]Invitation, error) {
	if _, err := chat.Authorize(by.Principal, chat.CommandStaff); err != nil {
		return nil, err
	}
	list, err := p.Roster.Invitations(ctx, by.Workspace)
	if err != nil {
		return nil, fmt.Errorf("listing invitations: %w", err)
	}
	now := p.now()
	var out []Invitation
	for _, i := range list {
		if i.User == "" && now.Before(i.Expires) {
			out = append(out, i)
		}
	}
	return out, nil
}

// Withdraw takes an invitation or a reset back.
func (p *People) Withdraw(ctx context.Context, by By, id string) error {
	if _, err := chat.Authorize(by.Principal, chat.CommandEditStaff); err != nil {
		return err
	}
	missing := chat.Errorf(chat.CodeNotFound, "there is no such invitation")
	if _, ok := chat.IDBytes(InvitationPrefix, id); !ok {
		return missing
	}
	inv, ok, err := p.Roster.Invitation(ctx, by.Workspace, id)
	if err != nil {
		return fmt.Errorf("reading an invitation: %w", err)
	}
	if !ok {
		return missing
	}
	err = p.Roster.DropInvitation(ctx, inv, p.Audit.Entry(by, ActWithdrawn, id, map[string]string{"address": inv.Address}, nil))
	if errors.Is(err, ErrConflict) {
		return missing
	}
	return err
}

// Accept makes the account of an invitation, with the password; name, if not empty, replaces the invitation's. The
// link works once. Errors: *Refusal (CodeUnauthenticated: link_invalid; CodeTooFast: throttled), CodeInvalid,
// CodeForbidden (the address has an account by now), or the store's.
func (p *People) Accept(ctx context.Context, token, name, password, source string) (Account, error) {
	inv, err := p.link(ctx, token, source)
	if err != nil {
		return Account{}, err
	}
	if inv.User != "" {
		return Account{}, linkInvalid()
	}
	if name != "" {
		inv.Name = name
	}
	if inv.Name, err = cleanName(inv.Name); err != nil {
		return Account{}, err
	}
	hash, err := p.hash(password, inv.Address)
	if err != nil {
		return Account{}, err
	}
	in, unknown, err := p.Departments.known(ctx, inv.Workspace, inv.Departments)
	if err != nil {
		return Account{}, err
	}
	now := p.now().Truncate(time.Millisecond)
	a := Account{
		Workspace: inv.Workspace, User: chat.UserID(chat.NewID(chat.UserPrefix, now)), Address: inv.Address, Name: inv.Name,
		Role: inv.Role, Departments: in, Version: 1, Created: now.UnixMilli(),
	}
	by := By{chat.Principal{Workspace: a.Workspace, User: a.User, Role: a.Role}, source}
	entry := p.Audit.Entry(by, ActJoined, string(a.User), nil, lacking(map[string]string{"address": a.Address, "role": string(a.Role), "invitation": inv.ID, "invited by": string(inv.By)}, unknown))
	err = p.Roster.Join(ctx, inv, a, hash, entry)
	if errors.Is(err, ErrConflict) {
		return Account{}, linkInvalid()
	}
	return a, err
}

// link finds the invitation of a token. Tokens that do not hold are counted by where they come from: 256 random bits
// need no throttle against guessing, but nobody shall read the table for others at will.
func (p *People) link(ctx context.Context, token, source string) (Invitation, error) {
	var raw [invitationBytes]byte
	well := decode(raw[:], invitationPrefix, token)
	start := p.now().Truncate(AttemptWindow)
	counter := counterName("link", start, Network(source))
	n, err := p.Attempts.AddAttempts(ctx, counter, 1, start.Add(AttemptWindow))
	if err != nil {
		return Invitation{}, fmt.Errorf("counting an attempt: %w", err)
	}
	if n > LinkAttempts {
		return Invitation{}, throttled(start.Add(AttemptWindow).Sub(p.now()))
	}
	if !well {
		return Invitation{}, linkInvalid()
	}
	w := chat.WorkspaceID(chat.FormatID(chat.WorkspacePrefix, [idSize]byte(raw[0:])))
	inv, ok, err := p.Roster.Invitation(ctx, w, chat.FormatID(InvitationPrefix, [idSize]byte(raw[idSize:])))
	if err != nil {
		return Invitation{}, fmt.Errorf("reading an invitation: %w", err)
	}
	own := sha256.Sum256(raw[2*idSize:])
	if subtle.ConstantTimeCompare(own[:], inv.Digest[:]) != 1 || !ok || !p.now().Before(inv.Expires) {
		return Invitation{}, linkInvalid()
	}
	_, _ = p.Attempts.AddAttempts(ctx, counter, -1, start.Add(AttemptWindow)) // it forgets by itself
	return inv, p.vouched(ctx, inv)
}

// vouched refuses the link of somebody who is no admin any more: nobody who is let go comes back by a link that they
// made for themselves, or for another's account. Who operates the deployment makes links as the system.
func (p *People) vouched(ctx context.Context, inv Invitation) error {
	if inv.By == chat.SystemUser {
		return nil
	}
	by, ok, err := p.Accounts.Account(ctx, inv.Workspace, inv.By)
	if err != nil {
		return fmt.Errorf("reading an account: %w", err)
	}
	if !ok || !by.admin() {
		return linkInvalid()
	}
	return nil
}

func linkInvalid() *Refusal {
	return refuse(chat.CodeUnauthenticated, ReasonLinkInvalid, "the link is not valid, has been used, or is too old; ask for a new one")
}

func throttled(wait time.Duration) *Refusal {
	r := refuse(chat.CodeTooFast, ReasonThrottled, "too many failed attempts; wait")
	r.Err.RetryAfter = wait
	return r
}

//go:embed commonpasswords.txt
var commonPasswords string

// hash checks a new password and hashes it.
func (p *People) hash(password, address string) (string, error) {
	if err := CheckPassword(password, address); err != nil {
		return "", err
	}
	hash, err := p.Passwords.Hash(password)
	if err != nil {
		return "", fmt.Errorf("hashing a password: %w", err)
	}
	return hash, nil
}

// CheckPassword says why a password cannot be set: it is too short or too long, one of the commonest, or the address.
// There are no rules of composition, as NIST SP 800-63B section 5.1.1.2 advises.
func CheckPassword(password, address string) error {
	if len(password) < MinPassword || len(password) > MaxPassword {
		return chat.Errorf(chat.CodeInvalid, "password: %d to %d bytes", MinPassword, MaxPassword)
	}
	lower := strings.ToLower(password)
	local, _, _ := strings.Cut(address, "@")
	if strings.Contains("\n"+commonPasswords, "\n"+lower+"\n") || lower == address || strings.Trim(lower, lower[:1]) == "" ||
		len(local) > 3 && strings.Trim(strings.ReplaceAll(lower, local, ""), "0123456789!.") == "" {
		return &Refusal{ReasonWeakPassword, chat.Errorf(chat.CodeInvalid, "password: it is one of those that are guessed first; take another")}
	}
	return nil
}
