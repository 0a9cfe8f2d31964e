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

// collection is the routes of one kind of entity.
type collection[T any] struct {
	kind workspace.Kind
	own  bool
	path string
	// one and many name the operations: "department", "departments"; a and all are how summaries call them.
	one, many, a, all string
	list              func(list []*T, next string) any
	// fits narrows the list by a query, whose parameters are params.
	fits   func(q *query) func(*T) bool
	params []Parameter
}

// entity is how the catalog sees a T.
func entity[T any](v *T) workspace.Entity { return any(v).(workspace.Entity) }

// read is what reading stands for, write what changing does.
func (k collection[T]) read() chat.Command {
	if k.own {
		return chat.CommandOwnLibrary
	}
	return k.kind.Reads()
}

func (k collection[T]) write() chat.Command {
	if k.own {
		return chat.CommandOwnLibrary
	}
	return k.kind.Writes()
}

func (k collection[T]) routes() []route {
	var zero T
	segments := []Segment{{Name: "id", Summary: "The " + k.one + ".", Prefix: k.kind.Prefix()}}
	one := k.path + "/{id}"
	name := strings.ToUpper(k.one[:1]) + k.one[1:]
	return []route{
		{pattern: "GET " + k.path, command: k.read(), polled: true, serve: k.page, says: says{
			name: "list" + strings.ToUpper(k.many[:1]) + k.many[1:], summary: "List " + k.all + ".", answers: map[int]any{http.StatusOK: k.list(nil, "")},
			query: append(slices.Clone(k.params),
				Parameter{Name: "after", Summary: "The next of the page before."},
				Parameter{Name: "limit", Summary: "How many, default 100.", Number: true, Min: 1, Max: maxEntities}),
			codes: []chat.Code{chat.CodeInvalid}}},
		{pattern: "POST " + k.path, command: k.write(), idempotent: true, serve: k.create, says: says{
			name: "create" + name, summary: "Make " + k.a + ".", request: zero, answers: map[int]any{http.StatusCreated: zero}, codes: []chat.Code{chat.CodeConflict}}},
		{pattern: "GET " + one, command: k.read(), serve: k.get, says: says{
			name: k.one, summary: "Read " + k.a + ".", segments: segments, answers: map[int]any{http.StatusOK: zero}, codes: []chat.Code{chat.CodeInvalid, chat.CodeNotFound}}},
		{pattern: "PUT " + one, command: k.write(), serve: k.replace, says: says{
			name: "replace" + name, summary: "Write " + k.a + " anew. If-Match is needed: the ETag of what was read, or *.", segments: segments,
			request: zero, answers: map[int]any{http.StatusOK: zero}, codes: []chat.Code{chat.CodeNotFound}, demands: true}},
		{pattern: "DELETE " + one, command: k.write(), serve: k.remove, says: says{
			name: "remove" + name, summary: "Remove " + k.a + ".", segments: segments, answers: map[int]any{http.StatusNoContent: nil},
			codes: []chat.Code{chat.CodeInvalid, chat.CodeNotFound}, versioned: true}},
	}
}

func (c *call) by() workspace.By {
	return workspace.By{Principal: c.principal(), Source: source(c.Request)}
}

func (k collection[T]) page(a *API, c *call) (int, any, error) {
	names := []string{"after", "limit"}
	for _, p := range k.params {
		names = append(names, p.Name)
	}
	q := queryOf(c.Request, names...)
	limit, after := q.limit(maxEntities, maxEntities), c.after(q, 1)
	if q.err != nil {
		return 0, nil, q.err
	}
	all, err := k.everything(a, c)
	if err != nil {
		return 0, nil, err
	}
	fits := func(*T) bool { return true }
	if k.fits != nil {
		fits = k.fits(q)
	}
	out, next := []*T{}, ""
	for _, e := range all {
		id := workspace.MetaOf(e).ID
		if v := any(e).(*T); (after == nil || id > after[0]) && fits(v) {
			if len(out) == limit {
				next = c.next(workspace.MetaOf(entity(out[limit-1])).ID)
				break
			}
			out = append(out, v)
		}
	}
	return http.StatusOK, k.list(out, next), nil
}

// everything lists everything of the kind; with what is shared, what is the caller's own, by id.
func (k collection[T]) everything(a *API, c *call) ([]workspace.Entity, error) {
	p := c.principal()
	all, err := a.Catalog.List(c.Context(), p, k.kind, k.own)
	if err != nil || k.own || !k.kind.Ownable() {
		return all, err
	}
	if chat.Allowed(p.Role, chat.CommandOwnLibrary) == chat.Denied { // bots and API keys have nothing of their own
		return all, nil
	}
	own, err := a.Catalog.List(c.Context(), p, k.kind, true)
	all = append(all, own...)
	slices.SortFunc(all, func(x, y workspace.Entity) int {
		return strings.Compare(workspace.MetaOf(x).ID, workspace.MetaOf(y).ID)
	})
	return all, err
}

func (k collection[T]) create(a *API, c *call) (int, any, error) {
	body, err := decodeUpTo[T](c.Request, false, MaxDocumentBody)
	if err != nil {
		return 0, nil, err
	}
	id := a.newID(c, k.kind.Prefix(), "")
	e, err := a.Catalog.Create(c.Context(), c.by(), k.kind, k.own, id, entity(&body))
	if err != nil {
		return 0, nil, err
	}
	c.answer.Set("Location", k.path+"/"+id)
	c.setVersion(workspace.MetaOf(e).Version)
	return http.StatusCreated, e, nil
}

