package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/chat/chattest"
	"github.com/parley-chat/parley/internal/identity"
	"github.com/parley-chat/parley/internal/protocol"
)

func TestCustomerSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.do("POST", "/v1/customer-sessions", `{"widgetKey":"wk_one"}`, "Origin", shop)
	s := decodeAs[Session](t, a)
	if a.StatusCode != http.StatusCreated || s.Role != chat.RoleCustomer || s.Workspace != workspaceOne || s.Token == "" ||
		s.ExpiresAt != w.now.Add(180*24*time.Hour).UnixMilli() {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	w.now = w.now.Add(time.Hour)
	again := w.do("POST", "/v1/customer-sessions", `{"widgetKey":"wk_one"}`, "Origin", shop, "Authorization", "bearer "+s.Token)
	if again.StatusCode != http.StatusOK || !cmp.Equal(decodeAs[Session](t, again), s) {
		t.Errorf("%d %s", again.StatusCode, again.body)
	}
	w.problem("no origin", w.do("POST", "/v1/customer-sessions", `{"widgetKey":"wk_one"}`), 403, chat.CodeForbidden, identity.ReasonOriginNotAllowed)
	w.problem("no such widget", w.do("POST", "/v1/customer-sessions", `{"widgetKey":"wk_two"}`, "Origin", shop), 404, chat.CodeNotFound, identity.ReasonWidgetUnknown)
	bad := w.do("POST", "/v1/customer-sessions", `{"widgetKey":"wk_one"}`, "Origin", shop, "Authorization", "Bearer pst_x")
	w.problem("bad token", bad, 401, chat.CodeUnauthenticated, identity.ReasonSessionUnknown)
	if bad.Header.Get("WWW-Authenticate") != "Bearer" {
		t.Error("401 without WWW-Authenticate")
	}
}

func TestSignInAndOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, token := w.operator()
	if s.User != operatorOne || s.Name != "Ada" || s.Role != chat.RoleOperator {
		t.Errorf("%+v", s)
	}
	current := decodeAs[Session](t, w.do("GET", "/v1/sessions/current", "", "Authorization", token))
	if s.Token = ""; !cmp.Equal(current, s) {
		t.Errorf("current %+v", current)
	}
	out := w.do("DELETE", "/v1/sessions/current", "", "Authorization", token)
	if out.StatusCode != http.StatusNoContent || len(out.body) > 0 {
		t.Errorf("%d %s", out.StatusCode, out.body)
	}
	for _, route := range []string{"GET /v1/sessions/current", "DELETE /v1/sessions/current", "POST /v1/socket-tickets", "GET /v1/conversations", "GET /v1/health?deep=1"} {
		method, path, _ := strings.Cut(route, " ")
		w.problem(route, w.do(method, path, "", "Authorization", token), 401, chat.CodeUnauthenticated, identity.ReasonSessionRevoked)
	}
}

func TestThrottlingSaysWhen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	attempt := func() answer {
		return w.do("POST", "/v1/staff-sessions", `{"email":"one@example.com","password":"wrong"}`)
	}
	for range identity.PairAttempts {
		w.problem("guess", attempt(), 401, chat.CodeUnauthenticated, identity.ReasonWrongCredentials)
	}
	a := attempt()
	w.problem("one more", a, 429, chat.CodeTooFast, identity.ReasonThrottled)
	if p := decodeAs[Problem](t, a); a.Header.Get("Retry-After") != "840" || p.RetryAfter != 840_000 || !p.Retryable {
		t.Errorf("%s %s", a.Header.Get("Retry-After"), a.body)
	}
}

func TestTicket(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, token := w.customer()
	issue := func(body string) Ticket {
		a := w.do("POST", "/v1/socket-tickets", body, "Origin", shop, "Authorization", token)
		if a.StatusCode != http.StatusCreated {
			t.Fatalf("%d %s", a.StatusCode, a.body)
		}
		return decodeAs[Ticket](t, a)
	}
	first := issue("")
	if first.Previous != "" || first.URL != w.api.SocketURL || first.ExpiresAt != w.now.Add(30*time.Second).UnixMilli() {
		t.Errorf("%+v", first)
	}
	if got := issue(fmt.Sprintf(`{"previous":%q}`, first.Ticket)).Previous; got != identity.FateUnused {
		t.Errorf("unused ticket: %s", got)
	}
	redeemed, err := w.api.Tickets.Redeem(t.Context(), first.Ticket, shop)
	w.must(err)
	if redeemed.Principal.User != s.User {
		t.Errorf("%+v", redeemed)
	}
	if got := issue(fmt.Sprintf(`{"previous":%q}`, first.Ticket)).Previous; got != identity.FateUsed {
		t.Errorf("used ticket: %s", got)
	}
	w.problem("wrong origin", w.do("POST", "/v1/socket-tickets", "{}", "Origin", desk, "Authorization", token), 403, chat.CodeForbidden, identity.ReasonOriginNotAllowed)
	w.now = w.now.Add(identity.CustomerLife)
	w.problem("expired", w.do("POST", "/v1/socket-tickets", "{}", "Origin", shop, "Authorization", token), 401, chat.CodeUnauthenticated, identity.ReasonSessionExpired)
}

