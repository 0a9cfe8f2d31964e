package dynamo

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/parley-chat/parley/internal/chat"
)

// sizeOf is an item's size as DynamoDB bills it (Amazon DynamoDB developer guide, "DynamoDB item sizes and
// formats"): names and texts as UTF-8, numbers a byte per two digits and one, 3 bytes for a list or map and one
// for each element.
func sizeOf(it item) int {
	n := 0
	for name, v := range it {
		n += len(name) + sizeOfValue(v)
	}
	return n
}

func sizeOfValue(v types.AttributeValue) int {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return len(v.Value)
	case *types.AttributeValueMemberN:
		return (len(v.Value)+1)/2 + 1
	case *types.AttributeValueMemberB:
		return len(v.Value)
	case *types.AttributeValueMemberM:
		n := 3 + len(v.Value)
		return n + sizeOf(v.Value)
	case *types.AttributeValueMemberL:
		n := 3 + len(v.Value)
		for _, e := range v.Value {
			n += sizeOfValue(e)
		}
		return n
	}
	return 1 << 20 // no other types in HEAD
}

// rawHead returns HEAD as it is stored.
func rawHead(t *testing.T, s *Store, ref chat.Ref) item {
	t.Helper()
	out, err := s.API.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &s.Chat, Key: headKey(ref).item(), ConsistentRead: aws.Bool(true)})
	if err != nil || len(out.Item) == 0 {
		t.Fatal(out, err)
	}
	return out.Item
}

