package dynamo

import (
	"context"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/parley-chat/parley/internal/chat"
)

// After reads chunks forward: first the one that holds after+1, then those behind it.
func (s *Store) After(ctx context.Context, ref chat.Ref, t chat.Track, after uint64, limit int) ([]chat.Event, error) {
	holder, err := s.chunks(ctx, chunkRange{ref: ref, track: t, from: 0, to: after + 1, backward: true, limit: 1})
	if err != nil || len(holder) == 0 {
		return nil, err
	}
	events := slices.DeleteFunc(holder[0], func(e chat.Event) bool { return e.Seq <= after })
	if len(events) == 0 {
		return nil, nil
	}
	if next := events[len(events)-1].Seq + 1; len(events) < limit {
		more, err := s.chunks(ctx, chunkRange{ref: ref, track: t, from: next, to: after + uint64(limit), limit: limit})
		if err != nil {
			return nil, err
		}
		for _, chunk := range more {
			if chunk[0].Seq != events[len(events)-1].Seq+1 {
				break
			}
			events = append(events, chunk...)
		}
	}
	return events[:min(len(events), limit)], nil
}

// chunkRange asks for the chunks whose first seq is in [from, to].
type chunkRange struct {
	ref      chat.Ref
	track    chat.Track
	from, to uint64
	backward bool
	limit    int // chunks
}

func (s *Store) chunks(ctx context.Context, r chunkRange) ([][]chat.Event, error) {
	if r.from > r.to {
		return nil, nil
	}
	in := &dynamodb.QueryInput{
		TableName: &s.Chat, ConsistentRead: aws.Bool(true), ScanIndexForward: aws.Bool(!r.backward),
		KeyConditionExpression: aws.String("pk = :p AND sk BETWEEN :f AND :t"),
		ExpressionAttributeValues: item{
			":p": str(partition(r.ref)), ":f": str(chunkKey(r.ref, r.track, r.from).sk), ":t": str(chunkKey(r.ref, r.track, r.to).sk),
		},
	}
	var out [][]chat.Event
	for len(out) < r.limit {
		in.Limit = aws.Int32(int32(min(r.limit-len(out), 200)))
		page, err := s.API.Query(ctx, in)
		if err != nil {
			return nil, failure(err)
		}
		for _, it := range page.Items {
			events, err := readChunk(it)
			if err != nil {
				return nil, err
			}
			out = append(out, events)
		}
		if len(page.LastEvaluatedKey) == 0 {
			break
		}
		in.ExclusiveStartKey = page.LastEvaluatedKey
	}
	return out, nil
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
