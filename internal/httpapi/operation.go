package httpapi

import (
	"net/http"
	"slices"
	"strings"

	"github.com/parley-chat/parley/internal/chat"
)

// Operation is what the contract says of a route.
type Operation struct {
	Method, Path string
	// Name is the operation's id in the contract.
	Name string
	// Summary is one sentence.
	Summary string
	// Topic is the name of one of Topics.
	Topic string
	// Open operations need no session.
	Open bool
	// Command is what the session's role must be allowed; "" for what everybody may do with a session of theirs.
	Command chat.Command
	// Request is the zero value of the body, nil without one.
	Request any
	// Optional says that an empty body stands for {}.
	Optional bool
	// Answers holds the body per status of success, nil for none.
	Answers map[int]any
	Query   []Parameter
	// Segments describes the variable parts of the path; {id} without an entry is a conversation.
	Segments []Segment
	// Idempotent operations take an Idempotency-Key; Secret ones keep no answer for it.
	Idempotent, Secret bool
	// Polled operations have an ETag and may answer 304.
	Polled bool
	// Versioned operations heed If-Match; those that demand it are documented by 428 among Problems.
	Versioned bool
	// Problems holds the codes per status of failure.
	Problems map[int][]chat.Code
}

// Parameter is a query parameter. All are optional, and given at most once.
type Parameter struct {
	Name, Summary string
	// Values lists the only values allowed; empty for any.
	Values []string
	// Number says that the value is a whole number from Min to Max; a Max of 0 stands for none.
	Number   bool
	Min, Max int
}

// Segment is a variable part of a path.
type Segment struct {
	Name, Summary string
	// Prefix of an id, such as chat.UserPrefix; "" for a text of any kind.
	Prefix string
}

// says is the part of an Operation that a route does not know by itself.
type says struct {
	name, summary string
	request       any
	optional      bool
	answers       map[int]any
	query         []Parameter
	segments      []Segment
	// versioned: the route heeds If-Match; demands: and refuses to go without.
	versioned, demands bool
	codes              []chat.Code
}

// Operations lists what the API serves, from the table that its mux is built from.
func Operations() []Operation {
	var out []Operation
	for _, r := range routes() {
		method, path, _ := strings.Cut(r.pattern, " ")
		out = append(out, Operation{
			Method: method, Path: path, Name: r.says.name, Summary: r.says.summary, Topic: topicOf(path), Open: r.open, Command: r.command,
			Request: r.says.request, Optional: r.says.optional, Answers: r.says.answers, Query: r.says.query, Problems: r.problems(),
			Segments: r.says.segments, Idempotent: r.idempotent, Secret: r.secret, Polled: r.polled, Versioned: r.says.versioned || r.says.demands,
		})
	}
	return out
}

// problems sorts the route's codes by status, with those that any route may answer.
func (r route) problems() map[int][]chat.Code {
	codes := append(slices.Clone(r.says.codes), chat.CodeInternal, chat.CodeUnavailable, chat.CodeTooFast)
	if r.idempotent {
		codes = append(codes, chat.CodeInvalid, chat.CodeKeyReused, chat.CodeInProgress)
	}
	if r.secret {
		codes = append(codes, chat.CodeAlreadyDone)
	}
	if r.says.versioned || r.says.demands {
		codes = append(codes, chat.CodeConflict)
	}
	if !r.open {
		codes = append(codes, chat.CodeUnauthenticated)
	}
	if r.command != "" {
		codes = append(codes, chat.CodeForbidden)
	}
	out := map[int][]chat.Code{}
	add := func(status int, c chat.Code) {
		if !slices.Contains(out[status], c) {
			out[status] = append(out[status], c)
		}
	}
	for _, c := range codes {
		add(statusOf(c), c)
	}
	if r.says.demands {
		add(http.StatusPreconditionRequired, chat.CodeInvalid)
	}
	if r.says.request != nil {
		add(statusOf(chat.CodeInvalid), chat.CodeInvalid)
		add(http.StatusRequestEntityTooLarge, chat.CodeInvalid)
		add(http.StatusUnsupportedMediaType, chat.CodeInvalid)
	}
	return out
}

// StatusOf returns the HTTP status of a code.
func StatusOf(c chat.Code) int { return statusOf(c) }

func saysCustomerSession() says {
	return says{
		name: "startCustomerSession", summary: "Make an anonymous customer, or keep the session of the token that is presented.",
		request: CustomerSessionRequest{}, answers: map[int]any{http.StatusCreated: Session{}, http.StatusOK: Session{}},
		codes: []chat.Code{chat.CodeBanned, chat.CodeNotFound, chat.CodeForbidden, chat.CodeUnauthenticated},
	}
}

func saysStaffSession() says {
	return says{
		name: "signIn", summary: "Sign a member of staff in.",
		request: StaffSessionRequest{}, answers: map[int]any{http.StatusCreated: Session{}},
		codes: []chat.Code{chat.CodeUnauthenticated, chat.CodeTooFast, chat.CodeForbidden},
	}
}

func saysTicket() says {
	return says{
		name: "issueSocketTicket", summary: "Get a ticket that opens one socket, and learn what became of the one before.",
		request: TicketRequest{}, optional: true, answers: map[int]any{http.StatusCreated: Ticket{}}, codes: []chat.Code{chat.CodeBanned},
	}
}

func saysConversations() says {
	return says{
		name: "listConversations", summary: "List one's own conversations, open ones first, newest first; or, for staff, those that wait.",
		answers: map[int]any{http.StatusOK: ConversationList{}},
		query: []Parameter{
			{Name: "status", Summary: "Only these; without it open and closed ones. waiting is for staff.", Values: []string{"open", "closed", "waiting"}},
			{Name: "order", Summary: "unanswered: of one's newest 200 open conversations, first the one whose customer has waited longest for a person's answer. Without it, the newest first.", Values: []string{"newest", "unanswered"}},
			{Name: "after", Summary: "The next of the page before. Not with status=waiting or order=unanswered."},
			{Name: "limit", Summary: "How many, default 25.", Number: true, Min: 1, Max: maxList},
		},
		codes: []chat.Code{chat.CodeInvalid},
	}
}

func saysEvents() says {
	return says{
		name: "listEvents", summary: "Read a range of one track of a conversation, oldest first, without a hole.",
		answers: map[int]any{http.StatusOK: EventPage{}},
		query: []Parameter{
			{Name: "track", Summary: "Default public; desk is for staff.", Values: []string{string(chat.Public), string(chat.Desk)}},
			{Name: "after", Summary: "Events with a higher seq, oldest first. Not with before.", Number: true},
			{Name: "before", Summary: "The newest events with a lower seq. Without after and before: the newest.", Number: true},
			{Name: "limit", Summary: "How many, default 50.", Number: true, Min: 1, Max: chat.MaxPageEvents},
		},
		codes: []chat.Code{chat.CodeInvalid, chat.CodeNotFound},
	}
}
