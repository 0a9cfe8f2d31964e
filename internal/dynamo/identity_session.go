package dynamo

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

// PutSession implements identity.SessionStore.
func (i Identity) PutSession(ctx context.Context, s identity.Session) error {
	_, err := i.Store.API.PutItem(ctx, &dynamodb.PutItemInput{TableName: &i.Store.Chat, Item: sessionItem(s)})
	if err != nil {
		return identityFailure("session", err)
	}
	return nil
}

func sessionItem(s identity.Session) item {
	it := withKey(sessionKey(s.Workspace, s.User, s.ID), item{
		idRole: str(string(s.Role)), idDigest: bin(s.Digest[:]),
		idCreated: millis(s.Created), idRenewed: millis(s.Renewed), idExpires: millis(s.Expires),
		idTTL: num(s.Expires.Add(sessionSlack).Unix()),
	})
	setText(it, idName, s.Name)
	setText(it, idWidget, s.Widget)
	setText(it, idDepartments, string(s.Departments))
	setText(it, idAgent, s.Agent)
	setText(it, idSource, s.Source)
	setTime(it, idUsed, s.Used)
	setTime(it, idVouched, s.Vouched)
	setTime(it, idAsking, s.Asking)
	setTime(it, idRevoked, s.Revoked)
	if s.Version > 0 {
		it[idVersion] = num(s.Version)
	}
	if len(s.Keepsake) > 0 {
		it[idKeepsake] = bin(s.Keepsake)
	}
	setPair(it, s.Pair)
	return it
}

// Session implements identity.SessionStore.
func (i Identity) Session(ctx context.Context, w chat.WorkspaceID, u chat.UserID, id chat.SessionID) (identity.Session, bool, error) {
	it, err := i.get(ctx, i.Store.Chat, sessionKey(w, u, id), true, "session")
	if err != nil || it == nil {
		return identity.Session{}, false, err
	}
	return sessionOf(w, u, id, it), true, nil
}

func sessionOf(w chat.WorkspaceID, u chat.UserID, id chat.SessionID, it item) identity.Session {
	s := identity.Session{
		Workspace: w, User: u, ID: id, Role: chat.Role(getS(it, idRole)), Name: getS(it, idName), Widget: getS(it, idWidget),
		Departments: chat.DepartmentList(getS(it, idDepartments)),
		Created:     getTime(it, idCreated), Renewed: getTime(it, idRenewed), Expires: getTime(it, idExpires),
		Revoked: getTime(it, idRevoked), Agent: getS(it, idAgent), Source: getS(it, idSource), Used: getTime(it, idUsed),
		Version: getN(it, idVersion), Vouched: getTime(it, idVouched), Asking: getTime(it, idAsking), Keepsake: getB(it, idKeepsake),
		Pair: pairOf(it),
	}
	copy(s.Digest[:], getB(it, idDigest))
	return s
}

// Arrival implements identity.ArrivalStore. A user's sessions sort behind the memberships in open conversations, so one
// query backwards from the session meets it first, then older sessions (staff have a few, customers none), then the
// memberships, newest first.
func (i Identity) Arrival(ctx context.Context, p chat.Principal, limit int) (s identity.Session, found bool, open []chat.ConversationID, err error) {
	in := &dynamodb.QueryInput{
		TableName: &i.Store.Chat, ConsistentRead: aws.Bool(true), ScanIndexForward: aws.Bool(false), Limit: aws.Int32(int32(limit + olderSessions)),
		KeyConditionExpression: aws.String("pk = :p AND sk BETWEEN :o AND :s"),
		ExpressionAttributeValues: item{
			":p": str(userPartition(p.Workspace, p.User)), ":o": str(openKey(p.Workspace, p.User, "").sk), ":s": str(sessionKey(p.Workspace, p.User, p.Session).sk),
		},
	}
	for {
		page, err := i.Store.API.Query(ctx, in)
		if err != nil {
			return s, false, nil, failure(err)
		}
		for _, it := range page.Items {
			switch sk := getS(it, "sk"); {
			case sk == sessionKey(p.Workspace, p.User, p.Session).sk:
				s, found = sessionOf(p.Workspace, p.User, p.Session, it), true
			case strings.HasPrefix(sk, "O") && len(open) < limit:
				open = append(open, chat.ConversationID(sk[1:]))
			}
		}
		if len(open) == limit || len(page.LastEvaluatedKey) == 0 {
			return s, found, open, nil
		}
		in.ExclusiveStartKey = page.LastEvaluatedKey
	}
}

