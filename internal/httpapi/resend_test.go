package httpapi

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
)

// TestASecretThatNobodyHeardIsReplaced: what holds a secret is made once, even if the note of the request was lost with
// the answer; its secret is then another one.
func TestASecretThatNobodyHeardIsReplaced(t *testing.T) {
	t.Parallel()
	var admin caller
	for _, c := range callers() {
		if c.name == "an admin" {
			admin = c
		}
	}
	for path, c := range map[string]struct{ body, id, secret, list string }{
		"/v1/api-keys":      {`{"name":"CRM","grants":["contacts:read"]}`, "key", "secret", "keys"},
		"/v1/bots":          {`{"name":"Helper","grants":["conversations:write"]}`, "bot", "secret", "bots"},
		"/v1/invitations":   {`{"email":"new@example.com","role":"operator"}`, "invitation", "token", "invitations"},
		"/v1/identity-keys": {`{"algorithm":"HS256"}`, "key", "secret", "keys"},
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			m := newMatrix(t, admin)
			headers := []string{"Authorization", m.token, "Origin", desk}
			post := func() map[string]any {
				t.Helper()
				a := m.do(http.MethodPost, path, c.body, append(headers, "Idempotency-Key", "one")...)
				if a.StatusCode != http.StatusCreated {
					t.Fatalf("%d %s", a.StatusCode, a.body)
				}
				return decodeAs[map[string]any](t, a)
			}
			first := post()
			m.must(m.requests.ForgetRequest(t.Context(), chat.RequestKey{Workspace: workspaceOne, User: admin.principal.User, Key: digest("one")}))
			again := post()
			if first[c.id] != again[c.id] || first[c.secret] == again[c.secret] || again[c.secret] == nil {
				t.Errorf("%v, then %v", first, again)
			}
			var list map[string][]any
			m.must(json.Unmarshal(m.do(http.MethodGet, path, "", headers...).body, &list))
			if len(list[c.list]) != 1 {
				t.Errorf("%v", list)
			}
		})
	}
}
