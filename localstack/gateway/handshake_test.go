package gateway

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/parley-chat/parley/localstack/template"
)

func TestConnectStatus(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		fn     function
		status int
		body   string // substring
	}{
		{"200", answer(`{"statusCode":200}`), 101, ""},
		{"201", answer(`{"statusCode":201,"body":"ignored"}`), 101, ""},
		{"quoted status", answer(`{"statusCode":"200"}`), 101, ""},
		{"301", answer(`{"statusCode":301}`), 301, ""},
		{"401", answer(`{"statusCode":401,"body":"who are you"}`), 401, "who are you"},
		{"403", answer(`{"statusCode":403}`), 403, ""},
		{"501", answer(`{"statusCode":501}`), 501, ""},
		{"error", fail("boom"), 502, `{"message": "Internal server error", "connectionId":"`},
		{"no status", answer(`{"ok":true}`), 502, ""},
		{"status 99", answer(`{"statusCode":99}`), 502, ""},
		{"not an object", answer(`"fine"`), 502, ""},
		{"timeout", hang, 504, `{"message": "Endpoint request timed out", "connectionId":"`},
		{"not started", func(context.Context, []byte) (string, error) { return "", errNotStarted }, 500, ""},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, func(s *stage) {
				s.fns.fns["Connect"] = tc.fn
				s.options.Socket.Routes[0].Timeout = 200 * time.Millisecond
			})
			c := s.handshake("/prod")
			if c.resp.StatusCode != tc.status || !strings.Contains(c.body, tc.body) {
				t.Fatalf("got %d %q, want %d %q", c.resp.StatusCode, c.body, tc.status, tc.body)
			}
			if tc.status != 101 && len(s.g.Connections()) != 0 {
				t.Error("a refused client is connected")
			}
		})
	}
}

func TestConnectRefusedNeverDisconnects(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *stage) { s.fns.fns["Connect"] = answer(`{"statusCode":403}`) })
	s.handshake("/prod")
	s.fns.mu.Lock()
	s.fns.fns["Connect"] = answer(`{"statusCode":200}`)
	s.fns.mu.Unlock()
	s.dial().frame(true, opClose, nil)
	s.event("Disconnect", 0)
	if n := len(s.fns.eventsOf("Disconnect")); n != 1 {
		t.Errorf("%d $disconnect events, want 1: the refused client has none", n)
	}
}

