package template

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// Options say for which account, region and addresses a template is read.
type Options struct {
	// Parameters overrides the defaults of the template's Parameters. A name that the template does not
	// declare is an error.
	Parameters map[string]string
	StackName  string // default "parley"; becomes part of generated names
	Region     string // default us-east-1
	Account    string // default 000000000000
	// AWSEndpoint is the front door's address, http://127.0.0.1:4566. Queue URLs start with it, and it takes the
	// place of https://{api}.execute-api.{region}.amazonaws.com of a WebSocket API, where @connections lives.
	AWSEndpoint string
	// SocketURL takes the place of wss://{api}.execute-api.{region}.amazonaws.com, HTTPURL that of the https form
	// of an HTTP API. Empty ones leave AWS's addresses.
	SocketURL string
	HTTPURL   string
	// Dynamic answers dynamic references ("ssm:/chat/key", "secretsmanager:..."). Without it, or when it
	// answers false, a reference is an error.
	Dynamic func(reference string) (string, bool)
}

func (o Options) withDefaults() Options {
	for _, d := range []struct {
		field *string
		value string
	}{{&o.StackName, "parley"}, {&o.Region, "us-east-1"}, {&o.Account, "000000000000"}, {&o.AWSEndpoint, "http://127.0.0.1:4566"}} {
		if *d.field == "" {
			*d.field = d.value
		}
	}
	o.AWSEndpoint = strings.TrimSuffix(o.AWSEndpoint, "/")
	o.SocketURL = strings.TrimSuffix(o.SocketURL, "/")
	o.HTTPURL = strings.TrimSuffix(o.HTTPURL, "/")
	return o
}

// Error is one thing that is wrong with a template.
type Error struct {
	File    string
	Line    int
	Path    string // Resources.ChatTable.Properties.TableNam
	Message string
}

func (e *Error) Error() string {
	where := fmt.Sprintf("%s:%d", e.File, e.Line)
	if e.Path == "" {
		return where + ": " + e.Message
	}
	return where + ": " + e.Path + ": " + e.Message
}

// Errors is everything that is wrong with a template, in the order of its lines.
type Errors []*Error

func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As find each Error.
func (e Errors) Unwrap() []error {
	all := make([]error, len(e))
	for i, one := range e {
		all[i] = one
	}
	return all
}

// Load reads the template at path. The error is Errors when the template is at fault: it then holds all that was
// found, not only the first.
func Load(path string, opts Options) (*Plan, error) {
	source, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, source, opts)
}

// Parse reads a template that is already in memory; path names it in errors and is where nested templates and
// includes are looked up.
func Parse(path string, source []byte, opts Options) (*Plan, error) {
	l := newLoader(path, opts.withDefaults())
	plan := l.load(source)
	if errs := l.sortedErrors(); len(errs) > 0 {
		return nil, errs
	}
	return plan, nil
}

// loader holds what one template has been read to so far.
type loader struct {
	opts       Options
	path       string
	parameters map[string]*node
	mappings   *node
	conditions map[string]*condition

	resources []*resource // in the order of the template, after SAM's expansion
	byID      map[string]*resource
	absent    map[string]bool // resources whose condition does not hold
	unknown   map[string]bool // resources of a type that was reported: references to them are not reported again
	// derived maps SAM's referable properties to what they generate: "SocketFn.Alias" → "SocketFnAliaslive".
	derived map[string]string

	plan  *Plan
	errs  Errors
	known map[Error]bool    // what errs holds, since Globals would repeat an error for every function
	addrs *strings.Replacer // AWS's addresses of the APIs → ours
}

// resource is one resource after SAM's expansion.
type resource struct {
	id, typ string
	props   *node
	place   *node
	depends *node
	notes   *node  // its Metadata
	naming  bool   // its name is being resolved: guards against cycles
	name    string // once resolved
}

func newLoader(path string, opts Options) *loader {
	return &loader{
		opts: opts, path: path,
		parameters: map[string]*node{}, conditions: map[string]*condition{},
		byID: map[string]*resource{}, derived: map[string]string{},
		absent: map[string]bool{}, unknown: map[string]bool{},
		plan: &Plan{Outputs: map[string]string{}}, known: map[Error]bool{},
	}
}

// fail records an error at the place of n.
func (l *loader) fail(n *node, format string, args ...any) {
	l.failed(n.line, n.path, n.file, format, args...)
}

func (l *loader) failed(line int, path, file, format string, args ...any) {
	line = max(line, 1) // what is absent has no line: the template as a whole lacks it
	where := l.path
	if file != "" {
		where = filepath.Join(filepath.Dir(l.path), file)
	}
	e := Error{where, line, path, fmt.Sprintf(format, args...)}
	if !l.known[e] {
		l.known[e] = true
		l.errs = append(l.errs, &e)
	}
}

func (l *loader) warn(n *node, format string, args ...any) {
	l.plan.Warnings = append(l.plan.Warnings, fmt.Sprintf("%s:%d: %s", l.path, n.line, fmt.Sprintf(format, args...)))
}

func (l *loader) sortedErrors() Errors {
	sort.SliceStable(l.errs, func(i, j int) bool { return l.errs[i].Line < l.errs[j].Line })
	return l.errs
}

// load runs the stages. Cross references are checked only in a template that is otherwise sound: else the checks
// would report what merely follows from an earlier mistake.
func (l *loader) load(source []byte) *Plan {
	p := &parser{failed: l.failed}
	root, err := p.parse(source)
	if err != nil {
		l.failed(1, "", "", "%v", err)
		return nil
	}
	root = l.include(root)
	l.readTop(root)
	l.readResources(root)
	l.linkAddresses()
	l.buildPlan()
	l.readOutputs(root)
	if len(l.errs) == 0 {
		l.check()
	}
	return l.plan
}

// readTop reads all sections but Resources and Outputs.
func (l *loader) readTop(root *node) {
	top := l.object(root, "a template")
	top.drop("AWSTemplateFormatVersion", "Description", "Metadata", "Globals", "Resources", "Outputs")
	l.readTransform(top.get("Transform"))
	l.readParameters(top.get("Parameters"))
	l.mappings = top.get("Mappings")
	l.readConditions(top.get("Conditions"))
	top.done()
}

func (l *loader) readTransform(n *node) {
	if n == nil {
		return
	}
	names := []*node{n}
	if n.kind == list {
		names = n.item
	}
	for _, name := range names {
		if name.text != "AWS::Serverless-2016-10-31" {
			l.fail(name, "transform %q is not supported", name.text)
		}
	}
}

func (l *loader) readOutputs(root *node) {
	outputs := l.object(root.get("Outputs"), "Outputs")
	for _, e := range outputs.n.keys {
		o := l.object(e.val, "an output")
		o.drop("Description", "Export")
		value, cond := o.need("Value"), o.get("Condition")
		o.done()
		if value == nil || (cond != nil && !l.holds(cond)) {
			continue
		}
		if v := l.resolve(value); v.isText() && !v.bad {
			l.plan.Outputs[e.name] = v.text
		}
	}
}
