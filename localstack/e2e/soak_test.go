package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// TestSoak sends messages at a steady rate while functions die every second and the whole stack now and then, and
// everything that can be lost is lost sometimes. With -full it is at full size, for minutes. See package soak.
func TestSoak(t *testing.T) {
	t.Parallel()
	if suite.Control == "" {
		t.Skip("faults are made in the local stack, and this run is against another system")
	}
	clients, messages, rate, restarts := 40, 1500, 100, 2
	if *fullFlag {
		clients, messages, rate, restarts = 200, 15000, 600, 4
	}
	binary, err := ownBinary()
	must(t, err)
	root, err := ownRoot()
	must(t, err)
	ctx := limit(t, 10*time.Minute)
	soak := filepath.Join(filepath.Dir(binary), "soak")
	build := exec.CommandContext(ctx, "go", "build", "-o", soak, "./localstack/e2e/soak")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	figures := run(t, exec.CommandContext(ctx, soak, "-binary", binary, "-root", root, "-dir", t.TempDir(),
		"-clients", strconv.Itoa(clients), "-messages", strconv.Itoa(messages), "-rate", strconv.Itoa(rate),
		"-restarts", strconv.Itoa(restarts), "-seed", strconv.FormatUint(seedOf(t), 10)))
	for _, zero := range []string{"lost", "duplicates", "orderViolations", "seqGaps", "viewMismatches", "otherFindings", "unacknowledged", "refused"} {
		if n, ok := figures[zero].(float64); !ok || n != 0 {
			t.Errorf("%s: %v", zero, figures[zero])
		}
	}
	for what, least := range map[string]int{"acknowledged": messages, "jobs": messages, "stackKills": restarts, "functionKills": messages / rate / 3, "clientDeaths": 1} {
		if n, ok := figures[what].(float64); !ok || int(n) < least {
			t.Errorf("%s: %v, want %d or more", what, figures[what], least)
		}
	}
	if struck, ok := figures["faults"].(map[string]any); !ok || len(struck) < 5 {
		t.Errorf("faults: %v, want at least five kinds", figures["faults"])
	}
}

// run runs the soak, prints its figures and returns them.
func run(t *testing.T, command *exec.Cmd) (figures map[string]any) {
	t.Helper()
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, os.Stderr
	alive, err := command.StdinPipe() // closes when this process ends, however it ends
	must(t, err)
	defer func() { _ = alive.Close() }() // closed already when the program has ended
	must(t, command.Run())
	t.Logf("%s", out.Bytes())
	must(t, json.Unmarshal(out.Bytes(), &figures))
	return figures
}
