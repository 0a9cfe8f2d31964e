package gateway

import (
	"net"
	"time"

	"github.com/parley-chat/parley/localstack/seam"
)

// ending is why a connection ends, as $disconnect will tell: disconnectStatusCode and disconnectReason.
type ending struct {
	code   int
	reason string
	frame  bool // send a close frame with code and reason
	silent bool // the frame echoes the client's code, without a reason
	reset  bool // cut the TCP connection with RST
}

// lost is the ending of a connection whose TCP connection went away.
func (g *Gateway) lost() ending { return ending{code: 1006, reason: g.sw.AbnormalReason} }

// terminate ends the connection once: posts answer 410 from here on, the close frame is queued, and
// $disconnect is invoked without waiting for the client's half of the closing handshake. It returns false if
// the connection had ended before.
func (c *conn) terminate(e ending) bool {
	c.mu.Lock()
	if c.ended {
		c.mu.Unlock()
		return false
	}
	c.ended = true
	close(c.done)
	if e.frame {
		reason := e.reason
		if e.silent {
			reason = ""
		}
		_ = c.write(appendClose(nil, e.code, reason)) // a failure shows in the read loop
	}
	_ = c.nc.SetReadDeadline(time.Now().Add(c.g.sw.CloseGrace))
	c.mu.Unlock()
	if !e.frame {
		c.cut(e.reset)
	}
	c.g.unregister(c.id)
	c.g.departed(c, e)
	return true
}

// cut closes the socket without a closing handshake.
func (c *conn) cut(reset bool) {
	if tcp, ok := c.nc.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0)
	}
	_ = c.nc.Close()
}

// abandon ends a connection whose 101 could not be delivered. Its $connect has run, so $disconnect runs too.
func (c *conn) abandon() {
	c.terminate(c.g.lost())
}

// departed counts the connection and invokes $disconnect, unless a fault has it lost, late or doubled.
func (g *Gateway) departed(c *conn, e ending) {
	now := g.Now()
	g.Meter.Connection(now.Sub(c.connectedAt))
	g.trace(TraceEvent{Kind: "close", ConnectionID: c.id, Route: routeDisconnect, Status: e.code, Payload: []byte(e.reason), Took: now.Sub(c.connectedAt)})
	if g.socket.disconnect == nil {
		return
	}
	times, delay := 1, time.Duration(0)
	if f, ok := seam.Strike(g.Faults, seam.FaultPoint{Service: faultService, Operation: "Disconnect", Function: g.socket.disconnect.function, Resource: c.id, Phase: seam.Before}); ok {
		switch f.Kind {
		case seam.FaultLose, seam.FaultError, seam.FaultKill:
			times = 0
		case seam.FaultDuplicate:
			times = 2
		case seam.FaultDelay:
			delay = f.Delay
		}
	}
	for range times {
		g.work.Add(1)
		go g.disconnect(&c.session, e, now, delay)
	}
}

// disconnect invokes $disconnect; what it answers is nobody's.
func (g *Gateway) disconnect(s *session, e ending, at time.Time, delay time.Duration) {
	defer g.work.Done()
	if !g.wait(delay) {
		return
	}
	m := moment{route: routeDisconnect, event: "DISCONNECT", requestID: g.NewID(), at: at.Add(delay), code: e.code, reason: e.reason}
	route := g.socket.disconnect
	if _, how := g.invoke(route.function, g.socket.disconnectEvent(s, &m), newTrace(m.at), route.timeout); how != answered {
		g.Logger.Warn("$disconnect failed", "connection", s.id, "code", e.code)
	}
}

// wait pauses for d unless the gateway stops first.
func (g *Gateway) wait(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-g.background.Done():
		return false
	}
}
