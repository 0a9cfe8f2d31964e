package load

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/client"
	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/localstack/e2e/world"
)

// Pair is a conversation of two: one lane each.
type Pair struct {
	Customer, Operator *Lane
	token              string // of the customer
}

// Crowd is many conversations of two.
type Crowd struct {
	Pairs []Pair
	peers []*Peer
	book  atomic.Pointer[Book]
	onAck atomic.Pointer[func(*Lane)]
	tasks sync.WaitGroup
	runs  uint32
	api   *client.API
}

// perOperator is how many conversations an operator has: as many as one hello subscribes to.
const perOperator = chat.MaxSubscriptions

// parallel is how many people arrive at once.
const parallel = 16

// Gather makes n conversations, each of a customer and of an operator who has up to 25 of them.
func Gather(ctx context.Context, w *world.World, n int) (*Crowd, error) {
	operators := (n + perOperator - 1) / perOperator
	space, err := w.Seed(ctx, operators)
	if err != nil {
		return nil, err
	}
	c := &Crowd{Pairs: make([]Pair, n), api: w.API(space)}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for i := range n {
		g.Go(func() (err error) { c.Pairs[i], err = c.customer(gctx, w, space); return err })
	}
	if err := g.Wait(); err != nil {
		c.Close()
		return nil, err
	}
	g, gctx = errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for k := range operators {
		g.Go(func() error {
			return c.operator(gctx, w, space, space.Operators[k], c.Pairs[k*perOperator:min(n, (k+1)*perOperator)])
		})
	}
	if err := g.Wait(); err != nil {
		c.Close()
		return nil, err
	}
	for _, p := range c.Pairs {
		c.adopt(p.Customer.peer)
	}
	for k := 0; k < n; k += perOperator {
		c.adopt(c.Pairs[k].Operator.peer)
	}
	return c, nil
}

func (c *Crowd) adopt(p *Peer) {
	c.peers = append(c.peers, p)
	c.tasks.Add(1)
	go func() {
		defer c.tasks.Done()
		p.read()
	}()
}

// Close ends all sockets.
func (c *Crowd) Close() {
	for _, p := range c.peers {
		p.socket.Close()
	}
	c.tasks.Wait()
}

func (c *Crowd) peer(s *Socket) *Peer {
	return &Peer{socket: s, lanes: map[string]*Lane{}, book: &c.book, onAck: &c.onAck}
}

func (p *Peer) lane(id chat.ConversationID, seq uint64) *Lane {
	l := &Lane{peer: p, conversation: id, seq: seq}
	p.lanes[string(id)] = l
	return l
}

func (c *Crowd) customer(ctx context.Context, w *world.World, space world.Workspace) (p Pair, err error) {
	s, err := w.API(space).StartCustomer(ctx, space.WidgetKey, "")
	if err != nil {
		return p, err
	}
	socket, _, err := Enter(ctx, w.API(space), s.Token, nil)
	if err != nil {
		return p, err
	}
	id := chat.ConversationID(chat.NewID(chat.ConversationPrefix, time.Now()))
	ack, err := Ask[protocol.Ack](socket, protocol.Start{Action: protocol.ActionStart, Conversation: id, Messages: []protocol.NewMessage{newMessage()}})
	if err != nil {
		return p, err
	}
	return Pair{Customer: c.peer(socket).lane(id, ack.Head), token: s.Token}, nil
}

func newMessage() protocol.NewMessage {
	return protocol.NewMessage{ID: chat.EventID(chat.NewID(chat.EventPrefix, time.Now())), Text: text}
}

// operator signs in and takes the conversations of some pairs.
func (c *Crowd) operator(ctx context.Context, w *world.World, space world.Workspace, m world.Member, pairs []Pair) error {
	s, err := w.API(space).SignIn(ctx, m.Email, m.Password)
	if err != nil {
		return err
	}
	socket, _, err := Enter(ctx, w.API(space), s.Token, nil)
	if err != nil {
		return err
	}
	peer := c.peer(socket)
	for i := range pairs {
		id := pairs[i].Customer.conversation
		ack, err := Ask[protocol.Ack](socket, protocol.Join{Action: protocol.ActionJoin, Conversation: id, ID: newMessage().ID})
		if err != nil {
			return err
		}
		pairs[i].Operator = peer.lane(id, ack.Head)
		pairs[i].Customer.seq = ack.Head
	}
	return nil
}

