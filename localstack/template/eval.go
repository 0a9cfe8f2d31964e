package template

import (
	"encoding/base64"
	"regexp"
	"strconv"
	"strings"
)

// resolve evaluates every intrinsic in n; nil stands for AWS::NoValue. Failures are reported and leave a bad node.
func (l *loader) resolve(n *node) *node { return l.eval(n, true) }

// reduce evaluates what depends on parameters, mappings and conditions only, and leaves references to resources:
// this is what SAM's expansion sees.
func (l *loader) reduce(n *node) *node { return l.eval(n, false) }

func (l *loader) eval(n *node, final bool) *node {
	if n == nil {
		return nil
	}
	switch n.kind {
	case null:
	case text:
		if final {
			return l.finish(n)
		}
	case list:
		made := *n
		made.item = nil
		for _, item := range n.item {
			if v := l.eval(item, final); v != nil {
				made.item = append(made.item, v)
			}
		}
		return &made
	case dict:
		made := *n
		made.keys = nil
		for _, e := range n.keys {
			if v := l.eval(e.val, final); v != nil {
				made.keys = append(made.keys, entry{e.name, e.line, v})
			}
		}
		return &made
	case intrinsic:
		return l.call(n, final)
	}
	return n
}

// functions are the intrinsics with eager arguments.
var functions = map[string]func(*loader, *node, *node) *node{
	"Fn::Join": (*loader).join, "Fn::Select": (*loader).choose, "Fn::Split": (*loader).split, "Fn::Base64": (*loader).base64,
	"Fn::FindInMap": (*loader).findInMap,
}

// call evaluates an intrinsic.
func (l *loader) call(n *node, final bool) *node {
	switch n.fn {
	case "Ref":
		return l.ref(n, final)
	case "Fn::GetAtt":
		return l.getAtt(n, final)
	case "Fn::Sub":
		return l.sub(n, final)
	case "Fn::If":
		return l.choice(n, final)
	case "Fn::ImportValue":
		return l.broken(n, "Fn::ImportValue needs another stack's exports, which do not exist locally")
	case "Fn::Equals", "Fn::And", "Fn::Or", "Fn::Not", "Condition":
		return l.broken(n, "%s may stand in Conditions only", n.fn)
	}
	f, known := functions[n.fn]
	if !known {
		return l.broken(n, "intrinsic function %s is not supported", n.fn)
	}
	arg := l.eval(n.arg, final)
	if arg == nil {
		return l.broken(n, "%s of AWS::NoValue", n.fn)
	}
	if anyNode(arg, func(m *node) bool { return m.bad }) {
		return broken(n)
	}
	if anyNode(arg, func(m *node) bool { return m.kind == intrinsic }) {
		return n.fnNode(n.fn, arg)
	}
	return l.settle(n, f(l, n, arg), final)
}

// settle gives the value of an intrinsic the place of the intrinsic.
func (l *loader) settle(n, v *node, final bool) *node {
	if v == nil {
		return nil
	}
	made := *v
	made.line, made.path, made.file, made.computed = n.line, n.path, n.file, true
	if final && made.kind == text && !made.bad {
		return l.finish(&made)
	}
	return &made
}

// broken reports a failure and returns a bad node in place of the value.
func (l *loader) broken(n *node, format string, args ...any) *node {
	l.fail(n, format, args...)
	return broken(n)
}

func broken(n *node) *node {
	made := n.str("")
	made.bad = true
	return made
}

// anyNode reports whether any node under n fulfils the condition.
func anyNode(n *node, is func(*node) bool) bool {
	if is(n) {
		return true
	}
	for _, item := range n.item {
		if anyNode(item, is) {
			return true
		}
	}
	for _, e := range n.keys {
		if anyNode(e.val, is) {
			return true
		}
	}
	return false
}

var dynamicReference = regexp.MustCompile(`\{\{resolve:([^{}]*)\}\}`)

// finish does what concerns every string in the end: dynamic references, and AWS's addresses of the APIs, which
// become the local ones.
func (l *loader) finish(n *node) *node {
	if n.tag != "str" || n.bad {
		return n
	}
	s, ok := n.text, true
	s = dynamicReference.ReplaceAllStringFunc(s, func(found string) string {
		reference := dynamicReference.FindStringSubmatch(found)[1]
		if l.opts.Dynamic != nil {
			if v, known := l.opts.Dynamic(reference); known {
				return v
			}
		}
		l.fail(n, "dynamic reference %q has no local value", reference)
		ok = false
		return ""
	})
	if !ok {
		return broken(n)
	}
	if l.addrs != nil {
		s = l.addrs.Replace(s)
	}
	if s == n.text {
		return n
	}
	made := *n
	made.text = s
	return &made
}

func (l *loader) ref(n *node, final bool) *node {
	if !n.arg.isText() {
		return l.broken(n, "Ref needs the name of a parameter or resource")
	}
	name := n.arg.text
	if name == "AWS::NoValue" {
		return nil
	}
	if v, ok := l.pseudo(name); ok {
		return l.settle(n, n.str(v), final)
	}
	if p, ok := l.parameters[name]; ok {
		return l.settle(n, p, final)
	}
	if !final {
		return n
	}
	v, problem := l.refValue(name)
	if problem != "" {
		return l.broken(n, "%s", problem)
	}
	return l.settle(n, n.str(v), final)
}

