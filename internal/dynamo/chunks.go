package dynamo

import (
	"context"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/parley-chat/parley/internal/chat"
)

// firstChunks is how many chunks After's first page has room for at most. What a client missed in a short absence
// lies in fewer; and chunks are large only where the relay was away, so that reading one too many is cheap.
const firstChunks = 8

// eventsPerChunk is a low estimate: the relay moves a tail when it has grown to about six events.
const eventsPerChunk = 4

// After reads chunks backwards from the one that holds the last seq asked for to the one that holds after+1: whatever
// fits a page of firstChunks takes one query, and nobody needs to know where a chunk begins.
func (s *Store) After(ctx context.Context, ref chat.Ref, t chat.Track, after uint64, limit int) ([]chat.Event, error) {
	in := &dynamodb.QueryInput{
		TableName: &s.Chat, ConsistentRead: aws.Bool(true), ScanIndexForward: aws.Bool(false),
		Limit:                  aws.Int32(int32(min(limit/eventsPerChunk+2, firstChunks))),
		KeyConditionExpression: aws.String("pk = :p AND sk BETWEEN :f AND :t"),
		ExpressionAttributeValues: item{
			":p": str(partition(ref)), ":f": str(chunkKey(ref, t, 0).sk), ":t": str(chunkKey(ref, t, after+uint64(limit)).sk),
		},
	}
	var newestFirst [][]chat.Event
	for {
		page, err := s.API.Query(ctx, in)
		if err != nil {
			return nil, failure(err)
		}
		for _, it := range page.Items {
			events, err := readChunk(it)
			if err != nil {
				return nil, err
			}
			newestFirst = append(newestFirst, events)
			if events[0].Seq <= after+1 {
				return joined(newestFirst, after, limit), nil
			}
		}
		if len(page.LastEvaluatedKey) == 0 {
			return nil, nil // no chunk reaches back to after+1
		}
		in.ExclusiveStartKey, in.Limit = page.LastEvaluatedKey, nil // they are small: as many as a page of 1 MB takes
	}
}

// joined returns the events behind after, oldest first, as far as one follows the other, and at most limit of them.
func joined(newestFirst [][]chat.Event, after uint64, limit int) (events []chat.Event) {
	for _, chunk := range slices.Backward(newestFirst) {
		for _, e := range chunk {
			if next := after + uint64(len(events)) + 1; e.Seq == next && len(events) < limit {
				events = append(events, e)
			}
		}
	}
	return events
}

func readChunk(it item) ([]chat.Event, error) {
	sk := getS(it, "sk")
	if len(sk) < 2 {
		return nil, errCorrupt
	}
	first, err := strconv.ParseUint(sk[1:], 10, 64)
	if err != nil {
		return nil, errCorrupt
	}
	events, err := unpackList(getL(it, "E"), first)
	if err == nil && len(events) == 0 {
		err = errCorrupt
	}
	return events, err
}
