package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contact"
	"github.com/parley-chat/parley/internal/identity"
)

// from sends a request from a network address, as the gateway tells it.
func (w *world) from(address, method, target, body string, headers ...string) answer {
	w.t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.RemoteAddr = address
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	recorder := httptest.NewRecorder()
	w.handler.ServeHTTP(recorder, r)
	return answer{recorder.Result(), recorder.Body.Bytes()}
}

// boss signs in somebody who may ban.
func (w *world) boss() string {
	w.t.Helper()
	account := identity.Account{Workspace: workspaceOne, User: "u_01kaw3v4x0cccccccccccccccc", Address: "boss@example.com", Name: "Boss", Role: chat.RoleSupervisor}
	w.must(w.store.PutStaff(w.t.Context(), account, "hash:right"))
	return "Bearer " + decodeAs[Session](w.t, w.do("POST", "/v1/staff-sessions", `{"email":"boss@example.com","password":"right"}`, "Origin", desk)).Token
}

func status(t *testing.T, what string, a answer, want int) {
	t.Helper()
	if a.StatusCode != want {
		t.Errorf("%s: %d %s; want %d", what, a.StatusCode, a.body, want)
	}
}

func TestIdentifyOverHTTP(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before, token := w.customer()
	a := w.do("POST", "/v1/customer-sessions/current/identify", `{"identity":"sub:42"}`, "Authorization", token)
	status(t, "identified", a, http.StatusCreated)
	s := decodeAs[Session](t, a)
	if s.User == before.User || s.Token == before.Token || s.Token == "" {
		t.Errorf("the session of before: %s", a.body)
	}
	w.problem("the token of before", w.do("GET", "/v1/sessions/current", "", "Authorization", token), 401, chat.CodeUnauthenticated, identity.ReasonSessionRevoked)
	again := w.do("POST", "/v1/customer-sessions", `{"widgetKey":"wk_one","identity":"sub:42"}`, "Origin", shop, "Authorization", "Bearer "+s.Token)
	status(t, "the same customer again", again, http.StatusOK)
	other := w.do("POST", "/v1/customer-sessions", `{"widgetKey":"wk_one","identity":"sub:42"}`, "Origin", shop)
	status(t, "another device", other, http.StatusCreated)
	if got := decodeAs[Session](t, other); got.User != s.User || got.Session == s.Session {
		t.Errorf("another device: %+v", got)
	}
	w.problem("a token that is not signed", w.do("POST", "/v1/customer-sessions", `{"widgetKey":"wk_one","identity":"x"}`, "Origin", shop),
		401, chat.CodeUnauthenticated, identity.ReasonIdentitySignature)
	w.problem("a page of somebody else", w.do("POST", "/v1/customer-sessions", `{"widgetKey":"wk_one","identity":"sub:42"}`, "Origin", "https://evil.example"),
		403, chat.CodeForbidden, identity.ReasonOriginNotAllowed)
	if strings.Contains(w.logged.String(), "sub:42") || strings.Contains(w.logged.String(), s.Token) {
		t.Error("a token is in the log")
	}
}

func TestIdentityKeysOverHTTP(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	account := identity.Account{Workspace: workspaceOne, User: "u_01kaw3v4x0cccccccccccccccc", Address: "admin@example.com", Role: chat.RoleAdmin}
	w.must(w.store.PutStaff(t.Context(), account, "hash:right"))
	admin := "Bearer " + decodeAs[Session](t, w.do("POST", "/v1/staff-sessions", `{"email":"admin@example.com","password":"right"}`, "Origin", desk)).Token
	a := w.do("POST", "/v1/identity-keys", `{"algorithm":"HS256"}`, "Authorization", admin, "Idempotency-Key", "k1")
	status(t, "made", a, http.StatusCreated)
	key := decodeAs[IdentityKey](t, a)
	if len(key.Secret) < 43 {
		t.Errorf("secret of %d bytes", len(key.Secret))
	}
	again := w.do("POST", "/v1/identity-keys", `{"algorithm":"HS256"}`, "Authorization", admin, "Idempotency-Key", "k1")
	w.problem("made again", again, 409, chat.CodeAlreadyDone, "")
	list := w.do("GET", "/v1/identity-keys", "", "Authorization", admin)
	for what, text := range map[string]string{"list": string(list.body), "retry": string(again.body), "log": w.logged.String()} {
		if strings.Contains(text, key.Secret) {
			t.Errorf("the %s has the secret", what)
		}
	}
	status(t, "removed", w.do("DELETE", "/v1/identity-keys/"+key.Key, "", "Authorization", admin), http.StatusNoContent)
	w.problem("a bad key", w.do("POST", "/v1/identity-keys", `{"algorithm":"none"}`, "Authorization", admin), 400, chat.CodeInvalid, "")
}

