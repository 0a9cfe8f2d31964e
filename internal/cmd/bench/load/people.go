package load

import (
	"bytes"
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

// Sessions makes n customers that are not connected.
func Sessions(ctx context.Context, w *world.World, space world.Workspace, n int) ([]string, error) {
	tokens := make([]string, n)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for i := range tokens {
		g.Go(func() error {
			s, err := w.API(space).StartCustomer(ctx, space.WidgetKey, "")
			tokens[i] = s.Token
			return err
		})
	}
	return tokens, g.Wait()
}

// Connect opens a socket for each token, 64 side by side, and leaves them open: a ticket, a handshake, a hello.
func Connect(ctx context.Context, api *client.API, tokens []string) ([]*Socket, error) {
	sockets := make([]*Socket, len(tokens))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(64)
	for i, token := range tokens {
		g.Go(func() (err error) { sockets[i], _, err = Enter(ctx, api, token, nil); return err })
	}
	err := g.Wait()
	return sockets, err
}

// CloseAll closes sockets; nil ones are skipped.
func CloseAll(sockets []*Socket) {
	for _, s := range sockets {
		if s != nil {
			s.Close()
		}
	}
}

// StormResult says how clients that all come back at once fared.
type StormResult struct {
	Clients int `json:"clients"`
	Missed  int `json:"missedEach"`
	// All is when the last was caught up.
	All   float64   `json:"allSeconds"`
	Each  Quantiles `json:"eachMs"`
	Holes int       `json:"holes"` // clients whose welcome did not hold what they missed
	// Retries is how often a client was turned away and came again after a jittered pause, as real ones do.
	Retries int `json:"retries"`
}

// Storm lets all customers of a crowd miss some messages, and come back at once.
func (c *Crowd) Storm(ctx context.Context, missed int) (StormResult, error) {
	for _, p := range c.Pairs {
		p.Customer.peer.socket.Close()
	}
	if err := c.sayAll(ctx, missed); err != nil {
		return StormResult{}, err
	}
	r := StormResult{Clients: len(c.Pairs), Missed: missed}
	took := make([]time.Duration, len(c.Pairs))
	sockets := make([]*Socket, len(c.Pairs))
	var holes, retries atomic.Int64
	start := time.Now()
	g, gctx := errgroup.WithContext(ctx)
	for i, p := range c.Pairs {
		g.Go(func() error {
			had := p.Customer.last()
			s, welcome, n, err := insist(gctx, c.api, p.token, map[chat.ConversationID]protocol.Cursor{p.Customer.conversation: {Public: had}})
			retries.Add(int64(n))
			if err != nil {
				return err
			}
			took[i], sockets[i] = time.Since(start), s
			if !complete(welcome, had, missed) {
				holes.Add(1)
			}
			return nil
		})
	}
	err := g.Wait()
	r.All, r.Each, r.Holes, r.Retries = time.Since(start).Seconds(), QuantilesOf(took), int(holes.Load()), int(retries.Load())
	CloseAll(sockets)
	return r, err
}

// maxTries is how often a client comes again: the pauses add up to half a minute on average.
const maxTries = 12

// insist enters, again and again with full jitter when it is turned away.
func insist(ctx context.Context, api *client.API, token string, cursors map[chat.ConversationID]protocol.Cursor) (*Socket, protocol.Welcome, int, error) {
	for try := 0; ; try++ {
		s, w, err := Enter(ctx, api, token, cursors)
		if err == nil || try == maxTries || ctx.Err() != nil {
			return s, w, try, err
		}
		time.Sleep(rand.N(min(5*time.Second, 250*time.Millisecond<<try)))
	}
}

// sayAll lets every operator say n messages in each conversation, 64 conversations side by side, and waits for
// the acknowledgements.
func (c *Crowd) sayAll(ctx context.Context, n int) error {
	b := c.open(n * len(c.Pairs))
	for i, p := range c.Pairs {
		p.Operator.mu.Lock()
		for range n {
			if i, ok := b.enter(b.now()); ok {
				p.Operator.queue = append(p.Operator.queue, i)
			}
		}
		p.Operator.next(b)
		p.Operator.mu.Unlock()
		if err := b.wait(ctx, int64(n*max(0, i-63))); err != nil {
			return err
		}
	}
	return b.wait(ctx, int64(n*len(c.Pairs)))
}

// wait waits until so many messages are acknowledged.
func (b *Book) wait(ctx context.Context, acked int64) error {
	for deadline := time.Now().Add(time.Minute); b.acked.Load() < acked; time.Sleep(time.Millisecond) {
		if ctx.Err() != nil || time.Now().After(deadline) {
			return fmt.Errorf("load: %d of %d messages acknowledged: %v", b.acked.Load(), acked, b.result(time.Second).Errors)
		}
	}
	return nil
}

// complete says whether a welcome holds exactly the events behind a seq.
func complete(w protocol.Welcome, had uint64, missed int) bool {
	if len(w.Conversations) != 1 || len(w.Conversations[0].Public.Events) != missed || w.Conversations[0].Public.Limited {
		return false
	}
	for i, e := range w.Conversations[0].Public.Events {
		if e.Seq != had+uint64(i)+1 {
			return false
		}
	}
	return true
}

// FanoutResult says how long one message took to many listeners.
type FanoutResult struct {
	Listeners int `json:"listeners"`
	Messages  int `json:"messages"`
	// Last is the time to the last listener, median and worst of the messages; Each that to any listener.
	Last   Quantiles `json:"lastMs"`
	Each   Quantiles `json:"eachMs"`
	Missed int       `json:"missed"` // deliveries that did not come within 10 s
}

// tabsEach is how many sockets a person opens: one may ask for 600 tickets a minute.
const tabsEach = 500

// fan is one conversation with many listeners: the tabs of the admins who watch it.
type fan struct {
	sockets []*Socket
	started time.Time
	mu      sync.Mutex
	id      []byte           // of the message that is under way
	heard   map[*Socket]bool // who has it: a push may come twice
	took    []time.Duration
	all     chan struct{}
	tasks   sync.WaitGroup
}

// Fanout opens n sockets that watch one conversation, lets its operator say messages one after the other, and waits
// for each to reach all. before is called when everybody is there, and waits until they have been told of each other.
func Fanout(ctx context.Context, w *world.World, n, messages int, before func() error) (FanoutResult, error) {
	r := FanoutResult{Listeners: n, Messages: messages}
	space, err := w.Seed(ctx, 1)
	if err != nil {
		return r, err
	}
	c := &Crowd{Pairs: make([]Pair, 1), api: w.API(space)}
	if c.Pairs[0], err = c.customer(ctx, w, space); err != nil {
		return r, err
	}
	if err := c.operator(ctx, w, space, space.Operators[0], c.Pairs); err != nil {
		return r, err
	}
	pair := c.Pairs[0]
	defer pair.Customer.peer.socket.Close()
	defer pair.Operator.peer.socket.Close()
	f := &fan{}
	defer f.close()
	for len(f.sockets) < n {
		token, err := c.watcher(ctx, w, space, pair)
		if err != nil {
			return r, err
		}
		if err := f.open(ctx, c.api, token, pair, min(tabsEach, n-len(f.sockets))); err != nil {
			return r, err
		}
	}
	f.start()
	if err := before(); err != nil {
		return r, err
	}
	var last, each []time.Duration
	for range messages {
		took, err := f.say(ctx, pair.Operator)
		if err != nil {
			return r, err
		}
		r.Missed += n - len(took)
		if len(took) > 0 {
			last, each = append(last, took[len(took)-1]), append(each, took...)
		}
	}
	r.Last, r.Each = QuantilesOf(last), QuantilesOf(each)
	return r, nil
}

// watcher makes an admin who watches the pair's conversation.
func (c *Crowd) watcher(ctx context.Context, w *world.World, space world.Workspace, pair Pair) (token string, err error) {
	m, err := w.AddAdmin(ctx, space)
	if err != nil {
		return "", err
	}
	session, err := c.api.SignIn(ctx, m.Email, m.Password)
	if err != nil {
		return "", err
	}
	socket, _, err := Enter(ctx, c.api, session.Token, nil)
	if err != nil {
		return "", err
	}
	defer socket.Close()
	_, err = Ask[protocol.Ack](socket, protocol.Watch{Action: protocol.ActionWatch, Conversation: pair.Operator.conversation, ID: newMessage().ID})
	return session.Token, err
}

// open opens n more sockets.
func (f *fan) open(ctx context.Context, api *client.API, token string, pair Pair, n int) error {
	sockets := make([]*Socket, n)
	cursors := map[chat.ConversationID]protocol.Cursor{pair.Operator.conversation: {Public: pair.Operator.seq}}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for i := range sockets {
		g.Go(func() (err error) { sockets[i], _, err = Enter(gctx, api, token, cursors); return err })
	}
	err := g.Wait()
	f.sockets = append(f.sockets, sockets...) // closed with the others, whatever came of it
	return err
}

// start listens to all sockets.
func (f *fan) start() {
	for _, s := range f.sockets {
		f.tasks.Add(1)
		go f.listen(s)
	}
}

func (f *fan) listen(s *Socket) {
	defer f.tasks.Done()
	var buf []byte
	var err error
	for {
		if buf, err = s.Read(buf); err != nil {
			return
		}
		if string(quoted(buf, typeMark)) == protocol.TypeEvents {
			f.arrived(s, buf)
		}
	}
}

// arrived notes a frame, unless it tells of something else: that another watches now may still be told to thousands.
func (f *fan) arrived(s *Socket, frame []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.id) == 0 || f.heard[s] || !bytes.Contains(frame, f.id) {
		return
	}
	f.heard[s] = true
	f.took = append(f.took, time.Since(f.started))
	if len(f.took) == len(f.sockets) {
		close(f.all)
	}
}

