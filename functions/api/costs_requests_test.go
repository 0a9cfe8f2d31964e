package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contact"
	"github.com/parley-chat/parley/internal/httpapi"
	"github.com/parley-chat/parley/internal/identity"
	"github.com/parley-chat/parley/internal/workspace"
	"github.com/parley-chat/parley/internal/wsapi"
)

// request is one valid request. What it needs is made before anything is counted.
type request struct {
	target, body string
	// role whose token it bears; none for the admin's, "-" for nobody's.
	role    chat.Role
	headers []string
	// token in place of the role's.
	token string
	// refused: what it needs cannot be had here, and the answer is a refusal after the same look-ups.
	refused bool
}

type arrange func(s *shop) request

// ask makes the request with cold caches and counts.
func (s *shop) ask(op httpapi.Operation, a arrange) spent {
	s.Helper()
	r := a(s)
	s.cold()
	token := r.token
	switch {
	case token != "" || r.role == "-":
	case r.role == "":
		token = s.tokens[chat.RoleAdmin]
	default:
		token = s.tokens[r.role]
	}
	target := r.target
	if target == "" {
		target = op.Path
	}
	target = strings.ReplaceAll(target, "{id}", string(s.talk))
	var status int
	var answer []byte
	n := s.during(func() { status, answer = s.do(op.Method, target, r.body, token, r.headers...) })
	if status >= 500 || status >= 400 && !r.refused {
		s.Errorf("%s %s: %d %s", op.Method, target, status, answer)
	}
	return n
}

// frame sends a frame of the socket and counts.
func (s *shop) frame(action string, f func(s *shop) (chat.Principal, string)) spent {
	s.Helper()
	p, members := f(s)
	s.cold()
	body := fmt.Sprintf(`{"action":%q%s}`, action, members)
	event := wsapi.Event{Body: body}
	event.RequestContext.RouteKey, event.RequestContext.ConnectionID = action, p.Connection
	event.RequestContext.Authorizer = map[string]any{"who": &p}
	var answer wsapi.Response
	n := s.during(func() {
		var err error
		answer, err = s.socket.Handle(s.Context(), event)
		s.must(err)
	})
	if strings.Contains(answer.Body, `"type":"error"`) || strings.Contains(answer.Body, `"code":`) {
		s.Errorf("%s: %s", body, answer.Body)
	}
	return n
}

func plain(target string) arrange { return func(*shop) request { return request{target: target} } }

func with(body string) arrange { return func(*shop) request { return request{body: body} } }

func as(role chat.Role, target, body string) arrange {
	return func(*shop) request { return request{role: role, target: target, body: body} }
}

// command is a command of the admin's on a conversation of its own.
func command(role chat.Role, action, members string, assigned bool) arrange {
	return func(s *shop) request {
		id := s.converse(assigned)
		return request{role: role, target: "/v1/conversations/" + string(id) + "/" + action, body: s.body(action, members)}
	}
}

// body is that of a command that knows the newest seq of its track: the desk's, where some events lie, is empty.
func (s *shop) body(action, members string) string {
	if slices.Contains([]string{"watch", "unwatch", "snooze", "wake", "tag", "fields", "priority", "mute", "link"}, action) {
		defer func(at uint64) { s.at = at }(s.at)
		s.at = 0
	}
	return s.on(members)
}

func (s *shop) on(members string) string {
	if members != "" {
		members = "," + members
	}
	return fmt.Sprintf(`{"id":%q,"after":%d%s}`, s.id(chat.EventPrefix), s.at, members)
}

// made answers the id of what a POST makes.
func (s *shop) made(path, body string) string {
	s.Helper()
	status, answer := s.do(http.MethodPost, path, body, s.tokens[chat.RoleAdmin])
	var out map[string]any
	if err := json.Unmarshal(answer, &out); err != nil || status >= 300 {
		s.Errorf("%s: %d %s", path, status, answer)
	}
	for _, at := range []string{"ban", "id", "contact", "bot", "key", "user"} {
		switch v := out[at].(type) {
		case string:
			return v
		case map[string]any:
			if id, ok := v["id"].(string); ok {
				return id
			}
		}
	}
	s.Errorf("%s: no id in %s", path, answer)
	return ""
}

