package main

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contact"
	"github.com/parley-chat/parley/internal/dynamo"
	"github.com/parley-chat/parley/internal/function"
	"github.com/parley-chat/parley/internal/httpapi"
	"github.com/parley-chat/parley/internal/identity"
	"github.com/parley-chat/parley/internal/oidc/issuertest"
	"github.com/parley-chat/parley/internal/password"
	"github.com/parley-chat/parley/internal/workspace"
	"github.com/parley-chat/parley/internal/wsapi"
	tables "github.com/parley-chat/parley/localstack/dynamodb"
	"github.com/parley-chat/parley/localstack/seam"
	queues "github.com/parley-chat/parley/localstack/sqs"
	"github.com/parley-chat/parley/localstack/template"
)

const (
	shopWorkspace = chat.WorkspaceID("w_01kaw3v4x00123456789abcdef")
	shopOrigin    = "https://shop.example"
	passphrase    = "a passphrase of some length"
	shopText      = "5 contacts, 10 conversations, 20 messages in one of them, 2 operators, 9 canned responses, 5 articles, 10 audit entries, 10 bans, 4 invitations, 20 sessions of an operator, one rule, API key and bot, a few of the rest"
)

// shop is a workspace of a size on engines of its own, with the API as it is deployed, and the socket's handler.
type shop struct {
	team  string // the department of the forms that have one
	forms int    // how many were made
	*testing.T
	size    int
	api     *httpapi.API
	handler http.Handler
	socket  *wsapi.Handler
	store   *dynamo.Store
	ids     dynamo.Identity
	base    time.Time
	vars    map[string]string // the environment

	tokens   map[chat.Role]string
	customer chat.Principal
	operator chat.Principal
	admin    chat.Principal
	talk     chat.ConversationID // the long one, with the operator
	at       uint64              // its last seq

	mu         sync.Mutex
	counting   bool
	now        spent
	operations map[string]int
}

func newShop(t *testing.T, size int) *shop {
	t.Helper()
	plan, err := template.Load(filepath.Join("..", "..", "template.yaml"), template.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := &shop{T: t, size: size, base: time.Now().UTC().Truncate(time.Second), vars: map[string]string{}, tokens: map[chat.Role]string{}, operations: map[string]int{}}
	engine, err := tables.New(tables.Options{Tables: plan.Tables})
	if err != nil {
		t.Fatal(err)
	}
	jobs := queues.New(queues.Options{Queues: plan.Queues, Endpoint: "http://127.0.0.1:4566"})
	t.Cleanup(jobs.Close)
	server := httptest.NewServer(s.cloud(engine, jobs))
	t.Cleanup(server.Close)
	for name, value := range map[string]string{
		"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_ENDPOINT_URL_DYNAMODB": server.URL,
		"AWS_ENDPOINT_URL_SQS": server.URL, "WS_ENDPOINT": server.URL, "WS_URL": "wss://example.com/live", "PUBLIC_URL": "https://desk.example",
		"OIDC_LOCAL": "true", "OIDC_SECRETS": `{"test":"` + issuertest.ClientSecret + `"}`,
	} {
		s.vars[name] = value
	}
	for _, table := range plan.Tables {
		s.vars[map[string]string{"ChatTable": "CHAT_TABLE", "ConnectionTable": "CONNECTION_TABLE"}[table.LogicalID]] = table.Name
	}
	for _, q := range plan.Queues {
		if name := map[string]string{
			"DeliveryQueue": "DELIVERY_QUEUE_URL", "RoutingQueue": "ROUTING_QUEUE_URL", "DeskQueue": "DESK_QUEUE_URL", "TimerQueue": "TIMER_QUEUE_URL",
		}[q.LogicalID]; name != "" {
			s.vars[name] = q.URL
		}
	}
	s.cold()
	s.store = s.api.Directory.(*dynamo.Store)
	s.ids = dynamo.Identity{Store: s.store}
	s.people()
	s.grow()
	return s
}

func (s *shop) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// cloud answers DynamoDB, SQS and @connections, and counts the former.
func (s *shop) cloud(engine, jobs seam.Service) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		target, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		if target == "" { // @connections
			return
		}
		call := seam.Call{Service: seam.DynamoDB, Operation: operation, Body: body}
		to := engine
		if target == "AmazonSQS" {
			call.Service, to = seam.SQS, jobs
		}
		answer := to.Do(r.Context(), call)
		if call.Service == seam.DynamoDB {
			w.Header().Set("X-Amz-Crc32", fmt.Sprint(crc32.ChecksumIEEE(answer.Body)))
			s.count(operation, answer)
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.WriteHeader(answer.Status)
		_, _ = w.Write(answer.Body)
	})
}