func TestConversation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, token := w.customer()
	path := "/v1/conversations/" + string(talk)
	others := w.do("GET", path, "", "Authorization", token)
	missing := w.do("GET", "/v1/conversations/c_01kaw3v4x0bbbbbbbbbbbbbbbb", "", "Authorization", token)
	malformed := w.do("GET", "/v1/conversations/x", "", "Authorization", token)
	w.problem("another's", others, 404, chat.CodeNotFound, "")
	if string(others.body) != string(missing.body) || string(others.body) != string(malformed.body) {
		t.Errorf("not mine, not there and no id differ:\n%s%s%s", others.body, missing.body, malformed.body)
	}
	w.takesPart(s.User, chat.RoleCustomer)
	mine := w.do("GET", path, "", "Authorization", token)
	got := decodeAs[Conversation](t, mine)
	if got.Status != chat.StatusQueued || got.Gen != 7 || got.Public.Head != 3 || len(got.Public.Events) != 3 || got.Desk != nil {
		t.Errorf("%s", mine.body)
	}
	if strings.Contains(string(mine.body), "secret note") || strings.Contains(string(mine.body), "desk") {
		t.Error("a customer sees the desk track")
	}
	w.takesPart(operatorOne, chat.RoleOperator)
	_, staff := w.operator()
	if got := decodeAs[Conversation](t, w.do("GET", path, "", "Authorization", staff)); got.Desk == nil || got.Desk.Head != 1 {
		t.Errorf("staff: %+v", got)
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, token := w.customer()
	w.takesPart(s.User, chat.RoleCustomer)
	path := "/v1/conversations/" + string(talk) + "/events"
	for query, want := range map[string]string{
		"": "[1 2 3] false", "?after=0&limit=2": "[1 2] true", "?after=2": "[3] false", "?after=3": "[] false",
		"?before=3&limit=1": "[2] true", "?before=2": "[1] false", "?track=public&limit=1": "[3] true",
	} {
		a := w.do("GET", path+query, "", "Authorization", token)
		page := decodeAs[EventPage](t, a)
		seqs := []uint64{}
		for _, e := range page.Events {
			seqs = append(seqs, e.Seq)
		}
		if got := fmt.Sprint(seqs, " ", page.More); got != want || page.Head != 3 || page.Gen != 7 || page.Track != chat.Public {
			t.Errorf("%q: %s, want %s\n%s", query, got, want, a.body)
		}
	}
	for _, query := range []string{
		"?after=-1", "?after=x", "?after=1&before=2", "?limit=0", "?limit=201", "?limit=1.5", "?track=secret", "?nothing=1", "?after=1&after=2", "?%zz",
		"?after=99999999999999999999",
	} {
		w.problem(query, w.do("GET", path+query, "", "Authorization", token), 400, chat.CodeInvalid, "")
	}
	w.problem("desk", w.do("GET", path+"?track=desk", "", "Authorization", token), 403, chat.CodeForbidden, "")
}

