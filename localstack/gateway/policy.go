package gateway

import (
	"encoding/json"
	"strings"
)

// policy is the IAM document that an authorizer returns.
type policy struct {
	Statement statements
}

type statements []statement

// UnmarshalJSON accepts one statement in place of a list.
func (s *statements) UnmarshalJSON(b []byte) error { return oneOrMany(b, (*[]statement)(s)) }

type statement struct {
	Effect      string
	Action      patterns
	NotAction   patterns
	Resource    patterns
	NotResource patterns
	Condition   json.RawMessage
}

// patterns are IAM patterns; * stands for any text, ? for one character.
type patterns []string

// UnmarshalJSON accepts one pattern in place of a list.
func (p *patterns) UnmarshalJSON(b []byte) error { return oneOrMany(b, (*[]string)(p)) }

func oneOrMany[T any](b []byte, list *[]T) error {
	if len(b) > 0 && b[0] == '[' {
		return json.Unmarshal(b, list)
	}
	var one T
	if err := json.Unmarshal(b, &one); err != nil {
		return err
	}
	*list = []T{one}
	return nil
}

// check says why a policy cannot be evaluated here, or "".
func (p *policy) check() string {
	for _, s := range p.Statement {
		switch {
		case s.Effect != "Allow" && s.Effect != "Deny":
			return "a statement's Effect is neither Allow nor Deny"
		case len(s.Condition) > 0 && string(s.Condition) != "{}" && string(s.Condition) != "null":
			return "a statement has a Condition, which the local gateway does not evaluate"
		case (s.Action == nil) == (s.NotAction == nil) || (s.Resource == nil) == (s.NotResource == nil):
			return "a statement lacks Action or Resource"
		}
	}
	return ""
}

// allows evaluates the policy: some Allow must match, and no Deny.
func (p *policy) allows(action, resource string) bool {
	allowed := false
	for _, s := range p.Statement {
		if !s.matches(action, resource) {
			continue
		}
		if s.Effect == "Deny" {
			return false
		}
		allowed = true
	}
	return allowed
}

func (s *statement) matches(action, resource string) bool {
	// Actions compare without regard to case, resources with it.
	act := s.Action.lower().match(strings.ToLower(action))
	if s.NotAction != nil {
		act = !s.NotAction.lower().match(strings.ToLower(action))
	}
	res := s.Resource.match(resource)
	if s.NotResource != nil {
		res = !s.NotResource.match(resource)
	}
	return act && res
}

func (p patterns) lower() patterns {
	out := make(patterns, len(p))
	for i, s := range p {
		out[i] = strings.ToLower(s)
	}
	return out
}

func (p patterns) match(s string) bool {
	for _, pattern := range p {
		if wildcard(pattern, s) {
			return true
		}
	}
	return false
}

// wildcard matches in linear time by going back to the last star only.
func wildcard(pattern, s string) bool {
	p, i, star, mark := 0, 0, -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			p++
			i++
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
