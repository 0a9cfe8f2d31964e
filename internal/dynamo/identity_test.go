package dynamo

import (
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
	"github.com/parley-chat/parley/internal/identity/identitytest"
	engine "github.com/parley-chat/parley/localstack/dynamodb"
	"github.com/parley-chat/parley/localstack/seam"
)

// engineTransport carries the SDK's requests to an engine in this process.
type engineTransport struct {
	engine *engine.Engine
	// refuse, when set, answers every request with this error type and status 400.
	refuse atomic.Pointer[string]
}

func (e *engineTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	answer := seam.Answer{Status: 400}
	if refuse := e.refuse.Load(); refuse != nil {
		answer.Body = fmt.Appendf(nil, `{"__type":"com.amazonaws.dynamodb.v20120810#%s","message":"told to"}`, *refuse)
	} else {
		answer = e.engine.Do(r.Context(), seam.Call{Service: seam.DynamoDB, Operation: operation, Body: body})
	}
	header := http.Header{"Content-Type": {"application/x-amz-json-1.0"}}
	header.Set("X-Amz-Crc32", strconv.FormatUint(uint64(crc32.ChecksumIEEE(answer.Body)), 10))
	return &http.Response{
		StatusCode: answer.Status, Header: header, Body: io.NopCloser(bytes.NewReader(answer.Body)),
		ContentLength: int64(len(answer.Body)), Request: r, ProtoMajor: 1, ProtoMinor: 1,
	}, nil
}

