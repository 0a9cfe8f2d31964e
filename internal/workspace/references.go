package workspace

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/parley-chat/parley/internal/chat"
)

// What documents refer to besides departments. They are no kinds of entry: identity keeps them.
const (
	refStaff Kind = "staff"
	refBot   Kind = "bot"
)

// reference is what a document says of something else by its id.
type reference struct {
	field string // where it stands, such as "steps[1].value"
	kind  Kind
	id    string
}

// references lists what an entity refers to, and that must exist when it is written. By choice these are free: tags and
// names of fields, since rules, bots and imports bring their own, and the people of a view's filter, who may have left.
func references(e Entity) []reference {
	in := func(field string, d chat.DepartmentID) []reference {
		if d == "" {
			return nil
		}
		return []reference{{field, KindDepartment, string(d)}}
	}
	switch e := e.(type) {
	case *Settings:
		if e.Bot != "" {
			return []reference{{"bot", refBot, string(e.Bot)}}
		}
	case *Field:
		var out []reference
		for i, d := range e.Departments {
			out = append(out, in(fmt.Sprintf("departments[%d]", i), d)...)
		}
		return out
	case *Form:
		return in("department", e.Department)
	case *Greeting:
		return in("department", e.Department)
	case *Canned:
		return in("department", e.Department)
	case *View:
		return in("filter.department", e.Filter.Department)
	case *Macro:
		return append(in("department", e.Department), stepReferences(e.Steps)...)
	case *Rule:
		return append(conditionReferences(e.Conditions), stepReferences(e.Steps)...)
	}
	return nil
}

func stepReferences(steps []Step) (out []reference) {
	for i, s := range steps {
		at := fmt.Sprintf("steps[%d].value", i)
		switch s.Kind {
		case StepDepartment:
			out = append(out, reference{at, KindDepartment, s.Value})
		case StepAssign:
			out = append(out, reference{at, refStaff, s.Value})
		default:
		}
	}
	return out
}

func conditionReferences(conditions []Condition) (out []reference) {
	for i, c := range conditions {
		if c.Fact == FactDepartment && (c.Op == OpIs || c.Op == OpIsNot) {
			out = append(out, reference{fmt.Sprintf("conditions[%d].value", i), KindDepartment, strings.ToLower(c.Value)})
		}
	}
	return out
}

// Knows answers for what identity keeps. Answers are consistent.
type Knows interface {
	// Staff says whether there is a member of staff who is not disabled, Bot whether there is such a bot.
	Staff(context.Context, chat.WorkspaceID, chat.UserID) (bool, error)
	Bot(context.Context, chat.WorkspaceID, chat.UserID) (bool, error)
	// UsesOf lists who and what refers to a department outside the workspace's documents, by what they are, such as "staff".
	UsesOf(context.Context, chat.WorkspaceID, chat.DepartmentID) (map[string][]string, error)
}

// Departments lists the workspace's departments, consistently, for those who check what they are told.
func (c *Catalog) Departments(ctx context.Context, w chat.WorkspaceID) ([]chat.DepartmentID, error) {
	entries, err := c.Store.Entries(ctx, Place{Workspace: w, Kind: KindDepartment})
	if err != nil {
		return nil, unavailable(err)
	}
	var out []chat.DepartmentID
	for _, e := range entries {
		out = append(out, chat.DepartmentID(e.ID))
	}
	return out, nil
}

// holds returns chat.CodeInvalid, whose Fields name what is wrong, unless everything that the entity refers to exists, and
// the values that it would set are such as their fields may hold. As with names, two writes of one moment may both pass;
// what refers to nothing does nothing, or fails visibly.
func (c *Catalog) holds(ctx context.Context, w chat.WorkspaceID, e Entity) error {
	wrong := map[string]string{}
	refs := references(e)
	var departments []chat.DepartmentID
	var err error
	if slices.ContainsFunc(refs, func(r reference) bool { return r.kind == KindDepartment }) {
		if departments, err = c.Departments(ctx, w); err != nil {
			return err
		}
	}
	for _, r := range refs {
		is := true
		switch {
		case r.kind == KindDepartment:
			is = slices.Contains(departments, chat.DepartmentID(r.id))
		case c.Knows == nil:
		case r.kind == refStaff:
			is, err = c.Knows.Staff(ctx, w, chat.UserID(r.id))
		default:
			is, err = c.Knows.Bot(ctx, w, chat.UserID(r.id))
		}
		if err != nil {
			return unavailable(err)
		}
		if !is {
			wrong[r.field] = noSuch(r.kind)
		}
	}
	if err := c.values(ctx, w, e, wrong); err != nil {
		return err
	}
	if len(wrong) == 0 {
		return nil
	}
	return wrongFields(wrong)
}

