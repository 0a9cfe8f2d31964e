package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
	"github.com/parley-chat/parley/internal/identity/identitytest"
)

// memory is a registrar whose hashes are plain to see.
type memory struct{ identitytest.Memory }

func (*memory) Hash(password string) (string, error) { return "hash of " + password, nil }

func options(t *testing.T, args ...string) seedOptions {
	t.Helper()
	env := map[string]string{"CHAT_TABLE": "chat", "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:8000"}
	var stderr bytes.Buffer
	o, err := parseSeed(args, func(name string) string { return env[name] }, &stderr)
	if err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	return o
}

func TestSeedIsIdempotentAndUsable(t *testing.T) {
	t.Parallel()
	m := &memory{}
	o := options(t, "-workspaces", "3", "-origin", "https://shop.example")
	first, err := seed(t.Context(), m, o)
	if err != nil {
		t.Fatal(err)
	}
	second, err := seed(t.Context(), m, o)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("seeding again made something else:\n%s", diff)
	}
	seen := map[string]bool{}
	for _, w := range first.Workspaces {
		checkWorkspace(t, m, w)
		seen[string(w.Workspace)], seen[w.WidgetKey] = true, true
		for _, s := range w.Staff {
			seen[string(s.User)], seen[s.Email] = true, true
		}
	}
	if want := 3 * (2 + 2*len(demoStaff)); len(seen) != want {
		t.Errorf("%d distinct ids and names, want %d: tenants share some", len(seen), want)
	}
	if w := first.Workspaces[0]; w.WidgetKey != "wk_demo" || w.Staff[0].Email != "ada@example.com" {
		t.Errorf("first workspace: %+v", w)
	}
}

// checkWorkspace reads back what the printed document promises.
func checkWorkspace(t *testing.T, m *memory, w SeededWorkspace) {
	t.Helper()
	ctx := context.Background()
	widget, _, err := m.Widget(ctx, w.WidgetKey)
	if err != nil || widget.Workspace != w.Workspace || !identity.AllowsOrigin(widget.Origins, w.Origin) {
		t.Errorf("widget %+v, %v", widget, err)
	}
	if !identity.ValidWidgetKey(w.WidgetKey) || !w.Workspace.Valid() {
		t.Errorf("malformed: %+v", w)
	}
	supervisors := 0
	for _, s := range w.Staff {
		credential, _, err := m.Credential(ctx, s.Email)
		if err != nil || credential.PasswordHash != "hash of "+s.Password || credential.User != s.User || !s.User.Valid() {
			t.Errorf("credential of %s: %+v, %v", s.Email, credential, err)
		}
		account, _, err := m.Account(ctx, w.Workspace, s.User)
		if err != nil || account.Role != s.Role || account.Address != s.Email {
			t.Errorf("account of %s: %+v, %v", s.Email, account, err)
		}
		if s.Role == chat.RoleSupervisor {
			supervisors++
		}
	}
	if supervisors != 2 || len(w.Staff) != 10 {
		t.Errorf("%d staff, %d supervisors", len(w.Staff), supervisors)
	}
}

func TestSeedPrints(t *testing.T) {
	t.Parallel()
	seeded, err := seed(t.Context(), &memory{}, options(t, "-json"))
	if err != nil {
		t.Fatal(err)
	}
	var asJSON, asText bytes.Buffer
	if err := seeded.print(&asJSON, true); err != nil {
		t.Fatal(err)
	}
	var back Seeded
	if err := json.Unmarshal(asJSON.Bytes(), &back); err != nil || !cmp.Equal(back, seeded) {
		t.Errorf("%v\n%s", err, &asJSON)
	}
	if err := seeded.print(&asText, false); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"wk_demo", "ada@example.com", demoPassword} {
		if !strings.Contains(asText.String(), want) {
			t.Errorf("%q is not printed:\n%s", want, &asText)
		}
	}
}

func TestKnownPasswordOnlyOnThisMachine(t *testing.T) {
	t.Parallel()
	for endpoint, local := range map[string]bool{
		"http://127.0.0.1:8000": true, "http://localhost:4566": true, "http://[::1]:1": true, "": false,
		"http://127.0.0.1.evil.example": false, "https://dynamodb.eu-central-1.amazonaws.com": false, "http://10.0.0.1:8000": false,
	} {
		o := seedOptions{table: "chat", workspaces: 1, seed: "demo"}
		if err := o.complete(0, isLocal(endpoint)); err != nil {
			t.Fatal(err)
		}
		if got := o.password == demoPassword; got != local {
			t.Errorf("%q: the demo password is used: %v", endpoint, got)
		}
		if len(o.password) < 10 {
			t.Errorf("password %q", o.password)
		}
	}
}

func TestWrongCalls(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{}, {"plant"}, {"seed", "-workspaces", "0", "-chat-table", "x"}, {"seed", "-workspaces", "101", "-chat-table", "x"},
		{"seed"}, {"seed", "-chat-table", "x", "extra"}, {"seed", "-chat-table", "x", "-origin", "shop.example"}, {"seed", "-wrong"},
		{"seed", "-chat-table", "x", "-conversations", "2001"}, {"seed", "-chat-table", "x", "-now", "yesterday"}, {"seed", "-chat-table", "x", "-seed", "Demo"}, {"seed", "-chat-table", "x", "-seed", "a b"},
	} {
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), args, func(string) string { return "" }, &stdout, &stderr); code != 2 || stderr.Len() == 0 {
			t.Errorf("%v: status %d, said %q", args, code, &stderr)
		}
	}
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"seed", "-chat-table", "x"}, func(string) string { return "" }, &stdout, &stderr); code != 1 {
		t.Errorf("without AWS in the environment: status %d", code)
	}
	if code := run(t.Context(), []string{"help"}, nil, &stdout, &stderr); code != 0 || !strings.Contains(stdout.String(), "seed") {
		t.Errorf("help: %d %q", code, &stdout)
	}
}

// Asked through a stack, its answer says all that the environment would.
func TestSeedThroughAStack(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/_local/ready" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(`{"aws":"http://127.0.0.1:9","region":"eu-north-1","accessKeyId":"id","secretAccessKey":"secret","tables":{"ChatTable":"chat-9"}}`))
	}))
	defer server.Close()
	args, env, err := throughStack(t.Context(), []string{"-stack", strings.TrimPrefix(server.URL, "http://"), "-json"}, func(name string) string { return "own " + name })
	if err != nil || len(args) != 1 || args[0] != "-json" {
		t.Fatalf("%q, %v", args, err)
	}
	for name, want := range map[string]string{
		"AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:9", "AWS_REGION": "eu-north-1", "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret",
		"CHAT_TABLE": "chat-9", "AWS_SESSION_TOKEN": "", "HOME": "own HOME",
	} {
		if got := env(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if _, _, err := throughStack(t.Context(), []string{"-stack", "127.0.0.1:1"}, env); err == nil {
		t.Error("a stack that is not there")
	}
}
