package gateway

import (
	"strconv"
	"time"
)

// session is what the gateway remembers of a handshake for the life of the connection: the parts of
// requestContext that never change.
type session struct {
	id          string
	domain      string // Host header of the handshake
	sourceIP    string
	userAgent   string // "" when the client sent none
	connectedAt time.Time
	// authorizer is the context as it stands in every event, a JSON object with principalId and stringified
	// values; nil without an authorizer. It is written once, at the handshake.
	authorizer []byte
}

// moment is what differs between the events of one connection.
type moment struct {
	route, event string // "$connect" and "CONNECT"
	requestID    string
	messageID    string // MESSAGE only
	at           time.Time
	code         int // DISCONNECT only
	reason       string
}

// appendRequestContext appends the requestContext object. The order of members is that of recorded events.
func (a *socketAPI) appendRequestContext(b []byte, s *session, m *moment) []byte {
	b = append(b, `"requestContext":{"routeKey":`...)
	b = appendString(b, m.route)
	if s.authorizer != nil {
		b = append(b, `,"authorizer":`...)
		b = append(b, s.authorizer...)
	}
	if m.messageID != "" {
		b = append(b, `,"messageId":`...)
		b = appendString(b, m.messageID)
	}
	if m.code != 0 {
		b = append(b, `,"disconnectStatusCode":`...)
		b = strconv.AppendInt(b, int64(m.code), 10)
	}
	b = append(b, `,"eventType":"`...)
	b = append(b, m.event...)
	b = append(b, `","extendedRequestId":`...)
	b = appendString(b, m.requestID)
	b = append(b, `,"requestTime":`...)
	b = appendTime(b, m.at)
	b = append(b, `,"messageDirection":"IN"`...)
	if m.code != 0 {
		b = append(b, `,"disconnectReason":`...)
		b = appendString(b, m.reason)
	}
	b = append(b, `,"stage":`...)
	b = appendString(b, a.stage)
	b = append(b, `,"connectedAt":`...)
	b = strconv.AppendInt(b, s.connectedAt.UnixMilli(), 10)
	b = append(b, `,"requestTimeEpoch":`...)
	b = strconv.AppendInt(b, m.at.UnixMilli(), 10)
	b = appendIdentity(b, s)
	b = append(b, `,"requestId":`...)
	b = appendString(b, m.requestID)
	b = append(b, `,"domainName":`...)
	b = appendString(b, s.domain)
	b = append(b, `,"connectionId":`...)
	b = appendString(b, s.id)
	b = append(b, `,"apiId":`...)
	b = appendString(b, a.id)
	return append(b, '}')
}

// appendIdentity appends the identity, which has these two members and no others on WebSocket APIs.
func appendIdentity(b []byte, s *session) []byte {
	b = append(b, `,"identity":{`...)
	if s.userAgent != "" {
		b = append(b, `"userAgent":`...)
		b = appendString(b, s.userAgent)
		b = append(b, ',')
	}
	b = append(b, `"sourceIp":`...)
	b = appendString(b, s.sourceIP)
	return append(b, '}')
}

// contextSize is about how long a requestContext is, to allocate an event in one piece.
func (s *session) contextSize() int {
	return 640 + len(s.authorizer) + len(s.domain) + len(s.userAgent)
}

// messageEvent builds a MESSAGE event: no headers and no query, whatever the handshake had.
func (a *socketAPI) messageEvent(s *session, m *moment, body []byte) []byte {
	b := make([]byte, 0, s.contextSize()+len(body)+len(body)/4)
	b = append(b, '{')
	b = a.appendRequestContext(b, s, m)
	b = append(b, `,"body":`...)
	b = appendString(b, body)
	return append(b, `,"isBase64Encoded":false}`...)
}

// disconnectEvent builds a DISCONNECT event. Its headers are not the client's: recorded events have the
// API's host and three empty ones.
func (a *socketAPI) disconnectEvent(s *session, m *moment) []byte {
	b := make([]byte, 0, s.contextSize()+256)
	headers := []field{
		{"Host", []string{s.domain}},
		{"x-api-key", []string{""}},
		{"X-Forwarded-For", []string{""}},
		{"x-restapi", []string{""}},
	}
	b = append(b, `{"headers":`...)
	b = appendFields(b, headers)
	b = append(b, `,"multiValueHeaders":`...)
	b = appendMultiFields(b, headers)
	b = append(b, ',')
	b = a.appendRequestContext(b, s, m)
	return append(b, `,"isBase64Encoded":false}`...)
}

// connectEvent builds the CONNECT event of the $connect integration. Connection, Upgrade and content-length
// are not among its headers; without a query there are no query members at all.
func (a *socketAPI) connectEvent(h *handshake, m *moment) []byte {
	b := make([]byte, 0, 2048)
	b = append(b, `{"headers":`...)
	b = appendFields(b, h.headers)
	b = append(b, `,"multiValueHeaders":`...)
	b = appendMultiFields(b, h.headers)
	if len(h.query) > 0 {
		b = append(b, `,"queryStringParameters":`...)
		b = appendFields(b, h.query)
		b = append(b, `,"multiValueQueryStringParameters":`...)
		b = appendMultiFields(b, h.query)
	}
	if len(a.stageVariables) > 0 && a.connectStageVariables {
		b = append(b, `,"stageVariables":`...)
		b = appendFields(b, a.stageVariables)
	}
	b = append(b, ',')
	b = a.appendRequestContext(b, &h.session, m)
	return append(b, `,"isBase64Encoded":false}`...)
}

// authorizerEvent builds the event of a REQUEST authorizer (developer guide,
// apigateway-websocket-api-lambda-auth): all headers, and empty objects where there is nothing.
func (a *socketAPI) authorizerEvent(h *handshake, m *moment) []byte {
	headers := h.authorizerHeaders()
	b := make([]byte, 0, 2048)
	b = append(b, `{"type":"REQUEST","methodArn":`...)
	b = appendString(b, a.connectARN)
	b = append(b, `,"headers":`...)
	b = appendFields(b, headers)
	b = append(b, `,"multiValueHeaders":`...)
	b = appendMultiFields(b, headers)
	b = append(b, `,"queryStringParameters":`...)
	b = appendFields(b, h.query)
	b = append(b, `,"multiValueQueryStringParameters":`...)
	b = appendMultiFields(b, h.query)
	b = append(b, `,"stageVariables":`...)
	b = appendFields(b, a.stageVariables)
	b = append(b, ',')
	b = a.appendRequestContext(b, &h.session, m)
	return append(b, '}')
}

// errorFrame builds one of the gateway's own frames. The spacing, one space after the first colon and none
// after the others, is as recorded from AWS.
func errorFrame(message, connectionID, requestID string) []byte {
	b := make([]byte, 0, 128)
	b = append(b, `{"message": `...)
	b = appendString(b, message)
	b = append(b, `, "connectionId":`...)
	b = appendString(b, connectionID)
	b = append(b, `, "requestId":`...)
	b = appendString(b, requestID)
	return append(b, '}')
}