// converse makes a conversation of two with a listener each; the log ends at 2.
func converse(t testing.TB, s *Store) (ref chat.Ref, customer, operator chat.UserID) {
	t.Helper()
	now := time.Now()
	ref = chat.Ref{Workspace: chat.WorkspaceID(chat.NewID(chat.WorkspacePrefix, now)), Conversation: chat.ConversationID(chat.NewID(chat.ConversationPrefix, now))}
	customer, operator = chat.UserID(chat.NewID(chat.UserPrefix, now)), chat.UserID(chat.NewID(chat.UserPrefix, now))
	listener := func(u chat.UserID, r chat.Role) chat.Listener {
		return chat.Listener{User: u, Role: r, Expires: now.Add(time.Hour).Truncate(time.Second)}
	}
	event := func(seq uint64, u chat.UserID, r chat.Role, typ chat.EventType) chat.Event {
		return chat.Event{Seq: seq, ID: chat.EventID(chat.NewID(chat.EventPrefix, now)), Type: typ, At: now, Sender: u, Role: r, Text: "hello"}
	}
	err := s.Create(t.Context(), chat.Creation{
		Ref: ref, Customer: customer, Role: chat.RoleCustomer, Events: []chat.Event{event(1, customer, chat.RoleCustomer, chat.EventMessage)},
		Listen: "TXzPWdnOjoECGjA=", Listener: listener(customer, chat.RoleCustomer), At: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	h, err := s.Head(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	err = s.Transition(t.Context(), chat.Append{
		Ref: ref, Track: chat.Public, After: 1, Events: []chat.Event{event(2, operator, chat.RoleOperator, chat.EventAssigned)}, Rule: chat.Rule{Actor: operator},
	}, chat.Change{Old: h, Status: chat.StatusActive, Assignee: operator, Join: chat.RoleOperator, Listen: "TXzQa2nOjoECHuw=", Listener: listener(operator, chat.RoleOperator)})
	if err != nil {
		t.Fatal(err)
	}
	return ref, customer, operator
}

// Write units are per started KB: what HEAD takes besides its tail decides how many messages fit beside it.
func TestHeadIsSmall(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ref, customer, operator := converse(t, s)
	for _, u := range []chat.UserID{customer, operator} {
		if _, err := s.MoveCursor(t.Context(), ref, u, 2); err != nil {
			t.Fatal(err)
		}
	}
	h, err := s.Head(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.MoveTail(t.Context(), h, chat.Public, 2, 2); err != nil {
		t.Fatal(err)
	}
	it := rawHead(t, s, ref)
	if n := len(getL(it, "T")); n != 0 {
		t.Fatalf("%d events in the tail", n)
	}
	size := sizeOf(it)
	t.Logf("HEAD without its tail, 2 participants, 2 listeners: %d bytes", size)
	if size >= 600 {
		t.Errorf("%d bytes, the design has room for less than 600", size)
	}
}

// An attribute that an older version did not write reads as zero.
func TestOldHeadsAreRead(t *testing.T) {
	t.Parallel()
	const ref = string(goldenWorkspace) + "#" + string(goldenConversation)
	e := chat.Event{Seq: 1, ID: "m_01kaw3v4x0mmmmmmmmm0000001", Type: chat.EventMessage, At: zero, Sender: goldenUser, Role: chat.RoleCustomer, Text: "hi"}
	full := item{"pk": str(ref), "sk": str("H"), "st": str("a"), "n": num(1), "f": num(1), "T": packList([]chat.Event{e})}
	got, err := readHead(full, 2)
	if err != nil {
		t.Fatal(err)
	}
	want := &chat.Head{
		Ref: chat.Ref{Workspace: goldenWorkspace, Conversation: goldenConversation}, Status: chat.StatusActive, Gen: 2 << 16,
		Public: chat.TrackHead{Last: 1, From: 1, Tail: []chat.Event{e}},
	}
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Error(d)
	}
	full["new"], full["P"] = str("by a newer version"), &types.AttributeValueMemberM{Value: item{"bad": str("x"), "01kaw3v4x0fedcba9876543210": &types.AttributeValueMemberM{Value: item{"r": num(99)}}}}
	full["L"] = &types.AttributeValueMemberM{Value: item{"c": str("x"), "d": bin([]byte("short"))}}
	if got, err = readHead(full, 2); err != nil || len(got.Participants) != 1 || got.Participants[goldenUser].Role.Staff() || len(got.Listeners) != 0 {
		t.Errorf("%+v, %v: what cannot be read must not be staff, nor listen", got, err)
	}
}

func TestDamagedItemsAreErrors(t *testing.T) {
	t.Parallel()
	ok := str(string(goldenWorkspace) + "#" + string(goldenConversation))
	for name, it := range map[string]item{
		"no key":               {},
		"foreign key":          {"pk": str("w_1#c_2")},
		"no separator":         {"pk": str(string(goldenWorkspace))},
		"tail of texts":        {"pk": ok, "T": &types.AttributeValueMemberL{Value: []types.AttributeValue{str("x")}}},
		"an event from beyond": {"pk": ok, "T": &types.AttributeValueMemberL{Value: []types.AttributeValue{bin([]byte{2, 0, 0})}}},
	} {
		if _, err := readHead(it, 0); !errors.Is(err, errCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, it := range map[string]item{
		"no key": {}, "not a number": {"sk": str("Px")}, "no events": {"sk": str("P000000000001")},
		"damage": {"sk": str("P000000000001"), "E": &types.AttributeValueMemberL{Value: []types.AttributeValue{bin([]byte{9})}}},
	} {
		if _, err := readChunk(it); !errors.Is(err, errCorrupt) {
			t.Errorf("chunk, %s: %v", name, err)
		}
	}
}

// streamImage converts an item as the table's stream would show it.
func streamImage(t *testing.T, it item) map[string]events.DynamoDBAttributeValue {
	t.Helper()
	out := map[string]events.DynamoDBAttributeValue{}
	for name, v := range it {
		out[name] = streamValue(t, v)
	}
	return out
}

// asJSON writes an image as Lambda passes it; nil stays nil.
func asJSON(t *testing.T, image map[string]events.DynamoDBAttributeValue) []byte {
	t.Helper()
	if image == nil {
		return nil
	}
	raw, err := json.Marshal(image)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func streamValue(t *testing.T, v types.AttributeValue) events.DynamoDBAttributeValue {
	t.Helper()
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return events.NewStringAttribute(v.Value)
	case *types.AttributeValueMemberN:
		return events.NewNumberAttribute(v.Value)
	case *types.AttributeValueMemberB:
		return events.NewBinaryAttribute(v.Value)
	case *types.AttributeValueMemberM:
		return events.NewMapAttribute(streamImage(t, v.Value))
	case *types.AttributeValueMemberL:
		var list []events.DynamoDBAttributeValue
		for _, e := range v.Value {
			list = append(list, streamValue(t, e))
		}
		return events.NewListAttribute(list)
	}
	t.Fatalf("%T", v)
	return events.DynamoDBAttributeValue{}
}

// The relay sees HEAD as the handlers do, and nothing else as HEAD.
func TestStreamImages(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ref, _, operator := converse(t, s)
	note := chat.Append{Ref: ref, Track: chat.Desk, Rule: chat.Rule{Actor: operator}, Events: []chat.Event{
		{Seq: 1, ID: "m_01kaw3v4x0mmmmmmmmm0000001", Type: chat.EventNote, At: zero, Sender: operator, Role: chat.RoleOperator, Text: "note"},
	}}
	want, err := s.Append(t.Context(), note)
	if err != nil {
		t.Fatal(err)
	}
	image := streamImage(t, rawHead(t, s, ref))
	got, ok, err := s.HeadOfImage(asJSON(t, image))
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	ends, ok, err := s.EndsOfImage(asJSON(t, image))
	if err != nil || !ok || ends.Ref != want.Ref || ends.Public.Last != want.Public.Last || ends.Desk.Last != 1 {
		t.Errorf("%+v, %v, %v", ends, ok, err)
	}
	if k := image["k"]; k.String() != kindAppend {
		t.Errorf("the append is marked %q: the stream's filter would drop it", k.String())
	}
	for name, image := range map[string]map[string]events.DynamoDBAttributeValue{
		"none": nil, "STATE": {"sk": events.NewStringAttribute("S")}, "number": {"sk": events.NewNumberAttribute("1")},
	} {
		for _, read := range []func([]byte) (*chat.Head, bool, error){s.HeadOfImage, s.EndsOfImage} {
			if h, ok, err := read(asJSON(t, image)); h != nil || ok || err != nil {
				t.Errorf("%s: %v, %v, %v", name, h, ok, err)
			}
		}
	}
	image["T"] = events.NewStringSetAttribute([]string{"x"})
	if _, _, err := s.HeadOfImage(asJSON(t, image)); !errors.Is(err, errCorrupt) {
		t.Errorf("a type that HEAD does not use: %v", err)
	}
}

// The stream's filter lets appends through and nothing else: each kind of write marks itself.
func TestWritesMarkTheirKind(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ref, customer, _ := converse(t, s)
	h, err := s.Head(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	l := chat.Listener{User: customer, Role: chat.RoleCustomer, Expires: time.Now().Add(time.Hour)}
	for _, c := range []struct {
		name, kind string
		write      func() error
	}{
		{"subscribe", kindListener, func() error { _, err := s.Subscribe(t.Context(), ref, "c", l); return err }},
		{"cursor", kindCursor, func() error { _, err := s.MoveCursor(t.Context(), ref, customer, 2); return err }},
		{"unsubscribe", kindListener, func() error { return s.Unsubscribe(t.Context(), ref, "c") }},
		{"mute", kindMute, func() error { return s.Mute(t.Context(), ref, customer, zero) }},
		{"relayed", kindTrim, func() error { return s.SetRelayed(t.Context(), ref, chat.Public, 1) }},
		{"append", kindAppend, func() error {
			_, err := s.Append(t.Context(), chat.Append{Ref: ref, Track: chat.Public, After: 2, Rule: chat.Rule{Actor: customer}, Events: h.Public.Tail[:1]})
			return err
		}},
		{"trim", kindTrim, func() error { return s.MoveTail(t.Context(), h, chat.Public, 1, 0) }},
	} {
		if err := c.write(); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if got := getS(rawHead(t, s, ref), "k"); got != c.kind {
			t.Errorf("%s is marked %q, want %q", c.name, got, c.kind)
		}
	}
}
