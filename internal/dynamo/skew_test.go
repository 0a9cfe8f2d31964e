package dynamo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/chat"
)

// testdata/skew/baseline.json holds the items of both tables as the first version of this package has written them
// (commit d4f6f44), not as today's would: during a deployment, and for as long as a table lives, today's code meets
// them. Never generate it anew; a version whose items differ gets a file of its own beside it.
const baseline = "testdata/skew/baseline.json"

// The people and conversations of the file. Conversation 1 has an operator, tails and chunks on both tracks, an edit,
// a deletion and a muted customer; 2 is closed; 3 waits. The last write was at skewTime.
const (
	skewWorkspace = chat.WorkspaceID("w_01k80000000000000000000001")
	skewCustomer  = chat.UserID("u_01k80000000000000000000001")
	skewOperator  = chat.UserID("u_01k80000000000000000000002")
)

var skewTime = time.UnixMilli(1_790_000_007_000)

func skewRef(n int) chat.Ref {
	return chat.Ref{Workspace: skewWorkspace, Conversation: chat.ConversationID(fmt.Sprintf("c_01k8000000000000000000000%d", n))}
}

func readBaseline(t *testing.T) map[string][]json.RawMessage {
	t.Helper()
	raw, err := os.ReadFile(baseline)
	if err != nil {
		t.Fatal(err)
	}
	var tables map[string][]json.RawMessage
	if err := json.Unmarshal(raw, &tables); err != nil || len(tables["chat"]) != 15 || len(tables["connections"]) != 3 {
		t.Fatalf("%d and %d items, %v", len(tables["chat"]), len(tables["connections"]), err)
	}
	return tables
}

// newBaseline returns today's store and use cases on the items of the file; change may alter each before.
func newBaseline(t *testing.T, change func(item)) (*Store, *chat.Service) {
	t.Helper()
	s := newStore(t)
	now := skewTime
	s.Now = func() time.Time { now = now.Add(time.Minute); return now }
	names := map[string]string{"chat": s.Chat, "connections": s.Connections}
	for table, rows := range readBaseline(t) {
		for _, raw := range rows {
			v, err := ofJSON(append(append([]byte(`{"M":`), raw...), '}'))
			if err != nil {
				t.Fatal(err)
			}
			it := v.(*types.AttributeValueMemberM).Value
			change(it)
			if _, err := s.API.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String(names[table]), Item: it}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return s, &chat.Service{Log: s, Reader: s, Subs: s, Dir: s, Sockets: s, Tails: s, Now: s.Now, Sleep: func(context.Context, time.Duration) {}}
}

func unchanged(item) {}

// told reads a track as "type text" of each event.
func told(t *testing.T, s *Store, ref chat.Ref, track chat.Track) []string {
	t.Helper()
	h, err := s.Head(t.Context(), ref)
	if err != nil || h == nil {
		t.Fatal(h, err)
	}
	var events []chat.Event
	for uint64(len(events))+1 < h.Track(track).From {
		page, err := s.After(t.Context(), ref, track, uint64(len(events)), 100)
		if err != nil || len(page) == 0 {
			t.Fatalf("after %d: %v", len(events), err)
		}
		events = append(events, page...)
	}
	var out []string
	for i, e := range append(events, h.Track(track).Tail...) {
		if e.Seq != uint64(i)+1 {
			t.Fatalf("%s: seq %d at place %d", track, e.Seq, i+1)
		}
		out = append(out, strings.TrimSpace(string(e.Type)+" "+e.Text))
	}
	return out
}

var (
	skewPublic = []string{"conversation.started", "message hello", "message is anybody there?", "conversation.assigned",
		"message how can I help?", "message my parcel", "message is lost", "message.edited is late", "message.deleted"}
	skewNotes = []string{"note a note", "note another note"}
)

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s, -want +got\n%s", what, d)
	}
}