// olderSessions is how many sessions besides the one asked for Arrival's first page has room for: staff sign in once
// or twice a day, and a session's row stays for a week after it.
const olderSessions = 20

// RenewSession implements identity.SessionStore.
func (i Identity) RenewSession(ctx context.Context, s identity.Session, renewed, expires time.Time) error {
	return i.updateSession(ctx, s, "SET rn = :rn, e = :e, x = :x", "attribute_not_exists(rv) AND rn < :rn",
		item{":rn": millis(renewed), ":e": millis(expires), ":x": num(expires.Add(sessionSlack).Unix())})
}

// RevokeSession implements identity.SessionStore.
func (i Identity) RevokeSession(ctx context.Context, s identity.Session, at time.Time) error {
	return i.updateSession(ctx, s, "SET rv = :at", "attribute_exists(pk) AND attribute_not_exists(rv)",
		item{":at": millis(at)})
}

// updateSession makes a change whose condition may fail: then there was nothing to change.
func (i Identity) updateSession(ctx context.Context, s identity.Session, update, condition string, values item) error {
	_, err := i.Store.API.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &i.Store.Chat, Key: sessionKey(s.Workspace, s.User, s.ID).item(),
		UpdateExpression: &update, ConditionExpression: &condition,
		ExpressionAttributeValues: values,
	})
	if _, refused := conditionItem(err); refused || err == nil {
		return nil
	}
	return identityFailure("session", err)
}

// SwapSession implements identity.SessionStore.
func (i Identity) SwapSession(ctx context.Context, old, next identity.Session) error {
	next.Version = old.Version + 1
	condition, values := ifVersion(old.Version)
	condition += " AND attribute_exists(pk) AND attribute_not_exists(rv)"
	_, err := i.Store.API.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &i.Store.Chat, Item: sessionItem(next), ConditionExpression: &condition, ExpressionAttributeValues: values,
	})
	if _, refused := conditionItem(err); refused {
		return identity.ErrConflict
	}
	if err != nil {
		return identityFailure("session", err)
	}
	return nil
}

// SessionsOf implements identity.SessionStore.
func (i Identity) SessionsOf(ctx context.Context, w chat.WorkspaceID, u chat.UserID) ([]identity.Session, error) {
	items, err := i.list(ctx, "sessions", userPartition(w, u), "S"+chat.SessionPrefix, "", 0, true)
	var out []identity.Session
	for _, it := range items {
		out = append(out, sessionOf(w, u, chat.SessionID(getS(it, "sk")[1:]), it))
	}
	return out, err
}

// AddAttempts implements identity.Attempts.
func (i Identity) AddAttempts(ctx context.Context, counter string, n int, expires time.Time) (int, error) {
	out, err := i.Store.API.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &i.Store.Connections, Key: attemptKey(counter).item(),
		UpdateExpression:          aws.String("ADD n :n SET x = :x"),
		ExpressionAttributeValues: item{":n": num(n), ":x": num(expires.Unix())},
		ReturnValues:              "UPDATED_NEW",
	})
	if err != nil {
		return 0, identityFailure("attempts", err)
	}
	return getInt(out.Attributes, idCount), nil
}

// SocketsOfSession lists the live sockets of a session, consistently.
func (i Identity) SocketsOfSession(ctx context.Context, p chat.Principal) ([]chat.ConnectionID, error) {
	rows, err := i.Store.sockets(ctx, userPartition(p.Workspace, p.User))
	if err != nil {
		return nil, identityFailure("sockets", err)
	}
	var out []chat.ConnectionID
	for _, row := range rows {
		if getS(row, "s") == string(p.Session) {
			out = append(out, chat.ConnectionID(getS(row, "sk")))
		}
	}
	return out, nil
}
