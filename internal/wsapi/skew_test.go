package wsapi

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// testdata/skew/baseline-frames.json holds the frames that clients of the first version send (commit d4f6f44). Such
// clients are out there for as long as a page stays open: the file is never changed.
func baselineFrames(t *testing.T) map[string]map[string]any {
	t.Helper()
	raw, err := os.ReadFile("testdata/skew/baseline-frames.json")
	if err != nil {
		t.Fatal(err)
	}
	var frames map[string]map[string]any
	if err := json.Unmarshal(raw, &frames); err != nil {
		t.Fatal(err)
	}
	return frames
}

// conversationOfFrames plays the frames as TestReplay does and returns the answers and pushes.
func conversationOfFrames(t *testing.T, alter func(map[string]any)) []any {
	t.Helper()
	w, frames, said := newWorld(t), baselineFrames(t), []any(nil)
	used := map[string]bool{}
	for _, name := range []string{
		"hello", "start", "start", "hello-operator", "join", "send", "send", "send-note", "edit", "delete", "page", "page-desk", "typing", "read",
		"ping", "close", "send-reopens", "send-reopens", "close-customer", "reopen", "hello-resume", "unknown-action",
	} {
		w.now = w.now.Add(time.Second)
		frame := frames[name]
		if !used[name] {
			alter(frame)
		}
		used[name] = true
		body, err := json.Marshal(frame)
		if err != nil {
			t.Fatal(err)
		}
		e := sample(t, name)
		e.Body = string(body)
		answer := w.handle(e)
		if refused := answer["type"] == "error"; refused != (name == "unknown-action") {
			t.Errorf("%s is answered with %v", name, answer)
		}
		said = append(said, answer, w.push.take(), w.queue.take())
	}
	if len(used) != len(frames) {
		t.Errorf("%d of %d frames were played", len(used), len(frames))
	}
	return said
}

// Clients of the first version are understood, and what a client of a version to come adds to its frames, at any
// place, changes nothing.
func TestFramesOfOtherVersions(t *testing.T) {
	t.Parallel()
	want := conversationOfFrames(t, func(map[string]any) {})
	got := conversationOfFrames(t, addTo)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("what a newer client adds makes a difference, -without +with\n%s", d)
	}
}

// addTo adds a member to an object and to every object in it, but for the maps by conversation.
func addTo(object map[string]any) {
	for name, v := range object {
		switch v := v.(type) {
		case map[string]any:
			if name != "cursors" {
				addTo(v)
				continue
			}
			for _, cursor := range v {
				addTo(cursor.(map[string]any))
			}
		case []any:
			for _, element := range v {
				if o, ok := element.(map[string]any); ok {
					addTo(o)
				}
			}
		}
	}
	object["zz"] = map[string]any{"of": []any{"a", 1.5, nil, map[string]any{}}}
}
