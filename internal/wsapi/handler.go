// Package wsapi turns socket events of API Gateway into use cases and their outcomes into frames. It never
// returns an error to the gateway: the gateway's own error frames name no message.
package wsapi

import (
	"context"
	"encoding/base64"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// Event is what a MESSAGE event of API Gateway holds that this package needs
// (Amazon API Gateway developer guide, "Input format for WebSocket API Lambda integrations").
type Event struct {
	RequestContext struct {
		RouteKey     string            `json:"routeKey"`
		ConnectionID chat.ConnectionID `json:"connectionId"`
		RequestID    string            `json:"requestId"`
		ConnectedAt  int64             `json:"connectedAt"`
		Authorizer   map[string]any    `json:"authorizer"`
	} `json:"requestContext"`
	Body            string `json:"body"`
	IsBase64Encoded bool   `json:"isBase64Encoded"`
}

// Response is the answer of a two-way route: its body is sent to the caller.
type Response struct {
	StatusCode int    `json:"statusCode"`
	Body       string `json:"body,omitempty"`
}

// Handler serves every action of the socket.
type Handler struct {
	Chat     *chat.Service
	Delivery *chat.Delivery
	// Live is the live desk, Visits what customers tell of their pages.
	Live   *chat.LiveDesk
	Visits *chat.Visits
	// Principal reads who is speaking from the authorizer's context, which is frozen for the socket's life.
	Principal func(authorizer map[string]any) (chat.Principal, error)
	Log       *slog.Logger
	Now       func() time.Time
}

// request is one frame on its way through.
type request struct {
	protocol.Envelope
	principal chat.Principal
	body      string
}

// Handle serves one frame.
func (h *Handler) Handle(ctx context.Context, e Event) (Response, error) {
	body := e.Body
	if e.IsBase64Encoded {
		raw, err := base64.StdEncoding.DecodeString(body)
		if err != nil {
			raw = nil
		}
		body = string(raw)
	}
	frame := h.serve(ctx, e, body)
	return Response{StatusCode: 200, Body: string(protocol.Encode(frame))}, nil
}

func (h *Handler) serve(ctx context.Context, e Event, body string) (answer any) {
	r := request{body: body}
	defer func() {
		if v := recover(); v != nil {
			h.Log.ErrorContext(ctx, "panic", "action", r.Action, "value", v, "stack", string(debug.Stack()))
			answer = protocol.ErrorOf(chat.Errorf(chat.CodeInternal, "something went wrong on our side; send the same again"), r.Ref, r.Conversation)
		}
	}()
	answer, err := h.answer(ctx, e, &r)
	if err == nil {
		return answer
	}
	if code := chat.CodeOf(err); code == chat.CodeInternal || code == chat.CodeUnavailable {
		h.Log.ErrorContext(ctx, "failed", "action", r.Action, "code", code, "connection", e.RequestContext.ConnectionID, "error", err)
	}
	if chat.CodeOf(err) == chat.CodeUnauthenticated {
		h.hangUp(ctx, e.RequestContext.ConnectionID)
	}
	return protocol.ErrorOf(err, r.Ref, r.Conversation)
}

func (h *Handler) answer(ctx context.Context, e Event, r *request) (any, error) {
	envelope, err := protocol.Open(r.body)
	r.Envelope = envelope
	if err != nil {
		return nil, err
	}
	p, err := h.Principal(e.RequestContext.Authorizer)
	if err != nil {
		return nil, err
	}
	p.Connection = e.RequestContext.ConnectionID
	if p.Until != 0 && h.now().UnixMilli() >= p.Until {
		return nil, chat.Errorf(chat.CodeUnauthenticated, "the identity provider must be asked again: refresh the session, and open another socket")
	}
	r.principal = p
	action, ok := actions[r.Action]
	if !ok {
		action, ok = commands[r.Action]
	}
	if !ok {
		return nil, chat.Errorf(chat.CodeUnknownAction, "action: none of the documented ones")
	}
	return action(h, ctx, r)
}

// hangUp tells a socket whose session does not hold any more, and closes it. Where that fails, its next frame is refused
// and tries again.
func (h *Handler) hangUp(ctx context.Context, c chat.ConnectionID) {
	_ = h.Delivery.Push.Post(ctx, c, protocol.Encode(protocol.Bye{Type: protocol.TypeBye, Reason: chat.CodeUnauthenticated}))
	_ = h.Delivery.Push.Disconnect(ctx, c)
}

func (h *Handler) now() time.Time {
	if h.Now != nil {
		return h.Now()
	}
	return time.Now()
}
