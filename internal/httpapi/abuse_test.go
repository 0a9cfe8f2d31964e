package httpapi

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/parley-chat/parley/internal/chat"
)

// changed is the fixture with another body in place of its own.
func (f fixture) changed(body func(string) string) fixture {
	before := f
	f.arrange = func(w *world, token string) (string, string) {
		if before.arrange == nil {
			return before.target, body(before.body)
		}
		target, was := before.arrange(w, token)
		return target, body(was)
	}
	return f
}

// eachBody runs a test for every operation with a body of JSON, as somebody who may.
func eachBody(t *testing.T, test func(*testing.T, Operation, fixture, caller)) {
	t.Helper()
	ran := 0
	for _, op := range Operations() {
		f, _ := fixtureOf(op.Name)
		who := slices.IndexFunc(callers(), func(c caller) bool { return wanted(op, f, c.without(op.Command)).allowed })
		if _, media := op.Request.(Media); op.Request == nil || media || who < 0 {
			continue
		}
		ran++
		t.Run(op.Name, func(t *testing.T) {
			t.Parallel()
			test(t, op, f, callers()[who].without(op.Command))
		})
	}
	if ran < 40 {
		t.Errorf("%d operations with a body were tried", ran)
	}
}

// Mass assignment: a member that is not documented is refused with the whole request, wherever there is a body. No route
// takes from a body who asks, when, or in which workspace.
func TestNothingElseIsAssigned(t *testing.T) {
	t.Parallel()
	eachBody(t, func(t *testing.T, op Operation, f fixture, c caller) {
		for _, member := range []string{"undocumented", "workspace", "sender", "at", "session", "digest", "passwords", "pk"} {
			m := newMatrix(t, c)
			a := m.request(op, f.changed(func(body string) string {
				return strings.Replace(`{"`+member+`":"w_01kaw3v4x0bbbbbbbbbbbbbbbb",`+strings.TrimPrefix(strings.TrimSpace(body), "{"), ",}", "}", 1)
			}), c, "")
			if a.StatusCode != http.StatusBadRequest {
				t.Errorf("%s: %d %s", member, a.StatusCode, a.body)
			}
			if p := decodeAs[Problem](t, a); p.Code != chat.CodeInvalid || !strings.Contains(p.Detail, "not documented") {
				t.Errorf("%s: %s", member, a.body)
			}
		}
	})
}

// What is nested deeply, is no UTF-8, or has a member of ten thousand, is refused like other nonsense, and is no failure of
// ours.
func TestJSONBombs(t *testing.T) {
	t.Parallel()
	eachBody(t, func(t *testing.T, op Operation, f fixture, c caller) {
		for what, bomb := range map[string]string{
			"lists": strings.Repeat("[", 7000) + strings.Repeat("]", 7000), "objects": strings.Repeat(`{"a":`, 2500) + "1" + strings.Repeat("}", 2500),
			"never closed": strings.Repeat("[", 15000), "a number": "1e" + strings.Repeat("9", 10000), "members": `{"a":1` + strings.Repeat(`,"a":1`, 2500) + "}",
			"half a pair": `"\ud800"x`,
		} {
			a := newMatrix(t, c).request(op, f.changed(func(string) string { return bomb }), c, "")
			if a.StatusCode != http.StatusBadRequest {
				t.Errorf("%s: %d %.200s", what, a.StatusCode, a.body)
			}
		}
	})
}

// Where the API is reached is the gateway's word: a header that the caller writes changes no link.
func TestLinksAreNotTheCallers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	event := events.APIGatewayV2HTTPRequest{RawPath: "/v1/oidc/x/start", RequestContext: request("GET"), Headers: map[string]string{
		"host": "evil.example", "x-forwarded-host": "evil.example", "forwarded": "host=evil.example", "x-forwarded-proto": "http", "x-original-url": "/v1/health",
	}}
	event.RequestContext.DomainName = "api.example"
	r, err := requestOf(t.Context(), event)
	w.must(err)
	if got := w.api.callbackURL(&call{Request: r}); got != "https://api.example/v1/oidc/callback" || r.URL.Path != event.RawPath {
		t.Errorf("%s, path %s", got, r.URL.Path)
	}
}

// Whatever is sent, a line of the log is one record that the API wrote.
func TestLogsCannotBeForged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const fake = `%0d%0a%7B%22msg%22:%22forged%22%7D`
	_, token := w.operator()
	for _, target := range []string{"/v1/" + fake, "/v1/conversations/" + fake, "/v1/conversations?after=" + fake, "/v1/oidc/" + fake + "/start?return=" + fake} {
		w.do("GET", target, "", "Authorization", token, "User-Agent", "x\n{\"msg\":\"forged\"}", "X-Forwarded-For", "forged")
	}
	w.do("POST", "/v1/staff-sessions", `{"email":"forged\n{\"msg\":\"forged\"}@example.com","password":"x"}`, "Origin", desk)
	lines := strings.Split(strings.TrimSpace(w.logged.String()), "\n")
	for _, line := range lines {
		if !json.Valid([]byte(line)) || strings.Contains(line, "forged") {
			t.Errorf("logged: %s", line)
		}
	}
	if len(lines) < 4 {
		t.Errorf("%d lines", len(lines))
	}
}

// An admin's word about somebody of another workspace changes nothing there, and does not tell whether they exist.
func TestOthersAreOutOfReach(t *testing.T) {
	t.Parallel()
	foreign := caller{principal: chat.Principal{Workspace: workspaceTwo, User: "u_01kaw3v4x0eeeeeeeeeeeeeeee", Role: chat.RoleAdmin}}
	m := newMatrix(t, foreign)
	victim, token := m.customer()
	for what, ask := range map[string]func(u chat.UserID) answer{
		"ban": func(u chat.UserID) answer {
			return m.do("POST", "/v1/bans", `{"user":"`+string(u)+`"}`, "Authorization", m.token)
		},
		"sessions": func(u chat.UserID) answer {
			return m.do("GET", "/v1/staff/"+string(u)+"/sessions", "", "Authorization", m.token)
		},
		"people": func(u chat.UserID) answer {
			return m.do("GET", "/v1/people?users="+string(u), "", "Authorization", m.token)
		},
		"contacts": func(u chat.UserID) answer {
			return m.do("GET", "/v1/contacts?users="+string(u), "", "Authorization", m.token)
		},
		"reset": func(u chat.UserID) answer {
			return m.do("POST", "/v1/staff/"+string(u)+"/password-resets", "{}", "Authorization", m.token)
		},
	} {
		nobody := ask("u_01kaw3v4x0zzzzzzzzzzzzzzzz")
		for _, u := range []chat.UserID{victim.User, operatorOne} {
			if a := ask(u); a.StatusCode != nobody.StatusCode || string(a.body) != string(nobody.body) {
				t.Errorf("%s of %s: %d %s; of nobody %d %s", what, u, a.StatusCode, a.body, nobody.StatusCode, nobody.body)
			}
		}
	}
	status(t, "the customer goes on", m.do("GET", "/v1/conversations", "", "Authorization", token), http.StatusOK)
	m.problem("the admin's session at a page that is not theirs",
		m.do("POST", "/v1/customer-sessions/current/identify", `{"identity":"sub:42"}`, "Authorization", m.token), 403, chat.CodeForbidden, "")
}