func TestAuthorizerStatus(t *testing.T) {
	t.Parallel()
	policyOf := func(statement string) string {
		return `{"principalId":"u","policyDocument":{"Version":"2012-10-17","Statement":` + statement + `}}`
	}
	arn := "arn:aws:execute-api:us-east-1:123456789012:abcd123/prod/$connect"
	allow := `{"Action":"execute-api:Invoke","Effect":"Allow","Resource":"` + arn + `"}`
	cases := []struct {
		name   string
		target string
		fn     function
		status int
	}{
		{"allow", "/prod?ticket=1", answer(policyOf(allow)), 101},
		{"allow in a list", "/prod?ticket=1", answer(policyOf(`[` + allow + `]`)), 101},
		{"allow by wildcard", "/prod?ticket=1", answer(policyOf(`{"Action":["execute-api:*"],"Effect":"Allow","Resource":["arn:aws:execute-api:*:*:abcd123/pro?/*"]}`)), 101},
		{"deny wins", "/prod?ticket=1", answer(policyOf(`[` + allow + `,{"Action":"*","Effect":"Deny","Resource":"*"}]`)), 403},
		{"deny", "/prod?ticket=1", answer(policyOf(`{"Action":"execute-api:Invoke","Effect":"Deny","Resource":"*"}`)), 403},
		{"other resource", "/prod?ticket=1", answer(policyOf(`{"Action":"execute-api:Invoke","Effect":"Allow","Resource":"` + arn + `x"}`)), 403},
		{"other action", "/prod?ticket=1", answer(policyOf(`{"Action":"execute-api:ManageConnections","Effect":"Allow","Resource":"*"}`)), 403},
		{"no statement", "/prod?ticket=1", answer(policyOf(`[]`)), 403},
		{"not resource", "/prod?ticket=1", answer(policyOf(`{"Action":"*","Effect":"Allow","NotResource":"` + arn + `"}`)), 403},
		{"unauthorized", "/prod?ticket=1", fail("Unauthorized"), 401},
		{"other error", "/prod?ticket=1", fail("unauthorized"), 500},
		{"status code in place of a policy", "/prod?ticket=1", answer(`{"statusCode":401}`), 500},
		{"no principal", "/prod?ticket=1", answer(`{"policyDocument":{"Statement":[` + allow + `]}}`), 500},
		{"condition", "/prod?ticket=1", answer(policyOf(`{"Action":"*","Effect":"Allow","Resource":"*","Condition":{"Bool":{"a":"b"}}}`)), 500},
		{"nested context", "/prod?ticket=1", answer(strings.TrimSuffix(policyOf(allow), "}") + `,"context":{"a":{"b":1}}}`), 500},
		{"null context value", "/prod?ticket=1", answer(strings.TrimSuffix(policyOf(allow), "}") + `,"context":{"a":null}}`), 500},
		{"8 KB", "/prod?ticket=1", answer(strings.TrimSuffix(policyOf(allow), "}") + `,"context":{"a":"` + strings.Repeat("x", 8192) + `"}}`), 500},
		{"not started", "/prod?ticket=1", func(context.Context, []byte) (string, error) { return "", errNotStarted }, 500},
		{"no identity", "/prod", answer(policyOf(allow)), 401},
		{"empty identity", "/prod?ticket=", answer(policyOf(allow)), 401},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, func(s *stage) {
				s.options.Socket.Authorizer = &template.Authorizer{Function: "Auth", Identity: []string{"route.request.querystring.ticket"}}
				s.fns.fns["Auth"] = tc.fn
			})
			c := s.handshake(tc.target)
			if c.resp.StatusCode != tc.status {
				t.Fatalf("got %d %q, want %d", c.resp.StatusCode, c.body, tc.status)
			}
			asked := len(s.fns.eventsOf("Auth"))
			if wantAsked := !strings.Contains(tc.name, "identity"); (asked == 1) != wantAsked {
				t.Errorf("authorizer asked %d times", asked)
			}
			if connected := len(s.fns.eventsOf("Connect")); (connected == 1) != (tc.status == 101) {
				t.Errorf("$connect ran %d times", connected)
			}
		})
	}
}

func TestIdentityFromHeader(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *stage) {
		s.options.Socket.Authorizer = &template.Authorizer{Function: "Auth", Identity: []string{"route.request.header.sec-websocket-protocol", "context.identity.sourceIp"}}
	})
	if c := s.handshake("/prod"); c.resp.StatusCode != http.StatusUnauthorized || c.body != `{"message":"Unauthorized"}` {
		t.Errorf("without the header: %d %s", c.resp.StatusCode, c.body)
	}
	if c := s.handshake("/prod", "SEC-WEBSOCKET-PROTOCOL: v1"); c.resp.StatusCode != http.StatusSwitchingProtocols {
		t.Errorf("with the header: %d %s", c.resp.StatusCode, c.body)
	}
}

