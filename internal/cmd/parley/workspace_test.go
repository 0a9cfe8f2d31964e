package main

import (
	"bytes"
	"regexp"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/dynamo"
	"github.com/parley-chat/parley/internal/identity"
	"github.com/parley-chat/parley/internal/password"
)

// A real workspace begins with a name, a widget key and one admin, who comes by a link and signs in; and who lost their
// password gets another link.
func TestMakeAWorkspace(t *testing.T) {
	t.Parallel()
	env := map[string]string{"AWS_ENDPOINT_URL_DYNAMODB": serve(t), "CHAT_TABLE": "chat"}
	lookup := func(name string) string { return env[name] }
	client, err := newDynamoDB(lookup)
	if err != nil {
		t.Fatal(err)
	}
	createTable(t, client, "chat")
	createTable(t, client, "connections")
	parley := func(status int, args ...string) string {
		t.Helper()
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), append([]string{"workspace"}, args...), lookup, &stdout, &stderr); code != status {
			t.Fatalf("%v: status %d: %s", args, code, &stderr)
		}
		return stdout.String()
	}
	find := func(text, pattern string) string { return regexp.MustCompile(pattern).FindString(text) }
	made := parley(0, "-name", "Acme", "-admin", "Boss@acme.example", "-desk", "https://desk.acme.example", "-origin", "https://acme.example")
	id := chat.WorkspaceID(find(made, `w_\w+`))

	store := dynamo.Identity{Store: &dynamo.Store{API: client, Chat: "chat", Connections: "connections"}}
	sessions := &identity.Sessions{Store: store, Accounts: store}
	people := &identity.People{Accounts: store, Roster: store, Passwords: password.Argon2id{}, Attempts: store, Sessions: sessions, Audit: &identity.Audit{Store: store}}
	staff := &identity.Staff{Accounts: store, Workspaces: store, Passwords: password.Argon2id{}, Attempts: store, Sessions: sessions}
	signIn := func(phrase string) {
		t.Helper()
		o, err := staff.SignIn(t.Context(), "boss@acme.example", phrase, identity.Device{Source: "192.0.2.1", Origin: "https://desk.acme.example"}, true)
		if err != nil || o.Session.Role != chat.RoleAdmin || o.Session.Workspace != id {
			t.Fatalf("%+v, %v", o.Session, err)
		}
	}
	if _, err := people.Accept(t.Context(), find(made, `pin_[\w-]+`), "Boss", "a long enough phrase", "x"); err != nil {
		t.Fatal(err)
	}
	signIn("a long enough phrase")
	customers := &identity.Customers{Workspaces: store, Sessions: sessions}
	if _, err := customers.Start(t.Context(), find(made, `wk_\w+`), "https://acme.example", ""); err != nil {
		t.Error(err)
	}
	again := parley(0, "-workspace", string(id), "-admin", "boss@acme.example")
	if err := people.Reset(t.Context(), find(again, `pin_[\w-]+`), "another long phrase", "x"); err != nil {
		t.Fatal(err)
	}
	signIn("another long phrase")
	parley(1, "-workspace", chat.NewID(chat.WorkspacePrefix, time.Now()), "-admin", "boss@acme.example")
	parley(2, "-name", "Acme")
	parley(2, "-admin", "boss@acme.example")
	parley(2, "-name", "Acme", "-admin", "boss@acme.example", "-desk", "https://acme.example/desk")
}