// pseudo returns the value of a pseudo parameter.
func (l *loader) pseudo(name string) (string, bool) {
	v, ok := map[string]string{
		"AWS::Region": l.opts.Region, "AWS::AccountId": l.opts.Account, "AWS::StackName": l.opts.StackName,
		"AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com",
		"AWS::StackId": "arn:aws:cloudformation:" + l.opts.Region + ":" + l.opts.Account + ":stack/" + l.opts.StackName + "/local",
	}[name]
	return v, ok
}

func (l *loader) getAtt(n *node, final bool) *node {
	arg := n.arg
	if arg.isText() {
		id, attribute, _ := strings.Cut(arg.text, ".")
		arg = arg.seq(arg.str(id), arg.str(attribute))
	}
	if arg.kind != list || len(arg.item) != 2 || !arg.item[0].isText() {
		return l.broken(n, "Fn::GetAtt needs a resource and an attribute")
	}
	attribute := l.eval(arg.item[1], final)
	if !final {
		return n
	}
	if !attribute.isText() {
		return l.broken(n, "Fn::GetAtt needs a resource and an attribute")
	}
	v, problem := l.attribute(arg.item[0].text, attribute.text)
	if problem != "" {
		return l.broken(n, "%s", problem)
	}
	return l.settle(n, n.str(v), final)
}

var variable = regexp.MustCompile(`\$\{([^{}]*)\}`)

func (l *loader) sub(n *node, final bool) *node {
	format, vars := n.arg, (*node)(nil)
	if format.kind == list && len(format.item) == 2 {
		format, vars = n.arg.item[0], n.arg.item[1]
	}
	if !format.isText() || (vars != nil && vars.kind != dict) {
		return l.broken(n, "Fn::Sub needs a string, or a string and a map")
	}
	open, bad := false, false
	made := variable.ReplaceAllStringFunc(format.text, func(found string) string {
		name := strings.TrimSpace(found[2 : len(found)-1])
		if literal, ok := strings.CutPrefix(name, "!"); ok {
			return "${" + literal + "}"
		}
		v := l.variable(format, vars, name, final)
		switch {
		case v == nil, v.bad:
			bad = true
		case v.kind == intrinsic:
			open = true
		case v.kind != text:
			l.fail(format, "${%s} is not a string", name)
			bad = true
		default:
			return v.text
		}
		return ""
	})
	switch {
	case bad:
		return broken(n)
	case open:
		return n
	}
	return l.settle(n, n.str(made), final)
}

// variable evaluates ${name} of Fn::Sub: its own variables first, then a parameter or resource, or an attribute.
func (l *loader) variable(place, vars *node, name string, final bool) *node {
	if v := vars.get(name); v != nil {
		return l.eval(v, final)
	}
	if _, ok := l.derived[name]; ok || !strings.Contains(name, ".") {
		v := l.eval(place.ref(name), final)
		if v == nil {
			l.fail(place, "${%s} has no value", name)
		}
		return v
	}
	id, attribute, _ := strings.Cut(name, ".")
	return l.eval(place.getAtt(id, attribute), final)
}

func (l *loader) choice(n *node, final bool) *node {
	if n.arg.kind != list || len(n.arg.item) != 3 || !n.arg.item[0].isText() {
		return l.broken(n, "Fn::If needs a condition and two values")
	}
	branch := n.arg.item[2]
	if l.holds(n.arg.item[0]) {
		branch = n.arg.item[1]
	}
	v := l.eval(branch, final)
	if v == nil || v.kind == intrinsic {
		return v
	}
	made := *v
	made.computed = true
	return &made
}

func (l *loader) join(n, arg *node) *node {
	if arg.kind != list || len(arg.item) != 2 || !arg.item[0].isText() || arg.item[1].kind != list {
		return l.broken(n, "Fn::Join needs a separator and a list")
	}
	return n.str(strings.Join(l.texts(arg.item[1]), arg.item[0].text))
}

func (l *loader) split(n, arg *node) *node {
	if arg.kind != list || len(arg.item) != 2 || !arg.item[0].isText() || !arg.item[1].isText() || arg.item[0].text == "" {
		return l.broken(n, "Fn::Split needs a separator and a string")
	}
	made := n.seq()
	for _, part := range strings.Split(arg.item[1].text, arg.item[0].text) {
		made.item = append(made.item, n.str(part))
	}
	return made
}

func (l *loader) choose(n, arg *node) *node {
	if arg.kind != list || len(arg.item) != 2 || !arg.item[0].isText() || arg.item[1].kind != list {
		return l.broken(n, "Fn::Select needs an index and a list")
	}
	i, err := strconv.Atoi(arg.item[0].text)
	if err != nil || i < 0 || i >= len(arg.item[1].item) {
		return l.broken(n, "Fn::Select: no element %q in a list of %d", arg.item[0].text, len(arg.item[1].item))
	}
	return arg.item[1].item[i]
}

func (l *loader) base64(n, arg *node) *node {
	if !arg.isText() {
		return l.broken(n, "Fn::Base64 needs a string")
	}
	return n.str(base64.StdEncoding.EncodeToString([]byte(arg.text)))
}

func (l *loader) findInMap(n, arg *node) *node {
	if arg.kind != list || len(arg.item) != 3 {
		return l.broken(n, "Fn::FindInMap needs a map and two keys")
	}
	found := l.mappings
	for _, key := range arg.item {
		if !key.isText() || found == nil || found.kind != dict {
			return l.broken(n, "Fn::FindInMap needs a map and two keys")
		}
		next := found.get(key.text)
		if next == nil {
			return l.broken(n, "Fn::FindInMap: no key %q", key.text)
		}
		found = next
	}
	return found
}
