package dynamo

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/parley-chat/parley/internal/chat"
)

// Open lists a user's open conversations, newest id first.
func (s *Store) Open(ctx context.Context, w chat.WorkspaceID, u chat.UserID, after chat.ConversationID, limit int) ([]chat.ConversationID, error) {
	return s.members(ctx, w, u, "O", after, limit)
}

// Closed lists a user's closed conversations, newest id first.
func (s *Store) Closed(ctx context.Context, w chat.WorkspaceID, u chat.UserID, after chat.ConversationID, limit int) ([]chat.ConversationID, error) {
	return s.members(ctx, w, u, "C", after, limit)
}

func (s *Store) members(ctx context.Context, w chat.WorkspaceID, u chat.UserID, prefix string, after chat.ConversationID, limit int) ([]chat.ConversationID, error) {
	in := &dynamodb.QueryInput{
		TableName: &s.Chat, ConsistentRead: aws.Bool(true), ScanIndexForward: aws.Bool(false), Limit: aws.Int32(int32(limit)),
		KeyConditionExpression:    aws.String("pk = :p AND begins_with(sk, :o)"),
		ExpressionAttributeValues: item{":p": str(userPartition(w, u)), ":o": str(prefix + chat.ConversationPrefix)},
	}
	if after != "" {
		in.ExclusiveStartKey = key{userPartition(w, u), prefix + string(after)}.item()
	}
	out, err := s.API.Query(ctx, in)
	if err != nil {
		return nil, failure(err)
	}
	ids := make([]chat.ConversationID, len(out.Items))
	for i, it := range out.Items {
		ids[i] = chat.ConversationID(strings.TrimPrefix(getS(it, "sk"), prefix))
	}
	return ids, nil
}

// Waiting lists a workspace's waiting conversations, longest first: the shards side by side, merged.
func (s *Store) Waiting(ctx context.Context, w chat.WorkspaceID, limit int) ([]chat.Waiting, error) {
	var (
		wg    sync.WaitGroup
		parts [waitingShards][]chat.Waiting
		errs  [waitingShards]error
	)
	for shard := range waitingShards {
		wg.Go(func() { parts[shard], errs[shard] = s.waitingShard(ctx, w, shard, limit) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	all := slices.Concat(parts[:]...)
	slices.SortFunc(all, func(a, b chat.Waiting) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Conversation, b.Conversation))
	})
	return all[:min(len(all), limit)], nil
}

func (s *Store) waitingShard(ctx context.Context, w chat.WorkspaceID, shard, limit int) ([]chat.Waiting, error) {
	out, err := s.API.Query(ctx, &dynamodb.QueryInput{
		TableName: &s.Chat, ConsistentRead: aws.Bool(true), Limit: aws.Int32(int32(limit)),
		KeyConditionExpression:    aws.String("pk = :p"),
		ExpressionAttributeValues: item{":p": str(waitingPartition(w, shard))},
	})
	if err != nil {
		return nil, failure(err)
	}
	list := make([]chat.Waiting, 0, len(out.Items))
	for _, it := range out.Items {
		ms, conv, _ := strings.Cut(getS(it, "sk"), "#")
		since, _ := strconv.ParseInt(ms, 10, 64)
		list = append(list, chat.Waiting{
			Conversation: chat.ConversationID(conv), Customer: chat.UserID(getS(it, "u")), Since: time.UnixMilli(since),
		})
	}
	return list, nil
}

// Opened records a live socket; staff among the workspace's desk sockets too.
func (s *Store) Opened(ctx context.Context, p chat.Principal, expires time.Time) error {
	rows := []item{connectionKey(p.Workspace, p.User, p.Connection).item()}
	if p.Role.Staff() {
		rows = append(rows, deskKey(p.Workspace, p.Connection).item())
	}
	for _, row := range rows {
		row["u"], row["r"], row["s"], row["x"] = str(string(p.User)), str(string(p.Role)), str(string(p.Session)), num(expires.Unix())
		if _, err := s.API.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.Connections, Item: row}); err != nil {
			return failure(err)
		}
	}
	return nil
}

// SocketClosed forgets a socket. It is named by its principal, not looked up.
func (s *Store) SocketClosed(ctx context.Context, p chat.Principal) error {
	keys := []key{connectionKey(p.Workspace, p.User, p.Connection)}
	if p.Role.Staff() {
		keys = append(keys, deskKey(p.Workspace, p.Connection))
	}
	for _, k := range keys {
		if _, err := s.API.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &s.Connections, Key: k.item()}); err != nil {
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
		out[i] = chat.Principal{
			Workspace: w, User: chat.UserID(getS(r, "u")), Role: chat.Role(getS(r, "r")),
			Session: chat.SessionID(getS(r, "s")), Connection: chat.ConnectionID(getS(r, "sk")),
		}
	}
	return out, err
}

func (s *Store) sockets(ctx context.Context, pk string) ([]item, error) {
	var rows []item
	in := &dynamodb.QueryInput{
		TableName: &s.Connections, ConsistentRead: aws.Bool(true),
		KeyConditionExpression:    aws.String("pk = :p"),
		FilterExpression:          aws.String("x > :now"),
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
