package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/parley-chat/parley/internal/chat"
)

var _ chat.Requests = Identity{}

// A remembered request, in the connection table:
//
//	f fingerprint   b begun (ms)   e expires (ms)   a answer (absent: under way)   x when DynamoDB deletes it (s)
func requestItem(k chat.RequestKey, n chat.RequestNote) item {
	it := withKey(requestKey(k), item{
		"f": str(n.Fingerprint), "b": millis(n.Begun), idExpires: millis(n.Expires), idTTL: num(n.Expires.Unix()),
	})
	if n.Answer != nil {
		it["a"] = bin(n.Answer)
	}
	return it
}

// BeginRequest implements chat.Requests: the refusal brings the note that refused.
func (i Identity) BeginRequest(ctx context.Context, k chat.RequestKey, n chat.RequestNote) (*chat.RequestNote, error) {
	_, err := i.Store.API.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &i.Store.Connections, Item: requestItem(k, n),
		ConditionExpression: aws.String("attribute_not_exists(pk) OR e <= :now OR (attribute_not_exists(a) AND b <= :dead)"),
		ExpressionAttributeValues: item{
			":now": millis(n.Begun), ":dead": millis(n.Begun.Add(-chat.RequestLease)),
		},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if old, refused := conditionItem(err); refused {
		known := &chat.RequestNote{Fingerprint: getS(old, "f"), Begun: getTime(old, "b"), Expires: getTime(old, idExpires)}
		if a, ok := old["a"].(*types.AttributeValueMemberB); ok {
			known.Answer = a.Value
		}
		return known, nil
	}
	if err != nil {
		return nil, identityFailure("request", err)
	}
	return nil, nil
}

// FinishRequest implements chat.Requests.
func (i Identity) FinishRequest(ctx context.Context, k chat.RequestKey, n chat.RequestNote) error {
	_, err := i.Store.API.PutItem(ctx, &dynamodb.PutItemInput{TableName: &i.Store.Connections, Item: requestItem(k, n)})
	if err != nil {
		return identityFailure("request", err)
	}
	return nil
}

// ForgetRequest implements chat.Requests.
func (i Identity) ForgetRequest(ctx context.Context, k chat.RequestKey) error {
	_, err := i.Store.API.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &i.Store.Connections, Key: requestKey(k).item()})
	if err != nil {
		return identityFailure("request", err)
	}
	return nil
}
