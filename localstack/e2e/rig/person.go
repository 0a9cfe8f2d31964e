package rig

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/client"
	"github.com/parley-chat/parley/localstack/e2e/history"
)

// Person is somebody with a client that survives restarts with its outbox. One goroutine at a time may use it.
type Person struct {
	history.Client
	Space   *Space
	Session client.Session

	scene  *Scene
	api    *client.API
	opts   client.Options
	client *client.Client
	// watched are the views of the live desk that are open in every life of the client.
	watched []chat.DeskView

	welcomes atomic.Int64
}

// Fast are settings for tests that lose things: what is lost is noticed within seconds. Pings are as rare as in
// life, so that only pushes and hellos bring news.
func Fast() client.Settings {
	return client.Settings{Answer: 2 * time.Second, Gap: 100 * time.Millisecond, RetryBase: 30 * time.Millisecond, RetryCap: time.Second,
		ConnectBase: 30 * time.Millisecond, ConnectCap: time.Second}
}

// Pinging is Fast with frequent pings: what no push brings, a ping does.
func Pinging(every time.Duration) client.Settings {
	s := Fast()
	s.Ping = every
	return s
}

// Customer makes a new customer and connects. No fault must be set yet: nobody retries the making of a session.
func (sc *Scene) Customer(ctx context.Context, s *Space, settings client.Settings, store client.Store) (*Person, error) {
	session, err := s.api.StartCustomer(ctx, s.WidgetKey, "")
	if err != nil {
		return nil, fmt.Errorf("rig: customer: %w", err)
	}
	return sc.join(ctx, s, session, settings, store)
}

// Operator signs in and connects.
func (sc *Scene) Operator(ctx context.Context, s *Space, i int, settings client.Settings, store client.Store) (*Person, error) {
	m := s.Operators[i]
	session, err := s.api.SignIn(ctx, m.Email, m.Password)
	if err != nil {
		return nil, fmt.Errorf("rig: operator: %w", err)
	}
	return sc.join(ctx, s, session, settings, store)
}

// Tab opens another client of the same session.
func (sc *Scene) Tab(ctx context.Context, p *Person, settings client.Settings) (*Person, error) {
	return sc.join(ctx, p.Space, p.Session, settings, nil)
}

func (sc *Scene) join(ctx context.Context, s *Space, session client.Session, settings client.Settings, store client.Store) (*Person, error) {
	if store == nil {
		store = &client.MemoryStore{}
	}
	api := *s.api
	p := &Person{Space: s, Session: session, scene: sc, api: &api, opts: client.Options{Settings: settings, API: &api, Token: session.Token, Store: store}}
	p.Client = sc.Join(history.Client{Workspace: s.ID, User: session.User, Staff: session.Role.Staff(), Marker: s.Marker})
	p.opts.OnNotice = p.noted
	if err := p.open(); err != nil {
		return nil, err
	}
	sc.mu.Lock()
	sc.people = append(sc.people, p)
	sc.mu.Unlock()
	return p, p.Ready(ctx)
}

func (p *Person) open() (err error) {
	p.opts.OnFrame = p.scene.Frames(p.Client).Frame
	if p.client, err = client.New(p.opts); err != nil {
		return err
	}
	if len(p.watched) > 0 {
		p.client.Do(func(m *client.Machine) { m.Watch(p.watched) })
	}
	p.client.Connect()
	return nil
}

// Ready waits for a welcome.
func (p *Person) Ready(ctx context.Context) error {
	return p.until(ctx, "welcomed", (*client.Machine).Ready)
}

func (p *Person) until(ctx context.Context, what string, cond func(*client.Machine) bool) error {
	if err := p.client.Until(ctx, cond); err != nil {
		return fmt.Errorf("client %d is not %s: %w", p.Number, what, err)
	}
	return nil
}

func (p *Person) noted(n client.Notice) {
	k := history.Key{Conversation: n.Conversation, Track: n.Track}
	switch n.Kind {
	case client.Acked:
		p.scene.Acked(k, n.ID, n.Seq, n.Duplicate)
	case client.Refused:
		p.scene.Refused(k, n.ID, n.Code)
	case client.Learned:
		p.scene.Learned(p.Number, k, n.Events)
	case client.Reloaded:
		p.scene.Reloaded(p.Number, n.Conversation)
	case client.Connected:
		p.welcomes.Add(1)
	default:
	}
}

// Welcomes counts the sockets that were welcomed so far.
func (p *Person) Welcomes() int64 { return p.welcomes.Load() }

// Do gives the machine to f.
func (p *Person) Do(f func(*client.Machine)) { p.client.Do(f) }

// Drop cuts the sockets without a close frame. The client finds out and reconnects.
func (p *Person) Drop() { p.client.Drop() }

// MutePushes loses pushes of events while it is set.
func (p *Person) MutePushes(on bool) { p.client.MutePushes(on) }

// LoseAcks loses the next n acknowledgements.
func (p *Person) LoseAcks(n int) { p.client.LoseAcks(n) }

// Restart ends the client as a process that dies, and starts it again with nothing but its outbox.
func (p *Person) Restart() error {
	p.client.Drop()
	p.client.Close()
	p.scene.Restarted(p.Number)
	return p.open()
}

