package wsapi

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/chat"
)

var update = flag.Bool("update", false, "rewrite the golden frames")

// TestReplay plays one conversation from its sample events, and compares every answer and every push with the
// golden frames: they are what clients are built on.
func TestReplay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i, name := range []string{
		"hello", "start", "start", "hello-operator", "join", "send", "send", "send-note", "edit", "delete", "page", "page-desk", "typing", "read",
		"ping", "close", "send-reopens", "send-reopens", "close-customer", "reopen", "hello-resume", "unknown-action", "malformed", "binary",
	} {
		w.now = w.now.Add(time.Second)
		before := w.store.Dump()
		got := record{Answer: w.replay(name), Jobs: w.queue.take()}
		for _, post := range w.push.take() {
			to, frame, _ := strings.Cut(post, " ")
			got.Pushes = append(got.Pushes, push{chat.ConnectionID(to), json.RawMessage(frame)})
		}
		slices.SortStableFunc(got.Pushes, func(a, b push) int { return strings.Compare(string(a.To), string(b.To)) })
		golden(t, fmt.Sprintf("%02d-%s", i+1, name), got)
		if got.Answer["type"] == "error" && w.store.Dump() != before {
			t.Errorf("%s: refused, and yet something changed", name)
		}
	}
	files, err := filepath.Glob(filepath.Join("..", "..", "events", "lambda", "socket-*.json"))
	if err != nil || len(files) != 21 {
		t.Fatalf("%d sample events, %v: each is to be replayed here", len(files), err)
	}
}

type record struct {
	Answer map[string]any `json:"answer"`
	Pushes []push         `json:"pushes,omitempty"`
	Jobs   []string       `json:"jobs,omitempty"`
}

type push struct {
	To    chat.ConnectionID `json:"to"`
	Frame json.RawMessage   `json:"frame"`
}

func golden(t *testing.T, name string, got record) {
	t.Helper()
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(got); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", name+".golden.json")
	if *update {
		if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), out.String()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestEveryActionIsServed(t *testing.T) {
	t.Parallel()
	got := Actions()
	slices.Sort(got)
	want := strings.Fields("accept close decline delete duty edit hello join page ping read reopen send start typing")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	w := begun(t)
	for _, action := range append(got, Defaults()...) {
		frame := w.say(`{"action":"` + action + `","ref":"r"}`)
		if frame["code"] == "unknown_action" || frame["ref"] != "r" {
			t.Errorf("%s: %v", action, frame)
		}
	}
}
