package httpapi

import (
	"net/http"
	"strconv"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// Mention is a note that mentions oneself.
type Mention struct {
	// Conversation that the note is in.
	Conversation chat.ConversationID `json:"conversation"`
	// Seq of the note in the conversation's desk track. Whoever may read the conversation finds it there.
	Seq uint64 `json:"seq"`
	// By is who wrote the note.
	By chat.UserID `json:"by"`
	// At is when it was written: Unix milliseconds.
	At int64 `json:"at"`
}

// MentionList answers GET /v1/me/mentions: the newest first. What was seen is for the desk to remember, among the
// preferences: the at of the newest that was shown.
type MentionList struct {
	// Mentions of the page.
	Mentions []Mention `json:"mentions"`
	// Next, when set, continues the list: the parameter after of the next request.
	Next string `json:"next,omitempty"`
}

func mentionRoutes() []route {
	return []route{
		{pattern: "GET /v1/me/mentions", command: chat.CommandProfile, polled: true, serve: (*API).mentions, says: says{
			name: "mentions", summary: "List the notes of the last 90 days that mention oneself, also those that no open desk was told of. A note is in it within seconds.",
			answers: map[int]any{http.StatusOK: MentionList{}}, query: []Parameter{
				{Name: "after", Summary: "The next of the page before."},
				{Name: "limit", Summary: "How many, default 25.", Number: true, Min: 1, Max: maxList},
			}, codes: []chat.Code{chat.CodeInvalid}}},
	}
}

func (a *API) mentions(c *call) (int, any, error) {
	q := queryOf(c.Request, "after", "limit")
	limit := q.limit(listLimit, maxList)
	last := mentionCursor(q, c.after(q, 3))
	if q.err != nil {
		return 0, nil, q.err
	}
	p := c.principal()
	list, err := a.Mentions.Mentions(c.Context(), p.Workspace, p.User, last, limit)
	if err != nil {
		return 0, nil, err
	}
	out := MentionList{Mentions: []Mention{}}
	for _, m := range list {
		out.Mentions = append(out.Mentions, Mention{Conversation: m.Conversation, Seq: m.Seq, By: m.By, At: m.At.UnixMilli()})
	}
	if len(list) == limit {
		m := list[limit-1]
		out.Next = c.next(strconv.FormatInt(m.At.UnixMilli(), 10), string(m.Conversation), strconv.FormatUint(m.Seq, 10))
	}
	return http.StatusOK, out, nil
}

// mentionCursor reads the three keys of a cursor, nil for none.
func mentionCursor(q *query, keys []string) *chat.Mention {
	if keys == nil {
		return nil
	}
	ms, err := strconv.ParseUint(keys[0], 10, 43)
	seq, err2 := strconv.ParseUint(keys[2], 10, 39)
	m := &chat.Mention{At: time.UnixMilli(int64(ms)), Conversation: chat.ConversationID(keys[1]), Seq: seq}
	if err != nil || err2 != nil || !m.Conversation.Valid() {
		q.err = badCursor()
	}
	return m
}
