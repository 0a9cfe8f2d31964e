package client

import (
	"encoding/json"
	"unicode/utf8"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// Command is any command of the protocol that appends one event to a conversation's log. Start, Send, Edit and Delete
// have methods of their own, since their entries hold messages; the others need nothing of the client but to be kept,
// sent, and sent again.
type Command interface {
	protocol.Accept | protocol.Assign | protocol.Close | protocol.Decline | protocol.Fields | protocol.Form | protocol.Join |
		protocol.Leave | protocol.Link | protocol.Mute | protocol.Person | protocol.Priority | protocol.Rate | protocol.Reopen |
		protocol.Snooze | protocol.Tag | protocol.TakeOver | protocol.Transfer | protocol.Unwatch | protocol.Wake | protocol.Watch
}

// Queue queues a command and returns the id of its event. The caller fills in the conversation and what is the command's
// own; Action, Ref, After and ID are the machine's and are overwritten. It is kept and sent until it is acknowledged or
// refused, as a message is: Acked with Seq 0 says that there was nothing to do. Errors: ErrReason, ErrFrame.
func Queue[C Command](m *Machine, c C) (chat.EventID, error) {
	e := Entry{Body: encode(c)}
	e.Action, e.Track = kindOf(c)
	var head struct{ Conversation chat.ConversationID }
	if err := json.Unmarshal(e.Body, &head); err != nil {
		return "", err
	}
	e.Conversation = head.Conversation
	return m.queue(e)
}

// kindOf returns a command's action and the track that its After counts, "" for what is no Command.
func kindOf(c any) (string, chat.Track) {
	switch c.(type) {
	case protocol.Accept:
		return protocol.ActionAccept, chat.Public
	case protocol.Assign:
		return protocol.ActionAssign, chat.Public
	case protocol.Close:
		return protocol.ActionClose, chat.Public
	case protocol.Form:
		return protocol.ActionForm, chat.Public
	case protocol.Join:
		return protocol.ActionJoin, chat.Public
	case protocol.Leave:
		return protocol.ActionLeave, chat.Public
	case protocol.Person:
		return protocol.ActionPerson, chat.Public
	case protocol.Rate:
		return protocol.ActionRate, chat.Public
	case protocol.Reopen:
		return protocol.ActionReopen, chat.Public
	case protocol.TakeOver:
		return protocol.ActionTakeOver, chat.Public
	case protocol.Transfer:
		return protocol.ActionTransfer, chat.Public
	}
	return deskKindOf(c), chat.Desk
}

// deskKindOf is kindOf for the commands whose events lie on the desk track.
func deskKindOf(c any) string {
	switch c.(type) {
	case protocol.Decline:
		return protocol.ActionDecline
	case protocol.Fields:
		return protocol.ActionFields
	case protocol.Link:
		return protocol.ActionLink
	case protocol.Mute:
		return protocol.ActionMute
	case protocol.Priority:
		return protocol.ActionPriority
	case protocol.Snooze:
		return protocol.ActionSnooze
	case protocol.Tag:
		return protocol.ActionTag
	case protocol.Unwatch:
		return protocol.ActionUnwatch
	case protocol.Wake:
		return protocol.ActionWake
	case protocol.Watch:
		return protocol.ActionWatch
	}
	return ""
}

// talks says whether the entry holds text of its own: else it is a Command.
func (e *Entry) talks() bool {
	switch e.Action {
	case protocol.ActionStart, protocol.ActionSend, protocol.ActionEdit, protocol.ActionDelete:
		return true
	}
	return false
}

// checkCommand refuses a command that no server would take, whatever it is.
func (e *Entry) checkCommand() error {
	var c struct{ Reason string }
	if len(e.Body) > 0 && json.Unmarshal(e.Body, &c) != nil {
		return ErrFrame
	}
	for _, reason := range []string{e.Reason, c.Reason} {
		if len(reason) > chat.MaxReason || !utf8.ValidString(reason) {
			return ErrReason
		}
	}
	if len(e.Body)+frameReserve > chat.MaxFrame {
		return ErrFrame
	}
	return nil
}

// command encodes an entry that is a Command.
func (e *Entry) command(ref string) []byte {
	frame := map[string]any{}
	if len(e.Body) > 0 {
		take(e.Body, func(body map[string]json.RawMessage) {
			for k, v := range body {
				frame[k] = v
			}
		})
	}
	if e.Reason != "" {
		frame["reason"] = e.Reason
	}
	frame["action"], frame["ref"], frame["conversation"], frame["after"], frame["id"] = e.Action, ref, e.Conversation, e.After, e.ID
	return encode(frame)
}

// leaves says whether the command ends the part that its sender has in the conversation: nobody tells the sender.
func (m *Machine) leaves(v *View, e *Entry) bool {
	switch e.Action {
	case protocol.ActionTransfer:
		return v.Assignee == m.user
	case protocol.ActionUnwatch:
		return v.Assignee != m.user
	}
	return false
}
