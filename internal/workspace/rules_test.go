package workspace_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/workspace"
)

func TestConditions(t *testing.T) {
	t.Parallel()
	v := workspace.Values{
		workspace.FactText: {"Where is my Refund?"}, workspace.FactTags: {"vip", "Billing"}, workspace.FactScore: {"2"},
		"field.order": {"A-17"}, workspace.FactPage: {""},
	}
	for _, c := range []struct {
		fact  workspace.Fact
		op    workspace.Op
		value string
		want  bool
	}{
		{workspace.FactText, workspace.OpContains, "refund", true},
		{workspace.FactText, workspace.OpNotContains, "refund", false},
		{workspace.FactText, workspace.OpStartsWith, "where", true},
		{workspace.FactText, workspace.OpStartsWith, "is", false},
		{workspace.FactTags, workspace.OpIs, "billing", true},
		{workspace.FactTags, workspace.OpIsNot, "billing", false},
		{workspace.FactTags, workspace.OpIsNot, "sales", true},
		{workspace.FactScore, workspace.OpAtMost, "2", true},
		{workspace.FactScore, workspace.OpAtLeast, "3", false},
		{workspace.FactText, workspace.OpAtLeast, "3", false},
		{"field.order", workspace.OpSet, "", true},
		{"field.other", workspace.OpSet, "", false},
		{workspace.FactPage, workspace.OpNotSet, "", true},
		{workspace.FactPage, workspace.OpIs, "", false},
	} {
		r := workspace.Rule{On: chat.EventMessage, Conditions: []workspace.Condition{{Fact: c.fact, Op: c.op, Value: c.value}}}
		applies, checked := r.Evaluate(chat.EventMessage, v)
		if applies != c.want || checked[0].Holds != c.want {
			t.Errorf("%s %s %q: %v", c.fact, c.op, c.value, applies)
		}
	}
}

func TestEveryConditionCountsAndIsShown(t *testing.T) {
	t.Parallel()
	r := workspace.Rule{On: chat.EventMessage, Conditions: []workspace.Condition{
		{Fact: workspace.FactText, Op: workspace.OpContains, Value: "x"}, {Fact: workspace.FactRole, Op: workspace.OpIs, Value: "customer"},
	}}
	applies, checked := r.Evaluate(chat.EventMessage, workspace.Values{workspace.FactText: {"x"}, workspace.FactRole: {"operator"}})
	if applies || len(checked) != 2 || !checked[0].Holds || checked[1].Holds || checked[1].Was[0] != "operator" {
		t.Errorf("%v %+v", applies, checked)
	}
	if applies, _ := r.Evaluate(chat.EventNote, workspace.Values{workspace.FactText: {"x"}, workspace.FactRole: {"customer"}}); applies {
		t.Error("a rule applies to an event of another type")
	}
}

// Every operator decides: none is forgotten in the switch.
func TestEveryOperatorHoldsForSomething(t *testing.T) {
	t.Parallel()
	for _, op := range workspace.Ops() {
		holds := map[bool]bool{}
		for _, was := range []string{"", "5", "15"} {
			r := workspace.Rule{Conditions: []workspace.Condition{{Fact: workspace.FactText, Op: op, Value: "5"}}}
			applies, _ := r.Evaluate("", workspace.Values{workspace.FactText: {was}})
			holds[applies] = true
		}
		if op == workspace.OpContains || op == workspace.OpNotContains {
			continue // "5" is in both; TestConditions has them
		}
		if op == workspace.OpAtLeast {
			r := workspace.Rule{Conditions: []workspace.Condition{{Fact: workspace.FactText, Op: op, Value: "5"}}}
			applies, _ := r.Evaluate("", workspace.Values{workspace.FactText: {"4.9"}})
			holds[applies] = true
		}
		if !holds[true] || !holds[false] {
			t.Errorf("%s: %v", op, holds)
		}
	}
}

