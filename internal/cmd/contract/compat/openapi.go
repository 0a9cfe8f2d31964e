package compat

import (
	"maps"
	"slices"
	"strings"
)

// openAPI compares operations with their parameters, bodies and answers of success.
func (c *comparison) openAPI(path string) {
	before, after := c.dig(c.old, "paths"), c.dig(c.now, "paths")
	for _, route := range slices.Sorted(maps.Keys(before)) {
		methods, _ := before[route].(object)
		now, _ := after[route].(object)
		for _, method := range slices.Sorted(maps.Keys(methods)) {
			where := path + " " + strings.ToUpper(method) + " " + route
			old, _ := methods[method].(object)
			is, there := now[method].(object)
			if !there {
				c.broken(where, "removed")
				continue
			}
			c.operation(where, old, is)
		}
	}
}

func (c *comparison) operation(path string, old, now object) {
	c.parameters(path, byKey(old["parameters"], "name"), byKey(now["parameters"], "name"))
	c.dir = written
	body, asks := now["requestBody"].(object)
	before, asked := old["requestBody"].(object)
	switch {
	case asked && !asks:
		c.broken(path+" body", "removed")
	case asks && body["required"] == true && before["required"] != true:
		c.broken(path+" body", "is required now")
	case asks && asked:
		c.content(path+" body", before, body)
	}
	c.dir = read
	was, _ := old["responses"].(object)
	is, _ := now["responses"].(object)
	for _, status := range slices.Sorted(maps.Keys(was)) {
		if !strings.HasPrefix(status, "2") {
			continue
		}
		old, _ := was[status].(object)
		now, there := is[status].(object)
		if !there {
			c.broken(path+" "+status, "removed")
			continue
		}
		c.content(path+" "+status, old, now)
	}
}

func (c *comparison) parameters(path string, old, now map[string]object) {
	c.dir = written
	for _, name := range slices.Sorted(maps.Keys(old)) {
		is, there := now[name]
		if !there {
			c.broken(path+" ?"+name, "removed")
			continue
		}
		before, _ := old[name]["schema"].(object)
		after, _ := is["schema"].(object)
		c.schema(path+" ?"+name, before, after)
	}
	for _, name := range slices.Sorted(maps.Keys(now)) {
		if now[name]["required"] == true && old[name]["required"] != true {
			c.broken(path+" ?"+name, "is required now")
		}
	}
}

// content compares the schemas of each media type.
func (c *comparison) content(path string, old, now object) {
	before, _ := old["content"].(object)
	after, _ := now["content"].(object)
	for _, media := range slices.Sorted(maps.Keys(before)) {
		was, _ := before[media].(object)
		is, there := after[media].(object)
		if !there {
			c.broken(path, "%s removed", media)
			continue
		}
		oldSchema, _ := was["schema"].(object)
		newSchema, _ := is["schema"].(object)
		c.schema(path, oldSchema, newSchema)
	}
}
