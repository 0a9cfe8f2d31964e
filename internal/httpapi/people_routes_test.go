package httpapi

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

// arrangement makes what a request needs, in workspaceOne, and returns its target and body. token is the caller's.
type arrangement func(w *world, token string) (target, body string)

// fixed is an arrangement that needs nothing.
func fixed(target, body string) arrangement {
	return func(*world, string) (string, string) { return target, body }
}

const passphrase = "a long enough phrase"

// peopleFixtures by the names of operations.
func peopleFixtures() map[string]fixture {
	versioned := []string{"If-Match", "*"}
	member := "/v1/staff/" + string(operatorOne)
	anyStaff := func(c caller) bool { return c.principal.Role.Staff() }
	return map[string]fixture{
		"profile":                {about: aboutSelf, arrange: fixed("/v1/me", "")},
		"changeProfile":          {about: aboutSelf, headers: versioned, arrange: fixed("/v1/me", `{"publicName":"Ada from sales"}`)},
		"preferences":            {about: aboutSelf, arrange: fixed("/v1/me/preferences", "")},
		"replacePreferences":     {about: aboutSelf, headers: versioned, arrange: fixed("/v1/me/preferences", `{"values":{"sound":"on"}}`)},
		"mentions":               {about: aboutSelf, arrange: fixed("/v1/me/mentions", "")},
		"listPeople":             {about: aboutWorkspace, arrange: fixed("/v1/people?users="+string(operatorOne), "")},
		"workspaceSite":          {about: aboutWorkspace, arrange: fixed("/v1/workspace", "")},
		"changeWorkspaceSite":    {about: aboutWorkspace, headers: versioned, arrange: fixed("/v1/workspace", `{"name":"Acme"}`)},
		"listWidgetKeys":         {about: aboutWorkspace, arrange: fixed("/v1/widgets", "")},
		"makeWidgetKey":          {about: aboutWorkspace, arrange: fixed("/v1/widgets", `{"name":"Shop","origins":["https://shop.example"]}`)},
		"widgetKey":              {about: aboutWorkspace, foreign: 404, arrange: fixed("/v1/widgets/wk_one", "")},
		"changeWidgetKey":        {about: aboutWorkspace, foreign: 404, headers: versioned, arrange: fixed("/v1/widgets/wk_one", `{"name":"Shop"}`)},
		"removeWidgetKey":        {about: aboutWorkspace, foreign: 404, arrange: fixed("/v1/widgets/wk_one", "")},
		"signInMethods":          {about: aboutOpen, arrange: fixed("/v1/sign-in?workspace="+string(workspaceOne), "")},
		"listStaff":              {about: aboutWorkspace, arrange: fixed("/v1/staff", "")},
		"staffMember":            {about: aboutWorkspace, foreign: 404, arrange: fixed(member, "")},
		"changeStaff":            {about: aboutWorkspace, foreign: 404, headers: versioned, arrange: fixed(member, `{"name":"Ada L."}`)},
		"staffSessions":          {about: aboutWorkspace, foreign: 404, arrange: fixed(member+"/sessions", "")},
		"signOutEverywhere":      {about: aboutWorkspace, foreign: 404, arrange: fixed(member+"/sessions", "")},
		"issuePasswordReset":     {about: aboutWorkspace, foreign: 404, arrange: fixed(member+"/password-reset", "")},
		"listInvitations":        {about: aboutWorkspace, arrange: fixed("/v1/invitations", "")},
		"invite":                 {about: aboutWorkspace, arrange: fixed("/v1/invitations", `{"email":"new@example.com","role":"operator"}`)},
		"withdrawInvitation":     {about: aboutWorkspace, foreign: 404, arrange: arrangeInvitation},
		"acceptInvitation":       {about: aboutOpen, arrange: arrangeAccept},
		"resetPassword":          {about: aboutOpen, arrange: arrangeReset},
		"changePassword":         {about: aboutSelf, reaches: anyStaff, refused: 403, arrange: fixed("/v1/password", `{"current":"right","password":"`+passphrase+`"}`)},
		"refreshSession":         {about: aboutOpen, arrange: arrangeRefresh},
		"listSessions":           {about: aboutSelf, arrange: fixed("/v1/sessions", "")},
		"revokeSession":          {about: aboutSelf, arrange: arrangeOwnSession},
		"listAPIKeys":            {about: aboutWorkspace, arrange: fixed("/v1/api-keys", "")},
		"makeAPIKey":             {about: aboutWorkspace, arrange: fixed("/v1/api-keys", `{"name":"CRM","grants":["contacts:read"]}`)},
		"revokeAPIKey":           {about: aboutWorkspace, foreign: 404, arrange: arrangeKey("/v1/api-keys/", chat.RoleAPIKey, "")},
		"listBots":               {about: aboutWorkspace, arrange: fixed("/v1/bots", "")},
		"makeBot":                {about: aboutWorkspace, arrange: fixed("/v1/bots", `{"name":"Helper","grants":["conversations:write"]}`)},
		"bot":                    {about: aboutWorkspace, foreign: 404, arrange: arrangeKey("/v1/bots/", chat.RoleBot, "")},
		"changeBot":              {about: aboutWorkspace, foreign: 404, headers: versioned, arrange: arrangeKey("/v1/bots/", chat.RoleBot, `{"renew":true}`)},
		"removeBot":              {about: aboutWorkspace, foreign: 404, arrange: arrangeKey("/v1/bots/", chat.RoleBot, "")},
		"listAudit":              {about: aboutWorkspace, arrange: fixed("/v1/audit", "")},
		"identityProvider":       {about: aboutWorkspace, foreign: 404, arrange: arrangeProvider("")},
		"setIdentityProvider":    {about: aboutWorkspace, headers: versioned, arrange: fixed("/v1/oidc", providerBody)},
		"removeIdentityProvider": {about: aboutWorkspace, foreign: 404, headers: versioned, arrange: arrangeProvider("")},
		"startSignOn":            {about: aboutOpen, arrange: arrangeStart},
		"finishSignOn":           {about: aboutOpen, arrange: arrangeCallback},
		"redeemSignOn":           {about: aboutOpen, arrange: arrangeRedeem},
	}
}

