package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contact"
	"github.com/parley-chat/parley/internal/identity"
	"github.com/parley-chat/parley/internal/workspace"
)

// Conversations reads the log, as chat.Service does: permissions are checked inside, and a conversation of others
// is CodeNotFound.
type Conversations interface {
	Page(context.Context, chat.Principal, chat.PageQuery) (*chat.PageResult, error)
	Waiting(context.Context, chat.Principal, int) ([]chat.Waiting, error)
	Snapshot(context.Context, chat.Principal, *chat.Head) (chat.Snapshot, error)
	Own(context.Context, chat.Principal, []chat.ConversationID) ([]chat.OwnConversation, error)
	Unanswered(ctx context.Context, p chat.Principal, limit int) ([]chat.OwnConversation, error)
	Summaries(context.Context, chat.Principal, []chat.ConversationID) (map[chat.ConversationID]chat.Summary, error)
}

// API serves the routes. All fields but those that say so are needed.
type API struct {
	Customers     *identity.Customers
	Staff         *identity.Staff
	Sessions      *identity.Sessions
	Tickets       *identity.Tickets
	Workspaces    identity.Workspaces
	Conversations Conversations
	// Chat carries out commands, and Delivery pushes what they have committed.
	Chat      *chat.Service
	Delivery  *chat.Delivery
	Directory chat.Directory
	// Contacts knows the customers, CustomerTokens checks the business's word of who they are.
	Contacts       *contact.Service
	CustomerTokens *identity.CustomerTokens
	// People, Keys, Audit and SignOn keep the workspace's staff, its keys and bots, its audit log and identity provider.
	People *identity.People
	Keys   *identity.Keys
	Audit  *identity.Audit
	SignOn *identity.SignOn
	// Sites keeps the workspace's name, and the pages that its desk and its widgets run on.
	Sites *identity.Sites
	// PublicURL is where this API is reached when that is not where the gateway is asked, such as behind a CDN; "" else.
	PublicURL string
	// Live is the live desk; only what reads is needed.
	Live *chat.LiveDesk
	// Catalog and Articles are what the workspace sets for itself, Settings what follows from it; Automation tries rules out
	// and applies macros.
	Catalog    *workspace.Catalog
	Articles   *workspace.Articles
	Settings   *workspace.Cache
	Automation *workspace.Automation
	// Mentions lists what somebody was mentioned in.
	Mentions chat.MentionStore
	// Requests remembers what was sent with an Idempotency-Key.
	Requests chat.Requests
	// Counters are shared by all instances; nil: each limits callers by itself.
	Counters Counters
	// SocketURL is where tickets open sockets: "wss://…/stage".
	SocketURL string
	// Version and Region are what health tells.
	Version, Region string
	Log             *slog.Logger
	// Now is the clock, time.Now if nil.
	Now func() time.Time

	limiter *limiter
}

func (a *API) now() time.Time {
	if a.Now != nil {
		return a.Now()
	}
	return time.Now()
}

// call is one request on its way.
type call struct {
	*http.Request
	session identity.Opened // zero on routes that need none
	// answer holds the headers of the answer.
	answer http.Header
	// once names the request, if it came with an Idempotency-Key and the route takes one.
	once chat.RequestKey
}

// principal is who asks; zero on routes that need no session.
func (c *call) principal() chat.Principal { return c.session.Session.Principal() }

// route is one row of the table of routes.
type route struct {
	pattern string
	// open routes need no session.
	open bool
	// command is what the session's role must be allowed; "" for one's own session.
	command chat.Command
	// idempotent routes take an Idempotency-Key: every POST that makes something.
	idempotent bool
	// secret marks idempotent routes whose answer must not be kept.
	secret bool
	// polled lists have an ETag, and may be answered by 304.
	polled bool
	serve  func(*API, *call) (status int, body any, err error)
	// says is what the contract says of the route.
	says says
}

// routes is the whole API.
func routes() []route {
	ok := http.StatusOK
	return slices.Concat(
		contactRoutes(), banRoutes(), customerRoutes(),
		peopleRoutes(),
		profileRoutes(),
		mentionRoutes(),
		siteRoutes(),
		sessionRoutes(),
		keyRoutes(),
		auditRoutes(),
		oidcRoutes(),
		workspaceRoutes(),
		operatorRoutes(),
		liveRoutes(),
		commandRoutes(), talkRoutes(), detailRoutes(), []route{
			{pattern: "POST /v1/customer-sessions", open: true, serve: (*API).startCustomer, says: saysCustomerSession()},
			{pattern: "POST /v1/staff-sessions", open: true, serve: (*API).signIn, says: saysStaffSession()},
			{pattern: "GET /v1/sessions/current", serve: (*API).currentSession,
				says: says{name: "currentSession", summary: "Read the session of the token.", answers: map[int]any{ok: Session{}}}},
			{pattern: "DELETE /v1/sessions/current", serve: (*API).signOut,
				says: says{name: "signOut", summary: "Sign out, and close the session's sockets after a bye.", answers: map[int]any{http.StatusNoContent: nil}}},
			{pattern: "POST /v1/socket-tickets", command: chat.CommandHello, serve: (*API).issueTicket, says: saysTicket()},
			{pattern: "GET /v1/conversations", command: chat.CommandMine, polled: true, serve: (*API).listConversations, says: saysConversations()},
			{pattern: "GET /v1/conversations/{id}", command: chat.CommandPage, serve: (*API).conversation, says: says{
				name: "conversation", summary: "Read the state of play and the newest events, as a socket's welcome has them.",
				answers: map[int]any{ok: Conversation{}}, codes: []chat.Code{chat.CodeInvalid, chat.CodeNotFound}}},
			{pattern: "GET /v1/conversations/{id}/events", command: chat.CommandPage, serve: (*API).events, says: saysEvents()},
			{pattern: "GET /v1/health", open: true, serve: (*API).health, says: says{
				name: "health", summary: "Say that the API answers; with deep=1, for staff, that its table does.", answers: map[int]any{ok: Health{}},
				query: []Parameter{{Name: "deep", Summary: "Read the table too; needs a session of staff.", Values: []string{"1"}}},
				codes: []chat.Code{chat.CodeInvalid, chat.CodeUnauthenticated, chat.CodeForbidden}}},
			{pattern: "GET /v1/openapi.json", open: true, polled: true, serve: (*API).openAPI, says: says{
				name: "openapi", summary: "Get this description of the API (OpenAPI 3.1).", answers: map[int]any{ok: Media("application/json")}}},
			{pattern: "GET /v1/docs", open: true, polled: true, serve: (*API).docs, says: says{
				name: "docs", summary: "Read the same as a page.", answers: map[int]any{ok: Media("text/html")}}},
			{pattern: "GET " + errorsPage, open: true, polled: true, serve: (*API).errorsDoc, says: says{
				name: "errorDocs", summary: "Read what each code means and what to do about it: the page that problems' types name.",
				answers: map[int]any{ok: Media("text/html")}}},
		})
}

