package workspace

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// Limits of fields and forms.
const (
	MaxChoices    = 100
	MaxFormFields = 30
	maxValue      = 1000 // bytes of a field's value
)

// FieldOf says what a field belongs to.
type FieldOf string

// What fields belong to.
const (
	OfConversation FieldOf = "conversation"
	OfContact      FieldOf = "contact"
)

// FieldKind says what a field may hold. Values are texts whatever the kind.
type FieldKind string

// The kinds of field.
const (
	FieldText   FieldKind = "text"
	FieldNumber FieldKind = "number"
	FieldChoice FieldKind = "choice"
	FieldDate   FieldKind = "date" // 2026-12-25
	FieldMail   FieldKind = "email"
	FieldPhone  FieldKind = "phone"
)

// FieldKinds lists them.
func FieldKinds() []FieldKind {
	return []FieldKind{FieldText, FieldNumber, FieldChoice, FieldDate, FieldMail, FieldPhone}
}

// Field defines a field of conversations or of contacts.
type Field struct {
	Meta
	// Of says whose field it is: conversation or contact.
	Of FieldOf `json:"of"`
	// Name for programs: 1 to 40 letters, digits, "-" or "_". It does not change.
	Name string `json:"name"`
	// Label for people, at most 100 bytes; without it the name.
	Label string `json:"label,omitempty"`
	// Kind is text, number, choice, date, email or phone.
	Kind FieldKind `json:"kind"`
	// Choices of the kind choice: 1 to 100 of at most 100 bytes.
	Choices []string `json:"choices,omitempty"`
	// Required fields of a conversation must be set before it closes.
	Required bool `json:"required,omitempty"`
	// Departments whose conversations it is required in; none for all.
	Departments []chat.DepartmentID `json:"departments,omitempty"`
}

// Check implements Entity.
func (f *Field) Check() error {
	switch {
	case f.Of != OfConversation && f.Of != OfContact:
		return chat.Errorf(chat.CodeInvalid, "of: conversation or contact")
	case !identifier(f.Name):
		return chat.Errorf(chat.CodeInvalid, "name: 1 to 40 letters, digits, - or _")
	case len(f.Label) > MaxName:
		return chat.Errorf(chat.CodeInvalid, "label: at most %d bytes", MaxName)
	case f.Required && f.Of != OfConversation:
		return chat.Errorf(chat.CodeInvalid, "required: only fields of conversations are")
	case len(f.Departments) > kinds[KindDepartment].max || slices.ContainsFunc(f.Departments, func(d chat.DepartmentID) bool { return !d.Valid() }):
		return chat.Errorf(chat.CodeInvalid, "departments: well-formed ids")
	}
	return checkChoices(f.Kind, f.Choices)
}

func identifier(s string) bool {
	const alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	return s != "" && len(s) <= 40 && strings.Trim(s, alphabet) == ""
}

func checkChoices(k FieldKind, choices []string) error {
	switch {
	case !slices.Contains(FieldKinds(), k):
		return chat.Errorf(chat.CodeInvalid, "kind: text, number, choice, date, email or phone")
	case k != FieldChoice && len(choices) > 0:
		return chat.Errorf(chat.CodeInvalid, "choices: only of the kind choice")
	case k == FieldChoice && (len(choices) == 0 || len(choices) > MaxChoices):
		return chat.Errorf(chat.CodeInvalid, "choices: 1 to %d", MaxChoices)
	}
	for i, c := range choices {
		if c == "" || len(c) > MaxName || slices.Index(choices, c) != i {
			return chat.Errorf(chat.CodeInvalid, "choices[%d]: 1 to %d bytes, each once", i, MaxName)
		}
	}
	return nil
}

// CheckValue returns an error that says what is wrong with a value; "" is none, and always right.
func CheckValue(k FieldKind, choices []string, value string) error {
	if value == "" {
		return nil
	}
	if len(value) > maxValue {
		return fmt.Errorf("at most %d bytes", maxValue)
	}
	switch k {
	case FieldNumber:
		if n, err := strconv.ParseFloat(value, 64); err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
			return fmt.Errorf("must be a number")
		}
	case FieldDate:
		if at, err := time.Parse(time.DateOnly, value); err != nil || at.Format(time.DateOnly) != value {
			return fmt.Errorf("must be a date such as 2026-12-25")
		}
	case FieldChoice:
		if !slices.Contains(choices, value) {
			return fmt.Errorf("must be one of its choices")
		}
	case FieldMail:
		if !chat.ValidMail(value) {
			return fmt.Errorf("must be an e-mail address")
		}
	case FieldPhone:
		if !chat.ValidPhone(value) {
			return fmt.Errorf("must be a telephone number")
		}
	default:
	}
	return nil
}