func TestRulesAreChecked(t *testing.T) {
	t.Parallel()
	good := func() workspace.Rule {
		return workspace.Rule{Name: "refunds", On: chat.EventMessage,
			Conditions: []workspace.Condition{{Fact: "field.order", Op: workspace.OpSet}},
			Steps:      []workspace.Step{{Kind: workspace.StepTag, Value: "refund"}, {Kind: workspace.StepClose}}}
	}
	if err := good().Check(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*workspace.Rule){
		"name":         func(r *workspace.Rule) { r.Name = "" },
		"on":           func(r *workspace.Rule) { r.On = "nothing" },
		"loop":         func(r *workspace.Rule) { r.On = chat.EventAutomated },
		"no steps":     func(r *workspace.Rule) { r.Steps = nil },
		"close first":  func(r *workspace.Rule) { r.Steps[0], r.Steps[1] = r.Steps[1], r.Steps[0] },
		"unknown fact": func(r *workspace.Rule) { r.Conditions[0].Fact = "password" },
		"empty field":  func(r *workspace.Rule) { r.Conditions[0].Fact = "field." },
		"unknown op":   func(r *workspace.Rule) { r.Conditions[0].Op = "matches" },
		"no value":     func(r *workspace.Rule) { r.Conditions[0].Op = workspace.OpIs },
		"no number": func(r *workspace.Rule) {
			r.Conditions[0] = workspace.Condition{Fact: "score", Op: workspace.OpAtMost, Value: "x"}
		},
		"priority":       func(r *workspace.Rule) { r.Steps[0] = workspace.Step{Kind: workspace.StepPriority, Value: "9"} },
		"snooze":         func(r *workspace.Rule) { r.Steps[0] = workspace.Step{Kind: workspace.StepSnooze, Value: "0"} },
		"department":     func(r *workspace.Rule) { r.Steps[0] = workspace.Step{Kind: workspace.StepDepartment, Value: "sales"} },
		"user":           func(r *workspace.Rule) { r.Steps[0] = workspace.Step{Kind: workspace.StepAssign, Value: "ada"} },
		"unknown step":   func(r *workspace.Rule) { r.Steps[0] = workspace.Step{Kind: "erase", Value: "x"} },
		"bad variable":   func(r *workspace.Rule) { r.Steps[0] = workspace.Step{Kind: workspace.StepReply, Value: "{{secret}}"} },
		"long value":     func(r *workspace.Rule) { r.Steps[0].Value = strings.Repeat("x", workspace.MaxValue+1) },
		"many":           func(r *workspace.Rule) { r.Conditions = slices.Repeat(r.Conditions, workspace.MaxConditions+1) },
		"field no name":  func(r *workspace.Rule) { r.Steps[0] = workspace.Step{Kind: workspace.StepField, Value: "x"} },
		"empty tag step": func(r *workspace.Rule) { r.Steps[0].Value = "" },
	} {
		r := good()
		spoil(&r)
		if err := r.Check(); chat.CodeOf(err) != chat.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRender(t *testing.T) {
	t.Parallel()
	values := map[string]string{"customer.firstName": "Ada {{operator.name}}", "operator.name": "Grace", "field.order": "A-17"}
	for text, want := range map[string]string{
		"Hi {{customer.firstName}}!":                  "Hi Ada {{operator.name}}!", // never looked at again
		"{{ operator.name }} on {{field.order}}":      "Grace on A-17",
		"Hi {{customer.name|there}}":                  "Hi there",
		"Hi {{customer.name}}.":                       "Hi .",
		"{{unknown}} stays":                           "{{unknown}} stays",
		"open {{ brace":                               "open {{ brace",
		"{{customer.email}}{{customer.field.vip|no}}": "no",
	} {
		if got, _ := workspace.Render(text, values); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if _, missing := workspace.Render("{{customer.name}} {{customer.email|x}} {{field.size}}", values); !slices.Equal(missing, []string{"customer.name", "field.size"}) {
		t.Errorf("missing %v", missing)
	}
}

func TestCannedIsChecked(t *testing.T) {
	t.Parallel()
	if err := (workspace.Canned{Shortcut: "hi", Text: "Hi {{customer.name|there}}"}).Check(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]workspace.Canned{
		"no shortcut": {Text: "x"}, "space": {Shortcut: "a b", Text: "x"}, "no text": {Shortcut: "a"},
		"variable": {Shortcut: "a", Text: "{{nobody}}"}, "open": {Shortcut: "a", Text: "{{customer.name"},
		"department": {Shortcut: "a", Text: "x", Department: "sales"}, "title": {Shortcut: "a", Text: "x", Title: strings.Repeat("x", 101)},
	} {
		if err := c.Check(); chat.CodeOf(err) != chat.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzRender(f *testing.F) {
	f.Add("Hi {{customer.name|x}}", "v")
	f.Fuzz(func(t *testing.T, text, value string) {
		out, _ := workspace.Render(text, map[string]string{"customer.name": value})
		if !strings.Contains(text, "{{") && out != text {
			t.Errorf("%q became %q", text, out)
		}
	})
}
