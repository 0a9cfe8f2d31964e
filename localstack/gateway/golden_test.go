package gateway

import (
	"net/http"
	"strings"
	"testing"

	"github.com/parley-chat/parley/localstack/template"
)

// compactJSON removes the layout of a golden document.
func compactJSON(t *testing.T, doc string) string {
	t.Helper()
	var b strings.Builder
	inString, escaped := false, false
	for _, r := range doc {
		switch {
		case inString:
			b.WriteRune(r)
			inString = escaped || r != '"'
			escaped = !escaped && r == '\\'
		case r == '"':
			inString = true
			b.WriteRune(r)
		case r != ' ' && r != '\n' && r != '\t':
			b.WriteRune(r)
		}
	}
	return b.String()
}

func goldenStage(t *testing.T) *stage {
	return start(t, func(s *stage) {
		s.options.Socket.Authorizer = &template.Authorizer{Name: "A", Function: "Auth", Identity: []string{"route.request.querystring.token"}}
		s.options.NewID = sequence()
		s.options.Now = fixedClock
	})
}

const goldenHeaders = `
    "Host": "abcd123.execute-api.us-east-1.amazonaws.com",
    "Origin": "https://app.example.com",
    "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Protocol": "v1.chat, tok.abc",
    "Sec-WebSocket-Version": "13",`

// Samples: research of recorded events; the order of members is theirs.
func TestGoldenEvents(t *testing.T) {
	t.Parallel()
	s := goldenStage(t)
	c := s.handshake("/prod?token=abc&x=1&x=2",
		"Origin: https://app.example.com",
		"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
		"Sec-WebSocket-Protocol: v1.chat, tok.abc",
		"User-Agent: Mozilla/5.0",
		"x-lower-case: kept",
		"X-Amzn-Trace-Id: Root=1-65d2ff2e-718990494fd688f062bf1571")
	if c.resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(c.resp.Status, c.body)
	}
	c.text(`{"action":"send",` + "\n" + `"text":"hi \"there\" é"}`)
	c.wantText("sent")
	c.frame(true, opClose, nil)

	common := func(before, after string) string {
		return `"requestContext": {` + before + `"requestTime": "19/Feb/2024:07:11:42 +0000", "messageDirection": "IN",` + after +
			`"stage": "prod", "connectedAt": 1708326702790, "requestTimeEpoch": 1708326702790,
			"identity": { "userAgent": "Mozilla/5.0", "sourceIp": "127.0.0.1" }`
	}
	tail := func(requestID string) string {
		return `, "requestId": "` + requestID + `", "domainName": "abcd123.execute-api.us-east-1.amazonaws.com",
			"connectionId": "AAAAAAAAAAAA002=", "apiId": "abcd123" }`
	}
	lastHeaders := `"User-Agent": "Mozilla/5.0", "X-Amzn-Trace-Id": "Root=1-65d2ff2e-718990494fd688f062bf1571",
		"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Port": "443", "X-Forwarded-Proto": "https", "x-lower-case": "kept"`
	query := `"queryStringParameters": { "token": "abc", "x": "2" }, "multiValueQueryStringParameters": { "token": ["abc"], "x": ["1","2"] },`
	authorizer := `"authorizer": { "principalId": "user-1", "b": "true", "n": "1", "tenant": "t1" },`

	connectHeaders := goldenHeaders + lastHeaders
	checkGolden(t, "CONNECT", s.rawEvent("Connect", 0), `{ "headers": {`+connectHeaders+`}, "multiValueHeaders": {`+multi(connectHeaders)+`},`+query+
		common(`"routeKey": "$connect",`+authorizer+`"eventType": "CONNECT", "extendedRequestId": "AAAAAAAAAAAA001=",`, ``)+tail("AAAAAAAAAAAA001=")+`,"isBase64Encoded": false }`)

	authHeaders := `"Connection": "upgrade", "content-length": "0",` + goldenHeaders + `"Upgrade": "websocket",` + lastHeaders
	checkGolden(t, "authorizer", s.rawEvent("Auth", 0), `{ "type": "REQUEST", "methodArn": "arn:aws:execute-api:us-east-1:123456789012:abcd123/prod/$connect",
		"headers": {`+authHeaders+`}, "multiValueHeaders": {`+multi(authHeaders)+`},`+query+`"stageVariables": {},`+
		common(`"routeKey": "$connect", "eventType": "CONNECT", "extendedRequestId": "AAAAAAAAAAAA001=",`, ``)+tail("AAAAAAAAAAAA001=")+`}`)

	checkGolden(t, "MESSAGE", s.rawEvent("Send", 0), `{`+common(`"routeKey": "send",`+authorizer+`"messageId": "AAAAAAAAAAAA004=", "eventType": "MESSAGE", "extendedRequestId": "AAAAAAAAAAAA003=",`, ``)+
		tail("AAAAAAAAAAAA003=")+`, "body": "{\"action\":\"send\",\n\"text\":\"hi \\\"there\\\" é\"}", "isBase64Encoded": false }`)

	e := s.rawEvent("Disconnect", 0)
	id := decode(t, e)["requestContext"].(map[string]any)["requestId"].(string)
	gone := `"Host": "abcd123.execute-api.us-east-1.amazonaws.com", "x-api-key": "", "X-Forwarded-For": "", "x-restapi": ""`
	checkGolden(t, "DISCONNECT", e, `{ "headers": {`+gone+`}, "multiValueHeaders": {`+multi(gone)+`},`+
		common(`"routeKey": "$disconnect",`+authorizer+`"disconnectStatusCode": 1005, "eventType": "DISCONNECT", "extendedRequestId": "`+id+`",`,
			`"disconnectReason": "Client-side close frame status not set",`)+tail(id)+`, "isBase64Encoded": false }`)
}

// multi turns the members of a header object into lists.
func multi(members string) string {
	lines := strings.Split(strings.TrimSuffix(strings.TrimSpace(members), `"`), "\",")
	for i, l := range lines {
		l = strings.TrimSpace(l)
		name, value, _ := strings.Cut(l, `": "`)
		lines[i] = name + `": ["` + value + `"]`
	}
	return strings.Join(lines, ",")
}

func checkGolden(t *testing.T, what, got, want string) {
	t.Helper()
	if want = compactJSON(t, want); got != want {
		t.Errorf("%s event\n got %s\nwant %s", what, got, want)
	}
}
