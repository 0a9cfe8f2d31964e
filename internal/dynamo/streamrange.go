package dynamo

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/parley-chat/parley/internal/chat"
)

// StreamsAPI is what this package needs of the DynamoDB Streams client.
type StreamsAPI interface {
	GetShardIterator(context.Context, *dynamodbstreams.GetShardIteratorInput, ...func(*dynamodbstreams.Options)) (*dynamodbstreams.GetShardIteratorOutput, error)
	GetRecords(context.Context, *dynamodbstreams.GetRecordsInput, ...func(*dynamodbstreams.Options)) (*dynamodbstreams.GetRecordsOutput, error)
}

// Stream reads the chat table's stream a second time.
type Stream struct {
	API StreamsAPI
}

// Appended lists the conversations that were appended to from the sequence number first to last of a shard, both
// included, each once. The stream keeps its records for 24 hours; if the range's beginning is gone, the error says so.
func (s *Stream) Appended(ctx context.Context, stream, shard, first, last string) ([]chat.Ref, error) {
	at, err := s.API.GetShardIterator(ctx, &dynamodbstreams.GetShardIteratorInput{
		StreamArn: &stream, ShardId: &shard, SequenceNumber: &first, ShardIteratorType: types.ShardIteratorTypeAtSequenceNumber,
	})
	if err != nil {
		return nil, fmt.Errorf("shard %s at %s: %w", shard, first, err)
	}
	var found []chat.Ref
	seen := map[chat.Ref]bool{}
	for next := at.ShardIterator; next != nil; { // nil: the shard was closed and ends here
		page, err := s.API.GetRecords(ctx, &dynamodbstreams.GetRecordsInput{ShardIterator: next})
		if err != nil {
			return nil, fmt.Errorf("records of shard %s from %s to %s: %w", shard, first, last, err)
		}
		for _, r := range page.Records {
			if r.Dynamodb == nil || r.Dynamodb.SequenceNumber == nil {
				continue
			}
			if after(*r.Dynamodb.SequenceNumber, last) {
				return found, nil
			}
			if ref, ok := appendedTo(r.Dynamodb); ok && !seen[ref] {
				seen[ref] = true
				found = append(found, ref)
			}
			if *r.Dynamodb.SequenceNumber == last {
				return found, nil
			}
		}
		next = page.NextShardIterator
	}
	return found, nil
}

// appendedTo returns the conversation if the record is an append, by the same attribute as the mapping's filter.
func appendedTo(r *types.StreamRecord) (chat.Ref, bool) {
	if streamText(r.Keys["sk"]) != skHead || streamText(r.NewImage["k"]) != kindAppend {
		return chat.Ref{}, false
	}
	ref, err := refOf(streamText(r.Keys["pk"]))
	return ref, err == nil
}

func streamText(v types.AttributeValue) string {
	if s, ok := v.(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

// after compares sequence numbers, which are numbers of 21 to 40 digits (DynamoDB Streams API reference, StreamRecord).
func after(a, b string) bool {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return len(a) > len(b) || len(a) == len(b) && a > b
}