// requests by the names of operations.
func requests() map[string]arrange {
	all := map[string]arrange{
		"health": as("-", "", ""), "openapi": as("-", "", ""), "docs": as("-", "", ""), "errorDocs": as("-", "", ""),
		"startCustomerSession":  as("-", "", `{"widgetKey":"wk_shop"}`),
		"signIn":                as("-", "", fmt.Sprintf(`{"email":"operator@example.com","password":%q}`, passphrase)),
		"currentSession":        as(chat.RoleOperator, "", ""),
		"issueSocketTicket":     as(chat.RoleOperator, "", "{}"),
		"listConversations":     as(chat.RoleCustomer, "", ""),
		"conversation":          as(chat.RoleOperator, "", ""),
		"listEvents":            as(chat.RoleOperator, "", ""),
		"conversationDetails":   as(chat.RoleOperator, "", ""),
		"listTeamConversations": plain(""),
		"widgetConfig":          as("-", "/v1/widget/config?key=wk_shop", ""),
		"findArticles":          as(chat.RoleCustomer, "/v1/articles?q=about", ""),
		"settings":              plain(""), "replaceSettings": func(*shop) request { return request{body: "{}", headers: []string{"If-Match", "*"}} },
		"deskQueue": plain(""), "listOperators": plain(""), "listVisitors": plain(""),
		"setDuty":               as(chat.RoleOperator, "", `{"status":"accepting"}`),
		"listOwnOperatorEvents": as(chat.RoleOperator, "", ""),
		"ownOperator":           as(chat.RoleOperator, "", ""),
		"operator": func(s *shop) request {
			s.duty()
			return request{target: "/v1/operators/" + string(s.operator.User)}
		},
		"changeOperator": func(s *shop) request {
			s.duty()
			return request{target: "/v1/operators/" + string(s.operator.User), body: `{"capacity":100,"skills":["tax"]}`}
		},
		"listOperatorEvents": func(s *shop) request {
			s.duty()
			return request{target: "/v1/operators/" + string(s.operator.User) + "/events"}
		},
		"startConversation": func(s *shop) request {
			return request{role: chat.RoleCustomer, body: fmt.Sprintf(`{"conversation":%q,"messages":[{"id":%q,"text":"hello"}]}`, s.id(chat.ConversationPrefix), s.id(chat.EventPrefix))}
		},
		"postMessages": func(s *shop) request {
			id := s.converse(true)
			return request{role: chat.RoleOperator, target: "/v1/conversations/" + string(id) + "/messages", body: fmt.Sprintf(`{"after":%d,"messages":[{"text":"hello"}]}`, s.at)}
		},
	}
	for _, more := range []map[string]arrange{commands(), people(), contacts(), library()} {
		maps.Copy(all, more)
	}
	return all
}

// duty makes the operator one who has been on duty.
func (s *shop) duty() {
	_, err := s.api.Chat.Duty(s.Context(), s.operator, chat.DutyAway)
	s.must(err)
}

