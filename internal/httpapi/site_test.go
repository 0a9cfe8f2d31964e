package httpapi

import (
	"net/http"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

// root signs an admin in.
func (w *world) root() string {
	w.t.Helper()
	w.admin()
	a := w.do("POST", "/v1/staff-sessions", `{"email":"root@example.com","password":"right"}`, "Origin", desk)
	return "Bearer " + decodeAs[Session](w.t, a).Token
}

func TestWorkspaceSite(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.root()
	read := w.do("GET", "/v1/workspace", "", "Authorization", token)
	if s := decodeAs[WorkspaceSite](t, read); s.Name != "One" || len(s.Origins) != 1 || s.Workspace != workspaceOne {
		t.Errorf("%s", read.body)
	}
	patch := func(body, match string, headers ...string) answer {
		return w.do("PATCH", "/v1/workspace", body, append([]string{"Authorization", token, "If-Match", match}, headers...)...)
	}
	a := patch(`{"name":"Acme","origins":["`+desk+`","https://new.example"]}`, read.Header.Get("ETag"), "Origin", desk)
	if s := decodeAs[WorkspaceSite](t, a); s.Name != "Acme" || s.Version != 1 || len(s.Origins) != 2 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	w.problem("an old version", patch(`{"name":"B"}`, read.Header.Get("ETag")), 412, chat.CodeConflict, "")
	w.problem("without If-Match", w.do("PATCH", "/v1/workspace", `{"name":"B"}`, "Authorization", token), 428, chat.CodeInvalid, "")
	w.problem("shutting oneself out", patch(`{"origins":["https://new.example"]}`, "*", "Origin", desk), 400, chat.CodeInvalid, "")
	for _, origin := range []string{"https://*.example", "shop.example", "https://shop.example/", "https://shop.example:443", "null", "*", "javascript://x"} {
		w.problem(origin, patch(`{"origins":["`+origin+`"]}`, "*"), 400, chat.CodeInvalid, "")
	}
	w.problem("twice", patch(`{"origins":["https://a.example","https://a.example"]}`, "*"), 400, chat.CodeInvalid, "")
	entries := decodeAs[AuditList](t, w.do("GET", "/v1/audit?act=workspace.", "", "Authorization", token)).Entries
	if len(entries) != 1 || entries[0].Before["name"] != "One" || entries[0].After["name"] != "Acme" {
		t.Errorf("audit log: %+v", entries)
	}
	// The new page signs in at once.
	in := w.do("POST", "/v1/staff-sessions", `{"email":"root@example.com","password":"right"}`, "Origin", "https://new.example")
	if in.StatusCode != http.StatusCreated {
		t.Errorf("%d %s", in.StatusCode, in.body)
	}
}

func TestWidgetKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.root()
	start := func(key, origin string) answer {
		return w.do("POST", "/v1/customer-sessions", `{"widgetKey":"`+key+`"}`, "Origin", origin)
	}
	post := func() answer {
		return w.do("POST", "/v1/widgets", `{"name":"Blog","origins":["https://blog.example"]}`, "Authorization", token, "Idempotency-Key", "one")
	}
	made := decodeAs[WidgetKey](t, post())
	if again := decodeAs[WidgetKey](t, post()); again.Key != made.Key || !identity.ValidWidgetKey(made.Key) {
		t.Errorf("%+v, then %+v", made, again)
	}
	if n := len(decodeAs[WidgetKeyList](t, w.do("GET", "/v1/widgets", "", "Authorization", token)).Widgets); n != 2 {
		t.Errorf("%d widget keys", n)
	}
	session := decodeAs[Session](t, start(made.Key, "https://blog.example"))
	w.problem("elsewhere", start(made.Key, "https://new.example"), 403, chat.CodeForbidden, identity.ReasonOriginNotAllowed)
	a := w.do("PATCH", "/v1/widgets/"+made.Key, `{"origins":["https://new.example"]}`, "Authorization", token, "If-Match", `"v1"`)
	if k := decodeAs[WidgetKey](t, a); k.Name != "Blog" || k.Version != 2 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	w.problem("where it was", start(made.Key, "https://blog.example"), 403, chat.CodeForbidden, identity.ReasonOriginNotAllowed)
	if a := start(made.Key, "https://new.example"); a.StatusCode != http.StatusCreated {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if a := w.do("DELETE", "/v1/widgets/"+made.Key, "", "Authorization", token); a.StatusCode != http.StatusNoContent {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	w.problem("removed", start(made.Key, "https://new.example"), 404, chat.CodeNotFound, identity.ReasonWidgetUnknown)
	w.problem("a ticket of a session that it began", w.do("POST", "/v1/socket-tickets", "{}", "Authorization", "Bearer "+session.Token, "Origin", "https://new.example"),
		403, chat.CodeForbidden, identity.ReasonOriginNotAllowed)
	w.problem("read", w.do("GET", "/v1/widgets/"+made.Key, "", "Authorization", token), 404, chat.CodeNotFound, "")
	if a := start("wk_one", shop); a.StatusCode != http.StatusCreated {
		t.Errorf("the other key: %d %s", a.StatusCode, a.body)
	}
}

func TestWidgetKeysAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.root()
	for i := 1; i < identity.MaxWidgets; i++ {
		w.must(w.store.PutWidget(t.Context(), identity.Widget{Key: chat.NewID(identity.WidgetPrefix, w.now), Workspace: workspaceOne}))
	}
	w.problem("one more", w.do("POST", "/v1/widgets", `{"name":"Blog","origins":[]}`, "Authorization", token), 400, chat.CodeInvalid, "")
}

// What a sign-in page learns of a workspace before anybody is signed in.
func TestSignInMethods(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ask := func(id chat.WorkspaceID) answer { return w.do("GET", "/v1/sign-in?workspace="+string(id), "") }
	if m := decodeAs[SignInMethods](t, ask(workspaceOne)); m != (SignInMethods{Workspace: workspaceOne, Name: "One", Password: true}) {
		t.Errorf("%+v", m)
	}
	w.configure()
	if m := decodeAs[SignInMethods](t, ask(workspaceOne)); !m.Provider {
		t.Errorf("with a provider: %+v", m)
	}
	w.problem("another", ask(workspaceTwo), 404, chat.CodeNotFound, "")
	w.problem("none", ask("x"), 400, chat.CodeInvalid, "")
}
