package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/parley-chat/parley/internal/chat"
)

// Subscriptions lists a workspace's integration subscriptions.
func (s *Store) Subscriptions(ctx context.Context, w chat.WorkspaceID) ([]chat.Subscription, error) {
	out, err := s.API.Query(ctx, &dynamodb.QueryInput{
		TableName: &s.Chat, ConsistentRead: aws.Bool(true),
		KeyConditionExpression:    aws.String("pk = :p"),
		ExpressionAttributeValues: item{":p": str(subscriptionKey(w, "").pk)},
	})
	if err != nil {
		return nil, failure(err)
	}
	subs := make([]chat.Subscription, len(out.Items))
	for i, it := range out.Items {
		subs[i] = chat.Subscription{ID: getS(it, "sk"), Kind: getS(it, "kind")}
		for _, t := range getL(it, "types") {
			if v, ok := t.(*types.AttributeValueMemberS); ok {
				subs[i].Types = append(subs[i].Types, chat.EventType(v.Value))
			}
		}
	}
	return subs, nil
}

// PutSubscription stores a subscription; the same id again replaces it.
func (s *Store) PutSubscription(ctx context.Context, w chat.WorkspaceID, sub chat.Subscription) error {
	it := subscriptionKey(w, sub.ID).item()
	it["kind"] = str(sub.Kind)
	list := make([]types.AttributeValue, len(sub.Types))
	for i, t := range sub.Types {
		list[i] = str(string(t))
	}
	it["types"] = &types.AttributeValueMemberL{Value: list}
	_, err := s.API.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.Chat, Item: it})
	return failure(err)
}
