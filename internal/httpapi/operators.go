package httpapi

import (
	"net/http"
	"slices"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// DutyRequest is the body of PUT /v1/operators/me/duty.
//
// Errors: invalid; unauthenticated; forbidden.
type DutyRequest struct {
	// Status is off, away or accepting. Who accepts gets conversations only while a socket of theirs is open.
	Status chat.Duty `json:"status"`
}

// OperatorRequest is the body of PUT /v1/operators/{id}. What is absent stays as it is.
//
// Errors: invalid; unauthenticated; forbidden (departments that the caller does not run); not_found (nobody
// of the staff, or nobody who works in a department that the caller runs).
type OperatorRequest struct {
	Status *chat.Duty `json:"status,omitempty"`
	// Capacity is how many conversations the operator may be given at once, 1 to 100.
	Capacity *int `json:"capacity,omitempty"`
	// Departments that they work in; an empty list stands for all.
	Departments *[]chat.DepartmentID `json:"departments,omitempty"`
	// Skills that they have, at most 32 of 64 bytes.
	Skills *[]string `json:"skills,omitempty"`
}

// Operator answers all of these: how a member of staff stands to routing.
type Operator = protocol.Operator

// OperatorEvent is one entry of an operator's own log.
type OperatorEvent struct {
	Seq uint64 `json:"seq"`
	// Type is operator.status, operator.connected or operator.disconnected.
	Type chat.OperatorEventType `json:"type"`
	At   int64                  `json:"at"`
	// Sender is who did it: the operator, a supervisor, or the system.
	Sender chat.UserID `json:"sender"`
	Role   chat.Role   `json:"role"`
	// From and To of a status; From is absent for the first.
	From   chat.Duty `json:"from,omitempty"`
	To     chat.Duty `json:"to,omitempty"`
	Reason string    `json:"reason,omitempty"`
}

// OperatorEventPage answers GET /v1/operators/{id}/events and GET /v1/operators/me/events: oldest first, without a hole.
//
// Parameters: after (a seq), limit (1 to 200, default 50). Errors: invalid; unauthenticated; forbidden; not_found.
type OperatorEventPage struct {
	Events []OperatorEvent `json:"events"`
	// More says that there may be further events: ask again with after set to the last seq.
	More bool `json:"more,omitempty"`
}

func operatorRoutes() []route {
	ok := http.StatusOK
	page := []Parameter{
		{Name: "after", Summary: "Events with a higher seq.", Number: true},
		{Name: "limit", Summary: "How many, default 50.", Number: true, Min: 1, Max: chat.MaxPageEvents},
	}
	return []route{
		{pattern: "GET /v1/operators/me", command: chat.CommandDuty, serve: (*API).ownStanding, says: says{
			name: "ownOperator", summary: "Read how oneself stands to routing: duty, load, capacity, departments and skills.",
			answers: map[int]any{ok: Operator{}}, codes: []chat.Code{chat.CodeInvalid}}},
		{pattern: "GET /v1/operators/{id}", command: chat.CommandSupervise, serve: (*API).standing, says: says{
			name: "operator", summary: "Read how a member of staff stands to routing, also one who has not been on duty yet.",
			answers: map[int]any{ok: Operator{}}, codes: []chat.Code{chat.CodeInvalid, chat.CodeNotFound}}},
		{pattern: "PUT /v1/operators/me/duty", command: chat.CommandDuty, serve: (*API).setDuty, says: says{
			name: "setDuty", summary: "Say whether one takes conversations.", request: DutyRequest{}, answers: map[int]any{ok: Operator{}}}},
		{pattern: "GET /v1/operators/me/events", command: chat.CommandDuty, serve: (*API).ownOperatorEvents, says: says{
			name: "listOwnOperatorEvents", summary: "Read one's own log of status and connection.", answers: map[int]any{ok: OperatorEventPage{}},
			query: page, codes: []chat.Code{chat.CodeInvalid}}},
		{pattern: "PUT /v1/operators/{id}", command: chat.CommandSupervise, serve: (*API).supervise, says: says{
			name: "changeOperator", summary: "Set an operator's status, capacity, departments or skills.", request: OperatorRequest{},
			answers: map[int]any{ok: Operator{}}, codes: []chat.Code{chat.CodeNotFound, chat.CodeForbidden}}},
		{pattern: "GET /v1/operators/{id}/events", command: chat.CommandSupervise, serve: (*API).operatorEvents, says: says{
			name: "listOperatorEvents", summary: "Read an operator's log of status and connection.", answers: map[int]any{ok: OperatorEventPage{}},
			query: page, codes: []chat.Code{chat.CodeInvalid, chat.CodeNotFound}}},
	}
}

func (a *API) setDuty(c *call) (int, any, error) {
	body, err := decode[DutyRequest](c.Request, false)
	if err != nil {
		return 0, nil, err
	}
	return a.operator(a.Chat.Duty(c.Context(), c.principal(), body.Status))
}

func (a *API) operator(o *chat.Operator, err error) (int, any, error) {
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, protocol.OperatorOf(*o, o.Connected(a.now())), nil
}

func (a *API) supervise(c *call) (int, any, error) {
	body, err := decode[OperatorRequest](c.Request, false)
	if err != nil {
		return 0, nil, err
	}
	v := chat.Supervision{Duty: body.Status, Capacity: body.Capacity}
	if body.Departments != nil {
		list := chat.JoinDepartments(*body.Departments...)
		v.Departments = &list
	}
	if body.Skills != nil {
		skills := slices.Compact(slices.Sorted(slices.Values(*body.Skills)))
		v.Skills = &skills
	}
	return a.operator(a.Chat.Supervise(c.Context(), c.principal(), chat.UserID(c.PathValue("id")), v))
}

func (a *API) ownStanding(c *call) (int, any, error) { return a.standingOf(c, c.principal().User) }

func (a *API) standing(c *call) (int, any, error) {
	return a.standingOf(c, chat.UserID(c.PathValue("id")))
}

func (a *API) standingOf(c *call, user chat.UserID) (int, any, error) {
	if q := queryOf(c.Request); q.err != nil {
		return 0, nil, q.err
	}
	return a.operator(a.Chat.Standing(c.Context(), c.principal(), user))
}

func (a *API) ownOperatorEvents(c *call) (int, any, error) {
	return a.operatorLog(c, c.principal().User)
}

func (a *API) operatorEvents(c *call) (int, any, error) {
	return a.operatorLog(c, chat.UserID(c.PathValue("id")))
}

func (a *API) operatorLog(c *call, user chat.UserID) (int, any, error) {
	q := queryOf(c.Request, "after", "limit")
	after, limit := q.seq("after"), q.limit(50, chat.MaxPageEvents)
	if q.err != nil {
		return 0, nil, q.err
	}
	from := uint64(0)
	if after != nil {
		from = *after
	}
	events, err := a.Chat.OperatorLog(c.Context(), c.principal(), user, from, limit)
	if err != nil {
		return 0, nil, err
	}
	out := OperatorEventPage{Events: make([]OperatorEvent, len(events)), More: len(events) == limit}
	for i, e := range events {
		out.Events[i] = OperatorEvent{e.Seq, e.Type, e.At.UnixMilli(), e.Sender, e.Role, e.From, e.To, e.Reason}
	}
	return http.StatusOK, out, nil
}
