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
