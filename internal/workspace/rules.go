package workspace

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/parley-chat/parley/internal/chat"
)

// Limits of automation.
const (
	// MaxRules is how many automation rules a workspace has.
	MaxRules = 100
	// MaxConditions is how many conditions a rule has, MaxSteps how many steps a macro.
	MaxConditions = 20
	MaxSteps      = 10
	// MaxValue is the longest value of a condition or a step, in bytes.
	MaxValue = 2000
)

// Rule is an automation: when an event comes and every condition holds, the steps are taken in order.
type Rule struct {
	Meta
	// Name is 1 to 100 bytes.
	Name string `json:"name"`
	// Enabled rules act; others can be tried out by a dry run.
	Enabled bool `json:"enabled"`
	// Order of the rules that wait for the same type of event, lowest first: 0 to 1000. Equal ones go by id, so by age.
	Order int `json:"order"`
	// On is the type of event that it waits for.
	On chat.EventType `json:"on"`
	// Conditions must all hold, at most 20; none holds always.
	Conditions []Condition `json:"conditions,omitempty"`
	// Steps are taken in order, 1 to 10.
	Steps []Step `json:"steps"`
}

// Condition compares a fact with a value.
type Condition struct {
	// Fact is what it looks at: text, role (of the sender), reason or score of the event; status, department (its id),
	// priority, tags or page (where the customer began) of the conversation, or "field.<name>", one of its fields; open
	// ("true" within business hours) or returning ("true" for a customer who was here before).
	Fact Fact `json:"fact"`
	// Op is how it compares: texts without regard to case, at_least and at_most as numbers. Of several tags one that
	// fits is enough.
	Op Op `json:"op"`
	// Value to compare with, 1 to 2000 bytes; none with set and not_set.
	Value string `json:"value,omitempty"`
}

// Fact is what a condition may look at.
type Fact string

// The facts. Fields of the conversation are facts too: "field.<name>".
const (
	FactText       Fact = "text"       // of the event
	FactRole       Fact = "role"       // of the event's sender
	FactReason     Fact = "reason"     // of the event
	FactStatus     Fact = "status"     // of the conversation
	FactDepartment Fact = "department" // its id
	FactPriority   Fact = "priority"
	FactTags       Fact = "tags"
	FactPage       Fact = "page" // where the customer started
	FactScore      Fact = "score"
	FactOpen       Fact = "open" // "true" within business hours
	FactReturning  Fact = "returning"
	factField           = "field."
)

// Facts lists the fixed facts.
func Facts() []Fact {
	return []Fact{FactText, FactRole, FactReason, FactStatus, FactDepartment, FactPriority, FactTags, FactPage, FactScore, FactOpen, FactReturning}
}

// Op compares.
type Op string

// The operators. Texts are compared without regard to case. Of a list (tags), one member that fits is enough.
const (
	OpIs          Op = "is"
	OpIsNot       Op = "is_not"
	OpContains    Op = "contains"
	OpNotContains Op = "not_contains"
	OpStartsWith  Op = "starts_with"
	OpAtLeast     Op = "at_least" // numbers
	OpAtMost      Op = "at_most"  // numbers
	OpSet         Op = "set"      // is not empty
	OpNotSet      Op = "not_set"
)

// Ops lists the operators.
func Ops() []Op {
	return []Op{OpIs, OpIsNot, OpContains, OpNotContains, OpStartsWith, OpAtLeast, OpAtMost, OpSet, OpNotSet}
}

// StepKind is what a step of a macro or a rule does: each is a command with its own permission.
type StepKind string

// The kinds of step.
const (
	StepReply      StepKind = "reply"    // Value is the text, with variables
	StepNote       StepKind = "note"     // Value is the text, with variables
	StepTag        StepKind = "tag"      // Value is the tag
	StepUntag      StepKind = "untag"    // Value is the tag
	StepPriority   StepKind = "priority" // Value is -2 to 3
	StepField      StepKind = "field"    // Name and Value
	StepDepartment StepKind = "department"
	StepAssign     StepKind = "assign" // Value is a user id
	StepSnooze     StepKind = "snooze" // Value is a duration in minutes
	StepClose      StepKind = "close"  // Value is the reason
)

// StepKinds lists the kinds.
func StepKinds() []StepKind {
	return []StepKind{StepReply, StepNote, StepTag, StepUntag, StepPriority, StepField, StepDepartment, StepAssign, StepSnooze, StepClose}
}

// Step is one thing that a macro or a rule does.
type Step struct {
	// Kind says which command it is.
	Kind StepKind `json:"kind"`
	// Name of a field; only with the kind field.
	Name string `json:"name,omitempty"`
	// Value is what the kind needs: the text of a reply or a note, with variables; a tag to put on or take off; a
	// priority, -2 to 3; the value of a field; the id of a department to transfer to, or of a user to assign to; for how
	// many minutes to snooze; the reason for closing.
	Value string `json:"value,omitempty"`
}

// Macro is several steps at once, taken by an operator.
type Macro struct {
	Meta
	// Name is 1 to 100 bytes.
	Name string `json:"name"`
	// Department that it is meant for; none for all.
	Department chat.DepartmentID `json:"department,omitempty"`
	// Steps are taken in order, 1 to 10.
	Steps []Step `json:"steps"`
}

// Check returns CodeInvalid, naming the field, unless the macro is well-formed.
func (m Macro) Check() error {
	if err := checkName(m.Name); err != nil {
		return err
	}
	if err := checkDepartment(m.Department); err != nil {
		return err
	}
	return CheckSteps(m.Steps)
}

// Values are the facts at the time of an event. A fact that is absent is "".
type Values map[Fact][]string

