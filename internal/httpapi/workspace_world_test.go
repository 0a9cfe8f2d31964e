package httpapi

import (
	"context"
	"encoding/json"
	"strings"
	"time"
	_ "time/tzdata"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/chat/chattest"
	"github.com/parley-chat/parley/internal/identity"
	"github.com/parley-chat/parley/internal/workspace"
	"github.com/parley-chat/parley/internal/workspace/workspacetest"
)

// workspace gives the API what businesses set for themselves, empty.
func (w *world) workspace() {
	clock := func() time.Time { return w.now }
	store := &workspacetest.Memory{}
	w.api.Catalog = &workspace.Catalog{Store: store, Now: clock}
	w.api.Articles = &workspace.Articles{Store: store, Now: clock}
	w.api.Settings = &workspace.Cache{Store: store, Now: clock}
	w.api.Automation = &workspace.Automation{Settings: w.api.Settings, Catalog: w.api.Catalog, Runs: store, Now: clock}
}

// stored is the double behind the API's catalog.
func (w *world) stored() *workspacetest.Memory { return w.api.Catalog.Store.(*workspacetest.Memory) }

// silent delivers nothing.
type silent struct{}

func (silent) Committed(context.Context, chat.Principal, *chat.Outcome) error { return nil }

// automates lets macros and dry runs act on the conversations of the memory.
func (w *world) automates(memory *chattest.Memory) *chat.Service {
	service := &chat.Service{
		Log: memory, Reader: memory, Subs: memory, Dir: memory, Sockets: memory, States: memory, Now: memory.Now,
		Deadline: time.Nanosecond, Sleep: func(context.Context, time.Duration) {},
	}
	w.api.Settings.Serve(service)
	a := w.api.Automation
	a.Chat, a.Log, a.States, a.Directory, a.Deliver = service, memory, memory, memory, silent{}
	a.Who = func(context.Context, chat.WorkspaceID, chat.UserID, chat.UserID) (map[string]string, error) {
		return map[string]string{"customer.name": "Grace Hopper", "workspace.name": "One"}, nil
	}
	return service
}

// wid is an id for tests.
func wid(prefix string, n int) string {
	return prefix + "01kaw3v4x0000000000000000" + string(rune('0'+n))
}

// put stores a document.
func (w *world) put(k workspace.Kind, owner chat.UserID, id, document string) {
	w.t.Helper()
	done, err := w.stored().PutEntry(w.t.Context(), workspace.Entry{
		Place: workspace.Place{Workspace: workspaceOne, Kind: k, Owner: owner}, ID: id, Version: 1, Document: []byte(document), Changed: w.now, By: operatorOne,
	}, workspace.Act{})
	if err != nil || !done {
		w.t.Fatal(done, err)
	}
}

// documents are valid bodies by kind.
func documents() map[workspace.Kind]string {
	return map[workspace.Kind]string{
		workspace.KindDepartment: `{"name":"Sales <b>"}`,
		workspace.KindField:      `{"of":"conversation","name":"order","kind":"text"}`,
		workspace.KindForm:       `{"use":"prechat","enabled":true,"fields":[{"name":"name","kind":"text","required":true}]}`,
		workspace.KindGreeting:   `{"name":"Hi","enabled":true,"order":1,"text":"Can I help?"}`,
		workspace.KindRule:       `{"name":"Vip","enabled":true,"order":0,"on":"message","conditions":[{"fact":"text","op":"contains","value":"vip"}],"steps":[{"kind":"tag","value":"vip"}]}`,
		workspace.KindTag:        `{"name":"vip"}`,
		workspace.KindCanned:     `{"shortcut":"hi","text":"Hello {{customer.firstName}} {{field.order}}"}`,
		workspace.KindMacro:      `{"name":"Escalate","steps":[{"kind":"note","value":"see {{customer.name}}"},{"kind":"tag","value":"vip"}]}`,
		workspace.KindView:       `{"name":"Open","filter":{"status":"active"}}`,
	}
}

// userOf is whose token it is.
func userOf(token string) chat.UserID {
	parsed, err := identity.ParseToken(strings.TrimPrefix(token, "Bearer "))
	if err != nil {
		return operatorOne
	}
	return parsed.User
}

