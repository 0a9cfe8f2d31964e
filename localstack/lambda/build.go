package lambda

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/parley-chat/parley/localstack/template"
)

// Tags are the build tags of a deployed function: those of infra/build.sh, which says why.
const Tags = "lambda.norpc,nethttpomithttp2"

// Build compiles the main packages of the functions into outDir, one binary per CodeURI, with a single go
// command run in root (the directory that the CodeURIs are relative to). Binaries that are up to date are
// left alone, by Go's own build identity: a second call costs the scan of the sources only. Running
// processes keep the binary that they were started from.
//
// The error holds the compiler's output.
func Build(ctx context.Context, root, outDir string, functions []template.Function) error {
	packages, err := packagesOf(functions)
	if err != nil || len(packages) == 0 {
		return err
	}
	out, err := filepath.Abs(outDir)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	// The directory form of -o names each binary after its package. Symbol tables and DWARF are left out as
	// the deployed build leaves them out: a third off the link time and the resident memory.
	args := []string{"build", "-trimpath", "-buildvcs=false", "-tags", Tags, "-ldflags", "-s -w",
		"-o", out + string(filepath.Separator)}
	cmd := exec.CommandContext(ctx, "go", append(args, packages...)...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("go build of the functions: %w\n%s", err, bytes.TrimSpace(output.Bytes()))
	}
	return nil
}

// Binary is the path of a function's binary below the outDir of Build.
func Binary(outDir string, f template.Function) string {
	return filepath.Join(outDir, filepath.Base(filepath.Clean(f.CodeURI)))
}

// packagesOf lists each CodeURI once, as a path that the go command takes for a directory.
func packagesOf(functions []template.Function) ([]string, error) {
	byBinary := map[string]string{}
	var packages []string
	for _, f := range functions {
		dir := filepath.ToSlash(filepath.Clean(f.CodeURI))
		name := filepath.Base(dir)
		if name == "." || name == ".." || name == "/" {
			return nil, fmt.Errorf("function %s: CodeUri %q names no directory of a main package", f.LogicalID, f.CodeURI)
		}
		other, seen := byBinary[name]
		if seen && other != dir {
			return nil, fmt.Errorf("function %s: CodeUri %q and %q would both build the binary %q", f.LogicalID, dir, other, name)
		}
		if seen {
			continue
		}
		byBinary[name] = dir
		if !filepath.IsAbs(dir) && !strings.HasPrefix(dir, "../") {
			dir = "./" + dir
		}
		packages = append(packages, dir)
	}
	return packages, nil
}