func (s *shop) count(operation string, a seam.Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.operations[operation]++
	if !s.counting {
		return
	}
	s.now.calls++
	for _, u := range a.Usage {
		s.now.reads += u.ReadUnits
		s.now.writes += u.WriteUnits
	}
}

// during is what f consumes.
func (s *shop) during(f func()) spent {
	s.mu.Lock()
	s.counting, s.now = true, spent{}
	s.mu.Unlock()
	f()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counting = false
	return s.now
}

// cold forgets what the process has in memory, so that a request pays for what it needs.
func (s *shop) cold() {
	for name, value := range s.vars {
		s.Setenv(name, value)
	}
	f := function.New()
	s.api = newAPI(f)
	s.must(f.Env.Err())
	s.handler = s.api.Handler()
	s.wireSocket()
}

// wireSocket wires the socket's handler as its function does, over the same ports.
func (s *shop) wireSocket() {
	service := s.api.Chat // with what only the socket's function sets
	ids := dynamo.Identity{Store: s.api.Directory.(*dynamo.Store)}
	service.Sessions, service.Arrivals = &identity.Sessions{Store: ids}, identity.Arrivals{Store: ids}
	s.socket = &wsapi.Handler{
		Chat: service, Delivery: service.Delivery, Live: s.api.Live,
		Visits:    &chat.Visits{Store: s.api.Directory.(*dynamo.Store), Policy: s.api.Settings.Visits, Chat: service, Lease: time.Minute},
		Principal: func(a map[string]any) (chat.Principal, error) { return *a["who"].(*chat.Principal), nil }, Log: s.api.Log,
	}
}

// id makes ids that sort by time.
func (s *shop) id(prefix string) string { return chat.NewID(prefix, time.Now()) }

// people are the operator, supervisor and admin of the shop, signed in, and a customer.
func (s *shop) people() {
	ctx := s.Context()
	s.must(s.ids.PutWorkspace(ctx, identity.Workspace{ID: shopWorkspace, Name: "Shop", Origins: []string{shopOrigin}}))
	s.must(s.ids.PutWidget(ctx, identity.Widget{Key: "wk_shop", Workspace: shopWorkspace, Origins: []string{shopOrigin}}))
	hash, err := password.Argon2id{}.Hash(passphrase)
	s.must(err)
	for i, role := range []chat.Role{chat.RoleOperator, chat.RoleSupervisor, chat.RoleAdmin} {
		user := chat.UserID(fmt.Sprintf("u_01kaw3v4x0%016d", i))
		s.must(s.ids.PutStaff(ctx, identity.Account{Workspace: shopWorkspace, User: user, Address: string(role) + "@example.com", Role: role}, hash))
		p := chat.Principal{Workspace: shopWorkspace, User: user, Role: role}
		if role == chat.RoleOperator {
			s.operator = p
		} else {
			s.admin = p
		}
		s.tokens[role] = s.open("/v1/staff-sessions", fmt.Sprintf(`{"email":"%s@example.com","password":%q}`, role, passphrase)).Token
	}
	session := s.open("/v1/customer-sessions", `{"widgetKey":"wk_shop"}`)
	s.tokens[chat.RoleCustomer] = session.Token
	s.customer = chat.Principal{Workspace: shopWorkspace, User: session.User, Role: chat.RoleCustomer, Session: s.sessionOf(session.Token)}
	s.operator.Session = s.sessionOf(s.tokens[chat.RoleOperator])
	s.operator.Connection, s.customer.Connection = "desk-socket", "web-socket"
	s.duty()
	capacity := 100
	_, err = s.api.Chat.Supervise(ctx, s.admin, s.operator.User, chat.Supervision{Capacity: &capacity})
	s.must(err)
}

func (s *shop) sessionOf(token string) chat.SessionID {
	parsed, err := identity.ParseToken(token)
	s.must(err)
	return parsed.Session
}

func (s *shop) open(path, body string) httpapi.Session {
	s.Helper()
	status, answer := s.do(http.MethodPost, path, body, "")
	var out httpapi.Session
	if err := json.Unmarshal(answer, &out); err != nil || status >= 300 {
		s.Fatalf("%s: %d %s", path, status, answer)
	}
	return out
}

