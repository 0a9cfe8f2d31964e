package wsapi

import (
	"context"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

func (h *Handler) desk(ctx context.Context, r *request) (any, error) {
	f, err := protocol.Decode[protocol.Desk](r.body)
	if err != nil {
		return nil, err
	}
	shown, err := h.Live.Open(ctx, r.principal, f.Views, f.Departments)
	if err != nil {
		return nil, err
	}
	out := protocol.DeskOf(*shown)
	out.Ref = r.Ref
	return out, nil
}

func (h *Handler) visit(ctx context.Context, r *request) (any, error) {
	f, err := protocol.Decode[protocol.Visit](r.body)
	if err != nil {
		return nil, err
	}
	until, err := h.Visits.Tell(ctx, r.principal, chat.Visit{
		Page: f.Page, Title: f.Title, Referrer: f.Referrer, Conversation: f.Conversation, Consent: f.Consent,
	})
	if err != nil {
		return nil, err
	}
	return protocol.VisitReply{Type: protocol.TypeVisit, Ref: r.Ref, Until: until.UnixMilli()}, nil
}
