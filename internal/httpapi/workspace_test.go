package httpapi

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
	"github.com/parley-chat/parley/internal/workspace"
)

// admin signs an admin in and returns the Authorization header's value.
func (m *matrix) admin() string {
	m.t.Helper()
	return "Bearer " + m.signIn(caller{principal: chat.Principal{Workspace: workspaceOne, User: chat.UserID(wid("u_", 8)), Role: chat.RoleAdmin}})
}

// A document is read, changed from what was read, and polled; a change from anything else is refused.
func TestDocumentsAreVersioned(t *testing.T) {
	t.Parallel()
	m := newMatrix(t, caller{})
	auth := []string{"Authorization", m.admin()}
	with := func(more ...string) []string { return append(slices.Clone(auth), more...) }
	a := m.do("GET", "/v1/settings", "", auth...)
	if a.StatusCode != http.StatusOK || a.Header.Get("ETag") != `"v0"` {
		t.Fatalf("%d %s %s", a.StatusCode, a.Header, a.body)
	}
	m.problem("without If-Match", m.do("PUT", "/v1/settings", `{}`, auth...), http.StatusPreconditionRequired, chat.CodeInvalid, "")
	a = m.do("PUT", "/v1/settings", `{"widget":{"welcome":"Hi"}}`, with("If-Match", `"v0"`)...)
	if a.StatusCode != http.StatusOK || a.Header.Get("ETag") != `"v1"` {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	m.problem("from an old version", m.do("PUT", "/v1/settings", `{}`, with("If-Match", `"v0"`)...), http.StatusPreconditionFailed, chat.CodeConflict, "")
	m.problem("a bad field", m.do("PUT", "/v1/settings", `{"hours":{"zone":"Mars"}}`, with("If-Match", "*")...), 400, chat.CodeInvalid, "")
	if got := decodeAs[workspace.Settings](t, m.do("GET", "/v1/settings", "", auth...)); got.Widget.Welcome != "Hi" || got.Version != 1 {
		t.Errorf("%+v", got)
	}

	made := m.do("POST", "/v1/tags", `{"name":"<i>vip</i>"}`, with("Idempotency-Key", "one")...)
	again := m.do("POST", "/v1/tags", `{"name":"<i>vip</i>"}`, with("Idempotency-Key", "one")...)
	if made.StatusCode != http.StatusCreated || made.Header.Get("Location") == "" || string(again.body) != string(made.body) {
		t.Fatalf("%d %s, then %d %s", made.StatusCode, made.body, again.StatusCode, again.body)
	}
	m.problem("the same name", m.do("POST", "/v1/tags", `{"name":"<I>VIP</i> "}`, auth...), 400, chat.CodeInvalid, "")
	list := m.do("GET", "/v1/tags", "", auth...)
	if tags := decodeAs[TagList](t, list); len(tags.Tags) != 1 || tags.Tags[0].Name != "<i>vip</i>" {
		t.Errorf("%s", list.body)
	}
	if polled := m.do("GET", "/v1/tags", "", with("If-None-Match", list.Header.Get("ETag"))...); polled.StatusCode != http.StatusNotModified {
		t.Errorf("%d", polled.StatusCode)
	}
	m.problem("removing another version", m.do("DELETE", made.Header.Get("Location"), "", with("If-Match", `"v7"`)...), 412, chat.CodeConflict, "")
	if gone := m.do("DELETE", made.Header.Get("Location"), "", with("If-Match", `"v1"`)...); gone.StatusCode != http.StatusNoContent {
		t.Errorf("%d %s", gone.StatusCode, gone.body)
	}
	m.problem("an entity that is gone", m.do("GET", made.Header.Get("Location"), "", auth...), 404, chat.CodeNotFound, "")
}

// Lists go on by cursors, own things are among the shared ones, and shortcuts narrow them.
func TestCannedResponsesAreListed(t *testing.T) {
	t.Parallel()
	m := newMatrix(t, caller{})
	token := m.admin()
	for n := range 5 {
		m.put(workspace.KindCanned, "", wid("n_", n), fmt.Sprintf(`{"shortcut":"Hi%d","text":"x"}`, n))
	}
	m.put(workspace.KindCanned, userOf(token), wid("n_", 7), `{"shortcut":"hi-mine","text":"x"}`)
	m.put(workspace.KindCanned, operatorOne, wid("n_", 8), `{"shortcut":"hi-theirs","text":"x"}`)
	m.put(workspace.KindCanned, "", wid("n_", 9), `{"shortcut":"bye","text":"x","department":"`+string(otherDepartment)+`"}`)
	var seen []string
	pages := 0
	for target := "/v1/canned?shortcut=hi&limit=4&department=" + string(salesDepartment); target != ""; pages++ {
		page := decodeAs[CannedList](t, m.do("GET", target, "", "Authorization", token))
		for _, c := range page.Canned {
			seen = append(seen, c.Shortcut)
		}
		target = ""
		if page.Next != "" {
			target = "/v1/canned?shortcut=hi&limit=4&department=" + string(salesDepartment) + "&after=" + page.Next
		}
	}
	if want := "Hi0 Hi1 Hi2 Hi3 Hi4 hi-mine"; strings.Join(seen, " ") != want || pages != 2 {
		t.Errorf("%q in %d pages", seen, pages)
	}
	m.problem("somebody else's own", m.do("GET", "/v1/own/canned/"+wid("n_", 8), "", "Authorization", token), 404, chat.CodeNotFound, "")
	m.problem("a cursor of another list", m.do("GET", "/v1/canned?after=e30", "", "Authorization", token), 400, chat.CodeInvalid, "")
}

// A response is filled in for a conversation, and says what it lacks; a value cannot bring in another variable.
func TestCannedResponsesAreRendered(t *testing.T) {
	t.Parallel()
	m := newMatrix(t, caller{})
	m.automates(m.memory)
	m.put(workspace.KindCanned, "", wid("n_", 1), `{"shortcut":"hi","text":"Hello {{customer.firstName}}, {{field.order}} {{field.size|any}} {{field.order}}"}`)
	a := m.do("POST", "/v1/canned/"+wid("n_", 1)+"/render", `{"conversation":"`+string(talk)+`"}`, "Authorization", m.admin())
	if got := decodeAs[Rendered](t, a); got.Text != "Hello Grace,  any " || !slices.Equal(got.Missing, []string{"field.order"}) {
		t.Errorf("%s", a.body)
	}
}

// An article of the full size is taken, with an Idempotency-Key too; a longer one is refused.
func TestLongArticles(t *testing.T) {
	t.Parallel()
	m := newMatrix(t, caller{})
	token := m.admin()
	body := func(n int) string {
		return `{"title":"Long","slug":"long","status":"draft","markdown":"` + strings.Repeat(`\"`, n) + `"}`
	}
	a := m.do("POST", "/v1/articles", body(workspace.MaxArticle), "Authorization", token, "Idempotency-Key", "k")
	if a.StatusCode != http.StatusCreated {
		t.Fatalf("%d %.300s", a.StatusCode, a.body)
	}
	m.problem("too long", m.do("POST", "/v1/articles", body(workspace.MaxArticle+1), "Authorization", token), 400, chat.CodeInvalid, "")
	m.problem("far too long", m.do("POST", "/v1/articles", body(MaxArticleBody), "Authorization", token), 413, chat.CodeInvalid, "")
}

// The widget's configuration is for pages that are allowed, is kept for a minute, and costs no read while it is warm.
func TestWidgetConfig(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(workspace.KindSettings, "", workspace.SettingsID, `{"hours":{"week":[[],[{"from":600,"to":660}],[],[],[],[],[]]},"widget":{"offline":"asleep"}}`)
	w.now = time.Date(2026, 11, 2, 9, 31, 0, 0, time.UTC) // a Monday
	target := "/v1/widget/config?key=wk_one"
	a := w.do("GET", target, "", "Origin", shop)
	config := decodeAs[workspace.WidgetConfig](t, a)
	if config.Open || config.NextOpening != time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC).UnixMilli() || config.Name != "One" || config.Widget.Offline != "asleep" {
		t.Errorf("%s", a.body)
	}
	if a.Header.Get("Cache-Control") != "private, max-age=60" || !slices.Contains(a.Header.Values("Vary"), "Origin") {
		t.Errorf("%v", a.Header)
	}
	for range 20 {
		if b := w.do("GET", target, "", "Origin", shop, "If-None-Match", a.Header.Get("ETag")); b.StatusCode != http.StatusNotModified {
			t.Errorf("%d", b.StatusCode)
		}
	}
	if n := w.stored().Calls("Config"); n != 1 {
		t.Errorf("%d reads of the configuration", n)
	}
	w.problem("a page that is not allowed", w.do("GET", target, "", "Origin", "https://evil.example"), 403, chat.CodeForbidden, identity.ReasonOriginNotAllowed)
	w.problem("no page", w.do("GET", target, ""), 403, chat.CodeForbidden, identity.ReasonOriginNotAllowed)
	w.problem("no such widget", w.do("GET", "/v1/widget/config?key=wk_two", "", "Origin", shop), 404, chat.CodeNotFound, identity.ReasonWidgetUnknown)
	w.problem("no key", w.do("GET", "/v1/widget/config", "", "Origin", shop), 400, chat.CodeInvalid, "")
}

