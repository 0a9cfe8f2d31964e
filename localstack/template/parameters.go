package template

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// readParameters settles every parameter: the caller's value, else the default.
func (l *loader) readParameters(n *node) {
	declared := l.object(n, "Parameters")
	for _, e := range declared.n.keys {
		l.parameters[e.name] = l.parameter(e.name, l.object(e.val, "a parameter"))
	}
	names := make([]string, 0, len(l.opts.Parameters))
	for name := range l.opts.Parameters {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if _, ok := l.parameters[name]; !ok {
			l.fail(declared.n, "parameter %q is not declared", name)
		}
	}
}

func (l *loader) parameter(name string, o *object) *node {
	typ, value := o.needStr("Type"), o.get("Default")
	given, overridden := l.opts.Parameters[name]
	if overridden {
		value = o.n.str(given)
	}
	limits := parameterLimits{
		allowed: o.strs("AllowedValues"), pattern: o.str("AllowedPattern", ""),
		explain: o.str("ConstraintDescription", ""),
		low:     o.get("MinValue"), high: o.get("MaxValue"), shortest: o.int("MinLength", 0, 0, 4096), longest: o.int("MaxLength", 4096, 0, 4096),
	}
	o.bool("NoEcho", false)
	o.drop("Description")
	o.done()
	switch {
	case value == nil:
		return l.broken(o.n, "parameter %s has no default and no value was given", name)
	case !value.isText():
		return l.broken(value, "a parameter's value must be a string or number")
	case strings.HasPrefix(typ, "AWS::SSM::Parameter::Value") && !overridden:
		return l.broken(o.n, "parameter %s is read from SSM: give its value", name)
	}
	value = value.str(value.text)
	switch typ {
	case "CommaDelimitedList", "List<Number>", "List<String>":
		return l.parameterList(name, typ, value, limits)
	case "Number":
		if _, ok := number(value); !ok {
			return l.broken(value, "parameter %s must be a number, not %q", name, value.text)
		}
		value.tag = "float"
	}
	l.withinLimits(name, value, typ == "Number", limits)
	return value
}

func (l *loader) parameterList(name, typ string, value *node, limits parameterLimits) *node {
	made := value.seq()
	if value.text == "" {
		return made
	}
	for _, part := range strings.Split(value.text, ",") {
		one := value.str(strings.TrimSpace(part))
		if _, ok := number(one); typ == "List<Number>" && !ok {
			return l.broken(value, "parameter %s must be a list of numbers", name)
		}
		l.withinLimits(name, one, false, limits)
		made.item = append(made.item, one)
	}
	return made
}

type parameterLimits struct {
	allowed           []string
	pattern, explain  string
	low, high         *node
	shortest, longest int
}

func (l *loader) withinLimits(name string, value *node, numeric bool, limits parameterLimits) {
	because := ""
	if limits.explain != "" {
		because = ": " + limits.explain
	}
	if limits.allowed != nil && !slices.Contains(limits.allowed, value.text) {
		l.fail(value, "parameter %s: %q is not one of %q%s", name, value.text, limits.allowed, because)
	}
	if limits.pattern != "" {
		// CloudFormation matches the whole value.
		re, err := regexp.Compile("^(?:" + limits.pattern + ")$")
		if err != nil {
			l.fail(value, "parameter %s: AllowedPattern: %v", name, err)
		} else if !re.MatchString(value.text) {
			l.fail(value, "parameter %s: %q does not match %s%s", name, value.text, limits.pattern, because)
		}
	}
	if size := utf8.RuneCountInString(value.text); !numeric && (size < limits.shortest || size > limits.longest) {
		l.fail(value, "parameter %s must have %d to %d characters%s", name, limits.shortest, limits.longest, because)
	}
	if numeric && (outside(value, limits.low, -1) || outside(value, limits.high, 1)) {
		l.fail(value, "parameter %s: %s is out of range%s", name, value.text, because)
	}
}

// outside reports whether value lies beyond the limit in the given direction.
func outside(value, limit *node, direction float64) bool {
	if limit == nil {
		return false
	}
	edge, err := strconv.ParseFloat(limit.text, 64)
	v, ok := number(value)
	return err == nil && ok && (v-edge)*direction > 0
}

// condition is one entry of Conditions, evaluated when first asked for.
type condition struct {
	n           *node
	busy, ready bool
	value       bool
}

func (l *loader) readConditions(n *node) {
	declared := l.object(n, "Conditions")
	for _, e := range declared.n.keys {
		l.conditions[e.name] = &condition{n: e.val}
	}
	for _, e := range declared.n.keys {
		l.holds(e.val.str(e.name))
	}
}

// holds evaluates the condition that name names.
func (l *loader) holds(name *node) bool {
	c := l.conditions[name.text]
	switch {
	case !name.isText() || c == nil:
		l.fail(name, "condition %q is not declared", name.text)
		return false
	case c.busy:
		l.fail(c.n, "condition %q depends on itself", name.text)
		return false
	case c.ready:
		return c.value
	}
	c.busy = true
	c.value = l.truth(c.n)
	c.busy, c.ready = false, true
	return c.value
}

// truth evaluates a condition function.
func (l *loader) truth(n *node) bool {
	if n.kind == dict && len(n.keys) == 1 && n.keys[0].name == "Condition" {
		return l.holds(n.keys[0].val)
	}
	if n.kind != intrinsic {
		l.fail(n, "a condition must be a condition function")
		return false
	}
	args := n.arg.item
	switch {
	case n.fn == "Condition":
		return l.holds(n.arg)
	case n.fn == "Fn::Equals" && len(args) == 2:
		return l.equal(args[0], args[1])
	case n.fn == "Fn::Not" && len(args) == 1:
		return !l.truth(args[0])
	case n.fn == "Fn::And" && len(args) >= 2 && len(args) <= 10:
		return l.all(args, true)
	case n.fn == "Fn::Or" && len(args) >= 2 && len(args) <= 10:
		return !l.all(args, false)
	}
	l.fail(n, "%s with %d arguments is not a condition", n.fn, len(args))
	return false
}

// all reports whether every argument has the wanted truth. Each is evaluated, so that each is checked.
func (l *loader) all(args []*node, want bool) bool {
	result := true
	for _, a := range args {
		if l.truth(a) != want {
			result = false
		}
	}
	return result
}

func (l *loader) equal(a, b *node) bool {
	x, y := l.reduce(a), l.reduce(b)
	for _, v := range []*node{x, y} {
		if !v.isText() {
			l.fail(a, "Fn::Equals compares strings that depend on parameters and mappings only")
			return false
		}
	}
	return !x.bad && !y.bad && x.text == y.text
}