func TestContactsOverHTTP(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.known()
	_, token := w.operator()
	one := "/v1/contacts/" + string(contactOne)
	a := w.do("GET", one, "", "Authorization", token)
	if a.Header.Get("ETag") != `"v1"` || !json.Valid(a.body) || decodeAs[ContactCard](t, a).Name != "Grace <b>" {
		t.Errorf("%s %s", a.Header.Get("ETag"), a.body)
	}
	status(t, "by its user", w.do("GET", "/v1/contacts/"+string(customerOne), "", "Authorization", token), http.StatusOK)
	status(t, "known already", w.do("GET", one, "", "Authorization", token, "If-None-Match", `"v1"`), http.StatusNotModified)
	status(t, "changed without If-Match", w.do("PATCH", one, `{"name":"Grace"}`, "Authorization", token), http.StatusPreconditionRequired)
	status(t, "changed", w.do("PATCH", one, `{"name":"Grace"}`, "Authorization", token, "If-Match", `"v1"`), http.StatusOK)
	w.problem("changed again", w.do("PATCH", one, `{"name":"G"}`, "Authorization", token, "If-Match", `"v1"`), 412, chat.CodeConflict, "")
	list := decodeAs[ContactList](t, w.do("GET", "/v1/contacts?users="+string(customerOne)+","+string(operatorOne), "", "Authorization", token))
	if len(list.Contacts) != 1 || list.Contacts[0].Contact != contactOne {
		t.Errorf("of users: %+v", list)
	}
	for _, query := range []string{"", "?query=a&users=u_1", "?users=u_1", "?channel=app", "?query=a&limit=0", "?query=a&after=x", "?externalId=" + strings.Repeat("x", 129)} {
		w.problem(query, w.do("GET", "/v1/contacts"+query, "", "Authorization", token), 400, chat.CodeInvalid, "")
	}
	first := decodeAs[ContactList](t, w.do("GET", "/v1/contacts?query=b&limit=1", "", "Authorization", token))
	if len(first.Contacts) != 1 || first.Next == "" {
		t.Fatalf("first page: %+v", first)
	}
	second := decodeAs[ContactList](t, w.do("GET", "/v1/contacts?query=b&limit=1&after="+first.Next, "", "Authorization", token))
	if len(second.Contacts) != 0 {
		t.Errorf("second page: %+v", second)
	}
	events := decodeAs[ContactEvents](t, w.do("GET", one+"/events", "", "Authorization", token))
	if len(events.Events) != 1 || events.Events[0].Type != contact.EventUpdated || events.Events[0].Sender != operatorOne {
		t.Errorf("events: %+v", events)
	}
}

// What visitors type comes out as the same text, as JSON; what deceives the eye does not come out.
func TestStoredMarkup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, token := w.customer()
	body, _ := json.Marshal(LeadRequest{Name: "</script><img src=x onerror=alert(1)>\u202e\u0000\u2028", Email: "ada@shop.example"})
	status(t, "lead", w.do("POST", "/v1/leads", string(body), "Authorization", token), http.StatusNoContent)
	_, operator := w.operator()
	a := w.do("GET", "/v1/contacts/"+string(s.User), "", "Authorization", operator)
	if got := decodeAs[ContactCard](t, a); got.Name != "</script><img src=x onerror=alert(1)>" || got.Verified || got.Addresses[0].Verified {
		t.Errorf("%+v", got)
	}
	if kind := a.Header.Get("Content-Type"); kind != "application/json" || a.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("content type %q", kind)
	}
	w.problem("a lead that is too long", w.do("POST", "/v1/leads", `{"name":"`+strings.Repeat("x", 201)+`"}`, "Authorization", token), 400, chat.CodeInvalid, "")
}

