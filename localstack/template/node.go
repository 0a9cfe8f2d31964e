package template

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// kind is the shape of a node.
type kind int

const (
	null kind = iota
	text      // any scalar; node.tag tells strings from numbers and booleans
	list
	dict
	intrinsic // {"Ref": x}, {"Fn::Sub": x}, ... in either spelling
)

// node is one value of the template with the place it came from. Values that SAM would generate are nodes too,
// and carry the place of the property that caused them. Nodes are not changed once built.
type node struct {
	kind kind
	text string // of a scalar
	tag  string // of a scalar: "str", "int", "float" or "bool"
	item []*node
	keys []entry
	fn   string // of an intrinsic: "Ref", "Fn::GetAtt", ...
	arg  *node
	line int
	path string // Resources.ChatTable.Properties.TableName
	file string // relative to the template's own directory, "" for the template itself
	// computed is true for what an intrinsic evaluated to: SAM puts a stage name into logical ids only when the
	// template spells it out.
	computed bool
	// short is true for an intrinsic that was written as a tag.
	short bool
	// bad is true for what stands in for a value that could not be evaluated; the error has been reported.
	bad bool
}

type entry struct {
	name string
	line int
	val  *node
}

// get returns the value of a key, nil without one.
func (n *node) get(name string) *node {
	if n == nil {
		return nil
	}
	for _, e := range n.keys {
		if e.name == name {
			return e.val
		}
	}
	return nil
}

// isText reports whether n is a scalar.
func (n *node) isText() bool { return n != nil && n.kind == text }

// at makes a node of the given kind at the place of n.
func (n *node) at(k kind) *node { return &node{kind: k, line: n.line, path: n.path, file: n.file} }

// str makes a string at the place of n.
func (n *node) str(s string) *node {
	made := n.at(text)
	made.text, made.tag = s, "str"
	return made
}

// flag makes a boolean at the place of n.
func (n *node) flag(v bool) *node {
	made := n.at(text)
	made.text, made.tag = fmt.Sprint(v), "bool"
	return made
}

// seq makes a list at the place of n.
func (n *node) seq(items ...*node) *node {
	made := n.at(list)
	made.item = items
	return made
}

// fnNode makes an intrinsic at the place of n.
func (n *node) fnNode(name string, arg *node) *node {
	made := n.at(intrinsic)
	made.fn, made.arg = name, arg
	return made
}

// ref makes {"Ref": id} at the place of n.
func (n *node) ref(id string) *node { return n.fnNode("Ref", n.str(id)) }

// getAtt makes {"Fn::GetAtt": [id, attribute]} at the place of n.
func (n *node) getAtt(id, attribute string) *node {
	return n.fnNode("Fn::GetAtt", n.seq(n.str(id), n.str(attribute)))
}

// with returns a copy of the dict n with one more key; a nil value adds none.
func (n *node) with(name string, val *node) *node {
	made := *n
	made.keys = append([]entry(nil), n.keys...)
	if val != nil {
		made.keys = append(made.keys, entry{name, val.line, val})
	}
	return &made
}

// parser turns YAML nodes into ours and collects what is wrong with them.
type parser struct {
	file   string
	failed func(line int, path, file, format string, args ...any)
}

// parse reads a YAML or JSON document.
func (p *parser) parse(source []byte) (*node, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(source, &doc); err != nil {
		return nil, err
	}
	if len(doc.Content) == 0 {
		return nil, errors.New("the document is empty")
	}
	return p.node(doc.Content[0], ""), nil
}

// yamlTags maps the tags of YAML's core schema to ours. Dates stay strings, as in CloudFormation.
var yamlTags = map[string]string{"!!str": "str", "!!int": "int", "!!float": "float", "!!bool": "bool", "!!timestamp": "str"}

func (p *parser) node(y *yaml.Node, path string) *node {
	n := &node{line: y.Line, path: path, file: p.file}
	switch y.Kind {
	case yaml.ScalarNode:
		n.kind, n.text = text, y.Value
		if y.ShortTag() == "!!null" {
			n.kind = null
		}
	case yaml.SequenceNode:
		n.kind = list
		for i, c := range y.Content {
			n.item = append(n.item, p.node(c, fmt.Sprintf("%s[%d]", path, i)))
		}
	case yaml.MappingNode:
		n.kind = dict
		p.entries(n, y, path)
	default:
		p.failed(y.Line, path, p.file, "aliases are not supported by CloudFormation")
		return n
	}
	return p.tagged(n, y)
}

func (p *parser) entries(n *node, y *yaml.Node, path string) {
	seen := map[string]bool{}
	for i := 0; i+1 < len(y.Content); i += 2 {
		k, v := y.Content[i], y.Content[i+1]
		if k.Kind != yaml.ScalarNode || k.ShortTag() == "!!merge" {
			p.failed(k.Line, path, p.file, "a key must be a plain string (CloudFormation knows no merge keys)")
			continue
		}
		if seen[k.Value] {
			p.failed(k.Line, path, p.file, "key %q appears twice", k.Value)
			continue
		}
		seen[k.Value] = true
		n.keys = append(n.keys, entry{k.Value, k.Line, p.node(v, join(path, k.Value))})
	}
}

// tagged applies the YAML tag: a core type, or the short form of an intrinsic. The long form is recognised too.
func (p *parser) tagged(n *node, y *yaml.Node) *node {
	tag := y.ShortTag()
	if strings.HasPrefix(tag, "!") && !strings.HasPrefix(tag, "!!") {
		made := p.short(n, strings.TrimPrefix(tag, "!"))
		made.short = true
		return made
	}
	if n.kind == text {
		n.tag = yamlTags[tag]
		if n.tag == "" {
			p.failed(n.line, n.path, n.file, "YAML tag %s is not supported by CloudFormation", tag)
			n.tag = "str"
		}
	}
	if n.kind == dict && len(n.keys) == 1 {
		if name := n.keys[0].name; name == "Ref" || strings.HasPrefix(name, "Fn::") {
			return n.fnNode(name, n.keys[0].val)
		}
	}
	return n
}

// short rewrites !Name x to its long form.
func (p *parser) short(n *node, name string) *node {
	if n.kind == null {
		n.kind = text
	}
	if n.kind == text {
		n.tag = "str"
	}
	switch name {
	case "Ref", "Condition":
		return n.fnNode(name, n)
	case "GetAtt":
		if id, attribute, ok := strings.Cut(n.text, "."); ok && n.kind == text {
			return n.getAtt(id, attribute)
		}
	}
	return n.fnNode("Fn::"+name, n)
}

// join appends a key to a path.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// MarshalJSON renders a resolved node with the key order of the template.
func (n *node) MarshalJSON() ([]byte, error) {
	switch n.kind {
	case null:
		return []byte("null"), nil
	case text:
		if n.tag != "str" && json.Valid([]byte(n.text)) {
			return []byte(n.text), nil
		}
		return json.Marshal(n.text)
	case list:
		if n.item == nil {
			return []byte("[]"), nil
		}
		return json.Marshal(n.item)
	case dict:
		return n.marshalKeys()
	case intrinsic:
	}
	return nil, fmt.Errorf("%s: %s is not resolved", n.path, n.fn)
}

func (n *node) marshalKeys() ([]byte, error) {
	out := []byte{'{'}
	for i, e := range n.keys {
		if i > 0 {
			out = append(out, ',')
		}
		name, err := json.Marshal(e.name)
		if err != nil {
			return nil, err
		}
		val, err := json.Marshal(e.val)
		if err != nil {
			return nil, err
		}
		out = append(append(append(out, name...), ':'), val...)
	}
	return append(out, '}'), nil
}