// FieldsFit returns chat.CodeInvalid, whose Fields name what is wrong, unless every value is of the kind of its field. A name
// that nobody has defined is free, as tags are: rules, bots and imports bring their own.
func FieldsFit(defined []Field, of FieldOf, values map[string]string) error {
	wrong := map[string]string{}
	for _, f := range defined {
		value, set := values[f.Name]
		if !set || f.Of != of {
			continue
		}
		if err := CheckValue(f.Kind, f.Choices, value); err != nil {
			wrong[f.Name] = err.Error()
		}
	}
	if len(wrong) > 0 {
		return chat.WrongAnswers(wrong)
	}
	return nil
}

// Tag is a word of the workspace's vocabulary.
type Tag struct {
	Meta
	// Name is 1 to 50 bytes, without commas.
	Name string `json:"name"`
	// Color for lists, "#rrggbb".
	Color string `json:"color,omitempty"`
	// About says when to use it, at most 2000 bytes.
	About string `json:"about,omitempty"`
}

// Check implements Entity.
func (t *Tag) Check() error {
	switch {
	case fold(t.Name) == "" || len(t.Name) > chat.MaxTag || strings.Contains(t.Name, ","):
		return chat.Errorf(chat.CodeInvalid, "name: 1 to %d bytes, without commas", chat.MaxTag)
	case t.Color != "" && !color(t.Color):
		return chat.Errorf(chat.CodeInvalid, "color: such as #1a2b3c")
	}
	return checkTexts(map[string]string{"about": t.About})
}

// FormUse says when a form is shown.
type FormUse string

// The uses of forms.
const (
	FormBefore  FormUse = "prechat" // before a conversation
	FormOffline FormUse = "offline" // in place of one, while the business is closed
	FormWithin  FormUse = "within"  // within one, when somebody asks for it by its id
)

// Form is what customers are asked.
type Form struct {
	Meta
	// Use is prechat, offline, or within: a form that is filled in by its id.
	Use FormUse `json:"use"`
	// Department that it is for; none for those without one of their own.
	Department chat.DepartmentID `json:"department,omitempty"`
	// Enabled forms are shown.
	Enabled bool `json:"enabled"`
	// Text above it, at most 2000 bytes.
	Text string `json:"text,omitempty"`
	// Fields in order, 1 to 30.
	Fields []FormField `json:"fields"`
}

// FormField is one question.
type FormField struct {
	// Name for programs: 1 to 40 letters, digits, "-" or "_". An answer becomes the conversation's field of this name;
	// email and phone become its lead. Name, email and phone are noted on the contact besides, as not verified.
	Name string `json:"name"`
	// Label as customers read it, at most 100 bytes; without it the name.
	Label string `json:"label,omitempty"`
	// Kind is text, number, choice, date, email or phone.
	Kind FieldKind `json:"kind"`
	// Choices of the kind choice.
	Choices []string `json:"choices,omitempty"`
	// Required fields must be answered.
	Required bool `json:"required,omitempty"`
	// MaxLength of an answer in characters, 1 to 1000; absent: 1000 bytes.
	MaxLength int `json:"maxLength,omitempty"`
}

// Check implements Entity.
func (f *Form) Check() error {
	if !slices.Contains(FormUses(), f.Use) {
		return chat.Errorf(chat.CodeInvalid, "use: prechat, offline or within")
	}
	if err := checkDepartment(f.Department); err != nil {
		return err
	}
	if len(f.Fields) == 0 || len(f.Fields) > MaxFormFields {
		return chat.Errorf(chat.CodeInvalid, "fields: 1 to %d", MaxFormFields)
	}
	seen := map[string]bool{}
	for i, q := range f.Fields {
		if !identifier(q.Name) || seen[q.Name] {
			return chat.Errorf(chat.CodeInvalid, "fields[%d].name: 1 to 40 letters, digits, - or _, each once", i)
		}
		seen[q.Name] = true
		if len(q.Label) > MaxName {
			return chat.Errorf(chat.CodeInvalid, "fields[%d].label: at most %d bytes", i, MaxName)
		}
		if outside(q.MaxLength, 0, maxValue) {
			return chat.Errorf(chat.CodeInvalid, "fields[%d].maxLength: 1 to %d", i, maxValue)
		}
		var wrong *chat.Error
		if err := checkChoices(q.Kind, q.Choices); errors.As(err, &wrong) {
			return chat.Errorf(chat.CodeInvalid, "fields[%d].%s", i, wrong.Message)
		}
	}
	return checkTexts(map[string]string{"text": f.Text})
}

