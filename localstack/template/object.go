package template

import (
	"encoding/json"
	"math"
	"strconv"
	"time"
)

// object reads the keys of a dict strictly: whatever was not asked for is an error when done.
type object struct {
	l    *loader
	n    *node
	what string
	used map[string]bool
	// absent objects have no required keys: either nothing asks for them, or their absence has been reported.
	absent bool
}

// object wraps n, which may be nil (an absent, empty object).
func (l *loader) object(n *node, what string) *object {
	o := &object{l: l, n: n, what: what, used: map[string]bool{}}
	switch {
	case n == nil:
		o.n, o.absent = &node{kind: dict}, true
	case n.kind == null:
		o.n = n.at(dict)
	case n.kind != dict:
		if !n.bad {
			l.fail(n, "%s must be a map", what)
		}
		o.n, o.absent = n.at(dict), true
	}
	return o
}

// get returns the value of a key; nil when it is absent, null or already reported as wrong.
func (o *object) get(name string) *node {
	o.used[name] = true
	if v := o.n.get(name); v != nil && v.kind != null && !v.bad {
		return v
	}
	return nil
}

// need is get for a required key.
func (o *object) need(name string) *node {
	v := o.get(name)
	if written := o.n.get(name); v == nil && !o.absent && (written == nil || !written.bad) {
		o.l.fail(o.n, "%s needs %s", o.what, name)
	}
	return v
}

// drop marks keys as known and of no consequence locally.
func (o *object) drop(names ...string) {
	for _, name := range names {
		o.used[name] = true
	}
}

// refuse reports a key that is known but not supported, with the reason.
func (o *object) refuse(name, why string) {
	if v := o.get(name); v != nil {
		o.l.fail(v, "%s", why)
	}
}

// done reports every key that was not asked for.
func (o *object) done() {
	for _, e := range o.n.keys {
		if !o.used[e.name] {
			o.l.failed(e.line, e.val.path, e.val.file, "unknown property %q of %s", e.name, o.what)
		}
	}
}

// str reads a string; numbers and booleans count, as in CloudFormation.
func (o *object) str(name, fallback string) string {
	v := o.get(name)
	if v == nil {
		return fallback
	}
	if !v.isText() {
		o.l.fail(v, "must be a string")
		return fallback
	}
	return v.text
}

// needStr is str for a required key.
func (o *object) needStr(name string) string {
	o.need(name)
	return o.str(name, "")
}

// oneOf reads a string out of a fixed set.
func (o *object) oneOf(name, fallback string, allowed ...string) string {
	got := o.str(name, fallback)
	for _, a := range allowed {
		if got == a {
			return got
		}
	}
	if got != fallback {
		o.l.fail(o.n.get(name), "%q is not one of %q", got, allowed)
	}
	return fallback
}

// int reads a whole number between low and high.
func (o *object) int(name string, fallback, low, high int) int {
	v := o.get(name)
	if v == nil {
		return fallback
	}
	f, ok := number(v)
	if !ok || f != math.Trunc(f) || f < float64(low) || f > float64(high) {
		o.l.fail(v, "must be a whole number from %d to %d", low, high)
		return fallback
	}
	return int(f)
}

// float reads a number of at least 0.
func (o *object) float(name string) float64 {
	v := o.get(name)
	if v == nil {
		return 0
	}
	f, ok := number(v)
	if !ok || f < 0 || math.IsInf(f, 0) || math.IsNaN(f) {
		o.l.fail(v, "must be a number of at least 0")
		return 0
	}
	return f
}

func number(v *node) (float64, bool) {
	if !v.isText() {
		return 0, false
	}
	f, err := strconv.ParseFloat(v.text, 64)
	return f, err == nil
}

// seconds reads a whole number of seconds.
func (o *object) seconds(name string, fallback, low, high int) time.Duration {
	return time.Duration(o.int(name, fallback, low, high)) * time.Second
}

func (o *object) bool(name string, fallback bool) bool {
	v := o.get(name)
	if v == nil {
		return fallback
	}
	if v.isText() && (v.text == "true" || v.text == "false") {
		return v.text == "true"
	}
	o.l.fail(v, "must be true or false")
	return fallback
}

// strs reads a list of strings. One string stands for a list of itself, as in IAM policies.
func (o *object) strs(name string) []string {
	v := o.get(name)
	if v == nil {
		return nil
	}
	if v.isText() {
		return []string{v.text}
	}
	return o.l.texts(v)
}

// texts reads a list of strings.
func (l *loader) texts(v *node) []string {
	var all []string
	for _, item := range l.items(v) {
		if !item.isText() {
			l.fail(item, "must be a string")
			continue
		}
		all = append(all, item.text)
	}
	return all
}

// items returns the elements of a list; nil is an empty list.
func (l *loader) items(v *node) []*node {
	if v == nil {
		return nil
	}
	if v.kind != list {
		l.fail(v, "must be a list")
		return nil
	}
	return v.item
}

// list reads a list of anything.
func (o *object) list(name string) []*node { return o.l.items(o.get(name)) }

// json reads a string that holds JSON, as schedules and filters do; nil when absent.
func (o *object) json(name string) json.RawMessage {
	v := o.get(name)
	if v == nil {
		return nil
	}
	if !v.isText() || !json.Valid([]byte(v.text)) {
		o.l.fail(v, "must be a string that holds JSON")
		return nil
	}
	return json.RawMessage(v.text)
}
