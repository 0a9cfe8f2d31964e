package wsapi

import (
	"context"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// commands maps the actions that $default serves, having no routes of their own, to what they do. Those of a
// conversation's life are acknowledged as a close is.
var commands = map[string]action{
	protocol.ActionTransfer: command((*chat.Service).Transfer, func(f protocol.Transfer) chat.Transfer {
		return chat.Transfer{Step: step(f.Conversation, f.After, f.ID, f.Reason), Operator: f.Operator, Department: f.Department, Bot: f.Bot, Note: f.Note}
	}),
	protocol.ActionAssign: command(func(s *chat.Service, ctx context.Context, p chat.Principal, f protocol.Assign) (*chat.Outcome, error) {
		return s.Assign(ctx, p, step(f.Conversation, f.After, f.ID, f.Reason), f.Operator)
	}, same[protocol.Assign]),
	protocol.ActionLeave:   command((*chat.Service).Leave, func(f protocol.Leave) chat.Step { return step(f.Conversation, f.After, f.ID, f.Reason) }),
	protocol.ActionPerson:  command((*chat.Service).Person, func(f protocol.Person) chat.Step { return step(f.Conversation, f.After, f.ID, "") }),
	protocol.ActionWake:    command((*chat.Service).Wake, func(f protocol.Wake) chat.Step { return step(f.Conversation, f.After, f.ID, f.Reason) }),
	protocol.ActionUnwatch: command((*chat.Service).Unwatch, func(f protocol.Unwatch) chat.Step { return step(f.Conversation, f.After, f.ID, "") }),
	protocol.ActionSnooze: command(func(s *chat.Service, ctx context.Context, p chat.Principal, f protocol.Snooze) (*chat.Outcome, error) {
		return s.Snooze(ctx, p, step(f.Conversation, f.After, f.ID, f.Reason), time.UnixMilli(f.Until))
	}, same[protocol.Snooze]),
	protocol.ActionRate: command(func(s *chat.Service, ctx context.Context, p chat.Principal, f protocol.Rate) (*chat.Outcome, error) {
		return s.SubmitRating(ctx, p, step(f.Conversation, f.After, f.ID, ""), f.Score, f.Comment)
	}, same[protocol.Rate]),
	protocol.ActionForm: command(func(s *chat.Service, ctx context.Context, p chat.Principal, f protocol.Form) (*chat.Outcome, error) {
		return s.SubmitForm(ctx, p, step(f.Conversation, f.After, f.ID, ""), chat.Form{ID: f.Form, Fields: f.Fields, Mail: f.Mail, Phone: f.Phone})
	}, same[protocol.Form]),
	protocol.ActionTag: command(func(s *chat.Service, ctx context.Context, p chat.Principal, f protocol.Tag) (*chat.Outcome, error) {
		return s.Tag(ctx, p, step(f.Conversation, f.After, f.ID, ""), f.Tags, f.Untagged)
	}, same[protocol.Tag]),
	protocol.ActionFields: command(func(s *chat.Service, ctx context.Context, p chat.Principal, f protocol.Fields) (*chat.Outcome, error) {
		return s.SetFields(ctx, p, step(f.Conversation, f.After, f.ID, ""), f.Fields)
	}, same[protocol.Fields]),
	protocol.ActionPriority: command(func(s *chat.Service, ctx context.Context, p chat.Principal, f protocol.Priority) (*chat.Outcome, error) {
		return s.SetPriority(ctx, p, step(f.Conversation, f.After, f.ID, ""), f.Priority)
	}, same[protocol.Priority]),
	protocol.ActionLink: command(func(s *chat.Service, ctx context.Context, p chat.Principal, f protocol.Link) (*chat.Outcome, error) {
		return s.Link(ctx, p, step(f.Conversation, f.After, f.ID, f.Reason), f.Into)
	}, same[protocol.Link]),
	protocol.ActionMute: command((*chat.Service).Mute, func(f protocol.Mute) chat.Muting {
		m := chat.Muting{Conversation: f.Conversation, After: f.After, ID: f.ID, User: f.User, Reason: f.Reason}
		if f.Until > 0 {
			m.Until = time.UnixMilli(f.Until)
		}
		return m
	}),
	protocol.ActionWatch: coming((*chat.Service).Watch, func(f protocol.Watch) chat.Step { return step(f.Conversation, f.After, f.ID, "") }),
	protocol.ActionTakeOver: coming(func(s *chat.Service, ctx context.Context, p chat.Principal, f protocol.TakeOver) (*chat.Outcome, error) {
		return s.TakeOver(ctx, p, step(f.Conversation, f.After, f.ID, f.Reason), f.Keep)
	}, same[protocol.TakeOver]),
	protocol.ActionDesk:  (*Handler).desk,
	protocol.ActionVisit: (*Handler).visit,
}

// action serves a frame: an answer to its ref, or an error.
type action func(*Handler, context.Context, *request) (any, error)

// command reads a frame, carries it out, pushes what was committed, and acknowledges last.
func command[F, C any](do func(*chat.Service, context.Context, chat.Principal, C) (*chat.Outcome, error), of func(F) C) action {
	return carriedOut((*Handler).committed, do, of)
}

// coming is a command by which somebody comes to a conversation: the acknowledgement shows it.
func coming[F, C any](do func(*chat.Service, context.Context, chat.Principal, C) (*chat.Outcome, error), of func(F) C) action {
	return carriedOut((*Handler).joined, do, of)
}

func carriedOut[F, C any](
	answer func(*Handler, context.Context, *request, *chat.Outcome, error) (any, error),
	do func(*chat.Service, context.Context, chat.Principal, C) (*chat.Outcome, error), of func(F) C,
) action {
	return func(h *Handler, ctx context.Context, r *request) (any, error) {
		f, err := protocol.Decode[F](r.body)
		if err != nil {
			return nil, err
		}
		out, err := do(h.Chat, ctx, r.principal, of(f))
		return answer(h, ctx, r, out, err)
	}
}

func same[F any](f F) F { return f }

func step(c chat.ConversationID, after uint64, id chat.EventID, reason string) chat.Step {
	return chat.Step{Conversation: c, After: after, ID: id, Reason: reason}
}

// joined acknowledges with the conversation as it is for whoever has come to it.
func (h *Handler) joined(ctx context.Context, r *request, out *chat.Outcome, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	if err := h.Delivery.Committed(ctx, r.principal, out); err != nil {
		return nil, err
	}
	snap, err := h.Chat.Snapshot(ctx, r.principal, out.Head)
	if err != nil {
		return nil, err
	}
	ack, s := protocol.AckOf(r.Ref, out), protocol.SnapshotOf(snap, r.principal.Role)
	ack.Snapshot, ack.Events = &s, nil // the snapshot holds them
	return ack, nil
}

// Defaults lists the actions that $default serves.
func Defaults() []string {
	out := make([]string, 0, len(commands))
	for a := range commands {
		out = append(out, a)
	}
	return out
}