func (s *shop) do(method, target, body, token string, headers ...string) (int, []byte) {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Origin", shopOrigin)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	recorder := httptest.NewRecorder()
	s.handler.ServeHTTP(recorder, r)
	return recorder.Code, recorder.Body.Bytes()
}

// each calls f for 0 … n-1, eight at a time.
func (s *shop) each(n int, f func(i int) error) {
	s.Helper()
	var wg sync.WaitGroup
	errs := make([]error, n)
	gate := make(chan struct{}, 8)
	for i := range n {
		gate <- struct{}{}
		wg.Go(func() {
			defer func() { <-gate }()
			errs[i] = f(i)
		})
	}
	wg.Wait()
	s.must(errs[max(0, slices.IndexFunc(errs, func(err error) bool { return err != nil }))])
}

// grow fills the workspace.
func (s *shop) grow() {
	ctx := s.Context()
	k := s.size
	service := s.api.Chat
	by := identity.By{Principal: s.admin, Source: "192.0.2.1"}
	s.each(5*k, func(i int) error { return s.contact(ctx, i) })
	s.each(10*k, func(i int) error { // half of them the customer's own, half of those over
		p := chat.Principal{Workspace: shopWorkspace, User: s.customer.User, Role: chat.RoleCustomer}
		if i%2 == 1 {
			p.User = chat.UserID(s.id(chat.UserPrefix))
		}
		id := chat.ConversationID(s.id(chat.ConversationPrefix))
		if _, err := service.Start(ctx, p, chat.NewConversation{ID: id, Messages: []chat.NewMessage{{ID: chat.EventID(s.id(chat.EventPrefix)), Text: "hello"}}}); err != nil || i%4 < 2 {
			return err
		}
		_, err := service.Close(ctx, p, chat.Step{Conversation: id, ID: chat.EventID(s.id(chat.EventPrefix))})
		return err
	})
	s.each(2*k, func(i int) error {
		u := chat.UserID(fmt.Sprintf("u_01kaw3v4x1%016d", i))
		if err := s.ids.PutStaff(ctx, identity.Account{Workspace: shopWorkspace, User: u, Address: fmt.Sprintf("p%d@example.com", i), Name: fmt.Sprint("Person ", i), Role: chat.RoleOperator}, "hash"); err != nil {
			return err
		}
		return s.store.PutOperator(ctx, chat.Operator{Workspace: shopWorkspace, User: u, Role: chat.RoleOperator, Duty: chat.DutyAway, Capacity: 4, Lease: s.base.Add(time.Hour)})
	})
	kept := &dynamo.Workspace{Store: s.store}
	act := workspace.Act{By: workspace.By{Principal: s.admin}, Name: "canned.made"}
	s.each(9*k, func(i int) error { // of 1,000 that a workspace may have
		e := workspace.Entry{Place: workspace.Place{Workspace: shopWorkspace, Kind: workspace.KindCanned}, ID: s.id("n_"), Version: 1, Changed: s.base, By: s.admin.User,
			Document: fmt.Appendf(nil, `{"shortcut":"c%d","text":"A text as people write it, of some length: thank you for your order."}`, i)}
		_, err := kept.PutEntry(ctx, e, act)
		return err
	})
	s.each(5*k, func(i int) error {
		a := workspace.Article{Card: workspace.Card{ID: s.id(workspace.ArticlePrefix), Version: 1, Title: fmt.Sprint("Article ", i), Slug: fmt.Sprint("a-", i), Status: workspace.ArticlePublished}, Markdown: strings.Repeat("All about it. ", 50)}
		_, err := kept.PutArticle(ctx, shopWorkspace, a, act)
		return err
	})
	s.each(10*k, func(i int) error {
		return s.api.Audit.Record(ctx, by, identity.ActStaffChanged, string(s.operator.User), nil, map[string]string{"n": fmt.Sprint(i)})
	})
	s.each(10*k, func(i int) error {
		return s.api.Contacts.Store.PutAddressBan(ctx, shopWorkspace, contact.Ban{ID: s.id(contact.BanPrefix), Address: fmt.Sprintf("hash-%d", i), At: s.base, Until: s.base.Add(time.Hour), By: s.admin.User, Reason: "spam"})
	})
	// Below what a workspace may have, so that one more can be made: 100 rules, 200 keys, 200 bots, 500 invitations.
	s.each(max(1, 9*k/10), func(i int) error {
		e := workspace.Entry{Place: workspace.Place{Workspace: shopWorkspace, Kind: workspace.KindRule}, ID: s.id(workspace.KindRule.Prefix()), Version: 1, Changed: s.base, By: s.admin.User,
			Document: fmt.Appendf(nil, `{"name":"Rule %d","enabled":true,"order":0,"on":"message","conditions":[{"fact":"text","op":"contains","value":"refund"}],"steps":[{"kind":"tag","value":"vip"}]}`, i)}
		_, err := kept.PutEntry(ctx, e, act)
		return err
	})
	for _, role := range []chat.Role{chat.RoleAPIKey, chat.RoleBot} {
		s.each(19*k/10, func(i int) error {
			key := identity.Key{Workspace: shopWorkspace, ID: chat.UserID(s.id(chat.UserPrefix)), Role: role, Name: fmt.Sprint("Key ", i), Grants: chat.GrantList(chat.Grants()[0]), By: s.admin.User, Created: s.base, Version: 1}
			return s.ids.PutKey(ctx, key, 0, s.api.Audit.Entry(by, identity.ActKeyMade, string(key.ID), nil, nil))
		})
	}
	s.each(48*k/10, func(i int) error {
		v := identity.Invitation{Workspace: shopWorkspace, ID: s.id("i_"), Address: fmt.Sprintf("i%d@example.com", i), Role: chat.RoleOperator, By: s.admin.User, Created: s.base, Expires: s.base.Add(time.Hour)}
		return s.ids.PutInvitation(ctx, v, s.api.Audit.Entry(by, identity.ActInvited, v.ID, nil, nil))
	})
	s.each(identity.MaxSessions, func(i int) error { // as many as anybody has; the operator has room to sign in
		for _, u := range []chat.UserID{s.operator.User, chat.UserID(fmt.Sprintf("u_01kaw3v4x1%016d", 1))} {
			if u == s.operator.User && i >= identity.MaxSessions-5 {
				continue
			}
			session := identity.Session{Workspace: shopWorkspace, User: u, ID: chat.SessionID(s.id(chat.SessionPrefix)), Role: chat.RoleOperator, Expires: s.base.Add(24 * time.Hour)}
			if err := s.ids.PutSession(ctx, session); err != nil {
				return err
			}
		}
		return nil
	})
	s.talk = s.converse(true)
	for range 20 * k / 20 {
		var list []chat.NewMessage
		for range 20 {
			list = append(list, chat.NewMessage{ID: chat.EventID(s.id(chat.EventPrefix)), Text: "A message of the usual length, a sentence or so, no more."})
		}
		out, err := service.Send(ctx, s.principal(s.operator), s.talk, chat.Public, s.at, list)
		s.must(err)
		s.at = out.Head.Public.Last
		relay := chat.Relay{Reader: s.store, Tails: s.store} // moves tails, as the function does after every write
		s.must(relay.Trim(ctx, out.Head))
	}
}