// The authorizer runs once; its context is on every later event.
func TestAuthorizerContextIsFrozen(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *stage) {
		s.options.Socket.Authorizer = &template.Authorizer{Function: "Auth"}
		s.options.Switches = switches(func(sw *Switches) { sw.IntegrationLatency = true })
	})
	c := s.dial()
	c.text(`{"action":"send"}`)
	c.wantText("sent")
	c.frame(true, opClose, nil)
	want := within(s.event("Connect", 0), "requestContext", "authorizer").(map[string]any)
	if want["principalId"] != "user-1" || want["n"] != "1" || want["b"] != "true" || want["integrationLatency"] == nil {
		t.Errorf("context is %v", want)
	}
	for _, name := range []string{"Send", "Disconnect"} {
		got := within(s.event(name, 0), "requestContext", "authorizer")
		if a, b := mustJSON(t, got), mustJSON(t, want); a != b {
			t.Errorf("%s has context %s, want %s", name, a, b)
		}
	}
	if n := len(s.fns.eventsOf("Auth")); n != 1 {
		t.Errorf("authorizer ran %d times", n)
	}
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestRefusedBeforeAnyFunction(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	get := func(target string, headers map[string]string) int {
		t.Helper()
		req, err := http.NewRequest(http.MethodGet, "http://"+s.addr+target, nil)
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range headers {
			req.Header.Set(k, v)
		}
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	upgrade := map[string]string{"Connection": "keep-alive, Upgrade", "Upgrade": "WebSocket"}
	cases := []struct {
		name, target string
		headers      map[string]string
		status       int
	}{
		{"plain GET", "/prod", nil, 426},
		{"unknown stage", "/test", upgrade, 403},
		{"below the stage", "/prod/x", upgrade, 403},
		{"root", "/", upgrade, 403},
		{"no key", "/prod", upgrade, 400},
		{"long URL", "/prod?" + strings.Repeat("x", 4096), upgrade, 414},
	}
	for _, tc := range cases {
		if got := get(tc.target, tc.headers); got != tc.status {
			t.Errorf("%s: got %d, want %d", tc.name, got, tc.status)
		}
	}
	if n := len(s.fns.eventsOf("Connect")); n != 0 {
		t.Errorf("$connect ran %d times", n)
	}
}

func TestCustomDomainHasNoStageInPaths(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *stage) { s.options.CustomDomain = true })
	if c := s.handshake("/prod"); c.resp.StatusCode != http.StatusForbidden {
		t.Errorf("with stage: %d", c.resp.StatusCode)
	}
	c := s.handshake("/?a=1")
	if c.resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("without stage: %d", c.resp.StatusCode)
	}
	if got := within(s.event("Connect", 0), "requestContext", "stage"); got != "prod" {
		t.Errorf("stage is %v", got)
	}
	resp, err := http.Post(s.conns.URL+"/@connections/"+strings.ReplaceAll(s.only(), "=", "%3D"), "", strings.NewReader("hello"))
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp, err)
	}
	_ = resp.Body.Close()
	c.wantText("hello")
}

func TestSubprotocolOnlyByEcho(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	c := s.dial("Sec-WebSocket-Protocol: v1.chat, tok.abc")
	if _, ok := c.resp.Header["Sec-Websocket-Protocol"]; ok {
		t.Error("a protocol is chosen without an echo")
	}
	if c.resp.Header.Get("Sec-Websocket-Extensions") != "" {
		t.Error("an extension is negotiated")
	}
	if got := c.resp.Header.Get("Sec-Websocket-Accept"); got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" { // RFC 6455, 1.3
		t.Errorf("accept key %q", got)
	}
	s2 := start(t, func(s *stage) {
		s.fns.fns["Connect"] = answer(`{"statusCode":200,"headers":{"sec-websocket-protocol":"v1.chat"}}`)
	})
	conn, _, err := websocket.Dial(t.Context(), "ws://"+s2.addr+"/prod", &websocket.DialOptions{Subprotocols: []string{"v1.chat", "tok.abc"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.CloseNow() }()
	if conn.Subprotocol() != "v1.chat" {
		t.Errorf("protocol %q", conn.Subprotocol())
	}
}

func TestNoIntegrationNeeded(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *stage) {
		s.options.Socket.Routes = slices.DeleteFunc(s.options.Socket.Routes, func(r template.SocketRoute) bool { return strings.HasPrefix(r.Key, "$") })
	})
	c := s.dial()
	c.text(`{"action":"send"}`)
	c.wantText("sent")
	c.frame(true, opClose, nil)
	c.wantClose(1005, "")
	eventually(t, "connection counted", func() bool { return s.meter.connections.Load() == 1 })
}

