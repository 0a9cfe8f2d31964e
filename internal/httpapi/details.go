package httpapi

import (
	"net/http"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// ConversationState is what is known of a conversation besides what was said. Times are absent for what never happened.
type ConversationState struct {
	Conversation chat.ConversationID `json:"conversation"`
	Customer     chat.UserID         `json:"customer"`
	Status       chat.Status         `json:"status"`
	Assignee     chat.UserID         `json:"assignee,omitempty"`
	Department   chat.DepartmentID   `json:"department,omitempty"`
	Priority     int                 `json:"priority,omitempty"`
	// StartedAt, FirstQueuedAt, FirstAssignedAt: Unix milliseconds, as all times here.
	StartedAt       int64 `json:"startedAt"`
	FirstQueuedAt   int64 `json:"firstQueuedAt,omitempty"`
	FirstAssignedAt int64 `json:"firstAssignedAt,omitempty"`
	// ClosedAt is set while the conversation is over.
	ClosedAt int64 `json:"closedAt,omitempty"`
	// ChangedAt is when the status last changed.
	ChangedAt int64 `json:"changedAt"`
	// SnoozedUntil is set while the conversation is snoozed.
	SnoozedUntil int64    `json:"snoozedUntil,omitempty"`
	Tags         []string `json:"tags,omitempty"`
	// Rating is the latest.
	Rating *Rating `json:"rating,omitempty"`
}

// Rating is what the customer thought.
type Rating struct {
	Score   int    `json:"score"`
	Comment string `json:"comment,omitempty"`
	At      int64  `json:"at"`
	// Operator who had the conversation.
	Operator chat.UserID `json:"operator,omitempty"`
}

// ConversationDetails answers GET /v1/conversations/{id}/details.
type ConversationDetails struct {
	ConversationState
	// Page that the customer was on.
	Page string `json:"page,omitempty"`
	// FirstResponseAt is when a person of the business first wrote, if among the first 1,000 events.
	FirstResponseAt int64 `json:"firstResponseAt,omitempty"`
	// Fields by name: what forms and colleagues have set.
	Fields map[string]string `json:"fields,omitempty"`
	// Link is the conversation that this one was merged into, Linked are those that were merged into it.
	Link   chat.ConversationID   `json:"link,omitempty"`
	Linked []chat.ConversationID `json:"linked,omitempty"`
	// Decisions of routing, oldest first.
	Decisions []protocol.Event `json:"decisions,omitempty"`
}

// TeamList is a page of the workspace's conversations, newest start first. It may be shorter than asked for, even empty,
// and yet have a next.
type TeamList struct {
	Conversations []TeamConversation `json:"conversations"`
	// Next, when set, continues the list: the parameter after of the next request.
	Next string `json:"next,omitempty"`
}

// TeamConversation is one line of the list.
type TeamConversation struct {
	ConversationState
	// Last is the newest message that both sides see and nobody has withdrawn; absent when the newest 50 events hold none.
	Last *Excerpt `json:"last,omitempty"`
}

func detailRoutes() []route {
	return []route{
		{pattern: "GET /v1/conversations/{id}/details", command: chat.CommandDetails, serve: (*API).details, says: says{
			name: "conversationDetails", summary: "Read tags, fields, times, rating, links and decisions of a conversation.",
			answers: map[int]any{http.StatusOK: ConversationDetails{}}, codes: []chat.Code{chat.CodeInvalid, chat.CodeNotFound}}},
		{pattern: "GET /v1/team/conversations", command: chat.CommandHistory, polled: true, serve: (*API).team, says: says{
			name: "listTeamConversations", summary: "List the conversations of one's departments, newest first.",
			answers: map[int]any{http.StatusOK: TeamList{}}, codes: []chat.Code{chat.CodeInvalid},
			query: []Parameter{
				{Name: "department", Summary: "Only those of this department; empty for those without one."},
				{Name: "operator", Summary: "Only those whose operator this is, or was at the end."},
				{Name: "customer", Summary: "Only those of this customer."},
				{Name: "tag", Summary: "Only those with this tag."},
				{Name: "status", Summary: "Only those of this status.", Values: statusNames()},
				{Name: "from", Summary: "Only those that started then or later: Unix milliseconds.", Number: true},
				{Name: "to", Summary: "Only those that started then or earlier: Unix milliseconds.", Number: true},
				{Name: "after", Summary: "The next of the page before."},
				{Name: "limit", Summary: "How many, default 25.", Number: true, Min: 1, Max: maxList},
			}}},
	}
}

func statusNames() []string {
	var names []string
	for _, s := range chat.Statuses() {
		names = append(names, string(s))
	}
	return names
}

func (a *API) details(c *call) (int, any, error) {
	id, err := conversationID(c)
	if q := queryOf(c.Request); err == nil {
		err = q.err
	}
	if err != nil {
		return 0, nil, err
	}
	d, err := a.Chat.Details(c.Context(), c.principal(), id)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, ConversationDetails{
		ConversationState: stateOf(d.State), Page: d.Page, FirstResponseAt: millis(d.FirstResponse), Fields: d.Fields, Link: d.Link, Linked: d.Linked,
		Decisions: protocol.EventsOf(d.Decisions),
	}, nil
}

func stateOf(s chat.State) ConversationState {
	out := ConversationState{
		Conversation: s.Conversation, Customer: s.Customer, Status: s.Status, Assignee: s.Assignee, Department: s.Department, Priority: s.Priority,
		StartedAt: millis(s.Started), FirstQueuedAt: millis(s.FirstQueued), FirstAssignedAt: millis(s.FirstAssigned), ClosedAt: millis(s.Closed),
		ChangedAt: millis(s.Changed), SnoozedUntil: millis(s.Until), Tags: s.Tags,
	}
	if r := s.Rating; r != nil {
		out.Rating = &Rating{Score: r.Score, Comment: r.Comment, At: millis(r.At), Operator: r.Operator}
	}
	return out
}

// millis returns 0 for the zero time.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func (a *API) team(c *call) (int, any, error) {
	q := queryOf(c.Request, "department", "operator", "customer", "tag", "status", "from", "to", "after", "limit")
	query := chat.ListQuery{
		Operator: chat.UserID(q.text("operator")), Customer: chat.UserID(q.text("customer")), Tag: q.text("tag"), Status: chat.Status(q.text("status")),
		Limit: q.limit(listLimit, maxList),
	}
	if q.values.Has("department") {
		d := chat.DepartmentID(q.text("department"))
		query.Department = &d
	}
	if ms := q.seq("from"); ms != nil {
		query.From = time.UnixMilli(int64(*ms))
	}
	if ms := q.seq("to"); ms != nil {
		query.To = time.UnixMilli(int64(*ms))
	}
	if keys := c.after(q, 1); keys != nil {
		query.Cursor = keys[0]
	}
	if q.err != nil {
		return 0, nil, q.err
	}
	page, err := a.Chat.List(c.Context(), c.principal(), query)
	if err != nil {
		return 0, nil, err
	}
	ids := make([]chat.ConversationID, len(page.Conversations))
	for i, s := range page.Conversations {
		ids[i] = s.Conversation
	}
	summaries, err := a.Conversations.Summaries(c.Context(), c.principal(), ids)
	if err != nil {
		return 0, nil, err
	}
	out := TeamList{Conversations: make([]TeamConversation, len(page.Conversations))}
	for i, s := range page.Conversations {
		out.Conversations[i] = TeamConversation{stateOf(s), excerptOf(summaries[s.Conversation].Last)}
	}
	if page.Next != "" {
		out.Next = c.next(page.Next)
	}
	return http.StatusOK, out, nil
}
