package main

import (
	"bytes"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
)

// The list follows the code: each bug applies exactly once and parses. Whether it is found takes minutes
// (`make mutants`).
func TestMutantsApply(t *testing.T) {
	t.Chdir("../../..")
	names := map[string]bool{}
	for _, m := range Mutants() {
		if names[m.Name] {
			t.Errorf("%s is listed twice", m.Name)
		}
		names[m.Name] = true
		changed, err := m.Apply()
		if err != nil {
			t.Errorf("%s: %v", m.Name, err)
			continue
		}
		if original, err := os.ReadFile(m.File); err != nil || bytes.Equal(changed, original) {
			t.Errorf("%s changes nothing (%v)", m.Name, err)
		}
		if _, err := parser.ParseFile(token.NewFileSet(), m.File, changed, 0); err != nil {
			t.Errorf("%s: %v", m.Name, err)
		}
	}
	if len(names) < 15 {
		t.Errorf("%d bugs, want at least 15", len(names))
	}
}

// The security page and the list name each other's bugs: a door that is left open has an attack that comes in by it.
func TestSecurityPageNamesTheBugs(t *testing.T) {
	page, err := os.ReadFile("../../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	listed, named := map[string]bool{}, map[string]bool{}
	for _, m := range Mutants() {
		listed[m.Name] = true
	}
	for row := range strings.Lines(string(page)) {
		cells := strings.Split(strings.TrimSuffix(strings.TrimSpace(row), "|"), " | ")
		if len(cells) < 4 || strings.HasPrefix(row, "| attack |") {
			continue
		}
		for name := range strings.SplitSeq(cells[3], "; ") {
			if name = strings.TrimSpace(name); name == "" {
				continue
			}
			if named[name] = true; !listed[name] {
				t.Errorf("%q is no planted bug", name)
			}
		}
	}
	for _, m := range abuse() {
		if !named[m.Name] {
			t.Errorf("no attack of docs/security.md comes in by %q", m.Name)
		}
	}
}
