package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// checkout writes the contract into a directory of its own, which can then be damaged.
func checkout(t *testing.T) (string, tree) {
	t.Helper()
	files := generated(t)
	dir := t.TempDir()
	if err := files.write(dir); err != nil {
		t.Fatal(err)
	}
	return dir, files
}

func TestCheckNamesWhatDiffers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		damage func(t *testing.T, dir string)
		want   []string
	}{
		{"nothing", func(*testing.T, string) {}, nil},
		{"an edited schema", func(t *testing.T, dir string) {
			edit(t, dir, "events/schemas/client.send.json", `"maxItems": 20`, `"maxItems": 21`)
		}, []string{"events/schemas/client.send.json: 1 differences\n  ~ properties.messages.maxItems: 21 -> 20\n"}},
		{"a field too many", func(t *testing.T, dir string) {
			edit(t, dir, "events/errors.json", `"code": "invalid",`, `"code": "invalid", "extra": 1,`)
		}, []string{"events/errors.json: 1 differences\n  - codes[0].extra: 1\n"}},
		{"a field too few", func(t *testing.T, dir string) {
			edit(t, dir, "events/errors.json", `"code": "invalid",`, ``)
		}, []string{`  + codes[0].code: "invalid"`}},
		{"only the spacing", func(t *testing.T, dir string) {
			edit(t, dir, "events/openapi.json", `"openapi": "`, `"openapi":  "`)
		}, []string{"order or spacing"}},
		{"a missing file", func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, "events/openapi.json")); err != nil {
				t.Fatal(err)
			}
		}, []string{"events/openapi.json: missing"}},
		{"a file of a frame that is gone", func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, "events/schemas/client.sing.json"), []byte("{}"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, []string{"events/schemas/client.sing.json: is not generated any more"}},
		{"an edited error table", func(t *testing.T, dir string) {
			edit(t, dir, "docs/protocol.md", "| `too_fast` |", "| `too_slow` |")
		}, []string{"docs/protocol.md: 2 differences", "- | `too_slow` |", "+ | `too_fast` |"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir, files := checkout(t)
			c.damage(t, dir)
			var report bytes.Buffer
			err := checkCurrent(&report, dir, files)
			if stale := len(c.want) > 0; errors.Is(err, errStale) != stale || !stale && err != nil {
				t.Errorf("error %v", err)
			}
			for _, w := range c.want {
				if !strings.Contains(report.String(), w) {
					t.Errorf("the report lacks %q:\n%s", w, report.String())
				}
			}
			if err := files.write(dir); err != nil {
				t.Fatal(err)
			}
			if err := checkCurrent(&report, dir, files); err != nil {
				t.Errorf("after writing: %v", err)
			}
		})
	}
}

func edit(t *testing.T, dir, path, old, text string) {
	t.Helper()
	name := filepath.Join(dir, path)
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(content), old, text, 1)
	if changed == string(content) {
		t.Fatalf("%s has no %q", path, old)
	}
	if err := os.WriteFile(name, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestReplacePartNeedsItsMarkers(t *testing.T) {
	t.Parallel()
	const doc = "a\n<!-- generated: x -->\nold\n<!-- end: x -->\nb\n"
	got, err := replacePart([]byte(doc), "x", "new\n")
	if want := "a\n<!-- generated: x -->\n\nnew\n\n<!-- end: x -->\nb\n"; err != nil || string(got) != want {
		t.Errorf("got %q, %v", got, err)
	}
	for _, broken := range []string{"", "<!-- generated: x -->\n", "<!-- end: x -->\n<!-- generated: x -->\n"} {
		if _, err := replacePart([]byte(broken), "x", "new"); err == nil {
			t.Errorf("%q passes", broken)
		}
	}
}

func TestCommentsInJSON(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]string{"CodeTooFast": "too_fast", "CodeIDReused": "id_reused", "CodeInternal": "internal"} {
		if got := snake(code); got != want {
			t.Errorf("%s: %s", code, got)
		}
	}
}