// Checked is one condition with how it came out.
type Checked struct {
	Condition
	// Was is what the fact held; several for a list.
	Was []string `json:"was"`
	// Holds says whether the condition was met.
	Holds bool `json:"holds"`
}

// Evaluate says whether the rule applies, and how every condition came out: a dry run shows the same that a real
// one decides by. A disabled rule is evaluated too.
func (r Rule) Evaluate(on chat.EventType, v Values) (applies bool, checked []Checked) {
	applies = on == r.On
	for _, c := range r.Conditions {
		holds := c.holds(v[c.Fact])
		checked = append(checked, Checked{c, v[c.Fact], holds})
		applies = applies && holds
	}
	return applies, checked
}

func (c Condition) holds(was []string) bool {
	was = slices.DeleteFunc(slices.Clone(was), func(s string) bool { return s == "" })
	any := func(fits func(string) bool) bool { return slices.ContainsFunc(was, fits) }
	want := strings.ToLower(c.Value)
	is := func(s string) bool { return strings.ToLower(s) == want }
	contains := func(s string) bool { return strings.Contains(strings.ToLower(s), want) }
	switch c.Op {
	case OpIs:
		return any(is)
	case OpIsNot:
		return !any(is)
	case OpContains:
		return any(contains)
	case OpNotContains:
		return !any(contains)
	case OpStartsWith:
		return any(func(s string) bool { return strings.HasPrefix(strings.ToLower(s), want) })
	case OpAtLeast, OpAtMost:
		return any(c.compares)
	case OpSet:
		return len(was) > 0
	case OpNotSet:
		return len(was) == 0
	}
	return false
}

// compares is false for what is not a number.
func (c Condition) compares(s string) bool {
	a, err := strconv.ParseFloat(s, 64)
	b, err2 := strconv.ParseFloat(c.Value, 64)
	if err != nil || err2 != nil {
		return false
	}
	return c.Op == OpAtLeast && a >= b || c.Op == OpAtMost && a <= b
}

// Check returns CodeInvalid, naming the field, unless the rule is well-formed.
func (r Rule) Check() error {
	if err := checkName(r.Name); err != nil {
		return err
	}
	if r.Order < 0 || r.Order > MaxOrder {
		return chat.Errorf(chat.CodeInvalid, "order: 0 to %d", MaxOrder)
	}
	if !slices.Contains(chat.EventTypes(), r.On) || r.On == chat.EventAutomated || r.On == chat.EventAutoFailed {
		return chat.Errorf(chat.CodeInvalid, "on: not a type of event that rules can wait for")
	}
	if len(r.Conditions) > MaxConditions {
		return chat.Errorf(chat.CodeInvalid, "conditions: at most %d", MaxConditions)
	}
	for i, c := range r.Conditions {
		if err := c.check(); err != nil {
			return chat.Errorf(chat.CodeInvalid, "conditions[%d]: %v", i, err)
		}
	}
	return CheckSteps(r.Steps)
}

func (c Condition) check() error {
	name, isField := strings.CutPrefix(string(c.Fact), factField)
	switch {
	case isField && name == "", !isField && !slices.Contains(Facts(), c.Fact):
		return fmt.Errorf("fact: none that rules know")
	case !slices.Contains(Ops(), c.Op):
		return fmt.Errorf("op: none that rules know")
	case len(c.Value) > MaxValue:
		return fmt.Errorf("value: at most %d bytes", MaxValue)
	case c.Op == OpSet || c.Op == OpNotSet:
		return nil
	case c.Value == "":
		return fmt.Errorf("value: must not be empty; set and not_set ask for that")
	}
	if c.Op == OpAtLeast || c.Op == OpAtMost {
		if _, err := strconv.ParseFloat(c.Value, 64); err != nil {
			return fmt.Errorf("value: not a number")
		}
	}
	return nil
}

// CheckSteps returns CodeInvalid, naming the step, unless all are well-formed.
func CheckSteps(steps []Step) error {
	if len(steps) == 0 || len(steps) > MaxSteps {
		return chat.Errorf(chat.CodeInvalid, "steps: 1 to %d", MaxSteps)
	}
	for i, s := range steps {
		if err := s.check(); err != nil {
			return chat.Errorf(chat.CodeInvalid, "steps[%d]: %v", i, err)
		}
		if s.Kind == StepClose && i != len(steps)-1 {
			return chat.Errorf(chat.CodeInvalid, "steps[%d]: close comes last", i)
		}
	}
	return nil
}

func (s Step) check() error {
	if len(s.Value) > MaxValue || len(s.Name) > 40 {
		return fmt.Errorf("value: at most %d bytes, name: at most 40", MaxValue)
	}
	if s.Value == "" && s.Kind != StepClose && s.Kind != StepField {
		return fmt.Errorf("value: must not be empty")
	}
	switch s.Kind {
	case StepPriority:
		if n, err := strconv.Atoi(s.Value); err != nil || n < chat.MinPriority || n > chat.MaxPriority {
			return fmt.Errorf("value: a priority from %d to %d", chat.MinPriority, chat.MaxPriority)
		}
	case StepSnooze:
		if n, err := strconv.Atoi(s.Value); err != nil || n < 1 || n > 366*24*60 {
			return fmt.Errorf("value: minutes, from 1 to a year")
		}
	case StepDepartment:
		if !chat.DepartmentID(s.Value).Valid() {
			return fmt.Errorf("value: not a department")
		}
	case StepAssign:
		if !chat.UserID(s.Value).Valid() {
			return fmt.Errorf("value: not a user")
		}
	case StepField:
		if s.Name == "" {
			return fmt.Errorf("name: must not be empty")
		}
	case StepReply, StepNote:
		return checkVariables(s.Value)
	case StepTag, StepUntag, StepClose:
	default:
		return fmt.Errorf("kind: none that macros know")
	}
	return nil
}
