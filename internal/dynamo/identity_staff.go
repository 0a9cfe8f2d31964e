package dynamo

import (
	"context"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

// Workspace implements identity.Workspaces.
func (i Identity) Workspace(ctx context.Context, w chat.WorkspaceID) (identity.Workspace, bool, error) {
	it, err := i.get(ctx, i.Store.Chat, workspaceKey(w), false, "workspace settings")
	return identity.Workspace{ID: w, Name: getS(it, idName), Origins: getTexts(it, idOrigins), Version: getN(it, idVersion)}, it != nil, err
}

// PutWorkspace implements identity.Registry.
func (i Identity) PutWorkspace(ctx context.Context, w identity.Workspace) error {
	_, err := i.Store.API.PutItem(ctx, &dynamodb.PutItemInput{TableName: &i.Store.Chat, Item: workspaceItem(w)})
	if err != nil {
		return identityFailure("workspace settings", err)
	}
	return nil
}

// Widget implements identity.Workspaces.
func (i Identity) Widget(ctx context.Context, k string) (identity.Widget, bool, error) {
	it, err := i.get(ctx, i.Store.Chat, widgetKey(k), false, "widget")
	return widgetOf(chat.WorkspaceID(getS(it, idWorkspace)), k, it), it != nil, err
}

// Credential implements identity.Accounts.
func (i Identity) Credential(ctx context.Context, address string) (identity.Credential, bool, error) {
	it, err := i.get(ctx, i.Store.Chat, emailKey(address), true, "credential")
	return identity.Credential{
		Address: address, Workspace: chat.WorkspaceID(getS(it, idWorkspace)), User: chat.UserID(getS(it, idUser)),
		PasswordHash: getS(it, idHash), Passwords: getN(it, idPasswords),
	}, it != nil, err
}

// Account implements identity.Accounts.
func (i Identity) Account(ctx context.Context, w chat.WorkspaceID, u chat.UserID) (identity.Account, bool, error) {
	it, err := i.get(ctx, i.Store.Chat, accountKey(w, u), true, "account")
	if err != nil || it == nil {
		return identity.Account{}, false, err
	}
	return accountOf(w, it), true, nil
}

func accountOf(w chat.WorkspaceID, it item) identity.Account {
	return identity.Account{
		Workspace: w, User: chat.UserID(getS(it, "sk")), Address: getS(it, idAddress), Name: getS(it, idName),
		Role: chat.Role(getS(it, idRole)), Disabled: getN(it, idDisabled) != 0, Departments: chat.DepartmentList(getS(it, idDepartments)),
		External: getS(it, idExternal), Version: getN(it, idVersion), Created: int64(getN(it, idCreated)), Passwords: getN(it, idPasswords),
		PublicName: getS(it, idPublicName), Avatar: getS(it, idAvatar), Locale: getS(it, idLocale), TimeZone: getS(it, idTimeZone),
	}
}

func accountItem(a identity.Account) item {
	it := withKey(accountKey(a.Workspace, a.User), item{idAddress: str(a.Address), idRole: str(string(a.Role))})
	setText(it, idName, a.Name)
	setText(it, idDepartments, string(a.Departments))
	setText(it, idExternal, a.External)
	setText(it, idPublicName, a.PublicName)
	setText(it, idAvatar, a.Avatar)
	setText(it, idLocale, a.Locale)
	setText(it, idTimeZone, a.TimeZone)
	setFlag(it, idDisabled, a.Disabled)
	setCount(it, idVersion, a.Version)
	setCount(it, idPasswords, a.Passwords)
	setCount(it, idCreated, uint64(max(a.Created, 0)))
	return it
}

func credentialItem(a identity.Account, hash string) item {
	it := withKey(emailKey(a.Address), item{idWorkspace: str(string(a.Workspace)), idUser: str(string(a.User))})
	setText(it, idHash, hash)
	setCount(it, idPasswords, a.Passwords)
	return it
}

// ownAddress is the condition that an address is free, or the account's.
const ownAddress = "attribute_not_exists(pk) OR (w = :w AND u = :u)"

// PutStaff implements identity.Registry: both items in one transaction, under the condition that the address is
// free or the user's own.
func (i Identity) PutStaff(ctx context.Context, a identity.Account, passwordHash string) error {
	credential := credentialItem(a, passwordHash)
	refused, err := i.transact(ctx, "account",
		i.put(credential, ownAddress, item{":w": credential[idWorkspace], ":u": credential[idUser]}), i.put(accountItem(a), "", nil))
	if err == nil && len(refused) > 0 {
		return addressTaken()
	}
	return err
}

func addressTaken() error {
	return &identity.Refusal{
		Reason: identity.ReasonAddressTaken, Err: chat.Errorf(chat.CodeForbidden, "the address belongs to another user"),
	}
}
