package dynamo

import (
	"context"
	"strings"

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

// Waiting lists the conversations that wait in a department, in the order of its queue.
func (s *Store) Waiting(ctx context.Context, w chat.WorkspaceID, d chat.DepartmentID, limit int) ([]chat.Waiting, error) {
	var list []chat.Waiting
	in := &dynamodb.QueryInput{
		TableName: &s.Chat, ConsistentRead: aws.Bool(true),
		KeyConditionExpression:    aws.String("pk = :p"),
		ExpressionAttributeValues: item{":p": str(waitingPartition(w, d))},
	}
	for len(list) < limit {
		in.Limit = aws.Int32(int32(limit - len(list)))
		out, err := s.API.Query(ctx, in)
		if err != nil {
			return nil, failure(err)
		}
		for _, it := range out.Items {
			list = append(list, readWaiting(d, it))
		}
		if len(out.LastEvaluatedKey) == 0 {
			break
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
	return list, nil
}
