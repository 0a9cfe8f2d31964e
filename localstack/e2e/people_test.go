package e2e

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/client"
	"github.com/parley-chat/parley/internal/dynamo"
	"github.com/parley-chat/parley/internal/httpapi"
	"github.com/parley-chat/parley/internal/identity"
	"github.com/parley-chat/parley/internal/oidc/issuertest"
	"github.com/parley-chat/parley/internal/password"
	"github.com/parley-chat/parley/localstack/e2e/world"
)

// api sends a request to the HTTP API, and reads the answer into out unless it is nil. It returns the status.
func api(t *testing.T, method, target, token string, body, out any, headers ...string) *http.Response {
	t.Helper()
	var sent bytes.Buffer
	if body != nil {
		must(t, json.NewEncoder(&sent).Encode(body))
	}
	if !strings.HasPrefix(target, "http") {
		target = suite.HTTP + target
	}
	r, err := http.NewRequestWithContext(within(t), method, target, &sent)
	must(t, err)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	c := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := c.Do(r)
	must(t, err)
	defer func() { _ = res.Body.Close() }() // read to its end
	var got bytes.Buffer
	_, err = got.ReadFrom(res.Body)
	must(t, err)
	if out != nil {
		if err := json.Unmarshal(got.Bytes(), out); err != nil || res.StatusCode >= 400 {
			t.Fatalf("%s %s: %d %s", method, target, res.StatusCode, got.Bytes())
		}
	}
	return res
}

// admin adds an admin to the workspace and signs in.
func admin(t *testing.T, ws world.Workspace) httpapi.Session {
	t.Helper()
	hash, err := password.Argon2id{}.Hash("an admin's phrase")
	must(t, err)
	u := chat.UserID(chat.NewID(chat.UserPrefix, time.Now()))
	a := identity.Account{Workspace: ws.ID, User: u, Address: strings.ToLower(rand.Text()) + "@example.com", Name: "Boss", Role: chat.RoleAdmin, Version: 1}
	must(t, dynamo.Identity{Store: suite.Store()}.PutStaff(within(t), a, hash))
	var s httpapi.Session
	api(t, "POST", "/v1/staff-sessions", "", httpapi.StaffSessionRequest{Email: a.Address, Password: "an admin's phrase", Refresh: true}, &s)
	return s
}

// TestAnInvitedOperatorWorksAndLeaves: from the invitation to the socket that closes when the account is disabled.
func TestAnInvitedOperatorWorksAndLeaves(t *testing.T) {
	t.Parallel()
	ws := seed(t, 0)
	boss := admin(t, ws)
	address := strings.ToLower(rand.Text()) + "@example.com"
	var link httpapi.Link
	api(t, "POST", "/v1/invitations", boss.Token, httpapi.InvitationRequest{Email: address, Role: chat.RoleOperator}, &link)
	var member httpapi.StaffMember
	api(t, "POST", "/v1/invitations/accept", "", httpapi.AcceptRequest{Token: link.Token, Name: "New", Password: "a long enough phrase"}, &member)
	o, err := suite.Operator(within(t), ws, world.Member{User: member.User, Email: address, Password: "a long enough phrase"}, fast())
	must(t, err)
	t.Cleanup(o.Close)
	c := customer(t, ws, fast())
	id, err := c.Start(within(t), "hello")
	must(t, err)
	must(t, o.Take(within(t), id))
	off := true
	api(t, "PATCH", "/v1/staff/"+string(member.User), boss.Token, httpapi.StaffChange{Disabled: &off}, &member, "If-Match", fmt.Sprintf(`"v%d"`, member.Version))
	must(t, o.Until(within(t), func(m *client.Machine) bool { return m.Stopped() == chat.CodeUnauthenticated }))
	if res := api(t, "GET", "/v1/sessions/current", o.Session.Token, nil, nil); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("the session answers %s", res.Status)
	}
	var log httpapi.AuditList
	api(t, "GET", "/v1/audit?act=staff.", boss.Token, nil, &log)
	if len(log.Entries) != 3 || log.Entries[0].Act != identity.ActStaffChanged || log.Entries[0].Actor != boss.User {
		t.Errorf("audit log: %+v", log.Entries)
	}
}

// TestWhoIsDisabledHandsTheirConversationsBack: at once, to whoever is there; and their own log tells it.
func TestWhoIsDisabledHandsTheirConversationsBack(t *testing.T) {
	t.Parallel()
	ws := seed(t, 2)
	boss, leaver := admin(t, ws), operator(t, ws, 0, fast())
	duty(t, leaver, chat.DutyAccepting)
	c := customer(t, ws, fast())
	id, err := c.Start(within(t), "hello")
	must(t, err)
	has(t, leaver, id, "the leaver's", owned(leaver.Session.User))
	stays := operator(t, ws, 1, fast())
	duty(t, stays, chat.DutyAccepting)
	var member httpapi.StaffMember
	api(t, "GET", "/v1/staff/"+string(leaver.Session.User), boss.Token, nil, &member)
	off, began := true, time.Now()
	api(t, "PATCH", "/v1/staff/"+string(member.User), boss.Token, httpapi.StaffChange{Disabled: &off}, &member, "If-Match", fmt.Sprintf(`"v%d"`, member.Version))
	has(t, stays, id, "the other operator's", owned(stays.Session.User))
	if took := time.Since(began); took > chat.DisconnectGrace/2 {
		t.Errorf("handed over after %v: as if the socket had broken", took)
	}
	has(t, c, id, "known to have changed hands", owned(stays.Session.User))
	var log httpapi.OperatorEventPage
	api(t, "GET", "/v1/operators/"+string(member.User)+"/events", boss.Token, nil, &log)
	told := slices.ContainsFunc(log.Events, func(e httpapi.OperatorEvent) bool {
		return e.To == chat.DutyOff && e.Reason == "the account is disabled" && e.Sender == boss.User
	})
	if !told {
		t.Errorf("the operator's log does not tell it: %+v", log.Events)
	}
}