// Enter opens a socket for a session and says hello.
func Enter(ctx context.Context, api *client.API, token string, cursors map[chat.ConversationID]protocol.Cursor) (*Socket, protocol.Welcome, error) {
	var welcome protocol.Welcome
	ticket, err := api.Ticket(ctx, token)
	if err != nil {
		return nil, welcome, err
	}
	s, err := Dial(ctx, ticket.Address(), api.Origin)
	if err != nil {
		return nil, welcome, err
	}
	if welcome, err = Ask[protocol.Welcome](s, protocol.Hello{Action: protocol.ActionHello, Cursors: cursors}); err != nil {
		s.Close()
	}
	return s, welcome, err
}

// Ask sends a frame and waits for its answer; pushes that come before it are dropped. It is for people who
// arrive, before anything is measured: nobody else may read the socket.
func Ask[T any](s *Socket, frame any) (answer T, err error) {
	raw, err := json.Marshal(frame)
	if err != nil {
		return answer, err
	}
	if err := s.Send(raw); err != nil {
		return answer, err
	}
	var buf []byte
	for {
		if buf, err = s.Read(buf); err != nil {
			return answer, err
		}
		switch string(quoted(buf, typeMark)) {
		case protocol.TypeEvents, protocol.TypeWaiting, protocol.TypeTyping, protocol.TypeRead:
			continue
		case protocol.TypeError, "":
			return answer, fmt.Errorf("load: %s was answered with %s", raw, buf)
		}
		return answer, json.Unmarshal(buf, &answer)
	}
}

// late is how long messages may be under way after the last was due.
const late = 10 * time.Second

// Poisson sends messages at a rate for a time: arrivals are independent of answers, and latencies count from
// when a message was due, so that a stall is not hidden by a generator that waits for it. A third of them is said
// by customers, whom the server allows 30 in 10 s; the rest by operators.
func (c *Crowd) Poisson(ctx context.Context, rate float64, d time.Duration) Result {
	b := c.open(int(rate*d.Seconds()*1.3) + 100)
	rng := rand.New(rand.NewPCG(uint64(b.run), 1))
	due, end := 0.0, float64(d)
	for ctx.Err() == nil {
		due += rng.ExpFloat64() / rate * 1e9
		if due >= end {
			break
		}
		if wait := time.Duration(due) - time.Since(b.start); wait > 0 {
			time.Sleep(wait)
		}
		i, ok := b.enter(int64(due))
		if !ok {
			break
		}
		pair := c.Pairs[rng.IntN(len(c.Pairs))]
		lane := pair.Operator
		if rng.IntN(3) == 0 {
			lane = pair.Customer
		}
		lane.say(b, i)
	}
	return c.finish(ctx, b)
}

// Saturate keeps a number of messages under way for a time, each in a conversation of its own, said by operators.
func (c *Crowd) Saturate(ctx context.Context, inFlight int, d time.Duration) Result {
	b := c.open(int(d.Seconds() * 50_000))
	var over atomic.Bool
	again := func(l *Lane) {
		if over.Load() {
			return
		}
		if i, ok := b.enter(b.now()); ok {
			l.say(b, i)
		}
	}
	c.onAck.Store(&again)
	for i := range min(inFlight, len(c.Pairs)) {
		again(c.Pairs[i].Operator)
	}
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
	over.Store(true)
	took, acked := time.Since(b.start), b.acked.Load()
	c.onAck.Store(nil)
	r := c.finish(ctx, b)
	r.Seconds, r.Rate = took.Seconds(), float64(acked)/took.Seconds()
	return r
}

func (c *Crowd) open(n int) *Book {
	c.runs++
	b := NewBook(c.runs, n)
	c.book.Store(b)
	return b
}

// finish waits for what is under way.
func (c *Crowd) finish(ctx context.Context, b *Book) Result {
	sent := min(b.next.Load(), int64(len(b.marks)))
	took := time.Since(b.start)
	for deadline := time.Now().Add(late); time.Now().Before(deadline) && ctx.Err() == nil; time.Sleep(5 * time.Millisecond) {
		if b.acked.Load() == sent && b.seen.Load() == sent {
			break
		}
	}
	return b.result(took)
}