// newIdentity returns an Identity on a fresh engine with both tables.
func newIdentity(t *testing.T) (Identity, *engineTransport) {
	t.Helper()
	e, err := engine.New(engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	transport := &engineTransport{engine: e}
	client := dynamodb.New(dynamodb.Options{
		Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		BaseEndpoint: aws.String("http://engine.invalid"), HTTPClient: &http.Client{Transport: transport}, Retryer: aws.NopRetryer{},
	})
	for _, table := range []string{"chat", "connections"} {
		_, err := client.CreateTable(t.Context(), &dynamodb.CreateTableInput{
			TableName: &table, BillingMode: types.BillingModePayPerRequest,
			AttributeDefinitions: []types.AttributeDefinition{
				{AttributeName: aws.String("pk"), AttributeType: "S"}, {AttributeName: aws.String("sk"), AttributeType: "S"},
			},
			KeySchema: []types.KeySchemaElement{
				{AttributeName: aws.String("pk"), KeyType: "HASH"}, {AttributeName: aws.String("sk"), KeyType: "RANGE"},
			},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return Identity{Store: &Store{API: client, Chat: "chat", Connections: "connections"}}, transport
}

func TestIdentityConforms(t *testing.T) {
	t.Parallel()
	store, _ := newIdentity(t)
	identitytest.Run(t, store)
}

func TestIdentityFailuresHaveCodes(t *testing.T) {
	t.Parallel()
	store, transport := newIdentity(t)
	ctx := t.Context()
	s := identity.Session{Workspace: "w", User: "u", ID: "s"}
	calls := map[string]func() error{
		"Workspace":     func() error { _, _, err := store.Workspace(ctx, "w"); return err },
		"Widget":        func() error { _, _, err := store.Widget(ctx, "k"); return err },
		"Credential":    func() error { _, _, err := store.Credential(ctx, "a"); return err },
		"Account":       func() error { _, _, err := store.Account(ctx, "w", "u"); return err },
		"PutWorkspace":  func() error { return store.PutWorkspace(ctx, identity.Workspace{ID: "w"}) },
		"PutWidget":     func() error { return store.PutWidget(ctx, identity.Widget{Key: "k"}) },
		"PutStaff":      func() error { return store.PutStaff(ctx, identity.Account{Address: "a"}, "h") },
		"PutSession":    func() error { return store.PutSession(ctx, s) },
		"Session":       func() error { _, _, err := store.Session(ctx, "w", "u", "s"); return err },
		"RenewSession":  func() error { return store.RenewSession(ctx, s, time.Now(), time.Now()) },
		"RevokeSession": func() error { return store.RevokeSession(ctx, s, time.Now()) },
		"PutTicket":     func() error { return store.PutTicket(ctx, "w", "h", identity.Ticket{}, time.Now()) },
		"Ticket":        func() error { _, _, err := store.Ticket(ctx, "w", "h"); return err },
		"TakeTicket":    func() error { _, err := store.TakeTicket(ctx, "w", "h", time.Now()); return err },
		"AddAttempts":   func() error { _, err := store.AddAttempts(ctx, "c", 1, time.Now()); return err },
		"SocketsOfSession": func() error {
			_, err := store.SocketsOfSession(ctx, chat.Principal{Workspace: "w", User: "u"})
			return err
		},
	}
	for errorType, want := range map[string]chat.Code{
		"ProvisionedThroughputExceededException": chat.CodeUnavailable,
		"TransactionConflictException":           chat.CodeUnavailable,
		"AccessDeniedException":                  chat.CodeInternal,
		"ResourceNotFoundException":              chat.CodeInternal,
	} {
		transport.refuse.Store(&errorType)
		for name, call := range calls {
			err := call()
			if got := chat.CodeOf(err); got != want {
				t.Errorf("%s answered %s: code %q, want %q (%v)", name, errorType, got, want, err)
			}
			if err != nil && !strings.Contains(err.Error(), errorType) {
				t.Errorf("%s: the log would not tell the cause: %v", name, err)
			}
		}
	}
}

func TestSocketsOfSession(t *testing.T) {
	t.Parallel()
	store, _ := newIdentity(t)
	now := time.Now()
	id := func(prefix string) string { return chat.NewID(prefix, now) }
	p := chat.Principal{
		Workspace: chat.WorkspaceID(id(chat.WorkspacePrefix)), User: chat.UserID(id(chat.UserPrefix)),
		Session: chat.SessionID(id(chat.SessionPrefix)), Role: chat.RoleOperator,
	}
	other := p
	other.Session = chat.SessionID(id(chat.SessionPrefix))
	open := func(p chat.Principal, c chat.ConnectionID, expires time.Time) {
		p.Connection = c
		if _, err := store.Store.Opened(context.WithoutCancel(t.Context()), p, expires); err != nil {
			t.Fatal(err)
		}
	}
	open(p, "a=", now.Add(time.Hour))
	open(p, "b=", now.Add(time.Hour))
	open(p, "expired=", now.Add(-time.Hour))
	open(other, "other=", now.Add(time.Hour))
	got, err := store.SocketsOfSession(t.Context(), p)
	slices.Sort(got)
	if want := []chat.ConnectionID{"a=", "b="}; err != nil || !cmp.Equal(got, want) {
		t.Errorf("sockets %v, %v; want %v", got, err, want)
	}
}

// What expires must say so in the attribute that the tables' TimeToLiveSpecification names, in seconds; what must
// not expire must not have it.
func TestExpiringItemsHaveTheirTTL(t *testing.T) {
	t.Parallel()
	store, _ := newIdentity(t)
	ctx := t.Context()
	at := time.UnixMilli(1_793_611_800_123)
	s := identity.Session{Workspace: "w", User: "u", ID: "s", Renewed: at, Expires: at}
	account := identity.Account{Workspace: "w", User: "u", Address: "a@b", Role: chat.RoleOperator, Disabled: true}
	_, countErr := store.AddAttempts(ctx, "c", 1, at)
	for _, err := range []error{
		store.PutSession(ctx, s), store.PutTicket(ctx, "w", "h", identity.Ticket{}, at), countErr,
		store.PutStaff(ctx, account, "h"), store.PutWorkspace(ctx, identity.Workspace{ID: "w"}), store.PutWidget(ctx, identity.Widget{Key: "k"}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		table string
		key   key
		want  uint64
	}{
		{"chat", sessionKey("w", "u", "s"), 1_793_611_800 + 7*24*3600},
		{"connections", ticketKey("w", "h"), 1_793_611_800},
		{"connections", attemptKey("c"), 1_793_611_800},
		{"chat", accountKey("w", "u"), 0}, {"chat", emailKey("a@b"), 0}, {"chat", workspaceKey("w"), 0}, {"chat", widgetKey("k"), 0},
	} {
		it, err := store.get(ctx, c.table, c.key, true, "item")
		if err != nil || it == nil || getN(it, "x") != c.want || c.want == 0 && it["x"] != nil {
			t.Errorf("%v: ttl %v, want %d (%v)", c.key, it["x"], c.want, err)
		}
	}
	if err := store.RenewSession(ctx, s, at.Add(time.Hour), at.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	it, err := store.get(ctx, "chat", sessionKey("w", "u", "s"), true, "item")
	if err != nil || getN(it, "x") != 1_793_611_800+3600+7*24*3600 {
		t.Errorf("a renewed session expires at %d (%v)", getN(it, "x"), err)
	}
}
