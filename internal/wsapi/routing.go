package wsapi

import (
	"context"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

func (h *Handler) duty(ctx context.Context, r *request) (any, error) {
	f, err := protocol.Decode[protocol.Duty](r.body)
	if err != nil {
		return nil, err
	}
	o, err := h.Chat.Duty(ctx, r.principal, f.Status)
	if err != nil {
		return nil, err
	}
	return protocol.DutyReply{Type: protocol.TypeDuty, Ref: r.Ref, Operator: protocol.OperatorOf(*o, o.Connected(h.now()))}, nil
}

func (h *Handler) accept(ctx context.Context, r *request) (any, error) {
	f, err := protocol.Decode[protocol.Accept](r.body)
	if err != nil {
		return nil, err
	}
	out, err := h.Chat.Accept(ctx, r.principal, chat.Step{Conversation: f.Conversation, After: f.After, ID: f.ID})
	return h.committed(ctx, r, out, err)
}

func (h *Handler) decline(ctx context.Context, r *request) (any, error) {
	f, err := protocol.Decode[protocol.Decline](r.body)
	if err != nil {
		return nil, err
	}
	out, err := h.Chat.Decline(ctx, r.principal, chat.Step{Conversation: f.Conversation, After: f.After, ID: f.ID, Reason: f.Reason})
	return h.committed(ctx, r, out, err)
}
