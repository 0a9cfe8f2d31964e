// Package dynamo stores the domain in DynamoDB: the key schema, the items, and the expressions that keep the
// log's promises. Items are private to this package.
package dynamo

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// API is what this package needs of the DynamoDB client.
type API interface {
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	UpdateItem(context.Context, *dynamodb.UpdateItemInput, ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error)
	DeleteItem(context.Context, *dynamodb.DeleteItemInput, ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error)
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
	BatchGetItem(context.Context, *dynamodb.BatchGetItemInput, ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error)
	TransactWriteItems(context.Context, *dynamodb.TransactWriteItemsInput, ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error)
}

// Store is the two tables.
type Store struct {
	API API
	// Chat is the durable table, Connections the ephemeral one.
	Chat, Connections string
	// Epoch is the deployment's restore epoch: the upper half of every generation.
	Epoch uint32
	// Now is the clock, time.Now if nil.
	Now func() time.Time
	// Moves spares a process that works off the stream the moves that it has made already. nil tries each.
	Moves *Moves
}

func (s *Store) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

type item = map[string]types.AttributeValue

func (k key) item() item {
	return item{"pk": str(k.pk), "sk": str(k.sk)}
}