func commands() map[string]arrange {
	until := fmt.Sprintf(`"until":%d`, time.Now().Add(24*time.Hour).UnixMilli())
	after := func(role chat.Role, action, members string, assigned bool, before func(*shop, chat.ConversationID)) arrange {
		return func(s *shop) request {
			id := s.converse(assigned)
			before(s, id)
			return request{role: role, target: "/v1/conversations/" + string(id) + "/" + action, body: s.body(action, members)}
		}
	}
	post := func(role chat.Role, action, members string) func(*shop, chat.ConversationID) {
		return func(s *shop, id chat.ConversationID) {
			status, answer := s.do(http.MethodPost, "/v1/conversations/"+string(id)+"/"+action, s.body(action, members), s.tokens[cmp.Or(role, chat.RoleAdmin)])
			if status >= 300 {
				s.Errorf("%s: %d %s", action, status, answer)
			}
		}
	}
	colleague := `"operator":"` + fmt.Sprintf("u_01kaw3v4x0%016d", 1) + `"`
	return map[string]arrange{
		"closeConversation":    command(chat.RoleOperator, "close", "", true),
		"reopenConversation":   after("", "reopen", "", true, post(chat.RoleOperator, "close", "")),
		"transferConversation": command("", "transfer", colleague+`,"note":"please"`, true),
		"assignConversation":   command("", "assign", colleague, false),
		"takeoverConversation": command("", "takeover", "", true),
		"watchConversation":    command("", "watch", "", true),
		"unwatchConversation":  after("", "unwatch", "", true, post("", "watch", "")),
		"leaveConversation":    command(chat.RoleCustomer, "leave", "", false),
		"personConversation":   command(chat.RoleCustomer, "person", "", false),
		"snoozeConversation":   command(chat.RoleOperator, "snooze", until, true),
		"wakeConversation":     after(chat.RoleOperator, "wake", "", true, post(chat.RoleOperator, "snooze", until)),
		"rateConversation":     command(chat.RoleCustomer, "rate", `"score":5`, true),
		"formConversation":     command(chat.RoleCustomer, "form", `"mail":"ada@shop.example"`, true),
		"tagConversation":      command(chat.RoleOperator, "tag", `"tags":["vip"]`, true),
		"fieldsConversation":   command(chat.RoleOperator, "fields", `"fields":{"order":"17"}`, true),
		"priorityConversation": command("", "priority", `"priority":2`, false),
		"linkConversation": func(s *shop) request {
			into := s.converse(true)
			id := s.converse(true)
			return request{target: "/v1/conversations/" + string(id) + "/link", body: s.body("link", fmt.Sprintf(`"into":%q`, into))}
		},
		"muteConversation": func(s *shop) request {
			id := s.converse(true)
			return request{target: "/v1/conversations/" + string(id) + "/mute", body: s.body("mute", fmt.Sprintf(`"user":%q`, s.customer.User))}
		},
		"applyMacro": func(s *shop) request {
			macro := s.made("/v1/macros", fmt.Sprintf(`{"name":"Macro %s","steps":[{"kind":"note","value":"see {{customer.name|them}}"},{"kind":"tag","value":"vip"}]}`, s.id("")))
			id := s.converse(true)
			return request{role: chat.RoleOperator, target: "/v1/conversations/" + string(id) + "/macro", body: fmt.Sprintf(`{"macro":%q,"id":%q}`, macro, s.id(chat.EventPrefix))}
		},
	}
}

