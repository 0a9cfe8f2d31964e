package compat

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// schema compares two schemas of the same thing.
func (c *comparison) schema(path string, old, now object) {
	old, oldRef := resolve(c.old, old)
	now, nowRef := resolve(c.now, now)
	if oldRef != "" || nowRef != "" {
		pair := fmt.Sprint(c.dir, oldRef, " ", nowRef, " ", text(old), text(now))
		if c.seen[pair] {
			return
		}
		c.seen[pair] = true
	}
	c.types(path, old, now)
	c.constant(path, old, now)
	c.choices(path, old, now)
	c.bounds(path, old, now)
	for _, keyword := range []string{"pattern", "format", "not"} {
		c.same(path, keyword, old, now)
	}
	c.properties(path, old, now)
	for _, keyword := range []string{"items", "additionalProperties", "propertyNames"} {
		c.inner(path, keyword, old, now)
	}
}

// types compares "type": a writer may use every type it could, a reader meets none that is new to it.
func (c *comparison) types(path string, old, now object) {
	before, after := typesOf(old), typesOf(now)
	switch {
	case c.dir == written && after != nil && (before == nil || !subset(before, after)),
		c.dir == read && before != nil && (after == nil || !subset(after, before)):
		c.broken(path, "type was %v, is %v", old["type"], now["type"])
	}
}

func typesOf(s object) []string {
	switch t := s["type"].(type) {
	case string:
		if t == "number" {
			return []string{"number", "integer"}
		}
		return []string{t}
	case []any:
		var out []string
		for _, v := range t {
			out = append(out, fmt.Sprint(v))
		}
		return out
	}
	return nil
}

func subset(small, large []string) bool {
	return !slices.ContainsFunc(small, func(s string) bool { return !slices.Contains(large, s) })
}

func (c *comparison) constant(path string, old, now object) {
	before, had := old["const"]
	after, has := now["const"]
	switch {
	case had && has && text(before) != text(after):
		c.broken(path, "was always %s, is %s", text(before), text(after))
	case had && !has && c.dir == read:
		c.broken(path, "was always %s, is anything", text(before))
	case has && !had && c.dir == written:
		c.broken(path, "may only be %s", text(after))
	}
}

// choices compares enumerations, closed ("enum") and open ("anyOf" an enum or any text). A value that was named
// stays; a closed enumeration that is read gets no new ones, and one that is written must not become closed.
func (c *comparison) choices(path string, old, now object) {
	before, wasOpen := choicesOf(old)
	after, isOpen := choicesOf(now)
	for _, v := range before {
		if !slices.Contains(after, v) && (after != nil || c.dir == read) {
			c.broken(path, "value %s removed", v)
		}
	}
	if c.dir == read && before != nil && !wasOpen {
		for _, v := range after {
			if !slices.Contains(before, v) {
				c.broken(path, "value %s added to a closed list", v)
			}
		}
		if isOpen {
			c.broken(path, "was a closed list, is open")
		}
	}
	if c.dir == written && after != nil && !isOpen && (before == nil || wasOpen) {
		c.broken(path, "is a closed list now")
	}
}

func choicesOf(s object) (list []string, open bool) {
	if any, ok := s["anyOf"].([]any); ok && len(any) > 0 {
		first, _ := any[0].(object)
		list, _ = choicesOf(first)
		return list, true
	}
	enum, _ := s["enum"].([]any)
	for _, v := range enum {
		list = append(list, text(v))
	}
	return list, false
}

// bounds compares limits. What is written may be bounded no closer. Of what is read, lower limits stay; upper
// ones may grow, as a frame's size bounds them all.
func (c *comparison) bounds(path string, old, now object) {
	for _, keyword := range []string{"maxLength", "maxItems", "maxProperties", "maximum"} {
		before, had := old[keyword].(float64)
		after, has := now[keyword].(float64)
		if c.dir == written && has && (!had || after < before) {
			c.broken(path, "%s was %s, is %s", keyword, bound(before, had), bound(after, has))
		}
	}
	for _, keyword := range []string{"minLength", "minItems", "minProperties", "minimum"} {
		before, had := old[keyword].(float64)
		after, has := now[keyword].(float64)
		if c.dir == written && has && (!had || after > before) || c.dir == read && had && (!has || after < before) {
			c.broken(path, "%s was %s, is %s", keyword, bound(before, had), bound(after, has))
		}
	}
}

func bound(v float64, set bool) string {
	if !set {
		return "none"
	}
	return text(v)
}

// same compares keywords of which no order is known: any change may narrow what is written or widen what is read.
func (c *comparison) same(path, keyword string, old, now object) {
	before, had := old[keyword]
	after, has := now[keyword]
	if !had && !has || had && has && text(before) == text(after) {
		return
	}
	if had && has || c.dir == written && has || c.dir == read && had {
		c.broken(path, "%s was %s, is %s", keyword, text(before), text(after))
	}
}

func (c *comparison) properties(path string, old, now object) {
	before, _ := old["properties"].(object)
	after, _ := now["properties"].(object)
	for _, name := range slices.Sorted(maps.Keys(before)) {
		was, _ := before[name].(object)
		is, there := after[name].(object)
		if !there {
			c.broken(path+"."+name, "removed")
			continue
		}
		c.schema(path+"."+name, was, is)
	}
	required, needed := names(old["required"]), names(now["required"])
	for _, name := range needed {
		if c.dir == written && !slices.Contains(required, name) {
			c.broken(path+"."+name, "is required now")
		}
	}
	for _, name := range required {
		if _, there := after[name]; c.dir == read && there && !slices.Contains(needed, name) {
			c.broken(path+"."+name, "was always there, may be absent now")
		}
	}
}

func names(list any) []string {
	var out []string
	entries, _ := list.([]any)
	for _, e := range entries {
		out = append(out, fmt.Sprint(e))
	}
	return out
}

// inner compares schemas within schemas, which may also be true or false; true is the same as none.
func (c *comparison) inner(path, keyword string, old, now object) {
	before, had := old[keyword].(object)
	after, has := now[keyword].(object)
	switch {
	case had && has:
		c.schema(path+"["+keyword+"]", before, after)
	case c.dir == written && (has || now[keyword] == false && old[keyword] != false):
		c.broken(path, "%s is bounded now", keyword)
	case c.dir == read && (had || old[keyword] == false && now[keyword] != false):
		c.broken(path, "%s was bounded, is not", keyword)
	}
}

// text writes a JSON value for messages and comparisons; object keys come in order.
func text(v any) string {
	if v == nil {
		return "none"
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}
