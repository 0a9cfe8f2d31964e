package workspace_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/parley-chat/parley/internal/workspace"
)

// Settings that nobody has written yet are those of version 0, changed at no time.
func TestSettingsBeforeTheFirstChange(t *testing.T) {
	t.Parallel()
	c, _ := newCatalog()
	e, err := c.Get(t.Context(), boss().Principal, workspace.KindSettings, false, workspace.SettingsID)
	code(t, err, "", "")
	if m := workspace.MetaOf(e); m.Version != 0 || m.ChangedAt != 0 || m.ChangedBy != "" {
		t.Errorf("%+v", m)
	}
}

// TestNamesAreDocumented: whoever writes a text or a rule finds every variable and every fact named.
func TestNamesAreDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/workspace.md")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile("../../events/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var api struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]struct{ Description string }
			}
		}
	}
	if err := json.Unmarshal(raw, &api); err != nil {
		t.Fatal(err)
	}
	text := api.Components.Schemas["Canned"].Properties["text"].Description
	for _, v := range workspace.Variables() {
		if !strings.Contains(string(page), "`"+v+"`") || !strings.Contains(text, v) {
			t.Errorf("the variable %s is not documented", v)
		}
	}
	about := strings.FieldsFunc(api.Components.Schemas["Condition"].Properties["fact"].Description, func(r rune) bool { return !unicode.IsLetter(r) })
	for _, f := range workspace.Facts() {
		if !slices.Contains(about, string(f)) {
			t.Errorf("the fact %s is not documented", f)
		}
	}
}