func people() map[string]arrange {
	versioned := []string{"If-Match", "*"}
	person := func(s *shop) chat.UserID { // another member of staff
		return chat.UserID(fmt.Sprintf("u_01kaw3v4x1%016d", 1))
	}
	of := func(method, rest, body string) arrange {
		return func(s *shop) request {
			return request{target: "/v1/staff/" + string(person(s)) + rest, body: body, headers: versioned}
		}
	}
	fresh := func(s *shop) string { // a token of the operator's that may be used up
		return s.open("/v1/staff-sessions", fmt.Sprintf(`{"email":"operator@example.com","password":%q}`, passphrase)).Token
	}
	provider := `{"issuer":"https://idp.example","clientId":"parley","mappings":[{"group":"desk","role":"operator"}]}`
	by := func(s *shop) identity.By { return identity.By{Principal: s.admin, Source: "192.0.2.1"} }
	invite := func(s *shop) (identity.Invitation, string) {
		i, token, err := s.api.People.Invite(s.Context(), by(s), identity.Offer{Address: strings.ToLower(s.id("")) + "@example.com", Role: chat.RoleOperator})
		s.must(err)
		return i, token
	}
	return map[string]arrange{
		"signOut": func(s *shop) request { return request{token: fresh(s)} },
		"profile": as(chat.RoleOperator, "/v1/me", ""), "preferences": as(chat.RoleOperator, "/v1/me/preferences", ""),
		"mentions": as(chat.RoleOperator, "/v1/me/mentions", ""),
		"changeProfile": func(*shop) request {
			return request{role: chat.RoleOperator, target: "/v1/me", body: `{"locale":"de-CH"}`, headers: versioned}
		},
		"replacePreferences": func(*shop) request {
			return request{role: chat.RoleOperator, target: "/v1/me/preferences", body: `{"values":{"sound":"on"}}`, headers: versioned}
		},
		"listPeople": func(s *shop) request {
			return request{role: chat.RoleCustomer, target: "/v1/people?users=" + string(s.operator.User) + "," + string(person(s))}
		},
		"workspaceSite": plain(""), "listWidgetKeys": plain(""), "widgetKey": plain("/v1/widgets/wk_shop"),
		"signInMethods": as("-", "/v1/sign-in?workspace="+string(shopWorkspace), ""),
		"makeWidgetKey": with(`{"name":"Blog","origins":["https://blog.example"]}`),
		"changeWorkspaceSite": func(s *shop) request {
			return request{body: fmt.Sprintf(`{"name":"Shop %s"}`, s.id("")), headers: versioned}
		},
		"changeWidgetKey": func(s *shop) request {
			return request{target: "/v1/widgets/wk_shop", body: `{"name":"The shop"}`, headers: versioned}
		},
		"removeWidgetKey": func(s *shop) request {
			return request{target: "/v1/widgets/" + s.made("/v1/widgets", `{"name":"Blog","origins":["https://blog.example"]}`)}
		},
		"listStaff": plain(""), "staffMember": of("GET", "", ""), "changeStaff": of("PATCH", "", `{"name":"Ada L."}`),
		"staffSessions": of("GET", "/sessions", ""), "signOutEverywhere": of("DELETE", "/sessions", ""), "issuePasswordReset": of("POST", "/password-reset", ""),
		"listInvitations": plain(""),
		"invite": func(s *shop) request {
			return request{body: fmt.Sprintf(`{"email":"%s@example.com","role":"operator"}`, strings.ToLower(s.id("")))}
		},
		"withdrawInvitation": func(s *shop) request { i, _ := invite(s); return request{target: "/v1/invitations/" + i.ID} },
		"acceptInvitation": func(s *shop) request {
			_, token := invite(s)
			return request{role: "-", body: fmt.Sprintf(`{"token":%q,"name":"New","password":%q}`, token, passphrase)}
		},
		"resetPassword": func(s *shop) request {
			_, token, err := s.api.People.IssueReset(s.Context(), by(s), person(s), "")
			s.must(err)
			return request{role: "-", body: fmt.Sprintf(`{"token":%q,"password":%q}`, token, passphrase)}
		},
		"changePassword": as(chat.RoleSupervisor, "", fmt.Sprintf(`{"current":%q,"password":%q}`, passphrase, passphrase+" more")),
		"refreshSession": func(s *shop) request {
			_, answer := s.do(http.MethodPost, "/v1/staff-sessions", fmt.Sprintf(`{"email":"operator@example.com","password":%q,"refresh":true}`, passphrase), "")
			var out struct{ RefreshToken string }
			s.must(json.Unmarshal(answer, &out))
			return request{role: "-", body: fmt.Sprintf(`{"refreshToken":%q}`, out.RefreshToken), refused: out.RefreshToken == ""}
		},
		"listSessions": as(chat.RoleOperator, "", ""),
		"revokeSession": func(s *shop) request {
			return request{role: chat.RoleOperator, target: "/v1/sessions/" + string(s.sessionOf(fresh(s)))}
		},
		"listAPIKeys": plain(""), "makeAPIKey": with(`{"name":"CRM","grants":["contacts:read"]}`),
		"revokeAPIKey": func(s *shop) request {
			return request{target: "/v1/api-keys/" + s.made("/v1/api-keys", `{"name":"CRM","grants":["contacts:read"]}`)}
		},
		"listBots": plain(""), "makeBot": with(`{"name":"Helper","grants":["conversations:write"]}`),
		"bot": func(s *shop) request {
			return request{target: "/v1/bots/" + s.made("/v1/bots", `{"name":"Helper","grants":["conversations:write"]}`)}
		},
		"changeBot": func(s *shop) request {
			return request{target: "/v1/bots/" + s.made("/v1/bots", `{"name":"Helper","grants":["conversations:write"]}`), body: `{"renew":true}`, headers: versioned}
		},
		"removeBot": func(s *shop) request {
			return request{target: "/v1/bots/" + s.made("/v1/bots", `{"name":"Helper","grants":["conversations:write"]}`)}
		},
		"listAudit":              plain(""),
		"setIdentityProvider":    func(*shop) request { return request{body: provider, headers: versioned} },
		"identityProvider":       func(s *shop) request { s.provider(provider); return request{} },
		"removeIdentityProvider": func(s *shop) request { s.provider(provider); return request{headers: versioned} },
		"startSignOn":            func(s *shop) request { return request{role: "-", target: s.signOn().start} },
		"finishSignOn":           func(s *shop) request { return request{role: "-", target: s.signOn().back(s)} },
		"redeemSignOn": func(s *shop) request {
			on := s.signOn()
			return request{role: "-", body: fmt.Sprintf(`{"code":%q,"verifier":%q}`, on.code(s), on.verifier)}
		},
	}
}

