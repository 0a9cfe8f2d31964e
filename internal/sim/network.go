package sim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi"
	"github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi/types"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/wsapi"
)

// conn is one connection. Its two ends part when it breaks.
type conn struct {
	id     chat.ConnectionID
	tab    *tab
	life   int // of the tab's process
	socket int // the machine's number of it
	up     bool
	known  bool // the client takes it for open
	in     [][]byte
	out    [][]byte
	opened time.Time
	used   time.Time
	deaf   time.Time // until then every post is answered with 429
	// since is how far each log was when the connection came to listen, public and desk.
	since map[chat.Ref][2]uint64
	// refused lists the conversations whose events were answered with 410 in the epilogue.
	refused map[chat.ConversationID]bool
}

// dial is a socket that a client wants.
type dial struct {
	tab    *tab
	socket int
}

// gatewayError is what API Gateway sends when an integration fails: it names no frame.
const gatewayError = `{"message": "Internal server error", "connectionId":"%s", "requestId":"r"}`

// connect opens a socket, or fails to.
func (w *world) connect(d dial) {
	if w.strikes(DialFailed) {
		d.tab.machine.Closed(d.socket)
		d.tab.flush()
		return
	}
	c := &conn{
		id: chat.ConnectionID(fmt.Sprintf("conn%04d=", len(w.byID)+1)), tab: d.tab, life: d.tab.life, socket: d.socket,
		since: map[chat.Ref][2]uint64{}, up: true, known: true, opened: time.Now(), used: time.Now(),
	}
	w.conns, w.byID[c.id] = append(w.conns, c), c
	if w.strikes(Deaf) {
		c.deaf = time.Now().Add(time.Duration(1+w.pick(600)) * time.Second)
	}
	w.log("%s opens %s", d.tab, c.id)
	d.tab.machine.Opened(d.socket)
	d.tab.flush()
}

// emit hands a frame to the gateway for a client.
func (w *world) emit(c *conn, frame []byte) {
	w.frames++
	w.checkFrame(c, frame)
	if c.up {
		c.used = time.Now()
		c.out = append(c.out, frame)
	}
}

// route lets a client's frame reach the gateway, which invokes the socket function.
func (w *world) route(c *conn, n int) {
	frame := c.in[n]
	c.in = slices.Delete(c.in, n, n+1)
	c.used = time.Now()
	w.invoke(c, frame, true)
	if w.strikes(DuplicateInvoke) {
		w.invoke(c, frame, false)
	}
}

// socketLimit is the socket function's timeout (template.yaml).
const socketLimit = 10 * time.Second

func (w *world) invoke(c *conn, frame []byte, answers bool) {
	i := w.start("socket", socketLimit, func(i *invocation) {
		var e wsapi.Event
		e.Body = string(frame)
		e.RequestContext.ConnectionID = c.id
		e.RequestContext.Authorizer = c.tab.user.authorizer()
		out, err := i.socket().Handle(context.Background(), e)
		_ = i.do(context.Background(), answer, "answer", "", nil, func() error {
			i.w.answered(i, c, []byte(out.Body), err, answers)
			return nil
		})
	})
	i.conn, i.frame = c, frame
	if w.quiet && !bytes.HasPrefix(frame, []byte(`{"action":"ping"`)) && time.Since(c.opened) > time.Minute {
		w.violate("%s has no reason to say %s", c.tab, frame)
	}
	w.log("%s on %s invokes socket#%d: %s", c.tab, c.id, i.id, frame)
	if answers {
		i.onDeath = func() { w.emit(c, []byte(fmt.Sprintf(gatewayError, c.id))) }
	}
}

func (w *world) answered(i *invocation, c *conn, frame []byte, err error, answers bool) {
	if err != nil {
		w.violate("the socket function returned an error: %v", err)
	}
	w.log("socket#%d answers %s: %s", i.id, c.id, frame)
	w.checkAnswer(i, c, frame)
	if answers {
		w.emit(c, frame)
	}
}

// receive hands a frame to a client, in any order.
func (w *world) receive(c *conn, n int) {
	if n > 0 {
		w.count(PushReordered)
	}
	frame := c.out[n]
	if !w.strikes(PushDuplicated) || !bytes.HasPrefix(frame, []byte(`{"type":"events"`)) {
		c.out = slices.Delete(c.out, n, n+1)
	}
	if !c.known || c.life != c.tab.life || bytes.Contains(frame, []byte(`"ref":"probe"`)) {
		return
	}
	w.log("%s receives on %s: %s", c.tab, c.id, frame)
	c.tab.machine.Received(c.socket, frame)
	c.tab.flush()
}

