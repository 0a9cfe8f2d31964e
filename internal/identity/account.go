package identity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/parley-chat/parley/internal/chat"
)

// Limits of accounts.
const (
	// MaxName is the longest name of a person, a bot or a key in bytes.
	MaxName = 100
	// MaxDepartments is in how many departments somebody may work.
	MaxDepartments = 50
	// MaxInvitations is how many invitations and password links a workspace may have at once: they are read as a whole.
	MaxInvitations = 500
)

// ErrConflict says that what was to be changed is not what it was when it was read, or is gone.
var ErrConflict = errors.New("somebody else changed it in between")

// Roster keeps a workspace's staff. Reads are consistent.
type Roster interface {
	// StaffList returns up to limit accounts by user id, behind after.
	StaffList(ctx context.Context, w chat.WorkspaceID, after chat.UserID, limit int) ([]Account, error)
	// Admins returns the enabled admins, and the version of the roster: ChangeAccount refuses an older one.
	Admins(context.Context, chat.WorkspaceID) (admins []chat.UserID, version uint64, err error)
	// ChangeAccount replaces an account whose version is before.Version, with the entry, in one transaction. roster is not nil where an admin is lost: then the roster must still have that version,
	// and gets the next one. ErrConflict.
	ChangeAccount(ctx context.Context, before, after Account, roster *uint64, entry AuditEntry) error
	// SetPassword replaces an account whose version is before.Version, and its password hash, with the entry, in one
	// transaction; with an invitation it consumes that too. ErrConflict.
	SetPassword(ctx context.Context, before, after Account, hash string, used *Invitation, entry AuditEntry) error

	// PutInvitation stores an invitation with the entry, in one transaction.
	PutInvitation(context.Context, Invitation, AuditEntry) error
	// Invitation returns false when there is none.
	Invitation(ctx context.Context, w chat.WorkspaceID, id string) (Invitation, bool, error)
	// Invitations lists those that were not consumed; the reader looks at their expiry.
	Invitations(context.Context, chat.WorkspaceID) ([]Invitation, error)
	// DropInvitation removes one with the entry, in one transaction. ErrConflict when it is gone.
	DropInvitation(context.Context, Invitation, AuditEntry) error
	// Join consumes the invitation and makes the account and its credential, with the entry, in one transaction.
	// ErrConflict when the invitation is gone; chat.CodeForbidden when the address belongs to another user.
	Join(ctx context.Context, used Invitation, a Account, hash string, entry AuditEntry) error
}

// summary of an account for the audit log.
func (a Account) summary() map[string]string {
	return map[string]string{
		"name": a.Name, "publicName": a.PublicName, "avatar": a.Avatar, "locale": a.Locale, "timeZone": a.TimeZone, "role": string(a.Role), "departments": string(a.Departments), "disabled": strconv.FormatBool(a.Disabled),
	}
}

// admin says whether the account can administer.
func (a Account) admin() bool { return a.Role == chat.RoleAdmin && !a.Disabled }

// StaffChange is what to change of an account; nil fields stay.
type StaffChange struct {
	Name        *string
	PublicName  *string
	Avatar      *string
	Role        *chat.Role
	Departments *[]chat.DepartmentID
	Disabled    *bool
}

// People keeps a workspace's staff: lists, invites, changes and disables them. Whether the principal may is checked
// here, too.
type People struct {
	Accounts  Accounts
	Roster    Roster
	Passwords Passwords
	Attempts  Attempts
	Sessions  *Sessions
	Audit     *Audit
	Profiles  ProfileStore
	// Departments lists those of a workspace, consistently: nobody is given another. Nil takes any.
	Departments Departments
}

// Departments lists a workspace's departments.
type Departments func(context.Context, chat.WorkspaceID) ([]chat.DepartmentID, error)

// check returns chat.CodeInvalid, which names the field, unless the workspace has all of the departments. It reads nothing
// where none is named.
func (d Departments) check(ctx context.Context, w chat.WorkspaceID, field string, named []chat.DepartmentID) error {
	if d == nil || len(named) == 0 {
		return nil
	}
	all, err := d(ctx, w)
	if err != nil {
		return fmt.Errorf("listing departments: %w", err)
	}
	return chat.CheckDepartments(field, named, all)
}