func (s *shop) provider(body string) {
	status, answer := s.do(http.MethodPut, "/v1/oidc", body, s.tokens[chat.RoleAdmin], "If-Match", "*")
	if status >= 300 {
		s.Fatalf("%d %s", status, answer)
	}
}

func contacts() map[string]arrange {
	one := func(s *shop) string {
		return s.made("/v1/contacts", fmt.Sprintf(`{"name":"Grace %s"}`, s.id("")))
	}
	on := func(rest, body string) arrange {
		return func(s *shop) request {
			return request{target: "/v1/contacts/" + one(s) + rest, body: body, headers: []string{"If-Match", "*"}}
		}
	}
	ban := func(s *shop) request {
		return request{target: "/v1/bans", body: fmt.Sprintf(`{"contact":%q,"reason":"spam"}`, one(s))}
	}
	return map[string]arrange{
		"findContacts": plain("/v1/contacts?query=grace"), "makeContact": with(`{"name":"Ada"}`), "contact": on("", ""),
		"changeContact": on("", `{"fields":{"plan":"gold"}}`), "contactEvents": on("/events", ""),
		"contactConversations": func(s *shop) request {
			return request{target: "/v1/contacts/" + string(contact.OfUser(s.customer.User)) + "/conversations"}
		},
		"mergeContact": func(s *shop) request {
			return request{target: "/v1/contacts/" + one(s) + "/merge", body: fmt.Sprintf(`{"into":%q}`, one(s))}
		},
		"listBans": plain(""), "ban": ban,
		"unban": func(s *shop) request {
			r := ban(s)
			return request{target: "/v1/bans/" + s.made(r.target, r.body)}
		},
		"identify": func(s *shop) request { // of a visitor with a conversation, which comes along
			session := s.open("/v1/customer-sessions", `{"widgetKey":"wk_shop"}`)
			visitor := chat.Principal{Workspace: shopWorkspace, User: session.User, Role: chat.RoleCustomer}
			_, err := s.api.Chat.Start(s.Context(), visitor, chat.NewConversation{
				ID: chat.ConversationID(s.id(chat.ConversationPrefix)), Messages: []chat.NewMessage{{ID: chat.EventID(s.id(chat.EventPrefix)), Text: "hello"}},
			})
			s.must(err)
			return request{token: session.Token, body: fmt.Sprintf(`{"identity":%q}`, s.vouch())}
		},
		"captureLead":      as(chat.RoleCustomer, "", `{"name":"Ada","email":"ada@shop.example"}`),
		"listIdentityKeys": plain(""), "makeIdentityKey": with(`{"algorithm":"HS256"}`),
		"removeIdentityKey": func(s *shop) request {
			return request{target: "/v1/identity-keys/" + s.made("/v1/identity-keys", `{"algorithm":"HS256"}`)}
		},
	}
}

// form fills in a use and a department that no form has together so far, of one department more.
func (s *shop) form(body string) string {
	if s.team == "" {
		s.team = s.made("/v1/departments", `{"name":"Forms"}`)
	}
	uses := workspace.FormUses()
	use, department := uses[s.forms%len(uses)], []string{s.team, ""}[s.forms/len(uses)]
	s.forms++
	return strings.NewReplacer("{use}", string(use), "{department}", department).Replace(body)
}