func TestBansOverHTTP(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, token := w.customer()
	status(t, "lead", w.do("POST", "/v1/leads", `{"name":"Eve"}`, "Authorization", token), http.StatusNoContent)
	boss := w.boss()
	until := w.now.Add(time.Hour).UnixMilli()
	a := w.do("POST", "/v1/bans", fmt.Sprintf(`{"user":%q,"until":%d,"reason":"rude"}`, s.User, until), "Authorization", boss)
	status(t, "banned", a, http.StatusCreated)
	ban := decodeAs[Ban](t, a)
	for what, refused := range map[string]answer{
		"a ticket":  w.do("POST", "/v1/socket-tickets", "{}", "Authorization", token, "Origin", shop),
		"a session": w.do("POST", "/v1/customer-sessions", `{"widgetKey":"wk_one"}`, "Authorization", token, "Origin", shop),
		"a list":    w.do("GET", "/v1/conversations", "", "Authorization", token),
	} {
		w.problem(what, refused, 403, chat.CodeBanned, identity.ReasonBanned)
		if strings.Contains(string(refused.body), "rude") {
			t.Errorf("%s tells why: %s", what, refused.body)
		}
	}
	list := decodeAs[BanList](t, w.do("GET", "/v1/bans", "", "Authorization", boss))
	if len(list.Bans) != 1 || list.Bans[0] != ban || ban.Until != until {
		t.Errorf("%+v, want %+v", list, ban)
	}
	status(t, "let in", w.do("DELETE", "/v1/bans/"+ban.Ban, "", "Authorization", boss), http.StatusNoContent)
	w.problem("the session of before stays ended", w.do("GET", "/v1/conversations", "", "Authorization", token), 401, chat.CodeUnauthenticated, identity.ReasonSessionRevoked)
	w.problem("both", w.do("POST", "/v1/bans", `{"user":"u_1","ip":"192.0.2.1"}`, "Authorization", boss), 400, chat.CodeInvalid, "")
}

// A banned address gets neither a session nor, for a session of before, a ticket; others do.
func TestAddressBanOverHTTP(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, token := w.customer()
	status(t, "banned", w.do("POST", "/v1/bans", `{"ip":"203.0.113.9"}`, "Authorization", w.boss()), http.StatusCreated)
	start := func(address string) answer {
		return w.from(address, "POST", "/v1/customer-sessions", `{"widgetKey":"wk_one"}`, "Origin", shop)
	}
	w.problem("a session", start("203.0.113.9"), 403, chat.CodeBanned, identity.ReasonBanned)
	w.problem("a ticket", w.from("203.0.113.9:1234", "POST", "/v1/socket-tickets", "{}", "Origin", shop, "Authorization", token), 403, chat.CodeBanned, identity.ReasonBanned)
	status(t, "somebody else", start("203.0.113.10"), http.StatusCreated)
}

func TestFloodOfSessionsOverHTTP(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	start := func(address string) answer {
		return w.from(address, "POST", "/v1/customer-sessions", `{"widgetKey":"wk_one"}`, "Origin", shop)
	}
	for n := range identity.StartsPerSource {
		status(t, fmt.Sprint("visitor ", n), start("2001:db8:1:2::"+fmt.Sprint(n)), http.StatusCreated)
	}
	a := start("2001:db8:1:2:ffff::1")
	w.problem("one too many of the network", a, 429, chat.CodeTooFast, identity.ReasonThrottled)
	if a.Header.Get("Retry-After") == "" {
		t.Error("it does not say when to come again")
	}
	status(t, "another network", start("2001:db8:1:3::1"), http.StatusCreated)
}
