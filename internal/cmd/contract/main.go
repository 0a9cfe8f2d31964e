// Command contract generates the contract in events/, and the generated parts of docs/, from the Go structs, their
// doc comments and recorded frames. With -check it changes nothing and fails when something is not current or
// breaks what was released; with -release it makes the current contract the released one.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	check := flag.Bool("check", false, "change nothing; fail when a file is not current or breaks the released contract")
	release := flag.Bool("release", false, "also make the current contract the released one")
	flag.Parse()
	root, err := findRoot(".")
	if err == nil {
		err = run(root, *check, *release)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "contract:", err)
		os.Exit(1)
	}
}

func run(root string, check, release bool) error {
	files, err := generate(root)
	if err != nil {
		return err
	}
	breaks, err := compareReleased(root, files)
	if err != nil {
		return err
	}
	for _, b := range breaks {
		fmt.Fprintln(os.Stderr, "breaks the released contract:", b)
	}
	switch {
	case len(breaks) > 0:
		return errors.New("within a major version the contract may only grow (events/README.md)")
	case check:
		return checkCurrent(os.Stderr, root, files)
	case release:
		files.addRelease()
	}
	return files.write(root)
}

// findRoot walks up from dir to the directory of go.mod.
func findRoot(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.mod here or above")
		}
		dir = parent
	}
}