func TestConversationList(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := func(c string) chat.ConversationID {
		return chat.ConversationID("c_01kaw3v4x0" + strings.Repeat(c, 16))
	}
	w.directory.open = []chat.ConversationID{id("9"), id("5")}
	w.directory.closed = []chat.ConversationID{id("8"), id("7"), id("1")}
	_, token := w.customer()
	var all []ConversationEntry
	for i, c := range []string{"9", "5", "8", "7", "1"} {
		all = append(all, ConversationEntry{Conversation: id(c), Open: i < 2})
	}
	for _, limit := range []int{1, 2, 3, 4, 5, 6} {
		var got []ConversationEntry
		for after, pages := "", 0; pages < 10; pages++ {
			page := decodeAs[ConversationList](t, w.do("GET", fmt.Sprintf("/v1/conversations?limit=%d&after=%s", limit, after), "", "Authorization", token))
			got = append(got, page.Conversations...)
			if after = page.Next; after == "" {
				break
			}
		}
		if diff := cmp.Diff(all, got); diff != "" {
			t.Errorf("pages of %d (-want +got):\n%s", limit, diff)
		}
	}
	for query, want := range map[string][]ConversationEntry{"?status=open": all[:2], "?status=closed": all[2:], "": all} {
		if got := decodeAs[ConversationList](t, w.do("GET", "/v1/conversations"+query, "", "Authorization", token)); !cmp.Equal(got.Conversations, want) || got.Next != "" {
			t.Errorf("%q: %+v", query, got)
		}
	}
	for _, query := range []string{"?status=all", "?after=x", "?after=open:x", "?limit=101"} {
		w.problem(query, w.do("GET", "/v1/conversations"+query, "", "Authorization", token), 400, chat.CodeInvalid, "")
	}
}

func TestWaiting(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.directory.waiting = []chat.Waiting{{Conversation: talk, Customer: customerOne, Since: w.now}}
	_, customer := w.customer()
	w.problem("customer", w.do("GET", "/v1/conversations?status=waiting", "", "Authorization", customer), 403, chat.CodeForbidden, "")
	_, token := w.operator()
	got := decodeAs[ConversationList](t, w.do("GET", "/v1/conversations?status=waiting", "", "Authorization", token))
	want := []protocol.WaitingEntry{{Conversation: talk, Customer: customerOne, Since: w.now.UnixMilli()}}
	if !cmp.Equal(got.Waiting, want) {
		t.Errorf("%+v", got)
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	want := Health{Status: "ok", Version: "1.2.3", Region: "eu-central-1"}
	_, customer := w.customer()
	_, staff := w.operator()
	for _, target := range []string{"/v1/health", "/v1/health?deep=1"} {
		if got := decodeAs[Health](t, w.do("GET", target, "", "Authorization", staff)); got != want {
			t.Errorf("%s: %+v", target, got)
		}
	}
	w.problem("deep, nobody", w.do("GET", "/v1/health?deep=1", ""), 401, chat.CodeUnauthenticated, identity.ReasonSessionUnknown)
	w.problem("deep, customer", w.do("GET", "/v1/health?deep=1", "", "Authorization", customer), 403, chat.CodeForbidden, "")
	w.store.Fail(errors.New("outage"))
	if got := decodeAs[Health](t, w.do("GET", "/v1/health", "")); got != want {
		t.Errorf("shallow health touches the table: %+v", got)
	}
	w.problem("deep, outage", w.do("GET", "/v1/health?deep=1", "", "Authorization", staff), 500, chat.CodeInternal, "")
}

func TestBodies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	post := func(body string, headers ...string) answer {
		return w.do("POST", "/v1/customer-sessions", body, append([]string{"Origin", shop}, headers...)...)
	}
	for _, body := range []string{
		"", "x", "null x", "[]", `"wk_one"`, `{"widgetKey":1}`, `{"widgetKey":"wk_one","admin":true}`, `{"widgetKey":"wk_one"}{}`,
		`{"widgetKey":"wk_one"} x`, `{"widgetKey":"wk_one"`, "\x00",
	} {
		if a := post(body, "Content-Type", "application/json"); a.StatusCode != http.StatusBadRequest {
			t.Errorf("%q: %d %s", body, a.StatusCode, a.body)
		}
	}
	for _, kind := range []string{"text/plain", "", "application/x-www-form-urlencoded", "application/jsonx"} {
		w.problem("content type "+kind, post(`{"widgetKey":"wk_one"}`, "Content-Type", kind), 415, chat.CodeInvalid, "")
	}
	if a := post(`{"widgetKey":"wk_one"}`, "Content-Type", "application/json; charset=utf-8"); a.StatusCode != http.StatusCreated {
		t.Errorf("with a charset: %d %s", a.StatusCode, a.body)
	}
	w.problem("too large", post(`{"widgetKey":"`+strings.Repeat("x", MaxBody)+`"}`), 413, chat.CodeInvalid, "")
	fits := `{"widgetKey":"wk_one"}`
	if a := post(fits + strings.Repeat(" ", MaxBody-len(fits))); a.StatusCode != http.StatusCreated {
		t.Errorf("as large as may be: %d %s", a.StatusCode, a.body)
	}
}