func (k collection[T]) get(a *API, c *call) (int, any, error) {
	if q := queryOf(c.Request); q.err != nil {
		return 0, nil, q.err
	}
	e, err := a.Catalog.Get(c.Context(), c.principal(), k.kind, k.own, c.PathValue("id"))
	if err != nil {
		return 0, nil, err
	}
	c.setVersion(workspace.MetaOf(e).Version)
	return http.StatusOK, e, nil
}

func (k collection[T]) replace(a *API, c *call) (int, any, error) {
	body, err := decodeUpTo[T](c.Request, false, MaxDocumentBody)
	if err != nil {
		return 0, nil, err
	}
	return a.replaceEntity(c, k.kind, k.own, c.PathValue("id"), entity(&body))
}

func (a *API) replaceEntity(c *call, k workspace.Kind, own bool, id string, body workspace.Entity) (int, any, error) {
	version, err := c.demanded()
	if err != nil {
		return 0, nil, err
	}
	e, err := a.Catalog.Replace(c.Context(), c.by(), k, own, id, body, version)
	if err != nil {
		return 0, nil, err
	}
	c.setVersion(workspace.MetaOf(e).Version)
	return http.StatusOK, e, nil
}

// demanded is the version that a write must name; nil for whatever there is.
func (c *call) demanded() (*uint64, error) {
	version, found, err := c.needVersion()
	if err != nil || !found {
		return nil, err
	}
	return &version, nil
}

func (k collection[T]) remove(a *API, c *call) (int, any, error) {
	if q := queryOf(c.Request); q.err != nil {
		return 0, nil, q.err
	}
	version, err := c.expected()
	if err != nil {
		return 0, nil, err
	}
	return http.StatusNoContent, nil, a.Catalog.Remove(c.Context(), c.by(), k.kind, k.own, c.PathValue("id"), version)
}

// workspaceRoutes are what a business sets for itself.
func workspaceRoutes() []route {
	canned := func(own bool, path, many, all string) collection[workspace.Canned] {
		one := "canned"
		if own {
			one = "ownCanned"
		}
		return collection[workspace.Canned]{kind: workspace.KindCanned, own: own, path: path, one: one, many: many, a: "a canned response", all: all,
			list: func(l []*workspace.Canned, next string) any { return CannedList{l, next} }, fits: fitsCanned, params: []Parameter{
				{Name: "shortcut", Summary: "Only those whose shortcut begins so; upper and lower case are not told apart."},
				{Name: "department", Summary: "Only those that are meant for the department, or for all."}}}
	}
	view := func(own bool, path, many, one, all string) collection[workspace.View] {
		return collection[workspace.View]{kind: workspace.KindView, own: own, path: path, one: one, many: many, a: "a view", all: all,
			list: func(l []*workspace.View, next string) any { return ViewList{l, next} }}
	}
	return slices.Concat(
		settingsRoutes(),
		collection[workspace.Department]{kind: workspace.KindDepartment, path: "/v1/departments", one: "department", many: "departments", a: "a department", all: "the departments",
			list: func(l []*workspace.Department, next string) any { return DepartmentList{l, next} }}.routes(),
		collection[workspace.Field]{kind: workspace.KindField, path: "/v1/fields", one: "field", many: "fields", a: "the definition of a field", all: "the fields of conversations and contacts",
			list: func(l []*workspace.Field, next string) any { return FieldList{l, next} }}.routes(),
		collection[workspace.Form]{kind: workspace.KindForm, path: "/v1/forms", one: "form", many: "forms", a: "a form", all: "the forms that customers are asked to fill in",
			list: func(l []*workspace.Form, next string) any { return FormList{l, next} }}.routes(),
		collection[workspace.Greeting]{kind: workspace.KindGreeting, path: "/v1/greetings", one: "greeting", many: "greetings", a: "a greeting", all: "the greetings that the widget shows by itself",
			list: func(l []*workspace.Greeting, next string) any { return GreetingList{l, next} }}.routes(),
		collection[workspace.Rule]{kind: workspace.KindRule, path: "/v1/rules", one: "rule", many: "rules", a: "an automation rule", all: "the automation rules",
			list: func(l []*workspace.Rule, next string) any { return RuleList{l, next} }}.routes(),
		collection[workspace.Tag]{kind: workspace.KindTag, path: "/v1/tags", one: "tag", many: "tags", a: "a tag", all: "the tags of the workspace's vocabulary",
			list: func(l []*workspace.Tag, next string) any { return TagList{l, next} }}.routes(),
		collection[workspace.Macro]{kind: workspace.KindMacro, path: "/v1/macros", one: "macro", many: "macros", a: "a macro", all: "the macros",
			list: func(l []*workspace.Macro, next string) any { return MacroList{l, next} }}.routes(),
		canned(false, "/v1/canned", "canned", "the canned responses: those that everybody shares, and one's own").routes(),
		canned(true, "/v1/own/canned", "ownCanned", "one's own canned responses").routes(),
		view(false, "/v1/views", "views", "view", "the views: those that everybody shares, and one's own").routes(),
		view(true, "/v1/own/views", "ownViews", "ownView", "one's own views").routes(),
		libraryRoutes(),
		automationRoutes(),
		widgetRoutes(),
	)
}

func fitsCanned(q *query) func(*workspace.Canned) bool {
	shortcut, department := strings.ToLower(q.text("shortcut")), chat.DepartmentID(q.text("department"))
	return func(c *workspace.Canned) bool {
		return strings.HasPrefix(strings.ToLower(c.Shortcut), shortcut) && (department == "" || c.Department == "" || c.Department == department)
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
