// Command mutants plants known bugs, one at a time, and shows that the suite turns red for each. It edits
// nothing: the compiler is given the changed file in place of the real one (go build -overlay), so an
// interrupted run leaves no trace.
//
//	go run ./internal/cmd/mutants            every bug
//	go run ./internal/cmd/mutants -run 410   those whose name matches
//	go run ./internal/cmd/mutants -list
//	go run ./internal/cmd/mutants -packages ./internal/sim    which of them the simulation alone finds
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// limit bounds one bug's test run: far above what the named packages need.
const limit = 5 * time.Minute

func main() {
	pattern := flag.String("run", "", "plant only bugs whose name matches this regular expression")
	list := flag.Bool("list", false, "list the bugs and the tests that must find them")
	packages := flag.String("packages", "", "run the tests of these packages (comma separated) instead of each bug's own")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *pattern, *packages, *list)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, pattern, packages string, list bool) error {
	match, err := regexp.Compile(pattern)
	if err != nil {
		return err
	}
	survived, planted := 0, 0
	for _, m := range Mutants() {
		if !match.MatchString(m.Name) {
			continue
		}
		if packages != "" {
			m.Packages = strings.Split(packages, ",")
		}
		if list {
			fmt.Printf("%-42s %s\n", m.Name, strings.Join(m.Packages, " "))
			continue
		}
		planted++
		began := time.Now()
		found, err := plant(ctx, m)
		verdict := "found by " + found
		switch {
		case errors.Is(err, errUnbuilt): // the others are planted all the same
			verdict = err.Error()
			survived++
		case err != nil:
			return fmt.Errorf("%s: %w", m.Name, err)
		case found == "":
			verdict = "SURVIVED"
			survived++
		}
		fmt.Printf("%-42s %5.1fs  %s\n", m.Name, time.Since(began).Seconds(), verdict)
	}
	if survived > 0 {
		return fmt.Errorf("%d of %d planted bugs survived", survived, planted)
	}
	if !list {
		fmt.Printf("all %d planted bugs were found\n", planted)
	}
	return nil
}

// errUnbuilt: a bug that cannot be planted shows nothing, and counts as one that survived.
var errUnbuilt = errors.New("THE BUG DOES NOT COMPILE")

// plant runs the bug's tests with it in place and returns the first test that failed, "" if none did.
func plant(ctx context.Context, m Mutant) (string, error) {
	dir, err := os.MkdirTemp("", "parley-mutant-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	overlay, err := m.overlay(dir)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	args := append([]string{"test", "-count=1", "-overlay", overlay}, m.Packages...)
	cmd := exec.CommandContext(ctx, "go", args...)
	// The local stack builds the functions itself: it must see the bug too.
	cmd.Env = append(os.Environ(), "GOFLAGS=-overlay="+overlay)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return "", nil
	case !errors.As(err, &exit):
		return "", err
	case bytes.Contains(out, []byte("[build failed]")), bytes.Contains(out, []byte("[setup failed]")):
		return "", fmt.Errorf("%w:\n%s", errUnbuilt, out)
	}
	return firstFailure(out), nil
}

var failure = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)

func firstFailure(out []byte) string {
	if all := failure.FindAllSubmatch(out, -1); len(all) > 0 {
		return string(all[0][1])
	}
	return "a crash or a time-out"
}

// overlay writes the changed file and the overlay that puts it in place.
func (m Mutant) overlay(dir string) (string, error) {
	changed, err := m.Apply()
	if err != nil {
		return "", err
	}
	real, err := filepath.Abs(m.File)
	if err != nil {
		return "", err
	}
	fake := filepath.Join(dir, filepath.Base(m.File))
	if err := os.WriteFile(fake, changed, 0o600); err != nil {
		return "", err
	}
	doc, err := json.Marshal(map[string]map[string]string{"Replace": {real: fake}})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, doc, 0o600)
}

// Apply returns the file with the bug in it. It fails when the code that the bug replaces is not there exactly
// once: then the list must follow the code.
func (m Mutant) Apply() ([]byte, error) {
	source, err := os.ReadFile(m.File)
	if err != nil {
		return nil, err
	}
	if n := bytes.Count(source, []byte(m.Old)); n != 1 {
		return nil, fmt.Errorf("%s holds the code to replace %d times, want 1:\n%s", m.File, n, m.Old)
	}
	return bytes.Replace(source, []byte(m.Old), []byte(m.New), 1), nil
}