// What the first version has stored, today's code reads, from the table and from its stream.
func TestItemsOfTheFirstVersionAreRead(t *testing.T) {
	t.Parallel()
	s, _ := newBaseline(t, unchanged)
	same(t, "public", told(t, s, skewRef(1), chat.Public), skewPublic)
	same(t, "desk", told(t, s, skewRef(1), chat.Desk), skewNotes)
	h, err := s.Head(t.Context(), skewRef(1))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "status and assignee", []any{h.Status, h.Assignee, h.Version, h.Public.Relayed, h.Desk.Relayed}, []any{chat.StatusActive, skewOperator, uint64(2), uint64(3), uint64(1)})
	same(t, "participants", h.Participants, map[chat.UserID]chat.Participant{
		skewCustomer: {Role: chat.RoleCustomer, Cursor: 5, MutedUntil: skewTime.Add(10 * time.Second)}, skewOperator: {Role: chat.RoleOperator, Cursor: 7},
	})
	if len(h.Listeners) != 2 || h.Listeners["TXzQa2nOjoECHuw="].User != skewOperator || h.Desk.Tail[0].Follows != 9 {
		t.Errorf("listeners %+v, the last note follows %d", h.Listeners, h.Desk.Tail[0].Follows)
	}
	closed, err := s.Closed(t.Context(), skewWorkspace, skewOperator, "", 9)
	same(t, "closed", []any{closed, err}, []any{[]chat.ConversationID{skewRef(2).Conversation}, nil})
	open, err := s.Open(t.Context(), skewWorkspace, skewCustomer, "", 9)
	same(t, "open", []any{open, err}, []any{[]chat.ConversationID{skewRef(3).Conversation, skewRef(1).Conversation}, nil})
	subs, err := s.Subscriptions(t.Context(), skewWorkspace)
	same(t, "subscriptions", []any{subs, err}, []any{[]chat.Subscription{{ID: "sub", Kind: "sqs", Types: []chat.EventType{chat.EventMessage}}}, nil})
	sockets, err := s.OfUser(t.Context(), skewWorkspace, skewOperator)
	same(t, "sockets", []any{sockets, err}, []any{[]chat.ConnectionID{"TXzQa2nOjoECHuw="}, nil})
	heads := 0
	for _, image := range readBaseline(t)["chat"] {
		h, ok, err := s.HeadOfImage(image)
		ends, okEnds, errEnds := s.EndsOfImage(image)
		if err != nil || errEnds != nil || ok != okEnds {
			t.Errorf("image %s: %v, %v", image, err, errEnds)
		}
		if ok {
			heads++
			same(t, "the stream's image", []uint64{ends.Public.Last, ends.Desk.Last}, []uint64{h.Public.Last, h.Desk.Last})
		}
	}
	if heads != 3 {
		t.Errorf("%d images of conversations", heads)
	}
}

// Today's code goes on with them: a message that the first version has stored is found when it comes again, and
// everything that can be done to a conversation is done.
func TestItemsOfTheFirstVersionAreWrittenOn(t *testing.T) {
	t.Parallel()
	goOn(t, unchanged)
}

// What a version to come adds to the items, today's code leaves alone: it is not read, and no write takes it away.
// So that version can go back and forth with this one.
func TestWhatANewerVersionAddsIsKept(t *testing.T) {
	t.Parallel()
	added := &types.AttributeValueMemberM{Value: item{"a": num(1)}}
	s := goOn(t, func(it item) {
		it["zz"] = added
		if p := getM(it, "P"); p != nil {
			for _, v := range p {
				v.(*types.AttributeValueMemberM).Value["zz"] = added
			}
			p["01k80000000000000000000009"] = &types.AttributeValueMemberM{Value: item{"r": num(99)}} // of a role to come
			getM(it, "L")["conn-of-a-newer-form="] = bin([]byte("another form of listener"))
		}
	})
	it := rawHead(t, s, skewRef(1))
	for name, m := range map[string]item{"HEAD": it, "the customer": getM(getM(it, "P"), "01k80000000000000000000001")} {
		if getN(getM(m, "zz"), "a") != 1 {
			t.Errorf("%s has lost what a newer version added", name)
		}
	}
	if getB(getM(it, "L"), "conn-of-a-newer-form=") == nil {
		t.Error("a listener of another form is gone")
	}
	h, err := s.Head(t.Context(), skewRef(1))
	if err != nil {
		t.Fatal(err)
	}
	stranger := h.Participants["u_01k80000000000000000000009"]
	if stranger.Role.Staff() || len(chat.Targets(h, chat.Desk, "", skewTime)) != 1 {
		t.Error("a role that is not known must not hear the desk")
	}
}

