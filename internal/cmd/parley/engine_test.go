package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/parley-chat/parley/internal/dynamo"
	"github.com/parley-chat/parley/internal/identity"
	"github.com/parley-chat/parley/internal/password"
	engine "github.com/parley-chat/parley/localstack/dynamodb"
	"github.com/parley-chat/parley/localstack/seam"
)

// serve puts an engine behind HTTP and returns its address.
func serve(t *testing.T) string {
	t.Helper()
	e, err := engine.New(engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		answer := e.Do(r.Context(), seam.Call{Service: seam.DynamoDB, Operation: operation, Body: body})
		w.Header().Set("X-Amz-Crc32", fmt.Sprint(crc32.ChecksumIEEE(answer.Body)))
		w.WriteHeader(answer.Status)
		_, _ = w.Write(answer.Body)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func createTable(t *testing.T, client *dynamodb.Client, name string) {
	t.Helper()
	_, err := client.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: &name, BillingMode: types.BillingModePayPerRequest,
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

// What seed prints lets people in: on the engine, with real password hashes, twice.
func TestSeededPeopleGetIn(t *testing.T) {
	t.Parallel()
	env := map[string]string{"AWS_ENDPOINT_URL_DYNAMODB": serve(t), "CHAT_TABLE": "chat"}
	lookup := func(name string) string { return env[name] }
	client, err := newDynamoDB(lookup)
	if err != nil {
		t.Fatal(err)
	}
	createTable(t, client, "chat")
	createTable(t, client, "connections")
	var seeded Seeded
	for range 2 {
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), []string{"seed", "-json", "-conversations", "60"}, lookup, &stdout, &stderr); code != 0 {
			t.Fatalf("status %d: %s", code, &stderr)
		}
		if err := json.Unmarshal(stdout.Bytes(), &seeded); err != nil {
			t.Fatal(err)
		}
	}
	store := dynamo.Identity{Store: &dynamo.Store{API: client, Chat: "chat", Connections: "connections"}}
	sessions := &identity.Sessions{Store: store}
	tickets := &identity.Tickets{Store: store, Workspaces: store}
	customers := &identity.Customers{Workspaces: store, Sessions: sessions}
	staff := &identity.Staff{Accounts: store, Workspaces: store, Passwords: password.Argon2id{}, Attempts: store, Sessions: sessions}

	w := seeded.Workspaces[0]
	ada := w.Staff[0]
	operator, err := staff.SignIn(t.Context(), ada.Email, ada.Password, identity.Device{Source: "192.0.2.1", Origin: w.Origin}, false)
	if err != nil || operator.Session.User != ada.User {
		t.Fatalf("sign in: %+v, %v", operator.Session, err)
	}
	customer, err := customers.Start(t.Context(), w.WidgetKey, w.Origin, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []identity.Opened{operator, customer} {
		issued, err := tickets.Issue(t.Context(), o, w.Origin)
		if err != nil {
			t.Fatal(err)
		}
		ticket, err := tickets.Redeem(t.Context(), issued.Text, w.Origin)
		if err != nil || ticket.Principal != o.Session.Principal() {
			t.Errorf("ticket %+v, %v", ticket, err)
		}
	}
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"seed", "-chat-table", "none"}, lookup, &stdout, &stderr); code != 1 || !strings.Contains(stderr.String(), "ResourceNotFound") {
		t.Errorf("without the table: %d %s", code, &stderr)
	}
}