// say says one message and returns when it arrived, in order of arrival.
func (f *fan) say(ctx context.Context, l *Lane) ([]time.Duration, error) {
	m := newMessage()
	f.mu.Lock()
	f.id, f.heard = []byte(m.ID), map[*Socket]bool{}
	f.took, f.all, f.started = make([]time.Duration, 0, len(f.sockets)), make(chan struct{}), time.Now()
	all := f.all
	f.mu.Unlock()
	send := protocol.Send{Action: protocol.ActionSend, Conversation: l.conversation, After: l.seq, Messages: []protocol.NewMessage{m}}
	ack, err := Ask[protocol.Ack](l.peer.socket, send)
	if err != nil {
		return nil, err
	}
	l.seq = ack.Head
	timer := time.NewTimer(late)
	defer timer.Stop()
	select {
	case <-all:
	case <-timer.C:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.took, nil
}

func (f *fan) close() {
	CloseAll(f.sockets)
	f.tasks.Wait()
}

// Bytes returns the size of the frame that one message makes, for the record.
func Bytes() int {
	b, err := json.Marshal(protocol.Send{Action: protocol.ActionSend, Conversation: chat.ConversationID(chat.NewID(chat.ConversationPrefix, time.Now())), Messages: []protocol.NewMessage{newMessage()}})
	if err != nil {
		return 0 // it always encodes
	}
	return len(b)
}