// Text marks a text as this workspace's.
func (p *Person) Text(text string) string { return p.Space.Marker + " " + text }

func (p *Person) op(id chat.ConversationID, t chat.Track, event chat.EventID, typ chat.EventType) history.Op {
	return history.Op{Key: history.Key{Conversation: id, Track: t}, Client: p.Number, ID: event, Type: typ}
}

// Start begins a conversation. It does not wait.
func (p *Person) Start(texts ...string) (id chat.ConversationID, err error) {
	for i := range texts {
		texts[i] = p.Text(texts[i])
	}
	p.Do(func(m *client.Machine) {
		var ids []chat.EventID
		if id, ids, err = m.Start("", texts...); err == nil {
			p.scene.mu.Lock()
			p.scene.where[id] = p.Space
			p.scene.mu.Unlock()
			p.begin(id, chat.Public, chat.EventMessage, ids, texts)
		}
	})
	return id, err
}

func (p *Person) begin(id chat.ConversationID, t chat.Track, typ chat.EventType, ids []chat.EventID, texts []string) {
	ops := make([]history.Op, len(ids))
	for i := range ids {
		ops[i] = p.op(id, t, ids[i], typ)
		ops[i].Text = texts[i]
	}
	p.scene.Begin(ops...)
}

// Send queues messages, or notes on the desk track.
func (p *Person) Send(id chat.ConversationID, t chat.Track, texts ...string) (err error) {
	for i := range texts {
		texts[i] = p.Text(texts[i])
	}
	typ := chat.EventMessage
	if t == chat.Desk {
		typ = chat.EventNote
	}
	p.Do(func(m *client.Machine) {
		var ids []chat.EventID
		if ids, err = m.Send(id, t, texts...); err == nil {
			p.begin(id, t, typ, ids, texts)
		}
	})
	return err
}

// Edit queues a new text for one's own message; Delete its withdrawal.
func (p *Person) Edit(id chat.ConversationID, t chat.Track, target uint64, text string) error {
	text = p.Text(text)
	return p.command(id, t, chat.EventEdited, func(m *client.Machine, op *history.Op) (err error) {
		op.Target, op.Text = target, text
		op.ID, err = m.Edit(id, t, target, text)
		return err
	})
}

// Delete queues the withdrawal of a message.
func (p *Person) Delete(id chat.ConversationID, t chat.Track, target uint64) error {
	return p.command(id, t, chat.EventDeleted, func(m *client.Machine, op *history.Op) (err error) {
		op.Target = target
		op.ID, err = m.Delete(id, t, target)
		return err
	})
}

// Take queues the taking of a waiting conversation.
func (p *Person) Take(id chat.ConversationID) error {
	return p.command(id, chat.Public, chat.EventAssigned, func(m *client.Machine, op *history.Op) (err error) {
		op.ID, err = m.Join(id)
		return err
	})
}

// End queues the closing of a conversation.
func (p *Person) End(id chat.ConversationID) error {
	return p.command(id, chat.Public, chat.EventClosed, func(m *client.Machine, op *history.Op) (err error) {
		op.ID, err = m.Close(id, "done")
		return err
	})
}

// Reopen queues the taking up of a closed conversation.
func (p *Person) Reopen(id chat.ConversationID) error {
	return p.command(id, chat.Public, chat.EventReopened, func(m *client.Machine, op *history.Op) (err error) {
		op.ID, err = m.Reopen(id, "again")
		return err
	})
}

func (p *Person) command(id chat.ConversationID, t chat.Track, typ chat.EventType, queue func(*client.Machine, *history.Op) error) (err error) {
	p.Do(func(m *client.Machine) {
		op := p.op(id, t, "", typ)
		if err = queue(m, &op); err == nil {
			p.scene.Begin(op)
		}
	})
	return err
}

// Acked waits until everything queued is acknowledged or refused, and returns the refusals.
func (p *Person) Acked(ctx context.Context) (refused []client.Entry, err error) {
	err = p.until(ctx, "through with its outbox", func(m *client.Machine) bool { return m.Pending() == 0 })
	p.Do(func(m *client.Machine) { refused = m.Outbox() })
	return refused, err
}

// Discard forgets what was refused, as a user does who has seen it.
func (p *Person) Discard() (refused int) {
	p.Do(func(m *client.Machine) {
		for _, e := range m.Outbox() {
			if e.Failed != "" && m.Discard(e.ID) {
				refused++
			}
		}
	})
	return refused
}

// ReadLog reads a page of a log over HTTP, for the judgement; an error is nobody's concern.
func (p *Person) ReadLog(ctx context.Context, id chat.ConversationID, t chat.Track, after uint64) error {
	begin := p.scene.ReadBegin()
	page, err := p.api.Events(ctx, p.Session.Token, id, t, after)
	if err != nil {
		return err
	}
	p.scene.ReadEnd(history.Read{Key: history.Key{Conversation: id, Track: t}, After: min(after, page.Head), IDs: history.IDs(page.Events), Head: page.Head, Begin: begin})
	return nil
}

// Until waits until the condition holds for the machine.
func (p *Person) Until(ctx context.Context, cond func(*client.Machine) bool) error {
	return p.until(ctx, "where it should be", cond)
}
