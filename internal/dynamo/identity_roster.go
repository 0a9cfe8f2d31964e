package dynamo

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

// StaffList implements identity.Roster.
func (i Identity) StaffList(ctx context.Context, w chat.WorkspaceID, after chat.UserID, limit int) ([]identity.Account, error) {
	items, err := i.list(ctx, "staff", accountKey(w, "").pk, chat.UserPrefix, string(after), limit, false)
	var out []identity.Account
	for _, it := range items {
		out = append(out, accountOf(w, it))
	}
	return out, err
}

// Admins implements identity.Roster: the version sorts before the users and is read first, so that a change behind it
// is found by its condition.
func (i Identity) Admins(ctx context.Context, w chat.WorkspaceID) (admins []chat.UserID, version uint64, err error) {
	items, err := i.list(ctx, "staff", accountKey(w, "").pk, "", "", 0, false)
	for _, it := range items {
		if getS(it, "sk") == rosterKey(w).sk {
			version = getN(it, idVersion)
		} else if a := accountOf(w, it); a.Role == chat.RoleAdmin && !a.Disabled {
			admins = append(admins, a.User)
		}
	}
	return admins, version, err
}

// ChangeAccount implements identity.Roster.
func (i Identity) ChangeAccount(ctx context.Context, before, after identity.Account, roster *uint64, entry identity.AuditEntry) error {
	writes := []types.TransactWriteItem{i.replace(before, after), i.audit(entry)}
	if roster != nil {
		condition, values := ifVersion(*roster)
		writes = append(writes, i.put(withKey(rosterKey(before.Workspace), item{idVersion: num(*roster + 1)}), condition, values))
	}
	return i.swap(ctx, "account", writes...)
}

// replace is the write of an account over one of the version before.
func (i Identity) replace(before, after identity.Account) types.TransactWriteItem {
	condition, values := ifVersion(before.Version)
	return i.put(accountItem(after), "attribute_exists(pk) AND "+condition, values)
}

// SetPassword implements identity.Roster.
func (i Identity) SetPassword(ctx context.Context, before, after identity.Account, hash string, used *identity.Invitation, entry identity.AuditEntry) error {
	credential := credentialItem(after, hash)
	writes := []types.TransactWriteItem{
		i.put(credential, "w = :w AND u = :u", item{":w": credential[idWorkspace], ":u": credential[idUser]}),
		i.replace(before, after), i.audit(entry),
	}
	if used != nil {
		writes = append(writes, i.drop(invitationKey(used.Workspace, used.ID)))
	}
	return i.swap(ctx, "credential", writes...)
}

// PutInvitation implements identity.Roster.
func (i Identity) PutInvitation(ctx context.Context, v identity.Invitation, entry identity.AuditEntry) error {
	it := withKey(invitationKey(v.Workspace, v.ID), item{
		idAddress: str(v.Address), idRole: str(string(v.Role)), idDigest: bin(v.Digest[:]), idBy: str(string(v.By)),
		idCreated: millis(v.Created), idExpires: millis(v.Expires), idTTL: num(v.Expires.Unix()),
	})
	setText(it, idUser, string(v.User))
	setText(it, idName, v.Name)
	setText(it, idDepartments, string(v.Departments))
	setCount(it, idPasswords, v.Passwords)
	return i.swap(ctx, "invitation", i.put(it, "", nil), i.audit(entry))
}

func invitationOf(w chat.WorkspaceID, it item) identity.Invitation {
	v := identity.Invitation{
		Workspace: w, ID: getS(it, "sk"), User: chat.UserID(getS(it, idUser)), Address: getS(it, idAddress), Name: getS(it, idName),
		Role: chat.Role(getS(it, idRole)), Departments: chat.DepartmentList(getS(it, idDepartments)), By: chat.UserID(getS(it, idBy)),
		Created: getTime(it, idCreated), Expires: getTime(it, idExpires), Passwords: getN(it, idPasswords),
	}
	copy(v.Digest[:], getB(it, idDigest))
	return v
}

// Invitation implements identity.Roster.
func (i Identity) Invitation(ctx context.Context, w chat.WorkspaceID, id string) (identity.Invitation, bool, error) {
	it, err := i.get(ctx, i.Store.Chat, invitationKey(w, id), true, "invitation")
	if err != nil || it == nil {
		return identity.Invitation{}, false, err
	}
	return invitationOf(w, it), true, nil
}

// Invitations implements identity.Roster.
func (i Identity) Invitations(ctx context.Context, w chat.WorkspaceID) ([]identity.Invitation, error) {
	items, err := i.list(ctx, "invitations", invitationKey(w, "").pk, "", "", 0, false)
	var out []identity.Invitation
	for _, it := range items {
		out = append(out, invitationOf(w, it))
	}
	return out, err
}

// DropInvitation implements identity.Roster.
func (i Identity) DropInvitation(ctx context.Context, v identity.Invitation, entry identity.AuditEntry) error {
	return i.swap(ctx, "invitation", i.drop(invitationKey(v.Workspace, v.ID)), i.audit(entry))
}

// Join implements identity.Roster.
func (i Identity) Join(ctx context.Context, used identity.Invitation, a identity.Account, hash string, entry identity.AuditEntry) error {
	refused, err := i.transact(ctx, "account", i.drop(invitationKey(used.Workspace, used.ID)),
		i.put(credentialItem(a, hash), "attribute_not_exists(pk)", nil), i.put(accountItem(a), "attribute_not_exists(pk)", nil), i.audit(entry))
	switch {
	case err != nil || len(refused) == 0:
		return err
	case slices.Contains(refused, 0):
		return identity.ErrConflict
	default:
		return addressTaken()
	}
}
