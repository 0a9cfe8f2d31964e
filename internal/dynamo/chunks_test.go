package dynamo

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/parley-chat/parley/internal/chat"
)

// querying counts the queries.
type querying struct {
	API
	queries int
}

func (q *querying) Query(ctx context.Context, in *dynamodb.QueryInput, o ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	q.queries++
	return q.API.Query(ctx, in, o...)
}

// Whatever the chunks are like, After returns the same events; what a client missed in a short absence takes one query.
func TestAfterReadsAcrossChunks(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	count := &querying{API: s.API}
	s.API = count
	rng := rand.New(rand.NewPCG(7, 7))
	for _, largest := range []int{1, 6, 40} {
		head := &chat.Head{Ref: chat.Ref{Workspace: goldenWorkspace, Conversation: chat.ConversationID(chat.NewID(chat.ConversationPrefix, zero))}}
		other := *head // a chunk of the other track lies between
		last := uint64(0)
		for last < 120 {
			events := make([]chat.Event, 6)
			if largest != 6 { // which is what the relay makes
				events = make([]chat.Event, 1+rng.IntN(largest))
			}
			for i := range events {
				last++
				events[i] = chat.Event{Seq: last, ID: chat.EventID(chat.NewID(chat.EventPrefix, zero)), Type: chat.EventMessage, At: zero,
					Sender: goldenUser, Role: chat.RoleCustomer, Text: "x"}
			}
			for track, h := range map[chat.Track]*chat.Head{chat.Public: head, chat.Desk: &other} {
				if _, err := s.putChunk(t.Context(), h, track, events); err != nil {
					t.Fatal(err)
				}
			}
		}
		for range 40 {
			after, limit := rng.Uint64N(last+3), 1+rng.IntN(60)
			count.queries = 0
			events, err := s.After(t.Context(), head.Ref, chat.Public, after, limit)
			if err != nil {
				t.Fatal(err)
			}
			if want := min(int(max(last, after)-after), limit); len(events) != want {
				t.Fatalf("%d events after %d of %d, want %d", len(events), after, last, want)
			}
			for i, e := range events {
				if e.Seq != after+uint64(i)+1 {
					t.Fatalf("event %d after %d has seq %d", i, after, e.Seq)
				}
			}
			if count.queries > 2 || largest == 6 && limit <= 20 && count.queries > 1 && len(events) > 0 {
				t.Errorf("%d queries for %d events after %d in chunks of up to %d", count.queries, limit, after, largest)
			}
		}
	}
}

// A chunk that is missing ends what is read before it, and what begins behind it is not read at all.
func TestAfterStopsAtAHole(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	head := &chat.Head{Ref: chat.Ref{Workspace: goldenWorkspace, Conversation: chat.ConversationID(chat.NewID(chat.ConversationPrefix, zero))}}
	for _, first := range []uint64{1, 3, 7} { // 5 and 6 are nowhere
		events := []chat.Event{{Seq: first, ID: "m_01kaw3v4x0mmmmmmmmm0000001", Type: chat.EventMessage, At: zero, Sender: goldenUser, Role: chat.RoleCustomer},
			{Seq: first + 1, ID: "m_01kaw3v4x0mmmmmmmmm0000002", Type: chat.EventMessage, At: zero, Sender: goldenUser, Role: chat.RoleCustomer}}
		if _, err := s.putChunk(t.Context(), head, chat.Public, events); err != nil {
			t.Fatal(err)
		}
	}
	for after, want := range map[uint64]int{0: 4, 2: 2, 3: 1, 4: 0, 5: 0, 6: 2, 7: 1, 8: 0} {
		events, err := s.After(t.Context(), head.Ref, chat.Public, after, 10)
		if err != nil || len(events) != want || want > 0 && events[0].Seq != after+1 {
			t.Errorf("%d events after %d, want %d (%v)", len(events), after, want, err)
		}
	}
}
