package dynamo

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

// PutKey implements identity.KeyStore.
func (i Identity) PutKey(ctx context.Context, k identity.Key, before uint64, entry identity.AuditEntry) error {
	it := withKey(principalKey(k.Workspace, k.Role, k.ID), item{
		idName: str(k.Name), idGrants: str(string(k.Grants)), idDigest: bin(k.Digest[:]), idBy: str(string(k.By)),
		idCreated: millis(k.Created), idVersion: num(k.Version),
	})
	setFlag(it, idDisabled, k.Disabled)
	setTime(it, idExpires, k.Expires)
	setTime(it, idUsed, k.Used)
	condition, values := ifVersion(before)
	return i.swap(ctx, "key", i.put(it, condition, values), i.audit(entry))
}

// DropKey implements identity.KeyStore.
func (i Identity) DropKey(ctx context.Context, k identity.Key, entry identity.AuditEntry) error {
	return i.swap(ctx, "key", i.drop(principalKey(k.Workspace, k.Role, k.ID)), i.audit(entry))
}

// Key implements identity.KeyStore.
func (i Identity) Key(ctx context.Context, w chat.WorkspaceID, role chat.Role, id chat.UserID) (identity.Key, bool, error) {
	it, err := i.get(ctx, i.Store.Chat, principalKey(w, role, id), true, "key")
	if err != nil || it == nil {
		return identity.Key{}, false, err
	}
	return keyOf(w, role, it), true, nil
}

func keyOf(w chat.WorkspaceID, role chat.Role, it item) identity.Key {
	k := identity.Key{
		Workspace: w, ID: chat.UserID(getS(it, "sk")), Role: role, Name: getS(it, idName), Grants: chat.GrantList(getS(it, idGrants)),
		Disabled: getN(it, idDisabled) != 0, By: chat.UserID(getS(it, idBy)), Created: getTime(it, idCreated),
		Expires: getTime(it, idExpires), Used: getTime(it, idUsed), Version: getN(it, idVersion),
	}
	copy(k.Digest[:], getB(it, idDigest))
	return k
}

// Keys implements identity.KeyStore.
func (i Identity) Keys(ctx context.Context, w chat.WorkspaceID, role chat.Role) ([]identity.Key, error) {
	items, err := i.list(ctx, "keys", principalKey(w, role, "").pk, "", "", 0, false)
	var out []identity.Key
	for _, it := range items {
		out = append(out, keyOf(w, role, it))
	}
	return out, err
}

// UseKey implements identity.KeyStore.
func (i Identity) UseKey(ctx context.Context, k identity.Key, day time.Time) error {
	_, err := i.Store.API.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &i.Store.Chat, Key: principalKey(k.Workspace, k.Role, k.ID).item(), UpdateExpression: aws.String("SET lu = :d"),
		ConditionExpression:       aws.String("attribute_exists(pk) AND (attribute_not_exists(lu) OR lu < :d)"),
		ExpressionAttributeValues: item{":d": millis(day)},
	})
	if _, refused := conditionItem(err); refused || err == nil {
		return nil
	}
	return identityFailure("key", err)
}
