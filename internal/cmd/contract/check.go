package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// shownChanges is how many differences of a file are shown.
const shownChanges = 8

var errStale = errors.New("run `make contract` and commit what changes")

// checkCurrent reports, for each file that is not as generated, what differs.
func checkCurrent(w io.Writer, root string, t tree) error {
	stale, err := t.superfluous(root)
	if err != nil {
		return err
	}
	for _, path := range stale {
		fmt.Fprintf(w, "%s: is not generated any more\n", path)
	}
	current := len(stale) == 0
	for _, path := range slices.Sorted(maps.Keys(t)) {
		have, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(path)))
		if err != nil {
			fmt.Fprintf(w, "%s: missing\n", path)
			current = false
			continue
		}
		if have = unpacked(path, have); bytes.Equal(have, t[path]) {
			continue
		}
		current = false
		changes := differences(path, have, t[path])
		fmt.Fprintf(w, "%s: %d differences\n", path, len(changes))
		for _, c := range changes[:min(len(changes), shownChanges)] {
			fmt.Fprintln(w, "  "+c)
		}
	}
	if !current {
		return errStale
	}
	return nil
}

// differences compares JSON by its leaves and other files by their lines.
func differences(path string, have, want []byte) []string {
	was, is := map[string]string{}, map[string]string{}
	var a, b any
	if strings.HasSuffix(path, ".json") && json.Unmarshal(have, &a) == nil && json.Unmarshal(want, &b) == nil {
		leaves("", a, was)
		leaves("", b, is)
	} else {
		lines(have, was)
		lines(want, is)
	}
	var out []string
	for _, k := range slices.Sorted(maps.Keys(was)) {
		if v, there := is[k]; !there {
			out = append(out, "- "+k+shown(was[k]))
		} else if v != was[k] {
			out = append(out, "~ "+k+shown(was[k])+" ->"+shown(v)[1:])
		}
	}
	for _, k := range slices.Sorted(maps.Keys(is)) {
		if _, there := was[k]; !there {
			out = append(out, "+ "+k+shown(is[k]))
		}
	}
	if len(out) == 0 {
		out = append(out, "order or spacing")
	}
	return out
}

func shown(v string) string {
	const most = 80
	if v == "" {
		return ""
	}
	if r := []rune(v); len(r) > most {
		v = string(r[:most]) + "…"
	}
	return ": " + v
}

// leaves flattens a JSON value: "components.schemas.Send.required[2]" → its text.
func leaves(path string, v any, into map[string]string) {
	switch v := v.(type) {
	case map[string]any:
		for k, inner := range v {
			leaves(strings.TrimPrefix(path+"."+k, "."), inner, into)
		}
	case []any:
		for i, inner := range v {
			leaves(path+"["+strconv.Itoa(i)+"]", inner, into)
		}
	default:
		text, err := plain(v)
		if err == nil {
			into[path] = string(text)
		}
	}
}

func lines(content []byte, into map[string]string) {
	for _, line := range strings.Split(string(content), "\n") {
		into[line] = ""
	}
}