// Greeting is shown by the widget by itself, to visitors who fit.
type Greeting struct {
	Meta
	// Name for the business, 1 to 100 bytes.
	Name string `json:"name"`
	// Enabled greetings are shown.
	Enabled bool `json:"enabled"`
	// Order among those that fit at the same moment, lowest first: 0 to 1000.
	Order int `json:"order"`
	// Page is a pattern of page addresses without query and fragment, where * stands for any text; none for all pages. At
	// most 500 bytes.
	Page string `json:"page,omitempty"`
	// Seconds on the page before it is shown, 0 to 3600.
	Seconds int `json:"seconds,omitempty"`
	// Returning shows it only to visitors who were here before (true), or who were not (false); none to both.
	Returning *bool `json:"returning,omitempty"`
	// InHours shows it only while the business is open.
	InHours bool `json:"inHours,omitempty"`
	// Text is 1 to 2000 bytes.
	Text string `json:"text"`
	// Department that a conversation which it begins goes to; none for the default.
	Department chat.DepartmentID `json:"department,omitempty"`
}

// Check implements Entity.
func (g *Greeting) Check() error {
	if err := checkName(g.Name); err != nil {
		return err
	}
	switch {
	case outside(g.Order, 0, MaxOrder):
		return chat.Errorf(chat.CodeInvalid, "order: 0 to %d", MaxOrder)
	case len(g.Page) > 500:
		return chat.Errorf(chat.CodeInvalid, "page: at most 500 bytes")
	case outside(g.Seconds, 0, 3600):
		return chat.Errorf(chat.CodeInvalid, "seconds: 0 to 3600")
	case g.Text == "":
		return chat.Errorf(chat.CodeInvalid, "text: must not be empty")
	}
	if err := checkDepartment(g.Department); err != nil {
		return err
	}
	return checkTexts(map[string]string{"text": g.Text})
}

// View is a stored filter of the list of conversations.
type View struct {
	Meta
	// Name is 1 to 100 bytes.
	Name string `json:"name"`
	// Order among views, lowest first: 0 to 1000.
	Order int `json:"order,omitempty"`
	// Filter says which conversations it shows.
	Filter Filter `json:"filter"`
}

// Filter narrows the list of conversations, by the list's own parameters. What is absent does not.
type Filter struct {
	// Status of a conversation.
	Status chat.Status `json:"status,omitempty"`
	// Department that it belongs to.
	Department chat.DepartmentID `json:"department,omitempty"`
	// Operator whose it is, by id; "me" stands for whoever looks.
	Operator string `json:"operator,omitempty"`
	// Customer whose it is.
	Customer chat.UserID `json:"customer,omitempty"`
	// Tag that it has, at most 50 bytes.
	Tag string `json:"tag,omitempty"`
	// StartedWithinDays is 1 to 3650.
	StartedWithinDays int `json:"startedWithinDays,omitempty"`
}

// Check implements Entity.
func (v *View) Check() error {
	if err := checkName(v.Name); err != nil {
		return err
	}
	f := v.Filter
	switch {
	case outside(v.Order, 0, MaxOrder):
		return chat.Errorf(chat.CodeInvalid, "order: 0 to %d", MaxOrder)
	case f.Status != "" && !slices.Contains(chat.Statuses(), f.Status):
		return chat.Errorf(chat.CodeInvalid, "filter.status: not a status")
	case f.Department != "" && !f.Department.Valid():
		return chat.Errorf(chat.CodeInvalid, "filter.department: not a department")
	case f.Operator != "" && f.Operator != "me" && !chat.UserID(f.Operator).Valid():
		return chat.Errorf(chat.CodeInvalid, "filter.operator: a user, or me")
	case f.Customer != "" && !f.Customer.Valid():
		return chat.Errorf(chat.CodeInvalid, "filter.customer: not a user")
	case len(f.Tag) > chat.MaxTag:
		return chat.Errorf(chat.CodeInvalid, "filter.tag: at most %d bytes", chat.MaxTag)
	case outside(f.StartedWithinDays, 0, 3650):
		return chat.Errorf(chat.CodeInvalid, "filter.startedWithinDays: 1 to 3650")
	}
	return nil
}

// FieldsOf lists what fields belong to.
func FieldsOf() []FieldOf { return []FieldOf{OfConversation, OfContact} }

// FormUses lists the uses of forms.
func FormUses() []FormUse { return []FormUse{FormBefore, FormOffline, FormWithin} }