// principal without its socket.
func (s *shop) principal(p chat.Principal) chat.Principal {
	p.Connection = ""
	return p
}

func (s *shop) contact(ctx context.Context, i int) error {
	name := fmt.Sprintf("Grace %04d", i)
	_, err := s.api.Contacts.Create(ctx, s.admin, contact.ID(s.id(contact.Prefix)), contact.Edit{
		Name: &name, Addresses: &[]contact.Address{{Kind: contact.Email, Value: fmt.Sprintf("g%d@example.com", i), Verified: true}},
	})
	return err
}

// converse starts a conversation of the customer's, assigned to the operator or waiting.
func (s *shop) converse(assigned bool) chat.ConversationID {
	s.Helper()
	service := s.api.Chat
	id := chat.ConversationID(s.id(chat.ConversationPrefix))
	out, err := service.Start(s.Context(), s.principal(s.customer), chat.NewConversation{ID: id, Messages: []chat.NewMessage{{ID: chat.EventID(s.id(chat.EventPrefix)), Text: "hello"}}})
	s.must(err)
	s.at = out.Head.Public.Last
	if assigned {
		out, err = service.Assign(s.Context(), s.admin, chat.Step{Conversation: id, After: s.at, ID: chat.EventID(s.id(chat.EventPrefix))}, s.operator.User)
		s.must(err)
		s.at = out.Head.Public.Last
	}
	return id
}
