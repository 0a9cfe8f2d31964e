package dynamo

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/parley-chat/parley/internal/chat"
)

// counting counts the writes of moves.
type counting struct {
	API
	writes int
}

func (c *counting) PutItem(ctx context.Context, in *dynamodb.PutItemInput, o ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	c.writes++
	return c.API.PutItem(ctx, in, o...)
}

func (c *counting) UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput, o ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	c.writes++
	return c.API.UpdateItem(ctx, in, o...)
}

// A stale image costs nothing when this process made it stale, and only then: what others did, and what was refused,
// is tried.
func TestMovesSpareRefusedWrites(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ref, customer, _ := converse(t, s)
	calls := &counting{API: s.API}
	s.API, s.Moves = calls, &Moves{}
	other := &Store{API: calls, Chat: s.Chat, Connections: s.Connections, Moves: &Moves{}}
	stale, err := s.Head(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	move := func(s *Store, h *chat.Head, upTo uint64) int {
		t.Helper()
		calls.writes = 0
		if err := s.MoveTail(t.Context(), h, chat.Public, upTo, 0); err != nil {
			t.Fatal(err)
		}
		return calls.writes
	}
	if n := move(s, stale, 2); n != 2 {
		t.Fatalf("a move takes %d writes", n)
	}
	if n := move(s, stale, 1); n != 0 {
		t.Errorf("%d writes for an image from before this process's trim", n)
	}
	for range 2 { // refused twice: a refusal is not remembered
		if n := move(other, stale, 2); n != 2 {
			t.Errorf("%d writes for an image that another process made stale", n)
		}
	}
	if _, err := s.Append(t.Context(), chat.Append{Ref: ref, Track: chat.Public, After: 2, Rule: chat.Rule{Actor: customer},
		Events: []chat.Event{{Seq: 3, ID: "m_01kaw3v4x0mmmmmmmmm0000003", Type: chat.EventMessage, At: zero, Sender: customer, Role: chat.RoleCustomer, Text: "hi"}}}); err != nil {
		t.Fatal(err)
	}
	fresh, err := s.Head(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	if n := move(s, fresh, 3); n != 2 {
		t.Errorf("%d writes for the next tail", n)
	}
	stale.Gen++ // an erasure makes the tail another
	if n := move(s, stale, 2); n == 0 {
		t.Error("a tail of another generation was passed over")
	}
}
