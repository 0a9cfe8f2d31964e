package gateway

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/parley-chat/parley/localstack/seam"
)

// dispatch selects the route of a message, builds its event while body is valid, and runs the function in a
// goroutine of its own: AWS promises no order among the messages of one connection.
func (c *conn) dispatch(body []byte) {
	g, now := c.g, c.g.Now()
	route := g.socket.route(body)
	m := moment{event: "MESSAGE", requestID: g.NewID(), at: now}
	if route == nil {
		g.Meter.Frame(true, "", len(body))
		g.trace(TraceEvent{Kind: "in", ConnectionID: c.id, RequestID: m.requestID, Payload: body})
		c.sendError("Forbidden", &m)
		return
	}
	m.route = route.key
	g.Meter.Frame(true, route.key, len(body))
	g.trace(TraceEvent{Kind: "in", ConnectionID: c.id, RequestID: m.requestID, Route: route.key, Payload: body})
	if !route.limit.take(now) || !g.account.take(now) {
		c.throttle(&m)
		return
	}
	m.messageID = g.NewID()
	event := g.socket.messageEvent(&c.session, &m, body)
	select {
	case c.slots <- struct{}{}:
	case <-c.done:
		return
	}
	g.work.Add(1)
	go c.run(route, &m, event)
}

// route returns the route of a message, $default's if none matches, or nil. Keys that begin with a dollar
// are the service's: a client cannot select $connect or $disconnect.
func (a *socketAPI) route(body []byte) *socketRoute {
	var space [64]byte
	if key, ok := a.selection.key(space[:0], body); ok {
		if r := a.routes[string(key)]; r != nil {
			return r
		}
	}
	return a.routes[routeDefault]
}

// throttle answers a message over its limit.
func (c *conn) throttle(m *moment) {
	sw := &c.g.sw
	c.throttled++
	if sw.ThrottledMessage != "" {
		c.sendError(sw.ThrottledMessage, m)
	}
	if sw.ThrottledClose > 0 && c.throttled >= sw.ThrottledClose {
		c.terminate(ending{code: 1008, reason: "Too many requests", frame: true})
	}
}

// run invokes the function of one message and answers what is to be answered. The function goes on when the
// connection ends or the integration timeout passes.
func (c *conn) run(route *socketRoute, m *moment, event []byte) {
	defer c.g.work.Done()
	defer func() { <-c.slots }()
	if j := c.g.sw.MessageJitter; j > 0 && !c.g.wait(rand.N(j)) {
		return
	}
	res, how := c.g.invoke(route.function, event, newTrace(m.at), route.timeout)
	switch {
	case how == timedOut:
		c.sendError("Endpoint request timed out", m)
	case how != answered:
		c.sendError("Internal server error", m)
	case route.twoWay:
		c.respond(res.Payload, m)
	}
}

// respond sends the body of a two-way route's result. Its status code counts for nothing; without a body
// nothing is sent.
func (c *conn) respond(payload []byte, m *moment) {
	body, ok := responseBody(payload)
	switch {
	case !ok || len(body) > maxMessage:
		if c.g.sw.MalformedResponseFrame {
			c.sendError("Internal server error", m)
		}
	case body != nil:
		_ = c.deliver(push{kind: "response", operation: "Response", route: m.route, requestID: m.requestID}, body)
	}
}

// responseBody finds the body of a proxy result; nil is none. It fails on what is no object and on a body
// that is no string.
func responseBody(payload []byte) (body []byte, ok bool) {
	payload = bytes.TrimSpace(payload)
	value, found, valid := jsonFind(payload, []step{{name: "body"}})
	switch {
	case !valid:
		return nil, len(payload) == 0
	case payload[0] != '{':
		return nil, string(payload) == "null"
	case !found || string(value) == "null":
		return nil, true
	case value[0] != '"':
		return nil, false
	}
	raw := value[1 : len(value)-1]
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw, true
	}
	return unescape(make([]byte, 0, len(raw)), raw), true
}

// sendError sends one of the gateway's own frames. The connection stays open.
func (c *conn) sendError(message string, m *moment) {
	frame := errorFrame(message, c.id, m.requestID)
	if c.sendText(frame) == nil {
		c.g.Meter.Frame(false, "error", len(frame))
		c.g.trace(TraceEvent{Kind: "error", ConnectionID: c.id, RequestID: m.requestID, Route: m.route, Payload: frame})
	}
}

// faultService names the gateway in fault rules.
const faultService = "gateway"

// push describes one frame on its way to a client.
type push struct {
	kind      string // "push" or "response", for the meter and traces
	operation string // of fault points: "Push" or "Response"
	route     string
	requestID string
}

// deliver sends a frame, unless a fault at Before holds it back or loses it, or has it sent twice. An error
// fault is returned as it is; held-back frames count as sent, as bytes in flight do. At After a delay or an
// error concerns the caller only.
func (c *conn) deliver(p push, body []byte) *seam.PostError {
	point := seam.FaultPoint{Service: faultService, Operation: p.operation, Resource: c.id, Route: p.route, Phase: seam.Before}
	times := 1
	if f, ok := seam.Strike(c.g.Faults, point); ok {
		switch f.Kind {
		case seam.FaultError:
			return faultError(f)
		case seam.FaultLose, seam.FaultKill:
			return nil
		case seam.FaultDuplicate:
			times = 2
		case seam.FaultDelay:
			c.deliverLater(p, bytes.Clone(body), f.Delay)
			return nil
		}
	}
	for range times {
		if err := c.deliverOnce(p, body); err != nil {
			return err
		}
	}
	return c.afterDelivery(p, point, body)
}

func (c *conn) afterDelivery(p push, point seam.FaultPoint, body []byte) *seam.PostError {
	point.Phase = seam.After
	f, ok := seam.Strike(c.g.Faults, point)
	if !ok {
		return nil
	}
	switch f.Kind {
	case seam.FaultError:
		return faultError(f)
	case seam.FaultLose, seam.FaultKill:
		return &seam.PostError{Type: "ConnectionLost", Message: "the answer was lost"}
	case seam.FaultDelay:
		c.g.wait(f.Delay)
	case seam.FaultDuplicate:
		return c.deliverOnce(p, body)
	}
	return nil
}

func (c *conn) deliverOnce(p push, body []byte) *seam.PostError {
	err := c.sendText(body)
	switch {
	case err == nil:
		c.g.Meter.Frame(false, p.kind, len(body))
		c.g.trace(TraceEvent{Kind: p.kind, ConnectionID: c.id, RequestID: p.requestID, Route: p.route, Payload: body})
		return nil
	case errors.Is(err, errFull):
		return &seam.PostError{Status: 429, Type: limitExceeded, Message: "The WebSocket client side buffer is full"}
	}
	return gone()
}

// deliverLater sends a frame after the caller was told that it is sent: how a test has frames overtake.
func (c *conn) deliverLater(p push, body []byte, after time.Duration) {
	if !c.g.begin() {
		return
	}
	go func() {
		defer c.g.work.Done()
		if c.g.wait(after) {
			_ = c.deliverOnce(p, body) // the connection may be gone by now
		}
	}()
}

func faultError(f seam.Fault) *seam.PostError {
	return &seam.PostError{Status: orDefault(f.Status, 500), Type: orDefault(f.ErrorType, "InternalServerErrorException"), Message: f.Message}
}