func noSuch(k Kind) string {
	switch k {
	case KindDepartment:
		return "the workspace has no such department"
	case refStaff:
		return "no member of staff who is not disabled has this id"
	default:
	}
	return "no bot that is not disabled has this id"
}

// wrongFields is the error for fields of a request, by their names.
func wrongFields(wrong map[string]string) error {
	var all []string
	for field, why := range wrong {
		all = append(all, field+": "+why)
	}
	slices.Sort(all)
	return &chat.Error{Code: chat.CodeInvalid, Message: strings.Join(all, "; "), Fields: wrong}
}

// values looks whether the fields that an entity sets, or asks for, are of their definition's kind.
func (c *Catalog) values(ctx context.Context, w chat.WorkspaceID, e Entity, wrong map[string]string) error {
	var steps []Step
	switch e := e.(type) {
	case *Macro:
		steps = e.Steps
	case *Rule:
		steps = e.Steps
	case *Form:
	default:
		return nil
	}
	form, isForm := e.(*Form)
	if !isForm && !slices.ContainsFunc(steps, func(s Step) bool { return s.Kind == StepField }) {
		return nil
	}
	entries, err := c.Store.Entries(ctx, Place{Workspace: w, Kind: KindField})
	if err != nil {
		return unavailable(err)
	}
	config, err := NewConfig(entries)
	if err != nil {
		return err
	}
	if isForm {
		form.fitsInto(config, wrong)
	}
	for i, s := range steps {
		if s.Kind != StepField {
			continue
		}
		var named *chat.Error
		if err := FieldsFit(config.Fields, OfConversation, map[string]string{s.Name: s.Value}); errors.As(err, &named) {
			wrong[fmt.Sprintf("steps[%d].value", i)] = s.Name + " " + named.Fields[s.Name]
		}
	}
	return nil
}

// fitsInto demands that what a form asks for can be stored: an answer becomes the conversation's field of its name.
func (f *Form) fitsInto(c *Config, wrong map[string]string) {
	for i, q := range f.Fields {
		d := c.Field(OfConversation, q.Name)
		switch {
		case d == nil || d.Kind == FieldText:
		case d.Kind != q.Kind:
			wrong[fmt.Sprintf("fields[%d].kind", i)] = fmt.Sprintf("the conversation's field %s is of the kind %s", q.Name, d.Kind)
		case slices.ContainsFunc(q.Choices, func(choice string) bool { return !slices.Contains(d.Choices, choice) }):
			wrong[fmt.Sprintf("fields[%d].choices", i)] = fmt.Sprintf("only those of the conversation's field %s", q.Name)
		}
	}
}

// maxUses is how many of what refers to something an error lists, of each kind.
const maxUses = 10

// unused returns chat.CodeInUse, whose Fields list what refers to the entity, unless nothing does.
func (c *Catalog) unused(ctx context.Context, at Place, id string) error {
	if at.Kind != KindDepartment {
		return nil
	}
	uses := map[string][]string{}
	if c.Knows != nil {
		more, err := c.Knows.UsesOf(ctx, at.Workspace, chat.DepartmentID(id))
		if err != nil {
			return unavailable(err)
		}
		uses = more
	}
	for _, k := range []Kind{KindField, KindForm, KindGreeting, KindRule, KindCanned, KindMacro, KindView} {
		entries, err := c.Store.Entries(ctx, Place{Workspace: at.Workspace, Kind: k})
		if err != nil {
			return unavailable(err)
		}
		all, err := decodeAll(entries)
		if err != nil {
			return err
		}
		for _, e := range all {
			if slices.ContainsFunc(references(e), func(r reference) bool { return r.kind == at.Kind && r.id == id }) {
				uses[string(k)] = append(uses[string(k)], e.meta().ID+" ("+e.title()+")")
			}
		}
	}
	return inUse(at.Kind, uses)
}

func inUse(k Kind, uses map[string][]string) error {
	told := map[string]string{}
	var kinds []string
	for name, list := range uses {
		if len(list) == 0 {
			continue
		}
		kinds = append(kinds, name)
		told[name] = strings.Join(list[:min(len(list), maxUses)], ", ")
		if more := len(list) - maxUses; more > 0 {
			told[name] += fmt.Sprintf(" and %d more", more)
		}
	}
	if len(told) == 0 {
		return nil
	}
	slices.Sort(kinds)
	return &chat.Error{Code: chat.CodeInUse, Message: fmt.Sprintf("the %s is referred to: see %s", k, strings.Join(kinds, ", ")), Fields: told}
}
