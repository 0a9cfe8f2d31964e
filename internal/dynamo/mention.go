package dynamo

import (
	"context"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/parley-chat/parley/internal/chat"
)

var _ chat.MentionStore = (*Store)(nil)

// A mention: by who mentions   x when DynamoDB deletes it (s). It has no k, so the stream's mapping passes it over.

// PutMention implements chat.MentionStore.
func (s *Store) PutMention(ctx context.Context, w chat.WorkspaceID, m chat.Mention) error {
	it := withKey(mentionKey(w, m), item{"by": str(string(m.By)), idTTL: num(m.At.Add(chat.MentionLife).Unix())})
	_, err := s.API.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.Chat, Item: it})
	return failure(err)
}

// Mentions implements chat.MentionStore.
func (s *Store) Mentions(ctx context.Context, w chat.WorkspaceID, u chat.UserID, last *chat.Mention, limit int) ([]chat.Mention, error) {
	in := &dynamodb.QueryInput{
		TableName: &s.Chat, ConsistentRead: aws.Bool(true), ScanIndexForward: aws.Bool(false), Limit: aws.Int32(int32(limit)),
		KeyConditionExpression: aws.String("pk = :p"), ExpressionAttributeValues: item{":p": str(mentionPartition(w, u))},
	}
	if last != nil {
		in.ExclusiveStartKey = mentionKey(w, chat.Mention{User: u, Conversation: last.Conversation, Seq: last.Seq, At: last.At}).item()
	}
	page, err := s.API.Query(ctx, in)
	if err != nil {
		return nil, failure(err)
	}
	list := make([]chat.Mention, len(page.Items))
	for i, it := range page.Items {
		sk := getS(it, "sk")
		end := strings.LastIndexByte(sk, '#')
		place, seq := splitListedKey(sk[:end]), sk[end+1:]
		list[i] = chat.Mention{User: u, Conversation: place.Conversation, At: place.Started, By: chat.UserID(getS(it, "by"))}
		list[i].Seq, _ = strconv.ParseUint(seq, 10, 64)
	}
	return list, nil
}
