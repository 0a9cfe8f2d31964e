package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestClientsPageNamesWhatThereIs: every route, command, push and type of event that docs/clients.md names is in the
// contract, and it names every command of the socket.
func TestClientsPageNamesWhatThereIs(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..", "..")
	page, err := os.ReadFile(filepath.Join(root, "docs", "clients.md"))
	if err != nil {
		t.Fatal(err)
	}
	var api struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	raw, err := os.ReadFile(filepath.Join(root, "events", "openapi.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &api); err != nil {
		t.Fatal(err)
	}
	has := func(file string) bool {
		_, err := os.Stat(filepath.Join(root, "events", "schemas", file+".json"))
		return err == nil
	}
	named := map[string]bool{}
	for _, found := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(string(page), -1) {
		kind, name, two := strings.Cut(found[1], " ")
		ok := true
		switch {
		case strings.HasPrefix(name, "/v1/"):
			_, ok = api.Paths[name][strings.ToLower(kind)]
		case two && name != "…" && kind == "socket":
			ok = has("client." + name)
		case two && name != "…" && kind == "push":
			ok = has("server." + name)
		case !two && regexp.MustCompile(`^[a-z]+\.[a-z_]+$`).MatchString(kind) && !strings.HasPrefix(kind, "detail."):
			ok = has("event." + kind)
		default:
		}
		if named[found[1]] = true; !ok {
			t.Errorf("there is no %s", found[1])
		}
	}
	commands, err := filepath.Glob(filepath.Join(root, "events", "schemas", "client.*.json"))
	if err != nil || len(commands) == 0 {
		t.Fatal(commands, err)
	}
	for _, file := range commands {
		command := "socket " + strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "client."), ".json")
		if !named[command] {
			t.Errorf("the page names no screen for %s", command)
		}
	}
	if len(named) < len(commands)+len(api.Paths)/2 {
		t.Errorf("the page names %d things only", len(named))
	}
}
