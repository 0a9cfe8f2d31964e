package gateway

import (
	"crypto/sha1"
	"encoding/base64"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/parley-chat/parley/localstack/seam"
)

// maxURL is the longest request line target (quotas for WebSocket APIs: URL length).
const maxURL = 4096

// handshake is one upgrade request on its way to becoming a connection.
type handshake struct {
	session
	g         *Gateway
	r         *http.Request
	requestID string
	trace     string
	headers   []field // as the $connect function sees them
	query     []field
	protocol  string // Sec-WebSocket-Protocol of the 101, chosen by the $connect function
}

// refusal is an HTTP answer in place of the 101.
type refusal struct {
	status    int
	errorType string
	body      string
}

// SocketHandler serves clients: a WebSocket handshake on /{stage} (or / behind a custom domain). The request
// must come over HTTP/1.1 from a server that allows hijacking.
func (g *Gateway) SocketHandler() http.Handler {
	return http.HandlerFunc(g.serveSocket)
}

func (g *Gateway) serveSocket(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	if !g.begin() {
		writeJSON(w, http.StatusServiceUnavailable, "ServiceUnavailableException", `{"message":"Service Unavailable"}`)
		return
	}
	defer g.work.Done()
	h, no := g.newHandshake(r)
	if no == nil {
		no = h.authorizeAndConnect()
	}
	id, requestID := "", ""
	if h != nil {
		id, requestID = h.id, h.requestID
	}
	if no != nil {
		g.trace(TraceEvent{Kind: "handshake", ConnectionID: id, RequestID: requestID, Route: routeConnect, Status: no.status, Took: time.Since(start)})
		writeJSON(w, no.status, no.errorType, no.body)
		return
	}
	g.trace(TraceEvent{Kind: "handshake", ConnectionID: id, RequestID: requestID, Route: routeConnect, Status: 101, Took: time.Since(start)})
	h.upgrade(w)
}

// newHandshake checks what can be checked without a function.
func (g *Gateway) newHandshake(r *http.Request) (*handshake, *refusal) {
	if len(r.RequestURI) > maxURL {
		return nil, &refusal{http.StatusRequestURITooLong, "", `{"message":"Request-URI Too Long"}`}
	}
	if g.socket == nil || !g.onStage(r.URL.Path) {
		return nil, &refusal{g.sw.UnknownStageStatus, "ForbiddenException", `{"message":"Forbidden"}`}
	}
	if !hasToken(r.Header, "Connection", "upgrade") || !hasToken(r.Header, "Upgrade", "websocket") || r.Method != http.MethodGet {
		return nil, &refusal{g.sw.PlainGETStatus, "", `{"message":"Upgrade Required"}`}
	}
	if r.Header.Get("Sec-Websocket-Version") != "13" || !validKey(r.Header.Get("Sec-Websocket-Key")) {
		return nil, &refusal{http.StatusBadRequest, "BadRequestException", `{"message":"Bad Request"}`}
	}
	h := g.describe(r)
	if !g.socket.newConnections.take(h.connectedAt) || !g.socket.connectLimit.take(h.connectedAt) || !g.account.take(h.connectedAt) {
		return h, &refusal{http.StatusTooManyRequests, "TooManyRequestsException", `{"message":"Too Many Requests"}`}
	}
	return h, nil
}

func (g *Gateway) onStage(path string) bool {
	path = strings.TrimSuffix(path, "/")
	if g.CustomDomain {
		return path == ""
	}
	return path == "/"+g.socket.stage
}

// describe gathers what events will say about the request.
func (g *Gateway) describe(r *http.Request) *handshake {
	now := g.Now()
	h := &handshake{g: g, r: r, requestID: g.NewID(), trace: r.Header.Get("X-Amzn-Trace-Id")}
	h.session = session{
		id:          g.NewID(),
		domain:      strings.ToValidUTF8(r.Host, "\ufffd"),
		sourceIP:    sourceIP(r),
		userAgent:   strings.ToValidUTF8(r.UserAgent(), "\ufffd"),
		connectedAt: now,
	}
	if h.trace == "" {
		h.trace = newTrace(now)
	}
	h.headers = h.collectHeaders()
	for name, values := range r.URL.Query() {
		h.query = append(h.query, field{name, values})
	}
	sortFields(h.query)
	return h
}

// collectHeaders lists the client's headers in the case in which they were sent, where that is known, with
// those that the gateway adds. The connection to AWS is always TLS on 443, and functions may rely on it.
func (h *handshake) collectHeaders() []field {
	names := sentNames(h.r)
	fields := make([]field, 0, len(h.r.Header)+5)
	for name, values := range h.r.Header {
		switch name {
		case "Connection", "Upgrade", "Content-Length", "X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto", "X-Amzn-Trace-Id":
			continue
		}
		fields = append(fields, field{names.of(name), values})
	}
	fields = append(fields,
		field{"Host", []string{h.r.Host}},
		field{"X-Amzn-Trace-Id", []string{h.trace}},
		field{"X-Forwarded-For", []string{forwardedFor(h.r, h.sourceIP)}},
		field{"X-Forwarded-Port", []string{"443"}},
		field{"X-Forwarded-Proto", []string{"https"}},
	)
	sortFields(fields)
	return fields
}

