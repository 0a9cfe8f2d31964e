package dynamo

import (
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contact"
)

// raw reads an item as the stream shows it, nil for none.
func raw(t *testing.T, s *Store, k key) []byte {
	t.Helper()
	out, err := s.API.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &s.Chat, Key: k.item(), ConsistentRead: aws.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
	if out.Item == nil {
		return nil
	}
	image := map[string]events.DynamoDBAttributeValue{}
	for _, name := range []string{"pk", "sk", "n", "k", "v", "ld", "lx"} {
		if v := out.Item[name]; v != nil {
			image[name] = streamValue(t, v)
		}
	}
	return asJSON(t, image)
}

// change makes a write and returns what the relay reads of it.
func change(t *testing.T, s *Store, k key, write func() error) (span chat.OwnSpan, ok, filtered bool) {
	t.Helper()
	before := raw(t, s, k)
	if err := write(); err != nil {
		t.Fatal(err)
	}
	after := raw(t, s, k)
	span, ok, err := s.OwnOfImages(before, after)
	if err != nil {
		t.Fatal(err)
	}
	it, err := countedOfImage(after)
	if err != nil {
		t.Fatal(err)
	}
	return span, ok, getS(it, "k") != kindAppend
}

// What an operator's duty, load, lease and typing write is marked for the stream's filter: only what their own log tells
// reaches the relay, and that always.
func TestOperatorsWritesAreTold(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.Epoch = 3
	now := time.Now()
	ref, _, user := converse(t, s)
	o := chat.Operator{Workspace: ref.Workspace, User: user, Duty: chat.DutyAccepting, Capacity: 4, Lease: now.Add(time.Minute)}
	event := func(t chat.OperatorEventType) chat.OperatorEvent {
		return chat.OperatorEvent{Type: t, At: now, Sender: user, Role: chat.RoleOperator}
	}
	stored := func() *chat.Operator {
		o, err := s.Operator(t.Context(), ref.Workspace, user)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	k := operatorKey(ref.Workspace, user)
	appends := func(from, to uint64, write func() error) {
		t.Helper()
		span, ok, filtered := change(t, s, k, write)
		if want := (chat.OwnSpan{Subject: chat.Subject{Workspace: ref.Workspace, ID: string(user)}, From: from, To: to}); !ok || filtered || span != want {
			t.Errorf("%+v, %v, filtered %v, want %+v", span, ok, filtered, want)
		}
	}
	appends(0, 2, func() error {
		return s.ChangeOperator(t.Context(), nil, o, event(chat.OperatorConnected), event(chat.OperatorStatus))
	})
	quiet := map[string]func() error{
		"lease":   func() error { _, err := s.RenewLease(t.Context(), ref.Workspace, user, now.Add(time.Hour)); return err },
		"no more": func() error { return s.EndLease(t.Context(), ref.Workspace, user, stored().Lease, now) },
		"typing":  func() error { return s.OperatorTypes(t.Context(), ref.Workspace, user, now) },
		"answer":  func() error { return s.OperatorAnswers(t.Context(), ref.Workspace, user) },
		"skills": func() error {
			next := *stored()
			next.Skills = append(next.Skills, "french")
			return s.ChangeOperator(t.Context(), stored(), next)
		},
		"place": func() error {
			items := &dynamodb.TransactWriteItemsInput{}
			items.TransactItems = append(items.TransactItems, s.place(ref.Workspace, chat.Place{User: user, Take: true, At: now}))
			_, err := s.API.TransactWriteItems(t.Context(), items)
			return err
		},
	}
	for i, name := range []string{"lease", "no more", "typing", "answer", "skills", "place"} {
		if _, ok, filtered := change(t, s, k, quiet[name]); ok || !filtered {
			t.Errorf("%s reaches the relay", name)
		}
		last := stored()
		appends(uint64(i)+2, uint64(i)+3, func() error { return s.ChangeOperator(t.Context(), last, *last, event(chat.OperatorDisconnected)) })
	}
	got, err := s.OwnEvents(t.Context(), chat.OwnSpan{Subject: chat.Subject{Workspace: ref.Workspace, ID: string(user)}, From: 1, To: 3})
	want := []chat.OwnEvent{{Seq: 2, Gen: 3 << 16, Type: "operator.status"}, {Seq: 3, Gen: 3 << 16, Type: "operator.disconnected"}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestContactsWritesAreTold(t *testing.T) {
	t.Parallel()
	ids, _ := newIdentity(t)
	contacts, s := Contacts(ids), ids.Store
	ref, user, _ := converse(t, s)
	c := contact.Contact{Workspace: ref.Workspace, ID: contact.OfUser(user), Users: []chat.UserID{user}}
	k := contactKey(ref.Workspace, c.ID)
	commit := func(events ...contact.Event) func() error {
		return func() error {
			old, err := contacts.Contact(t.Context(), ref.Workspace, c.ID)
			if err != nil {
				return err
			}
			return contacts.Commit(t.Context(), contact.Change{Old: old, New: c, Events: events})
		}
	}
	for i, step := range []struct {
		write    func() error
		from, to uint64
	}{
		{commit(contact.Event{Type: contact.EventLead, At: time.Now()}, contact.Event{Type: contact.EventIdentified, At: time.Now()}), 0, 2},
		{commit(), 0, 0},
		{commit(contact.Event{Type: contact.EventBanned, At: time.Now()}), 2, 3},
	} {
		span, ok, filtered := change(t, s, k, step.write)
		if ok != (step.to > 0) || filtered == ok || ok && (span.From != step.from || span.To != step.to || span.ID != string(c.ID)) {
			t.Errorf("step %d: %+v, %v, filtered %v", i, span, ok, filtered)
		}
	}
	got, err := s.OwnEvents(t.Context(), chat.OwnSpan{Subject: chat.Subject{Workspace: ref.Workspace, ID: string(c.ID)}, To: 3})
	want := []chat.OwnEvent{{Seq: 1, Type: "lead.captured"}, {Seq: 2, Type: "contact.identified"}, {Seq: 3, Type: "contact.banned"}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	for name, k := range map[string]key{"HEAD": headKey(ref), "membership": openKey(ref.Workspace, user, ref.Conversation), "an event": contactEventKey(ref.Workspace, c.ID, 1)} {
		if span, ok, err := s.OwnOfImages(nil, raw(t, s, k)); ok || err != nil {
			t.Errorf("%s: %+v, %v", name, span, err)
		}
	}
}
