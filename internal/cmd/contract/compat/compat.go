// Package compat says how a newer contract breaks an older one. Within a major version a contract may only grow:
// what clients send may be asked for in no stricter form than before, and what the server sends must keep every
// promise that was made.
package compat

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Contract holds documents by name: "schemas/client.send.json", "errors.json", "openapi.json",
// "socket.asyncapi.json". Documents of other names are not compared.
type Contract map[string][]byte

// Breaks lists what a reader or writer of the old contract would stumble over, in a stable order. The error is
// about documents that are not JSON.
func Breaks(before, after Contract) ([]string, error) {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(before)) {
		content, there := after[name]
		if !there {
			out = append(out, name+": removed")
			continue
		}
		if string(content) == string(before[name]) {
			continue
		}
		old, err := parse(name, before[name])
		if err != nil {
			return nil, err
		}
		now, err := parse(name, content)
		if err != nil {
			return nil, err
		}
		out = append(out, breaksOf(name, old, now)...)
	}
	return out, nil
}

func parse(name string, content []byte) (object, error) {
	var out object
	if err := json.Unmarshal(content, &out); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return out, nil
}

func breaksOf(name string, old, now object) []string {
	c := &comparison{old: old, now: now, seen: map[string]bool{}}
	switch {
	case strings.HasPrefix(name, "schemas/client."):
		c.dir = written
		c.schema(name, old, now)
	case strings.HasPrefix(name, "schemas/"):
		c.dir = read
		c.schema(name, old, now)
	case name == "errors.json":
		c.codes(name)
	case name == "openapi.json":
		c.openAPI(name)
	case name == "socket.asyncapi.json":
		c.asyncAPI(name)
	}
	return c.breaks
}

type object = map[string]any

// direction says who has the old contract: a writer, whose documents must stay welcome, or a reader, to whom
// promises must be kept.
type direction int

const (
	written direction = iota
	read
)

// comparison walks two documents side by side.
type comparison struct {
	old, now object // the roots, which references begin at
	dir      direction
	seen     map[string]bool // pairs of references under way or done
	breaks   []string
}

func (c *comparison) broken(path, format string, args ...any) {
	c.breaks = append(c.breaks, path+": "+fmt.Sprintf(format, args...))
}

// resolve follows a reference within the document.
func resolve(root, s object) (object, string) {
	ref, ok := s["$ref"].(string)
	if !ok {
		return s, ""
	}
	at := any(root)
	for _, step := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
		m, _ := at.(object)
		at = m[step]
	}
	target, _ := at.(object)
	if target == nil {
		return object{}, ref
	}
	return merge(target, s), ref
}

// merge adds what stands beside a reference to its target.
func merge(target, beside object) object {
	out := maps.Clone(target)
	for k, v := range beside {
		if k != "$ref" {
			out[k] = v
		}
	}
	return out
}

// codes compares the lists of errors: codes stay, and stay as retryable as they were.
func (c *comparison) codes(path string) {
	for _, list := range []struct{ name, key string }{{"codes", "code"}, {"reasons", "reason"}} {
		now := byKey(c.now[list.name], list.key)
		for key, old := range byKey(c.old[list.name], list.key) {
			entry, there := now[key]
			switch {
			case !there:
				c.broken(path, "%s %s: removed", list.key, key)
			case old["retryable"] != entry["retryable"]:
				c.broken(path, "%s %s: retryable changed", list.key, key)
			case old["outcome"] != entry["outcome"]:
				c.broken(path, "%s %s: outcome changed", list.key, key)
			}
		}
	}
	slices.Sort(c.breaks)
}

func byKey(list any, key string) map[string]object {
	out := map[string]object{}
	entries, _ := list.([]any)
	for _, e := range entries {
		m, _ := e.(object)
		if name, ok := m[key].(string); ok {
			out[name] = m
		}
	}
	return out
}

// asyncAPI compares operations and messages; the messages' schemas have files of their own.
func (c *comparison) asyncAPI(path string) {
	c.kept(path+" operations", c.old["operations"], c.now["operations"])
	c.kept(path+" messages", c.dig(c.old, "components", "messages"), c.dig(c.now, "components", "messages"))
	c.kept(path+" channels", c.old["channels"], c.now["channels"])
}

// kept says which names of one object the other lacks.
func (c *comparison) kept(path string, old, now any) {
	after, _ := now.(object)
	before, _ := old.(object)
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if _, there := after[name]; !there {
			c.broken(path+" "+name, "removed")
		}
	}
}

func (c *comparison) dig(o object, steps ...string) object {
	for _, s := range steps {
		o, _ = o[s].(object)
	}
	return o
}
