package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"

	"github.com/invopop/jsonschema"
)

// components gathers schemas that share their named types: the definitions of each become components.
type components struct {
	schemas schemas
	found   map[string]*jsonschema.Schema
}

func newComponents(s schemas) *components {
	return &components{schemas: s, found: map[string]*jsonschema.Schema{}}
}

// add takes a complete schema apart and returns a reference to it.
func (c *components) add(name string, s *jsonschema.Schema) object {
	maps.Copy(c.found, s.Definitions)
	s.Definitions, s.Version = nil, ""
	c.found[name] = s
	return ref("#/components/schemas/" + name)
}

// object returns the components in the order of their names.
func (c *components) object() object {
	var out object
	for _, name := range slices.Sorted(maps.Keys(c.found)) {
		out = append(out, member{name, c.found[name]})
	}
	return out
}

// relocated writes a document with its references to definitions turned into references to components.
func relocated(doc object) json.RawMessage {
	return bytes.ReplaceAll(pretty(doc), []byte(`"#/$defs/`), []byte(`"#/components/schemas/`))
}