func library() map[string]arrange {
	all := map[string]arrange{}
	versioned := []string{"If-Match", "*"}
	for _, c := range []struct {
		path, one, body string // %s in the body is a name of its own
	}{
		{"departments", "Department", `{"name":"D %s"}`}, {"fields", "Field", `{"of":"conversation","name":"f%s","kind":"text"}`},
		{"forms", "Form", `{"use":"{use}","department":"{department}","enabled":true,"text":"%s","fields":[{"name":"name","kind":"text"}]}`},
		{"greetings", "Greeting", `{"name":"G %s","enabled":true,"order":1,"text":"Can I help?"}`},
		{"rules", "Rule", `{"name":"R %s","enabled":false,"order":0,"on":"message","steps":[{"kind":"tag","value":"vip"}]}`},
		{"tags", "Tag", `{"name":"t %s"}`}, {"canned", "Canned", `{"shortcut":"s%s","text":"Hello {{customer.firstName}}"}`},
		{"own/canned", "OwnCanned", `{"shortcut":"s%s","text":"Hello"}`}, {"macros", "Macro", `{"name":"M %s","steps":[{"kind":"tag","value":"vip"}]}`},
		{"views", "View", `{"name":"V %s","filter":{"status":"active"}}`}, {"own/views", "OwnView", `{"name":"V %s","filter":{"status":"active"}}`},
		{"articles", "Article", `{"title":"Sizes","slug":"z%s","status":"published","markdown":"# Which size?"}`},
	} {
		path := "/v1/" + c.path
		body := func(s *shop) string {
			text := fmt.Sprintf(c.body, strings.ToLower(s.id("")))
			if c.path == "forms" {
				text = s.form(text)
			}
			return text
		}
		lower := strings.ToLower(c.one[:1]) + c.one[1:]
		many := map[string]string{"Canned": "Canned", "OwnCanned": "OwnCanned"}[c.one]
		if many == "" {
			many = c.one + "s"
		}
		all["list"+many] = plain(path)
		all["create"+c.one] = func(s *shop) request { return request{target: path, body: body(s)} }
		all[lower] = func(s *shop) request { return request{target: path + "/" + s.made(path, body(s))} }
		all["replace"+c.one] = func(s *shop) request {
			id := s.made(path, body(s))
			next := body(s)
			if c.one == "Field" { // keeps its name
				next = s.read(path + "/" + id)
			}
			return request{target: path + "/" + id, body: next, headers: versioned}
		}
		all["remove"+c.one] = func(s *shop) request { return request{target: path + "/" + s.made(path, body(s)), headers: versioned} }
	}
	delete(all, "listArticles")
	rule := func(s *shop) string {
		return s.made("/v1/rules", fmt.Sprintf(`{"name":"R %s","enabled":false,"order":0,"on":"message","steps":[{"kind":"tag","value":"vip"}]}`, s.id("")))
	}
	all["dryRunRule"] = func(s *shop) request {
		return request{target: "/v1/rules/" + rule(s) + "/dry-run", body: fmt.Sprintf(`{"conversation":%q}`, s.talk)}
	}
	all["listRuns"] = func(s *shop) request { return request{target: "/v1/rules/" + rule(s) + "/runs"} }
	all["renderCanned"] = func(s *shop) request {
		id := s.made("/v1/canned", fmt.Sprintf(`{"shortcut":"r%s","text":"Hello {{customer.firstName|you}}"}`, strings.ToLower(s.id(""))))
		return request{role: chat.RoleOperator, target: "/v1/canned/" + id + "/render", body: fmt.Sprintf(`{"conversation":%q}`, s.talk)}
	}
	return all
}

// read returns what a GET answers.
func (s *shop) read(path string) string {
	_, answer := s.do(http.MethodGet, path, "", s.tokens[chat.RoleAdmin])
	return string(answer)
}

type frame func(s *shop) (chat.Principal, string)