// authorizerHeaders adds the three headers that only the authorizer sees, with the values that the developer
// guide shows.
func (h *handshake) authorizerHeaders() []field {
	fields := make([]field, 0, len(h.headers)+3)
	fields = append(fields, h.headers...)
	fields = append(fields,
		field{"Connection", []string{"upgrade"}},
		field{"content-length", []string{"0"}},
		field{"Upgrade", []string{"websocket"}},
	)
	sortFields(fields)
	return fields
}

// authorizeAndConnect runs the authorizer and the $connect integration, as far as there are any.
func (h *handshake) authorizeAndConnect() *refusal {
	m := moment{route: routeConnect, event: "CONNECT", requestID: h.requestID, at: h.g.Now()}
	if h.g.socket.authorizer != nil {
		if no := h.authorize(&m); no != nil {
			return no
		}
	}
	if h.g.socket.connect != nil {
		return h.connect(&m)
	}
	return nil
}

// upgrade takes the connection over, sends the 101 and starts to read.
func (h *handshake) upgrade(w http.ResponseWriter) {
	nc, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		h.g.Logger.Error("handshake: the server cannot hijack", "error", err)
		writeJSON(w, http.StatusInternalServerError, "", `{"message": "Internal server error"}`)
		return
	}
	early, _ := rw.Peek(rw.Reader.Buffered())
	c := newConn(h.g, unwrap(nc), h.session, early)
	if _, err := c.nc.Write(h.switchingProtocols()); err != nil {
		c.abandon()
		return
	}
	// Only now: AWS answers posts with 410 until the 101 is out.
	if !h.g.register(c) {
		c.abandon()
		return
	}
	h.g.work.Add(1)
	go c.serve()
}

func (h *handshake) switchingProtocols() []byte {
	b := make([]byte, 0, 256)
	b = append(b, "HTTP/1.1 101 Switching Protocols\r\nDate: "...)
	b = h.g.Now().UTC().AppendFormat(b, http.TimeFormat)
	b = append(b, "\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: "...)
	b = append(b, acceptKey(h.r.Header.Get("Sec-Websocket-Key"))...)
	if h.protocol != "" {
		b = append(b, "\r\nSec-WebSocket-Protocol: "...)
		b = append(b, h.protocol...)
	}
	return append(b, "\r\n\r\n"...)
}

// acceptKey is the proof that the server speaks WebSocket (RFC 6455, 4.2.2).
func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func validKey(key string) bool {
	raw, err := base64.StdEncoding.DecodeString(key)
	return err == nil && len(raw) == 16
}

// hasToken reports whether a comma-separated header has the token, in any case.
func hasToken(h http.Header, name, token string) bool {
	for _, line := range h[name] {
		for t := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(t), token) {
				return true
			}
		}
	}
	return false
}

func sourceIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// forwardedFor appends the peer to what the client claims, as AWS does.
func forwardedFor(r *http.Request, peer string) string {
	if claimed := r.Header.Values("X-Forwarded-For"); len(claimed) > 0 {
		return strings.Join(claimed, ", ") + ", " + peer
	}
	return peer
}

// connect runs the $connect integration; any 2xx lets the client in.
func (h *handshake) connect(m *moment) *refusal {
	g, route := h.g, h.g.socket.connect
	res, how := g.invoke(route.function, g.socket.connectEvent(h, m), h.trace, route.timeout)
	switch how {
	case throttled:
		return h.broken(g.sw.ThrottledConnectStatus, "Internal server error")
	case notStarted:
		return h.broken(g.sw.StartFailureStatus, "Internal server error")
	case timedOut:
		return h.broken(g.sw.ConnectTimeoutStatus, "Endpoint request timed out")
	case failed:
		return h.broken(http.StatusBadGateway, "Internal server error")
	case answered:
	}
	return h.accept(res)
}

// broken is the answer for a function that gave none; its body has the form of the error frames.
func (h *handshake) broken(status int, message string) *refusal {
	return &refusal{status, "InternalServerErrorException", string(errorFrame(message, h.id, h.requestID))}
}

func (h *handshake) accept(res seam.InvokeResult) *refusal {
	answer, ok := parseProxyAnswer(res.Payload)
	if !ok {
		return h.broken(h.g.sw.MalformedConnectStatus, "Internal server error")
	}
	if answer.status/100 != 2 {
		no := &refusal{status: answer.status}
		if h.g.sw.ConnectRefusalBody {
			no.body = answer.body
		}
		return no
	}
	h.protocol = headerToken(answer.header("Sec-WebSocket-Protocol"))
	return nil
}

// headerToken drops what would break out of a header line.
func headerToken(v string) string {
	if i := strings.IndexAny(v, "\r\n"); i >= 0 {
		v = v[:i]
	}
	return strings.TrimSpace(v)
}
