package main

import (
	"bytes"
	"go/parser"
	"go/token"
	"os"
	"testing"
)

// The list follows the code: each bug applies exactly once and parses. Whether it is found takes minutes
// (`make mutants`).
func TestMutantsApply(t *testing.T) {
	if err := os.Chdir("../../.."); err != nil {
		t.Fatal(err)
	}
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