// A plain CONNECT event: what is absent matters as much as what is there.
func TestConnectEventWithoutExtras(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	s.dial()
	e := s.event("Connect", 0)
	for _, name := range []string{"queryStringParameters", "multiValueQueryStringParameters", "stageVariables", "body"} {
		if _, ok := e[name]; ok {
			t.Errorf("%s is there", name)
		}
	}
	rc := e["requestContext"].(map[string]any)
	for _, name := range []string{"authorizer", "messageId", "disconnectStatusCode", "disconnectReason"} {
		if _, ok := rc[name]; ok {
			t.Errorf("requestContext.%s is there", name)
		}
	}
	if got := mustJSON(t, rc["identity"]); got != `{"sourceIp":"127.0.0.1"}` {
		t.Errorf("identity %s", got)
	}
	for _, name := range []string{"connectionId", "requestId", "extendedRequestId"} {
		if id, _ := rc[name].(string); !wellFormedID(id) {
			t.Errorf("%s is %q", name, id)
		}
	}
	if rc["requestId"] != rc["extendedRequestId"] {
		t.Error("requestId differs from extendedRequestId")
	}
	trace, _ := within(e, "headers", "X-Amzn-Trace-Id").(string)
	if !strings.HasPrefix(trace, "Root=1-") || len(trace) != len("Root=1-65d2ff2e-718990494fd688f062bf1571") {
		t.Errorf("trace %q", trace)
	}
}

// A plain http.Server loses the case of header names; the ones that matter are then as browsers send them.
func TestHeaderCase(t *testing.T) {
	t.Parallel()
	names := headerNames{"X-Foo": "x-FOO"}
	for canonical, want := range map[string]string{"X-Foo": "x-FOO", "Sec-Websocket-Protocol": "Sec-WebSocket-Protocol", "User-Agent": "User-Agent"} {
		if got := names.of(canonical); got != want {
			t.Errorf("%s is %s, want %s", canonical, got, want)
		}
	}
	s := start(t, nil)
	s.dial("x-FOO: 1", "sec-websocket-PROTOCOL: a")
	h := s.event("Connect", 0)["headers"].(map[string]any)
	if h["x-FOO"] != "1" || h["sec-websocket-PROTOCOL"] != "a" {
		t.Errorf("headers %v", h)
	}
}

func TestStageVariables(t *testing.T) {
	t.Parallel()
	for _, on := range []bool{true, false} {
		s := start(t, func(s *stage) {
			s.options.StageVariables = map[string]string{"colour": "blue"}
			s.options.Socket.Authorizer = &template.Authorizer{Function: "Auth"}
			s.options.Switches = switches(func(sw *Switches) { sw.ConnectStageVariables = on })
		})
		s.dial()
		if got := within(s.event("Auth", 0), "stageVariables", "colour"); got != "blue" {
			t.Errorf("authorizer: %v", got)
		}
		if _, there := s.event("Connect", 0)["stageVariables"]; there != on {
			t.Errorf("switch %v, in CONNECT %v", on, there)
		}
	}
}

func TestHandshakeThrottles(t *testing.T) {
	t.Parallel()
	once := template.Throttle{Rate: 0.001, Burst: 1}
	for name, change := range map[string]func(*stage){
		"route":       func(s *stage) { s.options.Socket.Routes[0].Throttle = once },
		"default":     func(s *stage) { s.options.Socket.Throttle = once },
		"connections": func(s *stage) { s.options.ConnectLimit = once },
		"account":     func(s *stage) { s.options.AccountLimit = once },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, change)
			s.dial()
			if c := s.handshake("/prod"); c.resp.StatusCode != http.StatusTooManyRequests {
				t.Errorf("second handshake: %d", c.resp.StatusCode)
			}
		})
	}
}

// Until the 101 is out, a post meets no connection.
func TestPostDuringConnectIsGone(t *testing.T) {
	t.Parallel()
	got := make(chan int, 3)
	s := start(t, func(s *stage) {
		s.fns.fns["Connect"] = func(ctx context.Context, event []byte) (string, error) {
			id := within(decode(s.t, string(event)), "requestContext", "connectionId").(string)
			got <- status(s.g.Post(ctx, id, []byte("early")))
			got <- status(s.g.Delete(ctx, id))
			_, err := s.g.describeConnection(id)
			got <- err.Status
			return `{"statusCode":200}`, nil
		}
	})
	c := s.dial()
	for range 3 {
		if st := <-got; st != 410 {
			t.Errorf("got %d", st)
		}
	}
	if err := s.g.Post(t.Context(), s.only(), []byte("late")); err != nil {
		t.Fatal(err)
	}
	c.wantText("late")
}
