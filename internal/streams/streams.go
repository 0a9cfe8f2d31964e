// Package streams reads a range of the chat table's stream a second time: what the relay's mapping gave up on. It is apart
// from internal/dynamo so that only the relay carries the client of DynamoDB Streams.
package streams

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/dynamo"
)

// API is what this package needs of the DynamoDB Streams client.
type API interface {
	GetShardIterator(context.Context, *dynamodbstreams.GetShardIteratorInput, ...func(*dynamodbstreams.Options)) (*dynamodbstreams.GetShardIteratorOutput, error)
	GetRecords(context.Context, *dynamodbstreams.GetRecordsInput, ...func(*dynamodbstreams.Options)) (*dynamodbstreams.GetRecordsOutput, error)
}

// Stream reads the chat table's stream a second time.
type Stream struct {
	API API
}

// Appended lists the conversations that were appended to from the sequence number first to last of a shard, both
// included, each once, and what was appended to the own logs of operators and contacts. The stream keeps its records for
// 24 hours; if the range's beginning is gone, the error says so.
func (s *Stream) Appended(ctx context.Context, stream, shard, first, last string) ([]chat.Ref, []chat.OwnSpan, error) {
	at, err := s.API.GetShardIterator(ctx, &dynamodbstreams.GetShardIteratorInput{
		StreamArn: &stream, ShardId: &shard, SequenceNumber: &first, ShardIteratorType: types.ShardIteratorTypeAtSequenceNumber,
	})
	if err != nil {
		return nil, nil, fmt.Errorf("shard %s at %s: %w", shard, first, err)
	}
	var found appended
	for next := at.ShardIterator; next != nil; { // nil: the shard was closed and ends here
		page, err := s.API.GetRecords(ctx, &dynamodbstreams.GetRecordsInput{ShardIterator: next})
		if err != nil {
			return nil, nil, fmt.Errorf("records of shard %s from %s to %s: %w", shard, first, last, err)
		}
		for _, r := range page.Records {
			if r.Dynamodb == nil || r.Dynamodb.SequenceNumber == nil {
				continue
			}
			if after(*r.Dynamodb.SequenceNumber, last) {
				return found.refs, found.own, nil
			}
			found.add(r.Dynamodb)
			if *r.Dynamodb.SequenceNumber == last {
				return found.refs, found.own, nil
			}
		}
		next = page.NextShardIterator
	}
	return found.refs, found.own, nil
}

// appended is what a range of the stream appended to.
type appended struct {
	refs []chat.Ref
	own  []chat.OwnSpan
}

// add notes a record. Those of one log come in order, so what they append to it is one span.
func (a *appended) add(r *types.StreamRecord) {
	ref, span := dynamo.Change{
		Partition: streamText(r.Keys["pk"]), Sort: streamText(r.Keys["sk"]), Kind: streamText(r.NewImage["k"]),
		Before: streamNumber(r.OldImage["n"]), After: streamNumber(r.NewImage["n"]),
	}.Append()
	if ref != (chat.Ref{}) && !slices.Contains(a.refs, ref) {
		a.refs = append(a.refs, ref)
	}
	if span == (chat.OwnSpan{}) {
		return
	}
	if i := slices.IndexFunc(a.own, func(s chat.OwnSpan) bool { return s.Subject == span.Subject }); i >= 0 {
		a.own[i].From, a.own[i].To = min(a.own[i].From, span.From), max(a.own[i].To, span.To)
		return
	}
	a.own = append(a.own, span)
}

func streamNumber(v types.AttributeValue) uint64 {
	n, ok := v.(*types.AttributeValueMemberN)
	if !ok {
		return 0
	}
	out, _ := strconv.ParseUint(n.Value, 10, 64)
	return out
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
