package dynamo

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

// PutSession implements identity.SessionStore.
func (i Identity) PutSession(ctx context.Context, s identity.Session) error {
	it := withKey(sessionKey(s.Workspace, s.User, s.ID), item{
		idRole: str(string(s.Role)), idDigest: bin(s.Digest[:]),
		idCreated: millis(s.Created), idRenewed: millis(s.Renewed), idExpires: millis(s.Expires),
		idTTL: num(s.Expires.Add(sessionSlack).Unix()),
	})
	setText(it, idName, s.Name)
	setText(it, idWidget, s.Widget)
	_, err := i.Store.API.PutItem(ctx, &dynamodb.PutItemInput{TableName: &i.Store.Chat, Item: it})
	if err != nil {
		return identityFailure("session", err)
	}
	return nil
}

// Session implements identity.SessionStore.
func (i Identity) Session(ctx context.Context, w chat.WorkspaceID, u chat.UserID, id chat.SessionID) (identity.Session, bool, error) {
	it, err := i.get(ctx, i.Store.Chat, sessionKey(w, u, id), true, "session")
	if err != nil || it == nil {
		return identity.Session{}, false, err
	}
	s := identity.Session{
		Workspace: w, User: u, ID: id, Role: chat.Role(getS(it, idRole)), Name: getS(it, idName), Widget: getS(it, idWidget),
		Created: getTime(it, idCreated), Renewed: getTime(it, idRenewed), Expires: getTime(it, idExpires),
		Revoked: getTime(it, idRevoked),
	}
	copy(s.Digest[:], getB(it, idDigest))
	return s, true, nil
}

// RenewSession implements identity.SessionStore.
func (i Identity) RenewSession(ctx context.Context, s identity.Session, renewed, expires time.Time) error {
	return i.updateSession(ctx, s, "SET rn = :rn, e = :e, #ttl = :ttl",
		"attribute_not_exists(rv) AND rn < :rn", map[string]string{"#ttl": idTTL},
		item{":rn": millis(renewed), ":e": millis(expires), ":ttl": num(expires.Add(sessionSlack).Unix())})
}

// RevokeSession implements identity.SessionStore.
func (i Identity) RevokeSession(ctx context.Context, s identity.Session, at time.Time) error {
	return i.updateSession(ctx, s, "SET rv = :at", "attribute_exists(pk) AND attribute_not_exists(rv)", nil,
		item{":at": millis(at)})
}

// updateSession makes a change whose condition may fail: then there was nothing to change.
func (i Identity) updateSession(ctx context.Context, s identity.Session, update, condition string, names map[string]string, values item) error {
	_, err := i.Store.API.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &i.Store.Chat, Key: sessionKey(s.Workspace, s.User, s.ID).item(),
		UpdateExpression: &update, ConditionExpression: &condition,
		ExpressionAttributeNames: names, ExpressionAttributeValues: values,
	})
	if _, refused := conditionItem(err); refused || err == nil {
		return nil
	}
	return identityFailure("session", err)
}

// AddAttempts implements identity.Attempts.
func (i Identity) AddAttempts(ctx context.Context, counter string, n int, expires time.Time) (int, error) {
	out, err := i.Store.API.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &i.Store.Connections, Key: attemptKey(counter).item(),
		UpdateExpression:          aws.String("ADD n :n SET #ttl = :ttl"),
		ExpressionAttributeNames:  map[string]string{"#ttl": idTTL},
		ExpressionAttributeValues: item{":n": num(n), ":ttl": num(expires.Unix())},
		ReturnValues:              "UPDATED_NEW",
	})
	if err != nil {
		return 0, identityFailure("attempts", err)
	}
	return getInt(out.Attributes, idCount), nil
}
