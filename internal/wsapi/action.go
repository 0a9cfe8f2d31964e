package wsapi

import (
	"cmp"
	"context"
	"slices"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// actions maps each action of the protocol to what it does.
var actions = map[string]func(*Handler, context.Context, *request) (any, error){
	protocol.ActionHello:  (*Handler).hello,
	protocol.ActionStart:  (*Handler).start,
	protocol.ActionSend:   (*Handler).send,
	protocol.ActionEdit:   (*Handler).edit,
	protocol.ActionDelete: (*Handler).delete,
	protocol.ActionPage:   (*Handler).page,
	protocol.ActionTyping: (*Handler).typing,
	protocol.ActionRead:   (*Handler).read,
	protocol.ActionPing:   (*Handler).ping,
	protocol.ActionJoin:   (*Handler).join,
	protocol.ActionClose:  (*Handler).close,
	protocol.ActionReopen: (*Handler).reopen,

	protocol.ActionDuty:    (*Handler).duty,
	protocol.ActionAccept:  (*Handler).accept,
	protocol.ActionDecline: (*Handler).decline,
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

func (h *Handler) join(ctx context.Context, r *request) (any, error) {
	f, err := protocol.Decode[protocol.Join](r.body)
	if err != nil {
		return nil, err
	}
	out, err := h.Chat.Join(ctx, r.principal, step(f.Conversation, f.After, f.ID, ""))
	return h.joined(ctx, r, out, err)
}

func (h *Handler) close(ctx context.Context, r *request) (any, error) {
	f, err := protocol.Decode[protocol.Close](r.body)
	if err != nil {
		return nil, err
	}
	out, err := h.Chat.Close(ctx, r.principal, chat.Step{Conversation: f.Conversation, After: f.After, ID: f.ID, Reason: f.Reason})
	return h.committed(ctx, r, out, err)
}

func (h *Handler) reopen(ctx context.Context, r *request) (any, error) {
	f, err := protocol.Decode[protocol.Reopen](r.body)
	if err != nil {
		return nil, err
	}
	out, err := h.Chat.Reopen(ctx, r.principal, chat.Step{Conversation: f.Conversation, After: f.After, ID: f.ID, Reason: f.Reason})
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
	return ackOf(r, out), nil
}

func ackOf(r *request, out *chat.Outcome) protocol.Ack {
	track := out.Head.Track(out.Track)
	ack := protocol.Ack{
		Type: protocol.TypeAck, Ref: r.Ref, Conversation: out.Head.Conversation, Track: out.Track, Gen: out.Head.Gen, Head: track.Last,
		Acks: make([]protocol.Acked, 0, len(out.Acks)),
	}
	for _, a := range out.Acks {
		ack.Acks = append(ack.Acks, protocol.Acked{ID: a.Event.ID, Seq: a.Event.Seq, At: a.Event.At.UnixMilli(), Duplicate: a.Duplicate})
	}
	events := unknownToSender(out)
	room := chat.MaxFrame - 4<<10
	for _, e := range events {
		if room -= protocol.EventSize(e); room < 0 {
			return ack // the client sees the hole and pages
		}
	}
	ack.Events = protocol.EventsOf(events)
	return ack
}

// unknownToSender lists, in seq order, what others appended in between, and those of the sender's own events that
// hold what only the server knew: which message a note follows, from which state to which a step led.
func unknownToSender(out *chat.Outcome) []chat.Event {
	events := slices.Clone(out.Missed)
	for _, a := range out.Acks {
		if a.Event.Follows > 0 || a.Event.From != "" || a.Event.To != "" {
			events = append(events, a.Event)
		}
	}
	slices.SortFunc(events, func(a, b chat.Event) int { return cmp.Compare(a.Seq, b.Seq) })
	return events
}
