package wsapi

import (
	"context"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// actions maps each action of the protocol to what it does.
var actions = map[string]action{
	protocol.ActionHello:  (*Handler).hello,
	protocol.ActionStart:  (*Handler).start,
	protocol.ActionSend:   (*Handler).send,
	protocol.ActionEdit:   (*Handler).edit,
	protocol.ActionDelete: (*Handler).delete,
	protocol.ActionPage:   (*Handler).page,
	protocol.ActionTyping: (*Handler).typing,
	protocol.ActionRead:   (*Handler).read,
	protocol.ActionPing:   (*Handler).ping,
	protocol.ActionJoin:   coming((*chat.Service).Join, func(f protocol.Join) chat.Step { return step(f.Conversation, f.After, f.ID, "") }),
	protocol.ActionClose:  command((*chat.Service).Close, func(f protocol.Close) chat.Step { return step(f.Conversation, f.After, f.ID, f.Reason) }),
	protocol.ActionReopen: command((*chat.Service).Reopen, func(f protocol.Reopen) chat.Step { return step(f.Conversation, f.After, f.ID, f.Reason) }),

	protocol.ActionDuty:    (*Handler).duty,
	protocol.ActionAccept:  command((*chat.Service).Accept, func(f protocol.Accept) chat.Step { return step(f.Conversation, f.After, f.ID, "") }),
	protocol.ActionDecline: command((*chat.Service).Decline, func(f protocol.Decline) chat.Step { return step(f.Conversation, f.After, f.ID, f.Reason) }),
}

// Actions lists the actions that have routes of their own in the template; Defaults has the others.
func Actions() []string {
	out := make([]string, 0, len(actions))
	for a := range actions {
		out = append(out, a)
	}
	return out
}

func (h *Handler) send(ctx context.Context, r *request) (any, error) {
	f, err := protocol.Decode[protocol.Send](r.body)
	if err != nil {
		return nil, err
	}
	t, err := protocol.TrackOf(f.Track)
	if err != nil {
		return nil, err
	}
	out, err := h.Chat.Send(ctx, r.principal, f.Conversation, t, f.After, protocol.MessagesOf(f.Messages))
	return h.committed(ctx, r, out, err)
}

func (h *Handler) start(ctx context.Context, r *request) (any, error) {
	f, err := protocol.Decode[protocol.Start](r.body)
	if err != nil {
		return nil, err
	}
	out, err := h.Chat.Start(ctx, r.principal, chat.NewConversation{
		ID: f.Conversation, Page: f.Page, Messages: protocol.MessagesOf(f.Messages), Department: f.Department,
		Form: chat.Form{Fields: f.Fields, Mail: f.Mail, Phone: f.Phone},
	})
	return h.committed(ctx, r, out, err)
}

func (h *Handler) edit(ctx context.Context, r *request) (any, error) {
	f, err := protocol.Decode[protocol.Edit](r.body)
	if err != nil {
		return nil, err
	}
	t, err := protocol.TrackOf(f.Track)
	if err != nil {
		return nil, err
	}
	out, err := h.Chat.Edit(ctx, r.principal, chat.Revision{Conversation: f.Conversation, Track: t, After: f.After, ID: f.ID, Target: f.Target, Text: f.Text})
	return h.committed(ctx, r, out, err)
}

func (h *Handler) delete(ctx context.Context, r *request) (any, error) {
	f, err := protocol.Decode[protocol.Delete](r.body)
	if err != nil {
		return nil, err
	}
	t, err := protocol.TrackOf(f.Track)
	if err != nil {
		return nil, err
	}
	out, err := h.Chat.Delete(ctx, r.principal, chat.Revision{Conversation: f.Conversation, Track: t, After: f.After, ID: f.ID, Target: f.Target})
	return h.committed(ctx, r, out, err)
}

// committed pushes what was committed, and acknowledges last.
func (h *Handler) committed(ctx context.Context, r *request, out *chat.Outcome, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	if err := h.Delivery.Committed(ctx, r.principal, out); err != nil {
		return nil, err
	}
	return protocol.AckOf(r.Ref, out), nil
}
