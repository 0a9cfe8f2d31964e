package workspace

import (
	"cmp"
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// WidgetConfig is what a page's widget needs to know before anybody has signed in: what customers see anyway, and nothing
// else. All texts are plain: markup in them is text.
type WidgetConfig struct {
	// Name of the business.
	Name string `json:"name"`
	// Open says whether the business is open now, by the hours of the default department.
	Open bool `json:"open"`
	// NextOpening is when it opens next, Unix milliseconds; absent while it is open, and if it does not within 400 days.
	NextOpening int64 `json:"nextOpening,omitempty"`
	// Widget is how it looks and what it says.
	Widget Widget `json:"widget"`
	// Departments to choose from; empty where customers choose none.
	Departments []WidgetDepartment `json:"departments"`
	// Forms to fill in; a department without one of its own has the one without a department.
	Forms []WidgetForm `json:"forms"`
	// Greetings in order: the first one that fits is shown.
	Greetings []WidgetGreeting `json:"greetings"`
}

// WidgetDepartment is a department as customers see it.
type WidgetDepartment struct {
	// ID to start a conversation with.
	ID chat.DepartmentID `json:"id"`
	// Name as customers see it.
	Name string `json:"name"`
	// Open says whether it is open now.
	Open bool `json:"open"`
	// NextOpening is when it is open next, Unix milliseconds; absent while it is open.
	NextOpening int64 `json:"nextOpening,omitempty"`
	// Greeting is shown when it is chosen.
	Greeting string `json:"greeting,omitempty"`
	// Offline is shown while it is closed.
	Offline string `json:"offline,omitempty"`
}

// WidgetForm is a form as customers see it.
type WidgetForm struct {
	// ID to hand it in with.
	ID string `json:"id"`
	// Use is prechat, offline, or within: a form that is filled in when somebody asks for it.
	Use FormUse `json:"use"`
	// Department that it is for; absent for those without one of their own.
	Department chat.DepartmentID `json:"department,omitempty"`
	// Text above it.
	Text string `json:"text,omitempty"`
	// Fields in order.
	Fields []FormField `json:"fields"`
}

// WidgetGreeting is a greeting as the widget evaluates it.
type WidgetGreeting struct {
	// ID to tell greetings apart, so that none is shown again that was dismissed.
	ID string `json:"id"`
	// Page is a pattern of page addresses without query and fragment, where * stands for any text; absent for all pages.
	Page string `json:"page,omitempty"`
	// Seconds on the page before it is shown.
	Seconds int `json:"seconds,omitempty"`
	// Returning shows it only to visitors who were here before (true), or who were not (false); absent: to both.
	Returning *bool `json:"returning,omitempty"`
	// InHours shows it only while the business is open.
	InHours bool `json:"inHours,omitempty"`
	// Text to show.
	Text string `json:"text"`
	// Department that a conversation which it begins goes to.
	Department chat.DepartmentID `json:"department,omitempty"`
}

// ForWidget sums up what the widget needs to know at the time.
func (c *Config) ForWidget(name string, now time.Time) WidgetConfig {
	out := WidgetConfig{
		Name: name, Widget: c.Settings.Widget, Departments: []WidgetDepartment{}, Forms: []WidgetForm{}, Greetings: []WidgetGreeting{},
	}
	out.Widget.Title = cmp.Or(out.Widget.Title, name)
	out.Open, out.NextOpening = c.opening(c.DefaultDepartment(), now)
	for _, d := range c.Departments {
		if !c.Settings.Widget.ChooseDepartment || d.Hidden {
			continue
		}
		w := WidgetDepartment{ID: chat.DepartmentID(d.ID), Name: d.Name, Greeting: d.Greeting, Offline: d.Offline}
		w.Open, w.NextOpening = c.opening(w.ID, now)
		out.Departments = append(out.Departments, w)
	}
	for _, f := range c.Forms {
		if f.Enabled {
			out.Forms = append(out.Forms, WidgetForm{ID: f.ID, Use: f.Use, Department: f.Department, Text: f.Text, Fields: f.Fields})
		}
	}
	for _, g := range c.Greetings {
		if g.Enabled {
			out.Greetings = append(out.Greetings, WidgetGreeting{
				ID: g.ID, Page: g.Page, Seconds: g.Seconds, Returning: g.Returning, InHours: g.InHours, Text: g.Text, Department: g.Department,
			})
		}
	}
	slices.SortStableFunc(out.Departments, func(a, b WidgetDepartment) int { return cmp.Compare(fold(a.Name), fold(b.Name)) })
	return out
}

// opening says whether a department is open, and else when it opens next, in Unix milliseconds.
func (c *Config) opening(d chat.DepartmentID, now time.Time) (open bool, next int64) {
	hours := c.Calendar(d)
	if hours.Open(now) {
		return true, 0
	}
	if at, ok := hours.NextOpen(now); ok {
		next = at.UnixMilli()
	}
	return false, next
}