// Handler returns the routes as one handler.
func (a *API) Handler() http.Handler { return a.handler(routes()) }

func (a *API) handler(table []route) http.Handler {
	a.limiter = &limiter{shared: a.Counters}
	mux := http.NewServeMux()
	for _, r := range table {
		mux.HandleFunc(r.pattern, func(w http.ResponseWriter, request *http.Request) { a.handle(w, request, r) })
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secure(w.Header())
		if _, pattern := mux.Handler(r); pattern == "" {
			a.noRoute(mux, w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// secure sets the headers that every answer has. Nothing here is for caches: tokens and conversations are not,
// and the rest is tiny.
func secure(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Strict-Transport-Security", "max-age=63072000")
	h.Set("X-Content-Type-Options", "nosniff")
}

// noRoute lets the mux say whether it is 404 or 405 (with Allow), and says so as a problem.
func (a *API) noRoute(mux *http.ServeMux, w http.ResponseWriter, r *http.Request) {
	var said recorder
	mux.ServeHTTP(&said, r)
	err := &statusError{http.StatusNotFound, chat.Errorf(chat.CodeNotFound, "there is no such route")}
	if said.status == http.StatusMethodNotAllowed {
		err = &statusError{said.status, chat.Errorf(chat.CodeInvalid, "this route has other methods")}
		w.Header().Set("Allow", said.Header().Get("Allow"))
	}
	writeProblem(w, problemOf(err))
}

func (a *API) handle(w http.ResponseWriter, r *http.Request, route route) {
	begin := time.Now()
	c := &call{Request: r, answer: w.Header()}
	status, body, err := a.serve(c, route)
	if err == nil {
		status, body, err = c.conditional(route, status, body)
	}
	if err == nil {
		err = writeAnswer(w, status, body)
	}
	problem := Problem{Status: status}
	if err != nil {
		problem = problemOf(err)
		writeProblem(w, problem)
	}
	a.record(c, route, problem, err, time.Since(begin))
}

// serve authenticates, authorizes, counts and runs the route. A panic is an error that nobody named.
func (a *API) serve(c *call, route route) (status int, body any, err error) {
	defer func() {
		if v := recover(); v != nil {
			a.Log.ErrorContext(c.Context(), "panic", "route", route.pattern, "value", v, "stack", string(debug.Stack()))
			err = chat.Errorf(chat.CodeInternal, "something went wrong on our side; try again")
		}
	}()
	if err := a.admit(c, route); err != nil {
		return 0, nil, err
	}
	if route.idempotent {
		return a.once(c, route)
	}
	return route.serve(a, c)
}

// admit finds the caller and counts the request as theirs; as their address's when they are nobody.
func (a *API) admit(c *call, route route) error {
	var refused error
	if !route.open {
		refused = a.authenticate(c, route.command)
	}
	if err := a.limit(c); err != nil {
		return err
	}
	return refused
}

// authenticate finds the session and checks that its role, and its grants, may issue the command at all. How far the
// permission reaches is checked where the thing is read.
func (a *API) authenticate(c *call, command chat.Command) error {
	if identity.IsKey(bearer(c.Request)) {
		return a.authenticateKey(c, command)
	}
	opened, err := a.Sessions.Authenticate(c.Context(), bearer(c.Request))
	if err != nil {
		return a.Contacts.Explain(c.Context(), bearer(c.Request), err)
	}
	c.session = opened
	if command != "" {
		_, err = chat.Authorize(c.principal(), command)
	}
	return err
}

// record logs one line per request: neither headers nor query nor body, which hold tokens, tickets and passwords.
func (a *API) record(c *call, route route, p Problem, err error, took time.Duration) {
	level := slog.LevelInfo
	attributes := []any{"route", route.pattern, "status", p.Status, "ms", took.Milliseconds(), "requestId", requestID(c.Context())}
	if s := c.session.Session; s.User != "" {
		attributes = append(attributes, "workspace", s.Workspace, "user", s.User)
	}
	if err != nil {
		attributes = append(attributes, "code", p.Code, "reason", p.Reason)
	}
	if p.Status >= http.StatusInternalServerError {
		level = slog.LevelError
		attributes = append(attributes, "error", err)
	}
	a.Log.Log(c.Context(), level, "request", attributes...)
}
