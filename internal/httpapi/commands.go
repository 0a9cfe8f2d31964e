package httpapi

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// The commands of a conversation's life, as the socket has them: for bots and API keys, and for staff without a socket.
// Each takes the fields of CommandRequest and its own, and is answered with the socket's ack.

// CommandRequest is what the body of every command may hold.
type CommandRequest struct {
	// ID of the command's event, made by the caller before the first try. Without it, it follows from the
	// Idempotency-Key, or is made here.
	ID chat.EventID `json:"id,omitempty"`
	// After is the highest seq of the command's track that the caller knew before the first try; 0 is always right, and
	// merely dearer.
	After  uint64 `json:"after,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Epoch is the conversation's epoch as the bot knows it: when somebody else leads by now, the answer is stale_epoch.
	// Bots must send it.
	Epoch *uint64 `json:"epoch,omitempty"`
}

func (r CommandRequest) common() CommandRequest { return r }

// TransferRequest is the body of POST /v1/conversations/{id}/transfer: name an operator or a department or both, or the
// bot.
type TransferRequest struct {
	CommandRequest
	Operator   chat.UserID       `json:"operator,omitempty"`
	Department chat.DepartmentID `json:"department,omitempty"`
	Bot        bool              `json:"bot,omitempty"`
	// Note for the desk, stored with the same write.
	Note string `json:"note,omitempty"`
}

// AssignRequest is the body of POST /v1/conversations/{id}/assign.
type AssignRequest struct {
	CommandRequest
	Operator chat.UserID `json:"operator"`
}

// TakeOverRequest is the body of POST /v1/conversations/{id}/takeover.
type TakeOverRequest struct {
	CommandRequest
	// Keep lets who had the conversation watch on; else they leave.
	Keep bool `json:"keep,omitempty"`
}

// SnoozeRequest is the body of POST /v1/conversations/{id}/snooze.
type SnoozeRequest struct {
	CommandRequest
	// Until is Unix milliseconds, at most 366 days from now.
	Until int64 `json:"until"`
}

// RateRequest is the body of POST /v1/conversations/{id}/rate.
type RateRequest struct {
	CommandRequest
	// Score is 1 to 5.
	Score int `json:"score"`
	// Comment is at most 2,000 bytes.
	Comment string `json:"comment,omitempty"`
}

// FormRequest is the body of POST /v1/conversations/{id}/form.
type FormRequest struct {
	CommandRequest
	// Form is the id of the workspace's form that was filled in; without it, the one that is due. Mail and Phone alone are
	// no form.
	Form string `json:"form,omitempty"`
	// Fields are the answers by name.
	Fields map[string]string `json:"fields,omitempty"`
	// Mail and Phone are where the customer can be reached.
	Mail  string `json:"mail,omitempty"`
	Phone string `json:"phone,omitempty"`
}

// TagRequest is the body of POST /v1/conversations/{id}/tag.
type TagRequest struct {
	CommandRequest
	// Tags to put on: of at most 50 bytes; a conversation has at most 30.
	Tags []string `json:"tags,omitempty"`
	// Untagged are to be taken off.
	Untagged []string `json:"untagged,omitempty"`
}

// FieldsRequest is the body of POST /v1/conversations/{id}/fields.
type FieldsRequest struct {
	CommandRequest
	// Fields by name; an empty value takes one off.
	Fields map[string]string `json:"fields"`
}

// PriorityRequest is the body of POST /v1/conversations/{id}/priority.
type PriorityRequest struct {
	CommandRequest
	// Priority is -2 (lowest) to 3 (urgent); 0 is normal.
	Priority int `json:"priority"`
}

// LinkRequest is the body of POST /v1/conversations/{id}/link.
type LinkRequest struct {
	CommandRequest
	// Into is the conversation that goes on.
	Into chat.ConversationID `json:"into"`
}

// MuteRequest is the body of POST /v1/conversations/{id}/mute.
type MuteRequest struct {
	CommandRequest
	User chat.UserID `json:"user"`
	// Until is Unix milliseconds, at most 24 hours from now; absent to let them write again.
	Until int64 `json:"until,omitempty"`
}

// Ack answers every command: what is stored, and pushed or queued to be.
type Ack = protocol.Ack

// commandRoutes are the HTTP twins of the socket's commands.
func commandRoutes() []route {
	return []route{
		twin("close", chat.CommandClose, "Close a conversation.", func(s *chat.Service, ctx context.Context, p chat.Principal, st chat.Step, _ CommandRequest) (*chat.Outcome, error) {
			return s.Close(ctx, p, st)
		}, chat.CodeRequired),
		twin("reopen", chat.CommandReopen, "Take up a closed conversation again.", func(s *chat.Service, ctx context.Context, p chat.Principal, st chat.Step, _ CommandRequest) (*chat.Outcome, error) {
			return s.Reopen(ctx, p, st)
		}),
		twin("transfer", chat.CommandTransfer, "Pass a conversation on, to an operator, a department or the bot.", func(s *chat.Service, ctx context.Context, p chat.Principal, st chat.Step, r TransferRequest) (*chat.Outcome, error) {
			return s.Transfer(ctx, p, chat.Transfer{Step: st, Operator: r.Operator, Department: r.Department, Bot: r.Bot, Note: r.Note})
		}, chat.CodeAtCapacity, chat.CodeAlreadyAssigned),
		twin("assign", chat.CommandAssign, "Give a conversation to an operator who has room.", func(s *chat.Service, ctx context.Context, p chat.Principal, st chat.Step, r AssignRequest) (*chat.Outcome, error) {
			return s.Assign(ctx, p, st, r.Operator)
		}, chat.CodeAtCapacity, chat.CodeAlreadyAssigned),
		twin("takeover", chat.CommandTakeOver, "Become the operator of a conversation in place of another.", func(s *chat.Service, ctx context.Context, p chat.Principal, st chat.Step, r TakeOverRequest) (*chat.Outcome, error) {
			return s.TakeOver(ctx, p, st, r.Keep)
		}, chat.CodeAtCapacity, chat.CodeAlreadyAssigned),
		twin("watch", chat.CommandWatch, "Follow a conversation that others lead.", func(s *chat.Service, ctx context.Context, p chat.Principal, st chat.Step, _ CommandRequest) (*chat.Outcome, error) {
			return s.Watch(ctx, p, st)
		}, chat.CodeAlreadyAssigned),
		twin("unwatch", chat.CommandWatch, "Follow it no more.", func(s *chat.Service, ctx context.Context, p chat.Principal, st chat.Step, _ CommandRequest) (*chat.Outcome, error) {
			return s.Unwatch(ctx, p, st)
		}),
		twin("leave", chat.CommandLeave, "Leave the queue.", func(s *chat.Service, ctx context.Context, p chat.Principal, st chat.Step, _ CommandRequest) (*chat.Outcome, error) {
			return s.Leave(ctx, p, st)
		}),
		twin("person", chat.CommandPerson, "Ask for a person in place of a bot.", func(s *chat.Service, ctx context.Context, p chat.Principal, st chat.Step, _ CommandRequest) (*chat.Outcome, error) {
			return s.Person(ctx, p, st)
		}),
		twin("snooze", chat.CommandSnooze, "Put a conversation off until a time.", func(s *chat.Service, ctx context.Context, p chat.Principal, st chat.Step, r SnoozeRequest) (*chat.Outcome, error) {
			return s.Snooze(ctx, p, st, time.UnixMilli(r.Until))
		}),
		twin("wake", chat.CommandSnooze, "Take up a conversation that is snoozed or idle.", func(s *chat.Service, ctx context.Context, p chat.Principal, st chat.Step, _ CommandRequest) (*chat.Outcome, error) {
			return s.Wake(ctx, p, st)
		}, chat.CodeAtCapacity),
		twin("rate", chat.CommandRate, "Rate a conversation.", func(s *chat.Service, ctx context.Context, p chat.Principal, st chat.Step, r RateRequest) (*chat.Outcome, error) {
			return s.SubmitRating(ctx, p, st, r.Score, r.Comment)
		}),
		twin("form", chat.CommandForm, "Hand in the answers of a form, or an address to be answered at.", func(s *chat.Service, ctx context.Context, p chat.Principal, st chat.Step, r FormRequest) (*chat.Outcome, error) {
			return s.SubmitForm(ctx, p, st, chat.Form{ID: r.Form, Fields: r.Fields, Mail: r.Mail, Phone: r.Phone})
		}),
		twin("tag", chat.CommandTag, "Put tags on a conversation and take others off.", func(s *chat.Service, ctx context.Context, p chat.Principal, st chat.Step, r TagRequest) (*chat.Outcome, error) {
			return s.Tag(ctx, p, st, r.Tags, r.Untagged)
		}),
		twin("fields", chat.CommandFields, "Set fields of a conversation.", func(s *chat.Service, ctx context.Context, p chat.Principal, st chat.Step, r FieldsRequest) (*chat.Outcome, error) {
			return s.SetFields(ctx, p, st, r.Fields)
		}),
		twin("priority", chat.CommandPriority, "Set the priority of a conversation.", func(s *chat.Service, ctx context.Context, p chat.Principal, st chat.Step, r PriorityRequest) (*chat.Outcome, error) {
			return s.SetPriority(ctx, p, st, r.Priority)
		}),
		twin("link", chat.CommandLink, "Merge a conversation into another by link.", func(s *chat.Service, ctx context.Context, p chat.Principal, st chat.Step, r LinkRequest) (*chat.Outcome, error) {
			return s.Link(ctx, p, st, r.Into)
		}, chat.CodeConflict),
		twin("mute", chat.CommandMute, "Keep a customer from writing for a while.", func(s *chat.Service, ctx context.Context, p chat.Principal, st chat.Step, r MuteRequest) (*chat.Outcome, error) {
			m := chat.Muting{Conversation: st.Conversation, After: st.After, ID: st.ID, User: r.User, Reason: st.Reason}
			if r.Until > 0 {
				m.Until = time.UnixMilli(r.Until)
			}
			return s.Mute(ctx, p, m)
		}),
	}
}

// twin is the route of a command.
func twin[T interface{ common() CommandRequest }](action string, command chat.Command, summary string,
	do func(*chat.Service, context.Context, chat.Principal, chat.Step, T) (*chat.Outcome, error), codes ...chat.Code) route {
	var zero T
	_, optional := any(zero).(CommandRequest)
	return route{
		pattern: "POST /v1/conversations/{id}/" + action, command: command, idempotent: true,
		serve: func(a *API, c *call) (int, any, error) {
			id, err := conversationID(c)
			if err != nil {
				return 0, nil, err
			}
			body, err := decode[T](c.Request, optional)
			if err != nil {
				return 0, nil, err
			}
			st, err := a.step(c, id, body.common())
			if err != nil {
				return 0, nil, err
			}
			out, err := do(a.Chat, c.Context(), c.principal(), st, body)
			return a.committed(c, http.StatusOK, out, err)
		},
		says: says{
			name: action + "Conversation", summary: summary, request: zero, optional: optional, answers: map[int]any{http.StatusOK: Ack{}},
			codes: append([]chat.Code{chat.CodeInvalid, chat.CodeNotFound, chat.CodeClosed, chat.CodeNotClosed, chat.CodeTooFast, chat.CodeStaleEpoch, chat.CodeIDReused, chat.CodeOutOfSync}, codes...),
		},
	}
}

// step completes what the body has left out.
func (a *API) step(c *call, id chat.ConversationID, r CommandRequest) (chat.Step, error) {
	if r.ID == "" {
		r.ID = chat.EventID(a.newID(c, chat.EventPrefix, "event"))
	}
	return chat.Step{Conversation: id, After: r.After, ID: r.ID, Reason: r.Reason, Epoch: r.Epoch}, needEpoch(c, r.Epoch)
}

// needEpoch makes bots say which control they know of, so that none talks over a person.
func needEpoch(c *call, epoch *uint64) error {
	if epoch == nil && c.principal().Role == chat.RoleBot {
		return chat.Errorf(chat.CodeInvalid, "epoch: bots must send the epoch of the conversation that they know")
	}
	return nil
}

// committed pushes what was committed, and acknowledges last.
func (a *API) committed(c *call, status int, out *chat.Outcome, err error) (int, any, error) {
	if err != nil {
		return 0, nil, err
	}
	if err := a.Delivery.Committed(c.Context(), c.principal(), out); err != nil {
		return 0, nil, err
	}
	return status, protocol.AckOf("", out), nil
}

// MessagesRequest is the body of POST /v1/conversations/{id}/messages.
type MessagesRequest struct {
	// Track is public, or desk for notes.
	Track chat.Track `json:"track,omitempty"`
	// After is the highest seq of the track that the caller knew before the first try.
	After uint64 `json:"after,omitempty"`
	// InReplyTo is the public seq that the messages answer. It stands for After, and the messages' ids follow from it: a
	// reply that is sent again, even in other words, is the same reply.
	InReplyTo uint64 `json:"inReplyTo,omitempty"`
	// Epoch is the conversation's epoch as the bot knows it. Bots must send it.
	Epoch    *uint64          `json:"epoch,omitempty"`
	Messages []MessageRequest `json:"messages"`
}

// MessageRequest is one message or note.
type MessageRequest struct {
	// ID is made by the caller before the first try; without it, see CommandRequest and inReplyTo.
	ID   chat.EventID `json:"id,omitempty"`
	Text string       `json:"text"`
	// Mentions lists the colleagues whom a note mentions.
	Mentions []chat.UserID `json:"mentions,omitempty"`
}

// NewConversationRequest is the body of POST /v1/conversations.
type NewConversationRequest struct {
	// Conversation is made by the caller before the first try; without it, it follows from the Idempotency-Key, or is
	// made here.
	Conversation chat.ConversationID `json:"conversation,omitempty"`
	// Customer in whose name an API key starts it.
	Customer   chat.UserID       `json:"customer,omitempty"`
	Department chat.DepartmentID `json:"department,omitempty"`
	Page       string            `json:"page,omitempty"`
	// Skills that an operator must have, and Priority: for API keys.
	Skills   []string `json:"skills,omitempty"`
	Priority int      `json:"priority,omitempty"`
	// Fields are the answers of the form before the chat.
	Fields map[string]string `json:"fields,omitempty"`
	Mail   string            `json:"mail,omitempty"`
	Phone  string            `json:"phone,omitempty"`
	// Messages of the customer, 1 to 20.
	Messages []MessageRequest `json:"messages"`
}

// talkRoutes start conversations and write in them.
func talkRoutes() []route {
	return []route{
		{pattern: "POST /v1/conversations", command: chat.CommandStart, idempotent: true, serve: (*API).startConversation, says: says{
			name: "startConversation", summary: "Start a conversation: one's own, or with an API key a customer's.", request: NewConversationRequest{},
			answers: map[int]any{http.StatusCreated: Ack{}}, codes: []chat.Code{chat.CodeInvalid, chat.CodeIDReused, chat.CodeTooFast}}},
		{pattern: "POST /v1/conversations/{id}/messages", command: chat.CommandSend, idempotent: true, serve: (*API).postMessages, says: says{
			name: "postMessages", summary: "Write messages, or notes for the desk.", request: MessagesRequest{}, answers: map[int]any{http.StatusOK: Ack{}},
			codes: []chat.Code{chat.CodeInvalid, chat.CodeNotFound, chat.CodeClosed, chat.CodeNotClosed, chat.CodeTooFast, chat.CodeStaleEpoch, chat.CodeIDReused, chat.CodeOutOfSync}}},
	}
}

func (a *API) startConversation(c *call) (int, any, error) {
	r, err := decode[NewConversationRequest](c.Request, false)
	if err != nil {
		return 0, nil, err
	}
	n := chat.NewConversation{
		ID: r.Conversation, Page: r.Page, Department: r.Department, Form: chat.Form{Fields: r.Fields, Mail: r.Mail, Phone: r.Phone},
		Customer: r.Customer, Skills: r.Skills, Priority: r.Priority, Messages: a.messages(c, r.Messages, ""),
	}
	if n.ID == "" {
		n.ID = chat.ConversationID(a.newID(c, chat.ConversationPrefix, "conversation"))
	}
	out, err := a.Chat.Start(c.Context(), c.principal(), n)
	return a.committed(c, http.StatusCreated, out, err)
}

func (a *API) postMessages(c *call) (int, any, error) {
	id, err := conversationID(c)
	if err != nil {
		return 0, nil, err
	}
	r, err := decode[MessagesRequest](c.Request, false)
	if err != nil {
		return 0, nil, err
	}
	t, err := protocol.TrackOf(r.Track)
	if err == nil {
		err = needEpoch(c, r.Epoch)
	}
	if err == nil && r.InReplyTo > 0 && (t != chat.Public || r.After > 0) {
		err = chat.Errorf(chat.CodeInvalid, "inReplyTo: instead of after, on the public track")
	}
	if err != nil {
		return 0, nil, err
	}
	m := chat.Sending{Conversation: id, Track: t, After: r.After, Epoch: r.Epoch}
	reply := ""
	if r.InReplyTo > 0 {
		m.After, m.Reply = r.InReplyTo, true
		reply = string(id) + " " + strconv.FormatUint(r.InReplyTo, 10)
	}
	m.Messages = a.messages(c, r.Messages, reply)
	out, err := a.Chat.Post(c.Context(), c.principal(), m)
	return a.committed(c, http.StatusOK, out, err)
}

// messages completes the messages' ids: by what they reply to, by the Idempotency-Key, or at random.
func (a *API) messages(c *call, in []MessageRequest, reply string) []chat.NewMessage {
	out := make([]chat.NewMessage, len(in))
	for i, m := range in {
		switch nth := strconv.Itoa(i); {
		case m.ID != "":
		case reply != "":
			m.ID = chat.ReplyID(c.principal().User, reply+" "+nth)
		default:
			m.ID = chat.EventID(a.newID(c, chat.EventPrefix, "message "+nth))
		}
		out[i] = chat.NewMessage{ID: m.ID, Text: m.Text, Mentions: m.Mentions}
	}
	return out
}
