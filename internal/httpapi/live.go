package httpapi

import (
	"net/http"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// DeskQueue answers GET /v1/desk/queue: how long the queues of one's departments are, and who waits first in them.
type DeskQueue = protocol.DeskQueue

// Colleagues answers GET /v1/operators: who is at work, the most loaded first.
type Colleagues = protocol.DeskColleagues

// VisitorList is a page of those who are on the site now. Its order means nothing; whoever stays is on one page.
type VisitorList struct {
	Visitors []protocol.Visitor `json:"visitors"`
	// Next, when set, continues the list: the parameter after of the next request.
	Next string `json:"next,omitempty"`
}

func liveRoutes() []route {
	ok := http.StatusOK
	return []route{
		{pattern: "GET /v1/desk/queue", command: chat.CommandWaiting, polled: true, serve: (*API).deskQueue, says: says{
			name: "deskQueue", summary: "See what waits, by department: counts, and the first 50. The live desk pushes the same over a socket.",
			answers: map[int]any{ok: DeskQueue{}}, codes: []chat.Code{chat.CodeInvalid, chat.CodeForbidden},
			query: []Parameter{{Name: "department", Summary: "Only this one of one's own."}}}},
		{pattern: "GET /v1/operators", command: chat.CommandColleagues, polled: true, serve: (*API).colleagues, says: says{
			name: "listOperators", summary: "See who is at work, and how loaded.", answers: map[int]any{ok: Colleagues{}}, codes: []chat.Code{chat.CodeInvalid}}},
		{pattern: "GET /v1/visitors", command: chat.CommandVisitors, polled: true, serve: (*API).visitors, says: says{
			name: "listVisitors", summary: "See who is on the site now, if the workspace wants to know.", answers: map[int]any{ok: VisitorList{}},
			codes: []chat.Code{chat.CodeInvalid},
			query: []Parameter{
				{Name: "after", Summary: "The next of the page before."},
				{Name: "limit", Summary: "How many, default 100.", Number: true, Min: 1, Max: chat.MaxVisitors},
			}}},
	}
}

func (a *API) deskQueue(c *call) (int, any, error) {
	q := queryOf(c.Request, "department")
	if q.err != nil {
		return 0, nil, q.err
	}
	var departments []chat.DepartmentID
	if d := q.text("department"); d != "" {
		departments = []chat.DepartmentID{chat.DepartmentID(d)}
	}
	f, err := a.Live.Look(c.Context(), c.principal(), chat.ViewQueue, departments)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, protocol.QueueOf(*f.Queue), nil
}

func (a *API) colleagues(c *call) (int, any, error) {
	if q := queryOf(c.Request); q.err != nil {
		return 0, nil, q.err
	}
	list, err := a.Live.Colleagues(c.Context(), c.principal())
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, protocol.ColleaguesOf(chat.ColleaguesView{Colleagues: list}), nil
}

func (a *API) visitors(c *call) (int, any, error) {
	q := queryOf(c.Request, "after", "limit")
	limit, after := q.limit(chat.MaxVisitors, chat.MaxVisitors), c.after(q, 1)
	if q.err != nil {
		return 0, nil, q.err
	}
	place := ""
	if after != nil {
		place = after[0]
	}
	list, next, err := a.Live.VisitorPage(c.Context(), c.principal(), place, limit)
	if err != nil {
		return 0, nil, err
	}
	out := VisitorList{Visitors: protocol.VisitorsOf(list)}
	if next != "" {
		out.Next = c.next(next)
	}
	return http.StatusOK, out, nil
}
