package httpapi

import "github.com/parley-chat/parley/internal/workspace"

// DepartmentList answers GET /v1/departments, by id, so by age.
type DepartmentList struct {
	// Departments of the page.
	Departments []*workspace.Department `json:"departments"`
	// Next, when set, continues the list: the parameter after of the next request.
	Next string `json:"next,omitempty"`
}

// FieldList answers GET /v1/fields.
type FieldList struct {
	// Fields of the page.
	Fields []*workspace.Field `json:"fields"`
	// Next, when set, continues the list: the parameter after of the next request.
	Next string `json:"next,omitempty"`
}

// FormList answers GET /v1/forms.
type FormList struct {
	// Forms of the page.
	Forms []*workspace.Form `json:"forms"`
	// Next, when set, continues the list: the parameter after of the next request.
	Next string `json:"next,omitempty"`
}

// GreetingList answers GET /v1/greetings.
type GreetingList struct {
	// Greetings of the page.
	Greetings []*workspace.Greeting `json:"greetings"`
	// Next, when set, continues the list: the parameter after of the next request.
	Next string `json:"next,omitempty"`
}

// RuleList answers GET /v1/rules.
type RuleList struct {
	// Rules of the page, by id; they act by order.
	Rules []*workspace.Rule `json:"rules"`
	// Next, when set, continues the list: the parameter after of the next request.
	Next string `json:"next,omitempty"`
}

// TagList answers GET /v1/tags.
type TagList struct {
	// Tags of the page.
	Tags []*workspace.Tag `json:"tags"`
	// Next, when set, continues the list: the parameter after of the next request.
	Next string `json:"next,omitempty"`
}

// CannedList answers GET /v1/canned and GET /v1/own/canned.
type CannedList struct {
	// Canned are the responses of the page; those with an owner are one's own.
	Canned []*workspace.Canned `json:"canned"`
	// Next, when set, continues the list: the parameter after of the next request.
	Next string `json:"next,omitempty"`
}

// MacroList answers GET /v1/macros.
type MacroList struct {
	// Macros of the page.
	Macros []*workspace.Macro `json:"macros"`
	// Next, when set, continues the list: the parameter after of the next request.
	Next string `json:"next,omitempty"`
}

// ViewList answers GET /v1/views and GET /v1/own/views.
type ViewList struct {
	// Views of the page; those with an owner are one's own.
	Views []*workspace.View `json:"views"`
	// Next, when set, continues the list: the parameter after of the next request.
	Next string `json:"next,omitempty"`
}
