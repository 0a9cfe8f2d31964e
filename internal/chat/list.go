package chat

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ListQuery asks for conversations of the workspace, newest start first.
type ListQuery struct {
	// Department, when set, limits the list to one; else it is of all that the principal sees.
	Department *DepartmentID
	Operator   UserID // the assignee
	Customer   UserID
	Tag        string
	Status     Status
	// From and To bound the start, both inclusive; zero for no bound.
	From, To time.Time
	// Cursor continues a list: the Next of the page before.
	Cursor string
	// Limit is 1 to MaxStates, 0 for 25.
	Limit int
}

// ListPage is a part of the list. It may be shorter than asked for, even empty, and yet have a Next: what a page may
// look at is bounded.
type ListPage struct {
	Conversations []State
	Next          string
}

// listRounds is how often a page looks for more when filters have left too little: at most 300 conversations.
const listRounds = 3

// List finds conversations by the shelf that narrows the list most, and filters what it finds there. A page costs at most
// listRounds queries for each shelf and as many batches of reads.
func (s *Service) List(ctx context.Context, p Principal, q ListQuery) (*ListPage, error) {
	scope, err := authorize(p, CommandHistory)
	if err != nil {
		return nil, err
	}
	place, err := q.check()
	if err != nil {
		return nil, err
	}
	shelves, err := s.shelves(ctx, p, scope, q)
	if err != nil {
		return nil, err
	}
	page, look := &ListPage{}, q.Limit
	for range listRounds {
		found, more, err := s.listed(ctx, shelves, place, q.From, look)
		if err != nil {
			return nil, err
		}
		n, err := s.take(ctx, p, scope, q, found, page)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			place = found[n-1]
		}
		page.Next = ""
		if more || n < len(found) {
			page.Next = cursorText(place)
		}
		if page.Next == "" || len(page.Conversations) == q.Limit {
			break
		}
		look = MaxStates
	}
	return page, nil
}

func (q *ListQuery) check() (Listed, error) {
	q.Limit = cmp.Or(q.Limit, 25)
	switch {
	case q.Limit < 0 || q.Limit > MaxStates:
		return Listed{}, Errorf(CodeInvalid, "limit: 1 to %d", MaxStates)
	case q.Status != "" && !slices.Contains(Statuses(), q.Status):
		return Listed{}, Errorf(CodeInvalid, "status: none of the documented ones")
	case q.Operator != "" && !q.Operator.Valid() || q.Customer != "" && !q.Customer.Valid():
		return Listed{}, Errorf(CodeInvalid, "operator, customer: must be well-formed ids")
	case q.Department != nil && *q.Department != "" && !q.Department.Valid():
		return Listed{}, Errorf(CodeInvalid, "department: must be a well-formed id, or empty for those without one")
	case len(q.Tag) > MaxTag:
		return Listed{}, Errorf(CodeInvalid, "tag: at most %d bytes", MaxTag)
	}
	if q.Cursor != "" {
		return cursorPlace(q.Cursor)
	}
	if !q.To.IsZero() { // before any conversation that started a millisecond later
		return Listed{Started: q.To.Add(time.Millisecond), Conversation: ConversationPrefix}, nil
	}
	return Listed{}, nil
}

func cursorText(l Listed) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d/%s", l.Started.UnixMilli(), l.Conversation))
}

func cursorPlace(text string) (Listed, error) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	ms, id, ok := strings.Cut(string(raw), "/")
	n, bad := strconv.ParseInt(ms, 10, 64)
	if err != nil || bad != nil || !ok || n < 0 || n > 1e13 || !ConversationID(id).Valid() {
		return Listed{}, Errorf(CodeInvalid, "cursor: must be the next of a page before")
	}
	return Listed{Started: time.UnixMilli(n), Conversation: ConversationID(id)}, nil
}

// shelves lists where to look.
func (s *Service) shelves(ctx context.Context, p Principal, scope Scope, q ListQuery) ([]Shelf, error) {
	var bare []Shelf
	switch {
	case q.Tag != "":
		return []Shelf{{Workspace: p.Workspace, Kind: ShelfTag, Name: q.Tag}}, nil
	case q.Customer != "":
		bare = []Shelf{{Kind: ShelfCustomer, Name: string(q.Customer)}}
	case q.Operator != "":
		bare = []Shelf{{Kind: ShelfOperator, Name: string(q.Operator)}}
	case q.Department != nil:
		bare = []Shelf{{Kind: ShelfDepartment, Name: string(*q.Department)}}
	default:
		departments, err := s.departments(ctx, p, scope)
		if err != nil {
			return nil, err
		}
		for _, d := range departments {
			bare = append(bare, Shelf{Kind: ShelfDepartment, Name: string(d)})
		}
	}
	var out []Shelf
	for _, shelf := range bare {
		shelf.Workspace = p.Workspace
		for _, over := range []bool{false, true} {
			if shelf.Over = over; q.Status == "" || q.Status.Over() == over {
				out = append(out, shelf)
			}
		}
	}
	return out, nil
}

// listed merges the shelves. more says that there may be others behind.
func (s *Service) listed(ctx context.Context, shelves []Shelf, before Listed, from time.Time, limit int) (list []Listed, more bool, err error) {
	lists, err := parallel(ctx, shelves, func(ctx context.Context, shelf Shelf) (found []Listed, err error) {
		err = s.retry(ctx, func() (err error) {
			found, err = s.States.Shelf(ctx, shelf, before, from, limit)
			return err
		})
		return found, err
	})
	if err != nil {
		return nil, false, err
	}
	for _, found := range lists {
		more = more || len(found) == limit
	}
	list = slices.Concat(lists...)
	slices.SortFunc(list, func(a, b Listed) int {
		return cmp.Or(b.Started.Compare(a.Started), cmp.Compare(b.Conversation, a.Conversation))
	})
	list = slices.Compact(list) // an index that lags may show one on two shelves
	if len(list) > limit {
		return list[:limit], true, nil
	}
	return list, more, nil
}

// take adds those that pass the filters until the page is full, and returns how many it has looked at.
func (s *Service) take(ctx context.Context, p Principal, scope Scope, q ListQuery, found []Listed, page *ListPage) (int, error) {
	if len(found) == 0 {
		return 0, nil
	}
	ids := make([]ConversationID, len(found))
	for i, l := range found {
		ids[i] = l.Conversation
	}
	var states []State
	err := s.retry(ctx, func() (err error) {
		states, err = s.States.StatesOf(ctx, p.Workspace, ids)
		return err
	})
	if err != nil {
		return 0, err
	}
	byID := make(map[ConversationID]State, len(states))
	for _, state := range states {
		byID[state.Conversation] = state
	}
	for i, id := range ids {
		if len(page.Conversations) == q.Limit {
			return i, nil
		}
		if state, ok := byID[id]; ok && q.wants(state) && (scope == Workspace || p.WorksIn(state.Department)) {
			page.Conversations = append(page.Conversations, state)
		}
	}
	return len(ids), nil
}

// wants says whether the conversation passes the filters, as it is now: an index may lag.
func (q *ListQuery) wants(s State) bool {
	return (q.Department == nil || *q.Department == s.Department) && (q.Operator == "" || q.Operator == s.Assignee) &&
		(q.Customer == "" || q.Customer == s.Customer) && (q.Tag == "" || slices.Contains(s.Tags, q.Tag)) &&
		(q.Status == "" || q.Status == s.Status)
}
