package httpapi

import (
	"net/http"
	"strings"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

// WorkspaceSite is what a workspace is called, and on which pages its desk runs. Its ETag names its version.
type WorkspaceSite struct {
	Workspace chat.WorkspaceID `json:"workspace"`
	Name      string           `json:"name"`
	// Origins of the pages that staff may sign in on, such as https://desk.example; http://localhost:* and
	// http://127.0.0.1:* stand for any port of one's own machine.
	Origins []string `json:"origins"`
	// Version is what If-Match names, as "v" and this number in quotes.
	Version uint64 `json:"version"`
}

// WorkspaceSiteChange is the body of PATCH /v1/workspace; what is absent stays. It holds everywhere within a minute.
type WorkspaceSiteChange struct {
	// Name has at most 100 bytes; customers see it.
	Name *string `json:"name,omitempty"`
	// Origins, at most 50; the page that asks must stay among them.
	Origins *[]string `json:"origins,omitempty"`
}

// WidgetKey is what a page's widget names to be the workspace's. It is public: the list of origins is what keeps other
// people's pages out. Its ETag names its version.
type WidgetKey struct {
	// Key is what the page's widget names, wk_….
	Key  string `json:"key"`
	Name string `json:"name,omitempty"`
	// Origins of the pages that the widget may run on, such as https://shop.example.
	Origins []string `json:"origins"`
	// Version is what If-Match names, as "v" and this number in quotes.
	Version   uint64 `json:"version"`
	CreatedAt int64  `json:"createdAt,omitempty"`
}

// WidgetKeyList answers GET /v1/widgets, by key, at most 50.
type WidgetKeyList struct {
	// Widgets of the workspace.
	Widgets []WidgetKey `json:"widgets"`
}

// WidgetKeyRequest is the body of POST /v1/widgets.
type WidgetKeyRequest struct {
	// Name has 1 to 100 bytes.
	Name string `json:"name"`
	// Origins, at most 50.
	Origins []string `json:"origins"`
}

// WidgetKeyChange is the body of PATCH /v1/widgets/{id}; what is absent stays. It holds everywhere within a minute.
type WidgetKeyChange struct {
	// Name has 1 to 100 bytes.
	Name *string `json:"name,omitempty"`
	// Origins, at most 50.
	Origins *[]string `json:"origins,omitempty"`
}

// SignInMethods answers GET /v1/sign-in: what a sign-in page needs to know before anybody is signed in.
type SignInMethods struct {
	Workspace chat.WorkspaceID `json:"workspace"`
	Name      string           `json:"name"`
	// Password says that accounts with a password may sign in: POST /v1/staff-sessions.
	Password bool `json:"password"`
	// Provider says that there is an identity provider: GET /v1/oidc/{workspace}/start.
	Provider bool `json:"provider"`
}

func siteRoutes() []route {
	ok, made, none := http.StatusOK, http.StatusCreated, http.StatusNoContent
	key := []Segment{{Name: "id", Summary: "The widget key, which begins with wk_."}}
	missing := []chat.Code{chat.CodeNotFound}
	return []route{
		{pattern: "GET /v1/workspace", command: chat.CommandSettings, serve: (*API).site, says: says{
			name: "workspaceSite", summary: "Read what the workspace is called, and on which pages its desk runs.", answers: map[int]any{ok: WorkspaceSite{}}, codes: missing}},
		{pattern: "PATCH /v1/workspace", command: chat.CommandKeys, serve: (*API).changeSite, says: says{
			name: "changeWorkspaceSite", summary: "Change what the workspace is called, or on which pages its desk runs.", request: WorkspaceSiteChange{},
			answers: map[int]any{ok: WorkspaceSite{}}, demands: true, codes: missing}},
		{pattern: "GET /v1/widgets", command: chat.CommandSettings, polled: true, serve: (*API).listWidgets, says: says{
			name: "listWidgetKeys", summary: "List the widget keys.", answers: map[int]any{ok: WidgetKeyList{}}}},
		{pattern: "POST /v1/widgets", command: chat.CommandKeys, idempotent: true, serve: (*API).makeWidget, says: says{
			name: "makeWidgetKey", summary: "Make a widget key for some pages.", request: WidgetKeyRequest{}, answers: map[int]any{made: WidgetKey{}}}},
		{pattern: "GET /v1/widgets/{id}", command: chat.CommandSettings, serve: (*API).widget, says: says{
			name: "widgetKey", summary: "Read a widget key.", answers: map[int]any{ok: WidgetKey{}}, segments: key, codes: missing}},
		{pattern: "PATCH /v1/widgets/{id}", command: chat.CommandKeys, serve: (*API).changeWidget, says: says{
			name: "changeWidgetKey", summary: "Change on which pages a widget key may be used.", request: WidgetKeyChange{}, answers: map[int]any{ok: WidgetKey{}},
			segments: key, demands: true, codes: missing}},
		{pattern: "DELETE /v1/widgets/{id}", command: chat.CommandKeys, serve: (*API).removeWidget, says: says{
			name: "removeWidgetKey", summary: "Remove a widget key: within a minute no page starts, or goes on, with it.", answers: map[int]any{none: nil}, segments: key, codes: missing}},
		{pattern: "GET /v1/sign-in", open: true, polled: true, serve: (*API).signInMethods, says: says{
			name: "signInMethods", summary: "Read how a workspace's staff signs in: what a sign-in page shows.", answers: map[int]any{ok: SignInMethods{}},
			query: []Parameter{{Name: "workspace", Summary: "The workspace, w_…; needed."}}, codes: []chat.Code{chat.CodeInvalid, chat.CodeNotFound}}},
	}
}

func siteOf(w identity.Workspace) WorkspaceSite {
	return WorkspaceSite{Workspace: w.ID, Name: w.Name, Origins: append([]string{}, w.Origins...), Version: w.Version}
}

func widgetKeyOf(w identity.Widget) WidgetKey {
	return WidgetKey{Key: w.Key, Name: w.Name, Origins: append([]string{}, w.Origins...), Version: w.Version, CreatedAt: w.Created}
}

func (a *API) site(c *call) (int, any, error) {
	w, err := a.Sites.Workspace(c.Context(), c.actor())
	if err != nil {
		return 0, nil, err
	}
	c.setVersion(w.Version)
	return http.StatusOK, siteOf(w), nil
}

func (a *API) changeSite(c *call) (int, any, error) {
	body, err := decode[WorkspaceSiteChange](c.Request, false)
	if err != nil {
		return 0, nil, err
	}
	version, err := c.demanded()
	if err != nil {
		return 0, nil, err
	}
	w, err := a.Sites.ChangeWorkspace(c.Context(), c.actor(), version, c.Header.Get("Origin"), identity.SiteChange(body))
	if err != nil {
		return 0, nil, err
	}
	c.setVersion(w.Version)
	return http.StatusOK, siteOf(w), nil
}

func (a *API) listWidgets(c *call) (int, any, error) {
	list, err := a.Sites.Widgets(c.Context(), c.actor())
	out := WidgetKeyList{Widgets: []WidgetKey{}}
	for _, w := range list {
		out.Widgets = append(out.Widgets, widgetKeyOf(w))
	}
	return http.StatusOK, out, err
}

func (a *API) makeWidget(c *call) (int, any, error) {
	body, err := decode[WidgetKeyRequest](c.Request, false)
	if err != nil {
		return 0, nil, err
	}
	key := a.newID(c, identity.WidgetPrefix, "widget")
	w, err := a.Sites.MakeWidget(c.Context(), c.actor(), key, a.now(), identity.SiteChange{Name: &body.Name, Origins: &body.Origins})
	if err != nil {
		return 0, nil, err
	}
	c.answer.Set("Location", "/v1/widgets/"+key)
	c.setVersion(w.Version)
	return http.StatusCreated, widgetKeyOf(w), nil
}

func (a *API) widget(c *call) (int, any, error) {
	w, err := a.Sites.Widget(c.Context(), c.actor(), c.PathValue("id"))
	if err != nil {
		return 0, nil, err
	}
	c.setVersion(w.Version)
	return http.StatusOK, widgetKeyOf(w), nil
}

func (a *API) changeWidget(c *call) (int, any, error) {
	body, err := decode[WidgetKeyChange](c.Request, false)
	if err != nil {
		return 0, nil, err
	}
	version, err := c.demanded()
	if err != nil {
		return 0, nil, err
	}
	w, err := a.Sites.ChangeWidget(c.Context(), c.actor(), c.PathValue("id"), version, identity.SiteChange(body))
	if err != nil {
		return 0, nil, err
	}
	c.setVersion(w.Version)
	return http.StatusOK, widgetKeyOf(w), nil
}

func (a *API) removeWidget(c *call) (int, any, error) {
	return http.StatusNoContent, nil, a.Sites.RemoveWidget(c.Context(), c.actor(), c.PathValue("id"))
}

// signInMethods tells no more than the workspace's name, to whoever knows its id: that is in the address of its desk.
func (a *API) signInMethods(c *call) (int, any, error) {
	q := queryOf(c.Request, "workspace")
	id := chat.WorkspaceID(strings.TrimSpace(q.text("workspace")))
	if q.err == nil && !id.Valid() {
		q.err = chat.Errorf(chat.CodeInvalid, "workspace: the id of a workspace")
	}
	if q.err != nil {
		return 0, nil, q.err
	}
	w, ok, err := a.Staff.Workspaces.Workspace(c.Context(), id)
	if err != nil {
		return 0, nil, err
	}
	if !ok {
		return 0, nil, chat.Errorf(chat.CodeNotFound, "there is no such workspace")
	}
	provider, err := a.SignOn.Configured(c.Context(), id)
	return http.StatusOK, SignInMethods{Workspace: id, Name: w.Name, Password: true, Provider: provider}, err
}
