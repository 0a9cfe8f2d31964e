package dynamo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"github.com/parley-chat/parley/internal/chat"
)

// failing answers every call with one error.
type failing struct{ err error }

func (f failing) GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	return nil, f.err
}

func (f failing) PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	return nil, f.err
}

func (f failing) UpdateItem(context.Context, *dynamodb.UpdateItemInput, ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	return nil, f.err
}

func (f failing) DeleteItem(context.Context, *dynamodb.DeleteItemInput, ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error) {
	return nil, f.err
}

func (f failing) Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	return nil, f.err
}

func (f failing) BatchGetItem(context.Context, *dynamodb.BatchGetItemInput, ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error) {
	return nil, f.err
}

func (f failing) TransactWriteItems(context.Context, *dynamodb.TransactWriteItemsInput, ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	return nil, f.err
}

// operations makes every call of the log's ports.
func operations(ctx context.Context, s *Store) map[string]func() error {
	ref := chat.Ref{Workspace: goldenWorkspace, Conversation: goldenConversation}
	events := []chat.Event{{Seq: 1, ID: "m_01kaw3v4x0mmmmmmmmm0000001", Type: chat.EventMessage, At: zero, Sender: goldenUser, Role: chat.RoleCustomer, Text: "hi"}}
	head := &chat.Head{Ref: ref, Status: chat.StatusActive, Public: chat.TrackHead{Last: 1, From: 1, Tail: events}, Participants: map[chat.UserID]chat.Participant{goldenUser: {Role: chat.RoleCustomer}}}
	appending := chat.Append{Ref: ref, Track: chat.Public, Events: events, Rule: chat.Rule{Actor: goldenUser}}
	l := chat.Listener{User: goldenUser, Role: chat.RoleCustomer, Expires: zero}
	p := chat.Principal{Workspace: goldenWorkspace, User: goldenUser, Role: chat.RoleOperator, Connection: goldenConnection}
	return map[string]func() error{
		"Create": func() error {
			return s.Create(ctx, chat.Creation{Ref: ref, Customer: goldenUser, Events: events, At: zero})
		},
		"Append":     func() error { _, err := s.Append(ctx, appending); return err },
		"Transition": func() error { return s.Transition(ctx, appending, chat.Change{Old: head, Status: chat.StatusClosed}) },
		"Head":       func() error { _, err := s.Head(ctx, ref); return err },
		"After":      func() error { _, err := s.After(ctx, ref, chat.Public, 0, 10); return err },
		"MoveTail":   func() error { return s.MoveTail(ctx, head, chat.Public, 1, 0) },
		"SetRelayed": func() error { return s.SetRelayed(ctx, ref, chat.Public, 1) },
		"Subscribe":  func() error { _, err := s.Subscribe(ctx, ref, goldenConnection, l); return err },
		"InRow":      func() error { _, err := s.subscribeInRow(ctx, ref, goldenConnection, l); return err },
		"Unsubscribe": func() error {
			return s.Unsubscribe(ctx, ref, goldenConnection)
		},
		"MoveCursor":      func() error { _, err := s.MoveCursor(ctx, ref, goldenUser, 1); return err },
		"Mute":            func() error { return s.Mute(ctx, ref, goldenUser, zero) },
		"ListenerRows":    func() error { _, err := s.ListenerRows(ctx, ref, 0); return err },
		"DropListenerRow": func() error { return s.DropListenerRow(ctx, ref, 0, goldenConnection) },
		"Open":            func() error { _, err := s.Open(ctx, goldenWorkspace, goldenUser, "", 5); return err },
		"Closed":          func() error { _, err := s.Closed(ctx, goldenWorkspace, goldenUser, "", 5); return err },
		"Waiting":         func() error { _, err := s.Waiting(ctx, goldenWorkspace, "", 5); return err },
		"Opened":          func() error { _, err := s.Opened(ctx, p, zero); return err },
		"SocketClosed":    func() error { return s.SocketClosed(ctx, p) },
		"SocketEnded":     func() error { return s.SocketEnded(ctx, p) },
		"OfUser":          func() error { _, err := s.OfUser(ctx, goldenWorkspace, goldenUser); return err },
		"OfDesk":          func() error { _, err := s.OfDesk(ctx, goldenWorkspace); return err },
		"Subscriptions":   func() error { _, err := s.Subscriptions(ctx, goldenWorkspace); return err },
		"PutSubscription": func() error { return s.PutSubscription(ctx, goldenWorkspace, chat.Subscription{ID: "a"}) },
	}
}

func api(code string) error { return &smithy.GenericAPIError{Code: code, Message: "told to"} }

func cancelled(codes ...string) error {
	e := &types.TransactionCanceledException{}
	for _, c := range codes {
		e.CancellationReasons = append(e.CancellationReasons, types.CancellationReason{Code: aws.String(c)})
	}
	return e
}