// frames by action: who sends it, and its members besides the action.
func frames() map[string]frame {
	on := func(p func(*shop) chat.Principal, assigned bool, members string) frame {
		return func(s *shop) (chat.Principal, string) {
			id := s.converse(assigned)
			return p(s), fmt.Sprintf(`,"conversation":%q,"after":%d`, id, s.at) + strings.ReplaceAll(members, "%id", s.id(chat.EventPrefix))
		}
	}
	operator := func(s *shop) chat.Principal { return s.operator }
	customer := func(s *shop) chat.Principal { return s.customer }
	return map[string]frame{
		"hello": func(s *shop) (chat.Principal, string) { return s.operator, "" },
		"ping": func(s *shop) (chat.Principal, string) {
			return s.operator, fmt.Sprintf(`,"cursors":{%q:{"public":2}}`, s.talk)
		},
		"start": func(s *shop) (chat.Principal, string) {
			return s.customer, fmt.Sprintf(`,"conversation":%q,"messages":[{"id":%q,"text":"hello"}]`, s.id(chat.ConversationPrefix), s.id(chat.EventPrefix))
		},
		"send":   on(operator, true, `,"messages":[{"id":"%id","text":"hello"}]`),
		"edit":   on(customer, true, `,"id":"%id","target":2,"text":"hello!"`),
		"delete": on(customer, true, `,"id":"%id","target":2`),
		"page": func(s *shop) (chat.Principal, string) {
			return s.operator, fmt.Sprintf(`,"conversation":%q,"after":0`, s.talk)
		},
		"typing": func(s *shop) (chat.Principal, string) { return s.operator, fmt.Sprintf(`,"conversation":%q`, s.talk) },
		"read": func(s *shop) (chat.Principal, string) {
			return s.operator, fmt.Sprintf(`,"conversation":%q,"seq":2`, s.talk)
		},
		"join":  on(operator, false, `,"id":"%id"`),
		"close": on(operator, true, `,"id":"%id","reason":"done"`),
		"reopen": func(s *shop) (chat.Principal, string) {
			id := s.converse(true)
			out, err := s.api.Chat.Close(s.Context(), s.principal(s.operator), chat.Step{Conversation: id, After: s.at, ID: chat.EventID(s.id(chat.EventPrefix))})
			s.must(err)
			return s.operator, fmt.Sprintf(`,"conversation":%q,"after":%d,"id":%q`, id, out.Head.Public.Last, s.id(chat.EventPrefix))
		},
		"duty":    func(s *shop) (chat.Principal, string) { return s.operator, `,"status":"accepting"` },
		"accept":  func(s *shop) (chat.Principal, string) { return s.operator, s.offered() },
		"decline": func(s *shop) (chat.Principal, string) { return s.operator, s.offered() },
		"desk":    func(s *shop) (chat.Principal, string) { return s.operator, `,"views":["queue","colleagues"]` },
		"visit":   func(s *shop) (chat.Principal, string) { return s.customer, `,"page":"https://shop.example/cart"` },
	}
}

// offered makes a conversation that is offered to the operator, and answers the members of a frame about it.
func (s *shop) offered() string {
	s.Helper()
	id := s.converse(false)
	ref := chat.Ref{Workspace: shopWorkspace, Conversation: id}
	h, err := s.store.Head(s.Context(), ref)
	s.must(err)
	e := chat.Event{Seq: 1, ID: chat.EventID(s.id(chat.EventPrefix)), Type: chat.EventOffered, At: time.Now(), Sender: chat.SystemUser, Role: chat.RoleSystem,
		Subject: s.operator.User, From: h.Status, To: chat.StatusOffered}
	s.must(s.store.Transition(s.Context(), chat.Append{Ref: ref, Track: chat.Desk, Events: []chat.Event{e}, Rule: chat.Rule{Actor: chat.SystemUser, Version: &h.Version}}, chat.Change{
		Old: h, Status: chat.StatusOffered, OfferedTo: s.operator.User, Add: map[chat.UserID]chat.Role{s.operator.User: chat.RoleOperator}, QueuedAt: h.FirstQueued,
		Entry: chat.Waiting{}, Places: []chat.Place{{User: s.operator.User, Take: true, At: time.Now()}},
	}))
	return fmt.Sprintf(`,"conversation":%q,"after":0,"id":%q`, id, s.id(chat.EventPrefix))
}
