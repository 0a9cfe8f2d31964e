package client

import (
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// Message is one line of a conversation as a screen shows it: edits and deletions are already in it.
type Message struct {
	Track  chat.Track
	Seq    uint64
	ID     chat.EventID
	At     int64 // Unix milliseconds, the server's clock
	Sender chat.UserID
	Role   chat.Role
	Text   string // "" once deleted
	// Edited and Deleted say that the text is not the first one.
	Edited, Deleted bool
}

// Messages returns the visible messages and, for staff, notes: in public order, each desk event after the
// public event that it follows.
func (v *View) Messages() []Message {
	public, desk := visible(chat.Public, v.public.events), visible(chat.Desk, v.desk.events)
	out := make([]Message, 0, len(public)+len(desk))
	for _, d := range desk {
		for len(public) > 0 && public[0].Seq <= d.follows {
			out, public = append(out, public[0].Message), public[1:]
		}
		out = append(out, d.Message)
	}
	for _, p := range public {
		out = append(out, p.Message)
	}
	return out
}

type line struct {
	Message
	follows uint64
}

// visible folds edits and deletions into the messages that they are about. What they are about may lie before
// the view's beginning: then there is nothing to change.
func visible(t chat.Track, events []protocol.Event) []line {
	var lines []line
	index := map[uint64]int{}
	for _, e := range events {
		switch e.Type {
		case chat.EventMessage, chat.EventNote:
			index[e.Seq] = len(lines)
			lines = append(lines, line{Message{Track: t, Seq: e.Seq, ID: e.ID, At: e.At, Sender: e.Sender, Role: e.Role, Text: e.Text}, e.Follows})
		case chat.EventEdited:
			if i, ok := index[e.Target]; ok && !lines[i].Deleted {
				lines[i].Text, lines[i].Edited = e.Text, true
			}
		case chat.EventDeleted:
			if i, ok := index[e.Target]; ok {
				lines[i].Text, lines[i].Deleted = "", true
			}
		default: // changes the state of play, not a line
		}
	}
	return lines
}