func TestErrorsDoNotRepeatSecrets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, body := range []string{
		`{"email":"one@example.com","password":"hunter2"`, `{"email":"one@example.com","password":{"hunter2":1}}`, `{"hunter2":"x"}`,
		`{"email":"one@example.com","password":"hunter2"} hunter2`, `{"email":"hunter2","password":"hunter2"}`,
	} {
		if a := w.do("POST", "/v1/staff-sessions", body); a.StatusCode < 400 || strings.Contains(string(a.body), "hunter2") {
			t.Errorf("%s: %d %s", body, a.StatusCode, a.body)
		}
	}
	if strings.Contains(w.logged.String(), "hunter2") {
		t.Errorf("logged:\n%s", &w.logged)
	}
}

// Nothing that opens a door is in the log of a session's whole life.
func TestLogHoldsNoSecrets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, token := w.customer()
	_, staff := w.operator()
	ticket := decodeAs[Ticket](t, w.do("POST", "/v1/socket-tickets", "{}", "Origin", shop, "Authorization", token))
	w.do("POST", "/v1/socket-tickets", fmt.Sprintf(`{"previous":%q}`, ticket.Ticket), "Origin", shop, "Authorization", token)
	w.do("GET", "/v1/conversations?after="+s.Token, "", "Authorization", token)
	w.do("GET", "/v1/conversations/"+s.Token, "", "Authorization", token)
	w.do("GET", "/v1/"+s.Token, "", "Authorization", token)
	w.do("DELETE", "/v1/sessions/current", "", "Authorization", staff)
	w.store.Fail(errors.New("outage"))
	w.do("GET", "/v1/sessions/current", "", "Authorization", token)
	log := w.logged.String()
	for _, secret := range []string{s.Token, ticket.Ticket, strings.TrimPrefix(staff, "Bearer "), `"right"`} {
		if strings.Contains(log, secret) {
			t.Errorf("logged: %s", secret)
		}
	}
	if !strings.Contains(log, "outage") || !strings.Contains(log, string(s.User)) || !strings.Contains(log, "signed out") {
		t.Errorf("what an operator needs is not logged:\n%s", log)
	}
}

func TestHeadersOfEveryAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, a := range []answer{
		w.do("GET", "/v1/health", ""), w.do("GET", "/v1/nothing", ""), w.do("PUT", "/v1/health", ""), w.do("GET", "/v1/sessions/current", ""),
		w.do("POST", "/v1/customer-sessions", `{"widgetKey":"wk_one"}`, "Origin", shop),
	} {
		for name, want := range map[string]string{
			"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"Strict-Transport-Security": "max-age=63072000", "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
		} {
			if got := a.Header.Get(name); got != want {
				t.Errorf("%d: %s is %q", a.StatusCode, name, got)
			}
		}
	}
	a := w.do("PUT", "/v1/sessions/current", "")
	w.problem("method", a, 405, chat.CodeInvalid, "")
	if allow := a.Header.Get("Allow"); !strings.Contains(allow, "GET") || !strings.Contains(allow, "DELETE") {
		t.Errorf("Allow %q", allow)
	}
	w.problem("route", w.do("GET", "/v2/health", ""), 404, chat.CodeNotFound, "")
}

