package httpapi

import (
	"context"
	"encoding/json"

	"github.com/aws/aws-lambda-go/events"

	"github.com/parley-chat/parley/internal/jsonscan"
)

// Invoke reads what is used of an event, serves it and writes the answer. aws-lambda-go would call f through
// reflection, decode the whole event and write members that are empty.
func (f Function) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	answer, err := f(ctx, decodeEvent(payload))
	if err != nil {
		return nil, err
	}
	return json.Marshal(struct {
		StatusCode int               `json:"statusCode"`
		Headers    map[string]string `json:"headers,omitempty"`
		Body       string            `json:"body,omitempty"`
	}{answer.StatusCode, answer.Headers, answer.Body})
}

// decodeEvent reads what requestOf uses. What is malformed is missing, which is answered with a problem.
func decodeEvent(payload []byte) (e events.APIGatewayV2HTTPRequest) {
	jsonscan.Members(payload, func(name string, value []byte) bool {
		switch name {
		case "rawPath":
			e.RawPath = jsonscan.Unquote(value)
		case "rawQueryString":
			e.RawQueryString = jsonscan.Unquote(value)
		case "headers":
			e.Headers = map[string]string{}
			jsonscan.Members(value, func(header string, value []byte) bool {
				e.Headers[header] = jsonscan.Unquote(value)
				return true
			})
		case "body":
			e.Body = jsonscan.Unquote(value)
		case "isBase64Encoded":
			e.IsBase64Encoded = string(value) == "true"
		case "requestContext":
			decodeContext(value, &e.RequestContext)
		}
		return true
	})
	return e
}

func decodeContext(raw []byte, into *events.APIGatewayV2HTTPRequestContext) {
	jsonscan.Members(raw, func(name string, value []byte) bool {
		switch name {
		case "stage":
			into.Stage = jsonscan.Unquote(value)
		case "requestId":
			into.RequestID = jsonscan.Unquote(value)
		case "domainName":
			into.DomainName = jsonscan.Unquote(value)
		case "http":
			jsonscan.Members(value, func(name string, value []byte) bool {
				switch name {
				case "method":
					into.HTTP.Method = jsonscan.Unquote(value)
				case "sourceIp":
					into.HTTP.SourceIP = jsonscan.Unquote(value)
				}
				return true
			})
		}
		return true
	})
}