func goOn(t *testing.T, change func(item)) *Store {
	t.Helper()
	s, svc := newBaseline(t, change)
	customer := chat.Principal{Workspace: skewWorkspace, User: skewCustomer, Role: chat.RoleCustomer, Connection: "TXzPWdnOjoECGjA="}
	operator := chat.Principal{Workspace: skewWorkspace, User: skewOperator, Role: chat.RoleOperator, Connection: "TXzQa2nOjoECHuw="}
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	c := skewRef(1).Conversation
	h, err := s.Head(t.Context(), skewRef(1))
	must(h, err)
	again := []chat.NewMessage{{ID: h.Public.Tail[0].ID, Text: "my parcel"}, {ID: h.Public.Tail[1].ID, Text: "is lost"}, {ID: "m_01k800000000000000000000zz", Text: "hello again"}}
	out, err := svc.Send(t.Context(), customer, c, chat.Public, 5, again)
	must(out, err)
	if len(out.Acks) != 3 || !out.Acks[0].Duplicate || !out.Acks[1].Duplicate || out.Acks[2].Duplicate || out.Acks[2].Event.Seq != 10 {
		t.Errorf("acks %+v", out.Acks)
	}
	must(svc.Send(t.Context(), operator, c, chat.Desk, 0, []chat.NewMessage{{ID: "m_01k800000000000000000000zy", Text: "third note"}}))
	for _, track := range chat.Tracks() {
		h, err := s.Head(t.Context(), skewRef(1))
		must(h, err)
		must(nil, s.MoveTail(t.Context(), h, track, h.Track(track).Last, h.Track(track).Last))
		must(nil, s.SetRelayed(t.Context(), skewRef(1), track, h.Track(track).Last))
	}
	must(svc.Read(t.Context(), customer, c, 9))
	must(svc.Mute(t.Context(), operator, chat.Muting{Conversation: c, ID: "m_01k800000000000000000000zx", User: skewCustomer, Until: s.Now().Add(time.Hour)}))
	must(svc.Close(t.Context(), operator, chat.Step{Conversation: c, ID: "m_01k800000000000000000000zw"}))
	same(t, "public", told(t, s, skewRef(1), chat.Public), append(skewPublic[:9:9], "message hello again", "conversation.closed"))
	same(t, "desk", told(t, s, skewRef(1), chat.Desk), append(skewNotes[:2:2], "note third note", "participant.muted"))
	return s
}

// What cannot be read rightly is not read at all: an event or a status of a version to come is an error, of a kind
// that is tried again, and that a process of that version can then serve. Nothing is lost by it.
func TestWhatANewerVersionMeansIsNotGuessed(t *testing.T) {
	t.Parallel()
	event := func(change func([]byte) []byte) func(item) {
		return func(it item) {
			if tail := getL(it, "T"); len(tail) > 0 {
				b := tail[0].(*types.AttributeValueMemberB)
				b.Value = change(append([]byte(nil), b.Value...))
			}
		}
	}
	for name, change := range map[string]func(item){
		"a format":          event(func(b []byte) []byte { b[0] = 99; return b }),
		"a type of event":   event(func(b []byte) []byte { b[1] = 250; return b }),
		"a role of senders": event(func(b []byte) []byte { b[2] |= 0x0f; return b }),
		"a status": func(it item) {
			if getS(it, "st") != "" {
				it["st"] = str("a status to come")
			}
		},
	} {
		s, svc := newBaseline(t, change)
		if h, err := s.Head(t.Context(), skewRef(1)); !errors.Is(err, errCorrupt) {
			t.Errorf("%s: read as %+v, %v", name, h, err)
		}
		image := skewImage(t, change)
		if h, ok, err := s.HeadOfImage(image); !errors.Is(err, errCorrupt) || ok {
			t.Errorf("%s: an image of the stream is read as %+v, %v", name, h, err)
		}
		before := rawHead(t, s, skewRef(1))
		customer := chat.Principal{Workspace: skewWorkspace, User: skewCustomer, Role: chat.RoleCustomer}
		_, err := svc.Send(t.Context(), customer, skewRef(1).Conversation, chat.Public, 8, []chat.NewMessage{{ID: "m_01k800000000000000000000zz", Text: "x"}})
		if code := chat.CodeOf(err); !code.Retryable() {
			t.Errorf("%s: a message is answered with %v, which its sender would not try again", name, err)
		}
		if after := rawHead(t, s, skewRef(1)); getN(after, "n") != getN(before, "n") {
			t.Errorf("%s: the log went from %d to %d", name, getN(before, "n"), getN(after, "n"))
		}
	}
}

// skewImage is conversation 1 as the stream shows it, altered.
func skewImage(t *testing.T, change func(item)) []byte {
	t.Helper()
	for _, raw := range readBaseline(t)["chat"] {
		v, err := ofJSON(append(append([]byte(`{"M":`), raw...), '}'))
		if err != nil {
			t.Fatal(err)
		}
		it := v.(*types.AttributeValueMemberM).Value
		if getS(it, "pk") == partition(skewRef(1)) && getS(it, "sk") == skHead {
			change(it)
			return asJSON(t, streamImage(t, it))
		}
	}
	t.Fatal("no such image")
	return nil
}
