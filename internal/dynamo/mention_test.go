package dynamo

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/chat/chattest"
)

func TestMentionsConform(t *testing.T) {
	t.Parallel()
	chattest.ConformMentions(t, newStore(t))
}

// A mention expires 90 days after the note was written, and the relay that writes it again does not prolong it.
func TestMentionsExpire(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	m := chat.Mention{User: goldenUser, Conversation: "c_01kaw3v4x0c0nversat10n0001", Seq: 7, By: goldenUser, At: time.UnixMilli(1_790_000_000_123)}
	for range 2 {
		if err := s.PutMention(t.Context(), goldenWorkspace, m); err != nil {
			t.Fatal(err)
		}
	}
	out, err := s.API.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &s.Chat, Key: mentionKey(goldenWorkspace, m).item(), ConsistentRead: aws.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := getN(out.Item, "x"), uint64(1_790_000_000+90*24*60*60); got != want {
		t.Errorf("expires at %d, want %d", got, want)
	}
}
