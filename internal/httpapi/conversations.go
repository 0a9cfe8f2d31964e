package httpapi

import (
	"net/http"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

const (
	listLimit = 25
	maxList   = 100
	// pageBytes bounds the events of a page: an answer well below Lambda's 6 MB, and quick on a phone.
	pageBytes = 512 << 10
)

// listConversations lists one's own conversations, or those that wait.
func (a *API) listConversations(c *call) (int, any, error) {
	q := queryOf(c.Request, "status", "order", "after", "limit")
	limit := q.limit(listLimit, maxList)
	if q.err != nil {
		return 0, nil, q.err
	}
	var out ConversationList
	var err error
	after := c.after(q, 2)
	if q.err != nil {
		return 0, nil, q.err
	}
	switch status, order := q.text("status"), q.text("order"); {
	case order == "unanswered":
		out, err = a.unanswered(c, status, after, limit)
	case order != "" && order != "newest":
		err = chat.Errorf(chat.CodeInvalid, "order: newest or unanswered")
	case status == "waiting":
		out, err = a.waiting(c, limit, after)
	case status == "" || status == "open" || status == "closed":
		if out, err = a.mine(c, status, after, limit); err == nil {
			err = a.attend(c, out.Conversations)
		}
	default:
		err = chat.Errorf(chat.CodeInvalid, "status: open, closed or waiting")
	}
	return http.StatusOK, out, err
}

// unanswered lists one's open conversations by how long their customers wait.
func (a *API) unanswered(c *call, status string, after []string, limit int) (ConversationList, error) {
	out := ConversationList{Conversations: []ConversationEntry{}}
	p := c.principal()
	switch {
	case !p.Role.Staff():
		return out, chat.Errorf(chat.CodeInvalid, "order: unanswered is for staff")
	case status != "" && status != "open" || after != nil:
		return out, chat.Errorf(chat.CodeInvalid, "order: unanswered is of open conversations, and begins with the longest wait")
	}
	list, err := a.Conversations.Unanswered(c.Context(), p, limit)
	for _, own := range list {
		e := ConversationEntry{Conversation: own.Head.Conversation, Open: true}
		e.attend(own)
		out.Conversations = append(out.Conversations, e)
	}
	return out, err
}

// attend says how the conversations stand, and tells staff what their open ones ask of them.
func (a *API) attend(c *call, list []ConversationEntry) error {
	p := c.principal()
	at := map[chat.ConversationID]*ConversationEntry{}
	var open, others []chat.ConversationID
	for i, e := range list {
		if at[e.Conversation] = &list[i]; e.Open && p.Role.Staff() {
			open = append(open, e.Conversation)
		} else {
			others = append(others, e.Conversation)
		}
	}
	own, err := a.Conversations.Own(c.Context(), p, open)
	for _, found := range own {
		at[found.Head.Conversation].attend(found)
	}
	if err != nil {
		return err
	}
	summaries, err := a.Conversations.Summaries(c.Context(), p, others)
	for id, found := range summaries {
		at[id].Summary = summaryOf(found, p.Role)
	}
	return err
}

func (e *ConversationEntry) attend(own chat.OwnConversation) {
	e.WaitingSince, e.Unread, e.Summary = millis(own.WaitingSince), own.Unread, summaryOf(own.Summary, chat.RoleOperator)
}

// summaryOf shows a reader what their role may know.
func summaryOf(s chat.Summary, reader chat.Role) Summary {
	out := Summary{Status: s.Head.Status, Customer: s.Customer, Assignee: s.Head.Assignee, Department: s.Head.Department, Last: excerptOf(s.Last)}
	if reader.Staff() {
		out.Priority = s.Head.Priority
	} else {
		out.Status = s.Head.Status.Shown()
	}
	return out
}

func excerptOf(e *chat.Excerpt) *Excerpt {
	if e == nil {
		return nil
	}
	return &Excerpt{e.Seq, e.At.UnixMilli(), e.Sender, e.Role, e.Text}
}

func (a *API) waiting(c *call, limit int, after []string) (ConversationList, error) {
	p := c.principal()
	out := ConversationList{Conversations: []ConversationEntry{}}
	if after != nil {
		return out, chat.Errorf(chat.CodeInvalid, "after: not with status=waiting; the list begins with the longest")
	}
	list, err := a.Conversations.Waiting(c.Context(), p, limit)
	out.Waiting = protocol.WaitingOf(list)
	return out, err
}

// shelf is one of the two lists that a user's conversations lie in.
type shelf struct {
	name string
	open bool
}

// mine reads the open list from its cursor, then the closed one, until limit is reached.
func (a *API) mine(c *call, status string, after []string, limit int) (ConversationList, error) {
	p := c.principal()
	out := ConversationList{Conversations: []ConversationEntry{}}
	start, id, err := cursorOf(after)
	if err != nil {
		return out, err
	}
	for _, s := range []shelf{{"open", true}, {"closed", false}} {
		if status != "" && status != s.name || start == "closed" && s.open {
			continue
		}
		if start != s.name {
			id = ""
		}
		list := a.Directory.Closed
		if s.open {
			list = a.Directory.Open
		}
		ids, err := list(c.Context(), p.Workspace, p.User, id, limit-len(out.Conversations)+1)
		if err != nil {
			return out, err
		}
		for _, found := range ids {
			if len(out.Conversations) == limit {
				last := out.Conversations[limit-1]
				out.Next = c.next(shelfOf(last), string(last.Conversation))
				return out, nil
			}
			out.Conversations = append(out.Conversations, ConversationEntry{Conversation: found, Open: s.open})
		}
	}
	return out, nil
}

// cursorOf reads the shelf and the conversation that a page goes on behind.
func cursorOf(after []string) (shelf string, id chat.ConversationID, err error) {
	if after == nil {
		return "", "", nil
	}
	shelf, id = after[0], chat.ConversationID(after[1])
	if shelf != "open" && shelf != "closed" || !id.Valid() {
		return "", "", badCursor()
	}
	return shelf, id, nil
}

func shelfOf(e ConversationEntry) string {
	if e.Open {
		return "open"
	}
	return "closed"
}

// conversation returns the state of play: the page proves that the caller may see it.
func (a *API) conversation(c *call) (int, any, error) {
	id, err := conversationID(c)
	if q := queryOf(c.Request); err == nil {
		err = q.err
	}
	if err != nil {
		return 0, nil, err
	}
	p := c.principal()
	page, err := a.Conversations.Page(c.Context(), p, chat.PageQuery{Conversation: id, Track: chat.Public, Limit: 1})
	if err != nil {
		return 0, nil, err
	}
	snapshot, err := a.Conversations.Snapshot(c.Context(), p, page.Head)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, protocol.SnapshotOf(snapshot, p.Role), nil
}

func (a *API) events(c *call) (int, any, error) {
	id, err := conversationID(c)
	if err != nil {
		return 0, nil, err
	}
	q := queryOf(c.Request, "track", "after", "before", "limit")
	query := chat.PageQuery{
		Conversation: id, After: q.seq("after"), Before: q.seq("before"), Limit: q.limit(0, chat.MaxPageEvents), Bytes: pageBytes,
	}
	if q.err != nil {
		return 0, nil, q.err
	}
	if query.Track, err = protocol.TrackOf(chat.Track(q.text("track"))); err != nil {
		return 0, nil, err
	}
	page, err := a.Conversations.Page(c.Context(), c.principal(), query)
	if err != nil {
		return 0, nil, err
	}
	out := EventPage{
		Conversation: id, Track: query.Track, Gen: page.Head.Gen, Head: page.Head.Track(query.Track).Last,
		Events: protocol.EventsOf(page.Events), More: page.More,
	}
	if out.Events == nil {
		out.Events = []protocol.Event{}
	}
	return http.StatusOK, out, nil
}

// conversationID reads the path. What is not an id names no conversation.
func conversationID(c *call) (chat.ConversationID, error) {
	id := chat.ConversationID(c.PathValue("id"))
	if !id.Valid() {
		return "", chat.Errorf(chat.CodeNotFound, "no such conversation, or you take no part in it")
	}
	return id, nil
}