// TestRefreshedSessions: tokens rotate, and reuse signs out.
func TestRefreshedSessions(t *testing.T) {
	t.Parallel()
	boss := admin(t, seed(t, 0))
	var next, again httpapi.Session
	api(t, "POST", "/v1/staff-sessions/refresh", "", httpapi.RefreshRequest{RefreshToken: boss.RefreshToken}, &next)
	api(t, "POST", "/v1/staff-sessions/refresh", "", httpapi.RefreshRequest{RefreshToken: boss.RefreshToken}, &again)
	if next.Token != again.Token || next.Token == boss.Token {
		t.Error("a lost answer is not had again")
	}
	var newest httpapi.Session
	api(t, "POST", "/v1/staff-sessions/refresh", "", httpapi.RefreshRequest{RefreshToken: next.RefreshToken}, &newest)
	if res := api(t, "POST", "/v1/staff-sessions/refresh", "", httpapi.RefreshRequest{RefreshToken: boss.RefreshToken}, nil); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("reuse: %s", res.Status)
	}
	if res := api(t, "GET", "/v1/sessions", newest.Token, nil, nil); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("after reuse: %s", res.Status)
	}
}

// TestAPIKeysReachWhatTheyAreGranted and nothing else.
func TestAPIKeysReachWhatTheyAreGranted(t *testing.T) {
	t.Parallel()
	boss := admin(t, seed(t, 0))
	var key httpapi.APIKey
	api(t, "POST", "/v1/api-keys", boss.Token, httpapi.KeyRequest{Name: "CRM", Grants: []chat.Grant{chat.GrantReadConversations}}, &key)
	for target, want := range map[string]int{
		"GET /v1/conversations/" + chat.NewID(chat.ConversationPrefix, time.Now()): http.StatusNotFound,
		"GET /v1/staff": http.StatusForbidden, "GET /v1/api-keys": http.StatusForbidden, "POST /v1/socket-tickets": http.StatusForbidden,
		"GET /v1/sessions/current": http.StatusForbidden,
	} {
		method, path, _ := strings.Cut(target, " ")
		if res := api(t, method, path, key.Secret, nil, nil); res.StatusCode != want {
			t.Errorf("%s: %s; want %d", target, res.Status, want)
		}
	}
	if res := api(t, "DELETE", "/v1/api-keys/"+string(key.Key), boss.Token, nil, nil); res.StatusCode != http.StatusNoContent {
		t.Errorf("revoking: %s", res.Status)
	}
	if res := api(t, "GET", "/v1/staff", key.Secret, nil, nil); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("a revoked key: %s", res.Status)
	}
}

// TestSignOnAtAnIssuer: a real issuer on this machine, the deployed functions, a socket; and whoever is disabled there
// is out with the next refresh.
func TestSignOnAtAnIssuer(t *testing.T) {
	t.Parallel()
	if suite.Control == "" {
		t.Log("only the local stack reaches an issuer on this machine: nothing is played")
		return
	}
	ws := seed(t, 0)
	boss := admin(t, ws)
	email := strings.ToLower(rand.Text()) + "@idp.example"
	issuer, err := issuertest.New(suite.HTTP+"/v1/oidc/callback", issuertest.Person{ID: "grace", Email: email, Name: "Grace", Verified: true, Groups: []string{"desk"}})
	must(t, err)
	t.Cleanup(issuer.Close)
	var set httpapi.Provider
	api(t, "PUT", "/v1/oidc", boss.Token, httpapi.Provider{
		Issuer: issuer.URL, ClientID: issuertest.ClientID, Secret: "test", Scopes: []string{"offline_access"},
		Mappings: []httpapi.GroupMapping{{Group: "desk", Role: chat.RoleOperator}},
	}, &set, "If-Match", "*")
	secret := rand.Text()
	sum := sha256.Sum256([]byte(secret))
	q := url.Values{"return": {ws.Origin + "/in"}, "challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}}
	to := api(t, "GET", "/v1/oidc/"+string(ws.ID)+"/start?"+q.Encode(), "", nil, nil).Header.Get("Location")
	back, err := issuer.SignIn(within(t), to, "grace")
	must(t, err)
	page, err := url.Parse(api(t, "GET", back.String(), "", nil, nil).Header.Get("Location"))
	must(t, err)
	fragment, err := url.ParseQuery(page.Fragment)
	must(t, err)
	var s httpapi.Session
	api(t, "POST", "/v1/oidc/sessions", "", httpapi.OIDCSessionRequest{Code: fragment.Get("code"), Verifier: secret}, &s)
	if s.Role != chat.RoleOperator || s.RefreshToken == "" || time.UnixMilli(s.TokenExpiresAt).After(time.Now().Add(15*time.Minute)) {
		t.Errorf("session %+v", s)
	}
	o, err := suite.Join(within(t), suite.API(ws), client.Session{Token: s.Token, User: s.User, Role: s.Role}, fast())
	must(t, err)
	t.Cleanup(o.Close)
	issuer.Change("grace", func(p *issuertest.Person) { p.Disabled = true })
	if res := api(t, "POST", "/v1/staff-sessions/refresh", "", httpapi.RefreshRequest{RefreshToken: s.RefreshToken}, nil); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("refresh of a disabled person: %s", res.Status)
	}
	must(t, o.Until(within(t), func(m *client.Machine) bool { return m.Stopped() == chat.CodeUnauthenticated }))
}
