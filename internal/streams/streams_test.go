package streams

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/parley-chat/parley/internal/chat"
)

// shard is a fake of one shard: pages of records, some of them empty, as AWS returns them.
type shard struct {
	pages  [][]types.Record
	open   bool // the last page has a next iterator too
	failAt int  // this call of GetRecords fails; 0: none
	calls  int
	asked  *dynamodbstreams.GetShardIteratorInput
}

func (s *shard) GetShardIterator(_ context.Context, in *dynamodbstreams.GetShardIteratorInput, _ ...func(*dynamodbstreams.Options)) (*dynamodbstreams.GetShardIteratorOutput, error) {
	s.asked = in
	return &dynamodbstreams.GetShardIteratorOutput{ShardIterator: aws.String("")}, nil
}

func (s *shard) GetRecords(_ context.Context, in *dynamodbstreams.GetRecordsInput, _ ...func(*dynamodbstreams.Options)) (*dynamodbstreams.GetRecordsOutput, error) {
	s.calls++
	page := len(*in.ShardIterator)
	if s.calls == s.failAt || page >= len(s.pages) {
		return nil, errors.New("TrimmedDataAccessException")
	}
	out := &dynamodbstreams.GetRecordsOutput{Records: s.pages[page]}
	if s.open || page+1 < len(s.pages) {
		out.NextShardIterator = aws.String(strings.Repeat("i", page+1))
	}
	return out, nil
}

func streamRecord(seq, pk, sk, kind string) types.Record {
	text := func(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
	return types.Record{Dynamodb: &types.StreamRecord{
		SequenceNumber: aws.String(seq), Keys: map[string]types.AttributeValue{"pk": text(pk), "sk": text(sk)},
		NewImage: map[string]types.AttributeValue{"k": text(kind)},
	}}
}

func lostConversation(n int) chat.Ref {
	return chat.Ref{Workspace: "w_01kaw3v4x00123456789abcdef", Conversation: chat.ConversationID("c_01kaw3v4x0c0nversat10n000" + string(rune('0'+n)))}
}

func TestAppended(t *testing.T) {
	t.Parallel()
	of := func(seq string, n int) types.Record {
		return streamRecord(seq, partitionOf(lostConversation(n)), "H", "a")
	}
	pages := [][]types.Record{
		{of("98", 1), streamRecord("99", partitionOf(lostConversation(2)), "H", "l"), {}}, {},
		{of("100", 3), of("101", 1), streamRecord("102", partitionOf(lostConversation(4)), "P000000000001", "a"), streamRecord("103", "widget#x", "H", "a")},
		{of("105", 5), of("1000", 6)},
	}
	for _, c := range []struct {
		name  string
		shard *shard
		last  string
		want  []int
		calls int
	}{
		{"up to a record", &shard{pages: pages}, "100", []int{1, 3}, 3},
		{"up to a filtered one that is not there", &shard{pages: pages}, "104", []int{1, 3}, 4},
		{"by number, not by text", &shard{pages: pages}, "0999", []int{1, 3, 5}, 4},
		{"to the end of a closed shard", &shard{pages: pages}, "99999", []int{1, 3, 5, 6}, 4},
		{"not beyond what is needed of an open one", &shard{pages: pages, open: true}, "1000", []int{1, 3, 5, 6}, 4},
		{"part of it is gone", &shard{pages: pages, failAt: 3}, "1000", nil, 3},
	} {
		got, _, err := (&Stream{API: c.shard}).Appended(t.Context(), "arn", "s", "98", c.last)
		var want []chat.Ref
		for _, n := range c.want {
			want = append(want, lostConversation(n))
		}
		if (err == nil) != (c.want != nil) || !slices.Equal(got, want) || c.shard.calls != c.calls {
			t.Errorf("%s: %v, %v after %d calls", c.name, got, err, c.shard.calls)
		}
		if in := c.shard.asked; *in.StreamArn != "arn" || *in.ShardId != "s" || *in.SequenceNumber != "98" || in.ShardIteratorType != types.ShardIteratorTypeAtSequenceNumber {
			t.Errorf("%s: asked for %+v", c.name, in)
		}
	}
}

// counted is a record of an item that counts a log of its own.
func countedRecord(seq, pk, sk, kind, before, after string) types.Record {
	r := streamRecord(seq, pk, sk, kind)
	r.Dynamodb.NewImage["n"] = &types.AttributeValueMemberN{Value: after}
	if before != "" {
		r.Dynamodb.OldImage = map[string]types.AttributeValue{"n": &types.AttributeValueMemberN{Value: before}}
	}
	return r
}

// What was appended to the own logs of operators and contacts is found by what it changed, as one span for each log.
func TestAppendedToOwnLogs(t *testing.T) {
	t.Parallel()
	const w, u, c = "w_01kaw3v4x00123456789abcdef", "u_01kaw3v4x0fedcba9876543210", "ct_01kaw3v4x0fedcba9876543210"
	s := &shard{pages: [][]types.Record{{
		countedRecord("100", w+"#operators", u, "a", "", "2"), countedRecord("101", w+"#"+c, "C", "a", "4", "5"),
		countedRecord("102", w+"#operators", u, "", "2", "2"), countedRecord("103", w+"#operators", u, "a", "2", "3"),
		countedRecord("104", w+"#"+u, "E000000000003", "a", "", "9"), countedRecord("105", w+"#"+c, "C", "a", "5", "5"),
		countedRecord("106", "x#operators", u, "a", "1", "2"), countedRecord("107", w+"#"+u, "K", "a", "1", "2"),
	}}}
	refs, own, err := (&Stream{API: s}).Appended(t.Context(), "arn", "s", "100", "107")
	want := []chat.OwnSpan{
		{Subject: chat.Subject{Workspace: w, ID: u}, From: 0, To: 3}, {Subject: chat.Subject{Workspace: w, ID: c}, From: 4, To: 5},
	}
	if err != nil || len(refs) != 0 || !slices.Equal(own, want) {
		t.Errorf("%v, %+v, %v", refs, own, err)
	}
}

// partitionOf is stored data (docs/data-model.md).
func partitionOf(r chat.Ref) string { return string(r.Workspace) + "#" + string(r.Conversation) }
