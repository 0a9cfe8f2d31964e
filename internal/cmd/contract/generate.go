package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/parley-chat/parley/internal/cmd/contract/compat"
)

// tree holds generated files by their path from the repository's root, with slashes.
type tree map[string][]byte

// The places of the contract.
const (
	contractDir = "events"
	schemaDir   = contractDir + "/schemas"
	releasedDir = contractDir + "/released/v1"
)

// generate makes every file of the contract in memory.
func generate(root string) (tree, error) {
	c, err := readComments(root)
	if err != nil {
		return nil, err
	}
	s := schemas{c}
	examples, err := readSamples()
	if err != nil {
		return nil, err
	}
	out := tree{}
	for name, schema := range s.all() {
		schema.Version = jsonschema.Version
		out[schemaDir+"/"+name+".json"] = pretty(schema)
	}
	out[contractDir+"/errors.json"] = pretty(errorList(c))
	out[contractDir+"/socket.asyncapi.json"] = pretty(asyncAPI(s, examples))
	out[contractDir+"/integration.asyncapi.json"] = pretty(integrationAPI(s, examples))
	api := openAPI(s)
	out[contractDir+"/openapi.json"] = pretty(api)
	if err := out.addServed(api, errorList(c)); err != nil {
		return nil, err
	}
	doc, err := protocolDoc(root, s, examples)
	if err != nil {
		return nil, err
	}
	out[protocolPath] = doc
	if out[readmePath], err = readme(root); err != nil {
		return nil, err
	}
	return out, nil
}

// all returns every schema that is published as a file of its own, by name.
func (s schemas) all() map[string]*jsonschema.Schema {
	out := map[string]*jsonschema.Schema{}
	for _, m := range integrationMessages() {
		out[m.file] = s.of(m.value, toClient)
	}
	for _, f := range frames() {
		out[f.file()] = s.frame(f)
	}
	for _, l := range logRegistry() {
		out["event."+string(l.typ)] = s.event(l)
	}
	for _, l := range ownRegistry() {
		out["event."+l.typ] = s.ownEvent(l)
	}
	return out
}

var reference = regexp.MustCompile(`"#/\$defs/(\w+)"`)

// prune drops definitions that nothing refers to any more.
func prune(s *jsonschema.Schema) {
	for {
		used := map[string]bool{}
		for _, m := range reference.FindAllSubmatch(pretty(s), -1) {
			used[string(m[1])] = true
		}
		before := len(s.Definitions)
		maps.DeleteFunc(s.Definitions, func(name string, _ *jsonschema.Schema) bool { return !used[name] })
		if len(s.Definitions) == before {
			return
		}
	}
}

// pretty writes JSON as people read it. The documents are made of what JSON can hold.
func pretty(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// addRelease puts the contract into the place of the released one.
func (t tree) addRelease() {
	for path, content := range maps.Clone(t) {
		if rest, ok := strings.CutPrefix(path, contractDir+"/"); ok && path != readmePath {
			t[releasedDir+"/"+rest] = content
		}
	}
}

// write brings the files below root up to date and removes schemas that are no longer made.
func (t tree) write(root string) error {
	stale, err := t.superfluous(root)
	if err != nil {
		return err
	}
	for _, path := range stale {
		if err := os.Remove(filepath.Join(root, path)); err != nil {
			return err
		}
	}
	for _, path := range slices.Sorted(maps.Keys(t)) {
		name := filepath.Join(root, filepath.FromSlash(path))
		if old, err := os.ReadFile(name); err == nil && bytes.Equal(unpacked(path, old), t[path]) {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, packed(path, t[path]), 0o644); err != nil { //nolint:gosec // documents for everybody
			return err
		}
	}
	return nil
}

// packed is what lies in the file: those that end in .gz are compressed, since a function holds them. They are compared
// by their content: what Go compresses to may differ between its versions.
func packed(path string, content []byte) []byte {
	if !strings.HasSuffix(path, ".gz") {
		return content
	}
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is a valid one, and a buffer takes everything
	_, _ = w.Write(content)
	_ = w.Close()
	return b.Bytes()
}

// unpacked is the content of a file; nil when it is damaged.
func unpacked(path string, raw []byte) []byte {
	if !strings.HasSuffix(path, ".gz") {
		return raw
	}
	r, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil
	}
	content, err := io.ReadAll(r)
	if err != nil {
		return nil
	}
	return content
}

// superfluous lists the schemas below root that are not generated.
func (t tree) superfluous(root string) ([]string, error) {
	names, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(schemaDir), "*.json"))
	if err != nil {
		return nil, err
	}
	var out []string
	for _, name := range names {
		path := schemaDir + "/" + filepath.Base(name)
		if _, made := t[path]; !made {
			out = append(out, path)
		}
	}
	return out, nil
}

// compareReleased says how the contract breaks the released one. Without a released one nothing is broken.
func compareReleased(root string, t tree) ([]string, error) {
	released := compat.Contract{}
	base := filepath.Join(root, filepath.FromSlash(releasedDir))
	names, err := filepath.Glob(filepath.Join(base, "*.json"))
	if err != nil {
		return nil, err
	}
	more, err := filepath.Glob(filepath.Join(base, "schemas", "*.json"))
	if err != nil {
		return nil, err
	}
	for _, name := range append(names, more...) {
		content, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		rest, _ := filepath.Rel(base, name)
		released[filepath.ToSlash(rest)] = content
	}
	current := compat.Contract{}
	for path, content := range t {
		if rest, ok := strings.CutPrefix(path, contractDir+"/"); ok {
			current[rest] = content
		}
	}
	return compat.Breaks(released, current)
}
