package template

import (
	"os"
	"strings"
)

// readFile parses a file that the template names, relative to the template; nil when it cannot be read.
func (l *loader) readFile(place *node, name string) *node {
	source, err := os.ReadFile(l.local(name))
	if err != nil {
		l.fail(place, "%v", err)
		return nil
	}
	p := &parser{file: name, failed: l.failed}
	root, err := p.parse(source)
	if err != nil {
		l.fail(place, "%s: %v", name, err)
		return nil
	}
	return root
}

// include replaces every {"Fn::Transform": {"Name": "AWS::Include", ...}} by the file that it names. Beside other
// keys of a map, the keys of the file are added to them.
func (l *loader) include(n *node) *node {
	switch n.kind {
	case null, text:
	case list:
		for i, item := range n.item {
			n.item[i] = l.include(item)
		}
	case dict:
		var keys []entry
		for _, e := range n.keys {
			if e.name != "Fn::Transform" {
				keys = append(keys, entry{e.name, e.line, l.include(e.val)})
				continue
			}
			keys = append(keys, l.included(e.val).entries()...)
		}
		n.keys = keys
	case intrinsic:
		if n.fn == "Fn::Transform" {
			return l.included(n.arg)
		}
		n.arg = l.include(n.arg)
	}
	return n
}

// included reads the file of one AWS::Include; an empty map when it cannot.
func (l *loader) included(n *node) *node {
	o := l.object(n, "Fn::Transform")
	if name := o.needStr("Name"); name != "" && name != "AWS::Include" {
		l.fail(n, "transform %q is not supported", name)
	}
	parameters := l.object(o.need("Parameters"), "the parameters of AWS::Include")
	location := parameters.needStr("Location")
	parameters.done()
	o.done()
	if location == "" || strings.Contains(location, "://") {
		l.fail(n, "AWS::Include needs the path of a local file")
		return n.at(dict)
	}
	root := l.readFile(n, location)
	if root == nil {
		return n.at(dict)
	}
	// AWS::Include takes no short forms (CloudFormation user guide, "AWS::Include transform", remarks).
	anyNode(root, func(m *node) bool {
		if m.short {
			l.fail(m, "AWS::Include does not support the short form of %s", m.fn)
		}
		return false
	})
	return root
}
