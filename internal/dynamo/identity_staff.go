package dynamo

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

// Workspace implements identity.Workspaces.
func (i Identity) Workspace(ctx context.Context, w chat.WorkspaceID) (identity.Workspace, bool, error) {
	it, err := i.get(ctx, i.Store.Chat, workspaceKey(w), false, "workspace settings")
	return identity.Workspace{ID: w, Name: getS(it, idName), Origins: getTexts(it, idOrigins)}, it != nil, err
}

// PutWorkspace implements identity.Registry.
func (i Identity) PutWorkspace(ctx context.Context, w identity.Workspace) error {
	it := withKey(workspaceKey(w.ID), item{idOrigins: texts(w.Origins)})
	setText(it, idName, w.Name)
	_, err := i.Store.API.PutItem(ctx, &dynamodb.PutItemInput{TableName: &i.Store.Chat, Item: it})
	if err != nil {
		return identityFailure("workspace settings", err)
	}
	return nil
}

// Widget implements identity.Workspaces.
func (i Identity) Widget(ctx context.Context, k string) (identity.Widget, bool, error) {
	it, err := i.get(ctx, i.Store.Chat, widgetKey(k), false, "widget")
	widget := identity.Widget{Key: k, Workspace: chat.WorkspaceID(getS(it, idWorkspace)), Origins: getTexts(it, idOrigins)}
	return widget, it != nil, err
}

// PutWidget implements identity.Registry.
func (i Identity) PutWidget(ctx context.Context, w identity.Widget) error {
	it := withKey(widgetKey(w.Key), item{idWorkspace: str(string(w.Workspace)), idOrigins: texts(w.Origins)})
	return i.putUnless(ctx, it, "attribute_not_exists(pk) OR w = :w", item{":w": str(string(w.Workspace))}, "widget key")
}

// Credential implements identity.Accounts.
func (i Identity) Credential(ctx context.Context, address string) (identity.Credential, bool, error) {
	it, err := i.get(ctx, i.Store.Chat, emailKey(address), true, "credential")
	return identity.Credential{
		Address: address, Workspace: chat.WorkspaceID(getS(it, idWorkspace)), User: chat.UserID(getS(it, idUser)),
		PasswordHash: getS(it, idHash),
	}, it != nil, err
}

// Account implements identity.Accounts.
func (i Identity) Account(ctx context.Context, w chat.WorkspaceID, u chat.UserID) (identity.Account, bool, error) {
	it, err := i.get(ctx, i.Store.Chat, accountKey(w, u), true, "account")
	return identity.Account{
		Workspace: w, User: u, Address: getS(it, idAddress), Name: getS(it, idName),
		Role: chat.Role(getS(it, idRole)), Disabled: getN(it, idDisabled) != 0,
	}, it != nil, err
}

// PutStaff implements identity.Registry: both items in one transaction, under the condition that the address is
// free or the user's own.
func (i Identity) PutStaff(ctx context.Context, a identity.Account, passwordHash string) error {
	account := withKey(accountKey(a.Workspace, a.User), item{idAddress: str(a.Address), idRole: str(string(a.Role))})
	setText(account, idName, a.Name)
	if a.Disabled {
		account[idDisabled] = num(1)
	}
	credential := withKey(emailKey(a.Address), item{
		idWorkspace: str(string(a.Workspace)), idUser: str(string(a.User)), idHash: str(passwordHash),
	})
	_, err := i.Store.API.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
		{Put: &types.Put{
			TableName: &i.Store.Chat, Item: credential,
			ConditionExpression:       aws.String("attribute_not_exists(pk) OR (w = :w AND u = :u)"),
			ExpressionAttributeValues: item{":w": credential[idWorkspace], ":u": credential[idUser]},
		}},
		{Put: &types.Put{TableName: &i.Store.Chat, Item: account}},
	}})
	var cancelled *types.TransactionCanceledException
	if errors.As(err, &cancelled) && len(cancelled.CancellationReasons) > 0 &&
		aws.ToString(cancelled.CancellationReasons[0].Code) == "ConditionalCheckFailed" {
		return chat.Errorf(chat.CodeForbidden, "the address %s belongs to another user", a.Address)
	}
	if err != nil {
		return identityFailure("account", err)
	}
	return nil
}
