package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

var _ identity.CustomerTokenStore = Contacts{}

// PutIdentityKey implements identity.CustomerTokenStore.
//
// An identity key: a algorithm   m material (a secret as it is, or the DER of a public key)   by   c created (ms).
func (c Contacts) PutIdentityKey(ctx context.Context, k identity.IdentityKey) error {
	it := withKey(identityKeyKey(k.Workspace, k.ID), item{
		"a": str(string(k.Algorithm)), "m": bin(k.Material), "by": str(string(k.By)), idCreated: millis(k.Created),
	})
	_, err := c.Store.API.PutItem(ctx, &dynamodb.PutItemInput{TableName: &c.Store.Chat, Item: it})
	if err != nil {
		return identityFailure("identity key", err)
	}
	return nil
}

func readIdentityKey(w chat.WorkspaceID, it item) identity.IdentityKey {
	return identity.IdentityKey{
		Workspace: w, ID: getS(it, "sk"), Algorithm: identity.Algorithm(getS(it, "a")), Material: getB(it, "m"),
		By: chat.UserID(getS(it, "by")), Created: getTime(it, idCreated),
	}
}

// IdentityKey implements identity.CustomerTokenStore.
func (c Contacts) IdentityKey(ctx context.Context, w chat.WorkspaceID, id string) (identity.IdentityKey, bool, error) {
	it, err := c.get(ctx, identityKeyKey(w, id), "identity key")
	if err != nil || it == nil {
		return identity.IdentityKey{}, false, err
	}
	return readIdentityKey(w, it), true, nil
}

// IdentityKeys implements identity.CustomerTokenStore.
func (c Contacts) IdentityKeys(ctx context.Context, w chat.WorkspaceID) ([]identity.IdentityKey, error) {
	out, err := c.Store.API.Query(ctx, &dynamodb.QueryInput{
		TableName: &c.Store.Chat, ConsistentRead: aws.Bool(true), KeyConditionExpression: aws.String("pk = :p"),
		ExpressionAttributeValues: item{":p": str(identityKeyKey(w, "").pk)},
	})
	if err != nil {
		return nil, identityFailure("identity keys", err)
	}
	var list []identity.IdentityKey
	for _, it := range out.Items { // MaxIdentityKeys of them: one page
		list = append(list, readIdentityKey(w, it))
	}
	return list, nil
}

// DropIdentityKey implements identity.CustomerTokenStore.
func (c Contacts) DropIdentityKey(ctx context.Context, w chat.WorkspaceID, id string) (bool, error) {
	out, err := c.Store.API.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: &c.Store.Chat, Key: identityKeyKey(w, id).item(), ReturnValues: types.ReturnValueAllOld,
	})
	if err != nil {
		return false, identityFailure("identity key", err)
	}
	return len(out.Attributes) > 0, nil
}

// UseToken implements identity.CustomerTokenStore: the condition makes the one winner. DynamoDB deletes the row up to
// two days after its time (Amazon DynamoDB Developer Guide, "Time to Live"), never before.
func (c Contacts) UseToken(ctx context.Context, s identity.TokenSeal) (bool, error) {
	_, err := c.Store.API.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &c.Store.Connections, Item: withKey(tokenKey(s.Workspace, s.Hash), item{idTTL: num(s.Forget.Unix() + 1)}),
		ConditionExpression: aws.String("attribute_not_exists(pk)"),
	})
	if _, refused := conditionItem(err); refused {
		return false, nil
	}
	if err != nil {
		return false, identityFailure("token", err)
	}
	return true, nil
}
