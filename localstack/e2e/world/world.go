// Package world is where end-to-end tests, the demonstration and the bench live: the addresses of a running
// system, seeded workspaces, and people in them. It knows addresses only, so that the same tests run against the
// embedded local stack, LocalStack and a deployed stage.
package world

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/dynamo"
	"github.com/parley-chat/parley/internal/identity"
	"github.com/parley-chat/parley/internal/password"
	"github.com/parley-chat/parley/localstack/console"
)

// World is a running system.
type World struct {
	// HTTP is the base address of the HTTP API.
	HTTP string
	// WebSocket is the address of the socket without a ticket, "" when unknown (a ticket tells it).
	WebSocket string
	// Control is the address of the local stack's /_local, without a slash at its end; "" on other systems.
	Control string
	// Local is what the local stack says of itself; zero on other systems.
	Local console.Addresses
	// Client makes all HTTP requests.
	Client *http.Client

	table string
	store dynamo.API
}

// ErrNoControl says that the system is not a local stack: nothing can be broken or metered there.
var ErrNoControl = errors.New("world: this system has no /_local: faults and meters are the local stack's")

// FromEnvironment connects to the system that the environment names, if it names one:
//
//	PARLEY_CONTROL  http://127.0.0.1:8080/_local of a running local stack: tells all the rest
//	PARLEY_HTTP     address of the HTTP API of any other system; then also
//	PARLEY_WS       address of its WebSocket API (optional)
//	CHAT_TABLE      name of its chat table, to seed workspaces
//	AWS_…           region, keys and AWS_ENDPOINT_URL_DYNAMODB, as the AWS tools read them
func FromEnvironment(ctx context.Context, env func(string) string) (w *World, found bool, err error) {
	if control := env("PARLEY_CONTROL"); control != "" {
		w, err = Connect(ctx, control)
		return w, true, err
	}
	if env("PARLEY_HTTP") == "" {
		return nil, false, nil
	}
	w = &World{HTTP: strings.TrimSuffix(env("PARLEY_HTTP"), "/"), WebSocket: env("PARLEY_WS"), Client: newHTTP(), table: env("CHAT_TABLE")}
	if w.table == "" || env("AWS_REGION") == "" {
		return nil, true, errors.New("world: with PARLEY_HTTP, CHAT_TABLE and AWS_REGION are needed too")
	}
	w.store = newDynamoDB(env("AWS_ENDPOINT_URL_DYNAMODB"), env("AWS_REGION"), env("AWS_ACCESS_KEY_ID"), env("AWS_SECRET_ACCESS_KEY"), env("AWS_SESSION_TOKEN"))
	return w, true, nil
}

// Connect asks a running local stack for its addresses.
func Connect(ctx context.Context, control string) (*World, error) {
	w := &World{Control: strings.TrimSuffix(control, "/"), Client: newHTTP()}
	if err := w.get(ctx, "/ready", &w.Local); err != nil {
		return nil, err
	}
	w.HTTP, w.WebSocket, w.table = w.Local.HTTP, w.Local.WebSocket, w.Local.Tables["ChatTable"]
	if w.table == "" {
		return nil, errors.New("world: the stack has no ChatTable")
	}
	w.store = newDynamoDB(w.Local.AWS, w.Local.Region, w.Local.AccessKeyID, w.Local.SecretAccessKey, "")
	return w, nil
}

// newHTTP makes a client that keeps enough connections for hundreds of people.
func newHTTP() *http.Client {
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	return &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext, MaxIdleConnsPerHost: 64, IdleConnTimeout: 30 * time.Second}}
}

func newDynamoDB(endpoint, region, id, secret, token string) *dynamodb.Client {
	o := dynamodb.Options{Region: region, Credentials: credentials.NewStaticCredentialsProvider(id, secret, token)}
	if endpoint != "" {
		o.BaseEndpoint = &endpoint
	}
	return dynamodb.New(o)
}

// Workspace is a seeded tenant.
type Workspace struct {
	ID        chat.WorkspaceID
	WidgetKey string
	// Origin is one that may use the widget and the desk.
	Origin    string
	Operators []Member
}

// Member of staff.
type Member struct {
	User            chat.UserID
	Role            chat.Role
	Email, Password string
}

// Seed makes a workspace of its own with operators and one supervisor, the last of Operators. Nothing else in
// the system knows it.
func (w *World) Seed(ctx context.Context, operators int) (Workspace, error) {
	label := strings.ToLower(rand.Text()[:16])
	ws := Workspace{ID: chat.WorkspaceID(chat.NewID(chat.WorkspacePrefix, time.Now())), WidgetKey: "wk_" + label, Origin: "http://localhost:3000"}
	registry := dynamo.Identity{Store: &dynamo.Store{API: w.store, Chat: w.table}}
	origins := []string{ws.Origin}
	if err := registry.PutWorkspace(ctx, identity.Workspace{ID: ws.ID, Name: "Test " + label, Origins: origins}); err != nil {
		return ws, fmt.Errorf("seed: %w", err)
	}
	if err := registry.PutWidget(ctx, identity.Widget{Key: ws.WidgetKey, Workspace: ws.ID, Origins: origins}); err != nil {
		return ws, fmt.Errorf("seed: %w", err)
	}
	pass := rand.Text()
	hash, err := password.Argon2id{}.Hash(pass) // one for all: it is made to be slow
	if err != nil {
		return ws, err
	}
	for i := range operators + 1 {
		m := Member{User: chat.UserID(chat.NewID(chat.UserPrefix, time.Now())), Role: chat.RoleOperator, Email: fmt.Sprintf("op%d@%s.example.com", i, label), Password: pass}
		if i == operators {
			m.Role = chat.RoleSupervisor
		}
		account := identity.Account{Workspace: ws.ID, User: m.User, Address: m.Email, Name: m.Email, Role: m.Role}
		if err := registry.PutStaff(ctx, account, hash); err != nil {
			return ws, fmt.Errorf("seed: %w", err)
		}
		ws.Operators = append(ws.Operators, m)
	}
	return ws, nil
}

// Store is the system's tables, for what the HTTP API does not seed.
func (w *World) Store() *dynamo.Store { return &dynamo.Store{API: w.store, Chat: w.table} }

// get reads a JSON answer of /_local.
func (w *World) get(ctx context.Context, path string, out any) error {
	return w.control(ctx, http.MethodGet, path, nil, out)
}

func (w *World) control(ctx context.Context, method, path string, body io.Reader, out any) error {
	if w.Control == "" {
		return ErrNoControl
	}
	req, err := http.NewRequestWithContext(ctx, method, w.Control+path, body)
	if err != nil {
		return err
	}
	res, err := w.Client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }() // read to its end
	b, err := io.ReadAll(res.Body)
	switch {
	case err != nil:
		return err
	case res.StatusCode/100 != 2:
		return fmt.Errorf("world: %s %s: %s: %s", method, path, res.Status, cmp.Or(strings.TrimSpace(string(b)), "no text"))
	case out == nil:
		return nil
	}
	return json.Unmarshal(b, out)
}
