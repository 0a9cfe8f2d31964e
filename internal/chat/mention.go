package chat

import (
	"context"
	"time"
)

// MentionLife is how long a mention is kept in the list of who was mentioned. The note itself stays in its log.
const MentionLife = 90 * 24 * time.Hour

// Mention is that a note mentions a colleague. It holds nothing of the note: who may read it does.
type Mention struct {
	User         UserID
	Conversation ConversationID
	// Seq of the note in the desk track.
	Seq uint64
	By  UserID
	At  time.Time
}

// MentionStore keeps who was mentioned where.
type MentionStore interface {
	// PutMention keeps a mention for MentionLife. The same one again, by user, conversation and seq, changes nothing.
	PutMention(context.Context, WorkspaceID, Mention) error
	// Mentions lists a user's, the newest first: those that come after last in this order, all if it is nil; at most limit.
	Mentions(ctx context.Context, w WorkspaceID, u UserID, last *Mention, limit int) ([]Mention, error)
}

// mentionsIn lists whom the event mentions.
func mentionsIn(c ConversationID, e Event) []Mention {
	if e.Type != EventNote || e.Detail == nil {
		return nil
	}
	var list []Mention
	for _, u := range e.Detail.Mentions {
		list = append(list, Mention{User: u, Conversation: c, Seq: e.Seq, By: e.Sender, At: e.At})
	}
	return list
}
