package httpapi

import (
	"net/http"
	"slices"
	"strings"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/workspace"
)

const (
	// MaxDocumentBody is the largest body of the workspace's documents in bytes: as stored, and as much again for spaces.
	MaxDocumentBody = 2 * workspace.MaxDocument
	// MaxArticleBody is that of an article: 64 KB of Markdown, and what JSON makes of quotes and line breaks.
	MaxArticleBody = 160 << 10
	maxAnyBody     = MaxArticleBody
	// maxEntities is how many a page of a list has.
	maxEntities = 100
)

func (c *call) by() workspace.By {
	return workspace.By{Principal: c.principal(), Source: source(c.Request)}
}

// demanded is the version that a write must name; nil for whatever there is.
func (c *call) demanded() (*uint64, error) {
	version, found, err := c.needVersion()
	if err != nil || !found {
		return nil, err
	}
	return &version, nil
}

// workspaceRoutes are what a business sets for itself.
func workspaceRoutes() []route {
	canned := func(own bool, path, many, all string) collection {
		one := "canned"
		if own {
			one = "ownCanned"
		}
		return collection{kind: workspace.KindCanned, own: own, path: path, one: one, many: many, a: "a canned response", all: all,
			model: modelOf(func(l []*workspace.Canned, next string) any { return CannedList{l, next} }), fits: fitsCanned, params: []Parameter{
				{Name: "shortcut", Summary: "Only those whose shortcut begins so; upper and lower case are not told apart."},
				{Name: "department", Summary: "Only those that are meant for the department, or for all."}}}
	}
	view := func(own bool, path, many, one, all string) collection {
		return collection{kind: workspace.KindView, own: own, path: path, one: one, many: many, a: "a view", all: all,
			model: modelOf(func(l []*workspace.View, next string) any { return ViewList{l, next} })}
	}
	return slices.Concat(
		settingsRoutes(),
		shared(workspace.KindDepartment, "department", "a department", "the departments",
			func(l []*workspace.Department, next string) any { return DepartmentList{l, next} }),
		shared(workspace.KindField, "field", "the definition of a field", "the fields of conversations and contacts",
			func(l []*workspace.Field, next string) any { return FieldList{l, next} }),
		shared(workspace.KindForm, "form", "a form", "the forms that customers are asked to fill in",
			func(l []*workspace.Form, next string) any { return FormList{l, next} }),
		shared(workspace.KindGreeting, "greeting", "a greeting", "the greetings that the widget shows by itself",
			func(l []*workspace.Greeting, next string) any { return GreetingList{l, next} }),
		shared(workspace.KindRule, "rule", "an automation rule", "the automation rules",
			func(l []*workspace.Rule, next string) any { return RuleList{l, next} }),
		shared(workspace.KindTag, "tag", "a tag", "the tags of the workspace's vocabulary",
			func(l []*workspace.Tag, next string) any { return TagList{l, next} }),
		shared(workspace.KindMacro, "macro", "a macro", "the macros",
			func(l []*workspace.Macro, next string) any { return MacroList{l, next} }),
		canned(false, "/v1/canned", "canned", "the canned responses: those that everybody shares, and one's own").routes(),
		canned(true, "/v1/own/canned", "ownCanned", "one's own canned responses").routes(),
		view(false, "/v1/views", "views", "view", "the views: those that everybody shares, and one's own").routes(),
		view(true, "/v1/own/views", "ownViews", "ownView", "one's own views").routes(),
		libraryRoutes(),
		automationRoutes(),
		widgetRoutes(),
	)
}

// shared is the routes of a kind that belongs to the workspace as a whole, under the plural of its name.
func shared[T any](kind workspace.Kind, one, a, all string, list func(l []*T, next string) any) []route {
	many := one + "s"
	return collection{kind: kind, path: "/v1/" + many, one: one, many: many, a: a, all: all, model: modelOf(list)}.routes()
}

func fitsCanned(q *query) func(workspace.Entity) bool {
	shortcut, department := strings.ToLower(q.text("shortcut")), chat.DepartmentID(q.text("department"))
	return func(e workspace.Entity) bool {
		c, ok := e.(*workspace.Canned)
		return ok && strings.HasPrefix(strings.ToLower(c.Shortcut), shortcut) && (department == "" || c.Department == "" || c.Department == department)
	}
}

func settingsRoutes() []route {
	return []route{
		{pattern: "GET /v1/settings", command: chat.CommandSettings, serve: (*API).settings, says: says{
			name: "settings", summary: "Read the workspace's settings: hours, routing, levels of service, widget.",
			answers: map[int]any{http.StatusOK: workspace.Settings{}}, codes: []chat.Code{chat.CodeInvalid}}},
		{pattern: "PUT /v1/settings", command: chat.CommandEditSettings, serve: (*API).replaceSettings, says: says{
			name: "replaceSettings", summary: "Write the workspace's settings anew. They hold everywhere within 30 seconds. If-Match is needed: the ETag of what was read, or *.",
			request: workspace.Settings{}, answers: map[int]any{http.StatusOK: workspace.Settings{}}, demands: true}},
	}
}

func (a *API) settings(c *call) (int, any, error) {
	if q := queryOf(c.Request); q.err != nil {
		return 0, nil, q.err
	}
	e, err := a.Catalog.Get(c.Context(), c.principal(), workspace.KindSettings, false, workspace.SettingsID)
	if err != nil {
		return 0, nil, err
	}
	c.setVersion(workspace.MetaOf(e).Version)
	return http.StatusOK, e, nil
}

func (a *API) replaceSettings(c *call) (int, any, error) {
	body, err := decodeUpTo[workspace.Settings](c.Request, false, MaxDocumentBody)
	if err != nil {
		return 0, nil, err
	}
	return a.replaceEntity(c, workspace.KindSettings, false, workspace.SettingsID, &body)
}
