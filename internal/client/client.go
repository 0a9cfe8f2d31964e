package client

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/parley-chat/parley/internal/chat"
)

// Options of a Client. API and Token, or Keeper, are needed.
type Options struct {
	Settings
	API *API
	// Token of the session that the sockets belong to, unless there is a Keeper of it, who exchanges its tokens.
	Token  string
	Keeper *Keeper
	// Store keeps the outbox over a restart; nil keeps nothing.
	Store Store
	// OnNotice hears what happens, in order. It must not block and must not call the client.
	OnNotice func(Notice)
	// OnFrame sees every frame that is sent or received, also those that tests lose. Same rules.
	OnFrame func(in bool, frame []byte)
	// DialTimeout bounds getting a ticket and opening a socket. Default 15 s.
	DialTimeout time.Duration
}

// Client runs a Machine over real sockets. It is safe for concurrent use.
type Client struct {
	opts   Options
	ctx    context.Context
	cancel context.CancelFunc
	tasks  sync.WaitGroup

	mu      sync.Mutex // guards what follows
	machine *Machine
	sockets map[int]*link
	timer   *time.Timer
	waiters []*waiter
	faults  linkFaults
	err     error
	closed  bool
}

// link is one open socket with the frames that wait to be written.
type link struct {
	conn *websocket.Conn
	out  chan []byte
}

// outQueue is how many frames may wait for a slow socket. A machine has at most one per lane and a few more
// under way; a socket that takes none of them is dead.
const outQueue = 256

type waiter struct {
	cond func(*Machine) bool
	done chan struct{}
}

// New makes a client from what its store kept. It connects with Connect.
func New(opts Options) (*Client, error) {
	if opts.DialTimeout == 0 {
		opts.DialTimeout = 15 * time.Second
	}
	var saved []Entry
	if opts.Store != nil {
		var err error
		if saved, err = opts.Store.Load(); err != nil {
			return nil, err
		}
	}
	renews := opts.Keeper != nil
	if !renews {
		opts.Keeper = NewKeeper(opts.API, Session{Token: opts.Token}, nil)
	}
	c := &Client{opts: opts, sockets: map[int]*link{}, machine: NewMachine(Config{Settings: opts.Settings, Saved: saved, Renews: renews})}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.timer = time.AfterFunc(time.Hour, func() { c.Do((*Machine).Tick) }) // its first action sets the time
	return c, nil
}

// Connect starts connecting and stays connected.
func (c *Client) Connect() { c.Do((*Machine).Connect) }

// Do gives the machine to f, and then carries out what it wants. f must not block. It returns false, and does
// nothing, once the client is closed.
func (c *Client) Do(f func(*Machine)) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	f(c.machine)
	c.perform(c.machine.Actions())
	c.schedule()
	c.wake()
	return true
}

// Err returns why the client stopped working: its store failed. The outbox is then neither saved nor sent.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Until waits until the condition holds. It is evaluated under the client's lock, after every change.
func (c *Client) Until(ctx context.Context, cond func(*Machine) bool) error {
	w := &waiter{cond, make(chan struct{})}
	c.Do(func(*Machine) { c.waiters = append(c.waiters, w) })
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-c.ctx.Done():
		return errors.Join(errors.New("client: closed"), c.Err())
	}
}

// Close ends the client as a process that exits does: sockets are closed, the store keeps the outbox.
func (c *Client) Close() {
	c.mu.Lock()
	if !c.closed {
		c.machine.Disconnect()
		c.perform(c.machine.Actions())
		c.closed = true
	}
	c.timer.Stop()
	c.mu.Unlock()
	c.cancel()
	c.tasks.Wait()
}

// perform carries out actions in their order.
func (c *Client) perform(actions []Action) {
	for _, a := range actions {
		switch a.Kind {
		case Dial:
			c.tasks.Add(1)
			go c.dial(a.Socket, a.Renew)
		case Write:
			c.write(a.Socket, a.Frame)
		case Hangup:
			c.hangup(a.Socket)
		case Save:
			c.save(a.Entries)
		case Tell:
			if c.opts.OnNotice != nil {
				c.opts.OnNotice(a.Notice)
			}
		}
	}
}

// save keeps the outbox. If it cannot, nothing goes out any more: what is sent must survive a restart.
func (c *Client) save(entries []Entry) {
	if c.opts.Store == nil || c.err != nil {
		return
	}
	if c.err = c.opts.Store.Save(entries); c.err != nil {
		c.machine.Disconnect()
	}
}

