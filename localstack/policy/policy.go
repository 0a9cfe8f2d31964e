// Package policy evaluates the inline statements of functions' roles, so that a function that is not allowed to do
// what it does fails locally as it would on AWS. It knows what IAM knows of identity-based policies: Effect, Action
// and Resource with wildcards, and conditions on the leading keys of DynamoDB items. A statement with a condition that
// it cannot evaluate is refused when the stack starts, and never ignored.
package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/parley-chat/parley/localstack/template"
)

// Verdict is the outcome of an evaluation.
type Verdict byte

// The verdicts. A missing permission and an explicit Deny are told apart, as in AWS's messages.
const (
	NotAllowed Verdict = iota // no statement allows it
	Denied                    // a statement denies it
	Allowed
	conditional // it depends on the request; never leaves this package
)

// Set holds the statements of all functions. It is safe for concurrent use.
type Set struct {
	functions map[string][]statement
	cache     sync.Map // question → Verdict
}

// question is what is cached. There are as many as functions × actions × resources, all of which the template bounds:
// the caller must not put request ids or connection ids into resources.
type question struct{ function, action, resource string }

type statement struct {
	deny       bool
	actions    []string // lower case
	resources  []string
	conditions []condition
}

// Compile prepares the statements of functions, by their logical ids. It reports every condition that it does not know.
func Compile(functions []template.Function) (*Set, error) {
	s := &Set{functions: make(map[string][]statement, len(functions))}
	var problems []error
	for _, f := range functions {
		for i, written := range f.Statements {
			compiled, err := compile(written)
			if err != nil {
				problems = append(problems, fmt.Errorf("%s, statement %d: %w", f.LogicalID, i, err))
			}
			s.functions[f.LogicalID] = append(s.functions[f.LogicalID], compiled)
		}
	}
	return s, errors.Join(problems...)
}

func compile(written template.Statement) (statement, error) {
	made := statement{deny: written.Effect == "Deny", resources: written.Resources}
	if written.Effect != "Allow" && written.Effect != "Deny" {
		return made, fmt.Errorf("effect %q", written.Effect)
	}
	for _, a := range written.Actions {
		made.actions = append(made.actions, strings.ToLower(a))
	}
	conditions, err := compileConditions(written.Condition)
	made.conditions = conditions
	return made, err
}

// Decide says whether a function may perform an action on a resource. leading returns the partition keys that the
// request names; it is called only when a statement that applies has a condition on them, and may be nil.
func (s *Set) Decide(function, action, resource string, leading func() []string) Verdict {
	q := question{function, action, resource}
	cached, ok := s.cache.Load(q)
	if !ok {
		cached = settle(s.functions[function], action, resource)
		s.cache.Store(q, cached)
	}
	verdict := cached.(Verdict)
	if verdict != conditional {
		return verdict
	}
	var keys []string
	if leading != nil {
		keys = leading()
	}
	return evaluate(s.functions[function], action, resource, keys)
}

// IsAllowed evaluates statements directly, without a request's keys: a condition on them does not hold, unless it
// holds for no key at all. It is meant for tests and tools. A statement that cannot be compiled allows nothing.
func IsAllowed(statements []template.Statement, action, resource string) bool {
	compiled := make([]statement, 0, len(statements))
	for _, written := range statements {
		one, err := compile(written)
		if err != nil {
			return false
		}
		compiled = append(compiled, one)
	}
	return evaluate(compiled, action, resource, nil) == Allowed
}

func (st *statement) applies(action, resource string) bool {
	return anyMatch(st.actions, strings.ToLower(action)) && anyMatch(st.resources, resource)
}

func anyMatch(patterns []string, s string) bool {
	for _, p := range patterns {
		if Match(p, s) {
			return true
		}
	}
	return false
}

// settle decides what can be decided without the request.
func settle(statements []statement, action, resource string) Verdict {
	verdict, depends := NotAllowed, false
	for i := range statements {
		st := &statements[i]
		switch {
		case !st.applies(action, resource):
		case len(st.conditions) > 0:
			depends = true
		case st.deny:
			return Denied
		default:
			verdict = Allowed
		}
	}
	if depends {
		return conditional
	}
	return verdict
}

// evaluate decides for one request. Deny wins over any Allow.
func evaluate(statements []statement, action, resource string, leading []string) Verdict {
	verdict := NotAllowed
	for i := range statements {
		st := &statements[i]
		if !st.applies(action, resource) || !st.holds(leading) {
			continue
		}
		if st.deny {
			return Denied
		}
		verdict = Allowed
	}
	return verdict
}

// holds reports whether all conditions hold.
func (st *statement) holds(leading []string) bool {
	for _, c := range st.conditions {
		if !c.holds(leading) {
			return false
		}
	}
	return true
}

// condition compares the leading keys of a request.
type condition struct {
	quantifier string // "", ForAllValues or ForAnyValue
	like       bool
	values     []string
}

// leadingKeys is the only condition key that the local stack knows (DynamoDB developer guide, "Using IAM policy
// conditions for fine-grained access control").
const leadingKeys = "dynamodb:LeadingKeys"

func compileConditions(written json.RawMessage) ([]condition, error) {
	if len(written) == 0 {
		return nil, nil
	}
	var operators map[string]map[string]any
	if err := json.Unmarshal(written, &operators); err != nil {
		return nil, fmt.Errorf("condition: %w", err)
	}
	var made []condition
	for operator, keys := range operators {
		quantifier, comparison, quantified := strings.Cut(operator, ":")
		if !quantified {
			quantifier, comparison = "", operator
		}
		known := comparison == "StringEquals" || comparison == "StringLike"
		if !known || (quantifier != "" && quantifier != "ForAllValues" && quantifier != "ForAnyValue") {
			return nil, fmt.Errorf("the local stack cannot evaluate the condition operator %q", operator)
		}
		for key, value := range keys {
			if !strings.EqualFold(key, leadingKeys) {
				return nil, fmt.Errorf("the local stack cannot evaluate the condition key %q", key)
			}
			values, err := texts(value)
			if err != nil {
				return nil, err
			}
			made = append(made, condition{quantifier, comparison == "StringLike", values})
		}
	}
	return made, nil
}

// texts reads a condition's value: a string or a list of strings.
func texts(value any) ([]string, error) {
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	var made []string
	for _, v := range list {
		s, ok := v.(string)
		if !ok {
			return nil, fmt.Errorf("condition value %v is not a string", v)
		}
		made = append(made, s)
	}
	return made, nil
}

// holds compares. Without a quantifier a key must be there, and each must match: the stricter reading of what IAM
// leaves undefined for several values.
func (c condition) holds(keys []string) bool {
	matched := 0
	for _, k := range keys {
		if c.matches(k) {
			matched++
		}
	}
	switch c.quantifier {
	case "ForAnyValue":
		return matched > 0
	case "ForAllValues":
		return matched == len(keys)
	}
	return len(keys) > 0 && matched == len(keys)
}

func (c condition) matches(key string) bool {
	for _, v := range c.values {
		if v == key || (c.like && Match(v, key)) {
			return true
		}
	}
	return false
}
