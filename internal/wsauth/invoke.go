package wsauth

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"github.com/parley-chat/parley/internal/jsonscan"
)

// The handlers below are lambda.Handlers: they read what they use of an event and leave the rest. aws-lambda-go would
// call Handle through reflection and decode the whole of it, headers twice.

// Invoke reads the event, asks Handle and writes its answer.
func (a *Authorizer) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	return encoded(a.Handle(ctx, decodeRequest(payload)))
}

// Invoke reads the event, asks Handle and writes its answer.
func (c *Connect) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	r, err := decodeSocketEvent(payload)
	if err != nil {
		return nil, err
	}
	return accepted(c.Handle(ctx, r))
}

// Invoke reads the event, asks Handle and writes its answer.
func (d *Disconnect) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	r, err := decodeSocketEvent(payload)
	if err != nil {
		return nil, err
	}
	return accepted(d.Handle(ctx, r))
}

func encoded(answer events.APIGatewayCustomAuthorizerResponse, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	return json.Marshal(answer)
}

// accepted writes what the gateway reads of the answer of a $connect or $disconnect route.
func accepted(answer events.APIGatewayProxyResponse, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	return json.Marshal(struct {
		StatusCode int               `json:"statusCode"`
		Headers    map[string]string `json:"headers,omitempty"`
	}{answer.StatusCode, answer.Headers})
}

// decodeRequest reads what Handle uses of an authorizer's event. What is malformed is missing, which refuses.
func decodeRequest(payload []byte) (r Request) {
	jsonscan.Members(payload, func(name string, value []byte) bool {
		switch name {
		case "methodArn":
			r.MethodARN = jsonscan.Unquote(value)
		case "headers":
			r.Headers = oneMember(value, "Origin")
		case "queryStringParameters":
			r.QueryStringParameters = oneMember(value, "ticket")
		case "requestContext":
			jsonscan.Members(value, func(name string, value []byte) bool {
				switch name {
				case "requestId":
					r.RequestContext.RequestID = jsonscan.Unquote(value)
				case "connectionId":
					r.RequestContext.ConnectionID = jsonscan.Unquote(value)
				}
				return true
			})
		}
		return true
	})
	return r
}

// decodeSocketEvent reads what the handlers of $connect and $disconnect use of their event.
func decodeSocketEvent(payload []byte) (r events.APIGatewayWebsocketProxyRequest, err error) {
	jsonscan.Members(payload, func(name string, value []byte) bool {
		switch name {
		case "headers":
			r.Headers = oneMember(value, subprotocolHeader)
		case "requestContext":
			err = decodeContext(value, &r.RequestContext)
		}
		return err == nil
	})
	return r, err
}

func decodeContext(raw []byte, into *events.APIGatewayWebsocketProxyRequestContext) (err error) {
	jsonscan.Members(raw, func(name string, value []byte) bool {
		switch name {
		case "requestId":
			into.RequestID = jsonscan.Unquote(value)
		case "connectionId":
			into.ConnectionID = jsonscan.Unquote(value)
		case "disconnectStatusCode":
			err = json.Unmarshal(value, &into.DisconnectStatusCode)
		case "authorizer":
			err = json.Unmarshal(value, &into.Authorizer)
		}
		return err == nil
	})
	return err
}

// oneMember returns the member of that name in any case, the only one that is asked for: nil when there is none.
func oneMember(object []byte, name string) (found map[string]string) {
	jsonscan.Members(object, func(member string, value []byte) bool {
		if !strings.EqualFold(member, name) {
			return true
		}
		found = map[string]string{name: jsonscan.Unquote(value)}
		return false
	})
	return found
}
