package lambda

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-chat/parley/localstack/template"
)

// TestBuiltAsDeployed: what runs here is compiled with the flags of infra/build.sh, which sam build calls by a function's
// logical id while this stack goes by its CodeUri.
func TestBuiltAsDeployed(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	script, err := os.ReadFile(filepath.Join(root, "infra", "build.sh"))
	if err != nil {
		t.Fatal(err)
	}
	if flags := "go build -trimpath -buildvcs=false -tags " + Tags + " -ldflags='-s -w' "; !strings.Contains(string(script), flags) {
		t.Errorf("infra/build.sh does not run %q", flags)
	}
	plan, err := template.Load(filepath.Join(root, "template.yaml"), template.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range plan.Functions {
		built := filepath.Join("functions", strings.ToLower(strings.TrimSuffix(f.LogicalID, "Function")))
		if filepath.Clean(f.CodeURI) != built {
			t.Errorf("%s: sam build compiles %s, the local stack %s", f.LogicalID, built, f.CodeURI)
		}
	}
}