// cut ends a connection on the gateway's side: what was on its way to the client is lost.
func (w *world) cut(c *conn) {
	if !c.up {
		return
	}
	c.up, c.out = false, nil
	w.disconnected(c)
}

// disconnected calls $disconnect: best effort.
func (w *world) disconnected(c *conn) {
	if w.strikes(DisconnectLost) {
		return
	}
	times := 1
	if w.strikes(DisconnectTwice) {
		times = 2
	}
	for range times {
		late := time.Duration(0)
		if w.strikes(DisconnectLate) {
			late = time.Duration(w.pick(120_000)) * time.Millisecond
		}
		i := w.start("disconnect", time.Hour, func(i *invocation) {
			_ = i.do(context.Background(), answer, "delayed", "", nil, func() error { return nil })
			_, _ = i.disconnect().Handle(context.Background(), events.APIGatewayWebsocketProxyRequest{
				RequestContext: events.APIGatewayWebsocketProxyRequestContext{ConnectionID: string(c.id), Authorizer: c.tab.user.authorizer()},
			}) // nobody retries it
		})
		i.delay = late
	}
}

// lost tells a client that its connection is gone.
func (w *world) lost(c *conn) {
	if !c.known {
		return
	}
	c.known = false
	if c.life != c.tab.life {
		return
	}
	w.log("%s learns that %s is gone", c.tab, c.id)
	c.tab.machine.Closed(c.socket)
	c.tab.flush()
}

// drop breaks a connection: frames on their way to the gateway arrive or do not.
func (w *world) drop(c *conn) {
	if c.tab.life == c.life && c.tab.machine.Pending() > 0 {
		w.count(DropMidSend)
	}
	w.log("%s drops", c.id)
	if w.pick(2) == 0 {
		c.in = nil
	}
	w.cut(c)
	w.lost(c)
}

// freeze breaks a connection without the client noticing.
func (w *world) freeze(c *conn) {
	w.log("%s freezes", c.id)
	c.in = nil
	w.cut(c)
}

// limits cuts connections that were idle for 10 minutes or are 2 hours old (Amazon API Gateway quotas,
// WebSocket), and forgets those that both ends have left.
func (w *world) limits() {
	now := time.Now()
	for _, c := range slices.Clone(w.conns) {
		if c.up && (now.Sub(c.used) > 10*time.Minute || now.Sub(c.opened) > 2*time.Hour) {
			w.log("the gateway cuts %s", c.id)
			w.cut(c)
			w.lost(c)
		}
	}
	w.conns = slices.DeleteFunc(w.conns, func(c *conn) bool { return !c.up && len(c.in) == 0 && (!c.known || c.life != c.tab.life) })
}

// posts is the management API as one invocation sees it.
type posts struct{ *invocation }

var errPost = errors.New("sim: the post failed")

func (p posts) PostToConnection(ctx context.Context, in *apigatewaymanagementapi.PostToConnectionInput, _ ...func(*apigatewaymanagementapi.Options)) (*apigatewaymanagementapi.PostToConnectionOutput, error) {
	frame := slices.Clone(in.Data)
	p.w.checkBudget(ctx, p.invocation)
	err := p.do(ctx, push, "Post", *in.ConnectionId, errPost, func() error {
		c := p.w.byID[chat.ConnectionID(*in.ConnectionId)]
		if c != nil {
			p.w.checkListener(c, frame)
		}
		if c == nil || !c.up {
			p.w.gone(c, frame)
			return &types.GoneException{}
		}
		if c.deaf.After(time.Now()) {
			return &types.LimitExceededException{}
		}
		p.w.posted(c, frame)
		p.w.emit(c, frame)
		return nil
	})
	return &apigatewaymanagementapi.PostToConnectionOutput{}, err
}

func (p posts) DeleteConnection(ctx context.Context, in *apigatewaymanagementapi.DeleteConnectionInput, _ ...func(*apigatewaymanagementapi.Options)) (*apigatewaymanagementapi.DeleteConnectionOutput, error) {
	err := p.do(ctx, push, "Delete", *in.ConnectionId, errPost, func() error {
		c := p.w.byID[chat.ConnectionID(*in.ConnectionId)]
		if c == nil || !c.up {
			return &types.GoneException{}
		}
		p.w.deleted = append(p.w.deleted, c) // its client hears of it when this step is over
		return nil
	})
	return &apigatewaymanagementapi.DeleteConnectionOutput{}, err
}
