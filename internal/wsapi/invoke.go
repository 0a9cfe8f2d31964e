package wsapi

import (
	"context"
	"encoding/json"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/jsonscan"
)

// Invoke makes Handler a lambda.Handler: it reads the event, serves it and writes the answer. aws-lambda-go would do the
// same through reflection and decode the whole of an event, of which a third is used.
func (h *Handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	e, err := decodeEvent(payload)
	if err != nil {
		return nil, err
	}
	r, err := h.Handle(ctx, e)
	if err != nil {
		return nil, err
	}
	return json.Marshal(r)
}

// decodeEvent reads what Handle uses of an event.
func decodeEvent(payload []byte) (e Event, err error) {
	jsonscan.Members(payload, func(key string, value []byte) bool {
		switch key {
		case "requestContext":
			err = e.decodeContext(value)
		case "body":
			e.Body = jsonscan.Unquote(value)
		case "isBase64Encoded":
			e.IsBase64Encoded = string(value) == "true"
		}
		return err == nil
	})
	return e, err
}

func (e *Event) decodeContext(raw []byte) (err error) {
	jsonscan.Members(raw, func(key string, value []byte) bool {
		switch key {
		case "connectionId":
			e.RequestContext.ConnectionID = chat.ConnectionID(jsonscan.Unquote(value))
		case "authorizer":
			err = json.Unmarshal(value, &e.RequestContext.Authorizer)
		}
		return err == nil
	})
	return err
}