// workspaceFixtures are those of the routes of workspace.go, library.go and workspace_automation.go.
func workspaceFixtures() map[string]fixture {
	all := map[string]fixture{
		"settings":        {about: aboutWorkspace},
		"replaceSettings": {about: aboutWorkspace, body: `{}`, headers: []string{"If-Match", "*"}},
		"widgetConfig":    {about: aboutOpen, target: "/v1/widget/config?key=wk_one", headers: []string{"Origin", shop}},
		"findArticles":    {about: aboutWorkspace, target: "/v1/articles?q=size"},
		"createArticle":   {about: aboutWorkspace, body: article},
		"dryRunRule": {about: aboutWorkspace, foreign: 404, target: "/v1/rules/" + wid("r_", 1) + "/dry-run", body: `{"sample":{"facts":{}}}`,
			prepare: func(m *matrix) { m.put(workspace.KindRule, "", wid("r_", 1), documents()[workspace.KindRule]) }},
		"listRuns": {about: aboutWorkspace, foreign: 404, target: "/v1/rules/" + wid("r_", 1) + "/runs",
			prepare: func(m *matrix) { m.put(workspace.KindRule, "", wid("r_", 1), documents()[workspace.KindRule]) }},
		"applyMacro": {about: aboutConversation, body: `{"macro":"` + wid("x_", 1) + `","id":"` + wid("m_", 1) + `"}`, prepare: func(m *matrix) {
			m.put(workspace.KindMacro, "", wid("x_", 1), documents()[workspace.KindMacro])
			m.automates(m.memory)
		}},
		// The text is the library's, the values are the conversation's: who may not read it hears that there is none.
		"renderCanned": {about: aboutConversation, target: "/v1/canned/" + wid("n_", 1) + "/render", body: `{"conversation":"` + string(talk) + `"}`,
			prepare: func(m *matrix) {
				m.put(workspace.KindCanned, "", wid("n_", 1), documents()[workspace.KindCanned])
				m.automates(m.memory)
			},
			reaches: func(c caller) bool {
				scope := chat.Allowed(c.principal.Role, chat.CommandPage)
				return c.takesPart || scope == chat.Workspace || scope == chat.Department && c.principal.WorksIn(salesDepartment)
			}},
	}
	for name, op := range map[string][2]string{"article": {"GET", ""}, "replaceArticle": {"PUT", article}, "removeArticle": {"DELETE", ""}} {
		all[name] = fixture{about: aboutWorkspace, foreign: 404, target: "/v1/articles/" + wid("h_", 1), body: op[1], headers: []string{"If-Match", "*"}, prepare: func(m *matrix) {
			var a workspace.Article
			m.must(json.Unmarshal([]byte(article), &a))
			a.ID, a.Version = wid("h_", 1), 1
			_, err := m.stored().PutArticle(m.t.Context(), workspaceOne, a, workspace.Act{})
			m.must(err)
		}}
	}
	for _, c := range []struct {
		kind      workspace.Kind
		own       bool
		path, one string
	}{
		{workspace.KindDepartment, false, "/v1/departments", "department"}, {workspace.KindField, false, "/v1/fields", "field"},
		{workspace.KindForm, false, "/v1/forms", "form"}, {workspace.KindGreeting, false, "/v1/greetings", "greeting"},
		{workspace.KindRule, false, "/v1/rules", "rule"}, {workspace.KindTag, false, "/v1/tags", "tag"},
		{workspace.KindCanned, false, "/v1/canned", "canned"}, {workspace.KindCanned, true, "/v1/own/canned", "ownCanned"},
		{workspace.KindMacro, false, "/v1/macros", "macro"}, {workspace.KindView, false, "/v1/views", "view"},
		{workspace.KindView, true, "/v1/own/views", "ownView"},
	} {
		id, body, name := wid(c.kind.Prefix(), 1), documents()[c.kind], strings.ToUpper(c.one[:1])+c.one[1:]
		many := strings.TrimSuffix(name, "s") + "s"
		if c.kind == workspace.KindCanned {
			many = name
		}
		all["list"+many] = fixture{about: aboutWorkspace}
		all["create"+name] = fixture{about: aboutWorkspace, body: body}
		if c.own {
			all["list"+many], all["create"+name] = fixture{about: aboutSelf}, fixture{about: aboutSelf, body: body}
		}
		for op, request := range map[string]string{c.one: "", "replace" + name: body, "remove" + name: ""} {
			f := fixture{about: aboutWorkspace, foreign: 404, headers: []string{"If-Match", "*"}}
			if c.own { // another workspace's admin has one of that id too: nobody else's is in reach
				f.about, f.foreign = aboutSelf, 0
			}
			f.arrange = func(w *world, token string) (string, string) {
				owner, ws := chat.UserID(""), workspaceOne
				if c.own {
					owner = userOf(token)
					if parsed, err := identity.ParseToken(strings.TrimPrefix(token, "Bearer ")); err == nil {
						ws = parsed.Workspace
					}
				}
				_, err := w.stored().PutEntry(w.t.Context(), workspace.Entry{
					Place: workspace.Place{Workspace: ws, Kind: c.kind, Owner: owner}, ID: id, Version: 1, Document: []byte(body), Changed: w.now,
				}, workspace.Act{})
				w.must(err)
				return c.path + "/" + id, request
			}
			all[op] = f
		}
	}
	return all
}

const article = `{"title":"Sizes","slug":"sizes","status":"published","tags":["fit"],"markdown":"# Which *size*?\n<script>alert(1)</script>"}`
