package dynamo

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/parley-chat/parley/internal/chat"
)

// TombstoneLife is how long the end of a socket that had no row is remembered: a hello that was under way when the
// socket closed waits at most 29 s for its function (the quota of an integration) and runs for at most its timeout
// of 10 s. Twice that, and more.
const TombstoneLife = 2 * time.Minute

// socketKeys names the rows of a socket: staff are listed among the workspace's desk sockets too.
func socketKeys(p chat.Principal) []key {
	keys := []key{connectionKey(p.Workspace, p.User, p.Connection)}
	if p.Role.Staff() {
		keys = append(keys, deskKey(p.Workspace, p.Connection))
	}
	return keys
}

// Opened records a live socket; chat.ErrGone if SocketEnded came first.
func (s *Store) Opened(ctx context.Context, p chat.Principal, expires time.Time) (known bool, err error) {
	for _, k := range socketKeys(p) {
		row := k.item()
		row["u"], row["r"], row["s"], row["x"] = str(string(p.User)), str(string(p.Role)), str(string(p.Session)), num(expires.Unix())
		out, err := s.API.PutItem(ctx, &dynamodb.PutItemInput{
			TableName: &s.Connections, Item: row, ConditionExpression: aws.String("attribute_not_exists(g)"), ReturnValues: types.ReturnValueAllOld,
		})
		if _, ended := conditionItem(err); ended {
			return false, chat.ErrGone
		}
		if err != nil {
			return false, failure(err)
		}
		known = len(out.Attributes) > 0
	}
	return known, nil
}

// SocketClosed forgets a socket. It is named by its principal, not looked up.
func (s *Store) SocketClosed(ctx context.Context, p chat.Principal) error {
	for _, k := range socketKeys(p) {
		if _, err := s.API.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &s.Connections, Key: k.item()}); err != nil {
			return failure(err)
		}
	}
	return nil
}

// SocketEnded forgets a socket that has closed for good. Where there was no row, a hello may still be about to write
// it: then a tombstone keeps it from doing so, and goes after TombstoneLife. Ordinarily this is one call per row.
func (s *Store) SocketEnded(ctx context.Context, p chat.Principal) error {
	for _, k := range socketKeys(p) {
		out, err := s.API.DeleteItem(ctx, &dynamodb.DeleteItemInput{
			TableName: &s.Connections, Key: k.item(), ReturnValues: types.ReturnValueAllOld,
		})
		if err != nil {
			return failure(err)
		}
		if live := len(out.Attributes) > 0 && out.Attributes["g"] == nil; live {
			continue
		}
		tombstone := k.item()
		tombstone["g"], tombstone["x"] = num(1), num(s.now().Add(TombstoneLife).Unix())
		if _, err := s.API.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.Connections, Item: tombstone}); err != nil {
			return failure(err)
		}
	}
	return nil
}

// OfUser lists a user's sockets that have not expired, consistently.
func (s *Store) OfUser(ctx context.Context, w chat.WorkspaceID, u chat.UserID) ([]chat.ConnectionID, error) {
	rows, err := s.sockets(ctx, userPartition(w, u))
	out := make([]chat.ConnectionID, len(rows))
	for i, r := range rows {
		out[i] = chat.ConnectionID(getS(r, "sk"))
	}
	return out, err
}

// OfDesk lists the workspace's staff sockets that have not expired.
func (s *Store) OfDesk(ctx context.Context, w chat.WorkspaceID) ([]chat.Principal, error) {
	rows, err := s.sockets(ctx, deskKey(w, "").pk)
	out := make([]chat.Principal, len(rows))
	for i, r := range rows {
		out[i] = deskPrincipal(w, r)
	}
	return out, err
}

func deskPrincipal(w chat.WorkspaceID, r item) chat.Principal {
	return chat.Principal{
		Workspace: w, User: chat.UserID(getS(r, "u")), Role: chat.Role(getS(r, "r")),
		Session: chat.SessionID(getS(r, "s")), Connection: chat.ConnectionID(getS(r, "sk")),
	}
}

func (s *Store) sockets(ctx context.Context, pk string) ([]item, error) {
	var rows []item
	in := &dynamodb.QueryInput{
		TableName: &s.Connections, ConsistentRead: aws.Bool(true),
		KeyConditionExpression:    aws.String("pk = :p"),
		FilterExpression:          aws.String("x > :now AND attribute_not_exists(g)"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":p": str(pk), ":now": num(s.now().Unix())},
	}
	for {
		page, err := s.API.Query(ctx, in)
		if err != nil {
			return nil, failure(err)
		}
		rows = append(rows, page.Items...)
		if len(page.LastEvaluatedKey) == 0 {
			return rows, nil
		}
		in.ExclusiveStartKey = page.LastEvaluatedKey
	}
}
