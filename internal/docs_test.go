package internal_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What the documents name exists: tests, make targets, files that they link to.
func TestDocumentsNameWhatExists(t *testing.T) {
	t.Parallel()
	tests := testNames(t)
	makefile, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	documents, err := filepath.Glob("../docs/*.md")
	if err != nil || len(documents) == 0 {
		t.Fatalf("no documents: %v", err)
	}
	for _, path := range append(documents, "../README.md") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile("`(Test[A-Z]\\w+)`").FindAllStringSubmatch(string(text), -1) {
			if !tests[m[1]] {
				t.Errorf("%s names the test %s, which does not exist", path, m[1])
			}
		}
		for _, m := range regexp.MustCompile("`make ([a-z-]+)").FindAllStringSubmatch(string(text), -1) {
			if !strings.Contains(string(makefile), "\n"+m[1]+":") {
				t.Errorf("%s names `make %s`, which does not exist", path, m[1])
			}
		}
		for _, m := range regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`).FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), m[1])); err != nil {
				t.Errorf("%s links to %s: %v", path, m[1], err)
			}
		}
	}
}

// Every attack of the security page is tried by a test; the test above sees that it exists.
func TestEveryAttackIsTried(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`(?m)^\|.*\|$`).FindAllString(string(page), -1)
	attacks := 0
	for _, row := range rows {
		cells := strings.Split(row, " | ")
		if strings.HasPrefix(row, "| attack |") || strings.HasPrefix(row, "|---") {
			continue
		}
		attacks++
		if len(cells) != 4 || !regexp.MustCompile("^`Test\\w+`").MatchString(cells[2]) {
			t.Errorf("an attack without what happens, its tests and its planted bugs: %s", row)
		}
	}
	if attacks < 40 {
		t.Errorf("%d attacks", attacks)
	}
}

// A folder's README has every folder below it that holds code.
func TestReadmesNameEveryFolder(t *testing.T) {
	t.Parallel()
	for _, root := range []string{".", "cmd", "../functions", "../localstack"} {
		readme := filepath.Join(root, "README.md")
		if root == "cmd" {
			readme = "README.md"
		}
		text, err := os.ReadFile(readme)
		if err != nil {
			t.Fatal(err)
		}
		folders, err := filepath.Glob(filepath.Join(root, "*", "*.go"))
		if err != nil || len(folders) == 0 {
			t.Fatalf("%s has no code: %v", root, err)
		}
		for _, path := range folders {
			if name := filepath.Base(filepath.Dir(path)); !regexp.MustCompile("(`|\\| )" + name + "(/|`| \\|)").Match(text) {
				t.Errorf("%s does not say what %s is", readme, name)
			}
		}
	}
}

func testNames(t *testing.T) map[string]bool {
	names := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	for _, root := range []string{".", "../localstack", "../functions"} {
		err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, "_test.go") {
				return err
			}
			source, err := os.ReadFile(path)
			for _, m := range function.FindAllStringSubmatch(string(source), -1) {
				names[m[1]] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return names
}
