package chat_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The map in doc.go has every file of the package, and no other.
func TestTheMapIsWhole(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{"doc.go": true}
	for _, name := range regexp.MustCompile(`\w+\.go\b`).FindAllString(string(text), -1) {
		named[name] = true
	}
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, name := range files {
		if !strings.HasSuffix(name, "_test.go") && !named[name] {
			t.Errorf("doc.go does not say what %s is for", name)
		}
		delete(named, name)
	}
	for name := range named {
		t.Errorf("doc.go names %s, which does not exist", name)
	}
}
