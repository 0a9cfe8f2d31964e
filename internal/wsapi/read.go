package wsapi

import (
	"context"
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

func (h *Handler) hello(ctx context.Context, r *request) (any, error) {
	f, err := protocol.Decode[protocol.Hello](r.body)
	if err != nil {
		return nil, err
	}
	w, err := h.Chat.Hello(ctx, r.principal, protocol.CursorsOf(f.Cursors), chat.ConversationID(f.More))
	if err != nil {
		return nil, err
	}
	out := protocol.Welcome{
		Type: protocol.TypeWelcome, Ref: r.Ref, Version: protocol.Version, User: r.principal.User, Role: r.principal.Role,
		Now: h.now().UnixMilli(), Conversations: make([]protocol.Snapshot, len(w.Conversations)), Gone: w.Gone, More: string(w.More),
	}
	for i, s := range w.Conversations {
		out.Conversations[i] = protocol.SnapshotOf(s, r.principal.Role)
	}
	if len(w.Waiting) > 0 {
		out.Waiting = protocol.WaitingOf(w.Waiting)
	}
	if o := w.Operator; o != nil {
		own := protocol.OperatorOf(*o, true)
		out.Operator = &own
	}
	h.pushReads(ctx, r, w.Moved)
	return out, nil
}

func (h *Handler) page(ctx context.Context, r *request) (any, error) {
	f, err := protocol.Decode[protocol.Page](r.body)
	if err != nil {
		return nil, err
	}
	t, err := protocol.TrackOf(f.Track)
	if err != nil {
		return nil, err
	}
	res, err := h.Chat.Page(ctx, r.principal, chat.PageQuery{Conversation: f.Conversation, Track: t, After: f.After, Before: f.Before, Limit: f.Limit})
	if err != nil {
		return nil, err
	}
	reply := protocol.PageReply{
		Type: protocol.TypePage, Ref: r.Ref, Conversation: f.Conversation, Track: t, Gen: res.Head.Gen,
		Head: res.Head.Track(t).Last, Events: protocol.EventsOf(res.Events), More: res.More,
	}
	if reply.Events == nil {
		reply.Events = []protocol.Event{}
	}
	return reply, nil
}

func (h *Handler) typing(ctx context.Context, r *request) (any, error) {
	f, err := protocol.Decode[protocol.Typing](r.body)
	if err != nil {
		return nil, err
	}
	sig, err := h.Chat.Typing(ctx, r.principal, f.Conversation, f.Read)
	if err != nil {
		return nil, err
	}
	h.pushRead(ctx, r, sig)
	h.Delivery.Signal(ctx, sig, protocol.Encode(protocol.TypingPush{
		Type: protocol.TypeTyping, Conversation: f.Conversation, User: r.principal.User, Role: r.principal.Role,
		Until: h.now().Add(chat.TypingLife).UnixMilli(),
	}))
	return protocol.Done{Type: protocol.TypeDone, Ref: r.Ref}, nil
}

func (h *Handler) read(ctx context.Context, r *request) (any, error) {
	f, err := protocol.Decode[protocol.Read](r.body)
	if err != nil {
		return nil, err
	}
	sig, err := h.Chat.Read(ctx, r.principal, f.Conversation, f.Seq)
	if err != nil {
		return nil, err
	}
	h.pushRead(ctx, r, sig)
	return protocol.Done{Type: protocol.TypeDone, Ref: r.Ref}, nil
}

func (h *Handler) pushRead(ctx context.Context, r *request, sig *chat.Signal) {
	if !sig.Moved {
		return
	}
	all := *sig
	all.To = slices.Concat(sig.To, sig.Tabs)
	h.Delivery.Signal(ctx, &all, protocol.Encode(protocol.ReadPush{
		Type: protocol.TypeRead, Conversation: sig.Head.Conversation, User: r.principal.User, Seq: sig.Head.Participants[r.principal.User].Cursor,
	}))
}

// pushReads tells of the read cursors that rode on a hello or a ping.
func (h *Handler) pushReads(ctx context.Context, r *request, moved []*chat.Signal) {
	for _, sig := range moved {
		h.pushRead(ctx, r, sig)
	}
}

func (h *Handler) ping(ctx context.Context, r *request) (any, error) {
	f, err := protocol.Decode[protocol.Ping](r.body)
	if err != nil {
		return nil, err
	}
	pong, err := h.Chat.Ping(ctx, r.principal, protocol.CursorsOf(f.Cursors))
	if err != nil {
		return nil, err
	}
	out := protocol.Pong{Type: protocol.TypePong, Ref: r.Ref, Now: h.now().UnixMilli(), Heads: map[chat.ConversationID]protocol.TrackHeads{}}
	for c, head := range pong.Heads {
		out.Heads[c] = protocol.HeadsOf(head, r.principal.User, r.principal.Role)
	}
	h.pushReads(ctx, r, pong.Moved)
	if r.principal.Until != 0 && h.now().Add(lastPing).UnixMilli() >= r.principal.Until {
		h.turnOver(ctx, r.principal.Connection)
	}
	return out, nil
}

// lastPing is how long before the end of a socket that an identity provider bounds its client is told to open another:
// pings come every 60 s.
const lastPing = 90 * time.Second

// turnOver closes a socket whose client is to come back with a new ticket. Where that fails, its next ping tries again.
func (h *Handler) turnOver(ctx context.Context, c chat.ConnectionID) {
	_ = h.Delivery.Push.Post(ctx, c, protocol.Encode(protocol.Bye{Type: protocol.TypeBye, Reason: chat.CodeUnauthenticated, Reconnect: true}))
	_ = h.Delivery.Push.Disconnect(ctx, c)
}