// A dry run takes a conversation or a sample, and says what it saw.
func TestDryRun(t *testing.T) {
	t.Parallel()
	m := newMatrix(t, caller{})
	m.automates(m.memory)
	m.put(workspace.KindRule, "", wid("r_", 1), documents()[workspace.KindRule])
	token := m.admin()
	run := func(body string) answer {
		return m.do("POST", "/v1/rules/"+wid("r_", 1)+"/dry-run", body, "Authorization", token)
	}
	if got := decodeAs[workspace.Trial](t, run(`{"sample":{"facts":{"text":["A VIP"]}}}`)); !got.Applies || len(got.Steps) != 1 || got.Conditions[0].Was[0] != "A VIP" {
		t.Errorf("%+v", got)
	}
	if got := decodeAs[workspace.Trial](t, run(`{"conversation":"`+string(talk)+`"}`)); got.Applies || got.On == "" || len(got.Steps) != 0 {
		t.Errorf("%+v", got)
	}
	m.problem("neither", run(`{}`), 400, chat.CodeInvalid, "")
	m.problem("both", run(`{"conversation":"`+string(talk)+`","sample":{"facts":{}}}`), 400, chat.CodeInvalid, "")
	m.problem("another's", run(`{"conversation":"`+wid("c_", 5)+`"}`), 404, chat.CodeNotFound, "")
}