// What may have happened is tried again with the same values; what cannot succeed is not.
func TestFailuresAreToldApart(t *testing.T) {
	t.Parallel()
	unknown := map[string]error{
		"throttled":               &types.ProvisionedThroughputExceededException{},
		"throttling":              api("ThrottlingException"),
		"request limit":           &types.RequestLimitExceeded{},
		"conflict":                &types.TransactionConflictException{},
		"in progress":             &types.TransactionInProgressException{},
		"server error":            &types.InternalServerError{},
		"unavailable":             api("ServiceUnavailable"),
		"a code of the future":    api("SomethingNewException"),
		"timeout":                 context.DeadlineExceeded,
		"cancelled":               context.Canceled,
		"connection reset":        &net.OpError{Op: "read", Err: errors.New("connection reset by peer")},
		"cut answer":              io.ErrUnexpectedEOF,
		"cancelled by a conflict": cancelled("TransactionConflict", "None"),
		"cancelled, throttled":    cancelled("None", "ThrottlingError"),
		"cancelled, capacity":     cancelled("None", "ProvisionedThroughputExceeded"),
		"cancelled, no reasons":   cancelled(),
	}
	permanent := map[string]error{
		"validation": api("ValidationException"), "denied": api("AccessDeniedException"), "no table": &types.ResourceNotFoundException{},
		"serialization": api("SerializationException"), "token": api("UnrecognizedClientException"), "signature": api("InvalidSignatureException"),
		"expired": api("ExpiredTokenException"), "no token": api("MissingAuthenticationTokenException"), "operation": api("UnknownOperationException"),
		"collection": &types.ItemCollectionSizeLimitExceededException{}, "mismatch": &types.IdempotentParameterMismatchException{},
	}
	for want, table := range map[bool]map[string]error{true: unknown, false: permanent} {
		for name, cause := range table {
			wrapped := fmt.Errorf("operation error DynamoDB: X, %w", cause)
			for op, call := range operations(t.Context(), &Store{API: failing{wrapped}}) {
				err := call()
				if got := errors.Is(err, chat.ErrUnknownOutcome); got != want || !errors.Is(err, cause) || chat.CodeOf(err) != chat.CodeInternal {
					t.Errorf("%s in %s: unknown outcome %v, %v", name, op, got, err)
				}
			}
		}
	}
	for _, code := range []string{"ValidationError", "ItemCollectionSizeLimitExceeded"} {
		for _, op := range []string{"Create", "Transition"} {
			err := operations(t.Context(), &Store{API: failing{cancelled("None", code)}})[op]()
			if err == nil || errors.Is(err, chat.ErrUnknownOutcome) {
				t.Errorf("%s: a transaction that %s cancels: %v", op, code, err)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	old := item{"pk": str(string(goldenWorkspace) + "#" + string(goldenConversation)), "st": str("c"), "n": num(7), "f": num(8)}
	single := func(it item) error { return fmt.Errorf("x, %w", &types.ConditionalCheckFailedException{Item: it}) }
	transaction := func(it item) error {
		return fmt.Errorf("x, %w", &types.TransactionCanceledException{CancellationReasons: []types.CancellationReason{
			{Code: aws.String("ConditionalCheckFailed"), Item: it}, {Code: aws.String("None")},
		}})
	}
	for op, cause := range map[string]func(item) error{"Create": transaction, "Append": single, "Transition": transaction, "MoveCursor": single, "Mute": single} {
		var refused *chat.Refused
		if err := operations(t.Context(), &Store{API: failing{cause(old)}})[op](); !errors.As(err, &refused) || refused.Old == nil || refused.Old.Public.Last != 7 || refused.Old.Status != chat.StatusClosed {
			t.Errorf("%s: %v", op, err)
		}
		if err := operations(t.Context(), &Store{API: failing{cause(nil)}})[op](); !errors.As(err, &refused) || refused.Old != nil {
			t.Errorf("%s of nothing: %v", op, err)
		}
		if err := operations(t.Context(), &Store{API: failing{cause(item{"pk": str("damaged")})}})[op](); !errors.Is(err, errCorrupt) || errors.Is(err, chat.ErrUnknownOutcome) {
			t.Errorf("%s with a damaged image: %v", op, err)
		}
	}
	for _, op := range []string{"Unsubscribe", "SetRelayed"} { // done already
		if err := operations(t.Context(), &Store{API: failing{single(old)}})[op](); err != nil {
			t.Errorf("%s: %v", op, err)
		}
	}
}

func TestSubscriptionsAreRemembered(t *testing.T) {
	t.Parallel()
	now := zero
	s := newStore(t)
	put := func(id string) {
		if err := s.PutSubscription(t.Context(), goldenWorkspace, chat.Subscription{ID: id}); err != nil {
			t.Fatal(err)
		}
	}
	put("a")
	c := &CachedSubscriptions{Source: s, TTL: 30 * time.Second, Now: func() time.Time { return now }}
	count := func(want int) {
		t.Helper()
		if list, err := c.Subscriptions(t.Context(), goldenWorkspace); err != nil || len(list) != want {
			t.Fatalf("%v, %v", list, err)
		}
	}
	count(1)
	put("b")
	now = now.Add(29 * time.Second)
	count(1)
	now = now.Add(time.Second)
	count(2)
	c.Source = &Store{API: failing{api("ThrottlingException")}}
	count(2)
	now = now.Add(time.Minute)
	if _, err := c.Subscriptions(t.Context(), goldenWorkspace); !errors.Is(err, chat.ErrUnknownOutcome) {
		t.Fatalf("a failure is taken for an empty list: %v", err)
	}
}