// known leaves out departments that the workspace does not have any more, and says which. If it has none of them they
// stay: whoever is given nothing but those works nowhere, and an empty list would be everywhere.
func (d Departments) known(ctx context.Context, w chat.WorkspaceID, list chat.DepartmentList) (in, unknown chat.DepartmentList, err error) {
	if d == nil || list == "" {
		return list, "", nil
	}
	all, err := d(ctx, w)
	if err != nil {
		return "", "", fmt.Errorf("listing departments: %w", err)
	}
	isUnknown := func(id chat.DepartmentID) bool { return !slices.Contains(all, id) }
	there := slices.DeleteFunc(slices.Clone(list.All()), isUnknown)
	unknown = chat.JoinDepartments(slices.DeleteFunc(slices.Clone(list.All()), func(id chat.DepartmentID) bool { return !isUnknown(id) })...)
	if len(there) == 0 {
		return list, unknown, nil
	}
	return chat.JoinDepartments(there...), unknown, nil
}

func (p *People) now() time.Time { return p.Sessions.now() }

// List returns up to limit members of staff by id, behind after, disabled ones included.
func (p *People) List(ctx context.Context, by By, after chat.UserID, limit int) ([]Account, error) {
	if _, err := chat.Authorize(by.Principal, chat.CommandStaff); err != nil {
		return nil, err
	}
	list, err := p.Roster.StaffList(ctx, by.Workspace, after, limit)
	if err != nil {
		return nil, fmt.Errorf("listing staff: %w", err)
	}
	return list, nil
}

// Account returns one member of staff; chat.CodeNotFound for one of another workspace.
func (p *People) Account(ctx context.Context, by By, u chat.UserID) (Account, error) {
	if _, err := chat.Authorize(by.Principal, chat.CommandStaff); err != nil {
		return Account{}, err
	}
	return p.account(ctx, by.Workspace, u)
}

func (p *People) account(ctx context.Context, w chat.WorkspaceID, u chat.UserID) (Account, error) {
	missing := chat.Errorf(chat.CodeNotFound, "there is no such member of staff")
	if !u.Valid() {
		return Account{}, missing
	}
	a, ok, err := p.Accounts.Account(ctx, w, u)
	if err != nil {
		return Account{}, fmt.Errorf("reading an account: %w", err)
	}
	if !ok {
		return Account{}, missing
	}
	return a, nil
}

// Change changes an account that still has the version, and has its sessions follow: whoever is disabled is signed
// out, and a socket that was opened under another role or in other departments must be opened anew. The last admin
// can be neither disabled nor given another role, at any concurrency. An account that an issuer looks after keeps its
// role and departments: its groups say them.
// Errors: chat.CodeInvalid, CodeForbidden, CodeNotFound, CodeConflict (another version), or the store's. An error that
// wraps ErrSocketsLeft means that the account is changed all the same.
func (p *People) Change(ctx context.Context, by By, u chat.UserID, version uint64, change StaffChange) (Account, error) {
	if _, err := chat.Authorize(by.Principal, chat.CommandEditStaff); err != nil {
		return Account{}, err
	}
	before, err := p.account(ctx, by.Workspace, u)
	if err != nil {
		return Account{}, err
	}
	if before.Version != version {
		return Account{}, conflict()
	}
	after, err := change.apply(before)
	if err != nil {
		return Account{}, err
	}
	if change.Departments != nil && after.Departments != before.Departments {
		if err := p.Departments.check(ctx, by.Workspace, "departments", *change.Departments); err != nil {
			return Account{}, err
		}
	}
	if after == before { // it may be that what follows it failed
		return before, p.Sessions.Follow(ctx, by.Principal, before, "")
	}
	after.Version++
	was, is := changed(before.summary(), after.summary())
	if err := p.store(ctx, before, after, p.Audit.Entry(by, ActStaffChanged, string(u), was, is)); err != nil {
		return Account{}, err
	}
	return after, p.Sessions.Follow(ctx, by.Principal, after, "")
}

// lostTries is how often a change that loses an admin is tried while others do the same.
const lostTries = 3