func (c *Client) write(id int, frame []byte) {
	l := c.sockets[id]
	if l == nil || c.err != nil {
		return
	}
	if c.opts.OnFrame != nil {
		c.opts.OnFrame(false, frame)
	}
	select {
	case l.out <- frame:
	default:
		_ = l.conn.CloseNow() // the reader reports it
	}
}

func (c *Client) hangup(id int) {
	if l := c.sockets[id]; l != nil {
		delete(c.sockets, id)
		close(l.out) // the writer closes the socket
	}
}

func (c *Client) schedule() {
	if d := c.machine.Deadline(); d.IsZero() {
		c.timer.Stop()
	} else {
		c.timer.Reset(max(time.Until(d), 0))
	}
}

// wake ends the waiting of those whose condition holds.
func (c *Client) wake() {
	left := c.waiters[:0]
	for _, w := range c.waiters {
		if w.cond(c.machine) {
			close(w.done)
		} else {
			left = append(left, w)
		}
	}
	clear(c.waiters[len(left):])
	c.waiters = left
}

// dial gets a ticket, opens a socket and reads it to its end.
func (c *Client) dial(id int, renew bool) {
	defer c.tasks.Done()
	conn, err := c.open(renew)
	if err != nil {
		c.Do(func(m *Machine) { failedDial(m, id, err) })
		return
	}
	l := &link{conn: conn, out: make(chan []byte, outQueue)}
	c.tasks.Add(1)
	go c.writer(l)
	open := c.Do(func(m *Machine) {
		c.sockets[id] = l
		m.Opened(id)
	})
	if !open {
		close(l.out)
	}
	c.read(id, l)
}

// failedDial gives up when the session is not good any more; else the machine tries again.
func failedDial(m *Machine, id int, err error) {
	var refused *chat.Error
	if errors.As(err, &refused) && (refused.Code == chat.CodeUnauthenticated || refused.Code == chat.CodeForbidden) {
		m.Rejected(id, refused.Code)
		return
	}
	m.Closed(id)
}

// open opens a socket with a ticket of its own: tickets are good for once.
func (c *Client) open(renew bool) (*websocket.Conn, error) {
	ctx, cancel := context.WithTimeout(c.ctx, c.opts.DialTimeout)
	defer cancel()
	if renew {
		if err := c.opts.Keeper.Renew(ctx); err != nil {
			return nil, err
		}
	}
	var ticket Ticket
	err := c.opts.Keeper.Do(ctx, func(token string) (err error) {
		ticket, err = c.opts.API.Ticket(ctx, token)
		return err
	})
	if err != nil {
		return nil, err
	}
	options := &websocket.DialOptions{HTTPClient: c.opts.API.HTTP, HTTPHeader: http.Header{"Origin": {c.opts.API.Origin}}}
	conn, _, err := websocket.Dial(ctx, ticket.Address(), options) //nolint:bodyclose // Dial documents that there is none to close
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(chat.MaxFrame)
	return conn, nil
}

func (c *Client) read(id int, l *link) {
	for {
		_, frame, err := l.conn.Read(c.ctx)
		if err != nil {
			_ = l.conn.CloseNow()
			c.Do(func(m *Machine) {
				m.Closed(id)
				c.hangup(id)
			})
			return
		}
		c.received(id, frame)
	}
}

func (c *Client) received(id int, frame []byte) {
	c.Do(func(m *Machine) {
		if c.opts.OnFrame != nil {
			c.opts.OnFrame(true, frame)
		}
		if !c.faults.loses(frame) {
			m.Received(id, frame)
		}
	})
}

// closePatience bounds waiting for the other side's close frame.
const closePatience = time.Second

// writer writes frames until the link is hung up, and then closes it with a handshake.
func (c *Client) writer(l *link) {
	defer c.tasks.Done()
	for frame := range l.out {
		if err := l.conn.Write(c.ctx, websocket.MessageText, frame); err != nil {
			_ = l.conn.CloseNow() // the reader reports it
		}
	}
	stop := time.AfterFunc(closePatience, func() { _ = l.conn.CloseNow() })
	defer stop.Stop()
	_ = l.conn.Close(websocket.StatusNormalClosure, "")
}
