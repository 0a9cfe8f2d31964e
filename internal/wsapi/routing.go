package wsapi

import (
	"context"

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