// store writes the change. Where it would lose an admin it looks first whether there is another one, and the
// transaction holds that no other admin was lost since.
func (p *People) store(ctx context.Context, before, after Account, entry AuditEntry) error {
	var err error
	for range lostTries {
		var roster *uint64
		if before.admin() && !after.admin() {
			if roster, err = p.otherAdmin(ctx, before); err != nil {
				return err
			}
		}
		if err = p.Roster.ChangeAccount(ctx, before, after, roster, entry); !errors.Is(err, ErrConflict) || roster == nil {
			break
		}
	}
	if errors.Is(err, ErrConflict) {
		return conflict()
	}
	if err != nil {
		return fmt.Errorf("changing an account: %w", err)
	}
	return nil
}

// otherAdmin returns the version of the roster in which there is an admin besides a.
func (p *People) otherAdmin(ctx context.Context, a Account) (*uint64, error) {
	admins, version, err := p.Roster.Admins(ctx, a.Workspace)
	if err != nil {
		return nil, fmt.Errorf("reading the admins: %w", err)
	}
	for _, other := range admins {
		if other != a.User {
			return &version, nil
		}
	}
	return nil, &Refusal{ReasonLastAdmin, chat.Errorf(chat.CodeForbidden, "this is the last admin: make somebody else one first")}
}

func (c StaffChange) apply(a Account) (Account, error) {
	if a.External != "" && (c.Role != nil && *c.Role != a.Role || c.Departments != nil) {
		return a, chat.Errorf(chat.CodeInvalid, "role, departments: the groups at the identity provider say them")
	}
	a, err := ProfileChange{Name: c.Name, PublicName: c.PublicName, Avatar: c.Avatar}.apply(a)
	if err != nil {
		return a, err
	}
	if c.Role != nil {
		if err := staffRole(*c.Role); err != nil {
			return a, err
		}
		a.Role = *c.Role
	}
	if c.Departments != nil {
		if a.Departments, err = departmentList(*c.Departments); err != nil {
			return a, err
		}
	}
	if c.Disabled != nil {
		a.Disabled = *c.Disabled
	}
	return a, nil
}

func staffRole(r chat.Role) error {
	if r == chat.RoleOperator || r == chat.RoleSupervisor || r == chat.RoleAdmin {
		return nil
	}
	return chat.Errorf(chat.CodeInvalid, "role: operator, supervisor or admin")
}

func departmentList(list []chat.DepartmentID) (chat.DepartmentList, error) {
	if len(list) > MaxDepartments {
		return "", chat.Errorf(chat.CodeInvalid, "departments: at most %d", MaxDepartments)
	}
	seen := map[chat.DepartmentID]bool{}
	for _, d := range list {
		if !d.Valid() || seen[d] {
			return "", chat.Errorf(chat.CodeInvalid, "departments: ids of departments, each once")
		}
		seen[d] = true
	}
	return chat.JoinDepartments(list...), nil
}

// cleanName trims a name and checks it. Marks that reorder or hide text are refused: by them one name looks like another.
// Markup stays: it is text, and is shown as such.
func cleanName(name string) (string, error) {
	name = strings.TrimSpace(name)
	bad := func(r rune) bool { return unicode.IsControl(r) || Invisible(r) }
	if name == "" || len(name) > MaxName || !utf8.ValidString(name) || strings.ContainsFunc(name, bad) {
		return "", chat.Errorf(chat.CodeInvalid, "name: 1 to %d bytes of text without control characters, or marks that reorder or hide text", MaxName)
	}
	return name, nil
}

// Invisible says of a character that it makes a text look like another one: marks that reorder what stands around them
// (UAX #9, explicit directional formatting; CVE-2021-42574) and those that show nothing.
func Invisible(r rune) bool {
	switch {
	case r >= 0x202A && r <= 0x202E, r >= 0x2066 && r <= 0x2069, r == 0x200E, r == 0x200F, r == 0x061C:
		return true
	case r == 0x200B, r == 0x2060, r == 0xFEFF, r == 0x00AD, r >= 0x206A && r <= 0x206F, r >= 0xE0000 && r <= 0xE007F:
		return true
	}
	return false
}

func conflict() error {
	return chat.Errorf(chat.CodeConflict, "it has changed since you read it: read it again, and send the change with the new ETag")
}