// TestWhoWaitsIsListedForStaff: an operator's open conversations tell since when the customer waits and what is unread, and
// are listed by it; a customer is told neither.
func TestWhoWaitsIsListedForStaff(t *testing.T) {
	t.Parallel()
	m := &matrix{world: newWorld(t), memory: chattest.NewMemory()}
	m.memory.Now = func() time.Time { return m.now }
	m.api.Conversations = &chat.Service{Reader: m.memory, Dir: m.memory, States: m.memory, Now: m.memory.Now}
	m.api.Directory = m.memory
	operator := "Bearer " + m.signIn(caller{principal: chat.Principal{Workspace: workspaceOne, User: chat.UserID(wid("u_", 8)), Role: chat.RoleOperator}})
	session, customer := m.customer()
	guest := session.User
	answer := chat.Event{ID: chat.EventID(wid("e_", 9)), Type: chat.EventMessage, Sender: chat.UserID(wid("u_", 8)), Role: chat.RoleOperator, Text: "x"}
	var ids []chat.ConversationID
	for n := range 3 { // the newest is answered
		m.now = m.now.Add(time.Minute)
		id := chat.ConversationID(chat.NewID(chat.ConversationPrefix, m.now))
		ask := chat.Event{Seq: 1, ID: chat.EventID(chat.NewID(chat.EventPrefix, m.now)), Type: chat.EventMessage, Sender: guest, Role: chat.RoleCustomer, At: m.now, Text: "hello"}
		ref := chat.Ref{Workspace: workspaceOne, Conversation: id}
		m.must(m.memory.Create(t.Context(), chat.Creation{Ref: ref, Customer: guest, Role: chat.RoleCustomer, Status: chat.StatusBot, Bot: answer.Sender, At: m.now, Events: []chat.Event{ask}}))
		if n == 2 {
			answer.Seq, answer.At = 2, m.now
			_, err := m.memory.Append(t.Context(), chat.Append{Ref: ref, Track: chat.Public, After: 1, Events: []chat.Event{answer}, Rule: chat.Rule{Actor: answer.Sender}, Cursor: 1})
			m.must(err)
		}
		ids = append(ids, id)
	}
	list := func(token, query string) (out []string) {
		for _, e := range decodeAs[ConversationList](t, m.do("GET", "/v1/conversations"+query, "", "Authorization", token)).Conversations {
			out = append(out, fmt.Sprint(slices.Index(ids, e.Conversation), " ", e.WaitingSince > 0, " ", e.Unread))
		}
		return out
	}
	for _, c := range []struct {
		token, query string
		want         []string
	}{
		{operator, "?order=unanswered", []string{"0 true 1", "1 true 1", "2 false 0"}},
		{operator, "?order=unanswered&limit=1", []string{"0 true 1"}},
		{operator, "", []string{"2 false 0", "1 true 1", "0 true 1"}},
		{customer, "", []string{"2 false 0", "1 false 0", "0 false 0"}},
	} {
		if got := list(c.token, c.query); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.query, got, c.want)
		}
	}
	m.problem("a customer's order", m.do("GET", "/v1/conversations?order=unanswered", "", "Authorization", customer), 400, chat.CodeInvalid, "")
	m.problem("of closed ones", m.do("GET", "/v1/conversations?order=unanswered&status=closed", "", "Authorization", operator), 400, chat.CodeInvalid, "")
}

// TestListsShowWhatALineNeeds: a line of each list says whose conversation it is, how it stands and what was last said, so
// that nobody asks once more for each; a customer is told what customers may know.
func TestListsShowWhatALineNeeds(t *testing.T) {
	t.Parallel()
	m := &matrix{world: newWorld(t), memory: chattest.NewMemory()}
	m.memory.Now = func() time.Time { return m.now }
	service := &chat.Service{Reader: m.memory, Dir: m.memory, States: m.memory, Now: m.memory.Now}
	m.api.Conversations, m.api.Chat, m.api.Directory = service, service, m.memory
	operator := chat.UserID(wid("u_", 8))
	staff := "Bearer " + m.signIn(caller{principal: chat.Principal{Workspace: workspaceOne, User: operator, Role: chat.RoleAdmin}})
	session, customer := m.customer()
	id := chat.ConversationID(chat.NewID(chat.ConversationPrefix, m.now))
	said := chat.Event{Seq: 1, ID: chat.EventID(chat.NewID(chat.EventPrefix, m.now)), Type: chat.EventMessage, Sender: session.User, Role: chat.RoleCustomer, At: m.now, Text: "hello"}
	ref := chat.Ref{Workspace: workspaceOne, Conversation: id}
	m.must(m.memory.Create(t.Context(), chat.Creation{Ref: ref, Customer: session.User, Role: chat.RoleCustomer, Status: chat.StatusQueued, Priority: 2, At: m.now, Events: []chat.Event{said}}))
	last := &Excerpt{Seq: 1, At: m.now.UnixMilli(), Sender: session.User, Role: chat.RoleCustomer, Text: "hello"}
	own := decodeAs[ConversationList](t, m.do("GET", "/v1/conversations", "", "Authorization", customer)).Conversations
	if diff := cmp.Diff([]ConversationEntry{{Conversation: id, Open: true, Summary: Summary{Status: chat.StatusQueued, Customer: session.User, Last: last}}}, own); diff != "" {
		t.Errorf("the customer's (-want +got):\n%s", diff)
	}
	team := decodeAs[TeamList](t, m.do("GET", "/v1/team/conversations", "", "Authorization", staff)).Conversations
	if len(team) != 1 || team[0].Priority != 2 || team[0].Customer != session.User {
		t.Fatalf("%+v", team)
	}
	if diff := cmp.Diff(last, team[0].Last); diff != "" {
		t.Errorf("the team's (-want +got):\n%s", diff)
	}
}