const providerBody = `{"issuer":"https://idp.example","clientId":"parley","mappings":[{"group":"desk","role":"operator"}]}`

func (w *world) invite() (identity.Invitation, string) {
	w.t.Helper()
	i, token, err := w.api.People.Invite(w.t.Context(), w.admin(), identity.Offer{Address: "new@example.com", Role: chat.RoleOperator})
	w.must(err)
	return i, token
}

func arrangeInvitation(w *world, _ string) (string, string) {
	i, _ := w.invite()
	return "/v1/invitations/" + i.ID, ""
}

func arrangeAccept(w *world, _ string) (string, string) {
	_, token := w.invite()
	return "/v1/invitations/accept", `{"token":"` + token + `","name":"New","password":"` + passphrase + `"}`
}

func arrangeReset(w *world, _ string) (string, string) {
	_, token, err := w.api.People.IssueReset(w.t.Context(), w.admin(), operatorOne, "")
	w.must(err)
	return "/v1/password-resets/accept", `{"token":"` + token + `","password":"` + passphrase + `"}`
}

// refreshed signs the operator in with a pair of tokens.
func (w *world) refreshed() Session {
	w.t.Helper()
	return decodeAs[Session](w.t, w.do("POST", "/v1/staff-sessions", `{"email":"one@example.com","password":"right","refresh":true}`, "Origin", desk))
}

func arrangeRefresh(w *world, _ string) (string, string) {
	return "/v1/staff-sessions/refresh", `{"refreshToken":"` + w.refreshed().RefreshToken + `"}`
}

func arrangeOwnSession(w *world, token string) (string, string) {
	own, err := identity.ParseToken(strings.TrimPrefix(token, "Bearer "))
	if err != nil { // of nobody
		return "/v1/sessions/s_01kaw3v4x0aaaaaaaaaaaaaaaa", ""
	}
	return "/v1/sessions/" + string(own.Session), ""
}

func arrangeKey(path string, role chat.Role, body string) arrangement {
	return func(w *world, _ string) (string, string) {
		k, _, err := w.api.Keys.Make(w.t.Context(), w.admin(), identity.KeyOrder{Role: role, Name: "Made", Grants: []chat.Grant{chat.GrantReadContacts}})
		w.must(err)
		return path + string(k.ID), body
	}
}

func (w *world) configure() {
	w.t.Helper()
	_, err := w.api.SignOn.Configure(w.t.Context(), w.admin(), 0, identity.Provider{
		Issuer: "https://idp.example", ClientID: "parley", Mappings: []identity.GroupMapping{{Group: "desk", Role: chat.RoleOperator}},
	})
	w.must(err)
}

func arrangeProvider(body string) arrangement {
	return func(w *world, _ string) (string, string) {
		w.configure()
		return "/v1/oidc", body
	}
}

const pageSecret = "what only the page knows"

func arrangeStart(w *world, _ string) (string, string) {
	w.configure()
	sum := sha256.Sum256([]byte(pageSecret))
	q := url.Values{"return": {desk + "/signed-in"}, "challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}}
	return "/v1/oidc/" + string(workspaceOne) + "/start?" + q.Encode(), ""
}

// location follows an answer's Location.
func (w *world) location(a answer) *url.URL {
	w.t.Helper()
	to, err := url.Parse(a.Header.Get("Location"))
	w.must(err)
	if a.StatusCode != http.StatusFound || to.Host == "" {
		w.t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	return to
}

func arrangeCallback(w *world, _ string) (string, string) {
	target, _ := arrangeStart(w, "")
	state := w.location(w.do("GET", target, "")).Query().Get("state")
	return "/v1/oidc/callback?code=c&state=" + url.QueryEscape(state), ""
}

func arrangeRedeem(w *world, _ string) (string, string) {
	target, _ := arrangeCallback(w, "")
	fragment, err := url.ParseQuery(w.location(w.do("GET", target, "")).Fragment)
	w.must(err)
	return "/v1/oidc/sessions", `{"code":"` + fragment.Get("code") + `","verifier":"` + pageSecret + `"}`
}

// askArranged sends a request of an operation that has an arrangement, as an admin.
func (w *world) askArranged(op Operation, f fixture, query string) answer {
	w.t.Helper()
	account := identity.Account{Workspace: workspaceOne, User: "u_01kaw3v4x0b0ssb0ssb0ssb0ss", Address: "admin@example.com", Name: "Boss", Role: chat.RoleAdmin}
	w.must(w.store.PutStaff(w.t.Context(), account, "hash:right"))
	s := decodeAs[Session](w.t, w.do("POST", "/v1/staff-sessions", `{"email":"admin@example.com","password":"right"}`, "Origin", desk))
	target, body := f.arrange(w, "Bearer "+s.Token)
	headers := append([]string{"Origin", desk}, f.headers...)
	if !op.Open {
		headers = append(headers, "Authorization", "Bearer "+s.Token)
	}
	if query != "" && strings.Contains(target, "?") {
		query = "&" + query
	} else if query != "" {
		query = "?" + query
	}
	return w.do(op.Method, target+query, body, headers...)
}
