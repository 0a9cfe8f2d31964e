package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// What can be known of the LocalStack path without a token: the compose file parses, binds to loopback only
// and demands the token; the script that runs the suite there parses.
func TestComposeFile(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Services map[string]struct {
			Image       string
			Ports       []string
			Environment map[string]string
		}
	}
	if err := yaml.Unmarshal(source, &file); err != nil {
		t.Fatal(err)
	}
	service, ok := file.Services["localstack"]
	if !ok || service.Image == "" {
		t.Fatalf("no service localstack with an image: %+v", file)
	}
	for _, p := range service.Ports {
		if !strings.HasPrefix(p, "127.0.0.1:") {
			t.Errorf("port %q is open to the network", p)
		}
	}
	if !strings.Contains(service.Environment["LOCALSTACK_AUTH_TOKEN"], ":?") {
		t.Error("the token is not demanded")
	}
	for _, script := range []string{"test-stage.sh", "engines/test.sh"} {
		if out, err := exec.CommandContext(t.Context(), "bash", "-n", script).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", script, err, out)
		}
	}
}
