package wsauth

import (
	"context"
	"errors"
	"log/slog"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

// Request is the event of a REQUEST authorizer of a WebSocket API, as far as it is used; aws-lambda-go has no
// type for it (API Gateway Developer Guide, "Control access to WebSocket APIs with AWS Lambda REQUEST
// authorizers").
type Request struct {
	MethodARN             string            `json:"methodArn"`
	Headers               map[string]string `json:"headers"`
	QueryStringParameters map[string]string `json:"queryStringParameters"`
	RequestContext        struct {
		RequestID    string `json:"requestId"`
		ConnectionID string `json:"connectionId"`
	} `json:"requestContext"`
}

// Redeemer consumes tickets, as identity.Tickets does.
type Redeemer interface {
	Redeem(ctx context.Context, ticket, origin string) (identity.Ticket, error)
}

// Authorizer answers whether a socket may be opened.
type Authorizer struct {
	Tickets Redeemer
	Log     *slog.Logger
}

var (
	// errUnauthorized has the one text that makes API Gateway answer 401; any other error becomes 500.
	errUnauthorized = errors.New("Unauthorized") //nolint:staticcheck // the text is API Gateway's
	errTrouble      = errors.New("the ticket could not be checked")
)

// Handle redeems the ticket in the query string. What the client sees (browsers see nothing but a failed
// handshake; POST /v1/socket-tickets explains): 401 for a ticket that is missing, malformed, used or expired; 403
// for one of another origin; 500 when storage did not answer. The ticket is never logged.
func (a *Authorizer) Handle(ctx context.Context, r Request) (events.APIGatewayCustomAuthorizerResponse, error) {
	ticket, err := a.Tickets.Redeem(ctx, r.QueryStringParameters["ticket"], header(r.Headers, "Origin"))
	log := a.Log.With("requestId", r.RequestContext.RequestID, "connectionId", r.RequestContext.ConnectionID)
	switch chat.CodeOf(err) {
	case "":
		log.InfoContext(ctx, "socket allowed", "workspace", ticket.Principal.Workspace, "user", ticket.Principal.User)
		answer := policy("Allow", r.MethodARN, string(ticket.Principal.User))
		answer.Context = contextOf(ticket)
		return answer, nil
	case chat.CodeUnauthenticated:
		log.InfoContext(ctx, "socket refused", "error", err)
		return events.APIGatewayCustomAuthorizerResponse{}, errUnauthorized
	case chat.CodeForbidden:
		log.WarnContext(ctx, "socket denied", "error", err)
		return policy("Deny", r.MethodARN, "refused"), nil
	default:
		log.ErrorContext(ctx, "ticket not checked", "error", err)
		return events.APIGatewayCustomAuthorizerResponse{}, errTrouble
	}
}

// policy allows or denies this one $connect: the gateway asks an authorizer for $connect only and does not cache
// answers of WebSocket authorizers.
func policy(effect, arn, principal string) events.APIGatewayCustomAuthorizerResponse {
	return events.APIGatewayCustomAuthorizerResponse{
		PrincipalID: principal,
		PolicyDocument: events.APIGatewayCustomAuthorizerPolicy{
			Version: "2012-10-17",
			Statement: []events.IAMPolicyStatement{
				{Action: []string{"execute-api:Invoke"}, Effect: effect, Resource: []string{arn}},
			},
		},
	}
}

// header looks a header up whatever its case: API Gateway passes on the client's own.
func header(headers map[string]string, name string) string {
	for k, v := range headers {
		if strings.EqualFold(k, name) {
			return v
		}
	}
	return ""
}
