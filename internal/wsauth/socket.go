package wsauth

import (
	"context"
	"log/slog"
	"net/http"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"github.com/parley-chat/parley/internal/chat"
)

// Subprotocol is the one that $connect accepts when a client offers it. None is needed.
const Subprotocol = "parley.v1"

const subprotocolHeader = "Sec-WebSocket-Protocol"

// Connect answers $connect. It writes nothing: what makes a socket known is its hello, and until then nothing is
// pushed to it.
type Connect struct {
	Log *slog.Logger
}

// Handle accepts the handshake that the authorizer allowed, with 200, and picks the subprotocol if it is offered
// (a browser fails a handshake that answers none of those it offered). Without a principal it answers 401: the
// route was deployed without its authorizer.
func (c *Connect) Handle(ctx context.Context, r events.APIGatewayWebsocketProxyRequest) (events.APIGatewayProxyResponse, error) {
	if _, ok := principal(r); !ok {
		c.Log.ErrorContext(ctx, "$connect without a principal: is its authorizer deployed?", "requestId", r.RequestContext.RequestID)
		return events.APIGatewayProxyResponse{StatusCode: http.StatusUnauthorized}, nil
	}
	answer := events.APIGatewayProxyResponse{StatusCode: http.StatusOK}
	if offers(header(r.Headers, subprotocolHeader), Subprotocol) {
		answer.Headers = map[string]string{subprotocolHeader: Subprotocol}
	}
	return answer, nil
}

// offers says whether a Sec-WebSocket-Protocol header (RFC 6455 section 11.3.4) names the protocol.
func offers(header, protocol string) bool {
	for offered := range strings.SplitSeq(header, ",") {
		if strings.TrimSpace(offered) == protocol {
			return true
		}
	}
	return false
}

// Forgetter forgets sockets, as chat.Sockets does: a socket that is not known is no error.
type Forgetter interface {
	SocketClosed(context.Context, chat.Principal) error
}

// Ender forgets sockets that have closed for good, as chat.Sockets does.
type Ender interface {
	SocketEnded(context.Context, chat.Principal) error
}

// Leaver looks after members of staff on duty whose last socket has closed, as chat.Service does.
type Leaver interface {
	Left(context.Context, chat.Principal) error
}

// Disconnect answers $disconnect.
type Disconnect struct {
	Sockets Ender
	Duty    Leaver // nil for none
	Log     *slog.Logger
}

// Handle forgets the socket. It may come late, twice or never (API Gateway calls it best effort): it deletes by
// connection id, so a newer socket of the same user stays, and rows expire by themselves. An error means that
// storage did not answer; nobody retries, the row expires.
func (d *Disconnect) Handle(ctx context.Context, r events.APIGatewayWebsocketProxyRequest) (events.APIGatewayProxyResponse, error) {
	p, ok := principal(r)
	if !ok {
		d.Log.WarnContext(ctx, "$disconnect without a principal", "requestId", r.RequestContext.RequestID)
		return events.APIGatewayProxyResponse{StatusCode: http.StatusOK}, nil
	}
	if err := d.Sockets.SocketEnded(ctx, p); err != nil {
		d.Log.ErrorContext(ctx, "socket not forgotten", "connectionId", p.Connection, "error", err)
		return events.APIGatewayProxyResponse{}, err
	}
	if d.Duty != nil && p.Role != chat.RoleCustomer {
		if err := d.Duty.Left(ctx, p); err != nil {
			d.Log.ErrorContext(ctx, "lease not ended", "connectionId", p.Connection, "error", err)
			return events.APIGatewayProxyResponse{}, err
		}
	}
	d.Log.InfoContext(ctx, "socket closed", "connectionId", p.Connection, "workspace", p.Workspace, "user", p.User,
		"status", r.RequestContext.DisconnectStatusCode)
	return events.APIGatewayProxyResponse{StatusCode: http.StatusOK}, nil
}

// principal reads the principal of a socket's event, with its connection; false when there is none.
func principal(r events.APIGatewayWebsocketProxyRequest) (chat.Principal, bool) {
	context, _ := r.RequestContext.Authorizer.(map[string]any)
	p, err := Principal(context)
	p.Connection = chat.ConnectionID(r.RequestContext.ConnectionID)
	return p, err == nil
}
